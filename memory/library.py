"""Journal and contents, kept equal under one lock; what is new, known, an echo or tainted is judged here."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from memory.contracts import Receipt, RecordError
from memory.events import Event, quarantined
from memory.fold import Contents, fold
from memory.items import Item, overlap, same_lesson, taint_of
from memory.journal import Journal, Reading

__all__ = ["Library", "Touched"]

ECHO = 0.7
"""Share of a text's word triples found in what the agent was shown, from which the text is an echo of it."""
MOVES = frozenset({"added", "merged", "edited", "restored"})
"""Events after which the index has something to do."""


class Touched(NamedTuple):
    """An item that the index has to look at, and the number of the event that says so."""

    seq: int
    item: Item


class Library:
    """Everything that a folder's journal says. Safe to use from several threads."""

    def __init__(self, reading: Reading, *, journal: Journal | None, clock: Callable[[], float]) -> None:
        """Take over a journal that was read; without `journal`, to look at only."""
        self._journal, self._clock = journal, clock
        self._lock = threading.RLock()
        self._take_over(reading)

    def _take_over(self, reading: Reading) -> None:
        self.contents: Contents = fold(line.event for line in reading.lines)
        self.digests = [line.digest for line in reading.lines]
        """One per journal line."""
        moves = [line.event for line in reading.lines if line.event.name in MOVES]
        self._moved = {event.item: event.seq for event in sorted(moves, key=lambda event: event.seq)}

    @property
    def seq(self) -> int:
        """Number of the last event."""
        return self.contents.seq

    def write(self, events: Sequence[Event]) -> Receipt:
        """Append what is new of `events`, all or nothing.

        Raises:
            RecordError: an event about an item that is not here, or a disk that refuses.
        """
        shown = {
            (event.provenance.origin, event.item) for event in events if event.name == "recalled" and event.provenance
        }
        return self._append(events, lambda event: self._judge(event, shown))

    def absorb(self, events: Sequence[Event], *, trusted: bool, reason: str) -> Receipt:
        """Append the events of another library, with their own times.

        Unless they are trusted, items that are new here are quarantined for `reason`, and items that are here already
        are left alone: a stranger's file cannot edit, retire or restore them.

        Raises:
            RecordError: an item whose id is not the digest of its content, or as in `write`.
        """
        before = frozenset(self.contents.items)

        def judge(event: Event) -> tuple[str, Event | None]:
            if event.name == "added" and event.content and event.content.id != event.item:
                raise RecordError(f"item {event.item!r} is not the digest of its content; the file was changed by hand")
            foreign = not trusted and (event.item in before or event.into in before)
            if foreign or self.contents.knows(event):
                return "known", None
            return self._count(event), event

        with self._lock:
            receipt = self._append(events, judge)
            fresh = [item for id, item in self.contents.items.items() if id not in before]
            served = [item for item in fresh if item.status in ("active", "draft")]
            if not trusted:
                self.write([quarantined(item.id, reason=reason) for item in served])
        return receipt

    def merge(self, item: Item, *, into: Item) -> None:
        """Make a near-duplicate part of the item it repeats."""
        with self._lock:
            source = item.sources[0]
            echo = into.id in source.derived_from
            event = Event(name="merged", item=item.id, into=into.id, provenance=source.provenance, echo=echo)
            self._append([event], lambda event: ("noted", self._stamp(event)))

    def touched_after(self, seq: int) -> tuple[list[Touched], int]:
        """Items that the index must look at, in the order of the events, and the number of the last event."""
        with self._lock:
            found = []
            for id, at in reversed(self._moved.items()):
                if at <= seq:
                    break
                found.append(Touched(at, self.contents.items[id]))
            return found[::-1], self.seq

    def sync(self) -> None:
        """Return when the disk has everything."""
        if self._journal is not None:
            self._journal.sync()

    def close(self) -> None:
        """Sync, and let the next writer in."""
        if self._journal is not None:
            self._journal.close()

    def _append(self, events: Sequence[Event], judge: Callable[[Event], tuple[str, Event | None]]) -> Receipt:
        if self._journal is None:
            raise RecordError("this library was opened to be looked at only; open it with writable=True to write")
        counts: Counter[str] = Counter()
        fresh: list[Event] = []
        with self._lock:
            try:
                for event in events:
                    count, judged = judge(event)
                    counts[count] += 1
                    if judged is not None:
                        fresh.append(replace(judged, seq=self.seq + 1))
                        self.contents.apply(fresh[-1])
                self.digests += self._journal.append(fresh)
            except BaseException:
                # What was applied is not in the journal, and the journal is the truth.
                self._take_over(self._journal.read())
                raise
            for event in fresh:
                if event.name in MOVES:
                    self._moved.pop(event.item, None)
                    self._moved[event.item] = event.seq
        return Receipt(**counts)

    def _judge(self, event: Event, shown: set[tuple[tuple[str, str], str]]) -> tuple[str, Event | None]:
        """What an event counts as in the receipt, and the form in which it is written, if it is."""
        event = self._stamp(self._address(event))
        if self.contents.knows(event):
            return "known", None
        if event.name != "added":
            return "noted", event
        basis = self.contents.shown_to(event) | {
            self.contents.living(id) for origin, id in shown if event.provenance and origin == event.provenance.origin
        }
        basis &= self.contents.items.keys()
        if event.item in basis or any(self._repeats(event, self.contents.items[id]) for id in basis):
            return "echoed", None
        return self._count(event), self._mark(event, [self.contents.items[id] for id in sorted(basis)])

    def _address(self, event: Event) -> Event:
        """The event, speaking of the item that lives on where the one it names was merged into another."""
        living = self.contents.living(event.item)
        if event.name == "added":
            if event.content is None or event.content.id != event.item:
                raise RecordError(
                    f"event adds item {event.item!r} without its own content; make it with `events.added`"
                )
            return replace(event, item=living)
        item = self.contents.item(event.item)
        if event.name in ("recalled", "helped", "hurt"):
            return replace(event, item=living)
        if item.merged_into and event.name != "restored":
            raise RecordError(f"item {item.id!r} was merged into {living!r}: name that one, or restore this one first")
        if event.name == "edited" and event.content:
            old, new = item.content, event.content
            if (old.kind, old.scope) != (new.kind, new.scope):
                raise RecordError(f"edit of item {item.id!r} changes its kind or scope: retire it and add a new one")
        return event

    def _stamp(self, event: Event) -> Event:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return replace(event, time=now.isoformat(timespec="milliseconds"))

    def _mark(self, event: Event, basis: Sequence[Item]) -> Event:
        """The event with what it inherits: whatever the agent had been shown taints what it learnt."""
        taint = taint_of(event.provenance).union(*(item.taint for item in basis))
        provenance = event.provenance
        if provenance and any(item.uses_gold for item in basis):
            provenance = replace(provenance, uses_gold=True)
        known = event.item in self.contents.items
        return replace(
            event,
            provenance=provenance,
            taint=tuple(sorted(taint)),
            derived_from=tuple(item.id for item in basis),
            content=None if known else event.content,
        )

    def _count(self, event: Event) -> str:
        if event.name != "added":
            return "noted"
        return "supported" if event.item in self.contents.items else "added"

    @staticmethod
    def _repeats(event: Event, item: Item) -> bool:
        said = event.content
        return said is not None and same_lesson(said, item.content) and overlap(said, shown=item.content) >= ECHO
