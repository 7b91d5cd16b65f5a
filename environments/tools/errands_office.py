"""Errands about meetings, people and messages."""

from __future__ import annotations

import random
from typing import Any

from environments.contracts import Action
from environments.tools.agenda import find_free_slot
from environments.tools.errands import Errand, Template, act
from environments.tools.functions import State
from environments.tools.messages import PAGE
from environments.tools.shop import CITIES, ME

__all__ = ["TEMPLATES", "find"]

Record = dict[str, Any]


def find(person: Record) -> Action:
    """The call from a name to a contact's id."""
    return act("find_contacts", name=person["name"])


def team(state: State, rng: random.Random, *, count: int) -> list[Record]:
    """Some of the team, the owner not among them."""
    people = [person for person in state["contacts"].values() if "team" in person["groups"] and person["id"] != ME]
    return rng.sample(people, count)


def days_events(state: State, date: str) -> list[Record]:
    return [event for event in state["events"].values() if event["start"].startswith(date)]


def some_day(state: State, rng: random.Random) -> str:
    return str(rng.choice(list(state["events"].values()))["start"])[:10]


def book_meeting(rng: random.Random, state: State) -> Errand:
    first, second = team(state, rng, count=2)
    date, minutes, title = (
        some_day(state, rng),
        rng.choice((30, 45, 60, 75)),
        rng.choice(("Planning", "Review", "Lunch")),
    )
    people = [ME, first["id"], second["id"]]
    slot = find_free_slot(state, date=date, minutes=minutes, attendees=people)["start"]
    plan = (
        find(first),
        find(second),
        act("find_free_slot", date=date, minutes=minutes, attendees=people),
        act("create_event", title=title, start=slot, minutes=minutes, attendees=people),
        act("answer", text=slot[11:]),
    )
    goal = (
        f"Book an event called {title!r} of {minutes} minutes on {date}, attended by Mira Okafor, {first['name']} and "
        f"{second['name']}. It begins at the earliest quarter of an hour from 9:00 at which all three are free, and "
        "ends by 17:00. Answer with the start only, such as 09:15."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


def move_meeting(rng: random.Random, state: State) -> Errand:
    event = rng.choice(list(state["events"].values()))
    date, hour = event["start"][:10], rng.choice((8, 17, 18))
    plan = (
        act("list_events", date=date),
        act("move_event", event_id=event["id"], start=f"{date}T{hour:02}:45"),
        act("answer"),
    )
    return Errand(goal=f"Move the event {event['title']!r} of {date} to {hour:02}:45 on the same day.", plan=plan)


def clear_day(rng: random.Random, state: State) -> Errand:
    (person,) = team(state, rng, count=1)
    date = some_day(state, rng)
    events = days_events(state, date)
    for event, attends in zip(events, rng.sample((True, True, False), 3), strict=True):
        others = set(event["attendees"]) - {person["id"]} or {ME}
        event["attendees"] = sorted(others | {person["id"]} if attends else others)
    cancelled = [event for event in events if person["id"] in event["attendees"]]
    plan = (
        find(person),
        act("list_events", date=date),
        *(act("get_event", event_id=event["id"]) for event in events),
        *(act("cancel_event", event_id=event["id"]) for event in cancelled),
        act("answer", text=str(len(cancelled))),
    )
    goal = (
        f"{person['name']} is ill on {date}. Cancel every event of that day that {person['name']} attends, and no "
        "other. Answer with how many you cancelled."
    )
    return Errand(goal=goal, plan=plan, accepts="number")


def minutes_of_a_day(rng: random.Random, state: State) -> Errand:
    date = some_day(state, rng)
    events = days_events(state, date)
    plan = (
        act("list_events", date=date),
        *(act("get_event", event_id=event["id"]) for event in events),
        act("answer", text=str(sum(event["minutes"] for event in events))),
    )
    goal = f"How many minutes do the events of {date} take together? Answer with the number."
    return Errand(goal=goal, plan=plan, accepts="number")


def invite_team(rng: random.Random, state: State) -> Errand:
    event = rng.choice(list(state["events"].values()))
    members = [key for key, person in state["contacts"].items() if "team" in person["groups"]]
    event["attendees"] = sorted(rng.sample(members, 2))
    plan = (
        act("list_group", group="team"),
        act("list_events", date=event["start"][:10]),
        act("get_event", event_id=event["id"]),
        *(act("invite", event_id=event["id"], contact_id=key) for key in members if key not in event["attendees"]),
        act("answer"),
    )
    goal = f"Everybody in the group 'team' shall attend the event {event['title']!r} of {event['start'][:10]}."
    return Errand(goal=goal, plan=plan)


def new_phone(rng: random.Random, state: State) -> Errand:
    person = rng.choice([person for person in state["contacts"].values() if person["id"] != ME])
    key, phone = f"M-{rng.randint(301, 399)}", f"+44 20 5551 {rng.randint(1000, 9999)}"
    letter = {"id": key, "folder": "inbox", "contact_id": person["id"], "subject": "New number"}
    # The oldest of the inbox, so that it is on the last page.
    state["messages"] = {key: letter | {"body": f"My new number is {phone}. Please write it down."}} | state["messages"]
    pages = -(-len(state["messages"]) // PAGE)
    plan = (
        find(person),
        *(act("list_messages", page=page) for page in range(1, pages + 1)),
        act("read_message", message_id=key),
        act("update_contact", contact_id=person["id"], field="phone", value=phone),
        act("file_message", message_id=key, folder="archive"),
        act("answer", text=phone),
    )
    goal = (
        f"{person['name']} sent a message with a new phone number. Put it into the contact, put the message into the "
        "archive, and answer with the number as it is written."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


def tell_suppliers(rng: random.Random, state: State) -> Errand:
    subject, body = "Closed", f"We are closed on 2026-03-{rng.randint(10, 30)}."
    suppliers = [key for key, person in state["contacts"].items() if "suppliers" in person["groups"]]
    plan = (
        act("list_group", group="suppliers"),
        *(act("send_message", to=key, subject=subject, body=body) for key in suppliers),
        act("answer"),
    )
    goal = f"Send everybody in the group 'suppliers' one message with the subject {subject!r} and the text {body!r}."
    return Errand(goal=goal, plan=plan)


def new_contact(rng: random.Random, state: State) -> Errand:
    first, last = rng.choice(("Noor", "Otto", "Pia", "Rafe")), rng.choice(("Quist", "Sandor", "Tamm", "Ueda"))
    email, phone, city = f"{first}@{last}.example".lower(), f"+353 1 555 {rng.randint(1000, 9999)}", rng.choice(CITIES)
    key = f"C-{max(int(one.partition('-')[2]) for one in state['contacts']) + 1}"
    plan = (
        act("add_contact", name=f"{first} {last}", email=email, phone=phone, city=city),
        act("add_to_group", contact_id=key, group="customers"),
        act("answer"),
    )
    goal = f"Add {first} {last} of {city}, {email}, {phone}, to the contacts and to the group 'customers'."
    return Errand(goal=goal, plan=plan)


def change_group(rng: random.Random, state: State) -> Errand:
    person = rng.choice([person for person in state["contacts"].values() if "customers" in person["groups"]])
    plan = (
        find(person),
        act("get_contact", contact_id=person["id"]),
        act("remove_from_group", contact_id=person["id"], group="customers"),
        act("add_to_group", contact_id=person["id"], group="suppliers"),
        act("answer", text=person["city"]),
    )
    goal = (
        f"{person['name']} is no longer a customer but a supplier: put that right in the groups. Answer with the city "
        f"where {person['name']} lives."
    )
    return Errand(goal=goal, plan=plan, accepts="text")


TEMPLATES = (
    Template(make=book_meeting),
    Template(make=move_meeting),
    Template(make=clear_day, split="heldout"),
    Template(make=minutes_of_a_day),
    Template(make=invite_team),
    Template(make=new_phone, split="validation"),
    Template(make=tell_suppliers),
    Template(make=new_contact),
    Template(make=change_group, split="validation"),
)
