"""What every page of the back office needs (who may see it, how its tables are cut), and its start page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from environments.arena.visit import Account, Page, Visit

__all__ = ["Cut", "cut", "home", "kept", "order_of", "period", "staff"]

EACH = 20

TAKINGS = "coalesce(sum(total - refunded), 0)"
COUNTED = "status <> 'cancelled'"
"""Cancelled orders bring nothing in; what was refunded is taken off."""


def staff(page: Callable[[Visit, Account], Page]) -> Callable[[Visit], Page]:
    """Pages are for those who work here."""

    def checked(visit: Visit) -> Page:
        who = visit.account
        return page(visit, who) if who else visit.ask_to_log_in()

    return checked


class Cut(NamedTuple):
    """One page of a table."""

    page: int
    last: int
    offset: int


def cut(visit: Visit, count: int, *, each: int = EACH) -> Cut:
    """Which page of `count` rows is asked for."""
    last = max(1, -(-count // each))
    page = visit.number("page", 1, least=1, most=last)
    return Cut(page, last, (page - 1) * each)


def kept(visit: Visit, *without: str) -> str:
    """The address's query without some names; ends in `?` or `&`."""
    pairs = [(name, value) for name, value in visit.query.items() if name not in without and value]
    return f"?{urlencode(pairs)}&" if pairs else "?"


def order_of(visit: Visit, columns: Mapping[str, str], *, default: str) -> tuple[str, str]:
    """What a table is sorted by, as the address says it (`-price`) and in SQL."""
    asked = visit.query.get("sort", default)
    if asked.lstrip("-") not in columns:
        asked = default
    column = columns[asked.lstrip("-")]
    return asked, ", ".join(f"{part} DESC" if asked.startswith("-") else part for part in column.split(", "))


def period(visit: Visit, *, days: int) -> tuple[str, str, str]:
    """First and last day that are asked for, as ISO dates, and what is wrong with them; the last `days` by default."""
    today = visit.now.date()
    first = visit.query.get("from", "").strip() or (today - timedelta(days=days)).isoformat()
    last = visit.query.get("to", "").strip() or today.isoformat()
    try:
        wrong = date.fromisoformat(first) > date.fromisoformat(last)
    except ValueError:
        return first, last, "A date looks like 2026-02-14."
    return first, last, "The first day is after the last one." if wrong else ""


@staff
def home(visit: Visit, who: Account) -> Page:
    since = (visit.now.date() - timedelta(days=30)).isoformat()
    figures = visit.one(
        f"SELECT count(*) AS orders, {TAKINGS} AS takings FROM shop_order WHERE at >= ? AND {COUNTED}", since
    )
    waiting = visit.value("SELECT count(*) FROM shop_order WHERE status = 'pending'")
    unread = visit.value("SELECT count(*) FROM shop_review WHERE status = 'pending'")
    out = visit.value("SELECT count(*) FROM shop_product WHERE stock = 0 AND status = 'active'")
    low = visit.all(
        "SELECT * FROM shop_product WHERE stock BETWEEN 1 AND 9 AND status = 'active' ORDER BY stock LIMIT 8"
    )
    latest = visit.all("SELECT * FROM shop_order ORDER BY at DESC LIMIT 8")
    return visit.page(
        "dashboard.html", figures=figures, waiting=waiting, unread=unread, out=out, low=low, latest=latest
    )
