"""What a cart costs, with coupon and delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from environments.arena.sites.shop.trading import WAYS
from environments.arena.visit import Visit

__all__ = ["FREE_FROM", "Basket", "basket", "coupon_problem", "delivery_cost", "owner"]

FREE_FROM = 5000
"""Standard delivery costs nothing from this amount on, in pence."""

LINES = """
SELECT variant, quantity, product, name, size, colour, shop_variant.price, shop_variant.stock, top, status
FROM shop_cart JOIN shop_variant ON shop_variant.id = variant JOIN shop_product ON shop_product.id = product
WHERE owner = ? ORDER BY shop_cart.rowid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """The cart's lines and sums; amounts in pence."""

    lines: list[Any]
    subtotal: int
    coupon: str
    discount: int
    delivery: int

    @property
    def total(self) -> int:
        return self.subtotal - self.discount + self.delivery

    @property
    def count(self) -> int:
        return sum(line["quantity"] for line in self.lines)


def owner(visit: Visit) -> str:
    """Whose cart this is: the account's, else the session's, else nobody's."""
    if visit.session is None:
        return ""
    return f"user {visit.session.username}" if visit.session.username else f"guest {visit.session.token}"


def basket(visit: Visit, *, way: str = "standard") -> Basket:
    """The visitor's cart as it stands."""
    lines = visit.all(LINES, owner(visit))
    subtotal = sum(line["price"] * line["quantity"] for line in lines)
    code = visit.session.data.get("coupon", "") if visit.session else ""
    if code and coupon_problem(visit, code, subtotal=subtotal):
        code = ""
    row = visit.one("SELECT * FROM shop_coupon WHERE code = ?", code)
    discount = 0
    if row and row["kind"] == "percent":
        discount = subtotal * row["value"] // 100
    elif row and row["kind"] == "fixed":
        discount = min(row["value"], subtotal)
    delivery = delivery_cost(way, subtotal - discount) if lines else 0
    if row and row["kind"] == "delivery" and way == "standard":
        delivery = 0
    return Basket(lines=lines, subtotal=subtotal, coupon=code, discount=discount, delivery=delivery)


def delivery_cost(way: str, goods: int) -> int:
    """What this way of delivery costs for goods of that value."""
    return 0 if way == "standard" and goods >= FREE_FROM else WAYS[way][1]


def coupon_problem(visit: Visit, code: str, *, subtotal: int) -> str:
    """Why a coupon cannot be used now; empty when it can."""
    row = visit.one("SELECT * FROM shop_coupon WHERE code = ?", code)
    if row is None:
        return f"There is no coupon {code!r}."
    if row["ends"] < visit.now.date().isoformat():
        return f"The coupon {code} has expired."
    if subtotal < row["least"]:
        return f"The coupon {code} needs goods worth at least £{row['least'] / 100:.2f}."
    return ""
