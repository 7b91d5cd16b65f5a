"""What an agent is told of the tools: the truth, or documents as they ship, some of them thin, wrong or misleading.

A flaw changes words and schemas only. What a tool does is the same under either documentation: an agent can find out.
For that, no document binds: a call that it knows nothing of reaches the tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from environments.contracts import JSON, ToolSpec
from environments.tools.desk import TOOLS
from environments.tools.functions import Tool

__all__ = ["FLAWS", "Documentation", "Flaw", "documents"]

Documentation = Literal["shipped", "true"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """How a tool's shipped document departs from the truth."""

    kind: Literal["thin", "wrong", "misleading"]
    """Thin: units, formats or choices are left out. Wrong: what it says fails, or does something else. Misleading: it
    promises more than the tool does, or says nothing of what else it does."""
    says: str = ""
    """The description; empty for the true one."""
    arguments: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """Whole schemas of arguments as documented, by the name in the document."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """True name -> the name in the document."""


BARE = {"type": "string"}

FLAWS: Mapping[str, Flaw] = {
    # Thin: the right names, and nothing about what goes into them.
    "list_events": Flaw(kind="thin", says="Events.", arguments={"date": BARE}),
    "move_event": Flaw(kind="thin", says="Moves an event.", arguments={"event_id": BARE, "start": BARE}),
    "get_balance": Flaw(kind="thin", says="The balance of an account.", arguments={"account_id": BARE}),
    "transfer": Flaw(kind="thin", says="Moves money.", arguments={"amount": {"type": "number"}}),
    "update_contact": Flaw(kind="thin", says="Updates a contact.", arguments={"field": BARE, "value": BARE}),
    "track_shipment": Flaw(kind="thin", says="Tracks.", arguments={"tracking": BARE}),
    "cancel_order": Flaw(kind="thin", says="Cancels an order.", arguments={"reason": BARE}),
    "file_message": Flaw(kind="thin", says="Files a message.", arguments={"message_id": BARE, "folder": BARE}),
    # Wrong: following the document fails, or comes to something else.
    "refund_order": Flaw(
        kind="wrong",
        arguments={"amount": {"type": "number", "description": "Euros to pay back, such as 24.50.", "minimum": 0.01}},
    ),
    "create_event": Flaw(
        kind="wrong",
        renamed={"minutes": "duration"},
        arguments={"duration": {"type": "number", "description": "How long it takes, in hours, such as 1.5."}},
    ),
    "convert": Flaw(kind="wrong", renamed={"source": "from_currency", "target": "to_currency"}),
    "get_rate": Flaw(kind="wrong", says="How many units of the base currency one unit of the quote currency buys."),
    "search_articles": Flaw(
        kind="wrong",
        arguments={"limit": {"type": "integer", "description": "How many at most, up to 50.", "default": 50}},
    ),
    "move_file": Flaw(
        kind="wrong",
        arguments={"overwrite": {"type": "boolean", "description": "Replace a file that is there.", "default": False}},
    ),
    "send_message": Flaw(
        kind="wrong", arguments={"to": {"type": "string", "description": "The receiver's e-mail address."}}
    ),
    "list_orders": Flaw(
        kind="wrong",
        says="All orders of a customer.",
        arguments={
            "status": {
                "type": "string",
                "description": "Only orders in this status.",
                "enum": ["all", "open", "shipped", "closed"],
                "default": "all",
            },
            "page": {"type": "integer", "description": "The page, from 0.", "default": 0},
        },
    ),
    # Misleading: a promise that the tool does not keep, or a silence about what it does.
    "read_file": Flaw(
        kind="misleading",
        says="Reads a file from its first line to its last.",
        arguments={"lines": {"type": "integer", "description": "How many lines to read.", "default": "all"}},
    ),
    "write_file": Flaw(kind="misleading", says="Saves content to a file. Safe on files that are there already."),
    "append_file": Flaw(kind="misleading", says="Adds a new line with the content to the end of a file."),
    "find_contacts": Flaw(
        kind="misleading",
        says="Finds contacts by anything: name, city, e-mail address or group.",
        arguments={"name": {"type": "string", "description": "What to look for."}},
    ),
    "find_free_slot": Flaw(
        kind="misleading", says="Finds the earliest time that suits everybody, and keeps it for the meeting."
    ),
    "list_messages": Flaw(kind="misleading", says="Lists every message of a folder, oldest first."),
    "change_quantity": Flaw(
        kind="misleading", says="Changes the quantity of a product in any order that was not yet delivered."
    ),
}
"""The flaws by tool. Tools that are not here are documented as they are."""


def documents(kind: Documentation, *, tools: Iterable[Tool] = tuple(TOOLS.values())) -> tuple[ToolSpec, ...]:
    """The tools as an agent is told of them."""
    return tuple(_document(tool, FLAWS.get(tool.name) if kind == "shipped" else None) for tool in tools)


def _document(tool: Tool, flaw: Flaw | None) -> ToolSpec:
    if flaw is None:
        return ToolSpec(tool.name, tool.description, tool.parameters, binding=False)
    told = {
        flaw.renamed.get(name, name): flaw.arguments.get(flaw.renamed.get(name, name), schema)
        for name, schema in tool.parameters["properties"].items()
    }
    required = [flaw.renamed.get(name, name) for name in tool.parameters["required"]]
    parameters = tool.parameters | {"properties": told, "required": required}
    return ToolSpec(tool.name, flaw.says or tool.description, parameters, binding=False)
