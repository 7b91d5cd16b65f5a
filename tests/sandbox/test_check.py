"""Every backend that runs here keeps the contract, and the check sees those that do not."""

from __future__ import annotations

import asyncio

import pytest

from sandbox import check
from sandbox.check import PROMISES, Finding, check_sandbox, name_of
from sandbox.contracts import Session
from sandbox.promises.limiting import NotPromised
from tests.sandbox.backends import BACKENDS_HERE, open_sandbox
from tests.sandbox.weak import WEAKNESSES, Weak


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", BACKENDS_HERE)
async def test_a_backend_keeps_every_promise(name):
    sandbox = open_sandbox(name)
    seen: list[Finding] = []
    try:
        findings = await check_sandbox(sandbox, on_finding=seen.append)
    finally:
        await sandbox.close()
    assert [str(finding) for finding in findings if not finding.ok] == []
    assert seen == findings
    assert len(findings) == len(PROMISES)
    if sandbox.isolation != "none":
        assert [finding.detail for finding in findings if finding.detail] == []


def test_every_promise_has_its_own_words():
    names = [name_of(promise) for promise in PROMISES]
    assert all(len(name) > 20 for name in names)
    assert len(set(names)) == len(names) > 60


@pytest.mark.parametrize("weakness", [weakness for weakness in WEAKNESSES if weakness.breaks], ids=str)
async def test_a_broken_promise_is_seen(weakness):
    for words in weakness.breaks:
        (promise,) = [promise for promise in PROMISES if words in name_of(promise)]
        (finding,) = await check_sandbox(Weak(open_sandbox("process"), weakness), promises=[promise])
        assert not finding.ok, finding
        assert finding.detail


async def kept(session: Session) -> str:
    """It is kept."""
    return "" if (await session.run(["true"])).ok else "no"


async def broken(session: Session) -> str:
    """It is broken."""
    return "what was seen"


async def raising(session: Session) -> str:
    """It raises."""
    raise RuntimeError("a fault")


async def hanging(session: Session) -> str:
    """It hangs."""
    await asyncio.sleep(60)
    return ""


async def left_out(session: Session) -> str:
    """It is not for all."""
    raise NotPromised("for a reason")


async def test_findings_say_what_was_seen(monkeypatch):
    monkeypatch.setattr(check, "PATIENCE_S", 4.0)
    promises = (kept, broken, raising, hanging, left_out)
    found = await check_sandbox(open_sandbox("process"), promises=promises)
    assert [str(finding) for finding in found] == [
        "ok   It is kept",
        "FAIL It is broken: what was seen",
        "FAIL It raises: it raised RuntimeError: a fault",
        "FAIL It hangs: it hangs for 4 s",
        "ok   It is not for all: not promised here: for a reason",
    ]


async def test_each_promise_has_a_fresh_session_that_is_closed():
    sessions: list[Session] = []

    async def keep(session: Session) -> str:
        """It is fresh."""
        sessions.append(session)
        return "" if not await session.list() else "not empty"

    findings = await check_sandbox(open_sandbox("process"), promises=(keep, keep))
    assert all(finding.ok for finding in findings)
    assert sessions[0] is not sessions[1]
    for session in sessions:
        with pytest.raises(Exception, match="closed"):
            await session.list()
