"""The back ends against numbers worked out by hand, and the desk that calls them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from environments.contracts import JSON
from environments.tools.desk import TOOLS, Desk, Failure, plain
from environments.tools.functions import State

TEAM = ["team"]
TEXTS = (("Tea", "tea tea"), ("Cup", "tea"), ("Pot", "Tea"), ("Jar", "tea"), ("Lid", ""))


def small_state() -> State:
    """Two people, two products, two orders, two events, three files, four currencies, two accounts, a few texts."""
    return {
        "clock": {"today": {"value": "2026-03-02"}},
        "contacts": {
            "C-1": {"id": "C-1", "name": "Ann Oak", "email": "a@x.org", "phone": "", "city": "Cork", "groups": TEAM},
            "C-2": {"id": "C-2", "name": "Bo Ash", "email": "b@x.org", "phone": "", "city": "Lyon", "groups": []},
        },
        "products": {
            "P-1": {"sku": "P-1", "name": "teapot", "price_cents": 250, "stock": 10},
            "P-2": {"sku": "P-2", "name": "stool", "price_cents": 1000, "stock": 1},
        },
        "orders": {
            f"O-{n}": {
                "id": f"O-{n}",
                "customer_id": "C-2",
                "placed_on": f"2026-02-0{n}",
                "status": status,
                "lines": [{"sku": "P-1", "quantity": n, "price_cents": 200}],
                "refunded_cents": 0,
                "tracking": None,
                "cancelled_because": None,
            }
            for n, status in enumerate(("placed", "packed", "shipped", "delivered", "placed"), start=1)
        },
        "shipments": {"T-1": {"tracking": "T-1", "place": "depot", "expected_on": "2026-03-01"}},
        "events": {
            "E-1": {"id": "E-1", "title": "A", "start": "2026-03-03T09:00", "minutes": 30, "attendees": ["C-1"]},
            "E-2": {"id": "E-2", "title": "B", "start": "2026-03-03T09:40", "minutes": 20, "attendees": ["C-2"]},
        },
        "files": {
            "/n/a.txt": {"content": "one\nTWO\n"},
            "/n/b.txt": {"content": "two\n"},
            "/long.txt": {"content": "".join(f"line {n}\n" for n in range(1, 31))},
        },
        "rates": {
            "2026-03-01": {"EUR": 1.0, "USD": 2.0},
            "2026-03-02": {"EUR": 1.0, "USD": 1.25, "GBP": 0.5, "JPY": 160.0},
        },
        "accounts": {
            "A-1": {"id": "A-1", "name": "till", "currency": "EUR", "cents": 10_000},
            "A-2": {"id": "A-2", "name": "purse", "currency": "USD", "cents": 500},
        },
        "transfers": {},
        "articles": {
            f"H-{n}": {"id": f"H-{n}", "title": title, "body": body}
            for n, (title, body) in enumerate(TEXTS)
        },
        "bookmarks": {},
        "messages": {
            f"M-{n}": {"id": f"M-{n}", "folder": "inbox", "contact_id": "C-2", "subject": str(n), "body": ""}
            for n in range(1, 7)
        },
    }  # fmt: skip


def call(desk: Desk, name: str, /, **arguments: JSON) -> Any:
    outcome = desk.call(name, arguments)
    assert outcome.kind == "result", outcome
    return json.loads(outcome.text)


def refused(name: str, /, **arguments: JSON) -> str:
    """The words of a tool error, which must have changed nothing."""
    desk = Desk(small_state(), failures={})
    outcome = desk.call(name, arguments)
    assert outcome.kind == "tool error", outcome
    assert desk.state == small_state()
    return outcome.text


@pytest.fixture
def desk() -> Desk:
    return Desk(small_state(), failures={})


def test_contacts(desk: Desk) -> None:
    assert call(desk, "find_contacts", name="oa") == {"contacts": [{"id": "C-1", "name": "Ann Oak"}]}
    assert call(desk, "find_contacts", name="ANN O")["contacts"][0]["id"] == "C-1"
    assert call(desk, "find_contacts", name="Cork") == {"contacts": []}
    assert call(desk, "add_contact", name="Di Elm", email="d@x.org") == {"id": "C-3"}
    assert call(desk, "get_contact", contact_id="C-3") == {
        "id": "C-3", "name": "Di Elm", "email": "d@x.org", "phone": "", "city": "", "groups": []
    }  # fmt: skip
    assert call(desk, "add_to_group", contact_id="C-2", group="team")["groups"] == ["team"]
    assert call(desk, "list_group", group="team") == {"group": "team", "contact_ids": ["C-1", "C-2"]}
    assert call(desk, "remove_from_group", contact_id="C-1", group="team")["groups"] == []
    assert call(desk, "update_contact", contact_id="C-1", field="city", value="Rome")["city"] == "Rome"
    assert "exists" in refused("add_contact", name="X Y", email="a@x.org")
    assert "there are: team" in refused("list_group", group="none")
    assert "is not in the group" in refused("remove_from_group", contact_id="C-2", group="team")


def test_orders_are_listed_in_pages_and_by_status(desk: Desk) -> None:
    first = call(desk, "list_orders", customer_id="C-2")
    assert ([row["id"] for row in first["orders"]], first["next_page"]) == (["O-1", "O-2", "O-3", "O-4"], 2)
    second = call(desk, "list_orders", customer_id="C-2", page=2)
    assert ([row["id"] for row in second["orders"]], second["next_page"]) == (["O-5"], None)
    placed = call(desk, "list_orders", customer_id="C-2", status="placed")
    assert ([row["id"] for row in placed["orders"]], placed["next_page"]) == (["O-1", "O-5"], None)
    assert call(desk, "list_orders", customer_id="C-1") == {"orders": [], "next_page": None}
    assert call(desk, "get_order", order_id="O-3")["total_cents"] == 600
    assert call(desk, "track_shipment", tracking="T-1")["place"] == "depot"
    assert "no contact 'C-9'" in refused("list_orders", customer_id="C-9")


def test_orders_are_placed_changed_cancelled_and_refunded(desk: Desk) -> None:
    lines = [{"sku": "P-1", "quantity": 2}, {"sku": "P-2", "quantity": 1}]
    assert call(desk, "create_order", customer_id="C-1", lines=lines) == {"id": "O-6", "total_cents": 1500}
    assert (desk.state["products"]["P-1"]["stock"], desk.state["products"]["P-2"]["stock"]) == (8, 0)
    assert desk.state["orders"]["O-6"]["placed_on"] == "2026-03-02"
    assert call(desk, "change_quantity", order_id="O-6", sku="P-1", quantity=5)["lines"][0]["quantity"] == 5
    assert call(desk, "get_product", sku="P-1")["stock"] == 5
    assert call(desk, "cancel_order", order_id="O-6", reason="fraud")["status"] == "cancelled"
    assert (desk.state["products"]["P-1"]["stock"], desk.state["products"]["P-2"]["stock"]) == (10, 1)
    assert call(desk, "refund_order", order_id="O-6", amount=2000) == {"id": "O-6", "refunded_cents": 2000}
    assert "250 cents of O-6 are left" in desk.call("refund_order", {"order_id": "O-6", "amount": 251}).text
    assert desk.call("refund_order", {"order_id": "O-6", "amount": 250.0}).text.endswith(": 2250}"), "no 2250.0"


def test_what_orders_refuse_changes_nothing() -> None:
    lines = [{"sku": "P-1", "quantity": 1}, {"sku": "P-2", "quantity": 2}]
    assert "only 1 of P-2" in refused("create_order", customer_id="C-1", lines=lines)
    assert "O-3 is shipped" in refused("change_quantity", order_id="O-3", sku="P-1", quantity=1)
    assert "has no 'P-2'" in refused("change_quantity", order_id="O-1", sku="P-2", quantity=1)
    assert "only 10 more" in refused("change_quantity", order_id="O-1", sku="P-1", quantity=12)
    assert "O-4 is delivered" in refused("cancel_order", order_id="O-4", reason="fraud")


def test_the_agenda(desk: Desk) -> None:
    assert [row["id"] for row in call(desk, "list_events", date="2026-03-03")["events"]] == ["E-1", "E-2"]
    assert call(desk, "list_events", date="2026-03-04")["events"] == []
    # Ann is busy 9:00 to 9:30, Bo 9:40 to 10:00: for Ann alone 9:30 is free, for both only 10:00.
    for people, start in ((["C-1"], "09:30"), (["C-2"], "09:00"), (["C-1", "C-2"], "10:00")):
        found = call(desk, "find_free_slot", date="2026-03-03", minutes=30, attendees=people)
        assert found == {"start": f"2026-03-03T{start}"}
    assert (
        call(desk, "find_free_slot", date="2026-03-03", minutes=420, attendees=["C-1", "C-2"])["start"][11:] == "10:00"
    )
    until = call(desk, "find_free_slot", date="2026-03-03", minutes=40, attendees=["C-2"])
    assert until == {"start": "2026-03-03T09:00"}, "it may end as the next event begins"
    assert "no 421 minutes" in refused("find_free_slot", date="2026-03-03", minutes=421, attendees=["C-1", "C-2"])
    made = call(desk, "create_event", title="C", start="2026-03-03T09:15", minutes=20, attendees=["C-2", "C-1", "C-2"])
    assert call(desk, "get_event", event_id=made["id"])["attendees"] == ["C-1", "C-2"]
    assert [row["title"] for row in call(desk, "list_events", date="2026-03-03")["events"]] == ["A", "C", "B"]
    assert call(desk, "move_event", event_id="E-1", start="2026-03-04T08:00")["start"] == "2026-03-04T08:00"
    assert call(desk, "invite", event_id="E-2", contact_id="C-1")["attendees"] == ["C-1", "C-2"]
    assert call(desk, "cancel_event", event_id="E-1") == {"cancelled": "E-1"}
    assert "E-1" not in desk.state["events"]
    assert "no moment '2026-02-30T08:00'" in refused("move_event", event_id="E-1", start="2026-02-30T08:00")
    assert "no contact" in refused("create_event", title="C", start="2026-03-03T09:15", minutes=20, attendees=["C-7"])


def test_files(desk: Desk) -> None:
    assert call(desk, "list_folder", path="/n")["names"] == ["a.txt", "b.txt"]
    assert call(desk, "list_folder", path="/")["names"] == ["long.txt", "n/a.txt", "n/b.txt"]
    assert call(desk, "read_file", path="/long.txt")["text"].splitlines()[-1] == "line 20"
    assert call(desk, "read_file", path="/long.txt", first_line=29, lines=9)["text"] == "line 29\nline 30"
    assert call(desk, "find_in_files", words="two", folder="/")["hits"] == [
        {"path": "/n/a.txt", "line": 2, "text": "TWO"}, {"path": "/n/b.txt", "line": 1, "text": "two"}
    ]  # fmt: skip
    assert call(desk, "find_in_files", words="line", folder="/")["more"] is True
    call(desk, "append_file", path="/n/a.txt", content="three")
    assert desk.state["files"]["/n/a.txt"]["content"] == "one\nTWO\nthree"
    call(desk, "write_file", path="/n/b.txt", content="new")
    assert desk.state["files"]["/n/b.txt"]["content"] == "new"
    call(desk, "move_file", source="/n/b.txt", target="/n/a.txt")
    assert desk.state["files"].keys() == {"/n/a.txt", "/long.txt"}, "the default is to replace"
    assert desk.state["files"]["/n/a.txt"]["content"] == "new"
    call(desk, "delete_file", path="/long.txt")
    assert list(desk.state["files"]) == ["/n/a.txt"]
    assert "'/n/a.txt' exists" in refused("move_file", source="/n/b.txt", target="/n/a.txt", overwrite=False)
    assert "at the top there are: /n" in refused("list_folder", path="/m")
    assert "no file '/x'" in refused("read_file", path="/x")
    assert "no file" in refused("append_file", path="/x", content="a")
    assert "at most 20000" in refused("append_file", path="/n/a.txt", content="a" * 20_000)


def test_money(desk: Desk) -> None:
    assert call(desk, "get_rate", base="EUR", quote="USD") == {"rate": 1.25}
    assert call(desk, "get_rate", base="USD", quote="EUR") == {"rate": 0.8}
    assert call(desk, "convert", amount=10, source="GBP", target="JPY") == {"amount": 3200.0, "currency": "JPY"}
    assert call(desk, "convert", amount=3, source="EUR", target="USD", date="2026-03-01")["amount"] == 6.0
    assert call(desk, "list_currencies")["codes"] == ["EUR", "GBP", "JPY", "USD"]
    assert call(desk, "transfer", from_account="A-1", to_account="A-2", amount=400) == {
        "id": "B-101", "arrived": 500, "currency": "USD"
    }  # fmt: skip
    assert call(desk, "get_balance", account_id="A-1") == {"account_id": "A-1", "currency": "EUR", "balance": 9600}
    assert call(desk, "get_balance", account_id="A-2")["balance"] == 1000
    assert "holds 500 cents, less than 501" in refused("transfer", from_account="A-2", to_account="A-1", amount=501)
    assert "same account" in refused("transfer", from_account="A-2", to_account="A-2", amount=1)
    assert "no rates of 2026-01-01; there are: 2026-03-01" in refused(
        "get_rate", base="EUR", quote="USD", date="2026-01-01"
    )
    assert "no currency 'XXX'" in refused("convert", amount=1, source="XXX", target="EUR")


def test_search_and_bookmarks(desk: Desk) -> None:
    assert [hit["id"] for hit in call(desk, "search_articles", query="TEA")["hits"]] == ["H-0", "H-1", "H-2"]
    assert [hit["id"] for hit in call(desk, "search_articles", query="tea", limit=10)["hits"]][3:] == ["H-3"]
    assert call(desk, "search_articles", query="coffee") == {"hits": []}
    assert call(desk, "bookmark_article", article_id="H-4", label="x") == {"id": "K-101"}
    assert call(desk, "list_bookmarks") == {"bookmarks": [{"id": "K-101", "article_id": "H-4", "label": "x"}]}
    assert "no article" in refused("bookmark_article", article_id="H-9", label="x")


def test_messages(desk: Desk) -> None:
    assert [one["id"] for one in call(desk, "list_messages")["messages"]] == ["M-6", "M-5", "M-4", "M-3"]
    assert call(desk, "list_messages", page=2)["next_page"] is None
    assert call(desk, "file_message", message_id="M-6", folder="archive")["folder"] == "archive"
    assert [one["id"] for one in call(desk, "list_messages", page=2)["messages"]] == ["M-1"]
    assert call(desk, "send_message", to="C-1", subject="s", body="b") == {"id": "M-7"}
    assert call(desk, "list_messages", folder="sent")["messages"][0]["contact_id"] == "C-1"
    assert "no contact 'a@x.org'" in refused("send_message", to="a@x.org", subject="s", body="b")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("get_order", {"id": "O-1"}, "unexpected 'id'; get_order accepts: order_id"),
        ("get_order", {}, "missing 'order_id'; get_order accepts: order_id"),
        ("list_products", {"all": True}, "list_products accepts: no arguments"),
        ("get_order", {"order_id": 7}, "order_id: 7 is not of type 'string'"),
        ("get_order", {"order_id": ""}, "order_id: ''"),
        ("refund_order", {"order_id": "O-1", "amount": 2.5}, "amount: 2.5 is not of type 'integer'"),
        ("refund_order", {"order_id": "O-1", "amount": True}, "amount: True is not of type 'integer'"),
        ("refund_order", {"order_id": "O-1", "amount": 0}, "amount: 0 is less than the minimum of 1"),
        ("list_orders", {"customer_id": "C-2", "status": "open"}, "status: 'open' is not one of"),
        ("list_events", {"date": "3 March"}, "date: '3 March' does not match"),
        ("create_order", {"customer_id": "C-1", "lines": []}, "lines: []"),
        ("create_order", {"customer_id": "C-1", "lines": [{"sku": "P-1"}]}, "lines.0: 'quantity' is a required"),
        ("convert", {"amount": float("nan"), "source": "EUR", "target": "USD"}, "not finite"),
        ("convert", {"amount": float("inf"), "source": "EUR", "target": "USD"}, "not finite"),
        ("send_message", {"to": "C-1", "subject": "\ud800", "body": "b"}, "not valid Unicode"),
        ("create_order", {"customer_id": "C-1", "lines": [{"sku": "\udfff", "quantity": 1}]}, "not valid Unicode"),
        ("write_file", {"path": "relative.txt", "content": "x"}, "path: 'relative.txt' does not match"),
        ("no_tool", {}, "no tool 'no_tool'"),
    ],
)
def test_wrong_arguments_are_told_before_the_tool_begins(name: str, arguments: dict[str, JSON], words: str) -> None:
    waiting: dict[str, tuple[Failure, ...]] = {name: ("timeout",)}
    desk = Desk(small_state(), failures=waiting)
    outcome = desk.call(name, arguments)
    assert (outcome.kind, outcome.again) == ("argument error", False)
    assert words in outcome.text
    assert desk.digest == Desk(small_state(), failures=waiting).digest, (
        "neither the state nor the waiting failures changed"
    )


def test_a_complaint_about_a_long_argument_is_short(desk: Desk) -> None:
    assert len(desk.call("get_order", {"order_id": "x" * 100_000}).text) < 600


def test_failures_come_in_turn_and_only_a_late_call_was_carried_out() -> None:
    failures: dict[str, tuple[Failure, ...]] = {
        "refund_order": ("rate limit", "unavailable", "timeout", "", "late"),
        "get_order": ("timeout",),
    }
    desk = Desk(small_state(), failures=failures)
    seen = []
    for _ in range(6):
        outcome = desk.call("refund_order", {"order_id": "O-1", "amount": 10})
        seen.append((outcome.kind, outcome.text.partition(":")[0], outcome.again, refunded(desk)))
    unknown = "refund_order did not answer within 10 s; whether the call was carried out is not known"
    assert seen[:3] == [
        ("tool error", "rate limit", True, 0),
        ("tool error", "unavailable", True, 0),
        ("timeout", unknown, True, 0),
    ]
    assert [one[3] for one in seen[3:]] == [10, 20, 30]
    assert seen[4][:3] == ("timeout", unknown, False), "a late call reads as one that was not carried out"
    assert seen[5][0] == "result"
    assert desk.call("get_order", {"order_id": "O-1"}).kind == "timeout"


def refunded(desk: Desk) -> int:
    return int(desk.state["orders"]["O-1"]["refunded_cents"])


def test_copies_share_nothing_and_equal_desks_have_equal_digests() -> None:
    start = small_state()
    desk = Desk(start, failures={"get_order": ("timeout",)})
    twin = desk.copy()
    assert desk.digest == twin.digest
    call(twin, "refund_order", order_id="O-1", amount=10)
    assert (refunded(desk), refunded(twin)) == (0, 10)
    assert desk.digest != twin.digest
    assert start == small_state(), "what a desk was made of stays as it was"
    call(desk, "refund_order", order_id="O-1", amount=10)
    assert desk.digest == twin.digest
    assert twin.call("get_order", {"order_id": "O-1"}).kind == "timeout"
    assert desk.digest != twin.digest, "a failure that still waits is part of the state"
    assert desk.call("get_order", {"order_id": "O-1"}).kind == "timeout"
    assert desk.digest == twin.digest
    assert json.loads(plain(desk.state)) == desk.state


def test_arguments_stay_the_agents_own(desk: Desk) -> None:
    lines = [{"sku": "P-1", "quantity": 2}]
    call(desk, "create_order", customer_id="C-1", lines=lines)
    lines[0]["quantity"] = 9
    assert desk.state["orders"]["O-6"]["lines"][0]["quantity"] == 2


def test_there_are_enough_tools_and_each_is_described() -> None:
    assert len(TOOLS) == 44
    for tool in TOOLS.values():
        assert tool.description.endswith("."), tool.name
        for name, schema in tool.parameters["properties"].items():
            assert schema["description"].endswith("."), (tool.name, name)
