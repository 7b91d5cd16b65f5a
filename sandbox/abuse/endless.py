"""Attacks that never end: output, processor time, sleep, and code that heeds no interrupt."""

from __future__ import annotations

import dataclasses

from sandbox.abuse.attack import SMALL, Attack, Ruling, Scene, Verdict
from sandbox.abuse.bombs import held
from sandbox.contracts import Stop

__all__ = ["BRIEF", "ENDLESS"]

BRIEF = dataclasses.replace(SMALL, wall_s=2, cpu_s=30)
SHORT_OF_CPU = dataclasses.replace(SMALL, cpu_s=1, wall_s=20)


async def capped(scene: Scene) -> Ruling:
    """Killed at the limit of output, with what came before, and no more than that."""
    result, limit = scene.result, scene.limits.output_bytes
    if result is None or result.stop is not Stop.OUTPUT:
        return await held(scene) if result is None or result.stop else Ruling(Verdict.NOT_STOPPED, "it ended by itself")
    # A byte that could not be decoded is kept as a character of its own.
    kept = sum(1 if letter == "\ufffd" else len(letter.encode()) for letter in result.stdout + result.stderr)
    verdict = Verdict.STOPPED if limit // 2 < kept <= limit else Verdict.NOT_STOPPED
    return Ruling(verdict, f"limit: output, {'most' if verdict is Verdict.STOPPED else kept} of it kept")


ENDLESS = (
    Attack(
        name="output without end",
        tries="print as fast as it can",
        code="""
while True:
    os.write(1, b"y" * 65536)
""",
        judge=capped,
    ),
    Attack(
        name="output without end from children",
        tries="print to stdout and stderr from several processes at once, and never a newline",
        code="""
for number in range(6):
    if os.fork() == 0:
        break
while True:
    os.write(1 + number % 2, b"\\xf0" * 5000)
""",
        judge=capped,
    ),
    Attack(
        name="spinning",
        tries="use the processor beyond the limit",
        code="""
while True:
    pass
""",
        judge=held,
        limits=SHORT_OF_CPU,
    ),
    Attack(
        name="spinning in eight processes",
        tries="use the processor beyond the limit, each process less than it",
        code="""
for _ in range(3):
    os.fork()
while True:
    pass
""",
        judge=held,
        limits=SHORT_OF_CPU,
    ),
    Attack(
        name="spinning in children that come and go",
        tries="use the processor beyond the limit in processes too short to be seen",
        code="""
import time
end = time.monotonic() + 12
while time.monotonic() < end:
    if os.fork() == 0:
        sum(range(1_000_000))
        os._exit(0)
    os.wait()
won("12 s")
""",
        judge=held,
        limits=SHORT_OF_CPU,
    ),
    Attack(
        name="sleeping",
        tries="never end",
        code="""
import time
time.sleep(600)
""",
        judge=held,
        limits=BRIEF,
    ),
    Attack(
        name="never ending in C",
        tries="never end, within one instruction of Python, where no interrupt is looked for",
        code="sum(range(10**13))",
        judge=held,
        stateful=True,
        limits=BRIEF,
    ),
    Attack(
        name="catching every interrupt",
        tries="never end, whatever exception or signal comes",
        code="""
import signal, time
for number in range(1, 64):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
""",
        judge=held,
        stateful=True,
        limits=BRIEF,
    ),
    Attack(
        name="stopping itself",
        tries="never end by stopping its own process and its children",
        code="""
import signal
os.fork()
os.kill(os.getpid(), signal.SIGSTOP)
won("it went on")
""",
        judge=held,
        limits=BRIEF,
    ),
)
