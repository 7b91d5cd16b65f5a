"""Finding an engine: the named one or none, a reason with a remedy, and an answer soon."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.contracts import SandboxError, SandboxUnavailable
from sandbox.engine import STUCK_S, connect, engine_errors, probe, usual_addresses

VERSION = {"ApiVersion": "1.41", "Version": "9.9", "Os": "linux", "Components": [{"Name": "Engine"}]}


class Replies(http.server.BaseHTTPRequestHandler):
    """A server of the engine's protocol that knows two questions, with one answer for both."""

    version: dict = VERSION

    def do_GET(self) -> None:
        known = self.path.endswith(("/version", "/info"))
        body = json.dumps(self.version if known else {"message": f"no such thing: {self.path}"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def engine_of(request: pytest.FixtureRequest) -> Iterator:
    servers = []

    def start(**version: object) -> str:
        replies = type("Said", (Replies,), {"version": VERSION | version})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), replies)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"tcp://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "CONTAINER_HOST", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)


def test_an_engine_says_what_it_is(engine_of) -> None:
    engine = connect(engine_of())
    assert (engine.kind, engine.version) == ("docker", "9.9")
    engine.close()
    engine = connect(engine_of(Components=[{"Name": "Podman Engine"}], Version="4.3.1"))
    assert (engine.kind, engine.version) == ("podman", "4.3.1")
    engine.close()


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "CONTAINER_HOST"])
def test_the_environment_names_the_engine(engine_of, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, engine_of(Version="8.8"))
    engine = connect()
    assert engine.version == "8.8"
    engine.close()


class SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def test_a_named_engine_that_is_silent_is_an_error_though_another_would_answer(
    engine_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("CONTAINER_HOST", engine_of())
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with SocketServer(str(tmp_path / "docker.sock"), Replies) as usual:
        threading.Thread(target=usual.serve_forever, args=(0.02,), daemon=True).start()
        assert probe(f"unix://{tmp_path}/docker.sock") == ""
        expected = r"/nowhere/docker\.sock does not answer .*apt-get install docker\.io"
        with pytest.raises(SandboxUnavailable, match=expected):
            connect()
        usual.shutdown()


def test_probe_is_empty_with_an_engine_and_a_remedy_without(engine_of) -> None:
    assert probe(engine_of()) == ""
    assert "scripts/engine.sh start" in probe("unix:///nowhere/docker.sock")


def test_probe_gives_up_soon_where_something_accepts_and_never_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        start = time.monotonic()
        assert "does not answer" in probe(f"unix://{tmp_path}/mute.sock")
        assert time.monotonic() - start < 2 * STUCK_S


def test_containers_of_another_system_are_refused(engine_of) -> None:
    with pytest.raises(SandboxUnavailable, match="windows containers; expected linux"):
        connect(engine_of(Os="windows"))


@pytest.mark.parametrize("limit", ["MemoryLimit", "PidsLimit", "CpuCfsQuota"])
def test_an_engine_that_would_leave_out_a_limit_is_refused(engine_of, limit: str) -> None:
    with pytest.raises(SandboxUnavailable, match=rf"cannot keep limits here \({limit}\).*delegated"):
        connect(engine_of(**{limit: False}))
    connect(engine_of(**{limit: True})).close()


@pytest.mark.parametrize("address", ["ssh://somewhere", "https://127.0.0.1:2376", "npipe:////./pipe/docker"])
def test_an_address_that_cannot_carry_frames_is_refused(address: str) -> None:
    with pytest.raises(SandboxUnavailable, match="not reached plainly"):
        connect(address)


def test_tls_is_refused(engine_of, monkeypatch: pytest.MonkeyPatch) -> None:
    address = engine_of()
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(SandboxUnavailable, match="without TLS"):
        connect(address)


def test_sockets_are_found_where_they_usually_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    before = usual_addresses()
    (tmp_path / "docker.sock").write_text("a plain file is none")
    (tmp_path / "podman").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "podman/podman.sock"))
        assert set(usual_addresses()) - set(before) == {f"unix://{tmp_path}/podman/podman.sock"}


def test_failures_of_the_engine_are_told_apart(engine_of) -> None:
    engine = connect(engine_of())
    with pytest.raises(SandboxError, match="the engine answered no such thing") as refusal, engine_errors("looking"):
        engine.api.inspect_container("gone")
    assert not isinstance(refusal.value, SandboxUnavailable)
    with pytest.raises(SandboxError) as long, engine_errors("looking"):
        engine.api.inspect_container("x" * 5000)
    assert 300 < len(str(long.value)) < 400
    engine.api.base_url = "http://127.0.0.1:1"
    with pytest.raises(SandboxUnavailable, match="looking: the engine cannot be reached"), engine_errors("looking"):
        engine.api.inspect_container("gone")
    engine.close()
