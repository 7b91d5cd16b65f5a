"""Runs inside: looks through the files of the work folder, and compiles what is to become one.

Nothing of it is believed: it looks at the agent's files, in the agent's sandbox, for the agent.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["find", "lint", "outline", "search"]

SKIPPED = {".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".venv", "node_modules"}
MOST = 50
LARGEST = 2_000_000
LINE = 300


def walk(top: str) -> Iterator[Path]:
    """Files below a folder, or the file itself, in one order everywhere; links are not followed."""
    if Path(top).is_file():
        yield Path(top)
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for path in (Path(folder, name) for name in sorted(names)):
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def texts(path: Path) -> list[str]:
    """The lines of a text file; none of one that is large or no text."""
    data = path.read_bytes() if path.stat().st_size <= LARGEST else b"\0"
    return [] if b"\0" in data else data.decode("utf-8", "replace").splitlines()


def search(pattern: str, top: str) -> dict[str, Any]:
    """Lines that match, as `path:line: text`, how many there are, and an error in words."""
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        return {"lines": [], "count": 0, "error": f"{pattern!r} is no regular expression: {error}"}
    if not Path(top).exists():
        return {"lines": [], "count": 0, "error": f"there is no {top}"}
    lines, count = [], 0
    for path in walk(top):
        for number, line in enumerate(texts(path), start=1):
            if wanted.search(line):
                count += 1
                lines += [f"{path}:{number}: {line[:LINE]}"] if count <= MOST else []
    return {"lines": lines, "count": count, "error": ""}


def find(name: str) -> dict[str, Any]:
    """Paths whose name, or whole path, is like the pattern."""
    found = [str(path) for path in walk(".") if any(fnmatch.fnmatch(part, name) for part in (path.name, str(path)))]
    return {"paths": found[:MOST], "count": len(found)}


def outline(top: str) -> dict[str, Any] | None:
    """A folder's entries, two levels deep, folders with a slash; None where it is no folder."""
    if not Path(top).is_dir():
        return None
    lines = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        lines += [str(Path(folder, name)) for name in names] + [f"{Path(folder, name)}/" for name in folders]
        if Path(folder) != Path(top):
            folders.clear()
    return {"lines": sorted(lines)[: 10 * MOST], "count": len(lines)}


def lint(old: str | None, new: str, path: str) -> dict[str, Any] | None:
    """Why Python does not compile `new`, as line and words; None where it does, or where it did not compile `old`."""
    for text in (old, new):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(text or "", path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            if text is old:
                return None
            return {"line": getattr(error, "lineno", None) or 1, "what": f"{type(error).__name__}: {error}"}
    return None
