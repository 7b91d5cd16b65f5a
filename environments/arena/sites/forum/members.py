"""Members: profiles, settings, subscriptions, saved posts, replies to what one wrote."""

from __future__ import annotations

from environments.arena.sites.forum.reading import ORDER_NAMES, POST, listed
from environments.arena.visit import Page, Visit

__all__ = ["mark_read", "profile", "replies", "saved", "settings", "settings_form", "subscribe"]

SHOWN = 20
BIO_LENGTH = 300
NEVER = "0001-01-01"


def profile(visit: Visit) -> Page:
    """A member: what they say about themselves, and a tab each for posts, comments and communities."""
    username = visit.path["username"]
    member = visit.one(
        "SELECT * FROM account JOIN forum_member USING (username) WHERE site = 'forum' AND username = ?", username
    )
    if member is None:
        return visit.not_found("There is no such member.")
    counts = {
        "posts": visit.value("SELECT count(*) FROM forum_post WHERE author = ?", username),
        "comments": visit.value("SELECT count(*) FROM forum_comment WHERE author = ?", username),
        "score": visit.value("SELECT coalesce(sum(score), 0) FROM forum_post WHERE author = ?", username),
    }
    joined = visit.all(
        "SELECT * FROM forum_community JOIN forum_subscription ON community = id WHERE username = ? ORDER BY title",
        username,
    )
    tab = visit.query.get("tab", "posts")
    last = max(1, -(-int(counts["comments"]) // SHOWN))
    page = min(visit.number("page", 1, least=1), last)
    comments = visit.all(
        f"""SELECT forum_comment.*, forum_post.title FROM forum_comment JOIN forum_post ON forum_post.id = post
            WHERE forum_comment.author = ? ORDER BY forum_comment.at DESC, forum_comment.id DESC
            LIMIT {SHOWN} OFFSET {(page - 1) * SHOWN}""", username,
    )  # fmt: skip
    return visit.page(
        "profile.html", member=member, counts=counts, joined=joined, orders=ORDER_NAMES, comments=comments,
        tab=tab if tab in ("posts", "comments", "communities") else "posts", page=page, last=last,
        list=listed(visit, "author = ?", username),
    )  # fmt: skip


def settings_form(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    bio, mail = visit.all("SELECT bio, mail FROM forum_member WHERE username = ?", visit.account.username)[0]
    return visit.page("settings.html", name=visit.account.name, bio=bio, mail=mail, errors={})


def settings(visit: Visit) -> Page:
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    name, bio = visit.form.get("name", "").strip(), visit.form.get("bio", "").strip()
    mail = int(visit.form.get("mail") == "1")
    errors = {} if name else {"name": "A name is needed."}
    if len(bio) > BIO_LENGTH:
        errors["bio"] = f"At most {BIO_LENGTH} characters, please."
    if errors:
        return visit.page("settings.html", status=422, name=name, bio=bio, mail=mail, errors=errors)
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


def replies(visit: Visit) -> Page:
    """What others answered to one's posts and comments, the newest first."""
    account = visit.account
    if account is None:
        return visit.ask_to_log_in()
    rows = visit.all(
        """SELECT forum_comment.*, forum_post.title FROM forum_comment JOIN forum_post ON forum_post.id = post
           WHERE forum_comment.id IN (
               SELECT id FROM forum_comment WHERE parent IN (SELECT id FROM forum_comment WHERE author = ?)
               UNION SELECT id FROM forum_comment
               WHERE +parent IS NULL AND post IN (SELECT id FROM forum_post WHERE author = ?)
           ) AND forum_comment.author <> ? ORDER BY forum_comment.at DESC, forum_comment.id DESC LIMIT 30
        """, account.username, account.username, account.username,
    )  # fmt: skip
    seen = visit.value("SELECT at FROM forum_seen WHERE username = ?", account.username) or NEVER
    return visit.page("replies.html", replies=rows, seen=seen, unread=sum(row["at"] > seen for row in rows))


def mark_read(visit: Visit) -> Page:
    if visit.account is None:
        return visit.ask_to_log_in()
    visit.write("REPLACE INTO forum_seen VALUES (?, ?)", visit.account.username, visit.now.isoformat())
    return visit.redirect("/replies", success="Nothing is unread now.")
