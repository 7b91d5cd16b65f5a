"""Builds the county's streets and roads as a graph: the same at every seed, so that distances are facts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from environments.arena.sites.map.county import FELL, ROADS, TOWNS, Road, Town
from environments.arena.sites.map.words import STREETS

__all__ = ["Network", "build"]

Point = tuple[float, float]
RING_KM = 0.27


@dataclass(slots=True)
class Network:
    """Nodes are junctions; edges are pieces of streets and roads. Kilometres throughout."""

    nodes: list[tuple[int, str, float, float]] = field(default_factory=list)
    """Id, town, east, north."""
    edges: list[tuple[int, int, str, str, str, str, float, str]] = field(default_factory=list)
    """From, to, name, ref, kind, town, length, shape."""
    tips: dict[str, list[int]] = field(default_factory=dict)
    """Town -> the outer ends of its streets."""

    def node(self, town: str, at: Point) -> int:
        self.nodes.append((len(self.nodes) + 1, town, round(at[0], 3), round(at[1], 3)))
        return len(self.nodes)

    def at(self, node: int) -> Point:
        return self.nodes[node - 1][2], self.nodes[node - 1][3]

    def join(self, a: int, b: int, *, name: str, ref: str = "", kind: str, town: str = "", bends: int = 0) -> None:
        """Add an edge; with `bends` it winds, the same way every time."""
        aside = 0.09 if kind == "fell" else 0.05
        shape = winding(self.at(a), self.at(b), bends=bends, aside=aside, rng=Random(f"{name} {a} {b}"))
        length = sum(math.dist(p, q) for p, q in pairwise(shape))
        text = " ".join(f"{x:.3f},{y:.3f}" for x, y in shape)
        self.edges.append((a, b, name, ref, kind, town, round(length, 3), text))


def winding(a: Point, b: Point, *, bends: int, aside: float, rng: Random) -> list[Point]:
    """Points from a to b, pushed aside by up to a part of the distance; each by half as the one before was."""
    across = (a[1] - b[1], b[0] - a[0])
    points, pushed = [a], 0.0
    for number in range(1, bends + 1):
        along, pushed = number / (bends + 1), pushed / 2 + rng.uniform(-aside, aside)
        points.append(
            (a[0] + (b[0] - a[0]) * along + across[0] * pushed, a[1] + (b[1] - a[1]) * along + across[1] * pushed)
        )
    return [*points, b]


def build() -> Network:
    """The whole county."""
    network = Network()
    centres = {town.name: add_town(network, town) for town in TOWNS}
    summit = network.node("", FELL[2:])
    network.tips[FELL[0]] = [summit]
    for road in ROADS:
        add_road(network, road, centres)
    return network


def add_town(network: Network, town: Town) -> int:
    """Streets that leave the middle, and rings that join them. Bigger towns have more of both."""
    rng = Random(f"streets of {town.name}")
    rings = 1 + (town.inhabitants > 1_500) + (town.inhabitants > 8_000) + 2 * (town.inhabitants > 20_000)
    spokes = 4 + (town.inhabitants > 1_000) + (town.inhabitants > 5_000) + 2 * (town.inhabitants > 20_000)
    names = iter([STREETS[0], *rng.sample(STREETS[1:], len(STREETS) - 1)] if town.name == "Fernwick" else
                 rng.sample(STREETS[1:], len(STREETS) - 1))  # fmt: skip
    turn = rng.uniform(0, math.tau)
    middle = network.node(town.name, (town.x, town.y))
    grid: list[list[int]] = []
    for spoke in range(spokes):
        angle = turn + math.tau * (spoke + rng.uniform(-0.2, 0.2)) / spokes
        radii = [RING_KM * (ring + 1) * rng.uniform(0.8, 1.2) for ring in range(rings)]
        grid.append([network.node(town.name, along(town, angle, radius)) for radius in radii])
        name = next(names)
        for a, b in zip([middle, *grid[-1]], grid[-1], strict=False):
            network.join(a, b, name=name, kind="street", town=town.name)
    for ring in range(rings):
        for spoke in range(spokes):
            name = next(names) if spoke % 3 == 0 else name
            if rng.random() < 0.85:
                ends = grid[spoke][ring], grid[(spoke + 1) % spokes][ring]
                network.join(*ends, name=name, kind="street", town=town.name)
    network.tips[town.name] = [nodes[-1] for nodes in grid]
    return middle


def along(town: Town, angle: float, radius: float) -> Point:
    return town.x + radius * math.cos(angle), town.y + radius * math.sin(angle)


def add_road(network: Network, road: Road, centres: dict[str, int]) -> None:
    """From each town to the next, between those ends of streets that are nearest to each other."""
    for one, other in pairwise(road.towns):
        pairs = [(a, b) for a in network.tips[one] for b in network.tips[other]]
        a, b = min(pairs, key=lambda pair: math.dist(network.at(pair[0]), network.at(pair[1])))
        length = math.dist(network.at(a), network.at(b))
        bends = max(2, round(length / (2.5 if road.kind == "trunk" else 1.2)))
        if road.kind == "fell":
            bends = 14
        network.join(a, b, name=road.name, ref=road.ref, kind=road.kind, bends=bends)
