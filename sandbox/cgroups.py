"""Control groups: the kernel's own count of what all processes of a sandbox hold together.

Both layouts are known. In version 1 each controller has a tree of its own; in version 2 there is one tree, and a folder
may be given limits where its parent hands the controllers down. The groups lie in a folder `agentkit`: in version 1 at
the root of each tree, as Docker puts its own, in version 2 as near to this process as limits can be set. Where nothing
can be written, as in most containers, `find_tree` says None and the watchdog counts instead.

Memory is what programs hold and what lies in the tmpfs folders, as both are pages of the same machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.contracts import Limits

__all__ = ["ControlGroup", "Tree", "find_tree", "remove_group"]

FOLDER = "agentkit"


@dataclass(frozen=True, slots=True)
class Tree:
    """Where groups can be made on this machine."""

    version: Literal[1, 2]
    memory: Path
    pids: Path
    """The same folder as `memory` in version 2."""

    def group(self, name: str) -> ControlGroup:
        """The group of that name, which need not be there yet."""
        return ControlGroup(self.version, self.memory / name, self.pids / name)

    def make(self, name: str, limits: Limits, *, own: int) -> ControlGroup:
        """An empty group with its limits set, for that many processes of the sandbox itself besides the user's.

        Raises:
            OSError: the kernel refuses; the caller falls back to the watchdog.
        """
        group = self.group(name)
        try:
            for folder in group.folders:
                folder.mkdir(parents=True, exist_ok=True)
            group.limit(limits, own=own)
        except OSError:
            group.remove()
            raise
        return group


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The group of one sandbox."""

    version: Literal[1, 2]
    memory: Path
    pids: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.memory, self.pids)))

    def limit(self, limits: Limits, *, own: int) -> None:
        (self.pids / "pids.max").write_text(str(limits.processes + own))
        if self.version == 2:
            (self.memory / "memory.max").write_text(str(limits.memory_bytes))
            write_where_known(self.memory / "memory.swap.max", "0")
        else:
            (self.memory / "memory.limit_in_bytes").write_text(str(limits.memory_bytes))
            write_where_known(self.memory / "memory.memsw.limit_in_bytes", str(limits.memory_bytes))

    def add(self, pid: int) -> None:
        """Move a process in; its children follow it.

        Raises:
            OSError: the process is gone, or the kernel refuses.
        """
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with suppress(OSError):
            found = re.search(r"^oom_kill (\d+)$", (self.memory / name).read_text(), re.MULTILINE)
            return int(found[1]) if found else 0
        return 0

    def remove(self) -> bool:
        """Take the group away; False while something in it still lives."""
        gone = [remove_group(folder) for folder in self.folders]
        return all(gone)


def remove_group(folder: Path) -> bool:
    """Remove a group's folder; whether it is gone. One with processes in it cannot be removed."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def write_where_known(path: Path, text: str) -> None:
    """Kernels without accounting of swap lack these files."""
    if path.exists():
        path.write_text(text)


# ---- finding a place


def find_tree(proc: Path = Path("/proc")) -> Tree | None:
    """Where this process may make groups with limits of memory and of processes, or None."""
    mounts = dict(controllers(proc / "self" / "mounts"))
    with suppress(OSError):
        if "memory" in mounts and "pids" in mounts:
            memory, pids = mounts["memory"] / FOLDER, mounts["pids"] / FOLDER
            for folder in (memory, pids):
                folder.mkdir(exist_ok=True)
            if writable(memory) and writable(pids):
                return Tree(1, memory, pids)
    for parent in above(proc / "self" / "cgroup", mounts.get("")):
        with suppress(OSError):
            return Tree(2, *(hand_down(parent),) * 2)
    return None


def controllers(mounts: Path) -> Iterator[tuple[str, Path]]:
    """Each controller of version 1 with its tree, and the tree of version 2 under the empty name."""
    with suppress(OSError):
        for line in mounts.read_text().splitlines():
            _, folder, kind, options, *_ = line.split(" ")
            if kind == "cgroup2":
                yield "", Path(folder)
            elif kind == "cgroup":
                yield from ((name, Path(folder)) for name in options.split(","))


def above(own: Path, mount: Path | None) -> Iterator[Path]:
    """The folders from this process's own group up to the root of version 2, nearest first."""
    if mount is None:
        return
    with suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::/"):
                here = mount / line[4:]
                yield from (folder for folder in (here, *here.parents) if folder.is_relative_to(mount))


def hand_down(parent: Path) -> Path:
    """A folder below `parent` whose children can be limited.

    Raises:
        OSError: this process may not, or processes live in `parent` itself.
    """
    wanted = {"memory", "pids"}
    if not wanted <= set((parent / "cgroup.controllers").read_text().split()) or not writable(parent):
        raise PermissionError(f"{parent} has no controllers to hand down")
    folder = parent / FOLDER
    folder.mkdir(exist_ok=True)
    for place in (parent, folder):
        if not wanted <= set((place / "cgroup.subtree_control").read_text().split()):
            (place / "cgroup.subtree_control").write_text("+memory +pids")
    return folder


def writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
