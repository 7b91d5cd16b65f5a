"""A small web server on 127.0.0.1 for the page tests: the fixture pages, and the ways in which servers misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

PAGES = Path(__file__).resolve().parent.parent / "fixtures" / "pages"

Query = dict[str, str]


class PageServer:
    """Serves `tests/fixtures/pages` at `/NAME` and the odd cases below. `seen` lists what was asked for, in order.

    In pages, `{other}` stands for `other`: the address of a second server, hence of another origin.
    """

    def __init__(self, *, other: str = "") -> None:
        self.other = other
        self.seen: list[str] = []
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def url(self, path: str) -> str:
        return f"{self.origin}/{path}"

    async def __aenter__(self) -> PageServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split()[1].decode()
            self.seen.append(target)
            parts = urlsplit(target)
            answer: Callable[[asyncio.StreamWriter, Query], Awaitable[None]] | None
            answer = getattr(self, f"_{parts.path.strip('/').replace('-', '_')}", None)
            if answer is not None:
                await answer(writer, dict(parse_qsl(parts.query)))
            else:
                await self._page(writer, parts.path.strip("/"))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _page(self, writer: asyncio.StreamWriter, name: str) -> None:
        path = PAGES / f"{name}.html"
        if path.is_file():
            reply(writer, path.read_text(encoding="utf-8").replace("{other}", self.other))
        else:
            reply(writer, "<title>Not here</title><h1>Not here</h1>", status="404 Not Found")

    async def _late(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """Answers after `ms`."""
        await asyncio.sleep(int(query.get("ms", "600")) / 1000)
        reply(writer, f"<title>late</title>{query.get('text', 'late words')}")

    async def _never(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """Never answers, within a test."""
        await asyncio.sleep(60)

    async def _drip(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """A page whose text comes and never ends."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
        writer.write(b"<title>drip</title><button onclick=\"this.textContent='pressed'\">press me</button>")
        for _ in range(600):
            writer.write(b"<!-- more -->")
            await writer.drain()
            await asyncio.sleep(0.1)

    async def _file(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """A download of `bytes` under the name `name`."""
        name = query.get("name", "report.csv")
        reply(
            writer, "x" * int(query.get("bytes", "12")), extra=f'Content-Disposition: attachment; filename="{name}"\r\n'
        )

    async def _flood(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """A download that goes on and on."""
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=flood.bin\r\nConnection: close\r\n\r\n"
        )
        for _ in range(500):
            writer.write(b"x" * 100_000)
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _away(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """Redirects to `to`."""
        reply(writer, "", status="302 Found", extra=f"Location: {query['to']}\r\n")

    async def _cut(self, writer: asyncio.StreamWriter, query: Query) -> None:
        """Closes the connection without a word."""


def reply(writer: asyncio.StreamWriter, body: str, *, status: str = "200 OK", extra: str = "") -> None:
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(data)}\r\n"
    writer.write(f"{head}{extra}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + data)
