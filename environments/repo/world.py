"""A repository in a sandbox, as an agent works in it: it looks, edits, runs, takes back, and hands in a diff.

The work folder is the repository. Files are read and written through the session, looked through by `inside/files.py`,
and compared with the base commit by git (`changes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from environments.calls import ActionError
from environments.contracts import JSON, Action, EnvironmentFailure, StopReason
from environments.repo.changes import Patch, Stock, diff, take_stock
from environments.repo.checkout import GIT_ENV, Checkout, lay
from environments.repo.edit import replace_once, shown_around, window
from environments.repo.records import Runner
from environments.text import Done, TextObservation
from sandbox.contracts import MIB, FileRefused, Result, SandboxError, Session

__all__ = ["RepoWorld", "inside"]

COMMAND_S = 60.0
LOOK_S = 20.0
SHOWN = 10_000
"""Characters of a command's output that are shown."""
LARGEST_FILE = 2 * MIB
TEST_COMMANDS: Mapping[Runner, tuple[str, ...]] = {
    "unittest": ("python3", "-m", "unittest"),
    "pytest": ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
}
RUN_ENV = {**GIT_ENV, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
CHANGING = (
    (re.compile(r"\b(in|took) \d+(\.\d+)?( ?s\b| seconds?)"), r"\1 … s"),
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x…"),
    (re.compile(r"/tmp/tmp[a-z0-9_]{8}"), "/tmp/tmp…"),
)
"""What differs between two equal runs, and what is shown in its place."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that `undo` takes back."""

    path: str
    before: bytes | None
    """None where the file was not there."""
    after: bytes


@cache
def inside(name: str) -> str:
    """The text of a file that runs in the sandbox."""
    return resources.files("environments.repo.inside").joinpath(name).read_text("utf-8")


class RepoWorld:
    """A repository at some state. Made by `begun`, or by `fork`."""

    def __init__(self, session: Session, checkout: Checkout, *, runner: Runner) -> None:
        self._session, self._checkout, self._runner = session, checkout, runner
        self._edits: tuple[Edit, ...] = ()
        self._shown = ""
        self._stock = Stock("", "")
        self._folder = ""

    @classmethod
    async def begun(cls, session: Session, checkout: Checkout, *, runner: Runner) -> RepoWorld:
        """The repository laid out in a fresh session, seen from its root folder."""
        world = cls(session, checkout, runner=runner)
        await lay(session, checkout)
        world._folder = (await session.run(["pwd"])).stdout.strip()
        await world._view(".", start=None, end=None)
        await world._take_stock()
        return world

    async def fork(self) -> RepoWorld:
        """A copy of files and edits, in a session of its own."""
        copy = RepoWorld(await self._session.fork(), self._checkout, runner=self._runner)
        copy._edits, copy._shown, copy._stock = self._edits, self._shown, self._stock
        copy._folder = (await copy._session.run(["pwd"])).stdout.strip()
        return copy

    @property
    def mismatch(self) -> str:
        return self._session.mismatch

    async def close(self) -> None:
        await self._session.close()

    async def look(self) -> TextObservation:
        """What the last action showed, and which files have changed."""
        sections = (("result", self._shown), ("changed files", self._steady(self._stock.changes) or "none"))
        return TextObservation(sections, state=self._stock.tree)

    async def act(self, action: Action) -> Done:
        """Carry an action out; what was wrong with it is in the answer's `error`."""
        try:
            done = await self._acts[action.name](self, action.arguments)
        except FileRefused as error:
            return Done(f"{action.name}: {error}")
        except SandboxError as error:
            raise EnvironmentFailure(f"the sandbox of {self._checkout.commit[:12]} failed: {error}") from error
        return Done(done.message) if isinstance(done, ActionError) else done or Done()

    # ---- looking

    async def _view(self, path: str, *, start: int | None, end: int | None) -> ActionError | None:
        try:
            text = await self._text(path)
        except FileRefused as refused:
            found = await self._inside("outline", path)
            if isinstance(found, ActionError) or found is None:
                return ActionError(f"view: {refused}{await self._similar(path)}")
            self._shown = f"{path}: {found['count']} entries\n" + "\n".join(found["lines"])
            return None
        seen = text if isinstance(text, ActionError) else window(text, path=path, start=start, end=end)
        return self._show(seen)

    async def _on_view(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        return await self._view(arguments["path"], start=arguments.get("start"), end=arguments.get("end"))

    async def _on_search(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        found = await self._inside("search", arguments["pattern"], arguments.get("path", "."))
        if isinstance(found, ActionError):
            return found
        if found["error"]:
            return ActionError(f"search: {found['error']}")
        return self._show(_listed(found["lines"], found["count"], what="lines match"))

    async def _on_find_file(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        found = await self._inside("find", arguments["name"])
        if isinstance(found, ActionError):
            return found
        return self._show(_listed(found["paths"], found["count"], what="files have such a name"))

    # ---- changing

    async def _on_edit(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        path = arguments["path"]
        try:
            text = await self._text(path)
        except FileRefused as refused:
            return ActionError(f"edit: {refused}{await self._similar(path)}")
        if isinstance(text, ActionError):
            return text
        changed = replace_once(text, arguments["old"], new=arguments["new"], path=path)
        if isinstance(changed, ActionError):
            return changed
        new, place = changed
        return await self._change(path, new, before=text, place=place + arguments["new"].count("\n") // 2)

    async def _on_create(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        path = arguments["path"]
        if any(one.path == path.removeprefix("./") for one in await self._session.list()):
            return ActionError(f"create: {path} is there already; change it with edit, or take it away first")
        return await self._change(path, arguments["text"], before=None, place=1)

    async def _change(self, path: str, text: str, *, before: str | None, place: int) -> ActionError | None:
        """Write a text unless it breaks a Python file, and show it there."""
        if path.endswith(".py"):
            wrong = await self._inside("lint", before, text, path)
            if isinstance(wrong, ActionError):
                return wrong
            if wrong:
                shown = shown_around(text, int(wrong["line"]))
                return ActionError(f"{path} would not compile, so nothing was changed. {wrong['what']}\n{shown}")
        old = None if before is None else before.encode()
        await self._session.write(path, text)
        self._edits += (Edit(path, old, text.encode()),)
        self._shown = f"{path} now reads\n{shown_around(text, place)}"
        await self._take_stock()
        return None

    async def _on_undo(self, arguments: Mapping[str, JSON]) -> ActionError | None:
        if not self._edits:
            return ActionError("undo: no edit is left to take back; what commands changed is not kept")
        last = self._edits[-1]
        try:
            present: bytes | None = await self._session.read(last.path)
        except FileRefused:
            present = None
        if present != last.after:
            return ActionError(
                f"undo: {last.path} was changed by a command since; `git diff {last.path}` shows how, edit it instead"
            )
        if last.before is None:
            await self._session.run(["rm", "--", last.path])
        else:
            await self._session.write(last.path, last.before)
        self._edits = self._edits[:-1]
        self._shown = f"{last.path} is " + ("gone again" if last.before is None else "what it was before the edit")
        await self._take_stock()
        return None

    # ---- running

    async def _on_run(self, arguments: Mapping[str, JSON]) -> None:
        await self._run(arguments["command"])

    async def _on_run_tests(self, arguments: Mapping[str, JSON]) -> None:
        names = arguments.get("names", [])
        await self._run([*TEST_COMMANDS[self._runner], *(names.split() if isinstance(names, str) else names)])

    async def _run(self, command: Sequence[str] | str) -> None:
        result = await self._session.run(command, env=RUN_ENV, wall_s=min(COMMAND_S, self._session.limits.wall_s))
        self._shown = self._steady(_told(result))
        await self._take_stock()

    async def _on_submit(self, arguments: Mapping[str, JSON]) -> ActionError | Done:
        patch = await self.patch()
        if patch.problem:
            return ActionError(f"submit: {patch.problem}")
        return Done(stop=StopReason.ANSWERED, answer=patch.text)

    _acts: Mapping[str, Callable[[RepoWorld, Mapping[str, JSON]], Awaitable[ActionError | Done | None]]] = {
        "view": _on_view,
        "search": _on_search,
        "find_file": _on_find_file,
        "edit": _on_edit,
        "create": _on_create,
        "undo": _on_undo,
        "run": _on_run,
        "run_tests": _on_run_tests,
        "submit": _on_submit,
    }

    async def patch(self) -> Patch:
        """What differs from the base commit; see `environments.repo.changes.diff`."""
        return await diff(self._session, self._checkout)

    async def _take_stock(self) -> None:
        self._stock = await take_stock(self._session, self._checkout)

    # ---- small things

    async def _text(self, path: str) -> str | ActionError:
        try:
            return (await self._session.read(path, max_bytes=LARGEST_FILE)).decode()
        except UnicodeDecodeError:
            return ActionError(f"{path} is no text in UTF-8; use run to look at it or change it")

    async def _similar(self, path: str) -> str:
        found = await self._inside("find", path.rpartition("/")[2])
        paths = [] if isinstance(found, ActionError) else found["paths"][:5]
        return f"; did you mean {' or '.join(paths)}?" if paths else "; find_file and view `.` show what there is"

    async def _inside(self, function: str, *arguments: JSON) -> JSON | ActionError:
        """The answer of a function of `inside/files.py`."""
        code = f"{inside('files.py')}\n{function}({', '.join(map(repr, arguments))})"
        result = await self._session.python(code, wall_s=LOOK_S)
        if result.ok:
            return result.data
        why = result.detail or (result.error.message if result.error else f"exit code {result.exit_code}")
        return ActionError(f"{function} did not get done: {why}")

    def _show(self, seen: str | ActionError) -> ActionError | None:
        if isinstance(seen, ActionError):
            return seen
        self._shown = seen
        return None

    def _steady(self, text: str) -> str:
        """The text without what differs from run to run."""
        for pattern, instead in CHANGING:
            text = pattern.sub(instead, text)
        return text.replace(self._folder, "/work") if len(self._folder) > 1 else text


def _listed(lines: Sequence[str], count: int, *, what: str) -> str:
    head = f"{count} {what}" + (f"; the first {len(lines)}:" if count > len(lines) else "")
    return "\n".join([head, *lines])


def _told(result: Result) -> str:
    """A command's result as text: output, errors and end, each cut in its middle where it is long."""
    parts = [_cut(text.rstrip("\n")) for text in (result.stdout, result.stderr) if text.strip()]
    if result.stop is not None:
        parts.append(f"stopped: {result.detail or result.stop.value}")
    elif result.signal is not None:
        parts.append(f"ended by signal {result.signal}")
    else:
        parts.append(f"exit code {result.exit_code}")
    return "\n".join(parts)


def _cut(text: str) -> str:
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return f"{text[:half]}\n… {len(text) - SHOWN} characters left out …\n{text[-half:]}"
