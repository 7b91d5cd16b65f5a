"""The page of a place, its reviews, and reports of what is wrong with it."""

from __future__ import annotations

import math
import sqlite3

from environments.arena.sites.map.drawing import View, draw, far
from environments.arena.sites.map.finding import open_now, preferences
from environments.arena.sites.map.saving import lists_of
from environments.arena.sites.map.seeding import CLOSED, REASONS
from environments.arena.visit import Page, Visit

__all__ = ["delete_review", "mine", "place", "report", "report_form", "reports", "review"]

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
REVIEWS_A_PAGE = 6
LONGEST = 600


def found(visit: Visit) -> sqlite3.Row | None:
    return visit.one(
        """SELECT map_place.*, map_kind.name AS what, map_kind.plural, map_town.slug AS town_slug,
           map_kind.slug AS kind_slug FROM map_place JOIN map_kind ON map_place.kind = map_kind.slug
           JOIN map_town ON map_town.name = town WHERE map_place.id = ?""",
        visit.path["id"],
    )


def place(visit: Visit) -> Page:
    row = found(visit)
    return visit.not_found("There is no such place.") if row is None else shown(visit, row)


def shown(visit: Visit, row: sqlite3.Row, *, error: str = "", body: str = "", status: int = 200) -> Page:
    """The place; with the review's form as it was sent, where something is wrong with it."""
    last = max(1, -(-row["reviews"] // REVIEWS_A_PAGE))
    page = min(visit.number("page", 1, least=1), last)
    reviews = visit.all(
        f"""SELECT map_review.*, account.name FROM map_review JOIN account ON account.site = 'map'
            AND account.username = map_review.username WHERE place = ? ORDER BY at DESC, id DESC
            LIMIT {REVIEWS_A_PAGE} OFFSET {(page - 1) * REVIEWS_A_PAGE}""", row["id"],
    )  # fmt: skip
    near = visit.all(
        """SELECT * FROM map_place WHERE id != ? AND town = ?
           ORDER BY (x - ?) * (x - ?) + (y - ?) * (y - ?), id LIMIT 4""",
        row["id"], row["town"], row["x"], row["x"], row["y"], row["y"],
    )  # fmt: skip
    counts = {
        one["rating"]: one["count"]
        for one in visit.all(
            "SELECT rating, count(*) AS count FROM map_review WHERE place = ? GROUP BY rating", row["id"]
        )
    }
    hours = [
        (day, "Closed" if text == CLOSED else text) for day, text in zip(DAYS, row["hours"].split(";"), strict=True)
    ]
    account = visit.account
    return visit.page(
        "place.html", status=status, place=row, reviews=reviews, page=page, last=last, counts=counts, error=error,
        body=body, today=DAYS[visit.now.weekday()],
        map=draw(visit.instance.db, View(row["x"], row["y"], 5), pins=[row], label="Surroundings"), hours=hours,
        near=[(one, math.dist((row["x"], row["y"]), (one["x"], one["y"]))) for one in near],
        open=visit.one(f"SELECT 1 FROM map_place WHERE id = ? AND {open_now(visit)}", row["id"]) is not None,
        lists=lists_of(visit, place=row["id"]), units=preferences(visit)["units"], far=far,
        wrote=any(account and one["username"] == account.username for one in reviews),
    )  # fmt: skip


def review(visit: Visit) -> Page:
    row, account = found(visit), visit.account
    if row is None or account is None:
        return visit.not_found("There is no such place.") if row is None else visit.ask_to_log_in()
    rating, body = visit.number("rating", 0), visit.form.get("body", "").strip()
    if not 1 <= rating <= 5 or len(body) > LONGEST:
        error = (
            f"At most {LONGEST} characters, please." if len(body) > LONGEST else "Choose between one and five stars."
        )
        return shown(visit, row, error=error, body=body, status=422)
    visit.write("DELETE FROM map_review WHERE place = ? AND username = ?", row["id"], account.username)
    visit.write(
        "INSERT INTO map_review (place, username, rating, body, at) VALUES (?, ?, ?, ?, ?)",
        row["id"], account.username, rating, body, visit.now.isoformat(),
    )  # fmt: skip
    recount(visit, row["id"])
    return visit.redirect(f"/place/{row['id']}", success="Thank you, your review is published.")


def delete_review(visit: Visit) -> Page:
    row, account = visit.one("SELECT * FROM map_review WHERE id = ?", visit.path["id"]), visit.account
    if row is None or account is None:
        return visit.not_found("There is no such review.") if row is None else visit.ask_to_log_in()
    if row["username"] != account.username:
        return visit.forbidden("This review is somebody else's.")
    visit.write("DELETE FROM map_review WHERE id = ?", row["id"])
    recount(visit, row["place"])
    return visit.redirect(f"/place/{row['place']}", info="Your review is deleted.")


def recount(visit: Visit, place: int) -> None:
    """Keep the mean and the number with the place, so that lists need no counting."""
    visit.write(
        """UPDATE map_place SET reviews = (SELECT count(*) FROM map_review WHERE place = map_place.id),
           rating = (SELECT coalesce(round(avg(rating), 1), 0) FROM map_review WHERE place = map_place.id)
           WHERE id = ?""",
        place,
    )


def mine(visit: Visit) -> Page:
    """The member's own reviews."""
    if visit.account is None:
        return visit.ask_to_log_in()
    rows = visit.all(
        """SELECT map_review.*, map_place.name, map_place.town FROM map_review JOIN map_place ON map_place.id = place
           WHERE username = ? ORDER BY at DESC, map_review.id DESC""", visit.account.username,
    )  # fmt: skip
    return visit.page("reviews.html", reviews=rows)


# Reports ---------------------------------------------------------------------------------------------------------


def report_form(visit: Visit) -> Page:
    row = found(visit)
    if row is None or visit.account is None:
        return visit.not_found("There is no such place.") if row is None else visit.ask_to_log_in()
    return visit.page("report.html", place=row, reasons=REASONS, reason="", body="", errors={})


def report(visit: Visit) -> Page:
    row, account = found(visit), visit.account
    if row is None or account is None:
        return visit.not_found("There is no such place.") if row is None else visit.ask_to_log_in()
    reason, body = visit.form.get("reason", ""), visit.form.get("body", "").strip()
    errors = {}
    if reason not in REASONS:
        errors["reason"] = "Choose what is wrong."
    if not body and reason != REASONS[0]:
        errors["body"] = "Say in a few words what would be right."
    if errors:
        return visit.page(
            "report.html", status=422, place=row, reasons=REASONS, reason=reason, body=body, errors=errors
        )
    visit.write(
        "INSERT INTO map_report (place, username, reason, body, at, status) VALUES (?, ?, ?, ?, ?, 'received')",
        row["id"], account.username, reason, body, visit.now.isoformat(),
    )  # fmt: skip
    return visit.redirect("/reports", success="Thank you. We will look at it.")


def reports(visit: Visit) -> Page:
    """What the member has reported."""
    if visit.account is None:
        return visit.ask_to_log_in()
    rows = visit.all(
        """SELECT map_report.*, map_place.name, map_place.town FROM map_report JOIN map_place ON map_place.id = place
           WHERE username = ? ORDER BY map_report.id DESC""", visit.account.username,
    )  # fmt: skip
    return visit.page("reports.html", reports=rows)
