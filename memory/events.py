"""The events of a memory library, as they are written and as they stand in its journal.

The functions here make events for `Store.write`; `seq`, `time` and `taint` are filled in there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import orjson

from memory.items import Content, Provenance

__all__ = ["Event", "added", "edited", "helped", "hurt", "quarantined", "recalled", "restored", "retired"]

Name = Literal["added", "merged", "recalled", "helped", "hurt", "retired", "quarantined", "restored", "edited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the journal."""

    name: Name
    item: str
    seq: int = 0
    """1 for the first line of a journal, then one more each. 0: not written yet."""
    time: str = ""
    """UTC, ISO 8601, to the millisecond. Empty: not written yet."""
    provenance: Provenance | None = None
    """The trajectory (and for `recalled` the attempt and step) it comes from; None for a person's own doing."""
    content: Content | None = None
    """For `edited`, and for `added` when the item is new: what it says."""
    status: Literal["active", "draft"] = "active"
    """For `added`: what a new item starts as."""
    derived_from: tuple[str, ...] = ()
    """For `added`: items that the agent had been shown."""
    taint: tuple[str, ...] = ()
    """For `added`: see `Source.taint`."""
    into: str = ""
    """For `merged`: the item that it is a near-duplicate of."""
    echo: bool = False
    """For `merged`: it repeats what memory had shown to the agent, so it supports nothing."""
    reason: str = ""

    @property
    def key(self) -> int:
        """64 bits that are equal for the same event told twice, such as a batch that is written again after a crash.

        Learning one thing twice in one trajectory is one event. What a person does counts every time.
        """
        source = self.provenance
        where = [*source.origin] if source else [self.time]
        if source and self.name != "added":
            where += [str(source.attempt), str(source.step)]
        said = [self.content.id, self.content.text] if self.content and self.name == "edited" else []
        parts = [self.name, self.item, self.into, self.reason, *where, *said]
        return int.from_bytes(hashlib.sha256(orjson.dumps(parts)).digest()[:8], "big")


def added(
    content: Content,
    provenance: Provenance | None,
    *,
    derived_from: tuple[str, ...] = (),
    status: Literal["active", "draft"] = "active",
) -> Event:
    """A lesson learnt, new or again: the store finds out which.

    `derived_from` names items that the agent had been shown when it learnt this; those whose `recalled` events name
    the same trajectory are found without it.
    """
    return Event(
        name="added",
        item=content.id,
        content=content,
        provenance=provenance,
        derived_from=derived_from,
        status=status,
    )


def recalled(item: str, provenance: Provenance) -> Event:
    """An item shown to the agent at `provenance.attempt` and `provenance.step`."""
    return Event(name="recalled", item=item, provenance=provenance)


def helped(item: str, provenance: Provenance | None, *, reason: str = "") -> Event:
    """An item that did good in a trajectory."""
    return Event(name="helped", item=item, provenance=provenance, reason=reason)


def hurt(item: str, provenance: Provenance | None, *, reason: str = "") -> Event:
    """An item that did harm in a trajectory."""
    return Event(name="hurt", item=item, provenance=provenance, reason=reason)


def retired(item: str, *, reason: str = "") -> Event:
    """An item that is no longer served."""
    return Event(name="retired", item=item, reason=reason)


def quarantined(item: str, *, reason: str = "") -> Event:
    """An item that is not served until somebody has looked at it."""
    return Event(name="quarantined", item=item, reason=reason)


def restored(item: str, *, reason: str = "") -> Event:
    """A draft, retired or quarantined item that is served from now on."""
    return Event(name="restored", item=item, reason=reason)


def edited(item: str, content: Content, *, reason: str = "") -> Event:
    """New content for an item, by a person. Its kind and scope stay."""
    return Event(name="edited", item=item, content=content, reason=reason)
