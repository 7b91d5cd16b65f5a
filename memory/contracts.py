"""What memory is to the rest of agentkit: a query, what answers it, and what may be written.

A strategy holds a `Memory` and can only recall; `None` in its place means that there is no memory. The runner holds a
`Store`, and is the only writer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from environments.contracts import Split
from memory.trajectory import RecalledItem
from sandbox import AgentkitError

if TYPE_CHECKING:
    from memory.encoder import Vectors
    from memory.events import Event
    from memory.items import Item

__all__ = ["LibraryBusy", "Memory", "Query", "Receipt", "RecordError", "Store", "TextEncoder"]


class RecordError(AgentkitError):
    """A log, journal or index that cannot be read or written; the message says where and what to do."""


class LibraryBusy(RecordError):
    """Another process is writing this library; the message names it."""


class TextEncoder(Protocol):
    """Turns texts into vectors that lie close together when the texts mean the same."""

    @property
    def name(self) -> str:
        """The model and its version. An index made by another encoder is made again."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions). Called from several threads at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question to memory, asked at a step: the goal, what the page looks like now, and who is asking."""

    goal: str
    sketch: str = ""
    """The present state in a few words, such as the title and the names of the actionable elements. The encoder reads
    its first 256 tokens, and a long one takes fifteen times as long as a short one (110 ms against 7)."""
    environment: str | None = ""
    """Items of this environment and those of none answer. None, for people who search, means every environment."""
    site: str | None = ""
    """Items of this site and those of the whole environment answer. None means every site."""
    family: str = ""
    """`Task.family` of the task at hand: what was learnt from its held-out instances does not answer."""
    split: Split = "training"
    """The split of the task at hand: what was learnt from this family's `validation` instances does not answer while
    a `validation` task is run. What came from `heldout` instances never answers their family, whatever the split."""
    kinds: tuple[str, ...] = ()
    """`tip`, `experience`; empty means every kind."""
    k: int = 5
    """At most so many items."""
    max_tokens: int = 600
    """At most so many tokens of text over all items, at four characters a token. An item that does not fit is passed
    over and a shorter one behind it may still be taken."""
    min_score: float = 0.25
    """Items less similar than this do not answer, in [-1, 1]."""

    def __post_init__(self) -> None:
        if self.k < 1 or self.max_tokens < 1:
            raise ValueError(f"query with k={self.k!r} and max_tokens={self.max_tokens!r}: both must be 1 or more")
        if not self.goal and not self.sketch:
            raise ValueError("query without goal and sketch: give at least one of them")


class Receipt(NamedTuple):
    """What became of the events of one write. Their sum is the number of events."""

    added: int = 0
    """Items that were new."""
    supported: int = 0
    """Items that were here already and were now learnt again from another trajectory."""
    echoed: int = 0
    """Items that only repeat what memory itself had shown to the agent; not written."""
    noted: int = 0
    """Recalled, helped, hurt, retired, restored, quarantined and edited."""
    known: int = 0
    """Events that the journal already holds, or that change nothing; not written."""


class Memory(Protocol):
    """All that a strategy sees of memory."""

    async def recall(self, query: Query) -> tuple[RecalledItem, ...]:
        """The most similar items first. Reading changes nothing: the runner writes the uses."""
        ...


class Store(Memory, Protocol):
    """All that the runner sees of memory."""

    @property
    def items(self) -> Mapping[str, Item]:
        """Every item by its id, the retired ones included, as of the last write."""
        ...

    async def write(self, events: Sequence[Event]) -> Receipt:
        """Append to the journal and return; the index follows later. Once it returns, kill -9 loses nothing."""
        ...

    async def flush(self) -> None:
        """Return when everything written is on disk and can be recalled."""
        ...
