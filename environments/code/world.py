"""A programming problem in a sandbox, as an agent works on it: it writes, runs, tries the examples, and submits.

`solution.py` is what counts. The session holds nothing of the hidden tests; the examples, too, are run as the grader
runs its tests, elsewhere, so that both judge alike.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from environments.code.grade import Examiner
from environments.code.problems import ProgramTest, Statement, Test
from environments.contracts import JSON, Action, EnvironmentFailure, StopReason
from environments.text import Done, TextObservation
from sandbox.contracts import MIB, FileRefused, PythonResult, Result, SandboxError, Session

__all__ = ["SOLUTION", "CodeWorld"]

SOLUTION = "solution.py"
SHOWN = 10_000
"""Characters of output that are shown."""
LARGEST_SOLUTION = MIB
RUN_ENV = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
CHANGING = ((re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x…"), (re.compile(r"/tmp/tmp[a-z0-9_]{8}"), "/tmp/tmp…"))
"""What differs between two equal runs, and what is shown in its place."""


class CodeWorld:
    """The work on one problem. Made by `begun`, or by `fork`."""

    def __init__(self, session: Session, statement: Statement, *, examiner: Examiner) -> None:
        self.statement = statement
        self._session, self._examiner = session, examiner
        self._shown = "nothing has been run yet"
        self._folder = ""
        self._seen: TextObservation | None = None

    @classmethod
    async def begun(cls, session: Session, statement: Statement, *, examiner: Examiner) -> CodeWorld:
        """The problem in a fresh session, with as much of `solution.py` as the problem gives."""
        world = cls(session, statement, examiner=examiner)
        if statement.prompt:
            await session.write(SOLUTION, statement.prompt)
        await world._find_folder()
        return world

    async def fork(self) -> CodeWorld:
        """A copy of files and interpreter, in a session of its own."""
        copy = CodeWorld(await self._session.fork(), self.statement, examiner=self._examiner)
        copy._shown, copy._seen = self._shown, self._seen
        await copy._find_folder()
        return copy

    @property
    def mismatch(self) -> str:
        return self._session.mismatch

    async def close(self) -> None:
        await self._session.close()

    async def solution(self) -> str:
        """What `solution.py` says now.

        Raises:
            FileRefused: there is no such file, or it is no text of at most 1 MiB.
        """
        data = await self._session.read(SOLUTION, max_bytes=LARGEST_SOLUTION)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise FileRefused(f"{SOLUTION} is no UTF-8 text: {error}") from error

    async def look(self) -> TextObservation:
        """What the last action showed, and which files there are."""
        if self._seen is None:
            try:
                digest = (await self._session.snapshot()).digest
                files = [file for file in await self._session.list() if file.kind != "folder"]
            except SandboxError as error:
                raise EnvironmentFailure(f"the sandbox of {self.statement.id} failed: {error}") from error
            listed = "\n".join(f"{file.path} ({file.size} bytes)" for file in files)
            self._seen = TextObservation((("result", self._shown), ("files", listed or "none")), state=digest)
        return self._seen

    async def act(self, action: Action) -> Done:
        """Carry an action out; what was wrong with it is in the answer's `error`."""
        self._seen = None
        try:
            return await ACTS[action.name](self, {name: _proper(text) for name, text in action.arguments.items()})
        except FileRefused as error:
            return Done(f"{action.name}: {error}")
        except SandboxError as error:
            raise EnvironmentFailure(f"the sandbox of {self.statement.id} failed: {error}") from error

    async def _write(self, arguments: Mapping[str, JSON]) -> Done:
        path, text = arguments["path"], arguments["text"]
        await self._session.write(path, text)
        return self._show(f"{path}: {len(text.splitlines())} lines written")

    async def _run(self, arguments: Mapping[str, JSON]) -> Done:
        if len(arguments) != 1:
            return Done("run: give either a command, for bash, or python, for the interpreter")
        if "command" in arguments:
            return self._show(_of_command(await self._session.run(arguments["command"], env=RUN_ENV)))
        return self._show(_of_snippet(await self._session.python(arguments["python"], stateful=True)))

    async def _run_tests(self, arguments: Mapping[str, JSON]) -> Done:
        examples = self.statement.examples
        if not examples:
            return Done("run_tests: this problem has no examples that can be run; write your own and use run")
        outcomes = await self._examiner.examine(await self.solution(), self.statement, tests=examples)
        passed = sum(outcome.passed for outcome in outcomes)
        lines = [f"{passed} of {len(outcomes)} examples passed"]
        for number, (outcome, test) in enumerate(zip(outcomes, examples, strict=True), 1):
            lines.append(f"\nexample {number}: {'passed' if outcome.passed else f'failed: {outcome.why}'}")
            lines += [] if outcome.passed else [_of_test(test)]
        return self._show("\n".join(lines))

    async def _submit(self, arguments: Mapping[str, JSON]) -> Done:
        text = await self.solution()
        self._show(f"{SOLUTION} is handed in")
        return Done(stop=StopReason.ANSWERED, answer=text)

    def _show(self, text: str) -> Done:
        if self._folder:
            text = text.replace(f"{self._folder}/", "").replace(self._folder, ".")
        for pattern, stand_in in CHANGING:
            text = pattern.sub(stand_in, text)
        half = SHOWN // 2
        left_out = len(text) - SHOWN
        self._shown = f"{text[:half]}\n… {left_out} characters left out …\n{text[-half:]}" if left_out > 0 else text
        return Done()

    async def _find_folder(self) -> None:
        self._folder = (await self._session.run(["pwd"])).stdout.strip()


ACTS: Mapping[str, Callable[[CodeWorld, Mapping[str, JSON]], Awaitable[Done]]] = {
    "write": CodeWorld._write,
    "run": CodeWorld._run,
    "run_tests": CodeWorld._run_tests,
    "submit": CodeWorld._submit,
}


def _proper(text: str) -> str:
    """The text as it can be written: JSON may hold halves of characters."""
    return text.encode("utf-8", "replace").decode()


def _of_command(result: Result) -> str:
    how = result.detail or (f"exit code {result.exit_code}" if result.signal is None else f"signal {result.signal}")
    error = f"stderr:\n{result.stderr.rstrip()}" if result.stderr.strip() else ""
    return "\n".join(part for part in (how, result.stdout.rstrip(), error) if part)


def _of_snippet(result: PythonResult) -> str:
    ending = result.error.traceback.rstrip() if result.error else result.value
    lost = "the interpreter was ended, and its variables are lost" if result.state_lost else ""
    shown = [f"file: {artifact.name} ({artifact.media_type})" for artifact in result.artifacts]
    printed = [result.stdout.rstrip(), result.stderr.rstrip()]
    parts = [part for part in (result.detail, lost, *printed, *shown, ending) if part]
    return "\n".join(parts) or "done; nothing was printed, and the last line has no value"


def _of_test(test: Test) -> str:
    if isinstance(test, ProgramTest):
        return f"input:\n{test.stdin.rstrip()}\nexpected output:\n{test.stdout.rstrip()}"
    return test.source.strip()
