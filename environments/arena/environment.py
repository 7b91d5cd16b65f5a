"""Arena episodes: a real browser on an instance of the sites of its own, copied exactly by `fork`.

async with start() as arena, launch() as chromium:
    env = ArenaEnvironment(arena, chromium)
    async with env.start(task) as episode, episode.fork() as copy: ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from environments.arena.client import ArenaClient
from environments.arena.copying import copy_window
from environments.arena.server import COPY, HEADER
from environments.arena.sites import SITES
from environments.contracts import Action, EnvironmentFailure, Task, ToolSpec
from environments.web.episode import BRIEFING, Manner, Opening, WebEnvironment, WebEpisode
from environments.web.guard import Rules

if TYPE_CHECKING:
    from environments.web.browser import Chromium
    from environments.web.window import Window

__all__ = ["ArenaEnvironment", "addressed"]


Beginning = Callable[["Window", Task, str], Awaitable[Opening]]
"""Brings a window to where an episode begins, on the instance of that name."""


def addressed(text: str, arena: ArenaClient) -> str:
    """The text with `__SHOP__` and its like replaced by the sites' addresses."""
    for site in SITES:
        text = text.replace(f"__{site.upper()}__", arena.address(site))
    return text


@dataclass(frozen=True, kw_only=True)
class ArenaEnvironment:
    """Opens episodes on the sites. Holds no episode state but which instance each open one plays on."""

    arena: ArenaClient
    chromium: Chromium
    manner: Manner = Manner()
    name: str = "arena"
    briefing: str = BRIEFING
    instances: dict[WebEpisode, str] = field(default_factory=dict)
    """Open episode -> its instance; for graders and for checking that nothing was left behind."""

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return self.manner.tools

    @property
    def fork_kind(self) -> Literal["exact"]:
        return "exact"

    def start(self, task: Task, *, seed: int = 0) -> AbstractAsyncContextManager[WebEpisode]:
        """Open a fresh instance and the task's first page. The task decides the data; `seed` changes nothing yet."""
        return self.replay(task, (), seed=seed)

    @asynccontextmanager
    async def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AsyncIterator[WebEpisode]:
        """Open a fresh instance and take `actions`, comparing each fingerprint given."""
        instance = await self._fresh(task)
        async with self._closing(instance):
            web = self._web(instance, self._begin)
            async with web.replay(task, actions, seed=seed, fingerprints=fingerprints) as episode:
                self._settle_in(episode, instance)
                yield episode

    async def _fresh(self, task: Task) -> str:
        data = task.data
        return await self.arena.open(
            seed=data.get("seed", 0), size=data.get("size", "normal"), drift=data.get("drift", 0)
        )

    @asynccontextmanager
    async def _closing(self, instance: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for episode in [episode for episode, own in self.instances.items() if own == instance]:
                del self.instances[episode]
            await self.arena.close(instance)

    def _settle_in(self, episode: WebEpisode, instance: str) -> None:
        self.instances[episode] = instance
        episode.use_fork(lambda: self._fork(episode))

    def _web(self, instance: str, begin: Beginning) -> WebEnvironment:
        async def beginning(window: Window, task: Task, seed: int) -> Opening:
            await window.context.set_extra_http_headers({HEADER: instance})
            return await begin(window, task, instance)

        origins = tuple(self.arena.address(site) for site in SITES)
        return WebEnvironment(
            name=self.name,
            chromium=self.chromium,
            begin=beginning,
            rules=lambda task: Rules(origins=origins),
            manner=self.manner,
        )

    async def _begin(self, window: Window, task: Task, instance: str) -> Opening:
        for site, username in task.data.get("login", {}).items():
            cookie = await self.arena.log_in(instance, site=site, username=username)
            await window.context.add_cookies([{"name": "session", "value": cookie, "url": self.arena.address(site)}])
        start = addressed(task.data["start"], self.arena)
        if problem := await window.goto(start):
            raise EnvironmentFailure(f"arena task {task.id!r}: {start}: {problem}")
        return Opening(goal=task.goal, site="arena")

    @asynccontextmanager
    async def _fork(self, original: WebEpisode) -> AsyncIterator[WebEpisode]:
        """Copy instance and browser; where the copied page is not the same, replay the log and compare that."""
        instance = await self.arena.fork(self.instances[original])

        async def begin(window: Window, task: Task, own: str) -> Opening:
            await copy_window(original.window, window, headers={HEADER: own}, first=COPY)
            return Opening(goal=original.goal, site=original.site)

        async with self._closing(instance):
            web = self._web(instance, begin)
            async with web.start(original.task, seed=original.seed) as copy:
                if await copy.continue_from(original):
                    self._settle_in(copy, instance)
                    yield copy
                    return
        async with self.replay(
            original.task, original.actions, seed=original.seed, fingerprints=original.fingerprints
        ) as again:
            yield again
