"""How good, how sure, and which is better: pure functions over summaries of trajectories.

Success rates carry Wilson's interval, which is right at 0 and 1 where the textbook one has no width. It takes the
trials as independent given the tasks: it speaks of these tasks with other seeds, not of other tasks. The paired
comparison resamples tasks, so it speaks of other tasks like these.

An unknown price stays unknown: a sum or a mean over costs of which one is unknown is None.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from environments.contracts import StopReason
from memory.study import Summary
from memory.trajectory import NOTHING_USED, Usage

__all__ = [
    "INFRASTRUCTURE",
    "Comparison",
    "Interval",
    "Judged",
    "Measure",
    "by_task",
    "compare",
    "compare_pairs",
    "mcnemar",
    "mean_over_tasks",
    "measure",
    "measure_by_task",
    "newcombe",
    "pass_at_k",
    "pass_hat_k",
    "sign_flip",
    "wilson",
]

INFRASTRUCTURE = frozenset({StopReason.ENVIRONMENT_ERROR, StopReason.MODEL_ERROR, StopReason.INTERRUPTED})
"""Stop reasons that say nothing about the agent. They count as failures unless left out on purpose."""

EXACT_TASKS = 14
"""Up to so many differing tasks, the sign-flip test goes through all 2^n sign patterns."""


class Interval(NamedTuple):
    low: float
    high: float


class Judged(Protocol):
    """What success rates and comparisons need to know: a `Summary` has it, and so has a `Trajectory`."""

    @property
    def id(self) -> str: ...
    @property
    def suite(self) -> str: ...
    @property
    def task_id(self) -> str: ...
    @property
    def success(self) -> bool: ...


Item = TypeVar("Item", bound=Judged)


# One condition ---------------------------------------------------------------------------------------------------


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927, eq. 1 solved for p), within [0, 1].

    No trial at all leaves everything possible: (0, 1).
    """
    _check_counts(successes, trials)
    if trials == 0:
        return Interval(0.0, 1.0)
    z2 = _quantile(confidence) ** 2
    centre = (successes + z2 / 2) / (trials + z2)
    half = math.sqrt(z2 * (successes * (trials - successes) / trials + z2 / 4)) / (trials + z2)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high)


def pass_at_k(trials: int, successes: int, k: int) -> float:
    """Unbiased estimate of the chance that at least one of k tries succeeds (Chen et al. 2021, section 2.1)."""
    _check_counts(successes, trials, k)
    return 1.0 - math.comb(trials - successes, k) / math.comb(trials, k)


def pass_hat_k(trials: int, successes: int, k: int) -> float:
    """Unbiased estimate of the chance that all of k tries succeed (pass^k of Yao et al. 2024, tau-bench)."""
    _check_counts(successes, trials, k)
    return math.comb(successes, k) / math.comb(trials, k)


def mean_over_tasks(items: Iterable[Judged], *, k: int, every: bool = False) -> float:
    """`pass_at_k`, or `pass_hat_k` where `every` is set, averaged over tasks; a task's seeds are its tries.

    Raises:
        ValueError: a task has fewer than k tries; the message names it.
    """
    estimates = []
    for task, group in by_task(items).items():
        if len(group) < k:
            raise ValueError(f"task {task!r} has {len(group)} tries, k={k} needs as many; run it with more seeds")
        estimate = pass_hat_k if every else pass_at_k
        estimates.append(estimate(len(group), sum(item.success for item in group), k))
    if not estimates:
        raise ValueError("no trajectory to average over; give at least one")
    return fmean(estimates)


def _check_counts(successes: int, trials: int, k: int = 0) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials; expected 0 <= successes <= trials")
    if not 0 <= k <= trials:
        raise ValueError(f"k={k} with {trials} trials; expected 0 <= k <= trials")


def _quantile(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence!r}; expected more than 0 and less than 1, such as 0.95")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a group of trajectories came to."""

    name: str
    trials: int
    successes: int
    interval: Interval
    """Wilson's, of the success rate."""
    attempts: float
    """Mean per trajectory, as are the next two."""
    steps: float
    wall_s: float
    usage: Usage
    """The sum; its `cost_usd` is None when any price is unknown."""
    unpriced: int
    """Trajectories whose price is unknown."""
    known_usd: float
    """The sum of the known prices."""
    stops: Mapping[str, int]
    """How often each stop reason ended a trajectory, the commonest first; `none` where there was none."""
    infrastructure: int
    """Trajectories among the trials that ended for a reason of `INFRASTRUCTURE`."""
    uses_gold: int
    """Trajectories in which the hidden verdict reached the agent."""

    @property
    def rate(self) -> float | None:
        """Share of successes in [0, 1]; None without a trial."""
        return self.successes / self.trials if self.trials else None

    @property
    def mean_usd(self) -> float | None:
        """Dollars a trajectory; None when unknown."""
        total = self.usage.cost_usd
        return None if total is None or not self.trials else total / self.trials


def measure(name: str, summaries: Iterable[Summary], *, confidence: float = 0.95) -> Measure:
    """Success, effort and cost of a group. Every summary given counts as a trial."""
    group = list(summaries)
    successes = sum(s.success for s in group)
    costs = [s.usage.cost_usd for s in group]
    stops = Counter("none" if s.stop is None else s.stop.value for s in group)
    return Measure(
        name=name,
        trials=len(group),
        successes=successes,
        interval=wilson(successes, len(group), confidence=confidence),
        attempts=_mean([s.attempts for s in group]),
        steps=_mean([s.steps for s in group]),
        wall_s=_mean([s.wall_s for s in group]),
        usage=sum((s.usage for s in group), NOTHING_USED),
        unpriced=sum(cost is None for cost in costs),
        known_usd=math.fsum(cost for cost in costs if cost is not None),
        stops=dict(stops.most_common()),
        infrastructure=sum(s.stop in INFRASTRUCTURE for s in group),
        uses_gold=sum(s.uses_gold for s in group),
    )


def measure_by_task(summaries: Iterable[Summary]) -> list[Measure]:
    """One measure a task, in the order of their names."""
    return [measure(task, group) for task, group in by_task(summaries).items()]


def by_task(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Items grouped by `suite/task`, in the order of these names."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[f"{item.suite}/{item.task_id}"].append(item)
    return dict(sorted(groups.items()))


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


# Two conditions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two conditions on the same items (task, seed and repetition). Differences are second less first."""

    items: int
    tasks: int
    both: int
    """Items that both solved; the next three likewise."""
    only_first: int
    only_second: int
    neither: int
    difference: float
    """Of the success rates, in [-1, 1]."""
    interval: Interval
    method: str
    """How the interval was made."""
    mcnemar_p: float
    """Exact, two-sided, items taken as independent."""
    permutation_p: float
    """Two-sided, signs flipped by task: it allows for the seeds of one task going together."""
    unpaired: int
    """Items that only one side has; left out."""

    @property
    def first_rate(self) -> float:
        return (self.both + self.only_first) / self.items

    @property
    def second_rate(self) -> float:
        return (self.both + self.only_second) / self.items


def compare(
    first: Iterable[Judged],
    second: Iterable[Judged],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two runs on the items that both have, matched by trajectory id (`suite/task/seed#k`).

    Raises:
        ValueError: they share no item, or one of them has an item twice.
    """
    left, right = _by_id(first), _by_id(second)
    shared = sorted(left.keys() & right.keys())
    if not shared:
        raise ValueError(f"the runs share no (task, seed): {len(left)} and {len(right)} items; run the same tasks")
    pairs = [(f"{left[id].suite}/{left[id].task_id}", left[id].success, right[id].success) for id in shared]
    unpaired = len(left.keys() ^ right.keys())
    return compare_pairs(pairs, unpaired=unpaired, seed=seed, resamples=resamples, confidence=confidence)


def compare_pairs(
    pairs: Sequence[tuple[str, bool, bool]],
    *,
    unpaired: int = 0,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Comparison:
    """The same over (task, first succeeded, second succeeded), one for each item; at least one."""
    table = Counter((first, second) for _, first, second in pairs)
    both, only_first = table[True, True], table[True, False]
    only_second, neither = table[False, True], table[False, False]
    differences: dict[str, list[int]] = defaultdict(list)
    for task, first, second in pairs:
        differences[task].append(second - first)
    interval, method = _bootstrap(list(differences.values()), seed=seed, resamples=resamples, confidence=confidence)
    if interval.low == interval.high:
        interval = newcombe(both, only_first, only_second, neither, confidence=confidence)
        method = "Newcombe's paired score interval (all tasks differ alike, so resampling them shows no spread)"
    return Comparison(
        items=len(pairs),
        tasks=len(differences),
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=neither,
        difference=(only_second - only_first) / len(pairs),
        interval=interval,
        method=method,
        mcnemar_p=mcnemar(only_first, only_second),
        permutation_p=sign_flip([sum(group) for group in differences.values()], seed=seed, resamples=resamples),
        unpaired=unpaired,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test: under no difference each discordant item falls to either side by a coin."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, i) for i in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << n))


def newcombe(both: int, only_first: int, only_second: int, neither: int, *, confidence: float = 0.95) -> Interval:
    """Interval of the paired difference, second less first, from Wilson's intervals (Newcombe 1998, method 10)."""
    n = both + only_first + only_second + neither
    first, second = (both + only_first) / n, (both + only_second) / n
    low1, high1 = wilson(both + only_first, n, confidence=confidence)
    low2, high2 = wilson(both + only_second, n, confidence=confidence)
    phi = _correlation(both, only_first, only_second, neither)
    below, above = _joint(second - low2, high1 - first, phi), _joint(high2 - second, first - low1, phi)
    difference = second - first
    return Interval(max(-1.0, difference - below), min(1.0, difference + above))


def _joint(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Newcombe's phi, shrunk towards 0 by the continuity correction where it is positive."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - only_first * only_second
    n = both + only_first + only_second + neither
    return (max(cross - n / 2, 0.0) if cross > 0 else cross) / math.sqrt(margins)


def _bootstrap(
    groups: Sequence[Sequence[int]], *, seed: int, resamples: int, confidence: float
) -> tuple[Interval, str]:
    """Percentiles of the mean difference when whole tasks are drawn again, with replacement."""
    totals, sizes = _column(sum(group) for group in groups), _column(len(group) for group in groups)
    drawn = np.random.default_rng(seed).integers(len(groups), size=(resamples, len(groups)))
    means = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(low), float(high)), f"bootstrap over {len(groups)} tasks, {resamples:,} resamples"


def _column(values: Iterable[int]) -> NDArray[np.float64]:
    return np.fromiter(values, dtype=np.float64)


def sign_flip(totals: Sequence[int], *, seed: int = 0, resamples: int = 10_000) -> float:
    """Two-sided p that the sum of the tasks' differences is as far from 0 when each task's sign is a coin's.

    Exact up to `EXACT_TASKS` tasks that differ; above, sampled, the observed pattern counted in (Phipson and Smyth
    2010), so never 0.
    """
    differing = np.array([total for total in totals if total], dtype=np.float64)
    n, observed = len(differing), abs(float(differing.sum()))
    if n <= EXACT_TASKS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ differing) >= observed))
    signs = np.random.default_rng(seed).choice([-1, 1], size=(resamples, n))
    as_far = int(np.sum(np.abs(signs @ differing) >= observed))
    return (as_far + 1) / (resamples + 1)


def _by_id(items: Iterable[Judged]) -> dict[str, Judged]:
    found: dict[str, Judged] = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"trajectory {item.id!r} is there twice; number repetitions with #k")
        found[item.id] = item
    return found
