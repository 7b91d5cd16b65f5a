"""Eight agents at once open, use, fork, break and close sandboxes for ten minutes; then everything must be as before.

    python tests/benchmarks/soak_sandbox.py [--minutes 10] [--agents 8] [--backend bubblewrap]

Prints processes, descriptors, files, control groups, mounts and memory before and after, and exits with 1 where
something is left. Memory is this process's own, after a warm-up, and what lies in memory file systems of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

from sandbox.abuse.traces import Traces, left_over, look
from sandbox.backends import load_sandbox
from sandbox.contracts import MIB, Limits, Sandbox, SandboxBroken, Session

LIMITS = Limits(memory_bytes=128 * MIB, processes=32, cpu_s=10, wall_s=10, file_bytes=32 * MIB, files=2_000)
GROWTH_BYTES = 24 * MIB
"""What this process may have grown by: caches and fragments of its allocator, which do not grow further with time."""
SHARED_BYTES = 32 * MIB
"""By how much memory file systems of the machine may differ, as others use them too."""
WARM_UP_S = 5.0
PATIENCE_S = 20.0
"""For what ends by itself a little later."""


async def soak(sandbox: Sandbox, *, seconds: float, agents: int, seed: int = 0) -> list[str]:
    """Work for so long, and say what was left."""
    await work(sandbox, seconds=min(WARM_UP_S, seconds), agents=agents, seed=seed + 1)
    await sandbox.close()  # which gives back what a backend keeps between sessions, such as connections to an engine
    before, held = look([]), memory()
    done = await work(sandbox, seconds=seconds, agents=agents, seed=seed)
    await sandbox.close()
    left = await left_over(before, [], within_s=PATIENCE_S)
    after, now = look([]), memory()
    print(f"{agents} agents for {seconds:.0f} s on {sandbox.name}: {sum(done.values()):,} acts ({told(done)})")
    for kind in before:
        print(f"  {kind:16} before {len(before[kind]):6}   after {len(after[kind]):6}   left {named(left, kind)}")
    for kind in held:
        print(f"  {kind:16} before {held[kind] // MIB:6} MiB   after {now[kind] // MIB:6} MiB")
    wrong = [f"{kind}: {named(left, kind)}" for kind in left]
    if now["own memory"] - held["own memory"] > GROWTH_BYTES:
        wrong.append(f"this process grew by {(now['own memory'] - held['own memory']) // MIB} MiB")
    if now["shared memory"] - held["shared memory"] > SHARED_BYTES:
        wrong.append(f"memory file systems grew by {(now['shared memory'] - held['shared memory']) // MIB} MiB")
    return wrong


async def work(sandbox: Sandbox, *, seconds: float, agents: int, seed: int) -> Counter[str]:
    end, done = time.monotonic() + seconds, Counter[str]()
    async with asyncio.TaskGroup() as group:
        for number in range(agents):
            group.create_task(agent(sandbox, random.Random(seed * 1000 + number), end=end, done=done))
    return done


async def agent(sandbox: Sandbox, rng: random.Random, *, end: float, done: Counter[str]) -> None:
    """Open sessions, do a few things in each, and close them, until the time is up."""
    while time.monotonic() < end:
        try:
            async with await sandbox.open(LIMITS) as session:
                for _ in range(rng.randint(1, 6)):
                    name = rng.choice(list(ACTS))
                    await ACTS[name](session, rng)
                    done[name] += 1
        except SandboxBroken:  # An act may cost the session; that is counted, and is no leak.
            done["lost"] += 1


async def program(session: Session, rng: random.Random) -> None:
    result = await session.run(["python3", "-c", "print(sum(range(100_000)))"])
    assert result.stdout == "4999950000\n", result


async def snippet(session: Session, rng: random.Random) -> None:
    await session.python(f"x = {rng.random()}\nx", stateful=rng.random() < 0.7)


async def files(session: Session, rng: random.Random) -> None:
    data = rng.randbytes(rng.randint(1, MIB))
    await session.write("folder/data", data)
    assert await session.read("folder/data") == data
    await session.list()


async def copy(session: Session, rng: random.Random) -> None:
    async with await session.fork() as other:
        await other.run("ls; touch new")
    await session.restore(await session.snapshot())


async def overrun(session: Session, rng: random.Random) -> None:
    """Run into a limit."""
    code = rng.choice(("while True: pass", "while True: print('y' * 999)", "import time\ntime.sleep(60)", "1 / 0"))
    await session.python(code, stateful=rng.random() < 0.3, wall_s=0.3)


async def daemon(session: Session, rng: random.Random) -> None:
    await session.run("setsid sleep 300 > /dev/null 2>&1 & (sleep 300 &) ; true")


async def given_up(session: Session, rng: random.Random) -> None:
    """Be cancelled in the middle of a run."""
    running = asyncio.create_task(session.run("sleep 60"))
    await asyncio.sleep(rng.random() * 0.1)
    running.cancel()
    await asyncio.wait([running])


ACTS = {
    "program": program,
    "snippet": snippet,
    "files": files,
    "copy": copy,
    "overrun": overrun,
    "daemon": daemon,
    "given up": given_up,
}


def memory() -> dict[str, int]:
    """Bytes of this process, and of all memory file systems of the machine."""
    gc.collect()
    own = re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    shared = re.search(r"^Shmem:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert own
    assert shared
    return {"own memory": int(own[1]) * 1024, "shared memory": int(shared[1]) * 1024}


def told(done: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in done.most_common())


def named(left: Traces, kind: str) -> str:
    return ", ".join(sorted(left.get(kind, ()))[:5]) or "nothing"


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--backend", help="the strongest that runs here by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sandbox = load_sandbox(options.backend, unsafe=True)
    try:
        wrong = await soak(sandbox, seconds=60 * options.minutes, agents=options.agents, seed=options.seed)
    finally:
        await sandbox.close()
    for words in wrong:
        print(f"LEAK {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
