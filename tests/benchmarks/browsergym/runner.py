"""A side of the benchmark as a child process, with the processor time of it and everything it started."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Runner"]

REST_S = 0.05
"""After a reply, before the processor time is read: what the browser still does then belongs to that step."""


class Runner:
    """Sends requests as lines of JSON and reads one line for each."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: dict[str, str]) -> None:
        self.name = name
        self._command, self._environment = command, environment

    def __enter__(self) -> Runner:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, env=self._environment, text=True, **pipes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The reply, with `cpu`: processor seconds of the whole process tree, from the request to a moment after.

        Raises:
            RuntimeError: the side could not do it; the message is its own.
        """
        before = cpu_by_process(self._process.pid)
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        reply = json.loads(line) if line else {"failed": f"ended with status {self._process.wait()}"}
        if "failed" in reply:
            raise RuntimeError(f"{self.name} could not {do}: {reply['failed']}")
        time.sleep(REST_S)
        after = cpu_by_process(self._process.pid)
        return reply | {"cpu": sum(used - before.get(pid, 0.0) for pid, used in after.items())}


def cpu_by_process(root: int) -> dict[int, float]:
    """Seconds of processor time of a process and of each of its living descendants (Linux)."""
    children = defaultdict(list)
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[parent].append(int(status.parent.name))
    used: dict[int, float] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        try:
            used[pid] = time.clock_gettime(clock_of(pid))
        except OSError:
            continue
    return used


def clock_of(pid: int) -> int:
    """The kernel's number for the processor-time clock of a process, precise to nanoseconds (clock_getcpuclockid)."""
    return (~pid << 3) | 2


if sys.platform != "linux":
    raise ImportError("the benchmark reads processor time from /proc, which only Linux has")
