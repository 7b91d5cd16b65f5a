"""The session that every backend offers, over a supervisor that the backend has launched.

A backend starts `sandbox/inside/supervisor.py` in whatever isolation it gives and hands over a `Link` to it:

    link = launch(...)
    return await open_session(self, link, limits=limits, network=network)

The supervisor keeps the limits of a run from inside. From here the same limits are watched with some grace, so that a
supervisor that is silent, lies or has been taken over costs its sandbox and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sandbox.channel import Channel, Gone, Header, Link
from sandbox.contracts import (
    MIB,
    FileInfo,
    FileRefused,
    HostFunction,
    Limits,
    Network,
    OnOutput,
    PythonResult,
    Result,
    Sandbox,
    SandboxBroken,
    SandboxUnavailable,
    Session,
    SessionClosed,
    Snapshot,
)
from sandbox.inside.frames import Broken
from sandbox.results import python_result
from sandbox.running import Running, Runs
from sandbox.snapshots import Cell, Copy, Packed, difference, recorded

__all__ = ["Link", "LiveSession", "open_session"]

GRACE_S = 5.0
"""Seconds that a supervisor may be late with the end of a run, before its sandbox is ended."""
ANSWER_S = 60.0
"""Seconds of silence after which a supervisor that was asked about files is given up."""
STDIN_BYTES = 64 * MIB
LISTED_BYTES = 64 * MIB
HOSTS_OF_PIP = ("pypi.org", "files.pythonhosted.org")


async def open_session(
    sandbox: Sandbox,
    link: Link,
    *,
    limits: Limits,
    network: Network,
    grace_s: float = GRACE_S,
    answer_s: float = ANSWER_S,
) -> LiveSession:
    """Make a session of a launched supervisor, whose link it owns from now on.

    Raises:
        SandboxBroken: what was launched does not behave as a supervisor; it has been killed.
    """
    channel = Channel(link, answer_s=answer_s)
    configuration = {
        "cpu_s": limits.cpu_s,
        "memory_bytes": limits.memory_bytes,
        "output_bytes": limits.output_bytes,
        "file_bytes": limits.file_bytes,
        "files": limits.files,
        "network": bool(network.allow),
    }
    session = LiveSession(sandbox, channel, limits=limits, network=network, grace_s=grace_s)
    try:
        await channel.open(configuration)
    except Gone as gone:
        raise SandboxBroken(f"the sandbox did not begin: {gone}") from None
    return session


class LiveSession:
    """An open sandbox. See `sandbox.contracts.Session` for what its methods mean."""

    def __init__(self, sandbox: Sandbox, channel: Channel, *, limits: Limits, network: Network, grace_s: float) -> None:
        self.sandbox = sandbox
        """What opens a fork of it. A pool may put itself in this place."""
        self.limits, self.network = limits, network
        self._channel = channel
        self._runs = Runs(channel, limits=limits, grace_s=grace_s)
        self._egress = _open_egress(network, channel)
        self._turn = asyncio.Lock()
        self._cells: list[Cell] = []
        self._lost = False
        """The interpreter has ended in a run that had no result to say so."""
        self._mismatch = ""

    @property
    def exact(self) -> bool:
        return not self._mismatch

    @property
    def mismatch(self) -> str:
        return self._mismatch

    # ---- running

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
        argv = command if isinstance(command, str) else [str(word) for word in command]
        data = stdin.encode() if isinstance(stdin, str) else bytes(stdin)
        if not argv:
            raise ValueError("an empty command; expected a program and its arguments, or a line for bash")
        if len(data) > STDIN_BYTES:
            raise ValueError(f"{len(data)} bytes for stdin; at most {STDIN_BYTES}: write a file and read that")
        request = {"type": "run", "argv": argv, "cwd": cwd, "env": dict(env or {})}
        async with self._turn:
            running = self._begin({}, on_output)
            result = await self._carry_out(running, request, data, wall_s=wall_s)
        if running.told.get("refused"):
            raise FileRefused(f"cwd={cwd!r}: {str(running.told['refused'])[:500]}")
        return result

    async def python(
        self,
        code: str,
        *,
        stateful: bool = False,
        functions: Mapping[str, HostFunction] | None = None,
        wall_s: float | None = None,
        on_output: OnOutput | None = None,
    ) -> PythonResult:
        async with self._turn:
            return await self._python(
                code, stateful=stateful, functions=functions or {}, wall_s=wall_s, on_output=on_output
            )

    async def _python(
        self,
        code: str,
        *,
        stateful: bool,
        functions: Mapping[str, HostFunction],
        wall_s: float | None = None,
        on_output: OnOutput | None = None,
    ) -> PythonResult:
        request = {"type": "python", "stateful": stateful, "functions": list(functions)}
        running = self._begin(functions, on_output)
        source = code.encode("utf-8", "surrogatepass")
        try:
            ending = await self._carry_out(running, request, source, wall_s=wall_s)
            lost_before = self._lost or (running.began and bool(self._cells))
            result = python_result(
                ending, running.answer, stateful=stateful, alive=running.alive, lost_before=lost_before
            )
        except BaseException as error:
            if stateful:
                self._remember(running, Cell(code, tuple(running.calls), "", stopped=True))
                self._lost = not running.alive
            if isinstance(error, Broken):
                raise await self._give_up(error, running) from None
            raise
        if stateful:
            self._lost = False
            self._remember(running, Cell.of(code, result, calls=running.calls))
        return result

    def _remember(self, running: Running, cell: Cell) -> None:
        before = [] if running.began else self._cells
        self._cells = [*before, cell] if running.alive else []

    def _begin(self, functions: Mapping[str, HostFunction], on_output: OnOutput | None) -> Running:
        self._check()
        return self._runs.new(functions, on_output)

    async def _carry_out(self, running: Running, request: Header, payload: bytes, *, wall_s: float | None) -> Result:
        try:
            return await self._runs.carry_out(running, request, payload=payload, wall_s=wall_s)
        except Gone as gone:
            raise self._channel.as_error(gone, output=running.text("stdout") + running.text("stderr")) from None
        except Broken as broken:
            raise await self._give_up(broken, running) from None

    async def _give_up(self, why: Exception | str, running: Running | None = None) -> SandboxBroken | SessionClosed:
        await self._channel.end(str(why))
        output = running.text("stdout") + running.text("stderr") if running else ""
        return self._channel.as_error(Gone(str(why)), output=output)

    async def kill(self) -> None:
        self._check()
        await self._runs.stop()

    # ---- files

    async def write(self, path: str, data: bytes | str, *, executable: bool = False) -> None:
        data = data.encode() if isinstance(data, str) else bytes(data)
        await self._ask({"type": "write", "path": path, "executable": executable}, path, parts=_in_parts(data))

    async def read(self, path: str, *, max_bytes: int = 16 * MIB) -> bytes:
        received = _Collected(max_bytes)
        await self._ask({"type": "read", "path": path, "largest": max_bytes}, path, take=received.add)
        return bytes(received.data)

    async def list(self, path: str = ".") -> tuple[FileInfo, ...]:
        received = _Collected(LISTED_BYTES)
        await self._ask({"type": "list", "path": path}, path, take=received.add)
        try:
            found = json.loads(received.data)
            return tuple(FileInfo(str(name), _kind(kind), int(size)) for name, kind, size in found[:10_000])
        except (ValueError, TypeError, RecursionError) as error:
            raise await self._give_up(f"a list of files that is none: {error}") from None

    async def _ask(self, request: Header, path: str, **how: Any) -> Header:
        try:
            answer = await self._channel.ask(request, **how)
        except Gone as gone:
            raise self._channel.as_error(gone) from None
        if answer.get("refused"):
            raise FileRefused(f"{path!r}: {str(answer['refused'])[:500]}")
        return answer

    async def install(self, *packages: str, index_url: str | None = None) -> Result:
        if not packages or any(name.startswith("-") or not name.strip() for name in packages):
            raise ValueError(
                f"packages {packages!r}: expected names such as 'attrs' or 'attrs>=24'; options are not taken"
            )
        if not self.network.allow:
            raise SandboxUnavailable(
                f"this session has no network, and pip needs one: open it with Network({HOSTS_OF_PIP!r})"
            )
        # `-I`, and settings of nobody: what lies in the work folder has no say in what is installed from where.
        pip, env = ["python3", "-I", "-m", "pip"], {"PIP_CONFIG_FILE": "/dev/null"}
        probe = await self.run([*pip, "--version"], env=env)
        if not probe.ok:
            raise SandboxUnavailable(
                "the sandbox's python3 has no pip; use one that has (python=...), or give packages=FOLDER"
            )
        index = ("--index-url", index_url) if index_url else ()
        options = ("--target", ".packages", "--upgrade", "--no-input", "--disable-pip-version-check", "--no-cache-dir")
        return await self.run([*pip, "install", *options, *index, "--", *packages], env=env)

    # ---- copies

    async def snapshot(self) -> Snapshot:
        packed = self._new_packed()
        async with self._turn:
            answer = await self._pack(packed)
            return _snapshot_of(packed, self._cells, size=answer["size"])

    def _new_packed(self) -> Packed:
        limits = self.limits
        return Packed(most=2 * limits.file_bytes + 4096 * limits.files + MIB)

    async def _pack(self, packed: Packed, *, digest_only: bool = False) -> Header:
        try:
            request = {"type": "snapshot", "digest_only": digest_only}
            answer = await self._ask(request, ".", take=packed.add)
            digest, size = answer.get("digest"), answer.get("size")
            if not (isinstance(digest, str) and len(digest) == 64 and type(size) is int and size >= 0):
                raise await self._give_up("a snapshot without its digest")
        except BaseException as error:
            packed.fail(error)
            raise
        packed.finish(digest)
        return answer

    async def restore(self, snapshot: Snapshot) -> None:
        copy = snapshot.handle
        if not isinstance(copy, Copy):
            raise ValueError(f"a snapshot of another kind of sandbox: {type(copy).__name__}")
        async with self._turn:
            self._cells, self._mismatch = [], ""
            await self._unpack(copy)
            if copy.cells:
                await self._replay(copy)
                now = self._new_packed()
                await self._pack(now, digest_only=True)
                if now.digest != copy.packed.digest:
                    await self._unpack(copy, keep_interpreter=True)

    async def _unpack(self, copy: Copy, *, keep_interpreter: bool = False) -> None:
        request = {"type": "restore", "keep_interpreter": keep_interpreter}
        await self._ask(request, ".", parts=copy.packed.pieces())

    async def _replay(self, copy: Copy) -> None:
        """Run the snippets of a snapshot again; the first that gives something else makes this copy inexact."""
        for number, cell in enumerate(copy.cells, start=1):
            if cell.stopped:
                self._mismatch = self._mismatch or f"snippet {number} was stopped when it ran first; it was left out"
                self._cells.append(cell)
                continue
            await self._python(cell.code, stateful=True, functions=recorded(cell))
            if not self._cells:
                self._mismatch = self._mismatch or f"snippet {number} ended the interpreter when it was replayed"
                return
            self._mismatch = self._mismatch or difference(cell, self._cells[-1], number=number)

    async def fork(self) -> Session:
        self._check()
        other = await self.sandbox.open(self.limits, network=self.network)
        try:
            async with self._turn:
                packed = self._new_packed()
                packing = asyncio.create_task(self._pack(packed))
                try:
                    await other.restore(_snapshot_of(packed, self._cells, size=0))
                finally:
                    await packing
        except BaseException:
            await other.close()
            raise
        return other

    # ---- the end

    def _check(self) -> None:
        try:
            self._channel.check()
        except Gone as gone:
            raise self._channel.as_error(gone) from None

    async def close(self) -> None:
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await asyncio.wait([closing])
            raise

    async def _close(self) -> None:
        await self._channel.close()
        if self._egress is not None:
            await self._egress.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Collected:
    """Parts of an answer, up to a size that was agreed on."""

    def __init__(self, most: int) -> None:
        self.data, self._most = bytearray(), most

    def add(self, part: bytes) -> None:
        self.data += part
        if len(self.data) > self._most:
            raise Broken(f"more than the {self._most} bytes that were asked for")


async def _in_parts(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), MIB):
        yield data[at : at + MIB]


def _snapshot_of(packed: Packed, cells: Sequence[Cell], *, size: int) -> Snapshot:
    return Snapshot(Copy(packed, tuple(cells)), packed.digest, size, tuple(cell.code for cell in cells))


def _kind(kind: Any) -> Any:
    return kind if kind in ("file", "folder", "link") else "other"


def _open_egress(network: Network, channel: Channel) -> Any:
    """The proxy on this side, where the session has a network."""
    if not network.allow:
        return None
    from sandbox.egress import Egress

    egress = Egress(network, send=channel.post)
    channel.take_network = egress.feed
    return egress
