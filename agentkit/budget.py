"""One ledger for everything that a run may spend: steps, model calls, tokens, seconds, dollars.

A spender reserves its worst case before it starts and settles the true figure afterwards:

    with budget.reserve(calls=1, tokens=1200, usd=0.01) as hold:
        reply = await call()
        hold.settle(calls=1, tokens=900, usd=0.006)

The ledger refuses a reservation when what is spent and held already reaches the limit. So each of k concurrent
spenders must fit in at the moment it starts, and the most that can be overshot is the one reservation whose true cost
was larger than its estimate. A nested budget (`budget.child(tokens=5000)`) spends from its parents too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def __init__(self, kind: str, *, used: float, limit: float) -> None:
        super().__init__(f"budget: {used:g} of {limit:g} {kind} are used or reserved; raise the limit to go on")
        self.kind, self.used, self.limit = kind, used, limit


class Hold:
    """A reservation in force. `settle` replaces it by what was really spent; unsettled, it is charged in full."""

    def __init__(self, amounts: dict[str, float]) -> None:
        self.amounts = amounts
        self.settled: dict[str, float] | None = None

    def settle(self, *, steps: float = 0, calls: float = 0, tokens: float = 0, usd: float = 0) -> None:
        """Say what was really spent. An unknown price is settled as 0 dollars and counted as unpriced by the caller."""
        self.settled = {"steps": steps, "calls": calls, "tokens": tokens, "usd": usd}

    def settle_usage(self, usage: Usage) -> None:
        """Settle what a model call took."""
        tokens = usage.prompt_tokens + usage.completion_tokens
        self.settle(calls=usage.calls, tokens=tokens, usd=usage.cost_usd or 0.0)


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
            if limit is not None and limit < 0:
                raise ValueError(f"budget limit {kind}={limit!r} is negative; give 0 or more, or None for no limit")
        self.spent = dict.fromkeys(KINDS, 0.0)
        self.held = dict.fromkeys(KINDS, 0.0)
        self.unpriced_calls = 0
        """Calls whose price is unknown; they count 0 dollars, so a report must name them."""
        self._parent, self._clock, self._start = parent, clock, clock()

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
        """Hold the worst case of one spending.

        Raises:
            BudgetExceeded: what is spent and held already reaches a limit of this budget or of a parent. A reservation
                that only its own size carries over the limit is let through when nothing is left held, so that a
                budget smaller than one estimate still buys one call.
        """
        amounts = {"steps": steps, "calls": calls, "tokens": tokens, "usd": usd}
        self._refuse_over(amounts)
        self._hold(amounts, +1)
        hold = Hold(amounts)
        try:
            yield hold
        finally:
            self._hold(amounts, -1)
            self._spend(hold.amounts if hold.settled is None else hold.settled)

    def charge(self, usage: Usage) -> None:
        """Spend without a reservation what was already taken, such as a call that failed in the end."""
        tokens = usage.prompt_tokens + usage.completion_tokens
        self._spend({"calls": usage.calls, "tokens": tokens, "usd": usage.cost_usd or 0.0})

    def note_unpriced(self, calls: int = 1) -> None:
        """Count calls whose dollars nobody knows."""
        for budget in self._chain():
            budget.unpriced_calls += calls

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
                if limit is None or (amounts and kind != "seconds" and not amounts.get(kind)):
                    continue
                used = budget._used(kind)
                first = budget.held.get(kind, 0.0) == 0.0
                if used >= limit or (not first and used + amounts.get(kind, 0.0) > limit):
                    raise BudgetExceeded(kind, used=used, limit=limit)

    def _hold(self, amounts: dict[str, float], sign: int) -> None:
        for budget in self._chain():
            for kind, amount in amounts.items():
                budget.held[kind] += sign * amount

    def _spend(self, amounts: dict[str, float]) -> None:
        for budget in self._chain():
            for kind, amount in amounts.items():
                budget.spent[kind] += amount
