"""A tab, reached by the raw protocol where speed matters (directly where that is possible), else by Playwright."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from environments.contracts import EnvironmentFailure
from environments.web.wire import Refused

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from environments.contracts import JSON
    from environments.web.wire import Wire

__all__ = ["BrowserTab", "Command", "PageGone", "PageLeft"]

LEFT = ("context was destroyed", "navigated or closed", "Cannot find context", "was collected", "Cannot find default")
GONE = (
    "Target crashed",
    "has been closed",
    "Session closed",
    "target closed",
    "Target closed",
    "Session with given id",
)


Command = tuple[str, "dict[str, JSON]"]
"""Method and parameters."""


class PageLeft(Exception):
    """The document that was asked is no longer there: the tab has gone, or is going, to another one."""


class PageGone(Exception):
    """The tab was closed, has crashed or hangs; the message says which, as the end of a sentence about it."""


class BrowserTab:
    """One page and its protocol session. Counts navigations, so that a wait can tell old from new."""

    def __init__(self, page: Page, session: CDPSession, *, wire: Wire | None) -> None:
        self.page = page
        self.wire = wire
        """The direct line to the browser, where there is one."""
        self.scale = 1.0
        """How large the view is drawn; places in the input are to be multiplied by it."""
        self.next_ref = 1
        """First reference number that no element of this tab has had."""
        self.title = ""
        self.arrivals = 0
        """Documents that the main frame has arrived at since the tab was opened."""
        self.loading = False
        """True while the browser shows the tab as loading."""
        self.downloads_seen = 0
        """Downloads that have been taken in; the window counts them."""
        self.download_bytes = 0
        """Size of the running download as far as it is known."""
        self.crashed = False
        self.errors: list[str] = []
        """What the browser's log says of failed parts and refused things, oldest first."""
        self._session = session
        self._direct = ""
        self._heard = 0
        self._main = ""
        self._limit: asyncio.Timeout | None = None
        self._windows_asked = 0
        self._downloads_begun = 0

    @classmethod
    async def attach(cls, page: Page, *, wire: Wire | None = None, scale: float = 1.0) -> BrowserTab:
        """Open the protocol session of a page."""
        session = await page.context.new_cdp_session(page)
        tab = cls(page, session, wire=wire)
        for event in tab._events:
            session.on(event, partial(tab._tell, event))
        page.on("crash", tab._crashed)
        page.on("close", tab._closed)
        async with asyncio.TaskGroup() as group:
            frames = group.create_task(session.send("Page.getFrameTree"))
            group.create_task(session.send("Page.enable"))
            group.create_task(session.send("Log.enable"))
        tab._main = frames.result()["frameTree"]["frame"]["id"]
        if wire:
            tab._direct = await wire.follow(session, tab._tell)
        await tab._draw(scale)
        return tab

    async def evaluate(self, expression: str, *, timeout_s: float = 10.0) -> JSON:
        """The value of an expression, its promise awaited, in the main frame's present document.

        Raises:
            PageLeft: the document went away.
            PageGone: the tab did, or the page did not answer within `timeout_s` seconds.
            EnvironmentFailure: the script failed.
        """
        request = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": False}
        [reply] = await self.ask(("Runtime.evaluate", request), timeout_s=timeout_s)
        if problem := reply.get("exceptionDetails"):
            said = problem.get("exception", {}).get("description") or problem.get("text", "")
            raise EnvironmentFailure(f"a script of ours failed in the page: {said[:300]}")
        return reply["result"].get("value")

    async def ask(self, *commands: Command, timeout_s: float = 10.0) -> list[dict[str, JSON]]:
        """The results of raw protocol commands, all sent before the first is answered.

        Raises:
            PageLeft, PageGone, EnvironmentFailure: as `evaluate` does.
        """
        from playwright.async_api import Error

        gone = self.crashed or self.page.is_closed()
        sent: list[asyncio.Future[dict[str, JSON]]] = []
        try:
            async with asyncio.timeout(0 if gone else timeout_s) as self._limit:
                sent += [self._post(*command) for command in commands]
                await asyncio.wait(sent)
                return [answer.result() for answer in sent]
        except TimeoutError:
            lost = "has crashed" if self.crashed else "was closed" if self.page.is_closed() else ""
            raise PageGone(lost or f"did not answer for {timeout_s:g} s") from None
        except (Error, Refused) as error:
            if self.crashed or self.page.is_closed() or any(words in error.message for words in GONE):
                self._limit = None
                await self._hear_of_loss()
                raise PageGone(error.message) from None
            if any(words in error.message for words in LEFT):
                raise PageLeft(error.message) from None
            raise EnvironmentFailure(f"the browser refused a command: {error.message}") from error
        finally:
            self._limit = None
            for answer in sent:
                answer.cancel()

    async def _hear_of_loss(self) -> None:
        """The direct line knows of a lost tab a moment before Playwright tells whether it crashed or was closed."""
        end = asyncio.get_running_loop().time() + 1.0
        while not (self.crashed or self.page.is_closed()) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.005)

    def _post(self, method: str, parameters: dict[str, JSON]) -> asyncio.Future[dict[str, JSON]]:
        if self.wire:
            return self.wire.send(self._direct, method=method, parameters=parameters)
        return asyncio.ensure_future(self._session.send(method, parameters))

    async def catch_up(self) -> None:
        """Return once Playwright has told what it heard from the browser so far, which the direct line may outrun."""
        if self.wire and self.wire.passed_on != self._heard:
            from playwright.async_api import Error

            with suppress(Error):  # the tab may be gone, which is for others to find out
                await self._session.send("Page.getNavigationHistory")
            self._heard = self.wire.passed_on

    @asynccontextmanager
    async def at_full_size(self) -> AsyncIterator[None]:
        """Inside, places in the view are places in the input."""
        scale = self.scale
        await self._draw(1.0)
        try:
            await self.evaluate("0")  # by then the page has taken it
            yield
        finally:
            await self._draw(scale)

    async def _draw(self, scale: float) -> None:
        """Draw the view at this scale. The page cannot tell; pictures that are taken of it have the full size."""
        view = self.page.viewport_size
        if scale == self.scale or view is None:
            return
        usual = {"deviceScaleFactor": 1, "mobile": False, "screenOrientation": {"angle": 0, "type": "landscapePrimary"}}
        size = {"width": view["width"], "height": view["height"]}
        screen = {"screenWidth": view["width"], "screenHeight": view["height"]}
        await self.send("Emulation.setDeviceMetricsOverride", scale=scale, **usual, **size, **screen)
        self.scale = scale

    def forget(self) -> None:
        """Begin again as a tab that nobody has used."""
        self.next_ref, self.title = 1, ""
        self.errors.clear()
        self._windows_asked = self._downloads_begun = self.downloads_seen = 0

    async def send(self, method: str, **parameters: JSON) -> JSON:
        """One raw protocol command."""
        return await self._session.send(method, parameters)

    def take_announced(self) -> tuple[int, int]:
        """Windows that the page has asked for since the last call, and downloads that it has begun so far."""
        asked, self._windows_asked = self._windows_asked, 0
        return asked, self._downloads_begun

    async def wait_for_arrival(self, since: int, *, timeout_s: float) -> bool:
        """Wait until a document after the `since`-th is there. False when the tab stays where it is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        idle_since = loop.time()
        while self.arrivals <= since and loop.time() < end and not self.page.is_closed():
            if self.loading:
                idle_since = loop.time()
            elif loop.time() - idle_since > 0.15:
                return False
            await asyncio.sleep(0.005)
        return self.arrivals > since

    @property
    def _events(self) -> Mapping[str, Callable[[dict[str, JSON]], None]]:
        return {
            "Page.frameNavigated": self._arrived,
            "Page.frameStartedLoading": self._loading,
            "Page.frameStoppedLoading": self._loaded,
            "Page.windowOpen": self._asked_window,
            "Page.downloadWillBegin": self._download_begun,
            "Page.downloadProgress": self._downloading,
            "Log.entryAdded": self._logged,
        }

    def _tell(self, event: str, parameters: dict[str, JSON]) -> None:
        if act := self._events.get(event):
            act(parameters)

    def _arrived(self, event: dict[str, JSON]) -> None:
        if "parentId" not in event["frame"]:
            self.arrivals += 1
            self._main = event["frame"]["id"]

    def _loading(self, event: dict[str, JSON]) -> None:
        if event["frameId"] == self._main:
            self.loading = True

    def _loaded(self, event: dict[str, JSON]) -> None:
        if event["frameId"] == self._main:
            self.loading = False

    def _asked_window(self, event: dict[str, JSON]) -> None:
        self._windows_asked += 1

    def _download_begun(self, event: dict[str, JSON]) -> None:
        self._downloads_begun += 1

    def _downloading(self, event: dict[str, JSON]) -> None:
        self.download_bytes = int(max(event["receivedBytes"], event["totalBytes"]))

    def _logged(self, event: dict[str, JSON]) -> None:
        entry = event["entry"]
        url = entry.get("url", "")
        if entry["level"] == "error" and len(self.errors) < 20 and not url.endswith("/favicon.ico"):
            self.errors.append(f"{entry['text']} ({url})" if url else entry["text"])

    def _crashed(self, page: Page) -> None:
        self.crashed = True
        self._give_up()

    def _closed(self, page: Page) -> None:
        if self.wire:
            self.wire.forget(self._direct)
        self._give_up()

    def _give_up(self) -> None:
        if self._limit:
            self._limit.reschedule(0)  # what waits for an answer will not get one
