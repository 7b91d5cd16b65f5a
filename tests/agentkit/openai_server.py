"""A local server that speaks the OpenAI chat protocol over real HTTP, and misbehaves on demand.

    async with OpenAIServer([rate_limited("0"), broken(500), say("hello")]) as server:
        model = ChatModel("openai/test", base_url=server.base_url, api_key="any")

The script is consumed one entry per chat request, whoever asks. `None` in it, and every request after its end, is
answered by `respond`, a function of the request's JSON that returns a `Reply` or plain text. `server.requests` keeps
each request's JSON in order of arrival, so a ledger can be compared with what the server really saw.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer. `cut_after` bytes of the body are sent before the connection is closed in the middle."""

    body: Json | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    delay_s: float = 0.0


Respond = Callable[[Json], "Reply | str | Awaitable[Reply | str]"]


def tool_call(name: str, arguments: Json | str, *, id: str = "call_1") -> Json:
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": id, "type": "function", "function": {"name": name, "arguments": raw}}


def say(
    *texts: str,
    tool_calls: Sequence[Json] = (),
    usage: Json | None = None,
    logprobs: Sequence[Json] = (),
    message: Json | None = None,
    choice: Json | None = None,
    top: Json | None = None,
    delay_s: float = 0.0,
    model: str = "test",
    finish_reason: str = "",
) -> Reply:
    """A good reply with one choice per text. `message`, `choice` and `top` add fields at their level."""
    finish = finish_reason or ("tool_calls" if tool_calls else "stop")
    choices = []
    for index, text in enumerate(texts or ("",)):
        said: Json = {"role": "assistant", "content": text, **(message or {})}
        if tool_calls:
            said["tool_calls"] = list(tool_calls)
        entry: Json = {"index": index, "message": said, "finish_reason": finish, **(choice or {})}
        if logprobs:
            entry["logprobs"] = {"content": list(logprobs)}
        choices.append(entry)
    usage = usage or {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
    return Reply({**body, "choices": choices, "usage": usage, **(top or {})}, delay_s=delay_s)


def broken(status: int = 500, message: str = "it broke", **headers: str) -> Reply:
    body = {"error": {"message": message, "type": "server_error", "code": str(status)}}
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def rate_limited(retry_after: str = "0") -> Reply:
    return broken(429, "slow down", Retry_After=retry_after)


def cut(after: int = 40) -> Reply:
    """The headers promise a whole reply; the connection closes after `after` bytes of it."""
    return Reply(say("this is cut off").body, cut_after=after)


def malformed() -> Reply:
    return Reply(b'{"id": "chatcmpl-1", "choices": [{"message"', headers={"Content-Type": "application/json"})


def no_choices() -> Reply:
    body = say("").body
    assert isinstance(body, dict)
    return Reply({**body, "choices": []})


class OpenAIServer:
    """Listens on a free port of 127.0.0.1 while the `async with` block lasts."""

    def __init__(
        self,
        script: Iterable[Reply | str | None] = (),
        *,
        respond: Respond | None = None,
        models: Sequence[str] = ("test",),
        api_key: str = "",
    ) -> None:
        self._script = list(script)
        self._respond: Respond = respond or (lambda request: "ok")
        self._models, self._api_key = models, api_key
        self.requests: list[Json] = []
        """The JSON of every chat request, in order of arrival."""
        self.headers: list[dict[str, str]] = []
        """The headers of the same requests, names in lower case."""
        self.in_flight = self.most_in_flight = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> OpenAIServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.wait(self._connections) if self._connections else None

    @property
    def root_url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def base_url(self) -> str:
        return f"{self.root_url}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        reply = await self._answer(method, path, headers, body)
        return await self._send(writer, reply)

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if self._api_key and headers.get("authorization") != f"Bearer {self._api_key}":
            return broken(401, "wrong API key")
        if (method, path) == ("GET", "/v1/models"):
            return Reply({"object": "list", "data": [{"id": name, "object": "model"} for name in self._models]})
        if (method, path) != ("POST", "/v1/chat/completions"):
            return broken(404, f"no route {method} {path}")
        request = json.loads(body)
        self.requests.append(request)
        self.headers.append(headers)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = await self._next(request)
            await asyncio.sleep(reply.delay_s)
        finally:
            self.in_flight -= 1
        return reply

    async def _next(self, request: Json) -> Reply:
        reply: Any = self._script.pop(0) if self._script else None
        if reply is None:
            reply = self._respond(request)
            if inspect.isawaitable(reply):
                reply = await reply
        return say(reply) if isinstance(reply, str) else reply

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body[: reply.cut_after])
        await writer.drain()
        return reply.cut_after is None
