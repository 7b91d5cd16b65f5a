"""Finding a container engine, Docker or Podman, and talking to it over the docker SDK.

Both speak the same protocol on a socket. `DOCKER_HOST` (or Podman's `CONTAINER_HOST`) names it; without them the usual
places are looked at. A named engine that does not answer is an error, not a reason to look elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.contracts import SandboxError, SandboxUnavailable

__all__ = ["Engine", "connect", "engine_errors", "probe"]

MEND = (
    "Start one (`systemctl start docker`, or `scripts/engine.sh start DIR` for one of your own), install one "
    "(Debian: `apt-get install docker.io`), or name one with DOCKER_HOST=unix:///path/to/docker.sock"
)
PLAIN = ("unix://", "tcp://", "http://", "http+unix://")
"""Connections that carry bytes as they are; a session's frames travel on one."""

LIMITS = ("MemoryLimit", "PidsLimit", "CpuCfsQuota")
"""What an engine must be able to limit; one that cannot leaves the limit out and only warns."""
DELEGATE = "a rootless engine needs control groups of version 2 with memory, pids and cpu delegated to the user"
STUCK_S = 3.0
"""How long `probe` waits for an answer: enough for an engine on a machine that is very busy."""
SAID = 300
"""Characters of an engine's complaint that are passed on; some quote all that they were given."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered."""

    api: Any
    """The SDK's low-level client; its calls block, so they belong in a thread."""
    address: str
    kind: str
    """`docker` or `podman`."""
    version: str

    def close(self) -> None:
        """Give the connections back. May be called twice."""
        self.api.close()


def connect(address: str | None = None, *, timeout_s: float = 60.0) -> Engine:
    """The engine at `address`, or the first that answers; `timeout_s` holds for each later request.

    Raises:
        SandboxUnavailable: none answers, with what was tried and what to do.
    """
    named = address or os.environ.get("DOCKER_HOST") or os.environ.get("CONTAINER_HOST")
    tried = []
    for candidate in [named] if named else usual_addresses():
        try:
            return _ask(candidate, timeout_s=timeout_s)
        except SandboxUnavailable as refusal:
            tried.append(str(refusal))
    found = "; ".join(tried) or "there is no socket in the usual places"
    raise SandboxUnavailable(f"no container engine: {found}. {MEND}")


def probe(address: str | None = None) -> str:
    """Why no engine can be used here, or "" when one answers. Slow only where one is stuck, see `STUCK_S`."""
    try:
        connect(address, timeout_s=STUCK_S).close()
    except SandboxUnavailable as refusal:
        return str(refusal)
    return ""


def usual_addresses() -> list[str]:
    """Addresses of the sockets that lie where Docker and Podman put them, Docker's first."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    places = (
        *("/var/run/docker.sock", f"{runtime}/docker.sock", str(Path.home() / ".docker/run/docker.sock")),
        *(f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"),
    )
    return [f"unix://{place}" for place in places if _is_socket(place)]


@contextmanager
def engine_errors(doing: str, *, refused: type[SandboxError] = SandboxError) -> Iterator[None]:
    """Name what the SDK raises: `SandboxUnavailable` where the engine cannot be reached, else `refused`."""
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        said = str(error.explanation or error)
        raise refused(f"{doing}: the engine answered {said[:SAID]}{'...' if len(said) > SAID else ''}") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SandboxUnavailable(f"{doing}: the engine cannot be reached ({error}). {MEND}") from error


def _ask(address: str, *, timeout_s: float) -> Engine:
    import docker
    import docker.errors
    import requests

    if not address.startswith(PLAIN) or os.environ.get("DOCKER_TLS_VERIFY"):
        raise SandboxUnavailable(f"{address} is not reached plainly; expected one of {', '.join(PLAIN)} without TLS")
    try:
        api = docker.APIClient(base_url=address, version="auto", timeout=timeout_s)
        answer, facts = api.version(), api.info()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SandboxUnavailable(f"{address} does not answer ({_innermost(error)})") from error
    if answer.get("Os") not in ("linux", None):
        raise SandboxUnavailable(f"{address} runs {answer['Os']} containers; expected linux")
    if missing := [limit for limit in LIMITS if facts.get(limit) is False]:
        raise SandboxUnavailable(f"{address} cannot keep limits here ({', '.join(missing)}); {DELEGATE}")
    parts = " ".join(part.get("Name", "") for part in answer.get("Components") or ())
    return Engine(api, address, "podman" if "podman" in parts.lower() else "docker", answer.get("Version", "unknown"))


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return f"{type(error).__name__}: {error}"


def _is_socket(place: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(place).stat().st_mode)
    except OSError:
        return False
