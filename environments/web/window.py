"""What one episode has open in the browser: its tabs, its downloads, and what happened that the agent must hear of.

Standing policies, each told to the agent as an event when it applies: alerts are accepted; confirmations and questions
are accepted with the page's default text (or dismissed, by `dialogs="dismiss"`); leaving a page is never refused; a new
window becomes a tab in front; a tab that crashes or hangs is replaced by a blank one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from environments.contracts import EnvironmentFailure
from environments.web.browser import Opened
from environments.web.guard import REFUSED_BY_GUARD, Rules, clean_file_name
from environments.web.outline import Tab
from environments.web.tab import BrowserTab

if TYPE_CHECKING:
    from playwright.async_api import Dialog, Download, Page, Request

    from environments.contracts import JSON

__all__ = ["DialogPolicy", "Window"]

DialogPolicy = Literal["accept", "dismiss"]
MAX_EVENTS = 12
"""Events told per observation; of more, the number is told."""


class Window:
    """The tabs of one context, one of them in front."""

    def __init__(self, opened: Opened, rules: Rules, *, dialogs: DialogPolicy, answer_within_s: float = 15.0) -> None:
        self.context, self.rules = opened.context, rules
        self.tabs: list[BrowserTab] = []
        self.front_index = 0
        self.pristine = True
        """While nothing has been opened or lost besides the first tab."""
        self._wire, self._scale = opened.tab.wire, opened.tab.scale
        self._dialogs = dialogs
        self._answer_within_s = answer_within_s
        self._events: dict[str, None] = {}
        self._opened: list[Page] = []
        self._downloads: set[asyncio.Task[None]] = set()
        self._folder = tempfile.TemporaryDirectory(prefix="agentkit-downloads-")
        self.context.on("dialog", self._on_dialog)
        self.context.on("page", self._on_page)
        self.context.on("requestfailed", self._on_failed)
        self._take_in(opened.tab)

    @property
    def front(self) -> BrowserTab:
        return self.tabs[self.front_index]

    @property
    def folder(self) -> Path:
        """Where downloads of this episode lie; removed with it."""
        return Path(self._folder.name)

    def listed(self) -> list[Tab]:
        """The tabs as an observation shows them; empty while there is only one."""
        if len(self.tabs) == 1:
            return []
        front = self.front_index
        return [Tab(i, tab.title, tab.page.url, i == front) for i, tab in enumerate(self.tabs)]

    # ---- events

    def tell(self, event: str) -> None:
        """Keep something for the next observation; the same words are told once."""
        self._events.setdefault(event)

    def take_events(self) -> list[str]:
        """What happened since the last call, in order."""
        for tab in self.tabs:
            for error in tab.errors:
                if not any(word in error for word in REFUSED_BY_GUARD):
                    self.tell(f"browser: {error}")
                elif "WebSocket" in error:
                    self.tell(f"blocked, outside what is allowed here: {error.split(' failed')[0]}")
            tab.errors.clear()
        events, self._events = list(self._events), {}
        rest = len(events) - MAX_EVENTS
        return events if rest <= 0 else [*events[:MAX_EVENTS], f"and {rest} more of the kind"]

    async def _on_dialog(self, dialog: Dialog) -> None:
        from playwright.async_api import Error

        accepted = dialog.type in ("alert", "beforeunload") or self._dialogs == "accept"
        words = f"{dialog.type} dialog {dialog.message[:300]!r} was {'accepted' if accepted else 'dismissed'}"
        if dialog.type == "prompt" and accepted:
            words += f" with {dialog.default_value!r}"
        self.tell(words)
        with suppress(Error):  # the page may close before it is answered
            await (dialog.accept(dialog.default_value) if accepted else dialog.dismiss())

    def _on_page(self, page: Page) -> None:
        self._opened.append(page)

    def _on_failed(self, request: Request) -> None:
        failure = request.failure or ""
        if any(word in failure for word in REFUSED_BY_GUARD):
            self.tell(f"blocked, outside what is allowed here: {request.method} {request.url[:200]}")
        elif request.is_navigation_request() and "ERR_ABORTED" not in failure:
            self.tell(f"could not open {request.url[:200]}: {failure}")

    # ---- tabs

    def _take_in(self, tab: BrowserTab) -> None:
        """Make a tab the last one, and put it in front."""
        tab.page.on("download", self._on_download)
        self.tabs.append(tab)
        self.front_index = len(self.tabs) - 1

    async def open_tab(self) -> None:
        """A new blank tab in front."""
        self.pristine = False
        self._take_in(await BrowserTab.attach(await self.context.new_page(), wire=self._wire, scale=self._scale))

    async def focus(self, index: int) -> str:
        """Put a tab in front. Returns what was wrong, or nothing."""
        if not 0 <= index < len(self.tabs):
            return f"no tab {index}; there are tabs 0 to {len(self.tabs) - 1}"
        self.front_index = index
        await self.front.page.bring_to_front()
        return ""

    async def close_front(self) -> None:
        """Close the tab in front; after the last one comes a blank one."""
        await self.front.page.close()
        await self._drop_closed()

    async def replace_front(self, reason: str) -> None:
        """Give up the tab in front, which crashed or hangs."""
        self.tell(f"the tab at {self.front.page.url} {reason}; a blank tab has taken its place")
        lost = self.front
        await self.open_tab()
        self.tabs.remove(lost)
        self.front_index = len(self.tabs) - 1
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await lost.page.close()

    async def catch_up(self, *, timeout_s: float) -> bool:
        """Take in windows that were opened and tabs that closed. True when another tab is in front now."""
        before = self.front
        await self._await_announced(before, timeout_s=timeout_s)
        known = [tab.page for tab in self.tabs]
        opened = [page for page in self._opened if page not in known and not page.is_closed()]
        self._opened.clear()
        for page in opened:
            self.pristine = False
            self._take_in(await BrowserTab.attach(page, wire=self._wire, scale=self._scale))
            self.tell(f"a new tab opened and is in front now: tab {self.front_index}, {page.url}")
        if any(tab.page.is_closed() for tab in self.tabs):
            self.tell("a tab has closed")
            await self._drop_closed()
        if self._downloads:
            await asyncio.wait(self._downloads, timeout=timeout_s)
        return self.front is not before

    async def _await_announced(self, tab: BrowserTab, *, timeout_s: float) -> None:
        """A window or download that the page has asked for is announced by the driver a moment later."""
        windows, downloads = tab.take_announced()
        end = asyncio.get_running_loop().time() + min(1.0, timeout_s)
        while asyncio.get_running_loop().time() < end:
            if len(self._opened) >= windows and tab.downloads_seen >= downloads:
                return
            await asyncio.sleep(0.005)

    async def _drop_closed(self) -> None:
        front = self.front
        self.tabs = [tab for tab in self.tabs if not tab.page.is_closed()]
        if not self.tabs:
            await self.open_tab()
        elif front in self.tabs:
            self.front_index = self.tabs.index(front)
        else:
            await self.focus(len(self.tabs) - 1)

    # ---- navigation

    async def goto(self, url: str) -> str:
        """Open an address in the tab in front, and return once its document has begun. Returns what was wrong."""
        if refusal := self.rules.refusal(url):
            return refusal
        return await self._navigate(lambda page, limit: page.goto(url, wait_until="commit", timeout=limit), url)

    async def travel(self, by: int) -> str:
        """Go back (-1) or forward (+1) in the history of the tab in front. Returns what was wrong."""
        history = await self.front.send("Page.getNavigationHistory")
        index, entries = history["currentIndex"] + by, history["entries"]
        word = "earlier" if by < 0 else "later"
        if not 0 <= index < len(entries):
            return f"there is no {word} page in this tab"
        url = entries[index]["url"]
        if by < 0:
            return await self._navigate(lambda page, limit: page.go_back(wait_until="commit", timeout=limit), url)
        return await self._navigate(lambda page, limit: page.go_forward(wait_until="commit", timeout=limit), url)

    async def forget_history(self) -> None:
        """Make the present page the first one of its tab."""
        from playwright.async_api import Error

        for last in (False, False, False, True):
            try:
                await self.front.send("Page.resetNavigationHistory")
                return
            except Error as error:  # refused for a moment while another document takes over
                if last:
                    raise EnvironmentFailure(f"the history of the tab cannot be reset: {error.message}") from error
                await asyncio.sleep(0.05)

    async def _navigate(self, go: Callable[[Page, float], Awaitable[object]], url: str) -> str:
        from playwright.async_api import Error, TimeoutError

        try:
            await go(self.front.page, self._answer_within_s * 1000)
        except TimeoutError:
            return f"{url} did not answer within {self._answer_within_s:g} s"
        except Error as error:
            if self.front.page.is_closed() or self.front.crashed:
                return f"the tab was lost on the way to {url}"
            reason = error.message.removeprefix("Page.goto: ").splitlines()[0]
            return "" if "ERR_ABORTED" in reason or "Download is starting" in reason else f"could not open: {reason}"
        return ""

    async def evaluate(self, expression: str) -> JSON:
        """For a suite that sets its pages up: the value of an expression in the tab in front."""
        return await self.front.evaluate(expression)

    # ---- downloads

    def _on_download(self, download: Download) -> None:
        tab = next((tab for tab in self.tabs if tab.page == download.page), self.front)
        tab.downloads_seen += 1
        task = asyncio.create_task(self._keep(download, tab))
        self._downloads.add(task)
        task.add_done_callback(self._downloads.discard)

    async def _keep(self, download: Download, tab: BrowserTab) -> None:
        from playwright.async_api import Error

        name = clean_file_name(download.suggested_filename)
        finished = asyncio.ensure_future(download.failure())
        limit = self.rules.max_download
        try:
            while not finished.done() and tab.download_bytes <= limit:
                await asyncio.wait([finished], timeout=0.1)
            if tab.download_bytes > limit:
                await download.cancel()
                self.tell(f"the download {name!r} was cut off: it is larger than {limit:,} bytes")
            elif failure := await finished:
                self.tell(f"the download {name!r} failed: {failure}")
            else:
                target = self._free(name)
                await download.save_as(target)
                self.tell(f"downloaded {target.name!r}, {target.stat().st_size:,} bytes")
        except Error as error:
            self.tell(f"the download {name!r} failed: {error.message.splitlines()[0]}")
        finally:
            tab.download_bytes = 0
            finished.cancel()

    def _free(self, name: str) -> Path:
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        candidates = (self.folder / (name if n == 1 else f"{stem}-{n}{dot}{ending}") for n in range(1, 1000))
        for candidate in candidates:
            if not candidate.exists():
                return candidate
        raise EnvironmentFailure(f"more than 999 downloads are called {name!r}")

    def hand_over(self) -> Opened | None:
        """Let go of the context so that it can be wiped; None when it is not worth it."""
        if not self.pristine or self.front.crashed or self.front.page.is_closed() or self.front.downloads_seen:
            return None
        self.context.remove_listener("dialog", self._on_dialog)
        self.context.remove_listener("page", self._on_page)
        self.context.remove_listener("requestfailed", self._on_failed)
        self.front.page.remove_listener("download", self._on_download)
        self._folder.cleanup()
        return Opened(self.context, self.front)

    async def close(self) -> None:
        """Close every tab and remove the downloads. Harmless when done twice."""
        from playwright.async_api import Error

        for task in self._downloads:
            task.cancel()
        with suppress(Error):  # the browser may have ended before
            await self.context.close()
        self._folder.cleanup()
