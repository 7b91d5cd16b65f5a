"""What every page of a project stands on: which project, what the visitor may do there, and the frame around it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from environments.arena.visit import Handler, Page, Route, Visit

__all__ = ["ROLES", "Inside", "Project", "branch_of", "names_of", "page_of", "project_route", "seen", "show"]

ROLES = ("guest", "reporter", "developer", "maintainer", "owner")
"""What members are, each with the rights of those before."""

TABS = (
    ("Files", ""), ("Issues", "/issues"), ("Merge requests", "/merges"), ("Commits", "/commits"),
    ("Branches", "/branches"), ("Tags", "/tags"), ("Milestones", "/milestones"), ("Labels", "/labels"),
    ("Members", "/members"), ("Settings", "/settings"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Project:
    """The project of an address, as its visitor sees it."""

    row: sqlite3.Row
    role: str
    """The visitor's; empty for those who are no members."""

    @property
    def id(self) -> int:
        return int(self.row["id"])

    @property
    def address(self) -> str:
        return f"/p/{self.row['owner']}/{self.row['slug']}"

    def may(self, role: str) -> bool:
        """Whether the visitor is at least this."""
        return bool(self.role) and ROLES.index(self.role) >= ROLES.index(role)


Inside = Callable[[Visit, Project], Page]


def seen(visit: Visit, name: str = "code_project") -> str:
    """A condition: those projects that the visitor may see."""
    account = visit.account
    if account is None:
        return f"{name}.visibility = 'public'"
    quoted = account.username.replace("'", "''")
    mine = f"{name}.id IN (SELECT project FROM code_member WHERE username = '{quoted}')"
    return f"({name}.visibility <> 'private' OR {mine})"


def project_of(visit: Visit) -> Project | None:
    row = visit.one(
        f"SELECT * FROM code_project WHERE owner = ? AND slug = ? AND {seen(visit)}",
        visit.path["owner"], visit.path["slug"],
    )  # fmt: skip
    if row is None:
        return None
    username = visit.account.username if visit.account else ""
    role = visit.value("SELECT role FROM code_member WHERE project = ? AND username = ?", row["id"], username)
    return Project(row, role or "")


def project_route(path: str, get: Inside | None = None, post: Inside | None = None, *, needs: str = "") -> Route:
    """A page below `/p/OWNER/SLUG`. `needs` is the least role for what it shows as a form and for what it changes.

    `""` is anybody, `"visitor"` anybody who is signed in. What is archived cannot be changed, but in its settings.
    """

    def opened(inside: Inside | None, *, writes: bool) -> Handler | None:
        if inside is None:
            return None

        def answer(visit: Visit) -> Page:
            project = project_of(visit)
            if project is None:
                return visit.not_found("There is no such project, or you may not see it.")
            if needs and visit.account is None:
                return visit.ask_to_log_in()
            if needs not in ("", "visitor") and not project.may(needs):
                return visit.forbidden(f"This needs the role {needs} in this project, and you do not have it.")
            if writes and project.row["archived"] and path not in ("/settings", "/archive", "/star", "/fork"):
                return visit.forbidden("This project is archived, so nothing in it can be changed.")
            return inside(visit, project)

        return answer

    return Route(f"/p/{{owner}}/{{slug}}{path}", opened(get, writes=False), opened(post, writes=True))


def show(visit: Visit, project: Project, template: str, *, tab: str, status: int = 200, **values: Any) -> Page:
    """A page with the project's frame around it."""
    row = project.row
    username = visit.account.username if visit.account else ""
    counts = {
        "Issues": visit.value("SELECT count(*) FROM code_issue WHERE project = ? AND state = 'open'", row["id"]),
        "Merge requests": visit.value(
            "SELECT count(*) FROM code_merge WHERE project = ? AND state = 'open'", row["id"]
        ),
    }
    starred = visit.one("SELECT 1 FROM code_star WHERE project = ? AND username = ?", row["id"], username)
    tabs = [(label, project.address + end) for label, end in TABS if label != "Settings" or project.may("maintainer")]
    return visit.page(
        template, status=status, project=row, home=project.address, role=project.role, may=project.may, tab=tab,
        tabs=tabs, counts=counts, starred=bool(starred), **values,
    )  # fmt: skip


def names_of(visit: Visit, *usernames: str) -> dict[str, str]:
    """User name -> full name."""
    holes = ",".join("?" * len(usernames))
    rows = visit.all(f"SELECT username, name FROM account WHERE site = 'code' AND username IN ({holes})", *usernames)
    return {row["username"]: row["name"] for row in rows}


def branch_of(visit: Visit, project: Project, name: str = "") -> sqlite3.Row | None:
    """A branch by name; the default branch without one."""
    return visit.one(
        "SELECT * FROM code_branch WHERE project = ? AND name = ?", project.id, name or project.row["branch"]
    )


def page_of(visit: Visit, count: int, *, size: int) -> tuple[int, int, int]:
    """The page that is asked for, the last one, and how many entries to pass over."""
    last = max(1, -(-count // size))
    page = min(visit.number("page", 1, least=1), last)
    return page, last, (page - 1) * size
