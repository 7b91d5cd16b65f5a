"""A work folder as a run of frames, and back: what a snapshot is made of.

    {"type": "folder", "name", "mode", "time"}   and what is in it, until {"type": "up"}
    {"type": "file", "name", "mode", "time", "size"}, then its contents as {"type": "piece", "at", "bytes"}
    {"type": "link", "name", "time", "to"}
    {"type": "same", "name", "as"}               a further name of a file that came before
    {"type": "pipe" or "socket", "name", "mode", "time"}
    {"type": "end", "digest", "size"}

A name is one name and never a path, so it leads nowhere else, and the depth is not limited. Pages of zeros are left
out, so a file with holes keeps them and takes no more room in a copy than before. Devices are left out. Nothing else
may run in the folder meanwhile.
"""

from __future__ import annotations

import json
import os
import stat

from sandbox.inside.files import Refused, Walk, open_folder, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.inside.frames import Header

__all__ = ["Packing", "unpack"]

PIECE = 256 * 1024
PAGE = 4096
NO_PAGE = bytes(PAGE)


class Packing:
    """One copy of the folder `root`, sent frame by frame."""

    def __init__(self, root: int, send: Callable[[Header, bytes], None]) -> None:
        import hashlib  # milliseconds, and not needed before

        self._walk, self._send, self._new_hash = Walk(root), send, hashlib.sha256
        self._entries, self._contents = hashlib.sha256(), hashlib.sha256()
        self._size = 0
        self._seen: dict[tuple[int, int], list[str]] = {}

    def run(self) -> None:
        walk = self._walk
        path: list[tuple[str, int]] = []
        try:
            self._tell({"type": "folder", "name": ".", **_kept(os.fstat(walk.fd))})
            left = [walk.names()]
            while left:
                if left[-1]:
                    name = left[-1].pop(0)
                    if self._pack(name, [above for above, _ in path]):
                        path.append((name, _enter(walk, name)))
                        left.append(walk.names())
                    continue
                left.pop()
                self._tell({"type": "up"})
                if left:
                    _leave(walk, *path.pop())
        finally:
            walk.close()
        digest = self._new_hash(self._entries.digest() + self._contents.digest()).hexdigest()
        self._send({"type": "end", "digest": digest, "size": self._size}, b"")

    def _tell(self, entry: Header, **hashed: object) -> None:
        """Send an entry; all of it but its time counts for the digest."""
        self._send(entry, b"")
        counted = {key: value for key, value in entry.items() if key != "time"}
        self._entries.update(json.dumps({**counted, **hashed}).encode() + b"\n")

    def _pack(self, name: str, above: list[str]) -> bool:
        """Send one entry; True for a folder, which is to be entered next."""
        about = os.stat(name, dir_fd=self._walk.fd, follow_symlinks=False)
        entry = {"name": name, **_kept(about)}
        mode = about.st_mode
        if stat.S_ISDIR(mode):
            self._tell({"type": "folder", **entry})
            return True
        if stat.S_ISLNK(mode):
            to = os.readlink(name, dir_fd=self._walk.fd)
            self._tell({"type": "link", "name": name, "time": entry["time"], "to": to})
        elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            self._tell({"type": "pipe" if stat.S_ISFIFO(mode) else "socket", **entry})
        elif stat.S_ISREG(mode):
            first = self._seen.get((about.st_dev, about.st_ino)) if about.st_nlink > 1 else None
            if first is not None:
                self._tell({"type": "same", "name": name, "as": first})
            else:
                if about.st_nlink > 1:
                    self._seen[about.st_dev, about.st_ino] = [*above, name]
                self._file({"type": "file", **entry, "size": about.st_size})
        return False

    def _file(self, entry: Header) -> None:
        self._send(entry, b"")
        fd = _open_anyway(self._walk.fd, entry["name"], entry["mode"])
        runs: list[list[int]] = []
        try:
            for at, data in _full_pages(fd, entry["size"]):
                self._send({"type": "piece", "at": at}, data)
                self._contents.update(data)
                self._size += len(data)
                if runs and runs[-1][1] == at:
                    runs[-1][1] += len(data)
                else:
                    runs.append([at, at + len(data)])
        finally:
            os.close(fd)
        counted = {key: value for key, value in entry.items() if key != "time"}
        self._entries.update(json.dumps({**counted, "runs": runs}).encode() + b"\n")


def _kept(about: os.stat_result) -> Header:
    return {"mode": stat.S_IMODE(about.st_mode), "time": about.st_mtime_ns}


def _enter(walk: Walk, name: str) -> int:
    """Go into a folder of ours even if its mode says no. Returns the mode to give back, or -1."""
    try:
        walk.down(name)
    except PermissionError:
        mode = stat.S_IMODE(os.stat(name, dir_fd=walk.fd, follow_symlinks=False).st_mode)
        os.chmod(name, 0o700, dir_fd=walk.fd)
        walk.down(name)
        return mode
    return -1


def _leave(walk: Walk, name: str, mode: int) -> None:
    walk.up()
    if mode >= 0:
        os.chmod(name, mode, dir_fd=walk.fd)


def _open_anyway(folder: int, name: str, mode: int) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o600, dir_fd=folder)
        fd = os.open(name, flags, dir_fd=folder)
        os.fchmod(fd, mode)
        return fd


def _full_pages(fd: int, size: int) -> Iterable[tuple[int, bytes]]:
    """What is not zero in a file, in whole pages, as pieces with their place."""
    at = 0
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
            end = min(size, os.lseek(fd, at, os.SEEK_HOLE))
        except OSError:  # no data from here on
            return
        at -= at % PAGE
        while at < end:
            data = os.pread(fd, min(PIECE, end - at), at)
            if not data:
                return
            yield from _without_zeros(at, data)
            at += len(data)


def _without_zeros(at: int, data: bytes) -> Iterable[tuple[int, bytes]]:
    tail = data[len(data) - len(data) % PAGE :]
    if NO_PAGE not in data and (not tail or any(tail)):
        yield at, data
        return
    start = None
    for page in range(0, len(data), PAGE):
        block = data[page : page + PAGE]
        empty = block.count(0) == len(block)
        if empty and start is not None:
            yield at + start, data[start:page]
            start = None
        elif not empty and start is None:
            start = page
    if start is not None:
        yield at + start, data[start:]


class _Unpacking:
    """A folder being made what an archive says, in place: folders that stay are kept, all else is made anew."""

    def __init__(self, root: int) -> None:
        self.root, self.walk = root, Walk(root)
        self.open: list[tuple[Header, set[str]]] = []
        self.file = -1
        self.about: Header = {}
        self.done = False

    def close(self) -> None:
        if self.file >= 0:
            os.close(self.file)
        self.walk.close()

    def take(self, entry: Header, payload: bytes) -> None:
        kind = entry["type"]
        if kind == "piece":
            os.pwrite(self.file, payload, entry["at"])
            return
        self._finish_file()
        if kind == "end":
            self.done = True
        elif kind == "up":
            self._up()
        elif not self.open:
            os.fchmod(self.walk.fd, 0o700)
            self.open.append((entry, set(self.walk.names())))
        else:
            self._make(kind, entry)

    def _make(self, kind: str, entry: Header) -> None:
        name, here = _checked(entry["name"]), self.walk.fd
        self.open[-1][1].discard(name)
        if kind == "folder":
            self._down(entry)
            return
        remove(here, name)
        if kind == "file":
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self.file, self.about = os.open(name, flags, 0o600, dir_fd=here), entry
            os.ftruncate(self.file, entry["size"])
        elif kind == "link":
            os.symlink(entry["to"], name, dir_fd=here)
        elif kind == "same":
            self._link_again([_checked(part) for part in entry["as"]], name)
        elif kind in ("pipe", "socket"):
            os.mknod(name, (stat.S_IFIFO if kind == "pipe" else stat.S_IFSOCK) | entry["mode"], dir_fd=here)
            os.chmod(name, entry["mode"], dir_fd=here)
        if kind in ("link", "pipe", "socket"):
            os.utime(name, ns=(entry["time"],) * 2, dir_fd=here, follow_symlinks=False)

    def _link_again(self, first: list[str], name: str) -> None:
        folder = open_folder(self.root, first[:-1])
        try:
            os.link(first[-1], name, src_dir_fd=folder, dst_dir_fd=self.walk.fd, follow_symlinks=False)
        finally:
            os.close(folder)

    def _down(self, entry: Header) -> None:
        name, here = entry["name"], self.walk.fd
        try:
            kept = stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            kept = False
        if not kept:
            remove(here, name)
            os.mkdir(name, 0o700, dir_fd=here)
        else:
            os.chmod(name, 0o700, dir_fd=here)
        self.walk.down(name)
        self.open.append((entry, set(self.walk.names())))

    def _up(self) -> None:
        entry, strangers = self.open.pop()
        for name in strangers:
            remove(self.walk.fd, name)
        if self.open:
            self.walk.up()
            os.utime(entry["name"], ns=(entry["time"],) * 2, dir_fd=self.walk.fd, follow_symlinks=False)
            os.chmod(entry["name"], entry["mode"], dir_fd=self.walk.fd)
        else:
            os.utime(self.root, ns=(entry["time"],) * 2)
            os.fchmod(self.root, entry["mode"])

    def _finish_file(self) -> None:
        if self.file >= 0:
            os.utime(self.file, ns=(self.about["time"],) * 2)
            os.fchmod(self.file, self.about["mode"])
            os.close(self.file)
            self.file = -1


def _checked(name: str) -> str:
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise Refused(f"an archive with the name {name!r}")
    return name


def unpack(root: int, frames: Iterable[tuple[Header, bytes]]) -> None:
    """Make the folder `root` what the frames say.

    Raises:
        Refused: the frames are no whole archive, or there is no room.
    """
    unpacking = _Unpacking(root)
    try:
        for entry, payload in frames:
            unpacking.take(entry, payload)
    except OSError as error:
        raise Refused(f"the copy does not fit: {error.strerror}; raise Limits.file_bytes or Limits.files") from None
    except (KeyError, TypeError, IndexError) as error:
        raise Refused(f"not an archive: {error!r}") from None
    finally:
        unpacking.close()
    if not unpacking.done:
        raise Refused("half an archive")
