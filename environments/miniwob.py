"""MiniWoB++: the small web tasks that the `miniwob` package ships, each with its own reward, wording and seeds.

The pages are the package's own files, opened as fresh documents in a context that may read nothing else and is wiped
between episodes. `Math.seedrandom(seed)` picks the instance, and the page's clock starts at a fixed moment, so the same
task and seed are the same instance on any day. Success follows the rule of BrowserGym: the page says that the episode
is done, with a raw reward above 0. Some tasks give part of the reward for part of the work; `Score.value` keeps that,
clipped to [0, 1].

Unless `clock="real"` is asked for, the page's time stands still between steps and passes as fast as it can within one
(`web/clock.js`): a step takes what the page's timers and fades ask for, and 0.1 s of the page's time at the least. So
an agent's thinking costs nothing, and tasks in which something moves are the same for the same actions.

What differs from the page as shipped: its own timer is set to the task's deadline; the box with rewards and time, the
canvas that draws clicks, and the cover that would start another, unseeded episode are taken away; and the wording is
hidden where it is nothing but text, because the goal already says it.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from weakref import WeakKeyDictionary

from environments.contracts import JSON, Environment, EnvironmentFailure, Episode, Grader, Score, Task
from environments.web.actions import COORDINATE_TOOLS, PAGE_TOOLS
from environments.web.browser import Clock, Viewport, launch
from environments.web.episode import Manner, Opening, Screenshots, WebEnvironment
from environments.web.guard import Rules
from sandbox import MissingDependencyError

if TYPE_CHECKING:
    from environments.web.episode import WebEpisode
    from environments.web.window import Window

__all__ = ["Miniwob", "load", "pages_folder"]

VIEWPORT = Viewport(500, 320)
"""The package's own window: the task is 160 x 210, and pop-ups may reach beyond it."""
DEADLINE_S = 120.0
LONG = ("book-flight", "social-media", "email-inbox", "form-sequence", "order-food", "phone-book", "daily-calendar")
STEPS, LONG_STEPS = 15, 30
READ_ONLY_PARTS = ("#reward-display", "#click-canvas")

BEGIN = """
new Promise((resolve) => {
  const paced = window.__agentkit_clock, later = paced ? (fn, ms) => paced.pass(ms, fn) : setTimeout;
  const begin = () => {
    const Real = Date, moment = Real.UTC(2026, 0, 15, 12), zero = Real.now();
    const now = () => moment + Real.now() - zero;
    window.Date = new Proxy(Real, {
      construct: (target, list, own) => Reflect.construct(target, list.length ? list : [now()], own),
      apply: () => new Real(now()).toString(),
      get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
    });
    Math.seedrandom(%(seed)s);
    core.EPISODE_MAX_TIME = %(limit)d;
    core.startEpisodeReal();
    const ready = (left) => {
      if (!WOB_TASK_READY && left > 0) return void later(() => ready(left - 1), 20);
      clearInterval(core.CD_TIMER);
      core.cover_div.remove();
      for (const part of %(hidden)s) document.querySelector(part).style.display = "none";
      const said = core.getUtterance(), query = document.getElementById("query");
      const words = ["SPAN", "B", "STRONG", "I", "EM", "BR", "P"];
      const isWord = (el) => words.includes(el.tagName) && !el.onclick && el.style.backgroundColor === "";
      const plain = [...query.querySelectorAll("*")].every(isWord);
      if (plain) query.style.visibility = "hidden";
      resolve(WOB_TASK_READY ? String(said.utterance || said) : null);
    };
    ready(100);
  };
  if (document.readyState === "complete") later(begin, 0);
  else addEventListener("load", () => later(begin, 0));
})
"""
# A document that is no task, such as a blank one after a crash, has none of these.
PROBE = """
typeof WOB_DONE_GLOBAL === "undefined" ? null : [WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL, String(WOB_REWARD_REASON)]
"""


@cache
def pages_folder() -> Path:
    """The folder of the package's pages, found without importing the package, which would pull in Selenium.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    found = importlib.util.find_spec("miniwob")
    folders = list(found.submodule_search_locations or ()) if found else []
    folder = Path(folders[0]) / "html" if folders else None
    if folder is None or not (folder / "miniwob").is_dir():
        raise MissingDependencyError("the MiniWoB++ pages are not installed; `pip install 'miniwob>=1.1,<2'`")
    return folder


class Reward(NamedTuple):
    """What the page says of an episode that it has ended."""

    raw: float
    reason: str


class _Bench:
    """The suite's referee and its grader: what the page says of rewards goes from one to the other and nowhere else."""

    probe = PROBE

    def __init__(self) -> None:
        self._rewards: WeakKeyDictionary[Episode, Reward] = WeakKeyDictionary()

    def ended(self, episode: WebEpisode, answer: JSON) -> bool:
        if not answer or not answer[0]:
            return False
        self._rewards[episode] = Reward(float(answer[1]), str(answer[2]))
        return True

    def reward(self, episode: Episode) -> Reward | None:
        return self._rewards.get(episode)


@dataclass(frozen=True, slots=True)
class MiniwobGrader:
    """Success if and only if the page ended the episode with a raw reward above 0."""

    bench: _Bench
    limit_s: float = 5.0

    async def verdict(self, episode: Episode) -> Score:
        """Works after the episode is closed, too."""
        reward = self.bench.reward(episode)
        if reward is None:
            return Score(value=0.0, success=False, source="environment", reasons="the page did not end the episode")
        reason = "" if reward.reason in ("null", "undefined") else f" ({reward.reason})"
        return Score(
            value=max(0.0, min(1.0, reward.raw)),
            success=reward.raw > 0,
            source="environment",
            reasons=f"raw reward {reward.raw:g}{reason}",
        )


async def _begin(window: Window, task: Task, seed: int) -> Opening:
    page = pages_folder() / "miniwob" / f"{task.id}.html"
    if problem := await window.goto(page.as_uri()):
        raise EnvironmentFailure(f"MiniWoB++ page {task.id!r}: {problem}")
    values = {"seed": json.dumps(seed), "limit": task.deadline_s * 1000, "hidden": json.dumps(READ_ONLY_PARTS)}
    goal = await window.evaluate(BEGIN % values)
    if goal is None:
        raise EnvironmentFailure(f"MiniWoB++ page {task.id!r} did not become ready within 2 s")
    return Opening(goal=" ".join(str(goal).split()), site="miniwob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Miniwob:
    """The suite. Names are those of the package's pages."""

    screenshots: Screenshots = "none"
    clock: Clock = "virtual"
    name: str = "miniwob"
    kind: Literal["web"] = "web"
    description: str = "MiniWoB++: small synthetic web pages, one skill each, with their own rewards; offline"

    def tasks(self) -> list[Task]:
        """Every task that the package ships, sorted by name."""
        pages = sorted(path.stem for path in (pages_folder() / "miniwob").glob("*.html"))
        return [
            Task(id=name, suite=self.name, template=name, deadline_s=DEADLINE_S, max_steps=_steps(name))
            for name in pages
        ]

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Start a browser; `parallel` contexts share it.

        Raises:
            MissingDependencyError: no browser or no pages; the message says how to install them.
        """
        rules = Rules(origins=(), files=pages_folder())
        bench = _Bench()
        async with launch() as chromium:
            yield (
                WebEnvironment(
                    name=self.name,
                    chromium=chromium,
                    begin=_begin,
                    rules=lambda task: rules,
                    viewport=VIEWPORT,
                    recycle=True,
                    manner=Manner(tools=TOOLS, referee=bench, screenshots=self.screenshots, clock=self.clock),
                ),
                MiniwobGrader(bench),
            )


TOOLS = (*PAGE_TOOLS, *COORDINATE_TOOLS)


def _steps(name: str) -> int:
    return LONG_STEPS if name.startswith(LONG) else STEPS


def load(*, screenshots: Screenshots = "none", clock: Clock = "virtual") -> Miniwob:
    """The suite; see `environments.suites`."""
    return Miniwob(screenshots=screenshots, clock=clock)
