"""The shop: finding, buying, orders, account. Every form takes what is right, and says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from environments.arena.instance import SIZES, pristine
from environments.arena.sites import load_sites
from environments.arena.sites.shop.catalogue import matching
from environments.arena.sites.shop.pricing import delivery_cost
from environments.arena.visit import Visit
from tests.environments.arena.shopping import Shop

ADDRESS = {
    "name": "Ned Arkle", "street": "4 Gorse Lane", "town": "Sedgehead", "postcode": "LM7 3QT", "phone": "0555 223344",
}  # fmt: skip
PLAIN = "SELECT product FROM shop_variant JOIN shop_product ON shop_product.id = product WHERE status = 'active'"


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


def one_variant(shop: Shop) -> tuple[int, int, int]:
    """A product without sizes and colours: product, variant, stock."""
    row = shop.rows(
        "SELECT product, v.id, v.stock FROM shop_variant v JOIN shop_product p ON p.id = product"
        " WHERE size = '' AND colour = '' AND v.stock > 5 AND status = 'active' ORDER BY v.id"
    )[0]
    return tuple(row)


PAGES = (
    "/", "/category/camping", "/category/tents", "/category/tents?sort=cheap&least=1&most=9999", "/search?q=lantern",
    "/cart", "/checkout", "/checkout/delivery", "/checkout/payment", "/checkout/review", "/orders", "/orders?page=2",
    "/orders?status=delivered", "/account", "/account/profile", "/account/addresses", "/account/addresses/new",
    "/wishes", "/login",
)  # fmt: skip


@pytest.mark.parametrize("drift", [0, 1, 2, 3])
async def test_every_page_answers_at_every_drift_and_changes_nothing(drift: int) -> None:
    shop = Shop(drift=drift)
    number = shop.value("SELECT id FROM shop_order WHERE username = 'marlow'")
    address = shop.value("SELECT id FROM shop_address WHERE username = 'marlow'")
    active = shop.value("SELECT id FROM shop_product WHERE status = 'active'")
    own = (f"/orders/{number}", f"/account/addresses/{address}", f"/product/{active}", f"/product/{active}/review")
    async with shop.visitor(username="marlow") as client:
        before = shop.instance.digest()
        for page in (*PAGES, *own):
            reply = await client.get(page)
            assert reply.status_code == 200, page
            assert "</html>" in reply.text
            assert "None" not in re.sub(r"<[^>]*>", " ", reply.text), page
        assert shop.instance.digest() == before


async def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    hidden = shop.value("SELECT id FROM shop_product WHERE status <> 'active'")
    foreign = shop.value("SELECT id FROM shop_order WHERE username = 'junia'")
    strange = shop.value("SELECT id FROM shop_address WHERE username = 'junia'")
    pages = ("/nothing", "/category/nothing", "/product/99999", f"/product/{hidden}", f"/orders/{foreign}",
             f"/account/addresses/{strange}")  # fmt: skip
    async with shop.visitor(username="marlow") as client:
        for page in pages:
            assert (await client.get(page)).status_code == 404, page
        assert (await client.post(f"/orders/{foreign}/cancel")).status_code == 404
        assert (await client.post(f"/account/addresses/{strange}/delete")).status_code == 404


async def test_guests_are_asked_to_sign_in_and_brought_back(shop: Shop) -> None:
    async with shop.visitor() as client:
        for page in ("/orders", "/account", "/wishes", "/checkout", "/account/addresses/new"):
            assert "/login" in str((await client.get(page)).url), page
        asked = await client.get("/orders?status=delivered")
        sent = {"username": "marlow", "password": "marlow-pass", "next": asked.url.params["next"]}
        back = await client.post("/login", data=sent)
        assert str(back.url).endswith("/orders?status=delivered")


# Finding ---------------------------------------------------------------------------------------------------------


async def test_filters_show_what_meets_them_and_nothing_else(shop: Shop) -> None:
    where = "top = 1 AND status = 'active' AND price BETWEEN 2000 AND 6000"
    wanted = shop.value(f"SELECT count(*) FROM shop_product WHERE {where} AND stock > 0")
    async with shop.visitor() as client:
        reply = await client.get("/category/camping?least=20&most=60&stocked=1&sort=cheap")
        assert f'data-grade="count">{wanted}<' in reply.text
        shown = [float(text.replace(",", "")) for text in re.findall(r'class="price">£([\d.,]+)', reply.text)]
        assert len(shown) == wanted > 1
        assert shown == sorted(shown)
        brand = shop.value("SELECT brand FROM shop_product WHERE top = 1 AND status = 'active'")
        count = shop.value("SELECT count(*) FROM shop_product WHERE top = 1 AND status = 'active' AND brand = ?", brand)
        reply = await client.get("/category/camping", params={"brand": brand, "rating": "0"})
        assert f'data-grade="count">{count}<' in reply.text


async def test_a_wrong_price_range_is_refused_and_kept(shop: Shop) -> None:
    async with shop.visitor() as client:
        reply = await client.get("/category/camping?least=30&most=20")
        assert reply.status_code == 422
        assert "above the highest" in reply.text
        assert 'value="30"' in reply.text
        assert (await client.get("/category/camping?least=dear")).status_code == 422


async def test_pages_of_a_list_hold_everything_once(shop: Shop) -> None:
    seen: list[str] = []
    async with shop.visitor() as client:
        for page in range(1, 5):
            reply = await client.get(f"/search?q=by&sort=name&page={page}")
            seen += re.findall(r'<h3><a href="/product/(\d+)"', reply.text)
    count = shop.value("SELECT count(*) FROM shop_product WHERE status = 'active'")
    assert len(seen) == len(set(seen)) == count


async def test_search_finds_by_all_words_and_suggests_names(shop: Shop) -> None:
    name, number = shop.rows("SELECT name, id FROM shop_product WHERE status = 'active' ORDER BY id DESC")[0]
    async with shop.visitor() as client:
        found = await client.get("/search", params={"q": name})
        assert f'href="/product/{number}"' in found.text
        suggested = (await client.get("/suggest", params={"q": name[:9]})).json()
        assert {"label": name, "value": name} in suggested
        for strange in ('"', "a* OR", "NEAR(", "x_y", "'", "  "):
            assert (await client.get("/search", params={"q": strange})).status_code == 200, strange
        assert 'data-grade="count">0<' in (await client.get("/search?q=zzzz")).text


async def test_search_works_without_an_index(shop: Shop) -> None:
    instance = shop.instance
    visit = Visit(site=shop.arena.sites["shop"], instance=instance, method="GET", url="/", path={}, query={})
    name = shop.value("SELECT name FROM shop_product ORDER BY id")
    where, _ = matching(visit, name)
    assert "MATCH" in where
    with instance.writing():
        instance.db.execute("DROP TABLE shop_words")
    plain, given = matching(visit, name)
    assert "LIKE" in plain
    query = "SELECT name FROM shop_product WHERE "
    assert shop.value(query + plain, *given) == name


# Buying ----------------------------------------------------------------------------------------------------------


async def test_putting_in_asks_for_size_and_colour_and_minds_the_stock(shop: Shop) -> None:
    row = shop.rows(
        "SELECT product, size, colour, v.stock FROM shop_variant v JOIN shop_product p ON p.id = product"
        " WHERE size <> '' AND colour <> '' AND v.stock BETWEEN 1 AND 19 AND status = 'active'"
    )[0]
    page, chosen = f"/product/{row['product']}/cart", {"size": row["size"], "colour": row["colour"]}
    async with shop.visitor() as client:
        for form, said in (
            ({"quantity": "1"}, "Choose a size"),
            ({"quantity": "1", "size": row["size"]}, "Choose a colour"),
            (chosen | {"quantity": "0"}, "from 1 to 20"),
            (chosen | {"quantity": "many"}, "from 1 to 20"),
            (chosen | {"quantity": str(row["stock"] + 1)}, f"Only {row['stock']} of these"),
            (chosen | {"quantity": "1", "size": "Gigantic"}, "not to be had"),
        ):
            reply = await client.post(page, data=form)
            assert (reply.status_code, said in reply.text) == (422, True), said
        reply = await client.post(page, data=chosen | {"quantity": str(row["stock"])})
        assert "is in your cart" in reply.text
        assert (await client.post(page, data=chosen | {"quantity": "1"})).status_code == 422


async def test_a_sold_out_choice_cannot_be_bought(shop: Shop) -> None:
    row = shop.rows(
        "SELECT product, size, colour FROM shop_variant v JOIN shop_product p ON p.id = product"
        " WHERE v.stock = 0 AND status = 'active'"
    )[0]
    form = {"size": row["size"], "colour": row["colour"], "quantity": "1"}
    async with shop.visitor() as client:
        reply = await client.post(f"/product/{row['product']}/cart", data=form)
        assert (reply.status_code, "sold out" in reply.text) == (422, True)


async def test_a_guests_cart_comes_along_when_signing_in(shop: Shop) -> None:
    product, variant, _ = one_variant(shop)
    quantity = "SELECT quantity FROM shop_cart WHERE owner = ? AND variant = ?"
    before = shop.value(quantity, "user tobin", variant) or 0
    async with shop.visitor() as client:
        await client.post(f"/product/{product}/cart", data={"quantity": "4"})
        await client.post("/login", data={"username": "tobin", "password": "tobin-pass", "next": "/"})
    assert shop.value(quantity, "user tobin", variant) == 4 > before
    assert shop.value("SELECT count(*) FROM shop_cart WHERE owner LIKE 'guest%'") == 0


async def test_quantities_change_and_lines_go(shop: Shop) -> None:
    variant = shop.value("SELECT variant FROM shop_cart WHERE owner = 'user marlow'")
    query = "SELECT quantity FROM shop_cart WHERE owner = 'user marlow' AND variant = ?"
    async with shop.visitor(username="marlow") as client:
        await client.post(f"/cart/{variant}", data={"quantity": "4"})
        assert shop.value(query, variant) == 4
        assert "from 1 to" in (await client.post(f"/cart/{variant}", data={"quantity": "500"})).text
        assert shop.value(query, variant) == 4
        await client.post(f"/cart/{variant}", data={"quantity": "4", "remove": "1"})
        assert shop.value(query, variant) is None
        assert shop.value("SELECT count(*) FROM shop_cart WHERE owner = 'user marlow'") == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [("WINTER20", "has expired"), ("NOPE", "no coupon"), ("", "Enter a coupon"), ("HEARTH15", "at least £80.00")],
)
async def test_a_coupon_that_does_not_hold_is_refused(shop: Shop, code: str, said: str) -> None:
    product = shop.value(
        f"{PLAIN} AND size = '' AND colour = '' AND shop_variant.stock > 0 ORDER BY shop_variant.price"
    )
    async with shop.visitor() as client:
        await client.post(f"/product/{product}/cart", data={"quantity": "1"})
        reply = await client.post("/cart/coupon", data={"code": code})
        assert (reply.status_code, said in reply.text) == (422, True)


async def test_sums_of_the_cart(shop: Shop) -> None:
    """10 per cent, rounded down to a penny; free delivery from £50 on; and the coupon can be taken off again."""
    lines = shop.rows(
        "SELECT price, quantity FROM shop_cart JOIN shop_variant ON id = variant WHERE owner = 'user marlow'"
    )
    goods = sum(price * quantity for price, quantity in lines)
    assert goods >= 5000
    async with shop.visitor(username="marlow") as client:
        reply = await client.post("/cart/coupon", data={"code": "spring10"})
        assert f'data-grade="discount">-£{goods // 10 / 100:,.2f}<' in reply.text
        assert f'data-grade="total">£{(goods - goods // 10) / 100:,.2f}<' in reply.text
        reply = await client.post("/cart/coupon", data={"forget": "1"})
        assert f'data-grade="total">£{goods / 100:,.2f}<' in reply.text


def test_standard_delivery_is_free_from_fifty_pounds_on() -> None:
    assert [delivery_cost("standard", goods) for goods in (4999, 5000)] == [395, 0]
    assert [delivery_cost(way, 90_000) for way in ("express", "collect")] == [795, 0]


async def test_checking_out_makes_an_order_and_takes_from_the_stock(shop: Shop) -> None:
    lines = shop.rows(
        "SELECT variant, quantity, stock FROM shop_cart JOIN shop_variant ON id = variant WHERE owner = 'user marlow'"
    )
    number = shop.value("SELECT max(id) + 1 FROM shop_order")
    async with shop.visitor(username="marlow") as client:
        await client.post("/checkout", data=ADDRESS)
        await client.post("/checkout/delivery", data={"way": "express", "day": "2026-03-12"})
        review = await client.post("/checkout/payment", data={"payment": "Card", "card": "4000 1234 5678 9010"})
        assert "4 Gorse Lane" in review.text
        assert "Express delivery on 12 Mar 2026" in review.text
        placed = await client.post("/checkout/review")
        assert str(placed.url).endswith(f"/orders/{number}")
        assert "Thank you" in placed.text
        assert "4000" not in shop.instance.db.execute("SELECT group_concat(data) FROM session").fetchone()[0]
    order = shop.rows("SELECT * FROM shop_order WHERE id = ?", number)[0]
    assert (order["status"], order["way"], order["day"], order["delivery"]) == ("pending", "express", "2026-03-12", 795)
    assert order["total"] == order["subtotal"] + 795
    assert order["at"].startswith("2026-03-02T09:0")
    for variant, quantity, stock in lines:
        assert shop.value("SELECT stock FROM shop_variant WHERE id = ?", variant) == stock - quantity
    sums = (
        "SELECT count(*) FROM shop_product p WHERE stock <> (SELECT sum(stock) FROM shop_variant WHERE product = p.id)"
    )
    assert shop.value(sums) == 0
    assert shop.value("SELECT count(*) FROM shop_cart WHERE owner = 'user marlow'") == 0


@pytest.mark.parametrize(
    ("page", "form", "said"),
    [
        ("/checkout", ADDRESS | {"postcode": "12345"}, "LM1 4AB"),
        ("/checkout", ADDRESS | {"street": " "}, "Street and number is missing"),
        ("/checkout", ADDRESS | {"phone": "call me"}, "7 to 18 digits"),
        ("/checkout/delivery", {"way": "pigeon", "day": "2026-03-12"}, "Choose a way"),
        ("/checkout/delivery", {"way": "express", "day": "soon"}, "Choose a date"),
        ("/checkout/delivery", {"way": "express", "day": "2026-03-03"}, "We deliver from 2026-03-04 to 2026-04-11"),
        ("/checkout/delivery", {"way": "express", "day": "2026-04-12"}, "We deliver from"),
        ("/checkout/delivery", {"way": "express", "day": "2026-03-08"}, "Sundays"),
        ("/checkout/payment", {"payment": "Card", "card": "1234"}, "16 digits"),
        ("/checkout/payment", {"payment": "Gift voucher", "card": "12"}, "four letters"),
        ("/checkout/payment", {"payment": "Promises"}, "Choose how to pay"),
    ],
)
async def test_checkout_says_what_is_wrong_and_keeps_what_was_entered(
    shop: Shop, page: str, form: dict[str, str], said: str
) -> None:
    async with shop.visitor(username="marlow") as client:
        await client.post("/checkout", data=ADDRESS)
        reply = await client.post(page, data=form)
        assert (reply.status_code, said in reply.text) == (422, True)
        kept = [value for value in form.values() if value.strip() and value not in ("pigeon", "Promises")]
        assert all(f'value="{value}"' in reply.text for value in kept)


async def test_no_step_of_the_checkout_can_be_left_out(shop: Shop) -> None:
    async with shop.visitor(username="marlow") as client:
        assert str((await client.post("/checkout/review")).url).endswith("/checkout")
        assert str((await client.get("/checkout/review")).url).endswith("/checkout")
        assert shop.value("SELECT count(*) FROM shop_order WHERE at > '2026-03-02T09'") == 0


# Orders and account ----------------------------------------------------------------------------------------------


async def test_only_a_pending_order_can_be_cancelled_and_its_goods_come_back(shop: Shop) -> None:
    query = "SELECT id FROM shop_order WHERE username = 'marlow' AND status = ? ORDER BY id DESC"
    pending, sent = shop.value(query, "pending"), shop.value(query, "delivered")
    variant, quantity = shop.rows('SELECT variant, quantity FROM shop_line WHERE "order" = ?', pending)[0]
    stock = shop.value("SELECT stock FROM shop_variant WHERE id = ?", variant)
    async with shop.visitor(username="marlow") as client:
        assert "is cancelled" in (await client.post(f"/orders/{pending}/cancel")).text
        assert "can no longer be cancelled" in (await client.post(f"/orders/{sent}/cancel")).text
        assert "can no longer be cancelled" in (await client.post(f"/orders/{pending}/cancel")).text
    state = "SELECT status FROM shop_order WHERE id = ?"
    assert (shop.value(state, pending), shop.value(state, sent)) == ("cancelled", "delivered")
    assert shop.value("SELECT stock FROM shop_variant WHERE id = ?", variant) == stock + quantity


async def test_ordering_again_fills_the_cart(shop: Shop) -> None:
    number, variant = shop.rows(
        'SELECT "order", variant FROM shop_line JOIN shop_order o ON o.id = "order"'
        " JOIN shop_variant v ON v.id = variant WHERE username = 'marlow' AND stock > 9 GROUP BY 1 HAVING count(*) = 1"
    )[0]
    async with shop.visitor(username="marlow") as client:
        await client.post(f"/orders/{number}/again")
    assert shop.value("SELECT quantity FROM shop_cart WHERE owner = 'user marlow' AND variant = ?", variant) >= 1


async def test_account_forms(shop: Shop) -> None:
    customer = "SELECT newsletter, letter, phone FROM shop_customer WHERE username = 'junia'"
    async with shop.visitor(username="junia") as client:
        wrong = await client.post("/account/profile", data={"name": "J", "email": "nowhere", "phone": "x"})
        assert wrong.status_code == 422
        assert wrong.text.count('role="alert"') == 3
        right = {"name": "Junia Vale", "email": "junia@example.org", "phone": "0555 111222"}
        assert "Junia Vale" in (await client.post("/account/profile", data=right)).text
        await client.post("/account/newsletter", data={"letter": "weekly"})
        assert tuple(shop.rows(customer)[0]) == (1, "weekly", "0555 111222")
        await client.post("/account/newsletter", data={"letter": "never"})
        assert shop.rows(customer)[0][0] == 0


async def test_addresses_are_added_changed_and_dropped(shop: Shop) -> None:
    count = "SELECT count(*) FROM shop_address WHERE username = 'junia'"
    before = shop.value(count)
    async with shop.visitor(username="junia") as client:
        assert (await client.post("/account/addresses/new", data=ADDRESS)).status_code == 422
        await client.post("/account/addresses/new", data=ADDRESS | {"label": "Shed"})
        number = shop.value("SELECT id FROM shop_address WHERE label = 'Shed'")
        await client.post(f"/account/addresses/{number}", data=ADDRESS | {"label": "Barn"})
        assert shop.value("SELECT label FROM shop_address WHERE id = ?", number) == "Barn"
        await client.post(f"/account/addresses/{number}/main")
        assert "another address the main one" in (await client.post(f"/account/addresses/{number}/delete")).text
        main = shop.rows("SELECT id FROM shop_address WHERE username = 'junia' AND main = 0")[0][0]
        await client.post(f"/account/addresses/{main}/main")
        await client.post(f"/account/addresses/{number}/delete")
    assert shop.value(count) == before


async def test_wish_list_and_reviews(shop: Shop) -> None:
    wishes = "SELECT count(*) FROM shop_wish WHERE username = 'tobin' AND product = ?"
    product = one_variant(shop)[0]
    before = shop.value("SELECT reviews FROM shop_product WHERE id = ?", product)
    async with shop.visitor(username="tobin") as client:
        had = shop.value(wishes, product)
        await client.post(f"/product/{product}/wish")
        assert shop.value(wishes, product) == 1 - had
        wrong = await client.post(f"/product/{product}/review", data={"rating": "9", "body": "short"})
        assert (wrong.status_code, wrong.text.count('role="alert"')) == (422, 3)
        form = {"rating": "2", "title": "<b>Bent</b>", "body": "It was bent when it came."}
        await client.post(f"/product/{product}/review", data=form)
        assert "&lt;b&gt;Bent" in (await client.get("/account")).text
        assert "Bent" not in (await client.get(f"/product/{product}")).text
    row = shop.rows("SELECT * FROM shop_review WHERE title LIKE '%Bent%'")[0]
    assert (row["status"], row["rating"], row["author"]) == ("pending", 2, "Tobin Hartree")
    assert shop.value("SELECT reviews FROM shop_product WHERE id = ?", product) == before


# The seed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES[:2])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(size: str) -> None:
    sites = load_sites(("shop", "admin"))
    first, again, other = (pristine(sites, seed=seed, size=size) for seed in (3, 3, 4))  # type: ignore[arg-type]
    assert first == again != other
    assert len(first) < 3_000_000


def test_the_seeded_figures_agree_with_each_other(shop: Shop) -> None:
    each = "SELECT count(*) FROM shop_product p WHERE"
    own = "FROM shop_variant WHERE product = p.id"
    lines = 'SELECT sum(price * quantity) FROM shop_line WHERE "order" = o.id'
    approved = "SELECT count(*) FROM shop_review WHERE product = p.id AND status = 'approved'"
    wrong = {
        "totals": "SELECT count(*) FROM shop_order WHERE total <> subtotal - discount + delivery",
        "lines": f"SELECT count(*) FROM shop_order o WHERE subtotal <> ({lines})",
        "stock": f"{each} stock <> (SELECT sum(stock) {own})",
        "price": f"{each} price <> (SELECT min(price) {own})",
        "rating": f"{each} reviews <> ({approved})",
        "future": "SELECT count(*) FROM shop_order WHERE at >= '2026-03-02T09:00'",
        "names": "SELECT count(*) - count(DISTINCT name) FROM shop_product",
    }
    assert {name: count for name, query in wrong.items() if (count := shop.value(query))} == {}
    for username in ("marlow", "junia", "tobin", "carys", "wendel"):
        assert shop.value("SELECT count(*) FROM shop_order WHERE username = ? AND status = 'pending'", username) >= 2
        assert shop.value("SELECT count(*) FROM shop_cart WHERE owner = ?", f"user {username}") == 3
