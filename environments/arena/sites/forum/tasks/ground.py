"""What the forum's templates share: picking posts and communities, and the moves that lead to them."""

from __future__ import annotations

import sqlite3
from random import Random

from environments.arena.tasks import Data, Move, click, fill

__all__ = [
    "ALONE",
    "COMMENT",
    "COMMENTS",
    "LOGIN",
    "MARA",
    "ORDERS",
    "POST",
    "PROFILE",
    "START",
    "by_others",
    "counted",
    "graded",
    "leading",
    "place",
    "posts",
    "texts",
    "to_first",
    "to_place",
    "to_post",
]

START = "__FORUM__/"
MARA = "mara.quill"
LOGIN = {"forum": MARA}
ORDERS = {"newest": "Newest", "top rated": "Top rated", "most discussed": "Most comments"}
COLUMNS = {"newest": "at", "top rated": "score", "most discussed": "comments"}
POST = """SELECT forum_post.*, forum_community.title AS place, slug FROM forum_post
          JOIN forum_community ON forum_community.id = community"""
ALONE = "forum_post.title IN (SELECT title FROM forum_post GROUP BY title HAVING count(*) = 1)"
PROFILE = f"__FORUM__/u/{MARA}"
COMMENT = (
    "(c => [c.dataset.parent, c.querySelector('a').innerText, c.querySelector('[data-grade]').innerText].join('|'))"
)
COMMENTS = "[...document.querySelectorAll('[data-grade=\"comment\"]')]"


def graded(name: str) -> str:
    return f"document.querySelector('[data-grade=\"{name}\"]').innerText"


def texts(selector: str) -> str:
    return f"[...document.querySelectorAll('{selector}')].map(e => e.innerText).join(' / ')"


def posts(data: Data, where: str = "1", *values: object) -> list[sqlite3.Row]:
    """Posts whose title no other has, the newest first."""
    return data.all(f"{POST} WHERE {ALONE} AND {where} ORDER BY at DESC", *values)


def by_others(data: Data, rng: Random) -> sqlite3.Row:
    return rng.choice(posts(data, "author <> ?", MARA))


def place(data: Data, rng: Random, where: str = "1", *values: object) -> sqlite3.Row:
    rows = data.all(f"SELECT * FROM forum_community WHERE {where} ORDER BY id", *values)
    picked: sqlite3.Row = rng.choice(rows)
    return picked


def leading(data: Data, rng: Random) -> tuple[str, sqlite3.Row, sqlite3.Row]:
    """An order, and the first two posts of some community in it: no draw, different authors, none of them Mara's."""
    while True:
        order = rng.choice(list(COLUMNS))
        spot = place(data, rng)["id"]
        rows = data.all(f"{POST} WHERE community = ? ORDER BY {COLUMNS[order]} DESC LIMIT 2", spot)
        if len({row[COLUMNS[order]] for row in rows}) == len({row["author"] for row in rows} - {MARA}) == 2:
            return order, rows[0], rows[1]


def counted(data: Data, table: str) -> int:
    return int(data.value(f"SELECT count(*) FROM forum_{table} WHERE author = ?", MARA))


def to_place(title: str) -> tuple[Move, ...]:
    return (click("link", "Communities"), click("link", title))


def to_first(order: str, row: sqlite3.Row) -> tuple[Move, ...]:
    """To the community's post that is first in this order."""
    sort = () if order == "newest" else (click("link", ORDERS[order]),)
    return (*to_place(row["place"]), *sort, click("link", row["title"]))


def to_post(title: str) -> tuple[Move, ...]:
    return (fill("Search posts", title), click("button", "Search"), click("link", title))
