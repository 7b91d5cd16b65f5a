"""Runs inside, in a process of its own: one hidden test, among canaries, and a report through a pipe.

Canaries are tests of which the judge knows how they must end. They bear the hidden test's class and module names, run
in the same process by the same runner, and some must fail: a runner that was patched to let tests pass lets those pass.
Functions of the runner and built-in ones are compared with what they were before the repository's code was imported.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
import tempfile
import types
import unittest
import unittest.async_case
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

# Read before any code of the repository runs, as that could put something else in their place.
write, dumps, leave = os.write, json.dumps, os._exit
WATCHED = ("unittest", "pytest", "_pytest", "pluggy")
MOST = 500

Functions = dict[str, tuple[Any, Any]]
"""By name: the function and its code."""
Ran = tuple[list[str], str, list[str]]
"""How each test ended in the order of the specification, what failed in words, and which functions had changed."""


def main() -> None:
    spec = json.load(sys.stdin)
    sys.path[:] = [entry for entry in (*sys.path, *spec["path"]) if entry]
    trials: dict[str, Callable[[dict[str, Any]], Ran]] = {"unittest": run_unittest, "pytest": run_pytest}
    trial = trials[spec["runner"]]
    os.chdir(spec["root"])
    outcomes, words, changes = trial(spec)
    report = {"outcomes": outcomes, "words": words[:MOST], "changed": changes}
    write(spec["pipe"], dumps(report).encode())
    leave(0)


# ---- what must not change


def functions() -> Functions:
    """Every function of the runner and of `builtins` by name, with its code."""
    found = {f"builtins.{name}": (value, None) for name, value in vars(builtins).items() if callable(value)}
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] in WATCHED and isinstance(module, types.ModuleType):
            for name, value in list(vars(module).items()):
                found.update(of_value(f"{module_name}.{name}", value))
    return found


def of_value(name: str, value: Any) -> Functions:
    if isinstance(value, types.FunctionType):
        return {name: (value, value.__code__)}
    if isinstance(value, type) and value.__module__.partition(".")[0] in WATCHED:
        methods = [(key, one) for key, one in vars(value).items() if isinstance(one, types.FunctionType)]
        return {f"{name}.{key}": (one, one.__code__) for key, one in methods}
    return {}


def changed(before: Functions) -> list[str]:
    now = functions()
    names = [name for name, (value, code) in before.items() if not same(now.get(name), value, code)]
    return sorted(names)[:5]


def same(found: tuple[Any, Any] | None, value: Any, code: Any) -> bool:
    return found is not None and found[0] is value and found[1] is code


# ---- unittest


class Notes(unittest.TestResult):
    """One word for how each test ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[str, str] = {}
        self.words: list[str] = []

    def end(self, test: Any, word: str, error: Any = None) -> None:
        if self.ends.get(test.id(), "passed") == "passed":
            self.ends[test.id()] = word
        if error is not None and not hasattr(test, "canary"):
            self.words.append(f"{error[0].__name__}: {error[1]}"[:MOST])

    def addSuccess(self, test: Any) -> None:
        self.end(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        self.end(test, "failed", err)

    def addFailure(self, test: Any, err: Any) -> None:
        self.end(test, "failed", err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.end(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.end(test, "failed as it was expected to")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.end(test, "passed though it was expected to fail")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.end(test, "failed", err)


def run_unittest(spec: dict[str, Any]) -> Ran:
    before = functions()
    sys.path.insert(0, spec["root"])
    hidden = list(flattened(unittest.TestLoader().loadTestsFromName(spec["test"])))
    if len(hidden) != 1 or hidden[0].id() != spec["test"]:
        found = "; ".join(str(getattr(one, "_exception", one)) for one in hidden)
        return ["not found"], f"{len(hidden)} tests: {found}", []
    tests = [canary_case(hidden[0], **one) for one in spec["canaries"]]
    tests.insert(spec["place"], hidden[0])
    notes = Notes()
    unittest.TestSuite(tests).run(notes)
    ends = [notes.ends.get(test.id(), "did not run") for test in tests]
    return ends, "; ".join(notes.words), changed(before)


def flattened(suite: Any) -> Iterator[Any]:
    if isinstance(suite, unittest.BaseTestSuite):
        for part in suite:
            yield from flattened(part)
    else:
        yield suite


def canary_case(beside: Any, *, name: str, kind: str, a: int, b: int) -> unittest.TestCase:
    """A test case that looks like `beside`, and passes exactly if `a` equals `b`."""
    arguments: dict[str, tuple[Any, ...]] = {
        "assertTrue": (a == b,),
        "assertIn": (a, [b]),
        "assertEqual": (a, b),
        "assertListEqual": ([a], [b]),
        "assertDictEqual": ({a: a}, {b: b}),
    }

    def body(self: unittest.TestCase) -> None:
        if kind == "assert":
            assert a == b
        elif kind == "raise":
            if a != b:
                raise RuntimeError(str(a))
        elif kind == "assertRaises":
            with getattr(self, kind)(ValueError):
                int("x" if a == b else "1")
        else:
            getattr(self, kind)(*arguments[kind])

    like = type(beside)
    members = {"__module__": like.__module__, "__qualname__": like.__qualname__, name: body, "canary": kind}
    case: unittest.TestCase = type(like.__name__, (unittest.TestCase,), members)(name)
    return case


# ---- pytest


class Reports:
    """A plug-in that keeps how each phase of each test ended."""

    def __init__(self, root: str, names: list[str]) -> None:
        self.root, self.names = root, names
        """The repository's folder, and the canaries."""
        self.before: Functions = {}
        self.changed = ["pytest did not end its session"]
        self.ends: dict[str, list[tuple[str, str]]] = {}
        self.words: list[str] = []

    def pytest_load_initial_conftests(self) -> None:
        # Other plug-ins are loaded by now and have changed what they change; of the repository, nothing is.
        self.before = functions()
        sys.path.insert(0, self.root)

    def pytest_sessionfinish(self) -> None:
        # Before plug-ins take back what they had changed.
        self.changed = changed(self.before)

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.rpartition("::")[2]
        test = name if name in self.names else report.nodeid
        self.ends.setdefault(test, []).append((report.when, report.outcome))
        if report.failed and test == report.nodeid:
            self.words.append(str(report.longrepr)[-MOST:])


def run_pytest(spec: dict[str, Any]) -> Ran:
    pytest = importlib.import_module("pytest")
    folder = Path(tempfile.mkdtemp())
    file = folder / f"test_{folder.name}.py"
    file.write_text("".join(canary_text(**one) for one in spec["canaries"]))
    names = [one["name"] for one in spec["canaries"]]
    tests, places = [*names], [f"{file}::{name}" for name in names]
    tests.insert(spec["place"], spec["test"])
    places.insert(spec["place"], spec["test"])
    reports = Reports(spec["root"], names)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={spec['root']}"]
    pytest.main([*options, *places], plugins=[reports])
    ends = [phases(reports.ends.get(test, [])) for test in tests]
    return ends, "; ".join(reports.words), reports.changed


def canary_text(*, name: str, kind: str, a: int, b: int) -> str:
    """A test function that passes exactly if `a` equals `b`; by `raise` where the kind is that."""
    body = (
        f"if {a} != {b}:\n        raise RuntimeError({a})"
        if kind in ("raise", "assertRaises")
        else f"assert {a} == {b}"
    )
    return f"def {name}():\n    {body}\n\n\n"


def phases(found: list[tuple[str, str]]) -> str:
    """One word for the phases of a test: set-up, call and tear-down."""
    if not found:
        return "did not run"
    worst = [outcome for _, outcome in found if outcome != "passed"]
    return worst[0] if worst else "passed" if ("call", "passed") in found else "did not run"


if __name__ == "__main__":
    main()
