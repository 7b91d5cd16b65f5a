"""Customers: search, and one of them with orders and reviews."""

from __future__ import annotations

from environments.arena.sites.admin.desk import COUNTED, EACH, TAKINGS, cut, kept, order_of, staff
from environments.arena.visit import Account, Page, Visit

__all__ = ["block", "customer", "customers"]

COLUMNS = {
    "name": "name, username",
    "joined": "joined, username",
    "orders": "orders, username",
    "spent": "spent, username",
}

BOUGHT = f"""
SELECT account.username, account.name, email, joined,
    (SELECT count(*) FROM shop_order WHERE username = account.username AND {COUNTED}) AS orders,
    (SELECT {TAKINGS} FROM shop_order WHERE username = account.username AND {COUNTED}) AS spent
FROM account WHERE site = 'shop' AND (account.name LIKE ? OR account.username LIKE ? OR email LIKE ?)
"""


@staff
def customers(visit: Visit, who: Account) -> Page:
    like = f"%{visit.query.get('q', '').strip()}%"
    count = visit.value(
        "SELECT count(*) FROM account WHERE site = 'shop' AND (name LIKE ? OR username LIKE ? OR email LIKE ?)",
        like, like, like,
    )  # fmt: skip
    page = cut(visit, count)
    asked, order = order_of(visit, COLUMNS, default="name")
    rows = visit.all(f"{BOUGHT} ORDER BY {order} LIMIT ? OFFSET ?", like, like, like, EACH, page.offset)
    return visit.page(
        "customers.html", rows=rows, count=count, cut=page, asked=asked, sorting=kept(visit, "sort", "page"),
        paging=kept(visit, "page"),
    )  # fmt: skip


@staff
def customer(visit: Visit, who: Account) -> Page:
    username = visit.path["username"]
    row = visit.one(
        "SELECT * FROM account JOIN shop_customer USING (username) WHERE site = 'shop' AND username = ?", username
    )
    if row is None:
        return visit.not_found("There is no such customer.")
    figures = visit.one(
        f"SELECT count(*) AS orders, {TAKINGS} AS spent FROM shop_order WHERE username = ? AND {COUNTED}", username
    )
    orders = visit.all("SELECT * FROM shop_order WHERE username = ? ORDER BY at DESC LIMIT 50", username)
    addresses = visit.all("SELECT * FROM shop_address WHERE username = ? ORDER BY main DESC, id", username)
    reviews = visit.all(
        "SELECT shop_review.*, name FROM shop_review JOIN shop_product ON shop_product.id = product"
        " WHERE username = ? ORDER BY at DESC LIMIT 50", username,
    )  # fmt: skip
    return visit.page(
        "customer.html", customer=row, figures=figures, orders=orders, addresses=addresses, reviews=reviews
    )


@staff
def block(visit: Visit, who: Account) -> Page:
    """Mark a customer as one whose orders are held back, or take the mark off."""
    username = visit.path["username"]
    if not visit.write("UPDATE shop_customer SET blocked = 1 - blocked WHERE username = ?", username):
        return visit.not_found("There is no such customer.")
    blocked = visit.value("SELECT blocked FROM shop_customer WHERE username = ?", username)
    return visit.redirect(f"/customers/{username}", success="Blocked." if blocked else "No longer blocked.")
