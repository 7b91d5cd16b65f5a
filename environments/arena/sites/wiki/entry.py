"""What an article is."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Article"]


class Article(NamedTuple):
    """One article; `[[Title]]` links to another.

    Blocks are parted by an empty line. One that begins with `== ` is a heading, one that begins with `| ` a table of
    facts, a line each: `| Inhabitants | 61,400`.
    """

    title: str
    topic: str
    body: str
