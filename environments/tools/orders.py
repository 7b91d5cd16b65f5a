"""The back end of the shop: products, orders, shipments and refunds. All money is in cents of a euro."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import (
    State,
    Tool,
    ToolRefused,
    found,
    listing,
    new_id,
    one_of,
    optional,
    takes,
    text,
    whole,
)

__all__ = ["TOOLS", "total_cents"]

ID = "The order's id, such as O-1024."
PAGE = 4
"""Orders that `list_orders` returns at once."""
OPEN = ("placed", "packed")
"""Statuses in which an order can still be changed."""


def total_cents(order: JSON) -> int:
    """What an order cost, before refunds."""
    return sum(line["quantity"] * line["price_cents"] for line in order["lines"])


def list_products(state: State) -> JSON:
    return {"products": [{"sku": one["sku"], "name": one["name"]} for one in state["products"].values()]}


def get_product(state: State, *, sku: str) -> JSON:
    return found(state, table="products", key=sku)


def list_orders(state: State, *, customer_id: str, status: str, page: int) -> JSON:
    found(state, table="contacts", key=customer_id)
    orders = [order for order in state["orders"].values() if order["customer_id"] == customer_id]
    orders = [order for order in orders if status in ("any", order["status"])]
    shown = orders[(page - 1) * PAGE : page * PAGE]
    rows = [{"id": order["id"], "placed_on": order["placed_on"], "status": order["status"]} for order in shown]
    return {"orders": rows, "next_page": page + 1 if len(orders) > page * PAGE else None}


def get_order(state: State, *, order_id: str) -> JSON:
    order = found(state, table="orders", key=order_id)
    return order | {"total_cents": total_cents(order)}


def create_order(state: State, *, customer_id: str, lines: list[JSON]) -> JSON:
    found(state, table="contacts", key=customer_id)
    priced = []
    for line in lines:
        product = found(state, table="products", key=line["sku"])
        if product["stock"] < line["quantity"]:
            raise ToolRefused(f"conflict: only {product['stock']} of {line['sku']} are in stock")
        product["stock"] -= line["quantity"]
        priced.append({"sku": line["sku"], "quantity": line["quantity"], "price_cents": product["price_cents"]})
    key = new_id(state, table="orders", letter="O")
    state["orders"][key] = {
        "id": key,
        "customer_id": customer_id,
        "placed_on": state["clock"]["today"]["value"],
        "status": "placed",
        "lines": priced,
        "refunded_cents": 0,
        "tracking": None,
        "cancelled_because": None,
    }
    return {"id": key, "total_cents": total_cents(state["orders"][key])}


def change_quantity(state: State, *, order_id: str, sku: str, quantity: int) -> JSON:
    order = found(state, table="orders", key=order_id)
    if order["status"] not in OPEN:
        raise ToolRefused(f"conflict: {order_id} is {order['status']}; only a placed or packed order can be changed")
    line = next((line for line in order["lines"] if line["sku"] == sku), None)
    if line is None:
        raise ToolRefused(f"not found: {order_id} has no {sku!r}")
    product = found(state, table="products", key=sku)
    if product["stock"] < quantity - line["quantity"]:
        raise ToolRefused(f"conflict: only {product['stock']} more of {sku} are in stock")
    product["stock"] -= quantity - line["quantity"]
    line["quantity"] = quantity
    return order


def cancel_order(state: State, *, order_id: str, reason: str) -> JSON:
    order = found(state, table="orders", key=order_id)
    if order["status"] not in OPEN:
        raise ToolRefused(f"conflict: {order_id} is {order['status']}; only a placed or packed order can be cancelled")
    for line in order["lines"]:
        state["products"][line["sku"]]["stock"] += line["quantity"]
    order["status"], order["cancelled_because"] = "cancelled", reason
    return order


def refund_order(state: State, *, order_id: str, amount: int) -> JSON:
    order = found(state, table="orders", key=order_id)
    left = total_cents(order) - order["refunded_cents"]
    if amount > left:
        raise ToolRefused(f"conflict: {left} cents of {order_id} are left to refund, not {amount}")
    order["refunded_cents"] += amount
    return {"id": order_id, "refunded_cents": order["refunded_cents"]}


def track_shipment(state: State, *, tracking: str) -> JSON:
    return found(state, table="shipments", key=tracking)


TOOLS = (
    Tool(run=list_products, description="SKU and name of every product.", parameters=takes()),
    Tool(
        run=get_product,
        description="A product's name, price in cents, and pieces in stock.",
        parameters=takes(sku=text("The product's SKU, such as P-12.")),
    ),
    Tool(
        run=list_orders,
        description=f"A customer's orders, oldest first, {PAGE} to a page. `next_page` is null on the last page.",
        parameters=takes(
            customer_id=text("The customer's contact id, such as C-104."),
            status=optional(
                one_of("Only orders in this status.", "any", "placed", "packed", "shipped", "delivered", "cancelled"),
                "any",
            ),
            page=optional(whole("The page, from 1.", low=1, high=1000), 1),
        ),
    ),
    Tool(
        run=get_order,
        description="An order's customer, date, status, lines, tracking number, total and refunded cents.",
        parameters=takes(order_id=text(ID)),
    ),
    Tool(
        run=create_order,
        description="Places an order at today's prices, takes its pieces out of stock, and returns its id and total.",
        parameters=takes(
            customer_id=text("The customer's contact id, such as C-104."),
            lines=listing(
                "What is ordered.",
                takes(sku=text("The product's SKU."), quantity=whole("Pieces.", low=1, high=1000)),
            ),
        ),
    ),
    Tool(
        run=change_quantity,
        description="Sets how many pieces of a product a placed or packed order holds.",
        parameters=takes(
            order_id=text(ID),
            sku=text("The product's SKU, such as P-12."),
            quantity=whole("The new number of pieces.", low=1, high=1000),
        ),
    ),
    Tool(
        run=cancel_order,
        description="Cancels a placed or packed order and puts its pieces back into stock. Nothing is refunded.",
        parameters=takes(
            order_id=text(ID),
            reason=one_of("Why.", "customer_request", "out_of_stock", "duplicate", "fraud"),
        ),
    ),
    Tool(
        run=refund_order,
        description="Pays back a part or all of an order, at most what was paid and not yet refunded.",
        parameters=takes(order_id=text(ID), amount=whole("Cents to pay back.", low=1, high=10_000_000)),
    ),
    Tool(
        run=track_shipment,
        description="Where a shipment is, and the day on which it is or was expected.",
        parameters=takes(tracking=text("The order's tracking number, such as T-501.")),
    ),
)
