"""A conversation with one MCP server over the official client: its tools, and calls to them.

All that a server says is somebody else's text: it is cleaned of what cannot be seen, and cut. The server itself is a
program that the user named and runs with the user's rights, as in any MCP client; it is not sandboxed.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from environments.contracts import JSON, EnvironmentFailure, ToolSpec
from environments.tools.desk import Outcome
from environments.tools.foreign import clean, mismatch, reply_of, told_names, told_schema
from environments.tools.stdio import Record, server_process
from sandbox import MissingDependencyError

if TYPE_CHECKING:
    from mcp import Client

__all__ = ["Conversation", "ServerTools", "converse", "require_mcp"]

START_S = 30.0
CALL_S = 30.0
"""Seconds for a server to become ready, and for one call, after which it counts as a timeout."""
GRACE_S = 2.0
PAGES, TOOLS = 50, 200
DESCRIPTION = 2_000
"""Most pages of a listing, tools of a server, and characters of a description."""


@dataclass(frozen=True, slots=True)
class ServerTools:
    """What a server offers, as an agent is told of it."""

    specs: tuple[ToolSpec, ...]
    names: Mapping[str, str]
    """The name that the agent uses -> the server's own."""
    schemas: Mapping[str, JSON] = field(repr=False)
    """Own name -> the schema of the arguments as the server gave it."""
    instructions: str
    """What the server says of itself."""
    mode: Literal["auto", "legacy"]
    """How to open the next conversation with it."""


class Conversation:
    """One server's process, in a task of its own; made by `converse`."""

    def __init__(self, command: tuple[str, ...], *, call_s: float) -> None:
        self.record = Record()
        self._command, self._call_s = command, call_s
        self._client: Client | None = None
        self._enough, self._ready = asyncio.Event(), asyncio.Event()
        self._problem: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, *, mode: Literal["auto", "legacy"], start_s: float) -> None:
        """Start the server and agree on a protocol."""
        self._task = asyncio.create_task(self._live(mode))
        try:
            async with asyncio.timeout(start_s):
                await self._ready.wait()
        except TimeoutError:
            await self.close()
            raise EnvironmentFailure(f"{self._who} was not ready within {start_s:g} s; {self.record}") from None
        except BaseException:
            await asyncio.shield(self.close())
            raise
        if self._client is None:
            await self.close()
            if isinstance(self._problem, EnvironmentFailure):
                raise self._problem
            raise EnvironmentFailure(f"{self._who} did not begin to talk: {self._words(self._problem)}; {self.record}")

    async def _live(self, mode: Literal["auto", "legacy"]) -> None:
        # The client's scopes have to be left by the task that entered them, so one task does both.
        from mcp import Client

        try:
            async with Client(server_process(self._command, self.record), mode=mode, cache=None) as client:
                self._client = client
                self._ready.set()
                await self._enough.wait()
        except Exception as error:
            self._problem = _innermost(error)
        finally:
            self._ready.set()

    async def tools(self) -> ServerTools:
        """What the server offers.

        Raises:
            EnvironmentFailure: it cannot be listed.
        """
        from mcp.types import ListToolsRequest, ListToolsResult, PaginatedRequestParams
        from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

        listed: list[Any] = []
        cursor: str | None = None
        for _ in range(PAGES):
            request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor))
            page = await self._ask(request, ListToolsResult)
            if not isinstance(page, ListToolsResult):
                raise EnvironmentFailure(f"{self._who} lists no tools: {page.kind}: {page.text}; {self.record}")
            listed += page.tools
            cursor = page.next_cursor
            if cursor is None or len(listed) >= TOOLS:
                break
        names = told_names([tool.name for tool in listed[:TOOLS]])
        described = {tool.name: clean(tool.description or tool.title or "", longest=DESCRIPTION) for tool in listed}
        schemas = {tool.name: tool.input_schema for tool in listed}
        client = self._live_client()
        return ServerTools(
            specs=tuple(
                ToolSpec(told, described[own], told_schema(schemas[own]), binding=False) for told, own in names.items()
            ),
            names=names,
            schemas=schemas,
            instructions=clean(client.instructions or "", longest=DESCRIPTION),
            mode="legacy" if client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS else "auto",
        )

    async def call(self, name: str, arguments: Mapping[str, JSON], *, schema: JSON) -> Outcome:
        """Call a tool by its own name. The server says whether the arguments are right; the schema only helps to tell
        a complaint about them from a failure of the tool.

        Raises:
            EnvironmentFailure: the server is gone.
        """
        from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=dict(arguments)))
        answer = await self._ask(request, CallToolResult)
        reply = reply_of(answer) if isinstance(answer, CallToolResult) else answer
        if reply.kind == "tool error" and (problem := mismatch(arguments, schema=schema)):
            return Outcome("argument error", f"{problem}; the server says: {reply.text}")
        return reply

    async def _ask(self, request: Any, shape: type[Any]) -> Any:
        """The server's answer in this shape, or a `Outcome` that says why there is none."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED, INVALID_PARAMS, REQUEST_TIMEOUT
        from pydantic import ValidationError

        slow = Outcome("timeout", f"no answer within {self._call_s:g} s; whether it was carried out is not known")
        try:
            # A second clock, as the client's own does not run while a server refuses to read.
            async with asyncio.timeout(self._call_s + GRACE_S):
                session = self._live_client().session
                return await session.send_request(request, shape, request_read_timeout_seconds=self._call_s)
        except TimeoutError:
            return slow
        except ValidationError as error:
            return Outcome("protocol error", f"the answer is not what MCP says: {clean(str(error), longest=500)}")
        except MCPError as error:
            said = clean(error.message, longest=DESCRIPTION)
            # The client has no other sign for this than a code that a server may use, too.
            if error.code == CONNECTION_CLOSED and self.record.ended:
                raise EnvironmentFailure(f"{self._who} is gone; {await self._last_words()}") from None
            if error.code == REQUEST_TIMEOUT:
                return slow if said == f"Request {request.method!r} timed out" else Outcome("timeout", said)
            if error.code == INVALID_PARAMS:
                return Outcome("argument error", said)
            return Outcome("protocol error", f"{said} (code {error.code})")

    async def _last_words(self) -> Record:
        # Its exit code and the rest of its stderr are known only when it has been ended.
        await self.close()
        return self.record

    def _live_client(self) -> Client:
        if self._client is None:
            raise EnvironmentFailure(f"the conversation with {self._who} is closed")
        return self._client

    @property
    def _who(self) -> str:
        return f"the MCP server {' '.join(self._command)!r}"

    def _words(self, error: BaseException | None) -> str:
        return clean(f"{type(error).__name__}: {error}", longest=500)

    async def close(self) -> None:
        """End the server and all that it started; may be called twice."""
        self._client = None
        self._enough.set()
        if self._task is not None:
            if not self._ready.is_set():
                self._task.cancel()
            await asyncio.wait([self._task])


async def converse(
    command: tuple[str, ...],
    *,
    mode: Literal["auto", "legacy"] = "auto",
    start_s: float = START_S,
    call_s: float = CALL_S,
) -> Conversation:
    """Start a server and open a conversation with it, to be closed with `close`.

    Args:
        command: the program and its arguments.
        mode: `legacy` spares an older server a question that it does not know.
        start_s: seconds that it may take to become ready.
        call_s: seconds that an answer may take.

    Raises:
        EnvironmentFailure: it cannot be started, dies or is not ready in time; the message has the end of its stderr.
        MissingDependencyError: the package `mcp` is not installed.
    """
    require_mcp()
    conversation = Conversation(command, call_s=call_s)
    await conversation.open(mode=mode, start_s=start_s)
    return conversation


def require_mcp() -> None:
    """See that the package `mcp` is there.

    Raises:
        MissingDependencyError: it is not; the message is how to install it.
    """
    if importlib.util.find_spec("mcp") is None:
        raise MissingDependencyError("the MCP client is not installed; `pip install 'mcp>=2.3,<3'`")


def _innermost(error: BaseException) -> BaseException:
    """The first error of a group of groups, which the client's task groups make of any."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
