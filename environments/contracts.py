"""What a task, an observation, an action, an episode and a grader are.

An `Environment` is a description and holds no state. `start` opens an `Episode`, which is used once:

    async with env.start(task, seed=0) as episode:
        observation = await episode.observe()
        result = await episode.step(Action("click", {"ref": "12"}))

`terminated` and `truncated` keep Gymnasium's meaning: the task itself ended, or somebody stopped it. There is no
reward in a `StepResult`: the verdict belongs to the `Grader`, which only the runner holds.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from sandbox import AgentkitError

__all__ = [
    "JSON",
    "Action",
    "Answer",
    "AnswerSuite",
    "Environment",
    "EnvironmentFailure",
    "Episode",
    "Grade",
    "Grader",
    "Observation",
    "Score",
    "Split",
    "StepResult",
    "StopReason",
    "Suite",
    "Task",
    "Timing",
    "ToolSpec",
]

JSON = Any
"""A value that `json.dumps` takes. Recursive aliases buy nothing at run time, so this is `Any` by name."""

Split = Literal["training", "validation", "heldout"]


class EnvironmentFailure(AgentkitError):
    """The environment itself broke (browser gone, page server down). Never the agent's fault, never scored."""


class StopReason(enum.Enum):
    """Why an episode ended. Exactly one holds."""

    TERMINATED = "terminated"
    """The task said so: its page ended, or the environment accepted the answer."""
    ANSWERED = "answered"
    """The agent said it was done (`answer`, WebArena's `stop`)."""
    INFEASIBLE = "infeasible"
    """The agent reported that the task cannot be done."""
    STEP_LIMIT = "step_limit"
    """The task's or the budget's number of steps was used up."""
    DEADLINE = "deadline"
    """Wall-clock time ran out; the episode was killed where it stood."""
    BUDGET = "budget"
    """Tokens, calls, seconds or dollars ran out."""
    LOOP = "loop"
    """The agent kept repeating itself after it had been told."""
    UNPARSABLE = "unparsable"
    """The model gave no usable action several times in a row."""
    MODEL_ERROR = "model_error"
    """The model could not be reached or refused to answer."""
    ENVIRONMENT_ERROR = "environment_error"
    """The environment broke."""
    INTERRUPTED = "interrupted"
    """The process was stopped; a resumed study starts this task again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do. The seed picks the instance; the same task and seed give the same instance."""

    id: str
    """Unique within its suite, such as `click-test`."""
    suite: str
    goal: str = ""
    """What to do, in words. Empty when the instance decides it; then `Episode.goal` has it."""
    template: str = ""
    """The family that the task belongs to; the guard against leaks works on it. Empty means the task's own id."""
    split: Split = "training"
    max_steps: int = 15
    """Environment steps in one attempt."""
    deadline_s: float = 60.0
    """Wall-clock seconds for one attempt, after which it is killed and recorded as such."""
    data: Mapping[str, JSON] = field(default_factory=dict)
    """What the environment needs to start it."""

    @property
    def family(self) -> str:
        """`suite/template`: what two instances of one task have in common."""
        return f"{self.suite}/{self.template or self.id}"


@dataclass(frozen=True, slots=True)
class Action:
    """A tool call: a name and its arguments, as the environment's `tools` declare them."""

    name: str
    arguments: Mapping[str, JSON] = field(default_factory=dict)

    def __str__(self) -> str:
        """Python-call form, such as `click(ref='12')`; the form in logs and prompts."""
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """An action that an environment offers, described for a model."""

    name: str
    description: str
    parameters: Mapping[str, JSON]
    """JSON Schema of the arguments, an object schema."""
    binding: bool = True
    """Whether the schema is the truth. Where it may not be, a call is passed on as it was given, and the tool itself
    says what is wrong with its arguments."""


@runtime_checkable
class Observation(Protocol):
    """What the agent sees: structure, turned into text by `render` only when a model reads it."""

    @property
    def fingerprint(self) -> str:
        """Digest of what the observation says; equal states have equal fingerprints, whatever the run."""
        ...

    @property
    def screenshot(self) -> bytes | None:
        """PNG or JPEG bytes, when one was asked for."""
        ...

    def render(self, *, max_tokens: int = 4000, against: Observation | None = None) -> str:
        """Text for a model, least useful lines dropped first above the cap; a diff when `against` is given."""
        ...

    def to_json(self) -> dict[str, JSON]:
        """The whole structure less the screenshot, with a `kind` field; enough to rebuild the observation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where a step's wall time went, in seconds."""

    act: float = 0.0
    settle: float = 0.0
    observe: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The state after an action. A wrong action is not an exception: `error` says what was wrong."""

    observation: Observation
    terminated: bool = False
    truncated: bool = False
    error: str = ""
    """Empty when the action was carried out; else what was wrong with it and the nearest valid choices."""
    changed: bool = True
    """False when the fingerprint is the one from before the action: the action did nothing that can be seen."""
    stop: StopReason | None = None
    """Set exactly when `terminated` or `truncated` is."""
    timing: Timing = Timing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A verdict in [0, 1], with where it came from."""

    value: float
    success: bool
    source: Literal["environment", "execution", "judge", "self", "trace"]
    reasons: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"score value {self.value!r} is outside [0, 1]; normalise it where it is made")


class Episode(Protocol):
    """One run at one task, used once. Close it by leaving the `async with` that opened it."""

    @property
    def task(self) -> Task: ...
    @property
    def seed(self) -> int: ...
    @property
    def goal(self) -> str:
        """The instruction of this very instance."""
        ...

    @property
    def site(self) -> str:
        """Where it plays, such as `miniwob` or a host name; memory is filtered by it."""
        ...

    @property
    def actions(self) -> Sequence[Action]:
        """Every action taken so far, in order: the log that a fork replays."""
        ...

    @property
    def fingerprints(self) -> Sequence[str]:
        """The first observation's fingerprint, then one per action."""
        ...

    @property
    def answer(self) -> str | None:
        """The text given with `answer` or `report_infeasible`; None before."""
        ...

    async def observe(self) -> Observation:
        """The present state. Calling it twice without a step between gives the same fingerprint."""
        ...

    async def step(self, action: Action) -> StepResult:
        """Carry the action out, wait until the environment is quiet, and observe.

        Raises:
            EnvironmentFailure: the environment broke. An action that is merely wrong is told in `StepResult.error`.
        """
        ...

    def fork(self) -> AbstractAsyncContextManager[Episode]:
        """Open a copy of this state in its own context; `copy.exact` says whether it is proven to be equal."""
        ...

    @property
    def exact(self) -> bool:
        """True for a snapshot, or a replay in which every fingerprint was the same as in the original."""
        ...

    @property
    def mismatch(self) -> str:
        """For a copy that is not exact: the first step whose fingerprint differed. Empty otherwise."""
        ...


class Environment(Protocol):
    """A kind of episode. Holds no episode state, so one serves many episodes at once."""

    @property
    def name(self) -> str: ...
    @property
    def tools(self) -> Sequence[ToolSpec]: ...
    @property
    def briefing(self) -> str:
        """What the agent is told about its situation before the goal: what it sees, and how it ends."""
        ...

    @property
    def fork_kind(self) -> Literal["exact", "replay", "none"]: ...
    def start(self, task: Task, *, seed: int = 0) -> AbstractAsyncContextManager[Episode]:
        """Open a fresh episode of the instance that `seed` picks."""
        ...

    def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[Episode]:
        """Open a fresh episode and take `actions`, comparing each fingerprint given; see `Episode.exact`."""
        ...


class Grader(Protocol):
    """Says whether an episode succeeded. Only the runner holds one."""

    @property
    def limit_s(self) -> float:
        """Seconds that a verdict may take; after them the episode counts as failed."""
        ...

    async def verdict(self, episode: Episode) -> Score: ...


class Suite(Protocol):
    """Named tasks with the environment they run in and the grader that judges them."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def kind(self) -> Literal["web", "text"]:
        """What its observations are: outlines of pages, or plain text. The pilot reads only the first."""
        ...

    def tasks(self) -> Sequence[Task]: ...
    def open(self, *, parallel: int = 1) -> AbstractAsyncContextManager[tuple[Environment, Grader]]:
        """Start what the environment needs (a browser, a server) for so many episodes at once."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded answer to a task, made by anybody at any time."""

    task_id: str
    content: JSON
    """What the suite's answer format holds: a completion, a diff, a text, a trace."""


Grade = Callable[[Answer], Awaitable[Score]]


class AnswerSuite(Suite, Protocol):
    """A suite that can also grade recorded answers, without an agent."""

    def read_answers(self, path: Path) -> Sequence[Answer]:
        """Read a file of answers in the suite's published format.

        Raises:
            AgentkitError: a line that cannot be read, with its number and what was expected.
        """
        ...

    def grading(self, *, parallel: int = 1) -> AbstractAsyncContextManager[Grade]:
        """Start what grading so many answers at once needs."""
        ...
