"""What was learnt: one item type for every kind, and the test of whether two texts teach the same lesson.

An item is never changed: each journal event makes a new one (`memory.fold`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import orjson

from environments.contracts import JSON
from memory.trajectory import Trajectory

__all__ = ["Content", "Item", "Provenance", "Scope", "Source", "Status", "overlap", "same_lesson", "taint_of"]

Status = Literal["draft", "active", "quarantined", "retired", "merged"]
"""Only `active` items are recalled. `merged` ones live on in the item they were merged into."""

MAX_TEXT = 8_000
"""Characters of one item's text. A longer one is a document, not a lesson."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """Where an item holds: on one site of an environment, in a whole environment, or, with both empty, anywhere."""

    environment: str = ""
    site: str = ""

    def __post_init__(self) -> None:
        if self.site and not self.environment:
            raise ValueError(f"scope with site {self.site!r} but no environment: name the environment too")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where something was learnt, or where an item was used."""

    trajectory: str
    """`Trajectory.id`."""
    task: str
    family: str
    """`Task.family`."""
    split: str
    study: str = ""
    model: str = ""
    agent: str = ""
    uses_gold: bool = False
    """True when the hidden verdict reached the agent."""
    attempt: int | None = None
    step: int | None = None

    @property
    def origin(self) -> tuple[str, str]:
        """Study and trajectory: what two lessons from one run have in common."""
        return self.study, self.trajectory

    @classmethod
    def of(
        cls, trajectory: Trajectory, *, study: str = "", attempt: int | None = None, step: int | None = None
    ) -> Provenance:
        """The provenance that a trajectory gives, and within it one attempt or one step."""
        return cls(
            trajectory=trajectory.id,
            task=trajectory.task_id,
            family=trajectory.family,
            split=trajectory.split,
            study=study,
            model=trajectory.model,
            agent=trajectory.agent,
            uses_gold=trajectory.uses_gold,
            attempt=attempt,
            step=step,
        )


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an item says. Made by `Content.of`, which cleans it and refuses what cannot be stored."""

    kind: str
    """`tip` (text for a language model), `experience` (structure for the pilot); later kinds need no change here."""
    text: str
    scope: Scope = Scope()
    data: Mapping[str, JSON] = field(default_factory=dict)
    """Free-form JSON by kind: for a tip `{"goal_pattern": ...}`, for an experience what the pilot reads."""
    cue: str = ""
    """The situation that should bring this to mind, as a goal or a page would put it. Empty: the text itself."""

    @classmethod
    def of(
        cls,
        kind: str,
        text: str,
        *,
        scope: Scope | None = None,
        data: Mapping[str, JSON] | None = None,
        cue: str = "",
    ) -> Content:
        """A checked content.

        Raises:
            ValueError: an odd kind, no text or too much of it, or data that is not JSON.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", kind):
            raise ValueError(f"item kind {kind!r}: use lower-case letters, digits, - and _, such as 'tip'")
        text, data, cue = _clean(text).strip(), _clean(data or {}), _clean(cue).strip()
        if not text or len(text) > MAX_TEXT:
            raise ValueError(f"item text of {len(text)} characters: it needs 1 to {MAX_TEXT}")
        try:
            orjson.dumps(data)
        except TypeError as error:
            raise ValueError(f"item data is not JSON: {error}; keep numbers, texts, lists and objects only") from error
        return cls(kind=kind, text=text, scope=scope or Scope(), data=data, cue=cue)

    @cached_property
    def key(self) -> str:
        """What must be equal for two similar texts to be one lesson.

        A tip is its words, so its key is empty and its data may differ. Anything else is read as structure, so all of
        its data counts: the same click that once worked and once failed stays two experiences.
        """
        return "" if self.kind == "tip" else orjson.dumps(self.data, option=orjson.OPT_SORT_KEYS).decode()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The text as compared: Unicode's compatibility form, no case, split at white space."""
        return tuple(unicodedata.normalize("NFKC", self.text).casefold().split())

    @cached_property
    def id(self) -> str:
        """Digest (64 bits, in hexadecimal) of kind, scope, words and key: equal lessons have equal ids everywhere."""
        parts = [self.kind, self.scope.environment, self.scope.site, " ".join(self.words), self.key]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]

    @property
    def looked_up_by(self) -> str:
        """The text that the encoder reads."""
        return self.cue or self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One time that an item was learnt."""

    time: str
    """UTC, ISO 8601."""
    provenance: Provenance | None
    """None: a person wrote it."""
    derived_from: tuple[str, ...] = ()
    """Items that the agent had been shown when it learnt this one."""
    taint: tuple[str, ...] = ()
    """`split:family` of every evaluation task that fed it, what it was derived from included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One lesson with its history summed up. Its id stays when a person edits its content."""

    id: str
    content: Content
    seq: int
    """Number of the journal event that added it."""
    sources: tuple[Source, ...]
    status: Status = "active"
    reason: str = ""
    """Why the status is what it is, when somebody said so."""
    version: int = 1
    """Goes up when the content is edited."""
    uses: int = 0
    """Times it was recalled."""
    wins: int = 0
    """Times it helped."""
    losses: int = 0
    """Times it hurt."""
    changed: str = ""
    """Time of the last event about it, uses included."""
    merged_into: str = ""
    apart: bool = False
    """True when a person has undone its merge: it is not merged again."""

    @property
    def created(self) -> str:
        return self.sources[0].time

    @property
    def support(self) -> int:
        """Trajectories that taught it independently; at least 1."""
        return len(self.sources)

    @property
    def taint(self) -> frozenset[str]:
        """Evaluation tasks that every source goes back to: one clean source makes the item clean."""
        return frozenset.intersection(*(frozenset(source.taint) for source in self.sources))

    @property
    def uses_gold(self) -> bool:
        """True when any source knew the hidden verdict."""
        return any(source.provenance is not None and source.provenance.uses_gold for source in self.sources)

    def learnt_in(self, provenance: Provenance | None) -> bool:
        """Whether that trajectory is among the sources."""
        origins = {source.provenance.origin for source in self.sources if source.provenance}
        return provenance is not None and provenance.origin in origins

    def serves(self, *, family: str, split: str) -> bool:
        """Whether it may be shown to a task of this family and split: active, and not learnt from that very test."""
        return self.status == "active" and self.taint.isdisjoint({f"heldout:{family}", f"{split}:{family}"})


def taint_of(provenance: Provenance | None) -> frozenset[str]:
    """The mark that a task leaves on what is learnt from it; training tasks leave none."""
    if provenance is None or provenance.split == "training":
        return frozenset()
    return frozenset({f"{provenance.split}:{provenance.family}"})


def same_lesson(a: Content, b: Content) -> bool:
    """Whether two contents whose texts are close could be one lesson, for all that an encoder cannot see.

    Sentence encoders hardly tell "press Enter" from "do not press Enter", or 3 from 5, so negations, numbers and
    quoted words must be the same in both.
    """
    return a.kind == b.kind and a.key == b.key and _claims(a) == _claims(b)


def overlap(text: Content, *, shown: Content) -> float:
    """How much of a text stands in another that the agent was shown: the share of its word triples found there."""
    mine, theirs = _triples(text.words), _triples(shown.words)
    return len(mine & theirs) / len(mine)


def _triples(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2))}


NEGATIONS = {
    "no",
    "not",
    "never",
    "none",
    "nothing",
    "nor",
    "cannot",
    "without",
    "avoid",
    "neither",
    "instead",
    "unless",
}
QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]+)[\"“”«»]|(?<!\w)['‘’]([^'‘’]+)['‘’](?!\w)")


def _claims(content: Content) -> tuple[list[str], list[str], list[str]]:
    """Negations, numbers and quoted words of a text, sorted."""
    text = " ".join(content.words)
    negations = [word for word in re.findall(r"[\w'’]+", text) if word in NEGATIONS or word.endswith(("n't", "n’t"))]
    quoted = [double or single for double, single in QUOTED.findall(text)]
    return sorted(negations), sorted(re.findall(r"\d+(?:[.,:]\d+)*", text)), sorted(quoted)


def _clean(value: JSON) -> JSON:
    """The value with lone surrogates replaced (pages contain them, UTF-8 cannot) and tuples made lists."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_clean(key): _clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    return value
