"""Carts, orders, wish lists, accounts: what is to be changed, and what cannot be."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from random import Random

from environments.arena.instance import DAY_ONE
from environments.arena.sites.shop.tasks.steps import CELLS, START, day_text, graded, money, my, search_for, someone
from environments.arena.tasks import Data, Draft, Move, answers, choose, click, fill, give_up, page_holds, say, template

__all__: list[str] = []

# Changing something ----------------------------------------------------------------------------------------------

WISHES = CELLS.format(table='[data-grade="wishes"]', cells="row.cells[0].innerText")
CART = CELLS.format(
    table='[data-grade="lines"]', cells="row.cells[0].innerText + ' x ' + row.querySelector('input').value"
)
LINES = CELLS.format(table='[data-grade="lines"]', cells="row.cells[0].innerText + ' x ' + row.cells[3].innerText")
REVIEWS = CELLS.format(
    table='[data-grade="reviews"]', cells="[...row.cells].slice(0, 4).map(cell => cell.innerText).join(' | ')"
)


def cart_of(data: Data, who: str) -> list[sqlite3.Row]:
    return data.all(
        "SELECT name, quantity FROM shop_cart JOIN shop_variant ON shop_variant.id = variant"
        " JOIN shop_product ON shop_product.id = product WHERE owner = ? ORDER BY shop_cart.rowid", f"user {who}",
    )  # fmt: skip


@template("shop", "wish", split="training")
def wish(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    there = data.all(
        "SELECT name FROM shop_wish JOIN shop_product ON shop_product.id = product WHERE username = ?"
        " ORDER BY at DESC, product", who,
    )  # fmt: skip
    names = [row["name"] for row in there]
    rows = data.all("SELECT name FROM shop_product WHERE status = 'active' AND stock > 0 ORDER BY id LIMIT 2000")
    name, other = rng.sample([row["name"] for row in rows if row["name"] not in names], 2)
    return Draft(
        intent=f"Put the {name} on my wish list.",
        words={"product": name},
        start=START,
        login={"shop": who},
        eval=page_holds(("__SHOP__/wishes", WISHES, "=" + " / ".join([name, *names]))),
        reference=(*search_for(name), click("button", "Add to wish list"), say("")),
        near_miss=(*search_for(other), click("button", "Add to wish list"), say("")),
    )


@template("shop", "cart-quantity", split="training")
def cart_quantity(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    lines = cart_of(data, who)
    line = rng.choice(lines)
    wanted = rng.choice([number for number in (1, 2, 3, 4, 5) if number != line["quantity"]])
    held = " / ".join(f"{row['name']} x {wanted if row is line else row['quantity']}" for row in lines)
    return Draft(
        intent=f"I want {wanted} of the {line['name']} in my cart, instead of {line['quantity']}.",
        words={"product": line["name"], "quantity": str(wanted)},
        start=START,
        login={"shop": who},
        eval=page_holds(("__SHOP__/cart", CART, "=" + held)),
        reference=(
            click("link", "Cart…"), fill("Quantity", str(wanted), near=line["name"]),
            click("button", "Update", near=line["name"]), say(""),
        ),
        near_miss=(click("link", "Cart…"), fill("Quantity", str(wanted), near=line["name"]), say("")),
    )  # fmt: skip


OFFERS = {
    "never": ("Never", "You do not get it."),
    "weekly": ("Every week", "You get it weekly."),
    "monthly": ("Every month", "You get it monthly."),
}


@template("shop", "newsletter", split="training")
def newsletter(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    row = data.one("SELECT * FROM shop_customer WHERE username = ?", who)
    now = row["letter"] if row["newsletter"] else "never"
    option, said = OFFERS[rng.choice([offer for offer in OFFERS if offer != now])]
    asked = rng.choice(("Newsletter, please: {}.", "How often I get the newsletter should be changed to: {}."))
    intent = asked.format(option.lower())
    way = (*my("Overview"), choose("How often", option))
    return Draft(
        intent=intent,
        words={"often": option.lower()},
        start=START,
        login={"shop": who},
        eval=page_holds(("__SHOP__/account", graded("newsletter"), "=" + said)),
        reference=(*way, click("button", "Save"), say("")),
        near_miss=(*way, say("")),
    )


@template("shop", "new-address", split="validation")
def new_address(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    label, name = rng.choice((("Cottage", "Petra Lowe"), ("Workshop", "Ned Arkle"), ("Mother", "Hester Vane")))
    street, town = f"{rng.randrange(2, 90)} {rng.choice(('Heron Walk', 'Gorse Lane', 'Kiln Street'))}", "Sedgehead"
    postcode, phone = f"LM7 {rng.randrange(1, 9)}QT", f"0555 {rng.randrange(200000, 900000)}"
    entered = (name, street, town, postcode, phone)
    main = data.value("SELECT street FROM shop_address WHERE username = ? AND main = 1", who)
    labels = ("Full name", "Street and number", "Town", "Postcode", "Phone")
    fields = [fill("Label", label)] + [fill(field, text) for field, text in zip(labels, entered, strict=True)]
    way = (*my("Addresses"), click("link", "Add address"), *fields)
    return Draft(
        intent=f"Add {name}, {street}, {town} {postcode}, phone {phone}, to my addresses as “{label}”."
        " My main address stays as it is.",
        words={"label": label, "name": name, "street": street, "postcode": postcode, "phone": phone},
        start=START,
        login={"shop": who},
        eval=page_holds(
            ("__SHOP__/account/addresses", graded("addresses"), [label, name, street, f"{town} {postcode}", phone]),
            ("__SHOP__/account/addresses", graded("main"), main),
        ),
        reference=(*way, click("button", "Save"), say("")),
        near_miss=(*way, fill("Postcode", "12345"), click("button", "Save"), say("")),
    )


OPINIONS = (
    ("Survived the school run", "Three weeks of rain and mud, and it still looks like new."),
    ("A present that stayed", "I bought it for my brother and could not give it away."),
    ("Heavy but honest", "It weighs more than I thought, but nothing on it has come loose."),
    ("Good, wrong colour", "The colour in the picture is warmer than that of the thing itself."),
    ("Made for small hands", "At last something that my daughter can hold without help."),
)


@template("shop", "review", split="validation")
def review(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    rows = data.all(
        "SELECT name FROM shop_product WHERE status = 'active' AND id NOT IN (SELECT product FROM shop_review WHERE"
        " username = ?) ORDER BY id LIMIT 2000", who,
    )  # fmt: skip
    name, stars = rng.choice(rows)["name"], rng.choice((2, 3, 4))
    title, body = rng.choice(OPINIONS)
    opened = (*search_for(name), click("link", "Write a review"))
    written = (fill("Title", title), fill("Your review", body), click("button", "Send review"), say(""))
    return Draft(
        intent=f"Review the {name} for me: {stars} stars, with the title “{title}” and the text “{body}”",
        words={"product": name, "stars": str(stars), "title": title, "body": body},
        start=START,
        login={"shop": who},
        eval=page_holds(("__SHOP__/account", REVIEWS, f"{name} | {stars} of 5 | {title} | {body}")),
        reference=(*opened, choose("Stars", f"{stars} stars"), *written),
        near_miss=(*opened, choose("Stars", "5 stars"), *written),
    )


@template("shop", "check-out", split="heldout")
def check_out(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    lines = " / ".join(f"{row['name']} x {row['quantity']}" for row in cart_of(data, who))
    place = rng.choice(data.all("SELECT * FROM shop_address WHERE username = ? ORDER BY id", who))
    way = rng.choice(("Express delivery", "Standard delivery"))
    days = [DAY_ONE.date() + timedelta(days=days) for days in range(3, 25)]
    day, other = rng.sample([day for day in days if day.weekday() != 6], 2)
    page = f"__SHOP__/orders/{data.value('SELECT max(id) + 1 FROM shop_order')}"

    def bought(on: date) -> tuple[Move, ...]:
        return (
            click("link", "Cart…"), click("link", "Check out"),
            click("button", "Use this address", near=place["label"]), click("radio", f"{way}…"),
            fill("Delivery date", on.isoformat()), click("button", "Continue"),
            click("radio", "Invoice"), click("button", "Continue"), click("button", "Place order"), say(""),
        )  # fmt: skip

    return Draft(
        intent=f"Order everything in my cart. Send it to my {place['label'].lower()} address by {way.lower()} on"
        f" {day:%A}, {day_text(day)}, and I pay by invoice.",
        words={"address": place["label"].lower(), "way": way.lower(), "day": day_text(day)},
        start=START,
        login={"shop": who},
        eval=page_holds(
            (page, LINES, "=" + lines),
            (page, graded("address"), [place["street"], place["postcode"]]),
            (page, graded("way"), "=" + way),
            (page, graded("day"), "=" + day_text(day)),
            (page, graded("payment"), "=invoice"),
            ("__SHOP__/cart", graded("lines"), "Your cart is empty."),
        ),
        reference=bought(day),
        near_miss=bought(other),
    )


@template("shop", "cancel-order", split="heldout")
def cancel_order(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    rows = data.all("SELECT * FROM shop_order WHERE username = ? AND status = 'pending' ORDER BY id", who)
    row = rng.choice(rows)
    others = [other["id"] for other in rows if other is not row]
    opened = (*my("Orders"), click("link", "Pending"), click("link", str(row["id"])), click("button", "Cancel order"))
    day = day_text(date.fromisoformat(row["at"][:10]))
    return Draft(
        intent=f"Please cancel the order of {money(row['total'])} that I placed on {day}.",
        words={"total": money(row["total"])},
        start=START,
        login={"shop": who},
        eval=page_holds(
            (f"__SHOP__/orders/{row['id']}", graded("status"), "=cancelled"),
            *((f"__SHOP__/orders/{other}", graded("status"), "=pending") for other in others),
        ),
        reference=(*opened, click("button", "Yes, cancel it"), say("")),
        near_miss=(*opened, say("")),
    )


# What cannot be done ---------------------------------------------------------------------------------------------


@template("shop", "old-coupon", split="training")
def old_coupon(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    row = rng.choice(data.all("SELECT * FROM shop_coupon WHERE ends < '2026-03-02' ORDER BY code"))
    tried = (click("link", "Cart…"), fill("Coupon code", row["code"]), click("button", "Apply coupon"))
    return Draft(
        intent=f"Apply the coupon {row['code']} to my cart.",
        words={"coupon": row["code"]},
        start=START,
        login={"shop": who},
        eval=answers(infeasible="The coupon has expired."),
        reference=(*tried, give_up("The shop says that the coupon has expired.")),
        near_miss=(*tried, say("")),
    )


@template("shop", "cancel-sent-order", split="heldout")
def cancel_sent_order(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    rows = data.all(
        "SELECT * FROM shop_order WHERE username = ? AND status IN ('shipped', 'delivered') ORDER BY at DESC LIMIT 6",
        who,
    )
    row = rng.choice(rows)
    opened = (*my("Orders"), click("link", row["status"].capitalize()), click("link", str(row["id"])))
    return Draft(
        intent=f"Cancel my order {row['id']}.",
        words={"order": str(row["id"])},
        start=START,
        login={"shop": who},
        eval=answers(infeasible="The order has been sent already and cannot be cancelled."),
        reference=(*opened, give_up("The order has been sent and cannot be cancelled any more.")),
        near_miss=(*opened, say("")),
    )
