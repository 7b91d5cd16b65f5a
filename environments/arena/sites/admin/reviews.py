"""Reviews: read the new ones, approve or reject them."""

from __future__ import annotations

from environments.arena.sites.admin.desk import cut, kept, staff
from environments.arena.visit import Account, Page, Visit

__all__ = ["decide", "reviews"]

STATUSES = ("pending", "approved", "rejected")
EACH = 10


@staff
def reviews(visit: Visit, who: Account) -> Page:
    status = visit.query.get("status", "pending")
    status = status if status in STATUSES else "pending"
    rating = visit.number("rating", 0, most=5)
    where, values = "shop_review.status = ?", list[object]([status])
    if rating:
        where, values = where + " AND shop_review.rating = ?", [*values, rating]
    count = visit.value(f"SELECT count(*) FROM shop_review WHERE {where}", *values)
    page = cut(visit, count, each=EACH)
    rows = visit.all(
        "SELECT shop_review.*, name FROM shop_review JOIN shop_product ON shop_product.id = product"
        f" WHERE {where} ORDER BY at DESC LIMIT ? OFFSET ?", *values, EACH, page.offset,
    )  # fmt: skip
    return visit.page(
        "reviews.html", rows=rows, count=count, cut=page, chosen=status, statuses=STATUSES, rating=rating,
        paging=kept(visit, "page"),
    )  # fmt: skip


@staff
def decide(visit: Visit, who: Account) -> Page:
    """Approve or reject a review; the product's average follows."""
    row = visit.one("SELECT * FROM shop_review WHERE id = ?", visit.path["id"])
    decision = visit.form.get("decision", "")
    if row is None or decision not in ("approved", "rejected"):
        return visit.not_found("There is no such review.")
    visit.write("UPDATE shop_review SET status = ? WHERE id = ?", decision, row["id"])
    visit.write(
        "UPDATE shop_product SET (rating, reviews) = (SELECT coalesce(avg(rating), 0), count(*) FROM shop_review"
        " WHERE product = ? AND status = 'approved') WHERE id = ?", row["product"], row["product"],
    )  # fmt: skip
    return visit.redirect(f"/reviews?status={row['status']}", success=f"The review “{row['title']}” is {decision}.")
