"""What an agent can do in a browser, and the texts that models write for it.

The names are those that users of WebArena and BrowserGym know. `parse_action` reads a tool call, WebArena's form
(`click [12]`, `type [7] [text] [1]`, `stop [answer]`) and BrowserGym's (`fill('7', 'text')`); nothing is executed to
read it. What cannot be read comes back as an `ActionError` that says what would have been right.
"""

from __future__ import annotations

from collections.abc import Mapping

from environments.calls import ActionError, check_action
from environments.contracts import JSON, ToolSpec

__all__ = ["COORDINATE_TOOLS", "PAGE_TOOLS", "WEB_TOOLS", "ActionError", "check_action"]

ENDING = ("answer", "report_infeasible")
"""The tools that end an episode."""


def _tool(name: str, description: str, **parameters: Mapping[str, JSON]) -> ToolSpec:
    required = [key for key, schema in parameters.items() if "default" not in schema]
    schema = {"type": "object", "properties": parameters, "required": required, "additionalProperties": False}
    return ToolSpec(name, description, schema)


REF = {"type": "string", "description": "Reference of the element in the observation, such as 12."}
PIXELS = {"type": "number", "minimum": -1e6, "maximum": 1e6}
X = PIXELS | {"description": "CSS pixels from the left edge of the view."}
Y = PIXELS | {"description": "CSS pixels from the top edge of the view."}
TEXT = {"type": "string", "description": "The text."}


def _optional(schema: Mapping[str, JSON], default: JSON, description: str = "") -> Mapping[str, JSON]:
    return {**schema, "default": default} | ({"description": description} if description else {})


PAGE_TOOLS: tuple[ToolSpec, ...] = (
    _tool("click", "Click an element.", ref=REF),
    _tool("dblclick", "Double-click an element.", ref=REF),
    _tool("right_click", "Click an element with the right button.", ref=REF),
    _tool("hover", "Move the mouse over an element.", ref=REF),
    _tool("fill", "Replace what a field contains by the text, key by key.", ref=REF, text=TEXT),
    _tool(
        "type",
        "Add text at the end of a field, key by key; without ref, type where the focus is.",
        ref=_optional(REF, ""),
        text=TEXT,
        press_enter=_optional({"type": "boolean"}, False, "Press Enter afterwards."),
    ),
    _tool("clear", "Empty a field.", ref=REF),
    _tool(
        "press",
        "Press a key or a combination, such as Enter, ArrowDown or Control+a.",
        key={"type": "string", "description": "Names as in KeyboardEvent.key, joined by +."},
        ref=_optional(REF, "", "Focus this element first; leave out to press where the focus is."),
    ),
    _tool(
        "select_option",
        "Choose in a drop-down or list box.",
        ref=REF,
        option={
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "description": "Label or value of the option; a list of them where several may be chosen.",
        },
    ),
    _tool("check", "Tick a checkbox, radio button or switch.", ref=REF),
    _tool("uncheck", "Untick a checkbox or switch.", ref=REF),
    _tool(
        "drag",
        "Drag an element onto another, or by a distance.",
        ref=REF,
        to_ref=_optional(REF, "", "Where to drop it."),
        by_x=_optional(PIXELS, 0, "Without to_ref: CSS pixels to the right."),
        by_y=_optional(PIXELS, 0, "Without to_ref: CSS pixels down."),
    ),
    _tool(
        "scroll",
        "Scroll by most of a view, the page or the box that an element is in.",
        direction={"type": "string", "enum": ["up", "down", "left", "right"]},
        ref=_optional(REF, "", "Scroll the box that this element is or is in; leave out for the page."),
    ),
    _tool(
        "wait",
        "Let the page go on by itself.",
        seconds=_optional({"type": "number"}, 1, "At most 10."),
    ),
)

COORDINATE_TOOLS: tuple[ToolSpec, ...] = (
    _tool("mouse_click", "Click at a point.", x=X, y=Y),
    _tool("mouse_dblclick", "Double-click at a point.", x=X, y=Y),
    _tool("mouse_move", "Move the mouse to a point.", x=X, y=Y),
    _tool("mouse_drag", "Drag from one point to another.", x=X, y=Y, to_x=X, to_y=Y),
)

BROWSER_TOOLS: tuple[ToolSpec, ...] = (
    _tool(
        "upload",
        "Give a file to a file field.",
        ref=REF,
        file={"type": "string", "description": "Name of a file that this task offers or that was downloaded."},
    ),
    _tool(
        "tab_new",
        "Open a new tab.",
        url=_optional({"type": "string"}, "", "Address to open in it."),
    ),
    _tool("tab_focus", "Go to a tab.", index={"type": "integer", "description": "Tabs are counted from 0."}),
    _tool("tab_close", "Close the tab in front."),
    _tool("goto", "Open an address in this tab.", url={"type": "string"}),
    _tool("back", "Go back in the history of this tab."),
    _tool("forward", "Go forward in the history of this tab."),
    _tool("answer", "Give the answer, or say that the task is done. This ends the task.", text=_optional(TEXT, "")),
    _tool(
        "report_infeasible",
        "Say that the task cannot be done, and why. This ends the task.",
        reason={"type": "string"},
    ),
)

WEB_TOOLS: tuple[ToolSpec, ...] = PAGE_TOOLS + BROWSER_TOOLS
