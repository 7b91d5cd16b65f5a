"""The live handles that a strategy may use, and nothing else: no grader, no writer of memory."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from agentkit.budget import Budget
from agentkit.models.contracts import Model
from environments.contracts import Observation, Score, StopReason, Task
from memory.contracts import Memory
from memory.trajectory import NOTHING_USED, Attempt, Note, Step, Trajectory, Usage

__all__ = ["Context", "Evaluate", "Evaluation", "Forgetful", "Recorder"]


class Evaluation(NamedTuple):
    """What an agent is told of an attempt, and what finding it out took."""

    score: Score
    usage: Usage = NOTHING_USED


Evaluate = Callable[[Task, Attempt], Awaitable[Evaluation]]
"""Says how an attempt went, as far as the agent may know: a judge, a reading of the trace, or the environment's end
signal where the run was started with `--feedback env`."""


class Recorder(Protocol):
    """Writes one trajectory's events to the study's log as they happen (`memory.log.Recorder`)."""

    def attempt(self, index: int, *, goal: str, site: str = "") -> None: ...
    def step(self, step: Step) -> None: ...
    def note(self, note: Note) -> None: ...
    def attempt_end(
        self,
        *,
        stop: StopReason,
        detail: str = "",
        answer: str | None = None,
        score: Score | None = None,
        final: Observation | None = None,
    ) -> None: ...


class Forgetful:
    """A recorder that keeps nothing, for trying a strategy by hand."""

    def attempt(self, index: int, *, goal: str, site: str = "") -> None: ...
    def step(self, step: Step) -> None: ...
    def note(self, note: Note) -> None: ...
    def attempt_end(
        self,
        *,
        stop: StopReason,
        detail: str = "",
        answer: str | None = None,
        score: Score | None = None,
        final: Observation | None = None,
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handed to a strategy by the runner; every model call through `model` is charged to `budget`."""

    model: Model
    budget: Budget = field(default_factory=Budget)
    memory: Memory | None = None
    """Recall only. None runs without memory."""
    recorder: Recorder = field(default_factory=Forgetful)
    evaluate: Evaluate | None = None
    """None lets a strategy that needs an evaluation read the trace."""
    seed: int = 0
    """Picks the task's instance and, with the call's place, each sampling seed."""
    temperature: float | None = None
    """Sampling temperature of the actor; None is the model's own."""

    def call_seed(self, *place: object) -> int:
        """A sampling seed in [0, 2^31) for one call, from the run's seed and the call's place."""
        text = repr((self.seed, *place)).encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1

    def trajectory(self, task: Task, attempts: Sequence[Attempt], *, agent: str) -> Trajectory:
        """The record of all attempts at a task, without the verdict, which only the runner knows."""
        return Trajectory(
            id=f"{task.suite}/{task.id}/{self.seed}",
            task_id=task.id,
            family=task.family,
            suite=task.suite,
            split=task.split,
            seed=self.seed,
            agent=agent,
            model=self.model.name,
            attempts=tuple(attempts),
        )
