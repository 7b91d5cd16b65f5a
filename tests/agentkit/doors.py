"""A tiny environment for tests of the agents' own logic: a corridor of doors, one of which is the right one.

Seeded, deterministic, forkable by replay; pages are plain text. It stands in for nothing: what needs a page is tested
in a real browser elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from environments.contracts import (
    Action,
    EnvironmentFailure,
    Observation,
    Score,
    StepResult,
    StopReason,
    Task,
    ToolSpec,
)

DOORS = 4


@dataclass(frozen=True)
class Corridor:
    """What is seen: which doors were tried."""

    tried: tuple[int, ...] = ()
    screenshot: bytes | None = None

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self.tried).encode()).hexdigest()[:16]

    def render(self, *, max_tokens: int = 4000, against: Observation | None = None) -> str:
        return f"A corridor with doors 1 to {DOORS}. Tried: {list(self.tried) or 'none'}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "corridor", "tried": list(self.tried)}


class DoorEpisode:
    def __init__(self, task: Task, seed: int, env: DoorEnvironment) -> None:
        self.task, self.seed, self._env = task, seed, env
        self.right = seed % DOORS + 1
        self.goal, self.site = "Open the right door.", "corridor"
        self.actions: list[Action] = []
        self.page = Corridor()
        self.fingerprints = [self.page.fingerprint]
        self.answer: str | None = None
        self.opened: int | None = None
        self.exact, self.mismatch = True, ""

    async def observe(self) -> Observation:
        return self.page

    async def step(self, action: Action) -> StepResult:
        if self._env.hangs:
            await asyncio.sleep(3600)
        if self._env.breaks:
            raise EnvironmentFailure("the corridor fell in")
        self.actions.append(action)
        door = action.arguments.get("door")
        if action.name == "look":
            return StepResult(observation=self.page, changed=False)
        if not isinstance(door, int) or not 1 <= door <= DOORS:
            return StepResult(observation=self.page, changed=False, error=f"no door {door!r}; there are 1 to {DOORS}")
        self.page = Corridor((*self.page.tried, door))
        self.opened = door
        self.fingerprints.append(self.page.fingerprint)
        return StepResult(observation=self.page, terminated=True, stop=StopReason.TERMINATED)

    def fork(self) -> AbstractAsyncContextManager[DoorEpisode]:
        return self._env.replay(self.task, self.actions, seed=self.seed, fingerprints=self.fingerprints)


class DoorEnvironment:
    name = "doors"
    briefing = "You stand in a corridor."
    fork_kind: Literal["exact", "replay", "none"] = "replay"
    tools = (
        ToolSpec(
            "open",
            "Open a door.",
            {"type": "object", "properties": {"door": {"type": "integer"}}, "required": ["door"]},
        ),
        ToolSpec("look", "Look again.", {"type": "object", "properties": {}, "required": []}),
    )

    def __init__(self, *, hangs: bool = False, breaks: bool = False) -> None:
        self.hangs, self.breaks = hangs, breaks

    @asynccontextmanager
    async def start(self, task: Task, *, seed: int = 0) -> AsyncIterator[DoorEpisode]:
        yield DoorEpisode(task, seed, self)

    @asynccontextmanager
    async def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AsyncIterator[DoorEpisode]:
        episode = DoorEpisode(task, seed, self)
        for action in actions:
            await episode.step(action)
        episode.exact = list(fingerprints) == episode.fingerprints
        yield episode


class DoorGrader:
    limit_s = 5.0

    async def verdict(self, episode: DoorEpisode) -> Score:
        right = episode.opened == episode.right
        return Score(value=float(right), success=right, source="environment", reasons=f"door {episode.right} was right")


@dataclass(frozen=True)
class DoorSuite:
    env: DoorEnvironment
    name: str = "doors"
    kind: Literal["web", "text"] = "text"
    description: str = "doors in a corridor"
    count: int = 3

    def tasks(self) -> list[Task]:
        return [Task(id=f"door-{k}", suite="doors", max_steps=6, deadline_s=2.0) for k in range(self.count)]

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[DoorEnvironment, DoorGrader]]:
        yield self.env, DoorGrader()
