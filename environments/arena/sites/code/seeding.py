"""Fills the code host: people and groups here; a project's commits in `growing`, its discussions in `talking`."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from random import Random

from environments.arena.accounts import add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.code.growing import Grown, grow
from environments.arena.sites.code.sources import LANGUAGES
from environments.arena.sites.code.talking import talk
from environments.arena.sites.code.wording import BIOS, FIRST, GROUPS, KINDS, LAST, PLACES, SNIPPETS, THEMES

__all__ = ["ME", "seed"]

ME = "mara.quill"
"""The one that tasks sign in as."""

SIZES: dict[Size, tuple[int, int, int]] = {"small": (12, 6, 8), "normal": (60, 36, 24), "large": (1_500, 700, 30)}
"""People, projects, and commits to a project's main branch. Issues are about as many as commits."""


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """Fill the tables; everything lies in the two years before the first day."""
    people, projects, commits = SIZES[size]
    usernames = add_people(db, rng, people)
    db.executemany("INSERT INTO code_group (slug, title, about) VALUES (?, ?, ?)", GROUPS)
    for number in range(1, projects + 1):
        grown = add_project(db, rng, number, usernames=usernames, commits=commits)
        talk(db, rng, grown, issues=rng.randrange(commits // 2, commits))
    add_stars(db, rng, usernames, projects)
    add_odds(db, rng, usernames)


def add_people(db: sqlite3.Connection, rng: Random, count: int) -> list[str]:
    """Accounts with different full names, as far as there are names."""
    found = {ME: "Mara Quill"}
    pairs = [(first, last) for first in FIRST for last in LAST]
    rng.shuffle(pairs)
    for number in range(count - 1):
        first, last = pairs[number % len(pairs)]
        more = number // len(pairs)
        middle = " " + "ABCDEFGH"[more - 1] + "." if more else ""
        found[f"{first}.{last}".lower() + (str(more + 1) if more else "")] = f"{first}{middle} {last}"
    for username, name in found.items():
        joined = (DAY_ONE - timedelta(days=rng.randrange(800, 1500))).date().isoformat()
        add_account(db, username, site="code", name=name, joined=joined)
    rows = [(username, rng.choice(BIOS), rng.choice(PLACES)) for username in found]
    db.executemany("INSERT INTO code_person VALUES (?, ?, ?)", rows)
    return list(found)


def add_project(db: sqlite3.Connection, rng: Random, number: int, *, usernames: list[str], commits: int) -> Grown:
    """A project with its members and its history. Every fourth is one that the tasks' person maintains."""
    theme = THEMES[(number * 7) % len(THEMES)]
    kind, about = KINDS[(number * 3 + number // len(THEMES)) % len(KINDS)]
    slug = f"{theme}-{kind}" if number <= len(THEMES) * len(KINDS) else f"{theme}-{kind}-{number}"
    personal = number % 5 == 0
    owner = ME if number == 5 else rng.choice(usernames) if personal else GROUPS[number % len(GROUPS)][0]
    members = rng.sample(usernames[1:], min(len(usernames) - 1, rng.randrange(4, 9)))
    roles = ["maintainer", "developer", "developer", "reporter"]
    ranks = {name: roles[at] if at < 4 else rng.choice([*roles[1:], "guest"]) for at, name in enumerate(members)}
    if personal:
        ranks[owner] = "owner"
    if number % 4 == 0 or number in (1, 2):
        ranks[ME] = "maintainer" if number != 5 else "owner"
    visibility = "private" if number % 9 == 7 else "internal" if number % 6 == 4 else "public"
    made = DAY_ONE - timedelta(days=rng.randrange(250, 700), minutes=rng.randrange(600))
    title = f"{theme} {kind}".title() + (f" {number}" if number > len(THEMES) * len(KINDS) else "")
    archived = int(number % 13 == 9)
    db.execute(
        """INSERT INTO code_project (id, owner, slug, title, about, language, visibility, archived, made, active)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (number, owner, slug, title, about.format(theme=theme), LANGUAGES[number * 3 % 5], visibility, archived,
         made.isoformat(), made.isoformat()),
    )  # fmt: skip
    rows = [(number, name, role, (made + timedelta(days=at)).date().isoformat()) for at, (name, role) in
            enumerate(ranks.items())]  # fmt: skip
    db.executemany("INSERT INTO code_member VALUES (?, ?, ?, ?)", rows)
    grown = Grown(number, f"/p/{owner}/{slug}", theme, title, about.format(theme=theme), ranks, made)
    grow(db, rng, grown, language=LANGUAGES[number * 3 % 5], commits=commits)
    return grown


def add_stars(db: sqlite3.Connection, rng: Random, usernames: list[str], projects: int) -> None:
    """Stars, few for most projects and many for some; kept with the project as a count."""
    rows = []
    for project in range(1, projects + 1):
        count = int(min(len(usernames) - 1, 400) * rng.random() ** 2.2)
        rows += [(username, project) for username in rng.sample(usernames[1:], count)]
    rows += [(ME, project) for project in range(3, projects + 1, 7)]
    db.executemany("INSERT INTO code_star VALUES (?, ?)", rows)
    db.execute("UPDATE code_project SET stars = (SELECT count(*) FROM code_star WHERE project = code_project.id)")
    db.execute(
        """UPDATE code_project SET active = coalesce(
           (SELECT max(at) FROM code_commit WHERE project = code_project.id), made)"""
    )


def add_odds(db: sqlite3.Connection, rng: Random, usernames: list[str]) -> None:
    """Things to do and snippets."""
    waiting = db.execute(
        """SELECT number, code_issue.title, owner, slug, code_issue.at FROM code_issue
           JOIN code_project ON code_project.id = project
           WHERE assignee = ? AND state = 'open' ORDER BY code_issue.id LIMIT 12""", (ME,)
    ).fetchall()  # fmt: skip
    db.executemany(
        "INSERT INTO code_todo (username, text, address, at) VALUES (?, ?, ?, ?)",
        [(ME, f"{title} (#{number} in {slug})", f"/p/{owner}/{slug}/issues/{number}", at)
         for number, title, owner, slug, at in waiting],
    )  # fmt: skip
    for number, (title, file, body) in enumerate(SNIPPETS):
        author = ME if number % 3 == 0 else rng.choice(usernames[1:])
        at = (DAY_ONE - timedelta(days=40 - 7 * number)).isoformat()
        row = (author, title, file, body, "private" if number == 4 else "public", at)
        db.execute(
            "INSERT INTO code_snippet (author, title, file, body, visibility, at) VALUES (?, ?, ?, ?, ?, ?)", row
        )
