"""The container's image: built from sandbox/Dockerfile where it is absent, and named after what went into it.

The name carries a hash of the Dockerfile and of the files inside, so that an image of another version is never used.
The base is, in this order: the one that was asked for; python:3.11-slim, if the engine has it or can pull it; a base
made of this machine's own Python (`sandbox.host_base`).
"""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sandbox.contracts import SandboxUnavailable
from sandbox.engine import Engine, engine_errors
from sandbox.host_base import base_key, host_python, write_base

__all__ = ["HOST_BASE", "LABEL", "PULLED_BASE", "ensure_image", "own_sources", "remove_stale_images"]

PULLED_BASE = "python:3.11-slim"
HOST_BASE = "host"
"""As a base: this machine's own Python."""
REPOSITORY = "localhost/agentkit-sandbox"
LABEL = "agentkit.sources"
"""Label of an image: the hash of what it was built from, or the name of a base of ours."""
PULL_LIMIT_S = 180

log = logging.getLogger(__name__)


Sources = Mapping[str, bytes]
"""The Dockerfile and the files beside it that it copies, by name."""


def ensure_image(engine: Engine, *, base: str | None = None, sources: Sources | None = None) -> str:
    """The name of a ready image, built first when there is none: seconds with a base at hand, else a pull.

    Args:
        engine: where it is kept.
        base: name of an image with a Python >= 3.9 and a bash, or `HOST_BASE`; None for the best to be had.
        sources: what it is built from; None for this version's own.

    Raises:
        SandboxUnavailable: the base that was asked for cannot be had.
    """
    sources = sources or own_sources()
    with engine_errors("making the sandbox's image"):
        if base is None:
            for name in (_tag(PULLED_BASE, sources), _tag(HOST_BASE, sources)):
                if _has(engine, name):
                    return name
            base = PULLED_BASE if _obtain(engine, PULLED_BASE) else HOST_BASE
        name = _tag(base, sources)
        if not _has(engine, name):
            _build(engine, name, base=base, sources=sources)
        return name


def own_sources() -> Sources:
    """What this version's image is built from."""
    from sandbox.inside import sources

    inside = {f"inside/{name}": content for name, content in sources().items()}
    return {"Dockerfile": (Path(__file__).parent / "Dockerfile").read_bytes()} | inside


def remove_stale_images(engine: Engine) -> list[str]:
    """Remove the images of other versions that no container uses, and say which."""
    import docker.errors

    removed = []
    current = {_digest(own_sources()), _base_name(HOST_BASE)}
    with engine_errors("removing old images"):
        for image in engine.api.images(filters={"label": LABEL}):
            if image["Labels"][LABEL] in current:
                continue
            for name in image.get("RepoTags") or [image["Id"]]:
                try:
                    engine.api.remove_image(name)
                except docker.errors.APIError:
                    continue  # in use
                removed.append(f"image {name}")
    return removed


def _tag(base: str, sources: Sources) -> str:
    key = hashlib.sha256(f"{_digest(sources)} {_base_name(base)}".encode()).hexdigest()[:12]
    return f"{REPOSITORY}:{'host' if base == HOST_BASE else 'image'}-{key}"


def _base_name(base: str) -> str:
    return f"localhost/agentkit-base:{base_key(host_python())}" if base == HOST_BASE else base


def _has(engine: Engine, name: str) -> bool:
    import docker.errors

    try:
        engine.api.inspect_image(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _obtain(engine: Engine, name: str) -> bool:
    """Whether the engine has an image, or could pull it."""
    import docker
    import docker.errors
    import requests

    if _has(engine, name):
        return True
    log.info("pulling %s, the base of the sandbox's image", name)
    puller = docker.APIClient(base_url=engine.address, version="auto", timeout=PULL_LIMIT_S)
    try:
        puller.pull(name)
    except (docker.errors.DockerException, requests.RequestException) as error:
        log.info("%s cannot be pulled (%s)", name, error)
    finally:
        puller.close()
    return _has(engine, name)


def _build(engine: Engine, name: str, *, base: str, sources: Sources) -> None:
    from_name = _base_name(base)
    if base == HOST_BASE:
        if not _has(engine, from_name):
            _import_host_base(engine, from_name)
    elif not _obtain(engine, base):
        raise SandboxUnavailable(f"the image {base!r} is not here and cannot be pulled; name another base, or 'host'")
    steps = engine.api.build(
        fileobj=_context(sources),
        custom_context=True,
        tag=name,
        buildargs={"BASE": from_name},
        labels={LABEL: _digest(sources)},
        network_mode="none",
        rm=True,
        forcerm=True,
        decode=True,
        use_config_proxy=False,
    )
    for step in steps:
        if "error" in step:
            raise SandboxUnavailable(
                f"the sandbox's image could not be built FROM {from_name}: {step['error'].strip()}"
            )


def _import_host_base(engine: Engine, name: str) -> None:
    with tempfile.TemporaryFile() as archive:
        write_base(host_python(), to=archive)
        archive.seek(0)
        settings = [f"LABEL {LABEL}={name}", "ENV PATH=/usr/local/bin:/usr/bin:/bin"]
        # The name whole: Podman does not heed a tag that is given apart.
        engine.api.import_image_from_data(archive, repository=name, changes=settings)


def _context(sources: Sources) -> io.BytesIO:
    """What the build is given, as a tar."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, content in sorted(sources.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    context.seek(0)
    return context


def _digest(sources: Sources) -> str:
    parts = (f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in sorted(sources.items()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
