"""The cart: put in, change quantities, take out, coupons. Guests have one too, which signing in brings along."""

from __future__ import annotations

from environments.arena.accounts import sign_in
from environments.arena.sites.shop.catalogue import product
from environments.arena.sites.shop.pricing import basket, coupon_problem, owner
from environments.arena.visit import Page, Visit

__all__ = ["add", "add_variant", "cart", "change", "coupon", "sign_in_with_cart"]

MOST = 20
"""Of one thing in one cart."""


def cart(visit: Visit) -> Page:
    return visit.page("cart.html", basket=basket(visit), error="", tried="")


def add(visit: Visit) -> Page:
    """Put a product in, in the size and colour that were chosen."""
    number = visit.path["id"]
    variants = visit.all("SELECT * FROM shop_variant WHERE product = ?", number)
    for name in ("size", "colour"):
        if any(each[name] for each in variants) and not visit.form.get(name):
            return product(visit, status=422, error=f"Choose a {name} first.")
    chosen = [each for each in variants if all(each[name] == visit.form.get(name, "") for name in ("size", "colour"))]
    if not chosen:
        return product(visit, status=422, error="That choice is not to be had.")
    quantity = visit.number("quantity", 0)
    if not 1 <= quantity <= MOST:
        return product(visit, status=422, error=f"The quantity is a number from 1 to {MOST}.")
    if problem := add_variant(visit, chosen[0]["id"], quantity=quantity):
        return product(visit, status=422, error=problem)
    name = visit.value("SELECT name FROM shop_product WHERE id = ?", number)
    return visit.redirect("/cart", success=f"{name} is in your cart.")


def add_variant(visit: Visit, variant: int, *, quantity: int) -> str:
    """Put so many in; what is wrong, in words, when there are not enough."""
    if not visit.session:
        visit.remember()
    stock = visit.value("SELECT stock FROM shop_variant WHERE id = ?", variant) or 0
    there = visit.value("SELECT quantity FROM shop_cart WHERE owner = ? AND variant = ?", owner(visit), variant) or 0
    if stock == 0:
        return "This choice is sold out."
    if there + quantity > stock:
        return f"Only {stock} of these are left."
    visit.write("INSERT OR REPLACE INTO shop_cart VALUES (?, ?, ?)", owner(visit), variant, there + quantity)
    return ""


def change(visit: Visit) -> Page:
    """Set a line's quantity; nought, or the remove button, takes it out."""
    variant = visit.path["variant"]
    quantity = 0 if "remove" in visit.form else visit.number("quantity", -1, least=-1)
    stock = visit.value("SELECT stock FROM shop_variant WHERE id = ?", variant) or 0
    if quantity == 0:
        visit.write("DELETE FROM shop_cart WHERE owner = ? AND variant = ?", owner(visit), variant)
        return visit.redirect("/cart", success="Taken out of your cart.")
    if not 1 <= quantity <= min(stock, MOST):
        return visit.redirect("/cart", error=f"The quantity is a number from 1 to {min(stock, MOST)}.")
    visit.write("UPDATE shop_cart SET quantity = ? WHERE owner = ? AND variant = ?", quantity, owner(visit), variant)
    return visit.redirect("/cart", success="Your cart is up to date.")


def coupon(visit: Visit) -> Page:
    if "forget" in visit.form:
        visit.remember(coupon="")
        return visit.redirect("/cart", info="The coupon is taken off.")
    code = visit.form.get("code", "").strip().upper()
    now = basket(visit)
    problem = coupon_problem(visit, code, subtotal=now.subtotal) if code else "Enter a coupon's code."
    if problem:
        return visit.page("cart.html", status=422, basket=now, error=problem, tried=code)
    visit.remember(coupon=code)
    return visit.redirect("/cart", success=f"Coupon {code} is applied.")


def sign_in_with_cart(visit: Visit) -> Page:
    """Sign in, and bring the guest's cart along."""
    before = owner(visit)
    page = sign_in(visit)
    if visit.session and visit.session.username and before.startswith("guest "):
        visit.write(
            "INSERT INTO shop_cart SELECT ?, variant, quantity FROM shop_cart WHERE owner = ?"
            " ON CONFLICT DO UPDATE SET quantity = max(quantity, excluded.quantity)", owner(visit), before,
        )  # fmt: skip
        visit.write("DELETE FROM shop_cart WHERE owner = ?", before)
    return page
