"""Reflexion on a corridor of doors: who is asked, when it stops, what the next trial is shown."""

from __future__ import annotations

import pytest

from agentkit.context import Context, Evaluation
from agentkit.models.scripted import ScriptedModel
from agentkit.run import run_task
from agentkit.strategies.reflexion import REFLECTIONS_KEPT, reflexion
from environments.contracts import Score, StopReason, Task
from memory.trajectory import Attempt, Completion, Recalled, ToolCall, Usage

from .doors import DoorEnvironment, DoorGrader

TASK = Task(id="door", suite="doors", max_steps=3, deadline_s=2.0)
HELDOUT = Task(id="door", suite="doors", max_steps=3, deadline_s=2.0, split="heldout")


def door(number: int) -> Completion:
    return Completion(tool_calls=(ToolCall("open", {"door": number}, id="c"),))


def said(text: str) -> Completion:
    return Completion(text=text)


async def judged_by_door(task: Task, attempt: Attempt) -> Evaluation:
    right = bool(attempt.steps) and attempt.steps[-1].action.arguments["door"] == 2
    score = Score(value=float(right), success=right, source="judge", reasons="right door" if right else "wrong door")
    return Evaluation(score, Usage(calls=1, prompt_tokens=7))


async def test_it_retries_with_the_reflection_until_the_evaluation_is_good() -> None:
    model = ScriptedModel([door(1), said("Door 1 was wrong, so I try door 2."), door(2)])
    context = Context(model=model, evaluate=judged_by_door, seed=1)
    trajectory = await reflexion(TASK, DoorEnvironment(), context=context, max_trials=5)
    assert [a.score.success for a in trajectory.attempts] == [False, True]
    assert [note.kind for note in trajectory.attempts[0].notes] == ["evaluation", "reflection"]
    assert [note.usage.prompt_tokens for a in trajectory.attempts for note in a.notes if note.kind == "evaluation"] == [
        7,
        7,
    ]
    shown = [p for m in model.asked[-1].messages for p in m.parts if isinstance(p, Recalled)]
    assert [item.text for part in shown for item in part.items] == ["Door 1 was wrong, so I try door 2."]


async def test_it_stops_at_the_last_trial_without_reflecting_in_vain() -> None:
    model = ScriptedModel([door(1), said("try another"), door(3)])
    context = Context(model=model, evaluate=judged_by_door)
    trajectory = await reflexion(TASK, DoorEnvironment(), context=context, max_trials=2)
    assert len(trajectory.attempts) == 2
    assert [note.kind for note in trajectory.attempts[1].notes] == ["evaluation"]
    assert len(model.asked) == 3


async def test_only_the_last_three_reflections_are_shown() -> None:
    replies = [reply for k in range(5) for reply in (door(1), said(f"reflection {k}"))]
    model = ScriptedModel(replies)
    context = Context(model=model, evaluate=judged_by_door)
    await reflexion(TASK, DoorEnvironment(), context=context, max_trials=5)
    last = [p for m in model.asked[-1].messages for p in m.parts if isinstance(p, Recalled)]
    assert [item.text for item in last[0].items] == ["reflection 1", "reflection 2", "reflection 3"]
    assert REFLECTIONS_KEPT == 3


async def test_the_hidden_verdict_is_not_the_evaluation_by_default() -> None:
    model = ScriptedModel([door(1)])
    trajectory = await run_task(
        TASK, DoorEnvironment(), grader=DoorGrader(), strategy=reflexion, context=Context(model=model, seed=1)
    )
    assert trajectory.attempts[0].score.source == "trace"
    assert trajectory.attempts[0].score.success, "an episode that ended by itself looks fine in its trace"
    assert not trajectory.success, "the grader knows better"
    assert not trajectory.uses_gold


async def test_env_feedback_is_the_verdict_and_is_marked() -> None:
    model = ScriptedModel([door(1), said("not door 1"), door(2)])
    trajectory = await run_task(
        TASK,
        DoorEnvironment(),
        grader=DoorGrader(),
        strategy=reflexion,
        context=Context(model=model, seed=1),
        feedback="env",
    )
    assert [a.score.source for a in trajectory.attempts] == ["environment", "environment"]
    assert trajectory.success
    assert trajectory.uses_gold


async def test_env_feedback_is_refused_on_heldout_tasks() -> None:
    model = ScriptedModel([door(1)])
    trajectory = await run_task(
        HELDOUT,
        DoorEnvironment(),
        grader=DoorGrader(),
        strategy=reflexion,
        context=Context(model=model, seed=1),
        feedback="env",
    )
    assert trajectory.attempts[0].score.source == "trace"
    assert not trajectory.uses_gold


async def test_what_a_reflection_cannot_mend_is_not_retried() -> None:
    model = ScriptedModel([door(1)])
    context = Context(model=model, evaluate=judged_by_door)
    trajectory = await reflexion(TASK, DoorEnvironment(breaks=True), context=context, max_trials=4)
    assert trajectory.stop is StopReason.ENVIRONMENT_ERROR
    assert len(trajectory.attempts) == 1


async def test_no_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="max_trials is 0"):
        await reflexion(TASK, DoorEnvironment(), context=Context(model=ScriptedModel([])), max_trials=0)
