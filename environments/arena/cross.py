"""Tasks over several sites: what is read at one is needed at another."""

from __future__ import annotations

import sqlite3
from random import Random

from environments.arena.sites.map.asking import any_place, called, fastest, look_up, minutes, plan
from environments.arena.sites.map.roads import MODES
from environments.arena.tasks import (
    Data,
    Draft,
    Move,
    answers,
    at_address,
    click,
    fill,
    give_up,
    go,
    page_holds,
    say,
    template,
)
from environments.contracts import JSON

__all__: list[str] = []

MARA = "mara.quill"
BUYER = "marlow"
MARKETS = {"Port Callow": "Wednesday", "Ashcombe": "Friday", "Marlstead": "Tuesday", "Dunmallow": "Thursday"}
RIDDLES = {
    "Eastwold": ("the village where an observatory was built in 1821", "observatory"),
    "Tarnwick": ("the village round a small deep lake", "lake"),
    "Lark Hill": ("the village that was laid out for the workers of the Lantern Works", "laid out"),
    "Brackenby": ("the village whose windmill lost its sails", "windmill"),
    "Quarr": ("the hamlet of old quarrymen's cottages", "quarrymen"),
    "Saltby": ("the village where salt was boiled until 1794", "boiled"),
}
FORUM_TEXT = "document.querySelector('[data-grade=\"{}\"]').innerText"


def fact(data: Data, title: str, name: str) -> str:
    """A line of the table at the top of an article."""
    body = data.value("SELECT body FROM wiki_article WHERE title = ?", title)
    return str(next(line for line in body.split("\n") if line.startswith(f"| {name} | ")).split(" | ")[1])


def town(data: Data, name: str) -> sqlite3.Row:
    return data.one("SELECT * FROM map_town WHERE name = ?", name)


def in_wiki(words: str, title: str) -> tuple[Move, ...]:
    """Open the wiki and an article."""
    return go("__WIKI__/"), fill("Search the wiki", words), click("button", "Search"), click("link", title)


def post(community: str, title: str, text: str) -> tuple[Move, ...]:
    """Open the forum and write a post."""
    filled = (fill("Community", community), fill("Title", title), fill("Text", text), click("button", "Publish"))
    return go("__FORUM__/"), click("link", "New post"), *filled, say("")


def posted(data: Data, community: str, title: str, text: str) -> dict[str, JSON]:
    """Checks of the next post that is written."""
    page = f"__FORUM__/post/{data.value('SELECT max(id) FROM forum_post') + 1}"
    place = "document.querySelector('[data-grade=\"article\"]').dataset.community"
    title_check, text_check = (page, FORUM_TEXT.format("title"), f"={title}"), (page, FORUM_TEXT.format("body"), text)
    return page_holds(title_check, text_check, (page, place, f"={community}"))


# Reading at two sites --------------------------------------------------------------------------------------------


@template(("wiki", "map"), "market-drive", split="training")
def market_drive(data: Data, rng: Random) -> Draft:
    name, other = rng.sample(sorted(MARKETS), 2)
    home = town(data, rng.choice(("Wrenfold", "Sedgehead", "Eastwold", "Stonecross", "Oxley Marsh")))
    found, wrong = (minutes(fastest(data, (home, town(data, end)), "driving")) for end in (name, other))
    if fact(data, name, "Market day") != MARKETS[name] or found == wrong:
        return market_drive(data, rng)
    return Draft(
        intent=f"The wiki knows which town of Larchmoor has its market on {MARKETS[name]}. How many minutes is the "
        f"drive there from {home['name']}, according to the map? Answer with the number only.",
        words={"day": MARKETS[name], "start": home["name"]},
        start="__WIKI__/",
        eval=answers(exact=str(found)),
        reference=(
            *in_wiki(MARKETS[name], name),
            go("__MAP__/"),
            *plan(home["name"], name, "driving"),
            say(str(found)),
        ),
        near_miss=(say(str(wrong)),),
    )


@template(("wiki", "map"), "first-mentioned-walk", split="heldout")
def first_mentioned(data: Data, rng: Random) -> Draft:
    rows = data.all("SELECT * FROM map_town WHERE kind = 'village' ORDER BY id")
    place, home = rng.sample(rows, 2)
    year = fact(data, place["name"], "First mentioned")
    way = fastest(data, (home, place), "walking")
    km, ride = f"{way.km:.1f}", f"{fastest(data, (home, place), 'driving').km:.1f}"
    if km == ride or way.km < 2:
        return first_mentioned(data, rng)
    return Draft(
        intent=f"One village of the county was first mentioned in {year}. How many kilometres is the fastest walk to "
        f"it from {home['name']}? Answer with the number only, to one decimal.",
        words={"year": year, "start": home["name"]},
        start="__WIKI__/",
        eval=answers(exact=km),
        reference=(
            *in_wiki(year, place["name"]),
            go("__MAP__/"),
            *plan(home["name"], place["name"], "walking"),
            say(km),
        ),
        near_miss=(say(ride),),
    )


@template(("wiki", "map"), "riddle-way", split="training")
def riddle_way(data: Data, rng: Random) -> Draft:
    name = rng.choice(sorted(RIDDLES))
    riddle, words = RIDDLES[name]
    mode, home = rng.choice(sorted(MODES)), rng.choice(("Fernwick", "Ashcombe", "Marlstead"))
    other = next(one for one in RIDDLES if one != name)
    return Draft(
        intent=f"Show me on the map the way from {home} to {riddle}, by {MODES[mode].lower()}. "
        "The wiki knows its name.",
        words={"riddle": riddle, "start": home, "mode": MODES[mode].lower()},
        start="__MAP__/",
        eval=at_address(f"__MAP__/directions?from={home}&to={name.replace(' ', '+')}&mode={mode}"),
        reference=(*in_wiki(words, name), go("__MAP__/"), *plan(home, name, mode), say("")),
        near_miss=(*plan(home, other, mode), say("")),
    )


@template(("wiki", "map"), "train-ride", split="training")
def train_ride(data: Data, rng: Random) -> Draft:
    home, end = rng.sample(("Fernwick", "Wrenfold", "Brackenby", "Port Callow", "Kelder Bridge", "Ashcombe"), 2)
    why = "There are no trains any more: the railway is closed, and the map has no trains."
    took = minutes(fastest(data, (town(data, home), town(data, end)), "driving"))
    return Draft(
        intent=f"How many minutes does the train from {home} to {end} take? The wiki has an article about the railway, "
        "and the map has times. Answer with the number only.",
        words={"start": home, "end": end},
        start="__WIKI__/",
        eval=answers(infeasible=why),
        reference=(*in_wiki("railway", "Larchmoor Railway"), give_up(why)),
        near_miss=(say(str(took)),),
    )


# Writing at another ----------------------------------------------------------------------------------------------


@template(("wiki", "forum"), "post-inhabitants", split="training")
def post_inhabitants(data: Data, rng: Random) -> Draft:
    place = rng.choice(
        data.all("SELECT title FROM wiki_article WHERE topic = 'places' AND title NOT LIKE '%County' ORDER BY title")
    )["title"]
    count = fact(data, place, "Inhabitants (2021)")
    title = f"How big is {place}?"
    return Draft(
        intent=f"Look up in the wiki how many inhabitants {place} had in 2021, and post the number, written as there, "
        f"in the forum's community Fernwick with the title “{title}”.",
        words={"place": place},
        start="__WIKI__/",
        login={"forum": MARA},
        eval=posted(data, "Fernwick", title, count),
        reference=(*in_wiki(place, place), *post("Fernwick", title, count)),
        near_miss=(*in_wiki(place, place), *post("Hiking", title, count)),
    )


@template(("map", "forum"), "post-phone", split="training")
def post_phone(data: Data, rng: Random) -> Draft:
    place = any_place(data, rng)
    title = f"Number of {place['name']}"
    return Draft(
        intent=f"Find the phone number of {called(place)} on the map and post it in the forum's community Repairs. "
        f"The title is to be “{title}”.",
        words={"place": called(place), "name": place["name"]},
        start="__MAP__/",
        login={"forum": MARA},
        eval=posted(data, "Repairs", title, place["phone"]),
        reference=(*look_up(place), *post("Repairs", title, place["phone"])),
        near_miss=(*look_up(place), *post("Repairs", title, place["address"])),
    )


@template(("map", "forum"), "post-ride", split="heldout")
def post_ride(data: Data, rng: Random) -> Draft:
    names = [row["name"] for row in data.all("SELECT name FROM map_town ORDER BY id")]
    home, end = rng.sample(names, 2)
    km, drive = (
        f"{fastest(data, (town(data, home), town(data, end)), mode).km:.1f} km" for mode in ("cycling", "driving")
    )
    if km == drive or km in drive:
        return post_ride(data, rng)
    title = f"Ride from {home} to {end}"
    return Draft(
        intent=f"How far is the fastest ride by bicycle from {home} to {end}? Tell the forum's community Cycling: the "
        f"title is “{title}”, the text only the distance as the map writes it.",
        words={"start": home, "end": end},
        start="__FORUM__/",
        login={"forum": MARA},
        eval=posted(data, "Cycling", title, f"={km}"),
        reference=(go("__MAP__/"), *plan(home, end, "cycling"), *post("Cycling", title, km)),
        near_miss=(go("__MAP__/"), *plan(home, end, "driving"), *post("Cycling", title, drive)),
    )


# The shop --------------------------------------------------------------------------------------------------------


def order(data: Data, rng: Random) -> sqlite3.Row:
    """One of the newest orders of the shop's customer."""
    rows = data.all("SELECT * FROM shop_order WHERE username = ? ORDER BY at DESC, id DESC LIMIT 5", BUYER)
    return rng.choice(rows)


@template(("shop", "map"), "order-distance", split="validation")
def order_distance(data: Data, rng: Random) -> Draft:
    one = order(data, rng)
    names = ("Ashcombe", "Marlstead", "Dunmallow", "Millham", "Wrenfold", "Tarnwick")
    home = town(data, rng.choice(names))
    took, slow = (minutes(fastest(data, (home, town(data, one["town"])), mode)) for mode in ("driving", "cycling"))
    reach = (click("button", "Account…"), click("link", "Orders"), click("link", str(one["id"])))
    return Draft(
        intent=f"My shop order {one['id']} went to an address in some town. How many minutes is the drive to that town "
        f"from {home['name']}? Answer with the number only.",
        words={"order": str(one["id"]), "start": home["name"]},
        start="__SHOP__/",
        login={"shop": BUYER},
        eval=answers(exact=str(took)),
        reference=(*reach, go("__MAP__/"), *plan(home["name"], one["town"], "driving"), say(str(took))),
        near_miss=(say(str(slow)),),
    )


def product(data: Data, rng: Random) -> sqlite3.Row:
    """One that has a name of its own and one price."""
    return rng.choice(
        data.all(
            """SELECT * FROM shop_product WHERE status = 'active' AND price NOT IN (0) AND id IN
               (SELECT product FROM shop_variant GROUP BY product HAVING min(price) = max(price))
               AND name IN (SELECT name FROM shop_product GROUP BY name HAVING count(*) = 1) ORDER BY id LIMIT 400"""
        )
    )


def in_shop(row: sqlite3.Row) -> tuple[Move, ...]:
    return go("__SHOP__/"), fill("Search the shop", row["name"]), click("button", "Search"), click("link", row["name"])


@template(("shop", "forum"), "post-price", split="validation")
def post_price(data: Data, rng: Random) -> Draft:
    row = product(data, rng)
    price, title = f"£{row['price'] / 100:,.2f}", f"What the {row['name']} costs"
    return Draft(
        intent=f"Post the price of “{row['name']}” in the shop to the forum's community Gardening. The title is "
        f"“{title}”, and the text only the price.",
        words={"product": row["name"]},
        start="__FORUM__/",
        login={"forum": MARA},
        eval=posted(data, "Gardening", title, f"={price}"),
        reference=(*in_shop(row), *post("Gardening", title, price)),
        near_miss=(*in_shop(row), *post("Gardening", title, f"£{row['price'] / 100 + 1:,.2f}")),
    )


@template(("shop", "code"), "issue-price", split="heldout")
def issue_price(data: Data, rng: Random) -> Draft:
    from environments.arena.sites.code.asking import address, mine, shown, to

    row, project = product(data, rng), mine(data, rng)
    price, title = f"£{row['price'] / 100:,.2f}", f"Order {row['name']}"
    number = 1 + data.value("SELECT coalesce(max(number), 0) FROM code_issue WHERE project = ?", project["id"])
    page = address(project, f"/issues/{number}")

    def writing(text: str) -> tuple[Move, ...]:
        begin = (go("__CODE__/"), *to(project, "Issues"), click("link", "New issue"), fill("Title", title))
        return *in_shop(row), *begin, fill("Description", text), click("button", "Create issue"), say("")

    return Draft(
        intent=f"Open an issue in the project “{project['title']}” with the title “{title}”. Its description is "
        "what the shop asks for it, just the price.",
        words={"project": project["title"], "product": row["name"]},
        start="__CODE__/",
        login={"code": MARA},
        eval=page_holds((page, shown("title"), f"={title}"), (page, "document.querySelector('main').innerText", price)),
        reference=writing(price),
        near_miss=writing("See the shop."),
    )
