"""The forum's people, communities, posts, comments and votes, from nothing but the generator."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from random import Random

from environments.arena.accounts import add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.forum.wording import (
    ABOUT,
    CLOSINGS,
    COMMUNITIES,
    DETAILS,
    FIRST,
    LAST,
    OPENINGS,
    REMARKS,
    SUBJECTS,
    TAILS,
    TITLES,
)

__all__ = ["seed"]

SIZES: dict[Size, tuple[int, int]] = {"small": (12, 40), "normal": (120, 1_500), "large": (2_000, 50_000)}
"""Members and posts. Comments are about three to a post."""
MARA = "mara.quill"
"""The member that tasks sign in as: has posts, comments that were answered, subscriptions and saved posts."""


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
        count = 5 if username == MARA else rng.randrange(2, 6)
        for community in rng.sample(range(1, len(COMMUNITIES) + 1), count):
            db.execute("INSERT INTO forum_subscription VALUES (?, ?)", (username, community))
    subjects = add_posts(db, rng, usernames, posts)
    add_votes(db, rng, usernames, posts)
    add_comments(db, rng, usernames, subjects)
    count_up(db)
    saved = [(MARA, post) for post in rng.sample(range(12, posts + 1), 7)]
    db.executemany("INSERT INTO forum_saved VALUES (?, ?)", saved)
    db.execute("INSERT INTO forum_seen VALUES (?, ?)", (MARA, (DAY_ONE - timedelta(days=20)).isoformat()))


def people(rng: Random, count: int) -> list[tuple[str, str]]:
    """User names, each different, with full names. The first is the one that tasks sign in as."""
    found = {MARA: "Mara Quill"}
    while len(found) < count:
        first, last = rng.choice(FIRST), rng.choice(LAST)
        username = f"{first}.{last}".lower()
        if username in found:
            username = f"{username}{rng.randrange(2, 99)}"
        found.setdefault(username, f"{first} {last}")
    return list(found.items())


def add_posts(db: sqlite3.Connection, rng: Random, usernames: list[str], count: int) -> list[str]:
    """Posts in order of time, each about a subject of its community; the subjects."""
    minutes = sorted(rng.sample(range(60, 525_000), count), reverse=True)
    rows, subjects = [], []
    for number, ago in enumerate(minutes, start=1):
        community = rng.randrange(1, len(COMMUNITIES) + 1)
        subject = rng.choice(SUBJECTS[COMMUNITIES[community - 1][1]])
        link = f"https://news.larchmoor.example/{number}" if rng.random() < 0.2 else ""
        body = "" if link else text(rng, subject)
        at = (DAY_ONE - timedelta(minutes=ago)).isoformat()
        author = MARA if rng.random() < min(0.02, 40 / count) or number in (3, 11) else rng.choice(usernames)
        rows.append((number, community, author, title(rng, subject), body, link, at))
        subjects.append(subject)
    db.executemany(
        "INSERT INTO forum_post (id, community, author, title, body, link, at) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )
    return subjects


def title(rng: Random, subject: str) -> str:
    pattern = rng.choice(TITLES)
    plain = pattern.format(subject=subject, Subject=subject[0].upper() + subject[1:])
    return plain if plain.endswith("?") else plain + rng.choice(TAILS)


def text(rng: Random, subject: str) -> str:
    """One or two paragraphs."""
    about = rng.choice(ABOUT).format(subject=subject, count=rng.randrange(2, 30))
    first = f"{rng.choice(OPENINGS)} {about}"
    if rng.random() < 0.5:
        return f"{first} {rng.choice(CLOSINGS)}"
    return f"{first}\n{' '.join(rng.sample(DETAILS, rng.randrange(1, 4)))} {rng.choice(CLOSINGS)}"


def remark(rng: Random, subject: str) -> str:
    """What somebody says to a post: a sentence, or two that differ."""
    said = rng.sample(REMARKS, 1 + (rng.random() < 0.35))
    return " ".join(said).format(subject=subject, count=rng.randrange(3, 20))


def add_votes(db: sqlite3.Connection, rng: Random, usernames: list[str], posts: int) -> None:
    """A few votes for most posts, many for some."""
    votes = [
        (number, voter, 1 if rng.random() < 0.82 else -1)
        for number in range(1, posts + 1)
        for voter in rng.sample(usernames, min(len(usernames), int(rng.paretovariate(1.1)) % 40))
    ]
    db.executemany("INSERT INTO forum_vote (post, username, value) VALUES (?, ?, ?)", votes)


def add_comments(db: sqlite3.Connection, rng: Random, usernames: list[str], subjects: list[str]) -> None:
    """Comments, about a third of them answers to other comments of the same post."""
    posted = [datetime.fromisoformat(row["at"]) for row in db.execute("SELECT at FROM forum_post ORDER BY id")]
    rows = []
    by_post: dict[int, list[int]] = {}
    last: dict[int, datetime] = {}
    for number in range(1, 3 * len(subjects) + 1):
        post = min(len(subjects), int(len(subjects) * rng.random() ** 0.8) + 1)
        earlier = by_post.setdefault(post, [])
        parent = rng.choice(earlier) if earlier and rng.random() < 0.35 else None
        before = last.get(post, posted[post - 1])
        at = before + timedelta(minutes=rng.randrange(2, 400))
        last[post] = at if at < DAY_ONE else before + (DAY_ONE - before) / 2
        earlier.append(number)
        author = MARA if rng.random() < min(0.01, 40 / len(subjects)) else rng.choice(usernames)
        when = last[post].replace(microsecond=0).isoformat()
        rows.append((number, post, parent, author, remark(rng, subjects[post - 1]), when))
    db.executemany("INSERT INTO forum_comment (id, post, parent, author, body, at) VALUES (?, ?, ?, ?, ?, ?)", rows)


def count_up(db: sqlite3.Connection) -> None:
    """Keep scores and numbers of comments with the posts, so that lists need no counting."""
    db.execute(
        "UPDATE forum_post SET score = (SELECT coalesce(sum(value), 0) FROM forum_vote WHERE post = forum_post.id)"
    )
    db.execute("UPDATE forum_post SET comments = (SELECT count(*) FROM forum_comment WHERE post = forum_post.id)")
