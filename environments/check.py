r"""What every environment has to keep, as checks that anyone can run over their own.

    findings = await check_environment(env, task, seed=0)
    assert all(finding.ok for finding in findings), "\\n".join(map(str, findings))

Each check opens fresh episodes and takes only actions that `act` proposes, so it is safe where starting an episode is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from environments.contracts import Action, Environment, Episode, Observation, StepResult, Task

__all__ = ["Finding", "check_environment"]

UNKNOWN = Action("no_such_action", {"nothing": 1})

Proposal = Callable[[Observation], Action | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise of the contract, and whether it was kept."""

    name: str
    ok: bool
    detail: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}{f': {self.detail}' if self.detail else ''}"


async def check_environment(
    env: Environment, task: Task, *, seed: int = 0, act: Proposal | None = None
) -> list[Finding]:
    """Try the promises of `environments.contracts` on one task.

    Args:
        env: what to check.
        task: a task that it can start.
        seed: the instance.
        act: proposes a valid action for an observation; without it the checks that need one are left out.
    """
    findings = _tools(env)
    async with env.start(task, seed=seed) as first:
        findings += await _start(first, task, seed)
        await _close_during(env, task, seed)
        findings += await _wrong_action(first)
        if act is not None:
            findings += await _right_action(env, first, act)
    async with env.start(task, seed=seed) as second:
        same = second.fingerprints[:1] == first.fingerprints[:1]
        findings.append(Finding("the same seed gives the same first observation", same))
        findings.append(Finding("the same seed gives the same goal", second.goal == first.goal, second.goal))
    return findings


def _tools(env: Environment) -> list[Finding]:
    names = [tool.name for tool in env.tools]
    schemas = [tool.name for tool in env.tools if tool.parameters.get("type") != "object"]
    return [
        Finding("tools have distinct names", len(names) == len(set(names)) and bool(names)),
        Finding("tools declare an object of arguments", not schemas, ", ".join(schemas)),
        Finding("fork_kind is known", env.fork_kind in ("exact", "replay", "none"), env.fork_kind),
    ]


async def _start(episode: Episode, task: Task, seed: int) -> list[Finding]:
    seen, again = await episode.observe(), await episode.observe()
    rendered = seen.render(max_tokens=200)
    return [
        Finding("an episode knows its task and seed", (episode.task, episode.seed) == (task, seed)),
        Finding("an episode has a goal and a site", bool(episode.goal and episode.site)),
        Finding("an episode begins without actions or an answer", not episode.actions and episode.answer is None),
        Finding("there is one fingerprint before the first action", len(episode.fingerprints) == 1),
        Finding("observing twice gives one fingerprint", seen.fingerprint == again.fingerprint),
        Finding("the first fingerprint is of the first observation", seen.fingerprint == episode.fingerprints[0]),
        Finding("rendering keeps to its cap", len(rendered) <= 200 * 6, f"{len(rendered)} characters for 200 tokens"),
        Finding("an observation is JSON with a kind", "kind" in json.loads(json.dumps(seen.to_json()))),
    ]


async def _wrong_action(episode: Episode) -> list[Finding]:
    result = await episode.step(UNKNOWN)
    return [
        Finding("a wrong action is told, not raised", bool(result.error), result.error),
        Finding("a wrong action changes nothing", not result.changed),
        Finding("a wrong action counts as a step", len(episode.actions) == 1 and len(episode.fingerprints) == 2),
        *_consistent(result),
    ]


async def _right_action(env: Environment, episode: Episode, act: Proposal) -> list[Finding]:
    action = act(await episode.observe())
    if action is None:
        return []
    result = await episode.step(action)
    findings = [
        Finding("a valid action is carried out", not result.error, result.error),
        Finding("the log has every action in order", tuple(episode.actions) == (UNKNOWN, action)),
        *_consistent(result),
    ]
    if env.fork_kind == "none":
        return findings
    async with episode.fork() as copy:
        same = copy.fingerprints[-1:] == episode.fingerprints[-1:]
        findings.append(Finding("a fork is exact or says what differs", copy.exact == same, copy.mismatch))
        findings.append(Finding("a fork has the same log", tuple(copy.actions) == tuple(episode.actions)))
        before = len(episode.actions)
        await copy.step(UNKNOWN)
        findings.append(Finding("a fork does not touch its original", len(episode.actions) == before))
    return findings


def _consistent(result: StepResult) -> list[Finding]:
    ended = result.terminated or result.truncated
    return [
        Finding("stop is set exactly when the episode ended", (result.stop is not None) == ended, str(result.stop)),
        Finding("terminated and truncated exclude each other", not (result.terminated and result.truncated)),
    ]


async def _close_during(env: Environment, task: Task, seed: int) -> None:
    """An episode that is closed early, beside another, must not disturb it; the checks that follow would show it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(env.start(task, seed=seed + 1))
