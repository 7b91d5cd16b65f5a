"""Grades arena episodes with WebArena's graders, in a tab of the episode's own context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from environments.arena.environment import ArenaEnvironment, addressed
from environments.contracts import JSON, Episode, Score, StopReason
from environments.web.episode import WebEpisode
from environments.webarena.grading import Ending, grade
from sandbox import AgentkitError

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["ArenaGrader"]


@dataclass(frozen=True)
class ArenaGrader:
    """Holds what is right of each task; the environment does not."""

    env: ArenaEnvironment
    evaluations: Mapping[str, Mapping[str, JSON]]
    """Task id -> WebArena's `eval` object."""
    limit_s: float = 30.0

    async def verdict(self, episode: Episode) -> Score:
        """Before the episode closes: pages are read as the agent left them, signed in as it was."""
        web = cast(WebEpisode, episode)
        if web.stop not in (StopReason.ANSWERED, StopReason.INFEASIBLE):
            why = "the agent did not say that it was done"
            return Score(value=0.0, success=False, source="execution", reasons=why)
        evaluation = json.loads(addressed(json.dumps(dict(self.evaluations[episode.task.id])), self.env.arena))
        observation = await web.observe()
        ending = Ending(episode.answer or "", observation.url, infeasible=web.stop is StopReason.INFEASIBLE)
        page = await web.window.context.new_page() if evaluation["program_html"] else None
        try:
            pages = _Tab(page) if page else None
            return await grade(evaluation, ending, intent=episode.goal, pages=pages)
        finally:
            if page is not None:
                await page.close()


class _Tab:
    """A tab of the grader's own."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def url(self) -> str:
        return self._page.url

    async def open(self, url: str) -> None:
        """See `environments.webarena.grading.Pages`."""
        await self._page.goto(url, wait_until="load")

    async def evaluate(self, script: str) -> JSON:
        """The value, or nothing where the script fails."""
        from playwright.async_api import Error

        value: Any = None
        try:
            value = await self._page.evaluate(f"() => {script}")
        except Error as error:
            raise AgentkitError(f"{script!r} on {self.url}: {error.message}") from None
        return value

    async def content(self) -> str:
        """The page's HTML."""
        return await self._page.content()
