"""Problems as HumanEval, MBPP, APPS and LiveCodeBench publish them, with records written for these tests."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from environments.code.formats import ProblemFileError, read_problems
from environments.code.problems import Problem, ProgramTest, SourceTest, Statement
from environments.code.suite import SHIPPED, Code
from tests.environments.coding import examining, failures

HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'def double(x):\n    """Twice.\n    >>> double(2)\n    4\n    >>> double("a")\n    \'aa\'\n    """\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "METADATA = {}\ndef check(candidate):\n    assert candidate(5) == 10\n",
}
MBPP = {
    "task_id": 700,
    "text": "Write a function to find the length of a chain of nodes.",
    "code": "class Node:\r\n    def __init__(self, v):\r\n        self.next = None\r\ndef unused(): pass\r\n"
    "def chain_length(n):\r\n    return 0 if n is None else 1 + chain_length(n.next)",
    "test_setup_code": "root = Node(1)\r\nroot.next = Node(2)",
    "test_list": [
        "assert chain_length(root) == 2",
        "assert chain_length(root.next) == 1",
        "assert chain_length(None)==0",
    ],
    "challenge_test_list": ["assert math.isclose(chain_length(root), 2.0)"],
    "test_imports": ["import math"],
}
APPS = {
    "problem_id": 7,
    "question": "Add two numbers.",
    "solutions": json.dumps(["print(sum(map(int, input().split())))", "other"]),
    "input_output": json.dumps({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", ["7"]]}),
    "difficulty": "introductory",
    "starter_code": "",
}
APPS_FUNCTION = {
    **APPS,
    "problem_id": 8,
    "starter_code": "class Solution:\n    def halves(self, xs: List[int]) -> List[float]:\n        ",
    "solutions": json.dumps(
        ["class Solution:\n    def halves(self, xs: List[int]):\n        return tuple(x / 2 for x in xs)"]
    ),
    "input_output": json.dumps(
        {"fn_name": "halves", "inputs": [[[1, 2]], [[]], [[424242]]], "outputs": [[[0.5, 1.0]], [[]], [[212121]]]}
    )
    .replace("424242", "1" + "0" * 5000)
    .replace("212121", "5" + "0" * 4999),
}
TESTS = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
LIVECODEBENCH = {
    "question_title": "Sum",
    "question_content": "Add.",
    "question_id": "abc1_a",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": json.dumps(TESTS),
    "private_test_cases": json.dumps([{**TESTS[0], "input": "3 4\n", "output": "7\n"}]),
    "metadata": "{}",
}
FUNCTIONAL = [{"input": '[1, 2]\n"x"', "output": '{"x": [1, 2]}', "testtype": "functional"}]
LIVECODEBENCH_FUNCTION = {
    **LIVECODEBENCH,
    "question_id": "lc2",
    "starter_code": "class Solution:\n    def keyed(self, xs: List[int], key: str) -> Dict[str, List[int]]:\n        ",
    "public_test_cases": json.dumps(FUNCTIONAL),
    "private_test_cases": base64.b64encode(zlib.compress(pickle.dumps(json.dumps(FUNCTIONAL)))).decode(),
    "metadata": json.dumps({"func_name": "keyed"}),
}


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    def save(*records: object, name: str = "file.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return save


async def why(problem: Problem, text: str) -> list[str]:
    async with examining() as examiner:
        return failures(await examiner.examine(text, problem.statement, tests=problem.tests))


async def test_humaneval(saved, tmp_path):
    (problem,) = read_problems(saved(HUMANEVAL))
    statement = problem.statement
    assert (statement.id, statement.entry, problem.split, len(problem.tests)) == (
        "HumanEval/900",
        "double",
        "heldout",
        1,
    )
    assert "double(2)" in statement.text
    assert not problem.statement.is_program
    assert await why(problem, problem.reference) == []
    assert len(await why(problem, "    return x\n")) == 1
    async with examining() as examiner:
        right = await examiner.examine(problem.reference, statement, tests=statement.examples)
        wrong = await examiner.examine("    return x + x + 0\n", statement, tests=statement.examples)
    assert failures(right) == []
    assert 'double("a")' in failures(wrong)[0]
    packed = tmp_path / "file.jsonl.gz"
    packed.write_bytes(gzip.compress(saved(HUMANEVAL).read_bytes()))
    assert read_problems(packed) == [problem]


async def test_mbpp(saved, tmp_path):
    (problem,) = read_problems(saved(MBPP))
    assert problem.statement.id == "MBPP/700"
    assert (problem.statement.entry, problem.statement.classes) == ("chain_length", ("Node",))
    assert problem.statement.examples == (SourceTest("assert chain_length(root) == 2"),)
    assert "assert chain_length(root) == 2" in problem.statement.text
    assert "chain_length(None)" not in problem.statement.text
    assert len(problem.tests) == 4
    assert await why(problem, problem.reference) == []
    assert len(await why(problem, problem.reference.replace("1 +", "2 +"))) == 3
    listed = tmp_path / "sanitized.json"
    listed.write_text(
        json.dumps([{**{k: v for k, v in MBPP.items() if k != "text"}, "prompt": "Sanitized."}], indent=1)
    )
    assert read_problems(listed)[0].statement.text.startswith("Sanitized.")


async def test_mbpps_tests_have_their_modules_from_the_library_not_from_the_solution(saved):
    record = {
        **MBPP,
        "code": "import math, os\nfrom fractions import Fraction as F\ndef area(r): return math.pi * r * r",
        "test_list": ["assert math.isclose(area(1), 3.141592653589793, rel_tol=0.001)", "assert area(0) == F(0)"],
        **dict.fromkeys(("test_setup_code", "challenge_test_list", "test_imports"), ""),
    }
    (problem,) = read_problems(saved(record))
    assert problem.statement.names == ("area",)
    assert await why(problem, "def area(r): return 3.1416 * r * r") == []
    cheat = "class math:\n    isclose = lambda *a, **k: True\nF = lambda x: 9\ndef area(r): return 9"
    assert len(await why(problem, cheat)) == 2


@pytest.mark.parametrize(("number", "split"), [(1, "training"), (11, "heldout"), (510, "heldout"), (511, "validation"),
                                               (600, "validation"), (601, "training"), (974, "training")])  # fmt: skip
def test_mbpps_published_splits(saved, number, split):
    assert read_problems(saved({**MBPP, "task_id": number}))[0].split == split


async def test_apps_programs(saved):
    empty = {**APPS, "problem_id": 9, "input_output": ""}
    (problem,) = read_problems(saved(APPS, empty))
    assert problem.statement.id == "APPS/7"
    assert problem.statement.is_program
    assert problem.tests == (ProgramTest("1 2\n", "3\n", 1e-5), ProgramTest("3 4\n", "7", 1e-5))
    assert problem.statement.examples == problem.tests[:1]
    assert await why(problem, problem.reference) == []
    assert len(await why(problem, "print(3)")) == 1


async def test_apps_functions(saved):
    (problem,) = read_problems(saved(APPS_FUNCTION))
    assert problem.statement.entry == "halves"
    assert "class Solution" in problem.statement.text
    assert "OverflowError" in " ".join(await why(problem, problem.reference))
    assert await why(problem, "def halves(xs): return [x // 2 if x > 9 else x / 2 for x in xs]") == []
    assert len(await why(problem, "def halves(xs): return [1]")) == 3


async def test_livecodebench_programs(saved):
    (problem,) = read_problems(saved(LIVECODEBENCH))
    assert problem.statement.id == "LiveCodeBench/abc1_a"
    assert problem.tests == (ProgramTest("1 2\n", "3\n"), ProgramTest("3 4\n", "7\n"))
    assert problem.statement.examples == problem.tests[:1]
    assert await why(problem, "a, b = map(int, input().split())\nprint(a + b)") == []


async def test_livecodebench_functions_with_packed_tests(saved):
    (problem,) = read_problems(saved(LIVECODEBENCH_FUNCTION))
    assert (problem.statement.entry, len(problem.tests)) == ("keyed", 2)
    right = (
        "class Solution:\n    def keyed(self, xs: List[int], key: str) -> Dict[str, list]:\n        return {key: xs}"
    )
    assert await why(problem, right) == []
    assert len(await why(problem, right.replace("{key: xs}", "{key: xs[:1]}"))) == 2
    always = "class E:\n    def __eq__(self, o): return True\nclass Solution:\n    def keyed(self, *a): return E()"
    assert len(await why(problem, always)) == 2


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("run by a file of problems",)


def test_packed_tests_cannot_run_code(saved, capsys):
    packed = base64.b64encode(zlib.compress(pickle.dumps(Harmful()))).decode()
    with pytest.raises(ProblemFileError, match=r"file.jsonl:1: .*builtins.print"):
        read_problems(saved({**LIVECODEBENCH_FUNCTION, "private_test_cases": packed}))
    assert capsys.readouterr().out == ""


def test_packed_tests_cannot_fill_the_memory(saved, monkeypatch):
    monkeypatch.setattr("environments.code.formats.UNPACKED_BYTES", 5000)
    packed = base64.b64encode(zlib.compress(b"\0" * 5001)).decode()
    with pytest.raises(ProblemFileError, match="more than 5000 bytes"):
        read_problems(saved({**LIVECODEBENCH_FUNCTION, "private_test_cases": packed}))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{}"], "no known format .*HumanEval: canonical_solution"),
        ([], "no records; expected one JSON object"),
        (["[1"], "expected JSON"),
        (["3"], ":1: expected a JSON object, got '3'"),
        ([json.dumps(HUMANEVAL), '{"task_id": "x"}'], ":2: no HumanEval record: KeyError: 'prompt'"),
        ([json.dumps(HUMANEVAL), "", json.dumps(HUMANEVAL)], ":3: 'HumanEval/900' is there twice"),
        ([json.dumps({**MBPP, "code": "def ("})], ":1: no MBPP record: SyntaxError"),
        ([json.dumps({**MBPP, "code": "x: int"})], "its tests call nothing that its code defines"),
        ([json.dumps({**APPS, "input_output": '{"inputs": [1], "outputs": []}'})], ":1: no APPS record: ValueError"),
        ([json.dumps({**LIVECODEBENCH, "private_test_cases": "!!"})], ":1: no LiveCodeBench record"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_its_line(tmp_path, lines, message):
    path = tmp_path / "file.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ProblemFileError, match=message):
        read_problems(path)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(ProblemFileError, match="cannot be read"):
        read_problems(tmp_path / "absent.jsonl")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"{}" * 1000)[:20])
    with pytest.raises(ProblemFileError, match="cannot be read"):
        read_problems(tmp_path / "cut.gz")


def test_a_problem_without_tests_is_refused():
    with pytest.raises(ValueError, match="any answer would pass"):
        Problem(statement=Statement(id="a", text="b"), tests=())


# ---- the shipped problems


def test_a_dozen_problems_are_shipped_in_three_splits_and_five_levels():
    records = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    assert len(records) >= 12
    assert {record["level"] for record in records} == {1, 2, 3, 4, 5}
    problems = read_problems(SHIPPED)
    assert {problem.split for problem in problems} == {"training", "validation", "heldout"}
    assert len({problem.template for problem in problems}) == len(problems)
    for problem in problems:
        assert problem.statement.examples
        assert len(problem.tests) > len(problem.statement.examples)


def test_no_task_and_no_statement_holds_what_is_hidden():
    suite = Code()
    for task in suite.tasks():
        problem = suite.problems[task.id]
        shown = repr(task) + repr(problem.statement)
        hidden = [test for test in problem.tests if test not in problem.statement.examples]
        assert problem.reference.strip() not in shown
        assert [test for test in hidden if test.source in shown] == []


async def test_every_shipped_reference_passes_and_every_empty_body_fails():
    suite = Code()
    async with examining() as examiner:
        for problem in suite.problems.values():
            statement = problem.statement
            found = await examiner.examine(problem.reference, statement, tests=problem.tests)
            assert (statement.id, failures(found)) == (statement.id, [])
            empty = await examiner.examine("    pass\n", statement, tests=statement.examples)
            assert not all(outcome.passed for outcome in empty)
