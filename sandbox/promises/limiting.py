"""Promises about limits: each stops what goes beyond it, is named in the result, and leaves the session usable."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from sandbox.contracts import KIB, MIB, Result, SandboxBroken, Session, Stop

__all__ = ["LIMITING", "NO_SIZE", "NotPromised"]


class NotPromised(Exception):  # no error: it says that there is nothing to check
    """A promise that this kind of sandbox says not to make."""


NO_SIZE = "its folder has no size; it is looked at from time to time, and the session is ended when it is too large"


def stopped_by(result: Result, stop: Stop) -> str:
    """A result that was stopped so has no exit code, is not ok, and says in words what to do."""
    if result.stop is not stop or result.exit_code is not None or result.ok or not result.detail:
        return f"got {result}"
    return ""


async def goes_on(session: Session) -> str:
    """A run that was stopped does not cost the session."""
    try:
        again = await session.run(["echo", "on"])
    except SandboxBroken as error:
        return f"the session was lost: {error}"
    return "" if again.stdout == "on\n" else f"then got {again}"


async def wall_time(session: Session) -> str:
    """At the wall time a run is stopped, and what it printed is kept."""
    begin = time.monotonic()
    result = await session.run("echo before; echo problem >&2; sleep 30", wall_s=0.7)
    took = time.monotonic() - begin
    if (result.stdout, result.stderr) != ("before\n", "problem\n") or took > 6:
        return f"after {took:.1f} s got {result}"
    return stopped_by(result, Stop.WALL_TIME) or await goes_on(session)


async def wall_time_of_a_session(session: Session) -> str:
    """`Limits.wall_s` holds, and a run's own `wall_s` does not raise it."""
    async with await session.sandbox.open(replace(session.limits, wall_s=0.6)) as short:
        results = [await short.run(["sleep", "30"], wall_s=wall_s) for wall_s in (None, 20)]
    return next((wrong for result in results if (wrong := stopped_by(result, Stop.WALL_TIME))), "")


async def cpu_time(session: Session) -> str:
    """At the processor time a run is stopped."""
    async with await session.sandbox.open(replace(session.limits, cpu_s=1, wall_s=30)) as tight:
        result = await tight.run("echo before; while true; do :; done")
        if result.stdout != "before\n" or (result.cpu_s is not None and result.cpu_s > 5):
            return f"got {result}"
        return stopped_by(result, Stop.CPU_TIME) or await goes_on(tight)


async def output(session: Session) -> str:
    """At the limit of output a run is killed; what came before is kept, and no more than the limit."""
    async with await session.sandbox.open(replace(session.limits, output_bytes=10_000)) as tight:
        result = await tight.run(["yes"])
        kept = len(result.stdout) + len(result.stderr)
        if not 5_000 < kept <= 10_000:
            return f"{kept} bytes were kept"
        return stopped_by(result, Stop.OUTPUT) or await goes_on(tight)


async def output_at_the_limit(session: Session) -> str:
    """A run that prints exactly the limit is not stopped."""
    async with await session.sandbox.open(replace(session.limits, output_bytes=10_000)) as tight:
        result = await tight.run("head -c 10000 /dev/zero | tr '\\0' x")
    return "" if result.ok and len(result.stdout) == 10_000 else f"got {result.stop}, {len(result.stdout)} bytes"


async def memory(session: Session) -> str:
    """A run that holds more memory than the limit is stopped for it."""
    if session.sandbox.isolation == "none":
        raise NotPromised("nothing limits what all its processes hold together")
    async with await session.sandbox.open(replace(session.limits, memory_bytes=96 * MIB)) as tight:
        code = "held = []\nwhile True: held.append(b'x' * (1 << 20))"
        result = await tight.run(["python3", "-c", f"print('before', flush=True)\n{code}"])
        if result.stdout != "before\n":
            return f"got {result}"
        return stopped_by(result, Stop.MEMORY) or await goes_on(tight)


async def enough_memory(session: Session) -> str:
    """Three quarters of the memory can be used."""
    async with await session.sandbox.open(replace(session.limits, memory_bytes=128 * MIB)) as tight:
        result = await tight.run(["python3", "-c", "x = b'x' * (96 << 20); print(len(x))"])
    return "" if result.ok else f"got {result}"


async def processes(session: Session) -> str:
    """No more processes and threads than the limit live at once; the error reaches the program."""
    if session.sandbox.isolation == "none":
        raise NotPromised("nothing counts the processes of root")
    code = """
import threading, time
count = 0
try:
    for count in range(200):
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
except RuntimeError:
    pass
print(count)
"""
    async with await session.sandbox.open(replace(session.limits, processes=24)) as tight:
        result = await tight.run(["python3", "-c", code])
    return "" if result.ok and 10 <= int(result.stdout) <= 24 else f"got {result}"


async def bytes_in_files(session: Session) -> str:
    """A program that fills the folder gets an error, or is stopped for it; what it wrote does not pass the limit."""
    if session.sandbox.isolation == "none":
        raise NotPromised(NO_SIZE)
    async with await session.sandbox.open(replace(session.limits, file_bytes=8 * MIB)) as tight:
        result = await tight.run("for i in $(seq 1 40); do head -c 1M /dev/zero > f$i || exit 7; done")
        total = sum(entry.size for entry in await tight.list())
    if result.ok or total > 8.5 * MIB:
        return f"{total // KIB} KiB, got {result}"
    return "" if result.exit_code == 7 else stopped_by(result, Stop.FILES)


async def number_of_files(session: Session) -> str:
    """A program that makes more files than the limit gets an error, or is stopped for it."""
    if session.sandbox.isolation == "none":
        raise NotPromised(NO_SIZE)
    async with await session.sandbox.open(replace(session.limits, files=200)) as tight:
        result = await tight.run("for i in $(seq 1 20000); do : > f$i || exit 7; done")
        count = len(await tight.list()) if result.exit_code == 7 else 0
    if result.ok or count > 220:
        return f"{count} files, got {result}"
    return "" if result.exit_code == 7 else stopped_by(result, Stop.FILES)


async def killing(session: Session) -> str:
    """`kill` stops what runs, its result says so, and the session stays usable."""
    running = asyncio.create_task(session.run("echo before; sleep 30"))
    await asyncio.sleep(0.5)
    begin = time.monotonic()
    await session.kill()
    result = await running
    if time.monotonic() - begin > 5 or result.stdout != "before\n":
        return f"got {result}"
    return stopped_by(result, Stop.KILLED) or await goes_on(session)


async def killing_nothing(session: Session) -> str:
    """`kill` does nothing where nothing runs, and nothing to the run that comes after it."""
    await session.kill()
    return await goes_on(session)


LIMITING = (
    wall_time,
    wall_time_of_a_session,
    cpu_time,
    output,
    output_at_the_limit,
    memory,
    enough_memory,
    processes,
    bytes_in_files,
    number_of_files,
    killing,
    killing_nothing,
)
