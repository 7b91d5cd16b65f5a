"""Promises about files, snapshots, forks and the end of a session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sandbox.contracts import MIB, NO_NETWORK, FileRefused, Network, SandboxUnavailable, Session, SessionClosed
from sandbox.promises.limiting import NO_SIZE, NotPromised

__all__ = ["KEEPING"]


async def refused(deed: Awaitable[object]) -> str:
    """Whether something is refused with a reason."""
    try:
        got = await deed
    except FileRefused as error:
        return "" if str(error) else "refused without a reason"
    return f"not refused: {got!r}"


async def a_session_knows_itself(session: Session) -> str:
    """A session knows its sandbox, limits and network, and is exact when it is no fork."""
    seen = (session.network, session.exact, session.mismatch, session.limits == type(session.limits)())
    return "" if seen == (NO_NETWORK, True, "", True) else f"got {seen}"


async def a_new_folder_is_empty(session: Session) -> str:
    """The work folder is empty at first, and can be written."""
    listed = await session.list()
    result = await session.run("ls -A; touch file")
    return "" if not listed and not result.stdout and result.ok else f"got {listed}, {result}"


async def what_is_written_is_read(session: Session) -> str:
    """Text and bytes are read as they were written, by the host and inside, in folders made as needed."""
    await session.write("a/b/text", "\u00e9\n")
    await session.write("bytes", bytes(range(256)) * 4000)
    inside = await session.run(["cat", "a/b/text"])
    read = [await session.read("a/b/text"), await session.read("bytes")]
    return (
        "" if read == ["\u00e9\n".encode(), bytes(range(256)) * 4000] and inside.stdout == "\u00e9\n" else f"{inside}"
    )


async def writing_replaces(session: Session) -> str:
    """A second write replaces the file; `executable` makes a program of it."""
    await session.write("program", "x" * 100)
    await session.write("program", "#!/bin/sh\necho ran\n", executable=True)
    result = await session.run(["./program"])
    return "" if result.stdout == "ran\n" else f"got {result}"


async def an_absent_file_is_refused(session: Session) -> str:
    """A file that is not there, a folder and a file above the cap are refused with a reason."""
    await session.write("folder/large", b"x" * 2000)
    deeds = (session.read("absent"), session.read("folder"), session.read("folder/large", max_bytes=1999))
    wrong = [problem for deed in deeds if (problem := await refused(deed))]
    exact = await session.read("folder/large", max_bytes=2000)
    return "; ".join(wrong) or ("" if len(exact) == 2000 else "a file of exactly the cap was not read")


async def paths_outside_are_refused(session: Session) -> str:
    """Paths that lead out of the work folder are refused for reading, writing and listing."""
    for path in ("../x", "/etc/hostname", "a/../../x"):
        for deed in (session.read, lambda path: session.write(path, "x"), session.list):
            if problem := await refused(deed(path)):
                return f"{path}: {problem}"
    return ""


async def links_are_not_followed(session: Session) -> str:
    """Links are listed as links, and neither read nor written through."""
    await session.run("echo x > real; ln -s real link; ln -s / root; mkfifo pipe")
    kinds = {entry.path: entry.kind for entry in await session.list()}
    if kinds != {"link": "link", "pipe": "other", "real": "file", "root": "link"}:
        return f"listed {kinds}"
    wrong = [
        problem for path in ("link", "root/etc/hostname", "pipe") if (problem := await refused(session.read(path)))
    ]
    return "; ".join(wrong)


async def listing_is_whole_and_sorted(session: Session) -> str:
    """A list has everything below a folder, sorted by path relative to the work folder, with kinds and sizes."""
    await session.run("mkdir -p b/c; printf 12345 > b/c/five; : > a; : > b-1")
    seen = [(entry.path, entry.kind, entry.size) for entry in await session.list() if entry.kind == "file"]
    paths = [entry.path for entry in await session.list()]
    below = [entry.path for entry in await session.list("b")]
    right = set(seen) == {("a", "file", 0), ("b-1", "file", 0), ("b/c/five", "file", 5)} and paths == sorted(paths)
    return "" if right and below == ["b/c", "b/c/five"] else f"got {seen}, {paths}, {below}"


async def a_write_without_room_is_refused(session: Session) -> str:
    """A write that has no room is refused, and the session goes on."""
    if session.sandbox.isolation == "none":
        raise NotPromised(NO_SIZE)
    async with await session.sandbox.open(type(session.limits)(file_bytes=MIB)) as small:
        problem = await refused(small.write("large", b"x" * (3 * MIB)))
        return problem or ("" if (await small.run(["true"])).ok else "then nothing runs")


async def nothing_installs_without_a_network(session: Session) -> str:
    """`install` without a network says that it cannot, and what to do."""
    try:
        result = await session.install("left-pad")
    except SandboxUnavailable as error:
        return "" if "network" in str(error).lower() else f"it says {error}"
    return f"got {result}"


async def equal_folders_have_equal_digests(session: Session) -> str:
    """A snapshot's digest depends on what is in the folder, and not on when or in what order it came there."""
    await session.run("printf 1 > a; printf 22 > b; mkdir c")
    first = await session.snapshot()
    async with await session.sandbox.open(session.limits) as other:
        await other.run("mkdir c; printf 22 > b; sleep 0.02; printf 1 > a")
        second = await other.snapshot()
    await session.run("printf 2 > a")
    third = await session.snapshot()
    right = first.digest == second.digest != third.digest and first.size == 3
    return "" if right else f"got {first}, {second}, {third}"


async def restoring_is_exact(session: Session) -> str:
    """Restoring brings back what was there: contents, modes and links; what was not there goes."""
    look = "find . -mindepth 1 -printf '%p %y %m %l\\n' | sort; cat a b/c 2> /dev/null"
    await session.run("echo 1 > a; mkdir b; echo 2 > b/c; chmod 750 b/c; ln -s a link; mkdir empty")
    before, taken = await session.run(look), await session.snapshot()
    await session.run("rm -r a b empty; echo 9 > link2; mkdir a; echo 3 > a/new; ln -sf / link")
    await session.restore(taken)
    after = await session.run(look)
    again = await session.snapshot()
    return "" if after.stdout == before.stdout and again.digest == taken.digest else f"got {after.stdout}"


async def restoring_brings_variables_back(session: Session) -> str:
    """Restoring makes the interpreter what it was at the snapshot."""
    await session.python("x = 1", stateful=True)
    taken = await session.snapshot()
    await session.python("x = 2\ny = 3", stateful=True)
    await session.restore(taken)
    result = await session.python("(x, 'y' in globals())", stateful=True)
    return "" if result.data == [1, False] else f"got {result}"


async def a_fork_is_a_copy(session: Session) -> str:
    """A fork has the files and the variables, and neither session sees what the other does afterwards."""
    await session.write("a", "1")
    await session.python("x = [1]\nx", stateful=True)
    async with await session.fork() as copy:
        if not copy.exact or copy.mismatch or copy.limits != session.limits:
            return f"not exact: {copy.mismatch}"
        await copy.write("a", "2")
        seen = await copy.python("x.append(2)\n(x, open('a').read())", stateful=True)
    own = await session.python("(x, open('a').read())", stateful=True)
    return "" if (seen.data, own.data) == ([[1, 2], "2"], [[1], "1"]) else f"got {seen.data}, {own.data}"


async def a_fork_says_what_differs(session: Session) -> str:
    """A fork whose replayed snippets give something else says so, and which."""
    await session.python("import os\nx = os.urandom(8).hex()\nx", stateful=True)
    async with await session.fork() as copy:
        return "" if not copy.exact and "urandom" in copy.mismatch else f"exact={copy.exact}, {copy.mismatch!r}"


async def many_at_once(session: Session) -> str:
    """One sandbox serves several sessions at once, and none sees another's files."""

    async def one(number: int) -> str:
        async with await session.sandbox.open(session.limits) as own:
            await own.write("number", str(number))
            result = await own.run("sleep 0.2; ls; cat number")
            return result.stdout

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(4)]
    seen = [task.result().split() for task in tasks]
    return "" if seen == [["number", str(number)] for number in range(4)] else f"got {seen}"


async def closed_is_closed(session: Session) -> str:
    """A session can be closed twice, and every call after that raises `SessionClosed`."""
    own = await session.sandbox.open(session.limits)
    taken = await own.snapshot()
    await own.close()
    await own.close()
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: own.run(["true"]),
        lambda: own.python("1"),
        lambda: own.write("a", "1"),
        lambda: own.read("a"),
        lambda: own.list(),
        lambda: own.snapshot(),
        lambda: own.restore(taken),
        lambda: own.fork(),
        lambda: own.kill(),
    )
    for number, call in enumerate(calls):
        try:
            got = await call()
        except SessionClosed:
            continue
        return f"call {number} gave {got!r}"
    return ""


async def closing_ends_a_run(session: Session) -> str:
    """Closing a session ends what runs in it, at once."""
    own = await session.sandbox.open(session.limits)
    running = asyncio.create_task(own.run(["sleep", "30"]))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(10):
        await own.close()
        await asyncio.wait([running])
    error = running.exception()
    return "" if isinstance(error, SessionClosed) or (error is None and not running.result().ok) else f"got {error!r}"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhere")
    await writer.drain()
    writer.close()


FETCH = """
import urllib.error, urllib.request
def fetch(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
    except OSError as error:
        return type(error).__name__
"""


async def only_allowed_hosts_are_reached(session: Session) -> str:
    """A host that is allowed is reached through the proxy that the environment names; another one is not."""
    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as open_,
        await asyncio.start_server(answer, "127.0.0.1", 0) as shut,
    ):
        ports = [server.sockets[0].getsockname()[1] for server in (open_, shut)]
        network = Network((f"127.0.0.1:{ports[0]}",))
        async with await session.sandbox.open(session.limits, network=network) as connected:
            seen = (await connected.python(f"{FETCH}\n[fetch(port) for port in {ports}]")).data
            known = connected.network == network
    if not known or not seen or seen[0] != "here":
        return f"got {seen}"
    return "" if seen[1] == "HTTPError" else f"of a host that is not allowed, the proxy said {seen[1]}"


KEEPING = (
    a_session_knows_itself,
    a_new_folder_is_empty,
    what_is_written_is_read,
    writing_replaces,
    an_absent_file_is_refused,
    paths_outside_are_refused,
    links_are_not_followed,
    listing_is_whole_and_sorted,
    a_write_without_room_is_refused,
    nothing_installs_without_a_network,
    equal_folders_have_equal_digests,
    restoring_is_exact,
    restoring_brings_variables_back,
    a_fork_is_a_copy,
    a_fork_says_what_differs,
    many_at_once,
    closed_is_closed,
    closing_ends_a_run,
    only_allowed_hosts_are_reached,
)
