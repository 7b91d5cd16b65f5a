"""Each flaw of the shipped documents is a real one: a call that keeps to the document does not come to what it says."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from jsonschema import Draft202012Validator

from environments.contracts import JSON
from environments.tools.desk import TOOLS, Desk
from environments.tools.documentation import FLAWS, documents
from tests.environments.test_tools_functions import small_state

SHIPPED = {spec.name: spec for spec in documents("shipped")}
TRUE = {spec.name: spec for spec in documents("true")}

# Tool, a call as its document has it, what that comes to, and words of it.
AS_DOCUMENTED: list[tuple[str, dict[str, JSON], str, str]] = [
    ("list_events", {"date": "3 March 2026"}, "argument error", "does not match"),
    ("move_event", {"event_id": "E-1", "start": "10:00"}, "argument error", "does not match"),
    ("get_balance", {"account_id": "A-1"}, "result", '"balance": 10000'),
    ("transfer", {"from_account": "A-1", "to_account": "A-2", "amount": 1.5}, "argument error", "integer"),
    ("update_contact", {"contact_id": "C-1", "field": "town", "value": "Rome"}, "argument error", "'city'"),
    ("track_shipment", {"tracking": "O-3"}, "tool error", "no shipment 'O-3'"),
    ("cancel_order", {"order_id": "O-1", "reason": "customer request"}, "argument error", "customer_request"),
    ("file_message", {"message_id": "M-1", "folder": "done"}, "argument error", "'archive'"),
    ("refund_order", {"order_id": "O-1", "amount": 1.5}, "argument error", "integer"),
    ("refund_order", {"order_id": "O-1", "amount": 2}, "result", '"refunded_cents": 2'),
    (
        "create_event",
        {"title": "x", "start": "2026-03-02T09:00", "duration": 1.5, "attendees": ["C-1"]},
        "argument error",
        "accepts: title, start, minutes, attendees",
    ),
    ("convert", {"amount": 1, "from_currency": "EUR", "to_currency": "USD"}, "argument error", "source, target"),
    ("get_rate", {"base": "EUR", "quote": "USD"}, "result", "1.25"),
    ("search_articles", {"query": "tea", "limit": 50}, "argument error", "maximum of 10"),
    ("move_file", {"source": "/n/a.txt", "target": "/n/b.txt"}, "result", "/n/b.txt"),
    ("send_message", {"to": "a@x.org", "subject": "s", "body": "b"}, "tool error", "no contact"),
    ("list_orders", {"customer_id": "C-2", "status": "open"}, "argument error", "'placed'"),
    ("list_orders", {"customer_id": "C-2", "page": 0}, "argument error", "minimum of 1"),
    ("read_file", {"path": "/long.txt"}, "result", "line 20"),
    ("write_file", {"path": "/n/a.txt", "content": "x"}, "result", '"characters": 1'),
    ("append_file", {"path": "/n/a.txt", "content": "x"}, "result", '"characters": 9'),
    ("find_contacts", {"name": "Cork"}, "result", '"contacts": []'),
    ("find_free_slot", {"date": "2026-03-03", "minutes": 15, "attendees": ["C-2"]}, "result", "09:00"),
    ("list_messages", {}, "result", "M-6"),
    ("change_quantity", {"order_id": "O-3", "sku": "P-1", "quantity": 9}, "tool error", "O-3 is shipped"),
]


@pytest.mark.parametrize(("name", "arguments", "kind", "words"), AS_DOCUMENTED)
def test_a_call_that_keeps_to_the_document_comes_to_something_else(
    name: str, arguments: dict[str, JSON], kind: str, words: str
) -> None:
    assert list(Draft202012Validator(SHIPPED[name].parameters).iter_errors(arguments)) == []
    outcome = Desk(small_state(), failures={}).call(name, arguments)
    assert outcome.kind == kind
    assert words in outcome.text


def test_every_flaw_is_shown_and_there_are_enough_of_each_kind() -> None:
    assert {name for name, _, _, _ in AS_DOCUMENTED} == FLAWS.keys()
    assert Counter(flaw.kind for flaw in FLAWS.values()) == {"thin": 8, "wrong": 8, "misleading": 7}
    assert len(TOOLS) - len(FLAWS) == 21, "as many documents are right"


def test_what_results_belie_the_document_hides() -> None:
    """The calls above whose words alone do not show the surprise."""
    desk = Desk(small_state(), failures={})
    desk.call("find_free_slot", {"date": "2026-03-03", "minutes": 15, "attendees": ["C-2"]})
    assert desk.state["events"].keys() == {"E-1", "E-2"}, "nothing is kept for the meeting"
    desk.call("write_file", {"path": "/n/a.txt", "content": "x"})
    assert desk.state["files"]["/n/a.txt"]["content"] == "x", "what was there is lost"
    desk.call("append_file", {"path": "/n/a.txt", "content": "y"})
    assert desk.state["files"]["/n/a.txt"]["content"] == "xy", "no new line"
    desk.call("move_file", {"source": "/n/a.txt", "target": "/n/b.txt"})
    assert desk.state["files"]["/n/b.txt"]["content"] == "xy", "a file that was there is replaced"
    listed = json.loads(desk.call("list_messages", {}).text)["messages"]
    assert [one["id"] for one in listed] == ["M-6", "M-5", "M-4", "M-3"], "the newest, and four only"
    assert len(json.loads(desk.call("search_articles", {"query": "tea"}).text)["hits"]) == 3, "the default is no 50"


def test_true_documents_are_the_tools_own() -> None:
    for tool in TOOLS.values():
        assert TRUE[tool.name].parameters == tool.parameters
        assert TRUE[tool.name].description == tool.description
        shipped = SHIPPED[tool.name]
        assert not shipped.binding
        assert not TRUE[tool.name].binding, "complaints about arguments come from the tool, however it is documented"
        assert (shipped != TRUE[tool.name]) is (tool.name in FLAWS)


def test_shipped_documents_keep_the_order_and_the_number_of_arguments() -> None:
    for name, spec in SHIPPED.items():
        Draft202012Validator.check_schema(spec.parameters)
        assert len(spec.parameters["properties"]) == len(TRUE[name].parameters["properties"])
        assert set(spec.parameters["required"]) <= set(spec.parameters["properties"])
    created = SHIPPED["create_event"].parameters
    assert list(created["properties"]) == ["title", "start", "duration", "attendees"]
    assert created["required"] == ["title", "start", "duration", "attendees"]
    assert SHIPPED["convert"].parameters["properties"]["from_currency"]["pattern"] == "^[A-Z]{3}$"
