"""Frames: four bytes with the length of a JSON header, the header, and `bytes` of payload where it names them."""

from __future__ import annotations

import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Header = dict[str, Any]

__all__ = ["Broken", "Buffer", "Input", "encode", "head", "write_all"]

CHUNK = 256 * 1024
LENGTH = struct.Struct(">I")


class Broken(ValueError):
    """What came is no frame, or a larger one than allowed."""


def encode(header: Header, payload: bytes = b"") -> bytes:
    return head(header, len(payload)) + payload


def head(header: Header, size: int) -> bytes:
    """A frame up to its payload of `size` bytes."""
    text = json.dumps(dict(header, bytes=size) if size else header).encode()
    return LENGTH.pack(len(text)) + text


def parse(text: bytes, *, largest: int) -> Header:
    """Read a header and check what the reading of its payload relies on."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken(f"a header that is no JSON: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise Broken("a header without a type")
    size = header.get("bytes", 0)
    if type(size) is not int or not 0 <= size <= largest:
        raise Broken(f"a payload of {size!r:.40} bytes; at most {largest} are taken")
    return header


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Input:
    """Whole frames from a descriptor whose other end is trusted, waited for."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def next(self) -> tuple[Header, bytes]:
        """The next frame.

        Raises:
            EOFError: the other end is closed.
        """
        (size,) = LENGTH.unpack(self._exactly(4))
        header = parse(self._exactly(size), largest=2**31)
        return header, self._exactly(header.get("bytes", 0))

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self.fd, min(size, 4 * CHUNK))
            if not part:
                raise EOFError("the other end is closed")
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Buffer:
    """Frames from an end that is not trusted, as bytes of it come in."""

    def __init__(self, *, header: int, payload: int) -> None:
        self.largest_header, self.largest_payload = header, payload
        self.data = bytearray()

    def feed(self, data: bytes) -> list[tuple[Header, bytes]]:
        """The frames that `data` makes whole.

        Raises:
            Broken: a header or payload is too large, or no header.
        """
        self.data += data
        found, at = [], 0
        with memoryview(self.data) as view:
            while True:
                frame = self._take(view, at)
                if frame is None:
                    break
                header, start, at = frame
                found.append((header, bytes(view[start:at])))
        del self.data[:at]
        return found

    def _take(self, view: memoryview, at: int) -> tuple[Header, int, int] | None:
        """The header at this place, and where its payload begins and ends; None while it is not whole."""
        if len(view) < at + 4:
            return None
        (size,) = LENGTH.unpack(view[at : at + 4])
        if size > self.largest_header:
            raise Broken(f"a header of {size} bytes; at most {self.largest_header} are taken")
        start = at + 4 + size
        if len(view) < start:
            return None
        header = parse(bytes(view[at + 4 : start]), largest=self.largest_payload)
        end = start + header.get("bytes", 0)
        return (header, start, end) if len(view) >= end else None
