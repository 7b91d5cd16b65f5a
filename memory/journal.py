"""The truth of a memory library: an append-only file of events, one JSON object a line.

Durability. A write is acknowledged when the kernel has it, in one `write` call: kill -9 then loses nothing. The disk
is told to keep it (fsync) after every batch that the index takes in, and before `flush` and `close` return: a power
cut loses the moments since. A last line without its end (killed in the middle of a write that was never acknowledged)
is set aside in `journal.torn` and reported; anything else that cannot be read is an error, never skipped.

One writer holds the lock; readers need none and see every whole line.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from memory.contracts import LibraryBusy, RecordError
from memory.events import Event

__all__ = ["FORMAT", "Journal", "Line", "Reading", "parse_event", "read_journal", "write_event"]

FORMAT = 1
"""Version of a line, its field `v`. Old versions are read for ever; tests/data holds a sample of each."""


class Line(NamedTuple):
    """An event with what identifies its line."""

    event: Event
    digest: str
    """Of the line's bytes: tells a journal from another one with as many lines."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pass over a journal found."""

    lines: Sequence[Line]
    size: int
    """Bytes up to the end of the last whole line."""
    torn: bytes
    """What follows it: part of a line whose write was cut short, or is just under way."""


def read_journal(path: Path) -> Reading:
    """Every event of a journal; a journal that does not exist is empty.

    Raises:
        RecordError: a line that is not an event of a known version, or that is missing; the message names it.
    """
    lines: list[Line] = []
    size, torn = 0, b""
    if not path.exists():
        return Reading(lines, size, torn)
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.endswith(b"\n"):
                torn = raw
                break
            event = parse_event(raw, where=f"{path}:{number}")
            if event.seq != number:
                raise RecordError(
                    f"{path}:{number}: event number {event.seq} where {number} should be: lines are missing or were "
                    f"put together by hand; restore the file, or bring other libraries in by `agentkit memory import`"
                )
            lines.append(Line(event, _digest(raw)))
            size += len(raw)
    return Reading(lines, size, torn)


def parse_event(raw: bytes, *, where: str) -> Event:
    """One line as an event. `where` says in messages which line it is.

    Raises:
        RecordError: it is not one, or was written by a newer agentkit.
    """
    try:
        record = orjson.loads(raw)
        version = record.pop("v", None) if isinstance(record, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise RecordError(f"{where}: format {version}, but this agentkit reads up to {FORMAT}; update agentkit")
        if version != FORMAT:
            raise RecordError(f"{where}: not an event: it has no format version `v` from 1 to {FORMAT}")
        event: Event = _event_type().validate_python(record)
    except ValueError as error:  # orjson's and pydantic's errors both are
        raise RecordError(f"{where}: not a memory event: {error}; restore the file from a copy") from error
    return event


def write_event(event: Event) -> bytes:
    """One line, its end included; fields at their defaults are left out."""
    fields = _event_type().dump_python(event, exclude_defaults=True)
    return orjson.dumps({"v": FORMAT, **fields}) + b"\n"


class Journal:
    """The one writer of a journal. Not thread-safe: the store's lock guards it, `sync` excepted."""

    def __init__(self, folder: Path) -> None:
        """Lock the library, read it, and set a torn last line aside.

        Raises:
            LibraryBusy: another process, or another store in this one, is writing it.
            RecordError: the journal cannot be read.
        """
        _event_type()  # made now, as the first write must not wait for it
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "journal.jsonl"
        self._lock = _lock(folder)
        try:
            self.reading = self.read()
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except BaseException:
            os.close(self._lock)
            raise

    def read(self) -> Reading:
        """Everything written so far, with a torn end cut off and kept in `journal.torn`."""
        reading = read_journal(self.path)
        if reading.torn:
            with self.path.with_suffix(".torn").open("ab") as aside:
                aside.write(reading.torn + b"\n")
            os.truncate(self.path, reading.size)
        self.size = reading.size
        return reading

    def append(self, events: Sequence[Event]) -> list[str]:
        """Write all of `events` or none; gives the digests of their lines.

        Raises:
            RecordError: the disk refused; what it took of them is taken back.
        """
        raw = [write_event(event) for event in events]
        whole = b"".join(raw)
        try:
            written = os.write(self._file, whole)
            if written != len(whole):
                raise OSError(f"only {written} of {len(whole)} bytes were taken")
        except OSError as error:
            os.ftruncate(self._file, self.size)
            raise RecordError(f"{self.path}: cannot be written: {error}; free some disk space and go on") from error
        self.size += len(whole)
        return [_digest(line) for line in raw]

    def sync(self) -> None:
        """Return when the disk has what was appended."""
        os.fsync(self._file)

    def close(self) -> None:
        """Sync, and let the next writer in."""
        self.sync()
        os.close(self._file)
        os.close(self._lock)


def _lock(folder: Path) -> int:
    """Take the writer's lock. It goes with the process, however that ends, so none is ever left behind."""
    path = folder / "writer.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 32).decode(errors="replace").strip() or "unknown"
        os.close(file)
        raise LibraryBusy(
            f"the library {folder} is being written by process {holder}, and takes one writer at a time: "
            f"wait for it, or give this run a library of its own with --library"
        ) from None
    os.truncate(file, 0)
    os.write(file, str(os.getpid()).encode())
    return file


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


@functools.cache
def _event_type() -> Any:
    """Checks and converts the bytes that come in. Made once, when it is first needed."""
    from pydantic import TypeAdapter

    return TypeAdapter(Event)
