"""The map's tables: the county, which is the same at every seed, and the places, members, reviews and lists in it."""

from __future__ import annotations

import math
import sqlite3
from datetime import timedelta
from random import Random
from typing import Any

from environments.arena.accounts import add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.map import words
from environments.arena.sites.map.county import FELL, TOWNS
from environments.arena.sites.map.network import Network, build

__all__ = ["CLOSED", "SCHEMA", "seed"]

SCHEMA = """
CREATE TABLE map_town (
    id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    inhabitants INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL, postcode TEXT NOT NULL, about TEXT NOT NULL,
    node INTEGER NOT NULL
);
CREATE TABLE map_node (id INTEGER PRIMARY KEY, town TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL);
CREATE TABLE map_road (
    id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, name TEXT NOT NULL, ref TEXT NOT NULL,
    kind TEXT NOT NULL, town TEXT NOT NULL, km REAL NOT NULL, shape TEXT NOT NULL
);
CREATE TABLE map_kind (
    slug TEXT PRIMARY KEY, name TEXT NOT NULL, plural TEXT NOT NULL, heading TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE map_place (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, town TEXT NOT NULL, address TEXT NOT NULL,
    postcode TEXT NOT NULL, phone TEXT NOT NULL, website TEXT NOT NULL, hours TEXT NOT NULL, about TEXT NOT NULL,
    step_free INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL, node INTEGER NOT NULL, words TEXT NOT NULL,
    rating REAL NOT NULL DEFAULT 0, reviews INTEGER NOT NULL DEFAULT 0, UNIQUE (name, town)
);
CREATE INDEX map_place_kind ON map_place (kind, town);
CREATE INDEX map_place_town ON map_place (town);
CREATE INDEX map_place_x ON map_place (x);
CREATE TABLE map_member (
    username TEXT PRIMARY KEY, town TEXT NOT NULL, units TEXT NOT NULL, mode TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE map_review (
    id INTEGER PRIMARY KEY, place INTEGER NOT NULL, username TEXT NOT NULL, rating INTEGER NOT NULL,
    body TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX map_review_place ON map_review (place, at);
CREATE INDEX map_review_username ON map_review (username);
CREATE TABLE map_list (id INTEGER PRIMARY KEY, username TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (username, name));
CREATE TABLE map_saved (
    list INTEGER NOT NULL, place INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (list, place)
) WITHOUT ROWID;
CREATE TABLE map_report (
    id INTEGER PRIMARY KEY, place INTEGER NOT NULL, username TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL, status TEXT NOT NULL
);
"""

SIZES: dict[Size, tuple[int, int, int]] = {"small": (80, 8, 2), "normal": (1_500, 60, 4), "large": (5_000, 200, 5)}
"""Places, members, and reviews of a place on average."""

CLOSED = "-----------"
"""A day in `hours`, which holds eleven characters for each day from Monday on, with `;` between."""
LISTS = {"mara.quill": ("Weekend walks", "Lunch near work", "For visitors"), "tom.fallow": ("Want to go", "Errands")}
REASONS = ("Closed for good", "Wrong address", "Wrong opening hours", "Wrong phone number", "Something else")


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """Fill the tables."""
    places, members, reviews = SIZES[size]
    network = build()
    add_county(db, network)
    add_places(db, rng, network, places)
    usernames = add_members(db, rng, members)
    add_reviews(db, rng, usernames, places * reviews)
    add_lists(db, rng)


def add_county(db: sqlite3.Connection, network: Network) -> None:
    middles: dict[str, int] = {}
    for node, town, _, _ in network.nodes:
        middles.setdefault(town, node)
    db.executemany(
        "INSERT INTO map_town VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, slug_of(town.name), *town[:3], town.x, town.y, town.postcode, town.about, middles[town.name])
            for number, town in enumerate(TOWNS, start=1)
        ],
    )
    db.executemany("INSERT INTO map_node VALUES (?, ?, ?, ?)", network.nodes)
    db.executemany(
        "INSERT INTO map_road (a, b, name, ref, kind, town, km, shape) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", network.edges
    )
    db.executemany("INSERT INTO map_kind VALUES (?, ?, ?, ?)", [kind[:4] for kind in words.KINDS])


def slug_of(name: str) -> str:
    return name.lower().replace("'", "").replace(" ", "-")


# Places ----------------------------------------------------------------------------------------------------------


def add_places(db: sqlite3.Connection, rng: Random, network: Network, count: int) -> None:
    """The landmarks, then inventions; a town has places in proportion to the root of its inhabitants."""
    kinds = {kind.slug: kind for kind in words.KINDS}
    streets: dict[str, list[tuple[Any, ...]]] = {}
    for edge in network.edges:
        if edge[5]:
            streets.setdefault(edge[5], []).append(edge)
    summit = len(network.nodes)
    rows = [(FELL[0], "peak", "Sedgehead", "Fell Path", "LM7", "", "", timetable(rng, "always"),
             f"{FELL[1]} metres; the highest hill of Larchmoor County.", 0, FELL[2], FELL[3], summit)]  # fmt: skip
    for name, slug, town, about in words.LANDMARKS:
        rows.append(invented(rng, network, kinds[slug], town, streets[town], name=name, about=about))
    taken = {(row[0], row[2]) for row in rows}
    weights = [math.sqrt(town.inhabitants) for town in TOWNS]
    shares = [kind.share for kind in words.KINDS]
    while len(rows) < count:
        town = rng.choices(TOWNS, weights)[0].name
        row = invented(rng, network, rng.choices(words.KINDS, shares)[0], town, streets[town])
        if (row[0], town) not in taken:
            taken.add((row[0], town))
            rows.append(row)
    db.executemany(
        """INSERT INTO map_place (name, kind, town, address, postcode, phone, website, hours, about, step_free, x, y,
           node, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [(*row, f"{row[0]} {kinds[row[1]].name} {kinds[row[1]].plural} {row[3]} {row[2]}".lower().replace("é", "e"))
         for row in rows],
    )  # fmt: skip


def invented(rng: Random, network: Network, kind: words.Kind, town: str, streets: list[tuple[Any, ...]],
             *, name: str = "", about: str = "") -> tuple[Any, ...]:  # fmt: skip
    """One place on one of a town's streets."""
    a, b, street = rng.choice(streets)[:3]
    part = rng.uniform(0.1, 0.9)
    (ax, ay), (bx, by) = network.at(a), network.at(b)
    name = name or rng.choice(kind.names).format(
        adj=rng.choice(words.ADJECTIVES), noun=rng.choice(words.NOUNS), beast=rng.choice(words.BEASTS),
        first=rng.choice(words.FIRST), first2=rng.choice(words.FIRST), last=rng.choice(words.LAST), street=street,
    )  # fmt: skip
    postcode = next(one.postcode for one in TOWNS if one.name == town)
    quiet = kind.slug in ("parking", "charging", "viewpoint", "peak", "park")
    site = "".join(letter for letter in name.lower().replace("é", "e") if letter.isalnum())
    return (
        name, kind.slug, town, f"{rng.randrange(1, 140)} {street}",
        f"{postcode} {rng.randrange(1, 10)}{rng.choice('ABDEFGH')}{rng.choice('JLNPQRST')}",
        "" if quiet else f"0555 {rng.randrange(100000, 1000000)}",
        "" if quiet or rng.random() < 0.35 else f"https://{site}.example", timetable(rng, kind.hours),
        about or describe(rng, kind), int(rng.random() < 0.6),
        round(ax + (bx - ax) * part + rng.uniform(-0.02, 0.02), 3),
        round(ay + (by - ay) * part + rng.uniform(-0.02, 0.02), 3), a if part < 0.5 else b,
    )  # fmt: skip


def describe(rng: Random, kind: words.Kind) -> str:
    since = f"Here since {rng.randrange(1880, 2022)}." if rng.random() < 0.5 else "Under new owners."
    where = rng.choice(("by the corner", "opposite the bus stop", "behind the church", "up a few steps"))
    return f"{kind.name} {where}. {since}"


def timetable(rng: Random, pattern: str) -> str:
    """Opening hours, seven pieces from Monday to Sunday."""

    def day(opens: float, closes: float) -> str:
        return f"{int(opens):02d}:{round(opens % 1 * 60):02d}-{int(closes):02d}:{round(closes % 1 * 60):02d}"

    half = rng.choice((0, 0.5))
    later = rng.choice((0, 0.5, 1))
    weekday, saturday, sunday = {
        "always": (day(0, 24),) * 3,
        "day": (day(8 + half, 16.5 + later), day(9, 17 + later), day(10, 15 + later)),
        "evening": (day(12 - half, 22.5 + half), day(11.5, 23 + half), day(12, 21 + later)),
        "dinner": (day(17 + half, 22 + later), day(12 + later, 22.5 + half), day(12, 20 + later)),
        "early": (day(6 + half, 14 + later), day(6.5, 13 + later), CLOSED),
        "long": (day(6 + later, 21 + later), day(7, 20 + later), day(9 + half, 16 + later)),
        "shop": (day(9 - half, 17 + later), day(9 + half, 13 + 2 * later), CLOSED),
        "office": (day(8.5 + half, 16 + later), CLOSED, CLOSED),
        "museum": (day(10, 17 - half), day(10 + half, 17 + later), day(11, 16 + later)),
        "school": (day(8 + half, 15.5 + half), CLOSED, CLOSED),
        "light": (day(7, 19 + later),) * 3,
    }[pattern]
    days = [weekday] * 5 + [saturday, sunday]
    if pattern in ("day", "dinner", "museum") and rng.random() < 0.6:
        days[rng.randrange(3)] = CLOSED
    return ";".join(days)


# People ----------------------------------------------------------------------------------------------------------


def add_members(db: sqlite3.Connection, rng: Random, count: int) -> list[str]:
    """The first two are those whom tasks sign in as."""
    people = {"mara.quill": "Mara Quill", "tom.fallow": "Tom Fallow"}
    while len(people) < count:
        first, last = rng.choice(words.FIRST), rng.choice(words.LAST)
        people.setdefault(f"{first}.{last}".lower(), f"{first} {last}")
    for username, name in people.items():
        joined = (DAY_ONE - timedelta(days=rng.randrange(200, 1500))).date().isoformat()
        add_account(db, username, site="map", name=name, joined=joined)
        town = rng.choice(TOWNS).name if username not in LISTS else "Fernwick"
        db.execute("INSERT INTO map_member VALUES (?, ?, 'km', 'driving')", (username, town))
    return list(people)


def add_reviews(db: sqlite3.Connection, rng: Random, usernames: list[str], count: int) -> None:
    """Reviews, at most one of a member for a place; a place is good or bad by nature."""
    places = [row[0] for row in db.execute("SELECT id FROM map_place")]
    nature = {place: rng.gauss(3.7, 0.8) for place in places}
    seen: set[tuple[int, str]] = set()
    rows = []
    for _ in range(count):
        place, username = rng.choice(places), rng.choice(usernames[2:])
        if (place, username) in seen:
            continue
        seen.add((place, username))
        rating = min(5, max(1, round(rng.gauss(nature[place], 0.7))))
        body = rng.choice(words.PRAISE if rating > 3 else words.REMARKS if rating == 3 else words.COMPLAINTS)
        at = (DAY_ONE - timedelta(minutes=rng.randrange(200, 800_000))).isoformat()
        rows.append((place, username, rating, body, at))
    db.executemany("INSERT INTO map_review (place, username, rating, body, at) VALUES (?, ?, ?, ?, ?)", rows)
    db.execute(
        """UPDATE map_place SET rating = round(found.mean, 1), reviews = found.count FROM
           (SELECT place, avg(rating) AS mean, count(*) AS count FROM map_review GROUP BY place) AS found
           WHERE found.place = map_place.id"""
    )


def add_lists(db: sqlite3.Connection, rng: Random) -> None:
    """Lists of those who sign in, with a few places in each, and an old report."""
    places = [row[0] for row in db.execute("SELECT id FROM map_place WHERE phone != ''")]
    for username, names in LISTS.items():
        for name in names:
            number = db.execute("INSERT INTO map_list (username, name) VALUES (?, ?)", (username, name)).lastrowid
            chosen = rng.sample(places, rng.randrange(4, 8))
            db.executemany("INSERT INTO map_saved (list, place) VALUES (?, ?)", [(number, place) for place in chosen])
        at = (DAY_ONE - timedelta(days=40)).isoformat()
        row = (places[7], username, REASONS[2], "Shut on Tuesdays now.", at, "answered")
        db.execute("INSERT INTO map_report (place, username, reason, body, at, status) VALUES (?, ?, ?, ?, ?, ?)", row)
