"""What belongs to a customer: the account's page, profile, addresses, newsletter, wish list, reviews."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from environments.arena.sites.shop.checkout import FIELDS, address_errors
from environments.arena.visit import Account, Page, Visit

__all__ = [
    "account", "address", "addresses", "drop_address", "main_address", "profile", "review", "save_address",
    "save_newsletter", "save_profile", "save_review", "wish", "wishes",
]  # fmt: skip


def signed_in(handler: Callable[[Visit, Account], Page]) -> Callable[[Visit], Page]:
    """Ask guests to sign in first."""

    def checked(visit: Visit) -> Page:
        who = visit.account
        return handler(visit, who) if who else visit.ask_to_log_in()

    return checked


@signed_in
def account(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_customer WHERE username = ?", who.username)
    main = visit.one("SELECT * FROM shop_address WHERE username = ? AND main = 1", who.username)
    latest = visit.all("SELECT * FROM shop_order WHERE username = ? ORDER BY at DESC LIMIT 3", who.username)
    reviews = visit.all(
        "SELECT shop_review.*, name FROM shop_review JOIN shop_product ON shop_product.id = product"
        " WHERE username = ? ORDER BY at DESC LIMIT 10", who.username,
    )  # fmt: skip
    return visit.page("account.html", customer=row, main=main, latest=latest, reviews=reviews)


@signed_in
def profile(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_customer WHERE username = ?", who.username)
    entered = {"name": who.name, "email": who.email, "phone": row["phone"] if row else ""}
    return visit.page("profile.html", entered=entered, errors={})


@signed_in
def save_profile(visit: Visit, who: Account) -> Page:
    form = visit.form
    errors = {}
    if len(form.get("name", "").strip()) < 3:
        errors["name"] = "A name has at least three letters."
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", form.get("email", "").strip()):
        errors["email"] = "This is no e-mail address."
    if not re.fullmatch(r"[+\d][\d ]{6,17}", form.get("phone", "").strip()):
        errors["phone"] = "A phone number has 7 to 18 digits."
    if errors:
        return visit.page("profile.html", status=422, entered=form, errors=errors)
    visit.write(
        "UPDATE account SET name = ?, email = ? WHERE site = 'shop' AND username = ?",
        form["name"].strip(), form["email"].strip(), who.username,
    )  # fmt: skip
    visit.write("UPDATE shop_customer SET phone = ? WHERE username = ?", form["phone"].strip(), who.username)
    return visit.redirect("/account", success="Your profile is saved.")


@signed_in
def save_newsletter(visit: Visit, who: Account) -> Page:
    letter = visit.form.get("letter", "never")
    if letter not in ("never", "weekly", "monthly"):
        return visit.redirect("/account", error="Choose how often.")
    visit.write(
        "UPDATE shop_customer SET newsletter = ?, letter = ? WHERE username = ?",
        int(letter != "never"), "monthly" if letter == "never" else letter, who.username,
    )  # fmt: skip
    said = "You get no newsletter any more." if letter == "never" else f"You get the newsletter {letter}."
    return visit.redirect("/account", success=said)


# Addresses -------------------------------------------------------------------------------------------------------


@signed_in
def addresses(visit: Visit, who: Account) -> Page:
    rows = visit.all("SELECT * FROM shop_address WHERE username = ? ORDER BY main DESC, id", who.username)
    return visit.page("addresses.html", rows=rows)


@signed_in
def address(visit: Visit, who: Account) -> Page:
    """The form for a new address, or for one that there is."""
    entered: Mapping[str, str] = {"label": "", "name": who.name, "street": "", "town": "", "postcode": "", "phone": ""}
    if number := visit.path.get("id"):
        row = visit.one("SELECT * FROM shop_address WHERE id = ? AND username = ?", number, who.username)
        if row is None:
            return visit.not_found("You have no such address.")
        entered = dict(row)
    return visit.page("address.html", entered=entered, errors={}, fields=FIELDS, number=number)


@signed_in
def save_address(visit: Visit, who: Account) -> Page:
    number, label = visit.path.get("id"), visit.form.get("label", "").strip()
    errors = address_errors(visit.form) | ({} if label else {"label": "Give the address a label, such as Home."})
    if errors:
        return visit.page("address.html", status=422, entered=visit.form, errors=errors, fields=FIELDS, number=number)
    values = [label, *(visit.form[name].strip() for name, _ in FIELDS), who.username]
    if number:
        visit.write(
            "UPDATE shop_address SET label = ?, name = ?, street = ?, town = ?, postcode = ?, phone = ?"
            " WHERE username = ? AND id = ?", *values, number,
        )  # fmt: skip
    else:
        visit.write(
            "INSERT INTO shop_address (label, name, street, town, postcode, phone, username)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *values,
        )
    return visit.redirect("/account/addresses", success=f"The address “{label}” is saved.")


@signed_in
def drop_address(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_address WHERE id = ? AND username = ?", visit.path["id"], who.username)
    if row is None:
        return visit.not_found("You have no such address.")
    if row["main"]:
        return visit.redirect("/account/addresses", error="Make another address the main one first.")
    visit.write("DELETE FROM shop_address WHERE id = ?", row["id"])
    return visit.redirect("/account/addresses", success=f"The address “{row['label']}” is deleted.")


@signed_in
def main_address(visit: Visit, who: Account) -> Page:
    visit.write("UPDATE shop_address SET main = (id = ?) WHERE username = ?", visit.path["id"], who.username)
    return visit.redirect("/account/addresses", success="This is your main address now.")


# Wish list and reviews -------------------------------------------------------------------------------------------


@signed_in
def wishes(visit: Visit, who: Account) -> Page:
    rows = visit.all(
        "SELECT shop_product.*, shop_wish.at FROM shop_wish JOIN shop_product ON shop_product.id = product"
        " WHERE username = ? ORDER BY shop_wish.at DESC, product", who.username,
    )  # fmt: skip
    return visit.page("wishes.html", rows=rows)


@signed_in
def wish(visit: Visit, who: Account) -> Page:
    """Put a product on the wish list, or take it off."""
    number = visit.path["id"]
    back = "/wishes" if visit.form.get("from") == "list" else f"/product/{number}"
    if visit.write("DELETE FROM shop_wish WHERE username = ? AND product = ?", who.username, number):
        return visit.redirect(back, info="Taken off your wish list.")
    visit.write("INSERT INTO shop_wish VALUES (?, ?, ?)", who.username, number, visit.now.isoformat())
    return visit.redirect(back, success="On your wish list.")


@signed_in
def review(visit: Visit, who: Account) -> Page:
    row = visit.one("SELECT * FROM shop_product WHERE id = ? AND status = 'active'", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such product.")
    return visit.page("review.html", product=row, entered={}, errors={})


@signed_in
def save_review(visit: Visit, who: Account) -> Page:
    """A review is shown when the shop has looked at it."""
    row = visit.one("SELECT * FROM shop_product WHERE id = ? AND status = 'active'", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such product.")
    title, body, rating = (
        visit.form.get("title", "").strip(),
        visit.form.get("body", "").strip(),
        visit.number("rating", 0),
    )
    errors = {} if 1 <= rating <= 5 else {"rating": "Choose from one to five stars."}
    errors |= {} if title else {"title": "Give your review a title."}
    errors |= {} if len(body) >= 10 else {"body": "Write at least ten letters."}
    if errors:
        return visit.page("review.html", status=422, product=row, entered=visit.form, errors=errors)
    visit.write(
        "INSERT INTO shop_review (product, username, author, rating, title, body, at, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'pending')",
        row["id"], who.username, who.name, rating, title, body, visit.now.isoformat(),
    )  # fmt: skip
    return visit.redirect(f"/product/{row['id']}", success="Thank you. Your review is shown when we have read it.")
