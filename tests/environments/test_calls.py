"""Tool calls against what tools declare: general schemas, as no single environment uses them all."""

from __future__ import annotations

from typing import Any

import pytest

from environments.calls import ActionError, check_action, nearest
from environments.contracts import Action, ToolSpec


def tool(
    name: str = "put", *, required: tuple[str, ...] = (), binding: bool = True, **properties: dict[str, Any]
) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name, "Puts.", schema, binding=binding)


def checked(value: Any, schema: dict[str, Any]) -> Any:
    """The value of one argument after the check, or the complaint."""
    action = check_action(Action("put", {"x": value}), [tool(x=schema)])
    return action.message if isinstance(action, ActionError) else action.arguments.get("x", "(left out)")


@pytest.mark.parametrize(
    ("value", "schema", "result"),
    [
        ("a", {"type": "string"}, "a"),
        (7, {"type": "string"}, "7"),
        (1.5, {"type": "string"}, "1.5"),
        ("a", {"type": "string", "enum": ["a", "b"]}, "a"),
        (1, {"type": "string", "enum": ["1", "2"]}, "1"),
        (3, {"type": "integer"}, 3),
        ("3", {"type": "integer"}, 3),
        (3.0, {"type": "integer"}, 3),
        ("3.0", {"type": "integer"}, 3),
        (2.5, {"type": "number"}, 2.5),
        (" 2.5 ", {"type": "number"}, 2.5),
        (2.0, {"type": "number"}, 2),
        (-1, {"type": "number", "minimum": -1, "maximum": 1}, -1),
        (1, {"type": "number", "minimum": -1, "maximum": 1}, 1),
        (True, {"type": "boolean"}, True),
        ("True", {"type": "boolean"}, True),
        ("false", {"type": "boolean"}, False),
        (0, {"type": "boolean"}, False),
        (5, {"type": "string", "default": "5"}, "(left out)"),
        (False, {"type": "boolean", "default": False}, "(left out)"),
        (True, {"type": "boolean", "default": False}, True),
        (None, {"type": "string", "default": "a"}, "(left out)"),
        ([1, {"a": 2}], {"type": "array"}, [1, {"a": 2}]),
        ({"a": 1}, {"type": "object"}, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        (["a", 2], {"anyOf": [{"type": "string"}, {"type": "array"}]}, ["a", "2"]),
        (4, {"anyOf": [{"type": "string"}, {"type": "array"}]}, "4"),
        (1e12, {"type": "number"}, 10**12),
    ],
)
def test_arguments_become_what_the_tool_declares(value: Any, schema: dict[str, Any], result: Any) -> None:
    got = checked(value, schema)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize(
    ("value", "schema", "complaint"),
    [
        (["a"], {"type": "string"}, "put: x is ['a']; give a string"),
        (True, {"type": "string"}, "put: x is True; give a string"),
        ({}, {"type": "string"}, "put: x is {}; give a string"),
        ("c", {"type": "string", "enum": ["a", "b"]}, "put: x is 'c'; give one of a, b"),
        (3, {"enum": [1, 2]}, "put: x is 3; give one of 1, 2"),
        (2.5, {"type": "integer"}, "put: x is 2.5; give a whole number"),
        ("two", {"type": "number"}, "put: x is 'two'; give a number"),
        (True, {"type": "integer"}, "put: x is True; give a whole number"),
        (float("nan"), {"type": "number"}, "put: x is nan; give a number"),
        (float("inf"), {"type": "number"}, "put: x is inf; give a number"),
        ("1e400", {"type": "number"}, "put: x is '1e400'; give a number"),
        (10**400, {"type": "integer"}, "give a whole number"),
        (1.1e12, {"type": "number"}, "give a number"),
        (1.1e12, {"type": "number", "minimum": 0, "maximum": 1e15}, "give a number"),
        ([], {"type": "integer"}, "put: x is []; give a whole number"),
        (0, {"type": "integer", "minimum": 1, "maximum": 9}, "put: x is 0; give a number from 1 to 9"),
        (10, {"type": "integer", "minimum": 1, "maximum": 9}, "put: x is 10; give a number from 1 to 9"),
        ("perhaps", {"type": "boolean"}, "put: x is 'perhaps'; give true or false"),
        (2, {"type": "boolean"}, "put: x is 2; give true or false"),
        ([], {"anyOf": [{"type": "string"}, {"type": "array"}]}, "give a string or a list of strings"),
        ([["a"]], {"anyOf": [{"type": "string"}, {"type": "array"}]}, "give a string or a list of strings"),
    ],
)
def test_what_an_argument_cannot_be_is_told(value: Any, schema: dict[str, Any], complaint: str) -> None:
    assert complaint in checked(value, schema)


def test_a_name_that_no_tool_has_is_told_with_the_nearest() -> None:
    tools = [tool("get_order"), tool("get_event"), tool("send")]
    assert check_action(Action("get_ordr"), tools) == ActionError("no action 'get_ordr'; did you mean get_order?")
    assert check_action(Action("xyz"), tools) == ActionError("no action 'xyz'; there are: get_order, get_event, send")
    assert nearest("get_oevent", ["get_order", "get_event"]).startswith("did you mean get_event or get_order")


def test_arguments_too_many_and_too_few_are_told_with_the_signature() -> None:
    tools = [tool(required=("a", "b"), a={"type": "string"}, b={"type": "string"}, c={"type": "string"})]
    unknown = check_action(Action("put", {"a": "1", "b": "2", "d": "3"}), tools)
    assert unknown == ActionError("put has no argument 'd'; it is put(a, b, c=...)")
    missing = check_action(Action("put", {"c": "1", "b": None}), tools)
    assert missing == ActionError("put lacks 'a' and 'b'; it is put(a, b, c=...)")
    assert check_action(Action("put"), [tool()]) == Action("put")
    assert check_action(Action("put", {"a": 1}), [ToolSpec("put", "", {"type": "object"})]) == ActionError(
        "put has no argument 'a'; it is put()"
    )


def test_arguments_come_back_in_the_order_of_the_declaration() -> None:
    tools = [tool(a={"type": "string"}, b={"type": "string"})]
    action = check_action(Action("put", {"b": "2", "a": "1"}), tools)
    assert isinstance(action, Action)
    assert list(action.arguments) == ["a", "b"]


def test_a_reference_loses_its_brackets_and_others_do_not() -> None:
    tools = [tool(ref={"type": "string"}, to_ref={"type": "string"}, text={"type": "string"})]
    action = check_action(Action("put", {"ref": " [12] ", "to_ref": 7, "text": "[12]"}), tools)
    assert action == Action("put", {"ref": "12", "to_ref": "7", "text": "[12]"})


def test_where_the_schema_does_not_bind_a_call_is_passed_on_as_it_was_given() -> None:
    loose = tool(required=("a",), binding=False, a={"type": "integer", "default": 5})
    for arguments in ({"a": 5}, {"a": None}, {"b": "x"}, {}, {"a": "five"}):
        action = Action("put", arguments)
        assert check_action(action, [loose]) == action
    assert isinstance(check_action(Action("putt"), [loose]), ActionError)


def test_the_action_that_came_in_is_not_changed() -> None:
    given = {"a": "5", "b": None}
    check_action(Action("put", given), [tool(a={"type": "integer"}, b={"type": "string"})])
    assert given == {"a": "5", "b": None}
