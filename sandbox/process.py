r"""No isolation: a plain child of this program in a folder of its own. For code that you would run yourself.

What it does keep: a work folder that is removed afterwards, an environment without this program's variables, the limits
of a session as far as rlimits and a watch four times a second can keep them, and an end to all that was started.

What it does not: the code runs as you, reads and writes whatever you can, sees and kills your processes (the supervisor
and this program too), and has the whole network, whatever `network` says. A program that empties its own environment
and detaches itself after killing the supervisor is not found again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from sandbox.contracts import NO_NETWORK, Limits, Network, SandboxUnavailable, Session
from sandbox.inside import sources
from sandbox.inside.files import FOLDER, remove
from sandbox.session import open_session

__all__ = ["Process", "prune"]

log = logging.getLogger(__name__)

DEFAULTS = Limits()
MARK = "AGENTKIT_SANDBOX"
"""Variable by which processes of a session are found again."""
PREFIX = "agentkit-process-"
"""Of a session's folder; then the number of the process that opened it, and when that was started."""
LOOK_S = 0.25
BUFFER = 2**20
UNSAFE = "the `process` sandbox isolates nothing: the code runs as you, with your files and your network"


class Process:
    """Runs code without isolation. See the module for what that means."""

    name = "process"
    isolation: Literal["none"] = "none"

    def __init__(self, *, unsafe: bool = False, python: str | None = None, packages: Path | None = None) -> None:
        """Make one; nothing is started.

        Args:
            unsafe: must be True, so that it is never chosen by mistake.
            python: the interpreter, 3.9 or later; this program's own by default.
            packages: a folder of importable packages for the code.

        Raises:
            SandboxUnavailable: `unsafe` was not given.
        """
        if not unsafe:
            raise SandboxUnavailable(f"{UNSAFE}. If that is what you want, ask for it with unsafe=True")
        self.python = python or sys.executable
        self.packages = packages

    async def open(self, limits: Limits = DEFAULTS, *, network: Network = NO_NETWORK) -> Session:
        """Start a session, and say in the log that it is not isolated."""
        log.warning("unsafe: %s", UNSAFE)
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{_started(os.getpid())}-"))
        try:
            link = await self._launch(folder, limits)
        except BaseException:
            shutil.rmtree(folder)
            raise
        return await open_session(self, link, limits=limits, network=network)

    async def _launch(self, folder: Path, limits: Limits) -> _ProcessLink:
        for name in ("work", "tmp", "inside"):
            (folder / name).mkdir()
        for name, data in sources().items():
            (folder / "inside" / name).write_bytes(data)
        complaints = (folder / "complaints").open("wb")
        packages = ["--packages", str(self.packages.resolve())] if self.packages else []
        try:
            process = await asyncio.create_subprocess_exec(
                # As `-I -S`, but that the variable for the order of sets is heeded.
                *(self.python, "-s", "-S", str(folder / "inside" / "supervisor.py")),
                *("--work", str(folder / "work"), "--tmp", str(folder / "tmp"), *packages),
                *("--rlimit", f"as={limits.memory_bytes * 2 + 2**30}", "--mark", f"{MARK}={folder.name}"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                env={"PYTHONHASHSEED": "0", MARK: folder.name},
                start_new_session=True,
                limit=BUFFER,
            )
        except OSError as error:
            raise SandboxUnavailable(f"cannot start {self.python!r}: {error.strerror}; give python=PATH") from None
        finally:
            complaints.close()
        return _ProcessLink(process, folder, limits)

    async def close(self) -> None:
        """Nothing is kept between sessions."""


def prune() -> list[str]:
    """Remove the folders of sessions whose programs died without closing them; says which."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*-*"):
        pid, started = folder.name.removeprefix(PREFIX).split("-")[:2]
        if started != _started(int(pid)):
            for left in _belonging(-1, f"{MARK}={folder.name}"):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(left, signal.SIGKILL)
            _remove_folder(folder)
            removed.append(f"folder {folder}")
    return removed


def _started(pid: int) -> str:
    """When a process was started, in ticks since the machine was; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()[19]
    except OSError:
        return ""


class _ProcessLink:
    """A supervisor that is a child of this program."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.reader = process.stdout
        self._process, self._folder, self._limits = process, folder, limits
        self._stdin = process.stdin
        self._reason = ""
        self._killing: asyncio.Task[None] | None = None
        self._watching = asyncio.create_task(self._watch())

    def write(self, data: bytes) -> None:
        self._stdin.write(data)

    async def drain(self) -> None:
        await self._stdin.drain()

    async def wait(self) -> str:
        await self._process.wait()
        return self._reason or self._complaint()

    def _complaint(self) -> str:
        """What the interpreter said on stderr; nothing once the supervisor is at work."""
        with suppress(OSError):  # removed already
            return (self._folder / "complaints").read_text(errors="replace")[-2000:].strip()
        return ""

    def oom_kills(self) -> int:
        """Cannot be known without a control group."""
        return 0

    def file_kills(self) -> int:
        """A session with too many files is ended as a whole."""
        return 0

    async def kill(self) -> None:
        if self._killing is None:
            self._killing = asyncio.create_task(self._end())
        await asyncio.shield(self._killing)

    async def _end(self) -> None:
        self._watching.cancel()
        for _ in range(100):
            found = await asyncio.to_thread(_belonging, self._process.pid, f"{MARK}={self._folder.name}")
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            if not found:
                break
            await asyncio.sleep(0.01)
        self._process._transport.close()  # type: ignore[attr-defined]  # Python 3.11.2 waits for unread output else
        await self._process.wait()
        self._reason = self._reason or self._complaint()
        self._stdin.close()
        await asyncio.to_thread(_remove_folder, self._folder)

    async def _watch(self) -> None:
        """End the session when its files are too many or too large: nothing else limits them here."""
        limits, took_s = self._limits, 0.0
        while True:
            await asyncio.sleep(max(LOOK_S, 10 * took_s))
            start = time.monotonic()
            for name in ("work", "tmp"):
                files, size = await asyncio.to_thread(_usage, str(self._folder / name), limits.files)
                if files > limits.files or size > limits.file_bytes:
                    self._reason = "files"
                    self._killing = self._killing or asyncio.create_task(self._end())
                    return
            took_s = time.monotonic() - start


def _belonging(pid: int, mark: str) -> list[int]:
    """The supervisor, all below it, and processes that carry the mark of the session. Not those that are dead."""
    parents: dict[int, int] = {}
    marked = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (path / "stat").read_text(errors="replace").rpartition(") ")[2].split()
            if fields[0] in "ZX":
                continue
            number = int(path.name)
            parents[number] = int(fields[1])
            if mark.encode() in (path / "environ").read_bytes():
                marked.add(number)
    found = (marked | {pid}) & parents.keys()
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def _usage(folder: str, most: int) -> tuple[int, int]:
    """How many files are in a folder and below, and how much room they take. Counts no further than `most`."""
    files = size = 0
    for above, folders, names in os.walk(folder):
        for name in (*folders, *names):
            with suppress(OSError):
                size += os.lstat(f"{above}/{name}").st_blocks * 512
        files += len(folders) + len(names)
        if files > most:
            break
    return files, size


def _remove_folder(folder: Path) -> None:
    parent = os.open(folder.parent, FOLDER)
    try:
        remove(parent, folder.name)
    finally:
        os.close(parent)
