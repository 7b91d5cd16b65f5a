"""The back end of search: the firm's handbook, and bookmarks into it."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import State, Tool, found, new_id, optional, takes, text, whole

__all__ = ["TOOLS"]

LIMIT = 3
"""Articles that `search_articles` returns when it is not told how many."""


def search_articles(state: State, *, query: str, limit: int) -> JSON:
    words = query.casefold().split()
    scored = [
        (-sum(f"{article['title']} {article['body']}".casefold().count(word) for word in words), key)
        for key, article in state["articles"].items()
    ]
    hits = [key for score, key in sorted(scored) if score]
    return {"hits": [{"id": key, "title": state["articles"][key]["title"]} for key in hits[:limit]]}


def get_article(state: State, *, article_id: str) -> JSON:
    return found(state, table="articles", key=article_id)


def bookmark_article(state: State, *, article_id: str, label: str) -> JSON:
    found(state, table="articles", key=article_id)
    key = new_id(state, table="bookmarks", letter="K")
    state["bookmarks"][key] = {"id": key, "article_id": article_id, "label": label}
    return {"id": key}


def list_bookmarks(state: State) -> JSON:
    return {"bookmarks": list(state["bookmarks"].values())}


TOOLS = (
    Tool(
        run=search_articles,
        description="Handbook articles that contain any of the words, those with most mentions first.",
        parameters=takes(
            query=text("Words, with spaces between them; case does not matter."),
            limit=optional(whole("How many at most.", low=1, high=10), LIMIT),
        ),
    ),
    Tool(
        run=get_article,
        description="An article's title and text.",
        parameters=takes(article_id=text("The article's id, such as H-203.")),
    ),
    Tool(
        run=bookmark_article,
        description="Keeps an article under a label, and returns the bookmark's id.",
        parameters=takes(article_id=text("The article's id, such as H-203."), label=text("The label.")),
    ),
    Tool(run=list_bookmarks, description="All bookmarks, with article and label.", parameters=takes()),
)
