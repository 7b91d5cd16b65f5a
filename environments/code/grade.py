"""Runs a solution's tests, so that the solution never has them.

A test that calls the solution runs in a sandbox of its own, the desk; the solution runs in another. What the test
calls are stand-ins: each call crosses to the solution as plain data, and its result comes back so (`inside/`). This
process only carries the messages. Hence nothing that a solution reads, patches, prints or exits with can touch the
verdict: that is what the desk's interpreter says of its own run. A program that reads and prints runs alone, and its
output is compared here.

Each test has a fresh interpreter on either side and limits of its own. The desk serves one answer after another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from environments.code.outputs import same_output
from environments.code.problems import ProgramTest, SourceTest, Statement, Test
from environments.contracts import Score
from sandbox.contracts import (
    MIB,
    FileRefused,
    Limits,
    PythonResult,
    Result,
    Sandbox,
    SandboxBroken,
    SandboxError,
    Session,
)

__all__ = ["Examiner", "Outcome", "score_of"]

PATIENCE = 3
"""After so many tests that ran into a limit the others are not run, and count as failed."""
GRACE_S = 3.0
"""The test has longer than the solution, so that it sees the solution end."""
LINGER_S = 0.2
MESSAGE_CHARACTERS = 2**22
"""What sandboxes let out in one piece, too."""
WAITING_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test went. `why` may tell what is hidden; it is for the runner, not for the agent."""

    passed: bool
    why: str = ""
    limited: bool = False
    """It ran into a limit, or was not run because others did."""


def score_of(outcomes: Sequence[Outcome], *, tell: bool = True) -> Score:
    """The share of tests that passed; success is all of them.

    Args:
        outcomes: of every test of a problem.
        tell: say how the first one failed, which may tell what is hidden; an agent may come to read a score.
    """
    failed = [outcome for outcome in outcomes if not outcome.passed]
    passed = len(outcomes) - len(failed)
    limited = "; some ran into a limit" if any(outcome.limited for outcome in failed) else ""
    first = f": {failed[0].why}" if failed and tell else limited
    return Score(
        value=passed / len(outcomes),
        success=not failed,
        source="execution",
        reasons=f"{passed} of {len(outcomes)} tests passed{first}",
    )


class Examiner:
    """Runs tests on solutions, several at once; close it with `close`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._desks: list[Session] = []

    async def examine(self, text: str, statement: Statement, *, tests: Sequence[Test]) -> list[Outcome]:
        """Run `tests` on a solution: a whole program, or what completes the statement's prompt.

        Raises:
            SandboxUnavailable: this machine cannot run the sandbox.
        """
        outcomes: list[Outcome] = []
        session: Session | None = None
        try:
            for test in tests:
                if sum(outcome.limited for outcome in outcomes) >= PATIENCE:
                    outcomes.append(Outcome(False, "not run: too many tests before it ran into a limit", limited=True))
                    continue
                session = session or await self.sandbox.open(_limits(statement.limit_s))
                try:
                    outcomes.append(await self._one(text, statement, test, session=session))
                except FileRefused as error:  # what an earlier test left in the work folder is in the way
                    outcomes.append(Outcome(False, f"the solution could not be written: {error}"))
                except SandboxBroken as error:
                    outcomes.append(Outcome(False, f"the solution ended its sandbox: {error}", limited=True))
                    await session.close()
                    session = None
        finally:
            if session is not None:
                await asyncio.shield(session.close())
        return outcomes

    async def close(self) -> None:
        """End the desks."""
        while self._desks:
            await self._desks.pop().close()

    async def _one(self, text: str, statement: Statement, test: Test, *, session: Session) -> Outcome:
        if isinstance(test, ProgramTest):
            return await _run_program(text, statement, test, session=session)
        try:
            return await self._call(text, statement, test, session=session)
        except DeskBroken:  # by an earlier test, perhaps; a second time it is this one's doing
            pass
        try:
            return await self._call(text, statement, test, session=session)
        except DeskBroken as error:
            return Outcome(False, f"the test ended its sandbox: {error}", limited=True)

    async def _call(self, text: str, statement: Statement, test: SourceTest, *, session: Session) -> Outcome:
        """Run a test at a desk while the solution answers."""
        line, limit_s = Line(), statement.limit_s
        async with self._desk(limit_s) as desk:
            solution = session.python(
                _solution_source(text, statement), functions={"exchange": line.from_solution}, wall_s=limit_s
            )
            answering = asyncio.create_task(solution)
            answering.add_done_callback(lambda _: line.to_test.put_nowait(""))
            try:
                result = await desk.python(
                    _test_source(test, statement), functions={"exchange": line.from_test}, wall_s=limit_s + GRACE_S
                )
            finally:
                left = answering.done()
                line.to_solution.put_nowait("")
                await asyncio.shield(_end(answering, session))
        if left and result.stop is None:  # a test that was stopped itself outlived a solution that waited for it
            return _outcome_of_solution(answering.result())
        return _outcome_of_test(result)

    @asynccontextmanager
    async def _desk(self, limit_s: float) -> AsyncIterator[Session]:
        """A session for one test; it is used again unless it broke."""
        desk = next((desk for desk in self._desks if desk.limits.wall_s >= limit_s + GRACE_S), None)
        if desk is None:
            desk = await self.sandbox.open(_limits(limit_s + GRACE_S))
        else:
            self._desks.remove(desk)
        try:
            yield desk
        except SandboxBroken as error:
            await desk.close()
            raise DeskBroken(str(error)) from error
        except BaseException:
            await asyncio.shield(desk.close())
            raise
        self._desks.append(desk)


class DeskBroken(Exception):
    """The sandbox of a test is gone."""


@dataclass(frozen=True, slots=True)
class Line:
    """Carries messages between a test and a solution, unread. An empty one says that nobody is there any more."""

    to_test: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    to_solution: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def from_test(self, text: object) -> str:
        self.to_solution.put_nowait(_checked(text))
        return await self.to_test.get()

    async def from_solution(self, text: object) -> str:
        if self.to_test.qsize() > WAITING_MESSAGES:
            raise ValueError("too many messages at once")
        if text:  # the first call only says that it is ready
            self.to_test.put_nowait(_checked(text))
        return await self.to_solution.get()


def _checked(text: object) -> str:
    if not isinstance(text, str) or len(text) > MESSAGE_CHARACTERS:
        raise ValueError(f"a message has to be text of at most {MESSAGE_CHARACTERS} characters")
    return text


async def _end(answering: asyncio.Task[PythonResult], session: Session) -> None:
    """Let the solution end by itself, or end it with all that it has started."""
    done, _ = await asyncio.wait([answering], timeout=LINGER_S)
    if not done:
        with suppress(SandboxError):  # where the sandbox is gone, so is the solution
            await session.kill()
        await asyncio.wait([answering])
    answering.exception()  # whatever it is, it is told or without meaning by now


async def _run_program(text: str, statement: Statement, test: ProgramTest, *, session: Session) -> Outcome:
    await session.write("solution.py", _program(text, statement.prelude).encode("utf-8", "replace"))
    given = test.stdin.encode("utf-8", "replace")
    result = await session.run(["python3", "solution.py"], stdin=given, wall_s=statement.limit_s)
    if result.stop is not None:
        return _outcome_of_solution(result)
    if not same_output(result.stdout, test.stdout, tolerance=test.tolerance):
        error = result.stderr.strip().rpartition("\n")[2]
        return Outcome(False, f"printed {_short(result.stdout)}, expected {_short(test.stdout)}; {error}".strip("; "))
    if not result.ok:
        return _outcome_of_solution(result)
    return Outcome(True)


def _program(text: str, prelude: str) -> str:
    """`from __future__` has to come first, and such a program imports what it needs."""
    return text if "from __future__" in text else f"{prelude}\n{text}"


def _outcome_of_solution(result: Result) -> Outcome:
    """Of a solution that ended before its test did."""
    if result.stop is not None:
        return Outcome(False, f"the solution was stopped: {result.detail or result.stop.value}", limited=True)
    error = result.error if isinstance(result, PythonResult) else None
    how = f"{error.type}: {error.message}" if error else f"exit code {result.exit_code}"
    return Outcome(False, f"the solution ended by itself: {how}{f', signal {result.signal}' if result.signal else ''}")


def _outcome_of_test(result: PythonResult) -> Outcome:
    if result.stop is not None:
        return Outcome(False, f"the test was stopped: {result.detail or result.stop.value}", limited=True)
    if result.ok and result.data == {"passed": True, "why": ""}:
        return Outcome(True)
    if result.ok and isinstance(result.data, dict):
        return Outcome(False, str(result.data.get("why")))
    error = f"{result.error.type}: {result.error.message}" if result.error else f"exit code {result.exit_code}"
    return Outcome(False, f"the test could not be run: {error}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:100]}…{text[-100:]}")


def _limits(limit_s: float) -> Limits:
    return Limits(
        memory_bytes=512 * MIB,
        processes=32,
        cpu_s=limit_s,
        wall_s=limit_s,
        output_bytes=4 * MIB,
        file_bytes=64 * MIB,
        files=1000,
    )


def _solution_source(text: str, statement: Statement) -> str:
    call = {"text": text, "prelude": statement.prelude, "prompt": statement.prompt, "entry": statement.entry}
    return f"{_border()}\n_sides.silence()\n_sides.answer_for_solution(exchange, **{call!r})\n"


def _test_source(test: SourceTest, statement: Statement) -> str:
    call = {
        "test": test.source,
        "names": statement.names or (statement.entry,),
        "classes": statement.classes,
        "prompt": statement.prompt,
        "setup": statement.setup,
    }
    return f"{_border()}\n_sides.silence()\n_sides.run_test(exchange, **{call!r})\n"


@cache
def _border() -> str:
    """Source that makes the modules of `inside/` under their own names, for an interpreter that has no agentkit."""
    folder = Path(__file__).parent / "inside"
    sources = {f"{PACKAGE}.{name}": (folder / f"{name}.py").read_text("utf-8") for name in ("parcel", "peer", "sides")}
    return BORDER % (sources, PACKAGE)


PACKAGE = "environments.code.inside"
BORDER = """
import sys as _sys, types as _types
for _name, _source in %r.items():
    _module = _sys.modules[_name] = _types.ModuleType(_name)
    exec(compile(_source, _name, "exec"), _module.__dict__)
_sides = _sys.modules["%s.sides"]
"""
