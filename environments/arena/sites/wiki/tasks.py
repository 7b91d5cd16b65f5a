"""What readers and editors of the wiki want."""

from __future__ import annotations

from random import Random

from environments.arena.sites.wiki import slug_of
from environments.arena.tasks import (
    Data,
    Draft,
    Move,
    answers,
    at_address,
    both,
    click,
    fill,
    give_up,
    page_holds,
    say,
    template,
)

__all__: list[str] = []

START = "__WIKI__/"
TEXT = "document.querySelector('[data-grade=\"text\"]').innerText"


def facts(data: Data, topic: str) -> dict[str, dict[str, str]]:
    """The tables of facts by article; articles without one are left out."""
    found = {}
    for row in data.all("SELECT title, body FROM wiki_article WHERE topic = ? ORDER BY title", topic):
        lines = [line for line in row["body"].split("\n") if line.startswith("| ")]
        if lines:
            found[row["title"]] = dict(line[2:].split(" | ") for line in lines)
    return found


def looked_up(title: str) -> tuple[Move, ...]:
    return (fill("Search the wiki", title), click("button", "Search"), click("link", title))


@template("wiki", "fact", split="training")
def fact(data: Data, rng: Random) -> Draft:
    places = facts(data, "places")
    title = rng.choice([title for title in places if "Postcode" in places[title]])
    asked = {"Postcode": "What is the postcode of {}?", "First mentioned": "In which year was {} first mentioned?"}
    name = rng.choice(list(asked))
    other = "First mentioned" if name == "Postcode" else "Postcode"
    return Draft(
        intent=asked[name].format(title),
        words={"place": title},
        start=START,
        eval=answers(exact=places[title][name]),
        reference=(click("link", "Places"), click("link", title), say(places[title][name])),
        near_miss=(say(places[title][other]),),
    )


def ages(data: Data) -> dict[str, int]:
    people = facts(data, "people")
    return {title: int(own["Died"][:4]) - int(own["Born"][:4]) for title, own in people.items()}


@template("wiki", "longest-life", split="training")
def longest_life(data: Data, rng: Random) -> Draft:
    lived = ages(data)
    while True:
        three = sorted(rng.sample(sorted(lived), 3))
        last, middle, _ = sorted(three, key=lambda title: -lived[title])
        if lived[last] > lived[middle] + 1:
            break
    pages = [move for title in three for move in looked_up(title)]
    return Draft(
        intent=f"Who lived longest: {three[0]}, {three[1]} or {three[2]}?",
        words={"one": three[0], "two": three[1], "three": three[2]},
        start=START,
        eval=answers(exact=last),
        reference=(*pages, say(last)),
        near_miss=(*pages, say(middle)),
    )


@template("wiki", "first-mentioned", split="heldout")
def first_mentioned(data: Data, rng: Random) -> Draft:
    years = {title: own["First mentioned"] for title, own in facts(data, "places").items() if "First mentioned" in own}
    three = sorted(rng.sample(sorted(years), 3))
    first, second, _ = sorted(three, key=lambda title: years[title])
    pages = [move for title in three for move in looked_up(title)]
    return Draft(
        intent=f"Which was mentioned first, {three[0]}, {three[1]} or {three[2]}, and in which year? "
        "Answer in the form “place, year”.",
        words={"one": three[0], "two": three[1], "three": three[2]},
        start=START,
        eval=answers(exact=f"{first}, {years[first]}"),
        reference=(*pages, say(f"{first}, {years[first]}")),
        near_miss=(*pages, say(f"{second}, {years[second]}")),
    )


@template("wiki", "birthplace", split="validation")
def birthplace(data: Data, rng: Random) -> Draft:
    people = facts(data, "people")
    who = rng.choice([name for name, own in people.items() if own["Born"][6:] != own["Died"][6:]])
    born, died = people[who]["Born"][6:], people[who]["Died"][6:]
    return Draft(
        intent=f"Open the article on the place where {who} was born.",
        words={"person": who},
        start=START,
        eval=at_address(f"__WIKI__/wiki/{slug_of(born)}"),
        reference=(*looked_up(who), *looked_up(born), say("")),
        near_miss=(*looked_up(who), *looked_up(died), say("")),
    )


@template("wiki", "correct-number", split="training")
def correct_number(data: Data, rng: Random) -> Draft:
    places = {title: own for title, own in facts(data, "places").items() if "Postcode" in own}
    title = rng.choice(list(places))
    old = places[title]["Inhabitants (2021)"]
    new = f"{int(old.replace(',', '')) + rng.randrange(1, 9) * 10:,}"
    body = data.value("SELECT body FROM wiki_article WHERE title = ?", title)
    rest = body.split("\n\n")[1].replace("[[", "").replace("]]", "").replace("\n", " ")
    begin = (*looked_up(title), click("link", "Edit"))
    end = (fill("What did you change?", "Corrected a number"), click("button", "Save"), say(""))
    page = f"__WIKI__/wiki/{slug_of(title)}"
    return Draft(
        intent=f"The article on {title} is wrong: it had {new} inhabitants in 2021, not {old}. Correct it, with the "
        "summary “Corrected a number”.",
        words={"place": title, "new": new, "old": old},
        start=START,
        login={"wiki": "editor"},
        eval=both(
            page_holds((page, "document.querySelector('table.facts td').innerText", f"={new}")),
            page_holds((page, TEXT, rest)),
            page_holds((f"{page}/history", "document.querySelector('tbody tr').innerText", "Corrected a number")),
        ),
        reference=(*begin, fill("Text", body.replace(f"| {old}", f"| {new}")), *end),
        near_miss=(*begin, fill("Text", f"Inhabitants: {new}"), *end),
    )


@template("wiki", "no-market", split="heldout")
def no_market(data: Data, rng: Random) -> Draft:
    places = facts(data, "places")
    title = rng.choice([title for title, own in places.items() if "Postcode" in own and "Market day" not in own])
    reason = f"The article on {title} names no market day."
    return Draft(
        intent=f"According to the wiki, on which day of the week is the market of {title}?",
        words={"place": title},
        start=START,
        eval=answers(infeasible=reason),
        reference=(*looked_up(title), give_up(reason)),
        near_miss=(*looked_up(title), say("Saturday")),
    )
