"""The catalogue of agents: which paper each comes from, the family it is built on, and how it deviates."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from agentkit.context import Context
from environments.contracts import Environment, Task
from memory.trajectory import Trajectory
from sandbox import AgentkitError

__all__ = ["METHODS", "Method", "Strategy", "strategy_for"]


class Strategy(Protocol):
    """An agent: takes a task to its end and says all that happened."""

    def __call__(self, task: Task, env: Environment, *, context: Context) -> Awaitable[Trajectory]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    name: str
    family: str
    paper: str
    summary: str
    build: Callable[[int, bool], Strategy]
    """From the number of trials, and whether the model writes prose, to the agent."""
    deviations: tuple[str, ...] = ()
    retries: bool = False
    """Whether it makes more than one attempt at a task."""


def build_react(trials: int, prose: bool) -> Strategy:
    from agentkit.strategies.react import react

    return react


def build_reflexion(trials: int, prose: bool) -> Strategy:
    from agentkit.strategies.reflexion import reflect_from_trace, reflect_with_model, reflexion

    return partial(reflexion, max_trials=trials, reflect=reflect_with_model if prose else reflect_from_trace)


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="react",
            family="agent",
            paper="Yao et al. 2022, ReAct",
            summary="observe, recall, think, act, until the task ends or a limit is reached",
            build=build_react,
            deviations=(
                "actions are tool calls; text forms are read too",
                "one append-only conversation, pages as diffs",
                "loops and actions without effect are noticed by code",
            ),
        ),
        Method(
            name="reflexion",
            family="agent",
            paper="Shinn et al. 2023, Reflexion",
            summary="attempt, evaluate, reflect in words, retry with the reflections at hand",
            build=build_reflexion,
            deviations=(
                "never stops on the hidden verdict unless --feedback env says so",
                "the reflection may be read from the trace, for models that write no prose",
                "later trials sample warmer",
            ),
            retries=True,
        ),
    )
}


def strategy_for(name: str, *, trials: int, prose: bool) -> Strategy:
    """The agent of that name.

    Raises:
        AgentkitError: no such agent, with the nearest names; or several trials for one that makes a single attempt.
    """
    method = METHODS.get(name)
    if method is None:
        near = difflib.get_close_matches(name, METHODS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AgentkitError(f"no agent called {name!r}{hint} Known: {', '.join(sorted(METHODS))}")
    if trials > 1 and not method.retries:
        raise AgentkitError(
            f"{name} makes one attempt at a task, and --trials {trials} was asked for; "
            "use --agent reflexion for retries, or --seeds for more instances of each task"
        )
    return method.build(trials, prose)
