"""One run, seen from the host: its output as it comes, the functions that it calls, and its end."""

from __future__ import annotations

import asyncio
import codecs
import inspect
import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.channel import Channel, Gone, Header
from sandbox.contracts import JSON, HostFunction, Limits, OnOutput, Output, Result, Stop
from sandbox.errors import AgentkitError
from sandbox.inside.frames import Broken
from sandbox.results import command_result, load_json

__all__ = ["Call", "Running", "Runs"]


LOOK_S = 0.1
"""Seconds between two looks at whether something of a run was killed from outside."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the host, and what it gave. Kept, as it is not made again when a snippet is replayed."""

    name: str
    arguments: JSON
    reply: JSON


@dataclass(slots=True, kw_only=True)
class Running:
    """A run under way. Takes the frames that the sandbox sends about it."""

    channel: Channel
    limits: Limits
    functions: Mapping[str, HostFunction]
    on_output: OnOutput | None
    done: asyncio.Future[Header]
    told: Header = field(default_factory=dict)
    """What the supervisor says of its end."""
    answer: bytes = b""
    """What the interpreter says of it."""
    number: int = 0
    condemned: Stop | None = None
    """Why it was killed from here."""
    began: bool = False
    """A new interpreter was started for it."""
    failure: BaseException | None = None
    """What a function of the host or `on_output` raised: it ends the run, and is raised to whoever asked for it."""
    calls: list[Call] = field(default_factory=list)
    _texts: dict[str, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    _decoders: dict[str, codecs.IncrementalDecoder] = field(
        default_factory=lambda: {
            name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")
        }
    )
    _printed: int = 0
    _calling: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """The session's interpreter has survived it."""
        return self.told.get("alive") is True

    def text(self, stream: Literal["stdout", "stderr"]) -> str:
        return "".join(self._texts[stream])

    def receive(self, header: Header, payload: bytes) -> None:
        """Take a frame.

        Raises:
            Broken: it does not fit.
        """
        kind = header["type"]
        if kind == "output":
            self._take_output(header.get("stream"), payload)
        elif kind == "call":
            self._take_call(header.get("name"), payload)
        elif kind in ("began", "goes-on"):
            self.began = kind == "began"
        elif kind == "done":
            self.channel.forget(self.number)
            self._take_rest()
            self.told, self.answer = header, payload
            if not self.done.done():
                self.done.set_result(header)
        else:
            raise Broken(f"a frame {kind!r:.40} about a run")

    def finish(self) -> None:
        if self._calling is not None:
            self._calling.cancel()

    def fail(self, error: BaseException) -> None:
        """End the run for an error on the host."""
        self.failure = self.failure or error
        self.channel.post({"type": "kill", "id": self.number})

    # ---- output

    def _take_output(self, stream: Any, payload: bytes) -> None:
        self._printed += len(payload)
        if stream not in self._texts or self._printed > self.limits.output_bytes:
            raise Broken("more output than it may send, or for no stream")
        self._add(stream, self._decoders[stream].decode(payload))

    def _take_rest(self) -> None:
        for stream, decoder in self._decoders.items():
            self._add(stream, decoder.decode(b"", final=True))  # type: ignore[arg-type]

    def _add(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        if not text:
            return
        self._texts[stream].append(text)
        if self.on_output is not None and self.failure is None:
            try:
                self.on_output(Output(stream, text))
            except Exception as error:
                self.fail(error)

    # ---- functions of the host

    def _take_call(self, name: Any, payload: bytes) -> None:
        if not isinstance(name, str) or (self._calling is not None and not self._calling.done()):
            raise Broken("a call while another one is under way, or of nothing")
        self._calling = asyncio.create_task(self._call(name, payload))

    async def _call(self, name: str, payload: bytes) -> None:
        try:
            arguments, reply = await self._reply(name, payload)
            self.calls.append(Call(name, arguments, reply))
            await self.channel.send({"type": "answer", "id": self.number}, json.dumps(reply).encode())
        except Gone:
            pass  # whoever waits for the run learns of it
        except Exception as error:
            self.fail(error)

    async def _reply(self, name: str, payload: bytes) -> tuple[JSON, JSON]:
        """The arguments of a call, and what a function of the host gives or the error that the code is to see."""
        function = self.functions.get(name)
        if function is None:
            return None, {"error": f"{name}() is not offered in this run"}
        try:
            arguments = load_json(payload)
            args, kwargs = list(arguments["args"]), dict(arguments["kwargs"])
            inspect.signature(function).bind(*args, **kwargs)
        except (TypeError, KeyError, ValueError) as error:
            return None, {"error": f"{name}() cannot be called like this: {error}"}
        return arguments, await _outcome(function, args, kwargs)


async def _outcome(function: HostFunction, args: list[JSON], kwargs: dict[str, JSON]) -> JSON:
    try:
        return {"value": await function(*args, **kwargs)}
    except (AgentkitError, ValueError) as error:
        return {"error": str(error)}


class Runs:
    """Has the supervisor do one run at a time, and makes an end of one that it does not end."""

    def __init__(self, channel: Channel, *, limits: Limits, grace_s: float) -> None:
        self._channel, self._limits, self._grace_s = channel, limits, grace_s
        self._current: Running | None = None

    def new(self, functions: Mapping[str, HostFunction], on_output: OnOutput | None) -> Running:
        """A run that has not begun."""
        for name in functions:
            if not name.isidentifier():
                raise ValueError(f"a function named {name!r}; expected a name that Python code can call")
        self._channel.check()
        return Running(
            channel=self._channel,
            limits=self._limits,
            functions=functions,
            on_output=on_output,
            done=self._channel.future(),
        )

    async def carry_out(self, running: Running, request: Header, *, payload: bytes, wall_s: float | None) -> Result:
        """Do a run.

        Raises:
            Gone: the sandbox has ended, and not for want of memory or room for files.
            Broken: what it says of the run makes no sense.
        """
        channel, wall_s = self._channel, self._wall_s(wall_s)
        killed_before = self._kills()
        start = time.monotonic()
        self._current = running
        watching = asyncio.create_task(self._watch(running, killed_before))
        try:
            running.number = channel.expect(running.receive)
            async with asyncio.timeout(wall_s + self._grace_s):
                await channel.send({**request, "id": running.number, "wall_s": wall_s}, payload)
                running.told = await asyncio.shield(running.done)
        except TimeoutError:
            await channel.end(f"it did not stop a run after {wall_s:g} s")
            running.told = {"stop": Stop.WALL_TIME.value}
        except Gone as gone:
            running.told = _ended_with_it(gone)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            self._current = None
            watching.cancel()
            running.finish()
        if running.failure is not None:
            raise running.failure
        return command_result(
            running.told,
            stdout=running.text("stdout"),
            stderr=running.text("stderr"),
            limits=self._limits,
            wall_s=wall_s,
            took_s=time.monotonic() - start,
            killed=running.condemned or self._killed(killed_before),
        )

    async def _watch(self, running: Running, before: dict[Stop, int]) -> None:
        """When the kernel or a watch outside kills one process of a run, the run is over its limit as a whole."""
        while running.condemned is None:
            await asyncio.sleep(LOOK_S)
            running.condemned = self._killed(before)
        self._channel.post({"type": "kill", "id": running.number})

    def _killed(self, before: dict[Stop, int]) -> Stop | None:
        return next((stop for stop, number in self._kills().items() if number > before[stop]), None)

    def _kills(self) -> dict[Stop, int]:
        link = self._channel.link
        return {Stop.MEMORY: link.oom_kills() or 0, Stop.FILES: link.file_kills()}

    def _wall_s(self, asked: float | None) -> float:
        if asked is None:
            return self._limits.wall_s
        if not (asked > 0 and math.isfinite(asked)):
            raise ValueError(f"wall_s={asked!r}: expected seconds above zero")
        return min(asked, self._limits.wall_s)

    async def stop(self) -> None:
        """Kill what runs and wait until it has ended; a sandbox in which it does not is ended."""
        running = self._current
        if running is None:
            return
        self._channel.post({"type": "kill", "id": running.number})
        ending = asyncio.ensure_future(asyncio.wait([running.done], timeout=self._grace_s))
        while not ending.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(ending)
        if not running.done.done():
            await self._channel.end("it did not end a run that was killed")


def _ended_with_it(gone: Gone) -> Header:
    """What is to be told of a run whose sandbox was ended for what the run did; for another end, that goes on."""
    for stop in (Stop.MEMORY, Stop.FILES):
        if str(gone) == stop.value:
            return {"stop": stop.value}
    raise gone
