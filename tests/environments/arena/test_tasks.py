"""Every task of the arena: its reference solution passes in the real browser; doing nothing and a near miss fail."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence

import pytest

from environments.arena.environment import ArenaEnvironment
from environments.arena.sites import SITES
from environments.arena.solving import solve
from environments.arena.suite import Arena, load
from environments.arena.tasks import INSTANCES, Move, say
from environments.contracts import Environment, Grader
from sandbox import AgentkitError

AT_ONCE = 4


def test_there_are_enough_of_each_kind() -> None:
    suite = load()
    splits = Counter(template.split for template in suite.templates)
    infeasible = [key for key, (_, draft) in suite.drafts.items() if "report_infeasible" in str(draft.reference)]
    assert len(suite.templates) >= 80
    assert len(suite.drafts) >= 400
    assert {site for template in suite.templates for site in template.sites} == set(SITES)
    assert min(splits["training"], splits["validation"], splits["heldout"]) >= 15
    assert len(infeasible) >= len(suite.drafts) / 10
    names = [template.name for template in suite.templates]
    assert len(names) == len(set(names)), "a template's name decides its split"


def test_the_same_tasks_every_time_and_nothing_of_the_solution_in_them() -> None:
    suite = load()
    assert [task.goal for task in load().tasks()] == [task.goal for task in suite.tasks()]
    assert {key for task in suite.tasks() for key in task.data} == {"start", "login", "seed", "size", "drift"}
    records = suite.records()
    needed = {
        "sites",
        "task_id",
        "intent",
        "intent_template",
        "instantiation_dict",
        "start_url",
        "eval",
        "storage_state",
    }
    assert all(needed <= record.keys() for record in records)
    assert [record["task_id"] for record in records] == list(range(len(records)))


async def tried(suite: Arena, asked: Sequence[tuple[str, Sequence[Move]]]) -> dict[str, str]:
    """Make these moves at these tasks; what the grader said, `passed` or why not."""
    verdicts: dict[str, str] = {}
    waiting = iter(asked)
    tasks = {task.id: task for task in suite.tasks()}

    async def work(env: Environment, grader: Grader) -> None:
        assert isinstance(env, ArenaEnvironment)
        addressed = {f"__{site.upper()}__": env.arena.address(site) for site in SITES}
        for key, moves in waiting:
            try:
                async with env.start(tasks[key]) as episode:
                    await solve(episode, moves, look=suite.look, addressed=addressed)
                    score = await grader.verdict(episode)
                    verdicts[key] = "passed" if score.success else score.reasons
            except AgentkitError as error:
                verdicts[key] = f"stuck: {str(error)[:400]}"

    async with suite.open(parallel=AT_ONCE) as (env, grader), asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work(env, grader))
    return verdicts


def some(suite: Arena, *, shift: int, every: int = 1) -> list[str]:
    """One instance of every so-manieth template, another one at each; all of them with AGENTKIT_ALL_TASKS=1."""
    if os.environ.get("AGENTKIT_ALL_TASKS"):
        return list(suite.drafts)
    chosen = list(enumerate(suite.templates))[shift % every :: every]
    return [f"{template.name}-{(number + shift) % INSTANCES}" for number, template in chosen]


@pytest.mark.browser
@pytest.mark.timeout(1500)
async def test_references_pass() -> None:
    suite = load()
    verdicts = await tried(suite, [(key, suite.drafts[key][1].reference) for key in some(suite, shift=0)])
    assert len(verdicts) >= len(suite.templates)
    assert {key: why for key, why in verdicts.items() if why != "passed"} == {}


@pytest.mark.browser
@pytest.mark.timeout(1500)
async def test_near_misses_fail() -> None:
    suite = load()
    verdicts = await tried(suite, [(key, suite.drafts[key][1].near_miss) for key in some(suite, shift=1)])
    assert [key for key, why in verdicts.items() if why == "passed"] == []
    assert {key: why for key, why in verdicts.items() if why.startswith("stuck")} == {}


@pytest.mark.browser
@pytest.mark.timeout(1500)
async def test_doing_nothing_fails() -> None:
    suite = load()
    verdicts = await tried(suite, [(key, (say(""),)) for key in some(suite, shift=2, every=4)])
    assert [key for key, why in verdicts.items() if why == "passed"] == []


@pytest.mark.browser
@pytest.mark.timeout(1500)
async def test_references_pass_though_everything_looks_otherwise() -> None:
    suite = load(drift=3)
    verdicts = await tried(suite, [(key, suite.drafts[key][1].reference) for key in some(suite, shift=3, every=4)])
    assert {key: why for key, why in verdicts.items() if why != "passed"} == {}
