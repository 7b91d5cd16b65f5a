"""Finds ways through the road network: the fastest, alternatives to it, and what to say at each turn.

The fastest way is Dijkstra's (1959). Alternatives are found by making the roads of the ways found so far dearer and
searching again; one is kept when it is at most half as long again in time, and a third of it is new.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

__all__ = ["MODES", "Graph", "Step", "Way", "clock", "points_of", "read_graph"]

MODES = {"driving": "Driving", "cycling": "Cycling", "walking": "Walking"}
SPEEDS: dict[str, dict[str, float]] = {
    "driving": {"trunk": 100, "main": 74, "secondary": 58, "lane": 38, "street": 27},
    "cycling": {"main": 17, "secondary": 17, "lane": 15, "street": 14, "track": 15},
    "walking": {"main": 4.8, "secondary": 4.8, "lane": 4.8, "street": 4.8, "track": 4.8, "fell": 2.6},
}
"""Kilometres an hour by mode and kind of road; a kind that is missing may not be used."""
DEARER, LONGEST, NEW = 1.6, 1.5, 0.33
AVOIDED = 5.0
"""How much slower roads that are to be avoided count; some towns have no others."""


@dataclass(frozen=True, slots=True)
class Edge:
    id: int
    a: int
    b: int
    name: str
    ref: str
    kind: str
    town: str
    km: float
    shape: tuple[tuple[float, float], ...]
    """From `a` to `b`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the directions."""

    text: str
    km: float
    minutes: float


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one place to another."""

    edges: tuple[tuple[Edge, bool], ...]
    """Each with whether it is gone from `a` to `b`."""
    mode: str

    @property
    def km(self) -> float:
        return sum(edge.km for edge, _ in self.edges)

    @property
    def minutes(self) -> float:
        return sum(_minutes(edge, self.mode) for edge, _ in self.edges)

    @property
    def line(self) -> list[tuple[float, float]]:
        """Its points in order."""
        return [point for edge, forth in self.edges for point in (edge.shape if forth else edge.shape[::-1])]

    @property
    def through(self) -> str:
        """The road of which most of it consists."""
        lengths: dict[str, float] = {}
        for edge, _ in self.edges:
            lengths[_called(edge)] = lengths.get(_called(edge), 0) + edge.km
        return max(lengths, key=lambda name: lengths[name]) if lengths else "on foot"

    def steps(self, *, to: str) -> list[Step]:
        """What to do, a line for each road."""
        found: list[Step] = []
        for number, (edge, forth) in enumerate(self.edges):
            previous = self.edges[number - 1] if number else None
            km, minutes = edge.km, _minutes(edge, self.mode)
            if previous and _called(previous[0]) == _called(edge):
                last = found.pop()
                found.append(Step(last.text, last.km + km, last.minutes + minutes))
            elif previous:
                found.append(Step(f"{_turn(previous, (edge, forth))} {_called(edge)}", km, minutes))
            else:
                found.append(Step(f"Set out {_compass(edge, forth)} on {_called(edge)}", km, minutes))
        return [*found, Step(f"Arrive at {to}", 0.0, 0.0)]


@dataclass(frozen=True, slots=True)
class Graph:
    """The roads, by the junctions that they leave."""

    leaving: dict[int, list[tuple[Edge, bool]]]

    def ways(self, stops: Sequence[int], *, mode: str, most: int = 3, avoid: Sequence[str] = ()) -> list[Way]:
        """The fastest way over all stops, and, where there are but two, alternatives. Empty when there is none.

        Kinds of road in `avoid` are used where all else is much longer.
        """
        if len(stops) > 2 or most == 1:
            legs = [self._way(a, b, mode, {}, avoid) for a, b in pairwise(stops)]
            if any(leg is None for leg in legs):
                return []
            return [Way(tuple(pair for leg in legs if leg for pair in leg.edges), mode)]
        first = self._way(stops[0], stops[1], mode, {}, avoid)
        found = [first] if first else []
        dearer: dict[int, float] = {}
        for _ in range(most + 1):
            if not first or len(found) == most:
                break
            for edge, _forth in found[-1].edges:
                dearer[edge.id] = dearer.get(edge.id, 1.0) * DEARER
            other = self._way(stops[0], stops[1], mode, dearer, avoid)
            if other and _is_new(other, found):
                found.append(other)
        return sorted(found, key=lambda way: way.minutes)

    def _way(self, start: int, end: int, mode: str, dearer: dict[int, float], avoid: Sequence[str]) -> Way | None:
        speeds = {kind: speed / (AVOIDED if kind in avoid else 1) for kind, speed in SPEEDS[mode].items()}
        best = {start: 0.0}
        came: dict[int, tuple[int, Edge, bool]] = {}
        waiting = [(0.0, start)]
        while waiting:
            hours, node = heapq.heappop(waiting)
            if node == end:
                return Way(tuple(_back(came, end)), mode)
            if hours > best[node]:
                continue
            for edge, forth in self.leaving.get(node, ()):
                if edge.kind not in speeds:
                    continue
                then = hours + edge.km / speeds[edge.kind] * dearer.get(edge.id, 1.0)
                target = edge.b if forth else edge.a
                if then < best.get(target, math.inf):
                    best[target], came[target] = then, (node, edge, forth)
                    heapq.heappush(waiting, (then, target))
        return None


def read_graph(db: sqlite3.Connection) -> Graph:
    """The graph of the seeded tables."""
    leaving: dict[int, list[tuple[Edge, bool]]] = {}
    for row in db.execute("SELECT id, a, b, name, ref, kind, town, km, shape FROM map_road"):
        number, a, b, name, ref, kind, town, km, shape = row
        edge = Edge(number, a, b, name, ref, kind, town, km, points_of(shape))
        leaving.setdefault(edge.a, []).append((edge, True))
        leaving.setdefault(edge.b, []).append((edge, False))
    return Graph(leaving)


@lru_cache(maxsize=2_000)
def points_of(text: str) -> tuple[tuple[float, float], ...]:
    """The points of a road's shape; roads are the same in every instance, so this is worked out once."""
    return tuple((float(x), float(y)) for x, y in (point.split(",") for point in text.split()))


def clock(minutes: float) -> str:
    """34 min; 2 h 05 min."""
    whole = max(1, round(minutes))
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"


def _back(came: dict[int, tuple[int, Edge, bool]], node: int) -> list[tuple[Edge, bool]]:
    found = []
    while node in came:
        node, edge, forth = came[node]
        found.append((edge, forth))
    return found[::-1]


def _minutes(edge: Edge, mode: str) -> float:
    return edge.km / SPEEDS[mode][edge.kind] * 60


def _is_new(way: Way, others: Sequence[Way]) -> bool:
    if way.minutes > LONGEST * others[0].minutes:
        return False
    for other in others:
        known = {edge.id for edge, _ in other.edges}
        if sum(edge.km for edge, _ in way.edges if edge.id not in known) < NEW * way.km:
            return False
    return True


def _called(edge: Edge) -> str:
    return f"{edge.name} ({edge.ref})" if edge.ref else edge.name


def _heading(edge: Edge, forth: bool, *, end: bool) -> float:
    shape = edge.shape if forth else edge.shape[::-1]
    (x, y), (to_x, to_y) = shape[-2:] if end else shape[:2]
    return math.atan2(to_y - y, to_x - x)


def _compass(edge: Edge, forth: bool) -> str:
    names = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east")
    return names[round(_heading(edge, forth, end=False) / (math.pi / 4)) % 8]


def _turn(before: tuple[Edge, bool], after: tuple[Edge, bool]) -> str:
    """Left is positive: headings turn against the clock."""
    angle = math.degrees(_heading(*after, end=False) - _heading(*before, end=True))
    angle = (angle + 180) % 360 - 180
    if abs(angle) < 25:
        return "Go straight on to"
    side = "left" if angle > 0 else "right"
    return f"Bear {side} on to" if abs(angle) < 55 else f"Turn {side} on to" if abs(angle) < 150 else "Turn round on to"
