"""The suite `arena`: every site's tasks, each template five times, as records in WebArena's format."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Literal

from environments.arena.client import start
from environments.arena.environment import ArenaEnvironment
from environments.arena.grading import ArenaGrader
from environments.arena.instance import SIZES, Size, pristine
from environments.arena.look import LEVELS, Look
from environments.arena.sites import SITES, load_sites
from environments.arena.tasks import INSTANCES, Data, Draft, Template, templates_of
from environments.contracts import JSON, Environment, Grader, Task
from environments.web.browser import launch
from environments.web.episode import Manner, Screenshots
from sandbox import AgentkitError

__all__ = ["Arena", "load"]

CROSS = "environments.arena.cross"
DEADLINE_S = 300.0
DRAWS = 20


@dataclass(frozen=True, kw_only=True)
class Arena:
    """The suite."""

    size: Size = "normal"
    drift: int = 0
    screenshots: Screenshots = "none"
    sites: tuple[str, ...] = SITES
    name: str = "arena"
    kind: Literal["web", "text"] = "web"
    description: str = (
        "five bundled sites (shop and its back office, forum, code host, map, wiki) that fork exactly; offline"
    )

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """Every template of the sites, and those over several of them."""
        modules = [f"environments.arena.sites.{site}.tasks" for site in self.sites] + [CROSS]
        for module in modules:
            importlib.import_module(module)
        found = (template for module in modules for template in templates_of(module))
        return tuple(template for template in found if set(template.sites) <= set(self.sites))

    @cached_property
    def image(self) -> bytes:
        """The state in which every episode begins."""
        return pristine(load_sites(self.sites), seed=0, size=self.size)

    @cached_property
    def drafts(self) -> dict[str, tuple[Template, Draft]]:
        """Task id -> its template and draft; with solutions and evaluations, so not for agents."""
        db = sqlite3.connect(":memory:")
        db.row_factory = sqlite3.Row
        db.deserialize(self.image)
        made: dict[str, tuple[Template, Draft]] = {}
        for template in self.templates:
            asked: set[str] = set()
            for number in range(INSTANCES):
                rng = Random(f"{template.name} {number}")
                made[f"{template.name}-{number}"] = template, _unlike(asked, template, data=Data(db), rng=rng)
        db.close()
        return made

    @property
    def look(self) -> Look:
        """How the instances of this suite look."""
        return Look(self.drift, seed=0)

    def tasks(self) -> list[Task]:
        """Every draft as a task; nothing in it says how it is solved or graded."""
        return [self._task(key, template, draft) for key, (template, draft) in self.drafts.items()]

    def _task(self, key: str, template: Template, draft: Draft) -> Task:
        data = {"start": draft.start, "login": dict(draft.login), "seed": 0, "size": self.size, "drift": self.drift}
        return Task(
            id=key,
            suite=self.name,
            goal=draft.intent,
            template=template.name,
            split=template.split,
            max_steps=draft.max_steps,
            deadline_s=DEADLINE_S,
            data=data,
        )

    def records(self) -> list[dict[str, JSON]]:
        """The tasks in the format of WebArena's published file."""
        numbers = {template.name: number for number, template in enumerate(self.templates)}
        return [
            _record(number, template, draft, template_number=numbers[template.name])
            for number, (template, draft) in enumerate(self.drafts.values())
        ]

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Start the sites' server and a browser; `parallel` contexts share both.

        Raises:
            MissingDependencyError: no browser, or no Starlette; the message says how to install it.
        """
        async with start(sites=self.sites) as arena, launch() as chromium:
            env = ArenaEnvironment(arena=arena, chromium=chromium, manner=Manner(screenshots=self.screenshots))
            yield env, ArenaGrader(env, {key: draft.eval for key, (_, draft) in self.drafts.items()})


def _unlike(asked: set[str], template: Template, *, data: Data, rng: Random) -> Draft:
    """A draft that asks for something that was not asked before, if the template finds one."""
    for _ in range(DRAWS):
        draft = template.make(data, rng)
        words = f"{draft.intent} {dict(draft.login)}"
        if words not in asked:
            break
    asked.add(words)
    return draft


def _record(number: int, template: Template, draft: Draft, *, template_number: int) -> dict[str, JSON]:
    words: Mapping[str, Any] = draft.words
    pattern = draft.intent
    for name, word in words.items():
        pattern = pattern.replace(word, "{{" + name + "}}") if word else pattern
    return {
        "sites": list(template.sites),
        "task_id": number,
        "require_login": bool(draft.login),
        "storage_state": f"./.auth/{'.'.join(draft.login)}_state.json" if draft.login else None,
        "start_url": draft.start,
        "geolocation": None,
        "intent_template": pattern,
        "instantiation_dict": dict(words),
        "intent": draft.intent,
        "require_reset": False,
        "eval": dict(draft.eval),
        "intent_template_id": template_number,
    }


def load(
    *,
    screenshots: Screenshots = "none",
    size: Size = "normal",
    drift: int | str = 0,
    sites: Sequence[str] = SITES,
) -> Arena:
    """The suite; see `environments.suites`.

    Raises:
        AgentkitError: a size, drift or site that there is not.
    """
    if size not in SIZES:
        raise AgentkitError(f"size {size!r}: expected one of {', '.join(SIZES)}")
    if str(drift) not in map(str, LEVELS):
        raise AgentkitError(f"drift {drift!r}: expected one of {', '.join(map(str, LEVELS))}")
    return Arena(screenshots=screenshots, size=size, drift=int(drift), sites=tuple(sites))
