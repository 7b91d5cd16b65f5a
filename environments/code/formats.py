"""Reads problems from JSON lines: as HumanEval, MBPP, APPS and LiveCodeBench publish them, and of this project's own.

Which of them a file is, its first record says. What each format means:

- HumanEval: `check(candidate)` is one test. What the prompt defines beside the function is there for the tests, too.
  The examples are those of the docstring that are written as a Python session.
- MBPP: each assertion is one test; the first is shown. Numbers of tasks give the published splits.
- APPS: pairs of input and output, for a program that reads stdin or a function; the first pair is shown. Printed
  decimal numbers may differ by 1e-5 of the expected one. Records without a pair are left out: any answer would pass.
- LiveCodeBench: the same, its public tests shown, its private ones packed or not. Numbers have to be equal.
- agentkit: see `problems.jsonl` beside this file.

The names that APPS and LiveCodeBench take for granted are imported before their solutions.
"""

from __future__ import annotations

import ast
import base64
import doctest
import gzip
import io
import json
import pickle
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from environments.code.problems import Problem, ProgramTest, SourceTest, Statement, Test
from environments.contracts import JSON, Split
from sandbox import AgentkitError

__all__ = ["FORMATS", "ProblemFileError", "read_problems", "read_records"]

Record = Mapping[str, JSON]
UNPACKED_BYTES = 2**28
"""What packed tests may grow to."""


class ProblemFileError(AgentkitError, ValueError):
    """A file of problems or answers that cannot be read; the message names the line and what was expected."""


def read_problems(path: Path) -> list[Problem]:
    """The problems of a file, in its order; `.gz` is unpacked.

    Raises:
        ProblemFileError: the file is in none of the formats, or a record lacks what its format needs.
    """
    records = read_records(path)
    if not records:
        raise ProblemFileError(f"{path}: no records; expected one JSON object in a line")
    name = next((name for name, (keys, _) in FORMATS.items() if keys <= records[0][1].keys()), None)
    if name is None:
        known = "; ".join(f"{name}: {', '.join(sorted(keys))}" for name, (keys, _) in FORMATS.items())
        raise ProblemFileError(f"{path}: the keys {', '.join(sorted(records[0][1]))} are of no known format ({known})")
    problems: dict[str, Problem] = {}
    for line, record in records:
        try:
            with _numbers_of_any_length():
                problem = FORMATS[name][1](record)
        except (KeyError, TypeError, ValueError, SyntaxError, EOFError, pickle.UnpicklingError, zlib.error) as error:
            raise ProblemFileError(f"{path}:{line}: no {name} record: {type(error).__name__}: {error}") from error
        if problem is None:
            continue
        if problem.statement.id in problems:
            raise ProblemFileError(f"{path}:{line}: {problem.statement.id!r} is there twice; ids must be unique")
        problems[problem.statement.id] = problem
    return list(problems.values())


def read_records(path: Path) -> list[tuple[int, Record]]:
    """The objects of a file of JSON lines, or of one JSON list, each with the number of its line or place.

    Raises:
        ProblemFileError: a line is no JSON object.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ProblemFileError(f"{path} cannot be read: {error}") from error
    if text.lstrip()[:1] == "[":
        numbered = [(place, json.dumps(record)) for place, record in enumerate(_parsed(text, f"{path}"), 1)]
    else:
        numbered = [(line, part) for line, part in enumerate(text.split("\n"), 1) if part.strip()]
    records = [(line, _parsed(part, f"{path}:{line}")) for line, part in numbered]
    for line, record in records:
        if not isinstance(record, dict):
            raise ProblemFileError(f"{path}:{line}: expected a JSON object, got {str(record)[:80]!r}")
    return records


def _parsed(text: str, where: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ProblemFileError(f"{where}: expected JSON, got {text[:80]!r}: {error}") from error


def _from_own(record: Record) -> Problem:
    statement = Statement(
        id=record["task_id"],
        text=_goal_of_function(record["prompt"], record["entry_point"]),
        entry=record["entry_point"],
        prompt=record["prompt"],
        names=tuple(dict.fromkeys([record["entry_point"], *record.get("classes", ())])),
        classes=tuple(record.get("classes", ())),
        examples=tuple(map(SourceTest, record["examples"])),
    )
    return Problem(
        statement=statement,
        tests=(*statement.examples, *map(SourceTest, record["tests"])),
        reference=record["solution"],
        template=record.get("template", ""),
        split=record["split"],
    )


def _from_humaneval(record: Record) -> Problem:
    statement = Statement(
        id=record["task_id"],
        text=_goal_of_function(record["prompt"], record["entry_point"]),
        entry=record["entry_point"],
        prompt=record["prompt"],
        examples=_examples_in(record["prompt"], record["entry_point"]),
    )
    check = SourceTest(record["test"] + "\n\ncheck(candidate)\n")
    return Problem(statement=statement, tests=(check,), reference=record["canonical_solution"])


def _from_mbpp(record: Record) -> Problem:
    tests = [*record["test_list"], *record.get("challenge_test_list", ())]
    setup = "\n".join([*record.get("test_imports", ()), record.get("test_setup_code") or ""])
    called = _names_in(setup + "\n" + "\n".join(tests))
    outline = _outline_of(record["code"], called)
    if not outline.names:
        raise ValueError("its tests call nothing that its code defines")
    shown = record["test_list"][0]
    text = record.get("text") or record["prompt"]
    statement = Statement(
        id=f"MBPP/{record['task_id']}",
        text=f"{text.strip()}\n\nThe solution is called as in this test:\n\n{shown}\n",
        entry=outline.names[0],
        names=outline.names,
        classes=outline.classes,
        setup="\n".join([*outline.imports, setup]),
        examples=(SourceTest(shown),),
    )
    splits: Sequence[tuple[int, Split]] = ((10, "training"), (510, "heldout"), (600, "validation"), (10**9, "training"))
    split = next(split for last, split in splits if int(record["task_id"]) <= last)
    return Problem(statement=statement, tests=tuple(map(SourceTest, tests)), reference=record["code"], split=split)


def _from_apps(record: Record) -> Problem | None:
    number = record["problem_id"] if "problem_id" in record else record["id"]
    pairs = _loaded(record["input_output"] or "{}")
    if not pairs.get("inputs"):
        return None
    name = pairs.get("fn_name") or ""
    tests: list[Test] = []
    for given, expected in zip(pairs["inputs"], pairs["outputs"], strict=True):
        if name:
            tests.append(_call_of(name, given, expected, wrapped=True))
        else:
            tests.append(ProgramTest(_as_text(given), _as_text(expected), tolerance=1e-5))
    solutions = _loaded(record.get("solutions") or "[]")
    return Problem(
        statement=_statement_of_pairs(f"APPS/{number}", record["question"], record, name, examples=tests[:1]),
        tests=tuple(tests),
        reference=solutions[0] if solutions else "",
    )


def _from_livecodebench(record: Record) -> Problem:
    name = _loaded(record.get("metadata") or "{}").get("func_name") or ""
    public = [_livecodebench_test(name, pair) for pair in _loaded(record["public_test_cases"])]
    private = [_livecodebench_test(name, pair) for pair in _unpacked(record["private_test_cases"])]
    text = f"{record['question_title']}\n\n{record['question_content']}"
    return Problem(
        statement=_statement_of_pairs(f"LiveCodeBench/{record['question_id']}", text, record, name, examples=public),
        tests=(*public, *private),
    )


FORMATS: Mapping[str, tuple[frozenset[str], Callable[[Record], Problem | None]]] = {
    "agentkit": (frozenset({"task_id", "prompt", "entry_point", "examples", "tests", "solution", "split"}), _from_own),
    "HumanEval": (
        frozenset({"task_id", "prompt", "entry_point", "canonical_solution", "test"}),
        _from_humaneval,
    ),
    "MBPP": (frozenset({"task_id", "code", "test_list"}), _from_mbpp),
    "APPS": (frozenset({"question", "input_output"}), _from_apps),
    "LiveCodeBench": (
        frozenset({"question_id", "question_content", "public_test_cases", "private_test_cases"}),
        _from_livecodebench,
    ),
}
"""Name -> the keys of its records, and what reads one."""


def _goal_of_function(prompt: str, entry: str) -> str:
    return f"Complete the Python function `{entry}`:\n\n{prompt.strip()}\n"


def _examples_in(prompt: str, entry: str) -> tuple[Test, ...]:
    """The Python session in the function's docstring, as one test; none where there is none or it cannot be read."""
    try:
        body = ast.parse(prompt).body
        function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == entry)
        text = ast.get_docstring(function) or ""
        examples = doctest.DocTestParser().get_examples(text)
    except (SyntaxError, StopIteration, ValueError):
        return ()
    return (SourceTest(SESSION % repr(text)),) if examples else ()


def _statement_of_pairs(id: str, text: str, record: Record, name: str, *, examples: Sequence[Test]) -> Statement:
    starter = record.get("starter_code") or ""
    head = f"\n\nGo on from:\n\n{starter.strip()}\n" if starter.strip() else ""
    how = f"Write the function `{name}`." if name else "Write a program that reads stdin and prints the answer."
    return Statement(
        id=id,
        text=f"{text.strip()}{head}\n\n{how}\n",
        entry=name,
        names=(name, "Solution"),
        prelude=TAKEN_FOR_GRANTED,
        setup=AGREES if name else "",
        examples=tuple(examples),
    )


def _livecodebench_test(name: str, pair: Record) -> Test:
    if pair.get("testtype") != "functional":
        return ProgramTest(pair["input"], pair["output"])
    given = [json.loads(line) for line in pair["input"].split("\n") if line.strip()]
    return _call_of(name, given, json.loads(pair["output"]), wrapped=False)


def _call_of(name: str, given: JSON, expected: JSON, *, wrapped: bool) -> Test:
    """A call of a function, or of the method of a class `Solution`, with JSON; see `AGREES`."""
    values = f"_arguments, _expected = json.loads({json.dumps([given, expected])!r})"
    function = f'_function = Solution().{name} if "Solution" in globals() else {name}'
    return SourceTest(f"{values}\n{function}\nassert agrees(_function(*_arguments), _expected, wrapped={wrapped})\n")


def _loaded(value: JSON) -> JSON:
    return json.loads(value) if isinstance(value, str) else value


def _as_text(value: JSON) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


class _TextOnly(pickle.Unpickler):
    """Unpickles text and numbers; a file of problems must not be able to run code."""

    def find_class(self, module: str, name: str) -> None:
        raise pickle.UnpicklingError(f"packed tests hold {module}.{name}; expected text")


def _unpacked(text: JSON) -> JSON:
    """LiveCodeBench's private tests: a list, JSON, or JSON that was pickled, compressed and written in base 64."""
    if not isinstance(text, str) or text.lstrip()[:1] == "[":
        return _loaded(text)
    expander = zlib.decompressobj()
    data = expander.decompress(base64.b64decode(text), UNPACKED_BYTES)
    if expander.unconsumed_tail:
        raise ValueError(f"packed tests of more than {UNPACKED_BYTES} bytes")
    return _loaded(_TextOnly(io.BytesIO(data)).load())


@contextmanager
def _numbers_of_any_length() -> Iterator[None]:
    """Some of APPS's numbers have more digits than Python reads by default."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


def _names_in(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


class Outline(NamedTuple):
    """What tests need of a program, which they call."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    imports: tuple[str, ...]
    """Of what the tests use without importing it themselves. They have it from the library, not from the solution."""


def _outline_of(source: str, called: set[str]) -> Outline:
    """What a program defines and imports at its top level, as far as it is called; functions first."""
    functions, classes, imports = [], [], []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            functions.append(node.name)
        elif isinstance(node, ast.Assign):
            functions += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.ClassDef):
            classes.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            imports += [ast.unparse(node)] if bound & called or "*" in bound else []
    classes = [name for name in classes if name in called]
    names = [name for name in functions if name in called] + classes
    return Outline(tuple(dict.fromkeys(names)), tuple(classes), tuple(imports))


# Runs the session in a docstring where `%s` is the source that holds it.
SESSION = """
import doctest
_session = doctest.DocTestParser().get_doctest(%s, globals(), "example", None, 0)
_said = []
_results = doctest.DocTestRunner(verbose=False).run(_session, out=_said.append)
assert not _results.failed, "".join(_said)
"""

# JSON knows neither tuples nor keys that are no texts; APPS wraps many an expected value in a list.
AGREES = """
import json, sys
getattr(sys, "set_int_max_str_digits", id)(0)

def agrees(value, expected, *, wrapped):
    def as_json(value):
        if isinstance(value, (list, tuple)):
            return [as_json(item) for item in value]
        if isinstance(value, dict):
            return {str(key): as_json(item) for key, item in value.items()}
        return value
    value, expected = as_json(value), as_json(expected)
    return value == expected or (wrapped and isinstance(expected, list) and len(expected) == 1 and value == expected[0])
"""

TAKEN_FOR_GRANTED = """
import bisect, collections, copy, datetime, functools, heapq, itertools, json, math, operator, random, re, statistics
import string, sys, time
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *
from builtins import *
"""
