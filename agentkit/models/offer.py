"""What a provider takes and what it asks for it, as far as litellm knows; and litellm itself, loaded late."""

from __future__ import annotations

import gc
import importlib
import os
from dataclasses import dataclass
from typing import Any

from environments.contracts import JSON
from memory.trajectory import Usage

__all__ = ["Offer", "Price", "load_litellm"]

OWN_SERVERS = frozenset({"hosted_vllm", "vllm", "ollama", "ollama_chat", "lm_studio", "llamafile", "xinference"})
"""Providers that are a server of one's own, which takes JSON schemas whatever the model; no list has their price."""


def load_litellm() -> Any:
    """The litellm module, quiet and offline: without telemetry, notices or a look-up of prices on the network.

    The import takes seconds, so call it in a thread; without the garbage collector it takes a fifth less.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    collecting = gc.isenabled()
    gc.disable()
    try:
        litellm: Any = importlib.import_module("litellm")
    finally:
        if collecting:
            gc.enable()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    prompt: float
    completion: float
    cached: float | None = None
    """Of prompt tokens that the server had in its cache; None charges them as the others."""

    def cost(self, usage: Usage) -> float:
        """Dollars for the tokens of `usage`."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = usage.prompt_tokens - usage.cached_tokens
        dollars = fresh * self.prompt + usage.cached_tokens * cached + usage.completion_tokens * self.completion
        return dollars / 1e6


@dataclass(frozen=True, slots=True)
class Offer:
    """One model at one provider."""

    litellm: Any
    name: str
    """The whole litellm model string."""
    model: str
    """The name without the provider."""
    provider: str

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What litellm raises for a request that failed. All its exceptions descend from the OpenAI client's."""
        return (importlib.import_module("openai").OpenAIError, OSError)

    def takes(self, **settings: JSON) -> bool:
        """True when litellm would send these settings on."""
        try:
            self.litellm.get_optional_params(model=self.model, custom_llm_provider=self.provider, **settings)
        except self.litellm.UnsupportedParamsError:
            return False
        return True

    @property
    def images(self) -> bool:
        """True when the model is known to read pictures; False when it is not known."""
        return bool(self.litellm.supports_vision(self.name))

    @property
    def schema(self) -> bool:
        """True when replies can be held to a JSON schema by the server."""
        return self.provider in OWN_SERVERS or bool(self.litellm.supports_response_schema(self.name))

    @property
    def prefill(self) -> bool:
        """True when the provider continues a reply that was begun for it."""
        try:
            known = self.litellm.get_model_info(self.name)
        except self.litellm.exceptions.ModelNotMappedError:
            known = {}
        return self.provider == "hosted_vllm" or bool(known.get("supports_assistant_prefill"))

    def cost(self, usage: Usage, *, reported: Any = None) -> float | None:
        """Dollars by litellm's list; None for a model that is not in it, or stands there without a price.

        `reported` is the server's own account of the tokens; it tells cached ones, which have a price of their own.
        """
        counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        try:
            dollars = sum(self.litellm.cost_per_token(model=self.name, usage_object=reported, **counts))
        except (self.litellm.exceptions.ModelNotMappedError, self.litellm.NotFoundError):
            return None
        return dollars if dollars > 0 or not sum(counts.values()) else None
