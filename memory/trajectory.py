"""What happened: messages, completions, steps and trajectories, as frozen records.

A trajectory holds every attempt at one task. It is assembled from the study's log (`memory.log`), which is the truth;
nothing here writes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from environments.contracts import JSON, Action, Observation, Score, StopReason, Timing

__all__ = [
    "Attempt",
    "Completion",
    "Image",
    "Message",
    "Note",
    "Observed",
    "Part",
    "Recalled",
    "RecalledItem",
    "Step",
    "Text",
    "TokenLogprob",
    "ToolCall",
    "Trajectory",
    "Usage",
]

Role = Literal["system", "user", "assistant", "tool"]
Purpose = Literal["instruction", "goal", "history", "reflection", "feedback", "reply"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words, and what they are for: exports mask by it and the pilot reads it."""

    text: str
    purpose: Purpose = "instruction"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by its digest; the bytes lie in the study's blob folder."""

    sha256: str
    media_type: str = "image/png"
    data: bytes | None = field(default=None, repr=False, compare=False)
    """Present while the message is alive; absent after it was read back from a log without its blobs."""


@dataclass(frozen=True, slots=True)
class Observed:
    """An observation, kept as structure; a chat model renders it, the pilot reads it as it is."""

    observation: Observation
    against: Observation | None = None
    """When set, the text form is a diff against this earlier one."""
    max_tokens: int = 4000
    text: str | None = field(default=None, compare=False)
    """The text form as a model read it, exactly. None until `memory.records.sent_text` renders it, and for good where
    the model reads structure, as the pilot does."""


@dataclass(frozen=True, slots=True)
class RecalledItem:
    """One memory item as it was shown to the agent."""

    id: str
    version: int
    kind: str
    text: str
    """What a language model reads."""
    data: Mapping[str, JSON] = field(default_factory=dict)
    """What the pilot reads: the structured form, by kind (see `memory.items`)."""
    score: float = 0.0
    """Cosine similarity to the query, in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """Memory shown to the agent. Marked apart from other text, so that it is never learnt again as new."""

    items: tuple[RecalledItem, ...]


Part = Text | Image | Observed | Recalled


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asked for. `arguments` is what was parsed; `raw` what was sent, kept when unparsable."""

    name: str
    arguments: Mapping[str, JSON]
    id: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    """For role `tool`: the call that this answers."""

    @property
    def text(self) -> str:
        """The `Text` parts joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    token: str
    logprob: float
    """Natural logarithm of the probability."""
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call took. `cost_usd` is None when no price is known: unknown is not zero."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 1
    """Requests that reached the server, failed and retried ones included."""
    seconds: float = 0.0
    cost_usd: float | None = None

    def __add__(self, other: Usage) -> Usage:
        unknown = self.cost_usd is None or other.cost_usd is None
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            calls=self.calls + other.calls,
            seconds=self.seconds + other.seconds,
            cost_usd=None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
        )


NOTHING_USED = Usage(calls=0, cost_usd=0.0)
"""The neutral element of `Usage.__add__`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One reply of a model."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    """Thinking text, where the server gives it apart."""
    finish_reason: str = "stop"
    """`stop`, `length`, `tool_calls` or `content_filter`."""
    logprobs: tuple[TokenLogprob, ...] = ()
    prompt_token_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    """Exact ids, where the server gives them; exports reconcile turns by them instead of tokenising again."""
    parsed: JSON = None
    """The value of the asked-for schema, as plain JSON; None when no schema was asked for."""
    usage: Usage = NOTHING_USED
    """Of the whole request; with n completions the first carries it and the others carry nothing."""
    model: str = ""
    """What the server says it ran."""
    data: Mapping[str, JSON] = field(default_factory=dict)
    """Extras of one model: the pilot's ranking (candidates, features, probabilities)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn: what was seen and asked, what came back, what was done and what came of it."""

    index: int
    observation: Observation
    messages: tuple[Message, ...]
    """Exactly what was sent."""
    completions: tuple[Completion, ...]
    """Every reply in order, unparsable ones included; the last one gave the action."""
    action: Action | None
    """None when no reply could be parsed."""
    error: str = ""
    changed: bool = True
    terminated: bool = False
    truncated: bool = False
    recalled: tuple[RecalledItem, ...] = ()
    timing: Timing = Timing()
    model_s: float = 0.0
    memory_s: float = 0.0

    @property
    def usage(self) -> Usage:
        return sum((completion.usage for completion in self.completions), NOTHING_USED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something said about an attempt: a reflection, an evaluation, a critique."""

    kind: str
    text: str
    data: Mapping[str, JSON] = field(default_factory=dict)
    usage: Usage = NOTHING_USED


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One episode from its start to its stop reason."""

    index: int
    goal: str
    site: str = ""
    steps: tuple[Step, ...] = ()
    final: Observation | None = None
    """The observation after the last action."""
    notes: tuple[Note, ...] = ()
    stop: StopReason | None = None
    """None only for an attempt that a crash cut short."""
    detail: str = ""
    """The error or limit in words, when there is one."""
    answer: str | None = None
    score: Score | None = None
    """What the agent was allowed to know: the evaluation that it saw, never the hidden verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """Everything that was done for one task with one seed."""

    id: str
    """`suite/task/seed`, and `#k` for the k-th repetition."""
    task_id: str
    family: str
    suite: str
    split: str
    seed: int
    agent: str
    model: str
    attempts: Sequence[Attempt] = ()
    score: Score | None = None
    """The grader's verdict on the last attempt; set by the runner, after the agent is done."""
    usage: Usage = NOTHING_USED
    wall_s: float = 0.0
    uses_gold: bool = False
    """True when the hidden verdict reached the agent (`--oracle`, `--feedback env`)."""

    @property
    def stop(self) -> StopReason | None:
        return self.attempts[-1].stop if self.attempts else None

    @property
    def success(self) -> bool:
        return self.score is not None and self.score.success
