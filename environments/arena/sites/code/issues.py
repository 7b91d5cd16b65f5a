"""Issues: lists with filters, one issue with its notes, making and changing them; labels and milestones."""

from __future__ import annotations

import re
import sqlite3
from datetime import date

from environments.arena.sites.code.ground import Project, names_of, page_of, show
from environments.arena.visit import Page, Visit

__all__ = [
    "add_label",
    "add_milestone",
    "change",
    "close_milestone",
    "create",
    "drop_label",
    "issue",
    "issues",
    "labels",
    "milestones",
    "new_form",
    "note",
    "people",
    "state",
]

A_PAGE = 20
ORDERS = {"new": "number DESC", "old": "number", "due": "due = '', due, number", "talked": "notes DESC, number DESC"}
ORDER_NAMES = (("new", "Newest"), ("old", "Oldest"), ("due", "Due date"), ("talked", "Most comments"))
STATES = (("open", "Open"), ("closed", "Closed"), ("all", "All"))
ISSUE = """SELECT code_issue.*, code_milestone.title AS goal,
           (SELECT count(*) FROM code_note WHERE kind = 'issue' AND subject = code_issue.id) AS notes
           FROM code_issue LEFT JOIN code_milestone ON code_milestone.id = milestone"""


def people(visit: Visit, project: Project) -> list[tuple[str, str]]:
    """The members, for lists to choose from."""
    rows = visit.all(
        """SELECT username, name FROM code_member JOIN account USING (username)
           WHERE site = 'code' AND project = ? ORDER BY name""", project.id,
    )  # fmt: skip
    return [(row["username"], row["name"]) for row in rows]


def labels_of(visit: Visit, project: Project) -> list[sqlite3.Row]:
    return visit.all(
        """SELECT code_label.*, count(code_issue.id) AS uses,
           coalesce(sum(code_issue.state = 'open'), 0) AS open FROM code_label
           LEFT JOIN code_issue_label ON label = code_label.id LEFT JOIN code_issue ON code_issue.id = issue
           WHERE code_label.project = ? GROUP BY code_label.id ORDER BY name""", project.id,
    )  # fmt: skip


def goals(visit: Visit, project: Project, *, only_open: bool = False) -> list[tuple[str, str]]:
    rows = visit.all("SELECT * FROM code_milestone WHERE project = ? ORDER BY due, id", project.id)
    return [(str(row["id"]), row["title"]) for row in rows if not only_open or row["state"] == "open"]


def marks(visit: Visit, issues: list[int]) -> dict[int, list[sqlite3.Row]]:
    """The labels of issues."""
    holes = ",".join("?" * len(issues))
    found: dict[int, list[sqlite3.Row]] = {}
    for row in visit.all(
        f"""SELECT issue, code_label.* FROM code_issue_label JOIN code_label ON code_label.id = label
            WHERE issue IN ({holes}) ORDER BY name""", *issues,
    ):  # fmt: skip
        found.setdefault(row["issue"], []).append(row)
    return found


def issues(visit: Visit, project: Project) -> Page:
    """The project's issues that the filters leave."""
    asked = {name: visit.query.get(name, "") for name in ("state", "label", "assignee", "author", "milestone", "q")}
    asked["state"] = asked["state"] if asked["state"] in dict(STATES) else "open"
    sort = visit.query.get("sort", "new")
    sort = sort if sort in ORDERS else "new"
    where, values = chosen(project, asked)
    count = visit.value(f"SELECT count(*) FROM code_issue WHERE {where}", *values)
    page, last, skip = page_of(visit, count, size=A_PAGE)
    rows = visit.all(f"{ISSUE} WHERE {where} ORDER BY {ORDERS[sort]} LIMIT {A_PAGE} OFFSET {skip}", *values)
    members = people(visit, project)
    return show(
        visit, project, "issues.html", tab="Issues", issues=rows, count=count, page=page, last=last, asked=asked,
        sort=sort, marks=marks(visit, [row["id"] for row in rows]), orders=ORDER_NAMES, states=STATES,
        labels=[("", "Any label"), *((row["name"], row["name"]) for row in labels_of(visit, project))],
        assignees=[("", "Anybody"), ("nobody", "Nobody"), *members], authors=[("", "Anybody"), *members],
        goals=[("", "Any milestone"), *goals(visit, project)],
    )  # fmt: skip


def chosen(project: Project, asked: dict[str, str]) -> tuple[str, list[object]]:
    """A condition for what is asked, and its values."""
    where, values = "code_issue.project = ?", [project.id, *list[object]()]
    if asked["state"] != "all":
        where, values = f"{where} AND code_issue.state = ?", [*values, asked["state"]]
    if asked["label"]:
        inside = "SELECT issue FROM code_issue_label JOIN code_label ON code_label.id = label WHERE name = ?"
        where, values = f"{where} AND code_issue.id IN ({inside})", [*values, asked["label"]]
    if asked["assignee"]:
        name = "" if asked["assignee"] == "nobody" else asked["assignee"]
        where, values = f"{where} AND code_issue.assignee = ?", [*values, name]
    if asked["author"]:
        where, values = f"{where} AND code_issue.author = ?", [*values, asked["author"]]
    if asked["milestone"]:
        where, values = f"{where} AND code_issue.milestone = ?", [*values, asked["milestone"]]
    if asked["q"].strip():
        where, values = f"{where} AND code_issue.title LIKE ?", [*values, f"%{asked['q'].strip()}%"]
    return where, values


def issue_of(visit: Visit, project: Project) -> sqlite3.Row | None:
    number = visit.path["number"]
    return visit.one(f"{ISSUE} WHERE code_issue.project = ? AND code_issue.number = ?", project.id, number)


NO_ISSUE = "There is no such issue in this project."


def issue(visit: Visit, project: Project, *, error: str = "", wrong: str = "") -> Page:
    row = issue_of(visit, project)
    if row is None:
        return visit.not_found(NO_ISSUE)
    notes = visit.all(
        """SELECT code_note.*, name FROM code_note JOIN account ON username = author AND site = 'code'
           WHERE kind = 'issue' AND subject = ? ORDER BY code_note.id""", row["id"],
    )  # fmt: skip
    mine = {label["id"] for label in marks(visit, [row["id"]]).get(row["id"], [])}
    return show(
        visit, project, "issue.html", tab="Issues", status=422 if error or wrong else 200, issue=row, notes=notes,
        error=error, wrong=wrong, labels=labels_of(visit, project), mine=mine,
        assignees=[("", "Nobody"), *people(visit, project)], goals=[("", "No milestone"), *goals(visit, project)],
        names=names_of(visit, row["author"], row["assignee"]),
    )  # fmt: skip


def new_form(visit: Visit, project: Project) -> Page:
    return form_page(visit, project, {"title": "", "body": "", "assignee": "", "milestone": "", "due": ""}, errors={})


def form_page(visit: Visit, project: Project, values: dict[str, str], *, errors: dict[str, str]) -> Page:
    return show(
        visit, project, "issue_new.html", tab="Issues", status=422 if errors else 200, values=values, errors=errors,
        labels=labels_of(visit, project), mine={int(text) for text in visit.lists.get("label", ()) if text.isdigit()},
        assignees=[("", "Nobody"), *people(visit, project)],
        goals=[("", "No milestone"), *goals(visit, project, only_open=True)],
    )  # fmt: skip


def create(visit: Visit, project: Project) -> Page:
    assert visit.account is not None
    values = {name: visit.form.get(name, "").strip() for name in ("title", "body", "assignee", "milestone", "due")}
    errors = {}
    if not 4 <= len(values["title"]) <= 120:
        errors["title"] = "A title has 4 to 120 characters."
    if not is_date(values["due"]):
        errors["due"] = "Write a date as 2026-03-31."
    if errors:
        return form_page(visit, project, values, errors=errors)
    number = 1 + (visit.value("SELECT max(number) FROM code_issue WHERE project = ?", project.id) or 0)
    key = visit.write(
        "INSERT INTO code_issue (project, number, title, body, author, at) VALUES (?, ?, ?, ?, ?, ?)",
        project.id, number, values["title"], values["body"], visit.account.username, visit.now.isoformat(),
    )  # fmt: skip
    planned(visit, project, key)
    return visit.redirect(f"{project.address}/issues/{number}", success=f"Issue #{number} is created.")


def is_date(text: str) -> bool:
    """Whether this is a date, or nothing."""
    try:
        return not text or (bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(date.fromisoformat(text)))
    except ValueError:
        return False


def planned(visit: Visit, project: Project, issue: int) -> None:
    """Set assignee, milestone, date and labels from the form; what the project has not is left out."""
    assignee = visit.form.get("assignee", "")
    goal = visit.form.get("milestone", "")
    visit.write(
        "UPDATE code_issue SET assignee = ?, milestone = ?, due = ? WHERE id = ?",
        assignee if assignee in dict(people(visit, project)) else "",
        int(goal) if goal in dict(goals(visit, project)) else None, visit.form.get("due", "").strip(), issue,
    )  # fmt: skip
    visit.write("DELETE FROM code_issue_label WHERE issue = ?", issue)
    for row in labels_of(visit, project):
        if str(row["id"]) in visit.lists.get("label", ()):
            visit.write("INSERT INTO code_issue_label VALUES (?, ?)", issue, row["id"])


def change(visit: Visit, project: Project) -> Page:
    """Another assignee, milestone, date or other labels."""
    row = issue_of(visit, project)
    if row is None:
        return visit.not_found(NO_ISSUE)
    if not is_date(visit.form.get("due", "").strip()):
        return issue(visit, project, wrong="Write a date as 2026-03-31.")
    planned(visit, project, row["id"])
    return visit.redirect(f"{project.address}/issues/{row['number']}", success="The issue is changed.")


def note(visit: Visit, project: Project) -> Page:
    row, body = issue_of(visit, project), visit.form.get("body", "").strip()
    assert visit.account is not None
    if row is None or not body:
        return visit.not_found(NO_ISSUE) if row is None else issue(visit, project, error="Write something first.")
    visit.write("INSERT INTO code_note (kind, subject, author, body, at) VALUES ('issue', ?, ?, ?, ?)", row["id"],
                visit.account.username, body, visit.now.isoformat())  # fmt: skip
    return visit.redirect(f"{project.address}/issues/{row['number']}", success="Your comment is added.")


def state(visit: Visit, project: Project) -> Page:
    """Close the issue, or open it again; for its author, its assignee and those who develop."""
    row = issue_of(visit, project)
    assert visit.account is not None
    if row is None:
        return visit.not_found(NO_ISSUE)
    if not project.may("reporter") and visit.account.username not in (row["author"], row["assignee"]):
        return visit.forbidden("Only members and the one who wrote an issue may close it.")
    now = "closed" if row["state"] == "open" else "open"
    closed = visit.now.isoformat() if now == "closed" else ""
    visit.write("UPDATE code_issue SET state = ?, closed = ? WHERE id = ?", now, closed, row["id"])
    text = "The issue is closed." if now == "closed" else "The issue is open again."
    return visit.redirect(f"{project.address}/issues/{row['number']}", success=text)


# Labels and milestones -------------------------------------------------------------------------------------------


def labels(visit: Visit, project: Project, *, error: str = "") -> Page:
    values = {"name": visit.form.get("name", ""), "about": visit.form.get("about", "")}
    return show(visit, project, "labels.html", tab="Labels", status=422 if error else 200, error=error, values=values,
                labels=labels_of(visit, project))  # fmt: skip


def add_label(visit: Visit, project: Project) -> Page:
    name, colour = visit.form.get("name", "").strip(), visit.form.get("colour", "")
    if not 1 <= len(name) <= 30:
        return labels(visit, project, error="A name has 1 to 30 characters.")
    if visit.one("SELECT 1 FROM code_label WHERE project = ? AND name = ?", project.id, name):
        return labels(visit, project, error="There is such a label already.")
    colour = colour if re.fullmatch(r"#[0-9a-f]{6}", colour) else "#5d6d7e"
    visit.write("INSERT INTO code_label (project, name, colour, about) VALUES (?, ?, ?, ?)", project.id, name, colour,
                visit.form.get("about", "").strip())  # fmt: skip
    return visit.redirect(f"{project.address}/labels", success=f"The label {name} is made.")


def drop_label(visit: Visit, project: Project) -> Page:
    key = visit.path["id"]
    row = visit.one("SELECT * FROM code_label WHERE project = ? AND id = ?", project.id, key)
    if row is None:
        return visit.not_found("There is no such label.")
    visit.write("DELETE FROM code_issue_label WHERE label = ?", key)
    visit.write("DELETE FROM code_label WHERE id = ?", key)
    return visit.redirect(f"{project.address}/labels", success=f"The label {row['name']} is deleted.")


def milestones(visit: Visit, project: Project, *, errors: dict[str, str] | None = None) -> Page:
    rows = visit.all(
        """SELECT code_milestone.*, count(code_issue.id) AS issues,
           coalesce(sum(code_issue.state = 'closed'), 0) AS done FROM code_milestone
           LEFT JOIN code_issue ON milestone = code_milestone.id WHERE code_milestone.project = ?
           GROUP BY code_milestone.id ORDER BY code_milestone.state DESC, due""", project.id,
    )  # fmt: skip
    values = {name: visit.form.get(name, "") for name in ("title", "about", "due")}
    return show(visit, project, "milestones.html", tab="Milestones", status=422 if errors else 200, rows=rows,
                errors=errors or {}, values=values)  # fmt: skip


def add_milestone(visit: Visit, project: Project) -> Page:
    values = {name: visit.form.get(name, "").strip() for name in ("title", "about", "due")}
    errors = {}
    if not 1 <= len(values["title"]) <= 60:
        errors["title"] = "A title has 1 to 60 characters."
    elif visit.one("SELECT 1 FROM code_milestone WHERE project = ? AND title = ?", project.id, values["title"]):
        errors["title"] = "There is such a milestone already."
    if not values["due"] or not is_date(values["due"]):
        errors["due"] = "Write a date as 2026-03-31."
    if errors:
        return milestones(visit, project, errors=errors)
    visit.write("INSERT INTO code_milestone (project, title, about, due) VALUES (?, ?, ?, ?)", project.id,
                values["title"], values["about"], values["due"])  # fmt: skip
    return visit.redirect(f"{project.address}/milestones", success=f"The milestone {values['title']} is made.")


def close_milestone(visit: Visit, project: Project) -> Page:
    """Close a milestone, or open it again."""
    key = visit.path["id"]
    row = visit.one("SELECT * FROM code_milestone WHERE project = ? AND id = ?", project.id, key)
    if row is None:
        return visit.not_found("There is no such milestone.")
    now = "closed" if row["state"] == "open" else "open"
    visit.write("UPDATE code_milestone SET state = ? WHERE id = ?", now, key)
    return visit.redirect(f"{project.address}/milestones", success=f"The milestone {row['title']} is {now}.")
