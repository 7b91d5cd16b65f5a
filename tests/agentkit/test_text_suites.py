"""The suites of text from the command line: a model over the OpenAI protocol, a real sandbox, a real MCP server."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from environments.code.suite import SHIPPED
from environments.repo.suite import load as load_repo
from memory.study import read_study
from memory.trajectory import Trajectory
from tests.agentkit.openai_server import OpenAIServer, say, tool_call
from tests.sandbox.backends import BACKENDS_HERE

AGENTKIT = Path(sys.executable).with_name("agentkit")
MCP_SERVER = Path(__file__).parents[1] / "environments" / "mcp_server.py"
Json = dict[str, Any]


async def run_against(calls: list[tuple[str, Json]], *options: str, out: Path) -> tuple[Trajectory, list[Json]]:
    """Run one task from the command line against a server that makes these calls, one a turn."""

    def respond(request: Json) -> object:
        turn = sum(message["role"] == "assistant" for message in request["messages"])
        name, arguments = calls[min(turn, len(calls) - 1)]
        return say(tool_calls=[tool_call(name, arguments, id=f"call_{turn}")])

    async with OpenAIServer(respond=respond) as server:
        command = [
            "run",
            *options,
            "--model",
            "openai/test",
            "--base-url",
            server.base_url,
            "--out",
            str(out),
            "--json",
        ]
        env = {**os.environ, "OPENAI_API_KEY": "any"}
        process = await asyncio.create_subprocess_exec(AGENTKIT, *command, stdout=-1, stderr=-1, env=env)
        printed, complaints = await asyncio.wait_for(process.communicate(), 150)
        assert process.returncode == 0, complaints.decode()
        assert json.loads(printed)
        [trajectory] = read_study(out).trajectories()
        return trajectory, server.requests


def seen(trajectory: Trajectory) -> str:
    """All that the agent saw."""
    [attempt] = trajectory.attempts
    return "\n".join(step.observation.render() for step in attempt.steps) + (
        attempt.final.render() if attempt.final else ""
    )


@pytest.mark.parametrize("backend", BACKENDS_HERE)
@pytest.mark.parametrize("right", [True, False])
async def test_run_code(tmp_path: Path, backend: str, right: bool) -> None:
    [problem] = [line for line in map(json.loads, SHIPPED.open()) if line["task_id"] == "longest-run"]
    solution = problem["prompt"] + (problem["solution"] if right else "    return 3\n")
    calls = [
        ("run_tests", {}),
        ("write", {"path": "solution.py", "text": solution}),
        ("run_tests", {}),
        ("submit", {}),
    ]
    unsafe = ["--unsafe"] if backend == "process" else []
    options = ["code", "--tasks", "longest-run", "--sandbox", backend, *unsafe]
    trajectory, requests = await run_against(calls, *options, out=tmp_path / "run")
    assert trajectory.success is right, trajectory.score
    assert [step.action.name for step in trajectory.attempts[0].steps if step.action] == [name for name, _ in calls]
    assert "You" in requests[0]["messages"][0]["content"]
    assert "random.Random(5)" not in json.dumps(requests), "a hidden test reached the model"
    assert "1 of 1" in seen(trajectory) or "passed" in seen(trajectory)


@pytest.mark.parametrize("backend", [parameter for parameter in BACKENDS_HERE if "container" not in str(parameter)])
async def test_run_repo(tmp_path: Path, backend: str) -> None:
    record = next(iter(load_repo().records.values()))
    calls = [
        ("view", {"path": "."}),
        ("run", {"command": f"git apply - <<'END'\n{record.patch}\nEND"}),
        ("run_tests", {}),
        ("submit", {}),
    ]
    unsafe = ["--unsafe"] if backend == "process" else []
    options = ["repo", "--tasks", record.instance_id, "--sandbox", backend, *unsafe]
    trajectory, requests = await run_against(calls, *options, out=tmp_path / "run")
    assert trajectory.success, trajectory.score
    assert record.problem_statement.split("\n")[0] in json.dumps(requests[0])
    hidden = [line[1:] for line in record.test_patch.splitlines() if line.startswith("+    def test")]
    assert hidden
    assert not [name for name in hidden if name in json.dumps(requests)], "a hidden test reached the model"


async def test_run_repo_without_a_repair_fails(tmp_path: Path) -> None:
    record = next(iter(load_repo().records.values()))
    options = ["repo", "--tasks", record.instance_id, "--sandbox", "process", "--unsafe"]
    trajectory, _ = await run_against([("submit", {})], *options, out=tmp_path / "run")
    assert not trajectory.success


@pytest.mark.parametrize(("expected", "success"), [("5", True), ("6", False)])
async def test_run_tools_over_an_mcp_server(tmp_path: Path, expected: str, success: bool) -> None:
    command = f"mcp:{shlex.join([sys.executable, str(MCP_SERVER)])}"
    calls = [("add", {"a": 2, "b": 3}), ("answer", {"text": "5"})]
    options = ["tools", "--tools", command, "--goal", "What is 2 + 3?", "--expected", expected]
    trajectory, _ = await run_against(calls, *options, out=tmp_path / "run")
    assert trajectory.success is success
    assert "5" in seen(trajectory)


@pytest.mark.parametrize("suite", ["code", "repo", "tools"])
async def test_the_pilot_is_refused_with_what_to_do(tmp_path: Path, suite: str) -> None:
    command = ["run", suite, "--model", "pilot", "--out", str(tmp_path / "run")]
    process = await asyncio.create_subprocess_exec(AGENTKIT, *command, stdout=-1, stderr=-1)
    _, complaints = await process.communicate()
    assert process.returncode == 1
    assert f"--model pilot cannot run {suite}" in " ".join(complaints.decode().split())
    assert not (tmp_path / "run").exists()
