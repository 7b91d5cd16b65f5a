"""What processes there are below the supervisor, what they use, and their end.

Orphans come to the supervisor, as it is the first process of its namespace or has asked for them. So whatever a run
started and however it hid it, all of it is below, and when there are no children there is nothing.
"""

from __future__ import annotations

import os
import signal
import time

__all__ = ["alive", "cpu_seconds", "descendants", "memory_bytes", "reap", "sweep"]

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SWEEP_LIMIT_S = 10.0


def descendants() -> list[int]:
    """The processes below this one, dead ones that nobody has waited for left out."""
    me = os.getpid()
    found = _all_but_first() if me == 1 else _below(me)
    return [pid for pid in found if alive(pid)]


def _all_but_first() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def _below(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            children = [int(word) for word in _read(f"/proc/{parent}/task/{thread}/children").split()]
            found += children
            waiting += children
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second, the name, may hold anything."""
    return _read(f"/proc/{pid}/stat").rpartition(") ")[2].split()


def alive(pid: int) -> bool:
    """Whether anything of a process still runs. A first thread that has ended looks dead while others go on."""
    fields = _fields(pid)
    return bool(fields) and (fields[0] not in "ZX" or int(fields[17]) > 1)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of those of its children that it has waited for."""
    fields = _fields(pid)
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def memory_bytes(pids: list[int], *, worth_a_look: int) -> int:
    """Memory of processes together.

    Pages that several of them share are counted once to each, which is quick, unless that reaches `worth_a_look`: then
    each gets its share.
    """
    quick = sum(int(fields[21]) * PAGE for fields in map(_fields, pids) if fields)
    if quick < worth_a_look:
        return quick
    return sum(map(_share, pids))


def _share(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    fields = _fields(pid)
    return int(fields[21]) * PAGE if fields else 0


def reap() -> tuple[dict[int, int], bool]:
    """Wait for every child that has ended. Returns statuses by process, and whether children are left."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, False
        if pid == 0:
            return ended, True
        ended[pid] = status


def sweep(*, spare: set[int]) -> dict[int, int]:
    """Kill everything below but `spare`, and wait until it is gone. Returns the statuses of children that ended.

    Everything is stopped first, so that nothing can fork while it is being killed; the spared ones are too.

    Raises:
        TimeoutError: something did not die.
    """
    ended, left = reap()
    deadline = time.monotonic() + SWEEP_LIMIT_S
    while left:
        doomed = [pid for pid in descendants() if pid not in spare]
        if not doomed:
            ended.update(reap()[0])
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):
            if os.getpid() == 1 and number == signal.SIGSTOP:
                _send(-1, number)
                doomed = [pid for pid in descendants() if pid not in spare]
                continue
            for pid in doomed:
                _send(pid, number)
        more, left = reap()
        ended.update(more)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(doomed)} processes did not die within {SWEEP_LIMIT_S:g} s")
        time.sleep(0.0002)
    return ended


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
