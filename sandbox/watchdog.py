"""What the kernel does not count for us, looked at from outside every 20 ms: files, and memory without control groups.

A tmpfs takes a size but bwrap gives it no number of files, so they are counted here. Where control groups cannot be
written, memory is added up over the sandbox's processes and folders too. What grows fast is over its limit for up to
one period before it is seen; the limits of the tmpfs folders and of processes hold in that time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sandbox.contracts import Limits, Stop

__all__ = ["PERIOD_S", "Watchdog", "descendants"]

PERIOD_S = 0.02
KILL_ROUNDS = 20
FOLDERS = ("work", "tmp", "dev/shm")
KILOBYTE = 1024


class Watchdog:
    """Watches the sandbox whose first process is `pid`. Call `look` every `PERIOD_S`, and `close` at the end.

    It must begin after the sandbox has its own root folder and before anything untrusted runs in it.
    """

    def __init__(self, pid: int, limits: Limits, *, memory: bool) -> None:
        self._pid, self._limits, self._memory = pid, limits, memory
        root = Path(f"/proc/{pid}/root")
        self._folders = [os.open(root / name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for name in FOLDERS]
        self._tolerated = [limits.files] * len(FOLDERS)
        self._dying = False
        self._own = {State.of(child).identity for child in descendants(pid)}

    def look(self) -> Stop | None:
        """The limit that is exceeded now, if one is.

        For files that is said again only when there are still more: what was stopped once may be tidied up. What is
        being killed may still make a few, for which the next run is not to blame.
        """
        used = 0
        over = False
        for place, folder in enumerate(self._folders):
            found = os.fstatvfs(folder)
            used += (found.f_blocks - found.f_bfree) * found.f_frsize
            # A tmpfs counts its own root as one.
            files = found.f_files - found.f_ffree - 1
            over = over or (files > self._tolerated[place] and not self._dying)
            self._tolerated[place] = max(files, self._limits.files)
        self._dying = False
        if over:
            return Stop.FILES
        return Stop.MEMORY if self._memory and self._over_memory(used) else None

    def _over_memory(self, used: int) -> bool:
        """Add up quickly, shared pages once for each that shares them; and exactly only where that is too much."""
        pids = [self._pid, *descendants(self._pid)]
        limit = self._limits.memory_bytes - used
        if sum(map(resident, pids)) <= limit:
            return False
        return sum(map(proportional, pids)) > limit

    def kill(self) -> bool:
        """Kill what runs, until nothing does or it is born faster than it dies; whether there was anything.

        What is stopped can do no more, and the supervisor has stopped an interpreter that waits for its next snippet.
        So that stays, as does what the supervisor started for itself.
        """
        any_killed = False
        for _ in range(KILL_ROUNDS):
            found = map(State.of, descendants(self._pid))
            doomed = [state.pid for state in found if state.running and state.identity not in self._own]
            for pid in doomed:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not doomed:
                break
            self._dying = any_killed = True
        return any_killed

    def close(self) -> None:
        """Let go of the folders. May be called twice."""
        while self._folders:
            os.close(self._folders.pop())


class State(NamedTuple):
    """Whether a process can do anything, and when it began, which tells it from a later one with its number."""

    pid: int
    began: str
    running: bool

    @classmethod
    def of(cls, pid: int) -> State:
        with suppress(OSError):
            # The name of a process is its own to choose, any bytes and brackets included.
            _, _, rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")
            fields = rest.decode().split()
            return cls(pid, fields[19], fields[0] not in "TtZX")
        return cls(pid, "", running=False)

    @property
    def identity(self) -> tuple[int, str]:
        return self.pid, self.began


def descendants(pid: int) -> Iterator[int]:
    """The processes below `pid`, each after its parent. Of a pid namespace's first process: all others in it."""
    waiting = [pid]
    while waiting:
        found = children(waiting.pop())
        yield from found
        waiting += found


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def resident(pid: int) -> int:
    """Bytes that a process holds in memory and swap, without those of programs and libraries."""
    return kilobytes(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:", b"VmSwap:")) * KILOBYTE


def proportional(pid: int) -> int:
    """The same, shared pages divided by those who share them. Where that may not be read: `resident`."""
    total = kilobytes(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")) * KILOBYTE
    return total or resident(pid)


def kilobytes(path: str, names: Sequence[bytes]) -> int:
    """The sum of those lines; 0 where the process is gone."""
    with suppress(OSError):
        lines = (line.split() for line in Path(path).read_bytes().splitlines())
        return sum(int(words[1]) for words in lines if words and words[0] in names)
    return 0
