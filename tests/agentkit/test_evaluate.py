"""Success, intervals and comparisons against numbers worked out by hand, or printed in the papers."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.evaluate import (
    compare,
    compare_pairs,
    mcnemar,
    mean_over_tasks,
    measure,
    measure_by_task,
    newcombe,
    pass_at_k,
    pass_hat_k,
    sign_flip,
    wilson,
)
from environments.contracts import Score, StopReason
from memory.study import Summary
from memory.trajectory import Usage


def run(task="t", seed=0, success=True, *, stop=StopReason.TERMINATED, cost=0.5, **fields):
    value = 1.0 if success else 0.0
    fields = {"attempts": 1, "steps": 3, "wall_s": 2.0, **fields}
    return Summary(
        id=f"s/{task}/{seed}", task_id=task, family=f"s/{task}", suite="s", split="heldout", seed=seed, agent="react",
        model="m", stop=stop, score=Score(value=value, success=success, source="environment"),
        usage=Usage(prompt_tokens=10, completion_tokens=2, cost_usd=cost), **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),  # z² / (n + z²) = 3.8415 / 13.8415
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (1, 1, 0.2065, 1.0),  # 1 / (1 + z²)
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_another_confidence():
    z2 = NormalDist().inv_cdf(0.95) ** 2
    assert wilson(0, 20, confidence=0.9) == pytest.approx((0.0, z2 / (20 + z2)))


COUNTS = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_wilson_lies_in_the_unit_interval_and_has_width(counts):
    low, high = wilson(*counts)
    assert 0.0 <= low < high <= 1.0
    if counts[1]:
        assert low <= counts[0] / counts[1] <= high


@given(COUNTS)
def test_wilson_is_the_same_seen_from_failures(counts):
    successes, trials = counts
    low, high = wilson(successes, trials)
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("trials", "successes", "k", "any_of_k", "all_of_k"),
    [
        (5, 2, 3, 1 - 1 / 10, 0.0),  # one of the ten triples holds no success; no triple holds only successes
        (5, 2, 2, 1 - 3 / 10, 1 / 10),
        (4, 3, 1, 0.75, 0.75),
        (4, 4, 2, 1.0, 1.0),
        (4, 0, 4, 0.0, 0.0),
    ],
)
def test_pass_at_k_and_pass_hat_k(trials, successes, k, any_of_k, all_of_k):
    assert pass_at_k(trials, successes, k) == pytest.approx(any_of_k)
    assert pass_hat_k(trials, successes, k) == pytest.approx(all_of_k)


@given(COUNTS.filter(lambda counts: counts[1] > 0).flatmap(lambda c: st.tuples(st.just(c), st.integers(1, c[1]))))
def test_all_of_k_is_rarer_than_one_and_any_of_k_commoner(drawn):
    (successes, trials), k = drawn
    rate = successes / trials
    assert 0.0 <= pass_hat_k(trials, successes, k) <= rate + 1e-12
    assert rate - 1e-12 <= pass_at_k(trials, successes, k) <= 1.0


def test_pass_at_k_over_tasks_weighs_tasks_alike():
    runs = [run("a", seed, seed < 1) for seed in range(2)] + [run("b", seed, True) for seed in range(4)]
    assert mean_over_tasks(runs, k=1) == pytest.approx((0.5 + 1.0) / 2)
    assert mean_over_tasks(runs, k=2) == pytest.approx(1.0)
    assert mean_over_tasks(runs, k=2, every=True) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="'s/a' has 2 tries"):
        mean_over_tasks(runs, k=3)
    with pytest.raises(ValueError, match="at least one"):
        mean_over_tasks([], k=1)


@pytest.mark.parametrize("call", [lambda: wilson(3, 2), lambda: wilson(-1, 2), lambda: pass_at_k(3, 1, 4)])
def test_counts_that_cannot_be_are_refused(call):
    with pytest.raises(ValueError, match="expected 0 <="):
        call()
    with pytest.raises(ValueError, match="confidence 95"):
        wilson(1, 2, confidence=95)


def test_a_measure_adds_up():
    group = [
        run("a", 0, True, attempts=1, steps=4, wall_s=1.0),
        run("a", 1, False, attempts=3, steps=8, wall_s=3.0, stop=StopReason.MODEL_ERROR, uses_gold=True),
        run("b", 0, False, stop=StopReason.STEP_LIMIT, attempts=2, steps=0, wall_s=2.0),
        run("b", 1, False, stop=StopReason.STEP_LIMIT, attempts=2, steps=0, wall_s=2.0),
    ]
    told = measure("all", group)
    assert (told.successes, told.trials, told.rate, told.interval) == (1, 4, 0.25, wilson(1, 4))
    assert (told.attempts, told.steps, told.wall_s) == (2.0, 3.0, 2.0)
    assert (told.usage.prompt_tokens, told.usage.cost_usd, told.mean_usd) == (40, 2.0, 0.5)
    assert told.stops == {"step_limit": 2, "terminated": 1, "model_error": 1}
    assert (told.infrastructure, told.uses_gold) == (1, 1)
    assert [(row.name, row.trials) for row in measure_by_task(reversed(group))] == [("s/a", 2), ("s/b", 2)]


def test_an_unknown_price_is_not_zero():
    told = measure("all", [run(seed=0, cost=0.25), run(seed=1, cost=None)])
    assert (told.usage.cost_usd, told.mean_usd, told.unpriced, told.known_usd) == (None, None, 1, 0.25)


def test_a_measure_of_nothing_claims_nothing():
    told = measure("none", [])
    assert (told.rate, told.interval, told.mean_usd) == (None, (0.0, 1.0), None)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (0, 5, 2 / 32), (1, 9, 2 * 11 / 1024), (5, 5, 1.0), (6, 0, 2 / 64)],
)
def test_mcnemar_is_the_two_sided_coin(only_first, only_second, p):
    assert mcnemar(only_first, only_second) == pytest.approx(p)


def test_newcombe_gives_the_intervals_of_the_paper():
    """Newcombe 1998 (Statist. Med. 17, 2635), method 10, for 36, 12, 2 and 0 of 50; ours has the sign turned."""
    assert newcombe(36, 12, 2, 0) == pytest.approx((-0.3404, -0.0569), abs=5e-5)


def test_newcombe_narrows_where_the_sides_go_together():
    """20, 5, 3, 22: phi = (440 - 15 - 25) / sqrt(25 · 25 · 23 · 27) = 0.6421; Wilson 0.3664–0.6336 and 0.3297–0.5960.

    Low is -0.04 - sqrt(0.1303² - 2 phi 0.1303 · 0.1336 + 0.1336²), high is likewise.
    """
    assert newcombe(20, 5, 3, 22) == pytest.approx((-0.1517, 0.0741), abs=1e-4)


def test_newcombe_without_discordance_is_the_wilson_width():
    assert newcombe(10, 0, 0, 0) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


CELLS = st.tuples(*[st.integers(0, 30)] * 4).filter(any)


@given(CELLS)
def test_newcombe_holds_the_difference(cells):
    low, high = newcombe(*cells)
    difference = (cells[2] - cells[1]) / sum(cells)
    assert -1.0 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1.0
    assert low < high


@pytest.mark.parametrize(
    ("totals", "p"),
    [
        ([], 1.0),
        ([0, 0], 1.0),
        ([1], 1.0),
        ([1, 1, 1], 2 / 8),
        ([3, -1], 1.0),  # sums 2, 4, -4, -2: all at least as far as 2
        ([2, 2, -1], 4 / 8),  # observed 3; as far are the sums in which both twos have the same sign
    ],
)
def test_sign_flip_goes_through_all_signs(totals, p):
    assert sign_flip(totals) == pytest.approx(p)


def test_sign_flip_by_sampling_agrees_with_the_binomial():
    """20 tasks, 16 up and 4 down: the sum is 12, p = 2 P(Bin(20, ½) <= 4) = 2 · 6196 / 2^20."""
    p = sign_flip([1] * 16 + [-1] * 4, seed=3, resamples=200_000)
    assert p == pytest.approx(2 * 6196 / 2**20, abs=0.0008)
    assert sign_flip([1] * 40, resamples=999) == 1 / 1000, "a sampled p is never 0"


@given(st.lists(st.integers(-5, 5), max_size=10))
def test_sign_flip_is_a_probability_and_does_not_care_for_direction(totals):
    p = sign_flip(totals)
    assert 0.0 < p <= 1.0
    assert sign_flip([-total for total in totals]) == p


def test_a_comparison_pairs_items_by_task_and_seed():
    first = [run("a", 0, True), run("a", 1, False), run("b", 0, False), run("b", 1, False), run("only", 0, True)]
    second = [run("b", 1, False), run("b", 0, True), run("a", 1, True), run("a", 0, True)]
    told = compare(first, second)
    assert (told.both, told.only_first, told.only_second, told.neither) == (1, 0, 2, 1)
    assert (told.items, told.tasks, told.unpaired) == (4, 2, 1)
    assert (told.first_rate, told.second_rate, told.difference) == (0.25, 0.75, 0.5)
    assert (told.mcnemar_p, told.permutation_p) == (mcnemar(0, 2), sign_flip([1, 1]))


def test_the_bootstrap_resamples_tasks_not_items():
    """Of two tasks with 50 items each, one always gains: resampling tasks gives 0, ½ or 1 with ¼, ½, ¼."""
    pairs = [("a", False, True)] * 50 + [("b", False, False)] * 50
    told = compare_pairs(pairs, seed=1)
    assert told.interval == (0.0, 1.0)
    assert told.permutation_p == 1.0, "one task shows nothing about other tasks"
    assert told.mcnemar_p < 1e-10, "while its items, taken as independent, would"


def test_the_bootstrap_weighs_tasks_by_their_items():
    """30 tasks of one item gain, 10 tasks of 50 items do not: 30 / 530 of the items, though ¾ of the tasks."""
    pairs = [(f"small{i}", False, True) for i in range(30)] + [(f"big{i % 10}", True, True) for i in range(500)]
    told = compare_pairs(pairs)
    # Of 40 drawn tasks 10 ± 2.7 are big: 25 / 775 to 35 / 285 at two standard deviations.
    assert told.interval == pytest.approx((0.032, 0.12), abs=0.01)


def test_the_bootstrap_covers_the_normal_theory_interval():
    """200 tasks of one item: 60 up, 20 down. Mean 0.2, sd of the mean sqrt((0.4 - 0.04) / 200) = 0.0424."""
    pairs = [(f"t{i}", 60 <= i < 80, i < 60) for i in range(200)]
    told = compare_pairs(pairs, seed=5)
    assert told.interval == pytest.approx((0.2 - 1.96 * 0.0424, 0.2 + 1.96 * 0.0424), abs=0.01)
    assert told.method == "bootstrap over 200 tasks, 10,000 resamples"


def test_the_same_seed_gives_the_same_figures():
    pairs = [(f"t{i % 20}", i % 3 == 0, i % 2 == 0) for i in range(90)]
    assert compare_pairs(pairs, seed=4) == compare_pairs(pairs, seed=4)
    assert compare_pairs(pairs, seed=4).permutation_p != compare_pairs(pairs, seed=6).permutation_p


@pytest.mark.parametrize("outcome", [(True, True), (False, False), (False, True)])
def test_no_spread_among_tasks_is_not_certainty(outcome):
    told = compare_pairs([(f"t{i}", *outcome) for i in range(10)])
    assert told.method.startswith("Newcombe")
    low, high = told.interval
    assert high - low > 0.3
    assert low <= told.difference <= high


def test_runs_that_share_nothing_or_have_an_item_twice_are_refused():
    with pytest.raises(ValueError, match="share no"):
        compare([run("a")], [run("b")])
    with pytest.raises(ValueError, match="twice"):
        compare([run("a"), run("a")], [run("a")])


def test_wilson_covers_what_it_says():
    """Exact coverage by the binomial, over a range of true rates, stays near 95 % (Wilson's is not conservative)."""
    n = 40
    for p in (0.02, 0.1, 0.3, 0.5, 0.9):
        inside = [k for k in range(n + 1) if wilson(k, n).low <= p <= wilson(k, n).high]
        coverage = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in inside)
        assert 0.90 <= coverage <= 0.99
