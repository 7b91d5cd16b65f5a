"""Pages of the forum that only show: lists, a post with its comments, search."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from environments.arena.visit import Page, Visit

__all__ = ["communities", "community", "home", "post", "search", "suggest"]

POSTS_A_PAGE = 20
ORDERS = {"new": "at DESC", "top": "score DESC, id", "talked": "comments DESC, id"}
ORDER_NAMES = (("new", "Newest"), ("top", "Top rated"), ("talked", "Most comments"))
POST = """SELECT forum_post.*, forum_community.slug, forum_community.title AS place
          FROM forum_post JOIN forum_community ON forum_community.id = forum_post.community"""


class Listed(NamedTuple):
    """One page of a list of posts."""

    posts: list[sqlite3.Row]
    page: int
    last: int
    sort: str
    total: int
    """On all pages."""


def listed(visit: Visit, where: str = "1", *values: object) -> Listed:
    """The posts that hold, in the order and page that the address asks for."""
    sort = visit.query.get("sort", "new")
    sort = sort if sort in ORDERS else "new"
    count = visit.value(f"SELECT count(*) FROM forum_post WHERE {where}", *values)
    last = max(1, -(-count // POSTS_A_PAGE))
    page = min(visit.number("page", 1, least=1), last)
    order = f"ORDER BY forum_post.{ORDERS[sort]} LIMIT {POSTS_A_PAGE} OFFSET {(page - 1) * POSTS_A_PAGE}"
    posts = visit.all(f"{POST} WHERE {where} {order}", *values) if count else []
    return Listed(posts, page, last, sort, count)


def home(visit: Visit) -> Page:
    """Every community's posts, or with `feed=mine` those of the communities that one is subscribed to."""
    mine = visit.query.get("feed") == "mine" and visit.account is not None
    where, values = "1", ()
    if mine and visit.account:
        where = "community IN (SELECT community FROM forum_subscription WHERE username = ?)"
        values = (visit.account.username,)  # type: ignore[assignment]
    popular = visit.all(
        """SELECT forum_community.*, count(*) AS members FROM forum_community
           JOIN forum_subscription ON community = id GROUP BY id ORDER BY members DESC, id LIMIT 5"""
    )
    list_ = listed(visit, where, *values)
    return visit.page("home.html", list=list_, orders=ORDER_NAMES, popular=popular, mine=mine)


def communities(visit: Visit) -> Page:
    rows = visit.all(
        """SELECT forum_community.*, (SELECT count(*) FROM forum_subscription WHERE community = id) AS members,
           (SELECT count(*) FROM forum_post WHERE community = forum_community.id) AS posts
           FROM forum_community ORDER BY title"""
    )
    return visit.page("communities.html", communities=rows)


def community(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM forum_community WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no such community.")
    members = visit.value("SELECT count(*) FROM forum_subscription WHERE community = ?", row["id"])
    account = visit.account
    joined = account and visit.one(
        "SELECT 1 FROM forum_subscription WHERE community = ? AND username = ?", row["id"], account.username
    )
    return visit.page(
        "community.html", community=row, members=members, joined=bool(joined), orders=ORDER_NAMES,
        list=listed(visit, "community = ?", row["id"]),
    )  # fmt: skip


def post(visit: Visit) -> Page:
    row = visit.one(f"{POST} WHERE forum_post.id = ?", visit.path["id"])
    if row is None:
        return visit.not_found("This post does not exist, or was deleted.")
    account = visit.account
    username = account.username if account else ""
    vote = visit.value("SELECT value FROM forum_vote WHERE post = ? AND username = ?", row["id"], username)
    saved = visit.one("SELECT 1 FROM forum_saved WHERE post = ? AND username = ?", row["id"], username)
    reported = visit.value(
        "SELECT group_concat(reason, ', ') FROM forum_report WHERE post = ? AND username = ?", row["id"], username
    )
    return visit.page(
        "post.html", post=row, thread=thread(visit, row["id"]), vote=vote or 0, saved=bool(saved),
        reported=reported or "",
    )  # fmt: skip


def thread(visit: Visit, post: int) -> list[tuple[int, sqlite3.Row]]:
    """The comments in reading order, each with its depth."""
    rows = visit.all("SELECT * FROM forum_comment WHERE post = ? ORDER BY at, id", post)
    answers: dict[int | None, list[sqlite3.Row]] = {}
    for row in rows:
        answers.setdefault(row["parent"], []).append(row)
    ordered: list[tuple[int, sqlite3.Row]] = []
    waiting = [(0, row) for row in reversed(answers.get(None, []))]
    while waiting:
        depth, row = waiting.pop()
        ordered.append((depth, row))
        waiting += [(depth + 1, answer) for answer in reversed(answers.get(row["id"], []))]
    return ordered


def search(visit: Visit) -> Page:
    words = visit.query.get("q", "").strip()
    place = visit.query.get("community", "")
    where, values = "forum_post.title LIKE ?", [f"%{words}%"]
    if place:
        where += " AND community = (SELECT id FROM forum_community WHERE slug = ?)"
        values.append(place)
    found = listed(visit, where, *values) if words else Listed([], 1, 1, "new", 0)
    places = [("", "All communities")] + [
        (row["slug"], row["title"]) for row in visit.all("SELECT * FROM forum_community ORDER BY title")
    ]
    return visit.page("search.html", words=words, list=found, count=found.total, places=places, place=place)


def suggest(visit: Visit) -> Page:
    """Communities whose name begins so, for the field of a new post."""
    like = f"{visit.query.get('q', '').strip()}%"
    rows = visit.all("SELECT * FROM forum_community WHERE title LIKE ? ORDER BY title LIMIT 8", like)
    return visit.json(json.dumps([{"label": row["title"], "value": row["title"]} for row in rows]))
