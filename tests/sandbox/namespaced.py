"""Bubblewrap sandboxes for tests that also look at them from outside."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from sandbox.bubblewrap import Bubblewrap, probe
from sandbox.bubblewrap_link import BubblewrapLink
from sandbox.cgroups import find_tree
from sandbox.contracts import MIB, NO_NETWORK, Limits, Network, Session
from sandbox.leases import state_folder

WHY_NOT = probe()
needs_bubblewrap = pytest.mark.skipif(bool(WHY_NOT), reason=f"bubblewrap does not run here: {WHY_NOT}")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="throw-away users are root's to give: run the tests as root")
SMALL = Limits(memory_bytes=128 * MIB, processes=20, file_bytes=32 * MIB, files=500)


class Seen(Bubblewrap):
    """Keeps the links that it opens."""

    links: tuple[BubblewrapLink, ...] = ()

    async def launch(self, limits: Limits, *, network: Network = NO_NETWORK) -> BubblewrapLink:
        link = await super().launch(limits, network=network)
        self.links = (*self.links, link)
        return link


@asynccontextmanager
async def opened(
    limits: Limits = SMALL, *, packages: Path | None = None, cgroups: bool = True
) -> AsyncIterator[tuple[Session, BubblewrapLink]]:
    sandbox = Seen(packages=packages, cgroups=cgroups)
    async with await sandbox.open(limits) as session:
        yield session, sandbox.links[0]


async def printed(session: Session, line: str) -> str:
    """What a line for bash prints, errors included."""
    return (await session.run(f"exec 2>&1; {line}")).stdout


def status(pid: int) -> dict[str, str]:
    """What /proc says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def held_by(host: int) -> set[str]:
    """The leases and control groups of a process's sandboxes."""
    found = set()
    for path in state_folder().iterdir():
        with suppress(FileNotFoundError, ValueError):
            if json.loads(path.read_text())["host"] == host:
                found.add(f"lease {path.name}")
    if tree := find_tree():
        groups = {*tree.memory.glob(f"sandbox-*-{host}"), *tree.pids.glob(f"sandbox-*-{host}")}
        found |= {f"group {path}" for path in groups}
    return found


def held_here() -> set[str]:
    """What this process's sandboxes hold, and its own descriptors and children."""
    found = held_by(os.getpid())
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(f"descriptor {path.name} {path.readlink()}")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return found | {f"child {pid}" for pid in children}
