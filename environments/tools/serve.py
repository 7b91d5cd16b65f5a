"""Serve the desk of one errand over MCP, on stdin and stdout: `python -m environments.tools.serve --task ID --seed N`.

The server's instructions say where one is and what to do. With `--state FILE` the state is written to that file after
each call, for a grader; no tool shows it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments.contracts import Task
from environments.tools.desk import Desk, Outcome, plain
from environments.tools.documentation import documents
from environments.tools.servers import require_mcp
from environments.tools.suite import WELCOME, instance_of
from sandbox import AgentkitError

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp.types import CallToolResult

__all__ = ["desk_server", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the input ends; 2 for a task that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m environments.tools.serve", description=__doc__)
    parser.add_argument("--task", required=True, help="such as book-meeting-1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--documentation", choices=("shipped", "true"), default="shipped")
    parser.add_argument("--state", type=Path, help="where the state is written after each call")
    given = parser.parse_args(arguments)
    try:
        require_mcp()
        instance = instance_of(Task(id=given.task, suite="tools"), given.seed)
    except AgentkitError as error:
        print(error, file=sys.stderr)
        return 2
    import anyio

    server = desk_server(
        instance.desk(),
        instructions=f"{WELCOME} {instance.goal}",
        documentation=given.documentation,
        state_file=given.state,
    )
    anyio.run(_serve, server)
    return 0


def desk_server(
    desk: Desk, *, instructions: str, documentation: Any = "shipped", state_file: Path | None = None
) -> Server:
    """A server whose tools are the desk's."""
    from mcp.server import Server
    from mcp.types import ListToolsResult, Tool

    tools = [
        Tool(name=spec.name, description=spec.description, input_schema=dict(spec.parameters))
        for spec in documents(documentation)
    ]

    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        outcome = desk.call(params.name, params.arguments or {})
        if state_file is not None:
            _write(state_file, plain(desk.state))
        return _told(outcome)

    if state_file is not None:
        _write(state_file, plain(desk.state))
    return Server("agentkit-tools", instructions=instructions, on_list_tools=list_tools, on_call_tool=call_tool)


def _told(outcome: Outcome) -> CallToolResult:
    from mcp import MCPError
    from mcp.types import INVALID_PARAMS, REQUEST_TIMEOUT, CallToolResult, TextContent

    if outcome.kind == "argument error":
        raise MCPError(INVALID_PARAMS, outcome.text)
    if outcome.kind == "timeout":
        raise MCPError(REQUEST_TIMEOUT, outcome.text)
    return CallToolResult(content=[TextContent(text=outcome.text)], is_error=outcome.kind != "result")


async def _serve(server: Server) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _write(path: Path, text: str) -> None:
    # By renaming, so that a reader never finds half a state.
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
