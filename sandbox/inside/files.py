"""Files of the work folder, reached from its descriptor name by name: a link is never followed, `..` never taken.

So no path leads out, whatever a program puts there while we look.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Refused", "Walk", "list_files", "open_folder", "read_file", "remove", "split", "write_file"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LISTED, LISTED_BYTES = 10_000, 4 * 2**20
LONGEST = 4096
CHUNK = 256 * 1024


class Refused(Exception):
    """Why a file cannot cross the border."""


def split(path: str) -> list[str]:
    """The names on the way to a path; none for the work folder itself.

    Raises:
        Refused: it is absolute, has `..` or a zero byte.
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    if path.startswith("/") or ".." in names or "\0" in path:
        raise Refused("leads out of the work folder; give a path relative to it, without '..'")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise Refused("is no name that a file can have; give text without lone surrogates") from None
    return names


def open_folder(root: int, names: list[str], *, make: bool = False) -> int:
    """Open a folder below `root`; with `make`, those that are absent are made.

    Raises:
        Refused: one of the names is no folder.
    """
    fd = os.dup(root)
    try:
        for name in names:
            if make:
                try:
                    os.mkdir(name, dir_fd=fd)
                except FileExistsError:
                    pass
            below = os.open(name, FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
    except OSError as error:
        os.close(fd)
        raise Refused(_because(error, name)) from None
    return fd


def _because(error: OSError, name: str) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return f"{name!r} is a link or no folder, and is not followed"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"there is no room: {error.strerror}; raise Limits.file_bytes or Limits.files"
    return f"{name!r}: {error.strerror}"


def kind_of(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def read_file(root: int, path: str, *, largest: int, send: Callable[[bytes], None]) -> int:
    """Send a regular file in pieces and return its size.

    Raises:
        Refused: it is absent, none, or above `largest` bytes.
    """
    names = split(path)
    if not names:
        raise Refused("is the work folder itself")
    folder = open_folder(root, names[:-1])
    try:
        # A pipe would block the opening; a device could do anything.
        fd = os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused("is a link, and links are not followed") from None
        if error.errno == errno.ENXIO:
            raise Refused("is not a regular file") from None
        raise Refused(_because(error, names[-1])) from None
    finally:
        os.close(folder)
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise Refused(f"is not a regular file but a {kind_of(about.st_mode)}")
        size = 0
        while True:
            if max(size, about.st_size) > largest:
                raise Refused(f"has {max(size, about.st_size)} bytes, more than max_bytes={largest}")
            data = os.read(fd, CHUNK)
            if not data:
                return size
            size += len(data)
            if size <= largest:
                send(data)
    except OSError as error:
        raise Refused(_because(error, names[-1])) from None
    finally:
        os.close(fd)


def write_file(root: int, path: str, *, parts: Iterator[bytes], executable: bool) -> None:
    """Write a file beside its place and move it there, so that nothing is written through what lay there.

    Raises:
        Refused: there is something that is no regular file, or no room.
    """
    names = split(path)
    if not names:
        raise Refused("is the work folder itself")
    *above, name = names
    folder = open_folder(root, above, make=True)
    beside = f".{os.urandom(8).hex()}.part"
    try:
        _refuse_what_is_no_file(folder, name)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[os.write(fd, view) :]
            os.fchmod(fd, 0o755 if executable else 0o644)
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(beside, dir_fd=folder)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise Refused(_because(error, name)) from None
    finally:
        os.close(folder)


def _refuse_what_is_no_file(folder: int, name: str) -> None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise Refused(f"there is a {kind_of(mode)} in that place, and only regular files are written")


class Walk:
    """A walk over a tree of any depth with one open descriptor.

    `fd` is the folder where it is. It comes back up by `..`, and makes sure that it is where it came from.
    """

    def __init__(self, root: int) -> None:
        self.fd = os.dup(root)
        self._above: list[tuple[int, int]] = []

    @property
    def depth(self) -> int:
        return len(self._above)

    def names(self) -> list[str]:
        """What is in the folder, sorted."""
        # A dup shares its position with the folder that it was made of, and may stand at its end.
        os.lseek(self.fd, 0, os.SEEK_SET)
        return sorted(os.listdir(self.fd))

    def down(self, name: str) -> None:
        below = os.open(name, FOLDER, dir_fd=self.fd)
        about = os.fstat(self.fd)
        self._above.append((about.st_dev, about.st_ino))
        os.close(self.fd)
        self.fd = below

    def up(self) -> None:
        above = os.open("..", FOLDER, dir_fd=self.fd)
        about = os.fstat(above)
        os.close(self.fd)
        self.fd = above
        if (about.st_dev, about.st_ino) != self._above.pop():
            raise Refused("a folder was moved while it was being read")

    def close(self) -> None:
        os.close(self.fd)


def list_files(root: int, path: str) -> list[tuple[str, str, int]]:
    """Path, kind and size of what is in a folder and below, sorted.

    At most 10,000 entries and 4 MiB of paths; nothing below a path of more than 4,096 bytes.
    """
    start = open_folder(root, split(path))
    walk = Walk(start)
    os.close(start)
    found: list[tuple[str, str, int]] = []
    prefix = "".join(f"{name}/" for name in split(path))
    room = LISTED_BYTES
    try:
        left = [(prefix, walk.names())]
        while left:
            prefix, names = left[-1]
            if not names:
                left.pop()
                if left:
                    walk.up()
                continue
            name = names.pop(0)
            about = _look(walk.fd, name)
            if about is None:
                continue
            room -= len(prefix) + len(name)
            if len(found) >= LISTED or room < 0:
                break
            found.append((prefix + name, kind_of(about.st_mode), about.st_size if stat.S_ISREG(about.st_mode) else 0))
            if stat.S_ISDIR(about.st_mode) and len(prefix) + len(name) < LONGEST and _enter(walk, name):
                left.append((f"{prefix}{name}/", walk.names()))
    finally:
        walk.close()
    return sorted(found)


def _look(folder: int, name: str) -> os.stat_result | None:
    """What a name is; None when it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def _enter(walk: Walk, name: str) -> bool:
    try:
        walk.down(name)
    except OSError:
        return False
    return True


def remove(folder: int, name: str) -> None:
    """Remove whatever has this name in the folder, however deep and whatever its modes. Nothing else may run."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
    else:
        return
    walk = Walk(folder)
    try:
        open_anyway(walk, name)
        path = [name]
        while path:
            below = _clear(walk)
            if below is None:
                walk.up()
                os.rmdir(path.pop(), dir_fd=walk.fd)
            else:
                open_anyway(walk, below)
                path.append(below)
    finally:
        walk.close()


def open_anyway(walk: Walk, name: str) -> None:
    """Enter a folder of ours even if its mode says no."""
    os.chmod(name, 0o700, dir_fd=walk.fd)
    walk.down(name)


def _clear(walk: Walk) -> str | None:
    """Unlink all that is no folder; the name of a folder that is left, if there is one."""
    for name in walk.names():
        try:
            os.unlink(name, dir_fd=walk.fd)
        except OSError as error:
            if error.errno not in (errno.EISDIR, errno.EPERM):
                raise
            return name
    return None
