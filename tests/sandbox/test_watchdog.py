"""The limits of a bubblewrap session as a whole: by control group where one can be had, and by the watchdog."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys

import pytest

from sandbox.cgroups import find_tree
from sandbox.contracts import MIB, Limits, Stop
from sandbox.watchdog import Watchdog, descendants, proportional, resident
from tests.sandbox.namespaced import SMALL, needs_bubblewrap, opened, printed

both = pytest.mark.parametrize(
    "cgroups",
    [
        pytest.param(
            True, marks=pytest.mark.skipif(find_tree() is None, reason="control groups are not writable here")
        ),
        False,
    ],
    ids=["control group", "watchdog"],
)
TOGETHER = "import os, time\nfor _ in range(2):\n    os.fork()\nheld = os.urandom(45 << 20)\ntime.sleep(60)"
SHARED = "import mmap\nheld = mmap.mmap(-1, 300 << 20)\nfor at in range(0, len(held), 4096): held[at] = 1"
HELD = {"one process": "bytearray(300 << 20)", "several together": TOGETHER, "shared pages": SHARED}


@needs_bubblewrap
@both
@pytest.mark.parametrize("code", HELD.values(), ids=HELD.keys())
async def test_memory_is_limited_for_all_processes_together(cgroups: bool, code: str) -> None:
    async with opened(cgroups=cgroups) as (session, _):
        result = await session.run(["python3", "-c", code], wall_s=20)
        assert result.stop is Stop.MEMORY
        assert (await session.python("1 + 1")).data == 2


@needs_bubblewrap
@both
async def test_what_several_processes_share_counts_once(cgroups: bool) -> None:
    code = (
        "import os, time\nheld = os.urandom(50 << 20)\n"
        "pids = [os.fork() or (time.sleep(0.3), os._exit(0)) for _ in range(6)]\n"
        "print([os.waitpid(pid, 0)[1] for pid in pids])"
    )
    async with opened(cgroups=cgroups) as (session, link):
        assert await printed(session, f"python3 -c '{code}'") == "[0, 0, 0, 0, 0, 0]\n"
        assert link.oom_kills() == 0


@needs_bubblewrap
@both
async def test_files_count_as_the_memory_that_they_are(cgroups: bool) -> None:
    limits = Limits(memory_bytes=96 * MIB, file_bytes=64 * MIB)
    hold = ["python3", "-c", "import time; held = bytearray(60 << 20); time.sleep(0.2)"]
    async with opened(limits, cgroups=cgroups) as (session, link):
        assert (await session.run("head -c 60M /dev/urandom > held")).ok
        assert (await session.run(hold)).stop is Stop.MEMORY
        assert link.oom_kills() >= 1
        assert (await session.run("rm held")).ok
        assert (await session.run(hold)).ok


@needs_bubblewrap
@both
async def test_processes_and_threads_are_limited(cgroups: bool) -> None:
    forks = (
        "import os, time\npids = []\n"
        "try:\n    while True:\n        pids.append(os.fork())\n        if pids[-1] == 0: time.sleep(60)\n"
        "except OSError as error: print(len(pids), error.errno)"
    )
    threads = (
        "import os, threading, time\nstarted = 0\n"
        "try:\n    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); started += 1\n"
        "except RuntimeError: os._exit(print(started) or 0)"
    )
    async with opened(cgroups=cgroups) as (session, _):
        number, error = (await session.run(["python3", "-c", forks])).stdout.split()
        started = (await session.run(["python3", "-u", "-c", threads])).stdout
        # One is the program itself; without a control group bwrap, outside, is not among those that count.
        expected = [SMALL.processes - 1] if cgroups else [SMALL.processes]
        assert ([int(number)], [int(started)], error) == (expected, expected, "11")
        assert (await session.python("1")).data == 1


@needs_bubblewrap
@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
async def test_bytes_and_number_of_files_are_limited(folder: str) -> None:
    async with opened() as (session, link):
        fill = f"cd {folder}; for i in 1 2 3; do head -c 20M /dev/zero > $i; done; du -sm {folder}; rm ?"
        filled = await printed(session, fill)
        assert "No space left" in filled
        assert f"{SMALL.file_bytes // MIB}\t{folder}" in filled
        await session.python("kept = 1", stateful=True)
        stopped = await session.run(f"cd {folder}; for i in $(seq 100000); do : > $i; done; sleep 60")
        assert (stopped.stop, link.file_kills()) == (Stop.FILES, 1)
        # It can be tidied up, and what had nothing to do with it is still there.
        tidy = f"cd {folder}; ls | xargs rm -rf; for i in $(seq 400); do : > $i; done; rm *"
        assert (await session.run(tidy)).ok
        assert (await session.python("kept", stateful=True)).data == 1
        stopped = await session.run(f"cd {folder}; for i in $(seq 100000); do : > $i; done; sleep 60")
        assert (stopped.stop, link.file_kills()) == (Stop.FILES, 2)


@needs_bubblewrap
async def test_too_many_files_are_told_even_of_a_program_that_is_done_at_once() -> None:
    async with opened() as (session, _):
        for _ in range(3):
            code = f"for number in range({SMALL.files + 1}): open(str(number), 'w').close()"
            assert (await session.python(code)).stop is Stop.FILES
            assert (await session.run("find . -delete; ls | wc -l")).ok


@needs_bubblewrap
async def test_exactly_the_limit_is_allowed() -> None:
    async with opened() as (session, link):
        full = await session.run(f"for i in $(seq {SMALL.files}); do : > $i; done; sleep 0.2; ls | wc -l")
        assert (full.stdout, link.file_kills()) == (f"{SMALL.files}\n", 0)
        over = await session.run(": > one-more; sleep 20")
        assert (over.stop, link.file_kills()) == (Stop.FILES, 1)


@needs_bubblewrap
async def test_memory_that_takes_the_supervisor_is_told_as_memory() -> None:
    async with opened() as (session, link):
        assert (await session.run(["python3", "-c", "bytearray(300 << 20)"])).stop is Stop.MEMORY
        if link.oom_kills() == 0:
            pytest.skip("here the supervisor was faster than the kernel")
        os.kill(link.pid, 9)
        assert await link.wait() == "memory"
    async with opened() as (session, link):
        assert (await session.run(["python3", "-c", "bytearray(300 << 20)"])).stop is Stop.MEMORY
        assert link._stdin is not None
        link._stdin.close()  # of which the supervisor ends by itself
        assert await link.wait() == ""


@needs_bubblewrap
@pytest.mark.skipif(find_tree() is None, reason="control groups cannot be written")
async def test_what_the_kernel_killed_is_known_after_the_end() -> None:
    async with opened() as (_, link):
        assert link._group is not None
        code = [sys.executable, "-c", "input(); bytearray(300 << 20)"]
        with subprocess.Popen(code, stdin=subprocess.PIPE) as greedy:
            link._group.add(greedy.pid)
            greedy.communicate(b"\n", timeout=60)
    assert link.oom_kills() == 1


@needs_bubblewrap
async def test_the_watchdog_sees_memory_and_spares_what_is_stopped_or_was_there() -> None:
    async with opened() as (session, link):
        watchdog = Watchdog(link.pid, Limits(memory_bytes=80 * MIB), memory=True)
        unconcerned = Watchdog(link.pid, Limits(memory_bytes=80 * MIB), memory=False)
        assert watchdog.look() is None
        await session.python("import os; waiting = os.getpid()", stateful=True)
        running = asyncio.create_task(
            session.run(["python3", "-c", "import time; held = b'.' * (70 << 20); time.sleep(60)"])
        )
        while watchdog.look() is None and not running.done():
            await asyncio.sleep(0.01)
        late = Watchdog(link.pid, Limits(), memory=True)
        assert unconcerned.look() is None
        assert late.look() is None
        assert not late.kill()
        assert not running.done()
        assert watchdog.look() is Stop.MEMORY
        assert watchdog.kill()
        assert (await running).signal == 9
        assert not watchdog.kill()
        assert (await session.python("waiting > 0", stateful=True)).data is True
        for opened_one in (watchdog, unconcerned, late):
            opened_one.close()
            opened_one.close()


def test_what_processes_hold_is_added_up_with_shared_pages_divided() -> None:
    code = (
        "import os, time\nheld = b'.' * (60 << 20)\nfor _ in range(2):\n    if os.fork() == 0: break\n"
        "print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        for _ in range(3):
            first.stdout.readline()
        pids = [first.pid, *descendants(first.pid)]
        assert len(pids) == 3
        assert set(pids) <= set(descendants(os.getpid()))
        assert all(60 * MIB <= resident(pid) <= 90 * MIB for pid in pids)
        assert 60 * MIB <= sum(map(proportional, pids)) <= 100 * MIB
        for pid in pids:
            os.kill(pid, 9)
    assert resident(first.pid) == proportional(first.pid) == 0


def test_what_a_process_could_share_counts_as_what_it_holds() -> None:
    code = (
        "import mmap, time\nheld = mmap.mmap(-1, 60 << 20)\n"
        "for at in range(0, 60 << 20, 4096): held[at] = 1\nprint(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 60 * MIB <= resident(process.pid) <= 90 * MIB
        assert 60 * MIB <= proportional(process.pid) <= 90 * MIB
        process.kill()


def test_a_process_started_by_a_thread_is_a_descendant() -> None:
    code = (
        "import subprocess, threading, time\n"
        "def work():\n    print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)\n"
        "threading.Thread(target=work).start()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        sleeping = int(first.stdout.readline())
        assert list(descendants(first.pid)) == [sleeping]
        for pid in (sleeping, first.pid):
            os.kill(pid, 9)


def test_a_line_of_processes_is_seen_whole_however_long() -> None:
    code = "import os, time\nfor _ in range(150):\n    if os.fork(): break\nelse: print(flush=True)\ntime.sleep(600)"
    before = sys.getrecursionlimit()
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        sys.setrecursionlimit(len(inspect.stack()) + 60)
        try:
            line = list(descendants(first.pid))
        finally:
            sys.setrecursionlimit(before)
            for pid in (*descendants(first.pid), first.pid):
                os.kill(pid, 9)
    assert len(line) == 150


@needs_bubblewrap
async def test_a_process_cannot_hide_behind_its_name() -> None:
    hide = (
        "import ctypes, os, time\nos.fork()\n"
        "ctypes.CDLL(None).prctl(15, b'\\xff) T 1\\n ) ')\n"
        "held = os.urandom(45 << 20)\ntime.sleep(60)"
    )
    async with opened(Limits(memory_bytes=64 * MIB), cgroups=False) as (session, link):
        result = await session.run(["python3", "-c", hide], wall_s=20)
        assert result.stop is Stop.MEMORY
        watchdog = Watchdog(link.pid, Limits(memory_bytes=32 * MIB, files=10), memory=True)
        running = asyncio.create_task(session.run(["python3", "-c", hide.replace("45 <<", "20 <<")], wall_s=20))
        while watchdog.look() is None and not running.done():
            await asyncio.sleep(0.01)
        assert watchdog.kill()
        assert (await running).signal == 9
        watchdog.close()
