"""All articles of the wiki, about the county that the sites share. Places and figures agree with the map."""

from __future__ import annotations

from environments.arena.sites.wiki.entry import Article
from environments.arena.sites.wiki.land import LAND
from environments.arena.sites.wiki.people import PEOPLE
from environments.arena.sites.wiki.places import PLACES
from environments.arena.sites.wiki.works import WORKS

__all__ = ["ARTICLES", "Article"]

ARTICLES: tuple[Article, ...] = (*PLACES, *LAND, *PEOPLE, *WORKS)
