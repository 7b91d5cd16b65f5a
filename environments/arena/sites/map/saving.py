"""Lists of saved places, and settings."""

from __future__ import annotations

import sqlite3
from typing import Any

from environments.arena.sites.map.drawing import around, draw
from environments.arena.sites.map.finding import preferences
from environments.arena.sites.map.roads import MODES
from environments.arena.visit import Account, Page, Visit

__all__ = [
    "delete_list",
    "forget",
    "list_page",
    "lists",
    "lists_of",
    "new_list",
    "rename_list",
    "save",
    "settings",
    "settings_form",
]

LONGEST_NAME, LONGEST_NOTE = 40, 120


def lists_of(visit: Visit, *, place: int = 0) -> list[sqlite3.Row]:
    """The member's lists, each with how many places it has and whether `place` is one of them."""
    account = visit.account
    return visit.all(
        """SELECT map_list.*, count(map_saved.place) AS places, coalesce(max(map_saved.place = ?), 0) AS holds
           FROM map_list LEFT JOIN map_saved ON list = id WHERE username = ? GROUP BY id ORDER BY name""",
        place, account.username if account else "",
    )  # fmt: skip


def own(visit: Visit) -> tuple[Account | None, sqlite3.Row | None]:
    account = visit.account
    row = visit.one("SELECT * FROM map_list WHERE id = ?", visit.path["id"])
    return account, row if row and account and row["username"] == account.username else None


def refused(visit: Visit, account: Account | None) -> Page:
    return visit.not_found("You have no such list.") if account else visit.ask_to_log_in()


def lists(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    return visit.page("lists.html", lists=lists_of(visit), name="", error="")


def wrong_name(visit: Visit, name: str, *, but: int = 0) -> str:
    """Why a list cannot be called so; empty if it can."""
    assert visit.account
    if not 1 <= len(name) <= LONGEST_NAME:
        return f"A name has between 1 and {LONGEST_NAME} characters."
    taken = visit.value("SELECT id FROM map_list WHERE username = ? AND name = ?", visit.account.username, name)
    return "You have a list of this name." if taken and taken != but else ""


def new_list(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    name = visit.form.get("name", "").strip()
    if error := wrong_name(visit, name):
        return visit.page("lists.html", status=422, lists=lists_of(visit), name=name, error=error)
    number = visit.write("INSERT INTO map_list (username, name) VALUES (?, ?)", account.username, name)
    return visit.redirect(f"/list/{number}", success=f"The list {name} is ready.")


def list_page(visit: Visit) -> Page:
    account, row = own(visit)
    return refused(visit, account) if row is None else shown(visit, row)


def shown(visit: Visit, row: sqlite3.Row, *, name: str = "", error: str = "", status: int = 200) -> Page:
    places = visit.all(
        """SELECT map_place.*, note, map_kind.name AS what FROM map_saved JOIN map_place ON map_place.id = place
           JOIN map_kind ON slug = kind WHERE list = ? ORDER BY map_place.name, map_place.id""", row["id"],
    )  # fmt: skip
    drawn = draw(visit.instance.db, around([(one["x"], one["y"]) for one in places]), pins=places) if places else ""
    return visit.page(
        "list.html", status=status, list=row, places=places, map=drawn, name=name or row["name"], error=error
    )


def rename_list(visit: Visit) -> Page:
    account, row = own(visit)
    if row is None:
        return refused(visit, account)
    name = visit.form.get("name", "").strip()
    if error := wrong_name(visit, name, but=row["id"]):
        return shown(visit, row, name=name, error=error, status=422)
    visit.write("UPDATE map_list SET name = ? WHERE id = ?", name, row["id"])
    return visit.redirect(f"/list/{row['id']}", success="The list has a new name.")


def delete_list(visit: Visit) -> Page:
    account, row = own(visit)
    if row is None:
        return refused(visit, account)
    visit.write("DELETE FROM map_saved WHERE list = ?", row["id"])
    visit.write("DELETE FROM map_list WHERE id = ?", row["id"])
    return visit.redirect("/lists", info=f"The list {row['name']} is deleted.")


def save(visit: Visit) -> Page:
    """Put a place on a list of the member's, with a note."""
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    place = visit.one("SELECT * FROM map_place WHERE id = ?", visit.path["id"])
    row = visit.one("SELECT * FROM map_list WHERE id = ? AND username = ?", visit.number("list", 0), account.username)
    note = visit.form.get("note", "").strip()[:LONGEST_NOTE]
    if place is None:
        return visit.not_found("There is no such place.")
    if row is None:
        return visit.redirect(f"/place/{place['id']}", error="Choose one of your lists, or make one first.")
    visit.write("INSERT OR REPLACE INTO map_saved VALUES (?, ?, ?)", row["id"], place["id"], note)
    return visit.redirect(f"/place/{place['id']}", success=f"Saved to {row['name']}.")


def forget(visit: Visit) -> Page:
    """Take a place off a list."""
    account, row = own(visit)
    if row is None:
        return refused(visit, account)
    visit.write("DELETE FROM map_saved WHERE list = ? AND place = ?", row["id"], visit.number("place", 0))
    return visit.redirect(f"/list/{row['id']}", info="The place is off the list.")


# Settings --------------------------------------------------------------------------------------------------------


def settings_form(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    return visit.page("settings.html", chosen=preferences(visit), **choices(visit), error="")


def choices(visit: Visit) -> dict[str, Any]:
    return {
        "towns": [(row["name"], row["name"]) for row in visit.all("SELECT name FROM map_town ORDER BY name")],
        "units": [("km", "Kilometres"), ("miles", "Miles")],
        "modes": list(MODES.items()),
    }


def settings(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    entered = {key: visit.form.get(key, "") for key in ("town", "units", "mode")}
    known = choices(visit)
    for key, options in (("town", "towns"), ("units", "units"), ("mode", "modes")):
        if entered[key] not in dict(known[options]):
            error = f"Choose one of the list for {key}."
            return visit.page("settings.html", status=422, chosen=entered, **known, error=error)
    visit.write(
        "UPDATE map_member SET town = ?, units = ?, mode = ? WHERE username = ?", *entered.values(), account.username
    )
    return visit.redirect("/settings", success="Your settings are saved.")
