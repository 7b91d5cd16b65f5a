"""The back office: only for those who work there; what it changes, it changes in the shop."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.environments.arena.shopping import Shop

PAGES = (
    "/", "/products", "/products?q=lantern&sort=-price", "/products?status=hidden&category=1&stock=in", "/orders",
    "/orders?status=delivered&from=2026-01-01&to=2026-02-01&sort=total", "/orders?q=marlow", "/customers",
    "/customers?sort=-spent", "/customers?q=pell", "/customers/marlow", "/reports", "/reports?step=week",
    "/reports?step=day&from=2026-02-01", "/reports/products", "/reports/categories", "/reviews",
    "/reviews?status=approved&rating=4",
)  # fmt: skip


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


@pytest.mark.parametrize("drift", [0, 1, 2, 3])
async def test_every_page_answers_at_every_drift_and_changes_nothing(drift: int) -> None:
    shop = Shop(drift=drift)
    number = shop.value("SELECT id FROM shop_order ORDER BY id DESC")
    async with shop.visitor("admin", "isolde") as client:
        before = shop.instance.digest()
        for page in (*PAGES, f"/orders/{number}", "/products/3"):
            reply = await client.get(page)
            assert reply.status_code == 200, page
            assert "None" not in re.sub(r"<[^>]*>", " ", reply.text).replace("None yet", ""), page
        assert shop.instance.digest() == before
        for page in ("/nothing", "/orders/1", "/products/99999", "/customers/nobody"):
            assert (await client.get(page)).status_code == 404, page


async def test_nobody_else_gets_in(shop: Shop) -> None:
    """A customer's account is not one of the back office's."""
    async with shop.visitor("admin") as client:
        for page in (*PAGES, "/products/3"):
            assert "/login" in str((await client.get(page)).url), page
        before = shop.rows("SELECT * FROM shop_product WHERE id = 3")[0]["status"]
        await client.post("/products/bulk", data={"id": "3", "change": "hidden"})
        assert shop.rows("SELECT * FROM shop_product WHERE id = 3")[0]["status"] == before
        reply = await client.post("/login", data={"username": "marlow", "password": "marlow-pass", "next": "/"})
        assert reply.status_code == 422


# Catalogue -------------------------------------------------------------------------------------------------------


async def test_lists_are_filtered_and_sorted(shop: Shop) -> None:
    count = shop.value("SELECT count(*) FROM shop_product WHERE top = 2 AND status = 'active' AND stock > 9")
    async with shop.visitor("admin", "isolde") as client:
        reply = await client.get("/products?category=2&status=active&stock=in&sort=-price")
        shown = [float(text) for text in re.findall(r"<td>£([\d.]+)</td>", reply.text)]
        assert f'data-grade="count">{count}<' in reply.text
        assert len(shown) == count > 2
        assert shown == sorted(shown, reverse=True)
        assert 'aria-sort="descending"' in reply.text


async def test_saving_a_product_shows_in_the_shop(shop: Shop) -> None:
    variants = shop.rows("SELECT * FROM shop_variant WHERE product = 1 ORDER BY id")
    form = {f"price-{row['id']}": "12.50" for row in variants} | {f"stock-{row['id']}": "7" for row in variants}
    form |= {"status": "active", "about": "Now with <em>pegs</em>."}
    async with shop.visitor("admin", "isolde") as client:
        assert (await client.post("/products/1", data=form)).status_code == 200
    row = shop.rows("SELECT * FROM shop_product WHERE id = 1")[0]
    assert (row["price"], row["stock"]) == (1250, 7 * len(variants))
    async with shop.visitor() as client:
        page = (await client.get("/product/1")).text
        assert "£12.50" in page
        assert "&lt;em&gt;pegs" in page


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("price", "free", "number of pounds"), ("price", "0", "number of pounds"), ("stock", "-1", "whole number"),
        ("about", " ", "needs a description"), ("status", "gone", None),
    ],
)  # fmt: skip
async def test_a_product_that_cannot_be_so_is_refused(shop: Shop, name: str, value: str, said: str | None) -> None:
    variants = shop.rows("SELECT * FROM shop_variant WHERE product = 1 ORDER BY id")
    form = {f"price-{row['id']}": "12.50" for row in variants} | {f"stock-{row['id']}": "7" for row in variants}
    form |= {"status": "active", "about": "Text"}
    form[name if name in form else f"{name}-{variants[0]['id']}"] = value
    async with shop.visitor("admin", "isolde") as client:
        before = shop.value("SELECT sum(price + stock) FROM shop_variant")
        reply = await client.post("/products/1", data=form)
        assert reply.status_code == 422
        assert said is None or said in reply.text
    assert shop.value("SELECT sum(price + stock) FROM shop_variant") == before


async def test_many_are_changed_at_once_and_no_others(shop: Shop) -> None:
    before = {row["id"]: row["price"] for row in shop.rows("SELECT id, price FROM shop_product")}
    async with shop.visitor("admin", "isolde") as client:
        reply = await client.post(
            "/products/bulk", data={"id": ["2", "5"], "change": "-10", "back": "/products?page=2"}
        )
        assert str(reply.url).endswith("/products?page=2")
        await client.post("/products/bulk", data={"id": ["2"], "change": "hidden", "back": "//elsewhere"})
        assert "Tick at least one" in (await client.post("/products/bulk", data={"change": "hidden"})).text
        assert "Choose what to do" in (await client.post("/products/bulk", data={"id": "2", "change": ""})).text
    after = {row["id"]: row["price"] for row in shop.rows("SELECT id, price FROM shop_product")}
    assert {number for number in after if after[number] != before[number]} == {2, 5}
    assert after[5] == int(before[5] * 0.9 + 0.5)
    assert shop.value("SELECT status FROM shop_product WHERE id = 2") == "hidden"


# Orders and customers --------------------------------------------------------------------------------------------


async def test_orders_are_filtered_by_day_and_status(shop: Shop) -> None:
    where = "status = 'delivered' AND at >= '2025-12-01' AND at < '2026-02-01'"
    count = shop.value(f"SELECT count(*) FROM shop_order WHERE {where}")
    async with shop.visitor("admin", "isolde") as client:
        reply = await client.get("/orders?status=delivered&from=2025-12-01&to=2026-01-31")
        assert f'data-grade="count">{count}<' in reply.text
        assert count > 0
        assert (await client.get("/orders?from=yesterday")).status_code == 422


async def test_an_orders_status_goes_forward_only(shop: Shop) -> None:
    number = shop.value("SELECT id FROM shop_order WHERE status = 'pending'")
    state = "SELECT status FROM shop_order WHERE id = ?"
    async with shop.visitor("admin", "isolde") as client:
        for status in ("packed", "shipped", "delivered"):
            await client.post(f"/orders/{number}/status", data={"status": status})
            assert shop.value(state, number) == status
        reply = await client.post(f"/orders/{number}/status", data={"status": "pending"})
        assert "cannot become" in reply.text
        assert shop.value(state, number) == "delivered"
    async with shop.visitor(username=shop.value("SELECT username FROM shop_order WHERE id = ?", number)) as client:
        assert "delivered" in (await client.get(f"/orders/{number}")).text


async def test_refunds_add_up_to_the_total_at_most(shop: Shop) -> None:
    row = shop.rows("SELECT * FROM shop_order WHERE status = 'delivered'")[0]
    page, total = f"/orders/{row['id']}/refund", row["total"]
    async with shop.visitor("admin", "isolde") as client:
        for amount, reason, said in (
            (f"{total / 100 + 0.01:.2f}", "Late", "No more than"),
            ("some", "Late", "number of pounds"),
            ("0", "Late", "number of pounds"),
            ("1.00", " ", "Say why"),
        ):
            reply = await client.post(page, data={"amount": amount, "reason": reason})
            assert (reply.status_code, said in reply.text) == (422, True), said
        await client.post(page, data={"amount": "1.00", "reason": "Late"})
        state = "SELECT status, refunded FROM shop_order WHERE id = ?"
        assert tuple(shop.rows(state, row["id"])[0]) == ("delivered", 100)
        await client.post(page, data={"amount": f"{(total - 100) / 100:.2f}", "reason": "Lost"})
        assert tuple(shop.rows(state, row["id"])[0]) == ("refunded", total)
        assert (await client.post(page, data={"amount": "0.01", "reason": "More"})).status_code == 422


async def test_a_clerk_gives_no_refunds_but_leaves_notes(shop: Shop) -> None:
    number = shop.value("SELECT id FROM shop_order WHERE status = 'delivered'")
    async with shop.visitor("admin", "bram") as client:
        assert "Give refund" not in (await client.get(f"/orders/{number}")).text
        reply = await client.post(f"/orders/{number}/refund", data={"amount": "1", "reason": "Late"})
        assert reply.status_code == 403
        assert (await client.post(f"/orders/{number}/note", data={"body": " "})).status_code == 422
        assert "Rang twice" in (await client.post(f"/orders/{number}/note", data={"body": "Rang twice"})).text
    assert shop.value("SELECT refunded FROM shop_order WHERE id = ?", number) == 0


async def test_what_customers_spent_leaves_cancelled_orders_out(shop: Shop) -> None:
    number = shop.value("SELECT id FROM shop_order WHERE username = 'marlow' AND status = 'pending'")
    query = "SELECT sum(total - refunded) FROM shop_order WHERE username = 'marlow' AND status <> 'cancelled'"
    async with shop.visitor("admin", "isolde") as client:
        before = shop.value(query)
        assert f"£{before / 100:,.2f}" in (await client.get("/customers?q=marlow")).text
        await client.post(f"/orders/{number}/status", data={"status": "cancelled"})
        assert shop.value(query) < before
        assert f"£{shop.value(query) / 100:,.2f}" in (await client.get("/customers?q=marlow")).text
        await client.post("/customers/marlow/block")
        assert shop.value("SELECT blocked FROM shop_customer WHERE username = 'marlow'") == 1


# Reports and reviews ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["day", "week", "month"])
async def test_takings_are_those_of_the_period_however_they_are_grouped(shop: Shop, step: str) -> None:
    rows = shop.rows("SELECT total - refunded AS paid FROM shop_order WHERE status <> 'cancelled'"
                     " AND at >= '2025-10-05' AND at < '2026-01-18'")  # fmt: skip
    async with shop.visitor("admin", "isolde") as client:
        reply = await client.get(f"/reports?from=2025-10-05&to=2026-01-17&step={step}")
        foot = re.findall(r'<td class="number">(.*?)</td>', reply.text.split("<tfoot>")[1])
        assert foot == [str(len(rows)), f"£{sum(row['paid'] for row in rows) / 100:,.2f}"]
        body = re.findall(r'<td class="number">£(.*?)</td>', reply.text.split("<tfoot>")[0])
        assert sum(round(float(text.replace(",", "")) * 100) for text in body) == sum(row["paid"] for row in rows)
        assert len(body) > 3
    async with shop.visitor("admin", "isolde") as client:
        assert (await client.get("/reports?from=2026-02-02&to=2026-02-01")).status_code == 422
        assert (await client.get("/reports/products?from=never")).status_code == 422


async def test_best_sellers_and_categories_count_pieces(shop: Shop) -> None:
    pieces = shop.value(
        "SELECT sum(quantity) FROM shop_line JOIN shop_order ON shop_order.id = \"order\" WHERE status <> 'cancelled'"
    )
    async with shop.visitor("admin", "isolde") as client:
        reply = await client.get("/reports/categories?from=2025-01-01")
        assert sum(int(text) for text in re.findall(r'<td class="number">(\d+)</td>', reply.text)) == pieces
        reply = await client.get("/reports/products?from=2025-01-01")
        sold = [int(text) for text in re.findall(r'<td class="number">(\d+)</td>', reply.text)]
        assert sold == sorted(sold, reverse=True)
        assert len(sold) == 20


async def test_a_review_that_is_approved_counts_and_one_that_is_rejected_does_not(shop: Shop) -> None:
    row = shop.rows("SELECT * FROM shop_review r JOIN shop_product p ON p.id = product WHERE r.status = 'pending'"
                    " AND p.status = 'active'")[0]  # fmt: skip
    figures = "SELECT reviews, rating FROM shop_product WHERE id = ?"
    before = tuple(shop.rows(figures, row["product"])[0])
    async with shop.visitor("admin", "isolde") as client, shop.visitor() as guest:
        assert row["body"] not in (await guest.get(f"/product/{row['product']}")).text
        reply = await client.post(f"/reviews/{row[0]}", data={"decision": "approved"})
        assert "is approved" in reply.text
        assert shop.rows(figures, row["product"])[0][0] == before[0] + 1
        assert str(row["body"]).split(".")[0] in (await guest.get(f"/product/{row['product']}")).text
        await client.post(f"/reviews/{row[0]}", data={"decision": "rejected"})
        assert tuple(shop.rows(figures, row["product"])[0]) == before
        assert (await client.post(f"/reviews/{row[0]}", data={"decision": "lost"})).status_code == 404
