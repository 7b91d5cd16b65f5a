"""Reads the texts in which models and other frameworks write actions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence

from environments.calls import ActionError, check_action, nearest
from environments.contracts import JSON, Action, ToolSpec
from environments.web.actions import WEB_TOOLS

__all__ = ["parse_action"]

# A name in WebArena or BrowserGym -> ours, and what its positional arguments are called here.
SYNONYMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "stop": ("answer", ("text",)),
    "send_msg_to_user": ("answer", ("text",)),
    "new_tab": ("tab_new", ()),
    "close_tab": ("tab_close", ()),
    "page_close": ("tab_close", ()),
    "go_back": ("back", ()),
    "go_forward": ("forward", ()),
    "noop": ("wait", ("milliseconds",)),
    "select": ("select_option", ("ref", "option")),
    "upload_file": ("upload", ("ref", "file")),
    "focus": ("click", ("ref",)),
    "keyboard_press": ("press", ("key",)),
    "keyboard_type": ("type", ("text",)),
    "keyboard_insert_text": ("type", ("text",)),
    "drag_and_drop": ("drag", ("ref", "to_ref")),
    "mouse_drag_and_drop": ("mouse_drag", ("x", "y", "to_x", "to_y")),
}
KEYWORDS: Mapping[str, str] = {
    "bid": "ref",
    "element_id": "ref",
    "from_bid": "ref",
    "to_bid": "to_ref",
    "value": "text",
    "content": "text",
    "options": "option",
    "key_comb": "key",
    "press_enter_after": "press_enter",
    "from_x": "x",
    "from_y": "y",
    "wait_ms": "milliseconds",
    "delta_x": "dx",
    "delta_y": "dy",
}
FENCE = re.compile(r"```(?:\w+\n|\n)?(.*?)```|<action>(.*?)</action>", re.DOTALL)
BRACKETS = re.compile(r"(\w+)\s*((?:\[.*\])?)\s*", re.DOTALL)
TYPING = re.compile(r"\[([^\[\]]*)\]\s*\[(.*?)\]\s*(?:\[\s*(?:press_enter_after\s*=\s*)?([01])\s*\])?", re.DOTALL)


def parse_action(text: str, *, tools: Sequence[ToolSpec] = WEB_TOOLS) -> Action | ActionError:
    """Read one action from what a model wrote: a JSON tool call, WebArena's form or a Python-like call.

    Prose around a fenced block or an `<action>` element is passed over; the last block counts.
    """
    blocks = [first or second for first, second in FENCE.findall(text)]
    written = (blocks[-1] if blocks else text).strip().strip("`").strip()
    if not written:
        return ActionError(f"no action found; write one such as click(ref='12'). {nearest('', _names(tools))}")
    if written.startswith("{"):
        return _from_json(written, tools)
    if re.match(r"\w+\s*\(", written):
        return _from_call(written, tools)
    if match := BRACKETS.fullmatch(written):
        return _from_brackets(match[1], match[2], tools)
    return ActionError(f"{written[:80]!r} is no action; write one such as click(ref='12')")


def _names(tools: Sequence[ToolSpec]) -> list[str]:
    return [tool.name for tool in tools]


def _from_json(written: str, tools: Sequence[ToolSpec]) -> Action | ActionError:
    try:
        call = json.loads(written)
    except ValueError as error:
        return ActionError(f"the tool call is not valid JSON: {error}")
    inner = call.get("function", call) if isinstance(call, dict) else {}
    name = inner.get("name") or inner.get("action")
    arguments = inner.get("arguments", inner.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            return ActionError(f"the arguments of {name!r} are not valid JSON: {error}")
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return ActionError('a tool call is {"name": ..., "arguments": {...}}')
    return _named(name, (), arguments, tools)


def _from_call(written: str, tools: Sequence[ToolSpec]) -> Action | ActionError:
    try:
        tree = ast.parse(written.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return ActionError(f"{written[:80]!r} cannot be read: {error}")
    if len(tree.body) != 1:
        return ActionError(f"one action at a time, please; got {len(tree.body)}")
    call = tree.body[0].value if isinstance(tree.body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return ActionError(f"{written[:80]!r} is no call of an action")
    try:
        values = tuple(ast.literal_eval(value) for value in call.args)
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ActionError(f"{written[:80]!r}: the arguments must be plain strings, numbers or lists")
    return _named(call.func.id, values, named, tools)


def _from_brackets(name: str, rest: str, tools: Sequence[ToolSpec]) -> Action | ActionError:
    """WebArena's form. `type` presses Enter unless its third argument is 0; a direction may be `direction=down`."""
    if name == "type" and (match := TYPING.fullmatch(rest.strip())):
        typed = {"ref": match[1], "text": match[2], "press_enter": match[3] != "0"}
        return check_action(Action("type", typed), tools)
    if name in ("stop", "answer", "report_infeasible", "goto"):
        values: list[str] = [rest.strip()[1:-1]] if rest.strip() else []
    else:
        values = [part.strip() for part in re.findall(r"\[([^\[\]]*)\]", rest)]
    if name == "scroll":
        values = [value.removeprefix("direction=") for value in values]
    if name == "press" and values:
        return _named("press", (), {"key": values[0]}, tools)
    return _named(name, tuple(values), {}, tools)


def _named(
    name: str, values: tuple[JSON, ...], named: Mapping[str, JSON], tools: Sequence[ToolSpec]
) -> Action | ActionError:
    """The action in our words, from a name and arguments in anybody's."""
    own, order = (name, ()) if name in _names(tools) else SYNONYMS.get(name, (name, ()))
    tool = next((tool for tool in tools if tool.name == own), None)
    if tool is None:
        return ActionError(f"no action {name!r}; {nearest(name, _names(tools))}")
    properties = tool.parameters.get("properties", {})
    if not tool.binding and len(values) <= len(properties):
        return Action(own, dict(zip(properties, values, strict=False)) | dict(named))
    arguments = {key if key in properties else KEYWORDS.get(key, key): value for key, value in named.items()}
    if own == "press" and len(values) == 2:
        order = ("ref", "key")
    if own in ("click", "dblclick") and len(values) > 1:
        order = ("ref", "button", "modifiers")
    if own == "scroll" and values and not isinstance(values[0], str):
        order = ("dx", "dy")
    order = order or tuple(properties)
    if len(values) > len(order):
        return ActionError(f"{name} takes {len(order)} arguments ({', '.join(order) or 'none'}), got {len(values)}")
    arguments |= dict(zip(order, values, strict=False))
    return check_action(_adapted(own, arguments), tools)


def _adapted(name: str, arguments: dict[str, JSON]) -> Action:
    """Differences of meaning: buttons, distances and milliseconds."""
    button = arguments.pop("button", "left") if name.endswith("click") else "left"
    if name.endswith("click") and not arguments.get("modifiers"):
        arguments.pop("modifiers", None)
    if name == "click" and button == "right":
        name = "right_click"
    if "milliseconds" in arguments:
        arguments["seconds"] = float(arguments.pop("milliseconds") or 0) / 1000
    if name == "scroll" and ("dx" in arguments or "dy" in arguments):
        dx, dy = arguments.pop("dx", 0) or 0, arguments.pop("dy", 0) or 0
        across = abs(dx) > abs(dy)
        arguments["direction"] = ("right" if dx > 0 else "left") if across else ("down" if dy > 0 else "up")
    return Action(name, arguments)
