"""The bundled model: it ranks the actions a page allows, on a CPU, without a key.

A proposal's features (`agentkit.models.proposals`) go through a linear head; a softmax over the page's proposals is the
policy, from which one action is drawn with a temperature. Features compare the goal with each element by words and by a
small sentence encoder, look at what was done before, and at recalled experiences and reflections. The shipped head was
set by hand and has seen no task; `agentkit.train.pilot` tunes it on trajectories.

It writes no prose. It is enough to see the whole loop work and improve for real; it does not replace a language model.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from agentkit.models.features import FEATURES, features
from agentkit.models.proposals import Proposal, propose, read_situation
from environments.contracts import ToolSpec
from memory.contracts import TextEncoder
from memory.trajectory import Completion, Message, TokenLogprob, ToolCall, Usage
from sandbox import AgentkitError

__all__ = ["HEAD_SCHEMA", "Head", "PilotModel"]

HEAD_SCHEMA = 1

PRIOR: Mapping[str, float] = {
    "fill": 1.0, "select_option": 1.0,
    "name_quoted": 3.0, "name_phrase": 2.0, "name_overlap": 1.5, "name_unmatched": -0.8, "name_empty": -0.7,
    "name_guessed": 0.5, "similarity": 0.8, "similarity_best": 0.3,
    "kind_named": 1.0, "color_named": 1.0, "size_named": 0.5, "neighbour_named": 1.0,
    "next_piece": 1.0, "click_field": -1.0,
    "text_from_goal": 0.5, "text_from_page": -1.5, "text_quoted": 1.5, "label_before_text": 2.0, "order_agrees": 1.0,
    "text_used": -3.0, "text_names_control": -2.0, "overwrites": -3.0,
    "option_quoted": 3.0, "option_phrase": 3.0, "option_overlap": 1.0, "option_several": 2.0,
    "option_chosen": -5.0, "option_lost": -2.0,
    "ordinal_agrees": 1.5,
    "ending": 0.5, "ending_pieces_left": -2.0, "ending_all_used": 2.5, "ending_nothing_done": -1.0, "ending_named": 1.0,
    "repeats": -2.5, "repeats_without_effect": -5.0, "was_clicked_matches": -1.5, "already_checked": -3.0,
    "already_focused": -3.0,
    "in_view": 0.3,
    "avoid_here": -2.0, "avoid_elsewhere": -0.4,
    "memory_for": 6.0, "memory_against": -3.0, "memory_margin": 0.0,
}  # fmt: skip
"""The hand-set head. Signs are what a person would guess; no value was fitted to a task."""


@dataclass(frozen=True, slots=True)
class Head:
    """Linear weights over `FEATURES`."""

    weights: NDArray[np.float64]
    origin: str = "prior"
    """What it was tuned on; `prior` is the shipped one."""

    @classmethod
    def prior(cls) -> Head:
        return cls(np.array([PRIOR.get(name, 0.0) for name in FEATURES]))

    @classmethod
    def load(cls, path: Path) -> Head:
        """Read a head written by `save`; columns are matched by name.

        Raises:
            AgentkitError: not a head file, or one with other features than this version computes.
        """
        try:
            record = json.loads(path.read_text())
            if record["schema"] != HEAD_SCHEMA:
                raise ValueError(f"schema {record['schema']!r}, expected {HEAD_SCHEMA}")
            named = dict(zip(record["features"], record["weights"], strict=True))
            if set(named) != set(FEATURES):
                raise ValueError(f"other features: {sorted(set(named) ^ set(FEATURES))}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AgentkitError(f"{path}: not a pilot head ({error}); make one with `agentkit train pilot`") from error
        return cls(np.array([named[name] for name in FEATURES], dtype=float), record.get("origin", str(path)))

    def save(self, path: Path) -> None:
        record = {"schema": HEAD_SCHEMA, "origin": self.origin, "features": FEATURES, "weights": self.weights.tolist()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")


class PilotModel:
    """A `Model` over web observations. Ignores prose; reads the structured parts of the messages."""

    def __init__(
        self, *, head: Head | None = None, encoder: TextEncoder | None = None, temperature: float = 0.5
    ) -> None:
        self.head = head or Head.prior()
        self.temperature = temperature
        self._encoder = encoder

    @property
    def name(self) -> str:
        return "pilot" if self.head.origin == "prior" else f"pilot ({self.head.origin})"

    @property
    def encoder(self) -> TextEncoder:
        if self._encoder is None:
            from memory.encoder import Encoder

            self._encoder = Encoder()
        return self._encoder

    async def check(self) -> None:
        """Load the encoder.

        Raises:
            MissingDependencyError: the encoder's package is absent; with the command that installs it.
        """
        await asyncio.to_thread(self.encoder.encode, ["ready"])

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
        """Draw `n` actions from the policy; the same seed and messages give the same draws.

        Raises:
            ValueError: prose was asked for (`schema`, `prefill`), or there is no page in the messages.
        """
        if schema is not None or prefill:
            raise ValueError(
                "the pilot writes no prose: it takes no schema and no prefill; use a language model for it"
            )
        started = time.perf_counter()
        situation = read_situation(messages)
        proposals = propose(situation)
        matrix = await asyncio.to_thread(features, situation, proposals, encoder=self.encoder)
        log_p = log_softmax(matrix @ self.head.weights, self.temperature if temperature is None else temperature)
        rng = np.random.default_rng(seed)
        drawn = [int(i) for i in rng.choice(len(proposals), size=n, p=np.exp(log_p))]
        usage = Usage(calls=1, seconds=time.perf_counter() - started, cost_usd=0.0)
        none = Usage(calls=0, cost_usd=0.0)
        return [
            completion(
                proposals, log_p, chosen, usage=none if k else usage, alternatives=max(logprobs, 5), model=self.name
            )
            for k, chosen in enumerate(drawn)
        ]


def log_softmax(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Log-probabilities at a temperature; 0 means greedy, with ties broken by the order on the page."""
    if temperature <= 0:
        return np.where(np.arange(len(scores)) == int(scores.argmax()), 0.0, -np.inf)
    scaled = scores / temperature
    scaled = scaled - scaled.max()
    return np.asarray(scaled - np.log(np.exp(scaled).sum()))


def completion(
    proposals: Sequence[Proposal],
    log_p: NDArray[np.float64],
    chosen: int,
    *,
    usage: Usage,
    alternatives: int,
    model: str,
) -> Completion:
    """The reply for one drawn proposal: a tool call, its log-probability, and the best alternatives."""
    action = proposals[chosen].action
    best = [int(i) for i in np.argsort(-log_p, kind="stable")[:alternatives] if np.isfinite(log_p[i])]
    top = tuple((describe(proposals[i]), float(log_p[i])) for i in best)
    return Completion(
        tool_calls=(ToolCall(action.name, action.arguments, id="call_0"),),
        finish_reason="tool_calls",
        logprobs=(TokenLogprob(describe(proposals[chosen]), float(log_p[chosen]), top),),
        usage=usage,
        model=model,
    )


def describe(proposal: Proposal) -> str:
    """One line for a person: `fill [7] textbox "Name" with "Bob"`."""
    element = proposal.element
    words = f'{proposal.action.name} [{element.ref}] {element.role} "{element.name[:60]}"'
    return f'{words} with "{proposal.text[:60]}"' if proposal.text else words
