"""The way out of a sandbox: only to hosts on the list, only to addresses that they may lead to.

The tunnel runs as the process that it is inside a sandbox, here on this machine's own loopback, and speaks in frames to
the proxy in the test; servers and clients are real.
"""

from __future__ import annotations

import asyncio
import http.client
import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import sandbox.inside
from sandbox.contracts import Network
from sandbox.egress import Egress, allowed_address, read_rule
from sandbox.inside import frames

START = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import supervisor
supervisor.name_the_folder()
from sandbox.inside import tunnel
listener = tunnel.listen(0)
print(listener.getsockname()[1], flush=True)
tunnel.serve(socket.socket(fileno=int(sys.argv[2])), listener)
"""
BIG = bytes(range(256)) * 16_384


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


class Pages(http.server.BaseHTTPRequestHandler):
    """Says what it was asked; `/big` is four megabytes, and a POST is answered with its length."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = BIG if self.path == "/big" else f"{self.path} {self.headers['Host']} {sorted(self.headers)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        got = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        body = f"{len(got)} {got == BIG}".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a real HTTP server on the loopback."""
    running = Server(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running.server_address[1]
    running.shutdown()
    running.server_close()


@asynccontextmanager
async def proxy(*allow: str) -> AsyncIterator[tuple[int, Egress]]:
    """A tunnel process with the proxy behind it: the port where a program inside would find it."""
    ours, theirs = socket.socketpair()
    folder = str(Path(sandbox.inside.__file__).parent)
    command = [sys.executable, "-I", "-S", "-c", START, folder, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE)
    theirs.close()
    assert process.stdout is not None
    port = int(process.stdout.readline())
    reader, writer = await asyncio.open_connection(sock=ours)

    def send(header: Any, payload: bytes) -> None:
        writer.write(frames.encode(dict(header), payload))

    egress = Egress(Network(allow), send=send)
    pump = asyncio.create_task(carry(reader, egress))
    try:
        yield port, egress
    finally:
        await egress.close()
        pump.cancel()
        writer.close()
        assert await asyncio.to_thread(process.wait, 10) == 0, "the tunnel ends with its supervisor"
        process.stdout.close()


async def carry(reader: asyncio.StreamReader, egress: Egress) -> None:
    buffer = frames.Buffer(header=4096, payload=65_536)
    while data := await reader.read(65_536):
        for header, payload in buffer.feed(data):
            await egress.feed(header, payload)


def ask(port: int, url: str, *, body: bytes | None = None) -> tuple[int, bytes]:
    """Ask through the proxy, as a program inside would."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST" if body else "GET", url, body=body, headers={"Proxy-Connection": "keep-alive"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


async def test_an_allowed_address_is_reached(server: int) -> None:
    async with proxy(f"127.0.0.1:{server}") as (port, egress):
        status, text = await asyncio.to_thread(ask, port, f"http://127.0.0.1:{server}/a?b=c")
    assert status == 200
    assert text.startswith(f"/a?b=c 127.0.0.1:{server}".encode())
    assert b"Proxy-Connection" not in text
    assert egress.refused == []


@pytest.mark.parametrize("target", ["http://127.0.0.1:{other}/", "http://example.org/", "http://169.254.169.254/"])
async def test_what_is_not_listed_is_refused_and_noted(server: int, target: str) -> None:
    async with proxy(f"127.0.0.1:{server}") as (port, egress):
        status, text = await asyncio.to_thread(ask, port, target.format(other=server + 1))
    assert status == 403
    assert b"allow-list" in text
    assert len(egress.refused) == 1


async def test_a_name_that_leads_to_the_loopback_is_refused(server: int) -> None:
    async with proxy(f"localhost:{server}") as (port, egress):
        status, text = await asyncio.to_thread(ask, port, f"http://localhost:{server}/")
    assert status == 403
    assert b"not public" in text
    assert egress.refused == [f"localhost:{server}"]


async def test_connect_opens_a_pipe_and_many_at_once_do_not_mix(server: int) -> None:
    def through(port: int, number: int) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.set_tunnel("127.0.0.1", server)
        connection.request("GET", f"/{number}")
        text = connection.getresponse().read()
        connection.request("GET", f"/again-{number}")
        text += connection.getresponse().read()
        connection.close()
        return text

    async with proxy(f"127.0.0.1:{server}") as (port, _), asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(through, port, number)) for number in range(12)]
    for number, task in enumerate(tasks):
        assert f"/{number} ".encode() in task.result()
        assert f"/again-{number} ".encode() in task.result()


async def test_megabytes_pass_in_both_directions_within_the_window(server: int) -> None:
    async with proxy(f"127.0.0.1:{server}") as (port, _):
        status, text = await asyncio.to_thread(ask, port, f"http://127.0.0.1:{server}/big")
        assert (status, text == BIG) == (200, True)
        status, text = await asyncio.to_thread(ask, port, f"http://127.0.0.1:{server}/", body=BIG)
    assert (status, text) == (200, f"{len(BIG)} True".encode())


async def test_a_second_request_cannot_ride_on_an_allowed_connection(server: int) -> None:
    """Plain HTTP: the host is told to close after its answer, whatever the program wanted."""

    def twice(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            head = f"GET http://127.0.0.1:{server}/x HTTP/1.1\r\nHost: evil\r\nConnection: keep-alive\r\n\r\n"
            raw.sendall(head.encode())
            text = b""
            while data := raw.recv(65_536):
                text += data
            return text

    async with proxy(f"127.0.0.1:{server}") as (port, _):
        text = await asyncio.to_thread(twice, port)
    assert f"/x 127.0.0.1:{server} ['Connection', 'Host']".encode() in text


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"CONNECT nowhere HTTP/1.1\r\n\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"GET http://user@127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"X" * 20_000,
    ],
)
async def test_what_is_no_proxy_request_is_answered_with_400(server: int, head: bytes) -> None:
    def say(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(head)
            return raw.recv(1000)

    async with proxy(f"127.0.0.1:{server}") as (port, _):
        assert (await asyncio.to_thread(say, port)).startswith(b"HTTP/1.1 400 ")


async def test_a_host_that_is_down_is_a_bad_gateway() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    async with proxy(f"127.0.0.1:{closed}") as (port, _):
        status, text = await asyncio.to_thread(ask, port, f"http://127.0.0.1:{closed}/")
    assert status == 502
    assert b"cannot be reached" in text


async def test_frames_that_make_no_sense_are_dropped_and_too_many_bytes_end_the_connection() -> None:
    sent: list[tuple[Any, bytes]] = []
    egress = Egress(Network(("127.0.0.1:1",)), send=lambda header, payload: sent.append((header, payload)))
    await egress.feed({"type": "net-data", "id": "x"}, b"x")
    await egress.feed({"type": "net-data", "id": 7}, b"x")
    await egress.feed({"type": "net-ack", "id": 7, "count": -(2**70)}, b"")
    await egress.feed({"type": "net-open", "id": 7}, b"")
    for _ in range(12):
        await egress.feed({"type": "net-data", "id": 7}, b"x" * 65_536)
    await asyncio.sleep(0.05)
    assert ({"type": "net-close", "id": 7}, b"") in sent
    for number in range(100):
        await egress.feed({"type": "net-open", "id": 100 + number}, b"")
    assert sum(header["type"] == "net-close" for header, _ in sent) >= 100 - 64
    await egress.close()


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "pypi.org", 80, True),
        ("pypi.org", "pypi.org", 22, False),
        ("pypi.org", "evil-pypi.org", 443, False),
        ("pypi.org", "a.pypi.org", 443, False),
        ("*.pypi.org", "a.b.pypi.org", 443, True),
        ("*.pypi.org", "pypi.org", 443, False),
        ("*.pypi.org", "evilpypi.org", 443, False),
        ("PyPI.org.", "pypi.org", 443, True),
        ("10.0.0.7:8080", "10.0.0.7", 8080, True),
        ("10.0.0.7:8080", "10.0.0.7", 80, False),
        ("[::1]:81", "::1", 81, True),
        ("::1", "::1", 80, True),
    ],
)
def test_rules(entry: str, host: str, port: int, covered: bool) -> None:
    assert read_rule(entry).covers(host, port) is covered


@pytest.mark.parametrize("entry", ["", "a b", "http://x", "*", "a.*.b", "**.x", "x:0", "x:99999", "u@x"])
def test_what_is_no_rule(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        read_rule(entry)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("151.101.0.223", True),
        ("2a04:4e42::223", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_addresses_that_a_name_may_lead_to(address: str, allowed: bool) -> None:
    assert allowed_address(address, rule=read_rule("example.org")) is allowed


def test_a_rule_that_names_an_address_allows_exactly_that_one() -> None:
    rule = read_rule("127.0.0.1:8000")
    assert allowed_address("127.0.0.1", rule=rule)
    assert not allowed_address("127.0.0.2", rule=rule)
    assert not allowed_address("151.101.0.223", rule=rule)
