"""The thread that brings the index after the journal: encode, merge near-duplicates, add, move the watermark."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import numpy as np

from memory.contracts import RecordError, TextEncoder
from memory.encoder import Vectors
from memory.index import Index, shelf_of
from memory.items import Item, same_lesson
from memory.library import Library

__all__ = ["Follower"]

NEAR = 0.95
"""Cosine similarity from which two texts of one kind and scope can be one lesson."""
BATCH = 32
"""Items taken in at once; a recall waits for one batch at most (about 30 ms)."""

logger = logging.getLogger(__name__)


class Follower:
    """One thread per writing store, started by the first `wake`."""

    def __init__(self, library: Library, *, index: Index, encoder: TextEncoder) -> None:
        """Do nothing yet."""
        self._library, self._index, self._encoder = library, index, encoder
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._done = -1
        self._stopping = False
        self._failure: Exception | None = None

    def wake(self) -> None:
        """Say that there may be something to do; returns at once."""
        with self._change:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agentkit-memory-index", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def wait(self) -> None:
        """Return when the index has caught up with everything written before this call.

        Raises:
            RecordError: it cannot; the journal has everything nevertheless.
        """
        self.wake()
        target = self._library.seq
        with self._change:
            self._change.wait_for(lambda: self._failure is not None or self._done >= target)
            if self._failure is not None:
                raise RecordError(
                    f"memory's index cannot follow its journal, which has everything: {self._failure}; "
                    f"mend the cause and run `agentkit memory rebuild`"
                ) from self._failure

    def stop(self) -> None:
        """End the thread after the batch at hand; what is left is taken in when the library is next opened."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            mark = self._index.open(journal=self._library.digests)
            self._report(mark.seq if mark else 0)
            while self._wait_for_work():
                self._report(self._catch_up(self._done))
        except Exception as error:  # the thread's boundary: `wait` raises it where somebody can act on it
            logger.warning("memory's index has stopped following its journal: %s", error)
            with self._change:
                self._failure = error
                self._change.notify_all()

    def _wait_for_work(self) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._stopping or self._library.seq > self._done)
            return not self._stopping

    def _report(self, done: int) -> None:
        with self._change:
            self._done = done
            self._change.notify_all()

    def _catch_up(self, done: int) -> int:
        """Take in everything after event `done`; the number of the last event taken in."""
        touched, last = self._library.touched_after(done)
        for start in range(0, len(touched), BATCH):
            if self._stopping:
                return done
            batch = touched[start : start + BATCH]
            self._take_in([entry.item for entry in batch])
            done = batch[-1].seq
            self._advance(done)
        self._advance(last)
        return last

    def _advance(self, seq: int) -> None:
        self._library.sync()
        if seq:
            self._index.advance(seq=seq, digest=self._library.digests[seq - 1])

    def _take_in(self, items: Sequence[Item]) -> None:
        """Add items to the index, less those that repeat an earlier one; take merged ones out of it."""
        self._index.remove(item for item in items if item.status == "merged")
        living = [item for item in items if item.status != "merged"]
        vectors = self._encoder.encode([item.content.looked_up_by for item in living])
        kept: list[int] = []
        for place, item in enumerate(living):
            twin = self._twin(item, vectors[place], fresh=[(living[other], vectors[other]) for other in kept])
            if twin is None:
                kept.append(place)
            else:
                self._library.merge(item, into=twin)
        self._index.add([living[place] for place in kept], vectors=vectors[kept])

    def _twin(self, item: Item, vector: Vectors, *, fresh: Sequence[tuple[Item, Vectors]]) -> Item | None:
        """The earlier item that this one repeats in other words, if there is one; the oldest of several."""
        if item.version > 1 or item.apart or item.status not in ("active", "draft"):
            return None
        shelf = shelf_of(item)
        near = [other for other, theirs in fresh if shelf_of(other) == shelf and float(vector @ theirs) >= NEAR]
        hits = self._index.query(vector, shelf=shelf, n=8)
        near += [
            self._library.contents.items[hit.id]
            for hit in hits
            if hit.score >= NEAR and hit.id in self._library.contents.items
        ]
        twins = [other for other in near if self._repeats(item, other)]
        return min(twins, key=lambda other: other.seq, default=None)

    def _repeats(self, item: Item, other: Item) -> bool:
        """Whether `item` can live on in `other`; both are already near by what they are looked up by."""
        if other.seq >= item.seq or other.status not in ("active", "draft", "retired") or other.taint != item.taint:
            return False
        if not same_lesson(item.content, other.content):
            return False
        texts = self._encoder.encode([item.content.text, other.content.text])
        return float(np.dot(texts[0], texts[1])) >= NEAR
