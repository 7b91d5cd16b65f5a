"""Episodes on the user's own WebArena sites: taking turns at them, resetting, signing in, the first pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from environments.contracts import Action, EnvironmentFailure, Task, ToolSpec
from environments.web.episode import BRIEFING, Manner, Opening, WebEnvironment, WebEpisode
from environments.web.guard import Rules
from environments.webarena.login import sign_in
from environments.webarena.order import ResetService, Turns
from environments.webarena.records import Record
from environments.webarena.sites import Sites

if TYPE_CHECKING:
    from environments.web.browser import Chromium
    from environments.web.window import Window

__all__ = ["WebArenaEnvironment"]


@dataclass(frozen=True, kw_only=True)
class WebArenaEnvironment:
    """Opens episodes on the sites. `fork` replays; on a site that keeps what was written, a copy is seldom exact."""

    records: Mapping[str, Record]
    sites: Sites
    chromium: Chromium
    folders: Sequence[Path] = (Path(),)
    """Where the cookie files that records name are looked for."""
    reset_service: ResetService | None = None
    manner: Manner = Manner()
    name: str = "webarena"
    briefing: str = BRIEFING
    turns: Turns = field(default_factory=Turns)

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return self.manner.tools

    @property
    def fork_kind(self) -> Literal["replay"]:
        return "replay"

    @asynccontextmanager
    async def start(self, task: Task, *, seed: int = 0) -> AsyncIterator[WebEpisode]:
        """Wait for the task's sites, reset them where it asks for that, and open its first pages, signed in.

        Raises:
            EnvironmentFailure: a site has no address, does not answer, or does not let the user in.
        """
        record = self._record(task)
        if lacking := self.sites.lacking(record.sites):
            raise EnvironmentFailure(
                f"task {task.id} plays on sites without an address: export {' and '.join(lacking)}"
            )
        # A reset is of all sites at once.
        held = tuple(self.sites.addresses) if record.require_reset else record.sites
        async with self.turns.take(held, writes=record.writes or record.require_reset):
            if record.require_reset:
                await self._reset(task)
            async with self._web.start(task, seed=seed) as episode:
                yield episode

    def replay(
        self, task: Task, actions: Sequence[Action], *, seed: int = 0, fingerprints: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[WebEpisode]:
        """Take `actions` again from the first pages. Within an episode of the same task, so it takes no turn."""
        return self._web.replay(task, actions, seed=seed, fingerprints=fingerprints)

    def _record(self, task: Task) -> Record:
        if task.id not in self.records:
            raise EnvironmentFailure(f"no record {task.id!r}; there are {len(self.records)}")
        return self.records[task.id]

    async def _reset(self, task: Task) -> None:
        if self.reset_service is None:
            raise EnvironmentFailure(
                f"task {task.id} asks for a reset: export WA_FULL_RESET with the service's address"
            )
        await self.reset_service.reset()

    @property
    def _web(self) -> WebEnvironment:
        rules = Rules(origins=self.sites.origins())
        return WebEnvironment(
            name=self.name, chromium=self.chromium, begin=self._begin, rules=lambda task: rules, manner=self.manner
        )

    async def _begin(self, window: Window, task: Task, seed: int) -> Opening:
        record = self._record(task)
        if record.geolocation:
            await window.context.grant_permissions(["geolocation"])
            await window.context.set_geolocation(
                {"latitude": record.geolocation["latitude"], "longitude": record.geolocation["longitude"]}
            )
        await sign_in(window.front.page, record, sites=self.sites, folders=self.folders)
        for number, placed in enumerate(record.start_urls):
            url = self.sites.filled(placed)
            if number:
                await window.open_tab()
            if problem := await window.goto(url):
                raise EnvironmentFailure(f"webarena task {task.id}: {url}: {problem}")
        if len(record.start_urls) > 1:
            await window.focus(0)
        return Opening(goal=record.intent, site=record.sites[0] if record.sites else self.name)
