"""Projects: finding them, making them, stars, forks, members, settings."""

from __future__ import annotations

import re
import sqlite3

from environments.arena.sites.code.ground import ROLES, Project, page_of, seen, show
from environments.arena.visit import Page, Visit

__all__ = [
    "archive",
    "change_member",
    "create",
    "explore",
    "fork",
    "invite",
    "members",
    "new",
    "settings",
    "settings_form",
    "star",
]

A_PAGE = 15
ORDERS = {"active": "active DESC", "stars": "stars DESC, title", "name": "title", "new": "made DESC"}
ORDER_NAMES = (("active", "Last activity"), ("stars", "Most stars"), ("name", "Name"), ("new", "Newest"))
LANGUAGES = ("Go", "JavaScript", "Python", "Rust", "Shell")
VISIBILITIES = (("public", "Public"), ("internal", "Internal"), ("private", "Private"))
ABOUT_LENGTH = 200


def explore(visit: Visit) -> Page:
    """All projects that the visitor may see, by words, language and order."""
    words, language = visit.query.get("q", "").strip(), visit.query.get("language", "")
    sort = visit.query.get("sort", "active")
    sort = sort if sort in ORDERS else "active"
    where, values = seen(visit), list[object]()
    if words:
        where, values = where + " AND (title LIKE ? OR about LIKE ?)", [f"%{words}%", f"%{words}%"]
    if language in LANGUAGES:
        where, values = where + " AND language = ?", [*values, language]
    count = visit.value(f"SELECT count(*) FROM code_project WHERE {where}", *values)
    page, last, skip = page_of(visit, count, size=A_PAGE)
    rows = visit.all(
        f"SELECT * FROM code_project WHERE {where} ORDER BY {ORDERS[sort]}, id LIMIT {A_PAGE} OFFSET {skip}", *values
    )
    return visit.page(
        "explore.html", projects=rows, count=count, page=page, last=last, words=words, language=language, sort=sort,
        languages=[("", "Any language"), *((name, name) for name in LANGUAGES)], orders=ORDER_NAMES,
    )  # fmt: skip


def new(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    values = {"owner": visit.query.get("owner", visit.account.username), "visibility": "private", "readme": "1"}
    return visit.page("new.html", values=values, errors={}, owners=owners(visit), visibilities=VISIBILITIES)


def owners(visit: Visit) -> list[tuple[str, str]]:
    """Where a visitor may put a project: their own name, and the groups in which they maintain one."""
    assert visit.account is not None
    groups = visit.all(
        """SELECT DISTINCT code_group.slug, code_group.title FROM code_group
           JOIN code_project ON owner = code_group.slug JOIN code_member ON project = code_project.id
           WHERE username = ? AND role IN ('maintainer', 'owner') ORDER BY code_group.title""",
        visit.account.username,
    )
    return [(visit.account.username, visit.account.name), *((row["slug"], row["title"]) for row in groups)]


def create(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    values = {name: visit.form.get(name, "").strip() for name in ("title", "owner", "about", "visibility", "readme")}
    slug = re.sub(r"[^a-z0-9]+", "-", values["title"].lower()).strip("-")
    errors = {}
    if not slug or len(values["title"]) > 60:
        errors["title"] = "A name has 1 to 60 characters, some of them letters or digits."
    elif visit.one("SELECT 1 FROM code_project WHERE owner = ? AND slug = ?", values["owner"], slug):
        errors["title"] = "There is a project of this name already."
    if values["owner"] not in [name for name, _ in owners(visit)]:
        errors["owner"] = "You may not put a project there."
    if errors:
        return visit.page("new.html", status=422, values=values, errors=errors, owners=owners(visit),
                          visibilities=VISIBILITIES)  # fmt: skip
    visibility = values["visibility"] if values["visibility"] in dict(VISIBILITIES) else "private"
    about = values["about"][:ABOUT_LENGTH]
    number = added(visit, values["owner"], slug, title=values["title"], about=about, visibility=visibility)
    start(visit, number, f"# {values['title']}\n\n{about}\n" if values["readme"] else "")
    return visit.redirect(f"/p/{values['owner']}/{slug}", success="The project is created.")


def added(visit: Visit, owner: str, slug: str, *, title: str, about: str, visibility: str, source: int = 0) -> int:
    """A new project with the visitor as its owner; its id."""
    assert visit.account is not None
    now = visit.now.isoformat()
    language = visit.value("SELECT language FROM code_project WHERE id = ?", source) or "Python"
    number = visit.write(
        """INSERT INTO code_project (owner, slug, title, about, language, visibility, made, active, fork_of)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        owner, slug, title, about, language, visibility, now, now, source or None,
    )  # fmt: skip
    visit.write("INSERT INTO code_member VALUES (?, ?, 'owner', ?)", number, visit.account.username, now[:10])
    return number


def start(visit: Visit, number: int, readme: str) -> None:
    """The first commit of an empty project, and its labels."""
    from environments.arena.sites.code.history import commit
    from environments.arena.sites.code.wording import LABELS

    visit.write("INSERT INTO code_branch (project, name, head) VALUES (?, 'main', 0)", number)
    branch = visit.one("SELECT id, project, name, nullif(head, 0) AS head FROM code_branch WHERE project = ?", number)
    assert branch is not None
    commit(visit, branch, title="First version", files={"README.md": readme or "\n"})
    for name, colour, about in LABELS[:4]:
        visit.write(
            "INSERT INTO code_label (project, name, colour, about) VALUES (?, ?, ?, ?)", number, name, colour, about
        )


def star(visit: Visit, project: Project) -> Page:
    """Star a project, or take the star back."""
    assert visit.account is not None
    key = (visit.account.username, project.id)
    gone = visit.write("DELETE FROM code_star WHERE username = ? AND project = ?", *key)
    if not gone:
        visit.write("INSERT INTO code_star VALUES (?, ?)", *key)
    visit.write("UPDATE code_project SET stars = stars + ? WHERE id = ?", -1 if gone else 1, project.id)
    title = project.row["title"]
    return visit.redirect(project.address, success=f"Star taken from {title}." if gone else f"You starred {title}.")


def fork(visit: Visit, project: Project) -> Page:
    """A copy of the project's default branch under the visitor's own name."""
    assert visit.account is not None
    owner, row = visit.account.username, project.row
    if visit.one("SELECT 1 FROM code_project WHERE owner = ? AND slug = ?", owner, row["slug"]):
        return visit.redirect(f"/p/{owner}/{row['slug']}", error="You have a project of this name already.")
    number = added(visit, owner, row["slug"], title=row["title"], about=row["about"], visibility=row["visibility"],
                   source=project.id)  # fmt: skip
    copy_history(visit, project.id, number)
    visit.write("UPDATE code_project SET branch = ? WHERE id = ?", row["branch"], number)
    return visit.redirect(f"/p/{owner}/{row['slug']}", success=f"{row['title']} is forked.")


def copy_history(visit: Visit, source: int, number: int) -> None:
    """The commits again under new ids, in the same order; texts are shared."""
    news: dict[int | None, int | None] = {None: None}
    following = visit.value("SELECT max(id) FROM code_commit")
    for row in visit.all("SELECT * FROM code_commit WHERE project = ? ORDER BY id", source):
        following += 1
        news[row["id"]] = following
        visit.write(
            "INSERT INTO code_commit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", following, number, row["sha"],
            news.get(row["parent"]), news.get(row["other"]), row["author"], row["title"], row["at"],
        )  # fmt: skip
        visit.write("INSERT INTO code_change SELECT ?, path, old, new FROM code_change WHERE commit_id = ?",
                    following, row["id"])  # fmt: skip
    for row in visit.all("SELECT * FROM code_branch WHERE project = ?", source):
        branch = visit.write("INSERT INTO code_branch (project, name, head) VALUES (?, ?, ?)", number, row["name"],
                             news[row["head"]])  # fmt: skip
        for file in visit.all("SELECT * FROM code_file WHERE branch = ?", row["id"]):
            visit.write("INSERT INTO code_file VALUES (?, ?, ?, ?)", branch, file["path"], file["blob"],
                        news[file["commit_id"]])  # fmt: skip


# Members ---------------------------------------------------------------------------------------------------------


def member_rows(visit: Visit, project: Project) -> list[sqlite3.Row]:
    order = " ".join(f"WHEN '{role}' THEN {-rank}" for rank, role in enumerate(ROLES))
    return visit.all(
        f"""SELECT code_member.*, name FROM code_member JOIN account USING (username)
            WHERE site = 'code' AND project = ? ORDER BY CASE code_member.role {order} END, name""", project.id,
    )  # fmt: skip


def members(visit: Visit, project: Project) -> Page:
    return show(visit, project, "members.html", tab="Members", members=member_rows(visit, project), roles=ROLES[:4],
                username="", error="")  # fmt: skip


def invite(visit: Visit, project: Project) -> Page:
    username, role = visit.form.get("username", "").strip(), visit.form.get("role", "")
    error = ""
    if not visit.one("SELECT 1 FROM account WHERE site = 'code' AND username = ?", username):
        error = "There is nobody of this user name."
    elif visit.one("SELECT 1 FROM code_member WHERE project = ? AND username = ?", project.id, username):
        error = f"{username} is a member already."
    elif role not in ROLES[:4]:
        error = "Choose a role."
    if error:
        return show(visit, project, "members.html", status=422, tab="Members", members=member_rows(visit, project),
                    roles=ROLES[:4], username=username, error=error)  # fmt: skip
    day = visit.now.date().isoformat()
    visit.write("INSERT INTO code_member VALUES (?, ?, ?, ?)", project.id, username, role, day)
    return visit.redirect(f"{project.address}/members", success=f"{username} is now a {role}.")


def change_member(visit: Visit, project: Project) -> Page:
    """Another role, or none."""
    username, role = visit.path["username"], visit.form.get("role", "")
    row = visit.one("SELECT * FROM code_member WHERE project = ? AND username = ?", project.id, username)
    address = f"{project.address}/members"
    if row is None:
        return visit.not_found("There is no such member.")
    if row["role"] == "owner":
        return visit.redirect(address, error="The owner stays the owner.")
    if visit.form.get("remove"):
        visit.write("DELETE FROM code_member WHERE project = ? AND username = ?", project.id, username)
        return visit.redirect(address, success=f"{username} is no longer a member.")
    if role not in ROLES[:4]:
        return visit.redirect(address, error="There is no such role.")
    visit.write("UPDATE code_member SET role = ? WHERE project = ? AND username = ?", role, project.id, username)
    return visit.redirect(address, success=f"{username} is now a {role}.")


# Settings --------------------------------------------------------------------------------------------------------


def settings_page(visit: Visit, project: Project, values: dict[str, str], *, error: str = "") -> Page:
    names = [
        row["name"] for row in visit.all("SELECT name FROM code_branch WHERE project = ? ORDER BY name", project.id)
    ]
    return show(visit, project, "settings.html", tab="Settings", status=422 if error else 200, values=values,
                error=error, branches=[(name, name) for name in names], visibilities=VISIBILITIES)  # fmt: skip


def settings_form(visit: Visit, project: Project) -> Page:
    return settings_page(visit, project, dict(project.row))


def settings(visit: Visit, project: Project) -> Page:
    values = {name: visit.form.get(name, "").strip() for name in ("title", "about", "visibility", "branch")}
    known = visit.one("SELECT 1 FROM code_branch WHERE project = ? AND name = ?", project.id, values["branch"])
    if not values["title"] or len(values["about"]) > ABOUT_LENGTH:
        error = f"A description has at most {ABOUT_LENGTH} characters." if values["title"] else "A name is needed."
        return settings_page(visit, project, values, error=error)
    if known is None or values["visibility"] not in dict(VISIBILITIES):
        return settings_page(visit, project, values, error="Choose one of the branches and a visibility.")
    visit.write(
        "UPDATE code_project SET title = ?, about = ?, visibility = ?, branch = ? WHERE id = ?",
        values["title"], values["about"], values["visibility"], values["branch"], project.id,
    )  # fmt: skip
    return visit.redirect(f"{project.address}/settings", success="The settings are saved.")


def archive(visit: Visit, project: Project) -> Page:
    """Make the project read-only, or open it again."""
    now = 1 - project.row["archived"]
    visit.write("UPDATE code_project SET archived = ? WHERE id = ?", now, project.id)
    text = "The project is archived." if now else "The project is open again."
    return visit.redirect(f"{project.address}/settings", success=text)
