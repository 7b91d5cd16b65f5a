"""Which sandbox has which user id, and who opened it: one locked file per live sandbox.

A sandbox that root opens runs as a user that nothing else on the machine is, and no two sandboxes are at once: that
keeps them from each other's processes, and lets the kernel count per sandbox what it counts per user. The lock is held
by this process and goes with it, however it ends; what then still stands in the file says what there is to clean up.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.contracts import SandboxUnavailable

__all__ = ["FIRST_UID", "UIDS", "Lease", "kill_all", "processes_of", "state_folder", "take_lease", "take_stale"]

FIRST_UID = 0x70000000
"""1,879,048,192: above every id that distributions, containers and systemd give out, and below its reserved end."""
UIDS = 2**16


@dataclass(slots=True)
class Lease:
    """A number that is this sandbox's until `release`. Its file is locked meanwhile."""

    number: int
    path: Path
    descriptor: int

    @property
    def is_throw_away(self) -> bool:
        """Whether `uid` is nobody else's. Only root can give such a one."""
        return os.geteuid() == 0

    @property
    def uid(self) -> int:
        """The user id of the sandbox: a throw-away one, or this process's own."""
        return FIRST_UID + self.number if self.is_throw_away else os.geteuid()

    @property
    def name(self) -> str:
        return f"sandbox-{self.number}"

    def note(self, groups: Iterable[Path]) -> None:
        """Write down whose it is and its control groups, for whoever must clean up after a crash."""
        facts = {"host": os.getpid(), "groups": [str(group) for group in groups]}
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(facts).encode(), 0)

    def noted_groups(self) -> list[Path]:
        """The control groups that the last holder wrote down. Anything unreadable counts as nothing."""
        with suppress(ValueError, TypeError, KeyError):
            return [Path(name) for name in json.loads(os.pread(self.descriptor, 65536, 0))["groups"]]
        return []

    def release(self) -> None:
        """Give the number back. May be called twice."""
        if self.descriptor >= 0:
            self.path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Leave it to `prune`, as something of the sandbox could not be removed."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def state_folder() -> Path:
    """Where leases lie: a folder that only this user can write.

    Raises:
        SandboxUnavailable: it cannot be made, or is somebody else's.
    """
    uid = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path("/run/agentkit") if uid == 0 else Path(runtime or tempfile.gettempdir()) / f"agentkit-{uid}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SandboxUnavailable(f"the folder {folder} for locks cannot be made: {error}; make it writable") from error
    if found.st_uid != uid or found.st_mode & 0o022 or not folder.is_dir() or folder.is_symlink():
        raise SandboxUnavailable(f"the folder {folder} for locks is not this user's alone; remove it: rm -r {folder}")
    return folder


def take_lease() -> Lease:
    """A number that no live sandbox of this machine has, and as which no process runs.

    Raises:
        SandboxUnavailable: all are taken, or the folder of locks cannot be used.
    """
    folder = state_folder()
    start = secrets.randbelow(UIDS)
    for step in range(UIDS):
        lease = lock(folder / str((start + step) % UIDS), create=True)
        if lease is None:
            continue
        if os.fstat(lease.descriptor).st_size == 0:
            lease.note([])
            return lease
        # A dead host's. It is left as it is, for `prune`.
        os.close(lease.descriptor)
    raise SandboxUnavailable(
        f"all {UIDS} leases in {folder} are taken; free those of dead hosts: agentkit sandbox prune"
    )


def take_stale() -> Iterator[Lease]:
    """The leases whose host has died, each locked for the caller, who cleans up and releases it."""
    for path in sorted(state_folder().iterdir()):
        lease = lock(path, create=False) if path.name.isdecimal() else None
        if lease is not None:
            yield lease


def lock(path: Path, *, create: bool) -> Lease | None:
    """The lease of that file, or None where somebody holds it."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have removed it between our opening and our lock: then this is nobody's file any more.
        if os.fstat(descriptor).st_nlink:
            return Lease(int(path.name), path, descriptor)
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def processes_of(uid: int) -> list[int]:
    """The processes that run as a user. For throw-away ids only: these are all of one sandbox."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                # Bytes, as a process may call itself anything.
                if b"\nUid:\t%d\t" % uid in (entry / "status").read_bytes():
                    found.append(int(entry.name))
    return found


def kill_all(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
