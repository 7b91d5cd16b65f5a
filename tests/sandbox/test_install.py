"""Packages installed through the proxy, from an index of our own on this machine's loopback."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import threading
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.contracts import Limits, Network, Sandbox, SandboxUnavailable, Session
from sandbox.process import Process

NAME = "agentkit_probe"
LIMITS = Limits(wall_s=60, cpu_s=60, memory_bytes=2**30)


def wheel() -> bytes:
    """A package with one module and one program."""
    info = f"{NAME}-1.0.dist-info"
    contents = {
        f"{NAME}.py": "value = 42\ndef main():\n    print('the program ran')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\nprobe-program = {NAME}:main\n",
    }
    record = ""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return data.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """An index with one package."""

    def do_GET(self) -> None:
        file = f"{NAME}-1.0-py3-none-any.whl"
        body = wheel() if self.path.endswith(".whl") else f'<a href="/{file}">{file}</a>'.encode()
        found = self.path.strip("/") in (file, "simple/agentkit-probe")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_a_package_is_installed_for_the_session_and_its_forks(backend: Sandbox, index: str) -> None:
    async with await backend.open(LIMITS, network=Network((index,))) as session:
        try:
            result = await session.install(NAME, index_url=f"http://{index}/simple")
        except SandboxUnavailable as error:
            pytest.skip(f"{backend.name}: {error}")
        assert result.ok, result.stdout + result.stderr
        for each in (session, await session.fork()):
            async with each:
                assert (await each.python(f"import {NAME}\n{NAME}.value")).data == 42
                assert (await each.run(["python3", "-c", f"import {NAME}; print({NAME}.value)"])).stdout == "42\n"
                assert (await each.run("probe-program")).stdout == "the program ran\n"


async def test_an_index_that_is_not_allowed_is_not_reached(backend: Sandbox, index: str) -> None:
    if backend.isolation == "none":
        pytest.skip("without isolation every host can be reached")
    async with await backend.open(LIMITS, network=Network(("127.0.0.1:1",))) as session:
        fetch = f"import urllib.request as u\nu.urlopen('http://{index}/simple/agentkit-probe', timeout=5).status"
        result = await session.python(fetch)
        assert result.error is not None
        assert (
            await session.python(
                f"import socket\nsocket.create_connection(({index.split(':')[0]!r}, {index.split(':')[1]}), timeout=5)"
            )
        ).error is not None


async def test_the_network_serves_every_run_of_a_session(backend: Sandbox, index: str) -> None:
    fetch = f"import urllib.request as u\nu.urlopen('http://{index}/simple/agentkit-probe', timeout=10).status"
    async with await backend.open(LIMITS, network=Network((index,))) as session:
        for stateful in (False, True, False, True):
            result = await session.python(fetch, stateful=stateful)
            assert (result.data, result.error) == (200, None)
            assert (await session.run("sleep 60 & true")).ok


async def test_without_a_network_it_says_how_to_get_one(plain: Session) -> None:
    with pytest.raises(SandboxUnavailable, match=r"Network\(\('pypi.org', 'files.pythonhosted.org'\)\)"):
        await plain.install("attrs")


@pytest.mark.parametrize("names", [(), ("--index-url=http://x",), ("attrs", "-rfile"), (" ",)])
async def test_options_are_no_names(plain: Session, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="options are not taken"):
        await plain.install(*names)


async def test_a_python_without_pip_is_said(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=False, symlinks=True)
    sandbox = Process(unsafe=True, python=str(tmp_path / "bin" / "python3"))
    async with await sandbox.open(LIMITS, network=Network(("127.0.0.1:1",))) as session:
        with pytest.raises(SandboxUnavailable, match="no pip"):
            await session.install("attrs")


async def test_what_code_puts_among_the_programs_stands_in_for_none(session: Session) -> None:
    await session.write(".packages/bin/ls", "#!/bin/sh\necho planted\n", executable=True)
    assert "planted" not in (await session.run("ls")).stdout
