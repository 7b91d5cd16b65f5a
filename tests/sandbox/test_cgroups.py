"""Control groups: the real ones of this machine where they can be written, and both layouts on made-up trees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cgroups import ControlGroup, Tree, find_tree, remove_group
from sandbox.contracts import MIB, Limits

LIMITS = Limits(memory_bytes=64 * MIB, processes=10)
NAME = f"test-{os.getpid()}"


@pytest.fixture
def tree() -> Tree:
    found = find_tree()
    if found is None:
        pytest.skip("no control groups can be written here: be root outside a container")
    return found


@pytest.fixture
def group(tree: Tree) -> Iterator[ControlGroup]:
    made = tree.make(NAME, LIMITS, own=2)
    yield made
    for _ in range(200):
        if made.remove():
            return
        time.sleep(0.01)
    pytest.fail(f"the group {made} was not removed")


def start_in(group: ControlGroup, code: str) -> subprocess.Popen[str]:
    """Python in the group, which begins once it is there."""
    started = subprocess.Popen(
        [sys.executable, "-c", f"input()\n{code}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    group.add(started.pid)
    return started


def test_memory_of_all_processes_together_has_a_limit(group: ControlGroup) -> None:
    code = "import os\nfor _ in range(4):\n    if os.fork() == 0:\n        held = os.urandom(25 << 20); input()\n"
    assert group.oom_kills() == 0
    started = start_in(group, code + "for _ in range(4): print(os.wait()[1])\n")
    output, _ = started.communicate("\n\n\n\n\n", timeout=60)
    killed = output.split().count(str(int(signal.SIGKILL)))
    assert killed >= 1
    assert group.oom_kills() == killed


def test_processes_and_threads_have_a_limit(group: ControlGroup) -> None:
    code = (
        "import os, threading, time\n"
        "pids = []\n"
        "try:\n"
        "    while len(pids) < 50:\n"
        "        pids.append(os.fork())\n"
        "        if pids[-1] == 0: time.sleep(60)\n"
        "except OSError as error: print(len(pids), error.errno)\n"
        "for pid in pids: os.kill(pid, 9)\n"
    )
    output, _ = start_in(group, code).communicate("\n", timeout=60)
    assert output.split() == [str(LIMITS.processes + 2 - 1), "11"]


def test_a_group_with_a_process_in_it_stays(group: ControlGroup) -> None:
    started = start_in(group, "")
    assert not group.remove()
    assert any(folder.exists() for folder in group.folders)
    started.communicate("\n", timeout=60)


def test_a_group_that_is_gone_counts_as_removed_and_kills_nothing(tree: Tree) -> None:
    made = tree.make(NAME, LIMITS, own=2)
    assert made.remove()
    assert made.remove()
    assert made.oom_kills() == 0


# ---- made-up trees


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def make_proc(root: Path, *, mounts: str, own: str = "") -> Path:
    write(root / "proc" / "self", mounts=mounts, cgroup=own)
    return root / "proc"


HANDS_DOWN = {
    "cgroup__controllers": "cpu memory pids\n",
    "cgroup__procs": "",
    "cgroup__subtree_control": "memory pids\n",
}


def version_2(root: Path, own: str = "0::/user.slice/app.slice/work.scope\n") -> Path:
    cgroup = root / "cgroup"
    return make_proc(root, mounts=f"proc /proc proc rw 0 0\ncgroup2 {cgroup} cgroup2 rw,nosuid 0 0\n", own=own)


def test_version_2_uses_the_nearest_folder_that_hands_memory_and_pids_down(tmp_path: Path) -> None:
    proc, cgroup = version_2(tmp_path), tmp_path / "cgroup"
    for folder in (cgroup, cgroup / "user.slice" / "app.slice"):
        write(folder, **HANDS_DOWN)
        write(folder / "agentkit", **HANDS_DOWN)
    write(cgroup / "user.slice" / "app.slice" / "work.scope", cgroup__controllers="cpu\n", cgroup__procs="")
    expected = cgroup / "user.slice" / "app.slice" / "agentkit"
    assert find_tree(proc) == Tree(2, expected, expected)


def test_version_2_switches_controllers_on(tmp_path: Path) -> None:
    proc, cgroup = version_2(tmp_path, own="0::/\n"), tmp_path / "cgroup"
    write(cgroup, **HANDS_DOWN | {"cgroup__subtree_control": "cpu\n"})
    write(cgroup / "agentkit", **HANDS_DOWN | {"cgroup__subtree_control": "\n"})
    assert find_tree(proc) == Tree(2, cgroup / "agentkit", cgroup / "agentkit")
    for folder in (cgroup, cgroup / "agentkit"):
        assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_version_2_sets_limits_and_counts_kills(tmp_path: Path) -> None:
    write(tmp_path / "one", memory__swap__max="max\n", memory__events="low 0\noom 7\noom_kill 3\noom_group_kill 0\n")
    group = Tree(2, tmp_path, tmp_path).make("one", LIMITS, own=2)
    group.add(4711)
    told = {path.name: path.read_text() for path in (tmp_path / "one").iterdir() if path.name != "memory.events"}
    assert told == {"memory.max": "67108864", "memory.swap.max": "0", "pids.max": "12", "cgroup.procs": "4711"}
    assert group.oom_kills() == 3
    assert group.folders == (tmp_path / "one",)


def test_version_1_sets_limits_and_counts_kills(tmp_path: Path) -> None:
    write(tmp_path / "m" / "one", memory__memsw__limit_in_bytes="0", memory__oom_control="under_oom 0\noom_kill 2\n")
    group = Tree(1, tmp_path / "m", tmp_path / "p").make("one", LIMITS, own=2)
    group.add(4711)
    told = {path.name: path.read_text() for folder in group.folders for path in folder.iterdir()}
    assert told == {
        "memory.limit_in_bytes": "67108864",
        "memory.memsw.limit_in_bytes": "67108864",
        "memory.oom_control": "under_oom 0\noom_kill 2\n",
        "pids.max": "12",
        "cgroup.procs": "4711",
    }
    assert group.oom_kills() == 2


def test_version_1_is_found_by_its_controllers(tmp_path: Path) -> None:
    lines = [f"cgroup {tmp_path / name} cgroup rw,relatime,{name} 0 0" for name in ("cpu,cpuacct", "memory", "pids")]
    for name in ("memory", "pids"):
        write(tmp_path / name / "agentkit", cgroup__procs="")
    proc = make_proc(tmp_path, mounts="\n".join([*lines, f"cgroup2 {tmp_path / 'unified'} cgroup2 rw 0 0"]))
    assert find_tree(proc) == Tree(1, tmp_path / "memory" / "agentkit", tmp_path / "pids" / "agentkit")


def test_without_a_place_to_write_there_is_no_tree(tmp_path: Path) -> None:
    assert find_tree(tmp_path / "nothing") is None
    proc, cgroup = version_2(tmp_path, own="0::/\n"), tmp_path / "cgroup"
    assert find_tree(proc) is None
    write(cgroup, cgroup__controllers="cpu io\n", cgroup__procs="", cgroup__subtree_control="")
    assert find_tree(proc) is None
    write(cgroup / "agentkit", **HANDS_DOWN)
    (cgroup / "cgroup.controllers").write_text("memory pids\n")
    assert find_tree(proc) is not None
    (cgroup / "cgroup.procs").unlink()  # as where it is shown read-only
    assert find_tree(proc) is None


def test_version_1_that_cannot_be_written_is_no_tree(tmp_path: Path) -> None:
    lines = [f"cgroup {tmp_path / name} cgroup rw,{name} 0 0" for name in ("memory", "pids")]
    for name in ("memory", "pids"):
        write(tmp_path / name / "agentkit")
    proc = make_proc(tmp_path, mounts="\n".join(lines))
    assert find_tree(proc) is None
    write(tmp_path / "memory" / "agentkit", cgroup__procs="")
    assert find_tree(proc) is None
    write(tmp_path / "pids" / "agentkit", cgroup__procs="")
    assert find_tree(proc) is not None


def test_a_refused_limit_leaves_no_group(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "p").write_text("not a folder")
    with pytest.raises(OSError, match="p/one"):
        Tree(1, tmp_path / "m", tmp_path / "p").make("one", LIMITS, own=2)
    assert list((tmp_path / "m").iterdir()) == []


def test_a_folder_with_something_in_it_is_not_removed(tmp_path: Path) -> None:
    write(tmp_path / "one", file="")
    assert not remove_group(tmp_path / "one")
    assert (tmp_path / "one" / "file").exists()
