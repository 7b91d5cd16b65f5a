r"""What a sandbox, a session and a result are.

A `Sandbox` is a description and holds no processes. `open` starts a `Session`: a work folder, no network, limits, and
whatever is run in it:

    async with await sandbox.open(Limits(memory_bytes=256 * MIB)) as session:
        await session.write("data.csv", "a,b\n1,2\n")
        result = await session.run(["python3", "-c", "print(open('data.csv').read())"])
        answer = await session.python("sum(range(10))", stateful=True)

A command that fails, is stopped at a limit or is killed is a `Result`. Only a provider that fails raises.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from sandbox.errors import AgentkitError

__all__ = [
    "GIB",
    "JSON",
    "KIB",
    "MIB",
    "NO_NETWORK",
    "Artifact",
    "FileInfo",
    "FileRefused",
    "HostFunction",
    "Limits",
    "Network",
    "OnOutput",
    "Output",
    "PythonError",
    "PythonResult",
    "Result",
    "Sandbox",
    "SandboxBroken",
    "SandboxError",
    "SandboxUnavailable",
    "Session",
    "SessionClosed",
    "Snapshot",
    "Stop",
]

JSON = Any
"""A value that `json.dumps` takes."""

KIB, MIB, GIB = 2**10, 2**20, 2**30


class SandboxError(AgentkitError):
    """The provider failed: never the fault of what runs inside."""


class SandboxUnavailable(SandboxError):
    """This machine cannot run the backend; the message says what is missing and the command that mends it."""


class SandboxBroken(SandboxError):
    """The sandbox died or stopped answering, though nobody closed it. Its files are lost; open another."""


class SessionClosed(SandboxError):
    """The session was used after it had been closed or killed."""


class FileRefused(SandboxError, ValueError):
    """A file that cannot cross the border: absent, no regular file, too large, or outside the work folder."""


class Stop(enum.Enum):
    """What stopped a run before its own end."""

    WALL_TIME = "wall_time"
    """`Limits.wall_s`, or the run's own `wall_s`."""
    CPU_TIME = "cpu_time"
    """`Limits.cpu_s`."""
    MEMORY = "memory"
    """`Limits.memory_bytes`, of all its processes together."""
    OUTPUT = "output"
    """More than `Limits.output_bytes` were printed."""
    FILES = "files"
    """`Limits.file_bytes` or `Limits.files`, where that had to be stopped from outside. A program that gets the error
    (no space left on device) and ends by itself has its own exit code instead."""
    KILLED = "killed"
    """`Session.kill`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a session may use. Memory, processes and files are of the session as a whole; the others of one run."""

    memory_bytes: int = 512 * MIB
    processes: int = 64
    """Processes and threads at once."""
    cpu_s: float = 60.0
    """Processor seconds of one run."""
    wall_s: float = 60.0
    """Wall-clock seconds of one run."""
    output_bytes: int = MIB
    """Bytes of stdout and stderr together of one run. At the limit the run is killed, and what came before is kept."""
    file_bytes: int = 256 * MIB
    """Bytes in the work folder and in /tmp, each."""
    files: int = 20_000
    """Files and folders in the work folder and in /tmp, each."""

    def __post_init__(self) -> None:
        for name in ("memory_bytes", "processes", "cpu_s", "wall_s", "output_bytes", "file_bytes", "files"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"limit {name}={value!r}: expected more than zero")


@dataclass(frozen=True, slots=True)
class Network:
    """The hosts that a session may reach, through a filtering proxy. Nothing else is reachable."""

    allow: tuple[str, ...] = ()
    """`pypi.org`, `*.pythonhosted.org` (any depth of names below, not itself), or with a port `127.0.0.1:8080`.
    Without a port, 80 and 443. A name that resolves to a private or loopback address is refused unless the entry
    is that address itself."""


NO_NETWORK = Network()


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of output, as it is printed."""

    stream: Literal["stdout", "stderr"]
    text: str


OnOutput = Callable[[Output], None]

HostFunction = Callable[..., Awaitable[JSON]]
"""A function of the host that sandboxed Python may call: arguments and result are JSON. What it raises as an
`AgentkitError` or `ValueError` is raised inside as a `RuntimeError` with its message; anything else ends the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended."""

    exit_code: int | None
    """None where it was stopped or killed by a signal."""
    signal: int | None = None
    """The signal's number, where one ended the command."""
    stdout: str
    """What was printed, up to the limit, undecodable bytes replaced; also of a run that was stopped."""
    stderr: str
    stop: Stop | None = None
    detail: str = ""
    """For a run that was stopped: the limit, what it was, and how to raise it, in words."""
    wall_s: float
    cpu_s: float | None = None
    """Processor seconds, children included, where they are known."""

    @property
    def ok(self) -> bool:
        """It ended by itself with exit code 0."""
        return self.stop is None and self.exit_code == 0


@dataclass(frozen=True, slots=True)
class Artifact:
    """Rich output: a figure or table that the code showed or saved by `display`."""

    name: str
    """Path within the work folder, readable with `Session.read`."""
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class PythonError:
    """An exception that the code did not catch."""

    type: str
    message: str
    traceback: str
    """As Python prints it, the frames of the user's code only, source lines included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonResult(Result):
    """How a Python snippet ended. It came on a channel of its own; nothing in it was read from stdout."""

    value: str | None = None
    """`repr` of the last expression, shortened at 10,000 characters; None where there is none or it is None."""
    data: JSON = None
    """The same as JSON, where it is that; else None."""
    error: PythonError | None = None
    artifacts: tuple[Artifact, ...] = ()
    state_lost: bool = False
    """True when a stateful interpreter had to be killed: its variables are gone, the files are not."""

    @property
    def ok(self) -> bool:
        """It ran to its end without an exception."""
        return self.stop is None and self.error is None and self.exit_code == 0


@dataclass(frozen=True, slots=True)
class FileInfo:
    path: str
    """Relative to the work folder, with `/`."""
    kind: Literal["file", "folder", "link", "other"]
    size: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A work folder and an interpreter's history at one moment. Valid as long as its session or sandbox lives."""

    handle: Any
    """The provider's own; opaque."""
    digest: str
    """SHA-256 over names, kinds, modes and contents: equal work folders have equal digests."""
    size: int
    """Bytes of the files' contents."""
    history: tuple[str, ...] = field(default=(), repr=False)
    """The stateful snippets that ran, in order, since the interpreter began."""


class Session(Protocol):
    """A live sandbox. One run at a time; a second one waits. Close it by leaving `async with`, or with `close`.

    Every method raises:
        SessionClosed: after `close`.
        SandboxBroken: when the sandbox died. What was printed until then is in the exception's `output` note.
    """

    @property
    def sandbox(self) -> Sandbox: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def network(self) -> Network: ...
    @property
    def exact(self) -> bool:
        """For a fork: the files are equal, and each replayed snippet gave what it gave before. True otherwise."""
        ...

    @property
    def mismatch(self) -> str:
        """For a fork that is not exact: the first replayed snippet that differed, and how. Empty otherwise."""
        ...

    async def run(
        self,
        command: Sequence[str] | str,
        *,
        stdin: bytes | str = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        wall_s: float | None = None,
        on_output: OnOutput | None = None,
    ) -> Result:
        """Run a program, or with a string a `bash` line; its processes are all gone when this returns.

        Args:
            command: the program and its arguments, or one line for `bash --noprofile --norc -c`.
            stdin: what it reads.
            cwd: within the work folder.
            env: added to the sandbox's own few variables; the host's are never there.
            wall_s: below `Limits.wall_s`, for this run.
            on_output: called with each piece of output as it comes.
        """
        ...

    async def python(
        self,
        code: str,
        *,
        stateful: bool = False,
        functions: Mapping[str, HostFunction] | None = None,
        wall_s: float | None = None,
        on_output: OnOutput | None = None,
    ) -> PythonResult:
        """Run a snippet in the work folder: in a fresh interpreter, or in the session's own, which remembers.

        `functions` are what the code may call of the host, by name; they are there as plain functions.
        At `wall_s` a stateful snippet is interrupted first and killed only if that does not help.
        """
        ...

    async def write(self, path: str, data: bytes | str, *, executable: bool = False) -> None:
        """Write a file in the work folder, its folders made as needed.

        Raises:
            FileRefused: the path leads out of the work folder, or there is no room.
        """
        ...

    async def read(self, path: str, *, max_bytes: int = 16 * MIB) -> bytes:
        """Read a regular file; links, pipes, devices and anything above `max_bytes` are refused.

        Raises:
            FileRefused: and why.
        """
        ...

    async def list(self, path: str = ".") -> tuple[FileInfo, ...]:
        """What lies in a folder and below it, sorted by path, links not followed; at most 10,000 entries."""
        ...

    async def install(self, *packages: str, index_url: str | None = None) -> Result:
        """Install Python packages for this session with pip, as far as `network` allows.

        Raises:
            SandboxUnavailable: the session has no network, or the sandbox has no pip; the message says what to do.
        """
        ...

    async def snapshot(self) -> Snapshot:
        """Copy the work folder and the interpreter's history."""
        ...

    async def restore(self, snapshot: Snapshot) -> None:
        """Make the work folder what it was, exactly; the interpreter begins anew and replays its history."""
        ...

    async def fork(self) -> Session:
        """Open a second session with the same limits and network, and restore this one's state in it."""
        ...

    async def kill(self) -> None:
        """Stop what runs now; its `Result` says `Stop.KILLED`. The session stays usable."""
        ...

    async def close(self) -> None:
        """End everything and free everything. May be called twice."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Sandbox(Protocol):
    """A way to isolate code. Holds no session, so one serves many at once."""

    @property
    def name(self) -> str: ...
    @property
    def isolation(self) -> Literal["namespaces", "container", "none"]:
        """What stands between the code and this machine. `none` is for code that you would run yourself."""
        ...

    async def open(self, limits: Limits = Limits(), *, network: Network = NO_NETWORK) -> Session:
        """Start a session with an empty work folder.

        Raises:
            SandboxUnavailable: this machine cannot run it, with what to do.
        """
        ...

    async def close(self) -> None:
        """Free what the sandbox keeps ready between sessions. May be called twice."""
        ...
