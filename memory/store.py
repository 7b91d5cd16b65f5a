"""A memory library on disk: `journal.jsonl` is the truth, `index/` finds things, and this holds them together.

    async with MemoryStore.open("library") as store:
        await store.write([events.added(Content.of("tip", "Open the menu first."), provenance)])
        await store.flush()
        items = await store.recall(Query(goal="find the settings"))

Writing appends to the journal and returns; one thread behind it brings the index after (`memory.follow`). So what was
just written is found a little later, or surely after `flush`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

from memory.contracts import Query, Receipt, RecordError, TextEncoder
from memory.encoder import Encoder
from memory.events import Event
from memory.follow import Follower
from memory.index import Index
from memory.items import Item
from memory.journal import Journal, Reading, read_journal
from memory.library import Library
from memory.recall import aim, choose, gather, reachable
from memory.trajectory import RecalledItem

__all__ = ["MemoryStore"]


class MemoryStore:
    """The `Store` of one folder. One event loop uses it."""

    def __init__(
        self,
        folder: Path,
        *,
        encoder: TextEncoder,
        clock: Callable[[], float],
        journal: Journal | None,
        reading: Reading,
    ) -> None:
        """Take over a library that was read. `MemoryStore.open` is the way in."""
        self.folder = folder
        self.torn = len(reading.torn)
        """Bytes of a last journal line that was cut short; a writing store has set them aside in `journal.torn`."""
        self.writable = journal is not None
        self._encoder = encoder
        self._library = Library(reading, journal=journal, clock=clock)
        self._index = Index(folder / "index", encoder=encoder.name)
        self._follower = Follower(self._library, index=self._index, encoder=encoder)
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        encoder: TextEncoder | None = None,
        clock: Callable[[], float] = time.time,
        writable: bool = True,
    ) -> MemoryStore:
        """Open a library, made when it is not there. An index that is missing or behind catches up by itself.

        `encoder` is all-MiniLM-L6-v2 unless given. `clock` gives seconds since 1970. With `writable=False` any number
        of processes may look on while one writes: they see the journal as it was when they opened it.

        Raises:
            LibraryBusy: another process is writing it.
            RecordError: the journal cannot be read.
            MissingDependencyError: no encoder was given and its weights are not installed.
        """
        folder, encoder = Path(path), encoder or Encoder()
        if writable:
            journal = Journal(folder)
            return cls(folder, encoder=encoder, clock=clock, journal=journal, reading=journal.reading)
        reading = read_journal(folder / "journal.jsonl")
        return cls(folder, encoder=encoder, clock=clock, journal=None, reading=reading)

    @property
    def items(self) -> Mapping[str, Item]:
        """Every item by its id, whatever its status, as of the last write."""
        return MappingProxyType(self._library.contents.items)

    async def recall(self, query: Query) -> tuple[RecalledItem, ...]:
        """The most similar items that may be served and fit; see `memory.recall` for the score.

        Raises:
            RecordError: the index cannot be read.
        """
        self._refuse_closed()
        if self.writable:
            self._follower.wake()
        return await asyncio.to_thread(self._recall, query)

    async def write(self, events: Sequence[Event]) -> Receipt:
        """Append what is new of `events` to the journal, all or nothing, and return.

        Known events and echoes of what memory had shown are left out, so that the same batch may be written again
        after a crash. Once this returns, kill -9 loses nothing.

        Raises:
            RecordError: an event about an item that is not here, or a disk that refuses.
        """
        self._refuse_closed()
        receipt = self._library.write(events)
        self._follower.wake()
        return receipt

    async def absorb(self, events: Sequence[Event], *, trusted: bool, reason: str) -> Receipt:
        """Append the events of another library; see `Library.absorb`."""
        self._refuse_closed()
        receipt = self._library.absorb(events, trusted=trusted, reason=reason)
        self._follower.wake()
        return receipt

    async def flush(self) -> None:
        """Return when everything written is on disk and in the index.

        Raises:
            RecordError: the index cannot take it in; the journal has it.
        """
        self._refuse_closed()
        if self.writable:
            await asyncio.to_thread(self._follower.wait)

    async def rebuild(self) -> None:
        """Make the index anew from the journal: about 150 items a second, most of it for the encoder.

        Raises:
            RecordError: the store was opened to look on only.
        """
        self._refuse_closed()
        if not self.writable:
            raise RecordError("the index cannot be rebuilt by a store opened with writable=False")
        await asyncio.to_thread(self._restart)
        await self.flush()

    async def close(self) -> None:
        """Flush, and let the next writer in. Closing twice does nothing."""
        if not self._closed:
            try:
                await self.flush()
            finally:
                self._closed = True
                await asyncio.to_thread(self._release)

    async def __aenter__(self) -> MemoryStore:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _recall(self, query: Query) -> tuple[RecalledItem, ...]:
        if self._index.open(journal=self._library.digests, may_write=self.writable) is None:
            return ()
        vector = aim(query, encoder=self._encoder)
        ranked = gather(
            query,
            shelves=reachable(query, self._index.shelves()),
            items=self._library.contents.items,
            nearest=lambda shelf, n: self._index.query(vector, shelf=shelf, n=n),
        )
        return choose(query, ranked)

    def _restart(self) -> None:
        self._follower.stop()
        self._index.start_over()
        self._follower = Follower(self._library, index=self._index, encoder=self._encoder)

    def _release(self) -> None:
        self._follower.stop()
        self._index.close()
        self._library.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RecordError(f"the library {self.folder} was closed; open it again with MemoryStore.open")
