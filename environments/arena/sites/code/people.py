"""Pages that belong to no single project: the dashboard, profiles, groups, things to do, search, snippets."""

from __future__ import annotations

import json
from datetime import date, timedelta

from environments.arena.sites.code.ground import page_of, seen
from environments.arena.visit import Page, Visit

__all__ = [
    "add_todo",
    "create_snippet",
    "end_todo",
    "group",
    "groups",
    "home",
    "new_snippet",
    "profile",
    "save_settings",
    "search",
    "settings",
    "snippet",
    "snippets",
    "suggest",
    "todos",
]

A_PAGE = 20
WEEKS = 26
PLACE = "code_project.owner, code_project.slug, code_project.title AS project_title"


def home(visit: Visit) -> Page:
    """What the visitor works on; for guests, what the site has."""
    account = visit.account
    if account is None:
        popular = visit.all(f"SELECT * FROM code_project WHERE {seen(visit)} ORDER BY stars DESC, id LIMIT 8")
        return visit.page("welcome.html", projects=popular)
    mine = visit.all(
        """SELECT code_project.*, role FROM code_project JOIN code_member ON project = code_project.id
           WHERE username = ? ORDER BY active DESC, code_project.id""", account.username,
    )  # fmt: skip
    assigned = visit.all(
        f"""SELECT code_issue.*, {PLACE} FROM code_issue JOIN code_project ON code_project.id = project
            WHERE assignee = ? AND state = 'open' ORDER BY due = '', due, code_issue.id LIMIT 8""", account.username,
    )  # fmt: skip
    reviews = visit.all(
        f"""SELECT code_merge.*, {PLACE} FROM code_merge JOIN code_project ON code_project.id = project
            WHERE reviewer = ? AND state = 'open' ORDER BY code_merge.at DESC LIMIT 8""", account.username,
    )  # fmt: skip
    starred = visit.all(
        """SELECT code_project.* FROM code_project JOIN code_star ON project = code_project.id
           WHERE username = ? ORDER BY title""", account.username,
    )  # fmt: skip
    return visit.page("home.html", projects=mine, assigned=assigned, reviews=reviews, starred=starred)


def profile(visit: Visit) -> Page:
    """A person with projects, and a square for every day of the last half year."""
    username = visit.path["username"]
    person = visit.one(
        "SELECT * FROM account JOIN code_person USING (username) WHERE site = 'code' AND username = ?", username
    )
    if person is None:
        return visit.not_found("There is nobody of this name.")
    today = visit.now.date()
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    rows = visit.all(
        "SELECT substr(at, 1, 10), count(*) FROM code_commit WHERE author = ? AND at >= ? GROUP BY 1",
        username, first.isoformat(),
    )  # fmt: skip
    counts = {row[0]: row[1] for row in rows}
    projects = visit.all(
        f"""SELECT code_project.*, role FROM code_project JOIN code_member ON project = code_project.id
            WHERE username = ? AND {seen(visit)} ORDER BY active DESC, code_project.id""", username,
    )  # fmt: skip
    latest = visit.all(
        f"""SELECT code_commit.*, {PLACE} FROM code_commit JOIN code_project ON code_project.id = project
            WHERE author = ? AND {seen(visit)} ORDER BY code_commit.at DESC LIMIT 10""", username,
    )  # fmt: skip
    return visit.page("profile.html", person=person, projects=projects, latest=latest, squares=squares(first, counts),
                      total=sum(counts.values()))  # fmt: skip


def squares(first: date, counts: dict[str, int]) -> list[list[tuple[str, int]]]:
    """For each day of the week, the days with their counts."""
    days = [[(first + timedelta(days=7 * week + day)).isoformat() for week in range(WEEKS)] for day in range(7)]
    return [[(day, counts.get(day, 0)) for day in row] for row in days]


def settings(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    row = visit.one("SELECT bio, place FROM code_person WHERE username = ?", visit.account.username)
    return visit.page("profile_edit.html", values={"name": visit.account.name, **dict(row or {})}, error="")


def save_settings(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    values = {name: visit.form.get(name, "").strip() for name in ("name", "bio", "place")}
    if not values["name"]:
        return visit.page("profile_edit.html", status=422, values=values, error="A name is needed.")
    visit.write("UPDATE account SET name = ? WHERE site = 'code' AND username = ?", values["name"], account.username)
    statement = "UPDATE code_person SET bio = ?, place = ? WHERE username = ?"
    visit.write(statement, values["bio"], values["place"], account.username)
    return visit.redirect(f"/u/{account.username}", success="Your profile is saved.")


def groups(visit: Visit) -> Page:
    rows = visit.all(
        f"""SELECT code_group.*, count(code_project.id) AS projects FROM code_group
            LEFT JOIN code_project ON owner = code_group.slug AND {seen(visit)}
            GROUP BY code_group.id ORDER BY code_group.title"""
    )
    return visit.page("groups.html", groups=rows)


def group(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM code_group WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no such group.")
    projects = visit.all(f"SELECT * FROM code_project WHERE owner = ? AND {seen(visit)} ORDER BY title", row["slug"])
    members = visit.all(
        f"""SELECT username, name, count(*) AS projects FROM code_member JOIN account USING (username)
            JOIN code_project ON code_project.id = project
            WHERE site = 'code' AND owner = ? AND {seen(visit)} GROUP BY username ORDER BY name""", row["slug"],
    )  # fmt: skip
    return visit.page("group.html", group=row, projects=projects, members=members)


# Things to do ----------------------------------------------------------------------------------------------------


def todos(visit: Visit, *, error: str = "") -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    done = int(visit.query.get("show") == "done")
    statement = "SELECT * FROM code_todo WHERE username = ? AND done = ? ORDER BY id DESC"
    rows = visit.all(statement, visit.account.username, done)
    return visit.page("todos.html", status=422 if error else 200, rows=rows, done=done, error=error)


def add_todo(visit: Visit) -> Page:
    text = visit.form.get("text", "").strip()
    if visit.account is None:
        return visit.ask_to_log_in()
    if not 1 <= len(text) <= 200:
        return todos(visit, error="Write in up to 200 characters what is to do.")
    visit.write("INSERT INTO code_todo (username, text, address, at) VALUES (?, ?, '', ?)", visit.account.username,
                text, visit.now.isoformat())  # fmt: skip
    return visit.redirect("/todos", success="It is on your list.")


def end_todo(visit: Visit) -> Page:
    """Done, or not done after all."""
    username = visit.account.username if visit.account else ""
    statement = "UPDATE code_todo SET done = 1 - done WHERE id = ? AND username = ?"
    if not visit.write(statement, visit.path["id"], username):
        return visit.not_found("There is no such entry on your list.")
    return visit.redirect("/todos", success="Your list is changed.")


# Search ----------------------------------------------------------------------------------------------------------


def search(visit: Visit) -> Page:
    """Projects, issues or code that hold the words."""
    words, kind = visit.query.get("q", "").strip(), visit.query.get("in", "projects")
    kind = kind if kind in SEARCHES else "projects"
    columns, tables, text, order = SEARCHES[kind]
    where = f"{text} AND {seen(visit)}"
    values = [f"%{words}%"] * text.count("?")
    count = visit.value(f"SELECT count(*) FROM {tables} WHERE {where}", *values) if words else 0
    page, last, skip = page_of(visit, count, size=A_PAGE)
    statement = f"SELECT {columns} FROM {tables} WHERE {where} ORDER BY {order} LIMIT {A_PAGE} OFFSET {skip}"
    rows = visit.all(statement, *values) if words else []
    lines = {row["blob"]: hits(row["text"], words) for row in rows} if kind == "code" else {}
    return visit.page("search.html", words=words, kind=kind, rows=rows, count=count, page=page, last=last, lines=lines,
                      kinds=(("projects", "Projects"), ("issues", "Issues"), ("code", "Code")))  # fmt: skip


SEARCHES = {
    "projects": ("*", "code_project", "(title LIKE ? OR about LIKE ?)", "stars DESC, id"),
    "issues": (
        f"code_issue.*, {PLACE}", "code_issue JOIN code_project ON code_project.id = project",
        "code_issue.title LIKE ?", "code_issue.at DESC",
    ),
    "code": (
        f"code_file.*, text, code_branch.name AS branch_name, {PLACE}",
        """code_project JOIN code_branch ON code_branch.project = code_project.id
           AND code_branch.name = code_project.branch
           JOIN code_file ON code_file.branch = code_branch.id JOIN code_blob ON code_blob.id = blob""",
        "text LIKE ?", "code_project.id, path",
    ),
}  # fmt: skip
"""What to search in -> columns, tables, condition and order."""


def hits(text: str, words: str) -> list[tuple[int, str]]:
    """The first lines that hold the words, with their numbers."""
    found = [(at, line) for at, line in enumerate(text.splitlines(), start=1) if words.lower() in line.lower()]
    return found[:3]


def suggest(visit: Visit) -> Page:
    """People whose user name or name begins so."""
    like = f"{visit.query.get('q', '').strip()}%"
    rows = visit.all(
        "SELECT * FROM account WHERE site = 'code' AND (username LIKE ? OR name LIKE ?) ORDER BY name LIMIT 8",
        like, like,
    )  # fmt: skip
    found = [{"label": f"{row['name']} ({row['username']})", "value": row["username"]} for row in rows]
    return visit.json(json.dumps(found))


# Snippets --------------------------------------------------------------------------------------------------------


def snippets(visit: Visit) -> Page:
    username = visit.account.username if visit.account else ""
    rows = visit.all(
        "SELECT * FROM code_snippet WHERE visibility = 'public' OR author = ? ORDER BY id DESC LIMIT 100", username
    )
    return visit.page("snippets.html", rows=rows)


def snippet(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM code_snippet WHERE id = ?", visit.path["id"])
    username = visit.account.username if visit.account else ""
    if row is None or (row["visibility"] != "public" and row["author"] != username):
        return visit.not_found("There is no such snippet, or you may not see it.")
    return visit.page("snippet.html", row=row, lines=row["body"].splitlines())


def new_snippet(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    return visit.page("snippet_new.html", values={"visibility": "private"}, errors={})


def create_snippet(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    values = {name: visit.form.get(name, "").strip() for name in ("title", "file", "body", "visibility")}
    missing = {"title": "A title is needed.", "file": "A file name is needed.", "body": "There is nothing in it."}
    errors = {name: text for name, text in missing.items() if not values[name]}
    if errors:
        return visit.page("snippet_new.html", status=422, values=values, errors=errors)
    visibility = "public" if values["visibility"] == "public" else "private"
    number = visit.write(
        "INSERT INTO code_snippet (author, title, file, body, visibility, at) VALUES (?, ?, ?, ?, ?, ?)",
        visit.account.username, values["title"], values["file"], values["body"].replace("\r\n", "\n"), visibility,
        visit.now.isoformat(),
    )  # fmt: skip
    return visit.redirect(f"/snippets/{number}", success="The snippet is saved.")
