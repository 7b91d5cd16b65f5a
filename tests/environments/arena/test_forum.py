"""The forum: every address answers, forms say what is wrong with them, what is sent is there afterwards.

Guarantees: only an author changes what is theirs; a vote counts once; counts shown agree with the rows; every template
makes five different tasks, solvable by design in words that the grader can tell from a near miss.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from environments.arena.instance import DAY_ONE, Instance, pristine
from environments.arena.look import LEVELS, Look
from environments.arena.server import Arena, listening
from environments.arena.sites import load_sites
from environments.arena.sites.forum import SITE
from environments.arena.sites.forum.wording import COMMUNITIES
from environments.arena.tasks import Data, templates_of

MARA = {"username": "mara.quill", "password": "mara.quill-pass"}


@pytest.fixture(scope="module")
def image() -> bytes:
    return pristine(load_sites(("forum",)), seed=2, size="small")


@asynccontextmanager
async def forum(image: bytes, *, drift: int = 0, sign_in: bool = True) -> AsyncIterator[tuple[httpx.AsyncClient, Data]]:
    arena = Arena(load_sites(("forum",)))
    instance = arena.instances["main"] = Instance(image, seed=2, size="small", drift=drift)
    async with listening(arena, host="127.0.0.1", port=0, socket=None) as port:
        headers = {"Host": f"forum.localhost:{port}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, follow_redirects=True
        ) as client:
            if sign_in:
                await client.post("/login", data=MARA)
            yield client, Data(instance.db)


def foreign(data: Data) -> int:
    return int(data.value("SELECT id FROM forum_post WHERE author <> 'mara.quill' ORDER BY id LIMIT 1"))


@pytest.mark.parametrize("drift", LEVELS)
async def test_every_page_answers_at_every_drift(image: bytes, drift: int) -> None:
    paths = [route.path for route in SITE.routes if route.get]
    async with forum(image, drift=drift) as (client, data):
        community = data.one("SELECT * FROM forum_community WHERE slug = 'gardening'")
        for path in paths:
            address = path.replace("{id:int}", "3").replace("{slug}", "gardening").replace("{username}", "mara.quill")
            page = await client.get(address)
            assert page.status_code == 200, address
            assert page.headers["content-type"].startswith("application/json") == (address == "/suggest")
        page = await client.get("/c/gardening")
        assert community["about"] in page.text
        label = Look(drift, seed=2).label("New post")
        assert re.search(rf">{label}</a>", page.text)
        for address in ("/c/none", "/post/99999", "/u/nobody", "/nothing"):
            assert (await client.get(address)).status_code == 404, address


async def test_a_guest_is_asked_to_sign_in(image: bytes) -> None:
    async with forum(image, sign_in=False) as (client, _):
        for address in ("/submit", "/settings", "/saved", "/replies"):
            assert "Please sign in first." in (await client.get(address)).text, address
        assert "Please sign in first." in (await client.post("/post/3/comment", data={"body": "x"})).text


async def test_a_post_is_checked_published_changed_and_deleted(image: bytes) -> None:
    async with forum(image) as (client, data):
        wrong = await client.post("/submit", data={"community": "Nowhere", "title": "abc", "body": "", "link": "ftp:x"})
        assert wrong.status_code == 422
        for words in ("Choose one of the communities.", "A title has 4 to 140", "A link begins with", 'value="abc"'):
            assert words in wrong.text
        made = await client.post("/submit", data={"community": "Gardening", "title": "<b>Beans</b>", "body": "Tall."})
        assert "Your post is published." in made.text
        assert "&lt;b&gt;Beans&lt;/b&gt;" in made.text
        assert "<b>Beans" not in made.text
        number = data.value("SELECT max(id) FROM forum_post")
        changed = await client.post(f"/post/{number}/edit", data={"title": "Peas", "body": "Short."})
        assert "edited" in changed.text
        assert data.one("SELECT title, body FROM forum_post WHERE id = ?", number)["title"] == "Peas"
        await client.post(f"/post/{number}/delete")
        assert (await client.get(f"/post/{number}")).status_code == 404


async def test_only_its_author_changes_a_post(image: bytes) -> None:
    async with forum(image) as (client, data):
        other = foreign(data)
        assert (await client.post(f"/post/{other}/delete")).status_code == 403
        assert (await client.get(f"/post/{other}/edit")).status_code == 403
        comment = data.value("SELECT id FROM forum_comment WHERE author <> 'mara.quill' LIMIT 1")
        assert (await client.post(f"/comment/{comment}/delete")).status_code == 403
        assert data.value("SELECT count(*) FROM forum_post WHERE id = ?", other) == 1


async def test_a_vote_counts_once_and_can_be_taken_back(image: bytes) -> None:
    async with forum(image) as (client, data):
        post = data.value(
            "SELECT id FROM forum_post WHERE id NOT IN (SELECT post FROM forum_vote WHERE username = 'mara.quill')"
        )
        score = data.value("SELECT score FROM forum_post WHERE id = ?", post)
        seen = []
        for value in ("1", "1", "-1", "1"):
            reply = await client.post(f"/post/{post}/vote", data={"value": value, "script": "1"})
            seen.append(reply.json()["score"] - score)
        assert seen == [1, 0, -1, 1]


async def test_comments_nest_and_counts_agree(image: bytes) -> None:
    async with forum(image) as (client, data):
        post = foreign(data)
        before = data.value("SELECT comments FROM forum_post WHERE id = ?", post)
        await client.post(f"/post/{post}/comment", data={"body": "A first word."})
        first = data.value("SELECT max(id) FROM forum_comment")
        page = await client.post(f"/post/{post}/comment", data={"body": "An answer.", "parent": str(first)})
        assert f'data-parent="{first}"' in page.text
        assert f"<h2>{before + 2} comments</h2>" in page.text
        await client.post(f"/comment/{first}/delete")
        assert data.value("SELECT body FROM forum_comment WHERE id = ?", first) == "[deleted]"
        await client.post(f"/comment/{first + 1}/delete")
        assert data.value("SELECT comments FROM forum_post WHERE id = ?", post) == before + 1
        elsewhere = await client.post(f"/post/{post + 1}/comment", data={"body": "Lost.", "parent": str(first)})
        assert "The comment you answered was deleted." in elsewhere.text


async def test_replies_are_unread_until_they_are_marked(image: bytes) -> None:
    async with forum(image) as (client, data):
        mine = data.value("SELECT id FROM forum_post WHERE author = 'mara.quill' ORDER BY id LIMIT 1")
        with_replies = await client.get("/replies")
        rows = data.all(
            """SELECT c.id FROM forum_comment AS c JOIN forum_post ON forum_post.id = c.post
               LEFT JOIN forum_comment AS up ON up.id = c.parent
               WHERE coalesce(up.author, forum_post.author) = 'mara.quill' AND c.author <> 'mara.quill'"""
        )
        assert mine
        assert with_replies.text.count('class="score"') == min(30, len(rows)) > 0
        assert "0</strong> unread" in (await client.post("/replies")).text
        assert data.value("SELECT at FROM forum_seen WHERE username = 'mara.quill'") >= DAY_ONE.isoformat()


async def test_settings_subscriptions_saved_posts_and_reports(image: bytes) -> None:
    async with forum(image) as (client, data):
        wrong = await client.post("/settings", data={"name": "", "bio": "b" * 301})
        assert wrong.status_code == 422
        assert "A name is needed." in wrong.text
        assert "At most 300 characters" in wrong.text
        await client.post("/settings", data={"name": "M. Quill", "bio": "Short."})
        assert tuple(data.one("SELECT bio, mail FROM forum_member WHERE username = 'mara.quill'")) == ("Short.", 0)
        slug = data.value(
            """SELECT slug FROM forum_community WHERE id NOT IN
               (SELECT community FROM forum_subscription WHERE username = 'mara.quill')"""
        )
        assert 'data-state="subscribed"' in (await client.post(f"/c/{slug}/subscribe")).text
        assert 'data-state="not subscribed"' in (await client.post(f"/c/{slug}/subscribe")).text
        assert 'data-state="saved"' in (await client.post("/post/3/save")).text
        assert "Choose a reason." in (await client.post("/post/3/report", data={"reason": "Dull"})).text
        assert 'data-grade="report">Spam<' in (await client.post("/post/3/report", data={"reason": "Spam"})).text


async def test_search_sorting_and_pages(image: bytes) -> None:
    async with forum(image, sign_in=False) as (client, data):
        title = data.value("SELECT title FROM forum_post WHERE id = 5")
        assert 'href="/post/5">' in (await client.get("/search", params={"q": title})).text
        assert "0 posts found" in (await client.get("/search?q=zzzz")).text
        numbers = [int(found) for found in re.findall(r'<a href="/post/(\d+)">', (await client.get("/?sort=top")).text)]
        best = [row["id"] for row in data.all("SELECT id FROM forum_post ORDER BY score DESC, id LIMIT 20")]
        assert numbers == best
        second = (await client.get("/?page=2")).text
        assert "Page 2 of 2" in second
        assert (await client.get("/suggest?q=gar")).json() == [{"label": "Gardening", "value": "Gardening"}]


def test_what_is_seeded_agrees_with_itself(image: bytes) -> None:
    data = Data(Instance(image, seed=2, size="small", drift=0).db)
    assert data.value("SELECT max(at) FROM forum_comment") < DAY_ONE.isoformat()
    assert data.value("SELECT count(*) FROM forum_community") == len(COMMUNITIES)
    assert not data.all(
        """SELECT id FROM forum_post WHERE comments <> (SELECT count(*) FROM forum_comment WHERE post = forum_post.id)
           OR score <> (SELECT coalesce(sum(value), 0) FROM forum_vote WHERE post = forum_post.id)"""
    )
    assert not data.all(
        """SELECT c.id FROM forum_comment AS c JOIN forum_comment AS up ON up.id = c.parent
           WHERE up.post <> c.post OR up.at > c.at"""
    )
    assert "{" not in "".join(row["title"] + row["body"] for row in data.all("SELECT * FROM forum_post"))


def test_templates_are_of_all_kinds_and_splits() -> None:
    import environments.arena.sites.forum.tasks

    assert environments.arena.sites.forum.tasks.__all__
    templates = templates_of("environments.arena.sites.forum.tasks")
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.deserialize(pristine(load_sites(("forum",)), size="normal"))
    splits = [template.split for template in templates]
    assert len(templates) >= 20
    assert {split: splits.count(split) for split in splits} == {"training": 14, "validation": 3, "heldout": 6}
    drafts = [template.make(Data(db), Random(f"{template.name} {n}")) for template in templates for n in range(5)]
    assert len({draft.intent for draft in drafts}) > 0.9 * len(drafts)
    for draft in drafts:
        assert all(word in draft.intent for word in draft.words.values()), draft.intent
        assert draft.reference[-1].action in ("answer", "report_infeasible")
        assert draft.reference != draft.near_miss
    infeasible = [draft for draft in drafts if draft.reference[-1].action == "report_infeasible"]
    assert len(infeasible) / len(drafts) >= 1 / 8
