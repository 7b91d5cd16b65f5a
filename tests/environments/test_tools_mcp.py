"""Any MCP server's tools, over real processes: what a server may say and do, and that it is always ended."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from environments.check import check_environment
from environments.contracts import Action, Environment, EnvironmentFailure, Grader, StopReason, Task
from environments.text import TextEpisode
from environments.tools.errands import act, reference
from environments.tools.foreign import clean, mismatch, told_names, told_schema
from environments.tools.grade import judge
from environments.tools.mcp_suite import McpGrader, McpTools, mcp_suite
from environments.tools.servers import Conversation, converse
from environments.tools.suite import TEMPLATES, instance_of, load
from sandbox import AgentkitError

SERVER = Path(__file__).with_name("mcp_server.py")
ROOT = Path(__file__).resolve().parents[2]


def command(mode: str = "") -> tuple[str, ...]:
    return (sys.executable, str(SERVER), *([mode] if mode else []))


def suite(*, call_s: float = 30.0, screenshots: Literal["none", "plain"] = "none") -> McpTools:
    made = mcp_suite(f"mcp:{shlex.join(command())}", goal="Try the tools.", screenshots=screenshots)
    return replace(made, call_s=call_s, start_s=60.0)


@asynccontextmanager
async def opened(made: McpTools) -> AsyncIterator[tuple[Environment, Grader, TextEpisode]]:
    async with made.open() as (env, grader), env.start(made.tasks()[0]) as episode:
        assert isinstance(episode, TextEpisode)
        yield env, grader, episode


@asynccontextmanager
async def talking(*, call_s: float = 30.0) -> AsyncIterator[Conversation]:
    conversation = await converse(command(), start_s=60.0, call_s=call_s)
    try:
        yield conversation
    finally:
        await conversation.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def seen(episode: TextEpisode, name: str, /, **arguments: object) -> tuple[str, str]:
    """Title and text of what came of a call."""
    result = await episode.step(Action(name, arguments))
    observation = result.observation
    return observation.sections[-1]  # type: ignore[attr-defined, no-any-return]


def gone(pid: int) -> bool:
    """Whether a process is no more; a child of somebody else that is dead but not yet waited for counts as gone."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.02)
    return False


async def test_an_errand_is_solved_over_a_server_process_and_graded_on_that_servers_state(tmp_path: Path) -> None:
    state_file = tmp_path / "state.json"
    for name, seed in (("refund-broken-piece-3", 1), ("message-total-2", 0)):
        task = Task(id=name, suite="tools")
        instance = instance_of(task, seed)
        line = f"{sys.executable} -m environments.tools.serve --task {name} --seed {seed} --state {state_file}"
        made = load(tools=f"mcp:{line}", goal=instance.goal, expected=str(instance.plan[-1].arguments.get("text", "")))
        assert isinstance(made, McpTools)
        async with opened(made) as (env, grader, episode):
            assert len(env.tools) == 46
            shown = (await episode.observe()).render()
            assert instance.goal in shown
            assert "O-" not in shown, "the welcome gives nothing away"
            untouched = json.loads(state_file.read_text())
            assert not judge(instance, untouched, stop=StopReason.ANSWERED, answer="").success
            steps = [await episode.step(action) for action in reference(instance)]
            assert [step.error.partition(":")[0] for step in steps if step.error] in (["timeout"] * 2, ["tool error"])
            assert (await grader.verdict(episode)).success
        final = json.loads(state_file.read_text())
        verdict = judge(instance, final, stop=steps[-1].stop, answer=episode.answer)
        assert verdict.success, verdict.reasons


async def test_the_server_of_an_errand_tells_the_three_failures_apart() -> None:
    name, seed = next(
        (f"{template}-3", seed)
        for template in TEMPLATES
        for seed in range(9)
        if instance_of(Task(id=f"{template}-3", suite="tools"), seed).failures.get("list_orders") == ("timeout",)
    )
    line = f"{sys.executable} -m environments.tools.serve --task {name} --seed {seed}"
    made = mcp_suite(f"mcp:{line}", goal="Look.")
    async with opened(made) as (_, _, episode):
        assert (await seen(episode, "list_orders", customer_id="C-105"))[0] == "Timeout"
        assert (await seen(episode, "list_orders", customer_id="C-105"))[0] == "Result"
        assert await seen(episode, "list_orders", customer_id="C-1") == ("Tool error", "not found: no contact 'C-1'")
        title, text = await seen(episode, "list_orders", customer="C-105")
        assert title == "Argument error"
        assert "unexpected 'customer'; list_orders accepts: customer_id, status, page" in text


async def test_a_task_that_is_not_there_is_refused_by_the_server() -> None:
    line = (sys.executable, "-m", "environments.tools.serve", "--task", "book-meating-1")
    process = await asyncio.create_subprocess_exec(*line, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert b"did you mean book-meeting" in stderr


async def test_what_a_server_lists_is_told_in_names_that_models_take() -> None:
    async with opened(suite()) as (env, _, episode):
        names = [tool.name for tool in env.tools]
        assert len(names) == 22
        assert {"add", "answer_2", "leave_a_child", "answer", "report_infeasible"} <= set(names)
        add = next(tool for tool in env.tools if tool.name == "add")
        assert add.description == "add red right tag end"
        assert add.parameters["required"] == ["a", "b"]
        assert (await episode.observe()).render() == "# Server\nA server red right tag end"
        assert await seen(episode, "answer_2") == ("Result", "answer"), "its own tool `answer` is called, not ours"
        wrong = await episode.step(Action("ad", {}))
        assert "did you mean" in wrong.error
        assert not wrong.changed


CALLS: list[tuple[Action, str, str]] = [
    (act("add", a=2, b=3), "Result", "5"),
    (act("add", a=2, b="x"), "Argument error", "b: 'x' is not of type 'integer'; the server says: a and b are whole"),
    (act("add", a=2), "Argument error", "'b' is a required property; the server says: a and b are whole numbers"),
    (act("fail", a=2, b=3), "Tool error", "the printer is on fire"),
    (act("refuse"), "Argument error", "no such colour"),
    (act("protocol"), "Protocol error", "the server is confused (code -32603)"),
    (act("not_connected"), "Protocol error", "the database is not connected (code -32000)"),
    (act("structure"), "Result", '{"sum": 5}'),
    (act("only_structure"), "Result", '{"sum": 5}'),
    (act("picture"), "Result", "[image, image/png, 28 bytes]\na dot"),
    (act("audio"), "Result", "[audio, audio/wav, 28 bytes]"),
    (act("link"), "Result", "[link to file:///a.txt: a file]"),
    (act("resource"), "Result", "[resource memo://1, text/plain]\nremember the milk"),
    (act("hidden"), "Result", "red right tag end"),
    (act("garbage"), "Result", "done"),
    (act("nonsense"), "Result", "sense"),
]


async def test_what_a_call_comes_to() -> None:
    async with opened(suite()) as (_, _, episode):
        for action, title, text in CALLS:
            result = await episode.step(action)
            got = result.observation.sections  # type: ignore[attr-defined]
            assert got[0] == ("Call", str(action))
            assert (got[1][0], got[1][1][: len(text)]) == (title, text)
            assert len(got[1][1]) < len(text) + 10
            assert result.error == ("" if title == "Result" else f"{title.lower()}: {got[1][1]}")
            assert result.observation.screenshot is None, "none was asked for"


async def test_a_huge_result_is_cut_in_its_middle() -> None:
    async with talking() as server:
        text = (await server.call("huge", {}, schema={})).text
    assert len(text) < 21_000
    assert text.startswith("aaa")
    assert text.endswith("az")
    assert "characters left out" in text


async def test_a_slow_tool_is_a_timeout_and_the_server_can_be_called_again() -> None:
    async with talking(call_s=0.5) as server:
        slow = await server.call("slow", {}, schema={})
        assert (slow.kind, slow.text[:22]) == ("timeout", "no answer within 0.5 s")
        assert (await server.call("add", {"a": 1, "b": 1}, schema={})).text == "2"


async def test_a_picture_is_shown_where_it_is_asked_for() -> None:
    async with opened(suite(screenshots="plain")) as (_, _, episode):
        result = await episode.step(act("picture"))
        assert (result.observation.screenshot or b"")[:4] == b"\x89PNG"
        assert (await episode.step(act("audio"))).observation.screenshot is None


async def test_a_server_that_dies_is_a_failure_of_the_environment_and_says_why() -> None:
    async with talking() as server:
        with pytest.raises(EnvironmentFailure) as failure:
            await server.call("die", {}, schema={})
        assert "its process ended with exit code 7" in str(failure.value)
        assert "out of paper" in str(failure.value)
        with pytest.raises(EnvironmentFailure, match="closed"):
            await server.call("add", {"a": 1, "b": 1}, schema={})


async def test_a_server_that_floods_its_output_is_cut_off() -> None:
    async with talking() as server:
        with pytest.raises(EnvironmentFailure, match="a line of more than 8 MiB"):
            await server.call("flood", {}, schema={})
    assert gone(server.record.pid or 0)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("exits", "ended with exit code 3; its stderr ends .*no configuration"),
        ("silent", "was not ready within 3 s"),
        ("chatters", "does not speak MCP.* 200 of its lines on stdout were no messages, the first 'hello there'"),
        ("endless", "a line of more than 8 MiB"),
    ],
)
async def test_a_program_that_is_no_server_says_what_it_is_instead(mode: str, words: str) -> None:
    script = SERVER.with_name("no_mcp_server.py")
    with pytest.raises(EnvironmentFailure, match=words) as failure:
        await converse((sys.executable, str(script), mode), start_s=3.0 if mode == "silent" else 60.0)
    pid = re.findall(r"pid (\d+)", str(failure.value))
    assert gone(int(pid[0]))


async def test_a_server_without_tools_and_a_program_that_is_not_there_are_refused() -> None:
    with pytest.raises(EnvironmentFailure, match="offers no tools"):
        async with mcp_suite(f"mcp:{shlex.join(command('empty'))}", goal="x").open():
            pass
    with pytest.raises(EnvironmentFailure, match="cannot be started: 'no-such-program'"):
        async with mcp_suite("mcp:no-such-program --serve", goal="x").open():
            pass


async def test_a_server_and_what_it_started_are_ended_with_the_conversation() -> None:
    before = descriptors()
    async with talking() as server:
        child = int((await server.call("leave a child", {}, schema={})).text)
        assert Path(f"/proc/{child}").exists()
    await server.close()
    assert gone(server.record.pid or 0)
    assert gone(child)
    assert descriptors() <= before


async def test_a_server_is_ended_when_the_episode_is_cancelled() -> None:
    pids: list[int] = []

    async def hang() -> None:
        async with opened(suite()) as (_, _, episode):
            pids.append(episode.world._conversation.record.pid)  # type: ignore[attr-defined]
            await episode.step(act("slow"))

    task = asyncio.create_task(hang())
    while not pids:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(pids[0])


async def test_the_agents_variables_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_OF_A_TEST", "hush")
    async with talking() as server:
        environ = Path(f"/proc/{server.record.pid}/environ").read_text()
    assert "PATH=" in environ
    assert "hush" not in environ


async def test_it_keeps_the_contract_of_an_environment_and_does_not_fork() -> None:
    made = suite()
    async with made.open() as (env, _):
        assert env.fork_kind == "none"
        findings = await check_environment(env, made.tasks()[0], act=lambda _: act("add", a=1, b=2))
        assert [str(finding) for finding in findings if not finding.ok] == []
        async with env.start(made.tasks()[0]) as episode:
            with pytest.raises(EnvironmentFailure, match="do not fork"):
                async with episode.fork():
                    pass


async def test_the_verdict_is_on_the_expected_answer_and_there_is_none_without_one() -> None:
    ends = [
        (act("answer", text="It is 5.0"), {"mcp": "5"}, True, ""),
        (act("answer", text="6"), {"mcp": "5"}, False, "the answer '6' is wrong"),
        (act("answer", text=" red. "), {"mcp": "Red"}, True, ""),
        (act("report_infeasible", reason="5"), {"mcp": "5"}, False, "without an answer"),
        (act("answer", text="5"), {}, False, "no expected answer was given"),
    ]
    made = suite()
    async with made.open() as (env, _):
        for end, expected, success, reasons in ends:
            async with env.start(made.tasks()[0]) as episode:
                assert not (await McpGrader(expected).verdict(episode)).success
                await episode.step(end)
            verdict = await McpGrader(expected).verdict(episode)
            assert verdict.success is success
            assert reasons in verdict.reasons


async def test_goals_come_from_a_file_and_the_answers_stay_out_of_the_tasks(tmp_path: Path) -> None:
    goals = tmp_path / "goals.jsonl"
    goals.write_text('{"id": "one", "goal": "Add 2 and 40.", "answer": 42}\n\n{"id": "two", "goal": "Wait."}\n')
    made = load(tools=f"mcp:{shlex.join(command())}", tasks_file=goals)
    assert [(task.id, task.goal) for task in made.tasks()] == [("one", "Add 2 and 40."), ("two", "Wait.")]
    assert "42" not in repr(made.tasks()).replace("Add 2 and 40.", "")
    assert isinstance(made, McpTools)
    assert made.expected == {"one": "42"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tools": "python server.py", "goal": "x"}, "expected 'mcp:COMMAND'"),
        ({"tools": "mcp:", "goal": "x"}, "expected 'mcp:COMMAND'"),
        ({"tools": "mcp:python 'server", "goal": "x"}, "No closing quotation"),
        ({"tools": "mcp:python server.py"}, "either a goal or a tasks file"),
        ({"goal": "x"}, "goes with the tools 'mcp:COMMAND' only"),
        ({"expected": "x"}, "goes with the tools 'mcp:COMMAND' only"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(AgentkitError, match=words):
        load(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"id": "a", "goal": "x"}\n{"id": "b"}\n', ":2: expected"),
        ('{"id": "a", "goal": "x"}\n{"id": "a", "goal": "y"}\n', "more than one goal with the id 'a'"),
        ("\n", "has no goals"),
        ("[1]\n", ":1: expected"),
    ],
)
def test_a_bad_file_of_goals_is_refused_with_its_line(lines: str, words: str, tmp_path: Path) -> None:
    goals = tmp_path / "goals.jsonl"
    goals.write_text(lines)
    with pytest.raises(AgentkitError, match=words):
        load(tools="mcp:x", tasks_file=goals)
    with pytest.raises(AgentkitError, match="under 'answer'"):
        load(tools="mcp:x", tasks_file=goals, expected="1")


def test_names_are_made_fit_and_stay_apart() -> None:
    names = told_names(["a.b", "a b", "a_b", "answer", "x" * 80, "é", "a.b"])
    assert names == {"a_b": "a.b", "a_b_2": "a b", "a_b_3": "a_b", "answer_2": "answer", "x" * 60: "x" * 80, "_": "é"}


def test_text_of_others_is_cleaned_and_cut() -> None:
    assert clean("a\x00b\x1b]0;title\x07c\r\nd\te\u202e", longest=100) == "abc\nd\te"
    cut = clean("é" * 50 + "ü" * 50, longest=10)
    assert cut == "ééééé\n… 90 characters left out …\nüüüüü"


def test_schemas_of_others_are_objects_of_bounded_size() -> None:
    free = {"type": "object", "properties": {}}
    assert told_schema({"type": "string"}) == free
    assert told_schema({"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(2000)}}) == free
    deep: dict[str, object] = {}
    for _ in range(300):
        deep = {"type": "object", "properties": {"x": deep}}
    assert told_schema(deep)["type"] == "object"
    assert mismatch({"x": 1}, schema=deep) == "x: 1 is not of type 'object'"


def test_a_schema_of_others_cannot_hold_us_up_or_send_us_anywhere() -> None:
    slow = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    started = time.perf_counter()
    assert mismatch({"x": "a" * 40 + "b"}, schema=slow) == ""
    assert time.perf_counter() - started < 2
    away = {"type": "object", "properties": {"x": {"$ref": "https://example.org/schema.json"}}}
    assert mismatch({"x": 1}, schema=away) == ""
    assert mismatch({"x": 1}, schema={"type": 5}) == ""
