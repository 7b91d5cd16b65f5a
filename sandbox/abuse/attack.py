"""An attack as data: what it tries, the code that tries it, and who judges from outside how it went."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.contracts import MIB, HostFunction, Limits, PythonResult, SandboxError, Session

if TYPE_CHECKING:
    from sandbox.abuse.trap import Trap
    from sandbox.abuse.watch import Peak

__all__ = ["SMALL", "Attack", "Judge", "Ruling", "Scene", "Verdict", "told"]

SMALL = Limits(
    memory_bytes=192 * MIB,
    processes=32,
    cpu_s=6,
    wall_s=10,
    output_bytes=MIB // 4,
    file_bytes=24 * MIB,
    files=400,
)
"""Limits tight enough for a bomb to reach them soon."""


class Verdict(enum.Enum):
    STOPPED = "stopped"
    """Refused, limited or undone."""
    HARMLESS = "harmless"
    """It was let happen, and touches nothing but its own sandbox."""
    NOT_STOPPED = "NOT STOPPED"
    """It got what it wanted."""
    NOT_RUN = "not run"
    """Nothing isolates this backend, and the attack would hurt the machine."""
    UNTRIED = "UNTRIED"
    """It did not come to its end, so nothing is known; a fault of the attack or of the sandbox."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The judge's word on one attack."""

    verdict: Verdict
    by: str
    """What stopped it, as far as it could be seen: the error met, the limit, or what the host saw."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a judge sees once the attack's code has run; the session is still open."""

    session: Session
    trap: Trap
    limits: Limits
    result: PythonResult | None
    """How the code ended; None where the session failed instead."""
    failure: SandboxError | None
    """What the session raised instead of a result."""
    peak: Peak
    """The most that the attack's processes held at once, as the host counted it."""

    @property
    def text(self) -> str:
        """Everything that came out."""
        shown = self.result
        return f"{self.failure or ''}" if shown is None else f"{shown.stdout}{shown.stderr}{shown.value}{shown.error}"


Judge = Callable[[Scene], Awaitable[Ruling]]


async def told(scene: Scene) -> Ruling:
    """The attack's own word: right where it is the kernel that answers it, and it has no reason to be modest."""
    result = scene.result
    if result is None:
        return Ruling(Verdict.UNTRIED, f"{type(scene.failure).__name__}: {scene.failure}")
    if isinstance(result.data, dict) and {"verdict", "by"} <= result.data.keys():
        return Ruling(Verdict(result.data["verdict"]), str(result.data["by"]))
    if result.signal == 31:
        return Ruling(Verdict.STOPPED, "killed by the filter of system calls (SIGSYS)")
    if result.stop is not None:
        return Ruling(Verdict.UNTRIED, f"stopped at {result.stop.value} before it could say how it went")
    ended = result.error or f"exit code {result.exit_code}, signal {result.signal}: {result.stderr[-300:]}"
    return Ruling(Verdict.UNTRIED, f"it did not say how it went: {ended}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Something that code in a sandbox must not get away with."""

    name: str
    """A few words, unique."""
    tries: str
    """What would be true if it got away with it."""
    code: str
    """Python that runs inside, after `prelude`; its last expression is `stopped(..)`, `harmless(..)` or `won(..)`."""
    judge: Judge = told
    limits: Limits = SMALL
    allow: tuple[str, ...] = ()
    """Hosts that it may reach; `{allowed}` stands for a server of the trap's."""
    stateful: bool = False
    functions: Mapping[str, HostFunction] | None = None
    watched: bool = False
    """The host counts processes and memory while it runs."""
    hurts: str = ""
    """What it does to a machine when nothing isolates it; there it is not run."""
