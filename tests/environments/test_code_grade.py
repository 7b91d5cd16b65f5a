"""Solutions that want to be passed without being right, in real sandboxes; and limits, reasons and scores."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from environments.code.grade import PATIENCE, Outcome, score_of
from environments.code.outputs import same_output
from environments.code.problems import ProgramTest, SourceTest, Statement
from tests.environments.coding import examining, failures, outcomes

TEST = """
METADATA = {}

def check(candidate):
    assert candidate(2) == 4
    assert candidate(3) == 9

check(candidate)
"""
RIGHT = "def f(x): return x * x"

FILE = Path(__file__).parent.parent / "fixtures" / "code" / "attacks.txt"
ATTACKS = dict(re.findall(r"^==== (.*)\n((?:(?!====).*\n)*)", FILE.read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def verdicts() -> dict[str, list[Outcome]]:
    """The verdict on each attack; all are examined by one examiner, two at a time, as graders do."""

    async def judge() -> dict[str, list[Outcome]]:
        found: dict[str, list[Outcome]] = {}
        places = asyncio.Semaphore(2)
        statement = Statement(id="t", text="", entry="f")

        async with examining() as examiner:

            async def one(name: str, text: str) -> None:
                async with places:
                    found[name] = await examiner.examine(text, statement, tests=[SourceTest(TEST)])

            async with asyncio.TaskGroup() as group:
                for name, text in {**ATTACKS, "is right": RIGHT}.items():
                    group.create_task(one(name, text))
        return found

    return asyncio.run(judge())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_solution_does_not_pass_that(verdicts, name):
    (outcome,) = verdicts[name]
    assert not outcome.passed
    assert outcome.why


def test_a_right_solution_passes_among_the_attacks(verdicts):
    assert len(verdicts) == 30
    assert verdicts["is right"] == [Outcome(True)]


FORKS = """
import os
def f(x):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
THREADS = """
import threading, time
def f(x):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 0
"""
HUNGRY = {
    "loops forever": ("def f(x):\n    while True: pass", "time"),
    "loops forever while it is loaded": ("while True: pass", "time"),
    "sleeps": ("import time\ndef f(x): time.sleep(60)", "time"),
    "is a fork bomb": (FORKS, ""),
    "takes all memory": ("def f(x):\n    a = []\n    while True: a.append(bytearray(10**7))", ""),
    "never stops giving": ("def f(x):\n    while True:\n        yield x", "stopped"),
    "never stops printing": ("import os\ndef f(x):\n    while True: os.write(1, b'x' * 65536)", ""),
    "starts threads that stay": (THREADS, "AssertionError"),
}


@pytest.mark.parametrize("name", HUNGRY)
async def test_what_takes_too_much_is_ended_and_fails(name):
    text, word = HUNGRY[name]
    test = "assert list(candidate(2)) == [4]" if "giving" in name else TEST
    started = time.monotonic()
    (outcome,) = await outcomes(text, test, limit_s=1.5)
    assert not outcome.passed
    assert word in outcome.why
    assert time.monotonic() - started < 15


async def test_threads_that_stay_do_not_spoil_a_right_answer_nor_delay_it():
    text = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n" + RIGHT
    started = time.monotonic()
    found = await outcomes(text, TEST, TEST)
    assert failures(found) == []
    assert time.monotonic() - started < 8


async def test_what_a_right_solution_prints_is_nobodys_business():
    text = "print('x' * 10**7)\ndef f(x):\n    print('y' * 10**7)\n    return x * x"
    assert failures(await outcomes(text, TEST)) == []


async def test_each_test_begins_with_a_fresh_solution():
    text = "count = []\ndef f(x):\n    count.append(x)\n    return len(count)"
    assert failures(await outcomes(text, *["assert candidate(0) == 1"] * 3)) == []


async def test_one_test_that_fails_does_not_fail_the_others():
    tests = ["assert candidate(2) == 4", "assert candidate(2) == 5", "raise KeyError", "assert candidate(3) == 9"]
    found = await outcomes(RIGHT, *tests)
    assert [outcome.passed for outcome in found] == [True, False, False, True]
    assert "assert candidate(2) == 5" in found[1].why
    assert "KeyError" in found[2].why


async def test_a_dead_sandbox_fails_its_test_and_the_next_one_has_another():
    text = "import os\ndef f(x):\n    if x == 3: os._exit(3)\n    return x * x"
    found = await outcomes(text, "assert candidate(2) == 4", "assert candidate(3) == 9", "assert candidate(4) == 16")
    assert [outcome.passed for outcome in found] == [True, False, True]
    assert "exit code 3" in found[1].why


async def test_after_some_tests_ran_into_a_limit_the_others_are_not_run():
    started = time.monotonic()
    found = await outcomes("def f(x):\n    while True: pass", *["candidate(1)"] * 20, limit_s=0.5)
    assert len(found) == 20
    assert not any(outcome.passed for outcome in found)
    assert sum("not run" in outcome.why for outcome in found) == 20 - PATIENCE
    assert time.monotonic() - started < 20


async def test_a_test_that_hangs_or_dies_by_itself_is_no_success():
    found = await outcomes(RIGHT, "while True: pass", "import os\nos._exit(0)", "assert candidate(2) == 4", limit_s=0.5)
    assert [outcome.passed for outcome in found] == [False, False, True]
    assert "the test was stopped" in found[0].why
    assert "could not be run" in found[1].why


async def test_the_solution_gone_in_the_middle_fails_even_where_the_test_catches_everything():
    test = "try:\n    candidate(1)\nexcept BaseException:\n    pass"
    (outcome,) = await outcomes("import os\ndef f(x): os._exit(0)", test)
    assert not outcome.passed
    assert "the solution ended by itself" in outcome.why


# ---- programs

ECHO = "for line in open(0):\n    print(sum(map(int, line.split())))\n"


async def judged(text: str, *tests: ProgramTest, **statement: object) -> list[Outcome]:
    asked = Statement(**{"id": "p", "text": "", **statement})  # type: ignore[arg-type]
    async with examining() as examiner:
        return await examiner.examine(text, asked, tests=tests)


async def test_a_program_is_judged_by_what_it_prints():
    found = await judged(ECHO, ProgramTest("1 2\n3 4\n", "3\n7\n"), ProgramTest("1 2", "4"), ProgramTest("", ""))
    assert [outcome.passed for outcome in found] == [True, False, True]
    assert "printed '3\\n', expected '4'" in found[1].why


async def test_a_program_that_fails_loops_or_says_nothing_does_not_pass():
    wrong = ProgramTest("1\n", "1\n")
    for text, word in [
        ("print(1)\nraise SystemExit(2)", "exit code 2"),
        ("1 / 0", "ZeroDivisionError"),
        ("", "expected"),
        ("import os\nprint('{\"passed\": true}')\nos._exit(0)", "expected"),
        ("print(1)\nwhile True: pass", "stopped"),
    ]:
        (outcome,) = await judged(text, wrong, limit_s=1.0)
        assert not outcome.passed
        assert word in outcome.why


async def test_a_programs_main_part_runs_and_its_prelude_is_there():
    text = "def main():\n    print(sqrt(int(input())))\nif __name__ == '__main__':\n    main()"
    assert failures(await judged(text, ProgramTest("9", "3.0"), prelude="from math import *")) == []
    future = "from __future__ import annotations\nprint(input())"
    assert failures(await judged(future, ProgramTest("a", "a"), prelude="import math")) == []


async def test_a_program_that_spoils_its_folder_fails_its_next_test_and_no_more():
    text = "import os\nprint(input())\nos.remove('solution.py')\nos.mkdir('solution.py')\nopen('solution.py/x', 'w')"
    found = await judged(text, ProgramTest("a", "a"), ProgramTest("b", "b"))
    assert [outcome.passed for outcome in found] == [True, False]
    assert "could not be written" in found[1].why


async def test_texts_that_are_no_unicode_are_judged_like_others():
    assert failures(await judged("print(len(input())) # \ud800", ProgramTest("\ud800", "1"))) == []
    halves = "def f(x): return '\\ud800' + x"
    assert failures(await outcomes(halves, "assert candidate('\\udfff') == '\\ud800\\udfff'")) == []
    assert "UnicodeEncodeError" in failures(await outcomes("def f(x): return '\ud800'", "candidate(1)"))[0]


@pytest.mark.parametrize(
    ("printed", "expected", "tolerance", "same"),
    [
        ("1\n2\n", "1\n2", 0, True), ("1 \n2\n\n", "1\n2", 0, True), ("1\n\n2", "1\n2", 0, False), ("", "", 0, True),
        ("1 2", "1  2", 0, True), ("a b", "ab", 0, False), ("1.50", "1.5", 0, True), ("1e2", "100", 0, True),
        ("0.30000000000000004", "0.3", 0, False), ("0.30000000000000004", "0.3", 1e-5, True), ("3", "4", 1e-1, False),
        ("3.1", "3", 1e-1, False), ("99999", "100000.0", 1e-5, True), ("99998", "100000.0", 1e-5, False),
        ("nan", "nan", 0, True), ("nan", "1.0", 1, False), ("inf", "1.0", 1, False), ("1_0", "10", 0, False),
        ("YES", "yes", 0, False), ("1\r\n2\r\n", "1\n2\n", 0, True), ("٣", "3", 0, False), ("1e99999", "1.0", 1, False),
        ("1e9999", "2e9999", 0, False),
    ],
)  # fmt: skip
def test_output_is_compared_by_lines_words_and_numbers(printed, expected, tolerance, same):
    assert same_output(printed, expected, tolerance=tolerance) is same


# ---- scores


def test_the_score_is_the_share_and_success_is_all():
    good, bad = Outcome(True), Outcome(False, "off by one")
    assert score_of([good, good]).success
    score = score_of([good, bad, bad, good])
    assert (score.value, score.success, score.source) == (0.5, False, "execution")
    assert score.reasons == "2 of 4 tests passed: off by one"
    assert score_of([good, bad], tell=False).reasons == "1 of 2 tests passed"
    slow = Outcome(False, "stopped", limited=True)
    assert score_of([slow, bad], tell=False).reasons == "0 of 2 tests passed; some ran into a limit"


async def test_desks_are_used_again_and_closed():
    async with examining() as examiner:
        statement = Statement(id="t", text="", entry="f")
        for _ in range(3):
            assert failures(await examiner.examine(RIGHT, statement, tests=[SourceTest(TEST)])) == []
        assert len(examiner._desks) == 1
        desk = examiner._desks[0]
        await examiner.close()
        with pytest.raises(Exception, match="closed"):
            await desk.python("1")
