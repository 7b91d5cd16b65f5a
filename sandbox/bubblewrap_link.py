"""A running bubblewrap sandbox, seen from outside: its pipes, its limits, its watchdog and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from sandbox.cgroups import ControlGroup
from sandbox.contracts import Limits, SandboxBroken, SandboxUnavailable, Stop
from sandbox.leases import Lease
from sandbox.watchdog import PERIOD_S, Watchdog

__all__ = ["BubblewrapLink"]

BUFFER = 256 * 1024
"""Bytes waiting to be read, above which the sandbox is not read from until they are."""
KEPT_STDERR = 4096
START_LIMIT_S = 30.0
END_LIMIT_S = 10.0
"""How long a killed sandbox may take to be gone, on a machine that is very busy."""
EMPTY_CHECKS = 100
"""How often a control group is looked at again until its last process has left it."""
KILLED_CODES = (-signal.SIGKILL, 128 + signal.SIGKILL)


class BubblewrapLink:
    """A started sandbox. `kill` is to be called once it is no longer needed, however it ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], info: BinaryIO, *, lease: Lease, group: ControlGroup | None
    ) -> None:
        """Take over a bwrap that was just started, with all three pipes and its `--info-fd`."""
        self.reader = asyncio.StreamReader(limit=BUFFER)
        self._process, self._info, self._lease, self._group = process, info, lease, group
        self._counted = group is not None
        self._outlet = Outlet()
        self._stdin: asyncio.WriteTransport | None = None
        self._complaints = asyncio.StreamReader(limit=KEPT_STDERR)
        self._transports: list[asyncio.BaseTransport] = []
        self._ended = asyncio.Event()
        self.pid = 0
        """The first process inside, by its number outside."""
        self._pidfd = -1
        self._watchdog: Watchdog | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._stops = {Stop.MEMORY: 0, Stop.FILES: 0}
        self._oom_kills = 0
        self._killing: asyncio.Task[None] | None = None
        self._killed = False

    # ---- beginning

    async def attach(self) -> None:
        """Connect to bwrap's pipes, and have what it started counted before that runs anything untrusted.

        Raises:
            SandboxUnavailable: it did not start; the message is bwrap's own.
        """
        loop = asyncio.get_running_loop()
        ending = os.pidfd_open(self._process.pid)
        loop.add_reader(ending, self._exited, ending)
        process, facts = self._process, asyncio.StreamReader()
        for reader, pipe in ((self.reader, process.stdout), (self._complaints, process.stderr), (facts, self._info)):
            self._transports.append(await read_into(reader, pipe))
        self._stdin, _ = await loop.connect_write_pipe(lambda: self._outlet, process.stdin)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                self.pid = json.loads(await facts.readuntil(b"}"))["child-pid"]
            self._pidfd = os.pidfd_open(self.pid)
            # A number may have passed to another process; the descriptor then is that one's.
            if f"\nPPid:\t{process.pid}\n" not in Path(f"/proc/{self.pid}/status").read_text(errors="replace"):
                raise ProcessLookupError(self.pid)
            self._count()
        except (asyncio.IncompleteReadError, TimeoutError, OSError) as error:
            raise SandboxUnavailable(await self.complaint() or repr(error)) from None

    def _count(self) -> None:
        """Move what was started into the control group; where that fails, memory is the watchdog's."""
        try:
            for pid in (self._process.pid, self.pid):
                if self._group:
                    self._group.add(pid)
        except OSError:
            self._counted = False

    def watch(self, limits: Limits) -> None:
        """Begin to look every `PERIOD_S`: once the supervisor has answered, as the root folder is its own by then."""
        self._watchdog = Watchdog(self.pid, limits, memory=not self._counted)
        self._look()

    def _look(self) -> None:
        # First, so that no failure ends the watch.
        self._next_look = asyncio.get_running_loop().call_later(PERIOD_S, self._look)
        self._judge()

    def _judge(self) -> None:
        """Stop what is above a limit. Memory that only waits is nobody's fault; files are, however soon it was over."""
        watchdog = self._watchdog
        stop = watchdog.look() if watchdog else None
        if watchdog and stop and (watchdog.kill() or stop is Stop.FILES):
            self._stops[stop] += 1

    # ---- the connection

    def write(self, data: bytes) -> None:
        """Send bytes to the supervisor's stdin; they wait in memory until it reads them (see `drain`)."""
        if self._stdin:
            self._stdin.write(data)

    async def drain(self) -> None:
        """Wait until what was written has mostly gone out.

        Raises:
            SandboxBroken: the sandbox is gone.
        """
        await self._outlet.ready.wait()
        if self._outlet.lost:
            raise SandboxBroken("the sandbox has ended; open another one")

    def oom_kills(self) -> int:
        """How many times something in it was killed for memory since its start."""
        if self._group:
            self._oom_kills = max(self._oom_kills, self._group.oom_kills())
        return self._oom_kills + self._stops[Stop.MEMORY]

    def file_kills(self) -> int:
        """How many times its programs were found to have made too many files, and killed where they still ran."""
        self._judge()
        return self._stops[Stop.FILES]

    async def complaint(self) -> str:
        """What bwrap printed on stderr until it ended, or until now."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return (await self._complaints.read()).decode(errors="replace").strip()[-KEPT_STDERR:]
        return ""

    # ---- the end

    def _exited(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self._process.wait()
        self._ended.set()

    async def wait(self) -> str:
        """Return when the sandbox is gone: "killed" by `kill`, "memory", or "" for any other reason."""
        await self._ended.wait()
        if self._killed:
            return "killed"
        return "memory" if self.oom_kills() and self._process.returncode in KILLED_CODES else ""

    async def kill(self) -> None:
        """End it and free everything. Goes on when the caller is cancelled; may be called again."""
        if self._killing is None:
            self._killed = not self._ended.is_set()
            self._killing = asyncio.create_task(self._end())
        await asyncio.shield(self._killing)

    async def _end(self) -> None:
        if self._next_look:
            self._next_look.cancel()
        self.oom_kills()
        # The first process takes all others of its namespace with it, and bwrap ends once it has seen that.
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        else:
            self._process.kill()
        try:
            async with asyncio.timeout(END_LIMIT_S):
                await self._ended.wait()
        except TimeoutError:
            self._process.kill()
            await self._ended.wait()
        await self._free()

    async def _free(self) -> None:
        for transport in self._transports:
            transport.close()
        if self._stdin and not self._outlet.lost:
            self._stdin.abort()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr, self._info):
            if pipe:
                pipe.close()
        if self._watchdog:
            self._watchdog.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
        for _ in range(EMPTY_CHECKS):
            if self._group is None or self._group.remove():
                self._lease.release()
                return
            await asyncio.sleep(PERIOD_S)
        self._lease.abandon()


async def read_into(reader: asyncio.StreamReader, pipe: IO[bytes] | None) -> asyncio.BaseTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return transport


class Outlet(asyncio.BaseProtocol):
    """Knows whether more can be written."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.lost = False

    def pause_writing(self) -> None:
        self.ready.clear()

    def resume_writing(self) -> None:
        self.ready.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.ready.set()
