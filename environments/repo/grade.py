"""Judges a diff: the base commit, the diff, the hidden tests, each run by itself in a session that saw nothing else.

1. The diff is applied to the base commit by git. What it changes in tests, in their configuration and in what Python
   runs at its start is put back; see `protect.py`.
2. The hidden test patch is applied over files that are as the base has them.
3. Each test runs in a process of its own, on files as they were after step 2, with its own limits, among canaries
   that must pass and canaries that must fail, and reports through a pipe to a judge in another process. So code that
   prints the wished result, exits early with 0, patches `assert` methods, `unittest`, `pytest` or `builtins`, skips,
   loops, or sends a report without running the tests, fails.

The solution is graded where all FAIL_TO_PASS and PASS_TO_PASS pass. `Score.value` is the share of FAIL_TO_PASS that
pass, or 0 where one of PASS_TO_PASS does not.

What this cannot see, as the test and the code it tests share one process: an object of the solution that says it is
equal to everything, where the test compares with `==`; a function that reads from its callers' frames what a test
expects; code written against this very judge, which reads the canaries from memory, evaluates each and writes a report
that is right about them. Reading a solution is the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from environments.contracts import EnvironmentFailure, Episode, Score
from environments.repo.changes import LARGEST_PATCH
from environments.repo.checkout import GIT_ENV, Checkout, cut, lay
from environments.repo.protect import why_protected
from environments.repo.records import Record
from environments.repo.world import RepoWorld, inside
from environments.text import TextEpisode
from sandbox.contracts import GIB, MIB, Limits, Result, Sandbox, SandboxBroken, SandboxError, Session, Snapshot

__all__ = ["Checkouts", "RepoGrader"]

ANSWER, HIDDEN = ".git/answer.patch", ".git/hidden.patch"
SLACK_S = 15.0
"""Beyond a test's own limit, for the judge to start and to end."""
SETTING_UP_S = 60.0
"""Of a verdict's time, what it takes to lay out the repository and to apply the patches."""
NOTES, NOTE_LENGTH = 8, 200
"""Tests and files that a reason names, and characters that it says of a test."""

APPLY = """
git apply --index --whitespace=nowarn "$PATCH" || git apply --index --whitespace=nowarn --recount -C1 "$PATCH"
"""
CHANGED = 'git diff-index --cached --name-only --no-renames -z "$BASE"'
TOUCHED = f'git read-tree "$BASE" && git apply --cached --whitespace=nowarn "$PATCH" && {CHANGED}'
PUT_BACK = "git rm -r -q -f --ignore-unmatch --pathspec-from-file=- --pathspec-file-nul"
FROM_BASE = 'git checkout -q "$BASE" --pathspec-from-file=- --pathspec-file-nul'


class Unfit(Exception):
    """The diff cannot be judged, for a reason that lies in it."""


class Checkouts:
    """The base commits of records, each cut once."""

    def __init__(self) -> None:
        self._known: dict[str, Checkout] = {}

    async def of(self, record: Record) -> Checkout:
        if record.instance_id not in self._known:
            self._known[record.instance_id] = await cut(record.source, record.base_commit)
        return self._known[record.instance_id]


class Trial(NamedTuple):
    """How one hidden test ended."""

    test: str
    passed: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoGrader:
    """Holds the hidden tests. Only the runner has one."""

    sandbox: Sandbox = field(repr=False)
    records: Mapping[str, Record] = field(repr=False)
    checkouts: Checkouts = field(repr=False, default_factory=Checkouts)
    test_s: float = 30.0
    """Seconds, of the clock and of the processor, for one test."""

    @property
    def limit_s(self) -> float:
        """Of the longest record, three of whose tests may use all their time and the others a second."""
        longest = max((len(one.fail_to_pass) + len(one.pass_to_pass) for one in self.records.values()), default=0)
        return SETTING_UP_S + 3 * (self.test_s + SLACK_S) + longest

    async def verdict(self, episode: Episode) -> Score:
        """Of the diff that was handed in; else of the files as the episode left them."""
        patch = episode.answer
        if patch is None:
            world = cast(RepoWorld, cast(TextEpisode, episode).world)
            try:
                found = await world.patch()
            except SandboxBroken:
                return _failed("the episode's sandbox had ended before a diff was handed in")
            if found.problem:
                return _failed(found.problem)
            patch = found.text
        return await self.score(episode.task.id, patch)

    async def score(self, instance_id: str, patch: str) -> Score:
        """The verdict on a diff.

        Raises:
            EnvironmentFailure: the sandbox cannot run, or the record's own patch does not fit.
        """
        record = self.records.get(instance_id)
        if record is None:
            raise EnvironmentFailure(f"no record {instance_id!r}; grade it against the file that it is from")
        if not patch.strip():
            return _failed("nothing was changed")
        checkout = await self.checkouts.of(record)
        try:
            async with await self.sandbox.open(self._limits()) as session:
                await lay(session, checkout)
                put_back = await _apply(session, patch, base=checkout.commit)
                await _apply_hidden(session, record.test_patch, base=checkout.commit)
                return _weighed(record, await self._trials(session, record), put_back=put_back)
        except Unfit as error:
            return _failed(str(error))
        except SandboxBroken as error:
            return _failed(f"the sandbox ended under the tests: {error}")
        except SandboxError as error:
            raise EnvironmentFailure(f"{instance_id} could not be graded: {error}") from error

    def _limits(self) -> Limits:
        wall = self.test_s + SLACK_S
        return Limits(
            memory_bytes=GIB, processes=128, cpu_s=wall, wall_s=max(wall, 60.0), file_bytes=512 * MIB, files=100_000
        )

    async def _trials(self, session: Session, record: Record) -> list[Trial]:
        """Each test on the same files; after the first of PASS_TO_PASS that fails there is nothing left to learn."""
        snapshot = await session.snapshot()
        trials: list[Trial] = []
        for test in (*record.fail_to_pass, *record.pass_to_pass):
            trial = await self._trial(session, test, snapshot=snapshot if trials else None, runner=record.runner)
            trials.append(trial)
            if not trial.passed and test not in record.fail_to_pass:
                break
        return trials

    async def _trial(self, session: Session, test: str, *, snapshot: Snapshot | None, runner: str) -> Trial:
        if snapshot is not None:
            await session.restore(snapshot)
        call = (
            f"judge({inside('trial.py')!r}, {test!r}, runner={runner!r}, wall_s={self.test_s!r}, cpu_s={self.test_s!r})"
        )
        result = await session.python(f"{inside('judge.py')}\n{call}", wall_s=self.test_s + SLACK_S)
        if result.ok and isinstance(result.data, dict):
            return Trial(test, result.data.get("passed") is True, str(result.data.get("why", "")))
        why = result.detail or (result.error.message if result.error else "the judge was ended")
        return Trial(test, False, why)


async def _apply(session: Session, patch: str, *, base: str) -> list[str]:
    """Apply the answer to the base commit; the files that were put back, each with the reason."""
    data = patch.encode("utf-8", "surrogateescape")
    if len(data) > LARGEST_PATCH:
        raise Unfit(f"the diff has {len(data)} bytes; at most {LARGEST_PATCH} are taken")
    await session.write(ANSWER, data if data.endswith(b"\n") else data + b"\n")
    result = await session.run(APPLY, env={**GIT_ENV, "PATCH": ANSWER})
    if not result.ok:
        raise Unfit(f"the diff does not apply to the base commit: {_words(result)}")
    names = _names(await _done(session, CHANGED, base=base))
    if not names:
        raise Unfit("nothing was changed")
    kept_out = {name: why for name in names if (why := why_protected(name))}
    await _put_back(session, list(kept_out), base=base)
    return [f"{name} ({why})" for name, why in kept_out.items()]


async def _apply_hidden(session: Session, patch: str, *, base: str) -> None:
    """Apply the hidden tests over files as the base has them, and leave no patch behind."""
    await session.write(HIDDEN, patch if patch.endswith("\n") else patch + "\n")
    env = {**GIT_ENV, "PATCH": HIDDEN, "BASE": base, "GIT_INDEX_FILE": ".git/hidden.index"}
    touched = await session.run(TOUCHED, env=env)
    if not touched.ok:
        raise EnvironmentFailure(f"the record's test_patch does not apply to its base commit: {_words(touched)}")
    await _put_back(session, _names(touched), base=base)
    result = await session.run(APPLY, env={**GIT_ENV, "PATCH": HIDDEN})
    if not result.ok:
        raise Unfit(f"the diff stands in the way of the hidden tests: {_words(result)}")
    await _done(session, f"rm -f {ANSWER} {HIDDEN} .git/hidden.index", base=base)


async def _put_back(session: Session, names: Sequence[str], *, base: str) -> None:
    """Make files what they are in the base commit, absent ones too."""
    if not names:
        return
    await _done(session, PUT_BACK, base=base, names=names)
    known = set(_names(await _done(session, 'git ls-tree -r --name-only -z "$BASE"', base=base)))
    if there := [name for name in names if name in known]:
        await _done(session, FROM_BASE, base=base, names=there)


async def _done(session: Session, command: str, *, base: str, names: Sequence[str] = ()) -> Result:
    env = {**GIT_ENV, "BASE": base, "GIT_LITERAL_PATHSPECS": "1"}
    result = await session.run(command, env=env, stdin="\0".join(names))
    if not result.ok:
        raise Unfit(f"the diff left the repository in a state that git does not handle: {_words(result)}")
    return result


def _names(result: Result) -> list[str]:
    return [name for name in result.stdout.split("\0") if name]


def _words(result: Result) -> str:
    lines = (result.detail or result.stderr).strip().splitlines()
    return "; ".join(lines[:3])


def _weighed(record: Record, trials: Sequence[Trial], *, put_back: Sequence[str]) -> Score:
    """The score of the trials, with the reason of each that failed."""
    passed = {trial.test for trial in trials if trial.passed}
    mended = sum(test in passed for test in record.fail_to_pass)
    kept = sum(test in passed for test in record.pass_to_pass)
    whole = kept == len(record.pass_to_pass)
    share = mended / len(record.fail_to_pass)
    reasons = [f"FAIL_TO_PASS {mended} of {len(record.fail_to_pass)}"]
    reasons += [f"PASS_TO_PASS {kept} of {len(record.pass_to_pass)}" if whole else "a test of PASS_TO_PASS fails"]
    reasons += [f"{trial.test}: {_short(trial.why)}" for trial in trials if not trial.passed][:NOTES]
    if put_back:
        reasons.append(f"put back: {', '.join(put_back[:NOTES])}")
    value = share if whole else 0.0
    return Score(value=value, success=whole and share == 1.0, source="execution", reasons="; ".join(reasons))


def _short(why: str) -> str:
    return " ".join(why.split())[:NOTE_LENGTH]


def _failed(why: str) -> Score:
    return Score(value=0.0, success=False, source="execution", reasons=why)
