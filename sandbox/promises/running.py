"""Promises about commands and their results."""

from __future__ import annotations

import asyncio
import os
import time

from sandbox.contracts import Output, Session

__all__ = ["RUNNING"]


async def a_command_says_how_it_ended(session: Session) -> str:
    """A command's exit code, stdout and stderr are told apart."""
    result = await session.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    seen = (result.exit_code, result.signal, result.stdout, result.stderr, result.stop, result.ok)
    return "" if seen == (3, None, "out\n", "err\n", None, False) else f"got {seen}"


async def a_good_command_is_ok(session: Session) -> str:
    """A command that ends by itself with 0 is ok, and its time is told."""
    result = await session.run(["true"])
    return "" if result.ok and 0 <= result.wall_s < 10 and (result.cpu_s or 0) >= 0 else f"got {result}"


async def a_signal_is_told(session: Session) -> str:
    """A command that a signal ended has that signal and no exit code."""
    result = await session.run("kill -11 $$")
    return "" if (result.exit_code, result.signal) == (None, 11) else f"got {result.exit_code}, {result.signal}"


async def an_absent_program_is_a_result(session: Session) -> str:
    """A program that is not there is a result that failed, not an exception."""
    result = await session.run(["no-such-program-at-all"])
    return "" if not result.ok and result.exit_code and result.stderr else f"got {result}"


async def a_line_is_bash(session: Session) -> str:
    """A string is a line for bash, a sequence is never seen by a shell."""
    line = await session.run("x=(a b c); echo ${#x[@]}")
    words = await session.run(["echo", "$HOME; *"])
    seen = (line.stdout, words.stdout)
    return "" if seen == ("3\n", "$HOME; *\n") else f"got {seen}"


async def stdin_is_read(session: Session) -> str:
    """A command reads the given text or bytes, and then an end; without any, an end at once."""
    given = [await session.run(["cat"], stdin=data) for data in ("a\u00e9", b"a\xc3\xa9", b"")]
    seen = [result.stdout for result in given]
    return "" if seen == ["a\u00e9", "a\u00e9", ""] else f"got {seen}"


async def much_stdin_is_read(session: Session) -> str:
    """More than a pipe holds is read; what a command does not read hurts nobody."""
    read = await session.run(["wc", "-c"], stdin=b"x" * 500_000)
    unread = await session.run(["true"], stdin=b"x" * 500_000)
    return "" if read.stdout.strip() == "500000" and unread.ok else f"got {read.stdout!r}, {unread}"


async def cwd_is_within_the_folder(session: Session) -> str:
    """A command starts in the work folder, or in the folder of it that is named."""
    await session.write("sub/file", "x")
    seen = [(await session.run(["ls"], cwd=cwd)).stdout.split() for cwd in (".", "sub")]
    return "" if seen == [["sub"], ["file"]] else f"got {seen}"


async def env_is_added(session: Session) -> str:
    """Variables are added for one run only."""
    first = await session.run("echo $ONE", env={"ONE": "1 2"})
    second = await session.run("echo $ONE")
    return "" if (first.stdout, second.stdout) == ("1 2\n", "\n") else f"got {first.stdout!r}, {second.stdout!r}"


async def the_hosts_environment_is_not_there(session: Session) -> str:
    """None of the host's own variables, or their values, is inside; HOME, PATH and LANG are."""
    name, value = "AGENTKIT_CHECK", f"value-{os.getpid()}"
    os.environ[name] = value
    try:
        async with await session.sandbox.open(session.limits) as fresh:
            inside = (await fresh.run(["env"])).stdout
    finally:
        del os.environ[name]
    names = {line.partition("=")[0] for line in inside.splitlines()}
    missing = {"HOME", "PATH", "LANG"} - names
    return "" if value not in inside and not missing else f"got {sorted(names)}"


async def undecodable_bytes_are_replaced(session: Session) -> str:
    """Bytes that are no UTF-8 are replaced, the rest stays."""
    result = await session.run("printf 'a\\377b\\303\\251'")
    return "" if result.stdout == "a\ufffdb\u00e9" else f"got {result.stdout!r}"


async def output_comes_as_it_is_printed(session: Session) -> str:
    """`on_output` gets each piece when it is printed, not at the end, and all of it together is the output."""
    pieces: list[tuple[float, Output]] = []
    begin = time.monotonic()
    result = await session.run(
        "echo one; sleep 0.6; echo two >&2", on_output=lambda piece: pieces.append((time.monotonic() - begin, piece))
    )
    out = "".join(piece.text for _, piece in pieces if piece.stream == "stdout")
    err = "".join(piece.text for _, piece in pieces if piece.stream == "stderr")
    if (out, err) != (result.stdout, result.stderr) or (out, err) != ("one\n", "two\n"):
        return f"got {pieces}"
    early = pieces[-1][0] - pieces[0][0]
    return "" if early > 0.3 else f"the first piece came {early:.2f} s before the last one, of 0.6 s"


async def a_character_in_two_pieces_is_one(session: Session) -> str:
    """A character whose bytes come apart is not torn in the output."""
    pieces: list[str] = []
    line = "printf '\\303'; sleep 0.3; printf '\\251\\n'"
    result = await session.run(line, on_output=lambda piece: pieces.append(piece.text))
    return "" if (result.stdout, "".join(pieces)) == ("\u00e9\n",) * 2 else f"got {result.stdout!r}, {pieces}"


async def processes_are_gone_after_a_run(session: Session) -> str:
    """What a command left running is gone when the run returns, and is not waited for."""
    result = await session.run("(while true; do date > beat; sleep 0.05; done) > /dev/null 2>&1 & sleep 0.3")
    if not result.ok or result.wall_s > 5:
        return f"got {result}"
    await asyncio.sleep(0.2)
    first = await session.run("cat beat; rm beat; sleep 0.3; ls")
    return "" if "beat" not in first.stdout.split() else "something still writes after the run"


async def files_stay_between_runs(session: Session) -> str:
    """What a command writes in the work folder is there for the next one."""
    await session.run("mkdir a; echo x > a/b")
    result = await session.run(["cat", "a/b"])
    return "" if result.stdout == "x\n" else f"got {result}"


async def one_run_at_a_time(session: Session) -> str:
    """A second run of the same session waits for the first one."""
    line = "echo begin >> log; sleep 0.3; echo end >> log"
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(session.run(line))
    log = (await session.run(["cat", "log"])).stdout.split()
    return "" if log == ["begin", "end"] * 2 else f"got {log}"


async def a_cancelled_run_leaves_no_knot(session: Session) -> str:
    """A run that is cancelled is killed; the session goes on, or says that it is closed."""
    running = asyncio.create_task(session.run("sleep 30; echo late > late"))
    await asyncio.sleep(0.3)
    running.cancel()
    begin = time.monotonic()
    await asyncio.wait([running])
    result = await session.run("ls; pgrep sleep")
    took = time.monotonic() - begin
    return "" if running.cancelled() and "late" not in result.stdout and took < 5 else f"{took:.1f} s, got {result}"


RUNNING = (
    a_command_says_how_it_ended,
    a_good_command_is_ok,
    a_signal_is_told,
    an_absent_program_is_a_result,
    a_line_is_bash,
    stdin_is_read,
    much_stdin_is_read,
    cwd_is_within_the_folder,
    env_is_added,
    the_hosts_environment_is_not_there,
    undecodable_bytes_are_replaced,
    output_comes_as_it_is_printed,
    a_character_in_two_pieces_is_one,
    processes_are_gone_after_a_run,
    files_stay_between_runs,
    one_run_at_a_time,
    a_cancelled_run_leaves_no_knot,
)
