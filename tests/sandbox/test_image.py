"""The container's image: what a base from this machine holds, and that an image is built once and never used stale."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from sandbox import host_base
from sandbox.contracts import SandboxUnavailable
from sandbox.engine import Engine, connect, probe
from sandbox.host_base import base_key, host_python, write_base
from sandbox.image import HOST_BASE, ensure_image, own_sources, remove_stale_images

with_engine = pytest.mark.skipif(bool(probe()), reason=probe())


@pytest.fixture(scope="module")
def base() -> dict[str, tarfile.TarInfo]:
    archive = io.BytesIO()
    write_base(host_python(), to=archive)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as read:
        return {member.name: member for member in read.getmembers()}


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = connect()
    yield found
    found.close()


def test_the_base_has_an_interpreter_a_shell_and_their_libraries(base: dict[str, tarfile.TarInfo]) -> None:
    assert {"usr/bin/python3", "usr/bin/bash", "usr/bin/git", "tmp", "work", "etc/passwd"} <= set(base)
    assert any("libc.so.6" in name for name in base)
    assert any(name.endswith("/encodings/utf_8.py") for name in base)
    assert base["tmp"].mode == 0o1777


def test_nothing_in_the_base_gives_rights_or_belongs_to_a_person(base: dict[str, tarfile.TarInfo]) -> None:
    assert [name for name, member in base.items() if member.mode & 0o6000 or member.uid or member.gid] == []
    assert [name for name, member in base.items() if member.isdev() or member.mtime] == []
    assert [name for name in base if name.startswith(("home/", "root/", "var/", "usr/local/"))] == []
    assert [name for name in base if name.endswith((".pth", "sitecustomize.py", "EXTERNALLY-MANAGED"))] == []


def test_rights_that_a_file_gives_are_left_behind(tmp_path) -> None:
    for name, mode in (("program", 0o6755), ("text", 0o2640)):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(mode)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        host_base._write(archive, {str(path): path for path in tmp_path.iterdir()})
    written.seek(0)
    with tarfile.open(fileobj=written) as archive:
        modes = {member.name.rpartition("/")[2]: member.mode for member in archive.getmembers()}
    assert (modes["program"], modes["text"]) == (0o755, 0o644)


def test_each_name_is_there_once_and_after_its_folder(base: dict[str, tarfile.TarInfo]) -> None:
    seen: set[str] = set()
    for name, member in base.items():
        folder = name.rpartition("/")[0]
        assert folder in seen or not folder, name
        assert not member.islnk() or member.linkname in seen
        seen.add(name)
    assert len(seen) > 500


def test_another_interpreter_makes_another_base(tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1")
    second.write_bytes(b"22")
    assert base_key(first) != base_key(second)
    assert base_key(first) == base_key(first)


@with_engine
def test_an_image_is_built_once(engine: Engine) -> None:
    name = ensure_image(engine, base=HOST_BASE)
    built = engine.api.inspect_image(name)
    assert ensure_image(engine, base=HOST_BASE) == name
    again = engine.api.inspect_image(name)
    assert (again["Id"], again.get("Metadata")) == (built["Id"], built.get("Metadata"))  # with the time of its tag
    assert built["Config"]["User"] == "65534:65534"


@with_engine
def test_an_image_that_is_here_is_used_when_no_base_is_asked_for(engine: Engine) -> None:
    name = ensure_image(engine, base=HOST_BASE)
    pulled = [tag for found in engine.api.images(image_of(name)) for tag in found["RepoTags"] if ":image-" in tag]
    assert ensure_image(engine) in {name, *pulled}


@with_engine
def test_other_files_make_another_image_which_is_stale_here(engine: Engine) -> None:
    name = ensure_image(engine, base=HOST_BASE)
    other = ensure_image(engine, base=HOST_BASE, sources={**own_sources(), "inside/note.py": b"another = 'version'\n"})
    assert other != name
    assert f"image {other}" in remove_stale_images(engine)
    assert [tag for found in engine.api.images(image_of(name)) for tag in found["RepoTags"]].count(name) == 1
    assert ensure_image(engine, base=HOST_BASE) == name


@with_engine
def test_a_stale_image_that_a_container_uses_stays(engine: Engine) -> None:
    other = ensure_image(engine, base=HOST_BASE, sources={**own_sources(), "inside/note.py": b"in = 'use'\n"})
    container = engine.api.create_container(other)["Id"]
    try:
        assert f"image {other}" not in remove_stale_images(engine)
    finally:
        engine.api.remove_container(container)
    assert f"image {other}" in remove_stale_images(engine)


@with_engine
def test_a_base_that_cannot_be_had_is_named(engine: Engine) -> None:
    with pytest.raises(SandboxUnavailable, match=r"'localhost:1/none:none' is not here and cannot be pulled"):
        ensure_image(engine, base="localhost:1/none:none")


@with_engine
def test_a_build_that_fails_says_what_the_engine_said(engine: Engine) -> None:
    broken = {**own_sources(), "Dockerfile": b"ARG BASE\nFROM ${BASE}\nCOPY absent/ /opt/\n"}
    with pytest.raises(SandboxUnavailable, match=r"could not be built FROM localhost/agentkit-base.*absent"):
        ensure_image(engine, base=HOST_BASE, sources=broken)


def image_of(name: str) -> str:
    return name.partition(":")[0]
