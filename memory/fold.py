"""The state of a library: a fold over its journal, the same whenever and wherever it is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, assert_never

from memory.contracts import RecordError
from memory.events import Event
from memory.items import Item, Source

__all__ = ["Contents", "fold"]

STATUS_AFTER: dict[str, Literal["retired", "quarantined", "active"]] = {
    "retired": "retired",
    "quarantined": "quarantined",
    "restored": "active",
}


class Contents:
    """Items as of the last event applied, and what is needed to judge the next one."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.seq = 0
        self._keys: set[int] = set()
        self._shown: dict[tuple[str, str], set[str]] = {}

    def apply(self, event: Event) -> None:
        """Take one event in.

        Raises:
            RecordError: it speaks of an item that is not here.
        """
        self.seq = event.seq
        self._keys.add(event.key)
        match event.name:
            case "added":
                self._add(event)
            case "merged":
                self._merge(event)
            case "recalled":
                self._change(event, uses=self.item(event.item).uses + 1)
                if event.provenance is not None:
                    shown = self._shown.setdefault(event.provenance.origin, set())
                    shown.add(event.item)
            case "helped":
                self._change(event, wins=self.item(event.item).wins + 1)
            case "hurt":
                self._change(event, losses=self.item(event.item).losses + 1)
            case "retired" | "quarantined" | "restored":
                self._set_status(event)
            case "edited":
                self._change(event, content=event.content, version=self.item(event.item).version + 1)
            case _:
                assert_never(event.name)

    def item(self, id: str) -> Item:
        """The item of this id.

        Raises:
            RecordError: there is none.
        """
        try:
            return self.items[id]
        except KeyError:
            raise RecordError(f"no item {id!r} in this library; `agentkit memory list` shows those it has") from None

    def living(self, id: str) -> str:
        """The id under which an item lives on: its own, or that of the one it was merged into."""
        while id in self.items and self.items[id].merged_into:
            id = self.items[id].merged_into
        return id

    def knows(self, event: Event) -> bool:
        """Whether the journal holds this event, or whether it would change nothing."""
        if event.name == "added":
            item = self.items.get(event.item)
            return item is not None and (event.provenance is None or item.learnt_in(event.provenance))
        if event.name == "edited":
            return event.content == self.item(event.item).content
        if event.name in STATUS_AFTER:
            return self.item(event.item).status == STATUS_AFTER[event.name]
        return event.key in self._keys

    def shown_to(self, event: Event) -> set[str]:
        """Ids of the items that the agent had seen when it learnt what an `added` event says."""
        source = event.provenance
        seen = self._shown.get(source.origin, set()) if source else set()
        return {self.living(id) for id in (*event.derived_from, *seen) if id in self.items}

    def _add(self, event: Event) -> None:
        source = Source(
            time=event.time, provenance=event.provenance, derived_from=event.derived_from, taint=event.taint
        )
        if event.item in self.items:
            self._change(event, sources=(*self.items[event.item].sources, source))
        elif event.content is None:
            raise RecordError(f"event {event.seq} adds item {event.item!r} without saying what it is")
        else:
            self.items[event.item] = Item(
                id=event.item,
                content=event.content,
                seq=event.seq,
                sources=(source,),
                status=event.status,
                changed=event.time,
            )

    def _set_status(self, event: Event) -> None:
        item = self.item(event.item)
        apart = item.apart or bool(item.merged_into)
        self._change(event, status=STATUS_AFTER[event.name], reason=event.reason, merged_into="", apart=apart)

    def _merge(self, event: Event) -> None:
        gone, kept = self.item(event.item), self.item(event.into)
        self._change(event, status="merged", merged_into=kept.id)
        if not event.echo:
            fresh = tuple(source for source in gone.sources if not kept.learnt_in(source.provenance))
            self.items[kept.id] = replace(kept, sources=kept.sources + fresh, changed=event.time)

    def _change(self, event: Event, **changes: object) -> None:
        self.items[event.item] = replace(self.item(event.item), changed=event.time, **changes)  # type: ignore[arg-type]


def fold(events: Iterable[Event]) -> Contents:
    """The contents after all of `events`."""
    contents = Contents()
    for event in events:
        contents.apply(event)
    return contents
