"""Grows a project's history: commits to the main branch, branches that were merged, and some that still wait."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from environments.arena.instance import DAY_ONE
from environments.arena.sites.code.sources import NOUNS, VERBS, Source, first_files
from environments.arena.sites.code.wording import BRANCHES, COMMITS

__all__ = ["Grown", "Request", "grow", "sha_of"]


@dataclass(frozen=True, slots=True)
class Request:
    """A branch that asks, or asked, to be merged."""

    source: str
    author: str
    title: str
    at: str
    state: str
    head: int
    base: int
    ended: str = ""
    ended_by: str = ""


@dataclass(slots=True)
class Grown:
    """A project while it is seeded."""

    id: int
    address: str
    theme: str
    title: str
    about: str
    ranks: Mapping[str, str]
    """Member -> role."""
    made: datetime
    requests: list[Request] = field(default_factory=list)

    @property
    def authors(self) -> list[str]:
        """Who may commit."""
        return [name for name, role in self.ranks.items() if role in ("owner", "maintainer", "developer")]


@dataclass(slots=True)
class Branch:
    """A branch while it grows."""

    name: str
    head: int
    files: dict[str, Source]
    blobs: dict[str, int]
    touched: dict[str, int]
    """Path -> the commit that changed it last."""

    def fork(self, name: str) -> Branch:
        files = {path: source.copy() for path, source in self.files.items()}
        return Branch(name, self.head, files, dict(self.blobs), dict(self.touched))


def sha_of(project: int, number: int, title: str) -> str:
    """A commit's name: forty hexadecimal digits."""
    return hashlib.sha1(f"{project} {number} {title}".encode(), usedforsecurity=False).hexdigest()


class Grower:
    """Collects the rows of one project."""

    def __init__(self, db: sqlite3.Connection, rng: Random, project: Grown) -> None:
        self.rng, self.project = rng, project
        self.commit_id = db.execute("SELECT coalesce(max(id), 0) FROM code_commit").fetchone()[0]
        self.blob_id = db.execute("SELECT coalesce(max(id), 0) FROM code_blob").fetchone()[0]
        self.blobs: list[tuple[object, ...]] = []
        self.commits: list[tuple[object, ...]] = []
        self.changes: list[tuple[object, ...]] = []

    def commit(
        self, branch: Branch, author: str, title: str, *, at: str, paths: list[str], other: int | None = None
    ) -> None:
        """Record the paths as they are now, and move the branch's head."""
        self.commit_id += 1
        sha = sha_of(self.project.id, self.commit_id, title)
        parent = branch.head or None
        self.commits.append((self.commit_id, self.project.id, sha, parent, other, author, title, at))
        for path in paths:
            self.blob_id += 1
            self.blobs.append((self.blob_id, branch.files[path].text))
            self.changes.append((self.commit_id, path, branch.blobs.get(path), self.blob_id))
            branch.blobs[path], branch.touched[path] = self.blob_id, self.commit_id
        branch.head = self.commit_id

    def work(self, branch: Branch, author: str, *, at: str, but: Iterable[str] = ()) -> str:
        """An ordinary commit, to another file than `but` where there is one; its title."""
        able = [path for path in branch.files if path.startswith("src/") or path == "README.md"]
        path = self.rng.choice([path for path in able if path not in but] or able)
        source = branch.files[path]
        noun = path.split("/")[-1].split(".")[0] if path != "README.md" else self.rng.choice(NOUNS)
        verb = self.rng.choice(VERBS)
        source.change(self.rng, verb=verb, noun=noun)
        pattern = "Describe how to {verb} a {noun}" if path == "README.md" else self.rng.choice(COMMITS)
        title = pattern.format(noun=noun, verb=verb)
        self.commit(branch, author, title, at=at, paths=[path])
        return title

    def merge(self, main: Branch, other: Branch, author: str, *, at: str) -> None:
        """Bring a branch's files into the main branch; a merge changes nothing of its own."""
        for path, number in other.touched.items():
            if number > main.touched.get(path, 0):
                main.files[path], main.blobs[path] = other.files[path].copy(), other.blobs[path]
                main.touched[path] = number
        self.commit(main, author, f"Merge branch '{other.name}' into '{main.name}'", at=at, paths=[], other=other.head)


def grow(db: sqlite3.Connection, rng: Random, project: Grown, *, language: str, commits: int) -> None:
    """Make the history and store it."""
    grower = Grower(db, rng, project)
    files = first_files(project.title, project.about, theme=project.theme, language=language, rng=rng)
    main = Branch("main", 0, {source.path: source for source in files}, {}, {})
    authors = project.authors
    span = int((DAY_ONE - project.made).total_seconds()) - 7200
    moments = sorted(rng.sample(range(3600, span), commits * 2))
    times = iter([(project.made + timedelta(seconds=moment)).isoformat() for moment in moments])
    grower.commit(main, authors[0], "First version", at=next(times), paths=list(main.files))
    waiting: list[Branch] = []
    names: set[str] = set()
    quiet: set[str] = set()
    for step in range(1, commits):
        if step % 5 == 0:
            branch = branched(rng, main, names)
            author = rng.choice(authors)
            title = grower.work(branch, author, at=next(times))
            for _ in range(rng.randrange(3)):
                grower.work(branch, rng.choice([author, author, *authors]), at=next(times))
            at, end, ender = next(times), next(times), rng.choice(authors)
            if step < commits * 0.45:
                base = main.head
                grower.merge(main, branch, ender, at=end)
                request = Request(branch.name, author, title, at, "merged", branch.head, base, end, ender)
            else:
                waiting.append(branch)
                if rng.random() < 0.65:  # the others conflict with what the main branch does meanwhile, as a rule
                    quiet |= {path for path, number in branch.touched.items() if number > main.head}
                request = Request(branch.name, author, title, at, "open", 0, 0)
            project.requests.append(request)
        else:
            grower.work(main, rng.choice(authors), at=next(times), but=quiet)
    store(db, grower, [main, *waiting])
    add_tags(db, rng, project)


def branched(rng: Random, main: Branch, names: set[str]) -> Branch:
    """A new branch with a name of its own."""
    name = rng.choice(BRANCHES).format(noun=rng.choice(NOUNS))
    while name in names:
        name = f"{rng.choice(BRANCHES).format(noun=rng.choice(NOUNS))}-{len(names)}"
    names.add(name)
    return main.fork(name)


def store(db: sqlite3.Connection, grower: Grower, branches: list[Branch]) -> None:
    db.executemany("INSERT INTO code_blob VALUES (?, ?)", grower.blobs)
    db.executemany("INSERT INTO code_commit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", grower.commits)
    db.executemany("INSERT INTO code_change VALUES (?, ?, ?, ?)", grower.changes)
    insert = "INSERT INTO code_branch (project, name, head) VALUES (?, ?, ?)"
    for branch in branches:
        number = db.execute(insert, (grower.project.id, branch.name, branch.head)).lastrowid
        rows = [(number, path, blob, branch.touched[path]) for path, blob in branch.blobs.items()]
        db.executemany("INSERT INTO code_file VALUES (?, ?, ?, ?)", rows)


def add_tags(db: sqlite3.Connection, rng: Random, project: Grown) -> None:
    """Releases, at some of the main branch's own commits."""
    rows = db.execute("SELECT id, at FROM code_commit WHERE project = ? ORDER BY id", (project.id,)).fetchall()
    for number in range(1, 4):
        row = rows[len(rows) * number // 4]
        note = rng.choice(("Steady enough for daily use.", "Bug fixes only.", "New settings; read the manual first."))
        db.execute("INSERT INTO code_tag VALUES (?, ?, ?, ?, ?)", (project.id, f"v0.{number}.0", row[0], note, row[1]))
