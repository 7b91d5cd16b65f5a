"""agentkit's side of the benchmark: one request a line on stdin, one reply a line on stdout, both JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from environments.contracts import Action, Task
from environments.suites import load_suite
from environments.web.browser import Viewport, launch
from environments.web.episode import Manner, Opening, WebEnvironment, WebEpisode
from environments.web.guard import Rules
from environments.web.outline import WebObservation
from environments.web.window import Window

WHOLE = 10**7
"""Tokens: more than any page has, so that nothing is left out."""


class Side:
    """One browser for MiniWoB++, one for pages by address, and one open episode."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.environments: dict[str, WebEnvironment] = {}
        self.episode: WebEpisode | None = None
        self.open = AsyncExitStack()
        self.observation = WebObservation(url="")

    async def reset(self, *, page: str, seed: int, url: str = "") -> dict:
        """Close the episode that is open, and open the page. The first time, that includes starting the browser."""
        start = time.perf_counter()
        await self.open.aclose()
        environment = await self._environment("pages" if url else "miniwob")
        self.episode = await self.open.enter_async_context(environment.start(task(page, url), seed=seed))
        self.observation = await self.episode.observe()
        return {"wall": time.perf_counter() - start}

    async def step(self, *, act: str, role: str, name: str | None = None, nth: int = 0, text: str = "") -> dict:
        """Click or fill the nth element of this role and name; without a name, of this role."""
        action = choose(self.observation, act=act, role=role, name=name, nth=nth, text=text)
        start = time.perf_counter()
        result = await self.episode.step(action)
        wall = time.perf_counter() - start
        self.observation = result.observation
        return {"wall": wall, "error": result.error}

    async def look(self) -> dict:
        """Observe again without acting."""
        start = time.perf_counter()
        self.observation = await self.episode.observe()
        return {"wall": time.perf_counter() - start}

    async def text(self) -> dict:
        """The observation for a model, nothing left out."""
        start = time.perf_counter()
        text = self.observation.render(max_tokens=WHOLE)
        return {"wall": time.perf_counter() - start, "text": text}

    async def throughput(self, *, page: str, contexts: int, seconds: float, plan: list[dict], url: str = "") -> dict:
        """Steps per second of so many episodes at once, each going through the plan over and over."""
        await self.open.aclose()
        environment = await self._environment("pages" if url else "miniwob")

        async def work(episode: WebEpisode, end: float) -> int:
            steps = 0
            observation = await episode.observe()
            while time.perf_counter() < end:
                result = await episode.step(choose(observation, **plan[steps % len(plan)]))
                if result.error:
                    raise RuntimeError(result.error)
                observation = result.observation
                steps += 1
            return steps

        async with AsyncExitStack() as stack:
            starts = [environment.start(task(page, url), seed=seed) for seed in range(contexts)]
            episodes = [await stack.enter_async_context(start) for start in starts]
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(work(episode, begun + seconds)) for episode in episodes]
            took = time.perf_counter() - begun
        return {"steps_per_s": sum(worker.result() for worker in workers) / took}

    async def _environment(self, kind: str) -> WebEnvironment:
        if kind not in self.environments:
            if kind == "miniwob":
                environment, _ = await self.stack.enter_async_context(load_suite("miniwob").open(parallel=8))
            else:
                environment = pages_environment(await self.stack.enter_async_context(launch()))
            self.environments[kind] = environment
        return self.environments[kind]


def pages_environment(chromium) -> WebEnvironment:
    """Opens a page by its address, kept to that address's origin."""

    async def begin(window: Window, task: Task, seed: int) -> Opening:
        if problem := await window.goto(task.data["url"]):
            raise RuntimeError(problem)
        return Opening(goal="look around", site="pages")

    def rules(task: Task) -> Rules:
        parts = urlsplit(task.data["url"])
        return Rules(origins=(f"{parts.scheme}://{parts.netloc}",))

    return WebEnvironment(
        name="pages", chromium=chromium, begin=begin, rules=rules, manner=Manner(), viewport=Viewport(1280, 720)
    )


def task(page: str, url: str) -> Task:
    limits = {"max_steps": 10**6, "deadline_s": 600.0}
    if url:
        return Task(id=page, suite="pages", data={"url": url}, **limits)
    return Task(id=page, suite="miniwob", **limits)


def choose(
    observation: WebObservation, *, act: str, role: str, name: str | None = None, nth: int = 0, text: str = ""
) -> Action:
    """The action on the nth element of this role and name; without a name, of this role."""
    held = [e.ref for e in observation.elements if e.ref and e.role == role and name in (None, e.name)]
    if nth >= len(held):
        listed = observation.render(max_tokens=500)
        raise LookupError(f"no {role} {name!r} number {nth}; {len(held)} of them in\n{listed}")
    return Action("click", {"ref": held[nth]}) if act == "click" else Action("type", {"ref": held[nth], "text": text})


async def main() -> None:
    """Answer requests until stdin ends. What libraries print goes to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    async with AsyncExitStack() as stack:
        side = Side(stack)
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            try:
                reply = await getattr(side, request.pop("do"))(**request)
            except Exception as error:  # told to the driver, which decides
                reply = {"failed": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(reply) + "\n")
            replies.flush()
        await side.open.aclose()


if __name__ == "__main__":
    asyncio.run(main())
