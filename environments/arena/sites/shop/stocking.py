"""Fills the shelves: categories, products with their options, coupons."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import NamedTuple

from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.shop.goods import BRANDS, CATALOGUE, COLOURS, PROMISES, SERIES, Kind

__all__ = ["PRODUCTS", "stock_shelves"]

PRODUCTS: dict[Size, int] = {"small": 80, "normal": 1200, "large": 100_000}

COUPONS = (
    ("SPRING10", "percent", 10, 3000, "2026-05-31"),
    ("LANTERN5", "fixed", 500, 2500, "2026-12-31"),
    ("HEARTH15", "percent", 15, 8000, "2026-04-15"),
    ("POSTFREE", "delivery", 0, 0, "2026-03-31"),
    ("WINTER20", "percent", 20, 2000, "2026-01-31"),
    ("HARVEST25", "percent", 25, 4000, "2025-11-15"),
    ("AUTUMN30", "percent", 30, 6000, "2025-10-31"),
    ("LARCH8", "fixed", 800, 3500, "2026-01-15"),
    ("FROST12", "percent", 12, 1500, "2026-02-28"),
)


class Made(NamedTuple):
    """A product's row and its options' rows, without their ids."""

    name: str
    brand: str
    about: str
    price: int
    options: list[tuple[str, str, int, int]]


def stock_shelves(db: sqlite3.Connection, rng: Random, *, size: Size) -> None:
    """Categories, products, options, coupons, and the index that search uses."""
    kinds = fill_categories(db)
    each = PRODUCTS[size] // len(kinds)
    products, options, number = [], [], 0
    for category, (top, kind) in kinds.items():
        for made in assortment(kind, rng, count=each):
            number += 1
            stock = sum(option[3] for option in made.options)
            status = "active" if rng.random() > 0.04 else rng.choice(("hidden", "draft"))
            added = (DAY_ONE - timedelta(minutes=rng.randrange(1440, 1440 * 900))).isoformat()
            sku = f"LL-{kind.name[:2].upper()}{number:06d}"
            products.append(
                (number, top, category, made.name, made.brand, sku, made.price, stock, status, added, made.about)
            )
            options += [(number, *option) for option in made.options]
    db.executemany(
        "INSERT INTO shop_product (id, top, category, name, brand, sku, price, stock, status, added, about)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        products,
    )
    db.executemany(
        "INSERT INTO shop_variant (product, size, colour, price, stock) VALUES (?, ?, ?, ?, ?)",
        options,
    )
    db.executemany("INSERT INTO shop_coupon VALUES (?, ?, ?, ?, ?)", COUPONS)
    index_words(db)


def fill_categories(db: sqlite3.Connection) -> dict[int, tuple[int, Kind]]:
    """Both levels; second-level id -> its parent's id and what is sold there."""
    kinds: dict[int, tuple[int, Kind]] = {}
    for at, section in enumerate(CATALOGUE, start=1):
        db.execute(
            "INSERT INTO shop_category VALUES (?, NULL, ?, ?, ?)", (at, slug(section.name), section.name, section.about)
        )
        for below, kind in enumerate(section.kinds, start=1):
            number = at * 10 + below
            about = f"{kind.name} for people who keep things."
            db.execute(
                "INSERT INTO shop_category VALUES (?, ?, ?, ?, ?)", (number, at, slug(kind.name), kind.name, about)
            )
            kinds[number] = at, kind
    return kinds


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def assortment(kind: Kind, rng: Random, *, count: int) -> list[Made]:
    """Products of one kind, no two with one name."""
    room = len(BRANDS) * len(SERIES) * len(kind.nouns)
    made = []
    for pick in rng.sample(range(room), count):
        rest, noun = divmod(pick, len(kind.nouns))
        series, brand = divmod(rest, len(BRANDS))
        made.append(one_product(kind, rng, f"{SERIES[series]} {kind.nouns[noun]}", brand=BRANDS[brand]))
    return made


def one_product(kind: Kind, rng: Random, model: str, *, brand: str) -> Made:
    low, high = kind.pounds
    base = round(low + (high - low) * rng.random() ** 1.7) * 100 - rng.choice((1, 5, 50, 0))
    material = rng.choice(kind.materials)
    first, second = rng.sample(PROMISES, 2)
    about = f"{model} by {brand}, in {material}. {first} {second}"
    colours = rng.sample(COLOURS, rng.randint(2, 3)) if kind.coloured else [""]
    gone = rng.random() < 0.05
    options = []
    for step, measure in enumerate(kind.sizes or ("",)):
        price = max(base * (100 + 12 * step) // 500 * 5, 95)
        for colour in colours:
            stock = 0 if gone or rng.random() < 0.08 else rng.randint(1, 60)
            options.append((measure, colour, price, stock))
    return Made(f"{brand} {model}", brand, about, options[0][2], options)


def index_words(db: sqlite3.Connection) -> None:
    """A full-text index where SQLite has one; without it, search looks with LIKE."""
    with suppress(sqlite3.OperationalError):
        db.execute(
            "CREATE VIRTUAL TABLE shop_words USING fts5"
            "(name, about, content='shop_product', content_rowid='id', tokenize='porter unicode61', detail='column')"
        )
        db.execute("INSERT INTO shop_words (shop_words) VALUES ('rebuild')")
