"""Seeds what is said about a project: labels, milestones, issues, merge requests and the notes under them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from random import Random

from environments.arena.instance import DAY_ONE
from environments.arena.sites.code.growing import Grown
from environments.arena.sites.code.sources import NOUNS
from environments.arena.sites.code.wording import BODIES, ISSUES, LABELS, MILESTONES, NOTES

__all__ = ["talk"]

MERGE_COLUMNS = "project, number, title, body, author, reviewer, source, target, state, at, ended, ended_by, head, base"


def talk(db: sqlite3.Connection, rng: Random, project: Grown, *, issues: int) -> None:
    labels, milestones = add_plans(db, rng, project)
    add_issues(db, rng, project, issues=issues, labels=labels, milestones=milestones)
    add_requests(db, rng, project)


def add_plans(db: sqlite3.Connection, rng: Random, project: Grown) -> tuple[list[int], list[int]]:
    """Labels and milestones; their ids."""
    labels, milestones = [], []
    for label in LABELS[: rng.randrange(5, len(LABELS) + 1)]:
        row = (project.id, *label)
        insert = "INSERT INTO code_label (project, name, colour, about) VALUES (?, ?, ?, ?)"
        labels.append(db.execute(insert, row).lastrowid or 0)
    for number, title in enumerate(rng.sample(MILESTONES, 3)):
        due = (DAY_ONE + timedelta(days=(-20, 25, 70)[number] + rng.randrange(18))).date().isoformat()
        state = "closed" if number == 0 else "open"
        insert = "INSERT INTO code_milestone (project, title, about, due, state) VALUES (?, ?, ?, ?, ?)"
        goal = (project.id, title, f"What belongs into {title}.", due, state)
        milestones.append(db.execute(insert, goal).lastrowid or 0)
    return labels, milestones


def add_issues(
    db: sqlite3.Connection, rng: Random, project: Grown, *, issues: int, labels: list[int], milestones: list[int]
) -> None:
    """Issues in order of time, each with another title."""
    members = list(project.ranks)
    span = int((DAY_ONE - project.made).total_seconds()) - 7200
    moments = sorted(rng.sample(range(3600, span), issues))
    titles: set[str] = set()
    notes: list[tuple[object, ...]] = []
    marks: list[tuple[int, int]] = []
    for number, moment in enumerate(moments, start=1):
        at = project.made + timedelta(seconds=moment)
        noun = rng.choice(NOUNS)
        title = rng.choice(ISSUES).format(noun=noun, Noun=noun.title())
        while title in titles:
            noun = rng.choice(NOUNS)
            title = rng.choice(ISSUES).format(noun=noun, Noun=noun.title())
        titles.add(title)
        state = "open" if rng.random() < 0.55 else "closed"
        closed = (at + (DAY_ONE - at) * rng.random() * 0.9).isoformat(timespec="seconds") if state == "closed" else ""
        due = (DAY_ONE + timedelta(days=rng.randrange(-10, 60))).date().isoformat() if rng.random() < 0.25 else ""
        row = (
            project.id, number, title, " ".join(rng.sample(BODIES, 2)).format(noun=noun), rng.choice(members),
            rng.choice(members) if rng.random() < 0.6 else "", rng.choice(milestones) if rng.random() < 0.5 else None,
            due, state, at.isoformat(), closed,
        )  # fmt: skip
        issue = db.execute(
            """INSERT INTO code_issue
               (project, number, title, body, author, assignee, milestone, due, state, at, closed)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""", row
        ).lastrowid  # fmt: skip
        marks += [(issue or 0, label) for label in rng.sample(labels, rng.choice((0, 1, 1, 1, 2)))]
        notes += said(rng, "issue", issue or 0, members, at, noun=noun)
    db.executemany("INSERT INTO code_issue_label VALUES (?, ?)", marks)
    db.executemany("INSERT INTO code_note (kind, subject, author, body, at) VALUES (?, ?, ?, ?, ?)", notes)


def said(
    rng: Random, kind: str, subject: int, members: list[str], at: datetime, *, noun: str
) -> list[tuple[object, ...]]:
    """A few notes, one after the other."""
    rows: list[tuple[object, ...]] = []
    for text in rng.sample(NOTES, rng.choice((0, 0, 1, 1, 2, 3))):
        at = min(at + timedelta(minutes=rng.randrange(5, 2000)), DAY_ONE - timedelta(minutes=30))
        rows.append((kind, subject, rng.choice(members), text.format(noun=noun), at.isoformat()))
    return rows


def add_requests(db: sqlite3.Connection, rng: Random, project: Grown) -> None:
    """The merge requests that the history brought about, with approvals."""
    members, able = list(project.ranks), project.authors
    marks = ", ".join("?" * len(MERGE_COLUMNS.split(", ")))
    for number, asked in enumerate(project.requests, start=1):
        reviewer = rng.choice(able) if rng.random() < 0.7 else ""
        body = f"{rng.choice(BODIES).format(noun=rng.choice(NOUNS))} Please have a look."
        row = (
            project.id, number, asked.title, body, asked.author, reviewer, asked.source, "main", asked.state, asked.at,
            asked.ended, asked.ended_by, asked.head or None, asked.base or None,
        )  # fmt: skip
        merge = db.execute(f"INSERT INTO code_merge ({MERGE_COLUMNS}) VALUES ({marks})", row).lastrowid or 0
        at = datetime.fromisoformat(asked.at)
        notes = said(rng, "merge", merge, members, at, noun=rng.choice(NOUNS))
        db.executemany("INSERT INTO code_note (kind, subject, author, body, at) VALUES (?, ?, ?, ?, ?)", notes)
        others = [name for name in able if name != asked.author]
        for name in rng.sample(others, min(len(others), rng.randrange(3))):
            db.execute("INSERT INTO code_approval VALUES (?, ?)", (merge, name))
