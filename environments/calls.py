"""Checks a tool call against what the tools declare, before anything is done with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from environments.contracts import JSON, Action, ToolSpec

__all__ = ["ActionError", "check_action", "nearest"]

LARGEST = 1e12
"""No argument that is a number may be further from zero; what takes pixels or seconds has its own limits."""


@dataclass(frozen=True, slots=True)
class ActionError:
    """An action that cannot be taken as it was given, and what would have been right."""

    message: str


def check_action(action: Action, tools: Sequence[ToolSpec]) -> Action | ActionError:
    """The action with its arguments in the types that its tool declares and defaults left out, or what is wrong.

    A call of a tool whose schema does not bind is returned as it is.
    """
    tool = next((tool for tool in tools if tool.name == action.name), None)
    if tool is None:
        return ActionError(f"no action {action.name!r}; {nearest(action.name, [tool.name for tool in tools])}")
    if not tool.binding:
        return action
    properties: Mapping[str, Mapping[str, JSON]] = tool.parameters.get("properties", {})
    for name in action.arguments:
        if name not in properties:
            return ActionError(f"{tool.name} has no argument {name!r}; {_signature(tool)}")
    missing = [name for name in tool.parameters.get("required", ()) if action.arguments.get(name) is None]
    if missing:
        return ActionError(f"{tool.name} lacks {' and '.join(map(repr, missing))}; {_signature(tool)}")
    arguments: dict[str, JSON] = {}
    for name, schema in properties.items():
        if action.arguments.get(name) is None:
            continue
        value = _converted(action.arguments[name], schema, is_ref=name in ("ref", "to_ref"))
        if isinstance(value, ActionError):
            return ActionError(f"{tool.name}: {name} {value.message}")
        if "default" not in schema or value != schema["default"]:
            arguments[name] = value
    return Action(tool.name, arguments)


def nearest(name: str, names: Sequence[str]) -> str:
    """`did you mean ...?` for the closest names, else all of them."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(names)}"


def _signature(tool: ToolSpec) -> str:
    required = tool.parameters.get("required", ())
    words = [name if name in required else f"{name}=..." for name in tool.parameters.get("properties", {})]
    return f"it is {tool.name}({', '.join(words)})"


def _converted(value: JSON, schema: Mapping[str, JSON], *, is_ref: bool) -> JSON | ActionError:
    kind = schema.get("type")
    if is_ref and isinstance(value, (str, int)):
        return str(value).strip().strip("[]")
    if kind == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if kind in ("number", "integer"):
        return _number(value, schema)
    if kind == "boolean":
        return _boolean(value)
    if kind == "string" and not isinstance(value, str):
        return ActionError(f"is {value!r}; give a string")
    if "enum" in schema and value not in schema["enum"]:
        return ActionError(f"is {value!r}; give one of {', '.join(map(str, schema['enum']))}")
    if "anyOf" in schema and {option.get("type") for option in schema["anyOf"]} == {"string", "array"}:
        return _texts(value)
    return value


def _number(value: JSON, schema: Mapping[str, JSON]) -> JSON | ActionError:
    whole = schema["type"] == "integer"
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) > LARGEST or (whole and number != int(number)):
        return ActionError(f"is {value!r}; give a {'whole number' if whole else 'number'}")
    low, high = schema.get("minimum", -LARGEST), schema.get("maximum", LARGEST)
    if not low <= number <= high:
        return ActionError(f"is {value!r}; give a number from {low:g} to {high:g}")
    return int(number) if number == int(number) else number


def _boolean(value: JSON) -> JSON | ActionError:
    meanings = {"1": True, "true": True, "0": False, "false": False}
    meaning = meanings.get(str(value).lower())
    return ActionError(f"is {value!r}; give true or false") if meaning is None else meaning


def _texts(value: JSON) -> JSON | ActionError:
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, (str, int, float)) for one in value):
        return [str(one) for one in value]
    return ActionError(f"is {value!r}; give a string or a list of strings")
