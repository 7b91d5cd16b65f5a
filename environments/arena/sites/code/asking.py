"""What the code host's tasks are made with: which projects, the way to them, and what the seeded commits say."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from random import Random

from environments.arena.sites.code.seeding import ME
from environments.arena.tasks import Data, Draft, Move, click, fill, say
from environments.contracts import JSON

__all__ = [
    "DONE",
    "MINE",
    "SEEN",
    "address",
    "ancestors",
    "draft",
    "every",
    "main_head",
    "mine",
    "name_of",
    "one_function",
    "one_issue",
    "open_requests",
    "public",
    "shown",
    "sources",
    "stranger",
    "to",
]  # fmt: skip

DONE = say("")
MINE = f"""SELECT code_project.*, role FROM code_project JOIN code_member ON project = code_project.id
           WHERE username = '{ME}' AND archived = 0 AND role IN ('maintainer', 'owner')"""
"""Projects that the tasks' person maintains."""
SEEN = "SELECT * FROM code_project WHERE visibility = 'public' AND archived = 0"
WALK = """WITH RECURSIVE edge (child, up) AS (SELECT id, parent FROM code_commit WHERE parent IS NOT NULL
          UNION ALL SELECT id, other FROM code_commit WHERE other IS NOT NULL),
          known (id) AS (VALUES (?) UNION SELECT up FROM edge JOIN known ON child = id) SELECT id FROM known"""


def mine(data: Data, rng: Random) -> sqlite3.Row:
    return rng.choice(data.all(f"{MINE} ORDER BY code_project.id"))


def public(data: Data, rng: Random) -> sqlite3.Row:
    return rng.choice(data.all(f"{SEEN} ORDER BY id"))


def address(project: sqlite3.Row, rest: str = "") -> str:
    return f"__CODE__/p/{project['owner']}/{project['slug']}{rest}"


def to(project: sqlite3.Row, *tabs: str) -> tuple[Move, ...]:
    """From the start page to a project by search, and to one of its tabs."""
    search = fill("Search Sedgehub", project["title"]), click("button", "Search")
    return *search, click("link", project["title"]), *(click("link", tab) for tab in tabs)


def name_of(data: Data, username: str) -> str:
    return str(data.value("SELECT name FROM account WHERE site = 'code' AND username = ?", username))


def draft(
    intent: str,
    evaluation: Mapping[str, JSON],
    reference: Sequence[Move],
    near_miss: Sequence[Move],
    **words: str,
) -> Draft:
    """One that begins on the start page, signed in."""
    return Draft(intent=intent, words=words, start="__CODE__/", login={"code": ME}, eval=evaluation,
                 reference=tuple(reference), near_miss=tuple(near_miss))  # fmt: skip


def shown(name: str) -> str:
    """The text of what is marked so."""
    return f"document.querySelector('[data-grade=\"{name}\"]').innerText"


def every(name: str) -> str:
    """How often something is on the page."""
    return f"String(document.querySelectorAll('[data-grade=\"{name}\"]').length)"


def sources(data: Data, project: sqlite3.Row) -> list[sqlite3.Row]:
    """The main branch's modules with the commits that changed them last."""
    return data.all(
        """SELECT path, text, author FROM code_file JOIN code_branch ON code_branch.id = branch
           JOIN code_commit ON code_commit.id = commit_id JOIN code_blob ON code_blob.id = blob
           WHERE code_branch.project = ? AND name = 'main' AND path LIKE 'src/%' ORDER BY path""", project["id"],
    )  # fmt: skip


def main_head(data: Data, project: sqlite3.Row) -> int:
    return int(data.value("SELECT head FROM code_branch WHERE project = ? AND name = 'main'", project["id"]))


def ancestors(data: Data, head: int) -> set[int]:
    """A commit and all before it."""
    return {row["id"] for row in data.all(WALK, head)}


def open_requests(data: Data, projects: str, *, conflicting: bool | None) -> list[tuple[sqlite3.Row, sqlite3.Row, int]]:
    """Open merge requests of these projects, each with its project and how many commits it would bring.

    Only those with a title of their own that nobody whom the tasks name has approved. Two branches conflict where both
    changed the same file since they parted.
    """
    found = []
    for project in data.all(f"{projects} ORDER BY code_project.id"):
        theirs = ancestors(data, main_head(data, project))
        rows = data.all("SELECT * FROM code_merge WHERE project = ? AND state = 'open' ORDER BY id", project["id"])
        titles = [row["title"] for row in rows]
        for row in rows:
            branch = data.one("SELECT * FROM code_branch WHERE project = ? AND name = ?", project["id"], row["source"])
            ours = ancestors(data, branch["head"])
            clash = bool(paths(data, ours - theirs) & paths(data, theirs - ours))
            mark = "SELECT count(*) FROM code_approval WHERE merge_id = ? AND username = ?"
            if titles.count(row["title"]) == 1 and conflicting in (None, clash) and not data.value(mark, row["id"], ME):
                found.append((project, row, len(ours - theirs)))
    return found


def paths(data: Data, commits: set[int]) -> set[str]:
    """The files that these commits changed."""
    holes = ",".join("?" * len(commits))
    return {row["path"] for row in data.all(f"SELECT path FROM code_change WHERE commit_id IN ({holes})", *commits)}


def one_issue(data: Data, rng: Random, project: sqlite3.Row) -> sqlite3.Row:
    """One of the open issues at the top of the list; no two of a project have the same title."""
    recent = "SELECT * FROM code_issue WHERE project = ? AND state = 'open' ORDER BY number DESC LIMIT 6"
    return rng.choice(data.all(recent, project["id"]))


def stranger(data: Data, rng: Random, project: sqlite3.Row) -> str:
    """Somebody who is no member."""
    return str(rng.choice(data.all(
        """SELECT username FROM account WHERE site = 'code' AND username NOT IN
           (SELECT username FROM code_member WHERE project = ?) ORDER BY 1""", project["id"],
    ))[0])  # fmt: skip


def one_function(data: Data, rng: Random) -> tuple[sqlite3.Row, str, str]:
    """A project, one of its files, and a function that is defined there and named nowhere else."""
    everything = data.all("SELECT DISTINCT blob, text FROM code_file JOIN code_blob ON code_blob.id = blob")
    while True:
        project = rng.choice(data.all(f"{SEEN} ORDER BY id"))
        file = rng.choice(sources(data, project))
        names = re.findall(r"^(?:def|export (?:async )?function|func|pub fn) (\w+)\(", file["text"], re.M)
        single = [name for name in names if sum(name.lower() in one["text"].lower() for one in everything) == 1]
        if single:
            return project, file["path"], rng.choice(single)
