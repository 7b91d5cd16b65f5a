"""Make the repositories of the `repo` suite, and their records: environments/repo/sources/*.txt -> bundles/.

    .venv/bin/python scripts/make_repos.py [FOLDER]

A source is a text in sections that begin with `@@@`:

    @@@ split SPLIT            of the record
    @@@ issue                  what the agent is told
    @@@ commit MESSAGE         a commit of the past, with the files that follow
    @@@ file PATH              a file, whole
    @@@ replace PATH           lines that occur once in it ...
    @@@ with                   ... and what takes their place
    @@@ fix MESSAGE            the commit after the base: the reference solution and the hidden tests

The bundle holds the fix too, as a real repository would. Which tests fail before it and which pass is not written
down but found out, by running all of them at both commits. Author, dates and compression are fixed, so the same git
makes the same bytes again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES, BUNDLES = ROOT / "environments/repo/sources", ROOT / "environments/repo/bundles"
SECTION = re.compile(r"@@@ (\w+) ?(.*)")
RESULT = re.compile(r"^\w+ \(([\w.]+)\) \.\.\. (\w+)", re.MULTILINE)
AUTHOR = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (
    ("NAME", "agentkit"), ("EMAIL", "agentkit@example.invalid"))}  # fmt: skip
PLAIN = ("-c", "pack.compression=0", "-c", "core.compression=0", "-c", "pack.window=0", "-c", "pack.threads=1")


def sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, argument and body of each section."""
    kind, argument, body = "", "", []
    for line in [*text.splitlines(keepends=True), "@@@ end"]:
        if found := SECTION.match(line):
            if kind:
                yield kind, argument, "".join(body)
            kind, argument, body = found[1], found[2].strip(), []
        else:
            body.append(line)


class Repository:
    """A repository that grows by commits at fixed moments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commits = 0
        self.git("init", "--quiet", "--initial-branch=main", "--template=")

    def git(self, *arguments: str) -> str:
        moment = f"2026-01-{self.commits + 1:02d}T12:00:00+0000" if hasattr(self, "commits") else ""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"} | AUTHOR
        env |= {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        command = ["git", *PLAIN, *arguments]
        return subprocess.run(command, cwd=self.folder, env=env, check=True, capture_output=True, text=True).stdout

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def replace(self, path: str, old: str, *, new: str) -> None:
        text = (self.folder / path).read_text()
        if text.count(old) != 1:
            raise SystemExit(f"{self.folder.name}: in {path} this occurs {text.count(old)} times, not once:\n{old}")
        self.write(path, text.replace(old, new))

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        self.commits += 1
        return self.git("rev-parse", "HEAD").strip()


def build(text: str, repository: Repository) -> dict[str, str]:
    """Commit what a source tells; its `split`, `issue`, and the names of the commits `base` and `fix`."""
    told = {"split": "", "issue": "", "base": "", "fix": ""}
    message, is_fix, replaced = "", False, ("", "")
    for kind, argument, body in sections(text + "@@@ commit (end)\n"):
        if kind == "split":
            told["split"] = argument
        elif kind == "issue":
            told["issue"] = body.strip() + "\n"
        elif kind == "file":
            repository.write(argument, body)
        elif kind == "replace":
            replaced = (argument, body)
        elif kind == "with":
            repository.replace(*replaced, new=body)
        elif kind in ("commit", "fix"):
            if message:
                told["fix" if is_fix else "base"] = repository.commit(message)
            message, is_fix = argument, kind == "fix"
        else:
            raise SystemExit(f"{repository.folder.name}: no section {kind!r}")
    return told


def test_outcomes(folder: Path) -> dict[str, bool]:
    """Every test by its full name, and whether it passes."""
    command = [sys.executable, "-B", "-m", "unittest", "-v"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60).stderr
    return {name: word == "ok" for name, word in RESULT.findall(said)}


def make(source: Path, folder: Path) -> dict[str, object]:
    """Write the bundle of one source, and give its record."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / source.stem
        work.mkdir()
        repository = Repository(work)
        told = build(source.read_text(), repository)
        after = test_outcomes(work)
        patches = [
            repository.git("diff", "--no-color", "--full-index", told["base"], told["fix"], "--", *where)
            for where in ((".", ":!tests"), ("tests",))
        ]
        repository.git("checkout", "--quiet", told["base"], "--", ":!tests")
        before = test_outcomes(work)
        repository.git("bundle", "create", "--quiet", str(folder / f"{source.stem}.bundle"), "refs/heads/main")
    if not all(after.values()):
        raise SystemExit(f"{source.stem}: fails after the fix: {[name for name, ok in after.items() if not ok]}")
    return {
        "instance_id": f"agentkit__{source.stem}-1",
        "repo": f"{source.stem}.bundle",
        "base_commit": told["base"],
        "problem_statement": told["issue"],
        "patch": patches[0],
        "test_patch": patches[1],
        "FAIL_TO_PASS": [name for name in after if not before.get(name, False)],
        "PASS_TO_PASS": [name for name in after if before.get(name, False)],
        "version": "1",
        "template": source.stem,
        "split": told["split"],
    }


def main(folder: Path = BUNDLES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records = [make(source, folder) for source in sorted(SOURCES.glob("*.txt"))]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
