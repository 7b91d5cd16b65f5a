"""Signing in and out, the same at every site."""

from __future__ import annotations

import sqlite3

from environments.arena.visit import Page, Route, Visit

__all__ = ["SIGNING_IN", "add_account"]


def form(visit: Visit) -> Page:
    return visit.page("login.html", next=visit.query.get("next", "/"), username="", error="")


def sign_in(visit: Visit) -> Page:
    """Passwords are kept as they are: these people do not exist, and tasks name them."""
    username, password = visit.form.get("username", "").strip(), visit.form.get("password", "")
    known = visit.one("SELECT * FROM account WHERE site = ? AND username = ?", visit.site.name, username)
    if known is None or known["password"] != password:
        error = "User name or password is wrong."
        return visit.page("login.html", status=422, next=visit.form.get("next", "/"), username=username, error=error)
    visit.log_in(username)
    target = visit.form.get("next", "/")
    return visit.redirect(target if target.startswith("/") and not target.startswith("//") else "/")


def sign_out(visit: Visit) -> Page:
    visit.log_out()
    return visit.redirect("/", info="You are signed out.")


SIGNING_IN = (Route("/login", form, sign_in), Route("/logout", post=sign_out))


def add_account(
    db: sqlite3.Connection, username: str, *, site: str, name: str, joined: str, role: str = "user", password: str = ""
) -> None:
    """Add an account while a site is seeded; the password is `username-pass` where none is given."""
    email = f"{username}@example.com"
    db.execute(
        "INSERT INTO account (site, username, password, name, email, role, joined) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (site, username, password or f"{username}-pass", name, email, role, joined),
    )
