"""Fills the books: customers with addresses, what they ordered over a year, and what they thought of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from environments.arena.accounts import add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.shop import goods
from environments.arena.sites.shop.stocking import stock_shelves

__all__ = ["KNOWN", "WAYS"]


class Counts(NamedTuple):
    customers: int
    orders: int
    reviews: int


COUNTS: dict[Size, Counts] = {
    "small": Counts(12, 60, 160),
    "normal": Counts(240, 1100, 2600),
    "large": Counts(4000, 20_000, 60_000),
}

KNOWN = (
    ("marlow", "Marlow Ashdown"),
    ("junia", "Junia Pell"),
    ("tobin", "Tobin Hartree"),
    ("carys", "Carys Lunt"),
    ("wendel", "Wendel Marsh"),
)
"""Customers that are there at every seed and size, with many orders; tasks are theirs."""

WAYS = {
    "standard": ("Standard delivery", 395),
    "express": ("Express delivery", 795),
    "collect": ("Collect in store", 0),
}
PAYMENTS = ("Card", "Invoice", "Gift voucher")


class Customer(NamedTuple):
    username: str
    name: str
    phone: str
    street: str
    town: str
    postcode: str


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """Everything the shop knows."""
    stock_shelves(db, rng, size=size)
    counts = COUNTS[size]
    customers = welcome(db, rng, count=counts.customers)
    sell(db, rng, customers, count=counts.orders)
    criticise(db, rng, customers, count=counts.reviews)
    shelf = [row[0] for row in db.execute("SELECT id FROM shop_product WHERE status = 'active' ORDER BY id LIMIT 5000")]
    for username, _ in KNOWN:
        for product in rng.sample(shelf, 4):
            at = (DAY_ONE - timedelta(days=rng.randrange(2, 90))).isoformat()
            db.execute("INSERT INTO shop_wish VALUES (?, ?, ?)", (username, product, at))
        fill_cart(db, rng, f"user {username}", products=rng.sample(shelf, 9))


def fill_cart(db: sqlite3.Connection, rng: Random, owner: str, *, products: Sequence[int]) -> None:
    """Three things that are in stock."""
    marks = ", ".join("?" * len(products))
    found = db.execute(
        f"SELECT min(id) FROM shop_variant WHERE stock > 5 AND product IN ({marks}) GROUP BY product LIMIT 3", products
    ).fetchall()
    for (variant,) in found:
        db.execute("INSERT INTO shop_cart VALUES (?, ?, ?)", (owner, variant, rng.randint(1, 3)))


def welcome(db: sqlite3.Connection, rng: Random, *, count: int) -> list[Customer]:
    """Accounts with an address or two each."""
    customers, taken = [], set()
    names = list(KNOWN)
    while len(names) < count:
        name = f"{rng.choice(goods.FIRST_NAMES)} {rng.choice(goods.LAST_NAMES)}"
        username = name.lower().replace(" ", ".")
        username += str(len(names)) if username in taken else ""
        taken.add(username)
        names.append((username, name))
    for username, name in names:
        joined = (DAY_ONE - timedelta(days=rng.randrange(380, 1900))).date().isoformat()
        add_account(db, username, site="shop", name=name, joined=joined)
        homes = [home(rng, username, name) for _ in range(2 if rng.random() < 0.3 or (username, name) in KNOWN else 1)]
        phone = homes[0].phone
        letter = rng.choice(("weekly", "monthly"))
        db.execute("INSERT INTO shop_customer VALUES (?, ?, ?, ?, 0)", (username, phone, rng.randrange(2), letter))
        for at, place in enumerate(homes):
            row = (username, ("Home", "Work")[at], name, place.street, place.town, place.postcode, phone, int(at == 0))
            db.execute(
                "INSERT INTO shop_address (username, label, name, street, town, postcode, phone, main)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row,
            )  # fmt: skip
        customers.append(homes[0])
    return customers


def home(rng: Random, username: str, name: str) -> Customer:
    town, area = rng.choice(goods.TOWNS)
    street = f"{rng.randrange(1, 120)} {rng.choice(goods.STREETS)}"
    postcode = f"{area} {rng.randrange(1, 10)}{rng.choice('ABDEHJLN')}{rng.choice('PQRSTUWX')}"
    return Customer(username, name, f"0555 {rng.randrange(100000, 999999)}", street, town, postcode)


def sell(db: sqlite3.Connection, rng: Random, customers: Sequence[Customer], *, count: int) -> None:
    """Orders of the last year, more of them towards its end; the known customers have more than others."""
    options = db.execute(
        "SELECT shop_variant.id, product, name, size, colour, shop_variant.price FROM shop_variant"
        " JOIN shop_product ON shop_product.id = product WHERE status = 'active'"
    ).fetchall()
    favourites = rng.sample(options, min(len(options), 60))
    recent = max(count // 40, 20)
    ages = [int(365 * 1440 * rng.random() ** 1.3) + 300 for _ in range(count - recent)]
    ages += [rng.randrange(300, 5 * 1440) for _ in range(recent - 10)] + [rng.randrange(300, 1440) for _ in range(10)]
    orders, lines = [], []
    for at, age in enumerate(sorted(ages, reverse=True)):
        number, when = 10_001 + at, DAY_ONE - timedelta(minutes=age)
        known = rng.random() < min(100 / count, 0.5) or at >= count - 10
        customer = customers[at % len(KNOWN)] if known else rng.choice(customers)
        picked = (
            rng.choice(favourites if rng.random() < 0.3 else options) for _ in range(rng.choice((1, 1, 2, 2, 3, 4)))
        )
        bought = list({line[0]: line for line in picked}.values())
        amounts = [rng.choice((1, 1, 1, 2, 3)) for _ in bought]
        subtotal = sum(line[5] * amount for line, amount in zip(bought, amounts, strict=True))
        orders.append(order_row(rng, number, when, customer=customer, subtotal=subtotal))
        lines += [
            (number, line[1], line[0], line[2], described(line[3], line[4]), line[5], amount)
            for line, amount in zip(bought, amounts, strict=True)
        ]
    db.executemany(f"INSERT INTO shop_order VALUES ({', '.join('?' * 18)})", orders)
    db.executemany(
        'INSERT INTO shop_line ("order", product, variant, name, options, price, quantity)'
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        lines,
    )


def described(size: str, colour: str) -> str:
    """An option in words."""
    return ", ".join(word for word in (size, colour) if word)


def order_row(rng: Random, number: int, at: datetime, *, customer: Customer, subtotal: int) -> tuple[object, ...]:
    way = rng.choice(("standard", "standard", "standard", "express", "collect"))
    discount = subtotal // 10 if rng.random() < 0.12 and subtotal >= 3000 else 0
    delivery = 0 if way == "standard" and subtotal - discount >= 5000 else WAYS[way][1]
    total = subtotal - discount + delivery
    age = (DAY_ONE - at).days
    chance = rng.random()
    if age > 12:
        status = "cancelled" if chance < 0.06 else "refunded" if chance < 0.1 else "delivered"
    elif age > 5:
        status = "shipped"
    else:
        status = "pending" if chance < 0.6 or age < 2 else "packed"
    day = (at + timedelta(days=rng.randrange(3, 7))).date().isoformat()
    refunded = total if status == "refunded" else 0
    return (
        number, customer.username, at.isoformat(), status, subtotal, discount, delivery, total, refunded,
        "SPRING10" if discount else "", way, day, rng.choice(PAYMENTS), customer.name, customer.street, customer.town,
        customer.postcode, customer.phone,
    )  # fmt: skip


def criticise(db: sqlite3.Connection, rng: Random, customers: Sequence[Customer], *, count: int) -> None:
    """Reviews, most of them kind and all but the latest approved; products get their averages."""
    products = [row[0] for row in db.execute("SELECT id FROM shop_product")]
    rng.shuffle(products)
    rows = []
    waiting = max(count // 100, 6)
    for at in range(count):
        rating = rng.choice((1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5))
        # Squared, so that some products have many reviews and others none.
        product = products[int(len(products) * rng.random() ** 2)]
        writer = rng.choice(customers)
        fresh = at >= count - waiting
        age = timedelta(minutes=rng.randrange(60, 4000) if fresh else rng.randrange(5000, 1440 * 365))
        words = f"{rng.choice(goods.OPENERS[rating])} {rng.choice(goods.DETAILS)} {rng.choice(goods.CLOSERS[rating])}"
        status = "pending" if fresh else "rejected" if rng.random() < 0.02 else "approved"
        title = rng.choice(goods.TITLES[rating])
        when = (DAY_ONE - age).isoformat()
        rows.append((product, writer.username, writer.name, rating, title, words, when, status))
    db.executemany(
        "INSERT INTO shop_review (product, username, author, rating, title, body, at, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    db.execute(
        "UPDATE shop_product SET (rating, reviews) = (SELECT avg(rating), count(*) FROM shop_review WHERE"
        " product = shop_product.id AND status = 'approved') WHERE id IN (SELECT product FROM shop_review"
        " WHERE status = 'approved')"
    )
