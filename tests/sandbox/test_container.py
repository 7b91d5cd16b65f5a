"""What the container backend promises beyond the contract that all backends share.

- The main process's output is taken out of the engine's stream whole, whatever pieces it comes in.
- Rights, mounts, network and system calls are what the module says, as seen from inside.
- Limits hold for the session as a whole, and a kill for memory is reported as one.
- No container outlives its session: not closed, not cancelled while opening, not after a crash of its process.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docker
import pytest

from sandbox.container import LABEL, Container, prune
from sandbox.contracts import MIB, Limits, Network, SandboxBroken, SandboxUnavailable, Session, SessionClosed, Stop
from sandbox.engine import Engine, connect, probe
from sandbox.image import HOST_BASE

pytestmark = pytest.mark.skipif(bool(probe()), reason=probe())

SMALL = Limits(memory_bytes=128 * MIB, processes=16, file_bytes=8 * MIB, files=50, wall_s=20)


@pytest.fixture
async def container() -> AsyncIterator[Container]:
    sandbox = Container(base=HOST_BASE)
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def session(container: Container) -> AsyncIterator[Session]:
    async with await container.open(SMALL) as opened:
        yield opened


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = connect()
    yield found
    found.close()


def containers(engine: Engine, *, pid: int | None = None) -> list[dict]:
    """The containers that a process opened, running or not; by default this one."""
    found = engine.api.containers(all=True, filters={"label": LABEL})
    return [each for each in found if json.loads(each["Labels"][LABEL])["pid"] == (pid or os.getpid())]


async def evaluate(session: Session, expression: str) -> object:
    result = await session.python(expression)
    assert result.ok, (expression, result)
    return result.data


# ---- rights, as seen from inside


async def test_it_has_no_rights(session: Session) -> None:
    status = (await session.run(["cat", "/proc/self/status"])).stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    capabilities = {name: int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert set(capabilities.values()) == {0}, capabilities
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert {int(number) for number in fields["Uid"].split()} & set(range(50_000)) == set()


async def test_only_the_sized_folders_can_be_written(session: Session) -> None:
    code = """
import os
found = {}
for line in open("/proc/mounts"):
    device, place, kind, options = line.split()[:4]
    try:
        with open(os.path.join(place, ".try"), "w") as file:
            os.unlink(file.name)
        found[place] = sorted({"nosuid", "nodev", "ro"} & set(options.split(",")))
    except OSError:
        pass
found
"""
    writable = await evaluate(session, code)
    assert isinstance(writable, dict)
    # The engine's folder of message queues takes files too; that their number is limited to none keeps it empty.
    assert set(writable) - {"/dev/mqueue"} == {"/dev/shm", "/tmp", "/work"}
    assert [place for place, options in writable.items() if options != ["nodev", "nosuid"]] == []
    (root,) = [
        line for line in (await session.run(["cat", "/proc/mounts"])).stdout.splitlines() if line.split()[1] == "/"
    ]
    assert "ro" in root.split()[3].split(",")


async def test_nothing_of_this_machine_is_there(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = (await session.run(["cat", "/proc/1/environ"])).stdout
    assert str(Path.home()) not in environment
    assert not {"DOCKER_HOST", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV"} & {
        entry.partition("=")[0] for entry in environment.split("\0")
    }
    assert await evaluate(session, "__import__('os').path.exists('/var/run/docker.sock')") is False
    assert await evaluate(session, "__import__('os').listdir('/sys/class/net')") == ["lo"]


DENIED_CALLS = {
    "io_uring_setup(1, 0)": 425,
    "ptrace(PTRACE_TRACEME)": 101,
    "keyctl(KEYCTL_GET_KEYRING_ID)": 250,
    "userfaultfd(0)": 323,
    "unshare(0)": 272,
    "mount(0)": 165,
    "bpf(0)": 321,
    "perf_event_open(0)": 298,
    "name_to_handle_at(0)": 303,
    "one that no kernel has": 999,
}
"""By number on x86-64."""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are those of x86-64")
async def test_dangerous_calls_are_refused(session: Session) -> None:
    code = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(number, *arguments)
    return errno.errorcode.get(ctypes.get_errno())
"""
    refused = await evaluate(session, code + f"[call(n, 0, 0, 0, 0, 0) for n in {list(DENIED_CALLS.values())}]")
    assert isinstance(refused, list)
    assert dict(zip(DENIED_CALLS, refused[:-1], strict=False)) == dict.fromkeys(list(DENIED_CALLS)[:-1], "EPERM")
    assert refused[-1] in ("EPERM", "ENOSYS")
    assert await evaluate(session, code + "call(435, 0, 0)") == "ENOSYS"  # clone3
    new_users = await evaluate(session, code + "call(56, 0x10000000 | 17, 0, 0, 0, 0)")  # clone
    assert new_users in ("EPERM", "ENOSYS")


async def test_sockets_are_those_of_the_internet_only(session: Session) -> None:
    code = """
import socket
def opens(*kind):
    try:
        socket.socket(*kind).close()
        return True
    except OSError:
        return False
{name: opens(*kind) for name, kind in {
    "tcp": (2, 1), "udp": (2, 2 | socket.SOCK_NONBLOCK), "tcp6": (10, 1),
    "raw": (2, 3, 1), "unix": (1, 1), "netlink": (16, 3), "vsock": (40, 1), "packet": (17, 3), "alg": (38, 5)}.items()}
"""
    opened = await evaluate(session, code)
    assert isinstance(opened, dict)
    assert {name for name, yes in opened.items() if yes} == {"tcp", "udp", "tcp6"}
    pair = "import socket; a, b = socket.socketpair(); a.send(b'1'); b.recv(1).decode()"
    assert await evaluate(session, pair) == "1"


async def test_threads_and_processes_work_under_the_filter(session: Session) -> None:
    code = """
import concurrent.futures, multiprocessing, subprocess
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    threads = list(pool.map(abs, [-1, -2]))
with multiprocessing.get_context("fork").Pool(2) as pool:
    processes = pool.map(abs, [-3, -4])
[threads, processes, subprocess.check_output(["echo", "5"], text=True)]
"""
    assert await evaluate(session, code) == [[1, 2], [3, 4], "5\n"]


async def test_what_cannot_be_seen_from_inside_is_what_the_engine_was_told(session: Session, engine: Engine) -> None:
    (opened,) = containers(engine)
    told = engine.api.inspect_container(opened["Id"])["HostConfig"]
    # With a log the engine would keep on this machine's disk whatever the session says.
    assert told["LogConfig"]["Type"] in ("none", "null")
    assert (told["Privileged"], told["NetworkMode"]) == (False, "none")
    assert told["IpcMode"] in ("private", "shareable")  # its own in both cases
    assert told["Memory"] == told["MemorySwap"] == SMALL.memory_bytes
    ulimits = {limit["Name"].lower().removeprefix("rlimit_"): limit["Hard"] for limit in told["Ulimits"]}
    assert (ulimits["core"], ulimits["msgqueue"]) == (0, 0)


# ---- limits


async def test_memory_is_limited_and_the_session_goes_on(session: Session) -> None:
    result = await session.run(["python3", "-c", "x = bytearray(300 << 20)"])
    assert (result.stop, result.ok) == (Stop.MEMORY, False)
    assert "memory" in result.detail
    assert (await session.run(["echo", "alive"])).stdout == "alive\n"


async def test_processes_together_cannot_have_more_memory_than_one(session: Session) -> None:
    each = "import time; x = bytearray(40 << 20); time.sleep(3)"
    result = await session.run(f"for i in 1 2 3 4 5; do python3 -c '{each}' & done; wait; exit 1", wall_s=15)
    assert result.stop is Stop.MEMORY


async def test_processes_are_limited(session: Session) -> None:
    code = """
import os, signal
children = []
try:
    while len(children) < 100:
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
except OSError:
    pass
len(children)
"""
    started = await evaluate(session, code)
    assert isinstance(started, int)
    assert 5 <= started <= SMALL.processes
    assert (await session.run(["echo", "alive"])).stdout == "alive\n"


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
async def test_files_are_limited_in_number_and_size(session: Session, engine: Engine, folder: str) -> None:
    if engine.kind == "podman":
        pytest.skip("Podman 4 cannot limit how many files a tmpfs takes; its memory is what limits them there")
    code = f"""
import errno, os
os.chdir({folder!r})
made = 0
try:
    for made in range(1000):
        open(f"file{{made}}", "w").close()
except OSError as error:
    number = errno.errorcode[error.errno]
for name in range(made):
    os.unlink(f"file{{name}}")
size = 0
try:
    for part in range(100):
        with open(f"part{{part}}", "wb", buffering=0) as file:
            for _ in range(16):
                size += file.write(bytes(1 << 16))
except OSError as error:
    number += " " + errno.errorcode[error.errno]
[made, size, number]
"""
    made, size, errors = await evaluate(session, code)  # type: ignore[misc]
    assert SMALL.files - 5 <= made <= SMALL.files
    assert SMALL.file_bytes - MIB <= size <= SMALL.file_bytes
    assert errors == "ENOSPC ENOSPC"


async def test_the_share_of_the_processor_is_limited() -> None:
    sandbox = Container(base=HOST_BASE, cpus=0.25)
    code = (
        "import time; start = time.monotonic(), time.process_time()\nwhile time.process_time() - start[1] < 0.3: pass\n"
    )
    async with await sandbox.open(SMALL) as session:
        took = await evaluate(session, code + "time.monotonic() - start[0]")
    await sandbox.close()
    assert isinstance(took, float)
    assert took > 0.9  # 0.3 s of processor at a quarter, less one period's slack


async def test_fewer_than_a_hundredth_of_a_processor_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cpus=0: expected 0\.01 or more"):
        Container(cpus=0)


# ---- what is shared, and what is not


async def test_two_sessions_share_nothing(container: Container) -> None:
    async with await container.open(SMALL) as one, await container.open(SMALL) as other:
        await one.write("note.txt", "mine")
        await one.run("echo mine > /tmp/note; echo mine > /dev/shm/note")
        assert await other.list() == ()
        assert (await other.run("ls -A /tmp /dev/shm /work")).stdout.split() == ["/dev/shm:", "/tmp:", "/work:"]
        assert await evaluate(one, "__import__('os').getpid()") is not None
        assert (await other.run("ps -e | wc -l")).stdout.strip() in {"3", "4", "5"}


async def test_packages_can_be_imported_and_not_changed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "greeting.py").write_text("word = 'hello'\n")
    (tmp_path / "greeting.py").chmod(0o666)
    sandbox = Container(base=HOST_BASE, packages=tmp_path)
    async with await sandbox.open(SMALL) as session:
        assert await evaluate(session, "import greeting; greeting.word") == "hello"
        assert (await session.run(["python3", "-c", "import greeting; print(greeting.word)"])).stdout == "hello\n"
        assert "Read-only" in (await session.run("echo >> /packages/greeting.py")).stderr
    await sandbox.close()
    assert [path.name for path in tmp_path.iterdir()] == ["greeting.py"]


async def test_an_allowed_host_is_reached_and_no_other(container: Container, root: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        place = f"127.0.0.1:{server.server_port}"
        get = f"from urllib.request import urlopen; urlopen('http://{place}/', timeout=10).status"
        direct = f"import socket; socket.create_connection(('127.0.0.1', {server.server_port}), timeout=5)"
        async with await container.open(SMALL, network=Network((place,))) as session:
            assert await evaluate(session, get) == 200
            assert (await session.python(direct)).error is not None
        async with await container.open(SMALL, network=Network(("127.0.0.1:1",))) as session:
            assert (await session.python(get)).error is not None
        async with await container.open(SMALL) as session:
            assert (await session.python(get)).error is not None
        server.shutdown()


async def test_many_sessions_open_at_once_and_outlive_their_sandbox(engine: Engine) -> None:
    sandbox = Container(base=HOST_BASE)
    async with asyncio.TaskGroup() as group:
        opening = [group.create_task(sandbox.open(SMALL)) for _ in range(4)]
    await sandbox.close()
    await sandbox.close()
    for number, task in enumerate(opening):
        assert (await task.result().run(["echo", str(number)])).stdout == f"{number}\n"
    assert len(containers(engine)) == 4
    async with asyncio.TaskGroup() as group:
        for task in opening:
            group.create_task(task.result().close())
    assert containers(engine) == []


# ---- how it ends


async def test_close_removes_the_container(container: Container, engine: Engine) -> None:
    session = await container.open(SMALL)
    assert len(containers(engine)) == 1
    await session.close()
    await session.close()
    assert containers(engine) == []
    with pytest.raises(SessionClosed):
        await session.run(["true"])


async def test_descriptors_are_given_back_without_waiting_for_the_garbage(container: Container) -> None:
    async def open_and_close(times: int) -> int:
        for _ in range(times):
            await (await container.open(SMALL)).close()
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()
    gc.disable()
    try:
        before, after = await open_and_close(4), await open_and_close(8)
    finally:
        gc.enable()
    assert after - before < 5  # the SDK's own few connections, which it uses again


async def test_a_container_that_dies_breaks_its_session_only(container: Container, engine: Engine) -> None:
    async with await container.open(SMALL) as one, await container.open(SMALL) as other:
        names = {each["Names"][0] for each in containers(engine)}
        running = asyncio.create_task(one.run(["sleep", "15"]))
        await asyncio.sleep(0.3)
        victim = next(each for each in containers(engine) if "sleep" in str(engine.api.top(each["Id"])))
        engine.api.kill(victim["Id"])
        with pytest.raises(SandboxBroken):
            await running
        assert (await other.run(["echo", "alive"])).stdout == "alive\n"
        assert len(names) == 2
    assert containers(engine) == []


PROGRAM = """#!/usr/bin/python3
import sys
sys.stderr.write("about to end")
sys.stderr.flush()
sys.stdin.readline()
{last}
"""


@pytest.mark.parametrize(("last", "reason"), [("bytearray(300 << 20)", "memory"), ("sys.exit(3)", "")])
async def test_the_link_says_how_the_main_process_ended(tmp_path: Path, engine: Engine, last: str, reason: str) -> None:
    if engine.kind == "podman" and reason:
        pytest.skip("Podman 4 does not say that a container died for want of memory")
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(last=last))
    for path in (tmp_path, program):
        path.chmod(0o755)
    sandbox = Container(base=HOST_BASE, packages=tmp_path, python="/packages/program")
    link = await sandbox.launch(SMALL)
    assert (link.oom_kills(), link.file_kills()) == (0, 0)
    link.write(b"go on\n")
    assert await link.reader.read() == b""
    assert await link.wait() == reason
    with pytest.raises(SandboxBroken, match="about to end"):
        await link.drain()
    await link.kill()
    await link.kill()
    assert await link.wait() == reason
    await sandbox.close()


async def test_the_link_says_that_it_was_killed(container: Container) -> None:
    link = await container.launch(SMALL)
    waiting = asyncio.create_task(link.wait())
    await link.kill()
    await link.kill()
    assert await waiting == "killed"
    assert link.oom_kills() == 0


async def test_a_kill_that_fails_is_logged_and_left_to_prune(
    container: Container, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    link = await container.launch(SMALL)
    nobody = docker.APIClient("tcp://127.0.0.1:1", version="1.41")
    link._engine = dataclasses.replace(engine, api=nobody)
    await link.kill()
    nobody.close()
    assert "is left behind: removing the container" in caplog.text
    engine.api.remove_container(containers(engine)[0]["Id"], force=True)


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.2])
async def test_an_opening_that_is_cancelled_leaves_nothing(
    container: Container, engine: Engine, after_s: float
) -> None:
    await (await container.open(SMALL)).close()  # the image and the engine are there
    opening = asyncio.create_task(container.open(SMALL))
    await asyncio.sleep(after_s)
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await opening).close()
    assert containers(engine) == []


async def test_limits_that_no_engine_takes_are_the_providers_failure(container: Container, engine: Engine) -> None:
    with pytest.raises(SandboxUnavailable, match="memory"):
        await container.open(Limits(memory_bytes=1000))
    assert containers(engine) == []


CRASH = """
import asyncio, sys
from sandbox.container import Container
from sandbox.contracts import MIB, Limits
async def main():
    session = await Container(base="host").open(Limits(memory_bytes=128 * MIB))
    print("open", flush=True)
    await session.run(["sleep", "1000"])
asyncio.run(main())
"""


@pytest.fixture
def crashed(root: Path) -> int:
    """The number of a process that opened a session, ran something long, and was killed."""
    process = subprocess.Popen([sys.executable, "-c", CRASH], cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process:
        assert process.stdout.readline() == "open\n"
        process.send_signal(signal.SIGKILL)
    return process.pid


async def test_a_crash_of_the_host_ends_the_sandbox_and_prune_removes_it(
    container: Container, engine: Engine, crashed: int
) -> None:
    async with await container.open(SMALL) as session:
        for _ in range(100):
            states = [each["State"] for each in containers(engine, pid=crashed)]
            if states == ["exited"]:
                break
            await asyncio.sleep(0.05)
        assert states == ["exited"]
        removed = await asyncio.to_thread(prune)
        assert [name for name in removed if f"agentkit-{crashed}-" in name]
        assert containers(engine, pid=crashed) == []
        assert (await session.run(["echo", "alive"])).stdout == "alive\n"


async def test_prune_leaves_containers_of_other_machines(container: Container, engine: Engine) -> None:
    await (await container.open(SMALL)).close()
    owner = {"machine": "another", "boot": "then", "pid": 1, "started": 1}
    name = engine.api.create_container(container._image, labels={LABEL: json.dumps(owner)})["Id"]
    try:
        await asyncio.to_thread(prune)
        assert engine.api.inspect_container(name)["Id"] == name
    finally:
        engine.api.remove_container(name)


def test_prune_without_an_engine_has_nothing_to_do() -> None:
    assert prune("unix:///nowhere/docker.sock") == []
