"""Attacks at the border where files cross: links, pipes, devices, sparse and deep things, paths, archives, snapshots.

The attack prepares the work folder; the judge then reads, writes, lists and copies as an innocent host does.
"""

from __future__ import annotations

import dataclasses

from sandbox.abuse.attack import SMALL, Attack
from sandbox.abuse.crossing import (
    artifacts,
    copied,
    distinct,
    growing,
    hostile_paths,
    listed,
    reads,
    swapped,
    unopened,
    writes,
)

__all__ = ["BORDER"]

ROOMY = dataclasses.replace(SMALL, files=10_000)

LINKS = """
import socket
os.symlink(TRAP["secret"], "link")
os.symlink("/proc/self/environ", "environ")
os.symlink("/etc/passwd", "passwd")
os.symlink("/", "root")
os.symlink(os.path.dirname(TRAP["secret"]), "folder")
os.symlink("link", "chain")
os.symlink("/dev/zero", "zero")
os.mkfifo("pipe")
os.mkdir("real")
os.symlink("/etc", "real/etc")
"ready"
"""

BORDER = (
    Attack(
        name="links as files",
        tries="have the host read a link that leads to its own secrets",
        code=LINKS,
        judge=reads("link", "chain", "environ", "passwd"),
    ),
    Attack(
        name="links as folders",
        tries="have the host read through a folder that is a link",
        code=LINKS,
        judge=reads("root{secret}", "folder/owner-secret", "root/etc/passwd", "real/etc/passwd", "real/../link"),
    ),
    Attack(
        name="pipes and devices as files",
        tries="hang the host, or feed it without end, with a pipe, a device, a folder or a terminal",
        code=LINKS,
        judge=reads("pipe", "zero", "real", "root/dev/zero", "root/dev/stdin"),
    ),
    Attack(
        name="a sparse file",
        tries="have the host read a terabyte that takes no room",
        code="""
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
open("sparse", "wb").close()
for size in (1 << 40, 1 << 34, 20 << 20):
    try:
        os.truncate("sparse", size)
        break
    except OSError:
        pass
os.path.getsize("sparse")
""",
        judge=reads("sparse"),
    ),
    Attack(
        name="writing through links",
        tries="have the host overwrite a file of its own through a link in the work folder",
        code=LINKS,
        judge=writes(
            "link",
            "chain",
            "folder/owner-secret",
            "root{secret}",
            "root/etc/{mark}",
            "root/tmp/{mark}",
            "real/etc/{mark}",
            "passwd",
        ),
    ),
    Attack(
        name="writing into a pipe",
        tries="hang the host that writes where a pipe lies",
        code=LINKS,
        judge=writes("pipe", "pipe/x"),
    ),
    Attack(
        name="a file that changes while it is read",
        tries="swap a file for a link just after it was checked",
        code="""
import threading
open("fine", "w").write("innocent")
os.link("fine", "turn")
def swap():
    number = 0
    while True:
        number += 1
        try:
            os.symlink(TRAP["secret"] if number % 2 else "/etc/passwd", f"s{number}")
            os.rename(f"s{number}", "turn")
            os.link("fine", f"t{number}")
            os.rename(f"t{number}", "turn")
        except OSError:
            pass
threading.Thread(target=swap, daemon=True).start()
"ready"
""",
        judge=swapped,
        stateful=True,
    ),
    Attack(
        name="a file that grows while it is read",
        tries="have the host read for ever",
        code="""
import threading
def grow():
    while True:
        try:
            with open("growing", "ab") as file:
                for _ in range(18):
                    file.write(bytes(1 << 20))
            os.truncate("growing", 1000)
        except OSError:
            os.truncate("growing", 1000)
threading.Thread(target=grow, daemon=True).start()
"ready"
""",
        judge=growing,
        stateful=True,
    ),
    Attack(
        name="a deep tree",
        tries="break the host's recursion with 3,000 folders in one another",
        code="deepest(3000)",
        limits=ROOMY,
        judge=listed,
    ),
    Attack(
        name="copying a deep tree",
        tries="break snapshots with 3,000 folders in one another",
        code="deepest(3000)",
        limits=ROOMY,
        judge=copied,
    ),
    Attack(
        name="names that are no names",
        tries="break the host with newlines, control characters, options and bytes that are no text in names",
        code="""
for name in (
    b"a\\nb",
    b"\\x1b[2J",
    b"-rf",
    b"--",
    b"\\xff\\xfe",
    b"x" * 255,
    b"...",
    b" ",
    b"'\\"`$(id)",
    b"\\xe2\\x80\\xae",
    b"*",
    b"a\\\\b",
    b"<script>",
):
    open(name, "w").close()
os.mkdir(b"\\xfa\\xfb")
open(b"\\xfa\\xfb/\\r\\n", "w").close()
"ready"
""",
        judge=listed,
    ),
    Attack(
        name="copying names that are no names",
        tries="break snapshots with such names",
        code="""
for name in (
    b"a\\nb",
    b"\\x1b[2J",
    b"-rf",
    b"--",
    b"\\xff\\xfe",
    b"x" * 255,
    b"...",
    b" ",
    b"*",
    b"--checkpoint-action=exec=id",
):
    open(name, "w").close()
"ready"
""",
        judge=copied,
    ),
    Attack(
        name="copying links and pipes",
        tries="have a snapshot follow links, hang at pipes, or restore through a link that points out",
        code=LINKS
        + """
open("twice", "w").write("x")
os.link("twice", "again")
os.chmod("twice", 0o6777)
os.symlink("..", "up")
""",
        judge=copied,
    ),
    Attack(
        name="copying a sparse file",
        tries="have a snapshot of nothing fill the host's disk",
        code="""
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
open("sparse", "wb").close()
for size in (1 << 40, 1 << 34, 20 << 20):
    try:
        os.truncate("sparse", size)
        break
    except OSError:
        pass
os.path.getsize("sparse")
""",
        judge=copied,
    ),
    Attack(
        name="folders with one digest",
        tries="make two different folders that pass for equal",
        code="'ready'",
        judge=distinct,
    ),
    Attack(
        name="archives",
        tries="have the host unpack a zip bomb, or a tar that climbs out",
        code="""
import io, tarfile, zipfile
with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
    for number in range(10):
        file.writestr(f"{number}", bytes(10 << 20))
with tarfile.open("climb.tar", "w") as file:
    for name in ("../../climbed", "/tmp/climbed"):
        file.addfile(tarfile.TarInfo(name), io.BytesIO())
"ready"
""",
        judge=unopened,
    ),
    Attack(
        name="artifacts that are elsewhere",
        tries="name the host's files as the rich output of a snippet",
        code="""
class Figure:
    def _repr_png_(self):
        return b"\\x89PNG" + bytes(100)
    def savefig(self, *arguments, **named):
        os.symlink(TRAP["secret"], str(arguments[0]) if isinstance(arguments[0], str) else "x")
    def _repr_mimebundle_(self, **named):
        return {"image/png": b"x", "text/html": TRAP["secret"], "../../etc": 3}
if "display" in globals():
    for thing in (Figure(), TRAP["secret"], "../../../etc/passwd", b"x" * 1000, None):
        try:
            display(thing)
        except BaseException as error:
            print(type(error).__name__)
os.makedirs("artifacts", exist_ok=True)
os.symlink(TRAP["secret"], "figure.png")
"shown"
""",
        judge=artifacts,
    ),
    Attack(
        name="paths that lead out",
        tries="give every call of the host a path that leads out of the work folder, or is none",
        code="'ready'",
        judge=hostile_paths,
    ),
)
