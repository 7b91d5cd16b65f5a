"""The way out of a sandbox: an HTTP proxy outside it that dials only the hosts of an allow-list.

A program inside speaks to 127.0.0.1:3128; its bytes come here in frames (`sandbox.inside.tunnel`), in every backend.
Understood are `CONNECT host:port`, for TLS, and `GET http://host/path` with its relatives, for plain HTTP.

Covered: hosts and ports not on the list; names that lead to private, loopback, link-local or metadata addresses; a name
whose address changes between check and connection (the checked address is the one that is dialled); a second request
to another host on the same connection; endless heads, connections that nobody reads.
Not covered: what an allowed host does with what it is sent. An allowed host is a way out for data.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.contracts import Network

__all__ = ["Egress", "Rule", "allowed_address", "read_rule"]

WINDOW = 256 * 1024
"""Bytes of a connection that may be under way in one direction; the other side says when it passed them on."""
CHUNK = 64 * 1024
CONNECTIONS = 64
HEAD_BYTES = 16 * 1024
HEAD_S, DIAL_S, IDLE_S = 10.0, 10.0, 60.0
USUAL_PORTS = (80, 443)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Send = Callable[[Mapping[str, Any], bytes], None]


class Refused(Exception):
    """A request that is not passed on; the message goes back to the program."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Rule:
    """An entry of the allow-list."""

    host: str
    """Lower-case name or address; `*.` in front means any name below it."""
    ports: tuple[int, ...] = USUAL_PORTS

    def covers(self, host: str, port: int) -> bool:
        """Whether a request to this host and port is allowed by name."""
        if port not in self.ports:
            return False
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host


def read_rule(entry: str) -> Rule:
    """An entry such as `pypi.org`, `*.example.org`, `10.0.0.7:8080` or `[::1]:8080`.

    Raises:
        ValueError: it is none of these.
    """
    parts = _authority(entry.strip())
    if parts is None or (parts[0].count("*") and not parts[0].startswith("*.")) or parts[0].count("*") > 1:
        raise ValueError(f"{entry!r} is no host: expected a name, *.name or an address, with or without :port")
    host, port = parts
    return Rule(host, USUAL_PORTS if port is None else (port,))


def _authority(text: str) -> tuple[str, int | None] | None:
    """Host and port of `host`, `host:port`, `[v6]:port`; None where it is not that."""
    if not text or any(char.isspace() or char in "/@?#\\" for char in text):
        return None
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0:
        return None
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
    return ascii_host.lower().rstrip("."), port


def allowed_address(address: str, *, rule: Rule) -> bool:
    """Whether an address may be dialled for a rule: any public one, or exactly the one that the rule itself names."""
    plain = _unwrapped(ipaddress.ip_address(address))
    with suppress(ValueError):
        return plain == _unwrapped(ipaddress.ip_address(rule.host))
    return plain.is_global and not plain.is_multicast and not plain.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in ipaddress.IPv6Network("64:ff9b::/96"):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


async def _addresses(host: str) -> list[str]:
    """The addresses of a name; of an address, itself, so that it waits for no thread."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    try:
        async with asyncio.timeout(DIAL_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Refused("502 Bad Gateway", f"{host} has no address: {error}") from error
    return [str(entry[4][0]).partition("%")[0] for entry in found]


class _Connection:
    """One connection of a program inside: what it sent, and how much it has taken."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = asyncio.StreamReader(limit=HEAD_BYTES)
        self.sent_bytes = 0
        """Received from inside and not yet acknowledged."""
        self.under_way = 0
        self.room = asyncio.Event()
        self.room.set()
        self.task: asyncio.Task[None] | None = None


class Egress:
    """The proxy of one session. `send` puts a frame on its way in."""

    def __init__(self, network: Network, *, send: Send) -> None:
        self.refused: list[str] = []
        """Hosts that were asked for and refused, each once, in order; at most 100."""
        self._rules = tuple(read_rule(entry) for entry in network.allow)
        self._send = send
        self._connections: dict[int, _Connection] = {}

    async def feed(self, header: Mapping[str, Any], payload: bytes) -> None:
        """Take a `net-*` frame from inside. Frames that make no sense are dropped: what sends them is not trusted."""
        number = header.get("id")
        if not isinstance(number, int):
            return
        if header["type"] == "net-open" and number not in self._connections:
            self._open(number)
        connection = self._connections.get(number)
        if connection is None:
            return
        if header["type"] == "net-data":
            connection.sent_bytes += len(payload)
            if connection.sent_bytes > WINDOW + CHUNK:
                self._drop(connection)
                return
            connection.sent.feed_data(payload)
        elif header["type"] == "net-ack" and isinstance(header.get("count"), int):
            connection.under_way = max(0, connection.under_way - max(0, header["count"]))
            if connection.under_way < WINDOW:
                connection.room.set()
        elif header["type"] == "net-close":
            self._drop(connection)

    async def close(self) -> None:
        """End all connections."""
        connections = list(self._connections.values())
        for connection in connections:
            self._drop(connection)
        tasks = [connection.task for connection in connections if connection.task]
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    def _open(self, number: int) -> None:
        if len(self._connections) >= CONNECTIONS:
            self._send({"type": "net-close", "id": number}, b"")
            return
        connection = self._connections[number] = _Connection(number)
        connection.task = asyncio.create_task(self._serve(connection))
        connection.task.add_done_callback(lambda _: self._forget(connection))

    def _forget(self, connection: _Connection) -> None:
        self._connections.pop(connection.number, None)
        self._send({"type": "net-close", "id": connection.number}, b"")

    def _drop(self, connection: _Connection) -> None:
        connection.sent.feed_eof()
        if connection.task is not None:
            connection.task.cancel()

    async def _serve(self, connection: _Connection) -> None:
        """One connection from its first byte to its end."""
        try:
            reader, writer, head = await self._dial(connection)
            try:
                if head:
                    writer.write(head)
                else:
                    await self._tell(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
                await self._relay(connection, reader, writer)
            finally:
                writer.close()
        except Refused as refusal:
            body = f"{refusal}\n".encode()
            status = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            await self._tell(connection, status.encode() + b"Connection: close\r\n\r\n" + body)
        except (OSError, TimeoutError):
            return

    async def _dial(self, connection: _Connection) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        """Read the request's head, check it, and connect. The bytes are what the host is to get first; for TLS none."""
        try:
            async with asyncio.timeout(HEAD_S):
                head = await connection.sent.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise Refused("400 Bad Request", "no whole request came") from error
        self._acknowledge(connection, len(head))
        host, port, first = _request(head)
        address = await self._checked(host, port)
        try:
            async with asyncio.timeout(DIAL_S):
                reader, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            raise Refused("502 Bad Gateway", f"{host}:{port} cannot be reached: {error}") from error
        return reader, writer, first

    async def _checked(self, host: str, port: int) -> str:
        """The address to dial for a host on the list."""
        rule = next((rule for rule in self._rules if rule.covers(host, port)), None)
        if rule is None:
            self._note(f"{host}:{port}")
            listed = ", ".join(f"{rule.host}:{'/'.join(map(str, rule.ports))}" for rule in self._rules)
            raise Refused("403 Forbidden", f"{host}:{port} is not on this sandbox's allow-list ({listed or 'empty'})")
        addresses = await _addresses(host)
        for address in addresses:
            if allowed_address(address, rule=rule):
                return address
        self._note(f"{host}:{port}")
        raise Refused(
            "403 Forbidden", f"{host} leads to {addresses[0]}, which is not public; allow that address itself"
        )

    async def _relay(self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Move bytes both ways until one side ends or nothing moves for a minute."""
        both = {
            asyncio.create_task(self._outward(connection, writer)),
            asyncio.create_task(self._inward(connection, reader)),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)

    async def _outward(self, connection: _Connection, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await connection.sent.read(CHUNK):
                writer.write(data)
                await writer.drain()
                self._acknowledge(connection, len(data))

    async def _inward(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, TimeoutError):
            while True:
                async with asyncio.timeout(IDLE_S):
                    data = await reader.read(CHUNK)
                if not data:
                    return
                await self._tell(connection, data)

    async def _tell(self, connection: _Connection, data: bytes) -> None:
        """Send bytes in, not more than the window ahead of what the program takes."""
        async with asyncio.timeout(IDLE_S):
            await connection.room.wait()
        connection.under_way += len(data)
        if connection.under_way >= WINDOW:
            connection.room.clear()
        self._send({"type": "net-data", "id": connection.number}, data)

    def _acknowledge(self, connection: _Connection, count: int) -> None:
        connection.sent_bytes -= count
        self._send({"type": "net-ack", "id": connection.number, "count": count}, b"")

    def _note(self, host: str) -> None:
        if host not in self.refused and len(self.refused) < 100:
            self.refused.append(host)


def _request(head: bytes) -> tuple[str, int, bytes]:
    """Host and port of a request, and what to send to it first: nothing for CONNECT, else the request in origin form.

    Hop-by-hop headers are dropped, Host is set from the address, and the connection ends with the response, so that a
    second request cannot ride on it.
    """
    try:
        line, *headers = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = line.split(" ")
    except ValueError:
        raise Refused("400 Bad Request", "the request line is not `METHOD target HTTP/1.1`") from None
    if method == "CONNECT":
        where = _authority(target)
        if where is None or where[1] is None:
            raise Refused("400 Bad Request", f"CONNECT wants host:port, got {target[:200]!r}")
        return where[0], where[1], b""
    scheme, separator, rest = target.partition("://")
    authority, _, path = rest.partition("/")
    where = _authority(authority)
    if scheme != "http" or not separator or where is None or version not in ("HTTP/1.0", "HTTP/1.1"):
        raise Refused("400 Bad Request", f"this is a proxy: ask for http://host/path, or CONNECT; got {target[:200]!r}")
    dropped = {"host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"}
    kept = [header for header in headers if header.partition(":")[0].strip().lower() not in dropped]
    lines = [f"{method} /{path} HTTP/1.1", f"Host: {authority}", "Connection: close", *kept]
    return where[0], where[1] or 80, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
