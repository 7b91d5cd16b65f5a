"""Waiting for descriptors and times, in one thread: forking from a process with threads is not safe."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Loop", "Timer"]

PIECE = 64 * 1024


class Timer:
    """Something to be called at a time, unless cancelled before."""

    def __init__(self, when: float, call: Callable[[], object]) -> None:
        self.when, self.call = when, call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Calls back when a descriptor is ready or a time has come."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._watched: dict[int, Callable[[], object]] = {}
        self._unwritten: dict[int, bytearray] = {}
        self._timers: list[Timer] = []

    def watch(self, fd: int, call: Callable[[], object], *, write: bool = False) -> None:
        """Call back whenever the descriptor can be read, or written to; also at its end or failure."""
        self._watched[fd] = call
        self._poll.register(fd, select.POLLOUT if write else select.POLLIN)

    def forget(self, fd: int) -> None:
        """Watch it no more, and write no more to it."""
        self._unwritten.pop(fd, None)
        if self._watched.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], object]) -> Timer:
        timer = Timer(time.monotonic() + seconds, call)
        self._timers.append(timer)
        return timer

    def write(self, fd: int, data: bytes, *, close: bool = False) -> None:
        """Write to a non-blocking descriptor as its reader takes it, after what it was given before.

        Given up when the reader is gone.
        """
        waiting = self._unwritten.get(fd)
        if waiting is not None:
            waiting += data
            return
        self._unwritten[fd] = bytearray(data)

        def go_on() -> None:
            left = self._unwritten[fd]
            try:
                while left:
                    del left[: os.write(fd, left[:PIECE])]
            except BlockingIOError:
                return
            except OSError:
                pass
            self.forget(fd)
            if close:
                os.close(fd)

        self.watch(fd, go_on, write=True)
        go_on()

    def turn(self) -> None:
        """Wait for the next event and call back all that are due."""
        self._timers = [timer for timer in self._timers if not timer.cancelled]
        wait = None
        if self._timers:
            wait = max(0.0, min(timer.when for timer in self._timers) - time.monotonic()) * 1000 + 0.5
        for fd, _ in self._poll.poll(wait):
            call = self._watched.get(fd)
            if call is not None:
                call()
        now = time.monotonic()
        for timer in [timer for timer in self._timers if timer.when <= now]:
            if not timer.cancelled:
                timer.cancel()
                timer.call()
