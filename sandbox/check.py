r"""What every sandbox has to keep, as checks that anyone can run over their own.

    findings = await check_sandbox(sandbox)
    assert all(finding.ok for finding in findings), "\n".join(map(str, findings))

Each promise of `sandbox.contracts` is tried in a session of its own. What untrusted code must not get away with is
another matter: `sandbox.abuse.suite`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sandbox.contracts import Sandbox, Session
from sandbox.promises.keeping import KEEPING
from sandbox.promises.limiting import LIMITING, NotPromised
from sandbox.promises.python import PYTHON
from sandbox.promises.running import RUNNING

__all__ = ["PROMISES", "Finding", "Promise", "check_sandbox", "name_of"]

Promise = Callable[[Session], Awaitable[str]]
"""Named by its docstring. Gets a fresh session with the default limits; says what was broken, or nothing."""

PROMISES: tuple[Promise, ...] = (*RUNNING, *LIMITING, *PYTHON, *KEEPING)

PATIENCE_S = 60.0
"""For one promise; a call that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise of the contract, and whether it was kept."""

    name: str
    ok: bool
    detail: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}{f': {self.detail}' if self.detail else ''}"


async def check_sandbox(
    sandbox: Sandbox,
    *,
    promises: Sequence[Promise] = PROMISES,
    on_finding: Callable[[Finding], None] = lambda _: None,
) -> list[Finding]:
    """Try the promises of `sandbox.contracts`. The sandbox stays open.

    Args:
        sandbox: what to check.
        promises: which; all of them by default.
        on_finding: called with each finding as it comes.

    Raises:
        SandboxUnavailable: this machine cannot run it.
    """
    findings = []
    for promise in promises:
        findings.append(await tried(promise, sandbox))
        on_finding(findings[-1])
    return findings


def name_of(promise: Promise) -> str:
    """The promise in words."""
    return " ".join((promise.__doc__ or "").split()).rstrip(".")


async def tried(promise: Promise, sandbox: Sandbox) -> Finding:
    """One promise, in a session of its own. Whatever it raises breaks it, but for a machine that cannot run it."""
    name = name_of(promise)
    session = await sandbox.open()
    try:
        async with asyncio.timeout(PATIENCE_S), session:
            broken = await promise(session)
    except NotPromised as reason:
        return Finding(name, True, f"not promised here: {reason}")
    except TimeoutError:
        return Finding(name, False, f"it hangs for {PATIENCE_S:.0f} s")
    except Exception as error:
        return Finding(name, False, f"it raised {type(error).__name__}: {error}")
    return Finding(name, not broken, broken)
