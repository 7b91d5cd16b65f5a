"""Which items answer a query, in which order, and how many.

The score is the cosine similarity between an item's vector (its cue, or its text where it has none) and the query's
vector, which points 60% at the goal and 40% at the sketch of the page. So it equals
(0.6 cos(goal, item) + 0.4 cos(sketch, item)) / |0.6 goal + 0.4 sketch|. With only one of the two, that one counts.
Scores are rounded to six digits and ties go to the smaller id, so equal libraries answer equally.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from memory.contracts import Query, TextEncoder
from memory.encoder import Vectors
from memory.index import Hit, Shelf
from memory.items import Content, Item, same_lesson
from memory.trajectory import RecalledItem

__all__ = ["aim", "alike", "choose", "gather", "reachable"]

GOAL_SHARE = 0.6
"""Weight of the goal against the sketch."""
ALIKE = 0.9
"""Share of words from which two recalled texts count as the same."""
OVERFETCH = 4
"""Candidates asked of each shelf for each item wanted, as some are barred, retired or alike."""


def aim(query: Query, *, encoder: TextEncoder) -> Vectors:
    """The query's vector, of length 1."""
    weighted = [(query.goal, GOAL_SHARE), (query.sketch, 1 - GOAL_SHARE)]
    texts, weights = zip(*[(text, weight) for text, weight in weighted if text], strict=True)
    mixed = np.asarray(weights, np.float32) @ encoder.encode(texts)
    unit: Vectors = mixed / np.linalg.norm(mixed)
    return unit


def reachable(query: Query, shelves: Iterable[Shelf]) -> list[Shelf]:
    """The shelves that may answer: the query's site, its environment, and what holds anywhere."""
    return [
        shelf
        for shelf in shelves
        if (not query.kinds or shelf.kind in query.kinds)
        and (query.environment is None or shelf.environment in ("", query.environment))
        and (query.site is None or shelf.site in ("", query.site))
    ]


def gather(
    query: Query,
    *,
    shelves: Sequence[Shelf],
    items: Mapping[str, Item],
    nearest: Callable[[Shelf, int], list[Hit]],
) -> list[tuple[Item, float]]:
    """Items that may be served, best first: at least twice `query.k` of them where there are so many.

    `nearest(shelf, n)` gives the n best of a shelf. It is asked for more only while barred and retired items leave
    too few, so that these can hide nothing.
    """
    served: dict[str, tuple[Item, float]] = {}
    n, open_shelves = OVERFETCH * query.k, list(shelves)
    while open_shelves and len(served) < 2 * query.k:
        still_open = []
        for shelf in open_shelves:
            hits = nearest(shelf, n)
            for id, score in hits:
                item = items.get(id)
                if item and score >= query.min_score and item.serves(family=query.family, split=query.split):
                    served[id] = (item, round(score, 6))
            if len(hits) == n and hits[-1].score >= query.min_score:
                still_open.append(shelf)
        n, open_shelves = n * OVERFETCH, still_open
    return sorted(served.values(), key=lambda pair: (-pair[1], pair[0].id))


def choose(query: Query, ranked: Iterable[tuple[Item, float]]) -> tuple[RecalledItem, ...]:
    """The best items that fit: at most `k`, no two alike, within the token cap."""
    chosen: list[tuple[Item, float]] = []
    left = query.max_tokens
    for item, score in ranked:
        cost = math.ceil(len(item.content.text) / 4)
        if len(chosen) == query.k:
            break
        if cost <= left and not any(alike(item.content, other.content) for other, _ in chosen):
            chosen.append((item, score))
            left -= cost
    return tuple(
        RecalledItem(
            id=item.id,
            version=item.version,
            kind=item.content.kind,
            text=item.content.text,
            data=item.content.data,
            score=score,
        )
        for item, score in chosen
    )


def alike(a: Content, b: Content) -> bool:
    """Whether showing both would be saying one thing twice: one lesson, and nearly the same words."""
    mine, others = set(a.words), set(b.words)
    return len(mine & others) >= ALIKE * len(mine | others) and same_lesson(a, b)
