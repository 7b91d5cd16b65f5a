"""The arena from outside: starts the server's process, and asks its control socket.

async with start() as arena:
    instance = await arena.open(seed=0)
    copy = await arena.fork(instance)
    assert await arena.digest(copy) == await arena.digest(instance)
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from environments.arena.instance import Size
from environments.arena.sites import SITES
from environments.contracts import EnvironmentFailure

__all__ = ["ArenaClient", "start"]

START_S = 30.0


class ArenaClient:
    """A running server. One connection, one question at a time; a second one waits."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.port = port
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    def address(self, site: str) -> str:
        """Where a site is, without a slash at the end."""
        return f"http://{site}.localhost:{self.port}"

    async def open(self, *, seed: int = 0, size: Size = "normal", drift: int = 0, name: str = "") -> str:
        """A fresh instance; its name."""
        return str((await self._ask("open", seed=seed, size=size, drift=drift, name=name))["instance"])

    async def fork(self, instance: str) -> str:
        """An exact copy of an instance; its name."""
        return str((await self._ask("fork", instance=instance))["instance"])

    async def reset(self, instance: str) -> None:
        """Back to how it began."""
        await self._ask("reset", instance=instance)

    async def close(self, instance: str) -> None:
        """End an instance."""
        await self._ask("close", instance=instance)

    async def digest(self, instance: str) -> str:
        """SHA-256 of an instance's state."""
        return str((await self._ask("digest", instance=instance))["digest"])

    async def log_in(self, instance: str, *, site: str, username: str) -> str:
        """A session for an account: the value of the site's cookie `session`."""
        return str((await self._ask("log_in", instance=instance, site=site, username=username))["cookie"])

    async def rows(self, instance: str, *, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """What a query of the instance's database gives."""
        rows: list[dict[str, Any]] = (await self._ask("rows", instance=instance, query=query, values=values))["rows"]
        return rows

    async def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        async with self._turn:
            try:
                self._writer.write(json.dumps({"do": operation, **arguments}).encode() + b"\n")
                await self._writer.drain()
                line = await self._reader.readline()
            except OSError as error:
                raise EnvironmentFailure(f"the arena's server is gone: {error}") from error
        if not line:
            raise EnvironmentFailure("the arena's server has ended; open the suite again")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EnvironmentFailure(f"the arena could not {operation}: {answer['error']}")
        return answer


@asynccontextmanager
async def start(*, port: int = 0, sites: Sequence[str] = SITES) -> AsyncIterator[ArenaClient]:
    """Start the server in a process of its own, and end it with the block, or with this process, however that ends.

    Raises:
        EnvironmentFailure: it does not start; with what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        socket = Path(folder) / "control"
        command = [sys.executable, "-m", "environments.arena.server", "--socket", str(socket), "--port", str(port)]
        command += ["--sites", *sites]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            async with asyncio.timeout(START_S):
                said = await process.stdout.readline()
            if not said.strip().isdigit():
                words = (await process.stderr.read()).decode(errors="replace")
                raise EnvironmentFailure(f"the arena's server did not start: {words[-1500:]}")
            reader, writer = await asyncio.open_unix_connection(socket, limit=2**26)
            try:
                yield ArenaClient(int(said), reader, writer)
            finally:
                writer.close()
        finally:
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
