"""Ways through the shop that several tasks take, and how their texts are written."""

from __future__ import annotations

import sqlite3
from datetime import date
from random import Random

from environments.arena.sites.shop.trading import KNOWN
from environments.arena.tasks import Data, Move, click, fill

__all__ = [
    "CELLS",
    "START",
    "active",
    "day_text",
    "graded",
    "money",
    "my",
    "search_for",
    "some_kind",
    "someone",
    "to_category",
]

START = "__SHOP__/"
CELLS = "[...document.querySelectorAll('{table} tbody tr')].map(row => {cells}).join(' / ')"


def money(pence: int) -> str:
    return f"£{pence / 100:,.2f}"


def someone(rng: Random) -> str:
    return rng.choice(KNOWN)[0]


def day_text(day: date) -> str:
    return f"{day.day} {day:%b} {day.year}"


def graded(name: str) -> str:
    return f"document.querySelector('[data-grade=\"{name}\"]').innerText"


def search_for(name: str) -> tuple[Move, ...]:
    """From any page to the product's."""
    return (fill("Search the shop", name), click("button", "Search"), click("link", name))


def my(page: str) -> tuple[Move, ...]:
    """Through the account's menu."""
    return (click("button", "Account…"), click("link", page))


def to_category(data: Data, kind: sqlite3.Row) -> tuple[Move, ...]:
    parent = data.value("SELECT name FROM shop_category WHERE id = ?", kind["parent"])
    return (click("link", parent), click("link", kind["name"]))


def some_kind(data: Data, rng: Random) -> sqlite3.Row:
    return rng.choice(data.all("SELECT * FROM shop_category WHERE parent IS NOT NULL ORDER BY id"))


def active(data: Data, kind: sqlite3.Row) -> list[sqlite3.Row]:
    return data.all(
        "SELECT * FROM shop_product WHERE category = ? AND status = 'active' ORDER BY price, id", kind["id"]
    )
