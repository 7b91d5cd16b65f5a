"""ReAct on a corridor of doors: how attempts end, what is recorded, what the model is told."""

from __future__ import annotations

from agentkit.budget import Budget
from agentkit.context import Context
from agentkit.models.metered import metered
from agentkit.models.scripted import ScriptedModel
from agentkit.strategies.react import react
from environments.contracts import StopReason, Task
from memory.trajectory import Completion, Text, ToolCall, Usage

from .doors import DoorEnvironment

TASK = Task(id="door", suite="doors", max_steps=6, deadline_s=1.0)


def call(name: str, **arguments: object) -> Completion:
    return Completion(
        tool_calls=(ToolCall(name, arguments, id="c"),), usage=Usage(prompt_tokens=10, completion_tokens=2)
    )


async def run(*replies: Completion, env: DoorEnvironment | None = None, budget: Budget | None = None):
    model = ScriptedModel(list(replies))
    context = Context(model=metered(model, budget or Budget()), seed=1, budget=budget or Budget())
    trajectory = await react(TASK, env or DoorEnvironment(), context=context)
    return trajectory.attempts[0], model


async def test_a_door_ends_the_episode_and_the_step_says_what_was_done() -> None:
    attempt, _ = await run(call("open", door=2))
    assert attempt.stop is StopReason.TERMINATED
    [step] = attempt.steps
    assert str(step.action) == "open(door=2)"
    assert (step.terminated, step.changed, step.error) == (True, True, "")
    assert step.usage.prompt_tokens == 10
    assert attempt.goal == "Open the right door."


async def test_a_wrong_action_is_told_to_the_model_and_costs_no_other_call() -> None:
    attempt, model = await run(call("open", door=9), call("open", door=2))
    assert [step.error for step in attempt.steps] == ["no door 9; there are 1 to 4", ""]
    last = model.asked[-1].messages[-1]
    assert "no door 9" in last.text
    assert last.role == "tool"


async def test_no_ops_are_told_and_a_loop_is_stopped() -> None:
    attempt, model = await run(*[call("look")] * 6)
    assert attempt.stop is StopReason.LOOP
    assert len(attempt.steps) == 5
    told = [request.messages[-1].text for request in model.asked[1:]]
    assert told[0] == "Done, but nothing on the page changed."
    assert "exactly this 2 times" in told[1]


async def test_the_step_limit_ends_it() -> None:
    attempt, _ = await run(*[call("open", door=10 + k) for k in range(6)])
    assert attempt.stop is StopReason.STEP_LIMIT
    assert len(attempt.steps) == TASK.max_steps


async def test_unreadable_replies_are_answered_charged_and_given_up_on() -> None:
    budget = Budget()
    bad = Completion(text="I am not sure.", usage=Usage(prompt_tokens=10, completion_tokens=4))
    attempt, model = await run(bad, bad, bad, budget=budget)
    assert attempt.stop is StopReason.UNPARSABLE
    [step] = attempt.steps
    assert step.action is None
    assert len(step.completions) == 3
    assert budget.spent["calls"] == 3
    assert "not an action" in model.asked[1].messages[-1].text


async def test_a_misspelt_tool_is_answered_with_the_nearest_name() -> None:
    attempt, model = await run(call("opne", door=2), call("open", door=2))
    assert attempt.stop is StopReason.TERMINATED
    assert "open" in model.asked[1].messages[-1].text
    assert len(attempt.steps[0].completions) == 2


async def test_text_actions_are_read() -> None:
    attempt, _ = await run(Completion(text="I choose the second.\n```\nopen(door=2)\n```"))
    assert attempt.stop is StopReason.TERMINATED


async def test_a_hung_episode_is_killed_at_its_deadline() -> None:
    attempt, _ = await run(call("open", door=1), env=DoorEnvironment(hangs=True))
    assert attempt.stop is StopReason.DEADLINE
    assert "1 s" in attempt.detail


async def test_a_broken_environment_is_not_the_agents_failure() -> None:
    attempt, _ = await run(call("open", door=1), env=DoorEnvironment(breaks=True))
    assert attempt.stop is StopReason.ENVIRONMENT_ERROR
    assert "fell in" in attempt.detail


async def test_a_used_up_budget_stops_before_the_next_call() -> None:
    budget = Budget(calls=2)
    attempt, model = await run(*[call("open", door=10 + k) for k in range(6)], budget=budget)
    assert attempt.stop is StopReason.BUDGET
    assert len(model.asked) == 2
    assert len(attempt.steps) == 2


async def test_the_conversation_is_only_appended_to() -> None:
    _, model = await run(call("open", door=9), call("open", door=8), call("open", door=2))
    sent = [request.messages for request in model.asked]
    assert sent[1][: len(sent[0])] == sent[0]
    assert sent[2][: len(sent[1])] == sent[1]
    goals = [part for message in sent[2] for part in message.parts if isinstance(part, Text) and part.purpose == "goal"]
    assert [goal.text for goal in goals] == ["Open the right door."]
