"""What a model is to the rest of agentkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel

from environments.contracts import ToolSpec
from memory.trajectory import Completion, Message, Usage
from sandbox import AgentkitError

__all__ = ["Model", "ModelError", "ModelUnavailable"]


class ModelError(AgentkitError):
    """A model that gave no usable reply after the retries; `usage` says what the failed calls took."""

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage


class ModelUnavailable(ModelError):
    """The model cannot be reached at all; the message says what to do."""


class Model(Protocol):
    """Completes conversations. Implementations: `chat`, `cassette`, `scripted`, `pilot`."""

    @property
    def name(self) -> str: ...

    async def check(self) -> None:
        """Return when the model can be used.

        Raises:
            ModelUnavailable: it cannot, with what to do; within a second, before any work is lost.
        """
        ...

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
        """Return `n` completions.

        `logprobs` is the number of alternatives per token to ask for; 0 asks for none. `schema` asks for JSON of that
        pydantic model, given back in `Completion.parsed`. `prefill` begins the reply.

        Raises:
            ModelError: no usable reply after the retries of the one retry layer.
            ValueError: this model does not offer what was asked for (logprobs, prefill), rather than leaving it out.
        """
        ...
