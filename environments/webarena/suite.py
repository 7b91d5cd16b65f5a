"""The suite `webarena`: published records, on the sites that the user hosts.

The addresses come from the benchmark's environment variables (see `sites`), the tasks from a file or folder of records
(see `records`). Without sites, tasks can be listed and recorded answers graded.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

from environments.contracts import Answer, Environment, Episode, Grade, Grader, Score, Task
from environments.web.browser import launch
from environments.web.episode import Manner, Screenshots, WebEpisode
from environments.webarena.episode import WebArenaEnvironment
from environments.webarena.grading import grade
from environments.webarena.judging import Judge, NoJudge
from environments.webarena.live import LivePages, ending_after
from environments.webarena.offline import NotRecorded, RecordedPages, RecordedReports, ending_of, read_answers
from environments.webarena.order import ResetService
from environments.webarena.records import Record, read_records
from environments.webarena.reports import ShopReports
from environments.webarena.sites import Sites
from sandbox import AgentkitError

__all__ = ["WebArena", "WebArenaGrader", "load"]

STEPS = 30
DEADLINE_S = 900.0
RESET_SERVICE = "WA_FULL_RESET"


@dataclass(frozen=True, kw_only=True)
class WebArenaGrader:
    """Holds what is right of each task; the environment does not."""

    records: Mapping[str, Record]
    sites: Sites
    judge: Judge | None = None
    limit_s: float = 120.0

    async def verdict(self, episode: Episode) -> Score:
        """Before the episode closes: pages are read as the agent left them, signed in as it was."""
        web, record = cast(WebEpisode, episode), self.records[episode.task.id]
        ending = await ending_after(web)
        if ending is None:
            return _failed("the agent did not say that it was done")
        shop = self.sites.addresses.get("shopping")
        async with LivePages.over(web) as pages:
            return await grade(
                self.sites.filled_all(record.evaluation),
                ending,
                intent=record.intent,
                pages=pages,
                judge=self.judge,
                reports=ShopReports(shop) if shop else None,
            )

    async def score(self, answer: Answer) -> Score:
        """Grade a recorded answer. Where a page, a value or a judge is missing it fails, and the reason says so.

        Raises:
            AgentkitError: there is no record of this number, or it cannot be graded here.
        """
        if answer.task_id not in self.records:
            raise AgentkitError(f"no record {answer.task_id!r} in the tasks; there are {len(self.records)}")
        record, content = self.records[answer.task_id], answer.content
        # Recordings may keep the placeholders where no address is set.
        evaluation = self.sites.filled_all(record.evaluation, strict=False)
        if record.format == "verified":
            raise AgentkitError("WebArena-Verified's evaluators are not among these graders; use its own package")
        ending = ending_of(content)
        try:
            return await grade(
                evaluation,
                ending,
                intent=record.intent,
                pages=RecordedPages(content.get("pages") or {}, ending.url),
                judge=self.judge,
                reports=RecordedReports(content.get("orders"), content.get("reviews") or {}),
            )
        except (NotRecorded, NoJudge) as error:
            return _failed(str(error))


def _failed(why: str) -> Score:
    return Score(value=0.0, success=False, source="execution", reasons=why)


@dataclass(frozen=True, kw_only=True)
class WebArena:
    """The suite."""

    tasks_file: Path | None = None
    """File or folder of records; None holds no tasks."""
    sites: Sites = field(default_factory=Sites.from_environment)
    judge: Judge | None = None
    """For answers that a language model judges; without one these tasks have no verdict."""
    reset: bool = False
    """Put all sites back before the first task."""
    reset_service: ResetService | None = None
    screenshots: Screenshots = "none"
    name: str = "webarena"
    kind: Literal["web", "text"] = "web"
    description: str = (
        "WebArena's published tasks, on sites you host; they come from its own file: --config test.raw.json"
    )

    @cached_property
    def records(self) -> dict[str, Record]:
        """By id, in the benchmark's order; with what is right, so not for agents."""
        return {record.task_id: record for record in read_records(self.tasks_file)} if self.tasks_file else {}

    def tasks(self) -> list[Task]:
        """A task for each record, in the benchmark's order.

        Raises:
            RecordRefused: a record cannot be read.
        """
        return [self._task(record) for record in self.records.values()]

    def _task(self, record: Record) -> Task:
        return Task(
            id=record.task_id,
            suite=self.name,
            goal=record.intent,
            template=record.template,
            split=record.split,
            max_steps=STEPS,
            deadline_s=DEADLINE_S,
            data={"sites": list(record.sites), "start_urls": list(record.start_urls)},
        )

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Start a browser; `parallel` contexts share it, and take turns at sites that are written to.

        Raises:
            AgentkitError: no task's sites have addresses; the message says which variables to set.
            MissingDependencyError: no browser; the message says how to install one.
        """
        self._check()
        if self.reset:
            await self._reset_service().reset()
        folders = [Path.cwd(), *([self.tasks_file.resolve().parent] if self.tasks_file else [])]
        async with launch() as chromium:
            env = WebArenaEnvironment(
                records=self.records,
                sites=self.sites,
                chromium=chromium,
                folders=folders,
                reset_service=self.reset_service,
                manner=Manner(screenshots=self.screenshots),
            )
            yield env, WebArenaGrader(records=self.records, sites=self.sites, judge=self.judge)

    def _check(self) -> None:
        """Before a browser is started: is there anything that can be run?"""
        if not self.records:
            raise AgentkitError("webarena has no tasks here: name the benchmark's file, --config test.raw.json")
        if all(record.format == "verified" for record in self.records.values()):
            raise AgentkitError("WebArena-Verified's evaluators are not among these graders; use its own package")
        if all(self.sites.lacking(record.sites) for record in self.records.values()):
            wanted = sorted({name for record in self.records.values() for name in self.sites.lacking(record.sites)})
            raise AgentkitError(f"no address of a WebArena site is set: export {', '.join(wanted)}, such as {EXAMPLE}")

    def _reset_service(self) -> ResetService:
        if self.reset_service is None:
            raise AgentkitError(f"to reset the sites, export {RESET_SERVICE} with the address of the reset service")
        return self.reset_service

    def read_answers(self, path: Path) -> Sequence[Answer]:
        """Recorded answers and what pages held; see `environments.webarena.offline`.

        Raises:
            RecordRefused: a line cannot be read.
        """
        return read_answers(path)

    @asynccontextmanager
    async def grading(self, *, parallel: int = 1) -> AsyncIterator[Grade]:
        """Grade recorded answers; at most `parallel` judges are asked at once."""
        grader = WebArenaGrader(records=self.records, sites=self.sites, judge=self.judge)
        places = asyncio.Semaphore(parallel)

        async def graded(answer: Answer) -> Score:
            async with places:
                return await grader.score(answer)

        yield graded


EXAMPLE = "SHOPPING=http://localhost:7770"


def load(
    *,
    screenshots: Screenshots = "none",
    tasks_file: Path | None = None,
    judge: Judge | None = None,
    reset: bool = False,
) -> WebArena:
    """The suite; see `environments.suites`. Addresses come from the environment variables."""
    service = os.environ.get(RESET_SERVICE)
    return WebArena(
        tasks_file=tasks_file,
        judge=judge,
        reset=reset,
        reset_service=ResetService(address=service) if service else None,
        screenshots=screenshots,
    )
