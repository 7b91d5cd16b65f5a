"""`agentkit grade` on recorded answers, as a person and as a script would use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agentkit.cli import app
from agentkit.grade import Graded, grade_answers, line_of
from environments.code.suite import Code
from environments.contracts import Answer, EnvironmentFailure
from sandbox import AgentkitError
from sandbox.contracts import SandboxUnavailable
from tests.environments.coding import strongest_here

RECORD = {
    "prompt": 'def add_{n}(x):\n    """Adds {n}."""\n',
    "canonical_solution": "    return x + {n}\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1 + {n}\n",
}


@pytest.fixture(autouse=True)
def isolating() -> None:
    """Skips where nothing isolates code."""
    strongest_here()


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    records = [
        {"task_id": f"Add/{n}", "entry_point": f"add_{n}", **{k: v.replace("{n}", str(n)) for k, v in RECORD.items()}}
        for n in range(5)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    completions = [
        ("Add/1", "    return x + 1\n"),
        ("Add/0", "    return None\n"),
        ("Add/2", "def add_2(x): return x + 2"),
        ("Add/1", "    raise ValueError('\x1b[2J\u202e')\n"),
    ]
    path.write_text("".join(json.dumps({"task_id": id, "completion": text}) + "\n" for id, text in completions))
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["grade", *map(str, arguments)])


def test_each_answer_is_a_json_line_in_the_files_order(tasks, answers):
    result = call("code", "--tasks", tasks, "--answers", answers, "--json", "--parallel", 3)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(line) for line in lines] == [{"task_id", "passed", "reason"}] * 4
    assert [(line["task_id"], line["passed"]) for line in lines] == [
        ("Add/1", True), ("Add/0", False), ("Add/2", True), ("Add/1", False),
    ]  # fmt: skip
    assert lines[0]["reason"] == "1 of 1 tests passed"
    assert "assert candidate(1) == 1 + 0" in lines[1]["reason"]
    assert "ValueError" in lines[3]["reason"]
    assert "2 of 4 passed (50.0%)" in result.stderr
    assert "2 tasks have no answer" in result.stderr


def test_a_person_reads_lines_that_cannot_steer_the_terminal(tasks, answers):
    result = call("code", "--tasks", tasks, "--answers", answers)
    lines = result.stdout.splitlines()
    assert lines[0] == "passed Add/1"
    assert lines[1].startswith("FAILED Add/0: 0 of 1 tests passed: AssertionError")
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert line_of(Graded("a", True, "well\x07 done")) == "passed a"


def test_the_shipped_problems_are_graded_without_a_file(tmp_path):
    solution = next(iter(Code().problems.values()))
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"task_id": solution.statement.id, "solution": solution.reference}))
    result = call("code", "--answers", path, "--json")
    assert json.loads(result.stdout)["passed"] is True


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task_id": "Add/9", "completion": ""}', ":1: task_id 'Add/9' is none of tasks.jsonl"),
        ('{"task_id": "Add/1"}', ":1: expected `completion`, a text; got 'None'"),
        ('{"task_id": "Add/1", "completion": 3}', ":1: expected `completion`, a text; got '3'"),
        ("nonsense", ":1: expected JSON"),
    ],
)
def test_answers_that_cannot_be_read_are_told_by_their_line(tasks, tmp_path, line, message):
    path = tmp_path / "wrong.jsonl"
    path.write_text(line)
    result = call("code", "--tasks", tasks, "--answers", path)
    assert isinstance(result.exception, AgentkitError)
    assert message in str(result.exception)


def test_what_cannot_grade_or_run_says_so(tasks, answers):
    refused = call("miniwob", "--answers", answers).exception
    assert isinstance(refused, AgentkitError)
    assert "judges live episodes only" in str(refused)
    option = call("miniwob", "--tasks", tasks, "--answers", answers).exception
    assert "no option 'tasks_file'" in str(option)
    unsafe = call("code", "--answers", answers, "--tasks", tasks, "--sandbox", "process").exception
    assert isinstance(unsafe, AgentkitError)
    assert "isolates nothing" in str(unsafe)


def test_no_answers_are_no_success(tasks, tmp_path):
    path = tmp_path / "none.jsonl"
    path.write_text("\n")
    result = call("code", "--tasks", tasks, "--answers", path, "--json")
    assert result.stdout == ""
    assert "0 of 0 passed in" in result.stderr
    assert "5 tasks have no answer" in result.stderr


async def test_from_python_each_is_told_as_it_comes_in_order(tasks):
    told: list[str] = []
    sandbox = strongest_here()
    answers = [Answer(f"Add/{n}", f"    return x + {n}\n") for n in (4, 3, 0)]
    try:
        suite = Code(tasks_file=tasks, sandbox=sandbox)
        done = await grade_answers(suite, answers, parallel=2, on_graded=lambda graded: told.append(graded.task_id))
    finally:
        await sandbox.close()
    assert [graded.passed for graded in done] == [True] * 3
    assert told == ["Add/4", "Add/3", "Add/0"]


async def test_a_grader_that_breaks_ends_the_grading_with_its_own_error(tasks):
    class Absent:
        name, isolation = "absent", "none"

        async def open(self, *arguments: object, **named: object) -> object:
            raise SandboxUnavailable("the engine has gone; start it")

    with pytest.raises(EnvironmentFailure, match="no verdict on Add/1: the engine has gone; start it"):
        await grade_answers(Code(tasks_file=tasks, sandbox=Absent()), [Answer("Add/1", "")] * 3)  # type: ignore[arg-type]
