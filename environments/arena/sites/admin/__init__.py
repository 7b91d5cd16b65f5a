"""The shop's back office: catalogue, orders, customers, reports, reviews. It works on the shop's tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

from environments.arena.accounts import SIGNING_IN, add_account
from environments.arena.instance import Size
from environments.arena.look import SYNONYMS
from environments.arena.sites.admin import customers, desk, orders, products, reports, reviews
from environments.arena.visit import Route, Site

__all__ = ["SITE"]

SCHEMA = """
CREATE TABLE admin_note (
    id INTEGER PRIMARY KEY, "order" INTEGER NOT NULL, username TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX admin_note_order ON admin_note ("order");
CREATE TABLE admin_refund (
    id INTEGER PRIMARY KEY, "order" INTEGER NOT NULL, username TEXT NOT NULL, at TEXT NOT NULL, amount INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX admin_refund_order ON admin_refund ("order");
"""

SYNONYMS.update(
    {
        "Catalogue": ("Products", "Assortment"),
        "Customers": ("Buyers", "Clients"),
        "Reports": ("Figures", "Statistics"),
        "Reviews": ("Opinions", "Product reviews"),
        "Filter list": ("Show these", "Narrow the list"),
        "Approve review": ("Accept review", "Publish review"),
        "Reject review": ("Refuse review", "Turn review down"),
        "Change status": ("Set status", "Move to status"),
        "Give refund": ("Pay back", "Refund order"),
        "Refund": ("Give money back", "Reimburse"),
        "Add note": ("Write note", "Leave a note"),
        "Apply to selected": ("Do for ticked ones", "Carry out"),
        "Show report": ("Calculate", "Run report"),
        "Save product": ("Save changes to product", "Store product"),
        "Block customer": ("Suspend customer", "Lock account"),
        "Unblock customer": ("Lift suspension", "Unlock account"),
    }
)


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """Who works here. Everything else is the shop's."""
    add_account(db, "isolde", site="admin", name="Isolde Wren", joined="2022-04-04", role="keeper")
    add_account(db, "bram", site="admin", name="Bram Tolley", joined="2024-09-16", role="clerk")


SITE = Site(
    name="admin",
    title="Larch & Lantern Back Office",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", desk.home),
        Route("/products", products.products),
        Route("/products/bulk", post=products.bulk),
        Route("/products/{id:int}", products.product, products.save),
        Route("/orders", orders.orders),
        Route("/orders/{id:int}", orders.order),
        Route("/orders/{id:int}/status", post=orders.change_status),
        Route("/orders/{id:int}/refund", orders.order, orders.refund),
        Route("/orders/{id:int}/note", orders.order, orders.note),
        Route("/customers", customers.customers),
        Route("/customers/{username}", customers.customer),
        Route("/customers/{username}/block", post=customers.block),
        Route("/reports", reports.sales),
        Route("/reports/products", reports.best_sellers),
        Route("/reports/categories", reports.categories),
        Route("/reviews", reviews.reviews),
        Route("/reviews/{id:int}", post=reviews.decide),
        *SIGNING_IN,
    ),
    folder=Path(__file__).parent,
    navigation=lambda visit: (
        ("Dashboard", "/"),
        ("Catalogue", "/products"),
        ("Orders", "/orders"),
        ("Customers", "/customers"),
        ("Reports", "/reports"),
        ("Reviews", "/reviews"),
    ),
)
