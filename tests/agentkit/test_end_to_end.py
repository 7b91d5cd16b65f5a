"""The whole way: command line, model, browser, memory, log; real MiniWoB++ pages in a real Chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentkit.demo import demo
from agentkit.models.chat import ChatModel
from agentkit.models.pilot import PilotModel
from agentkit.study import Plan, run_study
from environments.contracts import StopReason
from environments.suites import load_suite
from memory.study import read_study

from .openai_server import OpenAIServer, broken, cut, malformed, no_choices, rate_limited, say, tool_call

AGENTKIT = Path(sys.executable).with_name("agentkit")
pytestmark = pytest.mark.browser


def agentkit(*arguments: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run([AGENTKIT, *arguments], capture_output=True, text=True, timeout=timeout, check=False, env=env)


def click_what_the_goal_quotes(request: dict) -> object:
    """A model that reads the outline it was sent: the button whose name the goal quotes, else the first one."""
    text = json.dumps(request["messages"])
    goal = re.search(r'Click on the \\+"(.+?)\\+" button', text)
    buttons = re.findall(r'\[(\d+)(?:-\d+)?\] button \\+"(.+?)\\+"', text)
    ref = next((ref for ref, name in buttons if goal and name == goal[1]), buttons[0][0] if buttons else "1")
    return say(tool_calls=[tool_call("click", {"ref": ref})])


async def test_a_study_against_a_misbehaving_server_ends_right_and_the_ledger_agrees(tmp_path: Path) -> None:
    suite = load_suite("miniwob")
    tasks = tuple(task for task in suite.tasks() if task.id in ("click-test", "click-button"))
    faults = [rate_limited("0"), broken(500), cut(), malformed(), no_choices()]
    async with OpenAIServer(faults, respond=click_what_the_goal_quotes) as server:
        model = ChatModel("openai/test", base_url=server.base_url, api_key="any")
        plan = Plan(tasks=tasks, seeds=(0, 1, 2), parallel=1)
        done = await run_study(plan, suite, model=model, out=tmp_path / "run")
        assert [t.success for t in done] == [True] * 6
        assert {t.stop for t in done} == {StopReason.TERMINATED}
        assert sum(t.usage.calls for t in done) == len(server.requests) == 6 + len(faults)
        assert all(t.usage.cost_usd is None for t in done), "nobody knows the price of openai/test"


async def test_a_server_that_stays_broken_ends_each_episode_with_the_reason(tmp_path: Path) -> None:
    suite = load_suite("miniwob")
    tasks = tuple(task for task in suite.tasks() if task.id == "click-test")
    async with OpenAIServer(respond=lambda request: broken(400, "model overloaded by your prompt")) as server:
        model = ChatModel("openai/test", base_url=server.base_url, api_key="any")
        [done] = await run_study(Plan(tasks=tasks), suite, model=model, out=tmp_path / "run")
    assert done.stop is StopReason.MODEL_ERROR
    assert "overloaded by your prompt" in done.attempts[0].detail
    assert not done.success


def test_the_documented_command_runs_reports_and_is_read_like_a_story(tmp_path: Path) -> None:
    out = str(tmp_path / "x")
    command = ("run", "miniwob", "--tasks", "click-test,click-tab", "--model", "pilot", "--agent", "reflexion")
    options = ("--parallel", "4", "--trials", "3", "--seed", "0", "--out", out)
    ran = agentkit(*command, *options)
    assert ran.returncode == 0, ran.stderr
    assert "all tasks" in ran.stdout
    assert "Wilson" in ran.stdout
    again = agentkit(*command, *options)
    assert again.returncode == 1
    assert "resume" in again.stderr
    resumed = agentkit(*command, *options, "--resume", "--json")
    assert json.loads(resumed.stdout)["runs"][0]["overall"]["trials"] == 2
    story = agentkit("show", f"{out}/click-test")
    assert "goal" in story.stdout
    assert "verdict success" in story.stdout


def test_kill_nine_in_the_middle_and_resume_repeats_no_finished_task(tmp_path: Path) -> None:
    out = tmp_path / "x"
    command = [AGENTKIT, "run", "miniwob", "--tasks", "click-test,click-button", "--seeds", "20", "--out", str(out)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and (not (out / "log.jsonl").exists() or len(read_study(out).finished) < 3):
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    before = set(read_study(out).finished)
    assert 3 <= len(before) < 40
    resumed = agentkit(*map(str, command[1:]), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    begun = [
        json.loads(line)["trajectory"] for line in (out / "log.jsonl").read_text().splitlines() if '"begin"' in line
    ]
    assert {id: begun.count(id) for id in before} == dict.fromkeys(before, 1)
    assert len(read_study(out).finished) == 40


def test_lists_for_people_and_for_scripts() -> None:
    suites = json.loads(agentkit("tasks", "--json").stdout)
    assert {("miniwob", 130), ("tools", 90)} <= {(row["suite"], row["tasks"]) for row in suites}
    assert "click-test-2" in agentkit("tasks", "miniwob").stdout
    assert [row["agent"] for row in json.loads(agentkit("methods", "--json").stdout)] == ["react", "reflexion"]
    assert all(f["state"] != "missing" for f in json.loads(agentkit("doctor", "--json").stdout))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "miniwob", "--tasks", "clik-test"), "nearest: click-test"),
        (("run", "miniwob", "--agent", "reflexio"), "did you mean 'reflexion'"),
        (("run", "miniwob", "--trials", "3"), "use --agent reflexion for retries"),
        (("run", "minwob",), "miniwob"),
        (("show", "nowhere/x"), "nowhere"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_message_and_no_traceback(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "x")) if arguments[0] == "run" else ()
    ended = agentkit(*arguments, *out)
    assert ended.returncode == 1
    assert message in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("openai/gpt-4o-mini", "OPENAI_API_KEY"),
        ("hosted_vllm/some-model", "HOSTED_VLLM_API_BASE"),
        ("ollama_chat/some-model", "ollama"),
    ],
)
def test_a_model_that_cannot_be_reached_says_what_to_do_and_writes_nothing(
    model: str, advice: str, tmp_path: Path
) -> None:
    cleared = dict.fromkeys(("OPENAI_API_KEY", "HOSTED_VLLM_API_BASE", "OLLAMA_API_BASE"), "")
    ended = agentkit(
        "run", "miniwob", "--tasks", "click-test", "--model", model, "--out", str(tmp_path / "x"), **cleared
    )
    assert ended.returncode == 1
    assert advice in ended.stderr
    assert not (tmp_path / "x").exists()


async def test_the_demo_in_small_runs_its_rounds_and_saves_what_it_says(tmp_path: Path) -> None:
    rounds = await demo(
        tmp_path, model=PilotModel(), parallel=2, tasks=("click-test", "enter-text", "click-color"),
        training=((0, 1), (2,)), heldout=(1000, 1001),
    )  # fmt: skip
    assert [round.name for round in rounds] == ["before", "memory", "memory + head"]
    assert all(len(round.trajectories) == 6 for round in rounds)
    heldout = {id for round in rounds for t in round.trajectories for id in [t.id]}
    journal = (tmp_path / "library" / "journal.jsonl").read_text()
    assert journal
    assert not any(id in journal for id in heldout), "nothing is learnt from held-out instances"
    for name in ("learning.png", "report.md", "report.json", "pilot-head.json"):
        assert (tmp_path / name).stat().st_size > 0
    trained = read_study(tmp_path / "training-1").load("miniwob/click-color/0")
    assert trained.uses_gold
    assert not any(t.uses_gold for round in rounds for t in round.trajectories)
