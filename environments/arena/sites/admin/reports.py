"""Reports over a period, worked out from the orders as they are."""

from __future__ import annotations

from environments.arena.sites.admin.desk import COUNTED, TAKINGS, period, staff
from environments.arena.visit import Account, Page, Visit

__all__ = ["best_sellers", "categories", "sales"]

STEPS = {
    "day": "substr(at, 1, 10)",
    "week": "'week from ' || date(at, 'weekday 0', '-6 days')",
    "month": "substr(at, 1, 7)",
}
WITHIN = f"at >= ? AND at <= ? AND {COUNTED}"


@staff
def sales(visit: Visit, who: Account) -> Page:
    """Orders and takings by day, week or month."""
    first, last, problem = period(visit, days=90)
    step = visit.query.get("step", "month")
    step = step if step in STEPS else "month"
    span = (first, last + "T99")
    rows = [] if problem else visit.all(
        f"SELECT {STEPS[step]} AS step, count(*) AS orders, {TAKINGS} AS takings FROM shop_order"
        f" WHERE {WITHIN} GROUP BY 1 ORDER BY 1", *span,
    )  # fmt: skip
    return visit.page(
        "sales.html", status=422 if problem else 200, rows=rows, first=first, last=last, step=step, problem=problem,
        orders=sum(row["orders"] for row in rows), takings=sum(row["takings"] for row in rows), kind="sales",
    )  # fmt: skip


@staff
def best_sellers(visit: Visit, who: Account) -> Page:
    """The products that were sold most often."""
    first, last, problem = period(visit, days=90)
    rows = [] if problem else visit.all(
        "SELECT product, shop_line.name, sum(quantity) AS sold, sum(price * quantity) AS value FROM shop_order"
        f' JOIN shop_line ON "order" = shop_order.id WHERE {WITHIN}'
        " GROUP BY product ORDER BY sold DESC, value DESC, product LIMIT 20", first, last + "T99",
    )  # fmt: skip
    return visit.page(
        "best_sellers.html", status=422 if problem else 200, rows=rows, first=first, last=last, problem=problem,
        kind="products",
    )  # fmt: skip


@staff
def categories(visit: Visit, who: Account) -> Page:
    """What each department sold."""
    first, last, problem = period(visit, days=90)
    rows = [] if problem else visit.all(
        "SELECT shop_category.name, sum(quantity) AS sold, sum(shop_line.price * quantity) AS value FROM shop_order"
        ' JOIN shop_line ON "order" = shop_order.id JOIN shop_product ON shop_product.id = product'
        f" JOIN shop_category ON shop_category.id = top WHERE at >= ? AND at <= ? AND shop_order.{COUNTED}"
        " GROUP BY top ORDER BY value DESC, top", first, last + "T99",
    )  # fmt: skip
    return visit.page(
        "categories.html", status=422 if problem else 200, rows=rows, first=first, last=last, problem=problem,
        kind="categories",
    )  # fmt: skip
