"""The host's end of a sandbox: questions go in as frames, answers are checked, and silence and death are noticed.

Whatever comes out of a sandbox may come from an attacker: sizes are limited before anything is read, JSON is checked,
and a frame that fits nothing ends the sandbox.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from sandbox.contracts import SandboxBroken, SessionClosed
from sandbox.inside.frames import Broken, encode, parse

__all__ = ["Channel", "Gone", "Link", "Receiver"]

HEADER_BYTES = 64 * 1024
PAYLOAD_BYTES = 4 * 2**20 + HEADER_BYTES
DRAIN_EVERY = 2**20
SLOWEST = 2**20
"""Bytes per second below which an answer is taken for none."""
PROTOCOL = 1
LAST_WORDS_S = 5.0
"""Seconds to learn why a sandbox ended."""

Header = dict[str, Any]
Parts = AsyncIterator[bytes]
Receiver = Callable[[Header, bytes], None]
"""Takes the frames that answer one question. Raises `Broken` for one that does not fit."""


class Link(Protocol):
    """A launched supervisor, however it was launched. What a backend has to give."""

    @property
    def reader(self) -> asyncio.StreamReader:
        """Its standard output."""
        ...

    def write(self, data: bytes) -> None:
        """To its standard input, without waiting."""
        ...

    async def drain(self) -> None:
        """Wait until most of what was written has been taken."""
        ...

    async def kill(self) -> None:
        """End everything in the sandbox at once and free everything. May be called twice."""
        ...

    async def wait(self) -> str:
        """Return when the sandbox is gone, with the reason: `memory`, `files`, words of its own, or nothing."""
        ...

    def oom_kills(self) -> int:
        """How many processes the kernel has killed for want of memory so far; 0 where that cannot be known."""
        ...

    def file_kills(self) -> int:
        """How many processes a watch outside has killed for their files so far."""
        ...


class Gone(Exception):
    """The sandbox has ended, and why."""


class Channel:
    """Questions to one supervisor and its answers, several at once."""

    def __init__(self, link: Link, *, answer_s: float) -> None:
        self.link = link
        self.take_network: Callable[[Header, bytes], Awaitable[None]] | None = None
        """Takes the frames of the tunnel; without it they are not expected."""
        self._answer_s = answer_s
        self._numbers = itertools.count(1)
        self._receivers: dict[int, Receiver] = {}
        self._waiting: set[asyncio.Future[Any]] = set()
        self._sending = asyncio.Lock()
        self._gone: str | None = None
        self._closed = False
        self._listening: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def open(self, configuration: Header) -> None:
        """Greet the supervisor and give it its limits.

        Raises:
            Gone: it does not answer as one.
        """
        try:
            async with asyncio.timeout(self._answer_s):
                hello, _ = await self._next()
                if hello["type"] != "hello" or hello.get("protocol") != PROTOCOL:
                    raise Broken(f"it began with {hello!r:.200} instead of a greeting")
                await self.send({"type": "configure", **configuration})
                ready, _ = await self._next()
                if ready["type"] != "ready":
                    raise Broken(f"it answered {str(ready.get('why', ready))[-2000:]!r}")
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                await self.end("cancelled")
                raise
            await self.end(_in_words(error), by_itself=isinstance(error, asyncio.IncompleteReadError))
            raise Gone(self._gone) from None
        self._listening = asyncio.create_task(self._listen())

    # ---- asking

    def expect(self, receiver: Receiver) -> int:
        """A number for a question whose answers `receiver` takes, until it is forgotten.

        Raises:
            Gone: the sandbox has ended.
        """
        self.check()
        number = next(self._numbers)
        self._receivers[number] = receiver
        return number

    def forget(self, number: int) -> None:
        self._receivers.pop(number, None)

    def future(self) -> asyncio.Future[Any]:
        """A future that fails with `Gone` when the sandbox ends."""
        made: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.add(made)
        made.add_done_callback(self._forget_future)
        return made

    def _forget_future(self, made: asyncio.Future[Any]) -> None:
        self._waiting.discard(made)
        if not made.cancelled():
            made.exception()  # seen: nobody may be waiting for it any more

    async def ask(
        self,
        header: Header,
        *,
        parts: Parts | None = None,
        take: Callable[[bytes], None] | None = None,
    ) -> Header:
        """Put a question about files and return the answer; `take` gets the parts that come before it.

        Raises:
            Gone: the sandbox has ended, or ended for not answering.
        """
        answer = self.future()
        start, received = asyncio.get_running_loop().time(), 0

        def receive(told: Header, payload: bytes) -> None:
            if told["type"] == "part" and take is not None:
                nonlocal received
                received += len(payload)
                patience.reschedule(start + self._answer_s + received / SLOWEST)
                take(payload)
            elif told["type"] == "reply":
                self.forget(number)
                if not answer.done():
                    answer.set_result(told)
            else:
                raise Broken(f"a frame {told['type']!r:.40} to a question about files")

        number = self.expect(receive)
        try:
            async with asyncio.timeout(self._answer_s) as patience:
                await self.send(dict(header, id=number), parts=parts)
                return dict(await answer)
        except TimeoutError:
            if not patience.expired():
                raise
            await self.end(f"it did not answer for {self._answer_s:g} s")
            raise Gone(self._gone) from None

    async def send(self, header: Header, payload: bytes = b"", *, parts: Parts | None = None) -> None:
        """Send a frame, and parts that belong to it, with nothing between."""
        async with self._sending:
            self.check()
            whole = False
            try:
                self.link.write(encode(header, payload))
                if parts is not None:
                    await self._send_parts(parts)
                whole = True
                await self.link.drain()
            except (OSError, RuntimeError, SandboxBroken):
                await self.end("it takes nothing more", by_itself=True)
                self.check()
            except BaseException:
                if not whole:
                    await self.end("a request was cut off in the middle")
                raise

    async def _send_parts(self, parts: Parts) -> None:
        written = 0
        async for part in parts:
            self.link.write(encode({"type": "part"}, part))
            written += len(part)
            if written >= DRAIN_EVERY:
                written = 0
                await self.link.drain()
        self.link.write(encode({"type": "part"}))

    def post(self, header: Mapping[str, Any], payload: bytes = b"") -> None:
        """Send a short frame at once. It may be lost when the sandbox is ending."""
        if self._gone is None:
            with suppress(OSError, RuntimeError, SandboxBroken):
                self.link.write(encode(dict(header), payload))

    # ---- listening

    async def _next(self) -> tuple[Header, bytes]:
        reader = self.link.reader
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        if size > HEADER_BYTES:
            raise Broken(f"a header of {size} bytes; at most {HEADER_BYTES} are taken")
        header = parse(await reader.readexactly(size), largest=PAYLOAD_BYTES)
        return header, await reader.readexactly(header.get("bytes", 0))

    async def _listen(self) -> None:
        try:
            while True:
                header, payload = await self._next()
                await self._dispatch(header, payload)
        except Exception as error:
            await self.end(_in_words(error), by_itself=isinstance(error, asyncio.IncompleteReadError))

    async def _dispatch(self, header: Header, payload: bytes) -> None:
        if header["type"].startswith("net-") and self.take_network is not None:
            await self.take_network(header, payload)
            return
        if header["type"] == "broken":
            raise Broken(f"its supervisor failed: {str(header.get('why'))[-2000:]}")
        number = header.get("id")
        receiver = self._receivers.get(number) if type(number) is int else None
        if receiver is None:
            raise Broken(f"a frame {header['type']!r:.40} that answers nothing")
        receiver(header, payload)

    # ---- the end

    def check(self) -> None:
        """Raise `Gone` when the sandbox has ended."""
        if self._gone is not None:
            raise Gone(self._gone)

    async def end(self, why: str, *, by_itself: bool = False) -> None:
        """End the sandbox, or what is left of it. Everything that waits for it fails with `Gone`."""
        if self._ending is None:
            self._gone = why  # at once, so that nobody asks meanwhile
            self._ending = asyncio.create_task(self._end(by_itself=by_itself))
        await asyncio.shield(self._ending)

    async def close(self) -> None:
        self._closed = True
        await self.end("closed")
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _end(self, *, by_itself: bool) -> None:
        """What ended by itself may say why only as long as nobody has killed it."""
        try:
            if by_itself:
                await self._last_words()
            await self.link.kill()
            if not by_itself:
                await self._last_words()
        finally:
            for future in list(self._waiting):
                if not future.done():
                    future.set_exception(Gone(self._gone))
            self._receivers.clear()

    async def _last_words(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                reason = await self.link.wait()
                if reason and reason != "killed":
                    self._gone = reason

    def as_error(self, gone: Gone, *, output: str = "") -> SandboxBroken | SessionClosed:
        """What the caller of a session gets to see."""
        if self._closed:
            return SessionClosed("the session is closed; open another one")
        error = SandboxBroken(f"the sandbox is gone with its files: {gone}; open another one")
        if output:
            error.add_note(f"output: {output}")
        return error


def _in_words(error: BaseException) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "it ended by itself"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error) or type(error).__name__
