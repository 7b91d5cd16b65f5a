"""ReAct: observe, recall, think, act, until the task ends or a limit is reached.

Yao et al., "ReAct: Synergizing Reasoning and Acting in Language Models" (2022). Deviations:
1. Actions are tool calls; WebArena's and BrowserGym's text forms are read too.
2. One conversation an attempt, only ever appended to: the first page in full, later ones as a diff against the page
   before, so that a server's prefix cache and a trainer's token prefix hold. Old pages are shortened only when the
   conversation outgrows `context_tokens`.
3. Loops and actions without effect are noticed by code and told to the model.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agentkit.budget import BudgetExceeded
from agentkit.context import Context
from agentkit.models.contracts import ModelError
from environments.calls import ActionError, check_action
from environments.contracts import (
    Action,
    Environment,
    EnvironmentFailure,
    Episode,
    Observation,
    StepResult,
    StopReason,
    Task,
    Timing,
)
from environments.web.wording import parse_action
from memory.contracts import Query
from memory.trajectory import (
    Attempt,
    Completion,
    Message,
    Observed,
    Part,
    Recalled,
    RecalledItem,
    Step,
    Text,
    Trajectory,
)

__all__ = ["attempt_task", "react"]

UNPARSABLE_LIMIT = 3
"""Replies in a row without a usable action before the attempt is given up."""
REPEATS_TOLD, REPEATS_LIMIT = 2, 5
"""The same action on the same page: how often before the model is told, and before the attempt is stopped."""


class State(TypedDict, total=False):
    """What a node leaves for the next. Bodies (pages, messages) lie on the desk; the state only says where we are."""

    index: int
    action: dict[str, Any] | None
    repeats: dict[str, int]
    stop: str
    detail: str


@dataclass
class Desk:
    """The live handles and bodies of one attempt."""

    context: Context
    task: Task
    env: Environment
    index: int
    episode: Episode | None = None
    observation: Observation | None = None
    conversation: list[Message] = field(default_factory=list)
    waiting: list[Part] = field(default_factory=list)
    """Parts of the message that is being put together for the model."""
    shown: dict[str, RecalledItem] = field(default_factory=dict)
    recalled: tuple[RecalledItem, ...] = ()
    completions: list[Completion] = field(default_factory=list)
    sent: tuple[Message, ...] = ()
    steps: list[Step] = field(default_factory=list)
    context_tokens: int = 24_000
    memory_s: float = 0.0
    model_s: float = 0.0

    @property
    def live(self) -> Episode:
        if self.episode is None:
            raise RuntimeError("the attempt has no open episode")
        return self.episode


async def react(task: Task, env: Environment, *, context: Context) -> Trajectory:
    """Make one attempt at a task."""
    attempt = await attempt_task(task, env, context=context)
    return context.trajectory(task, [attempt], agent="react")


async def attempt_task(
    task: Task,
    env: Environment,
    *,
    context: Context,
    index: int = 0,
    reflections: Sequence[RecalledItem] = (),
    temperature: float | None = None,
) -> Attempt:
    """Run one episode from its start to its stop reason; every way it can end is one of `StopReason`.

    `reflections` are shown beside the goal. What was done until a failure is kept in the attempt.
    """
    if temperature is not None:
        context = dataclasses.replace(context, temperature=temperature)
    desk = Desk(context, task, env, index)
    goal, site = task.goal, ""
    try:
        async with asyncio.timeout(task.deadline_s), env.start(task, seed=context.seed) as episode:
            goal, site = episode.goal, episode.site
            desk.episode = episode
            context.recorder.attempt(index, goal=goal, site=site)
            desk.conversation, desk.waiting = opening(env, episode, reflections)
            limit: RunnableConfig = {"recursion_limit": 4 * task.max_steps + 8}
            end = await graph().ainvoke({"index": 0, "repeats": {}}, context=desk, config=limit)
            stop, detail, answer = StopReason(end["stop"]), end.get("detail", ""), episode.answer
    except asyncio.CancelledError:
        if desk.episode is not None:
            context.recorder.attempt_end(stop=StopReason.INTERRUPTED, final=desk.observation)
        raise
    except (TimeoutError, EnvironmentFailure, ModelError, BudgetExceeded) as error:
        stop, detail, answer = *reason_of(error, task), None
    if desk.episode is None:
        context.recorder.attempt(index, goal=goal, site=site)
    context.recorder.attempt_end(stop=stop, detail=detail, answer=answer, final=desk.observation)
    return Attempt(
        index=index,
        goal=goal,
        site=site,
        steps=tuple(desk.steps),
        final=desk.observation,
        stop=stop,
        detail=detail,
        answer=answer,
    )


def reason_of(error: Exception, task: Task) -> tuple[StopReason, str]:
    """The stop reason of a failure that ended an attempt, and its words."""
    match error:
        case TimeoutError():
            return StopReason.DEADLINE, f"killed after {task.deadline_s:g} s"
        case EnvironmentFailure():
            return StopReason.ENVIRONMENT_ERROR, str(error)
        case BudgetExceeded():
            return StopReason.BUDGET, str(error)
        case _:
            return StopReason.MODEL_ERROR, str(error)


def opening(
    env: Environment, episode: Episode, reflections: Sequence[RecalledItem]
) -> tuple[list[Message], list[Part]]:
    """The system message, and the first parts of the user's: the goal and what earlier attempts taught."""
    parts: list[Part] = [Text(episode.goal, "goal")]
    if reflections:
        parts.append(Recalled(tuple(reflections)))
    return [Message("system", (Text(SYSTEM.format(briefing=env.briefing)),))], parts


async def observe(state: State, runtime: Runtime[Desk]) -> State:
    """Look at the page before the first action; later pages come with the action's result."""
    desk = runtime.context
    desk.observation = await desk.live.observe()
    desk.waiting.append(Observed(desk.observation))
    return {"index": 0}


async def recall(state: State, runtime: Runtime[Desk]) -> State:
    """Ask memory what it knows about this goal on this page; only what was not shown yet is added."""
    desk = runtime.context
    memory, observation = desk.context.memory, desk.observation
    if memory is None or observation is None:
        return {"index": state["index"]}
    started = time.perf_counter()
    query = Query(
        goal=desk.live.goal,
        sketch=observation.render(max_tokens=SKETCH_TOKENS),
        environment=desk.env.name,
        site=desk.live.site,
        family=desk.task.family,
        split=desk.task.split,
        k=RECALLED,
    )
    desk.recalled = await memory.recall(query)
    fresh = tuple(item for item in desk.recalled if item.id not in desk.shown)
    if fresh:
        desk.shown |= {item.id: item for item in fresh}
        desk.waiting.append(Recalled(fresh))
    desk.memory_s = time.perf_counter() - started
    return {"index": state["index"]}


async def think(state: State, runtime: Runtime[Desk]) -> State:
    """Ask the model for the next action; a reply that cannot be read is answered with what was wrong, and charged."""
    desk = runtime.context
    if state["index"] >= desk.task.max_steps:
        return {"stop": StopReason.STEP_LIMIT.value, "detail": f"{desk.task.max_steps} steps used", "action": None}
    desk.conversation.append(answering(desk.conversation, tuple(desk.waiting)))
    desk.waiting, desk.completions, desk.model_s = [], [], 0.0
    desk.conversation = shortened(desk.conversation, limit=desk.context_tokens)
    complaint = ""
    for retry in range(UNPARSABLE_LIMIT):
        completion = await ask(desk, state["index"], retry)
        desk.conversation.append(echo(completion))
        action = read_action(completion, desk.env)
        if isinstance(action, Action):
            return {"action": {"name": action.name, "arguments": dict(action.arguments)}}
        complaint = action.message
        desk.conversation.append(
            answering(desk.conversation, (Text(f"That is not an action: {complaint}", "feedback"),))
        )
    keep_step(desk, state["index"], None, error=complaint)
    return {"stop": StopReason.UNPARSABLE.value, "detail": complaint, "action": None}


async def ask(desk: Desk, index: int, retry: int) -> Completion:
    """One model call, timed, with a sampling seed that belongs to this place in this run."""
    started = time.perf_counter()
    desk.sent = tuple(desk.conversation)
    [completion] = await desk.context.model.complete(
        desk.sent,
        tools=desk.env.tools,
        temperature=desk.context.temperature,
        seed=desk.context.call_seed(desk.index, index, retry),
    )
    desk.model_s += time.perf_counter() - started
    desk.completions.append(completion)
    return completion


async def act(state: State, runtime: Runtime[Desk]) -> State:
    """Carry the action out, and put together what the model is to be told about it."""
    desk = runtime.context
    assert state["action"] is not None
    action = Action(state["action"]["name"], state["action"]["arguments"])
    before = desk.observation
    assert before is not None
    with desk.context.budget.reserve(steps=1) as hold:
        result = await desk.live.step(action)
        hold.settle(steps=1)
    keep_step(desk, state["index"], action, result=result)
    repeats = {**state["repeats"]}
    place = f"{before.fingerprint} {action}"
    repeats[place] = repeats.get(place, 0) + 1
    desk.observation = result.observation
    desk.waiting = [Text(told(result.error, result.changed, repeats[place]), "feedback")]
    desk.waiting.append(Observed(result.observation, against=before))
    update: State = {"index": state["index"] + 1, "repeats": repeats}
    if result.stop is not None:
        update["stop"] = result.stop.value
    elif repeats[place] >= REPEATS_LIMIT:
        update |= {"stop": StopReason.LOOP.value, "detail": f"{action} done {repeats[place]} times on the same page"}
    return update


def told(error: str, changed: bool, repeats: int) -> str:
    """What code noticed about an action, in words for the model."""
    if error:
        return f"The action was not carried out: {error}"
    notes = ["Done." if changed else "Done, but nothing on the page changed."]
    if repeats >= REPEATS_TOLD:
        notes.append(f"You have done exactly this {repeats} times on this same page. Try something else.")
    return " ".join(notes)


def keep_step(
    desk: Desk, index: int, action: Action | None, *, result: StepResult | None = None, error: str = ""
) -> None:
    """Record the step in the log and on the desk."""
    assert desk.observation is not None
    step = Step(
        index=index,
        observation=desk.observation,
        messages=desk.sent,
        completions=tuple(desk.completions),
        action=action,
        error=result.error if result else error,
        changed=result.changed if result else False,
        terminated=bool(result and result.terminated),
        truncated=bool(result and result.truncated),
        recalled=desk.recalled,
        timing=result.timing if result else Timing(),
        model_s=desk.model_s,
        memory_s=desk.memory_s,
    )
    desk.steps.append(step)
    desk.context.recorder.step(step)


def read_action(completion: Completion, env: Environment) -> Action | ActionError:
    """The action of a reply, its first tool call or the text form; or what is wrong, with the nearest choices.

    A call of a tool that exists is an action even with wrong arguments: the environment answers it.
    """
    if not completion.tool_calls:
        return parse_action(completion.text, tools=env.tools)
    call = completion.tool_calls[0]
    if call.raw and not call.arguments:
        return parse_action(json.dumps({"name": call.name, "arguments": call.raw}), tools=env.tools)
    action = Action(call.name, call.arguments)
    checked = check_action(action, env.tools)
    known = any(tool.name == call.name for tool in env.tools)
    return action if known and isinstance(checked, ActionError) else checked


def echo(completion: Completion) -> Message:
    """The reply as it stays in the conversation: its text, and the one call that counts."""
    parts = (Text(completion.text, "reply"),) if completion.text else ()
    return Message("assistant", parts, completion.tool_calls[:1])


def answering(conversation: Sequence[Message], parts: tuple[Part, ...]) -> Message:
    """The next message: a tool's result when the last one called a tool, else the user's."""
    last = conversation[-1]
    if last.role == "assistant" and last.tool_calls:
        return Message("tool", parts, tool_call_id=last.tool_calls[0].id)
    return Message("user", parts)


def shortened(conversation: list[Message], *, limit: int) -> list[Message]:
    """Shorten pages, oldest first, until the conversation fits; goal, actions and the last two pages stay whole."""
    pages = [i for i, m in enumerate(conversation) if any(isinstance(part, Observed) for part in m.parts)]
    size = sum(part.max_tokens for m in conversation for part in m.parts if isinstance(part, Observed))
    for i in pages[:-2]:
        if size <= limit:
            break
        message = conversation[i]
        size -= sum(part.max_tokens - OLD_PAGE_TOKENS for part in message.parts if isinstance(part, Observed))
        conversation = [*conversation[:i], with_short_pages(message), *conversation[i + 1 :]]
    return conversation


def with_short_pages(message: Message) -> Message:
    parts = (
        dataclasses.replace(part, max_tokens=OLD_PAGE_TOKENS) if isinstance(part, Observed) else part
        for part in message.parts
    )
    return dataclasses.replace(message, parts=tuple(parts))


@cache
def graph() -> CompiledStateGraph[State, Desk, State, State]:
    """The wiring."""
    wiring = StateGraph(State, context_schema=Desk)
    for node in (observe, recall, think, act):
        wiring.add_node(node.__name__, node)
    wiring.add_edge(START, "observe")
    wiring.add_edge("observe", "recall")
    wiring.add_edge("recall", "think")
    wiring.add_conditional_edges("think", lambda state: END if state.get("stop") else "act", ["act", END])
    wiring.add_conditional_edges("act", lambda state: END if state.get("stop") else "recall", ["recall", END])
    return wiring.compile()


RECALLED = 8
"""Items a step; the token cap of `Query` usually ends it sooner."""
SKETCH_TOKENS = 40
OLD_PAGE_TOKENS = 200

# {briefing}: what the environment tells about itself.
SYSTEM = """\
{briefing}
Notes from earlier runs may be shown. They were right elsewhere; check them before you rely on them.
Think briefly, then call exactly one tool. Use only the tools that are offered."""
