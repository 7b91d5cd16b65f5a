"""A model whose calls are charged to a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from agentkit.budget import Budget
from agentkit.models.contracts import Model, ModelError
from environments.contracts import ToolSpec
from memory.trajectory import NOTHING_USED, Completion, Message

__all__ = ["MeteredModel", "metered"]


@runtime_checkable
class SelfMetering(Protocol):
    """A model that makes several requests for one `complete`, and reserves each by itself."""

    def metered(self, budget: Budget) -> Model: ...


def metered(model: Model, budget: Budget) -> Model:
    """The model with all it does reserved in and charged to `budget`; agent, critics and memory may share one."""
    return model.metered(budget) if isinstance(model, SelfMetering) else MeteredModel(model, budget)


class MeteredModel:
    """Reserves a call as large as the largest so far for each `complete`, and settles what its completions took."""

    def __init__(self, model: Model, budget: Budget) -> None:
        self._model, self._budget = model, budget
        self._most_tokens, self._most_usd = 1, 0.0

    @property
    def name(self) -> str:
        return self._model.name

    async def check(self) -> None:
        """See `Model.check`."""
        await self._model.check()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        n: int = 1,
        temperature: float | None = None,
        max_tokens: int | None = None,
        logprobs: int = 0,
        schema: type[BaseModel] | None = None,
        prefill: str = "",
        stop: Sequence[str] = (),
        seed: int | None = None,
    ) -> list[Completion]:
        """See `Model.complete`.

        Raises:
            BudgetExceeded: the call does not fit the budget any more.
        """
        async with self._budget.waiting(calls=1, tokens=self._most_tokens, usd=self._most_usd) as hold:
            try:
                completions = await self._model.complete(
                    messages,
                    tools=tools,
                    n=n,
                    temperature=temperature,
                    max_tokens=max_tokens,
                    logprobs=logprobs,
                    schema=schema,
                    prefill=prefill,
                    stop=stop,
                    seed=seed,
                )
            except ModelError as error:
                if error.usage is not None:
                    hold.settle_usage(error.usage)
                raise
            usage = sum((completion.usage for completion in completions), NOTHING_USED)
            hold.settle_usage(usage)
        self._most_tokens = max(self._most_tokens, usage.prompt_tokens + usage.completion_tokens)
        self._most_usd = max(self._most_usd, usage.cost_usd or 0.0)
        return completions
