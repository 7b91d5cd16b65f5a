"""An MCP server with a tool for each way in which a call can end; with the argument `empty`, one without tools."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ListToolsResult,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()
HIDDEN = "\x1b[31mred\x1b[0m \u202eright\u2066 \U000e0041tag\u200b end"
NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "pattern": "(x+)+$"}},
    "required": ["a", "b"],
}
ANY: dict[str, Any] = {"type": "object", "properties": {}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "add": NUMBERS,
    "answer": ANY,
    "audio": ANY,
    "die": ANY,
    "fail": NUMBERS,
    "flood": ANY,
    "garbage": ANY,
    "hidden": {"type": "object", "properties": {"x": {"type": "string", "description": HIDDEN}}},
    "huge": ANY,
    "leave a child": ANY,
    "link": ANY,
    "nonsense": ANY,
    "not connected": ANY,
    "only structure": ANY,
    "picture": ANY,
    "protocol": ANY,
    "refuse": ANY,
    "resource": ANY,
    "slow": ANY,
    "structure": ANY,
}
WIRE = os.dup(1)
"""The pipe itself: the server's transport points descriptor 1 elsewhere."""


def text(said: str, **more: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=said)], **more)


async def call(context: Any, params: Any) -> CallToolResult:
    given = params.arguments or {}
    match params.name:
        case "add":
            if not all(isinstance(given.get(name), int) for name in "ab"):
                return text("a and b are whole numbers", is_error=True)
            return text(str(given["a"] + given["b"]))
        case "audio":
            return CallToolResult(content=[AudioContent(data=PIXEL, mime_type="audio/wav")])
        case "die":
            print("out of paper", file=sys.stderr, flush=True)
            os._exit(7)
        case "fail":
            return text("the printer is on fire", is_error=True)
        case "flood":
            while True:
                os.write(WIRE, b"x" * 65536)
        case "garbage":
            os.write(WIRE, b"Loading...\n" * 5)
            return text("done")
        case "hidden":
            return text(HIDDEN)
        case "huge":
            return text("a" * 500_000 + "z")
        case "leave a child":
            child = subprocess.Popen(["sleep", "300"])
            return text(str(child.pid))
        case _:
            return await call_more(params.name)


async def call_more(name: str) -> CallToolResult:
    match name:
        case "link":
            return CallToolResult(content=[ResourceLink(uri="file:///a.txt", name="a", description="a file")])
        case "nonsense":
            os.write(WIRE, b'{"jsonrpc": "2.0", "id": 9999, "result": {}}\n{"jsonrpc": "2.0"}\n')
            return text("sense")
        case "not connected":
            raise MCPError(-32000, "the database is not connected")
        case "only structure":
            return CallToolResult(content=[], structured_content={"sum": 5})
        case "picture":
            return CallToolResult(content=[ImageContent(data=PIXEL, mime_type="image/png"), TextContent(text="a dot")])
        case "protocol":
            raise MCPError(-32603, "the server is confused")
        case "refuse":
            raise MCPError(-32602, "no such colour")
        case "resource":
            inner = TextResourceContents(uri="memo://1", mime_type="text/plain", text="remember the milk")
            return CallToolResult(content=[EmbeddedResource(resource=inner)])
        case "slow":
            await anyio.sleep(60)
        case "structure":
            return text('{"sum": 5}', structured_content={"sum": 5})
    return text(name)


async def list_tools(context: Any, params: Any) -> ListToolsResult:
    names = sorted(SCHEMAS)
    half = len(names) // 2
    first = not (params and params.cursor)
    page = [Tool(name=name, description=f"{name} {HIDDEN}", input_schema=SCHEMAS[name]) for name in names]
    return ListToolsResult(tools=page[:half] if first else page[half:], next_cursor="more" if first else None)


async def no_tools(context: Any, params: Any) -> ListToolsResult:
    return ListToolsResult(tools=[])


async def main() -> None:
    listing = no_tools if sys.argv[1:] == ["empty"] else list_tools
    server: Server[Any] = Server("test", instructions=f"A server {HIDDEN}", on_list_tools=listing, on_call_tool=call)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
