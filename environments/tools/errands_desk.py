"""Errands about files, the handbook and money, and errands across the whole desk."""

from __future__ import annotations

import random
import re
from typing import Any

from environments.tools.agenda import find_free_slot
from environments.tools.articles import search_articles
from environments.tools.currency import rate
from environments.tools.errands import Errand, Template, act
from environments.tools.errands_shop import euros, look_up_order, of_status, whose
from environments.tools.functions import State
from environments.tools.orders import total_cents
from environments.tools.shop import CITIES, CODES, ME, MONTHS

__all__ = ["TEMPLATES"]

SALES = "/reports/sales-2025.csv"
QUESTIONS = {
    "Returns of goods": ("within how many days may goods that are no gift come back", "returns goods"),
    "Returns of gifts": ("within how many days may a gift come back", "gift returns"),
    "Holidays": ("how many days of holiday has each of the team", "holiday"),
    "Gift wrapping": ("how many euros does the wrapping of a piece cost", "wrapping"),
    "Discounts": ("how many percent off does the team get", "discounts team"),
    "Sick leave": ("from which day on is a doctor's note due", "sick doctor"),
}
"""Title of the handbook article -> what is asked, whose answer is the article's first number, and a search."""


def note_down(rng: random.Random, state: State) -> Errand:
    item = rng.choice(("buy string", "oil the door", "count the cups", "call the printer"))
    path = "/notes/todo.txt"
    plan = (act("read_file", path=path), act("append_file", path=path, content=f"- {item}\n"), act("answer"))
    goal = f"Add {item!r} at the end of the list in {path}, in the form of the lines that are there."
    return Errand(goal=goal, plan=plan)


def pieces_sold(rng: random.Random, state: State) -> Errand:
    city, months = rng.choice(CITIES), rng.sample(MONTHS[3:], 2)
    lines = state["files"][SALES]["content"].splitlines()
    sold = sum(int(line.split(",")[2]) for month in months for line in lines if line.startswith(f"{month},{city},"))
    plan = (act("read_file", path=SALES, lines=len(lines)), act("answer", text=str(sold)))
    goal = f"How many pieces were sold in {city} in {months[0]} and {months[1]} 2025 together, as {SALES} has it?"
    return Errand(goal=f"{goal} Answer with the number.", plan=plan, accepts="number")


def file_letters(rng: random.Random, state: State) -> Errand:
    letters = sorted(path for path in state["files"] if path.startswith("/letters/"))
    moves = []
    for path in rng.sample(letters, len(letters)):
        target = path.replace("/letters/", "/archive/")
        if target in state["files"]:
            target = target.replace(".txt", "-2.txt")
        moves.append(act("move_file", source=path, target=target))
    plan = (act("list_folder", path="/letters"), act("list_folder", path="/archive"), *moves, act("answer"))
    goal = (
        "Move all letters from /letters to /archive under their own names. Where the archive has a letter of that name "
        "already, both are kept: the new one gets '-2' before '.txt'."
    )
    return Errand(goal=goal, plan=plan)


def raise_rent(rng: random.Random, state: State) -> Errand:
    path = "/contracts/lease.txt"
    before = state["files"][path]["content"]
    rent = int(re.findall(r"\d+", before)[0])
    more = rng.randint(2, 19) * 5
    plan = (
        act("read_file", path=path),
        act("write_file", path=path, content=before.replace(str(rent), str(rent + more))),
        act("answer", text=str(rent + more)),
    )
    goal = (
        f"The monthly rent in {path} rises by {more} EUR. Change the figure in the file and leave everything else in "
        "it as it is. Answer with the new rent."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def convert_sum(rng: random.Random, state: State) -> Errand:
    source, target = rng.sample(CODES, 2)
    amount, day = rng.randint(20, 900), rng.choice(sorted(state["rates"])[:-1])
    worth = round(amount * rate(state, base=source, quote=target, date=day), 2)
    plan = (
        act("convert", amount=amount, source=source, target=target, date=day),
        act("answer", text=f"{worth:.2f}"),
    )
    goal = f"How much is {amount} {source} in {target} at the rate of {day}? Answer with the amount to two decimals."
    return Errand(goal=goal, plan=plan, accepts="number")


def fill_till(rng: random.Random, state: State) -> Errand:
    till, savings = (_account(state, name) for name in ("till", "savings"))
    missing = rng.randint(3_000, 90_000)
    wanted = till["cents"] + missing
    plan = (
        act("list_accounts"),
        act("get_balance", account_id=till["id"]),
        act("transfer", from_account=savings["id"], to_account=till["id"], amount=missing),
        act("answer", text=euros(missing)),
    )
    goal = (
        f"Move as much from the savings to the till as it takes for the till to hold exactly {euros(wanted)} EUR. "
        "Answer with the amount that you moved, in euros, such as 12.50."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def richest_account(rng: random.Random, state: State) -> Errand:
    accounts = list(state["accounts"].values())
    foreign = [account for account in accounts if account["currency"] != "EUR"]
    for account in foreign:
        account["cents"] = rng.randint(850_000, 900_000)
    # The pounds are worth more in euros and the dollars less: who turns a rate over finds the other of the two.
    worth = {one["id"]: one["cents"] * rate(state, base=one["currency"], quote="EUR", date="") for one in accounts}
    best = max(worth, key=lambda key: worth[key])
    plan = (
        act("list_accounts"),
        *(act("get_balance", account_id=account["id"]) for account in accounts),
        *(act("get_rate", base=account["currency"], quote="EUR") for account in foreign),
        act("answer", text=best),
    )
    goal = "Which account is worth most, counted in euros at today's rates? Answer with its id only."
    return Errand(goal=goal, plan=plan, accepts="text")


def pay_if_covered(rng: random.Random, state: State) -> Errand:
    till, purse = (_account(state, name) for name in ("till", "dollar purse"))
    covered = rng.choice((True, False))
    amount = purse["cents"] + (-1 if covered else 1) * rng.randint(100, 50_000)
    end = act("answer") if covered else act("report_infeasible", reason="the purse does not hold as much")
    plan = (
        act("list_accounts"),
        act("get_balance", account_id=purse["id"]),
        act("transfer", from_account=purse["id"], to_account=till["id"], amount=amount),
        end,
    )
    goal = (
        f"Move {euros(amount)} USD from the dollar purse to the till, in one transfer of the whole amount. If the "
        "purse does not hold as much, change nothing and report that it cannot be done."
    )
    return Errand(goal=goal, plan=plan)


def ask_handbook(rng: random.Random, state: State) -> Errand:
    title = rng.choice(sorted(QUESTIONS))
    article = next(article for article in state["articles"].values() if article["title"] == title)
    question, query = QUESTIONS[title]
    plan = (
        act("search_articles", query=query, limit=10),
        act("get_article", article_id=article["id"]),
        act("answer", text=re.findall(r"\d+", article["body"])[0]),
    )
    return Errand(goal=f"By the handbook, {question}? Answer with the number.", plan=plan, accepts="number")


def bookmark_all(rng: random.Random, state: State) -> Errand:
    word = rng.choice(("returns", "team", "days"))
    hits = [hit["id"] for hit in search_articles(state, query=word, limit=10)["hits"]]
    plan = (
        act("search_articles", query=word, limit=10),
        *(act("bookmark_article", article_id=key, label=word) for key in hits),
        act("answer", text=str(len(hits))),
    )
    goal = (
        f"Bookmark every handbook article in which the search finds {word!r}, once each, under the label {word!r}. "
        "Answer with how many there are."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def message_total(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status="delivered")
    code = rng.choice(("USD", "GBP", "CHF"))
    amount = total_cents(order) / 100
    worth = f"{round(amount * rate(state, base='EUR', quote=code, date=''), 2):.2f}"
    plan = (
        *look_up_order(state, order),
        act("convert", amount=amount, source="EUR", target=code),
        act("send_message", to=order["customer_id"], subject="Your order", body=f"{worth} {code}"),
        act("answer"),
    )
    goal = (
        f"Send the customer of {whose(state, order)} a message with the subject 'Your order'. Its text is only the "
        f"order's total in {code} at today's rate, to two decimals, such as '12.50 {code}'."
    )
    return Errand(goal=goal, plan=plan)


def call_on_delivery(rng: random.Random, state: State) -> Errand:
    order = of_status(state, rng, status="shipped")
    customer, parcel = state["contacts"][order["customer_id"]], state["shipments"][order["tracking"]]
    date, minutes, people = parcel["expected_on"], rng.choice((15, 30)), [ME]
    slot = find_free_slot(state, date=date, minutes=minutes, attendees=people)["start"]
    title = f"Call {customer['name']}"
    plan = (
        *look_up_order(state, order),
        act("track_shipment", tracking=order["tracking"]),
        act("find_free_slot", date=date, minutes=minutes, attendees=people),
        act("create_event", title=title, start=slot, minutes=minutes, attendees=people),
        act("answer", text=date),
    )
    goal = (
        f"On the day on which {whose(state, order)} is expected to arrive, book {title!r} for Mira Okafor alone: "
        f"{minutes} minutes, at the earliest quarter of an hour from 9:00 at which she is free. Answer with the day "
        "only, such as 2026-03-02."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


def _account(state: State, name: str) -> dict[str, Any]:
    return next(account for account in state["accounts"].values() if account["name"] == name)


TEMPLATES = (
    Template(make=note_down),
    Template(make=pieces_sold),
    Template(make=file_letters, split="heldout"),
    Template(make=raise_rent),
    Template(make=convert_sum),
    Template(make=fill_till),
    Template(make=richest_account, split="heldout"),
    Template(make=pay_if_covered, split="validation"),
    Template(make=ask_handbook),
    Template(make=bookmark_all, split="validation"),
    Template(make=message_total, split="heldout"),
    Template(make=call_on_delivery, split="heldout"),
)
