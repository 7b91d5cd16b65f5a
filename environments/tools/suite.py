"""The suite `tools`: errands over 44 functions of seven back ends that keep state, some of them badly documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from environments.calls import nearest
from environments.contracts import (
    Action,
    Answer,
    AnswerSuite,
    Environment,
    EnvironmentFailure,
    Grade,
    Grader,
    Score,
    Task,
)
from environments.text import TextEnvironment, World
from environments.tools import errands_desk, errands_office, errands_shop
from environments.tools.documentation import Documentation, documents
from environments.tools.errands import LEVELS, Instance, Template, make_instance
from environments.tools.grade import ToolGrader, judge
from environments.tools.shop import ME, TODAY
from environments.tools.world import BRIEFING, ENDINGS, ToolWorld, ending
from sandbox import AgentkitError

if TYPE_CHECKING:
    from environments.tools.mcp_suite import McpTools

__all__ = ["TEMPLATES", "WELCOME", "Tools", "grade_actions", "instance_of", "load"]

TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (*errands_shop.TEMPLATES, *errands_office.TEMPLATES, *errands_desk.TEMPLATES)
}
"""Every template by its name."""

STEPS = 40
DEADLINE_S = 300.0
WELCOME = f"It is {TODAY:%A}, {TODAY.isoformat()}, 08:00. You work for Mira Okafor ({ME}), who keeps a shop."


def instance_of(task: Task, seed: int) -> Instance:
    """The instance of a task of this suite.

    Raises:
        EnvironmentFailure: the suite has no such task.
    """
    name, _, level = task.id.rpartition("-")
    if name not in TEMPLATES or level not in map(str, LEVELS):
        raise EnvironmentFailure(f"no task {task.id!r} in the suite 'tools'; {nearest(name, list(TEMPLATES))}")
    return _instance(name, int(level), seed)


@lru_cache(maxsize=256)
def _instance(name: str, level: int, seed: int) -> Instance:
    # Whoever works on an instance takes a desk, which is a copy, so that one instance serves many.
    return make_instance(TEMPLATES[name], level=level, seed=seed)


async def _begin(task: Task, seed: int) -> tuple[World, str]:
    instance = instance_of(task, seed)
    return ToolWorld(instance.desk(), welcome=WELCOME), instance.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The suite over our own tools."""

    documentation: Documentation = "shipped"
    name: str = "tools"
    kind: Literal["web", "text"] = "text"
    description: str = "errands over 44 tools that keep state, some badly documented, some failing; offline"

    def tasks(self) -> list[Task]:
        """Every template at every level."""
        return [
            Task(
                id=f"{template.name}-{level}",
                suite=self.name,
                template=template.name,
                split=template.split,
                max_steps=STEPS,
                deadline_s=DEADLINE_S,
            )
            for template in TEMPLATES.values()
            for level in LEVELS
        ]

    @asynccontextmanager
    async def open(self, *, parallel: int = 1) -> AsyncIterator[tuple[Environment, Grader]]:
        """Nothing has to be started; episodes share nothing."""
        yield (
            TextEnvironment(
                name=self.name,
                tools=(*documents(self.documentation), *ENDINGS),
                begin=_begin,
                briefing=BRIEFING,
            ),
            ToolGrader(instance_of),
        )

    def read_answers(self, path: Path) -> list[Answer]:
        """Read recorded calls: a line `{"task_id": ..., "seed": 0, "actions": [{"name": ..., "arguments": {}}]}` each.

        Raises:
            AgentkitError: a line that is not that, with its number.
        """
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_answer(line, place=f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]

    @asynccontextmanager
    async def grading(self, *, parallel: int = 1) -> AsyncIterator[Grade]:
        """Grades recorded calls by making them again."""
        known = {task.id: task for task in self.tasks()}

        async def grade(answer: Answer) -> Score:
            if answer.task_id not in known:
                raise AgentkitError(f"no task {answer.task_id!r} in 'tools'; {nearest(answer.task_id, list(known))}")
            seed, actions = answer.content
            return grade_actions(instance_of(known[answer.task_id], seed), actions)

        yield grade


def grade_actions(instance: Instance, actions: Sequence[Action]) -> Score:
    """The verdict on calls, made again on a fresh desk up to the first that ends the errand."""
    desk = instance.desk()
    for action in actions:
        if done := ending(action):
            return judge(instance, desk.state, stop=done.stop, answer=done.answer)
        desk.call(action.name, action.arguments)
    return judge(instance, desk.state, stop=None, answer=None)


def _answer(line: str, *, place: str) -> Answer:
    try:
        data = json.loads(line)
        actions = tuple(Action(str(one["name"]), dict(one.get("arguments", {}))) for one in data["actions"])
        return Answer(str(data["task_id"]), (int(data.get("seed", 0)), actions))
    except (KeyError, TypeError, ValueError) as error:
        shape = '{"task_id": ..., "seed": 0, "actions": [{"name": ..., "arguments": {...}}]}'
        raise AgentkitError(f"{place}: expected {shape}, got {line[:80]!r} ({error!r})") from None


def load(
    *,
    screenshots: Literal["none", "plain", "marked"] = "none",
    tasks_file: Path | None = None,
    sandbox: str | None = None,
    documentation: Documentation = "shipped",
    tools: str | None = None,
    goal: str = "",
    expected: str | None = None,
) -> Tools | McpTools:
    """The suite; see `environments.suites`.

    Args:
        screenshots: other than `none`, pictures that come with an MCP result are shown.
        tasks_file: only with `tools`: JSON lines with `id`, `goal`, and `answer` where one is expected.
        sandbox: not used; no model-written code runs here.
        documentation: what the agent is told of our tools: as they ship, flaws and all, or the truth.
        tools: `mcp:COMMAND` for the tools of an MCP server instead of ours.
        goal: only with `tools`: what to do.
        expected: only with `tools`: the answer that is right. Without one there is no verdict.

    Raises:
        AgentkitError: options that do not go together.
        MissingDependencyError: `mcp` is not installed; the message is how to install it.
    """
    if tools is None:
        if goal or expected is not None or tasks_file is not None:
            raise AgentkitError("a goal, an expected answer or a tasks file goes with the tools 'mcp:COMMAND' only")
        return Tools(documentation=documentation)
    from environments.tools.mcp_suite import mcp_suite

    return mcp_suite(tools, goal=goal, expected=expected, tasks_file=tasks_file, screenshots=screenshots)


if TYPE_CHECKING:
    _: AnswerSuite = Tools()
