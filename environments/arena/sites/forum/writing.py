"""What members of the forum write: posts, comments, votes, reports."""

from __future__ import annotations

import json
from collections.abc import Mapping

from environments.arena.visit import Page, Visit

__all__ = [
    "comment",
    "delete",
    "delete_comment",
    "edit",
    "edit_form",
    "report",
    "save",
    "submit",
    "submit_form",
    "vote",
]

TITLE_LENGTH = 140
REASONS = ("Spam", "Rude", "Off topic", "Wrong information")


def submit_form(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    slug = visit.query.get("community", "")
    chosen = visit.value("SELECT title FROM forum_community WHERE slug = ?", slug) or ""
    return visit.page("submit.html", values={"community": chosen}, errors={})


def submit(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    values = {name: visit.form.get(name, "").strip() for name in ("community", "title", "body", "link")}
    place = visit.one("SELECT * FROM forum_community WHERE title = ? COLLATE NOCASE", values["community"])
    errors = faults(values)
    if place is None:
        errors["community"] = "Choose one of the communities."
    if errors or place is None:
        return visit.page("submit.html", status=422, values=values, errors=errors)
    number = visit.write(
        "INSERT INTO forum_post (community, author, title, body, link, at, score) VALUES (?, ?, ?, ?, ?, ?, 1)",
        place["id"], account.username, values["title"], values["body"], values["link"], visit.now.isoformat(),
    )  # fmt: skip
    visit.write("INSERT INTO forum_vote VALUES (?, ?, 1)", number, account.username)
    return visit.redirect(f"/post/{number}", success="Your post is published.")


def faults(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a post, by field."""
    found = {}
    if not 4 <= len(values["title"]) <= TITLE_LENGTH:
        found["title"] = f"A title has 4 to {TITLE_LENGTH} characters."
    if not values["body"] and not values["link"]:
        found["body"] = "Write a text or give a link."
    if values["link"] and not values["link"].startswith(("http://", "https://")):
        found["link"] = "A link begins with http:// or https://."
    return found


def edit_form(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM forum_post WHERE id = ?", visit.path["id"])
    if row is None or visit.account is None:
        return visit.not_found() if row is None else visit.ask_to_log_in()
    if row["author"] != visit.account.username:
        return visit.forbidden("Only its author may change a post.")
    return visit.page("edit.html", post=row, values=dict(row), errors={})


def edit(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM forum_post WHERE id = ?", visit.path["id"])
    if row is None or visit.account is None or row["author"] != visit.account.username:
        return visit.not_found() if row is None else visit.forbidden("Only its author may change a post.")
    values = {"title": visit.form.get("title", "").strip(), "body": visit.form.get("body", "").strip()}
    errors = faults({**values, "link": row["link"]})
    if errors:
        return visit.page("edit.html", status=422, post=row, values=values, errors=errors)
    visit.write(
        "UPDATE forum_post SET title = ?, body = ?, edited = ? WHERE id = ?",
        values["title"], values["body"], visit.now.isoformat(), row["id"],
    )  # fmt: skip
    return visit.redirect(f"/post/{row['id']}", success="Your post is changed.")


def delete(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM forum_post WHERE id = ?", visit.path["id"])
    if row is None or visit.account is None or row["author"] != visit.account.username:
        return visit.not_found() if row is None else visit.forbidden("Only its author may delete a post.")
    for table, column in (("comment", "post"), ("vote", "post"), ("saved", "post"), ("post", "id")):
        visit.write(f"DELETE FROM forum_{table} WHERE {column} = ?", row["id"])
    return visit.redirect(f"/u/{row['author']}", success="Your post is deleted.")


def comment(visit: Visit) -> Page:
    """Add a comment, or a reply where `parent` is given."""
    post, account = visit.path["id"], visit.account
    if visit.one("SELECT 1 FROM forum_post WHERE id = ?", post) is None:
        return visit.not_found("This post does not exist, or was deleted.")
    if account is None:
        return visit.ask_to_log_in()
    body, parent = visit.form.get("body", "").strip(), visit.number("parent", 0) or None
    if not body:
        return visit.redirect(f"/post/{post}", error="A comment needs some text.")
    if parent and visit.one("SELECT 1 FROM forum_comment WHERE id = ? AND post = ?", parent, post) is None:
        return visit.redirect(f"/post/{post}", error="The comment you answered was deleted.")
    visit.write(
        "INSERT INTO forum_comment (post, parent, author, body, at) VALUES (?, ?, ?, ?, ?)",
        post, parent, account.username, body, visit.now.isoformat(),
    )  # fmt: skip
    visit.write("UPDATE forum_post SET comments = comments + 1 WHERE id = ?", post)
    return visit.redirect(f"/post/{post}", success="Your comment is there.")


def delete_comment(visit: Visit) -> Page:
    """Delete one's own comment; answers to it stay, so its text is replaced where there are any."""
    row = visit.one("SELECT * FROM forum_comment WHERE id = ?", visit.path["id"])
    if row is None or visit.account is None or row["author"] != visit.account.username:
        return visit.not_found() if row is None else visit.forbidden("Only its author may delete a comment.")
    if visit.one("SELECT 1 FROM forum_comment WHERE parent = ?", row["id"]):
        visit.write("UPDATE forum_comment SET body = '[deleted]' WHERE id = ?", row["id"])
    else:
        visit.write("DELETE FROM forum_comment WHERE id = ?", row["id"])
        visit.write("UPDATE forum_post SET comments = comments - 1 WHERE id = ?", row["post"])
    return visit.redirect(f"/post/{row['post']}", success="Your comment is deleted.")


def vote(visit: Visit) -> Page:
    """Vote up or down; the same vote again takes it back. Asked by a script, the answer is the score."""
    post, account = visit.path["id"], visit.account
    if account is None:
        return visit.ask_to_log_in()
    if visit.one("SELECT 1 FROM forum_post WHERE id = ?", post) is None:
        return visit.not_found("This post does not exist, or was deleted.")
    value = -1 if visit.form.get("value") == "-1" else 1
    before = visit.value("SELECT value FROM forum_vote WHERE post = ? AND username = ?", post, account.username) or 0
    now = 0 if before == value else value
    visit.write("DELETE FROM forum_vote WHERE post = ? AND username = ?", post, account.username)
    if now:
        visit.write("INSERT INTO forum_vote VALUES (?, ?, ?)", post, account.username, now)
    visit.write("UPDATE forum_post SET score = score + ? WHERE id = ?", now - before, post)
    score = visit.value("SELECT score FROM forum_post WHERE id = ?", post)
    if visit.form.get("script"):
        return visit.json(json.dumps({"score": score, "vote": now}))
    return visit.redirect(f"/post/{post}")


def save(visit: Visit) -> Page:
    """Keep a post for later, or forget it."""
    post, account = visit.path["id"], visit.account
    if account is None:
        return visit.ask_to_log_in()
    if visit.write("DELETE FROM forum_saved WHERE username = ? AND post = ?", account.username, post):
        return visit.redirect(f"/post/{post}", info="The post is no longer saved.")
    if visit.one("SELECT 1 FROM forum_post WHERE id = ?", post) is None:
        return visit.not_found("This post does not exist, or was deleted.")
    visit.write("INSERT INTO forum_saved VALUES (?, ?)", account.username, post)
    return visit.redirect(f"/post/{post}", success="The post is saved.")


def report(visit: Visit) -> Page:
    post, account = visit.path["id"], visit.account
    if account is None:
        return visit.ask_to_log_in()
    reason = visit.form.get("reason", "")
    if reason not in REASONS or visit.one("SELECT 1 FROM forum_post WHERE id = ?", post) is None:
        return visit.redirect(f"/post/{post}", error="Choose a reason.")
    visit.write("INSERT INTO forum_report (post, username, reason) VALUES (?, ?, ?)", post, account.username, reason)
    return visit.redirect(f"/post/{post}", success="The moderators will look at it.")
