"""Tasks in SWE-bench's record format, and answers in the format of its predictions.

A record is one JSON object: `instance_id`, `repo`, `base_commit`, `problem_statement`, `patch`, `test_patch`,
`FAIL_TO_PASS` and `PASS_TO_PASS` (lists, or lists as JSON strings). A file holds one object a line, or one JSON list,
or one object by instance. What else a record holds is not read, but for `split` and `template`, which are ours.

`repo` says where the repository lies: a folder or a git bundle, absolute or beside the file; or `owner/name`, which is
looked for beside the file as `owner__name.bundle`, `name.bundle`, and as folders of these names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from environments.contracts import JSON, Answer, Split
from sandbox import AgentkitError

__all__ = ["Record", "RecordRefused", "Runner", "read_predictions", "read_records"]

Runner = Literal["unittest", "pytest"]
SPLITS = ("training", "validation", "heldout")
COMMIT = re.compile(r"[0-9a-f]{7,64}")
NAME = re.compile(r"[\w.+-]+")
DJANGO = re.compile(r"(?P<method>\w+) \((?P<place>[\w.]+)\)")


class RecordRefused(AgentkitError, ValueError):
    """A record or a prediction that cannot be read, with where it stands and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One repair: a repository at a commit, what is wrong with it, and what shows that it is mended."""

    instance_id: str
    source: Path
    """Folder or bundle of the repository."""
    base_commit: str
    problem_statement: str
    patch: str = field(repr=False)
    """The reference solution; for tests of the suite only."""
    test_patch: str = field(repr=False)
    """The hidden tests."""
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    template: str = ""
    split: Split = "heldout"
    """A public benchmark is for measuring, so a record that says nothing is held out."""

    @property
    def runner(self) -> Runner:
        """By the form of its tests: `tests/test_a.py::test_b` is pytest's, `tests.test_a.TestA.test_b` unittest's."""
        return "pytest" if "::" in self.fail_to_pass[0] else "unittest"


def read_records(path: Path) -> list[Record]:
    """The records of a file, in order.

    Raises:
        RecordRefused: the file or a record cannot be read; the message says which and why.
    """
    records = [_record(data, where=where, folder=path.parent) for where, data in _objects(path)]
    ids = [record.instance_id for record in records]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise RecordRefused(f"{path}: instance_id {twice[0]!r} occurs twice; give each record its own")
    return records


def read_predictions(path: Path) -> list[Answer]:
    """Answers as SWE-bench takes them: `instance_id`, `model_patch` and `model_name_or_path`.

    Raises:
        RecordRefused: a line that cannot be read.
    """
    answers = []
    for where, data in _objects(path):
        patch = data.get("model_patch")
        if patch is not None and not isinstance(patch, str):
            raise RecordRefused(f"{where}: model_patch is {type(patch).__name__}; expected a diff as text, or null")
        answers.append(Answer(_text(data, "instance_id", where=where), patch or ""))
    return answers


def _objects(path: Path) -> Iterator[tuple[str, Mapping[str, JSON]]]:
    """Each object of the file with where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordRefused(f"{path}: cannot be read ({error}); give a JSON or JSONL file in UTF-8") from error
    for where, data in _split(text, path):
        if not isinstance(data, dict):
            raise RecordRefused(f"{where}: a {type(data).__name__}; expected a JSON object")
        yield where, data


def _split(text: str, path: Path) -> Iterator[tuple[str, JSON]]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"{path}:{number}", _line(line, where=f"{path}:{number}")
        return
    if isinstance(whole, dict) and "instance_id" not in whole:
        whole = [{"instance_id": name, **data} if isinstance(data, dict) else data for name, data in whole.items()]
    for number, data in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield f"{path}, record {number}", data


def _line(line: str, *, where: str) -> JSON:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise RecordRefused(f"{where}: no JSON ({error.msg}); expected one object a line") from error


def _record(data: Mapping[str, JSON], *, where: str, folder: Path) -> Record:
    name, commit = _text(data, "instance_id", where=where), _text(data, "base_commit", where=where)
    if not NAME.fullmatch(name):
        raise RecordRefused(f"{where}: instance_id {name!r}; expected letters, digits and any of . _ + -")
    if not COMMIT.fullmatch(commit):
        raise RecordRefused(f"{where}: base_commit {commit!r} is no commit; expected its hexadecimal name")
    split = str(data.get("split", "heldout"))
    if split not in SPLITS:
        raise RecordRefused(f"{where}: split {split!r}; expected one of {', '.join(SPLITS)}")
    fail_to_pass = _tests(data, "FAIL_TO_PASS", where=where)
    if not fail_to_pass:
        raise RecordRefused(f"{where}: FAIL_TO_PASS is empty; expected the tests that show the repair")
    return Record(
        instance_id=name,
        source=_source(_text(data, "repo", where=where), folder=folder, where=where),
        base_commit=commit,
        problem_statement=_text(data, "problem_statement", where=where),
        patch=str(data.get("patch") or ""),
        test_patch=_text(data, "test_patch", where=where),
        fail_to_pass=fail_to_pass,
        pass_to_pass=_tests(data, "PASS_TO_PASS", where=where),
        template=str(data.get("template", "")),
        split=cast(Split, split),
    )


def _text(data: Mapping[str, JSON], name: str, *, where: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RecordRefused(f"{where}: {name} is {value!r}; expected a text")
    return value


def _tests(data: Mapping[str, JSON], name: str, *, where: str) -> tuple[str, ...]:
    value = data.get(name, [])
    if isinstance(value, str):
        value = _line(value, where=f"{where}, {name}")
    if not isinstance(value, list) or not all(isinstance(test, str) and test for test in value):
        raise RecordRefused(f"{where}: {name} is {value!r}; expected a list of test names")
    return tuple(_dotted(test) for test in value)


def _dotted(test: str) -> str:
    """Django's `test_b (tests.test_a.TestA)` as `tests.test_a.TestA.test_b`; others as they are."""
    found = DJANGO.fullmatch(test)
    return f"{found['place']}.{found['method']}" if found else test


def _source(repo: str, *, folder: Path, where: str) -> Path:
    last = repo.rpartition("/")[2]
    names: Sequence[str] = (repo, f"{repo.replace('/', '__')}.bundle", f"{last}.bundle", repo.replace("/", "__"), last)
    for name in names:
        if (folder / name).exists():
            return (folder / name).resolve()
    raise RecordRefused(
        f"{where}: no repository {repo!r}; expected a folder or a git bundle of that path, or {names[1]} in {folder}"
    )
