"""What this process and its sandboxes have on the machine: to look before and after, and to find what was left.

Others work on the machine at the same time, so a thing counts as left only if it can be told to be ours: by its parent,
by the attack's mark, by a name of ours, or, for a control group, by being new and empty.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sandbox.abuse.watch import marked

__all__ = ["Traces", "left_over", "look"]

Traces = dict[str, frozenset[str]]
"""By kind of thing, the things there are."""

ENGINES = ("overlay", "nsfs", "shm", "mqueue", "fuse")
"""Kinds of mounts that a container engine makes and keeps for itself."""
OF_ENGINES = ("/agentkit", "/conmon", "/docker")
"""Control groups that stay: they hold those of sandboxes and containers."""
PLACES = (
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/dev/mqueue",
    "/run",
    "/var",
    "/home",
    "/mnt",
    "/opt",
    "/srv",
    "/",
    "/etc",
    "/usr",
)


def look(marks: Sequence[str]) -> Traces:
    """Everything that is there now, of ours or with one of the marks."""
    return {
        "processes": frozenset(descendants(os.getpid()))
        | {f"{pid} (marked)" for mark in marks for pid in marked(mark)},
        "mounts": frozenset(mounts()),
        "control groups": frozenset(empty_groups()),
        "keys": frozenset(line for mark in marks for line in lines("/proc/keys", mark))
        | {f"keys of uid {uid}" for uid in key_owners()},
        "shared memory": frozenset(segments()),
        "files": frozenset(name for mark in marks for name in files(mark)),
        "descriptors": frozenset(descriptors()),
    }


async def left_over(before: Traces, marks: Sequence[str], *, within_s: float = 5.0) -> Traces:
    """What is there and was not before, once it has had the time to go; only kinds of which something was left."""
    deadline = time.monotonic() + within_s
    while True:
        now = look(marks)
        left = {kind: now[kind] - before[kind] for kind in now if now[kind] - before[kind]}
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.1)


def descendants(root: int) -> Iterator[str]:
    """Processes below one, zombies too."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = path.read_text(errors="replace").partition("(")[2].rpartition(")")
            parents.setdefault(int(rest.split()[1]), []).append((int(path.parent.name), name))
    waiting = [root]
    while waiting:
        for pid, name in parents.get(waiting.pop(), []):
            waiting.append(pid)
            yield f"{pid} {name}"


def mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        kind = words[words.index("-") + 1]
        if not kind.startswith(ENGINES):
            yield f"{kind} at {words[4]}"


def empty_groups() -> Iterator[str]:
    """Control groups without a process or a group in them: whoever made them forgot them."""
    for folder, inner, names in os.walk("/sys/fs/cgroup"):
        if "cgroup.procs" in names and not inner and not folder.endswith(OF_ENGINES):
            with suppress(OSError):
                if not Path(folder, "cgroup.procs").read_text():
                    yield folder


def key_owners() -> Iterator[int]:
    """User ids that have keys in the kernel."""
    with suppress(OSError):
        for line in Path("/proc/key-users").read_text().splitlines():
            yield int(line.split(":")[0])


def lines(path: str, mark: str) -> list[str]:
    with suppress(OSError):
        return [line for line in Path(path).read_text().splitlines() if mark in line]
    return []


def segments() -> Iterator[str]:
    """Segments of shared memory whose maker is gone."""
    with suppress(OSError):
        for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
            key, number, _, _, maker, *_ = line.split()
            if not Path("/proc", maker).exists():
                yield f"{number} with key {key}"


def files(mark: str) -> Iterator[str]:
    """What bears the mark where an attack may have written, and what of ours lies among temporary files."""
    for place in (*PLACES, str(Path.home()), str(Path.cwd())):
        with suppress(OSError):
            yield from (entry.path for entry in os.scandir(place) if mark in entry.name)
    with suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            with suppress(OSError):
                if entry.name.startswith("agentkit") and entry.stat(follow_symlinks=False).st_uid >= 0x10000:
                    yield entry.path


def descriptors() -> Iterator[str]:
    """What this process has open; sockets and pipes are counted, as their numbers say nothing."""
    seen: dict[str, int] = {}
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(entry.readlink()).partition(":")[0]
            if not target.startswith("/proc/"):
                seen[target] = seen.get(target, 0) + 1
    for target, count in seen.items():
        yield from (f"{target} #{number}" for number in range(count))
