"""Run attacks on a sandbox, and judge each from outside.

Whatever an attack's own judge says, the trap is looked at after each: a canary that came out, a listener that was
reached, a file of the host that changed, a process that outlived its session, a next run that does not tell the truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from importlib.resources import files

from sandbox.abuse.attack import Attack, Ruling, Scene, Verdict
from sandbox.abuse.bombs import BOMBS
from sandbox.abuse.border import BORDER
from sandbox.abuse.endless import ENDLESS
from sandbox.abuse.kernel import KERNEL
from sandbox.abuse.lies import LIES
from sandbox.abuse.outliving import OUTLIVING
from sandbox.abuse.planting import PLANTING
from sandbox.abuse.reach import REACH
from sandbox.abuse.rights import RIGHTS
from sandbox.abuse.theft import THEFT
from sandbox.abuse.traces import Traces, left_over, look
from sandbox.abuse.trap import Trap, lay_trap
from sandbox.abuse.values import VALUES
from sandbox.abuse.watch import Watch, wait_until_gone
from sandbox.contracts import (
    NO_NETWORK,
    Limits,
    Network,
    PythonResult,
    Sandbox,
    SandboxBroken,
    SandboxError,
    SandboxUnavailable,
    Session,
)

__all__ = ["ATTACKS", "Abuse", "Outcome", "run_abuse"]

ATTACKS: tuple[Attack, ...] = (
    *(*THEFT, *RIGHTS, *KERNEL, *REACH),
    *(*BOMBS, *ENDLESS, *LIES, *VALUES),
    *(*OUTLIVING, *PLANTING, *BORDER),
)

LANES = 2
"""Attacks at once; most of them wait."""
PATIENCE_S = 90.0
"""For one attack, from opening to closing; beyond it the host hangs, and that is an attack that worked."""
GONE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attack on one backend went."""

    attack: str
    backend: str
    verdict: Verdict
    by: str
    """What stopped it, or what it got, as far as the host could see."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """How a whole suite went."""

    outcomes: tuple[Outcome, ...]
    left: Traces
    """What was on the machine afterwards and not before, by kind; empty is right."""
    unplanted: tuple[str, ...]
    """Secrets that this machine would not let us plant; attacks on them prove less."""


async def run_abuse(
    sandbox: Sandbox, *, attacks: Sequence[Attack] = ATTACKS, on_outcome: Callable[[Outcome], None] = lambda _: None
) -> Abuse:
    """Attack a sandbox, two attacks at a time, each of the two with a trap of its own. The sandbox stays open.

    Where nothing isolates it, attacks that would hurt the machine are left out.

    Raises:
        SandboxUnavailable: this machine cannot run it.
    """
    async with AsyncExitStack() as stack:
        traps = [await stack.enter_async_context(lay_trap()) for _ in range(LANES)]
        await warm_up(sandbox)
        marks = [trap.mark for trap in traps]
        before, waiting, outcomes = look(marks), list(attacks), dict[str, Outcome]()

        async def lane(trap: Trap) -> None:
            while waiting:
                async with neighbour(sandbox, trap) as beside:
                    while waiting and not beside.done():
                        attack = waiting.pop(0)
                        ruling = await attempt(sandbox, attack, trap=trap)
                        if beside.done():
                            how = beside.exception() or beside.result()
                            ruling = Ruling(Verdict.NOT_STOPPED, f"a session beside it died: {how}")
                        outcomes[attack.name] = Outcome(attack.name, sandbox.name, ruling.verdict, ruling.by)
                        on_outcome(outcomes[attack.name])

        async with asyncio.TaskGroup() as group:
            for trap in traps:
                group.create_task(lane(trap))
        left = await left_over(before, marks)
        return Abuse(tuple(outcomes[attack.name] for attack in attacks), left, tuple(traps[0].absent))


async def warm_up(sandbox: Sandbox) -> None:
    """Open as many sessions as will be open at once: what a backend then keeps for all of them is no leftover."""

    async def once() -> None:
        await (await sandbox.open()).close()

    async with asyncio.TaskGroup() as group:
        for _ in range(2 * LANES):
            group.create_task(once())


@asynccontextmanager
async def neighbour(sandbox: Sandbox, trap: Trap) -> AsyncIterator[asyncio.Task[PythonResult]]:
    """A second session that is at work all the while, with the secret in its files."""
    async with await sandbox.open(Limits(wall_s=3600, cpu_s=3600)) as session:
        name = f"neighbour-{trap.mark}"
        await session.write(name, trap.canary)
        code = f"open('/tmp/{name}', 'w').write('{trap.canary}')\n"
        code = "" if sandbox.isolation == "none" else code  # There /tmp is the machine's.
        running = asyncio.create_task(session.python(f"{code}import time\ntime.sleep(3600)"))
        try:
            yield running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, SandboxError):
                await running


async def attempt(sandbox: Sandbox, attack: Attack, *, trap: Trap) -> Ruling:
    """One attack in a session of its own, judged."""
    if attack.hurts and sandbox.isolation == "none":
        return Ruling(Verdict.NOT_RUN, attack.hurts)
    hosts = tuple(host.format(allowed=trap.facts["allowed_port"], port=trap.facts["port"]) for host in attack.allow)
    try:
        async with asyncio.timeout(PATIENCE_S):
            network = Network(hosts) if hosts else NO_NETWORK
            session = await sandbox.open(attack.limits, network=network)
            try:
                ruling = await judged(session, attack, trap=trap)
            finally:
                await session.close()
    except SandboxUnavailable:
        raise
    except SandboxError as error:
        return Ruling(Verdict.UNTRIED, f"{type(error).__name__}: {error}"[:300])
    except TimeoutError:
        return Ruling(Verdict.NOT_STOPPED, f"the host hung for {PATIENCE_S:.0f} s")
    if left := await wait_until_gone(trap.mark, within_s=GONE_WITHIN_S):
        return Ruling(Verdict.NOT_STOPPED, f"{len(left)} of its processes outlived the session")
    if changed := trap.disturbed():
        return Ruling(Verdict.NOT_STOPPED, ", ".join(changed))
    return ruling


async def judged(session: Session, attack: Attack, *, trap: Trap) -> Ruling:
    """Run its code, ask its judge, and look at what holds for every attack."""
    scene = await staged(session, attack, trap=trap)
    if trap.canary in scene.text:
        return Ruling(Verdict.NOT_STOPPED, "the secret came out")
    try:
        ruling = await attack.judge(scene)
    except SandboxBroken as error:
        ruling = Ruling(Verdict.UNTRIED, f"the sandbox broke while it was judged: {error}")
    if ruling.verdict in (Verdict.NOT_STOPPED, Verdict.UNTRIED):
        return ruling
    return await still_true(session, ruling)


async def staged(session: Session, attack: Attack, *, trap: Trap) -> Scene:
    prelude = files("sandbox.abuse").joinpath("prelude.py").read_text()
    code = f"{prelude}\nbegin({trap.mark!r}, {trap.facts!r})\n{attack.code}"
    result, failure = None, None
    with Watch(trap.mark, active=attack.watched) as watch:
        try:
            result = await session.python(code, stateful=attack.stateful, functions=attack.functions)
        except SandboxError as error:
            failure = error
    return Scene(session, trap, attack.limits, result, failure, watch.peak)


async def still_true(session: Session, ruling: Ruling) -> Ruling:
    """The next runs tell the truth, or the session says that it is broken."""
    try:
        snippet, command = await session.python("6 * 7"), await session.run(["echo", "42"])
    except SandboxBroken:
        return replace(ruling, by=f"{ruling.by}; the session was lost")
    for result, told in ((snippet, snippet.value), (command, command.stdout.strip())):
        if told != "42" and result.stop is None:
            return Ruling(Verdict.NOT_STOPPED, f"the next run gave {told!r}: {result.stderr[-200:]}")
    return ruling
