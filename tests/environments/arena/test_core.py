"""The arena's ground: an instance is one database, reading writes nothing, a copy is exact, the same seed is the same.

Guarantees: a GET cannot change the state; a fork's changes never reach its original; a digest is equal exactly when the
state is; the clock goes on only with writing; the server ends with whoever started it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from environments.arena.client import start
from environments.arena.instance import DAY_ONE, Instance, pristine
from environments.arena.look import LEVELS, SYNONYMS, Look
from environments.arena.server import HEADER, Arena, listening
from environments.arena.sites import load_sites
from environments.contracts import EnvironmentFailure

SITES = ("forum", "wiki")


@pytest.fixture(scope="module")
def image() -> bytes:
    return pristine(load_sites(SITES), seed=3, size="small")


def fresh(image: bytes, *, drift: int = 0) -> Instance:
    return Instance(image, seed=3, size="small", drift=drift)


@asynccontextmanager
async def site(name: str, arena: Arena) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor of one site of an arena that is served here."""
    async with listening(arena, host="127.0.0.1", port=0, socket=None) as port:
        base, headers = f"http://127.0.0.1:{port}", {"Host": f"{name}.localhost:{port}"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            yield client


def served(image: bytes, *, drift: int = 0) -> Arena:
    arena = Arena(load_sites(SITES))
    arena.instances["main"] = fresh(image, drift=drift)
    arena._origins["main"] = image
    return arena


def test_the_same_seed_is_the_same_state_and_another_seed_another(image: bytes) -> None:
    assert pristine(load_sites(SITES), seed=3, size="small") == image
    assert pristine(load_sites(SITES), seed=4, size="small") != image
    with pytest.raises(ValueError, match="expected one of small"):
        pristine(load_sites(SITES), size="huge")  # type: ignore[arg-type]


def test_reading_cannot_write(image: bytes) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        fresh(image).db.execute("DELETE FROM forum_post")


def test_a_copy_is_exact_and_its_changes_are_its_own(image: bytes) -> None:
    original = fresh(image)
    before = original.digest()
    copy = original.fork()
    assert copy.digest() == before
    with copy.writing():
        copy.db.execute("UPDATE forum_post SET title = 'changed' WHERE id = 1")
    assert copy.digest() != before
    assert original.digest() == before
    copy.reset(image)
    assert copy.digest() == before


def spoil(instance: Instance) -> None:
    with instance.writing():
        instance.db.execute("DELETE FROM forum_post WHERE id > 1")
        instance.db.execute("INSERT INTO forum_post SELECT * FROM forum_post")


def test_a_failed_write_leaves_nothing_and_the_clock_stands(image: bytes) -> None:
    instance = fresh(image)
    before = instance.digest()
    with pytest.raises(sqlite3.IntegrityError):
        spoil(instance)
    assert instance.digest() == before
    assert instance.now == DAY_ONE
    with instance.writing():
        instance.db.execute("DELETE FROM forum_post WHERE id = 1")
    assert instance.now > DAY_ONE


def test_sessions_are_repeatable_and_belong_to_one_site(image: bytes) -> None:
    one, two = fresh(image), fresh(image)
    token = one.log_in("forum", "mara.quill")
    assert two.log_in("forum", "mara.quill") == token
    assert one.log_in("forum", "mara.quill") != token
    known = one.session(token, site="forum")
    assert known is not None
    assert known.username == "mara.quill"
    assert one.session(token, site="wiki") is None


@pytest.mark.parametrize("drift", LEVELS)
def test_drift_changes_what_it_says(drift: int) -> None:
    look, plain = Look(drift, seed=5), Look(0, seed=5)
    labels = [text for text in SYNONYMS if look.label(text) != text]
    assert (look.theme != plain.theme) == (drift >= 1)
    assert bool(labels) == (drift >= 2)
    assert (look.id("cart") != "cart") == (drift >= 3)
    assert look.label("a product's name") == "a product's name"
    assert sorted(look.order("menu", ["a", "b", "c", "d"])) == ["a", "b", "c", "d"]
    assert Look(drift, seed=5) == look


def test_a_drift_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="drift 9"):
        Look(9)


async def test_pages_forms_notices_and_sessions(image: bytes) -> None:
    arena = served(image)
    before = arena.instances["main"].digest()
    async with site("forum", arena) as client:
        for address in ("/", "/communities", "/c/gardening", "/post/3", "/search?q=a", "/u/mara.quill", "/login"):
            assert (await client.get(address)).status_code == 200, address
        assert (await client.get("/nothing")).status_code == 404
        assert arena.instances["main"].digest() == before, "reading pages changed the state"
        wrong = await client.post("/login", data={"username": "mara.quill", "password": "no"})
        assert (wrong.status_code, "is wrong" in wrong.text) == (422, True)
        entered = {"username": "mara.quill", "password": "mara.quill-pass", "next": "/saved"}
        answer = await client.post("/login", data=entered)
        assert (answer.status_code, answer.headers["location"]) == (303, "/saved")
        assert "Mara Quill" in (await client.get("/saved")).text
        assert "The post is saved" in (await client.post("/post/3/save", follow_redirects=True)).text
        assert "The post is saved" not in (await client.get("/post/3")).text, "a notice is shown once"
        out = await client.post("/logout", follow_redirects=True)
        assert "Sign in" in out.text


async def test_what_comes_from_outside_is_escaped(image: bytes) -> None:
    arena = served(image)
    async with site("forum", arena) as client:
        await client.post("/login", data={"username": "mara.quill", "password": "mara.quill-pass"})
        post = {"community": "Gardening", "title": "<script>alert(1)</script>", "body": "<img onerror=x>"}
        text = (await client.post("/submit", data=post, follow_redirects=True)).text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert "<img" not in text


async def test_a_log_in_leads_to_no_other_site(image: bytes) -> None:
    async with site("forum", served(image)) as client:
        for target in ("//evil.example/", "http://evil.example/"):
            entered = {"username": "mara.quill", "password": "mara.quill-pass", "next": target}
            assert (await client.post("/login", data=entered)).headers["location"] == "/"


async def test_the_header_decides_which_instance_answers(image: bytes) -> None:
    arena = served(image)
    other = arena.fork(instance="main")["instance"]
    with arena.instances[other].writing():
        arena.instances[other].db.execute("UPDATE forum_post SET title = 'only here' WHERE id = 3")
    async with site("forum", arena) as client:
        assert "only here" not in (await client.get("/post/3")).text
        assert "only here" in (await client.get("/post/3", headers={HEADER: other})).text
        assert (await client.get("/post/3", headers={HEADER: "none"})).status_code == 404


@pytest.mark.parametrize("drift", LEVELS)
async def test_every_level_of_drift_renders(image: bytes, drift: int) -> None:
    async with site("wiki", served(image, drift=drift)) as client:
        page = await client.get("/wiki/fernwick")
    assert page.status_code == 200
    assert f"theme-{Look(drift, seed=3).theme}" in page.text
    assert Look(drift, seed=3).label("Edit") in page.text


async def test_the_server_is_a_process_of_its_own_and_answers_wrong_questions() -> None:
    async with start(sites=("wiki",)) as arena:
        instance = await arena.open(size="small")
        copy = await arena.fork(instance)
        assert await arena.digest(copy) == await arena.digest(instance)
        await arena.log_in(copy, site="wiki", username="editor")
        assert await arena.digest(copy) != await arena.digest(instance)
        await arena.reset(copy)
        assert await arena.digest(copy) == await arena.digest(instance)
        rows = await arena.rows(instance, query="SELECT count(*) AS n FROM wiki_article WHERE title <> ?", values=["x"])
        assert rows[0]["n"] > 0
        with pytest.raises(EnvironmentFailure, match="readonly"):
            await arena.rows(instance, query="DELETE FROM wiki_article RETURNING 1")
        await arena.close(copy)
        with pytest.raises(EnvironmentFailure, match="no instance"):
            await arena.digest(copy)
        with pytest.raises(EnvironmentFailure, match="huge"):
            await arena.open(size="huge")  # type: ignore[arg-type]


PARENT = """
import asyncio
from environments.arena.client import start
async def main():
    async with start(sites=("wiki",)) as arena:
        print(arena.port, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_the_server_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    port = int(parent.stdout.readline())
    parent.stdout.close()
    assert httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"wiki.localhost:{port}"}).status_code == 404
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    ended = False
    while not ended and time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
            time.sleep(0.05)
        except httpx.TransportError:
            ended = True
    assert ended, "the server outlived its parent"


async def test_many_instances_at_once(image: bytes) -> None:
    arena = served(image)
    names = [arena.fork(instance="main")["instance"] for _ in range(16)]
    async with site("forum", arena) as client, asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get("/post/3", headers={HEADER: name})) for name in names]
    assert {task.result().status_code for task in asked} == {200}
    assert len({task.result().text for task in asked}) == 1
