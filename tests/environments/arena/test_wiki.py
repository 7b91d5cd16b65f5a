"""The wiki: its articles agree with each other and with the map; edits need an account, a text and a summary."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from environments.arena.instance import Instance, pristine
from environments.arena.look import LEVELS
from environments.arena.server import Arena, listening
from environments.arena.sites import load_sites
from environments.arena.sites.map.county import FELL, ROADS, TOWNS
from environments.arena.sites.wiki import linked, slug_of
from environments.arena.sites.wiki.articles import ARTICLES
from environments.arena.tasks import Data, templates_of

BODIES = {article.title: article.body for article in ARTICLES}


@asynccontextmanager
async def wiki(*, drift: int = 0) -> AsyncIterator[tuple[httpx.AsyncClient, Data]]:
    arena = Arena(load_sites(("wiki",)))
    image = pristine(load_sites(("wiki",)), size="small")
    instance = arena.instances["main"] = Instance(image, seed=0, size="small", drift=drift)
    async with listening(arena, host="127.0.0.1", port=0, socket=None) as port:
        base, headers = f"http://127.0.0.1:{port}", {"Host": f"wiki.localhost:{port}"}
        async with httpx.AsyncClient(base_url=base, headers=headers, follow_redirects=True) as client:
            yield client, Data(instance.db)


def test_there_are_sixty_articles_and_every_link_leads_to_one() -> None:
    assert len(ARTICLES) == len(BODIES) >= 60
    assert len({slug_of(title) for title in BODIES}) == len(BODIES)
    for title, body in BODIES.items():
        assert set(re.findall(r"\[\[(.+?)\]\]", body)) <= BODIES.keys() - {title}, title


def test_places_have_the_inhabitants_and_postcodes_of_the_map() -> None:
    for town in TOWNS:
        assert f"| Inhabitants (2021) | {town.inhabitants:,}\n| Postcode | {town.postcode}\n" in BODIES[town.name]
    assert f"| Height | {FELL[1]} metres" in BODIES[FELL[0]]
    for road in ROADS:
        if road.name in BODIES:
            named = [town for town in re.findall(r"\[\[(.+?)\]\]", BODIES[road.name]) if town in road.towns]
            assert set(road.towns) <= set(named), road.name


def test_people_were_born_before_they_did_anything() -> None:
    for article in ARTICLES:
        if article.topic == "people":
            born, died = (int(year) for year in re.findall(r"^\| (?:Born|Died) \| (\d{4})", article.body, re.MULTILINE))
            years = [int(year) for year in re.findall(r"\b1[789]\d\d\b", article.body)]
            assert all(born <= year <= died for year in years), article.title


def test_a_text_becomes_facts_headings_paragraphs_and_links_and_nothing_else() -> None:
    html = linked("| Area | 3 <b>\r\n| Mouth | [[Cray's End]]\r\n\r\n== Old\r\n\r\nAnd <script> so.")
    assert '<tr><th scope="row">Area</th><td>3 &lt;b&gt;</td></tr>' in html
    assert '<a href="/wiki/cray-s-end">Cray&#39;s End</a>' in html
    assert "<h2>Old</h2>\n<p>And &lt;script&gt; so.</p>" in html


@pytest.mark.parametrize("drift", LEVELS)
async def test_every_article_and_page_answers(drift: int) -> None:
    async with wiki(drift=drift) as (client, _):
        addresses = [f"/wiki/{slug_of(title)}" for title in BODIES]
        for address in [*addresses, "/", "/search?q=river", "/topic/food", "/wiki/quarr/history", "/login"]:
            assert (await client.get(address)).status_code == 200, address
        for address in ("/wiki/none", "/topic/none", "/wiki/none/edit"):
            assert (await client.get(address)).status_code == 404, address


async def test_an_edit_needs_an_account_a_text_and_a_summary() -> None:
    async with wiki() as (client, data):
        assert "Please sign in first." in (await client.get("/wiki/quarr/edit")).text
        await client.post("/wiki/quarr/edit", data={"body": "Vandals.", "summary": "ha"})
        assert data.value("SELECT body FROM wiki_article WHERE slug = 'quarr'") == BODIES["Quarr"]
        await client.post("/login", data={"username": "editor", "password": "editor-pass"})
        wrong = await client.post("/wiki/quarr/edit", data={"body": "Kept while wrong.", "summary": ""})
        assert wrong.status_code == 422
        assert "Kept while wrong." in wrong.text
        saved = await client.post("/wiki/quarr/edit", data={"body": "Shorter.", "summary": "Cut down"})
        assert "Your changes are saved." in saved.text
        assert "Cut down" in (await client.get("/wiki/quarr/history")).text
        assert data.value("SELECT count(*) FROM wiki_revision WHERE slug = 'quarr'") == 2


def test_templates_ask_for_what_the_articles_say() -> None:
    import environments.arena.sites.wiki.tasks

    assert environments.arena.sites.wiki.tasks.START
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.deserialize(pristine(load_sites(("wiki",)), size="small"))
    templates = templates_of("environments.arena.sites.wiki.tasks")
    assert [template.split for template in templates].count("heldout") == 2
    for template in templates:
        drafts = [template.make(Data(db), Random(f"{template.name} {number}")) for number in range(5)]
        assert len({draft.intent for draft in drafts}) >= 3, template.name
        assert all(word in draft.intent for draft in drafts for word in draft.words.values())
