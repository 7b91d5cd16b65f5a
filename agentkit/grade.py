"""`agentkit grade`: grade recorded answers without an agent."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from environments.contracts import Answer, AnswerSuite, Score, Suite
from sandbox import AgentkitError

__all__ = ["Graded", "grade_answers"]


@dataclass(frozen=True, slots=True)
class Graded:
    """What became of an answer."""

    task_id: str
    passed: bool
    reason: str


def grade(
    suite: Annotated[str, typer.Argument(help="The suite whose grader judges: code, repo, tools.")],
    answers: Annotated[Path, typer.Option(help="Answers in the suite's format; for code: task_id, completion.")],
    tasks: Annotated[Path | None, typer.Option(help="File of the tasks; the shipped ones when left out.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Answers graded at once.")] = 2,
    sandbox: Annotated[str | None, typer.Option(help="Where code runs; the strongest here when left out.")] = None,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow --sandbox process, which isolates nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON line for each answer.")] = False,
) -> None:  # fmt: skip
    """Grade recorded answers without an agent: a line for each, in the file's order; how many passed, on stderr.

    Example: agentkit grade code --tasks HumanEval.jsonl.gz --answers samples.jsonl --parallel 2 --json
    """
    from environments.suites import load_suite

    loaded = gradable(load_suite(suite, tasks_file=tasks, sandbox=sandbox, unsafe=unsafe or None))
    recorded = loaded.read_answers(answers)
    started = time.perf_counter()
    with counting(len(recorded)) as count:

        def tell(graded: Graded) -> None:
            print(json.dumps(asdict(graded)) if as_json else line_of(graded), flush=True)
            count(graded)

        done = asyncio.run(grade_answers(loaded, recorded, parallel=parallel, on_graded=tell))
    passed = sum(graded.passed for graded in done)
    unanswered = len({task.id for task in loaded.tasks()} - {answer.task_id for answer in recorded})
    share = f" ({passed / len(recorded):.1%})" if recorded else ""
    missing = f"; {unanswered} tasks have no answer" if unanswered else ""
    seconds = time.perf_counter() - started
    print(f"{passed} of {len(recorded)} passed{share} in {seconds:.1f} s{missing}", file=sys.stderr)


async def grade_answers(
    suite: AnswerSuite,
    answers: Sequence[Answer],
    *,
    parallel: int = 2,
    on_graded: Callable[[Graded], None] = lambda graded: None,
) -> list[Graded]:
    """Grade answers, `parallel` at once; `on_graded` is told of each in the order of `answers`.

    Raises:
        AgentkitError: what grading needs is not there.
    """
    done: list[Graded] = []
    try:
        async with suite.grading(parallel=parallel) as judge, asyncio.TaskGroup() as group:

            async def judged(answer: Answer) -> Score:
                return await judge(answer)

            scores = [group.create_task(judged(answer)) for answer in answers]
            for answer, pending in zip(answers, scores, strict=True):
                score = await pending
                done.append(Graded(answer.task_id, score.success, score.reasons))
                on_graded(done[-1])
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return done


def gradable(suite: Suite) -> AnswerSuite:
    """The suite, if it can grade recorded answers.

    Raises:
        AgentkitError: it judges live episodes only.
    """
    if not (hasattr(suite, "read_answers") and hasattr(suite, "grading")):
        raise AgentkitError(
            f"the suite {suite.name!r} judges live episodes only: `agentkit run {suite.name}` grades as it goes"
        )
    return cast(AnswerSuite, suite)


def line_of(graded: Graded) -> str:
    """For people: the verdict, and why it failed, without what could steer a terminal."""
    reason = "" if graded.passed else f": {graded.reason}"
    text = f"{'passed' if graded.passed else 'FAILED'} {graded.task_id}{reason}"
    return "".join(char if char.isprintable() else " " for char in text)


@contextmanager
def counting(total: int) -> Iterator[Callable[[Graded], None]]:
    """A progress bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda graded: None
        return
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[passed]} passed"))
    # Lines that go to the same terminal are printed above the bar; lines to a file are none of its business.
    with Progress(*columns, TimeRemainingColumn(), console=console, redirect_stdout=sys.stdout.isatty()) as bars:
        bar = bars.add_task("", total=total, passed=0)

        def count(graded: Graded) -> None:
            bars.update(bar, advance=1, passed=bars.tasks[bar].fields["passed"] + graded.passed)

        yield count
