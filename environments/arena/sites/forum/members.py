"""Members: profiles, settings, subscriptions, saved posts."""

from __future__ import annotations

from environments.arena.sites.forum.reading import POST
from environments.arena.visit import Page, Visit

__all__ = ["profile", "saved", "settings", "settings_form", "subscribe"]

SHOWN = 20
BIO_LENGTH = 300


def profile(visit: Visit) -> Page:
    """A member with posts, comments or what they say about themselves."""
    username = visit.path["username"]
    member = visit.one(
        "SELECT * FROM account JOIN forum_member USING (username) WHERE site = 'forum' AND username = ?", username
    )
    if member is None:
        return visit.not_found("There is no such member.")
    posts = visit.all(f"{POST} WHERE author = ? ORDER BY at DESC LIMIT {SHOWN}", username)
    comments = visit.all(
        f"""SELECT forum_comment.*, forum_post.title FROM forum_comment JOIN forum_post ON forum_post.id = post
            WHERE forum_comment.author = ? ORDER BY forum_comment.at DESC LIMIT {SHOWN}""", username,
    )  # fmt: skip
    counts = {
        "posts": visit.value("SELECT count(*) FROM forum_post WHERE author = ?", username),
        "comments": visit.value("SELECT count(*) FROM forum_comment WHERE author = ?", username),
        "score": visit.value("SELECT coalesce(sum(score), 0) FROM forum_post WHERE author = ?", username),
    }
    return visit.page("profile.html", member=member, posts=posts, comments=comments, counts=counts)


def settings_form(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    bio, mail = visit.all("SELECT bio, mail FROM forum_member WHERE username = ?", visit.account.username)[0]
    return visit.page("settings.html", name=visit.account.name, bio=bio, mail=mail, error="")


def settings(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    name, bio = visit.form.get("name", "").strip(), visit.form.get("bio", "").strip()
    mail = int(visit.form.get("mail") == "1")
    if not name or len(bio) > BIO_LENGTH:
        error = "A name is needed." if not name else f"At most {BIO_LENGTH} characters, please."
        return visit.page("settings.html", status=422, name=name, bio=bio, mail=mail, error=error)
    visit.write("UPDATE account SET name = ? WHERE site = 'forum' AND username = ?", name, account.username)
    visit.write("UPDATE forum_member SET bio = ?, mail = ? WHERE username = ?", bio, mail, account.username)
    return visit.redirect(f"/u/{account.username}", success="Your profile is saved.")


def subscribe(visit: Visit) -> Page:
    """Join a community, or leave it."""
    row = visit.one("SELECT * FROM forum_community WHERE slug = ?", visit.path["slug"])
    if row is None or visit.account is None:
        return visit.not_found("There is no such community.") if row is None else visit.ask_to_log_in()
    key = (visit.account.username, row["id"])
    if visit.write("DELETE FROM forum_subscription WHERE username = ? AND community = ?", *key):
        return visit.redirect(f"/c/{row['slug']}", info=f"You left {row['title']}.")
    visit.write("INSERT INTO forum_subscription VALUES (?, ?)", *key)
    return visit.redirect(f"/c/{row['slug']}", success=f"You are subscribed to {row['title']}.")


def saved(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    where = "forum_post.id IN (SELECT post FROM forum_saved WHERE username = ?)"
    return visit.page("saved.html", posts=visit.all(f"{POST} WHERE {where} ORDER BY at DESC", visit.account.username))
