"""The world that every errand begins in: a small shop on a Monday morning, furnished anew from a seed."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from environments.tools.functions import State

__all__ = ["CODES", "ME", "TODAY", "furnish"]

TODAY = date(2026, 3, 2)
"""A Monday. Nothing here looks at a real clock."""
ME = "C-100"
"""The contact id of the shop's owner, for whom the agent works."""
PEOPLE = (
    "Ada Brandt", "Ben Castellan", "Chidi Eze", "Dora Fields", "Emil Grahn", "Farah Haddad", "Goran Ilic", "Hana Jun",
    "Ines Kemper", "Jonas Lund", "Kira Moreau", "Luis Navarro",
)  # fmt: skip
CITIES = ("Bristol", "Cork", "Lyon", "Malmö", "Porto", "Trieste")
GOODS = ("teapot", "lantern", "wool blanket", "wall clock", "oak stool", "glass carafe", "cast-iron pan", "linen apron")
MEETINGS = (
    "Stock review", "Window display", "Supplier call", "Staff rota", "Photo session", "Budget hour", "Training",
    "Delivery planning", "Price check", "Newsletter", "Returns desk", "Tasting", "Cash count", "Shelf plan", "Handover",
)  # fmt: skip
CODES = ("CHF", "EUR", "GBP", "JPY", "SEK", "USD")
ACCOUNTS = (
    ("A-101", "till", "EUR"),
    ("A-102", "savings", "EUR"),
    ("A-103", "dollar purse", "USD"),
    ("A-104", "London account", "GBP"),
)
RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.86, "JPY": 161.0, "CHF": 0.95, "SEK": 11.3}
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip


def furnish(rng: random.Random) -> State:
    """A start state. Equal generators give equal states."""
    state: State = {"clock": {"today": {"value": TODAY.isoformat()}}, "transfers": {}, "bookmarks": {}}
    state["contacts"] = _contacts(rng)
    state["products"] = _products(rng)
    state["orders"], state["shipments"] = {}, {}
    number = rng.randint(1001, 1400)
    customers = [key for key, person in state["contacts"].items() if "customers" in person["groups"]]
    for _ in range(26):
        _order(state, rng, customer=rng.choice(customers), number=number)
        number += rng.randint(1, 9)
    state["events"] = _events(rng, list(state["contacts"]))
    state["files"] = _files(rng)
    state["rates"] = {
        (TODAY - timedelta(days=back)).isoformat(): {
            code: round(mean * rng.uniform(0.96, 1.04), 4) if code != "EUR" else 1.0 for code, mean in RATES.items()
        }
        for back in range(8)
    }
    state["accounts"] = {
        key: {"id": key, "name": name, "currency": code, "cents": rng.randint(200_000, 900_000)}
        for key, name, code in ACCOUNTS
    }
    state["articles"] = _articles(rng)
    state["messages"] = _messages(rng, list(state["contacts"]))
    return state


def _contacts(rng: random.Random) -> dict[str, dict[str, object]]:
    names = ["Mira Okafor", *rng.sample(PEOPLE, len(PEOPLE))]
    contacts: dict[str, dict[str, object]] = {}
    for place, name in enumerate(names):
        key = f"C-{100 + place}"
        groups = ["team"] if place < 5 else ["customers"] if place < 10 else ["suppliers"]
        first, last = name.lower().split()
        contacts[key] = {
            "id": key,
            "name": name,
            "email": f"{first}.{last}@example.org",
            "phone": f"+44 20 5550 {rng.randint(1000, 9999)}",
            "city": rng.choice(CITIES),
            "groups": groups,
        }
    return contacts


def _products(rng: random.Random) -> dict[str, dict[str, object]]:
    return {
        f"P-{11 + place}": {
            "sku": f"P-{11 + place}",
            "name": name,
            "price_cents": rng.randint(300, 9000),
            "stock": stock,
        }
        for place, (name, stock) in enumerate(
            zip(rng.sample(GOODS, len(GOODS)), rng.sample(range(40, 120), len(GOODS)), strict=True)
        )
    }


def _order(state: State, rng: random.Random, *, customer: str, number: int) -> None:
    key, status = f"O-{number}", rng.choice(("placed", "packed", "shipped", "delivered", "delivered", "cancelled"))
    lines = [
        {"sku": sku, "quantity": rng.randint(1, 6), "price_cents": state["products"][sku]["price_cents"]}
        for sku in rng.sample(sorted(state["products"]), rng.randint(1, 3))
    ]
    tracking = f"T-{number * 7 % 9000 + 1000}" if status in ("shipped", "delivered") else None
    if tracking:
        due = (TODAY + timedelta(days=rng.randint(-6, 6))).isoformat()
        place = "with the customer" if status == "delivered" else f"depot {rng.choice(CITIES)}"
        state["shipments"][tracking] = {"tracking": tracking, "place": place, "expected_on": due}
    state["orders"][key] = {
        "id": key,
        "customer_id": customer,
        "placed_on": (TODAY - timedelta(days=60 - len(state["orders"]) * 2)).isoformat(),
        "status": status,
        "lines": lines,
        "refunded_cents": 0,
        "tracking": tracking,
        "cancelled_because": "customer_request" if status == "cancelled" else None,
    }


def _events(rng: random.Random, people: list[str]) -> dict[str, dict[str, object]]:
    events: dict[str, dict[str, object]] = {}
    number = 301
    titles = rng.sample(MEETINGS, len(MEETINGS))
    for day in range(5):
        hours = rng.sample(range(9, 17), 3)
        for hour in hours:
            start = datetime(TODAY.year, TODAY.month, TODAY.day, hour, rng.choice((0, 15, 30))) + timedelta(days=day)
            key = f"E-{number}"
            events[key] = {
                "id": key,
                "title": titles[len(events)],
                "start": start.isoformat(timespec="minutes"),
                "minutes": rng.choice((20, 30, 45, 60, 90)),
                "attendees": sorted(rng.sample(people[:6], rng.randint(2, 4))),
            }
            number += rng.randint(1, 4)
    return events


def _files(rng: random.Random) -> dict[str, dict[str, str]]:
    sales = [f"{month},{city},{rng.randint(100, 999)}" for month in MONTHS for city in CITIES]
    todo = rng.sample(("order tape", "water the fig", "call the bank", "fix the bell", "wash the sign"), 4)
    letters = {name: f"Letter {number}\nFiled under {number}.\n" for name, number in zip(
        rng.sample(("rent.txt", "offer.txt", "survey.txt", "notice.txt", "invitation.txt"), 4),
        rng.sample(range(10, 99), 4), strict=True)}  # fmt: skip
    old = next(iter(letters))
    files = {
        "/notes/todo.txt": "".join(f"- {item}\n" for item in todo),
        "/notes/ideas.txt": "- a cat for the window\n- tea on Fridays\n",
        "/reports/sales-2025.csv": "month,city,pieces\n" + "\n".join(sales) + "\n",
        "/reports/summary.txt": f"The best city of 2025 was {rng.choice(CITIES)}.\n",
        "/contracts/lease.txt": f"Lease of the shop\nMonthly rent: {rng.randint(11, 24) * 50} EUR\nLandlord: J. Pell\n",
        "/contracts/cleaning.txt": f"Cleaning\nVisits a week: {rng.randint(1, 5)}\nBy: Bright & Daughters\n",
        f"/archive/{old}": f"An older letter, of {rng.randint(2015, 2023)}\n",
    }
    return {path: {"content": content} for path, content in files.items()} | {
        f"/letters/{name}": {"content": content} for name, content in letters.items()
    }


def _articles(rng: random.Random) -> dict[str, dict[str, str]]:
    texts = [
        ("Returns of goods", f"Goods may come back within {rng.randint(10, 45)} days. Returns need the receipt."),
        ("Returns of gifts", f"A gift comes back for a voucher, within {rng.randint(46, 90)} days. No receipt needed."),
        ("Damaged goods", "Goods that arrive broken are refunded piece by piece. Returns are not asked for."),
        ("Returns from abroad", f"Returns from abroad: the customer pays up to {rng.randint(5, 20)} EUR of postage."),
        (
            "Holidays",
            f"Each of the team has {rng.randint(24, 32)} days of holiday. Ask {rng.randint(2, 6)} weeks ahead.",
        ),
        ("Sick leave", f"A doctor's note is due from day {rng.randint(2, 5)}. Tell the team before nine."),
        ("Opening hours", f"The shop opens at {rng.randint(8, 10)} and closes at {rng.randint(17, 20)}."),
        ("Gift wrapping", f"Wrapping costs {rng.randint(2, 6)} EUR a piece, and nothing before Christmas."),
        (
            "Discounts",
            f"The team buys at {rng.randint(10, 35)} percent off. Others need the owner's word.",
        ),
        ("Key holders", "Two of the team hold keys. Lost keys are told to the owner at once."),
        ("Cash", f"The till holds at most {rng.randint(3, 9) * 100} EUR at night. The rest goes to savings."),
        ("Returns desk", "The returns desk is staffed on Mondays. Other days returns wait in the back room."),
    ]
    return {
        f"H-{201 + place}": {"id": f"H-{201 + place}", "title": title, "body": body}
        for place, (title, body) in enumerate(rng.sample(texts, len(texts)))
    }


def _messages(rng: random.Random, people: list[str]) -> dict[str, dict[str, object]]:
    subjects = rng.sample(("Hello", "A question", "Thanks", "Your window", "Monday", "Invoice", "The bell", "Tea"), 7)
    return {
        f"M-{401 + place}": {
            "id": f"M-{401 + place}",
            "folder": "inbox",
            "contact_id": rng.choice(people[1:]),
            "subject": subject,
            "body": f"About {subject.lower()}: all is well. Kind regards.",
        }
        for place, subject in enumerate(subjects)
    }
