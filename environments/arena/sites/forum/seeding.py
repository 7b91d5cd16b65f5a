"""The forum's people, communities, posts, comments and votes, from nothing but the generator."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from random import Random

from environments.arena.accounts import add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.forum.wording import COMMENTS, COMMUNITIES, FIRST, LAST, OPENINGS, SUBJECTS, TITLES

__all__ = ["seed"]

SIZES: dict[Size, tuple[int, int]] = {"small": (12, 30), "normal": (120, 1_500), "large": (2_000, 50_000)}
"""Members and posts. Comments are about three to a post."""


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """Fill the tables; posts and comments get their times in the year before the first day."""
    members, posts = SIZES[size]
    names = people(rng, members)
    for username, name in names:
        joined = (DAY_ONE - timedelta(days=rng.randrange(400, 1500))).date().isoformat()
        add_account(db, username, site="forum", name=name, joined=joined)
        db.execute("INSERT INTO forum_member VALUES (?, ?, 1)", (username, rng.choice(OPENINGS)))
    db.executemany("INSERT INTO forum_community (id, slug, title, about, rules) VALUES (?, ?, ?, ?, ?)", COMMUNITIES)
    usernames = [username for username, _ in names]
    for username in usernames:
        for community in rng.sample(range(1, len(COMMUNITIES) + 1), rng.randrange(2, 5)):
            db.execute("INSERT INTO forum_subscription VALUES (?, ?)", (username, community))
    add_posts(db, rng, usernames, posts)
    add_comments(db, rng, usernames, posts)
    count_up(db)


def people(rng: Random, count: int) -> list[tuple[str, str]]:
    """User names, each different, with full names. The first is the one that tasks sign in as."""
    found = {"mara.quill": "Mara Quill"}
    while len(found) < count:
        first, last = rng.choice(FIRST), rng.choice(LAST)
        username = f"{first}.{last}".lower()
        if username in found:
            username = f"{username}{rng.randrange(2, 99)}"
        found.setdefault(username, f"{first} {last}")
    return list(found.items())


def add_posts(db: sqlite3.Connection, rng: Random, usernames: list[str], count: int) -> None:
    """Posts in order of time, each about a subject of its community."""
    minutes = sorted(rng.sample(range(60, 525_000), count), reverse=True)
    rows = []
    for number, ago in enumerate(minutes, start=1):
        community = rng.randrange(1, len(COMMUNITIES) + 1)
        subject = rng.choice(SUBJECTS[COMMUNITIES[community - 1][1]])
        title = rng.choice(TITLES).format(subject=subject, Subject=subject[0].upper() + subject[1:])
        link = f"https://news.larchmoor.example/{number}" if rng.random() < 0.2 else ""
        body = "" if link else f"{rng.choice(OPENINGS)} {rng.choice(COMMENTS).format(subject=subject)}"
        at = (DAY_ONE - timedelta(minutes=ago)).isoformat()
        author = "mara.quill" if rng.random() < 0.02 or number in (3, 11) else rng.choice(usernames)
        rows.append((number, community, author, title, body, link, at))
    db.executemany(
        "INSERT INTO forum_post (id, community, author, title, body, link, at) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )
    votes = [
        (number, voter, 1 if rng.random() < 0.82 else -1)
        for number in range(1, count + 1)
        for voter in rng.sample(usernames, min(len(usernames), int(rng.paretovariate(1.1)) % 40))
    ]
    db.executemany("INSERT INTO forum_vote (post, username, value) VALUES (?, ?, ?)", votes)


def add_comments(db: sqlite3.Connection, rng: Random, usernames: list[str], posts: int) -> None:
    """Comments, about a third of them answers to other comments of the same post."""
    posted = {row["id"]: datetime.fromisoformat(row["at"]) for row in db.execute("SELECT id, at FROM forum_post")}
    rows = []
    by_post: dict[int, list[int]] = {}
    for number in range(1, 3 * posts + 1):
        post = min(posts, int(posts * rng.random() ** 0.8) + 1)
        earlier = by_post.setdefault(post, [])
        parent = rng.choice(earlier) if earlier and rng.random() < 0.35 else None
        at = (posted[post] + timedelta(minutes=3 * len(earlier) + number % 3 + 1)).isoformat()
        earlier.append(number)
        rows.append((number, post, parent, rng.choice(usernames), rng.choice(COMMENTS).format(subject="that"), at))
    db.executemany("INSERT INTO forum_comment (id, post, parent, author, body, at) VALUES (?, ?, ?, ?, ?, ?)", rows)


def count_up(db: sqlite3.Connection) -> None:
    """Keep scores and numbers of comments with the posts, so that lists need no counting."""
    db.execute(
        "UPDATE forum_post SET score = (SELECT coalesce(sum(value), 0) FROM forum_vote WHERE post = forum_post.id)"
    )
    db.execute("UPDATE forum_post SET comments = (SELECT count(*) FROM forum_comment WHERE post = forum_post.id)")
