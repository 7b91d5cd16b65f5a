"""The wiki's articles, about the county that the sites share. Places and figures agree with the map."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ARTICLES", "Article"]


class Article(NamedTuple):
    """One article; `[[Title]]` links to another, a block that begins with `== ` is a heading."""

    title: str
    topic: str
    body: str


ARTICLES: tuple[Article, ...] = (
    Article(
        "Fernwick",
        "places",
        """Fernwick is the county town of [[Larchmoor County]]. It lies on both banks of the [[River Sedge]] and had
61,400 inhabitants at the census of 2021.

== History

The town grew around a ford. A charter of 1284 gave it the right to hold a market, which is still held on Saturdays in
Corn Square. The railway came in 1863.

== Economy

The largest employers are the county hospital, the lantern works and the university, founded in 1921.""",
    ),
    Article(
        "Larchmoor County",
        "places",
        """Larchmoor is a county of 2,310 square kilometres with 184,000 inhabitants. Its county town is [[Fernwick]].

== Nature

The north is moorland, the south is drained by the [[River Sedge]]. The highest point is [[Harrow Fell]], at 742
metres.""",
    ),
    Article(
        "River Sedge",
        "nature",
        """The River Sedge is 118 kilometres long. It rises on [[Harrow Fell]], passes [[Fernwick]] and reaches the sea
at Port Callow.""",
    ),
    Article(
        "Harrow Fell",
        "nature",
        """Harrow Fell is, at 742 metres, the highest hill of [[Larchmoor County]]. The usual way up begins at the
Sedgehead car park and takes about three hours.""",
    ),
)
