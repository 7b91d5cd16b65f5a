"""A tab, reached by the raw protocol where speed matters and by Playwright everywhere else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from environments.contracts import EnvironmentFailure

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from environments.contracts import JSON

__all__ = ["BrowserTab", "PageGone", "PageLeft"]

LEFT = ("context was destroyed", "navigated or closed", "Cannot find context", "was collected", "Cannot find default")
GONE = (
    "Target crashed",
    "has been closed",
    "Session closed",
    "target closed",
    "Target closed",
    "Session with given id",
)


class PageLeft(Exception):
    """The document that was asked is no longer there: the tab has gone, or is going, to another one."""


class PageGone(Exception):
    """The tab was closed, has crashed or hangs; the message says which, as the end of a sentence about it."""


class BrowserTab:
    """One page and its protocol session. Counts navigations, so that a wait can tell old from new."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
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
        self._main = ""
        self._limit: asyncio.Timeout | None = None
        self._windows_asked = 0
        self._downloads_begun = 0

    @classmethod
    async def attach(cls, page: Page) -> BrowserTab:
        """Open the protocol session of a page."""
        session = await page.context.new_cdp_session(page)
        tab = cls(page, session)
        session.on("Page.frameNavigated", tab._arrived)
        session.on("Page.frameStartedLoading", tab._loading)
        session.on("Page.frameStoppedLoading", tab._loaded)
        session.on("Page.windowOpen", tab._asked_window)
        session.on("Page.downloadWillBegin", tab._download_begun)
        session.on("Page.downloadProgress", tab._downloading)
        session.on("Log.entryAdded", tab._logged)
        page.on("crash", tab._crashed)
        async with asyncio.TaskGroup() as group:
            frames = group.create_task(session.send("Page.getFrameTree"))
            group.create_task(session.send("Page.enable"))
            group.create_task(session.send("Log.enable"))
        tab._main = frames.result()["frameTree"]["frame"]["id"]
        return tab

    async def evaluate(self, expression: str, *, timeout_s: float = 10.0) -> JSON:
        """The value of an expression, its promise awaited, in the main frame's present document.

        Raises:
            PageLeft: the document went away.
            PageGone: the tab did, or the page did not answer within `timeout_s` seconds.
            EnvironmentFailure: the script failed.
        """
        from playwright.async_api import Error

        request = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": False}
        try:
            async with asyncio.timeout(0 if self.crashed else timeout_s) as self._limit:
                reply = await self._session.send("Runtime.evaluate", request)
        except TimeoutError:
            raise PageGone("has crashed" if self.crashed else f"did not answer for {timeout_s:g} s") from None
        except Error as error:
            if self.crashed or self.page.is_closed() or any(words in error.message for words in GONE):
                raise PageGone(error.message) from None
            if any(words in error.message for words in LEFT):
                raise PageLeft(error.message) from None
            raise EnvironmentFailure(f"the browser refused to evaluate: {error.message}") from error
        finally:
            self._limit = None
        if problem := reply.get("exceptionDetails"):
            said = problem.get("exception", {}).get("description") or problem.get("text", "")
            raise EnvironmentFailure(f"a script of ours failed in the page: {said[:300]}")
        return reply["result"].get("value")

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
        if self._limit:
            self._limit.reschedule(0)  # what waits for an answer will not get one
