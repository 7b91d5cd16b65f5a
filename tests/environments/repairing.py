"""Answers to the `repo` suite for its tests: diffs from edits, and for each task one that is plausible and wrong."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from environments.repo.records import Record
from environments.repo.suite import Repo, load
from sandbox.backends import load_sandbox
from sandbox.contracts import Sandbox, SandboxUnavailable

__all__ = ["NEAR_MISSES", "SHIPPED_IDS", "diff_by", "edited", "git", "record_of", "some_sandbox"]

Edits = tuple[tuple[str, str, str], ...]


@functools.cache
def shipped() -> Repo:
    return load()


SHIPPED_IDS = list(shipped().records)


def record_of(name: str) -> Record:
    """The shipped record of a repository."""
    return shipped().records[f"agentkit__{name}-1"]


@functools.cache
def some_sandbox() -> Sandbox:
    """The strongest that runs here; the test is skipped where nothing isolates."""
    try:
        return load_sandbox()
    except SandboxUnavailable as error:
        pytest.skip(f"needs a sandbox: {error}")


def git(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    """What git prints, with nobody's settings."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("-c", "user.name=test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, env=env, input=data, check=True, capture_output=True)
    return done.stdout


def diff_by(record: Record, change: Callable[[Path], None]) -> str:
    """The diff of what `change` does to a checkout of the record's base commit."""
    with tempfile.TemporaryDirectory() as name:
        git(Path(name), "clone", "--quiet", str(record.source), "checkout")
        folder = Path(name) / "checkout"
        git(folder, "checkout", "--quiet", record.base_commit)
        change(folder)
        git(folder, "add", "--all", "--force")
        return git(folder, "diff", "--cached", "--binary", "--full-index", "--no-color", "HEAD").decode()


def edited(record: Record, *edits: tuple[str, str, str], more: str = "") -> str:
    """The diff of exact replacements `(path, old, new)`; an empty `old` writes a new file. `more` is applied first."""

    def change(folder: Path) -> None:
        if more:
            git(folder, "apply", "-", data=more.encode())
        for path, old, new in edits:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if old:
                text = file.read_text()
                assert text.count(old) == 1, f"{path}: {old!r} occurs {text.count(old)} times"
            file.write_text(text.replace(old, new) if old else new)

    return diff_by(record, change)


JOBS = "turnstile/jobs.py"

NEAR_MISSES: dict[str, Edits] = {
    # Right for full pages, but an empty list then has no page at all.
    "shelf": (("shelf/paging.py", "    return total // size + 1", "    return -(-total // size)"),),
    # All the odd cents go to the first: they add up, but are not spread.
    "tally": (
        (
            "tally/shares.py",
            "    return {name: (total",
            "    return first_pays({name: (total",
        ),
        (
            "tally/shares.py",
            "for name, weight in weights.items()}\n",
            "for name, weight in weights.items()}, total)\n\n\n"
            "def first_pays(shares, total):\n"
            "    shares[next(iter(shares))] += total - sum(shares.values())\n"
            "    return shares\n",
        ),
        ("tally/money.py", "from decimal import Decimal", "from decimal import ROUND_HALF_UP, Decimal"),
        ("tally/money.py", "/ 100).quantize(CENT)", "/ 100).quantize(CENT, ROUND_HALF_UP)"),
    ),
    # The default is mended; lists that are passed in are still shared.
    "errand": (
        ("errand/errands.py", "labels=[], steps=[]", "labels=None, steps=None"),
        ("errand/errands.py", "self.labels = labels", "self.labels = labels if labels is not None else []"),
        ("errand/errands.py", "self.steps = steps", "self.steps = steps if steps is not None else []"),
    ),
    # Local days, and a reminder a day later in UTC after all.
    "almanac": (
        ("almanac/readings.py", "totals[reading.moment.date()]", "totals[zone.to_local(reading.moment).date()]"),
    ),
    # `repr` tells texts from numbers, but the separator can still be part of a value.
    "larder": (
        ("larder/keys.py", "str(value) for value in arguments", "repr(value) for value in arguments"),
        ("larder/keys.py", "for name, value in named.items()", "for name, value in sorted(named.items())"),
    ),
    # Writing is mended, reading only for doubled quotes.
    "sheaf": (
        ("sheaf/writing.py", 'if "," in text:', "if any(mark in text for mark in ',\"\\n'):"),
        ("sheaf/writing.py", "return f'\"{text}\"'", "return '\"' + text.replace('\"', '\"\"') + '\"'"),
    ),
    # Sorting all of it gives the right order, but reads logs to an end that they may not have.
    "braid": (
        (
            "braid/merging.py",
            "    heap = []\n",
            "    yield from sorted((event for log in logs for event in log), key=lambda event: event.time)\n"
            "    return\n    heap = []\n",
        ),
        ("braid/merging.py", "found = event if found is None else max(found, event)", "found = event"),
    ),
    # A tolerance puts values that lie just below a mark on it.
    "plumb": (
        ("plumb/scale.py", "while value <= end:", "while value <= end + 1e-6:"),
        ("plumb/scale.py", "        found.append(value)", "        found.append(round(value, 6))"),
        ("plumb/scale.py", "math.floor((value - start) / step)", "math.floor((value - start) / step + 1e-6)"),
    ),
    # Accents are taken off, so that words are one that are not.
    "lexicon": (
        (
            "lexicon/words.py",
            '"""Words and their meanings."""\n',
            '"""Words and their meanings."""\n\nimport unicodedata\n\n\ndef lower(word):\n'
            '    parts = unicodedata.normalize("NFD", word).casefold()\n'
            '    return "".join(part for part in parts if not unicodedata.combining(part))\n',
        ),
        ("lexicon/words.py", "return word.lower() in self._entries", "return lower(word) in self._entries"),
        ("lexicon/words.py", "self._entries[word.lower()] = (word", "self._entries[lower(word)] = (word"),
        ("lexicon/words.py", "return self._entries[word.lower()][1]", "return self._entries[lower(word)][1]"),
        ("lexicon/words.py", "del self._entries[word.lower()]", "del self._entries[lower(word)]"),
        ("lexicon/words.py", "key=str.lower", "key=lower"),
        ("lexicon/words.py", "word.lower().startswith(prefix.lower())", "lower(word).startswith(lower(prefix))"),
    ),
    # The state comes back, and the attempts with it.
    "turnstile": (
        (JOBS, '        self._enter("paused")', '        self._before = self.state\n        self._enter("paused")'),
        (
            JOBS,
            '"resume", "paused")\n        self._enter("running")',
            '"resume", "paused")\n        self._enter(self._before)',
        ),
        (
            JOBS,
            '        self._enter("cancelled")',
            '        self._need("cancel", "queued", "running", "paused")\n        self._enter("cancelled")',
        ),
    ),
}
"""For each repository edits that somebody might well have made, and why they are not enough."""
