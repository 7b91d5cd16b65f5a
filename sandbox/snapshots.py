"""What a snapshot holds on the host: the packed work folder, never unpacked here, and what the interpreter was told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

from sandbox.contracts import JSON, FileRefused, HostFunction, PythonResult
from sandbox.running import Call

__all__ = ["Cell", "Copy", "Packed", "difference", "recorded"]

IN_MEMORY = 2**20
PIECE = 256 * 1024
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass(frozen=True, slots=True)
class Cell:
    """A stateful snippet that ran, what it called on the host, and what came of it."""

    code: str
    calls: tuple[Call, ...]
    gave: str
    """Digest of value, output and exception."""
    stopped: bool
    """It was interrupted, so its effect cannot be had again."""

    @classmethod
    def of(cls, code: str, result: PythonResult, *, calls: list[Call]) -> Cell:
        error = (result.error.type, result.error.message) if result.error else None
        gave = json.dumps([result.value, result.stdout, error])
        # Where an object lies in memory is no part of what it is.
        digest = hashlib.sha256(ADDRESS.sub("0x", gave).encode()).hexdigest()
        return cls(code, tuple(calls), digest, result.stop is not None)


class Packed:
    """The bytes of a packed folder: in memory while they are few, else in a file without a name.

    They can be read while they come, so a fork is unpacked while it is packed.
    """

    def __init__(self, *, most: int) -> None:
        self.size = 0
        self.digest = ""
        """SHA-256, once all is there."""
        self._most = most
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._whole = False
        self._failure: BaseException | None = None
        self._more = asyncio.Event()

    def add(self, data: bytes) -> None:
        """Keep a piece.

        Raises:
            FileRefused: there is more than the limits of the session can explain.
        """
        if self.size + len(data) > self._most:
            raise FileRefused(f"a snapshot of more than {self._most} bytes, above the session's limits")
        if self._file is None and self.size + len(data) > IN_MEMORY:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as this
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += data
        else:
            self._file.write(data)
        self.size += len(data)
        self._more.set()

    def finish(self, digest: str) -> None:
        self.digest, self._whole = digest, True
        self._more.set()

    def fail(self, error: BaseException) -> None:
        """Have whoever reads it get this error."""
        self._failure = error
        self._more.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it, in pieces, as they come; several readers at once do not disturb each other."""
        at = 0
        while True:
            while at < self.size:
                piece = self._piece(at)
                at += len(piece)
                yield piece
            if self._failure is not None:
                raise self._failure
            if self._whole:
                return
            self._more.clear()
            await self._more.wait()

    def _piece(self, at: int) -> bytes:
        if self._file is None:
            return bytes(self._memory[at : at + PIECE])
        return os.pread(self._file.fileno(), PIECE, at)


@dataclass(frozen=True, slots=True)
class Copy:
    """A snapshot's handle."""

    packed: Packed
    cells: tuple[Cell, ...]


def recorded(cell: Cell) -> dict[str, HostFunction]:
    """Functions that give what those of the host gave when the snippet ran first, without calling them again."""
    left = list(cell.calls)

    def replaying(name: str) -> HostFunction:
        async def call(*args: JSON, **kwargs: JSON) -> JSON:
            if not left or (left[0].name, left[0].arguments) != (name, {"args": list(args), "kwargs": kwargs}):
                raise ValueError(f"{name}() was not called here, or with other arguments, when this ran first")
            reply = left.pop(0).reply
            if "error" in reply:
                raise ValueError(reply["error"])
            return reply["value"]

        return call

    return {name: replaying(name) for name in sorted({call.name for call in cell.calls})}


def difference(before: Cell, again: Cell, *, number: int) -> str:
    """In what a replayed snippet differs from when it ran first; empty when it does not."""
    if before.gave == again.gave and not again.stopped:
        return ""
    return f"snippet {number} gave something else when it was replayed: {before.code[:80]!r}"
