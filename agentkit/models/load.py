"""From what a person types after `--model` to a model."""

from __future__ import annotations

import difflib
from pathlib import Path

from agentkit.models.contracts import Model, ModelUnavailable
from agentkit.models.offer import Price

__all__ = ["load_model"]

OURS = ("pilot", "scripted:FILE", "cassette:FILE")


def load_model(
    spec: str, *, base_url: str | None = None, api_key: str | None = None, price: Price | None = None
) -> Model:
    """The model that `spec` names; nothing is sent, `Model.check` does that.

    Args:
        spec: `pilot`; `scripted:FILE`, a JSON script; `cassette:FILE`, replayed, or `cassette:FILE+SPEC`, which records
            with another model what is not there yet; else a litellm model string.
        base_url: Of the server, for a litellm model.
        api_key: For a litellm model; its provider's environment variable when left out.
        price: For a litellm model whose price is not known.

    Raises:
        ModelUnavailable: the name is misspelt, or a file cannot be read.
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind in ("scripted", "cassette") and not rest:
        raise ModelUnavailable(f"{spec!r} names no file; write {kind}:FILE")
    if spec == "pilot":
        from agentkit.models.pilot import PilotModel

        return PilotModel()
    if colon and kind == "scripted":
        from agentkit.models.scripted import ScriptedModel

        return ScriptedModel.load(Path(rest))
    if colon and kind == "cassette":
        return _cassette(rest, base_url=base_url, api_key=api_key, price=price)
    _refuse_misspelt(spec, kind if colon else spec)
    from agentkit.models.chat import ChatModel

    return ChatModel(spec, base_url=base_url, api_key=api_key, price=price)


def _cassette(rest: str, *, base_url: str | None, api_key: str | None, price: Price | None) -> Model:
    from agentkit.models.cassette import Cassette

    file, plus, inner = rest.rpartition("+")
    if not plus or Path(rest).exists():
        return Cassette(Path(rest))
    model = load_model(inner, base_url=base_url, api_key=api_key, price=price)
    return Cassette(Path(file), model=model, mode="auto")


def _refuse_misspelt(spec: str, name: str) -> None:
    """Refuse what is near one of our own names; what is near a hosted model's name is for `check` to say."""
    own = {known.partition(":")[0]: known for known in OURS}
    close = difflib.get_close_matches(name.lower(), own, n=1, cutoff=0.7)
    if not spec.strip() or (close and "/" not in name):
        meant = f", did you mean {own[close[0]]!r}?" if close else ""
        raise ModelUnavailable(f"unknown model {spec!r}{meant}; write {', '.join(OURS)} or PROVIDER/MODEL")
