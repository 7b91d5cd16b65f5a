"""What the map's tasks are made of: places and towns to ask about, and the moves that lead to them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from random import Random
from typing import Any

from environments.arena.sites.map.roads import MODES, Way, read_graph
from environments.arena.tasks import Data, Draft, Move, choose, click, fill

__all__ = [
    "LIST",
    "LIST_NAMES",
    "MARA",
    "MEANS",
    "REVIEWS",
    "any_place",
    "called",
    "draft",
    "fastest",
    "lists",
    "look_up",
    "minutes",
    "others_kept",
    "plan",
    "put_on",
    "towns",
    "what_is_right",
]

MARA = {"map": "mara.quill"}
LIST = "document.querySelector('[data-grade=\"{}\"]').innerText"
LIST_NAMES = ("Rainy days", "Birthday ideas", "Sunday lunch", "With the twins", "Aunt's visit", "Half-term")
REVIEWS = (
    "Came twice this month and would come again.", "The queue was long but it moved.",
    "Ask for the table by the stove.", "They mended my bag strap for nothing.",
    "Better in the morning than after lunch.",
)  # fmt: skip
MEANS = {"driving": "car", "cycling": "bicycle", "walking": "foot"}


def any_place(data: Data, rng: Random, where: str = "phone != ''") -> sqlite3.Row:
    """A place whose name no other place has."""
    alone = "name IN (SELECT name FROM map_place GROUP BY name HAVING count(*) = 1)"
    return rng.choice(data.all(f"SELECT * FROM map_place WHERE {alone} AND ({where}) ORDER BY id"))


def look_up(place: sqlite3.Row) -> tuple[Move, ...]:
    """From any page to the place's."""
    words = f"{place['name']} {place['town']}"
    return fill("Search places", words), click("button", "Search"), click("link", place["name"], near="Reviews")


def put_on(place: sqlite3.Row, name: str) -> tuple[Move, ...]:
    """From any page to having saved a place to a list."""
    return *look_up(place), click("button", "Save place"), choose("List", name), click("button", "Save to list")


def called(place: sqlite3.Row) -> str:
    return f"{place['name']} in {place['town']}"


def towns(data: Data, rng: Random, count: int, *, apart_km: float = 6) -> list[sqlite3.Row]:
    """Different towns, none of them close to another."""
    rows = data.all("SELECT * FROM map_town ORDER BY id")
    while True:
        found = rng.sample(rows, count)
        pairs = [(a, b) for a in found for b in found if a["id"] < b["id"]]
        if all(math.dist((a["x"], a["y"]), (b["x"], b["y"])) > apart_km for a, b in pairs):
            return found


def fastest(data: Data, stops: Sequence[sqlite3.Row], mode: str) -> Way:
    return read_graph(data.db).ways([stop["node"] for stop in stops], mode=mode, most=1)[0]


def minutes(way: Way) -> int:
    """As the page shows them."""
    return max(1, round(way.minutes))


def plan(start: str, end: str, mode: str, *, via: str = "") -> tuple[Move, ...]:
    """From any page to the directions."""
    stop = (fill("Stop on the way", via),) if via else ()
    ends = (fill("Starting point", start), *stop, fill("Destination", end))
    return click("link", "Directions"), *ends, choose("Travel by", MODES[mode]), click("button", "Get directions")


def lists(data: Data) -> list[sqlite3.Row]:
    """Mara's lists, with how many places each has."""
    return data.all(
        """SELECT map_list.*, count(place) AS places FROM map_list JOIN map_saved ON list = id
           WHERE username = 'mara.quill' GROUP BY id ORDER BY id"""
    )


def others_kept(data: Data, but: int) -> list[tuple[str, str, str]]:
    """Checks that the other lists are as long as before."""
    kept = [row for row in lists(data) if row["id"] != but]
    return [("__MAP__/lists", LIST.format("lists"), f"{row['name']}\t{row['places']}") for row in kept]


def what_is_right(reason: str, rng: Random) -> str:
    """What a report of this reason says."""
    return {
        "Wrong address": f"It moved to number {rng.randrange(141, 199)}.",
        "Wrong opening hours": f"Opens at {rng.randrange(7, 12)}:15 now.",
        "Wrong phone number": f"It is 0555 {rng.randrange(100000, 999999)} now.",
    }[reason]


def draft(**parts: Any) -> Draft:
    """One that begins on the start page."""
    return Draft(start="__MAP__/", **parts)
