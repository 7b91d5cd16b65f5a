"""One task: give the agent its handles, keep the grader away from it, and say how it went."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

from agentkit.context import Context, Evaluate, Evaluation
from agentkit.methods import Strategy
from environments.contracts import Action, Environment, Episode, Grader, Score, StopReason, Task, ToolSpec
from memory.trajectory import NOTHING_USED, Attempt, Trajectory, Usage

__all__ = ["Feedback", "Witness", "run_task"]

Feedback = Literal["trace", "env", "judge"]
"""Who may tell the agent how an attempt went: a reading of its trace, the environment's end signal (marked as
`uses_gold`), or a language model."""

TRIAL_OVERHEAD_S = 60.0


class Witness:
    """An environment that asks the grader for a verdict whenever an episode closes, and keeps it from the agent.

    Forks and replays are not graded: they are the agent's own trying out.
    """

    def __init__(self, env: Environment, grader: Grader) -> None:
        self._env, self._grader = env, grader
        self._verdicts: list[Score] = []

    @property
    def name(self) -> str:
        return self._env.name

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return self._env.tools

    @property
    def briefing(self) -> str:
        return self._env.briefing

    @property
    def fork_kind(self) -> Literal["exact", "replay", "none"]:
        return self._env.fork_kind

    @asynccontextmanager
    async def start(self, task: Task, *, seed: int = 0) -> AsyncIterator[Episode]:
        """Open the episode; the verdict is taken just before it closes, even when it is being killed."""
        async with self._env.start(task, seed=seed) as episode:
            try:
                yield episode
            finally:
                self._verdicts.append(await self._ask(episode))

    def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[Episode]:
        return self._env.replay(task, actions, seed=seed, fingerprints=fingerprints)

    async def _ask(self, episode: Episode) -> Score:
        try:
            async with asyncio.timeout(self._grader.limit_s):
                return await self._grader.verdict(episode)
        except TimeoutError:
            why = f"no verdict within {self._grader.limit_s:g} s: the episode hangs"
            return Score(value=0.0, success=False, source="environment", reasons=why)


async def run_task(
    task: Task,
    env: Environment,
    *,
    grader: Grader,
    strategy: Strategy,
    context: Context,
    feedback: Feedback = "trace",
    trials: int = 1,
) -> Trajectory:
    """Run an agent on one task; the last attempt's hidden verdict is the trajectory's score.

    With `feedback="env"` the verdict is also what the agent is told after each attempt, and the trajectory says
    `uses_gold`. It is refused for held-out tasks, where a reading of the trace takes its place.
    """
    witness = Witness(env, grader)
    gold = feedback == "env" and task.split == "training"
    if gold:
        context = dataclasses.replace(context, evaluate=told_by(witness))
    started = time.perf_counter()
    try:
        async with asyncio.timeout(trials * (task.deadline_s + TRIAL_OVERHEAD_S)):
            trajectory = await strategy(task, witness, context=context)
    except TimeoutError:
        trajectory = overdue(task, context)
    score = witness._verdicts[-1] if witness._verdicts else no_verdict(trajectory)
    return dataclasses.replace(
        trajectory, score=score, usage=usage_of(trajectory), wall_s=time.perf_counter() - started, uses_gold=gold
    )


def told_by(witness: Witness) -> Evaluate:
    """The environment's end signal as feedback; for training tasks only."""

    async def evaluate(task: Task, attempt: Attempt) -> Evaluation:
        if not witness._verdicts:
            why = "the episode never opened"
            return Evaluation(Score(value=0.0, success=False, source="environment", reasons=why))
        return Evaluation(witness._verdicts[-1])

    return evaluate


def no_verdict(trajectory: Trajectory) -> Score:
    attempt = trajectory.attempts[-1] if trajectory.attempts else None
    why = f"the episode never opened: {attempt.detail}" if attempt else "the agent made no attempt"
    return Score(value=0.0, success=False, source="environment", reasons=why)


def overdue(task: Task, context: Context) -> Trajectory:
    """The record of an agent that hung outside its episodes."""
    detail = "killed: the agent did not end although its episodes' deadlines had passed"
    context.recorder.attempt(0, goal=task.goal, site="")
    context.recorder.attempt_end(stop=StopReason.DEADLINE, detail=detail)
    hung = Attempt(index=0, goal=task.goal, stop=StopReason.DEADLINE, detail=detail)
    return context.trajectory(task, [hung], agent="?")


def usage_of(trajectory: Trajectory) -> Usage:
    """All that was spent in a trajectory: actor, reflections and critics."""
    attempts = trajectory.attempts
    spent = [step.usage for a in attempts for step in a.steps] + [note.usage for a in attempts for note in a.notes]
    return sum(spent, NOTHING_USED)
