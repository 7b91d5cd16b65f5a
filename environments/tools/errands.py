"""What an errand is: a goal in a furnished world, with the calls that reach it.

Task `name-1` is an errand of the template `name` where every call works, `name-2` one where a service is down or busy
at a call that the errand needs, `name-3` one where calls time out, a writing one perhaps after it was carried out. The
seed picks names, numbers and what lies about.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from environments.contracts import JSON, Action, Split
from environments.tools.desk import Desk, Failure
from environments.tools.functions import State
from environments.tools.shop import furnish

__all__ = [
    "LEVELS",
    "READING",
    "Accepts",
    "Errand",
    "Instance",
    "Template",
    "act",
    "make_instance",
    "reference",
    "solve",
]

LEVELS = (1, 2, 3)

Accepts = Literal["anything", "number", "text"]
"""How an answer is compared: not at all, as the one number in it, or as a whole text."""

READING = ("find_", "get_", "list_", "read_", "search_", "track_", "convert")
"""How the names of tools begin that change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a template makes of a furnished world."""

    goal: str
    plan: tuple[Action, ...]
    """Calls that do it where nothing fails, look-ups included, and the ending."""
    accepts: Accepts = "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A family of errands. `make` may put things into the state that the errand needs."""

    make: Callable[[random.Random, State], Errand]
    split: Split = "training"

    @property
    def name(self) -> str:
        """Such as `book-meeting`."""
        return self.make.__name__.replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One errand at one seed. The environment shows its goal and works on its desk; the rest is for the grader."""

    goal: str
    state: State
    failures: Mapping[str, tuple[Failure, ...]]
    plan: tuple[Action, ...]
    accepts: Accepts

    def desk(self) -> Desk:
        """A fresh desk as the errand begins."""
        return Desk(self.state, failures=self.failures)


def act(name: str, /, **arguments: JSON) -> Action:
    """An action, written as the call that it is."""
    return Action(name, arguments)


def make_instance(template: Template, *, level: int, seed: int) -> Instance:
    """The instance of a template; equal arguments give equal instances."""
    rng = random.Random(f"{template.name}/{level}/{seed}")
    state = furnish(rng)
    errand = template.make(rng, state)
    failures = _failures(rng, [action.name for action in errand.plan[:-1]], level=level)
    return Instance(goal=errand.goal, state=state, failures=failures, plan=errand.plan, accepts=errand.accepts)


def reference(instance: Instance) -> tuple[Action, ...]:
    """The plan, with each call made again that failed for no fault of its own and was not carried out."""
    return solve(instance)[0]


def solve(instance: Instance) -> tuple[tuple[Action, ...], State]:
    """The reference, and the state that it leaves behind."""
    desk, actions = instance.desk(), []
    for action in instance.plan[:-1]:
        again = True
        while again:
            actions.append(action)
            again = desk.call(action.name, action.arguments).again
    return (*actions, instance.plan[-1]), desk.state


def _failures(rng: random.Random, names: Sequence[str], *, level: int) -> dict[str, tuple[Failure, ...]]:
    reading = sorted({name for name in names if name.startswith(READING)})
    writing = sorted(set(names) - set(reading))
    if level == 1:
        return {}
    if level == 2:
        kinds: tuple[Failure, ...] = ("rate limit", "unavailable")
        return {rng.choice(reading + writing): (rng.choice(kinds),)}
    failures: dict[str, tuple[Failure, ...]] = {rng.choice(reading): ("timeout",)} if reading else {}
    if writing:
        failures[rng.choice(writing)] = (rng.choice(("timeout", "late")),)
    return failures
