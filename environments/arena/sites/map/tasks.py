"""The map's tasks: looking places up, ways and times, lists, reviews, reports and settings."""

from __future__ import annotations

import math
import sqlite3
from random import Random
from urllib.parse import urlencode

from environments.arena.sites.map.asking import (
    LIST,
    LIST_NAMES,
    MARA,
    MEANS,
    REVIEWS,
    any_place,
    called,
    draft,
    fastest,
    lists,
    look_up,
    minutes,
    others_kept,
    plan,
    put_on,
    towns,
    what_is_right,
)
from environments.arena.sites.map.roads import MODES
from environments.arena.sites.map.seeding import CLOSED, REASONS
from environments.arena.tasks import (
    Data,
    Draft,
    Move,
    answers,
    at_address,
    choose,
    click,
    fill,
    give_up,
    page_holds,
    say,
    template,
)

__all__: list[str] = []

# Information -----------------------------------------------------------------------------------------------------


@template("map", "phone", split="training")
def phone(data: Data, rng: Random) -> Draft:
    place = any_place(data, rng)
    other = any_place(data, rng, f"phone != '' AND id != {place['id']}")
    return draft(
        intent=f"What is the phone number of {called(place)}? Answer with the number only.",
        words={"place": called(place)},
        eval=answers(exact=place["phone"]),
        reference=(*look_up(place), say(place["phone"])),
        near_miss=(say(other["phone"]),),
    )


@template("map", "closing-time", split="validation")
def closing_time(data: Data, rng: Random) -> Draft:
    start = 5 * 12 + 1
    differs = f"substr(hours, {start}, 11) NOT IN ('{CLOSED}', substr(hours, 49, 11))"
    place = any_place(data, rng, f"{differs} AND substr(hours, {start + 6}, 5) != substr(hours, 55, 5)")
    saturday, friday = place["hours"].split(";")[5][6:], place["hours"].split(";")[4][6:]
    return draft(
        intent=f"At what time does {called(place)} close on Saturdays? Answer like 18:30.",
        words={"place": called(place)},
        eval=answers(exact=saturday),
        reference=(*look_up(place), say(saturday)),
        near_miss=(say(friday),),
    )


@template("map", "travel-time", split="training")
def travel_time(data: Data, rng: Random) -> Draft:
    a, b = towns(data, rng, 2)
    mode, other = rng.sample(sorted(MODES), 2)
    found = minutes(fastest(data, (a, b), mode))
    return draft(
        intent=f"How many minutes does the fastest way from {a['name']} to {b['name']} take by {MEANS[mode]}? "
        "Answer with the number only.",
        words={"start": a["name"], "end": b["name"], "means": MEANS[mode]},
        eval=answers(exact=str(found)),
        reference=(*plan(a["name"], b["name"], mode), say(str(found))),
        near_miss=(say(str(minutes(fastest(data, (a, b), other)))),),
    )


@template("map", "walk-over", split="training")
def walk_over(data: Data, rng: Random) -> Draft:
    a, b, c = towns(data, rng, 3)
    km, straight = (f"{fastest(data, stops, 'walking').km:.1f}" for stops in ((a, b, c), (a, c)))
    if km == straight:
        return walk_over(data, rng)
    return draft(
        intent=f"I want to walk from {a['name']} to {c['name']} and see {b['name']} on the way. How many kilometres is "
        "that? Answer with the number only, to one decimal.",
        words={"start": a["name"], "end": c["name"], "via": b["name"]},
        eval=answers(exact=km),
        reference=(*plan(a["name"], c["name"], "walking", via=b["name"]), say(km)),
        near_miss=(say(straight),),
    )


@template("map", "soonest-reached", split="heldout")
def soonest_reached(data: Data, rng: Random) -> Draft:
    home, *ends = towns(data, rng, 4)
    took = sorted((minutes(fastest(data, (home, end), "cycling")), end["name"]) for end in ends)
    if took[1][0] - took[0][0] < 4:
        return soonest_reached(data, rng)
    names = [end["name"] for end in ends]
    reference = [move for name in names for move in plan(home["name"], name, "cycling")]
    return draft(
        intent=f"Which of {names[0]}, {names[1]} and {names[2]} do I reach soonest by bicycle from {home['name']}? "
        "Answer with its name only.",
        words={"start": home["name"], "one": names[0], "two": names[1], "three": names[2]},
        eval=answers(exact=took[0][1]),
        reference=(*reference, say(took[0][1])),
        near_miss=(say(took[1][1]),),
    )


@template("map", "best-rated", split="training")
def best_rated(data: Data, rng: Random) -> Draft:
    groups: dict[tuple[str, str], list[sqlite3.Row]] = {}
    rows = data.all("SELECT * FROM map_place WHERE reviews > 0 ORDER BY rating DESC, id")
    for row in rows:
        groups.setdefault((row["kind"], row["town"]), []).append(row)
    clear = [group for group in groups.values() if len(group) > 1 and group[0]["rating"] > group[1]["rating"]]
    best, second, *_ = rng.choice(clear)
    kind = data.one("SELECT * FROM map_kind WHERE slug = ?", best["kind"])
    return draft(
        intent=f"Which has the best rating among the {kind['plural'].lower()} in {best['town']}? "
        "Answer with its name only.",
        words={"kind": kind["plural"].lower(), "town": best["town"]},
        eval=answers(exact=best["name"]),
        reference=(
            click("link", "All categories"), click("link", kind["plural"]), choose("Town", best["town"]),
            click("button", "Apply"), click("link", "Rating"), say(best["name"]),
        ),
        near_miss=(say(second["name"]),),
    )  # fmt: skip


@template("map", "count-nearby", split="heldout")
def count_nearby(data: Data, rng: Random) -> Draft:
    while True:
        place, radius = any_place(data, rng), rng.choice((2, 5, 10))
        slug = rng.choice(("cafe", "pub", "pharmacy", "parking", "bakery"))
        kind = data.one("SELECT * FROM map_kind WHERE slug = ?", slug)
        away = sorted(
            math.dist((row["x"], row["y"]), (place["x"], place["y"]))
            for row in data.all("SELECT * FROM map_place WHERE kind = ? AND id != ?", kind["slug"], place["id"])
        )
        count, more = (sum(km <= limit for km in away) for limit in (radius, 2 * radius))
        if 2 <= count < more:
            break
    name = f"{place['name']}, {place['town']}"
    return draft(
        intent=f"How many {kind['plural'].lower()} are there within {radius} km of {called(place)}, not counting that "
        "place itself? Answer with the number only.",
        words={"kind": kind["plural"].lower(), "radius": f"{radius} km", "place": called(place)},
        eval=answers(exact=str(count)),
        reference=(
            click("link", "Nearby"), fill("Near", name), choose("What", kind["plural"]),
            choose("Within", f"{radius} km"), click("button", "Show places"), say(str(count)),
        ),
        near_miss=(say(str(more)),),
    )  # fmt: skip


# Navigation ------------------------------------------------------------------------------------------------------


@template("map", "at-address", split="training")
def by_address(data: Data, rng: Random) -> Draft:
    alone = "(SELECT count(*) FROM map_place AS o WHERE o.address = map_place.address) = 1 AND id > 9"
    place = any_place(data, rng, alone)
    other = any_place(data, rng, f"kind = '{place['kind']}' AND id < {place['id']} OR id = {place['id']} - 1")
    where = f"{place['address']} in {place['town']}"
    return draft(
        intent=f"Open the map's page of what is at {where}.",
        words={"address": where},
        eval=at_address(f"__MAP__/place/{place['id']}"),
        reference=(
            fill("Search places", f"{place['address']} {place['town']}"), click("button", "Search"),
            click("link", place["name"]), say(""),
        ),
        near_miss=(*look_up(other), say("")),
    )  # fmt: skip


@template("map", "show-way", split="training")
def show_way(data: Data, rng: Random) -> Draft:
    a, b = towns(data, rng, 2)
    mode = rng.choice(sorted(MODES))
    ask = {"driving": "drive", "cycling": "cycle", "walking": "walk"}[mode]
    ends = urlencode({"from": a["name"], "to": b["name"], "mode": mode})
    return draft(
        intent=f"Show me how to {ask} from {a['name']} to {b['name']}.",
        words={"how": ask, "start": a["name"], "end": b["name"]},
        eval=at_address(f"__MAP__/directions?{ends}"),
        reference=(*plan(a["name"], b["name"], mode), say("")),
        near_miss=(*plan(b["name"], a["name"], mode), say("")),
    )


# Changes ---------------------------------------------------------------------------------------------------------


@template("map", "save-place", split="training")
def save_place(data: Data, rng: Random) -> Draft:
    own = rng.choice(lists(data))
    place = any_place(data, rng, f"id NOT IN (SELECT place FROM map_saved WHERE list = {own['id']})")
    other = next(row for row in lists(data) if row["id"] != own["id"])
    page = f"__MAP__/list/{own['id']}"

    def saving(name: str) -> tuple[Move, ...]:
        return (*put_on(place, name), say(""))

    return draft(
        intent=f"Save {called(place)} to my list “{own['name']}”.",
        words={"place": called(place), "list": own["name"]},
        login=MARA,
        eval=page_holds(
            (page, LIST.format("places"), place["name"]), (page, LIST.format("size"), f"={own['places'] + 1} places"),
            *others_kept(data, own["id"]),
        ),
        reference=saving(own["name"]),
        near_miss=saving(other["name"]),
    )  # fmt: skip


@template("map", "new-list", split="heldout")
def new_list(data: Data, rng: Random) -> Draft:
    name = rng.choice(LIST_NAMES)
    one, two = any_place(data, rng), any_place(data, rng)
    if one["id"] == two["id"]:
        return new_list(data, rng)
    page = f"__MAP__/list/{data.value('SELECT max(id) FROM map_list') + 1}"
    made = (click("link", "My lists"), click("button", "New list"), fill("Name", name), click("button", "Create list"))

    return draft(
        intent=f"Make a new list called “{name}” and put {called(one)} and {called(two)} on it.",
        words={"list": name, "one": called(one), "two": called(two)},
        login=MARA,
        eval=page_holds(
            (page, LIST.format("list"), f"={name}"), (page, LIST.format("size"), "=2 places"),
            (page, LIST.format("places"), [one["name"], two["name"]]), *others_kept(data, 0),
        ),
        reference=(*made, *put_on(one, name), *put_on(two, name), say("")),
        near_miss=(*made, *put_on(one, name), say("")),
    )  # fmt: skip


@template("map", "take-off-list", split="validation")
def take_off(data: Data, rng: Random) -> Draft:
    own = rng.choice(lists(data))
    saved = data.all(
        "SELECT map_place.* FROM map_saved JOIN map_place ON map_place.id = place WHERE list = ? ORDER BY map_place.id",
        own["id"],
    )
    place, other = rng.sample(saved, 2)
    kept = [row["name"] for row in saved if row["id"] != place["id"]]
    page = f"__MAP__/list/{own['id']}"

    def removing(name: str) -> tuple[Move, ...]:
        return (
            click("link", "My lists"),
            click("link", own["name"]),
            click("button", "Remove from list", near=name),
            say(""),
        )

    return draft(
        intent=f"Take {called(place)} off my list “{own['name']}”.",
        words={"place": called(place), "list": own["name"]},
        login=MARA,
        eval=page_holds(
            (page, LIST.format("places"), kept), (page, LIST.format("size"), f"={len(kept)} places"),
            *others_kept(data, own["id"]),
        ),
        reference=removing(place["name"]),
        near_miss=removing(other["name"]),
    )  # fmt: skip


@template("map", "review", split="training")
def review(data: Data, rng: Random) -> Draft:
    place, stars = any_place(data, rng), rng.randrange(2, 6)
    text = rng.choice(REVIEWS)

    def writing(count: int) -> tuple[Move, ...]:
        name = f"{count} stars" if count > 1 else "1 star"
        return (
            *look_up(place),
            click("radio", name),
            fill("Your review", text),
            click("button", "Publish review"),
            say(""),
        )

    page, row = f"__MAP__/place/{place['id']}", 'document.querySelector(\'[data-grade="review-mara.quill"]{}'
    return draft(
        intent=f"Review {called(place)}: give it {stars} stars and write “{text}”",
        words={"place": called(place), "stars": str(stars), "text": text},
        login=MARA,
        eval=page_holds(
            (page, row.format("').innerText"), text),
            (page, row.format(" .stars').getAttribute('aria-label')"), f"={stars}.0 out of 5 stars"),
        ),
        reference=writing(stars),
        near_miss=writing(stars - 1),
    )


@template("map", "report", split="validation")
def report(data: Data, rng: Random) -> Draft:
    place, reason = any_place(data, rng), rng.choice(REASONS[1:4])
    text = what_is_right(reason, rng)
    other = next(one for one in REASONS if one != reason)

    def telling(why: str) -> tuple[Move, ...]:
        filled = (choose("Problem", why), fill("Details", text), click("button", "Send report"), say(""))
        return (*look_up(place), click("link", "Report a problem"), *filled)

    rows = "document.querySelectorAll('[data-grade=\"reports\"] tbody tr').length.toString()"
    before = data.value("SELECT count(*) FROM map_report WHERE username = 'mara.quill'")
    return draft(
        intent=f"Tell the map's people about {called(place)}: {reason.lower()}. The details to give are “{text}”",
        words={"place": called(place), "reason": reason.lower(), "text": text},
        login=MARA,
        eval=page_holds(
            ("__MAP__/reports", LIST.format("latest"), [place["name"], reason, text]),
            ("__MAP__/reports", rows, f"={before + 1}"),
        ),
        reference=telling(reason),
        near_miss=telling(other),
    )


@template("map", "settings", split="training")
def settings(data: Data, rng: Random) -> Draft:
    town = rng.choice(data.all("SELECT * FROM map_town WHERE name != 'Fernwick' ORDER BY id"))["name"]
    mode = rng.choice(("cycling", "walking"))
    change = (
        click("button", "Mara Quill ▾"), click("menuitem", "Map settings"), choose("My location", town),
        choose("Units", "Miles"),
    )  # fmt: skip
    form = "document.querySelector('[data-grade=\"settings\"]').dataset."
    page = "__MAP__/settings"
    return draft(
        intent=f"In my settings, make {town} my location, show distances in miles, and plan trips for {mode}.",
        words={"town": town, "mode": mode},
        login=MARA,
        eval=page_holds(
            (page, f"{form}town", f"={town}"), (page, f"{form}units", "=miles"), (page, f"{form}mode", f"={mode}")
        ),
        reference=(*change, choose("Travel by", MODES[mode]), click("button", "Keep these settings"), say("")),
        near_miss=(*change, click("button", "Keep these settings"), say("")),
    )


# What cannot be done ---------------------------------------------------------------------------------------------


@template("map", "drive-up", split="heldout")
def drive_up(data: Data, rng: Random) -> Draft:
    town = rng.choice(data.all("SELECT * FROM map_town ORDER BY id"))
    summit = data.one("SELECT * FROM map_place WHERE name = 'Harrow Fell'")
    why = "No road leads to the top of Harrow Fell."
    return draft(
        intent=f"How many minutes is the drive from {town['name']} to the top of Harrow Fell? "
        "Answer with the number only.",
        words={"town": town["name"]},
        eval=answers(infeasible=why),
        reference=(*plan(town["name"], "Harrow Fell", "driving"), give_up(why)),
        near_miss=(say(str(minutes(fastest(data, (town, summit), "walking")))),),
    )


@template("map", "book-table", split="training")
def book_table(data: Data, rng: Random) -> Draft:
    place = any_place(data, rng, "kind = 'restaurant'")
    people, hour = rng.randrange(2, 7), rng.randrange(18, 21)
    why = "The map has no way to book a table."
    return draft(
        intent=f"Book a table for {people} people at {called(place)} for {hour}:00 on Saturday.",
        words={"place": called(place), "people": str(people), "hour": str(hour)},
        login=MARA,
        eval=answers(infeasible=why),
        reference=(*look_up(place), give_up(why)),
        near_miss=(*look_up(place), say("")),
    )
