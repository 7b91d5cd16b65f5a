"""The back end of the calendar: events with the people who attend them. Moments are local: 2026-03-02T09:30."""

from __future__ import annotations

from datetime import datetime, timedelta

from environments.contracts import JSON
from environments.tools.functions import (
    DATE,
    MOMENT,
    State,
    Tool,
    ToolRefused,
    found,
    listing,
    new_id,
    takes,
    text,
    whole,
)

__all__ = ["TOOLS"]

ID = "The event's id, such as E-301."
DAY_BEGINS, DAY_ENDS, RASTER = 9, 17, 15
"""Free slots are looked for between these hours, beginning at multiples of so many minutes."""


def list_events(state: State, *, date: str) -> JSON:
    events = [event for event in state["events"].values() if event["start"].startswith(date)]
    rows = [{"id": event["id"], "title": event["title"], "start": event["start"]} for event in events]
    return {"date": date, "events": sorted(rows, key=lambda row: (row["start"], row["id"]))}


def get_event(state: State, *, event_id: str) -> JSON:
    return found(state, table="events", key=event_id)


def create_event(state: State, *, title: str, start: str, minutes: int, attendees: list[str]) -> JSON:
    _moment(start)
    for person in attendees:
        found(state, table="contacts", key=person)
    key = new_id(state, table="events", letter="E")
    people = sorted(set(attendees))
    state["events"][key] = {"id": key, "title": title, "start": start, "minutes": minutes, "attendees": people}
    return {"id": key}


def move_event(state: State, *, event_id: str, start: str) -> JSON:
    _moment(start)
    event = found(state, table="events", key=event_id)
    event["start"] = start
    return event


def cancel_event(state: State, *, event_id: str) -> JSON:
    found(state, table="events", key=event_id)
    del state["events"][event_id]
    return {"cancelled": event_id}


def invite(state: State, *, event_id: str, contact_id: str) -> JSON:
    event = found(state, table="events", key=event_id)
    found(state, table="contacts", key=contact_id)
    event["attendees"] = sorted({*event["attendees"], contact_id})
    return event


def find_free_slot(state: State, *, date: str, minutes: int, attendees: list[str]) -> JSON:
    for person in attendees:
        found(state, table="contacts", key=person)
    slot = _moment(f"{date}T{DAY_BEGINS:02}:00")
    end = slot.replace(hour=DAY_ENDS)
    length = timedelta(minutes=minutes)
    while slot + length <= end:
        if not any(_overlaps(event, slot, length=length) for event in _of(state, attendees)):
            return {"start": slot.isoformat(timespec="minutes")}
        slot += timedelta(minutes=RASTER)
    raise ToolRefused(f"conflict: no {minutes} minutes on {date} are free for all of them")


def _of(state: State, people: list[str]) -> list[JSON]:
    return [event for event in state["events"].values() if set(people) & set(event["attendees"])]


def _overlaps(event: JSON, slot: datetime, *, length: timedelta) -> bool:
    start = _moment(event["start"])
    return start < slot + length and slot < start + timedelta(minutes=event["minutes"])


def _moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise ToolRefused(f"invalid: there is no moment {written!r}") from None


TOOLS = (
    Tool(
        run=list_events,
        description="Id, title and start of the events of a day, earliest first.",
        parameters=takes(date=text("The day, such as 2026-03-02.", pattern=DATE)),
    ),
    Tool(
        run=get_event,
        description="An event's title, start, length in minutes, and the contact ids of who attends.",
        parameters=takes(event_id=text(ID)),
    ),
    Tool(
        run=create_event,
        description="Puts an event into the calendar, whether or not the people are free, and returns its id.",
        parameters=takes(
            title=text("What it is called."),
            start=text("When it begins, such as 2026-03-02T09:30.", pattern=MOMENT),
            minutes=whole("How long it takes, in minutes.", low=5, high=1440),
            attendees=listing("Contact ids of all who attend.", text("A contact id, such as C-104.")),
        ),
    ),
    Tool(
        run=move_event,
        description="Gives an event another start; its length stays.",
        parameters=takes(
            event_id=text(ID), start=text("When it begins now, such as 2026-03-02T09:30.", pattern=MOMENT)
        ),
    ),
    Tool(run=cancel_event, description="Takes an event out of the calendar.", parameters=takes(event_id=text(ID))),
    Tool(
        run=invite,
        description="Adds one person to an event.",
        parameters=takes(event_id=text(ID), contact_id=text("The contact's id, such as C-104.")),
    ),
    Tool(
        run=find_free_slot,
        description=(
            f"The earliest start between {DAY_BEGINS}:00 and {DAY_ENDS}:00 at which none of the given people has an "
            "event. Nothing is booked, and nobody else is looked at."
        ),
        parameters=takes(
            date=text("The day, such as 2026-03-02.", pattern=DATE),
            minutes=whole("How long, in minutes.", low=5, high=480),
            attendees=listing("Contact ids of all who must be free.", text("A contact id, such as C-104.")),
        ),
    ),
)
