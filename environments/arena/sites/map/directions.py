"""Directions: from one place to another, perhaps over others, by car, by bicycle or on foot."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from environments.arena.sites.map.drawing import around, draw, far
from environments.arena.sites.map.finding import MY_LOCATION, Spot, matching, preferences, spot
from environments.arena.sites.map.roads import MODES, clock, read_graph
from environments.arena.visit import Page, Visit

__all__ = ["directions"]

AVOID = {"main": ("trunk", "main"), "": ()}


def directions(visit: Visit) -> Page:
    """The form, and below it the ways, once both ends are known."""
    mine = preferences(visit)
    asked = {key: visit.query.get(key, "").strip() for key in ("from", "via", "to")}
    mode = visit.query.get("mode", mine["mode"])
    mode = mode if mode in MODES else "driving"
    avoid = "main" if visit.query.get("avoid") == "main" else ""
    if not any(asked.values()) and mine["town"]:
        asked["from"] = MY_LOCATION
    wrong = {}
    stops: list[Spot] = []
    for key, text in asked.items():
        end = spot(visit, text) if text else None
        if end:
            stops.append(end)
        elif text:
            wrong[key] = unclear(visit, text)
    ready = bool(asked["from"] and asked["to"] and not wrong)
    values: dict[str, Any] = {"ways": None}
    if ready:
        values = found(visit, stops, mode, avoid, asked)
    else:
        values["map"] = draw(visit.instance.db, around(ends(stops)))
    return visit.page(
        "directions.html", **values, asked=asked, mode=mode, avoid=avoid, modes=MODES, wrong=wrong, units=mine["units"],
        far=far, clock=clock,
    )  # fmt: skip


def ends(stops: list[Spot]) -> list[tuple[float, float]]:
    return [(stop.x, stop.y) for stop in stops] or [(0.0, 0.0), (52.0, 46.0)]


def unclear(visit: Visit, text: str) -> list[str]:
    """Places that a text may mean."""
    where, values = matching(text)
    rows = visit.all(f"SELECT name, town FROM map_place WHERE {where} ORDER BY reviews DESC, id LIMIT 5", *values)
    return [f"{row['name']}, {row['town']}" for row in rows]


def found(visit: Visit, stops: list[Spot], mode: str, avoid: str, asked: dict[str, str]) -> dict[str, Any]:
    """The ways, the chosen one's turns, and the same trip by other means."""
    graph, nodes = read_graph(visit.instance.db), [stop.node for stop in stops]
    ways = graph.ways(nodes, mode=mode, avoid=AVOID[avoid])
    chosen = visit.number("route", 1, least=1, most=max(1, len(ways))) - 1
    others = {}
    for other in MODES:
        same = ways[:1] if other == mode else graph.ways(nodes, mode=other, most=1, avoid=AVOID[avoid])
        others[other] = clock(same[0].minutes) if same else "no way"
    way = ways[chosen] if ways else None
    line = way.line if way else []
    drawn = draw(
        visit.instance.db, around([*line, *ends(stops)]), line=line, label="Map of the way",
        others=[other.line for number, other in enumerate(ways) if number != chosen],
    )  # fmt: skip

    def address(**changes: object) -> str:
        kept = {**asked, "mode": mode, "avoid": avoid, **changes}
        return "/directions?" + urlencode({key: value for key, value in kept.items() if value})

    return {
        "ways": ways, "chosen": chosen, "way": way, "others": others,
        "steps": way.steps(to=stops[-1].name) if way else [],
        "map": drawn, "stops": stops, "address": address,
        "back": address(**{"from": asked["to"], "to": asked["from"]}),
    }  # fmt: skip
