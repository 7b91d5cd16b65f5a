"""Programming problems in Python: the shipped ones, or a file that HumanEval, MBPP, APPS or LiveCodeBench publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from environments.code.formats import ProblemFileError, read_problems, read_records
from environments.code.grade import Examiner, score_of
from environments.code.problems import Problem
from environments.code.world import SOLUTION, CodeWorld
from environments.contracts import (
    Answer,
    Environment,
    EnvironmentFailure,
    Episode,
    Grade,
    Grader,
    Score,
    Task,
    ToolSpec,
)
from environments.text import TextEnvironment, TextEpisode, World
from sandbox.contracts import MIB, FileRefused, Limits, Sandbox, SandboxError

__all__ = ["SHIPPED", "Code", "CodeGrader", "load"]

SHIPPED = Path(__file__).parent / "problems.jsonl"
STEPS = 30
DEADLINE_S = 900.0
LIMITS = Limits(memory_bytes=512 * MIB, processes=64, cpu_s=30.0, wall_s=30.0, file_bytes=128 * MIB, files=5000)
SETTING_UP_S = 30.0
"""Of a verdict's time, what it takes beside the tests themselves."""


@dataclass(frozen=True, kw_only=True)
class CodeGrader:
    """Holds the hidden tests. Only the runner has one."""

    problems: Mapping[str, Problem] = field(repr=False)
    examiner: Examiner = field(repr=False)

    @property
    def limit_s(self) -> float:
        """The tests of the longest problem, three of which may use all their time and the others half a second."""
        return SETTING_UP_S + max(3 * p.statement.limit_s + len(p.tests) for p in self.problems.values())

    async def verdict(self, episode: Episode) -> Score:
        """Judge what was submitted, or else what `solution.py` says at the end."""
        if not (isinstance(episode, TextEpisode) and isinstance(episode.world, CodeWorld)):
            raise TypeError(f"a verdict on {type(episode).__name__}: expected an episode of the suite `code`")
        try:
            text = episode.answer if episode.answer is not None else await episode.world.solution()
        except FileRefused as error:
            return Score(value=0.0, success=False, source="execution", reasons=str(error))
        return await self.score(episode.task.id, text, tell=False)

    async def score(self, id: str, text: str, *, tell: bool = True) -> Score:
        """Judge a solution: a whole program, or what completes the problem's prompt. See `score_of` for `tell`.

        Raises:
            EnvironmentFailure: the sandbox is not to be had; that says nothing about the solution.
        """
        problem = self.problems[id]
        try:
            return score_of(await self.examiner.examine(text, problem.statement, tests=problem.tests), tell=tell)
        except SandboxError as error:
            raise EnvironmentFailure(f"no verdict on {id}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Code:
    """The suite."""

    tasks_file: Path = SHIPPED
    sandbox: Sandbox | str | None = None
    """A running one, the name of a backend, or None for the strongest of this machine."""
    unsafe: bool = False
    """Allow the backend `process`, which isolates nothing."""
    name: str = "code"
    kind: Literal["web", "text"] = "text"
    description: str = "Python problems with hidden tests; or a file of HumanEval, MBPP, APPS or LiveCodeBench"

    @cached_property
    def problems(self) -> dict[str, Problem]:
        """By id, in the file's order; with the hidden tests, so not for agents."""
        return {problem.statement.id: problem for problem in read_problems(self.tasks_file)}

    def tasks(self) -> list[Task]:
        """A task for each problem, in the file's order.

        Raises:
            ProblemFileError: the file cannot be read.
        """
        return [
            Task(
                id=id,
                suite=self.name,
                goal=problem.statement.text,
                template=problem.template or id,
                split=problem.split,
                max_steps=STEPS,
                deadline_s=DEADLINE_S,
            )
            for id, problem in self.problems.items()
        ]

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Get the sandbox ready.

        Raises:
            SandboxUnavailable: no backend runs here; the message says what to do.
        """
        statements = {id: problem.statement for id, problem in self.problems.items()}
        async with self._sandboxed() as sandbox, _examining(sandbox) as examiner, _examining(sandbox) as grading:

            async def begin(task: Task, seed: int) -> tuple[World, str]:
                if task.id not in statements:
                    raise EnvironmentFailure(f"no problem {task.id!r} in {self.tasks_file.name}")
                session = await sandbox.open(LIMITS)
                try:
                    statement = statements[task.id]
                    return await CodeWorld.begun(session, statement, examiner=examiner), statement.text
                except BaseException:
                    await session.close()
                    raise

            grader = CodeGrader(problems=self.problems, examiner=grading)
            yield TextEnvironment(name=self.name, tools=TOOLS, begin=begin, briefing=BRIEFING), grader

    def read_answers(self, path: Path) -> list[Answer]:
        """HumanEval's `task_id` and `completion` lines; `solution` is taken for `completion`.

        Raises:
            ProblemFileError: a line has neither, or names no task of the suite.
        """
        answers = []
        for line, record in read_records(path):
            id = str(record.get("task_id", ""))
            text = record.get("completion", record.get("solution"))
            known = next((name for name in (id, f"MBPP/{id}", f"APPS/{id}") if name in self.problems), None)
            if known is None:
                raise ProblemFileError(f"{path}:{line}: task_id {id!r} is none of {self.tasks_file.name}")
            if not isinstance(text, str):
                raise ProblemFileError(f"{path}:{line}: expected `completion`, a text; got {str(text)[:80]!r}")
            answers.append(Answer(known, text))
        return answers

    @asynccontextmanager
    async def grading(self, *, parallel: int = 1) -> AsyncIterator[Grade]:
        """Grade recorded answers, `parallel` at once."""
        async with self._sandboxed() as sandbox, _examining(sandbox) as examiner:
            grader, places = CodeGrader(problems=self.problems, examiner=examiner), asyncio.Semaphore(parallel)

            async def grade(answer: Answer) -> Score:
                async with places:
                    return await grader.score(answer.task_id, str(answer.content))

            yield grade

    @asynccontextmanager
    async def _sandboxed(self) -> AsyncIterator[Sandbox]:
        if self.sandbox is not None and not isinstance(self.sandbox, str):
            yield self.sandbox
            return
        from sandbox.backends import load_sandbox

        async with AsyncExitStack() as stack:
            sandbox = load_sandbox(self.sandbox, unsafe=self.unsafe)
            stack.push_async_callback(sandbox.close)
            yield sandbox


@asynccontextmanager
async def _examining(sandbox: Sandbox) -> AsyncIterator[Examiner]:
    examiner = Examiner(sandbox)
    try:
        yield examiner
    finally:
        await asyncio.shield(examiner.close())


def load(
    *,
    screenshots: Literal["none", "plain", "marked"] = "none",
    tasks_file: Path | None = None,
    sandbox: Sandbox | str | None = None,
    unsafe: bool = False,
) -> Code:
    """The suite; see `environments.suites`. There is nothing to take `screenshots` of."""
    return Code(tasks_file=tasks_file or SHIPPED, sandbox=sandbox, unsafe=unsafe)


def _tool(called: str, description: str, *required: str, **texts: str) -> ToolSpec:
    properties = {name: {"type": "string", "description": text} for name, text in texts.items()}
    return ToolSpec(called, description, {"type": "object", "properties": properties, "required": list(required)})


TOOLS: Sequence[ToolSpec] = (
    _tool(
        "write",
        f"Write a file, its folders made as needed. What counts at the end is `{SOLUTION}`.",
        "path",
        "text",
        path=f"path in the work folder, such as `{SOLUTION}`",
        text="the whole file",
    ),
    _tool(
        "run",
        "Run a bash command in the work folder, or Python in an interpreter that remembers. Give one of the two.",
        command="a line for bash, such as `python3 solution.py < input.txt`",
        python="source; the value of its last expression is shown",
    ),
    _tool("run_tests", f"Run the examples on `{SOLUTION}`. Others, which you do not see, decide."),
    _tool("submit", f"Hand in `{SOLUTION}` as it is now. This ends the task."),
)

# What the agent is told before the problem.
BRIEFING = f"""\
You solve a programming problem in Python. You work in a sandbox without network: you write files, run commands and
Python, run the problem's examples, and submit. Only `{SOLUTION}` in the work folder counts. It is judged by tests that
you do not see: functions are called, programs are run with other input. Handle the edge cases that the problem implies.
You submit once, and are not told how the tests went."""
