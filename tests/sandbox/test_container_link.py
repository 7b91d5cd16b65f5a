"""The engine's stream taken apart, and the seccomp profile's own consistency: no engine is needed for either."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket

from hypothesis import given
from hypothesis import strategies as st

from sandbox.container_link import BUFFER, KEPT_STDERR, STDERR, STDOUT, Demultiplexer
from sandbox.container_seccomp import ALLOWED, profile
from sandbox.denied import ABSENT, CLONE_NAMESPACES, DENIED


def piece(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


async def taken_apart(data: bytes, *, cuts: list[int]) -> tuple[bytes, bytes]:
    wire = Demultiplexer()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        wire.data_received(data[start:end])
    wire.eof_received()
    return await wire.reader.read(), wire.stderr


@given(
    pieces=st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=40))),
    cuts=st.lists(st.integers(0, 2000)),
)
def test_output_is_whole_wherever_the_stream_is_cut(pieces: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(piece(stream, each) for stream, each in pieces)
    stdout, stderr = asyncio.run(taken_apart(data, cuts=cuts))
    assert stdout == b"".join(each for stream, each in pieces if stream == STDOUT)
    assert stderr == b"".join(each for stream, each in pieces if stream == STDERR)


async def test_only_the_end_of_endless_complaints_is_kept() -> None:
    wire = Demultiplexer()
    for _ in range(100):
        wire.data_received(piece(STDERR, b"x" * 1000))
    wire.data_received(piece(STDERR, b"the end"))
    assert len(wire.stderr) == KEPT_STDERR
    assert wire.stderr.endswith(b"xthe end")


async def test_a_stream_nobody_knows_is_passed_over() -> None:
    stdout, stderr = await taken_apart(piece(3, b"what") + piece(STDOUT, b"this"), cuts=[])
    assert (stdout, stderr) == (b"this", b"")


async def test_endless_output_waits_in_the_engine_and_not_in_our_memory() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, wire = await asyncio.get_running_loop().create_unix_connection(Demultiplexer, sock=ours)
    sent, loop = 0, asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while sent < 64 << 20:
                await loop.sock_sendall(theirs, piece(STDOUT, bytes(65536)))
                sent += 65536
    assert sent < 4 * BUFFER + (4 << 20)
    read = 0
    while read < sent:
        read += len(await wire.reader.read(1 << 20))
    assert read >= sent
    transport.abort()
    theirs.close()


async def test_writing_waits_while_nothing_is_read_and_goes_on_after() -> None:
    ours, theirs = socket.socketpair()
    transport, wire = await asyncio.get_running_loop().create_unix_connection(Demultiplexer, sock=ours)
    assert wire.writable.is_set()
    transport.write(bytes(8 << 20))
    assert not wire.writable.is_set()
    theirs.close()
    await asyncio.wait_for(wire.ended.wait(), 5)
    assert wire.writable.is_set()


def test_no_call_is_both_allowed_and_denied() -> None:
    allowed = ALLOWED.split()
    assert allowed == sorted(set(allowed))
    assert set(allowed).isdisjoint({*DENIED, *ABSENT, "clone", "socket"})
    assert {"read", "execve", "futex", "fork", "openat", "mmap"} <= set(allowed)


def test_the_profile_allows_by_name_and_refuses_the_rest() -> None:
    told = json.loads(profile())
    assert (told["defaultAction"], told["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 38)
    answers = {name: rule.get("errnoRet") for rule in told["syscalls"] for name in rule["names"]}
    assert {answers[name] for name in DENIED} == {1}
    assert {answers[name] for name in ABSENT} == {38}
    (clone,) = [rule for rule in told["syscalls"] if rule["names"] == ["clone"]]
    assert (clone["args"][0]["value"], clone["args"][0]["valueTwo"]) == (0x7E020000, 0)
    assert sum(CLONE_NAMESPACES) == 0x7E020000
    sockets = [[arg["value"] for arg in rule["args"]] for rule in told["syscalls"] if rule["names"] == ["socket"]]
    assert sockets == [[2, 15], [2, 15], [10, 15], [10, 15]]
