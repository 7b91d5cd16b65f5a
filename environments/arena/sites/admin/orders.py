"""Orders: a list with filters, and one order with its status, refunds and notes."""

from __future__ import annotations

import re

from environments.arena.sites.admin.desk import EACH, cut, kept, order_of, staff
from environments.arena.sites.shop.checkout import move_stock
from environments.arena.sites.shop.trading import WAYS
from environments.arena.visit import Account, Page, Visit

__all__ = ["change_status", "note", "order", "orders", "refund"]

STATUSES = ("pending", "packed", "shipped", "delivered", "cancelled", "refunded")
NEXT = {
    "pending": ("packed", "cancelled"),
    "packed": ("shipped", "cancelled"),
    "shipped": ("delivered",),
}
"""What may follow a status."""
COLUMNS = {"number": "id", "date": "at, id", "customer": "name, id", "total": "total, id"}


@staff
def orders(visit: Visit, who: Account) -> Page:
    conditions, values, problem = ["1"], list[object](), ""
    if visit.query.get("status") in STATUSES:
        conditions.append("status = ?")
        values.append(visit.query["status"])
    for name, condition, ending in (("from", "at >= ?", ""), ("to", "at <= ?", "T99")):
        day = visit.query.get(name, "").strip()
        if day and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
            problem = "A date looks like 2026-02-14."
        elif day:
            conditions.append(condition)
            values.append(day + ending)
    if words := visit.query.get("q", "").strip():
        conditions.append("(name LIKE ? OR id = ?)")
        values += [f"%{words}%", int(words) if words.isdigit() and len(words) < 12 else 0]
    where = " AND ".join(conditions)
    figures = visit.one(
        f"SELECT count(*) AS count, coalesce(sum(total), 0) AS total FROM shop_order WHERE {where}", *values
    )
    assert figures is not None
    page = cut(visit, figures["count"])
    asked, order = order_of(visit, COLUMNS, default="-date")
    rows = visit.all(
        f"SELECT * FROM shop_order WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, EACH, page.offset
    )
    return visit.page(
        "orders.html", status=422 if problem else 200, rows=rows, figures=figures, cut=page, asked=asked,
        problem=problem, sorting=kept(visit, "sort", "page"), paging=kept(visit, "page"),
        statuses=[(status, status.capitalize()) for status in STATUSES],
    )  # fmt: skip


@staff
def order(visit: Visit, who: Account) -> Page:
    return one_order(visit, who)


def one_order(visit: Visit, who: Account, *, error: str = "", about: str = "") -> Page:
    """An order's page; `error` says what is wrong with the form `about` something."""
    row = visit.one("SELECT * FROM shop_order WHERE id = ?", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such order.")
    lines = visit.all('SELECT * FROM shop_line WHERE "order" = ? ORDER BY id', row["id"])
    notes = visit.all('SELECT * FROM admin_note WHERE "order" = ? ORDER BY id DESC', row["id"])
    refunds = visit.all('SELECT * FROM admin_refund WHERE "order" = ? ORDER BY id', row["id"])
    return visit.page(
        "order.html", status=422 if error else 200, order=row, lines=lines, notes=notes, refunds=refunds,
        way=WAYS[row["way"]][0], following=[(each, each.capitalize()) for each in NEXT.get(row["status"], ())],
        error=error, about=about, may_refund=who.role == "keeper",
    )  # fmt: skip


@staff
def change_status(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_order WHERE id = ?", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such order.")
    status = visit.form.get("status", "")
    if status not in NEXT.get(row["status"], ()):
        return visit.redirect(f"/orders/{row['id']}", error=f"An order that is {row['status']} cannot become that.")
    visit.write("UPDATE shop_order SET status = ? WHERE id = ?", status, row["id"])
    if status == "cancelled":
        for line in visit.all('SELECT * FROM shop_line WHERE "order" = ?', row["id"]):
            move_stock(visit, line["variant"], by=line["quantity"])
    return visit.redirect(f"/orders/{row['id']}", success=f"Order {row['id']} is {status} now.")


@staff
def refund(visit: Visit, who: Account) -> Page:
    """Give some or all of an order's total back."""
    row = visit.one("SELECT * FROM shop_order WHERE id = ?", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such order.")
    if who.role != "keeper":
        return visit.forbidden("Only a keeper may give refunds.")
    amount, reason = visit.form.get("amount", "").strip().removeprefix("£"), visit.form.get("reason", "").strip()
    left = row["total"] - row["refunded"]
    problem = ""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,2})?", amount) or float(amount) == 0:
        problem = "The amount is a number of pounds, such as 12.50."
    elif round(float(amount) * 100) > left:
        problem = f"No more than £{left / 100:.2f} can be given back."
    elif not reason:
        problem = "Say why the money is given back."
    if problem:
        return one_order(visit, who, error=problem, about="refund")
    pence = round(float(amount) * 100)
    visit.write(
        'INSERT INTO admin_refund ("order", username, at, amount, reason) VALUES (?, ?, ?, ?, ?)',
        row["id"], who.username, visit.now.isoformat(), pence, reason,
    )  # fmt: skip
    status = "refunded" if pence == left else row["status"]
    visit.write("UPDATE shop_order SET refunded = refunded + ?, status = ? WHERE id = ?", pence, status, row["id"])
    return visit.redirect(f"/orders/{row['id']}", success=f"£{pence / 100:.2f} is given back.")


@staff
def note(visit: Visit, who: Account) -> Page:
    """A note that only the staff sees."""
    body = visit.form.get("body", "").strip()
    if not body:
        return one_order(visit, who, error="A note needs a text.", about="note")
    visit.write(
        'INSERT INTO admin_note ("order", username, at, body) VALUES (?, ?, ?, ?)',
        visit.path["id"], who.username, visit.now.isoformat(), body,
    )  # fmt: skip
    return visit.redirect(f"/orders/{visit.path['id']}", success="Your note is kept.")
