"""The one ledger. Guarantees, each tested on any schedule of concurrent spenders that hypothesis can think of:

- a limit is overshot by less than one reservation, however many spend at once, here and in every parent;
- whoever spends more than was reserved adds just that excess;
- what is spent is the sum of what was settled, or of what was reserved where nothing was settled;
- nothing stays held, and whoever waits is let in or refused, never forgotten.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.budget import Budget, BudgetExceeded, Hold
from memory.trajectory import Usage


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Spender:
    """One call: how much it reserves, what it takes, after how many turns of the loop, and how it ends."""

    reserved: float
    takes: float
    turns: int
    ends: str
    child: int

    @property
    def charged(self) -> float:
        return self.reserved if self.ends == "raises unsettled" else self.takes


AMOUNTS = st.floats(0.01, 10.0)
ENDS = st.sampled_from(["settles", "settles and raises", "raises unsettled"])


@st.composite
def spenders(draw: st.DrawFn, *, bounded: bool) -> Spender:
    reserved = draw(AMOUNTS)
    takes = draw(st.floats(0.0, reserved) if bounded else AMOUNTS)
    return Spender(reserved, takes, draw(st.integers(0, 4)), draw(ENDS), draw(st.integers(0, 2)))


async def spend(budget: Budget, spender: Spender, *, waiting: bool) -> bool:
    """True when it was let in."""
    for _ in range(spender.turns):
        await asyncio.sleep(0)
    try:
        if waiting:
            async with budget.waiting(usd=spender.reserved) as hold:
                await work(hold, spender)
        else:
            with budget.reserve(usd=spender.reserved) as hold:
                await work(hold, spender)
    except BudgetExceeded:
        return False
    except ConnectionError:
        return True
    return True


async def work(hold: Hold, spender: Spender) -> None:
    for _ in range(spender.turns):
        await asyncio.sleep(0)
    if spender.ends != "raises unsettled":
        hold.settle(usd=spender.takes)
    if spender.ends != "settles":
        raise ConnectionError("the call failed")


def run_all(budgets: list[Budget], everyone: list[Spender], *, waiting: bool) -> list[Spender]:
    """Let all spend at once; return those that were let in."""

    async def run() -> list[Spender]:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            tasks = [group.create_task(spend(budgets[s.child % len(budgets)], s, waiting=waiting)) for s in everyone]
        return [spender for spender, task in zip(everyone, tasks, strict=True) if task.result()]

    return asyncio.run(run())


@given(st.lists(spenders(bounded=True), min_size=1, max_size=16), st.floats(0.0, 40.0), st.booleans())
def test_a_limit_is_overshot_by_less_than_one_reservation(everyone: list[Spender], limit: float, waiting: bool) -> None:
    budget = Budget(usd=limit)
    admitted = run_all([budget], everyone, waiting=waiting)
    largest = max((spender.reserved for spender in admitted), default=0.0)
    assert budget.spent["usd"] <= limit + largest + 1e-9
    assert budget.spent["usd"] == pytest.approx(math.fsum(spender.charged for spender in admitted))
    assert budget.held == dict.fromkeys(budget.held, 0.0)
    if waiting and len(admitted) < len(everyone):
        assert budget.spent["usd"] >= limit, "somebody was refused though there was room"


@given(st.lists(spenders(bounded=False), min_size=1, max_size=16), st.floats(0.0, 40.0), st.booleans())
def test_an_excess_over_the_reservations_is_all_that_is_added(
    everyone: list[Spender], limit: float, waiting: bool
) -> None:
    budget = Budget(usd=limit)
    admitted = run_all([budget], everyone, waiting=waiting)
    excess = math.fsum(max(0.0, spender.charged - spender.reserved) for spender in admitted)
    largest = max((spender.reserved for spender in admitted), default=0.0)
    assert budget.spent["usd"] <= limit + largest + excess + 1e-9


@given(
    st.lists(spenders(bounded=True), min_size=1, max_size=16),
    st.floats(0.0, 30.0),
    st.lists(st.none() | st.floats(0.0, 20.0), min_size=3, max_size=3),
    st.booleans(),
)
def test_children_and_their_parent_each_keep_their_limit(
    everyone: list[Spender], limit: float, limits: list[float | None], waiting: bool
) -> None:
    parent = Budget(usd=limit)
    children = [parent.child(usd=own) for own in limits[:2]]
    children.append(children[0].child(usd=limits[2]))
    admitted = run_all(children, everyone, waiting=waiting)
    largest = max((spender.reserved for spender in admitted), default=0.0)
    assert parent.spent["usd"] <= limit + largest + 1e-9
    for child, own in zip(children, limits, strict=True):
        assert own is None or child.spent["usd"] <= own + largest + 1e-9
        assert child.held == dict.fromkeys(child.held, 0.0)
    assert parent.spent["usd"] == pytest.approx(children[0].spent["usd"] + children[1].spent["usd"])
    assert children[2].spent["usd"] <= children[0].spent["usd"] + 1e-9


@settings(max_examples=30)
@given(st.integers(0, 20), st.integers(1, 30))
def test_calls_are_kept_exactly(limit: int, tasks: int) -> None:
    """A call is always reserved as one, so sixteen at once, or thirty, never pass the limit at all."""
    budget = Budget(calls=limit)

    async def one() -> bool:
        try:
            async with budget.waiting(calls=1) as hold:
                await asyncio.sleep(0)
                hold.settle_usage(Usage(prompt_tokens=10))
        except BudgetExceeded:
            return False
        return True

    async def run() -> int:
        async with asyncio.TaskGroup() as group:
            done = [group.create_task(one()) for _ in range(tasks)]
        return sum(task.result() for task in done)

    assert asyncio.run(run()) == min(limit, tasks) == budget.spent["calls"]
    assert budget.spent["tokens"] == 10 * budget.spent["calls"] == 10 * budget.unpriced_calls


async def test_who_is_cancelled_while_waiting_holds_nothing() -> None:
    budget = Budget(calls=1)

    async def wait() -> None:
        async with budget.waiting(calls=1):
            pytest.fail("let in")

    with budget.reserve(calls=1) as hold:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        hold.settle(calls=0)
    assert task.cancelled()
    async with budget.waiting(calls=1) as hold:
        hold.settle(calls=1)
    assert budget.spent["calls"] == 1


async def test_a_waiter_is_let_in_when_a_cousin_settles_for_less() -> None:
    study = Budget(tokens=100)
    order = []

    async def one(budget: Budget, name: str, takes: float) -> None:
        async with budget.waiting(tokens=80) as hold:
            await asyncio.sleep(0)
            order.append(name)
            hold.settle(tokens=takes)

    async with asyncio.TaskGroup() as group:
        group.create_task(one(study.child(), "first", 10))
        group.create_task(one(study.child().child(), "second", 10))
    assert order == ["first", "second"]
    assert study.spent["tokens"] == 20


def test_a_budget_smaller_than_one_estimate_still_buys_one_call() -> None:
    budget = Budget(tokens=100)
    with budget.reserve(tokens=5000) as hold, pytest.raises(BudgetExceeded) as caught, budget.reserve(tokens=1):
        pytest.fail("let in beside it")
    assert caught.value.momentary
    assert hold.settled is None
    assert budget.spent["tokens"] == 5000
    with pytest.raises(BudgetExceeded, match="5000 of 100 tokens") as caught, budget.reserve(tokens=1):
        pytest.fail("let in")
    assert not caught.value.momentary


def test_beside_others_a_reservation_must_fit() -> None:
    budget = Budget(tokens=100)
    with budget.reserve(tokens=80), budget.reserve(tokens=20):
        assert budget.remaining("tokens") == 0
    budget = Budget(tokens=100)
    with budget.reserve(tokens=80), pytest.raises(BudgetExceeded, match="80 of 100"), budget.reserve(tokens=21):
        pytest.fail("let in")


def test_fractions_that_do_not_cancel_out_leave_nothing_held() -> None:
    budget = Budget(usd=1.0)
    with budget.reserve(usd=0.1) as a, budget.reserve(usd=0.2) as b:
        a.settle()
        b.settle()
    assert budget.held["usd"] == 0.0
    with budget.reserve(usd=5.0):
        pass
    assert budget.spent["usd"] == 5.0


def test_seconds_run_by_themselves_and_stop_everything() -> None:
    clock = Clock()
    budget = Budget(seconds=10, clock=clock)
    child = budget.child(calls=5)
    clock.now = 9.5
    child.check()
    assert child.remaining("seconds") == 0.5
    clock.now = 10.0
    with pytest.raises(BudgetExceeded, match="10 of 10 seconds"), child.reserve(calls=1):
        pytest.fail("let in")
    with pytest.raises(BudgetExceeded, match="seconds"):
        child.check()


def test_what_remains_is_the_tightest_of_all_and_counts_what_is_held() -> None:
    parent = Budget(calls=10)
    child = parent.child(calls=20, steps=3)
    assert (child.remaining("calls"), child.remaining("steps"), child.remaining("usd")) == (10, 3, None)
    with child.reserve(calls=4):
        assert parent.remaining("calls") == 6


def test_kinds_that_are_not_asked_for_are_not_looked_at() -> None:
    budget = Budget(calls=1)
    budget.charge(Usage(calls=3, prompt_tokens=5, completion_tokens=6, cost_usd=0.5))
    assert (budget.spent["calls"], budget.spent["tokens"], budget.spent["usd"]) == (3, 11, 0.5)
    with budget.reserve(steps=1) as hold:
        hold.settle(steps=1)
    assert budget.spent["steps"] == 1
    with pytest.raises(BudgetExceeded, match="3 of 1 calls"):
        budget.check()


def test_an_unknown_price_is_counted_and_a_known_one_is_not() -> None:
    budget = Budget()
    child = budget.child()
    child.charge(Usage(calls=2, cost_usd=None))
    with child.reserve(calls=1) as hold:
        hold.settle_usage(Usage(cost_usd=0.0))
    assert (budget.unpriced_calls, child.unpriced_calls, budget.spent["calls"]) == (2, 2, 3)


@pytest.mark.parametrize(
    "wrong",
    [lambda: Budget(usd=-1), lambda: Budget(tokens=math.nan), lambda: Budget().reserve(usd=-0.1).__enter__(),
     lambda: Budget().reserve(tokens=math.inf).__enter__(), lambda: Hold({}).settle(calls=-1)],
)  # fmt: skip
def test_nonsense_is_refused(wrong: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        wrong()
