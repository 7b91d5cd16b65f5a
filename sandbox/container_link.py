"""The connection to a container's main process, and the end of the container."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from pathlib import Path
from typing import Any

from sandbox.contracts import SandboxBroken, SandboxError
from sandbox.engine import Engine, engine_errors

__all__ = ["ContainerLink", "Demultiplexer", "remove"]

HEADER = 8
"""Bytes before each piece of output: the stream's number, three zeros, and the piece's length, big-endian."""
STDOUT, STDERR = 1, 2
BUFFER = 256 * 1024
"""Bytes waiting to be read, above which the engine is not read from until they are."""
KEPT_STDERR = 4096
END_LIMIT_S = 3.0
"""How long a container may take to end once its main process has let go of its output."""


log = logging.getLogger(__name__)


def remove(engine: Engine, name: str) -> None:
    """Kill and remove a container, if it is there.

    Raises:
        SandboxError: the engine refused or is gone.
    """
    import docker.errors

    with engine_errors(f"removing the container {name}"), contextlib.suppress(docker.errors.NotFound):
        engine.api.remove_container(name, force=True, v=True)


class Demultiplexer(asyncio.Protocol):
    """Takes the engine's stream apart: stdout goes to `reader`, the end of stderr is kept."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(limit=BUFFER)
        self.ended = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.stderr = b""
        self._header = b""
        self._stream, self._left = 0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.reader.set_transport(transport)

    def data_received(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._left == 0:
                taken = data[at : at + HEADER - len(self._header)]
                at += len(taken)
                self._header += taken
                if len(self._header) == HEADER:
                    self._stream, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
                    self._header = b""
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if self._stream == STDOUT:
                self.reader.feed_data(piece)
            elif self._stream == STDERR:
                self.stderr = (self.stderr + piece)[-KEPT_STDERR:]

    def eof_received(self) -> bool:
        self.reader.feed_eof()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.reader.feed_eof()
        self.writable.set()
        self.ended.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


class ContainerLink:
    """A running container, seen from outside. `kill` is to be called once it is no longer needed, however it ended."""

    def __init__(self, engine: Engine, name: str, *, wire: Demultiplexer, transport: asyncio.Transport) -> None:
        self._engine, self._name, self._wire, self._transport = engine, name, wire, transport
        self._memory_events: Path | None = None
        self._oom_kills = 0
        self._killing: asyncio.Task[None] | None = None
        self._killed = False
        self._reason: str | None = None

    @classmethod
    async def over(cls, connection: socket.socket, *, engine: Engine, name: str) -> ContainerLink:
        """Take over an attached connection."""
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        connect = loop.create_unix_connection if connection.family == socket.AF_UNIX else loop.create_connection
        transport, wire = await connect(Demultiplexer, sock=connection)
        link = cls(engine, name, wire=wire, transport=transport)
        link._memory_events = await asyncio.to_thread(link._find_memory_events)
        return link

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the main process writes to its stdout."""
        return self._wire.reader

    @property
    def stderr(self) -> str:
        """The end of what the main process complained about."""
        return self._wire.stderr.decode(errors="replace")

    def write(self, data: bytes) -> None:
        """Send bytes to the main process's stdin; they wait in memory until it reads them (see `drain`)."""
        self._transport.write(data)

    async def drain(self) -> None:
        """Wait until what was written has mostly gone out.

        Raises:
            SandboxBroken: the connection is gone.
        """
        await self._wire.writable.wait()
        if self._wire.ended.is_set():
            raise SandboxBroken(f"the container ended; {self.stderr or 'it said nothing'}")

    def oom_kills(self) -> int:
        """How many processes were killed for memory since the start; 0 where that cannot be seen from here."""
        if self._memory_events is not None:
            # Gone with the container; what was last seen stays.
            with contextlib.suppress(OSError):
                found = re.search(r"^oom_kill (\d+)$", self._memory_events.read_text(), re.MULTILINE)
                self._oom_kills = int(found[1]) if found else self._oom_kills
        return self._oom_kills

    def file_kills(self) -> int:
        """None: the kernel refuses files above the limits, and nobody is killed for them."""
        return 0

    async def wait(self) -> str:
        """Return when the container is gone: "killed" by `kill`, "memory", or "" for any other reason."""
        await self._wire.ended.wait()
        if self._killed:
            return "killed"
        if self._reason is None:
            self._reason = await asyncio.to_thread(self._ask_reason)
        return self._reason

    async def kill(self) -> None:
        """End and remove the container. Goes on when the caller is cancelled; may be called again.

        What the engine refuses is logged and left to `prune`: whoever kills has no use for an error.
        """
        if self._killing is None:
            self._killed = not self._wire.ended.is_set()
            self._killing = asyncio.create_task(self._remove())
        await asyncio.shield(self._killing)

    async def _remove(self) -> None:
        try:
            await asyncio.to_thread(remove, self._engine, self._name)
        except SandboxError as error:
            log.warning("the container %s is left behind: %s", self._name, error)
        finally:
            self._transport.abort()

    def _ask_reason(self) -> str:
        import requests

        with contextlib.suppress(SandboxError), engine_errors("asking how a container ended"):
            with contextlib.suppress(requests.RequestException):
                self._engine.api.wait(self._name, timeout=END_LIMIT_S)
            state: dict[str, Any] = self._engine.api.inspect_container(self._name)["State"]
            return "memory" if state.get("OOMKilled") else ""
        return ""

    def _find_memory_events(self) -> Path | None:
        """The file of the control group that counts kills, where the engine's processes can be seen from here."""
        with engine_errors("looking at a container"):
            found = self._engine.api.inspect_container(self._name)
        try:
            groups = Path(f"/proc/{found['State']['Pid']}/cgroup").read_text()
        except OSError:
            return None
        for line in groups.splitlines():
            _, controllers, path = line.split(":", 2)
            if found["Id"] not in path:
                continue  # another machine's process with this number, or a group that is hidden from here
            old = Path(f"/sys/fs/cgroup/memory{path}/memory.oom_control")
            new = Path(f"/sys/fs/cgroup{path}/memory.events")
            file = old if controllers == "memory" else new
            if (controllers in ("memory", "")) and file.exists():
                return file
        return None
