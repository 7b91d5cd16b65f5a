"""The host against a supervisor that is silent, lies, floods or was taken over: it costs the sandbox, nothing else.

Each hostile supervisor is a real process at the other end of real pipes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from sandbox.contracts import KIB, NO_NETWORK, FileRefused, Limits, SandboxBroken, SessionClosed, Stop
from sandbox.process import Process
from sandbox.session import LiveSession, open_session

START = textwrap.dedent("""
    import json, os, struct, sys, time
    def send(header, payload=b""):
        if payload:
            header["bytes"] = len(payload)
        text = json.dumps(header).encode()
        raw(struct.pack(">I", len(text)) + text + payload)
    def raw(data):
        while data:
            data = data[os.write(1, data):]
    def exactly(size):
        data = b""
        while len(data) < size:
            part = os.read(0, size - len(data))
            if not part:
                sys.exit()
            data += part
        return data
    def take():
        header = json.loads(exactly(struct.unpack(">I", exactly(4))[0]))
        header["payload"] = exactly(header.get("bytes", 0))
        return header
    def greet():
        send({"type": "hello", "protocol": 1})
        take()
        send({"type": "ready"})
    def done(run, answer=None, **more):
        usual = {"type": "done", "id": run["id"], "stop": "", "exit_code": 0, "signal": None, "cpu_s": 0.0}
        send({**usual, "alive": True, **more}, json.dumps(answer).encode() if answer is not None else b"")
    ANSWER = {"value": "1", "data": 1, "error": None, "exit_code": 0, "artifacts": []}
""")
LIMITS = Limits(wall_s=1.0, output_bytes=10 * KIB)


class HostileLink:
    """A link to a program that says whatever it likes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.reader, self._stdin, self._process = process.stdout, process.stdin, process
        self.kills = {"memory": 0, "files": 0}
        self.reason = ""

    def write(self, data: bytes) -> None:
        self._stdin.write(data)

    async def drain(self) -> None:
        await self._stdin.drain()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        self._process._transport.close()  # older 3.11: `wait` does not return while output is unread
        await self._process.wait()
        self._stdin.close()

    async def wait(self) -> str:
        await self._process.wait()
        return self.reason

    def oom_kills(self) -> int:
        return self.kills["memory"]

    def file_kills(self) -> int:
        return self.kills["files"]

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None


async def link_to(code: str) -> HostileLink:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", START + textwrap.dedent(code)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return HostileLink(process)


@asynccontextmanager
async def hostile(code: str) -> AsyncIterator[tuple[LiveSession, HostileLink]]:
    """A session whose supervisor greets as it should and then runs `code`."""
    link = await link_to("greet()\n" + textwrap.dedent(code))
    session = await open_session(
        Process(unsafe=True), link, limits=LIMITS, network=NO_NETWORK, grace_s=0.5, answer_s=1.0
    )
    try:
        yield session, link
    finally:
        await session.close()
        assert link.ended


@pytest.mark.parametrize(
    "code",
    [
        "",
        "time.sleep(60)",
        "raw(b'\\xff' * 1000)",
        "raw(b'\\0\\0\\0\\2{}')",
        "raw(b'\\0\\0\\0\\5[1,2]')",
        "raw(b'\\0\\0\\0\\7garbage')",
        "send({'type': 'hello', 'protocol': 2})",
        "send({'type': 'hello'}); take(); send({'type': 'ready'})",
        "send({'type': 'hello', 'protocol': 1}); take(); send({'type': 'broken', 'why': 'x'}); time.sleep(60)",
        "send({'type': 'hello', 'protocol': 1, 'bytes': -1})",
        "send({'type': 'hello', 'protocol': 1, 'bytes': 10**12})",
        "send({'type': 'hello', 'protocol': 1, 'bytes': 'many'})",
        "raw(struct.pack('>I', 50_000) + b'[' * 50_000)",
        "while True: raw(b' ' * 65536)",
    ],
)
async def test_what_is_no_supervisor_is_found_out_at_once(code: str) -> None:
    link = await link_to(code)
    start = time.monotonic()
    with pytest.raises(SandboxBroken, match="did not begin"):
        await open_session(Process(unsafe=True), link, limits=LIMITS, network=NO_NETWORK, answer_s=1.0)
    assert time.monotonic() - start < 5
    assert link.ended


RUN = [
    "send({'type': 'output', 'id': run['id'], 'stream': 'stdout'}, b'x' * 20_000)",
    "while True: send({'type': 'output', 'id': run['id'], 'stream': 'stderr'}, b'x' * 1000)",
    "send({'type': 'output', 'id': run['id'], 'stream': 'stdin'}, b'x')",
    "send({'type': 'output', 'id': run['id'], 'stream': [1]}, b'x')",
    "send({'type': 'output', 'id': 99, 'stream': 'stdout'}, b'x')",
    "send({'type': 'output', 'id': [], 'stream': 'stdout'}, b'x')",
    "send({'type': 'part', 'id': run['id']}, b'x')",
    "send({'type': 'call', 'id': run['id'], 'name': 5})",
    "for _ in range(2): send({'type': 'call', 'id': run['id'], 'name': 'f'}, b'{}')",
    "send({'type': 'nonsense', 'id': run['id']})",
    "send({'type': 'net-open', 'id': 1})",
    "send({'type': 'output', 'id': run['id'], 'stream': 'stdout', 'bytes': 10**10})",
    "raw(b'\\xff\\xff\\xff\\xff')",
    "done(run, stop='because')",
    "done(run, stop=['wall_time'])",
    "done(run, exit_code='0')",
    "done(run, exit_code=-1)",
    "done(run, exit_code=True)",
    "done(run, signal=10**20)",
]


@pytest.mark.parametrize("code", RUN)
async def test_lies_about_a_run_break_the_sandbox(code: str) -> None:
    begun = "send({'type': 'output', 'id': run['id'], 'stream': 'stdout'}, b'begun')"
    async with hostile(f"run = take()\n{begun}\n{code}\ntime.sleep(60)") as (session, link):
        start = time.monotonic()
        with pytest.raises(SandboxBroken) as caught:
            await session.run("true")
        assert time.monotonic() - start < 5
        assert link.ended
        assert "output: begun" in "".join(caught.value.__notes__)
        with pytest.raises(SandboxBroken, match="open another"):
            await session.read("x")


ANSWERS = [
    "b'no json'",
    "b'[' * 100_000",
    "b'[]'",
    "b'null'",
    "b'{}'",
    "json.dumps({**ANSWER, 'value': 5}).encode()",
    "json.dumps({**ANSWER, 'error': {'type': 'E'}}).encode()",
    "json.dumps({**ANSWER, 'error': {'type': 'E', 'message': [], 'traceback': ''}}).encode()",
    "json.dumps({**ANSWER, 'error': 'E'}).encode()",
    "json.dumps({**ANSWER, 'artifacts': [{}]}).encode()",
    "json.dumps({**ANSWER, 'artifacts': 5}).encode()",
    "json.dumps({**ANSWER, 'artifacts': [{'name': 'n', 'media_type': 'm', 'size': -1}]}).encode()",
    "json.dumps({**ANSWER, 'exit_code': 'x'}).encode()",
    "json.dumps({**ANSWER, 'data': float('nan')}).encode()",
    "b'{\"value\": ' + b'1' * 10_000 + b'}'",
    "b'\\xff\\xfe'",
]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_lies_about_a_snippet_break_the_sandbox(answer: str) -> None:
    told = "{'type': 'done', 'id': run['id'], 'stop': '', 'exit_code': 0, 'signal': None, 'cpu_s': 0, 'alive': True}"
    async with hostile(f"run = take()\nsend({told}, {answer})\ntime.sleep(60)") as (session, link):
        with pytest.raises(SandboxBroken):
            await session.python("1", stateful=True)
        assert link.ended


async def test_an_end_told_twice_breaks_the_sandbox() -> None:
    async with hostile("run = take()\ndone(run)\ndone(run)\ntime.sleep(60)") as (session, _):
        assert (await session.run("true")).ok
        with pytest.raises(SandboxBroken, match="answers nothing"):
            await session.run("true")


async def test_what_is_odd_but_harmless_is_taken_with_care() -> None:
    code = """
        run = take()
        done(run, {**ANSWER, "value": "v" * 50_000, "artifacts": [{"name": "../../x", "media_type": "m", "size": 1}]},
             cpu_s=float("inf"), alive="yes")
        run = take()
        done(run, cpu_s="much")
        take()
    """
    async with hostile(code) as (session, _):
        result = await session.python("1")
        assert (len(result.value or ""), result.cpu_s) == (10_000, None)
        with pytest.raises(FileRefused):
            raise FileRefused(result.artifacts[0].name)
        assert (await session.run("true")).cpu_s is None


async def test_a_supervisor_that_is_silent_about_a_run_is_ended_after_its_wall_time() -> None:
    output = "send({'type': 'output', 'id': run['id'], 'stream': 'stdout'}, b'begun')"
    async with hostile(f"run = take(); {output}; time.sleep(60)") as (session, link):
        start = time.monotonic()
        result = await session.run("true", wall_s=0.3)
        assert (result.stop, result.stdout, result.exit_code) == (Stop.WALL_TIME, "begun", None)
        assert time.monotonic() - start < 3
        assert link.ended


async def test_a_supervisor_that_trickles_is_ended_too() -> None:
    code = "run = take(); raw(b'\\0\\0\\1\\0')\nwhile True: raw(b' '); time.sleep(0.05)"
    async with hostile(code) as (session, link):
        start = time.monotonic()
        assert (await session.run("true", wall_s=0.3)).stop is Stop.WALL_TIME
        assert time.monotonic() - start < 3
        assert link.ended


QUESTIONS: dict[str, Callable[[LiveSession], Awaitable[object]]] = {
    "read": lambda session: session.read("f", max_bytes=1000),
    "write": lambda session: session.write("f", b"x" * 5_000_000),
    "list": lambda session: session.list(),
    "snapshot": lambda session: session.snapshot(),
    "kill": lambda session: session.run("true"),
}


@pytest.mark.parametrize("asked", QUESTIONS)
@pytest.mark.parametrize(
    "code", ["time.sleep(60)", "sys.exit()", "take(); send({'type': 'output', 'id': 1}); time.sleep(60)"]
)
async def test_a_question_about_files_is_not_waited_for_for_ever(asked: str, code: str) -> None:
    async with hostile(code) as (session, link):
        start = time.monotonic()
        if asked == "kill" and code == "time.sleep(60)":
            assert (await QUESTIONS[asked](session)).stop is Stop.WALL_TIME  # type: ignore[attr-defined]
        else:
            with pytest.raises(SandboxBroken):
                await QUESTIONS[asked](session)
        assert time.monotonic() - start < 5
        assert link.ended


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("read", "send({'type': 'part', 'id': q['id']}, b'x' * 2000)"),
        ("read", "while True: send({'type': 'part', 'id': q['id']}, b'x' * 65536)"),
        ("read", "send({'type': 'done', 'id': q['id']})"),
        ("list", "while True: send({'type': 'part', 'id': q['id']}, b'x' * 4_000_000)"),
        ("list", "send({'type': 'part', 'id': q['id']}, b'[[1]]'); send({'type': 'reply', 'id': q['id']})"),
        ("list", "send({'type': 'part', 'id': q['id']}, b'[' * 99999); send({'type': 'reply', 'id': q['id']})"),
        ("list", "send({'type': 'reply', 'id': q['id']})"),
        ("snapshot", "while True: send({'type': 'part', 'id': q['id']}, b'x' * 4_000_000)"),
        ("snapshot", "send({'type': 'reply', 'id': q['id'], 'digest': 5, 'size': 5})"),
        ("snapshot", "send({'type': 'reply', 'id': q['id'], 'digest': 'd' * 64, 'size': -5})"),
    ],
)
async def test_lies_about_files_break_the_sandbox(asked: str, code: str) -> None:
    async with hostile(f"q = take()\n{code}\ntime.sleep(60)") as (session, link):
        tracemalloc.start()
        try:
            with pytest.raises(SandboxBroken):
                await QUESTIONS[asked](session)
            assert tracemalloc.get_traced_memory()[1] < 200_000_000
        finally:
            tracemalloc.stop()
        assert link.ended


async def test_a_supervisor_that_trickles_a_file_is_given_up() -> None:
    code = "q = take()\nwhile True: send({'type': 'part', 'id': q['id']}, b'x'); time.sleep(0.1)"
    async with hostile(code) as (session, link):
        start = time.monotonic()
        with pytest.raises(SandboxBroken, match="did not answer"):
            await session.read("f")
        assert time.monotonic() - start < 5
        assert link.ended


async def test_a_run_leaves_no_task_behind() -> None:
    async with hostile("for _ in range(3): done(take())\ntake()") as (session, _):
        before = len(asyncio.all_tasks())
        for _ in range(3):
            await session.run("true")
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before


async def test_a_refusal_is_quoted_in_part() -> None:
    async with hostile("q = take(); send({'type': 'reply', 'id': q['id'], 'refused': 'no' * 20_000})\ntake()") as (
        session,
        _,
    ):
        with pytest.raises(FileRefused) as caught:
            await session.read("f")
        assert len(str(caught.value)) < 600


async def test_a_killed_run_that_goes_on_costs_the_sandbox() -> None:
    async with hostile("take(); take(); time.sleep(60)") as (session, link):
        running = asyncio.create_task(session.run("true"))
        await asyncio.sleep(0.1)
        await session.kill()
        with pytest.raises(SandboxBroken, match="was killed"):
            await running
        assert link.ended


async def test_cancelling_what_a_silent_supervisor_runs_returns() -> None:
    async with hostile("take(); time.sleep(60)") as (session, link):
        running = asyncio.create_task(session.run("true"))
        await asyncio.sleep(0.1)
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert link.ended


async def test_closing_ends_everything_that_waits() -> None:
    async with hostile("while True: time.sleep(60)") as (session, link):
        waiting = [asyncio.create_task(use) for use in (session.run("true"), session.read("f"), session.python("1"))]
        await asyncio.sleep(0.1)
        await session.close()
        done, _ = await asyncio.wait(waiting, timeout=5)
        assert len(done) == 3
        assert all(isinstance(task.exception(), SessionClosed) for task in waiting)
        assert link.ended


@pytest.mark.parametrize("stop", [Stop.MEMORY, Stop.FILES])
async def test_a_sandbox_that_was_ended_for_what_the_run_did_gives_a_result(stop: Stop) -> None:
    async with hostile(
        "run = take()\nsend({'type': 'output', 'id': run['id'], 'stream': 'stdout'}, b'on')\nsys.exit()"
    ) as (session, link):
        link.reason = stop.value
        result = await session.run("true")
        assert (result.stop, result.stdout, result.exit_code) == (stop, "on", None)
        with pytest.raises(SandboxBroken):
            await session.run("true")


@pytest.mark.parametrize("stop", [Stop.MEMORY, Stop.FILES])
async def test_a_process_killed_from_outside_ends_its_run(stop: Stop) -> None:
    code = "run = take()\nassert take()['type'] == 'kill'\ndone(run, stop='killed', exit_code=None, signal=9)\ntake()"
    async with hostile(code) as (session, link):
        running = asyncio.create_task(session.run("true"))
        await asyncio.sleep(0.2)
        link.kills[stop.value] += 1
        result = await running
        assert (result.stop, result.exit_code, result.signal) == (stop, None, 9)


async def test_a_kill_from_outside_that_the_run_survived_is_no_stop() -> None:
    code = "run = take()\ntime.sleep(0.05)\ndone(run)\nrun = take()\ndone(run, exit_code=137)\ntake()"
    async with hostile(code) as (session, link):
        running = asyncio.create_task(session.run("true"))
        await asyncio.sleep(0.02)
        link.kills["memory"] += 1
        assert (await running).ok
        running = asyncio.create_task(session.run("true"))
        await asyncio.sleep(0)
        assert (await running).exit_code == 137


def test_the_script_of_these_tests_speaks_the_protocol() -> None:
    assert json.loads('{"protocol": 1}')["protocol"] == 1
    assert compile(START, "start", "exec")
