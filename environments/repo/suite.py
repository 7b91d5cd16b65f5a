"""Repairs of git repositories: the shipped ones, or those of a file in SWE-bench's record format.

The shipped records are ten small repositories with a defect each, of which `scripts/make_repos.py` makes the bundles.
They need nothing inside but git and Python. For others, what their tests import has to be there: see the sandbox's
option `packages`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from environments.contracts import Answer, Environment, EnvironmentFailure, Grade, Grader, Score, Task
from environments.repo.grade import Checkouts, RepoGrader
from environments.repo.records import Record, read_predictions, read_records
from environments.repo.tools import BRIEFING, TOOLS
from environments.repo.world import RepoWorld
from environments.text import TextEnvironment, World
from sandbox.contracts import GIB, MIB, Limits, Sandbox

__all__ = ["SHIPPED", "Repo", "load"]

SHIPPED = Path(__file__).parent / "bundles" / "tasks.jsonl"
STEPS = 60
DEADLINE_S = 1800.0
LIMITS = Limits(memory_bytes=GIB, processes=128, cpu_s=120.0, wall_s=120.0, file_bytes=512 * MIB, files=100_000)


@dataclass(frozen=True, kw_only=True)
class Repo:
    """The suite."""

    tasks_file: Path = SHIPPED
    sandbox: Sandbox | str | None = None
    """A running one, the name of a backend, or None for the strongest of this machine."""
    unsafe: bool = False
    """Allow the backend `process`, which isolates nothing."""
    test_s: float = 30.0
    """Seconds for one hidden test."""
    name: str = "repo"
    kind: Literal["web", "text"] = "text"
    description: str = "repairs of small git repositories, judged by hidden tests; SWE-bench's records with --tasks"

    @cached_property
    def records(self) -> dict[str, Record]:
        """By id, in the file's order; with the hidden tests, so not for agents."""
        return {record.instance_id: record for record in read_records(self.tasks_file)}

    def tasks(self) -> list[Task]:
        """A task for each record, in order.

        Raises:
            RecordRefused: a record cannot be read.
        """
        return [self._task(record) for record in self.records.values()]

    def _task(self, record: Record) -> Task:
        return Task(
            id=record.instance_id,
            suite=self.name,
            goal=record.problem_statement,
            template=record.template,
            split=record.split,
            max_steps=STEPS,
            deadline_s=DEADLINE_S,
            data={"base_commit": record.base_commit, "runner": record.runner},
        )

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Get the sandbox ready.

        Raises:
            SandboxUnavailable: no backend runs here; the message says what to do.
        """
        async with AsyncExitStack() as stack:
            sandbox, checkouts = await self._sandbox(stack, spares=parallel), Checkouts()

            async def begin(task: Task, seed: int) -> tuple[World, str]:
                if task.id not in self.records:
                    raise EnvironmentFailure(f"no record {task.id!r} in {self.tasks_file.name}")
                record = self.records[task.id]
                checkout = await checkouts.of(record)
                session = await sandbox.open(LIMITS)
                try:
                    return await RepoWorld.begun(session, checkout, runner=record.runner), task.goal
                except BaseException:
                    await session.close()
                    raise

            grader = RepoGrader(sandbox=sandbox, records=self.records, checkouts=checkouts, test_s=self.test_s)
            yield TextEnvironment(name=self.name, tools=TOOLS, begin=begin, briefing=BRIEFING), grader

    def read_answers(self, path: Path) -> Sequence[Answer]:
        """SWE-bench's predictions: `instance_id`, `model_patch`, `model_name_or_path`.

        Raises:
            RecordRefused: a line cannot be read.
        """
        return read_predictions(path)

    @asynccontextmanager
    async def grading(self, *, parallel: int = 1) -> AsyncIterator[Grade]:
        """Grade recorded diffs, `parallel` at once."""
        async with AsyncExitStack() as stack:
            grader = RepoGrader(sandbox=await self._sandbox(stack), records=self.records, test_s=self.test_s)
            places = asyncio.Semaphore(parallel)

            async def grade(answer: Answer) -> Score:
                async with places:
                    return await grader.score(answer.task_id, str(answer.content))

            yield grade

    async def _sandbox(self, stack: AsyncExitStack, *, spares: int = 0) -> Sandbox:
        if self.sandbox is not None and not isinstance(self.sandbox, str):
            return self.sandbox
        from sandbox.backends import load_sandbox
        from sandbox.pool import Pool

        sandbox = load_sandbox(self.sandbox, unsafe=self.unsafe)
        if spares:
            # Episodes and forks begin at once in a session that is open already.
            sandbox = Pool(sandbox, size=spares, limits=LIMITS)
        stack.push_async_callback(sandbox.close)
        return sandbox


def load(
    *,
    screenshots: Literal["none", "plain", "marked"] = "none",
    tasks_file: Path | None = None,
    sandbox: Sandbox | str | None = None,
    unsafe: bool = False,
    test_s: float = 30.0,
) -> Repo:
    """The suite; see `environments.suites`. There is nothing to take `screenshots` of."""
    return Repo(tasks_file=tasks_file or SHIPPED, sandbox=sandbox, unsafe=unsafe, test_s=test_s)
