"""What a tool is: a function over a state of plain data, with the JSON Schema of what it really takes.

The schema here is the truth, and holds the only defaults. What an agent is told may differ; see `documentation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from environments.contracts import JSON
from sandbox import AgentkitError

__all__ = [
    "DATE",
    "MOMENT",
    "State",
    "Tool",
    "ToolRefused",
    "argument_problem",
    "found",
    "listing",
    "new_id",
    "one_of",
    "optional",
    "takes",
    "text",
    "whole",
    "with_defaults",
]

State = dict[str, dict[str, Any]]
"""Tables of records by their id; everything in it is JSON."""

Schema = dict[str, JSON]

DATE = r"^\d{4}-\d{2}-\d{2}$"
MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$"
TEXT_LENGTH = 200
LONGEST_PROBLEM = 500
"""Characters of a complaint about an argument, which repeats the argument."""


class ToolRefused(AgentkitError):
    """The tool understood its arguments and cannot do it; the message is what the agent reads."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tool:
    """A function of a back end. `run(state, **arguments)` changes the state in place and returns JSON."""

    run: Callable[..., JSON]
    description: str
    parameters: Schema
    """JSON Schema of an object, without further properties."""

    @property
    def name(self) -> str:
        return self.run.__name__


def takes(**arguments: Schema) -> Schema:
    """The schema of an object with these properties; those without a default are required."""
    required = [name for name, schema in arguments.items() if "default" not in schema]
    return {"type": "object", "properties": arguments, "required": required, "additionalProperties": False}


def text(description: str, *, pattern: str = "", longest: int = TEXT_LENGTH) -> Schema:
    """The schema of a string of 1 to `longest` characters."""
    schema: Schema = {"type": "string", "description": description, "minLength": 1, "maxLength": longest}
    return schema | ({"pattern": pattern} if pattern else {})


def whole(description: str, *, low: int, high: int) -> Schema:
    """The schema of a whole number from `low` to `high`."""
    return {"type": "integer", "description": description, "minimum": low, "maximum": high}


def one_of(description: str, *choices: str) -> Schema:
    """The schema of one of a few words."""
    return {"type": "string", "description": description, "enum": list(choices)}


def listing(description: str, items: Schema, *, most: int = 20) -> Schema:
    """The schema of a list of 1 to `most` items."""
    return {"type": "array", "description": description, "items": items, "minItems": 1, "maxItems": most}


def optional(schema: Schema, default: JSON) -> Schema:
    """The same schema for an argument that may be left out."""
    return schema | {"default": default}


def argument_problem(tool: Tool, arguments: Mapping[str, JSON]) -> str:
    """What is wrong with the arguments, in words; empty when the tool takes them."""
    from jsonschema.exceptions import best_match

    properties = tool.parameters["properties"]
    accepted = f"{tool.name} accepts: {', '.join(properties) or 'no arguments'}"
    if unknown := [name for name in arguments if name not in properties]:
        return f"unexpected {' and '.join(map(repr, unknown))}; {accepted}"
    if missing := [name for name in tool.parameters["required"] if name not in arguments]:
        return f"missing {' and '.join(map(repr, missing))}; {accepted}"
    if not _sound(arguments):
        return "a number is not finite, or a text is not valid Unicode"
    error = best_match(_validator(tool).iter_errors(arguments))
    if error is None:
        return ""
    place = ".".join(map(str, error.absolute_path))
    return f"{place}: {error.message[:LONGEST_PROBLEM]}"


def with_defaults(tool: Tool, arguments: Mapping[str, JSON]) -> dict[str, JSON]:
    """Arguments as the function gets them, its own to keep: copied, defaults filled in, and 3.0 as 3."""
    properties = tool.parameters["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    return defaults | {name: _plain(value) for name, value in arguments.items()}


def found(state: State, *, table: str, key: str) -> dict[str, JSON]:
    """The record of this id.

    Raises:
        ToolRefused: there is none.
    """
    if key not in state[table]:
        raise ToolRefused(f"not found: no {table.removesuffix('s')} {key!r}")
    record: dict[str, JSON] = state[table][key]
    return record


def new_id(state: State, *, table: str, letter: str) -> str:
    """The id of a record to come: one more than the highest of its table."""
    numbers = [int(key.partition("-")[2]) for key in state[table]]
    return f"{letter}-{max(numbers, default=100) + 1}"


@cache
def _validator(tool: Tool) -> Any:
    # Making one takes much longer than using it.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(tool.parameters)


def _plain(value: JSON) -> JSON:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _sound(value: JSON) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return not any("\ud800" <= one <= "\udfff" for one in value)
    if isinstance(value, Mapping):
        return all(map(_sound, value.values()))
    return all(map(_sound, value)) if isinstance(value, (list, tuple)) else True
