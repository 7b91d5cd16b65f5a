"""A server's process and its two pipes, as a transport for the official MCP client.

The client's own transport keeps a line until it ends, however long it grows, leaves behind what the server started when
the server itself ends in time, and says nothing of why a server died. This one has limits, always ends the whole
process group, and keeps what a message about a failure needs.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from environments.contracts import EnvironmentFailure

if TYPE_CHECKING:
    from mcp.client import Transport

__all__ = ["Record", "server_process"]

LONGEST_LINE = 8 * 2**20
"""Bytes of one message. A server that sends a longer line is cut off."""
MOST_GARBAGE = 200
"""Lines that are no message, after which a server is cut off. A few are common: servers print to the wrong pipe."""
KEPT = 2_000
"""Characters of a garbage line, and of the end of stderr, that are kept."""
GRACE_S = 1.0
"""How long a server may take to end by itself once its input has ended."""
POLL_S = 0.01


@dataclass(slots=True)
class Record:
    """What is known of a server's process, for messages."""

    exit_code: int | None = None
    """None as long as it runs; negative for a signal."""
    garbage: int = 0
    """Lines on stdout that were no message."""
    first_garbage: str = ""
    stderr: str = ""
    """The end of what it wrote there."""
    cut_off: str = ""
    """Why its output is no longer read, where that is its own fault."""
    pid: int | None = None
    """Its process, which leads a group of its own."""
    ended: bool = False
    """Its output has ended, or is no longer read."""

    def __str__(self) -> str:
        """What went wrong as far as it is known, as the end of a sentence."""
        parts = [self.cut_off] if self.cut_off else []
        if self.exit_code is not None:
            by = f"by signal {-self.exit_code}" if self.exit_code < 0 else f"with exit code {self.exit_code}"
            parts.append(f"its process ended {by}")
        if self.garbage:
            first = self.first_garbage[:200]
            parts.append(f"{self.garbage} of its lines on stdout were no messages, the first {first!r}")
        if self.stderr.strip():
            parts.append(f"its stderr ends {self.stderr.strip()[-500:]!r}")
        return "; ".join(parts) or "it said nothing on stderr"


@asynccontextmanager
async def _server_process(command: Sequence[str], record: Record) -> AsyncIterator[Any]:
    import anyio
    from mcp.client.stdio import get_default_environment

    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=get_default_environment(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise EnvironmentFailure(f"the MCP server cannot be started: {command[0]!r}: {error}") from None
    record.pid = process.pid
    incoming, read_stream = anyio.create_memory_object_stream[Any](0)
    write_stream, outgoing = anyio.create_memory_object_stream[Any](0)
    tasks = [
        asyncio.create_task(_read(process, incoming, record)),
        asyncio.create_task(_write(process, outgoing, incoming, record)),
        asyncio.create_task(_keep_end(process, record)),
    ]
    try:
        yield read_stream, write_stream
    finally:
        await _end(process, tasks, record=record)
        for stream in (incoming, read_stream, write_stream, outgoing):
            stream.close()


def server_process(command: Sequence[str], record: Record) -> Transport:
    """Start a server; it and all that it started are gone when the context ends.

    It gets a few variables of the environment only (PATH, HOME and the like), so no keys.

    Raises:
        EnvironmentFailure: the program cannot be started.
    """
    return _server_process(command, record)


async def _read(process: asyncio.subprocess.Process, incoming: Any, record: Record) -> None:
    """Hand on the server's messages until its output ends; then tell the client so, by closing the stream."""
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp.types import jsonrpc_message_adapter

    assert process.stdout
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with incoming:
            while not record.cut_off and (line := await _line(process.stdout, record)):
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    _note_garbage(line, record)
                    continue
                await incoming.send(SessionMessage(message))
            record.ended = True


async def _line(stdout: asyncio.StreamReader, record: Record) -> bytes:
    try:
        return await stdout.readline()
    except ValueError:
        record.cut_off = f"it sent a line of more than {LONGEST_LINE >> 20} MiB"
        return b""


def _note_garbage(line: bytes, record: Record) -> None:
    if not line.strip():
        return
    record.garbage += 1
    record.first_garbage = record.first_garbage or line[:KEPT].decode("utf-8", "replace").strip()
    if record.garbage >= MOST_GARBAGE:
        record.cut_off = "it does not speak MCP"


async def _write(process: asyncio.subprocess.Process, outgoing: Any, incoming: Any, record: Record) -> None:
    assert process.stdin
    try:
        async for item in outgoing:
            process.stdin.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await process.stdin.drain()
    except OSError:
        # The server may live on without its input: end the conversation, so that nobody waits for an answer.
        record.ended = True
        incoming.close()


async def _keep_end(process: asyncio.subprocess.Process, record: Record) -> None:
    assert process.stderr
    while piece := await process.stderr.read(65536):
        record.stderr = (record.stderr + piece.decode("utf-8", "replace"))[-KEPT:]


async def _end(process: asyncio.subprocess.Process, tasks: Sequence[asyncio.Task[None]], *, record: Record) -> None:
    reading, writing, keeping = tasks
    try:
        writing.cancel()
        assert process.stdin
        process.stdin.close()
        if not record.cut_off:
            await _exit(process, within_s=GRACE_S)
    finally:
        # No await before this: it happens even when the task is being cancelled.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await _exit(process, within_s=GRACE_S)
    record.exit_code = process.returncode
    await asyncio.wait([keeping], timeout=GRACE_S)
    for task in (reading, keeping):
        task.cancel()
    await asyncio.wait(tasks)
    # There is no public way to let go of pipes that are not read to their end, or that a stranger holds open.
    process._transport.close()  # type: ignore[attr-defined]


async def _exit(process: asyncio.subprocess.Process, *, within_s: float) -> None:
    """Wait for the process alone; `wait` would wait for its pipes, too, which nobody may be reading."""
    for _ in range(round(within_s / POLL_S)):
        if process.returncode is not None:
            return
        await asyncio.sleep(POLL_S)
