"""Questions about the shop, and pages to be found."""

from __future__ import annotations

from datetime import date
from random import Random

from environments.arena.sites.shop.tasks.steps import (
    START,
    active,
    money,
    my,
    search_for,
    some_kind,
    someone,
    to_category,
)
from environments.arena.tasks import Data, Draft, answers, at_address, choose, click, fill, say, template

__all__: list[str] = []

# Information -----------------------------------------------------------------------------------------------------


@template("shop", "price-of-size", split="training")
def price_of_size(data: Data, rng: Random) -> Draft:
    found = data.all(
        "SELECT name, size, shop_variant.price, shop_product.price AS lowest FROM shop_variant"
        " JOIN shop_product ON shop_product.id = product WHERE size <> '' AND status = 'active'"
        " AND shop_variant.price > shop_product.price ORDER BY shop_variant.id"
    )
    row = rng.choice(found)
    return Draft(
        intent=f"How much does the {row['name']} cost in size {row['size']}? Answer with the amount, such as £12.50.",
        words={"product": row["name"], "size": row["size"]},
        start=START,
        eval=answers(exact=money(row["price"])),
        reference=(*search_for(row["name"]), click("button", "All sizes and prices"), say(money(row["price"]))),
        near_miss=(*search_for(row["name"]), say(money(row["lowest"]))),
    )


@template("shop", "count-below-price", split="training")
def count_below_price(data: Data, rng: Random) -> Draft:
    kinds = data.all("SELECT * FROM shop_category WHERE parent IS NOT NULL ORDER BY id")
    found = {kind["id"]: active(data, kind) for kind in kinds}
    kind = rng.choice([kind for kind in kinds if found[kind["id"]][0]["price"] < found[kind["id"]][-1]["price"]])
    prices = [row["price"] for row in found[kind["id"]]]
    limit = -(-prices[rng.randrange(len(prices) - 1)] // 100)
    count = sum(price <= limit * 100 for price in prices)
    return Draft(
        intent=f"How many products in {kind['name']} cost £{limit} or less? Answer with just the number.",
        words={"category": kind["name"], "limit": str(limit)},
        start=START,
        eval=answers(exact=str(count)),
        reference=(
            *to_category(data, kind), fill("Highest price", str(limit)), click("button", "Apply filters"),
            say(str(count)),
        ),
        near_miss=(*to_category(data, kind), say(str(count + 1))),
    )  # fmt: skip


@template("shop", "cheapest", split="training")
def cheapest(data: Data, rng: Random) -> Draft:
    kinds = data.all("SELECT * FROM shop_category WHERE parent IS NOT NULL ORDER BY id")
    kinds = [kind for kind in kinds if len({row["price"] for row in active(data, kind)[:2]}) == 2]
    kind = rng.choice(kinds)
    first, second = active(data, kind)[:2]
    return Draft(
        intent=f"Which is the cheapest product in {kind['name']}? Give its full name and nothing else.",
        words={"category": kind["name"]},
        start=START,
        eval=answers(exact=first["name"]),
        reference=(*to_category(data, kind), choose("Sort by", "Price: low to high"), say(first["name"])),
        near_miss=(*to_category(data, kind), say(second["name"])),
    )


@template("shop", "orders-by-status", split="training")
def orders_by_status(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    total = data.value("SELECT count(*) FROM shop_order WHERE username = ?", who)
    found = data.all(
        "SELECT status, count(*) AS count FROM shop_order WHERE username = ? GROUP BY status ORDER BY status", who
    )
    row = rng.choice([row for row in found if row["count"] < total])
    return Draft(
        intent=f"How many of my orders are {row['status']}? Answer with just the number.",
        words={"status": row["status"]},
        start=START,
        login={"shop": who},
        eval=answers(exact=str(row["count"])),
        reference=(*my("Orders"), click("link", row["status"].capitalize()), say(str(row["count"]))),
        near_miss=(*my("Orders"), say(str(total))),
    )


@template("shop", "harshest-reviewer", split="validation")
def harshest_reviewer(data: Data, rng: Random) -> Draft:
    """The one whose rating is below everybody else's."""
    found = data.all(
        "SELECT product, name, min(shop_review.rating) AS lowest FROM shop_review JOIN shop_product"
        " ON shop_product.id = product WHERE shop_review.status = 'approved' AND shop_product.status = 'active'"
        " GROUP BY product HAVING count(*) > 2 ORDER BY product"
    )
    authors = "SELECT author FROM shop_review WHERE product = ? AND status = 'approved' AND rating"
    found = [row for row in found if len(data.all(f"{authors} = ?", row["product"], row["lowest"])) == 1]
    row = rng.choice(found)
    author = data.value(f"{authors} = ?", row["product"], row["lowest"])
    others = [other["author"] for other in data.all(f"{authors} > ?", row["product"], row["lowest"])]
    other = next((name for name in others if name != author), "Nobody")
    return Draft(
        intent=f"Who gave the {row['name']} the lowest rating? Answer with the person's full name.",
        words={"product": row["name"]},
        start=START,
        eval=answers(exact=author),
        reference=(*search_for(row["name"]), choose("Sort reviews", "Lowest rating"), say(author)),
        near_miss=(*search_for(row["name"]), say(other)),
    )


@template("shop", "spent-in-month", split="heldout")
def spent_in_month(data: Data, rng: Random) -> Draft:
    who = someone(rng)
    months = data.all(
        "SELECT substr(at, 1, 7) AS month, sum(total) AS total, max(total) AS most FROM shop_order WHERE username = ?"
        " GROUP BY 1 HAVING count(*) BETWEEN 2 AND 5 ORDER BY 1", who,
    )  # fmt: skip
    row = rng.choice(months)
    name = f"{date.fromisoformat(row['month'] + '-01'):%B %Y}"
    return Draft(
        intent=f"What do the totals of all the orders that I placed in {name} add up to, whatever became of them?"
        " Answer with the amount, such as £12.50.",
        words={"month": name},
        start=START,
        login={"shop": who},
        eval=answers(exact=money(row["total"])),
        reference=(*my("Orders"), say(money(row["total"]))),
        near_miss=(*my("Orders"), say(money(row["most"]))),
    )


# Finding a page --------------------------------------------------------------------------------------------------


ORDERS = {"latest": "at DESC", "oldest": "at", "most expensive": "total DESC", "cheapest": "total"}


@template("shop", "one-order", split="training")
def one_order(data: Data, rng: Random) -> Draft:
    """The first of at most one page of orders."""
    who = someone(rng)
    counts = data.all(
        "SELECT status FROM shop_order WHERE username = ? GROUP BY status HAVING count(*) BETWEEN 2 AND 8"
        " ORDER BY status",
        who,
    )
    status, which = rng.choice(counts)["status"], rng.choice(list(ORDERS))
    rows = data.all(
        f"SELECT id FROM shop_order WHERE username = ? AND status = ? ORDER BY {ORDERS[which]}, id", who, status
    )
    way = (*my("Orders"), click("link", status.capitalize()))
    return Draft(
        intent=f"Open the page of the {which} of my orders that are {status}.",
        words={"which": which, "status": status},
        start=START,
        login={"shop": who},
        eval=at_address(f"__SHOP__/orders/{rows[0]['id']}"),
        reference=(*way, click("link", str(rows[0]["id"])), say("")),
        near_miss=(*way, click("link", str(rows[1]["id"])), say("")),
    )


@template("shop", "filtered-list", split="validation")
def filtered_list(data: Data, rng: Random) -> Draft:
    kind = some_kind(data, rng)
    prices = [row["price"] // 100 for row in active(data, kind)]
    least, most = prices[0] + rng.randrange(1, 4), prices[-1] + rng.randrange(1, 4)
    filtered = (
        *to_category(data, kind), fill("Lowest price", str(least)), fill("Highest price", str(most)),
        click("button", "Apply filters"),
    )  # fmt: skip
    return Draft(
        intent=f"Show me what there is in {kind['name']} from £{least} to £{most}, the dearest first.",
        words={"category": kind["name"], "least": str(least), "most": str(most)},
        start=START,
        eval=at_address(f"__SHOP__/category/{kind['slug']}?least={least}&most={most}&sort=dear"),
        reference=(*filtered, choose("Sort by", "Price: high to low"), say("")),
        near_miss=(*filtered, choose("Sort by", "Price: low to high"), say("")),
    )
