"""What a session promises, on every backend that runs here: runs and their limits, their end, and files."""

from __future__ import annotations

import asyncio
import time

import pytest

from sandbox.contracts import KIB, MIB, FileInfo, FileRefused, Limits, Output, Sandbox, Session, SessionClosed, Stop

BUSY = "python3 -c 'while True: pass'"


async def test_a_command_has_its_output_and_exit_code(session: Session) -> None:
    result = await session.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.stdout, result.stderr, result.exit_code, result.signal) == ("out\n", "err\n", 3, None)
    assert (result.stop, result.ok) == (None, False)
    assert 0 <= (result.cpu_s or 0) < result.wall_s + 1


async def test_a_line_is_for_bash(session: Session) -> None:
    result = await session.run("words=(a b c); echo ${#words[@]} | tee count")
    assert result.ok
    assert result.stdout == "3\n"
    assert await session.read("count") == b"3\n"


async def test_a_command_gets_stdin_folder_and_variables(session: Session) -> None:
    await session.write("below/here.txt", "")
    result = await session.run("cat; ls; echo $COLOUR", stdin="in: ü\n", cwd="below", env={"COLOUR": "blue"})
    assert result.stdout == "in: ü\nhere.txt\nblue\n"


async def test_much_goes_in_and_comes_out(session: Session) -> None:
    data = bytes(range(256)) * 2000
    result = await session.run("tee copy | wc -c", stdin=data)
    assert result.stdout.strip() == str(len(data))
    assert await session.read("copy") == data


async def test_too_much_for_stdin_is_refused_with_what_to_do(session: Session) -> None:
    with pytest.raises(ValueError, match="write a file"):
        await session.run("true", stdin=bytes(64 * MIB + 1))


async def test_stdin_that_nobody_reads_stops_nothing(session: Session) -> None:
    assert (await session.run("true", stdin=b"x" * 1_000_000)).ok


async def test_nothing_of_the_hosts_environment_is_inside(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CANARY", "secret")
    listed = (await session.run(["env"])).stdout + (await session.python("import os; print(dict(os.environ))")).stdout
    assert "secret" not in listed
    assert "PATH=" in listed


@pytest.mark.parametrize(
    ("command", "code", "said"), [(["no-such-program"], 127, "no-such-program"), (["/"], 126, "/")]
)
async def test_a_program_that_cannot_start_is_the_commands_failure(
    session: Session, command: list[str], code: int, said: str
) -> None:
    result = await session.run(command)
    assert (result.exit_code, result.stop) == (code, None)
    assert said in result.stderr


@pytest.mark.parametrize("command", [[], "", ["a\0b"]])
async def test_a_command_that_is_none_is_refused_or_fails(session: Session, command: list[str] | str) -> None:
    if command:
        assert (await session.run(command)).exit_code == 126
    else:
        with pytest.raises(ValueError, match="empty command"):
            await session.run(command)


async def test_the_end_by_a_signal_is_told_as_such(session: Session) -> None:
    result = await session.run("kill -15 $$")
    assert (result.exit_code, result.signal, result.stop) == (None, 15, None)


async def test_a_folder_outside_is_no_place_to_run(session: Session) -> None:
    await session.run("ln -s / out")
    for cwd in ("..", "/", "out", "absent"):
        with pytest.raises(FileRefused):
            await session.run("pwd", cwd=cwd)
    assert (await session.run("echo still here")).stdout == "still here\n"


# ---- limits


async def test_wall_time_stops_a_run_and_keeps_what_was_printed(session: Session) -> None:
    result = await session.run("echo begun; sleep 60; echo never", wall_s=0.5)
    assert (result.stop, result.exit_code, result.stdout) == (Stop.WALL_TIME, None, "begun\n")
    assert "0.5 s" in result.detail
    assert "wall_s" in result.detail
    assert 0.5 <= result.wall_s < 5


async def test_python_that_is_stopped_keeps_what_was_printed_without_a_newline(session: Session) -> None:
    result = await session.python("print('begun', end='')\nimport time\ntime.sleep(60)", wall_s=0.5)
    assert (result.stop, result.stdout, result.exit_code, result.state_lost) == (Stop.WALL_TIME, "begun", None, False)


async def test_a_python_program_that_is_stopped_keeps_what_it_printed(session: Session) -> None:
    program = ["python3", "-c", "import time; print('begun'); time.sleep(60)"]
    assert (await session.run(program, wall_s=1)).stdout == "begun\n"


async def test_a_runs_own_wall_time_cannot_exceed_the_sessions(backend: Sandbox) -> None:
    async with await backend.open(Limits(wall_s=0.3)) as session:
        assert (await session.run("sleep 5", wall_s=60)).stop is Stop.WALL_TIME
        with pytest.raises(ValueError, match="above zero"):
            await session.run("true", wall_s=0)


@pytest.mark.parametrize("command", [BUSY, f"{BUSY} & {BUSY} & wait", f"({BUSY} &) ; sleep 30"])
async def test_processor_time_is_counted_over_all_processes(backend: Sandbox, command: str) -> None:
    async with await backend.open(Limits(cpu_s=0.4, wall_s=20)) as session:
        result = await session.run(command)
        assert result.stop is Stop.CPU_TIME
        assert "0.4 s" in result.detail
        assert 0.3 < (result.cpu_s or 0) < 3


async def test_processor_time_is_of_one_run_and_not_of_the_session(backend: Sandbox) -> None:
    async with await backend.open(Limits(cpu_s=0.6, wall_s=20)) as session:
        spend = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass"
        for _ in range(4):
            assert (await session.python(spend, stateful=True)).ok
            assert (await session.python(spend)).ok
        result = await session.python("while True: pass", stateful=True)
        assert (result.stop, result.state_lost) == (Stop.CPU_TIME, False)


async def test_memory_is_of_all_processes_together(backend: Sandbox) -> None:
    hog = "python3 -c 'import time; b = bytearray(50_000_000); time.sleep(20)'"
    async with await backend.open(Limits(memory_bytes=128 * MIB, wall_s=20)) as session:
        result = await session.run(" & ".join([hog] * 6) + " & wait")
        assert result.stop is Stop.MEMORY
        assert str(128 * MIB) in result.detail
        assert (await session.run("echo alive")).stdout == "alive\n"


async def test_pages_that_forks_share_are_counted_once(backend: Sandbox) -> None:
    code = """
import os, time
held = bytearray(60_000_000)
for _ in range(6):
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
for _ in range(6):
    os.wait()
"""
    async with await backend.open(Limits(memory_bytes=200 * MIB, wall_s=20)) as session:
        assert (await session.python(code)).stop is None


async def test_output_is_kept_to_the_byte_of_its_limit(backend: Sandbox) -> None:
    async with await backend.open(Limits(output_bytes=10 * KIB)) as session:
        result = await session.run("yes 123456789")
        assert result.stop is Stop.OUTPUT
        assert result.stdout == ("123456789\n" * 2000)[: 10 * KIB]
        assert str(10 * KIB) in result.detail
        both = await session.run("head -c 6000 /dev/zero >&2; head -c 6000 /dev/zero")
        assert len(both.stdout) + len(both.stderr) == 10 * KIB
        exact = await session.run(f"head -c {10 * KIB} /dev/zero")
        assert (exact.stop, len(exact.stdout)) == (None, 10 * KIB)


async def test_output_comes_while_the_run_goes_on(session: Session) -> None:
    pieces: list[tuple[Output, float]] = []
    start = time.monotonic()
    result = await session.run(
        "echo one; sleep 0.6; echo two >&2", on_output=lambda piece: pieces.append((piece, time.monotonic() - start))
    )
    assert [piece for piece, _ in pieces] == [Output("stdout", "one\n"), Output("stderr", "two\n")]
    assert pieces[0][1] < 0.5 < pieces[1][1]
    assert result.stdout == "one\n"


async def test_characters_that_are_cut_in_two_are_put_together(session: Session) -> None:
    result = await session.run(r"printf '\xc3'; sleep 0.2; printf '\xbc'; printf '\xff'")
    assert result.stdout == "ü\ufffd"


async def test_a_watcher_that_fails_ends_the_run(session: Session) -> None:
    def fail(piece: Output) -> None:
        raise KeyError(piece.text)

    with pytest.raises(KeyError, match="begun"):
        await session.run("echo begun; sleep 60", on_output=fail)
    assert (await session.run("echo next")).stdout == "next\n"


# ---- ends


async def test_nothing_outlives_its_run(session: Session) -> None:
    hide = "(setsid sh -c 'trap \"\" TERM INT HUP; while true; do date +%N > tick; sleep 0.02; done' &) ; sleep 0.3"
    assert (await session.run(hide)).ok
    before = await session.read("tick")
    await asyncio.sleep(0.2)
    assert await session.read("tick") == before


async def test_a_process_whose_first_thread_has_ended_does_not_outlive_its_run(session: Session) -> None:
    ghost = """
import ctypes, threading, time
def tick():
    while True:
        open("tick", "w").write(str(time.time_ns()))
        time.sleep(0.02)
threading.Thread(target=tick).start()
ctypes.CDLL(None).syscall({"x86_64": 60}.get(__import__("os").uname().machine, 93), 0)
"""
    await session.write("ghost.py", ghost)
    assert (await session.run("python3 ghost.py & sleep 0.5")).ok
    before = await session.read("tick")
    await asyncio.sleep(0.2)
    assert await session.read("tick") == before


async def test_a_program_that_left_others_behind_ends_at_once(session: Session) -> None:
    result = await session.run("sleep 60 & echo done")
    assert result.stdout == "done\n"
    assert result.wall_s < 5


async def test_a_killed_run_says_so_and_the_session_goes_on(session: Session) -> None:
    running = asyncio.create_task(session.run("echo begun; sleep 60"))
    await asyncio.sleep(0.4)
    await session.kill()
    result = await running
    assert (result.stop, result.stdout) == (Stop.KILLED, "begun\n")
    assert (await session.run("echo next")).stdout == "next\n"
    await session.kill()


async def test_a_cancelled_run_is_ended_and_the_session_goes_on(session: Session) -> None:
    for start in (session.run("while true; do date +%N > tick; sleep 0.02; done"), session.python("while True: pass")):
        running = asyncio.create_task(start)
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    before = await session.read("tick")
    assert (await session.run("sleep 0.1; cat tick")).stdout.encode() == before


async def test_runs_wait_for_each_other_and_files_do_not(session: Session) -> None:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(session.run("sleep 0.4; echo first >> order; cat order"))
        second = group.create_task(session.run("echo second >> order; cat order"))
        await asyncio.sleep(0.1)
        await session.write("meanwhile", "x")
        assert await session.read("meanwhile") == b"x"
        assert not first.done()
    assert (first.result().stdout, second.result().stdout) == ("first\n", "first\nsecond\n")


async def test_a_closed_session_says_so(backend: Sandbox) -> None:
    session = await backend.open()
    running = asyncio.create_task(session.run("sleep 60"))
    await asyncio.sleep(0.2)
    await session.close()
    await session.close()
    with pytest.raises(SessionClosed):
        await running
    for use in (session.run("true"), session.python("1"), session.read("x"), session.list(), session.snapshot()):
        with pytest.raises(SessionClosed, match="open another"):
            await use
    for more in (session.write("x", ""), session.kill(), session.fork()):
        with pytest.raises(SessionClosed):
            await more


async def test_sessions_do_not_see_each_other(backend: Sandbox) -> None:
    async with await backend.open() as one, await backend.open() as other:
        await one.write("mine", "x")
        assert await other.list() == ()
        assert (await other.run("ls")).stdout == ""


# ---- files


async def test_files_go_in_and_come_out(session: Session) -> None:
    data = bytes(range(256)) * 20_000
    await session.write("a/b/data.bin", data)
    await session.write("tool", "#!/bin/sh\necho ran\n", executable=True)
    await session.write("empty", "")
    await session.write("a/b/data.bin", data[::-1])
    assert await session.read("./a//b/data.bin") == data[::-1]
    assert await session.read("empty") == b""
    assert (await session.run(["./tool"])).stdout == "ran\n"
    assert (await session.run(["sh", "-c", "stat -c %a tool empty"])).stdout == "755\n644\n"
    assert await session.list("a") == (FileInfo("a/b", "folder", 0), FileInfo("a/b/data.bin", "file", len(data)))


async def test_a_list_shows_every_kind_and_follows_no_link(session: Session) -> None:
    await session.run("mkdir d d/e; echo 1 > d/f; ln -s / root; ln -s nowhere broken; mkfifo pipe; echo > 'a b'")
    found = {info.path: info.kind for info in await session.list()}
    assert found == {
        "a b": "file",
        "broken": "link",
        "d": "folder",
        "d/e": "folder",
        "d/f": "file",
        "pipe": "other",
        "root": "link",
    }
    assert [info.path for info in await session.list()] == sorted(found)


@pytest.mark.parametrize(
    ("make", "path", "why"),
    [
        ("", "absent", "No such file"),
        ("", "../outside", "leads out"),
        ("", "/etc/passwd", "leads out"),
        ("", ".", "work folder itself"),
        ("mkdir folder", "folder", "folder"),
        ("ln -s /etc/passwd link", "link", "link"),
        ("ln -s /etc etc", "etc/passwd", "link"),
        ("mkdir a; ln -s a b; echo > a/f", "b/f", "link"),
        ("mkfifo pipe", "pipe", "regular"),
        ("truncate -s 30M sparse", "sparse", "max_bytes"),
        ("head -c 2000 /dev/zero > a-thousand-too-many", "a-thousand-too-many", "max_bytes"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(session: Session, make: str, path: str, why: str) -> None:
    await session.run(make or "true")
    with pytest.raises(FileRefused, match=why):
        await session.read(path, max_bytes=1000)


@pytest.mark.parametrize(
    ("make", "path", "why"),
    [
        ("", "../outside", "leads out"),
        ("", "/tmp/outside", "leads out"),
        ("mkdir folder", "folder", "folder"),
        ("ln -s target link", "link", "link"),
        ("ln -s /tmp tmp", "tmp/x", "link"),
        ("mkfifo pipe", "pipe", "regular"),
        ("echo > file", "file/below", "folder"),
    ],
)
async def test_what_cannot_be_written_is_refused_with_the_reason(
    session: Session, make: str, path: str, why: str
) -> None:
    await session.run(make or "true")
    before = await session.list()
    with pytest.raises(FileRefused, match=why):
        await session.write(path, b"x" * 3 * MIB)
    assert await session.list() == before


async def test_a_file_without_room_is_refused_and_leaves_nothing(backend: Sandbox) -> None:
    if backend.name == "process":
        pytest.skip("without isolation, room for files is watched only four times a second")
    async with await backend.open(Limits(file_bytes=MIB)) as session:
        with pytest.raises(FileRefused, match="no room"):
            await session.write("large", b"x" * 3 * MIB)
        assert await session.list() == ()
        await session.write("small", "fits")
        assert await session.read("small") == b"fits"


async def test_a_file_of_the_largest_size_is_read_whole(session: Session) -> None:
    await session.write("f", b"x" * 1000)
    assert len(await session.read("f", max_bytes=1000)) == 1000


async def test_reading_a_tree_of_3000_folders_and_removing_it(backend: Sandbox) -> None:
    dig = "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\nopen('bottom', 'w').write('x')"
    async with await backend.open() as session:
        assert (await session.python(dig)).error is None
        listed = await session.list()
        assert 1000 < len(listed) <= 3001
        before = await session.snapshot()
        async with await session.fork() as copy:
            assert (await copy.snapshot()).digest == before.digest
        await session.run("rm -rf d")
        await session.restore(before)
        assert (await session.snapshot()).digest == before.digest


async def test_a_list_ends_at_ten_thousand(session: Session) -> None:
    await session.python("for n in range(10_050): open(f'{n:05}', 'w').close()")
    assert len(await session.list()) == 10_000
