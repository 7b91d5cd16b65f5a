"""Count, from outside, the processes that bear an attack's mark, and what they hold."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Peak", "Watch", "marked", "wait_until_gone"]

PERIOD_S = 0.03


@dataclass(frozen=True, slots=True)
class Peak:
    """The most at any one look. Zeros where nobody looked."""

    processes: int = 0
    threads: int = 0
    memory_bytes: int = 0
    """What they hold together; a page that several share counts once."""
    root: bool = False
    """Whether one of them was root, as the host sees it."""


def marked(mark: str) -> list[int]:
    """Living processes of this machine whose name or command line is or holds the mark."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            name, _, rest = Path(entry.path, "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            command = Path(entry.path, "cmdline").read_bytes()
        except OSError:
            continue  # It ended while we looked.
        alive = rest.split()[0] not in "ZX"
        if alive and (name == mark or mark.encode() in command):
            found.append(int(entry.name))
    return found


class Watch:
    """Look every 30 ms while in use; `peak` is the most that was seen."""

    def __init__(self, mark: str, *, active: bool = True) -> None:
        """Watch processes of that mark; one that is not active sees nothing and costs nothing."""
        self.mark, self.active, self.peak = mark, active, Peak()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        if self.active:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        if self.active:
            self._thread.join()

    def _look_on(self) -> None:
        while not self._ended.wait(PERIOD_S):
            self._look()

    def _look(self) -> None:
        pids = marked(self.mark)
        seen = Peak(len(pids), sum(map(threads_of, pids)), sum(map(held_by, pids)), any(map(is_root, pids)))
        self.peak = Peak(
            max(seen.processes, self.peak.processes),
            max(seen.threads, self.peak.threads),
            max(seen.memory_bytes, self.peak.memory_bytes),
            seen.root or self.peak.root,
        )


def held_by(pid: int) -> int:
    """Bytes that are of no file, shared pages divided among those who share them; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(count) for count in re.findall(r"^Pss_(?:Anon|Shmem): +(\d+) kB", text, re.MULTILINE)) * 1024


def is_root(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == 0 and b"\nUid:\t0\t" in Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return False


def threads_of(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


async def wait_until_gone(mark: str, *, within_s: float) -> list[int]:
    """The marked processes that are still there after so long; returns at once when there is none."""
    deadline = time.monotonic() + within_s
    while (left := marked(mark)) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return left
