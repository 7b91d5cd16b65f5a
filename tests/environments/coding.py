"""Both sides of the border between a solution and its test, and the sandbox that the tests of the code suite use."""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from environments.code.grade import Examiner, Outcome
from environments.code.inside.sides import answer_for_solution, run_test
from environments.code.problems import SourceTest, Statement
from sandbox.contracts import Sandbox, SandboxUnavailable

PATIENCE_S = 20


def meet(
    text: str,
    test: str,
    *,
    entry: str = "f",
    prompt: str = "",
    prelude: str = "",
    setup: str = "",
    classes: Sequence[str] = (),
    also: Sequence[str] = (),
    overhear: Callable[[str], object] = str,
) -> dict[str, Any]:
    """Run a test against a solution, each side in a thread of this process: what crosses is what crosses elsewhere.

    `also` are names that the test takes from the solution besides; `overhear` is given what the test's side says.
    """
    to_test: queue.Queue[str] = queue.Queue()
    to_solution: queue.Queue[str] = queue.Queue()

    def side(inbox: queue.Queue[str], outbox: queue.Queue[str]) -> Callable[[str], str]:
        def exchange(message: str) -> str:
            if message:
                outbox.put(message)
            return inbox.get(timeout=PATIENCE_S)

        return exchange

    def answer() -> None:
        exchange = side(to_solution, to_test)
        answer_for_solution(exchange, text=text, prelude=prelude, prompt=prompt, entry=entry)

    solution = threading.Thread(target=answer, daemon=True)
    solution.start()
    speak = side(to_test, to_solution)

    def heard(message: str) -> str:
        overhear(message)
        return speak(message)

    names = (entry, *(name for name in (*classes, *also) if name != entry))
    report = run_test(heard, test=test, names=names, classes=classes, prompt=prompt, setup=setup)
    to_solution.put("")
    solution.join(PATIENCE_S)
    return report


def passes(text: str, test: str, **more: Any) -> bool:
    """Whether the test passes; what it says otherwise is shown where an assertion on this fails."""
    report = meet(text, test, **more)
    print(report["why"])
    return bool(report["passed"])


def why(text: str, test: str, **more: Any) -> str:
    """Why the test fails; it must."""
    report = meet(text, test, **more)
    assert not report["passed"], "the test passed"
    return str(report["why"])


def strongest_here() -> Sandbox:
    """The sandbox that isolates best on this machine; without one, the test is skipped."""
    from sandbox.backends import load_sandbox

    try:
        return load_sandbox()
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


@asynccontextmanager
async def examining() -> AsyncIterator[Examiner]:
    sandbox = strongest_here()
    examiner = Examiner(sandbox)
    try:
        yield examiner
    finally:
        await examiner.close()
        await sandbox.close()


async def outcomes(text: str, *tests: str, **statement: Any) -> list[Outcome]:
    """What becomes of a solution's tests in real sandboxes."""
    asked = Statement(**{"id": "t", "text": "", "entry": "f", **statement})
    async with examining() as examiner:
        return await examiner.examine(text, asked, tests=[SourceTest(test) for test in tests])


def failures(found: Sequence[Outcome]) -> list[str]:
    return [outcome.why for outcome in found if not outcome.passed]
