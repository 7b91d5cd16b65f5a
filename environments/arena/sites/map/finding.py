"""Finding places: the map itself, search with suggestions, categories, towns, and what is nearby."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from typing import Any

from environments.arena.sites.map.drawing import GROUPS, View, around, draw, far
from environments.arena.sites.map.seeding import CLOSED
from environments.arena.visit import Page, Visit

__all__ = ["Spot", "categories", "category", "home", "nearby", "preferences", "search", "spot", "suggest", "town"]

A_PAGE = 15
MY_LOCATION = "My location"
SORTS = {"name": "name", "rating": "rating", "reviews": "reviews", "town": "town"}
RADII = (1, 2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Spot:
    """An end of a way: a place, or the middle of a town."""

    name: str
    node: int
    x: float
    y: float
    place: int = 0
    """Its number; 0 for a town."""


def preferences(visit: Visit) -> dict[str, str]:
    """Where the member is, and the units and way of travelling; a guest is nowhere."""
    account = visit.account
    row = visit.one("SELECT * FROM map_member WHERE username = ?", account.username) if account else None
    return dict(row) if row else {"username": "", "town": "", "units": "km", "mode": "driving"}


def spot(visit: Visit, text: str) -> Spot | None:
    """What `Fernwick`, `The Copper Kettle, Fernwick` or `My location` means; None if nothing for certain."""
    text = text.strip()
    if text.lower() == MY_LOCATION.lower():
        text = preferences(visit)["town"]
    row = visit.one("SELECT * FROM map_town WHERE name = ? COLLATE NOCASE", text)
    if row:
        return Spot(row["name"], row["node"], row["x"], row["y"])
    name, _, where = text.rpartition(",")
    found = visit.all("SELECT * FROM map_place WHERE name = ? COLLATE NOCASE", name.strip() if where else text)
    found = [one for one in found if not name or one["town"].lower() == where.strip().lower()] or (
        visit.all("SELECT * FROM map_place WHERE name = ? COLLATE NOCASE", text)
    )
    if len(found) != 1:
        return None
    return Spot(f"{found[0]['name']}, {found[0]['town']}", *(found[0][key] for key in ("node", "x", "y", "id")))


def matching(words: str) -> tuple[str, list[str]]:
    """A condition that all words are in a place's name, kind, street or town."""
    parts = [
        word for word in words.lower().replace("é", "e").replace(",", " ").split() if word not in ("in", "the", "near")
    ]
    return " AND ".join(["words LIKE ?"] * len(parts)) or "1", [f"%{part}%" for part in parts]


def home(visit: Visit) -> Page:
    """The map, where the address says."""
    kind = visit.query.get("kind", "")
    try:
        view = View(float(visit.query["x"]), float(visit.query["y"]), visit.number("z", 0, most=6))
        if not all(map(math.isfinite, (view.x, view.y))):
            raise ValueError
    except (KeyError, ValueError):
        view = View()
    groups = by_heading(visit)
    drawn = draw(visit.instance.db, view, kind=kind)
    return visit.page(
        "home.html", map=drawn, view=view, kind=kind, groups=groups, colours=GROUPS, mine=preferences(visit)
    )


def by_heading(visit: Visit) -> dict[str, list[sqlite3.Row]]:
    rows = visit.all(
        """SELECT map_kind.*, count(map_place.id) AS places FROM map_kind LEFT JOIN map_place ON kind = slug
           GROUP BY slug ORDER BY map_kind.name"""
    )
    return {group: [row for row in rows if row["heading"] == group] for group in GROUPS}


def open_now(visit: Visit) -> str:
    """A condition: open on the clock's day and minute."""
    start = visit.now.weekday() * 12 + 1
    now = visit.now.strftime("%H:%M")
    return f"(substr(hours, {start}, 5) <= '{now}' AND substr(hours, {start + 6}, 5) > '{now}')"


def listed(visit: Visit, where: str, *values: Any, sort: str = "name") -> dict[str, Any]:
    """One page of places with what the template needs."""
    asked = visit.query.get("sort", sort)
    sort = asked if asked.lstrip("-") in SORTS else sort
    if visit.query.get("open") == "1":
        where += f" AND {open_now(visit)}"
    count = visit.value(f"SELECT count(*) FROM map_place WHERE {where}", *values)
    last = max(1, -(-count // A_PAGE))
    page = min(visit.number("page", 1, least=1), last)
    order = f"{SORTS[sort.lstrip('-')]}{' DESC' if sort.startswith('-') else ''}"
    rows = visit.all(
        f"""SELECT map_place.*, map_kind.name AS what FROM map_place JOIN map_kind ON kind = slug WHERE {where}
            ORDER BY map_place.{order}, map_place.id LIMIT {A_PAGE} OFFSET {(page - 1) * A_PAGE}""",
        *values,
    )
    drawn = draw(visit.instance.db, around([(row["x"], row["y"]) for row in rows]), pins=rows) if rows else ""
    return {
        "places": rows, "count": count, "page": page, "last": last, "sort": sort, "map": drawn,
        "open": visit.query.get("open") == "1",
        "towns": [row["name"] for row in visit.all("SELECT name FROM map_town ORDER BY name")],
        "today": visit.now.weekday(), "closed": CLOSED,
    }  # fmt: skip


def search(visit: Visit) -> Page:
    words, where_to = visit.query.get("q", "").strip(), visit.query.get("town", "")
    where, values = matching(words)
    if where_to:
        where, values = f"{where} AND town = ?", [*values, where_to]
    found = listed(visit, where if words else "0", *(values if words else ()), sort="-reviews")
    towns = (
        visit.all("SELECT * FROM map_town WHERE name LIKE ? ORDER BY inhabitants DESC", f"%{words}%") if words else []
    )
    return visit.page("search.html", words=words, town=where_to, found_towns=towns, **found)


def suggest(visit: Visit) -> Page:
    """Towns and places whose name begins so, for the fields of the directions."""
    words = visit.query.get("q", "").strip()
    towns = [
        row["name"]
        for row in visit.all("SELECT name FROM map_town WHERE name LIKE ? ORDER BY name LIMIT 4", f"{words}%")
    ]
    where, values = matching(words)
    rows = visit.all(f"SELECT name, town FROM map_place WHERE {where} ORDER BY reviews DESC, id LIMIT 6", *values)
    names = [*towns, *(f"{row['name']}, {row['town']}" for row in rows)]
    if visit.account and MY_LOCATION.lower().startswith(words.lower()):
        names.insert(0, MY_LOCATION)
    return visit.json(json.dumps([{"label": name, "value": name} for name in names[:8]]))


def categories(visit: Visit) -> Page:
    return visit.page("categories.html", groups=by_heading(visit))


def category(visit: Visit) -> Page:
    kind = visit.one("SELECT * FROM map_kind WHERE slug = ?", visit.path["slug"])
    if kind is None:
        return visit.not_found("There is no such category.")
    where_to = visit.query.get("town", "")
    values = [kind["slug"], where_to] if where_to else [kind["slug"]]
    found = listed(visit, "kind = ? AND town = ?" if where_to else "kind = ?", *values)
    return visit.page("category.html", kind=kind, town=where_to, **found)


def town(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM map_town WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no such town.")
    kinds = visit.all(
        """SELECT map_kind.*, count(*) AS places FROM map_place JOIN map_kind ON kind = slug WHERE town = ?
           GROUP BY slug ORDER BY map_kind.name""", row["name"],
    )  # fmt: skip
    best = visit.all(
        "SELECT * FROM map_place WHERE town = ? AND reviews > 1 ORDER BY rating DESC, reviews DESC, id LIMIT 5",
        row["name"],
    )
    zoom = 4 if row["inhabitants"] > 9_000 else 5
    drawn = draw(visit.instance.db, View(row["x"], row["y"], zoom), label=f"Map of {row['name']}")
    return visit.page("town.html", town=row, kinds=kinds, best=best, map=drawn)


def nearby(visit: Visit) -> Page:
    """Places of a kind within a radius, as the crow flies, nearest first."""
    text, kind = visit.query.get("of", "").strip(), visit.query.get("kind", "")
    radius = visit.number("radius", 2, least=1, most=20)
    middle = spot(visit, text) if text else None
    found: list[tuple[float, sqlite3.Row]] = []
    if middle:
        rows = visit.all(
            """SELECT map_place.*, map_kind.name AS what FROM map_place JOIN map_kind ON kind = slug
               WHERE x BETWEEN ? AND ? AND y BETWEEN ? AND ? AND (? = '' OR kind = ?) AND map_place.id != ?""",
            middle.x - radius, middle.x + radius, middle.y - radius, middle.y + radius, kind, kind, middle.place,
        )  # fmt: skip
        away = [(math.dist((row["x"], row["y"]), (middle.x, middle.y)), row) for row in rows]
        found = sorted(((km, row) for km, row in away if km <= radius), key=lambda pair: (pair[0], pair[1]["id"]))
    last = max(1, -(-len(found) // A_PAGE))
    page = min(visit.number("page", 1, least=1), last)
    shown = found[(page - 1) * A_PAGE : page * A_PAGE]
    points = [(row["x"], row["y"]) for _, row in shown]
    drawn = draw(visit.instance.db, around(points), pins=[row for _, row in shown]) if points else ""
    kinds = [
        ("", "Everything"),
        *((row["slug"], row["plural"]) for row in visit.all("SELECT * FROM map_kind ORDER BY plural")),
    ]
    return visit.page(
        "nearby.html", text=text, kind=kind, kinds=kinds, radius=radius, radii=[(n, f"{n} km") for n in RADII],
        middle=middle, count=len(found), shown=shown, page=page, last=last, map=drawn, far=far,
        units=preferences(visit)["units"],
    )  # fmt: skip
