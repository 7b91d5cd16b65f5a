"""Whether an errand was done: the state must be what the plan leaves behind, and the answer the plan's.

What stood there at the beginning is compared record by record. What is new is compared without its ids, which depend on
the order of the calls: an errand that was put right on the way counts, a stray message does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from environments.contracts import Episode, Score, StopReason, Task
from environments.tools.errands import Accepts, Instance, solve
from environments.tools.functions import State
from environments.tools.world import ToolWorld

__all__ = ["ToolGrader", "differences", "judge", "same_answer"]

NUMBER = re.compile(r"(?<![\w.,])[-+]?\d[\d,]*(?:\.\d+)?(?![\w]|[.,]\d)")
TOLERANCE = 0.005
MOST_REASONS = 3
STOPS = {"answer": StopReason.ANSWERED, "report_infeasible": StopReason.INFEASIBLE}


@dataclass(frozen=True, slots=True)
class ToolGrader:
    """Judges an episode by the state of its world and its ending."""

    instance: Callable[[Task, int], Instance]
    """The instance of a task and a seed, as the environment opened it."""
    limit_s: float = 10.0

    async def verdict(self, episode: Episode) -> Score:
        """Works after the episode is closed, too.

        Raises:
            TypeError: the episode is of another environment.
        """
        world = getattr(episode, "world", None)
        if not isinstance(world, ToolWorld):
            raise TypeError(f"{type(episode).__name__} is no episode of the suite 'tools'")
        instance = self.instance(episode.task, episode.seed)
        return judge(instance, world.desk.state, stop=world.stop, answer=world.answer)


def judge(instance: Instance, state: State, *, stop: StopReason | None, answer: str | None) -> Score:
    """The verdict on a final state and an ending; all or nothing."""
    wanted = instance.plan[-1]
    problems = []
    if stop is not STOPS[wanted.name]:
        problems.append(f"to end as {stop.value!r} is wrong" if stop else "the agent did not end it")
    elif not same_answer(answer or "", str(wanted.arguments.get("text", "")), accepts=instance.accepts):
        problems.append(f"the answer {(answer or '')[:80]!r} is wrong")
    problems += differences(instance.state, state, expected=solve(instance)[1])
    more = len(problems) - MOST_REASONS
    reasons = "; ".join(problems[:MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")
    return Score(value=float(not problems), success=not problems, source="environment", reasons=reasons)


def differences(start: State, got: State, *, expected: State) -> list[str]:
    """Where a state is not the expected one, in words that do not say what was expected."""
    found = []
    for table in sorted(start.keys() | expected.keys() | got.keys()):
        before, right, now = (one.get(table, {}) for one in (start, expected, got))
        for key in before:
            if right.get(key) != now.get(key):
                fault = "is missing" if key not in now else "should be gone" if key not in right else "is not right"
                found.append(f"{table}: {key} {fault}")
        made, wanted = (_made(one[key] for key in one.keys() - before.keys()) for one in (now, right))
        if table == "files":
            made, wanted = (_made([key, one[key]] for key in one.keys() - before.keys()) for one in (now, right))
        if made != wanted:
            found.append(f"{table}: what was added is not right ({len(made)} added)")
    return found


def _made(records: Iterable[Any]) -> list[str]:
    """New records in an order of their own, without their ids."""
    return sorted(
        json.dumps({k: v for k, v in one.items() if k != "id"} if isinstance(one, dict) else one, sort_keys=True)
        for one in records
    )


def same_answer(given: str, wanted: str, *, accepts: Accepts) -> bool:
    """Whether an answer is the wanted one. As a number: it holds exactly one, and it is equal to the cent."""
    if accepts == "anything":
        return True
    if accepts == "text":
        return _plain(given) == _plain(wanted)
    numbers = [float(one.replace(",", "")) for one in NUMBER.findall(given)]
    return len(numbers) == 1 and abs(numbers[0] - float(wanted)) < TOLERANCE


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" .'\"`").casefold()
