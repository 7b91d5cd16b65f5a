"""One run: a child started, watched, stopped where it must be, and all that it started ended with it."""

from __future__ import annotations

import os
import resource
import signal

from sandbox.inside import processes
from sandbox.inside.frames import Broken, Buffer, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.inside.frames import Header
    from sandbox.inside.loop import Loop, Timer
    from sandbox.inside.spawn import Child

__all__ = ["Allowance", "Run"]

CHUNK = 64 * 1024
TICK_S = 0.025
"""Seconds between two looks at what a run uses."""
GRACE_S = 1.0
"""Seconds that an interpreter has to heed an interruption."""
ANSWER_BYTES = 4 * 2**20


class Allowance:
    """What one run may use."""

    def __init__(self, *, wall_s: float, cpu_s: float, output_bytes: int, memory_bytes: int) -> None:
        self.wall_s, self.cpu_s = wall_s, cpu_s
        self.output_bytes, self.memory_bytes = output_bytes, memory_bytes


class Run:
    """A command or snippet under way. `ended` is called once, when nothing of it is left."""

    def __init__(
        self,
        number: int,
        child: Child,
        *,
        loop: Loop,
        send: Callable[[Header, bytes], None],
        allowance: Allowance,
        lasting: bool,
        others: Callable[[], set[int]],
        ended: Callable[[bool], None],
    ) -> None:
        self.number, self.child, self.lasting = number, child, lasting
        self.token = os.urandom(16).hex()
        self._loop, self._send, self._allowance = loop, send, allowance
        self._others, self._ended = others, ended
        self._room = allowance.output_bytes
        self._stop = ""
        self._answer: bytes | None = None
        self._calling = False
        self._buffer = Buffer(header=CHUNK, payload=ANSWER_BYTES)
        self._open = {child.out: "stdout", child.err: "stderr"}
        self._spent_before = _children_cpu()
        self._own_before = processes.cpu_seconds(child.pid) if lasting else 0.0
        self._timers: list[Timer] = [loop.later(allowance.wall_s, lambda: self.stop("wall_time"))]
        self._begin()

    def _begin(self) -> None:
        for fd in self._open:
            self._loop.watch(fd, lambda fd=fd: self._read_output(fd))  # type: ignore[misc]
        if self.child.answers >= 0:
            self._loop.watch(self.child.answers, self._read_answers)
        self._timers.append(self._loop.later(TICK_S, self._tick))

    # ---- from outside

    def ask(self, header: Header, payload: bytes) -> None:
        """Send a request to the interpreter."""
        self._loop.write(self.child.feed, encode(dict(header, token=self.token), payload))

    def answer(self, payload: bytes) -> None:
        """Give what a function of the host returned to the code that called it."""
        if self._calling:
            self._calling = False
            self.ask({"type": "answer"}, payload)

    def stop(self, why: str) -> None:
        """Stop it; an interpreter that is to last is interrupted first, and killed if that does not help."""
        if self._stop:
            return
        self._stop = why
        if self.lasting and why in ("wall_time", "cpu_time", "output", "killed"):
            _send_signal(-self.child.pid, signal.SIGINT)
            self._timers.append(self._loop.later(GRACE_S, self._kill))
        else:
            self._kill()

    def _kill(self) -> None:
        _send_signal(self.child.pid, signal.SIGKILL)

    def child_ended(self, status: int) -> None:
        """The first process has been waited for."""
        self._finish(status)

    # ---- while it runs

    def _tick(self) -> None:
        others = self._others()
        live = [pid for pid in processes.descendants() if pid not in others]
        if self._cpu(live) > self._allowance.cpu_s:
            self.stop("cpu_time")
        most = self._allowance.memory_bytes
        if processes.memory_bytes(live, worth_a_look=most) > most:
            self._stop = self._stop or "memory"
            self._kill()
        self._timers = [timer for timer in self._timers if not timer.cancelled]
        self._timers.append(self._loop.later(TICK_S, self._tick))

    def _cpu(self, live: list[int]) -> float:
        """Seconds used: by what lives, and by what was waited for, less what was used before."""
        now = sum(map(processes.cpu_seconds, live)) + _children_cpu()
        return max(0.0, now - self._spent_before - self._own_before)

    def _read_output(self, fd: int) -> bool:
        """Pass on a piece of output. False when there is no more now."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.forget(fd)
            return False
        if self._room and not (self._stop and self._stop == "output"):
            self._send({"type": "output", "id": self.number, "stream": self._open[fd]}, data[: self._room])
        if len(data) > self._room:
            self.stop("output")
        self._room = max(0, self._room - len(data))
        return True

    def _read_answers(self) -> bool:
        """Take in what the interpreter says. False when there is no more now."""
        try:
            data = os.read(self.child.answers, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.forget(self.child.answers)
            if self.lasting:  # closed by the code: nothing can be asked of it any more
                self._kill()
            return False
        try:
            for header, payload in self._buffer.feed(data):
                self._take(header, payload)
        except Broken:
            # The code wrote to a descriptor that is not its own.
            self._loop.forget(self.child.answers)
            self._answer = None
            self._kill()
            return False
        return True

    def _take(self, header: Header, payload: bytes) -> None:
        if header.get("token") != self.token or self._answer is not None:
            raise Broken("not the answer to this request")
        if header["type"] == "call" and not self._calling and isinstance(header.get("name"), str):
            self._calling = True
            self._send({"type": "call", "id": self.number, "name": header["name"][:200]}, payload)
        elif header["type"] == "result":
            self._answer = payload
            if self.lasting:
                self._finish(None)
        else:
            raise Broken("no call and no result")

    # ---- the end

    def _finish(self, status: int | None) -> None:
        """End all that is left, read what was printed, and tell."""
        for timer in self._timers:
            timer.cancel()
        for fd in [*self._open, self.child.answers]:
            self._loop.forget(fd)
        alive = status is None
        spare = self._others() | ({self.child.pid} if alive else set())
        if alive:
            cpu_s = self._cpu([self.child.pid])
            _send_signal(self.child.pid, signal.SIGSTOP)
        ended = processes.sweep(spare=spare)
        if alive and self.child.pid in ended:
            alive, status = False, ended[self.child.pid]
        if not alive:
            cpu_s = self._cpu([])
            while self.child.answers >= 0 and self._answer is None and self._read_answers():
                pass
        for fd in self._open:
            while self._read_output(fd):
                pass
        if not alive:
            self._loop.forget(self.child.feed)
            self.child.close()
        self._ended(alive)
        self._send(dict(self._how(status), cpu_s=cpu_s, alive=alive), self._answer or b"")

    def _how(self, status: int | None) -> Header:
        told: Header = {"type": "done", "id": self.number, "stop": self._stop, "exit_code": None, "signal": None}
        if status is None:
            return told
        if os.WIFSIGNALED(status):
            told["signal"] = os.WTERMSIG(status)
            if not self._stop and told["signal"] == signal.SIGXCPU:
                told["stop"] = "cpu_time"
            if not self._stop and told["signal"] == signal.SIGXFSZ:
                told["stop"] = "files"
        else:
            told["exit_code"] = os.WEXITSTATUS(status)
        return told


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _send_signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
