"""Sandboxes against bare Python and `docker run`: cold start, warm calls, a fork with 100 MB of files, 200 sessions.

    python tests/benchmarks/bench_sandbox.py [--rounds 15] [--sessions 200] [--backend bubblewrap --backend container]

What is compared is done in turn, round by round, so that a busy machine is busy for all. Prints a Markdown table:
milliseconds, the least and the median, and the median's ratio to bare Python in the same rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sandbox.backends import BACKENDS, load_sandbox, probe
from sandbox.contracts import GIB, MIB, Limits, Sandbox, Session

BARE = ["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-I", "-c", "pass"]
ROOMY = Limits(memory_bytes=GIB, file_bytes=256 * MIB)
FILL = "import os\nfor number in range(100):\n    open(f'file{number}', 'wb').write(os.urandom(1_000_000))"

Deed = Callable[[], Awaitable[object]]
Times = dict[str, list[float]]


async def in_turn(deeds: dict[str, Deed], *, rounds: int) -> Times:
    """Seconds of each, one after the other, round by round."""
    took: Times = {name: [] for name in deeds}
    for _ in range(rounds):
        for name, deed in deeds.items():
            begin = time.perf_counter()
            await deed()
            took[name].append(time.perf_counter() - begin)
    return took


async def bare() -> None:
    await (await asyncio.create_subprocess_exec(*BARE)).wait()


def docker_run(image: str) -> Deed:
    command = ["docker", "run", "--rm", "--network", "none", image, "python3", "-I", "-c", "pass"]

    async def run() -> None:
        code = await (await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)).wait()
        assert code == 0, f"{' '.join(command)} gave {code}"

    return run


async def cold(sandbox: Sandbox) -> None:
    """A session opened, a Python started in it, and all of it ended."""
    async with await sandbox.open() as session:
        assert (await session.run(["python3", "-I", "-c", "pass"])).ok


async def measure_starts(sandboxes: dict[str, Sandbox], *, rounds: int) -> Times:
    deeds: dict[str, Deed] = {"bare `python -I -c pass`": bare}
    for name, sandbox in sandboxes.items():
        deeds[f"{name}: open, start Python, close"] = lambda sandbox=sandbox: cold(sandbox)
    if "container" in sandboxes and shutil.which("docker"):
        deeds["`docker run --rm` of the same image"] = docker_run(image_of_containers())
    return await in_turn(deeds, rounds=rounds)


def image_of_containers() -> str:
    from sandbox.engine import connect
    from sandbox.image import ensure_image

    return ensure_image(connect())


async def measure_calls(sandboxes: dict[str, Sandbox], *, rounds: int) -> Times:
    """Calls in sessions that are open."""
    deeds: dict[str, Deed] = {"bare `python -I -c pass`": bare}
    sessions: list[Session] = []
    for name, sandbox in sandboxes.items():
        session = await sandbox.open()
        sessions.append(session)
        deeds[f"{name}: stateful snippet"] = lambda session=session: session.python("1 + 1", stateful=True)
        deeds[f"{name}: one-shot snippet"] = lambda session=session: session.python("1 + 1")
        deeds[f"{name}: command `true`"] = lambda session=session: session.run(["true"])
        deeds[f"{name}: command `python3 -I -c pass`"] = lambda session=session: session.run(BARE)
    try:
        await in_turn(deeds, rounds=3)
        return await in_turn(deeds, rounds=rounds)
    finally:
        for session in sessions:
            await session.close()


async def measure_forks(sandboxes: dict[str, Sandbox], *, rounds: int) -> Times:
    """Forks of a session with 100 files of 1 MB, closed again."""
    deeds: dict[str, Deed] = {"bare `python -I -c pass`": bare}
    sessions: list[Session] = []
    for name, sandbox in sandboxes.items():
        session = await sandbox.open(ROOMY)
        sessions.append(session)
        made = await session.python(FILL)
        assert made.ok, made

        async def fork(session: Session = session) -> None:
            async with await session.fork():
                pass

        deeds[f"{name}: fork of 100 MB"] = fork
    try:
        return await in_turn(deeds, rounds=rounds)
    finally:
        for session in sessions:
            await session.close()


async def measure_many(sandboxes: dict[str, Sandbox], *, sessions: int) -> Times:
    """Sessions opened, used once and closed, one after the other."""
    deeds: dict[str, Deed] = {"bare `python -I -c pass`": bare}
    for name, sandbox in sandboxes.items():

        async def one(sandbox: Sandbox = sandbox) -> None:
            async with await sandbox.open() as session:
                assert (await session.python("1")).ok

        deeds[f"{name}: open, one snippet, close"] = one
    return await in_turn(deeds, rounds=sessions)


def print_rows(title: str, took: Times) -> None:
    base = statistics.median(next(iter(took.values())))
    print(f"\n| {title} | min ms | median ms | x bare |\n| --- | ---: | ---: | ---: |")
    for name, times in took.items():
        median = statistics.median(times)
        print(f"| {name} | {min(times) * 1000:.1f} | {median * 1000:.1f} | {median / base:.2f} |")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--backend", action="append", help="all that run here by default")
    options = parser.parse_args()
    logging.getLogger("sandbox.process").setLevel(logging.ERROR)
    names = options.backend or [name for name in BACKENDS if not probe(name)]
    sandboxes = {name: load_sandbox(name, unsafe=True) for name in names}
    print(f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    try:
        print_rows("cold start", await measure_starts(sandboxes, rounds=options.rounds))
        print_rows("warm call", await measure_calls(sandboxes, rounds=options.rounds))
        print_rows("fork with 100 MB", await measure_forks(sandboxes, rounds=max(3, options.rounds // 3)))
        many = await measure_many(sandboxes, sessions=options.sessions)
        print_rows(f"{options.sessions} sessions, one after the other", many)
        totals = ", ".join(f"{name.partition(':')[0]} {sum(times):.1f} s" for name, times in list(many.items())[1:])
        print(f"\nAll {options.sessions} together: {totals}.")
    finally:
        for sandbox in sandboxes.values():
            await sandbox.close()


if __name__ == "__main__":
    asyncio.run(main())
