"""What those who work in the back office are asked to do."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from environments.arena.instance import DAY_ONE
from environments.arena.tasks import (
    Data,
    Draft,
    Move,
    answers,
    at_address,
    choose,
    click,
    fill,
    give_up,
    page_holds,
    say,
    template,
)  # fmt: skip

__all__: list[str] = []

START = "__ADMIN__/"
LOGIN = {"admin": "isolde"}
SOLD = "status <> 'cancelled'"


def money(pence: int) -> str:
    return f"£{pence / 100:,.2f}"


def graded(name: str) -> str:
    return f"document.querySelector('[data-grade=\"{name}\"]').innerText"


def span(rng: Random) -> tuple[str, str]:
    """First and last day of two to eight weeks in the past."""
    last = DAY_ONE.date() - timedelta(days=rng.randrange(5, 150))
    return (last - timedelta(days=rng.randrange(14, 56))).isoformat(), last.isoformat()


def said(day: str) -> str:
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B} {found.year}"


def to_order(number: int) -> tuple[Move, ...]:
    return (
        click("link", "Orders"), fill("Customer or number", str(number)), click("button", "Filter list"),
        click("link", str(number)),
    )  # fmt: skip


def to_product(name: str) -> tuple[Move, ...]:
    return (click("link", "Catalogue"), fill("Name", name), click("button", "Filter list"), click("link", name))


# Information -----------------------------------------------------------------------------------------------------


@template("admin", "orders-in-period", split="training")
def orders_in_period(data: Data, rng: Random) -> Draft:
    """Counted in the list of orders, where cancelled ones are too."""
    query = "SELECT count(*) FROM shop_order WHERE at >= ? AND at <= ?"
    first, last = span(rng)
    count = data.value(query, first, last + "T99")
    less = data.value(query, first, last)
    return Draft(
        intent=f"How many orders were placed from {said(first)} to {said(last)}, both days included? Count all of them,"
        " cancelled ones too, and answer with just the number.",
        words={"first": said(first), "last": said(last)},
        start=START,
        login=LOGIN,
        eval=answers(exact=str(count)),
        reference=(
            click("link", "Orders"), fill("First day", first), fill("Last day", last), click("button", "Filter list"),
            say(str(count)),
        ),
        near_miss=(click("link", "Orders"), say(str(less if less != count else count + 1))),
    )  # fmt: skip


@template("admin", "takings", split="training")
def takings(data: Data, rng: Random) -> Draft:
    query = f"SELECT coalesce(sum(total - refunded), 0) FROM shop_order WHERE at >= ? AND at <= ? AND {SOLD}"
    first, last = span(rng)
    total = data.value(query, first, last + "T99")
    wider = data.value(query, "2025-12-02", "2026-03-02T99")
    return Draft(
        intent=f"What were our takings from {said(first)} to {said(last)}, by the sales report? Answer with the amount,"
        " such as £1,234.50.",
        words={"first": said(first), "last": said(last)},
        start=START,
        login=LOGIN,
        eval=answers(exact=money(total)),
        reference=(
            click("link", "Reports"), fill("First day", first), fill("Last day", last), click("button", "Show report"),
            say(money(total)),
        ),
        near_miss=(click("link", "Reports"), say(money(wider + 1 if wider == total else wider))),
    )  # fmt: skip


@template("admin", "best-seller", split="validation")
def best_seller(data: Data, rng: Random) -> Draft:
    """A period in which one product stands before all others."""
    query = (
        'SELECT shop_line.name, sum(quantity) AS sold FROM shop_order JOIN shop_line ON "order" = shop_order.id'
        f" WHERE at >= ? AND at <= ? AND {SOLD} GROUP BY product ORDER BY sold DESC LIMIT 2"
    )
    spans = (span(rng) for _ in range(200))
    first, last, rows = next(
        (first, last, rows)
        for first, last in spans
        if len(rows := data.all(query, first, last + "T99")) == 2 and rows[0]["sold"] > rows[1]["sold"]
    )
    best, second = (row["name"] for row in rows)
    way = (
        click("link", "Reports"), click("link", "Best sellers"), fill("First day", first), fill("Last day", last),
        click("button", "Show report"),
    )  # fmt: skip
    return Draft(
        intent=f"Which product did we sell the most pieces of from {said(first)} to {said(last)}? Give its full name.",
        words={"first": said(first), "last": said(last)},
        start=START,
        login=LOGIN,
        eval=answers(exact=best),
        reference=(*way, say(best)),
        near_miss=(*way, say(second)),
    )


# Finding a page --------------------------------------------------------------------------------------------------


@template("admin", "customer-of-order", split="training")
def customer_of_order(data: Data, rng: Random) -> Draft:
    row = rng.choice(data.all("SELECT id, username, name FROM shop_order ORDER BY id DESC LIMIT 300"))
    other = data.value("SELECT username FROM shop_customer WHERE username <> ? ORDER BY username", row["username"])
    name = data.value("SELECT name FROM account WHERE site = 'shop' AND username = ?", other)
    return Draft(
        intent=f"Open the page of the customer who placed order {row['id']}.",
        words={"order": str(row["id"])},
        start=START,
        login=LOGIN,
        eval=at_address(f"__ADMIN__/customers/{row['username']}"),
        reference=(*to_order(row["id"]), click("link", row["name"]), say("")),
        near_miss=(
            click("link", "Customers"), fill("Name or e-mail", name), click("button", "Search"), click("link", name),
            say(""),
        ),
    )  # fmt: skip


# Changing something ----------------------------------------------------------------------------------------------

STOCK = "[...document.querySelectorAll('[data-grade=\"stock\"]')].map(field => field.value).join(' / ')"
PRICES = "[...document.querySelectorAll('[data-grade=\"price\"]')].map(field => field.value).join(' / ')"


@template("admin", "stock", split="training")
def stock(data: Data, rng: Random) -> Draft:
    products = data.all(
        "SELECT * FROM shop_product WHERE id IN (SELECT product FROM shop_variant GROUP BY product"
        " HAVING count(*) BETWEEN 2 AND 6) ORDER BY id LIMIT 1500"
    )
    product = rng.choice(products)
    variants = data.all("SELECT * FROM shop_variant WHERE product = ? ORDER BY id", product["id"])
    row = rng.choice(variants)
    option = ", ".join(word for word in (row["size"], row["colour"]) if word)
    wanted = rng.choice([number for number in (70, 85, 96, 120) if number != row["stock"]])
    held = " / ".join(str(wanted if each is row else each["stock"]) for each in variants)
    prices = " / ".join(f"{each['price'] / 100:.2f}" for each in variants)
    page = f"__ADMIN__/products/{product['id']}"
    way = (*to_product(product["name"]), fill(f"Stock of {option}", str(wanted)))
    return Draft(
        intent=f"We have counted the {product['name']} in {option}: there are {wanted}. Put that into the catalogue.",
        words={"product": product["name"], "option": option, "count": str(wanted)},
        start=START,
        login=LOGIN,
        eval=page_holds((page, STOCK, "=" + held), (page, PRICES, "=" + prices)),
        reference=(*way, click("button", "Save product"), say("")),
        near_miss=(*way, say("")),
    )


@template("admin", "hide-product", split="training")
def hide_product(data: Data, rng: Random) -> Draft:
    row = rng.choice(data.all("SELECT id, name FROM shop_product WHERE status = 'active' ORDER BY id LIMIT 1500"))
    way = (*to_product(row["name"]), choose("Status", "hidden"))
    return Draft(
        intent=f"Hide the {row['name']} from the shop for now.",
        words={"product": row["name"]},
        start=START,
        login=LOGIN,
        eval=page_holds((f"__ADMIN__/products/{row['id']}", graded("status"), "=hidden")),
        reference=(*way, click("button", "Save product"), say("")),
        near_miss=(*to_product(row["name"]), choose("Status", "draft"), click("button", "Save product"), say("")),
    )


@template("admin", "judge-review", split="training")
def judge_review(data: Data, rng: Random) -> Draft:
    """Reviews that are new; their titles alone do not tell them apart, product and author do."""
    rows = data.all(
        "SELECT shop_review.*, name FROM shop_review JOIN shop_product ON shop_product.id = product"
        " WHERE shop_review.status = 'pending' ORDER BY at DESC LIMIT 10"
    )
    row = rng.choice([row for row in rows if sum(each["name"] == row["name"] for each in rows) == 1])
    others = [each["id"] for each in rows if each is not row][:3]
    button, status, wrong = rng.choice((("Approve", "approved", "Reject"), ("Reject", "rejected", "Approve")))
    list_page = "[...document.querySelectorAll('article')].map(each => each.dataset.grade).join(' ') + ' '"
    return Draft(
        intent=f"{button} the new review of the {row['name']} by {row['author']}.",
        words={"decision": button, "product": row["name"], "author": row["author"]},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__ADMIN__/reviews?status={status}", list_page, f"review-{row['id']} "),
            ("__ADMIN__/reviews?status=pending", list_page, [f"review-{other} " for other in others]),
        ),
        reference=(click("link", "Reviews"), click("button", f"{button} review", near=row["name"]), say("")),
        near_miss=(click("link", "Reviews"), click("button", f"{wrong} review", near=row["name"]), say("")),
    )


@template("admin", "next-status", split="training")
def next_status(data: Data, rng: Random) -> Draft:
    now, option = rng.choice((("pending", "Packed"), ("packed", "Shipped"), ("shipped", "Delivered")))
    rows = data.all("SELECT id FROM shop_order WHERE status = ? ORDER BY id DESC LIMIT 20", now)
    row = rng.choice(rows or data.all("SELECT id FROM shop_order WHERE status = 'pending' ORDER BY id"))
    option = option if rows else "Packed"
    number = row["id"]
    status = option.lower()
    way = (*to_order(number), choose("New status", option))
    return Draft(
        intent=f"Order {number} has been {status}. Record that.",
        words={"order": str(number), "status": status},
        start=START,
        login=LOGIN,
        eval=page_holds((f"__ADMIN__/orders/{number}", graded("status"), f"={status}")),
        reference=(*way, click("button", "Change status"), say("")),
        near_miss=(*way, say("")),
    )


REASONS = ("Arrived with a scratch", "Delivered late", "Box was damaged", "One part was missing", "Wrong colour sent")


@template("admin", "refund", split="validation")
def refund(data: Data, rng: Random) -> Draft:
    rows = data.all("SELECT * FROM shop_order WHERE status = 'delivered' AND total > 2000 ORDER BY id DESC LIMIT 100")
    row, reason = rng.choice(rows), rng.choice(REASONS)
    pence = rng.randrange(2, 20) * 50
    page = f"__ADMIN__/orders/{row['id']}"

    def given(amount: int) -> tuple[Move, ...]:
        return (
            *to_order(row["id"]), click("button", "Refund"), fill("Amount in £", f"{amount / 100:.2f}"),
            fill("Reason", reason), click("button", "Give refund"), say(""),
        )  # fmt: skip

    return Draft(
        intent=f"Give {money(pence)} of order {row['id']} back to the customer. The reason is: {reason}.",
        words={"amount": money(pence), "order": str(row["id"]), "reason": reason},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (page, graded("refunded"), "=" + money(pence)),
            (page, graded("refund"), reason),
            (page, graded("status"), "=delivered"),
        ),
        reference=given(pence),
        near_miss=given(pence * 2),
    )


@template("admin", "note", split="heldout")
def note(data: Data, rng: Random) -> Draft:
    """The order is named by its customer and total, as people do."""
    rows = data.all("SELECT *, count(*) OVER (PARTITION BY name, total) AS alike FROM shop_order ORDER BY id DESC")
    row = rng.choice([row for row in rows if row["alike"] == 1][:200])
    names = data.all("SELECT id FROM shop_order WHERE name = ? ORDER BY at DESC, id DESC LIMIT 20", row["name"])
    if row["id"] not in {each["id"] for each in names}:
        row = next(each for each in rows if each["id"] == names[0]["id"])
    body = rng.choice(
        ("Customer called, will be at home after five.", "Leave with the neighbour at number 12.",
         "Asked for a printed invoice.", "Second parcel follows on Friday.", "Wants a call before delivery.")
    )  # fmt: skip
    opened = (
        click("link", "Orders"), fill("Customer or number", row["name"]), click("button", "Filter list"),
        click("link", str(row["id"])), fill("Note for the staff", body),
    )  # fmt: skip
    return Draft(
        intent=f"Leave this note for the staff on {row['name']}'s order of {money(row['total'])}: {body}",
        words={"customer": row["name"], "total": money(row["total"]), "note": body},
        start=START,
        login=LOGIN,
        eval=page_holds((f"__ADMIN__/orders/{row['id']}", graded("notes"), body)),
        reference=(*opened, click("button", "Add note"), say("")),
        near_miss=(*opened, say("")),
    )


CHANGES = (("Lower prices by 10 %", 90), ("Lower prices by 20 %", 80), ("Raise prices by 5 %", 105))


@template("admin", "lower-prices", split="heldout")
def lower_prices(data: Data, rng: Random) -> Draft:
    """Two products of one category, changed together; a third one keeps its price."""
    kinds = data.all(
        "SELECT category, shop_category.name FROM shop_product JOIN shop_category ON shop_category.id = category"
        " WHERE stock > 0 GROUP BY category HAVING count(*) > 1 ORDER BY category"
    )
    kind = rng.choice(kinds)
    rows = data.all("SELECT * FROM shop_product WHERE category = ? ORDER BY name, id LIMIT 12", kind["category"])
    first, second, *others = rng.sample(rows, len(rows))
    option, percent = rng.choice(
        (("Lower prices by 10 %", 90), ("Lower prices by 20 %", 80), ("Raise prices by 5 %", 105))
    )

    def prices(product: int, part: int) -> str:
        found = data.all("SELECT price FROM shop_variant WHERE product = ? ORDER BY id", product)
        return " / ".join(f"{int(row['price'] * part / 100 + 0.5) / 100:.2f}" for row in found)

    checks = [(first["id"], percent), (second["id"], percent), *((other["id"], 100) for other in others[:1])]
    ticked = (
        click("link", "Catalogue"), choose("Category", f"– {kind['name']}"), click("button", "Filter list"),
        click("checkbox", f"Select {first['name']}"),
    )  # fmt: skip
    ending = (choose("With the ticked products", option), click("button", "Apply to selected"), say(""))
    change = option.replace(" %", " per cent")
    return Draft(
        intent=f"{change} for the {first['name']} and the {second['name']}, and for nothing else.",
        words={"change": change, "first": first["name"], "second": second["name"]},
        start=START,
        login=LOGIN,
        eval=page_holds(
            *((f"__ADMIN__/products/{number}", PRICES, "=" + prices(number, part)) for number, part in checks)
        ),
        reference=(*ticked, click("checkbox", f"Select {second['name']}"), *ending),
        near_miss=(*ticked, *ending),
    )


# What cannot be done ---------------------------------------------------------------------------------------------


@template("admin", "delete-customer", split="training")
def delete_customer(data: Data, rng: Random) -> Draft:
    """Customers can be blocked, which is not the same."""
    names = data.all("SELECT name FROM account WHERE site = 'shop' GROUP BY name HAVING count(*) = 1 ORDER BY name")
    name = rng.choice(names)["name"]
    opened = (click("link", "Customers"), fill("Name or e-mail", name), click("button", "Search"), click("link", name))
    return Draft(
        intent=f"{name} has asked us to delete their account with all its data. Delete it.",
        words={"customer": name},
        start=START,
        login=LOGIN,
        eval=answers(infeasible="The back office has no way to delete a customer's account."),
        reference=(*opened, give_up("An account can be blocked here, but not deleted.")),
        near_miss=(*opened, click("button", "Block customer"), say("")),
    )


@template("admin", "refund-too-much", split="heldout")
def refund_too_much(data: Data, rng: Random) -> Draft:
    rows = data.all("SELECT * FROM shop_order WHERE status = 'delivered' ORDER BY id DESC LIMIT 100")
    row = rng.choice(rows)
    pence = row["total"] + rng.randrange(10, 60) * 100
    tried = (
        *to_order(row["id"]), click("button", "Refund"), fill("Amount in £", f"{pence / 100:.2f}"),
        fill("Reason", "Goodwill"), click("button", "Give refund"),
    )  # fmt: skip
    return Draft(
        intent=f"Refund {money(pence)} for order {row['id']}, as goodwill.",
        words={"amount": money(pence), "order": str(row["id"])},
        start=START,
        login=LOGIN,
        eval=answers(infeasible="No more than the order's total can be given back."),
        reference=(*tried, give_up("The refund is more than the order's total.")),
        near_miss=(*tried, say("")),
    )
