"""Files between the host and the work folder: requests of the host, each with its number, and their answers.

Longer contents come and go as `part` frames: before the answer to `read`, `list` and `snapshot`, and after the request
of `write` and `restore`, the last one empty.
"""

from __future__ import annotations

import json

from sandbox.inside import archive, files
from sandbox.inside.frames import Buffer, head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.inside.frames import Header, Input

__all__ = ["Transfers"]

PART = 256 * 1024


class Transfers:
    """Answers requests about the folder that `root` is open at."""

    KINDS = ("read", "write", "list", "snapshot", "restore")

    def __init__(self, root: int, incoming: Input, send: Callable[[Header, bytes], None]) -> None:
        self._root, self._input, self._send = root, incoming, send
        self._coming = False

    def answer(self, header: Header) -> None:
        """Do what the header asks, and say how it went."""
        self._coming = header["type"] in ("write", "restore")
        told: Header = {"type": "reply", "id": header["id"]}
        try:
            told.update(getattr(self, f"_{header['type']}")(header))
        except files.Refused as refusal:
            told["refused"] = str(refusal)
        except OSError as error:
            told["refused"] = error.strerror or str(error)
        for _ in self._parts():
            pass  # what a refused request still brings
        self._send(told, b"")

    def _parts(self) -> Iterator[bytes]:
        while self._coming:
            _, payload = self._input.next()
            self._coming = bool(payload)
            if payload:
                yield payload

    def _read(self, header: Header) -> Header:
        send = self._sender(header["id"])
        return {"size": files.read_file(self._root, header["path"], largest=header["largest"], send=send)}

    def _write(self, header: Header) -> Header:
        files.write_file(self._root, header["path"], parts=self._parts(), executable=header["executable"])
        return {}

    def _list(self, header: Header) -> Header:
        found = json.dumps(files.list_files(self._root, header["path"])).encode()
        send = self._sender(header["id"])
        for start in range(0, len(found), PART):
            send(found[start : start + PART])
        return {}

    def _snapshot(self, header: Header) -> Header:
        send = self._sender(header["id"])
        waiting: list[bytes] = []
        size, last = 0, {}

        def gather(entry: Header, payload: bytes) -> None:
            nonlocal waiting, size, last
            last = entry
            if header["digest_only"]:
                return
            waiting += [head(entry, len(payload)), payload]
            size += len(payload) + len(waiting[-2])
            if size >= PART:
                send(b"".join(waiting))
                waiting, size = [], 0

        archive.Packing(self._root, gather).run()
        send(b"".join(waiting))
        return {"digest": last["digest"], "size": last["size"]}

    def _restore(self, header: Header) -> Header:
        buffer = Buffer(header=2**31, payload=2**31)
        archive.unpack(self._root, (frame for part in self._parts() for frame in buffer.feed(part)))
        return {}

    def _sender(self, number: int) -> Callable[[bytes], None]:
        return lambda data: self._send({"type": "part", "id": number}, data)
