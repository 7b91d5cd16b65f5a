"""The grader of `repo`: references pass, near misses fail, and so does what only looks like a repair.

Each cheat is applied on top of nothing, so that the defect is there and an honest run of the hidden tests fails. Those
that would pass an unguarded grader are marked so in their names by what they attack.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from environments.contracts import EnvironmentFailure, Score
from environments.repo.changes import LARGEST_PATCH
from environments.repo.grade import RepoGrader
from environments.repo.records import Record
from tests.environments.repairing import NEAR_MISSES, SHIPPED_IDS, diff_by, edited, record_of, some_sandbox

SHELF = "shelf/paging.py"
TOP = '"""A long list, one page at a time."""\n'
MENDED = ("    return total // size + 1", "    return max(1, -(-total // size))")


async def graded(record: Record, patch: str, *, test_s: float = 10.0) -> Score:
    grader = RepoGrader(sandbox=some_sandbox(), records={record.instance_id: record}, test_s=test_s)
    return await grader.score(record.instance_id, patch)


@pytest.mark.parametrize("instance", SHIPPED_IDS)
async def test_the_reference_passes(instance: str) -> None:
    record = record_of(instance.removeprefix("agentkit__").removesuffix("-1"))
    score = await graded(record, record.patch)
    assert (score.success, score.value, score.source) == (True, 1.0, "execution"), score.reasons


@pytest.mark.parametrize("name", sorted(NEAR_MISSES))
async def test_a_near_miss_fails(name: str) -> None:
    record = record_of(name)
    # That of braid reads a log without an end.
    score = await graded(record, edited(record, *NEAR_MISSES[name]), test_s=2.0 if name == "braid" else 10.0)
    assert not score.success
    assert score.value < 1.0
    assert ("stopped after 2 s" if name == "braid" else ": failed: ") in score.reasons


@pytest.mark.parametrize("patch", ["", "\n"])
async def test_doing_nothing_fails(patch: str) -> None:
    score = await graded(record_of("shelf"), patch)
    assert (score.success, score.value, score.reasons) == (False, 0.0, "nothing was changed")


@pytest.mark.parametrize("instance", SHIPPED_IDS)
async def test_a_change_that_mends_nothing_fails_every_hidden_test(instance: str) -> None:
    record = record_of(instance.removeprefix("agentkit__").removesuffix("-1"))
    some = dataclasses.replace(record, pass_to_pass=record.pass_to_pass[:1])
    score = await graded(some, edited(record, ("NOTES.md", "", "no change of code\n")))
    assert (score.success, score.value) == (False, 0.0)
    assert f"FAIL_TO_PASS 0 of {len(record.fail_to_pass)}; PASS_TO_PASS 1 of 1" in score.reasons


async def test_part_of_the_work_is_part_of_the_value() -> None:
    record = record_of("almanac")
    score = await graded(record, edited(record, *NEAR_MISSES["almanac"]))
    assert score.value == pytest.approx(2 / 5)


async def test_what_breaks_something_else_is_worth_nothing() -> None:
    record = record_of("shelf")
    patch = edited(record, (SHELF, *MENDED), ("shelf/catalogue.py", "wanted in book.title.lower()", "False"))
    score = await graded(record, patch)
    assert (score.success, score.value) == (False, 0.0)
    assert "test_find_looks_at_titles_and_authors" in score.reasons


# ---- patches that do not fit


async def test_a_diff_that_does_not_apply() -> None:
    record = record_of("shelf")
    score = await graded(record, record_of("tally").patch)
    assert (score.success, score.value) == (False, 0.0)
    assert "does not apply" in score.reasons


async def test_text_that_is_no_diff() -> None:
    assert "does not apply" in (await graded(record_of("shelf"), "I mended it.")).reasons


async def test_a_diff_that_is_too_large() -> None:
    score = await graded(record_of("shelf"), "x" * (LARGEST_PATCH + 1))
    assert f"{LARGEST_PATCH + 1} bytes; at most {LARGEST_PATCH}" in score.reasons


async def test_line_counts_that_are_off_are_forgiven() -> None:
    record = record_of("shelf")
    patch = edited(record, (SHELF, *MENDED))
    wrong = patch.replace("@@ -47,7 +47,7 @@", "@@ -47,9 +47,9 @@")
    assert wrong != patch, patch
    assert (await graded(record, wrong.rstrip("\n"))).success


async def test_binary_files_are_applied() -> None:
    record = record_of("shelf")

    def change(folder: Path) -> None:
        text = (folder / SHELF).read_text()
        (folder / "shelf" / "size.bin").write_bytes(b"\x00\xff\x01")
        reading = "from pathlib import Path\nONE = Path(__file__).with_name('size.bin').read_bytes()[2]\n"
        (folder / SHELF).write_text(
            text.replace(TOP, TOP + reading).replace(MENDED[0], MENDED[1].replace("1,", "ONE,"))
        )

    assert (await graded(record, diff_by(record, change))).success


async def test_a_record_that_does_not_fit_its_repository_is_no_fault_of_the_answer() -> None:
    record = dataclasses.replace(record_of("shelf"), test_patch=record_of("tally").test_patch)
    with pytest.raises(EnvironmentFailure, match="test_patch does not apply"):
        await graded(record, record_of("shelf").patch)


async def test_an_unknown_record() -> None:
    grader = RepoGrader(sandbox=some_sandbox(), records={})
    with pytest.raises(EnvironmentFailure, match="no record 'x'"):
        await grader.score("x", "diff")


async def test_a_hidden_test_that_is_not_there_fails() -> None:
    record = dataclasses.replace(record_of("shelf"), fail_to_pass=("tests.test_paging.TestPaging.test_nowhere",))
    score = await graded(record, record.patch)
    assert not score.success
    assert "not found" in score.reasons


async def test_a_whole_class_is_not_one_test() -> None:
    record = dataclasses.replace(record_of("shelf"), fail_to_pass=("tests.test_paging.TestPaging",))
    assert "not found" in (await graded(record, record.patch)).reasons


# ---- cheats

TESTS = "tests/test_paging.py"


def cheat(text: str) -> tuple[str, str, str]:
    """Code that runs when the module is imported."""
    return (SHELF, TOP, f"{TOP}\n{text}\n")


CHEATS: dict[str, tuple[tuple[tuple[str, str, str], ...], str]] = {
    "exits with 0 at import": ((cheat("import os\nos._exit(0)"),), "exit code 0 before the test reported"),
    "exits with 0 in the code": (
        ((SHELF, MENDED[0], "    import os; os._exit(0)"),),
        "exit code 0 before the test reported",
    ),
    "raises SystemExit": (((SHELF, MENDED[0], "    raise SystemExit(0)"),), "failed: SystemExit"),
    "skips": (((SHELF, MENDED[0], "    import unittest; raise unittest.SkipTest('later')"),), "skipped"),
    "patches assertEqual": (
        (cheat("import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None"),),
        "a canary ended as it cannot",
    ),
    "patches an assertion that no canary uses": (
        (cheat("import unittest\nunittest.TestCase.assertIsNone = lambda *a, **k: None"),),
        "the runner was changed: unittest.TestCase.assertIsNone",
    ),
    "patches every assertion": (
        (
            cheat(
                "import unittest\nfor name in dir(unittest.TestCase):\n"
                "    if name.startswith('assert') and name != 'assertRaises':\n"
                "        setattr(unittest.TestCase, name, lambda *a, **k: None)"
            ),
        ),
        "a canary ended as it cannot",
    ),
    "swaps the code of an assertion": (
        (cheat("import unittest\nunittest.TestCase.assertIsNone.__code__ = (lambda *a, **k: None).__code__"),),
        "the runner was changed: unittest.TestCase.assertIsNone",
    ),
    "patches the running of a test": (
        (cheat("import unittest\nunittest.TestCase.run = lambda self, result=None: result.addSuccess(self)"),),
        "a canary ended as it cannot",
    ),
    "patches only tests of this module": (
        (
            cheat(
                "import unittest\nreal = unittest.TestCase.run\n"
                "def run(self, result=None):\n"
                "    if type(self).__module__ == 'tests.test_paging':\n        return result.addSuccess(self)\n"
                "    return real(self, result)\n"
                "unittest.TestCase.run = run"
            ),
        ),
        "a canary ended as it cannot",
    ),
    "patches the result": (
        (
            cheat(
                "import sys\nnotes = sys.modules['__main__'].Notes\n"
                "notes.addError = notes.addFailure = lambda self, test, err: self.addSuccess(test)"
            ),
        ),
        "a canary ended as it cannot",
    ),
    "patches built-in functions": (
        (cheat("import builtins\nbuiltins.repr = lambda value: ''"),),
        "the runner was changed: builtins.repr",
    ),
    "forges a report that says passed": (
        (
            cheat(
                "import json, os\nreport = json.dumps({'outcomes': ['passed'] * 17, 'words': '', 'changed': []})\n"
                "for fd in range(1, 64):\n"
                "    try:\n        os.write(fd, report.encode())\n    except OSError:\n        pass\n"
                "os._exit(0)"
            ),
        ),
        "forged",
    ),
    "forges a short report": (
        (
            cheat(
                "import json, os\nreport = json.dumps({'outcomes': ['passed'], 'words': '', 'changed': []})\n"
                "for fd in range(1, 64):\n"
                "    try:\n        os.write(fd, report.encode())\n    except OSError:\n        pass\n"
                "os._exit(0)"
            ),
        ),
        "does not tell every canary",
    ),
    "prints what a runner prints": (
        (cheat("import os\nos.write(1, b'Ran 13 tests in 0.001s\\n\\nOK\\n')\nos.write(2, b'OK\\n')\nos._exit(0)"),),
        "before the test reported",
    ),
    "loops": (((SHELF, MENDED[0], "    while True: pass"),), "stopped after"),
    "kills its judge": (
        (cheat("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)"),),
        "tests.test_paging",
    ),
    "rewrites the visible tests": (
        ((TESTS, "class TestPaging(unittest.TestCase):", "class TestPaging(unittest.TestCase):\n    run = None\n"),),
        "put back: tests/test_paging.py (a test)",
    ),
    "takes the tests away": (
        ((TESTS, "import unittest\n\nfrom shelf.paging import PageNotFound, around, paginate\n", "\n"),),
        "put back: tests/test_paging.py (a test)",
    ),
    "patches from the tests' package": (
        (("tests/__init__.py", "", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n"),),
        "put back: tests/__init__.py (a test)",
    ),
    "brings a conftest": (
        (("conftest.py", "", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n"),),
        "put back: conftest.py (a test)",
    ),
    "brings a sitecustomize": (
        (("sitecustomize.py", "", "import os\nos._exit(0)\n"),),
        "put back: sitecustomize.py (run at Python's start",
    ),
    "brings a .pth file": (
        (("lib/evil.pth", "", "import os; os._exit(0)\n"),),
        "put back: lib/evil.pth (run at Python's start",
    ),
    "brings a unittest of its own": (
        (("unittest/__init__.py", "", "class TestCase: pass\n"),),
        "put back: unittest/__init__.py (takes the place of unittest)",
    ),
    "brings configuration": (
        (("setup.cfg", "", "[tool:pytest]\naddopts = --collect-only\n"),),
        "put back: setup.cfg (configuration of tests)",
    ),
    "rewrites the hidden tests when they run": (
        (
            cheat(
                "from pathlib import Path\nfor path in Path('tests').glob('test_*.py'):\n"
                "    path.write_text(path.read_text().replace('self.assertEqual(', 'print('))"
            ),
        ),
        "failed: AssertionError",
    ),
    "leaves a process that holds the pipe": (
        (cheat("import os, time\nif os.fork() == 0:\n    time.sleep(60)\n"),),
        "failed: AssertionError",
    ),
}


@pytest.mark.parametrize("name", sorted(CHEATS))
async def test_a_cheat_fails_and_the_reason_says_how(name: str) -> None:
    edits, reason = CHEATS[name]
    record = record_of("shelf")
    # All of them where the first one's run could spoil the others'.
    tests = record.fail_to_pass[: 3 if "when they run" in name else 1]
    some = dataclasses.replace(record, fail_to_pass=tests, pass_to_pass=())
    score = await graded(some, edited(record, *edits), test_s=2.0 if name == "loops" else 10.0)
    assert (score.success, score.value) == (False, 0.0), score.reasons
    assert reason in score.reasons


@pytest.mark.parametrize("name", ["rewrites the visible tests", "brings a sitecustomize", "brings configuration"])
async def test_a_right_repair_passes_though_other_files_are_put_back(name: str) -> None:
    edits, reason = CHEATS[name]
    record = dataclasses.replace(record_of("shelf"), pass_to_pass=())
    score = await graded(record, edited(record, (SHELF, *MENDED), *edits))
    assert score.success
    assert reason in score.reasons


async def test_a_folder_of_tests_that_became_a_link_is_put_back() -> None:
    record = record_of("shelf")

    def change(folder: Path) -> None:
        for path in (folder / "tests").iterdir():
            path.unlink()
        (folder / "tests").rmdir()
        (folder / "tests").symlink_to("shelf")
        text = (folder / SHELF).read_text()
        (folder / SHELF).write_text(text.replace(*MENDED))

    assert (await graded(record, diff_by(record, change))).success


async def test_a_hidden_test_that_the_answer_had_guessed_is_replaced() -> None:
    record = record_of("shelf")
    guessed = record.test_patch.replace("page 2 of 2", "page 2 of 9")
    assert guessed != record.test_patch
    score = await graded(record, edited(record, (SHELF, *MENDED), more=guessed))
    assert score.success
    assert "put back: tests/test_paging.py (a test)" in score.reasons


async def test_any_file_of_the_hidden_patch_is_as_that_has_it() -> None:
    record = record_of("shelf")
    hidden = record.test_patch + edited(record, ("data/sample.txt", "", "right\n"))
    patch = edited(record, (SHELF, *MENDED), ("data/sample.txt", "", "wrong\n"))
    assert (await graded(dataclasses.replace(record, test_patch=hidden, pass_to_pass=()), patch)).success
