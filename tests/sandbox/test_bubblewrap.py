"""The bubblewrap backend: what the inside is given, what is left at the end, and what is said where it does not run.

Each promise of the module's docstring is tried from inside, or looked at from outside through /proc.
"""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import importlib.util
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox import bubblewrap_link
from sandbox.bubblewrap import Bubblewrap, probe, prune, reason
from sandbox.cgroups import find_tree
from sandbox.contracts import SandboxBroken, SandboxUnavailable
from sandbox.inside import sources
from sandbox.leases import FIRST_UID, processes_of, take_lease
from sandbox.root_folder import ETC, ETC_TEXTS, USR_LINKS, Interpreter, copied_files
from tests.sandbox.namespaced import (
    SMALL,
    held_by,
    held_here,
    needs_bubblewrap,
    needs_root,
    opened,
    printed,
    status,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can read, which pytest's own is not."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


# ---- what it is given


@needs_bubblewrap
@needs_root
async def test_each_sandbox_is_a_user_of_its_own_and_never_root() -> None:
    async with opened() as (one, first), opened() as (_, second):
        users = [status(link.pid)["Uid"].split() for link in (first, second)]
        assert all(len(set(user)) == 1 and int(user[0]) >= FIRST_UID for user in users)
        assert users[0] != users[1]
        assert status(first.pid)["Gid"].split() == users[0]
        assert status(first.pid)["Groups"] == ""
        assert await printed(one, "id -u; id -un; id -G") == "1000\nagent\n1000\n"


@needs_bubblewrap
async def test_no_rights_and_no_way_to_more() -> None:
    async with opened() as (session, link):
        lines = (await printed(session, "cat /proc/self/status")).splitlines()
        inside = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        for found in (inside, status(link.pid)):
            assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
        assert "not permitted" in await printed(session, "unshare --user true")
        mount = "import ctypes; ctypes.CDLL(None, use_errno=True).mount(b'none', b'/tmp', b'tmpfs', 0, 0)"
        assert (await session.python(f"{mount}; ctypes.get_errno()")).data == errno.EPERM


@needs_bubblewrap
async def test_every_namespace_is_its_own() -> None:
    async with opened() as (_, link):
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
            inside, outside = (Path(f"/proc/{pid}/ns/{name}").readlink() for pid in (link.pid, os.getpid()))
            assert inside != outside, name


@needs_bubblewrap
async def test_the_environment_of_the_host_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CANARY", "a secret of the host")
    async with opened() as (session, link):
        bwrap = int(status(link.pid)["PPid"])
        assert Path(f"/proc/{bwrap}/environ").read_bytes() == b""
        names = {line.partition(b"=")[0] for line in Path(f"/proc/{link.pid}/environ").read_bytes().split(b"\0")}
        assert names == {b"PYTHONHASHSEED", b"PWD", b""}
        assert "CANARY" not in await printed(session, "env; cat /proc/[0-9]*/environ")


@needs_bubblewrap
async def test_no_descriptor_of_the_host_is_inherited(folder: Path) -> None:
    (folder / "secret").write_text("of the host")
    with (folder / "secret").open() as secret:
        os.set_inheritable(secret.fileno(), True)
        async with opened() as (session, link):
            held = {str(path.readlink()) for path in Path(f"/proc/{link.pid}/fd").iterdir()}
            assert {name for name in held if "/" in name} == {"/dev/null", "/work"}
            own = (await session.python("import os; sorted(map(int, os.listdir('/proc/self/fd')))")).data
            # Three of its own, two for requests and answers, and one to list.
            assert (own[:3], len(own)) == ([0, 1, 2], 6)
            assert await printed(session, "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done") == "0\n1\n2\n3\n"


@needs_bubblewrap
async def test_of_the_machine_there_is_only_what_programs_need() -> None:
    async with opened() as (session, _):
        folders = ("/", "/etc", "/etc/ssl", "/opt")
        listed = {name: set((await printed(session, f"ls {name}")).split()) for name in folders}
        assert listed["/"] <= {"dev", "etc", "opt", "proc", "tmp", "usr", "work", *USR_LINKS}
        etc = {name.partition("/")[0] for name in ETC if (Path("/etc") / name).exists()}
        assert listed["/etc"] == {*ETC_TEXTS} | etc
        assert listed["/etc/ssl"] <= {"certs", "openssl.cnf"}
        assert listed["/opt"] == {"agentkit"}
        for path in (Path(__file__).parents[2], Path.home(), Path("/var"), Path("/run"), Path("/sys")):
            assert not (await session.run(["test", "-e", str(path)])).ok, path
        assert (await printed(session, "cut -d: -f1 /etc/passwd")).split() == ["root", "agent", "nobody"]


@needs_bubblewrap
async def test_it_can_write_in_three_folders_only(folder: Path) -> None:
    async with opened(packages=folder) as (session, _):
        others = "/ /etc /usr /usr/bin /dev /opt/agentkit /proc/sys/kernel /packages"
        tried = await printed(session, f"for d in {others}; do touch $d/x && echo written $d; done")
        assert tried.count("touch: ") == len(others.split())
        assert "written" not in tried
        tried = await printed(session, "for d in /work /tmp /dev/shm; do touch $d/x && echo $d; done")
        assert tried.split() == ["/work", "/tmp", "/dev/shm"]
        assert "Read-only" in await printed(session, "chmod 777 /opt/agentkit/supervisor.py")
        assert "Read-only" in await printed(session, "rm -f /etc/passwd")


@needs_bubblewrap
async def test_it_has_a_loopback_of_its_own_and_no_other_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with opened() as (session, _):
            names = "sorted(line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:])"
            assert (await session.python(names)).data == ["lo"]
            code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=5)"
            refused = (await session.python(code)).error
            assert refused is not None
            assert refused.type == "ConnectionRefusedError"
            own = "s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); 1"
            assert (await session.python(f"import socket; {own}")).data == 1


@needs_bubblewrap
async def test_packages_are_there_to_import_and_not_to_change(folder: Path) -> None:
    (folder / "chosen.py").write_text("ANSWER = 42\n")
    async with opened(packages=folder) as (session, _):
        assert (await session.python("import chosen; chosen.ANSWER")).data == 42
        line = "python3 -c 'import chosen; print(chosen.__file__)'"
        assert await printed(session, line) == "/packages/chosen.py\n"


@needs_bubblewrap
async def test_packages_that_the_sandbox_cannot_see_are_refused(folder: Path) -> None:
    before = held_here()
    (folder / "file").touch()
    with pytest.raises(SandboxUnavailable, match=f"{folder}/absent.*every user can read"):
        await Bubblewrap(packages=folder / "absent").open()
    with pytest.raises(SandboxUnavailable, match=f"{folder}/file.*expected a folder"):
        await Bubblewrap(packages=folder / "file").open()
    if os.geteuid() == 0:
        (folder / "inner").mkdir()
        folder.chmod(0o700)
        with pytest.raises(SandboxUnavailable, match="closed to others: chmod"):
            await Bubblewrap(packages=folder / "inner").open()
    assert held_here() == before


@needs_bubblewrap
async def test_the_interpreter_can_be_chosen(folder: Path) -> None:
    (folder / "python").symlink_to("/usr/bin/python3")
    sandbox = Bubblewrap(python=str(folder / "python"))
    async with await sandbox.open(SMALL) as session:
        assert (await session.python("1 + 1")).data == 2
    with pytest.raises(SandboxUnavailable, match=f"{folder}/absent is absent"):
        await Bubblewrap(python=str(folder / "absent")).open()
    with pytest.raises(SandboxUnavailable, match="/usr/bin/env does not run as Python"):
        await Bubblewrap(python="/usr/bin/env").open()
    (folder / "old").write_text('#!/bin/sh\necho \'["/usr/bin/old", "/usr", [3, 8], "00"]\'\n')
    (folder / "old").chmod(0o755)
    with pytest.raises(SandboxUnavailable, match=r"Python 3\.8; 3\.9 or later"):
        await Bubblewrap(python=str(folder / "old")).open()


@needs_bubblewrap
def test_byte_code_goes_along_for_an_interpreter_that_takes_it() -> None:
    ours = Interpreter(Path("/usr/bin/python3"), Path("/usr"), (3, 11), importlib.util.MAGIC_NUMBER.hex())
    files = copied_files(ours)
    compiled = files["/opt/agentkit/__pycache__/service.cpython-311.pyc"]
    assert compiled[:4] == importlib.util.MAGIC_NUMBER
    assert compiled[4:8] == b"\1\0\0\0"  # told by its hash, which is not compared
    assert marshal.loads(compiled[16:]).co_filename == "/opt/agentkit/service.py"
    assert files["/opt/agentkit/service.py"] == sources()["service.py"]
    others = copied_files(dataclasses.replace(ours, magic="00000000"))
    assert {name for name in files if name not in others} == {name for name in files if name.endswith(".pyc")}


# ---- the end


@needs_bubblewrap
async def test_nothing_is_left_after_close() -> None:
    before = held_here()
    for _ in range(3):
        async with opened() as (session, link):
            await session.run("sleep 1000 & disown; setsid sleep 1000 &")
            assert held_here() > before
        assert await link.wait() == "killed"
        assert link._next_look is not None
        assert link._next_look.cancelled()
        with pytest.raises(ProcessLookupError):
            os.kill(link.pid, 0)
        await link.kill()
    assert held_here() == before


@needs_bubblewrap
async def test_eight_at_once_leave_nothing() -> None:
    before = held_here()
    sandbox = Bubblewrap()

    async def work(number: int) -> object:
        async with await sandbox.open(SMALL) as session:
            return (await session.python(f"{number} * 2")).data

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(number)) for number in range(8)]
    assert [task.result() for task in tasks] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert held_here() == before


@needs_bubblewrap
async def test_opening_can_be_cancelled_at_any_moment() -> None:
    before = held_here()
    cancelled = 0
    for step in range(16):
        with suppress(TimeoutError):
            cancelled += 1
            async with asyncio.timeout(0.002 * step):
                await (await Bubblewrap().open(SMALL)).close()
            cancelled -= 1
    assert cancelled > 5
    assert held_here() == before


@needs_bubblewrap
async def test_the_end_goes_on_when_whoever_wanted_it_is_cancelled() -> None:
    before = held_here()
    link = await Bubblewrap().launch(SMALL)
    killing = asyncio.create_task(link.kill())
    await asyncio.sleep(0)
    killing.cancel()
    with suppress(asyncio.CancelledError):
        await killing
    await link.kill()
    assert held_here() == before


@needs_bubblewrap
async def test_a_supervisor_that_is_killed_is_a_broken_sandbox() -> None:
    before = held_here()
    async with opened() as (session, link):
        os.kill(link.pid, 9)
        with pytest.raises(SandboxBroken):
            await session.run("true")
        assert await link.wait() == ""
    assert held_here() == before


CLAIMS = {
    "gone/python": "Can't find source path",  # bwrap fails
    "ls": "ls: unrecognized option",  # what it starts is no supervisor
}


@needs_bubblewrap
@pytest.mark.parametrize("claim", CLAIMS)
async def test_what_does_not_begin_is_told_with_its_complaint(folder: Path, claim: str) -> None:
    before = held_here()
    place = Path("/usr/bin") if claim == "ls" else folder
    (folder / "python").write_text(f"""#!/bin/sh\necho '["{place / claim}", "{folder / "gone"}", [3, 9], "00"]'\n""")
    (folder / "python").chmod(0o755)
    with pytest.raises(SandboxUnavailable, match=f"does not start: .*{CLAIMS[claim]}"):
        await Bubblewrap(python=str(folder / "python")).open(SMALL)
    assert held_here() == before


HOST = """
import asyncio
from sandbox.bubblewrap import Bubblewrap
async def main():
    session = await Bubblewrap().open()
    print("open", flush=True)
    await session.run("setsid sleep 1000 & sleep 1000")
asyncio.run(main())
"""


@needs_bubblewrap
async def test_a_host_that_is_killed_leaves_nothing_running_and_prune_frees_the_rest(root: Path) -> None:
    groups = [4, 24] if os.geteuid() == 0 else None
    command = [sys.executable, "-c", HOST]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, extra_groups=groups) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "open\n"
        await asyncio.sleep(0.1)
        (number,) = {name.partition(" ")[2] for name in held_by(host.pid) if name.startswith("lease")}
        uid = FIRST_UID + int(number)
        if groups:
            assert len(processes_of(uid)) >= 4
            assert {status(pid)["Groups"] for pid in processes_of(uid)} == {""}
        host.kill()
    end = time.monotonic() + 10
    while os.geteuid() == 0 and processes_of(uid):
        assert time.monotonic() < end, "the sandbox outlives its host"
        await asyncio.sleep(0.01)
    assert f"bubblewrap sandbox-{number}" in prune()
    assert held_by(host.pid) == set()


@needs_root
def test_prune_kills_what_still_runs_as_the_user_of_a_dead_host() -> None:
    lease = take_lease()
    with subprocess.Popen(["sleep", "600"], user=lease.uid, group=lease.uid) as left:
        lease.abandon()
        assert f"bubblewrap {lease.name}" in prune()
        assert left.wait(timeout=10) == -signal.SIGKILL
    assert not lease.path.exists()


@needs_bubblewrap
@pytest.mark.skipif(find_tree() is None, reason="control groups cannot be written")
async def test_a_group_that_does_not_empty_is_left_to_prune(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap_link, "EMPTY_CHECKS", 3)
    before = held_here()
    async with opened() as (_, link):
        assert link._group is not None
        stray = subprocess.Popen(["sleep", "600"])
        link._group.add(stray.pid)
    assert {name.partition(" ")[0] for name in held_here() - before} == {"lease", "group", "child"}
    assert f"bubblewrap sandbox-{link._lease.number}" in prune()
    assert stray.wait(timeout=10) == -signal.SIGKILL
    assert held_here() == before


@needs_bubblewrap
async def test_prune_leaves_live_sandboxes_alone() -> None:
    async with opened() as (session, _):
        held = held_by(os.getpid())
        prune()
        assert held_by(os.getpid()) == held
        assert (await session.python("1")).data == 1


AS_A_USER = """
import asyncio, os
from sandbox.bubblewrap import Bubblewrap, probe, prune
from sandbox.contracts import MIB, Limits, Stop
from sandbox.leases import state_folder
async def main():
    print(probe() or "runs", os.getuid())
    limits = Limits(memory_bytes=128 * MIB, processes=20, files=500)
    async with await Bubblewrap().open(limits) as one, await Bubblewrap().open(limits) as two:
        print((await one.run("id -u")).stdout.strip())
        print((await one.run(["python3", "-c", "held = bytearray(300 << 20)"])).stop)
        print((await one.run("for i in $(seq 100000); do : > $i; done; sleep 60")).stop)
        forks = "import os, time\\nfor n in range(99):\\n    try: os.fork() or time.sleep(60)\\n    except OSError: "
        print((await one.run(["python3", "-c", forks + "break\\nprint(n)"])).stdout.strip())
        print((await two.run("ls -d /proc/[0-9]* | wc -l")).stdout.strip())
        print((await one.python("1 + 1")).value, len(prune()))
    print(list(state_folder().iterdir()))
asyncio.run(main())
"""


@needs_bubblewrap
@needs_root
def test_it_runs_for_users_that_are_not_root(root: Path, folder: Path) -> None:
    python, user = "/usr/bin/python3", 1234567
    as_user = {"user": user, "group": user, "extra_groups": [], "env": {"XDG_RUNTIME_DIR": str(folder)}, "cwd": root}
    able = subprocess.run([python, "-c", "import sandbox.bubblewrap"], **as_user, capture_output=True)  # type: ignore[call-overload]
    if able.returncode:
        pytest.skip(f"{python} is older than 3.11, or other users cannot read this folder")
    os.chown(folder, user, user)
    ran = subprocess.run([python, "-c", AS_A_USER], **as_user, capture_output=True, text=True, timeout=60)  # type: ignore[call-overload]
    expected = [f"runs {user}", "1000", "Stop.MEMORY", "Stop.FILES", "20", "4", "2 0", "[]"]
    assert ran.stdout.splitlines() == expected, ran.stderr


# ---- where it does not run


def test_a_missing_program_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "bwrap is not installed: apt-get install bubblewrap" in probe()


@needs_bubblewrap
def test_where_it_runs_the_probe_says_nothing() -> None:
    assert probe() == ""


@needs_bubblewrap
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is absent: apt-get install util-linux")
def test_a_machine_without_user_namespaces_is_told_how_to_have_them(root: Path) -> None:
    code = "from sandbox.bubblewrap import probe; print(probe())"
    line = f"echo 0 > /proc/sys/user/max_user_namespaces; exec {sys.executable} -c '{code}'"
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", line]
    tried = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert "sysctl -w user.max_user_namespaces=" in tried.stdout, tried.stderr


CASES = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "bwrap-userns-restrict"),
    "user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=15000"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_switch_is_told_apart(tmp_path: Path, name: str) -> None:
    value, mend = CASES[name]
    switch = tmp_path / "proc" / "sys" / name
    switch.parent.mkdir(parents=True)
    switch.write_text(f"{value}\n")
    complaint = "bwrap: No permissions to create new namespace"
    assert mend in reason(complaint, root=tmp_path)
    assert mend not in reason("ls: no such option", root=tmp_path)
    switch.write_text("7\n")
    assert reason(complaint, root=tmp_path) == f"bubblewrap does not start: {complaint}"


def test_a_container_and_an_old_bubblewrap_are_told_apart(tmp_path: Path) -> None:
    assert "other than root" in reason("setpriv: setresuid failed: Invalid argument", root=tmp_path)
    assert "too old" in reason("bwrap: Unknown option --disable-userns", root=tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").touch()
    assert "seccomp=unconfined" in reason("bwrap: Creating new namespace failed: not permitted", root=tmp_path)
    assert "container" not in reason("bwrap: Can't find source path /x: No such file", root=tmp_path)
