"""Studies: bounded, resumable, and honest about what was not run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentkit.models.scripted import ScriptedModel
from agentkit.study import Plan, run_study
from environments.contracts import StopReason
from memory.study import read_study
from memory.trajectory import Message, ToolCall
from sandbox import AgentkitError

from .doors import DoorEnvironment, DoorSuite

ROOT = Path(__file__).parents[2]


def door_two(messages: list[Message]) -> ToolCall:
    return ToolCall("open", {"door": 2}, id="c")


def plan(**changes: object) -> Plan:
    suite = DoorSuite(DoorEnvironment())
    return Plan(**{"tasks": tuple(suite.tasks()), "seeds": (0, 1), "parallel": 2, **changes})


async def test_every_item_is_run_once_and_logged(tmp_path: Path) -> None:
    seen = []
    suite = DoorSuite(DoorEnvironment())
    done = await run_study(plan(), suite, model=ScriptedModel(door_two), out=tmp_path, on_progress=seen.append)
    assert [t.id for t in done] == [f"doors/door-{k}/{seed}" for seed in (0, 1) for k in range(3)]
    assert [t.success for t in done] == [False] * 3 + [True] * 3
    assert [p.done for p in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].succeeded == 3
    study = read_study(tmp_path)
    assert set(study.finished) == {t.id for t in done}
    read = study.load(done[3].id)
    assert (read.score, read.usage, read.attempts[0].stop) == (done[3].score, done[3].usage, done[3].attempts[0].stop)
    assert read.attempts[0].steps[0].action == done[3].attempts[0].steps[0].action


async def test_a_second_run_into_the_same_folder_needs_resume(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment())
    await run_study(plan(), suite, model=ScriptedModel(door_two), out=tmp_path)
    with pytest.raises(AgentkitError, match="resume"):
        await run_study(plan(), suite, model=ScriptedModel(door_two), out=tmp_path)


async def test_resume_repeats_nothing_and_may_grow(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment())
    await run_study(plan(seeds=(0,)), suite, model=ScriptedModel(door_two), out=tmp_path)
    model = ScriptedModel(door_two)
    done = await run_study(plan(), suite, model=model, out=tmp_path, resume=True)
    assert len(done) == 6
    assert len(model.asked) == 3, "only the second seed is new"


async def test_resuming_another_study_is_refused_with_what_differs(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment())
    await run_study(plan(), suite, model=ScriptedModel(door_two), out=tmp_path)
    with pytest.raises(AgentkitError, match="agent was 'react', now 'reflexion'"):
        await run_study(plan(agent="reflexion"), suite, model=ScriptedModel(door_two), out=tmp_path, resume=True)


async def test_a_hung_episode_does_not_hold_up_the_others(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment(hangs=True))
    done = await asyncio.wait_for(run_study(plan(parallel=6), suite, model=ScriptedModel(door_two), out=tmp_path), 20)
    assert {t.stop for t in done} == {StopReason.DEADLINE}
    assert not any(t.success for t in done)


async def test_a_used_up_budget_leaves_the_rest_for_a_resume(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment())
    done = await run_study(plan(parallel=1, limits={"calls": 2}), suite, model=ScriptedModel(door_two), out=tmp_path)
    assert len(done) == 2
    done = await run_study(plan(parallel=1), suite, model=ScriptedModel(door_two), out=tmp_path, resume=True)
    assert len(done) == 6


CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from agentkit.models.scripted import ScriptedModel
from agentkit.study import Plan, run_study
from memory.trajectory import ToolCall
from tests.agentkit.doors import DoorEnvironment, DoorSuite
import time

def slow(messages):
    time.sleep(0.05)
    return ToolCall("open", {{"door": 2}}, id="c")

suite = DoorSuite(DoorEnvironment(), count=60)
asyncio.run(run_study(Plan(tasks=tuple(suite.tasks())), suite, model=ScriptedModel(slow), out=Path({out!r})))
"""


async def test_kill_nine_loses_at_most_the_task_in_flight(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD.format(root=str(ROOT), out=str(tmp_path))])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (
        not (tmp_path / "log.jsonl").exists() or len(read_study(tmp_path).finished) < 5
    ):
        await asyncio.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    finished = set(read_study(tmp_path).finished)
    assert 5 <= len(finished) < 60
    suite = DoorSuite(DoorEnvironment(), count=60)
    model = ScriptedModel(door_two)
    done = await run_study(Plan(tasks=tuple(suite.tasks())), suite, model=model, out=tmp_path, resume=True)
    assert len(done) == 60
    assert len(model.asked) == 60 - len(finished)


async def test_a_judge_decides_when_asked_to_and_is_charged(tmp_path: Path) -> None:
    suite = DoorSuite(DoorEnvironment(), count=1)
    verdicts = ScriptedModel(['{"reasons": "no", "success": false}', '{"reasons": "yes", "success": true}'])
    actor = ScriptedModel([ToolCall("open", {"door": 1}), "Next time door 2.", ToolCall("open", {"door": 2})])
    made = Plan(tasks=tuple(suite.tasks()), seeds=(1,), agent="reflexion", trials=3, feedback="judge")
    [done] = await run_study(made, suite, model=actor, judge=verdicts, out=tmp_path)
    assert [(a.score.source, a.score.success) for a in done.attempts] == [("judge", False), ("judge", True)]
    assert [a.score.value for a in done.attempts] == [0.0, 1.0]
    assert done.success
    assert not done.uses_gold
    assert done.usage.calls == len(actor.asked) + len(verdicts.asked) == 5


async def test_the_pilot_cannot_judge_and_says_what_to_do(tmp_path: Path) -> None:
    from agentkit.models.pilot import PilotModel

    suite = DoorSuite(DoorEnvironment())
    with pytest.raises(AgentkitError, match="--judge"):
        await run_study(plan(agent="reflexion", feedback="judge"), suite, model=PilotModel(), out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
