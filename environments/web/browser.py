"""Finds a Chromium, launches it once, and gives every episode a context of its own.

    async with launch() as chromium:
        opened = await chromium.open(Kind(Rules(origins=("http://127.0.0.1:8000",))))
        await opened.tab.page.goto("http://127.0.0.1:8000/")

The browser hangs on a pipe of this process or of Playwright's driver, so it ends with it even when that is killed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from environments.contracts import EnvironmentFailure
from environments.web.guard import Rules, restrict
from environments.web.mouse import move
from environments.web.settle import CLOCK_JS, PAGE_SCRIPT
from environments.web.tab import BrowserTab, PageGone, PageLeft
from environments.web.wire import Wire, strung
from sandbox import MissingDependencyError

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext

__all__ = ["Chromium", "Clock", "FoundBrowser", "Kind", "Opened", "Viewport", "find_browser", "launch"]

VARIABLE = "AGENTKIT_CHROMIUM"
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PLAYWRIGHT_BUILDS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless*shell",
)
MENDING = (
    "install one with `apt-get install chromium` (Debian, Ubuntu) or `playwright install chromium`, "
    f"or set {VARIABLE} to the path of one"
)
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-auto-reload",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-site-isolation-trials",  # frames of other origins stay in the tab's process: fewer processes to wait for
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # peer connections obey the guard's proxy too
    "--no-first-run",
)

UNSEEN_FLAGS = ("--kiosk",)
"""Without a head: no bubble with the address of the link under the mouse, which costs as much as a small page."""
UNSEEN = 1 / 8
"""Scale at which a view is drawn that nobody looks at, which saves most of the drawing. A power of two, so that places
come out exactly."""


class Viewport(NamedTuple):
    """Size of the page area in CSS pixels."""

    width: int = 1280
    height: int = 720


DESKTOP = Viewport()


Clock = Literal["real", "virtual"]
"""`virtual`: the page's timers, animations and dates stand still between steps, and pass as fast as they can within
one; see `clock.js`. For pages that are not in touch with anything outside."""


class Kind(NamedTuple):
    """What contexts must have in common to stand in for each other."""

    rules: Rules
    viewport: Viewport = DESKTOP
    clock: Clock = "real"


class Opened(NamedTuple):
    """A context with one tab, for one episode at a time."""

    context: BrowserContext
    tab: BrowserTab


@dataclass(frozen=True, slots=True)
class FoundBrowser:
    """A Chromium on this machine."""

    path: Path
    source: str
    """How it was found: the environment variable, the command path, or Playwright's own folder."""

    def version(self) -> str:
        """What the browser says of itself, such as `Chromium 156.0.8078.79`; empty when it does not start."""
        with suppress(OSError, subprocess.TimeoutExpired):
            reply = subprocess.run([self.path, "--version"], capture_output=True, text=True, timeout=20, check=False)
            return reply.stdout.strip()
        return ""


def find_browser() -> FoundBrowser | None:
    """Return the browser that will be used, or None when there is none.

    Looks at AGENTKIT_CHROMIUM first, then for Chromium or Chrome on the command path, then for Playwright's own.

    Raises:
        MissingDependencyError: AGENTKIT_CHROMIUM names no program.
    """
    if wanted := os.environ.get(VARIABLE):
        if not (program := shutil.which(wanted)):
            raise MissingDependencyError(f"{VARIABLE} is {wanted!r}, which is no program; correct or unset it")
        return FoundBrowser(Path(program), VARIABLE)
    for command in COMMANDS + MAC_APPLICATIONS:
        if program := shutil.which(command):
            return FoundBrowser(Path(program), "command path")
    for folder in _playwright_folders():
        for pattern in PLAYWRIGHT_BUILDS:
            if builds := sorted(folder.glob(pattern)):
                return FoundBrowser(builds[-1], "playwright")
    return None


def _playwright_folders() -> list[Path]:
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return [Path(chosen)]
    return [Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "ms-playwright"]


class Chromium:
    """One running browser. Made by `launch`; many episodes share it, each in its own context."""

    def __init__(self, browser: Browser, *, dead_proxy: str, wire: Wire | None = None, scale: float = 1.0) -> None:
        self.browser = browser
        self._wire, self._scale = wire, scale
        self._dead_proxy = dead_proxy
        self._spares: dict[Kind, asyncio.Task[Opened]] = {}
        self._wiped: dict[Kind, list[asyncio.Task[Opened]]] = {}
        self._closing = False

    @property
    def alive(self) -> bool:
        """False once the browser has ended, whatever the reason."""
        return self.browser.is_connected()

    async def open(self, kind: Kind, *, spare: bool = False) -> Opened:
        """Return a context with one tab to begin in: one that was wiped, one prepared, or a new one.

        With `spare`, the next new one of this kind is prepared in the background, which hides the time it takes.

        Raises:
            EnvironmentFailure: the browser has ended.
        """
        from playwright.async_api import Error

        while self.alive and self._wiped.get(kind):
            with suppress(Error, EnvironmentFailure, PageLeft, PageGone):  # one that could not be wiped is passed over
                opened = await self._wiped[kind].pop()
                await opened.tab.send("Emulation.setScriptExecutionDisabled", value=False)
                return opened
        prepared = self._spares.pop(kind, None)
        if not self.alive:
            raise EnvironmentFailure("the browser has ended; open the suite again")
        opened = await (prepared or self._make(kind))
        if spare and not self._closing:
            self._spares[kind] = asyncio.create_task(self._make(kind))
        return opened

    def take_back(self, opened: Opened, kind: Kind) -> None:
        """Wipe a context in the background and keep it for the next episode under the same rules.

        Cookies, storage, cache and the mouse are reset; the old page stands still until the next one replaces it, which
        costs a third less than a blank one between them. `sessionStorage` is cleared for the document in front only, so
        this suits pages of one origin that do not lean on it.
        """
        if not self._closing:
            self._wiped.setdefault(kind, []).append(asyncio.create_task(_wiped(opened, kind.rules)))

    async def _make(self, kind: Kind) -> Opened:
        context = await self.browser.new_context(
            viewport={"width": kind.viewport.width, "height": kind.viewport.height},
            proxy=kind.rules.proxy(self._dead_proxy),
            service_workers="block",
            accept_downloads=True,
            locale="en-US",
            timezone_id="UTC",
        )
        await context.add_init_script(CLOCK_JS + PAGE_SCRIPT if kind.clock == "virtual" else PAGE_SCRIPT)
        await restrict(context, kind.rules)
        return Opened(context, await BrowserTab.attach(await context.new_page(), wire=self._wire, scale=self._scale))

    async def close(self) -> None:
        """End the browser and everything open in it. Harmless when done twice."""
        self._closing = True
        waiting = [*self._spares.values(), *(task for tasks in self._wiped.values() for task in tasks)]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)
        await self.browser.close()


async def _wiped(opened: Opened, rules: Rules) -> Opened:
    context, tab = opened
    try:
        await tab.evaluate("try { localStorage.clear(); sessionStorage.clear(); window.name = '' } catch {}")
        await tab.send("Emulation.setScriptExecutionDisabled", value=True)
        await move(tab, (-1, -1))
        await context.clear_cookies()
        for origin in rules.origins or ():
            await tab.send("Storage.clearDataForOrigin", origin=origin, storageTypes="all")
        await tab.send("Network.clearBrowserCache")
    except BaseException:
        await context.close()
        raise
    tab.forget()
    return opened


@asynccontextmanager
async def launch(*, headless: bool = True) -> AsyncIterator[Chromium]:
    """Start the browser, and end it on the way out, on cancellation too.

    Raises:
        MissingDependencyError: there is no browser, with the commands that install one.
        EnvironmentFailure: it does not start; the message ends with what it printed.
    """
    found = find_browser()
    if found is None:
        raise MissingDependencyError(f"no Chromium found: {MENDING}")
    from playwright.async_api import async_playwright

    with socket.socket() as reserved:
        # A port that is bound and never listened on refuses every connection, and nobody else can take it.
        reserved.bind(("127.0.0.1", 0))
        async with async_playwright() as playwright, strung(found.path) as wire:
            program = wire.program if wire else found.path
            browser = await _start(
                partial(playwright.chromium.launch, executable_path=program), found, headless=headless
            )
            if wire:
                wire.tidy()
            dead_proxy = f"http://127.0.0.1:{reserved.getsockname()[1]}"
            scale = UNSEEN if headless else 1.0
            chromium = Chromium(browser, dead_proxy=dead_proxy, wire=wire, scale=scale)
            try:
                yield chromium
            finally:
                await asyncio.shield(asyncio.ensure_future(chromium.close()))


async def _start(launcher: Callable[..., Awaitable[Browser]], found: FoundBrowser, *, headless: bool) -> Browser:
    """Launch with the browser's own sandbox where it works: not for root, not in most containers."""
    from playwright.async_api import Error

    flags = (*FLAGS, *(UNSEEN_FLAGS if headless else ()))
    sandboxed = [True, False] if getattr(os, "geteuid", lambda: 1)() != 0 else [False]
    failure = ""
    for sandbox in sandboxed:
        try:
            return await launcher(headless=headless, args=flags, chromium_sandbox=sandbox, handle_sigint=False)
        except Error as error:
            failure = error.message
            if "sandbox" not in failure.lower():
                break
    raise EnvironmentFailure(f"{found.path} does not start; {MENDING}\n{failure[-1500:]}")
