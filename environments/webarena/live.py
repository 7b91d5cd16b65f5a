"""The grader's pages in a live episode: the page that the agent left, and a tab of the grader's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from environments.contracts import JSON, EnvironmentFailure, StopReason
from environments.web.episode import WebEpisode
from environments.webarena.judging import Ending
from sandbox import AgentkitError

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["LivePages", "ending_after"]

LIMIT_MS = 30_000.0
QUIET_MS = 5_000.0
"""After a page has loaded, how long its own requests are waited for; then it is read as it is."""


async def ending_after(episode: WebEpisode) -> Ending | None:
    """How the episode ended; None where the agent never said that it was done."""
    if episode.stop not in (StopReason.ANSWERED, StopReason.INFEASIBLE):
        return None
    observation = await episode.observe()
    return Ending(episode.answer or "", observation.url, infeasible=episode.stop is StopReason.INFEASIBLE)


class LivePages:
    """See `environments.webarena.judging.Pages`; signed in as the agent was, because it is the same context."""

    def __init__(self, last: Page, own: Page) -> None:
        self._last, self._own = last, own
        self._front = last

    @classmethod
    @asynccontextmanager
    async def over(cls, episode: WebEpisode) -> AsyncIterator[LivePages]:
        """Pages over an episode that has ended and is not closed yet."""
        last = episode.window.front.page
        own = await episode.window.context.new_page()
        try:
            yield cls(last, own)
        finally:
            await own.close()

    @property
    def url(self) -> str:
        """The address of the page in front."""
        return self._front.url

    async def open_last(self) -> None:
        """Bring the page that the agent left to the front."""
        self._front = self._last

    async def open(self, url: str) -> None:
        """Go there in the grader's own tab.

        Raises:
            EnvironmentFailure: the site does not answer.
        """
        from playwright.async_api import Error, TimeoutError

        self._front = self._own
        try:
            await self._own.goto(url, wait_until="load", timeout=LIMIT_MS)
        except Error as error:
            raise EnvironmentFailure(f"grading: {url} could not be opened: {error.message}") from None
        try:
            await self._own.wait_for_load_state("networkidle", timeout=QUIET_MS)
        except TimeoutError:
            return

    async def evaluate(self, script: str) -> JSON:
        """The value of an expression in the page in front.

        Raises:
            AgentkitError: the expression fails.
        """
        from playwright.async_api import Error

        value: Any = None
        try:
            value = await self._front.evaluate(f"() => {script}")
        except Error as error:
            raise AgentkitError(f"{script!r} on {self.url}: {error.message}") from None
        return value

    async def content(self) -> str:
        """The page's HTML."""
        return await self._front.content()
