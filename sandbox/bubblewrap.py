"""Sessions in Linux namespaces, by bubblewrap: the default sandbox. It needs no daemon, no image and no root.

Between the code and this machine stand seven namespaces, a user id of its own, and a seccomp filter. Covered:
- secrets: bwrap starts with an empty environment and no descriptors but its own pipes. Of the file system there is a
  read-only root made of /usr and a little of /etc (`sandbox.root_folder`): no home, no project, no /var, /run or /sys.
- other processes: the code sees, signals and traces only its own sandbox. Opened by root, each sandbox is a throw-away
  user (`sandbox.leases`), never root, so nothing of this machine is its own and nothing of another sandbox either.
- rights: no capabilities, no new privileges, no further user namespace; set-user-id and devices do not count inside.
- the kernel: what escapes were built from is refused by `sandbox.seccomp`, foreign architectures are killed.
- the network: none but an own loopback. An allow-list works through the session's own channel, without a device.
- resources: memory without swap and processes by control group, or memory by a watchdog where groups cannot be written
  (`sandbox.cgroups`, `sandbox.watchdog`); bytes by the size of the folders, file count by the watchdog; descriptors,
  core files and file sizes by rlimits. What lies in /work, /tmp and /dev/shm counts as memory, since it is.
- leftovers: all of it dies with its first process, that with bwrap, and bwrap with the thread that opened the session.
  After a crash, `prune` removes control groups and leases.

Weaker where this process is not root: the code runs as this user. Namespaces still keep it from this user's files and
processes, but what the kernel counts by user (locked memory, pending signals, inotify watches, keys) is shared with
them, control groups can seldom be written, and a fault in a namespace leads to this user's account.

Not covered: faults of the kernel; side channels, of time and of the processor; how busy the machine is (processor time
has a limit, its share has none); kernel objects that are counted for the machine as a whole, such as pseudo-terminals;
what /proc tells of it (its kernel, memory, load and number of processors) and all that every user may read in /usr.
Where memory is left to the watchdog, a program can be above its limit for 20 ms, pages that are mapped from a file in
the work folder count twice, and what the kernel itself holds for a program (pipes, sockets, names) is not counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Literal

from sandbox.bubblewrap_link import BubblewrapLink
from sandbox.cgroups import ControlGroup, find_tree, remove_group
from sandbox.contracts import NO_NETWORK, Limits, Network, SandboxBroken, SandboxUnavailable, Session
from sandbox.leases import Lease, kill_all, processes_of, take_lease, take_stale
from sandbox.root_folder import INSIDE, PACKAGES, UID, checked_folder, copied_files, find_interpreter, root_arguments
from sandbox.seccomp import seccomp_filter

__all__ = ["Bubblewrap", "probe", "prune", "reason"]

APART = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--new-session"),
    *("--die-with-parent", "--as-pid-1", "--uid", str(UID), "--gid", str(UID), "--hostname", "sandbox"),
)
OWN_PROCESSES = 2
"""bwrap outside and the supervisor inside, which count as well; with a network one more keeps the tunnel."""
SIGNALS = 1024
"""Signals and timers that may wait for delivery."""
COUNTED_PER_SANDBOX = (5, 14)
"""Since this kernel, RLIMIT_NPROC counts a user's processes within each user namespace."""
TAKES_DESCRIPTOR = {"--info-fd", "--seccomp", "--file"}


class Bubblewrap:
    """Opens each session in namespaces of its own. See the module for what it covers."""

    name = "bubblewrap"
    isolation: Literal["namespaces"] = "namespaces"

    def __init__(self, *, python: str | None = None, packages: Path | None = None, cgroups: bool = True) -> None:
        """Describe the sandboxes; nothing is started or looked for yet.

        Args:
            python: path of the interpreter inside, 3.9 or later; None for /usr/bin/python3, or else the running one.
            packages: a folder of importable packages, readable by all, seen as /packages.
            cgroups: use control groups where they can be written; False leaves memory to the watchdog.
        """
        self.python, self.packages, self.cgroups = python, packages, cgroups

    async def open(self, limits: Limits = Limits(), *, network: Network = NO_NETWORK) -> Session:  # noqa: B008
        """Start a session in a new sandbox.

        Raises:
            SandboxUnavailable: this machine cannot; the message says what is missing and the command that mends it.
        """
        from sandbox.session import open_session

        link = await self.launch(limits, network=network)
        try:
            session = await open_session(self, link, limits=limits, network=network)
            link.watch(limits)
        except BaseException as error:
            await link.kill()
            complaint = await link.complaint() if isinstance(error, SandboxBroken) else ""
            if complaint:
                raise SandboxUnavailable(reason(complaint)) from None
            raise
        return session

    async def close(self) -> None:
        """Nothing is kept between sessions."""

    async def launch(self, limits: Limits, *, network: Network = NO_NETWORK) -> BubblewrapLink:
        """Start bwrap with the supervisor in it and its limits set, but not yet watched.

        Raises:
            SandboxUnavailable: as `open`.
        """
        lease = take_lease()
        group: ControlGroup | None = None
        try:
            own = OWN_PROCESSES + bool(network.allow)
            group = self._group(lease, limits, own=own)
            with ExitStack() as opened:
                started = self._start(limits, lease, own=own, opened=opened)
        except BaseException:
            if group:
                group.remove()
            lease.release()
            raise
        link = BubblewrapLink(*started, lease=lease, group=group)
        try:
            await link.attach()
        except BaseException as error:
            await link.kill()
            if isinstance(error, SandboxUnavailable):
                raise SandboxUnavailable(reason(str(error))) from None
            raise
        return link

    def _group(self, lease: Lease, limits: Limits, *, own: int) -> ControlGroup | None:
        tree = find_tree() if self.cgroups else None
        if tree is None:
            return None
        name = f"{lease.name}-{os.getpid()}"
        # Written down before it is there, so that no crash can leave one that nobody knows of.
        lease.note(tree.group(name).folders)
        with suppress(OSError):
            return tree.make(name, limits, own=own)
        return None

    def _start(
        self, limits: Limits, lease: Lease, *, own: int, opened: ExitStack
    ) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        """The running bwrap, and the pipe on which it says what it has started."""
        interpreter = find_interpreter(self.python)
        program = [str(interpreter.path), "-S", "-s", f"{INSIDE}/supervisor.py", "--work", "/work", "--tmp", "/tmp"]
        for name, value in rlimits(limits.processes + own, alone=lease.is_throw_away):
            program += ["--rlimit", f"{name}={value}"]
        # The supervisor wants sets in a constant order; told so here, it need not start itself again.
        options = ["--setenv", "PYTHONHASHSEED", "0", "--seccomp", str(data(seccomp_filter(), opened))]
        options += root_arguments(limits, interpreter)
        for path, content in copied_files(interpreter).items():
            options += ["--perms", "0444", "--file", str(data(content, opened)), path]
        if self.packages:
            options += ["--ro-bind", str(checked_folder(self.packages)), PACKAGES]
            program += ["--packages", PACKAGES]
        outer, inner = os.pipe()
        opened.callback(os.close, inner)
        info = open(outer, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed by the link
        try:
            command = [*bwrap(lease.uid), "--info-fd", str(inner), *options, "--remount-ro", "/", "--chdir", "/work"]
            return spawn([*command, "--", *program]), info
        except BaseException:
            info.close()
            raise


def rlimits(processes: int, *, alone: bool) -> Iterator[tuple[str, int]]:
    """What the supervisor is to set for its children beyond its own: limits that the kernel counts by user."""
    yield "msgqueue", 0
    yield "sigpending", SIGNALS
    if alone or kernel() >= COUNTED_PER_SANDBOX:
        yield "nproc", processes


def kernel() -> tuple[int, ...]:
    """Its version, as far as it is numbers."""
    return tuple(int(part) for part in os.uname().release.split(".")[:2] if part.isdecimal())


def bwrap(uid: int) -> list[str]:
    """How bwrap is started as that user, apart from everything.

    Raises:
        SandboxUnavailable: it is not installed.
    """
    command = [found("bwrap", package="bubblewrap"), *APART]
    if os.geteuid() != 0:
        return command
    become = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps=-all", "--pdeathsig", "KILL")
    return [found("setpriv", package="util-linux"), *become, *command]


def found(program: str, *, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SandboxUnavailable(f"{program} is not installed: apt-get install {package} (or dnf, apk, pacman)")
    return path


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Start it with nothing of ours but three pipes and the descriptors that its arguments name."""
    passed = [int(word) for option, word in pairwise(command) if option in TAKES_DESCRIPTOR]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        bufsize=0,
        env={},
        cwd="/",
        pass_fds=passed,
        start_new_session=True,
    )


def data(content: bytes, opened: ExitStack) -> int:
    """A descriptor from which bwrap reads that; closed with `opened`."""
    descriptor = os.memfd_create("data")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


# ---- whether it runs here


def probe() -> str:
    """Why sandboxes cannot be opened here and what mends it; empty when they can. Takes some 20 ms."""
    try:
        lease = take_lease()
        try:
            seccomp_filter()
            root = root_arguments(Limits(), find_interpreter())
            command = [*bwrap(lease.uid), *root, "--remount-ro", "/", "--", "/usr/bin/env", "true"]
            tried = subprocess.run(command, env={}, capture_output=True, cwd="/", text=True, timeout=20)
        finally:
            lease.release()
    except (SandboxUnavailable, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return reason(tried.stderr) if tried.returncode else ""


def reason(complaint: str, *, root: Path = Path("/")) -> str:
    """What bwrap's complaint means on this machine, with the command that mends it."""
    complaint = complaint.strip() or "it said nothing"
    if "unknown option" in complaint.lower():
        return f"bubblewrap is too old ({complaint}); 0.8 or later is needed: apt-get install bubblewrap"
    if any(word in complaint for word in DENIED):
        for name, off, mend in SWITCHES:
            with suppress(OSError):
                if (root / "proc/sys" / name).read_text().strip() == off:
                    return f"user namespaces are switched off ({name} is {off}): {mend}"
        if "setresuid" in complaint:
            return f"no user id is to spare here ({complaint}): start agentkit as a user other than root"
        if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
            return f"this container forbids namespaces ({complaint}): {CONTAINER}"
    return f"bubblewrap does not start: {complaint}"


DENIED = ("not permitted", "namespace", "uid map", "setresuid")
"""In complaints about what the kernel refused, rather than about a file or an option."""
SWITCHES = (
    ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "allow bwrap with AppArmor's profile bwrap-userns-restrict, or for all programs: "
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
"""Files below /proc/sys, the value that switches user namespaces off, and what to do."""
CONTAINER = (
    "start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined, or use the container backend from outside"
)


# ---- after a crash


def prune() -> list[str]:
    """Free what processes that died left behind: their sandboxes' processes, control groups and leases. Says what."""
    freed = []
    for lease in take_stale():
        groups = lease.noted_groups()
        if lease.is_throw_away:
            kill_all(processes_of(lease.uid))
        for group in groups:
            with suppress(OSError):
                kill_all(map(int, (group / "cgroup.procs").read_text().split()))
        gone = [all_gone(group) for group in groups]
        if all(gone):
            lease.release()
            freed.append(f"bubblewrap {lease.name}")
        else:
            lease.abandon()
    return freed


def all_gone(group: Path) -> bool:
    """Remove a group whose processes have just been killed, waiting a second for them at most."""
    end = time.monotonic() + 1
    while not remove_group(group):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
