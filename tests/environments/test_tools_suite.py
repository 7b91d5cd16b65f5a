"""The suite `tools` as an environment: what an agent sees, forks, replays, verdicts and recorded answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from environments.calls import ActionError, check_action
from environments.check import check_environment
from environments.contracts import Action, Answer, Environment, Grader, StopReason, Task
from environments.suites import load_suite
from environments.text import TextEpisode, TextObservation
from environments.tools.errands import act, reference
from environments.tools.suite import Tools, instance_of, load
from environments.web.wording import parse_action
from sandbox import AgentkitError

TASK = Task(id="refund-broken-piece-1", suite="tools", max_steps=40, deadline_s=60)


@asynccontextmanager
async def opened(task: Task = TASK, *, seed: int = 0) -> AsyncIterator[tuple[Environment, Grader, TextEpisode]]:
    async with Tools().open() as (env, grader), env.start(task, seed=seed) as episode:
        assert isinstance(episode, TextEpisode)
        yield env, grader, episode


def sections(observation: object) -> tuple[tuple[str, str], ...]:
    assert isinstance(observation, TextObservation)
    return observation.sections


def waiting_for(name: str, failure: str) -> tuple[Task, int]:
    """A task and seed in which the next call of a tool fails in this way."""
    tasks = ((task, seed) for task in Tools().tasks() for seed in range(20))
    return next(one for one in tasks if instance_of(*one).failures.get(name) == (failure,))


async def test_it_keeps_the_contract_of_an_environment() -> None:
    suite = load_suite("tools")
    async with suite.open() as (env, _):
        assert env.fork_kind == "exact"
        for task in suite.tasks()[::15]:
            findings = await check_environment(env, task, act=lambda _: act("list_products"))
            assert [str(finding) for finding in findings if not finding.ok] == []


async def test_the_agent_begins_with_the_goal_the_day_and_every_tool() -> None:
    async with opened() as (env, _, episode):
        assert episode.goal.startswith("One ")
        assert episode.site == "tools"
        seen = (await episode.observe()).render()
        assert seen == "# Desk\nIt is Monday, 2026-03-02, 08:00. You work for Mira Okafor (C-100), who keeps a shop."
        assert len(env.tools) == 46
        assert [tool.name for tool in env.tools[-2:]] == ["answer", "report_infeasible"]
        assert "the tool is right" in env.briefing


async def test_argument_errors_tool_errors_and_timeouts_are_three_observations() -> None:
    task, seed = waiting_for("list_orders", "timeout")
    async with opened(task, seed=seed) as (_, _, episode):
        calls = [
            act("list_orders", customer="C-105"),
            act("list_orders", customer_id="C-105"),
            act("list_orders", customer_id="C-999"),
            act("list_orders", customer_id="C-105"),
        ]
        results = [await episode.step(call) for call in calls]
    titles = [sections(result.observation)[-1][0] for result in results]
    assert titles == ["Argument error", "Timeout", "Tool error", "Result"]
    assert [result.error.partition(":")[0] for result in results] == ["argument error", "timeout", "tool error", ""]
    assert [sections(result.observation)[0] for result in results] == [("Call", str(call)) for call in calls]
    assert len({result.observation.fingerprint for result in results}) == 4
    rendered = [result.observation.render() for result in results]
    assert "# Timeout\nlist_orders did not answer within 10 s" in rendered[1]
    assert "# Tool error\nnot found: no contact 'C-999'" in rendered[2]


async def test_a_rate_limit_is_a_tool_error_that_passes() -> None:
    task, seed = waiting_for("get_order", "rate limit")
    async with opened(task, seed=seed) as (_, _, episode):
        order = next(iter(instance_of(task, seed).state["orders"]))
        first = await episode.step(act("get_order", order_id=order))
        second = await episode.step(act("get_order", order_id=order))
    assert first.error == "tool error: rate limit: too many calls to get_order; call again"
    assert second.error == ""


async def test_the_document_does_not_stand_between_the_agent_and_the_tool() -> None:
    """What the shipped documents do not know is passed on, and what they take for a default is not left out."""
    async with opened() as (_, _, episode):
        right = await episode.step(act("convert", amount=1, source="EUR", target="EUR"))
        assert sections(right.observation)[-1] == ("Result", '{"amount": 1.0, "currency": "EUR"}')
        kept = await episode.step(
            act("move_file", source="/notes/todo.txt", target="/notes/ideas.txt", overwrite=False)
        )
        assert kept.error == "tool error: conflict: '/notes/ideas.txt' exists"


async def test_a_tool_that_is_not_there_is_told_and_changes_nothing() -> None:
    async with opened() as (_, _, episode):
        result = await episode.step(act("get_ordr", order_id="O-1"))
        assert "did you mean get_order" in result.error
        assert not result.changed
        missing = await episode.step(act("report_infeasible"))
        assert "lacks 'reason'" in missing.error
        assert missing.stop is None


async def test_an_agents_call_reaches_the_tool_as_it_was_given_whatever_its_form() -> None:
    """The wrong documents neither drop what they hold for the default nor refuse what they do not know."""
    async with opened() as (env, _, _):
        for action in (
            act("move_file", source="/a", target="/b", overwrite=False),
            act("create_event", title="x", start="2026-03-02T09:00", minutes=30, attendees=["C-100"]),
            act("convert", amount=1, source="EUR", target="USD"),
            act("get_order", value="O-1", milliseconds=5),
        ):
            assert check_action(action, env.tools) == action
            assert parse_action(str(action), tools=env.tools) == action
        assert parse_action('get_order("O-1")', tools=env.tools) == act("get_order", order_id="O-1")
        assert isinstance(parse_action('get_order("O-1", "O-2")', tools=env.tools), ActionError)
        assert isinstance(parse_action("get_ordr('O-1')", tools=env.tools), ActionError)
        assert parse_action("answer('5')", tools=env.tools) == act("answer", text="5")


async def test_a_long_error_is_cut_in_the_step_and_whole_in_the_observation() -> None:
    async with opened() as (_, _, episode):
        result = await episode.step(act("get_order", order_id="x" * 150))
        assert result.error == f"tool error: not found: no order {'x' * 150!r}"
        result = await episode.step(act("get_order", order_id="x" * 1000))
        assert len(result.error) == len("argument error: ") + 301
        assert len(sections(result.observation)[-1][1]) > 400


async def test_the_reference_passes_through_the_environment_and_the_grader() -> None:
    for name in ("refund-broken-piece-3", "file-letters-2", "cancel-if-possible-1", "book-meeting-3"):
        task = Task(id=name, suite="tools", max_steps=40, deadline_s=60)
        async with opened(task, seed=3) as (_, grader, episode):
            assert not (await grader.verdict(episode)).success
            for action in reference(instance_of(task, 3)):
                result = await episode.step(action)
            assert result.terminated
            assert result.stop in (StopReason.ANSWERED, StopReason.INFEASIBLE)
            assert (await grader.verdict(episode)).success
        assert (await grader.verdict(episode)).success, "after it is closed, too"
        assert grader.limit_s > 0


async def test_nothing_that_the_agent_or_the_environment_gets_holds_the_plan() -> None:
    async with opened() as (_, _, episode):
        assert not {"plan", "accepts", "instance"} & set(vars(episode.world))
        assert all(not task.data for task in Tools().tasks())
        plan = str(instance_of(TASK, 0).plan[-1].arguments["text"])
        assert plan not in episode.goal + repr(await episode.observe())


async def test_a_fork_is_exact_and_goes_its_own_way() -> None:
    actions = reference(instance_of(TASK, 0))
    async with opened() as (_, grader, episode):
        for action in actions[:-2]:
            await episode.step(action)
        async with episode.fork() as copy:
            assert copy.exact
            assert copy.fingerprints == episode.fingerprints
            assert (await copy.observe()).render() == (await episode.observe()).render()
            for action in actions[-2:]:
                await copy.step(action)
            assert (await grader.verdict(copy)).success
        assert not (await grader.verdict(episode)).success
        for action in actions[-2:]:
            await episode.step(action)
        assert (await grader.verdict(episode)).success
        assert episode.fingerprints == copy.fingerprints
        async with episode.fork() as over:
            assert (await grader.verdict(over)).success, "a fork of an ended episode has ended, too"


async def test_a_replay_gives_the_same_fingerprints_and_another_does_not() -> None:
    task, seed = waiting_for("get_order", "timeout")
    actions = reference(instance_of(task, seed))
    async with opened(task, seed=seed) as (env, _, episode):
        for action in actions:
            await episode.step(action)
        async with env.replay(task, actions, seed=seed, fingerprints=episode.fingerprints) as again:
            assert (again.exact, again.mismatch) == (True, "")
        async with env.replay(task, actions[1:], seed=seed, fingerprints=episode.fingerprints) as other:
            assert not other.exact
            assert "after action 1" in other.mismatch


async def test_the_fingerprint_knows_the_hidden_state() -> None:
    async with opened() as (_, _, episode):
        await episode.step(act("list_bookmarks"))
        before = episode.fingerprints[-1]
        await episode.step(act("bookmark_article", article_id="H-201", label="x"))
        async with episode.fork() as copy:
            await copy.step(act("append_file", path="/notes/todo.txt", content="x"))
            await copy.step(act("list_currencies"))
            await episode.step(act("list_currencies"))
            assert sections(await copy.observe()) == sections(await episode.observe())
            assert copy.fingerprints[-1] != episode.fingerprints[-1]
        assert before not in episode.fingerprints[-2:]


async def test_true_documents_are_asked_for_by_name() -> None:
    async with load(documentation="true").open() as (true, _), load().open() as (shipped, _):
        told = {tool.name: tool for tool in true.tools}
        assert list(told["convert"].parameters["properties"]) == ["amount", "source", "target", "date"]
        told = {tool.name: tool for tool in shipped.tools}
        assert list(told["convert"].parameters["properties"]) == ["amount", "from_currency", "to_currency", "date"]


async def test_recorded_calls_are_graded_without_an_agent(tmp_path: Path) -> None:
    actions = [{"name": one.name, "arguments": dict(one.arguments)} for one in reference(instance_of(TASK, 4))]
    lines = [
        {"task_id": TASK.id, "seed": 4, "actions": actions},
        {"task_id": TASK.id, "seed": 5, "actions": actions},
        {"task_id": TASK.id, "seed": 4, "actions": actions[:-1]},
        {"task_id": TASK.id, "actions": []},
        {"task_id": TASK.id, "seed": 4, "actions": [*actions, {"name": "delete_file", "arguments": {"path": "/a"}}]},
    ]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n\n".join(map(json.dumps, lines)))
    suite = Tools()
    answers = suite.read_answers(file)
    async with suite.grading() as grade:
        assert [(await grade(answer)).success for answer in answers] == [True, False, False, False, True]
        with pytest.raises(AgentkitError, match="did you mean refund-broken-piece-1"):
            await grade(Answer("refund-broken-peace-1", (0, ())))


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"task_id": "x"}',
        '{"task_id": "x", "actions": 5}',
        '{"task_id": "x", "actions": [{"arguments": {}}]}',
        '{"task_id": "x", "actions": [{"name": "y", "arguments": 3}]}',
        '{"task_id": "x", "seed": "z", "actions": []}',
    ],
)
def test_a_bad_line_of_answers_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text('{"task_id": "x", "actions": []}\n' + line)
    with pytest.raises(AgentkitError, match=r"answers.jsonl:2: expected .*actions"):
        Tools().read_answers(file)


async def test_an_episode_of_another_environment_is_not_judged() -> None:
    async with Tools().open() as (_, grader):
        with pytest.raises(TypeError, match="no episode of the suite 'tools'"):
            await grader.verdict(object())  # type: ignore[arg-type]


async def test_the_step_limit_ends_it_without_success() -> None:
    async with opened(Task(id="note-down-1", suite="tools", max_steps=2)) as (_, grader, episode):
        plan = instance_of(episode.task, 0).plan
        results = [await episode.step(Action(one.name, one.arguments)) for one in plan[:2]]
        assert results[-1].stop is StopReason.STEP_LIMIT
        verdict = await grader.verdict(episode)
    assert (verdict.success, verdict.reasons) == (False, "the agent did not end it")
