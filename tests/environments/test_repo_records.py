"""Records and predictions in SWE-bench's formats, the shipped ones, and what makes them; windows and replacements."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from environments.calls import ActionError
from environments.contracts import AnswerSuite
from environments.repo.edit import LONGEST_LINE, numbered, replace_once, window
from environments.repo.grade import RepoGrader
from environments.repo.protect import why_protected
from environments.repo.records import Record, RecordRefused, read_predictions, read_records
from environments.repo.suite import SHIPPED, load
from environments.suites import load_suite
from sandbox.process import Process
from tests.environments.repairing import diff_by, git, record_of, some_sandbox

RECORD: dict[str, Any] = {
    "instance_id": "owner__name-12",
    "repo": "owner/name",
    "base_commit": "a" * 40,
    "problem_statement": "It is broken.",
    "patch": "diff --git a/a b/a\n",
    "test_patch": "diff --git a/t b/t\n",
    "FAIL_TO_PASS": ["tests/test_a.py::test_b[1]"],
    "PASS_TO_PASS": [],
    "version": "3.1",
    "hints_text": "not read",
}


def records_file(folder: Path, *records: Any, **changed: Any) -> Path:
    (folder / "owner__name").mkdir(exist_ok=True)
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records or [{**RECORD, **changed}]))
    return path


# ---- records


def test_a_record_as_swe_bench_publishes_it(tmp_path: Path) -> None:
    lists = {"FAIL_TO_PASS": '["test_b (tests.test_a.TestA)"]', "PASS_TO_PASS": '["tests.test_a.TestA.test_c"]'}
    (record,) = read_records(records_file(tmp_path, **lists))
    assert record.fail_to_pass == ("tests.test_a.TestA.test_b",)
    assert record.pass_to_pass == ("tests.test_a.TestA.test_c",)
    assert (record.runner, record.split, record.source) == ("unittest", "heldout", tmp_path / "owner__name")


@pytest.mark.parametrize("shape", ["list", "by id", "indented", "single"])
def test_a_file_may_be_one_json_value(tmp_path: Path, shape: str) -> None:
    path = records_file(tmp_path)
    rest = {key: value for key, value in RECORD.items() if key != "instance_id"}
    value = {"list": [RECORD], "by id": {"owner__name-12": rest}, "indented": [RECORD], "single": RECORD}[shape]
    path.write_text(json.dumps(value, indent=2 if shape == "indented" else None))
    assert [one.instance_id for one in read_records(path)] == ["owner__name-12"]
    assert read_records(path)[0].runner == "pytest"


@pytest.mark.parametrize("place", ["owner__name.bundle", "name.bundle", "owner__name", "name", "elsewhere/name.git"])
def test_a_repository_lies_beside_its_file(tmp_path: Path, place: str) -> None:
    path = tmp_path / "tasks.jsonl"
    repo = place if "/" in place else "owner/name"
    path.write_text(json.dumps({**RECORD, "repo": repo}))
    (tmp_path / place).mkdir(parents=True)
    assert read_records(path)[0].source == tmp_path / place


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"repo": "nobody/nothing"}, "no repository 'nobody/nothing'"),
        ({"base_commit": "main"}, "base_commit 'main' is no commit"),
        ({"base_commit": "--upload-pack=x"}, "is no commit"),
        ({"instance_id": "../../x"}, "instance_id '../../x'"),
        ({"instance_id": 3}, "instance_id is 3"),
        ({"problem_statement": " "}, "problem_statement is ' '"),
        ({"test_patch": None}, "test_patch is None"),
        ({"FAIL_TO_PASS": []}, "FAIL_TO_PASS is empty"),
        ({"FAIL_TO_PASS": "test_a"}, "no JSON"),
        ({"FAIL_TO_PASS": [1]}, "expected a list of test names"),
        ({"PASS_TO_PASS": {"a": 1}}, "PASS_TO_PASS is"),
        ({"split": "dev"}, "split 'dev'"),
    ],
)
def test_a_record_that_is_wrong_is_told_with_its_place(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordRefused) as refused:
        read_records(records_file(tmp_path, RECORD, {**RECORD, **changed}))
    assert "tasks.jsonl:2" in str(refused.value)
    assert said in str(refused.value)


def test_files_that_hold_no_records(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    with pytest.raises(RecordRefused, match="cannot be read"):
        read_records(path)
    path.write_text('{"a": 1}\n{"b"')
    with pytest.raises(RecordRefused, match="instance_id is None"):
        read_records(path)
    path.write_text("[3]")
    with pytest.raises(RecordRefused, match="record 1: a int; expected a JSON object"):
        read_records(path)
    with pytest.raises(RecordRefused, match="occurs twice"):
        read_records(records_file(tmp_path, RECORD, RECORD))


def test_predictions(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    lines = [
        {"instance_id": "a", "model_patch": "diff", "model_name_or_path": "m"},
        {"instance_id": "b", "model_patch": None},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [(one.task_id, one.content) for one in read_predictions(path)] == [("a", "diff"), ("b", "")]
    path.write_text(json.dumps({"a": {"model_patch": "diff"}}))
    assert [(one.task_id, one.content) for one in read_predictions(path)] == [("a", "diff")]
    path.write_text('{"instance_id": "a", "model_patch": "x"}\n{"instance_id": "b", "model_patch": 3}\n')
    with pytest.raises(RecordRefused, match=r"answers.jsonl:2: model_patch is int"):
        read_predictions(path)


# ---- the shipped ones


def test_ten_repositories_are_shipped_in_three_splits() -> None:
    suite = load_suite("repo")
    tasks = suite.tasks()
    assert len(tasks) == 10
    assert {split: sum(one.split == split for one in tasks) for split in ("training", "validation", "heldout")} == {
        "training": 6,
        "validation": 2,
        "heldout": 2,
    }
    assert len({one.family for one in tasks}) == 10
    records = load().records
    assert all(len(one.fail_to_pass) >= 3 and len(one.pass_to_pass) >= 7 for one in records.values())


def test_the_script_makes_the_same_bytes_again(tmp_path: Path, root: Path) -> None:
    script = [sys.executable, "-B", str(root / "scripts" / "make_repos.py"), str(tmp_path)]
    assert subprocess.run(script, capture_output=True, text=True, check=False).stderr == ""
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shipped = {path.name: path.read_bytes() for path in SHIPPED.parent.iterdir()}
    assert sorted(made) == sorted(shipped)
    assert [name for name in made if made[name] != shipped[name]] == []


def test_a_reference_is_what_the_bundle_holds() -> None:
    record = record_of("shelf")
    fixed = git(record.source.parent, "ls-remote", str(record.source)).decode().split()[0]

    def change(folder: Path) -> None:
        git(folder, "checkout", "--quiet", fixed, "--", "shelf")

    assert diff_by(record, change) == record.patch


async def test_recorded_answers_are_graded(tmp_path: Path) -> None:
    suite: AnswerSuite = load(sandbox=some_sandbox(), test_s=10.0)
    path = tmp_path / "answers.jsonl"
    lines = [
        {
            "instance_id": "agentkit__shelf-1",
            "model_patch": record_of("shelf").patch,
            "model_name_or_path": "reference",
        },
        {"instance_id": "agentkit__tally-1", "model_patch": "", "model_name_or_path": "nothing"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    async with suite.grading(parallel=2) as grade:
        scores = [await grade(answer) for answer in suite.read_answers(path)]
    assert [score.success for score in scores] == [True, False]


NEW_TEST = """\
import pytest
from adds import add

@pytest.mark.parametrize('n', [1, 2])
def test_add(two, n):
    assert add(two, n) == 2 + n
"""


def pytest_record(folder: Path) -> Record:
    """A record over a repository's folder, with tests of pytest."""
    repository = folder / "owner__name"
    files = {
        "adds.py": "def add(a, b):\n    return a - b\n",
        "tests/conftest.py": "import pytest\n\n@pytest.fixture\ndef two():\n    return 2\n",
        "tests/test_old.py": "from adds import add\n\ndef test_zero():\n    assert add(1, 0) == 1\n",
        "tests/test_new.py": NEW_TEST,
    }
    for path, text in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "adds.py", "tests/conftest.py", "tests/test_old.py")
    git(repository, "commit", "--quiet", "-m", "base")
    base = git(repository, "rev-parse", "HEAD").decode().strip()
    git(repository, "add", "--all")
    hidden = git(repository, "diff", "--cached").decode()
    tests = {
        "FAIL_TO_PASS": ["tests/test_new.py::test_add[1]"],
        "PASS_TO_PASS": ["tests/test_old.py::test_zero"],
    }
    (record,) = read_records(records_file(folder, base_commit=base, test_patch=hidden, **tests))
    return record


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("    return a + b\n", "FAIL_TO_PASS 1 of 1; PASS_TO_PASS 1 of 1"),
        ("    import pytest; pytest.skip()\n", "test_add[1]: skipped"),
        ("    import pytest; pytest.exit('done', 0)\n", "test_add[1]: "),
        (
            "    return a - b\n\nimport _pytest.python\n"
            "runtest = _pytest.python.Function.runtest\n"
            "_pytest.python.Function.runtest = lambda self: 'test_new' in self.nodeid or runtest(self)\n",
            "the runner was changed: _pytest.python.Function.runtest",
        ),
    ],
)
async def test_tests_of_pytest_are_run_where_pytest_is(tmp_path: Path, added: str, said: str) -> None:
    """In the environment that these tests run in, as no sandbox has to have a pytest."""
    record = pytest_record(tmp_path)
    grader = RepoGrader(sandbox=Process(unsafe=True), records={record.instance_id: record}, test_s=20.0)
    lines = "".join(f"+{line}" for line in added.splitlines(keepends=True))
    head = f"diff --git a/adds.py b/adds.py\n--- a/adds.py\n+++ b/adds.py\n@@ -1,2 +1,{1 + lines.count(chr(10))} @@\n"
    score = await grader.score(record.instance_id, f"{head} def add(a, b):\n-    return a - b\n{lines}")
    assert said in score.reasons
    assert score.success == ("1 of 1" in said)


# ---- what an answer cannot change


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tests/data/a.json", "a test"),
        ("pkg/Tests/x.py", "a test"),
        ("pkg/test_a.py", "a test"),
        ("pkg/a_test.py", "a test"),
        ("conftest.py", "a test"),
        ("pyproject.toml", "configuration"),
        (".gitattributes", "configuration"),
        ("sub/tox.ini", "configuration"),
        ("sitecustomize.py", "Python's start"),
        ("usercustomize/__init__.py", "Python's start"),
        ("a/b.pth", "Python's start"),
        ("shelf/__pycache__/paging.cpython-311.pyc", "instead of its source"),
        ("pytest.py", "takes the place of pytest"),
        ("_pytest/x.py", "takes the place of _pytest"),
    ],
)
def test_protected_files(path: str, why: str) -> None:
    assert why in why_protected(path)


@pytest.mark.parametrize("path", ["shelf/paging.py", "latest.py", "contest.py", "docs/testing.md", "src/attest/a.py"])
def test_other_files_are_the_answers_own(path: str) -> None:
    assert why_protected(path) == ""


# ---- windows and replacements


def test_numbers_are_aligned_and_long_lines_cut() -> None:
    assert numbered(["a", "b"], first=9) == " 9 | a\n10 | b"
    assert numbered(["x" * (LONGEST_LINE + 7)]).endswith("… 7 characters more")


def test_a_window_is_bounded_even_when_asked_for_all() -> None:
    shown = window("x\n" * 5000, path="a", start=1, end=5000)
    assert isinstance(shown, str)
    assert shown.startswith("a: lines 1 to 500 of 5000")
    assert isinstance(window("x\n", path="a", start=3, end=2), ActionError)


def test_a_replacement_says_where_it_was() -> None:
    assert replace_once("a\nb\nc\n", "b\n", new="", path="x") == ("a\nc\n", 2)
    overlapping = replace_once("aaa", "aa", new="b", path="x")
    assert isinstance(overlapping, ActionError)
    assert "2 times" in overlapping.message
    missing = replace_once("alpha\n", "zzzz", new="b", path="x")
    assert isinstance(missing, ActionError)
    assert "No line is like it" in missing.message
