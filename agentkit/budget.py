"""One ledger for everything that a run may spend: steps, model calls, tokens, seconds, dollars.

A spender reserves its worst case before it starts and settles the true figure afterwards:

    async with budget.waiting(calls=1, tokens=1200, usd=0.01) as hold:
        reply = await call()
        hold.settle(calls=1, tokens=900, usd=0.006)

A reservation beside others must fit under the limit together with all that is spent and held; only one that stands
alone may reach over it. So as long as nobody spends more than was reserved, the limit is overshot by less than one
reservation, however many run at once. Whoever spends more than reserved adds just that excess: calls are always
reserved exactly, tokens and dollars as well as the reply's length is bounded.

`waiting` waits while only the reservations of others stand in the way, as most of them settle for less; `reserve`
refuses at once. A nested budget (`budget.child(tokens=5000)`) spends from its parents too.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, fields

from memory.trajectory import Usage
from sandbox import AgentkitError

__all__ = ["Amount", "Budget", "BudgetExceeded", "Hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So much of each kind. In limits, None means no limit; in spending, None is never used."""

    steps: float | None = None
    calls: float | None = None
    tokens: float | None = None
    seconds: float | None = None
    usd: float | None = None


KINDS = tuple(f.name for f in fields(Amount))


class BudgetExceeded(AgentkitError):
    """A limit is reached. Raised before the spending, never after it."""

    def __init__(self, kind: str, *, used: float, limit: float, momentary: bool = False) -> None:
        super().__init__(f"budget: {used:g} of {limit:g} {kind} are used or reserved; raise the limit to go on")
        self.kind, self.used, self.limit = kind, used, limit
        self.momentary = momentary
        """True when only what others hold stands in the way, and may be given back."""


class Hold:
    """A reservation in force. `settle` replaces it by what was really spent; unsettled, it is charged in full."""

    def __init__(self, amounts: dict[str, float]) -> None:
        self.amounts = amounts
        self.settled: dict[str, float] | None = None
        self.unpriced_calls = 0

    def settle(self, *, steps: float = 0, calls: float = 0, tokens: float = 0, usd: float = 0) -> None:
        """Say what was really spent.

        Raises:
            ValueError: an amount is negative.
        """
        self.settled = _amounts(steps=steps, calls=calls, tokens=tokens, usd=usd)

    def settle_usage(self, usage: Usage) -> None:
        """Settle what a model call took. One of unknown price spends 0 dollars and is counted as unpriced."""
        self.settle(calls=usage.calls, tokens=usage.prompt_tokens + usage.completion_tokens, usd=usage.cost_usd or 0.0)
        self.unpriced_calls = usage.calls if usage.cost_usd is None else 0


class Budget:
    """Limits and what has been spent against them. Not thread-safe: one event loop owns it."""

    def __init__(
        self,
        *,
        steps: float | None = None,
        calls: float | None = None,
        tokens: float | None = None,
        seconds: float | None = None,
        usd: float | None = None,
        parent: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = Amount(steps=steps, calls=calls, tokens=tokens, seconds=seconds, usd=usd)
        for kind, limit in asdict(self.limits).items():
            if limit is not None and not limit >= 0:
                raise ValueError(
                    f"budget limit {kind}={limit!r} is not a number from 0 up; give one, or None for no limit"
                )
        self.spent = dict.fromkeys(KINDS, 0.0)
        self.held = dict.fromkeys(KINDS, 0.0)
        self.unpriced_calls = 0
        """Calls whose price is unknown; they count 0 dollars, so a report must name them."""
        self._parent, self._clock, self._start = parent, clock, clock()
        self._holders = dict.fromkeys(KINDS, 0)
        self._waiters: list[asyncio.Future[None]] = []

    def child(self, **limits: float | None) -> Budget:
        """A budget with its own limits that also spends from this one."""
        return Budget(parent=self, clock=self._clock, **limits)

    def check(self) -> None:
        """Raise `BudgetExceeded` when any limit is already reached, time included."""
        self._refuse_over({})

    def remaining(self, kind: str) -> float | None:
        """What is left of one kind, in its own unit, here or in the tightest parent; None for no limit."""
        limit = getattr(self.limits, kind)
        own = None if limit is None else max(0.0, limit - self._used(kind))
        above = self._parent.remaining(kind) if self._parent else None
        return above if own is None else own if above is None else min(own, above)

    @contextmanager
    def reserve(self, *, steps: float = 0, calls: float = 0, tokens: float = 0, usd: float = 0) -> Iterator[Hold]:
        """Hold the worst case of one spending, or refuse at once.

        Raises:
            BudgetExceeded: what is spent already reaches a limit of this budget or of a parent, or would with what is
                held and asked for. A reservation that only its own size carries over the limit is let through when
                nothing else is held, so that a budget smaller than one estimate still buys one call.
            ValueError: an amount is negative.
        """
        amounts = _amounts(steps=steps, calls=calls, tokens=tokens, usd=usd)
        self._refuse_over(amounts)
        with self._held(amounts) as hold:
            yield hold

    @asynccontextmanager
    async def waiting(
        self, *, steps: float = 0, calls: float = 0, tokens: float = 0, usd: float = 0
    ) -> AsyncIterator[Hold]:
        """Hold the worst case of one spending, as soon as what others hold leaves room for it.

        A holder must not wait for more of a kind that it holds: two that do so wait for each other.

        Raises:
            BudgetExceeded: a limit is reached by what is spent, whatever the others give back.
            ValueError: an amount is negative.
        """
        amounts = _amounts(steps=steps, calls=calls, tokens=tokens, usd=usd)
        while True:
            try:
                self._refuse_over(amounts)
                break
            except BudgetExceeded as refusal:
                if not refusal.momentary:
                    raise
            await self._release()
        with self._held(amounts) as hold:
            yield hold

    def charge(self, usage: Usage) -> None:
        """Spend without a reservation what was already taken, such as the calls that a resumed run made before."""
        with self._held({}) as hold:
            hold.settle_usage(usage)

    def _chain(self) -> Iterator[Budget]:
        budget: Budget | None = self
        while budget is not None:
            yield budget
            budget = budget._parent

    def _used(self, kind: str) -> float:
        if kind == "seconds":
            return self._clock() - self._start
        return self.spent[kind] + self.held[kind]

    def _refuse_over(self, amounts: dict[str, float]) -> None:
        for budget in self._chain():
            for kind in KINDS:
                limit = getattr(budget.limits, kind)
                if limit is None or (amounts and kind != "seconds" and not amounts[kind]):
                    continue
                used = budget._used(kind)
                alone = budget._holders[kind] == 0
                if used >= limit or (not alone and used + amounts.get(kind, 0.0) > limit):
                    momentary = not alone and budget.spent[kind] < limit
                    raise BudgetExceeded(kind, used=used, limit=limit, momentary=momentary)

    @contextmanager
    def _held(self, amounts: dict[str, float]) -> Iterator[Hold]:
        hold = Hold(amounts)
        self._hold(amounts)
        try:
            yield hold
        finally:
            self._let_go(amounts)
            self._spend(hold.amounts if hold.settled is None else hold.settled, unpriced_calls=hold.unpriced_calls)

    def _hold(self, amounts: dict[str, float]) -> None:
        for budget in self._chain():
            for kind, amount in amounts.items():
                budget.held[kind] += amount
                budget._holders[kind] += amount > 0

    def _let_go(self, amounts: dict[str, float]) -> None:
        for budget in self._chain():
            for kind, amount in amounts.items():
                budget._holders[kind] -= amount > 0
                # Sums of fractions do not cancel out, and a rest of 1e-17 must not look like a holder.
                budget.held[kind] = budget.held[kind] - amount if budget._holders[kind] else 0.0

    def _spend(self, amounts: dict[str, float], *, unpriced_calls: int) -> None:
        for budget in self._chain():
            for kind, amount in amounts.items():
                budget.spent[kind] += amount
            budget.unpriced_calls += unpriced_calls
            root = budget
        for waiter in root._waiters:
            if not waiter.done():
                waiter.set_result(None)
        root._waiters.clear()

    async def _release(self) -> None:
        """Return when any reservation in the whole tree of budgets has been settled."""
        *_, root = self._chain()
        waiter = asyncio.get_running_loop().create_future()
        root._waiters.append(waiter)
        await waiter


def _amounts(**amounts: float) -> dict[str, float]:
    for kind, amount in amounts.items():
        if not (amount >= 0 and math.isfinite(amount)):
            raise ValueError(f"cannot spend {kind}={amount!r}; give a finite number from 0 up")
    return dict(amounts, seconds=0.0)
