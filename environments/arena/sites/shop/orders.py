"""A customer's orders: the list, one of them, cancel it, order it again."""

from __future__ import annotations

import sqlite3

from environments.arena.sites.shop.cart import add_variant
from environments.arena.sites.shop.checkout import move_stock
from environments.arena.sites.shop.trading import WAYS
from environments.arena.visit import Page, Visit

__all__ = ["again", "cancel", "order", "orders"]

EACH = 8


def orders(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    wanted = visit.query.get("status", "")
    where, values = "username = ?", [account.username]
    if wanted:
        where, values = where + " AND status = ?", [*values, wanted]
    count = visit.value(f"SELECT count(*) FROM shop_order WHERE {where}", *values)
    last = max(1, -(-count // EACH))
    page = visit.number("page", 1, least=1, most=last)
    rows = visit.all(
        f"SELECT *, (SELECT sum(quantity) FROM shop_line WHERE \"order\" = shop_order.id) AS items FROM shop_order"
        f" WHERE {where} ORDER BY at DESC LIMIT ? OFFSET ?", *values, EACH, (page - 1) * EACH,
    )  # fmt: skip
    address = f"/orders?status={wanted}&" if wanted else "/orders?"
    return visit.page("orders.html", rows=rows, count=count, page=page, last=last, wanted=wanted, address=address)


def own_order(visit: Visit) -> sqlite3.Row | None:
    """The order that the address names, if it is the visitor's own."""
    account = visit.account
    return visit.one(
        "SELECT * FROM shop_order WHERE id = ? AND username = ?",
        visit.path["id"], account.username if account else "",
    )  # fmt: skip


def order(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    row = own_order(visit)
    if row is None:
        return visit.not_found("You have no such order.")
    lines = visit.all('SELECT * FROM shop_line WHERE "order" = ? ORDER BY id', row["id"])
    return visit.page("order.html", order=row, lines=lines, way=WAYS[row["way"]][0])


def cancel(visit: Visit) -> Page:
    """Only what nobody has begun to pack can be cancelled."""
    row = own_order(visit)
    if row is None:
        return visit.not_found("You have no such order.")
    address = f"/orders/{row['id']}"
    if row["status"] != "pending":
        return visit.redirect(address, error=f"This order is {row['status']} and can no longer be cancelled.")
    visit.write("UPDATE shop_order SET status = 'cancelled' WHERE id = ?", row["id"])
    for line in visit.all('SELECT * FROM shop_line WHERE "order" = ?', row["id"]):
        move_stock(visit, line["variant"], by=line["quantity"])
    return visit.redirect(address, success=f"Order {row['id']} is cancelled.")


def again(visit: Visit) -> Page:
    """Put everything of an old order that is still sold into the cart."""
    row = own_order(visit)
    if row is None:
        return visit.not_found("You have no such order.")
    lines = visit.all('SELECT * FROM shop_line WHERE "order" = ?', row["id"])
    missing = [line["name"] for line in lines if add_variant(visit, line["variant"], quantity=line["quantity"])]
    if len(missing) == len(lines):
        return visit.redirect(f"/orders/{row['id']}", error="Nothing of this order is in stock at the moment.")
    if missing:
        return visit.redirect("/cart", info=f"Not enough in stock of: {', '.join(missing)}.")
    return visit.redirect("/cart", success="Everything from this order is in your cart.")
