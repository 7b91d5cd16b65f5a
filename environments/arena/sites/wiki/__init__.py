"""A small reference wiki: articles, links between them, search, and revisions for those who are signed in."""

from __future__ import annotations

import re
import sqlite3
from html import unescape
from pathlib import Path
from random import Random

from markupsafe import Markup, escape

from environments.arena.accounts import SIGNING_IN, add_account
from environments.arena.instance import DAY_ONE, Size
from environments.arena.sites.wiki.articles import ARTICLES
from environments.arena.visit import Page, Route, Site, Visit

__all__ = ["SITE"]

SCHEMA = """
CREATE TABLE wiki_article (slug TEXT PRIMARY KEY, title TEXT NOT NULL, topic TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE wiki_revision (
    id INTEGER PRIMARY KEY, slug TEXT NOT NULL REFERENCES wiki_article, username TEXT NOT NULL, summary TEXT NOT NULL,
    body TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX wiki_revision_slug ON wiki_revision (slug);
"""


def seed(db: sqlite3.Connection, rng: Random, size: Size) -> None:
    """The articles are the same at every seed and size: they are what tasks look things up in."""
    add_account(db, "editor", site="wiki", name="Edda Torsson", joined="2024-05-11")
    for article in ARTICLES:
        slug = slug_of(article.title)
        db.execute("INSERT INTO wiki_article VALUES (?, ?, ?, ?)", (slug, article.title, article.topic, article.body))
        row = (slug, "editor", "First version", article.body, DAY_ONE.replace(hour=8).isoformat())
        db.execute("INSERT INTO wiki_revision (slug, username, summary, body, at) VALUES (?, ?, ?, ?, ?)", row)


def slug_of(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def link(match: re.Match[str]) -> str:
    """Of escaped text."""
    return f'<a href="/wiki/{slug_of(unescape(match[1]))}">{match[1]}</a>'


def linked(text: str) -> Markup:
    """Paragraphs, headings and tables of facts, with `[[Title]]` as a link; everything else is text."""
    blocks = []
    for block in text.strip().replace("\r\n", "\n").split("\n\n"):
        words = re.sub(r"\[\[(.+?)\]\]", link, str(escape(block)))
        if words.startswith("== "):
            blocks.append(f"<h2>{words[3:]}</h2>")
        elif words.startswith("| "):
            blocks.append(facts(words))
        else:
            blocks.append(f"<p>{words}</p>")
    return Markup("\n".join(blocks))


def facts(block: str) -> str:
    """A table of what the lines `| name | value` say."""
    rows = (line.removeprefix("| ").partition(" | ") for line in block.split("\n"))
    cells = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, _, value in rows)
    return f'<table class="facts"><tbody>{cells}</tbody></table>'


def home(visit: Visit) -> Page:
    topics = visit.all("SELECT topic, count(*) AS articles FROM wiki_article GROUP BY topic ORDER BY topic")
    latest = visit.all("SELECT * FROM wiki_revision JOIN wiki_article USING (slug) ORDER BY id DESC LIMIT 5")
    return visit.page("home.html", topics=topics, latest=latest)


def search(visit: Visit) -> Page:
    words = visit.query.get("q", "").strip()
    like = f"%{words}%"
    found = visit.all(
        "SELECT * FROM wiki_article WHERE title LIKE ? OR body LIKE ? ORDER BY title LIKE ? DESC, title LIMIT 50",
        like, like, like,
    )  # fmt: skip
    return visit.page("search.html", words=words, found=found if words else [])


def topic(visit: Visit) -> Page:
    found = visit.all("SELECT * FROM wiki_article WHERE topic = ? ORDER BY title", visit.path["topic"])
    return visit.page("topic.html", topic=visit.path["topic"], found=found) if found else visit.not_found()


def article(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM wiki_article WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no article of this name.")
    return visit.page("article.html", article=row, text=linked(row["body"]))


def history(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM wiki_article WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no article of this name.")
    revisions = visit.all("SELECT * FROM wiki_revision WHERE slug = ? ORDER BY id DESC", visit.path["slug"])
    return visit.page("history.html", article=row, revisions=revisions)


def edit(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM wiki_article WHERE slug = ?", visit.path["slug"])
    if row is None:
        return visit.not_found("There is no article of this name.")
    if visit.account is None:
        return visit.ask_to_log_in()
    return visit.page("edit.html", article=row, body=row["body"], error="")


def save(visit: Visit) -> Page:
    row = visit.one("SELECT * FROM wiki_article WHERE slug = ?", visit.path["slug"])
    account = visit.account
    if row is None or account is None:
        return visit.ask_to_log_in() if row else visit.not_found("There is no article of this name.")
    body, summary = visit.form.get("body", "").strip(), visit.form.get("summary", "").strip()
    if not body or not summary:
        error = "An article needs a text." if not body else "Say in a few words what you changed."
        return visit.page("edit.html", status=422, article=row, body=body, error=error)
    visit.write("UPDATE wiki_article SET body = ? WHERE slug = ?", body, row["slug"])
    visit.write(
        "INSERT INTO wiki_revision (slug, username, summary, body, at) VALUES (?, ?, ?, ?, ?)",
        row["slug"], account.username, summary, body, visit.now.isoformat(),
    )  # fmt: skip
    return visit.redirect(f"/wiki/{row['slug']}", success="Your changes are saved.")


SITE = Site(
    name="wiki",
    title="Fernwick Commons",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", home),
        Route("/search", search),
        Route("/topic/{topic}", topic),
        Route("/wiki/{slug}", article),
        Route("/wiki/{slug}/history", history),
        Route("/wiki/{slug}/edit", edit, save),
        *SIGNING_IN,
    ),
    folder=Path(__file__).parent,
    navigation=lambda visit: (("Start", "/"), ("All articles", "/search?q=e")),
)
