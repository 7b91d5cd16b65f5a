"""A child of the supervisor: what it may use, what it sees, and how it begins."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Child", "Setting", "prctl", "spawn"]

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
DESCRIPTORS = 1024
MOST_DESCRIPTORS = 4096
BASH = ("bash", "--noprofile", "--norc", "-c")


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class Setting:
    """What all children of a session have in common."""

    def __init__(self, *, work: str, tmp: str, packages: str, rlimits: Mapping[str, int]) -> None:
        self.work, self.tmp, self.packages = work, tmp, packages
        self.installed = os.path.join(work, ".packages")
        self.rlimits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_NOFILE: DESCRIPTORS,
            **{getattr(resource, f"RLIMIT_{name.upper()}"): value for name, value in rlimits.items()},
        }
        self.proxy = ""
        self.variables: dict[str, str] = {}
        """Further variables that every child gets."""

    def limit(self, *, file_bytes: int, cpu_s: float) -> None:
        """Take in the limits that the kernel can watch for each process; the supervisor watches their sums."""
        self.rlimits[resource.RLIMIT_FSIZE] = file_bytes
        self.rlimits[resource.RLIMIT_CPU] = int(cpu_s) + 2

    @property
    def module_folders(self) -> list[str]:
        return [path for path in (self.installed, self.packages) if path]

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The variables of a child: nothing of the host's."""
        # What was installed comes last: a program that lies there never stands in for one of the system's.
        bins = [os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin", f"{self.installed}/bin"]
        found = {
            "PATH": ":".join(dict.fromkeys(bins)),
            "HOME": self.tmp,
            "TMPDIR": self.tmp,
            "LANG": "C.UTF-8",
            "PYTHONPATH": ":".join(self.module_folders),
            # Output must be there when a run is stopped; runs must be repeatable; the work folder is the user's own.
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": os.path.join(self.tmp, ".matplotlib"),
        }
        if self.proxy:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                found[name] = found[name.upper()] = self.proxy
        return {**found, **self.variables, **extra}


class Child:
    """A running child and our ends of its descriptors; -1 where there is none."""

    def __init__(self, pid: int, *, out: int, err: int, feed: int, answers: int = -1) -> None:
        self.pid, self.out, self.err, self.feed, self.answers = pid, out, err, feed, answers

    def close(self) -> None:
        for fd in {self.out, self.err, self.feed, self.answers} - {-1}:
            os.close(fd)


def spawn(setting: Setting, *, folder: int, python: Callable[[int, int], int] | None, command: Command | None) -> Child:
    """Fork a child that runs a command, or Python of ours with descriptors for requests and answers."""
    ours, theirs = [], []
    for reading in (False, True, True, *((True,) if python else ())):
        read, write = os.pipe()
        ours.append(read if reading else write)
        theirs.append(write if reading else read)
        os.set_blocking(ours[-1], False)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _be_a_child(setting, theirs, folder=folder, python=python, command=command)
    for fd in theirs:
        os.close(fd)
    feed, out, err, *answers = ours
    return Child(pid, out=out, err=err, feed=feed, answers=answers[0] if answers else -1)


class Command:
    """A program with its arguments, and what is added to its environment."""

    def __init__(self, argv: list[str], env: Mapping[str, str]) -> None:
        self.argv, self.env = argv, env


def _be_a_child(
    setting: Setting,
    fds: list[int],
    *,
    folder: int,
    python: Callable[[int, int], int] | None,
    command: Command | None,
) -> None:
    """Never returns."""
    code = 125
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        # Python itself goes on ignoring a broken pipe and a file too large, and raises instead.
        for number in (signal.SIGCHLD, signal.SIGINT, *((signal.SIGPIPE, signal.SIGXFSZ) if command else ())):
            signal.signal(number, signal.SIG_DFL)
        os.fchdir(folder)
        requests = _arrange(fds, has_channel=python is not None)
        # Not before the supervisor's own descriptors are closed: from here on others may look into this process.
        prctl(PR_SET_DUMPABLE, 1)
        _be_killed_first()
        for kind, value in setting.rlimits.items():
            _lower(kind, value)
        if command is not None:
            code = _execute(command, setting)
        elif python is not None:
            code = python(*requests)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _arrange(fds: list[int], *, has_channel: bool) -> tuple[int, int]:
    """Make the pipes standard input and output, or with a channel requests and answers; close all else."""
    stdin, stdout, stderr, *answers = fds
    for source, target in ((os.open(os.devnull, os.O_RDONLY) if has_channel else stdin, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
    if not has_channel:
        os.closerange(3, MOST_DESCRIPTORS)
        return -1, -1
    low, high = sorted((stdin, answers[0]))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, MOST_DESCRIPTORS)
    for fd in (low, high):
        os.set_blocking(fd, True)
    return stdin, answers[0]


def _be_killed_first() -> None:
    """When memory runs out, rather this process than the supervisor."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"1000")
        os.close(fd)
    except OSError:
        pass


def _lower(kind: int, value: int) -> None:
    """Set a limit, or keep a lower one that is there already."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _execute(command: Command, setting: Setting) -> int:
    """Become the program. Returns only if that fails: with the exit code that a shell gives for it."""
    try:
        os.execvpe(command.argv[0], command.argv, setting.environment(command.env))
    except OSError as error:
        os.write(2, f"sandbox: cannot start {command.argv[0]!r}: {error.strerror}\n".encode("utf-8", "replace"))
        return 127 if isinstance(error, FileNotFoundError) else 126
    except ValueError as error:
        os.write(2, f"sandbox: cannot start {command.argv[0]!r}: {error}\n".encode("utf-8", "replace"))
        return 126
