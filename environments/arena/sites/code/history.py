"""What the commits say: ancestors, differences, conflicts, who last changed a line; and how a commit is made.

A merge has two parents and changes nothing of its own. Files are merged whole: two branches conflict where both changed
the same file since they parted, and left it different.
"""

from __future__ import annotations

import difflib
import sqlite3
from typing import NamedTuple

from environments.arena.sites.code.growing import sha_of
from environments.arena.visit import Visit

__all__ = [
    "Difference",
    "Line",
    "Standing",
    "ancestors",
    "blame",
    "commit",
    "compare",
    "differences",
    "files_at",
    "merge",
]


class Line(NamedTuple):
    """A line of a difference: `+`, `-`, a space, or `@` for a gap."""

    mark: str
    old: int | None
    new: int | None
    text: str


class Difference(NamedTuple):
    """What became of one file."""

    path: str
    how: str
    """`added`, `deleted` or `changed`."""
    lines: list[Line]

    @property
    def added(self) -> int:
        return sum(line.mark == "+" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.mark == "-" for line in self.lines)


class Standing(NamedTuple):
    """A source branch beside its target."""

    commits: list[sqlite3.Row]
    """Those of the source that the target lacks, newest first."""
    changes: dict[str, tuple[int | None, int | None]]
    """Path -> the blob before and after."""
    conflicts: list[str]


def ancestors(visit: Visit, project: int, head: int | None) -> set[int]:
    """A commit and everything before it."""
    if head is None:
        return set()
    rows = visit.all("SELECT id, parent, other FROM code_commit WHERE project = ? AND id <= ?", project, head)
    parents = {row["id"]: (row["parent"], row["other"]) for row in rows}
    found: set[int] = set()
    waiting = [head]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += [parent for parent in parents.get(number, ()) if parent is not None]
    return found


def compare(visit: Visit, project: int, *, source: int | None, target: int | None) -> Standing:
    """What merging the source's head into the target's would bring."""
    ours, theirs = ancestors(visit, project, source), ancestors(visit, project, target)
    brought, missed = ours - theirs, theirs - ours
    changes = changed(visit, brought)
    moved = changed(visit, missed)
    conflicts = sorted(path for path in changes.keys() & moved.keys() if changes[path][1] != moved[path][1])
    return Standing(commits_of(visit, brought), changes, conflicts)


def commits_of(visit: Visit, numbers: set[int]) -> list[sqlite3.Row]:
    marks = ",".join("?" * len(numbers))
    return visit.all(f"SELECT * FROM code_commit WHERE id IN ({marks}) ORDER BY id DESC", *numbers)


def changed(visit: Visit, numbers: set[int]) -> dict[str, tuple[int | None, int | None]]:
    """Path -> the first blob before these commits and the last one after them; without what came out the same."""
    marks = ",".join("?" * len(numbers))
    rows = visit.all(f"SELECT * FROM code_change WHERE commit_id IN ({marks}) ORDER BY commit_id", *numbers)
    found: dict[str, tuple[int | None, int | None]] = {}
    for row in rows:
        before = found[row["path"]][0] if row["path"] in found else row["old"]
        found[row["path"]] = before, row["new"]
    return {path: pair for path, pair in sorted(found.items()) if pair[0] != pair[1]}


def text_of(visit: Visit, blob: int | None) -> list[str]:
    return [] if blob is None else str(visit.value("SELECT text FROM code_blob WHERE id = ?", blob) or "").splitlines()


def differences(visit: Visit, changes: dict[str, tuple[int | None, int | None]]) -> list[Difference]:
    """The changes line by line, with three lines around each."""
    found = []
    for path, (old, new) in changes.items():
        how = "added" if old is None else "deleted" if new is None else "changed"
        found.append(Difference(path, how, lines_between(text_of(visit, old), text_of(visit, new))))
    return found


def lines_between(old: list[str], new: list[str]) -> list[Line]:
    lines: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        lines.append(Line("@", None, None, f"lines {first[3] + 1} to {last[4]}"))
        for kind, a, b, c, d in group:
            if kind == "equal":
                lines += [Line(" ", a + n + 1, c + n + 1, text) for n, text in enumerate(old[a:b])]
            else:
                lines += [Line("-", a + n + 1, None, text) for n, text in enumerate(old[a:b])]
                lines += [Line("+", None, c + n + 1, text) for n, text in enumerate(new[c:d])]
    return lines


def blame(visit: Visit, project: int, *, head: int, path: str) -> list[tuple[sqlite3.Row, str]]:
    """Each line of a file with the commit that brought it."""
    known = ancestors(visit, project, head)
    rows = visit.all(
        """SELECT code_commit.*, new FROM code_change JOIN code_commit ON code_commit.id = commit_id
           WHERE project = ? AND path = ? ORDER BY code_commit.id""", project, path
    )  # fmt: skip
    lines: list[tuple[sqlite3.Row, str]] = []
    for row in rows:
        if row["id"] in known:
            text = text_of(visit, row["new"])
            matcher = difflib.SequenceMatcher(None, [line for _, line in lines], text, autojunk=False)
            now: list[tuple[sqlite3.Row, str]] = [(row, line) for line in text]
            for a, b, size in matcher.get_matching_blocks():
                now[b : b + size] = lines[a : a + size]
            lines = now
    return lines


def files_at(visit: Visit, project: int, head: int) -> dict[str, tuple[int, int]]:
    """Path -> blob and last commit, as they were at a commit."""
    found: dict[str, tuple[int, int]] = {}
    numbers = ancestors(visit, project, head)
    marks = ",".join("?" * len(numbers))
    for row in visit.all(f"SELECT * FROM code_change WHERE commit_id IN ({marks}) ORDER BY commit_id", *numbers):
        if row["new"] is None:
            found.pop(row["path"], None)
        else:
            found[row["path"]] = row["new"], row["commit_id"]
    return found


def commit(
    visit: Visit, branch: sqlite3.Row, *, title: str, files: dict[str, str | None], other: int | None = None
) -> int:
    """Put texts (None deletes) on a branch in a new commit of the visitor's; its id."""
    assert visit.account is not None
    number = 1 + (visit.value("SELECT max(id) FROM code_commit") or 0)
    now = visit.now.isoformat()
    visit.write(
        "INSERT INTO code_commit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        number, branch["project"], sha_of(branch["project"], number, title), branch["head"], other,
        visit.account.username, title, now,
    )  # fmt: skip
    for path, text in files.items():
        old = visit.value("SELECT blob FROM code_file WHERE branch = ? AND path = ?", branch["id"], path)
        new = None if text is None else visit.write("INSERT INTO code_blob (text) VALUES (?)", text)
        visit.write("INSERT INTO code_change VALUES (?, ?, ?, ?)", number, path, old, new)
        keep(visit, branch["id"], path, blob=new, by=number)
    visit.write("UPDATE code_branch SET head = ? WHERE id = ?", number, branch["id"])
    visit.write("UPDATE code_project SET active = ? WHERE id = ?", now, branch["project"])
    return number


def merge(visit: Visit, *, source: sqlite3.Row, target: sqlite3.Row) -> int:
    """Bring what the source branch changed into the target branch; the merge's id. The caller has seen no conflict."""
    standing = compare(visit, target["project"], source=source["head"], target=target["head"])
    title = f"Merge branch '{source['name']}' into '{target['name']}'"
    number = commit(visit, target, title=title, files={}, other=source["head"])
    for path, (_, new) in standing.changes.items():
        by = visit.value("SELECT commit_id FROM code_file WHERE branch = ? AND path = ?", source["id"], path)
        keep(visit, target["id"], path, blob=new, by=by or number)
    return number


def keep(visit: Visit, branch: int, path: str, *, blob: int | None, by: int) -> None:
    if blob is None:
        visit.write("DELETE FROM code_file WHERE branch = ? AND path = ?", branch, path)
    else:
        visit.write("INSERT OR REPLACE INTO code_file VALUES (?, ?, ?, ?)", branch, path, blob, by)
