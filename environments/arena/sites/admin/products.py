"""The catalogue: a list with filters, many changed at once, and one product's prices, stock and status."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from environments.arena.sites.admin.desk import EACH, cut, kept, order_of, staff
from environments.arena.sites.shop.catalogue import matching
from environments.arena.visit import Account, Page, Visit

__all__ = ["bulk", "product", "products", "save"]

STATUSES = ("active", "hidden", "draft")
STOCKS = {"out": "stock = 0", "low": "stock BETWEEN 1 AND 9", "in": "stock > 9"}
COLUMNS = {"name": "name, id", "price": "price, id", "stock": "stock, id", "rating": "rating, id", "sku": "id"}


@staff
def products(visit: Visit, who: Account) -> Page:
    conditions, values = ["1"], list[object]()
    if words := visit.query.get("q", "").strip():
        found, given = matching(visit, words)
        conditions.append(found)
        values += given
    if visit.query.get("status") in STATUSES:
        conditions.append("status = ?")
        values.append(visit.query["status"])
    if number := visit.number("category", 0):
        conditions.append("top = ?" if number < 10 else "category = ?")
        values.append(number)
    conditions.append(STOCKS.get(visit.query.get("stock", ""), "1"))
    where = " AND ".join(conditions)
    count = visit.value(f"SELECT count(*) FROM shop_product WHERE {where}", *values)
    page = cut(visit, count)
    asked, order = order_of(visit, COLUMNS, default="name")
    rows = visit.all(
        f"SELECT * FROM shop_product WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, EACH, page.offset
    )
    kinds = visit.all("SELECT id, name, parent FROM shop_category ORDER BY coalesce(parent, id), id")
    return visit.page(
        "products.html", rows=rows, count=count, cut=page, asked=asked, sorting=kept(visit, "sort", "page"),
        paging=kept(visit, "page"), statuses=[(status, status) for status in STATUSES],
        kinds=[(row["id"], ("– " if row["parent"] else "") + row["name"]) for row in kinds],
    )  # fmt: skip


@staff
def bulk(visit: Visit, who: Account) -> Page:
    """Change the ticked products' status or prices."""
    back = visit.form.get("back", "/products")
    back = back if back.startswith("/products") else "/products"
    numbers = [int(text) for text in visit.lists.get("id", ()) if text.isdigit()]
    change = visit.form.get("change", "")
    if not numbers:
        return visit.redirect(back, error="Tick at least one product.")
    if change in STATUSES:
        for number in numbers:
            visit.write("UPDATE shop_product SET status = ? WHERE id = ?", change, number)
        return visit.redirect(back, success=f"Set to {change}: {len(numbers)}.")
    if re.fullmatch(r"[+-]\d{1,2}", change):
        for number in numbers:
            visit.write(
                "UPDATE shop_variant SET price = max(round(price * (100 + ?) / 100.0), 1) WHERE product = ?",
                int(change), number,
            )  # fmt: skip
            recount(visit, number)
        return visit.redirect(back, success=f"Prices changed by {change} %: {len(numbers)}.")
    return visit.redirect(back, error="Choose what to do with the ticked products.")


def recount(visit: Visit, number: int) -> None:
    """Bring a product's price and stock in line with its variants': the price is the first one's, the cheapest."""
    visit.write(
        "UPDATE shop_product SET (price, stock) = (SELECT min(price), sum(stock) FROM shop_variant WHERE product = ?)"
        " WHERE id = ?", number, number,
    )  # fmt: skip


@staff
def product(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_product WHERE id = ?", visit.path["id"])
    return form(visit, row, entered={}, errors={}) if row else visit.not_found("There is no such product.")


def form(visit: Visit, row: sqlite3.Row, *, entered: Mapping[str, str], errors: Mapping[str, str]) -> Page:
    """The product's page, with what was entered where something was wrong with it."""
    variants = visit.all("SELECT * FROM shop_variant WHERE product = ? ORDER BY id", row["id"])
    kind = visit.one("SELECT * FROM shop_category WHERE id = ?", row["category"])
    sold = visit.value("SELECT coalesce(sum(quantity), 0) FROM shop_line WHERE product = ?", row["id"])
    return visit.page(
        "product.html", status=422 if errors else 200, product=row, variants=variants, kind=kind, sold=sold,
        entered=entered, errors=errors, statuses=[(status, status) for status in STATUSES],
    )  # fmt: skip


@staff
def save(visit: Visit, who: Account) -> Page:
    """Take over status, description, and every variant's price and stock."""
    row = visit.one("SELECT * FROM shop_product WHERE id = ?", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such product.")
    variants = visit.all("SELECT id FROM shop_variant WHERE product = ? ORDER BY id", row["id"])
    errors = {} if visit.form.get("about", "").strip() else {"about": "A product needs a description."}
    if visit.form.get("status") not in STATUSES:
        errors["status"] = "Choose a status."
    for each in variants:
        price, stock = f"price-{each['id']}", f"stock-{each['id']}"
        if not re.fullmatch(r"\d{1,5}(\.\d{1,2})?", visit.form.get(price, "")) or float(visit.form[price]) == 0:
            errors[price] = "A price is a number of pounds, such as 12.50."
        if not re.fullmatch(r"\d{1,5}", visit.form.get(stock, "")):
            errors[stock] = "The stock is a whole number."
    if errors:
        return form(visit, row, entered=visit.form, errors=errors)
    for each in variants:
        price, stock = visit.form[f"price-{each['id']}"], visit.form[f"stock-{each['id']}"]
        visit.write(
            "UPDATE shop_variant SET price = ?, stock = ? WHERE id = ?",
            round(float(price) * 100),
            int(stock),
            each["id"],
        )
    status, about = visit.form["status"], visit.form["about"].strip()
    visit.write("UPDATE shop_product SET status = ?, about = ? WHERE id = ?", status, about, row["id"])
    recount(visit, row["id"])
    return visit.redirect(f"/products/{row['id']}", success=f"{row['name']} is saved.")
