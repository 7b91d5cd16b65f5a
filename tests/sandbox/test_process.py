"""The backend without isolation: asked for by name, said in the log, and gone without a trace."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from sandbox import process
from sandbox.contracts import KIB, Limits, SandboxBroken, SandboxUnavailable, Session, Stop
from sandbox.process import PREFIX, Process


def folders() -> set[str]:
    return {str(path) for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}{os.getpid()}-*")}


def supervisor(session: Session) -> int:
    """The number of the session's supervisor: the parent of what it runs."""
    return int(next(pid for pid in children(os.getpid()) if b"supervisor.py" in command_line(pid)))


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def with_mark(mark: str) -> list[int]:
    """Processes whose command line has `mark`."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if mark.encode() in command_line(int(path.name))]


async def eventually(check: object, *, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():  # type: ignore[operator]
            return True
        await asyncio.sleep(0.05)
    return False


def test_it_has_to_be_asked_for_as_unsafe() -> None:
    with pytest.raises(SandboxUnavailable, match="unsafe=True"):
        Process()


async def test_every_session_says_in_the_log_that_it_is_unsafe(caplog: pytest.LogCaptureFixture) -> None:
    sandbox = Process(unsafe=True)
    assert (sandbox.name, sandbox.isolation) == ("process", "none")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await (await sandbox.open()).close()
    assert len([line for line in caplog.messages if line.startswith("unsafe")]) == 2


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/true", "/bin/cat"])
async def test_an_interpreter_that_is_none_is_told(python: str) -> None:
    before = folders()
    with pytest.raises((SandboxUnavailable, SandboxBroken)):
        await Process(unsafe=True, python=python).open()
    assert folders() == before


async def test_an_interpreter_that_fails_says_why(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'libpython is missing' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxBroken, match="libpython is missing"):
        await Process(unsafe=True, python=str(fake)).open()


async def test_nothing_is_left_of_a_session() -> None:
    before = folders()
    session = await Process(unsafe=True).open()
    (folder,) = folders() - before
    await session.run("chmod 000 .; cd $TMPDIR; echo > file")
    await session.python("x = 1", stateful=True)
    running = asyncio.create_task(session.run("(setsid sleep 3597 &); exec env - sleep 3597"))
    assert await eventually(lambda: len(with_mark("sleep\x003597")) == 2)
    await session.close()
    assert folders() == before
    assert with_mark("sleep\x003597") == with_mark(folder) == []
    with pytest.raises(Exception, match="closed"):
        await running


async def test_packages_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "given.py").write_text("value = 42")
    async with await Process(unsafe=True, packages=tmp_path).open() as session:
        assert (await session.python("import given\ngiven.value")).data == 42
        assert (await session.run(["python3", "-c", "import given; print(given.value)"])).stdout == "42\n"


async def test_too_many_files_end_the_session_and_the_run_says_so() -> None:
    for code in ("for n in range(400): open(str(n), 'w')", "open('f', 'wb').write(bytes([1]) * 90_000)"):
        limits = Limits(files=200, file_bytes=100 * KIB)
        async with await Process(unsafe=True).open(limits) as session:
            tail = "open('g', 'wb').write(bytes([1]) * 90_000)\nimport time\ntime.sleep(30)"
            result = await session.python(f"print('on')\n{code}\n{tail}")
            assert (result.stop, result.stdout, result.exit_code) == (Stop.FILES, "on\n", None)
            assert "Limits.files" in result.detail
            with pytest.raises(SandboxBroken, match="open another"):
                await session.run("true")


async def test_one_file_above_the_limit_is_the_programs_own_error() -> None:
    async with await Process(unsafe=True).open(Limits(file_bytes=100 * KIB)) as session:
        result = await session.python("open('f', 'wb').write(bytes(200_000))")
        assert result.error is not None
        assert result.error.type == "OSError"
        assert (await session.run("exec head -c 200000 /dev/zero > f")).stop is Stop.FILES


async def test_a_supervisor_that_dies_is_a_broken_sandbox_with_what_was_printed() -> None:
    async with await Process(unsafe=True).open() as session:
        with pytest.raises(SandboxBroken) as caught:
            await session.run("echo begun; sleep 0.2; kill -9 $PPID; sleep 30")
        assert "output: begun" in "".join(caught.value.__notes__)
        with pytest.raises(SandboxBroken):
            await session.read("x")
    assert not with_mark("sleep\x0030")


async def test_a_supervisor_that_is_stopped_ends_the_run_at_its_wall_time() -> None:
    async with await Process(unsafe=True).open() as session:
        start = time.monotonic()
        result = await session.run("echo begun; sleep 0.3; kill -STOP $PPID; sleep 60", wall_s=0.8)
        assert (result.stop, result.stdout) == (Stop.WALL_TIME, "begun\n")
        assert time.monotonic() - start < 15
        with pytest.raises(SandboxBroken, match="did not stop a run"):
            await session.run("true")


async def test_a_detached_child_of_a_dead_supervisor_is_found() -> None:
    async with await Process(unsafe=True).open() as session:
        with pytest.raises(SandboxBroken):
            await session.run("(setsid sleep 3598 &) ; sleep 0.2; kill -9 $PPID; sleep 30")
    assert await eventually(lambda: not with_mark("sleep\x003598"))


ABANDON = textwrap.dedent("""
    import asyncio, os, sys
    from sandbox.process import Process
    async def main():
        session = await Process(unsafe=True).open()
        asyncio.get_running_loop().create_task(session.run("(setsid sleep 3599 &); sleep 3599"))
        await asyncio.sleep(1)
        print("running", flush=True)
        await asyncio.sleep(60)
    asyncio.run(main())
""")


async def test_a_session_dies_with_the_program_that_opened_it(root: Path) -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", ABANDON], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert host.stdout is not None
        assert await asyncio.to_thread(host.stdout.readline) == b"running\n"
        assert len(with_mark("sleep\x003599")) == 2
        host.send_signal(signal.SIGKILL)
        assert await eventually(lambda: not with_mark("sleep\x003599"))
        assert await eventually(lambda: not with_mark(f"{PREFIX}{host.pid}-"))
    finally:
        host.kill()
        host.wait()
        host.stdout.close()  # type: ignore[union-attr]
    assert any(f"{PREFIX}{host.pid}-" in said for said in process.prune())
    assert not any(f"{PREFIX}{host.pid}-" in said for said in process.prune())


async def test_pruning_leaves_what_is_in_use() -> None:
    async with await Process(unsafe=True).open() as session:
        assert not any(f"{PREFIX}{os.getpid()}-" in said for said in process.prune())
        assert (await session.run("echo on")).stdout == "on\n"
