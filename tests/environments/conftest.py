"""A browser for all page tests of a run, two servers of different origins, and episodes on a page of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from environments.contracts import Task
from environments.web.browser import Chromium, launch
from environments.web.episode import Manner, Opening, WebEnvironment, WebEpisode
from environments.web.guard import Rules
from environments.web.window import Window
from tests.environments.page_server import PageServer

OpenPage = Callable[..., AbstractAsyncContextManager[WebEpisode]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    async with launch() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncIterator[tuple[PageServer, PageServer]]:
    """The site that episodes play on, and one of another origin."""
    async with PageServer() as other, PageServer(other=other.origin) as site:
        yield site, other


@pytest.fixture
def site(servers: tuple[PageServer, PageServer]) -> PageServer:
    servers[0].seen.clear()
    return servers[0]


@pytest.fixture
def other(servers: tuple[PageServer, PageServer]) -> PageServer:
    servers[1].seen.clear()
    return servers[1]


async def begin(window: Window, task: Task, seed: int) -> Opening:
    problem = await window.goto(task.data["url"])
    assert problem == "", problem
    return Opening(goal=task.goal, site="fixtures")


@pytest.fixture
def environment(chromium: Chromium) -> Callable[..., WebEnvironment]:
    """An environment over any page: `environment(origins=..., **settings of Manner)`."""

    def make(*, rules: Rules | None = None, dialogs: Any = "accept", **manner: Any) -> WebEnvironment:
        return WebEnvironment(
            name="fixtures",
            chromium=chromium,
            begin=begin,
            rules=lambda task: rules or Rules(origins=tuple(task.data["origins"])),
            manner=Manner(**manner),
            dialogs=dialogs,
        )

    return make


@pytest.fixture
def open_page(environment: Callable[..., WebEnvironment], site: PageServer, other: PageServer) -> OpenPage:
    """Open an episode on a fixture page: `async with open_page("plain") as episode`."""

    @asynccontextmanager
    async def opened(
        name: str, *, foreign: bool = False, deadline_s: float = 60.0, max_steps: int = 50, **settings: Any
    ) -> AsyncIterator[WebEpisode]:
        origins = [site.origin, other.origin] if foreign else [site.origin]
        task = page_task(site, name, origins=origins, deadline_s=deadline_s, max_steps=max_steps)
        async with environment(**settings).start(task) as episode:
            yield episode

    return opened


def page_task(site: PageServer, name: str, *, origins: list[str] | None = None, **fields: Any) -> Task:
    """A task on a fixture page."""
    data = {"url": site.url(name), "origins": origins or [site.origin]}
    return Task(id=name, suite="fixtures", goal=f"use {name}", data=data, **fields)
