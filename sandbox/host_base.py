"""A base for the container's image, made from this machine's own Python, C library and shell tools.

For machines that cannot pull an image. What goes in: an interpreter with its standard library and pip, the programs
of `PROGRAMS` as far as they are here, and the libraries that these need. Nothing of anybody's home, no configuration,
no set-user-id bit.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sandbox.contracts import SandboxUnavailable

__all__ = ["base_key", "host_python", "write_base"]

PROGRAMS = """
    awk basename bash bzip2 cat chmod cksum cmp comm cp csplit cut date dd df diff diff3 dir dirname du echo egrep env
    expand expr factor false fgrep file find fmt fold getopt git git-receive-pack git-upload-pack grep groups gunzip
    gzip head hexdump hostname id install join kill ln ls make md5sum mkdir mkfifo mktemp more mv nice nl nohup nproc
    numfmt od paste patch pathchk pr printenv printf ps pwd readlink realpath rev rm rmdir sdiff sed seq setsid sh
    sha1sum sha256sum sha512sum shuf sleep sort split stat stdbuf stty sum sync tac tail tar tee test timeout
    touch tr true truncate tsort tty uname unexpand uniq unlink unzip vdir wc which whoami xargs xz yes zip
"""
LIBRARIES = ("libgcc_s.so.1", "libstdc++.so.6", "libgomp.so.1", "libatomic.so.1")
"""Loaded at run time only: by threads that end, and by wheels with compiled parts."""
FOLDERS = ("/usr/share/zoneinfo", "/usr/share/git-core/templates", "/usr/lib/locale/C.utf8")
FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ld.so.cache")
LEFT_OUT = re.compile(
    r"(^|/)(test|tests|idlelib|tkinter|turtledemo|lib2to3|dist-packages|site-packages|config-[^/]*|posix|right)(/|$)"
    r"|(^|/)(sitecustomize\.py|EXTERNALLY-MANAGED|.*\.opt-[12]\.pyc|.*\.a)$"
)
MADE_FOLDERS = ("dev", "etc", "opt", "packages", "proc", "root", "run", "sys", "tmp", "var", "work")
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
ASK_PYTHON = """
import json, sys, sysconfig
try:
    import pip
except ImportError:
    pip = None
paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
print(json.dumps({"stdlib": sorted(paths), "pip": pip and pip.__path__[0], "version": sys.version}))
"""


def host_python() -> Path:
    """The interpreter that the base is made of: the system's own, or else the one that runs this.

    Raises:
        SandboxUnavailable: there is none.
    """
    for candidate in (Path("/usr/bin/python3"), Path(sys.base_prefix) / "bin/python3"):
        if candidate.exists():
            return candidate
    raise SandboxUnavailable("no python3 to make an image of; pull one: docker pull python:3.11-slim")


def base_key(python: Path) -> str:
    """A short name for what `write_base` would write: another one when the interpreter changed."""
    state = python.resolve().stat()
    made_of = (str(python.resolve()), state.st_size, state.st_mtime_ns, _digest(Path(__file__)))
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:12]


def write_base(python: Path, *, to: IO[bytes]) -> None:
    """Write a root folder as an uncompressed tar, every file root's and readable by all.

    Raises:
        SandboxUnavailable: this machine's libraries cannot be listed (no `ldd`, as with musl).
    """
    told = json.loads(_output([str(python), "-I", "-c", ASK_PYTHON]))
    programs = {"/usr/bin/python3": python} | dict(_programs())
    trees = [*told["stdlib"], *FOLDERS, *([told["pip"]] if told["pip"] else [])]
    files = {path: path for tree in trees for path in _below(Path(tree))}
    shared = [path for path in files if path.name.endswith(".so") or ".so." in path.name]
    needed = _libraries([*programs.values(), *shared, *(Path(name) for name in FILES)])
    placed = {str(path): path for path in files} | {name: Path(name) for name in FILES} | programs
    placed |= {str(library): library for library in needed}
    with tarfile.open(fileobj=to, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        _write(archive, placed)


def _write(archive: tarfile.TarFile, placed: dict[str, Path]) -> None:
    """Write each file once, under the folder that its path leads to, its links followed; a second name is a link."""
    folders: set[str] = set()
    for name in MADE_FOLDERS:
        _add_folder(archive, name, done=folders, mode=0o1777 if name == "tmp" else 0o755)
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if Path("/", name).is_symlink():
            _add_folder(archive, f"usr/{name}", done=folders)
            _add(archive, name, kind=tarfile.SYMTYPE, target=f"usr/{name}")
    for name, text in ACCOUNTS.items():
        _add(archive, name, content=text.encode())
    contents: dict[Path, str] = {}
    written = set()
    for name, source in sorted(placed.items()):
        inside = str(Path(name).parent.resolve() / Path(name).name).lstrip("/")
        if inside in written or not source.is_file():
            continue
        written.add(inside)
        _add_folder(archive, str(PurePosixPath(inside).parent), done=folders)
        first = contents.setdefault(source.resolve(), inside)
        if first != inside:
            _add(archive, inside, kind=tarfile.LNKTYPE, target=first)
            continue
        executable = bool(source.stat().st_mode & 0o111)
        _add(archive, inside, content=source.read_bytes(), mode=0o755 if executable else 0o644)


def _add_folder(archive: tarfile.TarFile, name: str, *, done: set[str], mode: int = 0o755) -> None:
    if name in done or name in ("", "."):
        return
    _add_folder(archive, str(PurePosixPath(name).parent), done=done)
    done.add(name)
    _add(archive, name, kind=tarfile.DIRTYPE, mode=mode)


def _add(
    archive: tarfile.TarFile,
    name: str,
    *,
    content: bytes = b"",
    mode: int = 0o644,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), target
    archive.addfile(entry, io.BytesIO(content))


def _programs() -> Iterator[tuple[str, Path]]:
    for name in PROGRAMS.split():
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if found:
            yield found, Path(found).resolve()


def _below(tree: Path) -> Iterator[Path]:
    for path in sorted(tree.rglob("*")):
        if not LEFT_OUT.search(path.relative_to(tree).as_posix()) and path.is_file():
            yield path


def _libraries(files: Iterable[Path]) -> set[Path]:
    """What the dynamic linker would load for these files, by the paths that it would use."""
    if not shutil.which("ldd"):
        raise SandboxUnavailable("no ldd on this machine to find libraries with; pull an image: python:3.11-slim")
    compiled = [str(path) for path in files if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    cached = _output(["/sbin/ldconfig", "-p"], check=False)
    known = [found for name in LIBRARIES for found in re.findall(rf"\s{re.escape(name)} .*=> (/\S+)", cached)]
    told = _output(["ldd", *compiled, *known], check=False)
    return {Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE)} | set(map(Path, known))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _output(command: list[str], *, check: bool = True) -> str:
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=check, env=environment, timeout=60).stdout
