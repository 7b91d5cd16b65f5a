"""Allowed origins, files and downloads: enforced by the browser, told to the agent, and the episode goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from environments.contracts import Action, Task
from environments.web.browser import Chromium
from environments.web.episode import Opening, WebEnvironment
from environments.web.guard import Rules, clean_file_name
from environments.web.window import Window
from tests.environments.acting import act, events, ref, words
from tests.environments.conftest import OpenPage
from tests.environments.page_server import PAGES, PageServer

browser = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def in_browser(test: Any) -> Any:
    for mark in browser:
        test = mark(test)
    return test


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://a.test/x", True),
        ("http://a.test:80/x", False),
        ("http://a.test:81/x", False),
        ("https://a.test/", False),
        ("http://b.a.test/", False),
        ("https://x.b.test/", True),
        ("https://b.test.evil.test/", False),
        ("http://a.test@evil.test/", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("data:text/html,hello", False),
        ("chrome://settings", False),
        ("view-source:http://a.test/", False),
        ("a.test", False),
        ("about:blank", True),
    ],
)
def test_addresses_are_allowed_by_origin(url: str, allowed: bool) -> None:
    rules = Rules(origins=("http://a.test", "https://*.b.test"))
    assert (rules.refusal(url) == "") is allowed


def test_a_refusal_says_what_is_allowed() -> None:
    assert "allowed: http://a.test" in Rules(origins=("http://a.test",)).refusal("http://c.test/")
    assert "begins with http:// or https://" in Rules().refusal("javascript:1")


def test_files_are_allowed_below_one_folder_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "pages", tmp_path / "secret.html"
    inside.mkdir()
    outside.write_text("secret")
    (inside / "link.html").symlink_to(outside)
    rules = Rules(origins=(), files=inside)
    assert rules.refusal((inside / "a.html").as_uri()) == ""
    assert rules.refusal((inside / "link.html").as_uri()) != ""
    assert rules.refusal(inside.as_uri() + "/../secret.html") != ""
    assert rules.refusal(inside.as_uri() + "/%2e%2e/secret.html") != ""
    assert rules.refusal(inside.as_uri() + "-not/a.html") != ""


@pytest.mark.parametrize(
    ("suggested", "kept"),
    [
        ("report.csv", "report.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        (".bashrc", "bashrc"),
        ("", "download"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_names_of_downloads_are_cleaned(suggested: str, kept: str) -> None:
    assert clean_file_name(suggested) == kept


@in_browser
async def test_parts_of_other_origins_do_not_load(open_page: OpenPage, other: PageServer) -> None:
    async with open_page("forbidden") as episode:
        told = "\n".join((await episode.observe()).events)
        assert f"blocked, outside what is allowed here: GET {other.url('picture')}" in told
        assert f"GET {other.url('framed')}" in told
    assert other.seen == []


@in_browser
@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("Go elsewhere", "", "GET {other}/plain"),
        ("Be sent elsewhere", "", "GET {other}/plain"),
        ("Fetch elsewhere", "refused", "GET {other}/late"),
        ("Open a socket", "", "WebSocket connection to 'ws:"),
        ("Send a beacon", "nothing yet", "{other}/beacon"),
        ("Read a file", "nothing yet", "Not allowed to load local resource: file:///etc/passwd"),
    ],
)
async def test_no_way_leads_to_another_origin(
    open_page: OpenPage, other: PageServer, name: str, said: str, told: str
) -> None:
    async with open_page("forbidden") as episode:
        result = await act(episode, "click", name)
        assert told.format(other=other.origin) in events(result)
        assert said in words(result.observation)
        back = result if ref_or_none(result.observation, name) else await episode.step(Action("back"))
        assert ref(back.observation, name), "the episode goes on"
    assert other.seen == []


def ref_or_none(seen: Any, name: str) -> str | None:
    return next((element.ref for element in seen.by_ref.values() if element.name == name), None)


@in_browser
async def test_a_window_of_another_origin_stays_empty(open_page: OpenPage, other: PageServer) -> None:
    async with open_page("popup") as episode:
        result = await act(episode, "click", "Open elsewhere")
        assert f"blocked, outside what is allowed here: GET {other.url('plain')}" in events(result)
        assert "Plain page" not in words(result.observation)
        await episode.step(Action("tab_close"))
        assert ref(await episode.observe(), "Open elsewhere")
    assert other.seen == []


@in_browser
@pytest.mark.parametrize("tool", ["goto", "tab_new"])
async def test_the_agent_cannot_go_where_it_must_not(open_page: OpenPage, other: PageServer, tool: str) -> None:
    async with open_page("plain") as episode:
        for url in (other.url("plain"), "file:///etc/passwd", "javascript:alert(1)", "chrome://version"):
            result = await episode.step(Action(tool, {"url": url}))
            assert result.error != ""
            assert (result.changed, len(result.observation.tabs)) == (False, 0)
        assert "is not allowed here" in (await episode.step(Action(tool, {"url": other.url("plain")}))).error
    assert other.seen == []


@in_browser
async def test_peer_connections_do_not_leave_the_browser(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        candidates = await episode._window.front.evaluate(
            """(async () => {
              const peer = new RTCPeerConnection({ iceServers: [{ urls: "stun:127.0.0.1:3478" }] });
              const found = [];
              peer.onicecandidate = (e) => { if (e.candidate) found.push(e.candidate.candidate); };
              peer.createDataChannel("x");
              await peer.setLocalDescription(await peer.createOffer());
              await new Promise((r) => setTimeout(r, 300));
              return found.filter((line) => / udp /i.test(line));
            })()"""
        )
        assert candidates == []


async def file_begin(window: Window, task: Task, seed: int) -> Opening:
    assert await window.goto(task.data["url"]) == ""
    return Opening(goal="read", site="files")


@in_browser
async def test_file_pages_reach_their_own_folder_and_nothing_else(chromium: Chromium, tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("<h1>the secret</h1>")
    pages = tmp_path / "pages with space"
    pages.mkdir()
    (pages / "style.css").write_text("h1 { color: rgb(1, 2, 3) }")
    (pages / "inner.html").write_text("<h2>inner page</h2>")
    (pages / "index.html").write_text(
        "<link rel=stylesheet href=style.css><h1>own page</h1><iframe src=inner.html></iframe>"
        "<iframe src=../secret.html></iframe><iframe src=file:///etc/passwd></iframe>"
        "<a href=../secret.html>Up</a><a href=..%2fsecret.html>Up by code</a>"
    )
    rules = Rules(origins=(), files=pages)
    environment = WebEnvironment(name="files", chromium=chromium, begin=file_begin, rules=lambda task: rules)
    task = Task(id="index", suite="files", data={"url": (pages / "index.html").as_uri()})
    async with environment.start(task) as episode:
        seen = await episode.observe()
        assert "inner page" in words(seen)
        assert "the secret" not in words(seen)
        assert "root:" not in words(seen)
        assert "blocked, outside what is allowed here: GET file:///etc/passwd" in "\n".join(seen.events)
        color = await episode._window.front.evaluate("getComputedStyle(document.querySelector('h1')).color")
        assert color == "rgb(1, 2, 3)"
        for name in ("Up", "Up by code"):
            result = await act(episode, "click", name)
            assert "the secret" not in words(result.observation)
            await episode.step(Action("goto", {"url": task.data["url"]}))


@in_browser
async def test_downloads_are_kept_in_the_episode_and_told(open_page: OpenPage) -> None:
    async with open_page("downloads") as episode:
        result = await act(episode, "click", "Get the report")
        assert "downloaded '_.._evil report.csv', 1,234 bytes" in events(result)
        note = await act(episode, "click", "Get the note")
        assert "downloaded 'note.txt', 5 bytes" in events(note)
        folder = episode._window.folder
        assert sorted(path.name for path in folder.iterdir()) == ["_.._evil report.csv", "note.txt"]
        uploaded = await act(episode, "upload", "Attachment", file="note.txt")
        assert "note.txt 5" in words(uploaded.observation)
    assert not folder.exists()


@in_browser
async def test_a_download_above_the_limit_is_cut_off(open_page: OpenPage, site: PageServer) -> None:
    rules = Rules(origins=(site.origin,), max_download=1_000_000)
    async with open_page("downloads", rules=rules) as episode:
        told = events(await act(episode, "click", "Get the flood"))
        told += events(await episode.step(Action("wait", {"seconds": 2})))
        assert "the download 'flood.bin' was cut off: it is larger than 1,000,000 bytes" in told
        assert list(episode._window.folder.iterdir()) == []


@in_browser
async def test_uploads_reach_the_offered_folder_only(open_page: OpenPage, site: PageServer, tmp_path: Path) -> None:
    (tmp_path / "offered").mkdir()
    (tmp_path / "offered" / "cv.txt").write_text("my life")
    (tmp_path / "secret.txt").write_text("secret")
    rules = Rules(origins=(site.origin,), uploads=tmp_path / "offered")
    async with open_page("downloads", rules=rules) as episode:
        for name in ("../secret.txt", str(tmp_path / "secret.txt"), str(PAGES / "plain.html")):
            assert "there are: cv.txt" in (await act(episode, "upload", "Attachment", file=name)).error
        result = await act(episode, "upload", "Attachment", file="cv.txt")
        assert "cv.txt 7" in words(result.observation)
