"""Finding things: the start page, categories, search with filters, a product's page."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

from environments.arena.sites.shop.goods import BRANDS
from environments.arena.visit import Page, Visit

__all__ = ["category", "home", "product", "search", "suggest"]

EACH = 24
MOST = 1000
"""Results are counted up to here, so that a broad search costs no more than a narrow one."""
SEARCHED = 3000

ORDERS = {
    "newest": ("Newest first", "added DESC, id DESC"),
    "cheap": ("Price: low to high", "price, id"),
    "dear": ("Price: high to low", "price DESC, id DESC"),
    "rating": ("Best rated", "rating DESC, reviews DESC, id"),
    "name": ("Name: A to Z", "name, id"),
}


class Filter(NamedTuple):
    """What the visitor wants to see of a list, as the address says it."""

    least: str
    most: str
    rating: int
    stocked: bool
    brand: str
    sort: str


def home(visit: Visit) -> Page:
    newest = visit.all("SELECT * FROM shop_product WHERE status = 'active' ORDER BY added DESC LIMIT 4")
    best = visit.all(
        "SELECT * FROM shop_product WHERE status = 'active' AND reviews > 1 ORDER BY rating DESC, reviews DESC LIMIT 4"
    )
    tops = visit.all("SELECT * FROM shop_category WHERE parent IS NULL ORDER BY id")
    return visit.page("home.html", newest=newest, best=best, tops=tops)


def category(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM shop_category WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no such category.")
    level = "category" if row["parent"] else "top"
    parent = visit.one("SELECT * FROM shop_category WHERE id = ?", row["parent"])
    below = visit.all("SELECT * FROM shop_category WHERE parent = ? ORDER BY id", row["parent"] or row["id"])
    steps = [("Home", "/")] + ([(parent["name"], f"/category/{parent['slug']}")] if parent else [])
    return listing(
        visit, f"{level} = ?", [row["id"]], title=row["name"], about=row["about"], trail=[*steps, (row["name"], "")],
        below=below,
    )  # fmt: skip


def search(visit: Visit) -> Page:
    words = visit.query.get("q", "").strip()
    if not words:
        return visit.redirect("/", info="Say what you are looking for.")
    where, values = matching(visit, words)
    title = f"Results for “{words}”"
    return listing(visit, where, values, title=title, about="", trail=[("Home", "/"), ("Search", "")], below=[])


def matching(visit: Visit, text: str) -> tuple[str, list[Any]]:
    """The condition that a product has all words of a text, by the index where there is one."""
    words = re.findall(r"[^\W_]+", text)[:8] or ["-"]
    if visit.value("SELECT 1 FROM sqlite_master WHERE name = 'shop_words'"):
        asked = " ".join(f'"{word}"*' for word in words)
        return f"id IN (SELECT rowid FROM shop_words WHERE shop_words MATCH ? LIMIT {SEARCHED})", [asked]
    condition = " AND ".join("(name LIKE ? OR about LIKE ?)" for _ in words)
    return condition, [f"%{word}%" for word in words for _ in range(2)]


def listing(visit: Visit, where: str, values: list[Any], **said: Any) -> Page:
    """A page of the products that meet a condition and the visitor's filters."""
    asked = asked_for(visit)
    problem = wrong_prices(asked)
    conditions, given = ["status = 'active'", where], list(values)
    for condition, value in () if problem else narrowed(asked):
        conditions.append(condition)
        given.append(value)
    meeting = " AND ".join(conditions)
    count = visit.value(f"SELECT count(*) FROM (SELECT 1 FROM shop_product WHERE {meeting} LIMIT {MOST})", *given)
    last = max(1, -(-count // EACH))
    page = visit.number("page", 1, least=1, most=last)
    found = visit.all(
        f"SELECT * FROM shop_product WHERE {meeting} ORDER BY {ORDERS[asked.sort][1]} LIMIT ? OFFSET ?",
        *given, EACH, (page - 1) * EACH,
    )  # fmt: skip
    brands = [(name, name) for name in sorted(BRANDS)]
    kept = [(name, value) for name, each in visit.lists.items() if name != "page" for value in each if value]
    return visit.page(
        "listing.html", status=422 if problem else 200, found=found, count=count, more=count == MOST, page=page,
        last=last, asked=asked, brands=brands, problem=problem, address=f"?{urlencode(kept)}&" if kept else "?",
        kept=kept, orders=[(key, label) for key, (label, _) in ORDERS.items()], **said,
    )  # fmt: skip


def asked_for(visit: Visit) -> Filter:
    sort = visit.query.get("sort", "")
    return Filter(
        least=visit.query.get("least", "").strip(),
        most=visit.query.get("most", "").strip(),
        rating=visit.number("rating", 0, most=5),
        stocked=visit.query.get("stocked") == "1",
        brand=visit.query.get("brand", ""),
        sort=sort if sort in ORDERS else "newest",
    )


def wrong_prices(asked: Filter) -> str:
    """What is wrong with the price range, in words."""
    if not all(re.fullmatch(r"\d{0,6}(\.\d{1,2})?", text) for text in (asked.least, asked.most)):
        return "A price is a number of pounds, such as 20 or 19.50."
    if asked.least and asked.most and float(asked.least) > float(asked.most):
        return "The lowest price is above the highest."
    return ""


def narrowed(asked: Filter) -> list[tuple[str, Any]]:
    """Conditions with one value each."""
    conditions: list[tuple[str, Any]] = []
    if asked.least:
        conditions.append(("price >= ?", round(float(asked.least) * 100)))
    if asked.most:
        conditions.append(("price <= ?", round(float(asked.most) * 100)))
    if asked.rating:
        conditions.append(("rating >= ?", asked.rating))
    if asked.stocked:
        conditions.append(("stock > ?", 0))
    if asked.brand:
        conditions.append(("brand = ?", asked.brand))
    return conditions


def suggest(visit: Visit) -> Page:
    """Product names for what has been typed so far."""
    words = visit.query.get("q", "").strip()
    found = []
    if words:
        where, values = matching(visit, words)
        found = visit.all(f"SELECT name FROM shop_product WHERE status = 'active' AND {where} LIMIT 7", *values)
    return visit.json(json.dumps([{"label": row["name"], "value": row["name"]} for row in found]))


REVIEW_ORDERS = {
    "newest": ("Newest", "at DESC"),
    "best": ("Highest rating", "rating DESC, at DESC"),
    "worst": ("Lowest rating", "rating, at DESC"),
}


def product(visit: Visit, *, status: int = 200, error: str = "") -> Page:
    """A product's page; after a form that could not be taken, with what is wrong."""
    row = visit.one("SELECT * FROM shop_product WHERE id = ? AND status = 'active'", visit.path["id"])
    if row is None:
        return visit.not_found("There is no such product, or it is no longer sold.")
    variants = visit.all("SELECT * FROM shop_variant WHERE product = ? ORDER BY id", row["id"])
    sort = visit.query.get("sort", "newest")
    reviews = visit.all(
        "SELECT * FROM shop_review WHERE product = ? AND status = 'approved' ORDER BY "
        f"{REVIEW_ORDERS.get(sort, REVIEW_ORDERS['newest'])[1]}",
        row["id"],
    )
    kind = visit.one("SELECT * FROM shop_category WHERE id = ?", row["category"])
    top = visit.one("SELECT * FROM shop_category WHERE id = ?", row["top"])
    alike = visit.all(
        "SELECT * FROM shop_product WHERE category = ? AND status = 'active' AND price >= ? AND id <> ?"
        " ORDER BY price LIMIT 4", row["category"], row["price"], row["id"],
    )  # fmt: skip
    account = visit.account
    wished = account and visit.one(
        "SELECT 1 FROM shop_wish WHERE username = ? AND product = ?", account.username, row["id"]
    )
    options = [{key: each[key] for key in ("size", "colour", "price", "stock")} for each in variants]
    return visit.page(
        "product.html", status=status, product=row, variants=variants, reviews=reviews, kind=kind, top=top,
        alike=alike, wished=bool(wished), error=error, sort=sort, options=json.dumps(options),
        sizes=offered(variants, "size"), colours=offered(variants, "colour"),
        orders=[(key, label) for key, (label, _) in REVIEW_ORDERS.items()],
        spread=[(stars, sum(review["rating"] == stars for review in reviews)) for stars in (5, 4, 3, 2, 1)],
    )  # fmt: skip


def offered(variants: list[Any], name: str) -> list[tuple[str, str]]:
    """The sizes or colours there are, as a drop-down list wants them."""
    return [(each, each) for each in dict.fromkeys(variant[name] for variant in variants) if each]
