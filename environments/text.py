"""Episodes that are read as text: code, repositories, tools. What differs between them is their `World`.

A world holds one state: it can be looked at, changed by an action, and copied exactly. `TextEnvironment` makes episodes
out of a function that opens one, and keeps the log of actions and fingerprints, the limits and the ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from environments.calls import ActionError, check_action
from environments.contracts import JSON, Action, Observation, StepResult, StopReason, Task, Timing, ToolSpec

__all__ = ["Done", "TextEnvironment", "TextEpisode", "TextObservation", "World"]

CHARACTERS_A_TOKEN = 4
SECTION_SHARE = 0.5
"""Of a section that is too long, so much of its room goes to its beginning; the rest to its end, where errors stand."""


@dataclass(frozen=True)
class TextObservation:
    """What is seen: titled sections of text, such as the output of a command and the list of files."""

    sections: tuple[tuple[str, str], ...]
    """Title and text. Texts say nothing that differs between two equal runs: no times, no addresses in memory."""
    state: str = ""
    """Digest of what is not shown, such as the contents of all files; part of the fingerprint."""
    screenshot: bytes | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of sections and state."""
        return hashlib.sha256(repr((self.sections, self.state)).encode("utf-8", "replace")).hexdigest()[:16]

    def render(self, *, max_tokens: int = 4000, against: Observation | None = None) -> str:
        """The sections in order, each cut in its middle where all do not fit; unchanged ones only named."""
        known = dict(against.sections) if isinstance(against, TextObservation) else {}
        texts = [(title, "(unchanged)" if known.get(title) == text else text) for title, text in self.sections]
        room = CHARACTERS_A_TOKEN * max_tokens - sum(len(title) + 4 for title, _ in texts)
        shares = _shares([len(text) for _, text in texts], room=max(room, 0))
        return "\n".join(f"# {title}\n{_cut(text, share)}" for (title, text), share in zip(texts, shares, strict=True))

    def to_json(self) -> dict[str, JSON]:
        """Sections and state."""
        return {"kind": "text", "sections": [list(section) for section in self.sections], "state": self.state}

    @classmethod
    def from_json(cls, data: Mapping[str, JSON]) -> TextObservation:
        """What `to_json` gave."""
        return cls(tuple((str(title), str(text)) for title, text in data["sections"]), str(data.get("state", "")))


def _shares(lengths: Sequence[int], *, room: int) -> list[int]:
    """How much of each length is kept, so that the sum fits: the short ones whole, the long ones cut to one size."""
    shares = [0] * len(lengths)
    for done, place in enumerate(sorted(range(len(lengths)), key=lambda place: lengths[place])):
        shares[place] = min(lengths[place], room // (len(lengths) - done))
        room -= shares[place]
    return shares


def _cut(text: str, length: int) -> str:
    """The text, or its beginning and end with a line between them that says how much is missing."""
    if len(text) <= length:
        return text
    note = "\n… {} characters left out …\n"
    kept = max(length - len(note.format(len(text))), 0)
    head = int(kept * SECTION_SHARE)
    return text[:head] + note.format(len(text) - kept) + text[len(text) - (kept - head) :] if kept else ""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action. `error` says why it was not carried out."""

    error: str = ""
    stop: StopReason | None = None
    """Set where the action ends the episode."""
    answer: str | None = None


class World(Protocol):
    """One state of a task, used by one episode."""

    async def look(self) -> TextObservation:
        """What is seen now; the same until the next action."""
        ...

    async def act(self, action: Action) -> Done:
        """Carry out an action whose tool exists and whose arguments were checked.

        Raises:
            EnvironmentFailure: the environment broke.
        """
        ...

    async def fork(self) -> World:
        """A copy with a life of its own."""
        ...

    @property
    def mismatch(self) -> str:
        """For a fork that is not exact: what differs. Empty otherwise."""
        ...

    async def close(self) -> None:
        """Free everything; may be called twice."""
        ...


class TextEpisode:
    """One run at one task. Opened and closed by `TextEnvironment`."""

    def __init__(self, world: World, task: Task, *, seed: int, tools: Sequence[ToolSpec], goal: str) -> None:
        self.task, self.seed, self.goal, self.site = task, seed, goal, task.suite
        self.world = world
        """For the grader, which looks at the state itself."""
        self.answer: str | None = None
        self.exact, self.mismatch = not world.mismatch, world.mismatch
        self._tools = tools
        self._actions: list[Action] = []
        self._fingerprints: list[str] = []
        self._stop: StopReason | None = None
        self._last = TextObservation(())
        self._deadline = asyncio.get_running_loop().time() + task.deadline_s

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(self._actions)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(self._fingerprints)

    async def observe(self) -> TextObservation:
        """What is seen now; after the end, what was seen then."""
        if not self._fingerprints:
            self._last = await self.world.look()
            self._fingerprints.append(self._last.fingerprint)
        return self._last

    async def step(self, action: Action) -> StepResult:
        """Carry an action out and observe. See `environments.contracts.Episode.step`."""
        if self._stop is not None:
            return self._result(error=f"the episode is over ({self._stop.value}); open another one", changed=False)
        before = (await self.observe()).fingerprint
        self._actions.append(action)
        started = time.perf_counter()
        try:
            async with asyncio.timeout_at(self._deadline) as limit:
                done = await self._carry_out(action)
        except TimeoutError:
            if not limit.expired():
                raise
            done = Done(f"the deadline of {self.task.deadline_s:g} s has passed", StopReason.DEADLINE)
        self._stop = done.stop
        self.answer = done.answer if done.answer is not None else self.answer
        self._fingerprints.append(self._last.fingerprint)
        if self._stop is None and len(self._actions) >= self.task.max_steps:
            self._stop = StopReason.STEP_LIMIT
        changed = self._last.fingerprint != before
        return self._result(error=done.error, changed=changed, act=time.perf_counter() - started)

    async def _carry_out(self, action: Action) -> Done:
        checked = check_action(action, self._tools)
        if isinstance(checked, ActionError):
            return Done(checked.message)
        done = await self.world.act(checked)
        self._last = await self.world.look()
        return done

    def _result(self, *, error: str, changed: bool, act: float = 0.0) -> StepResult:
        truncated = self._stop in (StopReason.DEADLINE, StopReason.STEP_LIMIT)
        return StepResult(
            observation=self._last,
            terminated=self._stop is not None and not truncated,
            truncated=truncated,
            error=error,
            changed=changed,
            stop=self._stop,
            timing=Timing(act=act),
        )

    @asynccontextmanager
    async def fork(self) -> AsyncIterator[TextEpisode]:
        """A copy of this state: the world is copied, not replayed."""
        world = await self.world.fork()
        try:
            copy = TextEpisode(world, self.task, seed=self.seed, tools=self._tools, goal=self.goal)
            copy._actions, copy._fingerprints = list(self._actions), list(self._fingerprints)
            copy._last, copy._stop, copy.answer = self._last, self._stop, self.answer
            copy._deadline = self._deadline
            copy.exact = self.exact and copy.exact
            yield copy
        finally:
            await asyncio.shield(world.close())

    async def replay(self, actions: Sequence[Action], fingerprints: Sequence[str]) -> None:
        """Take actions again, and keep where the first fingerprint differs from the one given."""
        await self.observe()
        for number in range(len(actions) + 1):
            if number:
                await self.step(actions[number - 1])
            if self.exact and number < len(fingerprints) and fingerprints[number] != self._fingerprints[number]:
                when = f"after action {number}, {actions[number - 1]}" if number else "before the first action"
                self.exact, self.mismatch = False, f"the state differs {when}"


Opening = Callable[[Task, int], Awaitable[tuple[World, str]]]
"""Opens the world of a task's instance; the text is the instance's goal."""


@dataclass(frozen=True, kw_only=True)
class TextEnvironment:
    """Opens text episodes of one kind. Holds no episode state."""

    name: str
    tools: Sequence[ToolSpec]
    begin: Opening
    briefing: str
    """What the agent is told about its situation and tools, before the goal."""
    fork_kind: Literal["exact", "none"] = "exact"

    def start(self, task: Task, *, seed: int = 0) -> AbstractAsyncContextManager[TextEpisode]:
        """Open a fresh episode of the instance that `seed` picks."""
        return self.replay(task, (), seed=seed)

    @asynccontextmanager
    async def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AsyncIterator[TextEpisode]:
        """Open a fresh episode and take `actions` again, comparing each fingerprint given."""
        async with AsyncExitStack() as stack:
            world, goal = await self.begin(task, seed)
            stack.push_async_callback(lambda: asyncio.shield(world.close()))
            episode = TextEpisode(world, task, seed=seed, tools=self.tools, goal=goal)
            await episode.replay(actions, fingerprints)
            yield episode
