"""The map: every page answers at every drift, ways are the shortest there are, forms change what they should.

Guarantees: the county's roads are the same at every seed; no way is faster than the one that is found; distances on a
page add up; other people's lists, reviews and reports cannot be reached.
"""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from environments.arena.instance import SIZES, Instance, pristine
from environments.arena.look import LEVELS
from environments.arena.server import Arena, listening
from environments.arena.sites import load_sites
from environments.arena.sites.map import tasks
from environments.arena.sites.map.county import TOWNS
from environments.arena.sites.map.roads import MODES, SPEEDS, clock, read_graph
from environments.arena.tasks import Data, templates_of

PAGES = (
    "/",
    "/?x=28&y=22&z=4",
    "/?x=28&y=22&z=6&kind=cafe",
    "/?x=nan&y=1&z=99",
    "/search?q=bus+station&open=1&sort=-rating",
    "/search?q=",
    "/search?q=%25'%3Cb%3E",
    "/categories",
    "/category/pub?town=Fernwick&sort=nonsense&page=99",
    "/town/crays-end",
    "/nearby",
    "/nearby?of=Fernwick&kind=pub&radius=5",
    "/nearby?of=nowhere",
    "/directions",
    "/directions?from=Fernwick&to=Port+Callow&mode=cycling&route=3",
    "/directions?from=Fernwick&to=Fernwick",
    "/directions?from=Ashcombe&via=Saltby&to=Quarr&avoid=main",
    "/directions?from=Ashcombe&to=the+bus+station",
    "/place/1",
    "/place/14",
    "/login",
)
OWN_PAGES = ("/lists", "/list/1", "/settings", "/reports", "/reviews", "/place/14/report", "/directions", "/place/14")


@pytest.fixture(scope="module")
def image() -> bytes:
    return pristine(load_sites(("map",)), seed=3, size="small")


@pytest.fixture(scope="module")
def db(image: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.deserialize(image)
    return connection


@asynccontextmanager
async def visitor(image: bytes, *, drift: int = 0, name: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the site, signed in where a name is given."""
    arena = Arena(load_sites(("map",)))
    arena.instances["main"] = Instance(image, seed=3, size="small", drift=drift)
    async with listening(arena, host="127.0.0.1", port=0, socket=None) as port:
        base, headers = f"http://127.0.0.1:{port}", {"Host": f"map.localhost:{port}"}
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            if name:
                await client.post("/login", data={"username": name, "password": f"{name}-pass"})
            yield client


def node(db: sqlite3.Connection, town: str) -> int:
    return int(db.execute("SELECT node FROM map_town WHERE name = ?", (town,)).fetchone()[0])


@pytest.mark.parametrize("drift", LEVELS)
async def test_every_page_answers_at_every_drift(image: bytes, drift: int) -> None:
    async with visitor(image, drift=drift) as guest:
        for page in PAGES:
            reply = await guest.get(page)
            assert (page, reply.status_code) == (page, 200)
            assert "<h1" in reply.text
        for page in ("/nowhere", "/place/9999", "/category/zoo", "/town/paris"):
            assert (await guest.get(page)).status_code == 404
        for page in OWN_PAGES[:6]:
            assert (await guest.get(page)).headers["location"].startswith("/login?next=")
    async with visitor(image, drift=drift, name="mara.quill") as mara:
        for page in OWN_PAGES:
            assert (page, (await mara.get(page)).status_code) == (page, 200)


def test_the_roads_are_the_same_at_every_seed_and_the_places_are_not(db: sqlite3.Connection) -> None:
    other = sqlite3.connect(":memory:")
    other.deserialize(pristine(load_sites(("map",)), seed=4, size="small"))
    roads, places = "SELECT a, b, name, km, shape FROM map_road", "SELECT name FROM map_place WHERE id > 13"
    assert [tuple(row) for row in db.execute(roads)] == other.execute(roads).fetchall()
    assert [tuple(row) for row in db.execute(places)] != other.execute(places).fetchall()


def test_the_towns_have_no_more_inhabitants_than_the_county() -> None:
    assert sum(town.inhabitants for town in TOWNS) < 184_000


def test_a_way_is_the_fastest_there_is(db: sqlite3.Connection) -> None:
    """Against Bellman and Ford's algorithm, which is slow and nothing like what is tested."""
    graph, count = read_graph(db), db.execute("SELECT max(id) FROM map_node").fetchone()[0]
    for mode in MODES:
        hours = [[math.inf] * (count + 1) for _ in range(count + 1)]
        for row in db.execute("SELECT a, b, kind, km FROM map_road"):
            if row["kind"] in SPEEDS[mode]:
                time = min(hours[row["a"]][row["b"]], row["km"] / SPEEDS[mode][row["kind"]])
                hours[row["a"]][row["b"]] = hours[row["b"]][row["a"]] = time
        pairs = [(node(db, a), node(db, b)) for a, b in (("Fernwick", "Quarr"), ("Cray's End", "Saltby"))]
        for start, end in pairs:
            best = relaxed(hours, start)
            assert graph.ways([start, end], mode=mode, most=1)[0].minutes == pytest.approx(best[end] * 60)


def relaxed(hours: list[list[float]], start: int) -> list[float]:
    """Hours from one junction to each."""
    best = [math.inf] * len(hours)
    best[start] = 0.0
    known = [(a, b, time) for a, row in enumerate(hours) for b, time in enumerate(row) if time < math.inf]
    while True:
        before = list(best)
        for a, b, time in known:
            best[b] = min(best[b], best[a] + time)
        if best == before:
            return best


def test_every_town_can_be_reached_and_the_fell_only_on_foot(db: sqlite3.Connection) -> None:
    graph = read_graph(db)
    for mode, town in itertools.product(MODES, TOWNS):
        assert town.name == "Fernwick" or graph.ways([node(db, "Fernwick"), node(db, town.name)], mode=mode, most=1)
    summit = db.execute("SELECT node FROM map_place WHERE name = 'Harrow Fell'").fetchone()[0]
    ways = {mode: graph.ways([node(db, "Sedgehead"), summit], mode=mode) for mode in MODES}
    assert not ways["driving"]
    assert not ways["cycling"]
    assert 120 < ways["walking"][0].minutes < 210


def test_alternatives_are_slower_and_differ_and_turns_add_up(db: sqlite3.Connection) -> None:
    ways = read_graph(db).ways([node(db, "Cray's End"), node(db, "Eastwold")], mode="driving")
    assert len(ways) > 1
    assert [way.minutes for way in ways] == sorted(way.minutes for way in ways)
    assert len({tuple(edge.id for edge, _ in way.edges) for way in ways}) == len(ways)
    for way in ways:
        steps = way.steps(to="Eastwold")
        assert sum(step.km for step in steps) == pytest.approx(way.km)
        assert sum(step.minutes for step in steps) == pytest.approx(way.minutes)
        assert steps[-1].text == "Arrive at Eastwold"
        assert all(math.dist(a, b) < 6 for a, b in itertools.pairwise(way.line))


def test_a_way_over_a_stop_passes_it_and_the_way_back_is_as_long(db: sqlite3.Connection) -> None:
    graph = read_graph(db)
    a, b, c = (node(db, town) for town in ("Ashcombe", "Saltby", "Quarr"))
    over = graph.ways([a, b, c], mode="walking")[0]
    parts = [graph.ways(pair, mode="walking", most=1)[0] for pair in ([a, b], [b, c])]
    assert over.km == pytest.approx(sum(part.km for part in parts))
    back = graph.ways([c, b, a], mode="walking")[0]
    assert back.km == pytest.approx(over.km)


def test_main_roads_are_avoided_where_there_are_others(db: sqlite3.Connection) -> None:
    graph, ends, main = read_graph(db), [node(db, "Ashcombe"), node(db, "Eastwold")], ("trunk", "main")
    usual = graph.ways(ends, mode="driving", most=1)[0]
    avoiding = graph.ways(ends, mode="driving", most=1, avoid=main)[0]
    assert any(edge.kind in main for edge, _ in usual.edges)
    assert not any(edge.kind in main for edge, _ in avoiding.edges)
    assert avoiding.minutes > usual.minutes
    assert graph.ways([ends[0], node(db, "Saltby")], mode="driving", most=1, avoid=main)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0.2, "1 min"), (59.4, "59 min"), (65, "1 h 05 min"), (119.7, "2 h 00 min")]
)
def test_times_are_said_in_hours_and_minutes(minutes: float, text: str) -> None:
    assert clock(minutes) == text


async def test_a_list_is_made_filled_renamed_and_deleted(image: bytes) -> None:
    async with visitor(image, name="mara.quill") as mara:
        assert (await mara.post("/lists", data={"name": " "})).status_code == 422
        assert (await mara.post("/lists", data={"name": "For visitors"})).status_code == 422
        made = await mara.post("/lists", data={"name": "Picnics"})
        page = made.headers["location"]
        await mara.post("/place/14/save", data={"list": page.removeprefix("/list/"), "note": "bring <salt>"})
        shown = (await mara.get(page)).text
        assert "1 place<" in shown
        assert "bring &lt;salt&gt;" in shown
        assert (await mara.post(f"{page}/rename", data={"name": "For visitors"})).status_code == 422
        await mara.post(f"{page}/rename", data={"name": "Rambles"})
        await mara.post(f"{page}/remove", data={"place": "14"})
        shown = (await mara.get(page)).text
        assert "0 places" in shown
        assert "Rambles</h1>" in shown
        await mara.post(f"{page}/delete")
        assert (await mara.get(page)).status_code == 404
        for address in ("/list/5", "/list/5/rename", "/list/5/delete", "/list/5/remove"):
            reply = await (mara.get if address == "/list/5" else mara.post)(address)
            assert reply.status_code == 404
        assert "error" in (await mara.post("/place/14/save", data={"list": "5"})).headers["set-cookie"]


async def test_a_review_changes_the_rating_and_is_its_writers(image: bytes, db: sqlite3.Connection) -> None:
    place = db.execute("SELECT id FROM map_place WHERE reviews = 1").fetchone()[0]
    old = db.execute("SELECT id, rating FROM map_review WHERE place = ?", (place,)).fetchone()
    async with visitor(image, name="mara.quill") as mara:
        assert (await mara.post(f"/place/{place}/review", data={"rating": "6", "body": "!"})).status_code == 422
        assert (await mara.post(f"/place/{place}/review", data={"rating": "5", "body": "x" * 601})).status_code == 422
        for stars in (1, 5):
            await mara.post(f"/place/{place}/review", data={"rating": str(stars), "body": "Warm <stove>"})
        shown = (await mara.get(f"/place/{place}")).text
        assert f'data-grade="rating">{(old["rating"] + 5) / 2:.1f}<' in shown
        assert shown.count("Warm &lt;stove&gt;") == 1
        assert (await mara.post(f"/review/{old['id']}/delete")).status_code == 403


async def test_a_report_needs_a_reason_and_is_listed(image: bytes) -> None:
    async with visitor(image, name="mara.quill") as mara:
        for form in ({"reason": ""}, {"reason": "Wrong address", "body": ""}):
            assert (await mara.post("/place/14/report", data=form)).status_code == 422
        await mara.post("/place/14/report", data={"reason": "Wrong address", "body": "Next door."})
        shown = (await mara.get("/reports")).text
        assert "Next door." in shown[shown.index('data-grade="latest"') :]


async def test_settings_change_units_and_where_trips_begin(image: bytes) -> None:
    async with visitor(image, name="mara.quill") as mara:
        assert (
            await mara.post("/settings", data={"town": "Paris", "units": "km", "mode": "walking"})
        ).status_code == 422
        before = (await mara.get("/directions?from=My+location&to=Saltby")).text
        await mara.post("/settings", data={"town": "Quarr", "units": "miles", "mode": "walking"})
        after = (await mara.get("/directions?from=My+location&to=Saltby")).text
        assert 'data-grade="ends">Fernwick → Saltby' in before
        assert 'data-grade="ends">Quarr → Saltby' in after
        assert " miles</span>" in after


async def test_suggestions_are_places_that_can_be_asked_for(image: bytes) -> None:
    async with visitor(image) as guest:
        found = (await guest.get("/suggest?q=fernwick")).json()
        assert len(found) > 3
        for one in found:
            page = await guest.get("/directions", params={"from": one["value"], "to": "Quarr"})
            assert 'data-grade="distance"' in page.text


@pytest.mark.parametrize("size", SIZES)
def test_tasks_differ_and_can_be_made_at_every_size(size: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.deserialize(pristine(load_sites(("map",)), size=size))  # type: ignore[arg-type]
    templates = templates_of(tasks.__name__)
    assert len(templates) == 17
    for template in templates:
        drafts = [template.make(Data(connection), Random(f"{template.name} {n}")) for n in range(5)]
        assert len({draft.intent for draft in drafts}) >= (2 if size == "small" else 4), template.name
        for draft in drafts:
            assert draft.reference[-1].action in ("answer", "report_infeasible")
            assert all(word in draft.intent for word in draft.words.values()), draft.words
