"""The code host: every page answers, forms refuse what is wrong, and what is changed is really changed.

Guarantees: the same seed gives the same rows; a commit changes the file, the list and the difference; a merge brings
the source's files and refuses a conflict; private projects and missing roles are refused; every drift renders.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from environments.arena.instance import Instance, pristine
from environments.arena.look import LEVELS
from environments.arena.server import Arena, application
from environments.arena.sites import load_sites

ME = "mara.quill"


@pytest.fixture(scope="module")
def image() -> bytes:
    return pristine(load_sites(("code",)), seed=1, size="small")


@asynccontextmanager
async def visitor(
    image: bytes, username: str = ME, *, drift: int = 0
) -> AsyncIterator[tuple[httpx.AsyncClient, Instance]]:
    arena = Arena(load_sites(("code",)))
    instance = arena.instances["main"] = Instance(image, seed=1, size="small", drift=drift)
    transport = httpx.ASGITransport(app=application(arena))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://code.localhost", follow_redirects=True
    ) as client:
        if username:
            client.cookies.set("session", instance.log_in("code", username))
        yield client, instance


def value(instance: Instance, statement: str, *values: object) -> object:
    return instance.db.execute(statement, values).fetchone()[0]


def home(instance: Instance, where: str = "1") -> tuple[int, str]:
    """A project that the visitor maintains: its id and address."""
    row = instance.db.execute(
        f"""SELECT id, owner, slug FROM code_project JOIN code_member ON project = id
            WHERE username = '{ME}' AND role IN ('maintainer', 'owner') AND archived = 0 AND {where} ORDER BY id"""
    ).fetchone()
    return row["id"], f"/p/{row['owner']}/{row['slug']}"


async def test_the_same_seed_is_the_same(image: bytes) -> None:
    assert pristine(load_sites(("code",)), seed=1, size="small") == image
    assert pristine(load_sites(("code",)), seed=2, size="small") != image


@pytest.mark.parametrize("drift", LEVELS)
async def test_every_page_that_is_linked_answers_and_writes_nothing(image: bytes, drift: int) -> None:
    async with visitor(image, drift=drift) as (client, instance):
        before, seen, waiting = instance.digest(), set[str](), ["/"]
        while waiting and len(seen) < 160:
            address = waiting.pop(len(seen) * 7 % len(waiting))
            if address in seen:
                continue
            seen.add(address)
            answer = await client.get(address)
            assert answer.status_code == 200, address
            found = re.findall(r'href="(/[^"#]*)"', answer.text)
            waiting += [link for one in found if (link := html.unescape(one)) not in seen]
        assert len(seen) == 160
        assert instance.digest() == before


async def test_what_is_not_there_or_not_for_you_is_refused(image: bytes) -> None:
    async with visitor(image, "") as (client, instance):
        _, address = home(instance, "visibility = 'public'")
        for wrong in ("/p/no/such", "/u/nobody", "/groups/none", "/snippets/99"):
            assert (await client.get(wrong)).status_code == 404, wrong
        for end in ("issues/999", "merges/999", "commit/0000000000", "file/main/none.py", "tree/none"):
            wrong = f"{address}/{end}"
            assert (await client.get(wrong)).status_code == 404, wrong
        assert "Please sign in first" in (await client.get(f"{address}/settings")).text
        with instance.writing():
            instance.db.execute("UPDATE code_project SET visibility = 'private'")
        assert (await client.get(address)).status_code == 404
        assert (await client.get("/explore")).text.count('data-grade="project"') == 0
    async with visitor(image) as (client, instance):
        number, address = home(instance)
        with instance.writing():
            instance.db.execute("UPDATE code_member SET role = 'reporter' WHERE username = ?", (ME,))
        assert (await client.get(f"{address}/settings")).status_code == 403
        assert (await client.post(f"{address}/branches/new", data={"name": "x"})).status_code == 403
        with instance.writing():
            instance.db.execute("UPDATE code_project SET archived = 1 WHERE id = ?", (number,))
        assert (await client.post(f"{address}/issues/new", data={"title": "Too late"})).status_code == 403


async def test_a_commit_changes_file_list_and_difference(image: bytes) -> None:
    async with visitor(image) as (client, instance):
        number, address = home(instance)
        before = (await client.get(f"{address}/raw/main/config/settings.toml")).text
        edit = f"{address}/edit/main/config/settings.toml"
        assert (await client.post(edit, data={"text": before, "message": "x"})).status_code == 422
        assert (await client.post(edit, data={"text": "a = 1", "message": ""})).status_code == 422
        text = before.replace("\n", "\r\n") + "colour = '<b>'\r\n"
        page = await client.post(edit, data={"text": text, "message": "Add a colour"})
        assert "Your changes are committed." in page.text
        assert (await client.get(f"{address}/raw/main/config/settings.toml")).text == before + "colour = '<b>'\n"
        sha = value(instance, "SELECT sha FROM code_commit WHERE project = ? ORDER BY id DESC", number)
        shown = (await client.get(f"{address}/commit/{str(sha)[:10]}")).text
        assert "1 lines added" in shown
        assert "&lt;b&gt;" in shown
        blamed = (await client.get(f"{address}/blame/main/config/settings.toml")).text
        assert 'title="Add a colour"' in blamed
        assert 'title="First version"' in blamed
        await client.post(f"{address}/add/main", data={"path": "docs/a.md", "text": "# A", "message": "Docs"})
        assert "docs/</a>" in (await client.get(address)).text
        await client.post(f"{address}/delete/main/docs/a.md")
        assert "docs/</a>" not in (await client.get(address)).text


async def test_a_branch_is_merged_and_a_conflict_is_not(image: bytes) -> None:
    async with visitor(image) as (client, instance):
        number, address = home(instance)
        assert (await client.post(f"{address}/branches/new", data={"name": "a b"})).status_code == 422
        for name in ("one", "two"):
            await client.post(f"{address}/branches/new", data={"name": name, "source": "main"})
            edit = f"{address}/edit/{name}/README.md"
            await client.post(edit, data={"text": f"# From {name}", "message": f"Write {name}"})
            asked = {"source": name, "target": "main", "title": f"Bring {name}"}
            assert f"Bring {name}" in (await client.post(f"{address}/merges/new", data=asked)).text
        again = await client.post(f"{address}/merges/new", data={"source": "one", "target": "main", "title": "Again"})
        assert "There is an open merge request" in again.text
        last = value(instance, "SELECT max(number) FROM code_merge WHERE project = ?", number)
        assert isinstance(last, int)
        one, two = f"{address}/merges/{last - 1}", f"{address}/merges/{last}"
        assert "You approved" in (await client.post(f"{one}/approve")).text
        assert "one is merged into main" in (await client.post(f"{one}/merge", data={"delete": "1"})).text
        assert (await client.get(f"{address}/raw/main/README.md")).text == "# From one\n"
        assert (await client.get(f"{address}/tree/one")).status_code == 404
        assert "# From one" in (await client.get(one)).text, "what was merged is still shown"
        assert "conflicts with main in README.md" in (await client.get(two)).text
        assert "The branches conflict" in (await client.post(f"{two}/merge")).text
        assert (await client.get(f"{address}/raw/main/README.md")).text == "# From one\n"


async def test_issues_are_made_filtered_changed_and_closed(image: bytes) -> None:
    async with visitor(image) as (client, instance):
        number, address = home(instance)
        label = value(instance, "SELECT id FROM code_label WHERE project = ? AND name = 'bug'", number)
        wrong = await client.post(f"{address}/issues/new", data={"title": "abc", "due": "2026-02-30"})
        assert wrong.status_code == 422
        assert "A title has 4 to 120 characters." in wrong.text
        assert "Write a date as" in wrong.text
        asked = {"title": "Bells ring twice", "label": str(label), "assignee": ME, "due": "2026-04-01"}
        page = await client.post(f"{address}/issues/new", data=asked)
        assert "Bells ring twice" in page.text
        listed = await client.get(f"{address}/issues?label=bug&assignee={ME}&q=Bells")
        assert listed.text.count('data-grade="issue"') == 1
        issue = page.url.path
        assert (await client.post(f"{issue}/note", data={"body": " "})).status_code == 422
        assert "Seen &lt;here&gt;" in (await client.post(f"{issue}/note", data={"body": "Seen <here>"})).text
        await client.post(f"{issue}/change", data={"due": ""})
        assert value(instance, "SELECT count(*) FROM code_issue WHERE title = ? AND assignee = ''", asked["title"]) == 1
        assert 'data-grade="state">closed' in (await client.post(f"{issue}/state")).text
        assert "Bells" not in (await client.get(f"{address}/issues")).text


async def test_members_settings_stars_forks_and_projects(image: bytes) -> None:
    async with visitor(image) as (client, instance):
        number, address = home(instance, "role = 'maintainer'")
        guest = value(instance, """SELECT username FROM account WHERE site = 'code' AND username NOT IN
                                   (SELECT username FROM code_member WHERE project = ?)""", number)  # fmt: skip
        invite = f"{address}/members/invite"
        assert (await client.post(invite, data={"username": "nobody", "role": "guest"})).status_code == 422
        assert "is now a guest" in (await client.post(invite, data={"username": guest, "role": "guest"})).text
        assert (
            "is now a developer" in (await client.post(f"{address}/members/{guest}", data={"role": "developer"})).text
        )
        assert "no longer a member" in (await client.post(f"{address}/members/{guest}", data={"remove": "1"})).text
        settings = {"title": "New name", "about": "New words", "visibility": "internal", "branch": "main"}
        assert "The settings are saved." in (await client.post(f"{address}/settings", data=settings)).text
        assert (await client.post(f"{address}/settings", data={**settings, "branch": "none"})).status_code == 422
        assert "New words" in (await client.get(address)).text
        stars = value(instance, "SELECT stars FROM code_project WHERE id = ?", number)
        await client.post(f"{address}/star")
        now = value(instance, "SELECT stars FROM code_project WHERE id = ?", number)
        await client.post(f"{address}/star")
        assert abs(now - stars) == 1  # type: ignore[operator]
        assert value(instance, "SELECT stars FROM code_project WHERE id = ?", number) == stars
        copied = await client.post(f"{address}/fork")
        assert copied.url.path.startswith(f"/p/{ME}/")
        assert (await client.get(f"{copied.url.path}/raw/main/README.md")).text == (
            await client.get(f"{address}/raw/main/README.md")
        ).text
        made = await client.post(
            "/new", data={"title": "Bell Ringer", "owner": ME, "visibility": "public", "readme": "1"}
        )
        assert made.url.path == f"/p/{ME}/bell-ringer"
        assert (await client.post("/new", data={"title": "Bell ringer", "owner": ME})).status_code == 422
        assert "archived" in (await client.post(f"{made.url.path}/archive")).text


async def test_search_suggestions_lists_and_snippets(image: bytes) -> None:
    async with visitor(image) as (client, _):
        assert 'data-grade="count">0<' in (await client.get("/search?q=zzzz&in=issues")).text
        assert 'data-grade="count">0<' not in (await client.get("/search?q=retries&in=code")).text
        assert (await client.get("/suggest?q=mara")).json() == [{"label": f"Mara Quill ({ME})", "value": ME}]
        assert "Buy chalk" in (await client.post("/todos", data={"text": "Buy chalk"})).text
        assert (await client.post("/todos", data={"text": ""})).status_code == 422
        entry = {"title": "Ring", "file": "ring.sh", "body": "echo '<ding>'", "visibility": "private"}
        page = await client.post("/snippets/new", data=entry)
        assert "&lt;ding&gt;" in page.text
        client.cookies.clear()
        assert (await client.get(page.url.path)).status_code == 404
