"""Tune the pilot's head on its own successful attempts: rejection sampling and a softmax regression.

The rows are steps of attempts that succeeded; the label is the action taken, among all the page allowed. The loss is
the weighted mean cross-entropy plus a pull towards the shipped weights, so that a feature that never occurred keeps its
prior. Each task family counts the same, however many of its attempts succeeded. Held-out trajectories are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentkit.models.features import features
from agentkit.models.pilot import Head
from agentkit.models.proposals import propose, read_situation
from agentkit.strategies.experience import worked
from memory.contracts import TextEncoder
from memory.trajectory import Attempt, Trajectory
from sandbox import AgentkitError

__all__ = ["Row", "rows_of", "tune"]


@dataclass(frozen=True, slots=True)
class Row:
    """One decision: what was possible, and what was done."""

    family: str
    matrix: NDArray[np.float64]
    """Shape (proposals, features)."""
    chosen: int


def rows_of(trajectories: Iterable[Trajectory], *, encoder: TextEncoder) -> list[Row]:
    """The decisions of every attempt that is known to have succeeded.

    Raises:
        AgentkitError: a trajectory is of a held-out task; tuning on it would train on the test.
    """
    rows: list[Row] = []
    for trajectory in trajectories:
        if trajectory.split == "heldout":
            raise AgentkitError(f"{trajectory.id} is held out; give runs on training seeds to tune on")
        if trajectory.success and trajectory.attempts:
            rows += rows_of_attempt(trajectory.attempts[-1], trajectory.family, encoder)
    return rows


def rows_of_attempt(attempt: Attempt, family: str, encoder: TextEncoder) -> list[Row]:
    rows = []
    for step in worked(attempt):
        situation = read_situation(step.messages)
        proposals = propose(situation)
        actions = [(p.action.name, dict(p.action.arguments)) for p in proposals]
        assert step.action is not None
        taken = (step.action.name, dict(step.action.arguments))
        if taken in actions:
            matrix = features(situation, proposals, encoder=encoder)
            rows.append(Row(family, matrix, actions.index(taken)))
    return rows


def tune(
    rows: Sequence[Row],
    *,
    prior: Head,
    origin: str,
    temperature: float = 0.4,
    pull: float = 0.01,
    rounds: int = 400,
    rate: float = 0.5,
) -> Head:
    """Fit the head by gradient descent with Adam's step sizes; deterministic.

    `temperature` is that of acting: at it, steps that the policy takes anyway teach little, and mistakes teach much.
    `pull` is the weight of the squared distance to the prior; larger keeps the head closer to it.

    Raises:
        AgentkitError: there are no rows, since no attempt succeeded.
    """
    if not rows:
        raise AgentkitError("no successful step to tune on; run training tasks first, with more seeds or trials")
    count = Counter(row.family for row in rows)
    weight = np.array([1.0 / count[row.family] for row in rows])
    weight /= weight.sum()
    stacked = np.concatenate([row.matrix for row in rows])
    starts = np.cumsum([0, *(len(row.matrix) for row in rows)])[:-1]
    chosen = starts + np.array([row.chosen for row in rows])
    owner = np.repeat(np.arange(len(rows)), [len(row.matrix) for row in rows])
    target = np.zeros(len(stacked))
    target[chosen] = weight
    w = prior.weights.copy()
    first, second = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, rounds + 1):
        p = softmax_by_owner(stacked @ w / temperature, starts, owner)
        gradient = stacked.T @ (p * weight[owner] - target) / temperature + 2 * pull * (w - prior.weights)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        adapted = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        w -= rate * 0.1 * adapted * (1 - step / (rounds + 1))
    return Head(w, origin)


def softmax_by_owner(
    scores: NDArray[np.float64], starts: NDArray[np.int64], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Softmax within each row's block of proposals."""
    shifted = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
    return np.asarray(shifted / np.add.reduceat(shifted, starts)[owner])
