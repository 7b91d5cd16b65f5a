"""Checkout in four steps: address, delivery, payment, review. What was entered so far is kept in the session."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from environments.arena.sites.shop.pricing import Basket, basket, delivery_cost
from environments.arena.sites.shop.trading import WAYS, described
from environments.arena.visit import Page, Visit

__all__ = [
    "FIELDS", "address", "address_errors", "delivery", "payment", "place", "review", "save_address", "save_delivery",
    "save_payment",
]  # fmt: skip

FIELDS = (
    ("name", "Full name"),
    ("street", "Street and number"),
    ("town", "Town"),
    ("postcode", "Postcode"),
    ("phone", "Phone"),
)
PAYMENTS = ("Card", "Invoice", "Gift voucher")


def address_errors(form: Mapping[str, str]) -> dict[str, str]:
    """Field -> what is wrong with it."""
    errors = {name: f"{label} is missing." for name, label in FIELDS if not form.get(name, "").strip()}
    if "postcode" not in errors and not re.fullmatch(r"LM\d{1,2} ?\d[A-Z]{2}", form["postcode"].strip().upper()):
        errors["postcode"] = "A postcode looks like LM1 4AB."
    if "phone" not in errors and not re.fullmatch(r"[+\d][\d ]{6,17}", form["phone"].strip()):
        errors["phone"] = "A phone number has 7 to 18 digits."
    return errors


def so_far(visit: Visit) -> dict[str, Any]:
    return dict(visit.session.data.get("checkout", {})) if visit.session else {}


def step(handler: Callable[[Visit, str, Basket], Page]) -> Callable[[Visit], Page]:
    """Steps are for those who are signed in and have something in the cart."""

    def checked(visit: Visit) -> Page:
        account = visit.account
        if account is None:
            return visit.redirect("/login?next=/checkout", info="Please sign in to check out.")
        now = basket(visit, way=so_far(visit).get("way", "standard"))
        if not now.lines:
            return visit.redirect("/cart", error="Your cart is empty.")
        return handler(visit, account.username, now)

    return checked


@step
def address(visit: Visit, username: str, now: Basket) -> Page:
    rows = visit.all("SELECT * FROM shop_address WHERE username = ? ORDER BY main DESC, id", username)
    entered = so_far(visit).get("address") or (dict(rows[0]) if rows else {})
    return visit.page("checkout_address.html", step=1, basket=now, rows=rows, fields=FIELDS, entered=entered, errors={})


@step
def save_address(visit: Visit, username: str, now: Basket) -> Page:
    rows = visit.all("SELECT * FROM shop_address WHERE username = ? ORDER BY main DESC, id", username)
    known = next((dict(row) for row in rows if str(row["id"]) == visit.form.get("use", "")), None)
    form: Mapping[str, str] = known or visit.form
    if errors := address_errors(form):
        return visit.page(
            "checkout_address.html", status=422, step=1, basket=now, rows=rows, fields=FIELDS, entered=form,
            errors=errors,
        )  # fmt: skip
    kept = {name: form[name].strip() for name, _ in FIELDS}
    visit.remember(checkout={**so_far(visit), "address": kept})
    return visit.redirect("/checkout/delivery")


def delivery_page(visit: Visit, now: Basket, *, entered: Mapping[str, Any], error: str = "") -> Page:
    ways = [(way, label, delivery_cost(way, now.subtotal - now.discount)) for way, (label, _) in WAYS.items()]
    return visit.page(
        "checkout_delivery.html", status=422 if error else 200, step=2, basket=now, ways=ways, entered=entered,
        error=error,
    )  # fmt: skip


@step
def delivery(visit: Visit, username: str, now: Basket) -> Page:
    if "address" not in so_far(visit):
        return visit.redirect("/checkout")
    return delivery_page(visit, now, entered=so_far(visit))


@step
def save_delivery(visit: Visit, username: str, now: Basket) -> Page:
    way, day = visit.form.get("way", ""), visit.form.get("day", "").strip()
    error = "Choose a way of delivery." if way not in WAYS else day_problem(visit, day)
    if error:
        return delivery_page(visit, now, entered=visit.form, error=error)
    visit.remember(checkout={**so_far(visit), "way": way, "day": day})
    return visit.redirect("/checkout/payment")


def day_problem(visit: Visit, text: str) -> str:
    """What is wrong with a delivery date; empty when nothing is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return "Choose a date, such as 2026-03-12."
    first, last = visit.now.date() + timedelta(days=2), visit.now.date() + timedelta(days=40)
    if not first <= day <= last:
        return f"We deliver from {first} to {last}."
    return "We do not deliver on Sundays." if day.weekday() == 6 else ""


@step
def payment(visit: Visit, username: str, now: Basket) -> Page:
    if "way" not in so_far(visit):
        return visit.redirect("/checkout/delivery")
    return visit.page("checkout_payment.html", step=3, basket=now, payments=PAYMENTS, entered=so_far(visit), errors={})


@step
def save_payment(visit: Visit, username: str, now: Basket) -> Page:
    """Card numbers are checked and not kept."""
    chosen = visit.form.get("payment", "")
    errors = {} if chosen in PAYMENTS else {"payment": "Choose how to pay."}
    digits = visit.form.get("card", "").replace(" ", "")
    if chosen == "Card" and not re.fullmatch(r"\d{16}", digits):
        errors["card"] = "A card number has 16 digits."
    if chosen == "Gift voucher" and not re.fullmatch(r"[A-Z]{4}\d{4}", visit.form.get("card", "").strip()):
        errors["card"] = "A voucher's number is four letters and four digits."
    if errors:
        return visit.page(
            "checkout_payment.html",
            status=422,
            step=3,
            basket=now,
            payments=PAYMENTS,
            entered=visit.form,
            errors=errors,
        )
    visit.remember(checkout={**so_far(visit), "payment": chosen})
    return visit.redirect("/checkout/review")


@step
def review(visit: Visit, username: str, now: Basket) -> Page:
    if "payment" not in so_far(visit):
        return visit.redirect("/checkout/payment")
    return visit.page("checkout_review.html", step=4, basket=now, entered=so_far(visit), ways=WAYS)


@step
def place(visit: Visit, username: str, now: Basket) -> Page:
    """Turn the cart into an order."""
    entered = so_far(visit)
    if "payment" not in entered or "way" not in entered or "address" not in entered:
        return visit.redirect("/checkout")
    short = next((line for line in now.lines if line["quantity"] > line["stock"]), None)
    if short:
        return visit.redirect("/cart", error=f"Only {short['stock']} of {short['name']} are left.")
    to = entered["address"]
    number = visit.write(
        "INSERT INTO shop_order (username, at, status, subtotal, discount, delivery, total, coupon, way, day, payment,"
        " name, street, town, postcode, phone) VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        username, visit.now.isoformat(), now.subtotal, now.discount, now.delivery, now.total, now.coupon,
        entered["way"], entered["day"], entered["payment"], *(to[name] for name, _ in FIELDS),
    )  # fmt: skip
    for line in now.lines:
        visit.write(
            'INSERT INTO shop_line ("order", product, variant, name, options, price, quantity)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            number, line["product"], line["variant"], line["name"], described(line["size"], line["colour"]),
            line["price"], line["quantity"],
        )  # fmt: skip
        move_stock(visit, line["variant"], by=-line["quantity"])
    visit.write("DELETE FROM shop_cart WHERE owner = ?", f"user {username}")
    visit.remember(checkout={}, coupon="")
    return visit.redirect(f"/orders/{number}", success=f"Thank you! Your order {number} is placed.")


def move_stock(visit: Visit, variant: int, *, by: int) -> None:
    """Change a variant's stock, and its product's sum with it."""
    visit.write("UPDATE shop_variant SET stock = stock + ? WHERE id = ?", by, variant)
    visit.write(
        "UPDATE shop_product SET stock = stock + ? WHERE id = (SELECT product FROM shop_variant WHERE id = ?)",
        by, variant,
    )  # fmt: skip
