"""What a bubblewrap sandbox sees: a read-only root made of a few parts of this machine, and three folders to write in.

Of the machine there are `/usr` with its links, the dynamic linker's cache, certificates, the interpreter's own folder
where that lies elsewhere, and `packages`. There is no /home, /root, /var, /run or /sys, and of /etc only what programs
need to find names. The supervisor's files are copied in; nothing inside leads back to where they came from.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.contracts import MIB, Limits, SandboxUnavailable
from sandbox.inside import sources

__all__ = [
    "INSIDE",
    "PACKAGES",
    "UID",
    "Interpreter",
    "checked_folder",
    "copied_files",
    "find_interpreter",
    "root_arguments",
]

USER, UID = "agent", 1000
INSIDE = "/opt/agentkit"
"""Where the supervisor's files lie inside."""
PACKAGES = "/packages"
OLDEST_PYTHON = (3, 9)
SHARED_MEMORY_BYTES = 64 * MIB
USR_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ETC = ("alternatives", "ld.so.cache", "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust/extracted")
"""Shown from this machine where it has them: nothing of them is secret."""
ETC_TEXTS = {
    "passwd": f"root:x:0:0::/:/bin/false\n{USER}:x:{UID}:{UID}::/work:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n",
    "group": f"root:x:0:\n{USER}:x:{UID}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that the sandbox's user can run."""

    path: Path
    prefix: Path
    """The folder that holds it and its library."""
    version: tuple[int, int]
    magic: str
    """Of its byte code, hexadecimal."""


def find_interpreter(python: str | None = None) -> Interpreter:
    """The interpreter for the inside: `python`, or else this machine's own, or else the one that runs this.

    Raises:
        SandboxUnavailable: none that others than its owner may run, or one below Python 3.9.
    """
    places = [python] if python else ["/usr/bin/python3", f"{sys.base_prefix}/bin/python3"]
    reasons = []
    for place in places:
        path = Path(place)
        if not reachable(path):
            reasons.append(f"{place} is absent, or not for every user to run")
            continue
        found = interrogate(path)
        if found.version >= OLDEST_PYTHON:
            return found
        reasons.append(f"{place} is Python {found.version[0]}.{found.version[1]}; 3.9 or later is needed")
    raise SandboxUnavailable(f"no Python for the sandbox: {'; '.join(reasons)}. Install one: apt-get install python3")


def checked_folder(path: Path) -> Path:
    """A folder that is to be shown inside, absolute and without links.

    Raises:
        SandboxUnavailable: the sandbox's user cannot get there.
    """
    if not path.is_dir() or not reachable(path):
        raise SandboxUnavailable(
            f"packages={str(path)!r}: expected a folder that every user can read; it is absent, or it or one above it "
            "is closed to others: chmod o+rx, or move it to such as /srv"
        )
    return path.resolve()


def reachable(path: Path) -> bool:
    """Whether the sandbox's user can enter or run it: a throw-away one where root opens the sandbox, else this one."""
    if os.geteuid() != 0:
        return os.access(path, os.X_OK)
    try:
        real = path.resolve(strict=True)
        return bool(real.stat().st_mode & 0o004) and all(step.stat().st_mode & 0o001 for step in (real, *real.parents))
    except OSError:
        return False


@functools.cache
def interrogate(path: Path) -> Interpreter:
    """Ask an interpreter what it is.

    Raises:
        SandboxUnavailable: it does not run.
    """
    question = (
        "import json,sys,importlib.util as u;"
        "print(json.dumps([sys.executable,sys.base_prefix,sys.version_info[:2],u.MAGIC_NUMBER.hex()]))"
    )
    try:
        asked = subprocess.run(
            [path, "-I", "-S", "-c", question], env={}, capture_output=True, check=True, text=True, timeout=20
        )
        executable, prefix, version, magic = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SandboxUnavailable(f"{path} does not run as Python: {error}; name another one") from error
    return Interpreter(Path(os.path.realpath(executable)), Path(prefix), (version[0], version[1]), magic)


@functools.cache
def copied_files(interpreter: Interpreter) -> Mapping[str, bytes]:
    """The files that are copied in, by path. Byte code goes along where this Python makes what that one takes."""
    files = sources()
    found = {f"/etc/{name}": text.encode() for name, text in ETC_TEXTS.items()}
    found |= {f"{INSIDE}/{name}": source for name, source in files.items()}
    if interpreter.magic == importlib.util.MAGIC_NUMBER.hex():
        tag = f"cpython-{interpreter.version[0]}{interpreter.version[1]}"
        for name, source in files.items():
            stem = name.removesuffix(".py")
            found[f"{INSIDE}/__pycache__/{stem}.{tag}.pyc"] = byte_code(source, f"{INSIDE}/{name}")
    return found


def byte_code(source: bytes, path: str) -> bytes:
    """What Python would cache, marked as not to be compared with its source (PEP 552)."""
    unchecked = (1).to_bytes(4, "little")
    code = marshal.dumps(compile(source, path, "exec", dont_inherit=True))
    return importlib.util.MAGIC_NUMBER + unchecked + importlib.util.source_hash(source) + code


def root_arguments(limits: Limits, interpreter: Interpreter) -> Iterator[str]:
    """The arguments of bwrap that make the root, but for the copied files and `packages`."""
    yield from ("--perms", "0755", "--dir", "/etc", "--ro-bind", "/usr", "/usr")
    for name in USR_LINKS:
        link = Path("/") / name
        if link.is_symlink():
            yield from ("--symlink", str(link.readlink()), str(link))
        elif link.is_dir():
            yield from ("--ro-bind", str(link), str(link))
    if not interpreter.path.is_relative_to("/usr"):
        yield from ("--ro-bind", str(interpreter.prefix), str(interpreter.prefix))
    for name in ETC:
        if (Path("/etc") / name).exists():
            yield from ("--ro-bind", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    shared = min(limits.file_bytes, SHARED_MEMORY_BYTES)
    for folder, size in (("/work", limits.file_bytes), ("/tmp", limits.file_bytes), ("/dev/shm", shared)):
        yield from ("--size", str(size), "--tmpfs", folder)
