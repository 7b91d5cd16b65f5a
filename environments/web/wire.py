"""A direct line to the browser, beside Playwright's.

Playwright speaks to Chromium through a driver in another process, which costs a command several times what the command
itself costs. So this process puts itself between the two: Playwright starts a launcher in the browser's place, the
launcher hands over both pairs of pipes, and what Playwright and Chromium say to each other is passed on as it is.
Commands of our own, told by their numbers, go straight to the browser and come straight back. There is no port that
another program could use; when this process ends, the pipes close and the browser ends with it.

Where that cannot be set up (on Windows; where temporary files cannot be run), everything goes through Playwright.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

    from environments.contracts import JSON

__all__ = ["Refused", "Wire", "strung"]

LAUNCHER = Path(__file__).with_name("launcher.py")
MODES = ("rb", "wb", "wb", "rb")
"""Of the descriptors that the launcher hands over."""
OURS = 1_000_000_000
"""Commands from this number on are our own; Playwright counts from 1."""
OWN_REPLY = re.compile(rb'\{"id":(1\d{9})[,}]')
EVENT = b'{"method":'
IDLE = (b'{"method":"Runtime.', b'{"method":"Page.lifecycleEvent"')
"""Events that change nothing of what Playwright tells us."""
SESSION = slice(-34, -2)
"""Where a message of a session has the session's name, which is 32 characters long: `..."sessionId":"NAME"}`."""

Answer = asyncio.Future[dict[str, "JSON"]]


class Refused(Exception):
    """The browser answered a command with an error, or has ended; `message` has the words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Wire:
    """Carries messages once the browser has been started by `program`."""

    def __init__(self, program: Path) -> None:
        self.program = program
        """What Playwright is to start."""
        self.passed_on = 0
        """Events from the browser that were Playwright's, and may have something to tell."""
        self._number = OURS
        self._waiting: dict[int, Answer] = {}
        self._marks: dict[bytes, asyncio.Future[str]] = {}
        self._events: dict[bytes, Callable[[str, dict[str, JSON]], None]] = {}
        self._ends: list[asyncio.BaseTransport] = []
        self._to_browser: asyncio.WriteTransport | None = None
        self._to_driver: asyncio.WriteTransport | None = None

    # ---- commands of our own

    async def follow(self, session: CDPSession, tell: Callable[[str, dict[str, JSON]], None]) -> str:
        """Take over one of Playwright's sessions: its events come to `tell` from now on. Returns its name."""
        self._number += 1
        mark = f"agentkit {self._number}"
        found = self._marks[mark.encode()] = asyncio.get_running_loop().create_future()
        await session.send("Runtime.evaluate", {"expression": f"'{mark}'"})
        name: str = await found
        self._events[name.encode()] = tell
        return name

    def forget(self, session: str) -> None:
        """The session has ended."""
        self._events.pop(session.encode(), None)

    def send(self, session: str, *, method: str, parameters: JSON) -> Answer:
        """Send a command. What is returned has its result once that is there, or raises `Refused`."""
        self._number += 1
        number = self._number
        answer: Answer = asyncio.get_running_loop().create_future()
        if self._to_browser is None or self._to_browser.is_closing():
            answer.set_exception(Refused("Target closed: the browser has ended"))
            return answer
        self._waiting[number] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        message = {"id": number, "method": method, "params": parameters, "sessionId": session}
        self._to_browser.write(orjson.dumps(message) + b"\0")
        return answer

    # ---- carrying

    async def carry(self, line: socket.socket) -> None:
        """Take over the pipes that launchers hand over, and carry messages; a launch that is tried again replaces."""
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(line, ready.set)
        try:
            while await ready.wait():
                ready.clear()
                try:
                    _, descriptors, _, _ = socket.recv_fds(line, 16, len(MODES))
                except BlockingIOError:  # what there was has been taken
                    continue
                await self._connect(
                    [os.fdopen(number, mode, 0) for number, mode in zip(descriptors, MODES, strict=True)]
                )
        finally:
            loop.remove_reader(line)

    async def _connect(self, pipes: list[IO[bytes]]) -> None:
        loop = asyncio.get_running_loop()
        for pipe in pipes:
            os.set_inheritable(pipe.fileno(), False)
        commands, replies, to_browser, from_browser = pipes
        ends: list[asyncio.BaseTransport] = []
        down, up = (_Messages(take, lambda: self._end(ends)) for take in (self._from_driver, self._from_browser))
        self._to_browser, _ = await loop.connect_write_pipe(asyncio.Protocol, to_browser)
        self._to_driver, _ = await loop.connect_write_pipe(asyncio.Protocol, replies)
        ends += [self._to_browser, self._to_driver]
        self._ends = ends
        for protocol, pipe in ((up, from_browser), (down, commands)):
            reading, _ = await loop.connect_read_pipe(partial(_same, protocol), pipe)
            ends.append(reading)

    def tidy(self) -> None:
        """The browser runs: what started it may go, so that nothing of it is left when this process is killed."""
        shutil.rmtree(self.program.parent, ignore_errors=True)

    def close(self) -> None:
        """Let go of the pipes; who still waits for an answer is refused it."""
        self._end(self._ends)

    def _end(self, ends: list[asyncio.BaseTransport]) -> None:
        for end in ends:
            end.close()
        for answer in list(self._waiting.values()) if ends is self._ends else ():
            if not answer.done():
                answer.set_exception(Refused("Target closed: the browser has ended"))

    def _from_driver(self, message: bytes) -> None:
        for mark in [mark for mark in self._marks if mark in message]:
            found = self._marks.pop(mark)
            found.set_result(orjson.loads(message)["sessionId"])
        if self._to_browser:
            self._to_browser.write(message + b"\0")

    def _from_browser(self, message: bytes) -> None:
        if own := OWN_REPLY.match(message):
            answer = self._waiting.get(int(own[1]))
            if answer and not answer.done():
                _settle(answer, orjson.loads(message))
        elif message.startswith(EVENT) and (tell := self._events.get(message[SESSION])):
            event = orjson.loads(message)
            tell(event["method"], event["params"])
        elif self._to_driver:
            self.passed_on += message.startswith(EVENT) and not message.startswith(IDLE)
            self._to_driver.write(message + b"\0")


def _settle(answer: Answer, reply: dict[str, JSON]) -> None:
    if error := reply.get("error"):
        answer.set_exception(Refused(str(error.get("message", error))))
    else:
        answer.set_result(reply["result"])


def _same(protocol: asyncio.Protocol) -> asyncio.Protocol:
    return protocol


class _Messages(asyncio.Protocol):
    """Cuts a stream at its zero bytes."""

    def __init__(self, take: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self._take, self._end = take, end
        self._begun: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        *whole, rest = data.split(b"\0")
        for message in whole:
            if self._begun:
                message = b"".join([*self._begun, message])
                self._begun.clear()
            self._take(message)
        if rest:
            self._begun.append(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()  # of both sides: each of them waits for its pipes to close


@asynccontextmanager
async def strung(browser: Path) -> AsyncIterator[Wire | None]:
    """A line to the browser that is about to be started inside; None where that is not possible."""
    with tempfile.TemporaryDirectory(prefix="agentkit-wire-") as folder:
        address, program = Path(folder) / "line", Path(folder) / "browser"
        if not _possible(folder):
            yield None
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.bind(str(address))
            line.setblocking(False)
            words = shlex.join([sys.executable, "-I", "-S", str(LAUNCHER), str(address), str(browser)])
            program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            program.chmod(0o700)
            wire = Wire(program)
            carrying = asyncio.create_task(wire.carry(line))
            try:
                yield wire
            finally:
                carrying.cancel()
                wire.close()


def _possible(folder: str) -> bool:
    """Descriptors can be handed over, files in the folder can be run, and its name is short enough for a socket's."""
    if not hasattr(socket, "send_fds") or len(folder) > 90:
        return False
    return not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)
