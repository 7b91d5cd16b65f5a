"""Errands about orders, products and refunds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from environments.contracts import Action
from environments.tools.errands import Errand, Template, act
from environments.tools.functions import State
from environments.tools.orders import PAGE, total_cents
from environments.tools.shop import TODAY

__all__ = ["TEMPLATES", "euros", "look_up_order", "of_status", "whose"]

Record = dict[str, Any]


def euros(cents: int) -> str:
    """Cents as euros with two decimals."""
    return f"{cents / 100:.2f}"


def of_status(state: State, rng: random.Random, *, status: str) -> Record:
    """Some order, made to be in this status, with a shipment exactly where there is one."""
    order: Record = rng.choice(list(state["orders"].values()))
    if order["tracking"]:
        del state["shipments"][order["tracking"]]
    order["status"], order["tracking"], order["cancelled_because"] = status, None, None
    if status in ("shipped", "delivered"):
        order["tracking"] = f"T-{rng.randint(10_001, 99_999)}"
        due = (TODAY + timedelta(days=rng.randint(1, 9))).isoformat()
        state["shipments"][order["tracking"]] = {"tracking": order["tracking"], "place": "depot", "expected_on": due}
    return order


def look_up_order(state: State, order: Record) -> tuple[Action, ...]:
    """The calls from a customer's name to an order."""
    customer = state["contacts"][order["customer_id"]]
    theirs = [one["id"] for one in state["orders"].values() if one["customer_id"] == customer["id"]]
    return (
        *look_up_orders(customer, pages=theirs.index(order["id"]) // PAGE + 1),
        act("get_order", order_id=order["id"]),
    )


def look_up_orders(customer: Record, *, pages: int) -> tuple[Action, ...]:
    lists = (act("list_orders", customer_id=customer["id"], page=page) for page in range(1, pages + 1))
    return (act("find_contacts", name=customer["name"]), *lists)


def whose(state: State, order: Record) -> str:
    """How a goal names an order."""
    return f"{state['contacts'][order['customer_id']]['name']}'s order of {order['placed_on']}"


def cancel_and_refund(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status=rng.choice(("placed", "packed")))
    plan = (
        *look_up_order(state, order),
        act("cancel_order", order_id=order["id"], reason="customer_request"),
        act("refund_order", order_id=order["id"], amount=total_cents(order)),
        act("answer"),
    )
    goal = f"Cancel {whose(state, order)}, at the customer's request, and see that all that was paid is paid back."
    return Errand(goal=goal, plan=plan)


def refund_broken_piece(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status="delivered")
    line = rng.choice(order["lines"])
    line["quantity"] = rng.randint(2, 5)
    product = state["products"][line["sku"]]
    plan = (
        *look_up_order(state, order),
        act("get_product", sku=line["sku"]),
        act("refund_order", order_id=order["id"], amount=line["price_cents"]),
        act("answer", text=euros(line["price_cents"])),
    )
    goal = (
        f"One {product['name']} in {whose(state, order)} arrived broken. Refund the price of that one piece, and "
        "answer with the refunded amount in euros, such as 12.50."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def count_undelivered(rng: random.Random, state: State) -> Errand:
    customer = _regular(rng, state, orders=rng.randint(PAGE + 2, 2 * PAGE + 3))
    theirs = [order for order in state["orders"].values() if order["customer_id"] == customer["id"]]
    theirs[-1]["status"] = "packed"
    count = sum(order["status"] not in ("delivered", "cancelled") for order in theirs)
    plan = (*look_up_orders(customer, pages=-(-len(theirs) // PAGE)), act("answer", text=str(count)))
    goal = f"How many of {customer['name']}'s orders are neither delivered nor cancelled? Answer with the number."
    return Errand(goal=goal, plan=plan, accepts="number")


def repeat_order(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status="delivered")
    lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]]
    plan = (
        *look_up_order(state, order),
        act("create_order", customer_id=order["customer_id"], lines=lines),
        act("answer", text=euros(total_cents(order))),
    )
    goal = (
        f"The customer of {whose(state, order)} wants the same products again in the same quantities. Place that as "
        "one order, and answer with its total in euros, such as 12.50."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def change_pieces(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status="placed")
    line = rng.choice(order["lines"])
    pieces = line["quantity"] + rng.randint(1, 6)
    plan = (
        *look_up_order(state, order),
        act("list_products"),
        act("change_quantity", order_id=order["id"], sku=line["sku"], quantity=pieces),
        act("answer"),
    )
    name = state["products"][line["sku"]]["name"]
    goal = f"Change {whose(state, order)} so that it holds {pieces} pieces of the product {name!r}."
    return Errand(goal=goal, plan=plan)


def cancel_if_possible(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status=rng.choice(("placed", "shipped")))
    gone = order["status"] == "shipped"
    end = act("report_infeasible", reason="the order is shipped") if gone else act("answer")
    plan = (
        *look_up_order(state, order),
        act("cancel_order", order_id=order["id"], reason="customer_request"),
        end,
    )
    goal = (
        f"Cancel {whose(state, order)}, at the customer's request, and refund nothing. If it cannot be cancelled any "
        "more, change nothing and report that it cannot be done."
    )
    return Errand(goal=goal, plan=plan)


def late_shipment(rng: random.Random, state: State) -> Errand:
    customer = _regular(rng, state, orders=rng.randint(3, PAGE + 2))
    theirs = [order for order in state["orders"].values() if order["customer_id"] == customer["id"]]
    late = rng.choice(theirs)
    under_way = [late, *rng.sample([order for order in theirs if order is not late], 2)]
    for place, order in enumerate(under_way):
        order["status"], order["tracking"] = "shipped", f"T-{rng.randint(10_001, 50_000)}{place}"
    for order in theirs:
        if order["status"] == "shipped":
            due = TODAY + timedelta(days=-rng.randint(1, 5) if order is late else rng.randint(1, 9))
            parcel = {"tracking": order["tracking"], "place": "depot", "expected_on": due.isoformat()}
            state["shipments"][order["tracking"]] = parcel
    shipped = [order for order in theirs if order["status"] == "shipped"]
    plan = (
        *look_up_orders(customer, pages=-(-len(theirs) // PAGE)),
        *_each(shipped, "get_order", key="order_id", value="id"),
        *_each(shipped, "track_shipment", key="tracking", value="tracking"),
        act("answer", text=late["id"]),
    )
    goal = (
        f"Exactly one of {customer['name']}'s shipped orders is late: it was expected before today. Answer with that "
        "order's id only."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


def scarcest_product(rng: random.Random, state: State) -> Errand:
    products = list(state["products"].values())
    scarcest = min(products, key=lambda product: int(product["stock"]))
    plan = (
        act("list_products"),
        *_each(products, "get_product", key="sku", value="sku"),
        act("answer", text=scarcest["sku"]),
    )
    goal = "Of which product are the fewest pieces in stock? Answer with its SKU only."
    return Errand(goal=goal, plan=plan, accepts="text")


def cancel_duplicate(rng: random.Random, state: State) -> Errand:
    customer = _regular(rng, state, orders=PAGE - 1)
    theirs = [order for order in state["orders"].values() if order["customer_id"] == customer["id"]][: PAGE - 1]
    for order in theirs:
        order["status"], order["tracking"], order["cancelled_because"] = "placed", None, None
    first, second = sorted(rng.sample(theirs, 2), key=lambda order: str(order["placed_on"]))
    second["lines"] = [dict(line) for line in first["lines"]]
    other = next(order for order in theirs if order not in (first, second))
    other["lines"] = [first["lines"][0] | {"quantity": first["lines"][0]["quantity"] + 1}]
    plan = (
        *look_up_orders(customer, pages=1),
        *_each(theirs, "get_order", key="order_id", value="id"),
        act("cancel_order", order_id=second["id"], reason="duplicate"),
        act("answer", text=second["id"]),
    )
    goal = (
        f"{customer['name']} placed the same order twice: two orders that are still 'placed' hold the same products in "
        "the same quantities. Cancel the later one as a duplicate. Refund nothing. Answer with its id only."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


def _regular(rng: random.Random, state: State, *, orders: int) -> Record:
    """A customer who is made to have exactly so many orders."""
    customers = [person for person in state["contacts"].values() if "customers" in person["groups"]]
    customer, *others = rng.sample(customers, len(customers))
    chosen = rng.sample(sorted(state["orders"]), orders)
    for key, order in state["orders"].items():
        if key in chosen:
            order["customer_id"] = customer["id"]
        elif order["customer_id"] == customer["id"]:
            order["customer_id"] = rng.choice(others)["id"]
    return dict(customer)


def _each(records: Sequence[Record], name: str, *, key: str, value: str) -> tuple[Action, ...]:
    return tuple(act(name, **{key: record[value]}) for record in records)


TEMPLATES = (
    Template(make=cancel_and_refund),
    Template(make=refund_broken_piece),
    Template(make=count_undelivered),
    Template(make=repeat_order, split="heldout"),
    Template(make=change_pieces),
    Template(make=cancel_if_possible),
    Template(make=late_shipment, split="validation"),
    Template(make=scarcest_product),
    Template(make=cancel_duplicate, split="heldout"),
)
