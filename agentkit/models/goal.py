"""Read a goal the way the pilot does: its words, the pieces that may be typed, and the ordinals it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Goal", "Span", "goal_pattern", "read_goal", "words"]

QUOTED = re.compile(r"[\"“”]([^\"“”]+)[\"“”]|(?<!\w)'([^']+)'(?!\w)|‘([^’]+)’")
AFTER_COLON = re.compile(
    r"\b[\w ]{2,20}: ?([^\s,.;][^,;\n]*?(?:, [A-Z]{2}\b)?)(?=$|[,;.\n]| (?:and|to|on|from|into|in)\b)"
)
LITERAL = re.compile(
    r"(?<!\w)@\w+|\d{1,2}:\d\d ?[AaPp][Mm]\b|[\w.+-]+@[\w.-]+\w|https?://\S+|\$?\d[\d/.:,-]*\d(?!\w)|\d+(?!\w)"
)
CAPITALS = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w'-]*(?: [A-Z][\w'-]*)*(?:, [A-Z]{2}\b)?")
LISTED = re.compile(
    r"\b(?:select|choose|pick|click|check|enter|type|find|expand|open)s? (.+?)"
    r"(?=$|[.;\n]| and (?:click|press|hit|submit)| from| in(?:to)?\b)",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+(?:['’]\w+)?", re.UNICODE)
ORDINAL_NAMES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINAL_WORDS = {name: number for number, name in enumerate(ORDINAL_NAMES, 1)}
ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b|\b(" + "|".join(ORDINAL_WORDS) + r")\b", re.I)
ARTICLES = frozenset(["the", "a", "an", "all", "any", "to", "it", "on"])
BARE = frozenset(["submit", "ok", "okay", "cancel", "button", "the", "a", "an"])
"""Capitalised words that goals use for the page's own controls; never typed."""
MOST_SPANS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the goal that may have to be typed, clicked or chosen as it stands."""

    text: str
    start: int
    """Character offset in the goal; the words before it tell what it is for."""
    quoted: bool


@dataclass(frozen=True, slots=True)
class Goal:
    text: str
    lower: str
    words: frozenset[str]
    spans: tuple[Span, ...]
    """In the order of the goal, quoted ones first to be kept."""
    ordinals: frozenset[int]


def words(text: str) -> list[str]:
    """The words of a text in lower case; camelCase and snake_case are taken apart."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ").replace("-", " ")
    return [word.lower() for word in WORD.findall(text)]


@lru_cache(maxsize=4096)
def read_goal(text: str) -> Goal:
    """Take a goal apart. Pure, and cached, since each step asks again."""
    ordinals = {int(m[1]) if m[1] else ORDINAL_WORDS[m[2].lower()] for m in ORDINAL.finditer(text)}
    return Goal(text, text.lower(), frozenset(words(text)), spans_of(text), frozenset(ordinals))


def spans_of(text: str) -> tuple[Span, ...]:
    """The goal's own pieces: quoted ones, values after a colon, numbers, names, members of an enumeration."""
    found: list[Span] = []
    for pattern in (QUOTED, LITERAL, AFTER_COLON, CAPITALS, LISTED):
        for match in pattern.finditer(text):
            group = next((k for k in range(1, pattern.groups + 1) if match[k]), 0)
            for piece, start in pieces(match[group], match.start(group), listed=pattern is LISTED):
                overlaps = any(s.start < start + len(piece) and start < s.start + len(s.text) for s in found)
                if piece and not overlaps and not set(words(piece)) <= BARE:
                    found.append(Span(piece, start, pattern is QUOTED))
    return tuple(sorted(found[:MOST_SPANS], key=lambda span: span.start))


def pieces(text: str, start: int, *, listed: bool) -> list[tuple[str, int]]:
    """The text itself, or, for what follows a verb such as `select`, the members of the enumeration."""
    if not listed:
        return [(text.strip(), start)]
    parts, at = [], 0
    for piece in re.split(r",\s*(?:and\s+)?|\s+and\s+", text):
        at = text.find(piece, at)
        parts.append((piece.strip(), start + at))
    short = len(parts) > 1 or len(words(text)) <= 2
    return [(p, s) for p, s in parts if short and 0 < len(words(p)) <= 3 and words(p)[0] not in ARTICLES]


def goal_pattern(text: str) -> str:
    """The goal with its own pieces replaced by `…`: what two instances of one kind of task have in common."""
    for span in reversed(spans_of(text)):
        text = text[: span.start] + "…" + text[span.start + len(span.text) :]
    return re.sub(r"\d+", "…", text).strip()
