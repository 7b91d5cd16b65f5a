"""What a site is: its tables, its seeded data, and the pages it answers with.

    def product(visit: Visit) -> Page:
        row = visit.one("SELECT * FROM shop_product WHERE id = ?", visit.path["id"])
        if row is None:
            return visit.not_found("There is no such product.")
        return visit.page("product.html", product=row)

    SITE = Site(name="shop", title="Larch & Lantern", ..., routes=(Route("/product/{id:int}", product),))

A handler for GET only reads: the database refuses to be written to. One for POST may write, and nearly always answers
with a redirect, so that a page can be loaded again. What it says to the visitor travels in a cookie (`notice`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from environments.arena.instance import Instance, Session, Size

__all__ = ["Account", "Notice", "Page", "Route", "Seed", "Site", "Visit"]

Seed = Callable[[sqlite3.Connection, Random, "Size"], None]
"""Fills a site's tables, and its accounts, from nothing but the generator: the same seed gives the same rows."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who is logged in."""

    username: str
    name: str
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message shown once on the next page."""

    kind: Literal["success", "error", "info"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer. Made by `Visit`'s methods."""

    status: int = 200
    body: str = ""
    media_type: str = "text/html"
    location: str = ""
    notice: Notice | None = None
    session: Session | None = None
    """A session that the visitor is to get."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request, and all that its handler may use."""

    site: Site
    instance: Instance
    method: str
    url: str
    """Path and query, as asked for."""
    path: Mapping[str, Any]
    """The parts of the path that the route names, converted."""
    query: Mapping[str, str]
    """The last value of each name."""
    form: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """All values of each name of query and form, for what may be chosen several times."""
    session: Session | None = None
    notice: Notice | None = None
    render: Callable[..., str] = lambda *_, **__: ""

    @property
    def place(self) -> str:
        """Site, path and query: one address among all sites."""
        return f"{self.site.name}{self.url}"

    @property
    def now(self) -> datetime:
        """The instance's time."""
        return self.instance.now

    @property
    def account(self) -> Account | None:
        """Who is logged in at this site; None for a guest."""
        if self.session is None or not self.session.username:
            return None
        row = self.one("SELECT * FROM account WHERE site = ? AND username = ?", self.site.name, self.session.username)
        return Account(row["username"], row["name"], row["email"], row["role"]) if row else None

    # ---- the database

    def all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self.instance.db.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self.instance.db.execute(statement, values).fetchone()
        return row

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None without a row."""
        row = self.one(statement, *values)
        return None if row is None else row[0]

    def write(self, statement: str, *values: Any) -> int:
        """Insert, update or delete, in a handler for POST; returns the new row's id, or how many rows changed."""
        cursor = self.instance.db.execute(statement, values)
        return int((cursor.lastrowid or 0) if statement.lstrip()[:6].upper() == "INSERT" else cursor.rowcount)

    # ---- the visitor

    def number(self, name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number of query or form, brought within its bounds; the default where it is none."""
        text = self.form.get(name, self.query.get(name, "")).strip()
        return min(max(int(text), least), most) if text.lstrip("-").isdigit() and len(text) < 12 else default

    def remember(self, **values: Any) -> Session:
        """Keep values in the visitor's session, which is opened if there is none. In a handler for POST only."""
        return self._kept({**(self.session.data if self.session else {}), **values})

    def log_in(self, username: str) -> Session:
        """Open a session for an account; what the guest's session held is kept."""
        data = dict(self.session.data) if self.session else {}
        self.session = self.instance.open_session(self.site.name, username=username)
        return self._kept(data)

    def log_out(self) -> None:
        """Forget who is logged in."""
        from environments.arena.instance import Session

        if self.session is not None:
            self.session = Session(self.session.token, "", {})
            self.instance.keep_session(self.session)

    def _kept(self, data: Mapping[str, Any]) -> Session:
        from environments.arena.instance import Session

        opened = self.session or self.instance.open_session(self.site.name)
        self.session = Session(opened.token, opened.username, data)
        self.instance.keep_session(self.session)
        return self.session

    # ---- answers

    def page(self, template: str, *, status: int = 200, **values: Any) -> Page:
        """A page from a template of this site, or of those that all share. `visit` and `look` are there by name."""
        body = self.render(template, visit=self, look=self.instance.look, account=self.account, **values)
        return Page(status=status, body=body, session=self.session)

    def json(self, text: str, *, status: int = 200) -> Page:
        """An answer to a script of the page."""
        return Page(status=status, body=text, media_type="application/json", session=self.session)

    def redirect(self, location: str, *, success: str = "", error: str = "", info: str = "") -> Page:
        """See another page next, with a message there."""
        kind: Literal["success", "error", "info"] = "success" if success else "error" if error else "info"
        text = success or error or info
        notice = Notice(kind, text) if text else None
        return Page(status=303, location=location, notice=notice, session=self.session)

    def not_found(self, text: str = "There is nothing at this address.") -> Page:
        """A page that says so, with status 404."""
        return self.page("error.html", status=404, title="Not found", text=text)

    def forbidden(self, text: str = "You may not do that.") -> Page:
        """A page that says so, with status 403."""
        return self.page("error.html", status=403, title="Not allowed", text=text)

    def ask_to_log_in(self) -> Page:
        """To the log-in page, and back here after it."""
        from urllib.parse import quote

        return self.redirect(f"/login?next={quote(self.url, safe='')}", info="Please sign in first.")


Handler = Callable[[Visit], Page]


@dataclass(frozen=True, slots=True)
class Route:
    """An address in Starlette's notation, such as `/product/{id:int}`, and who answers there."""

    path: str
    get: Handler | None = None
    post: Handler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site, served at `http://NAME.localhost:PORT`."""

    name: str
    title: str
    schema: str
    """`CREATE TABLE` and `CREATE INDEX` statements; names begin with the site's own name and `_`."""
    seed: Seed
    routes: Sequence[Route]
    folder: Path
    """Holds `templates/` and perhaps `static/`."""
    navigation: Callable[[Visit], Sequence[tuple[str, str]]] = lambda _: ()
    """Labels and addresses of the main menu."""
    accounts: str = ""
    """The site whose accounts are used, where it is not this one (the shop's admin has its own)."""
