"""The table of attacks, as Markdown, and what in it is not as it is known to be."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

from sandbox.abuse.attack import Verdict
from sandbox.abuse.gaps import KNOWN_GAPS
from sandbox.abuse.suite import ATTACKS, Abuse

__all__ = ["BEGIN", "END", "machine", "markdown_table", "surprises", "with_table"]

BEGIN, END = "<!-- begin: written by `agentkit sandbox check --write` -->", "<!-- end -->"


def machine() -> str:
    """What of this machine decides by what an attack is stopped."""
    from sandbox.cgroups import find_tree

    tree = find_tree()
    kernel = ".".join(platform.release().split(".")[:2])
    groups = f"control groups of version {tree.version}" if tree else "no control groups"
    user = "root" if os.geteuid() == 0 else "a user"
    return f"Seen on {platform.system()} {kernel} ({platform.machine()}), as {user}, with {groups}."


def markdown_table(suites: Mapping[str, Abuse]) -> str:
    """A row for each attack, a column for each backend: its verdict, and what stopped it."""
    cells = {name: {one.attack: one for one in suite.outcomes} for name, suite in suites.items()}
    rows = [["attack", "tries to", *suites], ["---"] * (2 + len(suites))]
    for attack in ATTACKS:
        outcomes = [cells[name].get(attack.name) for name in suites]
        if not any(outcomes):
            continue
        told = [f"{one.verdict.value}: {one.by}" if one else "" for one in outcomes]
        rows.append([attack.name, attack.tries, *told])
    return "\n".join(f"| {' | '.join(map(plain, row))} |" for row in rows)


def plain(cell: str) -> str:
    """Text that does not end a cell or its line, or begin a tag."""
    return " ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def with_table(text: str, table: str) -> str:
    """A document with the table between its two marks replaced; added at the end where there are none."""
    head, mark, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2] if mark else "\n"
    return f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}"


def surprises(backend: str, suite: Abuse, *, gaps: Mapping[str, str] | None = None) -> list[str]:
    """What is not as known: holes that are no known gaps, known gaps that are none any more, and what was left.

    Args:
        backend: its name.
        suite: how it went.
        gaps: its known gaps, by the attack's name; those of `KNOWN_GAPS` by default.
    """
    known = KNOWN_GAPS.get(backend, {}) if gaps is None else gaps
    found = []
    for one in suite.outcomes:
        if one.verdict is Verdict.NOT_STOPPED and one.attack not in known:
            found.append(f"{backend} does not stop {one.attack!r}: {one.by}")
        elif one.verdict is Verdict.UNTRIED:
            found.append(f"{backend}: {one.attack!r} could not be tried: {one.by}")
        elif one.verdict is not Verdict.NOT_STOPPED and one.attack in known:
            found.append(f"{backend}: {one.attack!r} is a known gap, and was {one.verdict.value}: {one.by}")
    left = [f"{kind}: {', '.join(sorted(things))}" for kind, things in suite.left.items()]
    return found + [f"{backend} left {things}" for things in left]
