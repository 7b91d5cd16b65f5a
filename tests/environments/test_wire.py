"""The direct line to the browser: what goes over it arrives, Playwright works beside it, and all works without it."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import pytest
from playwright.async_api import async_playwright

from environments.contracts import EnvironmentFailure
from environments.web import keyboard, mouse
from environments.web.browser import UNSEEN, Chromium, Kind, Opened, find_browser, launch
from environments.web.guard import Rules
from environments.web.tab import BrowserTab
from environments.web.wire import Refused, strung
from tests.environments.acting import act, events, ref, words
from tests.environments.conftest import OpenPage
from tests.environments.page_server import PageServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
PRINTABLE = "".join(map(chr, range(32, 127)))
RECORD = """
window.heard = [];
for (const type of ["keydown", "keypress", "beforeinput", "input", "keyup"]) {
  document.addEventListener(type, (e) => heard.push([type, e.key, e.code, e.keyCode, e.data, e.isTrusted].join(" ")));
}
document.body.innerHTML = "<textarea></textarea>";
document.querySelector("textarea").focus();
"""
VIEW = """[devicePixelRatio, innerWidth, innerHeight, outerWidth, outerHeight, screen.width, screen.height,
  screen.orientation.type, visualViewport.scale, visualViewport.width,
  matchMedia("(resolution: 1dppx)").matches].join()"""
PLACES = ((30, 7), (333, 111), (1279, 719), (777, 3), (0, 0))


async def opened(chromium: Chromium, site: PageServer) -> Opened:
    context, tab = await chromium.open(Kind(Rules(origins=(site.origin,))))
    await tab.page.goto(site.url("plain"))
    return Opened(context, tab)


async def test_both_lines_carry_long_messages_at_once(chromium: Chromium, site: PageServer) -> None:
    context, tab = await opened(chromium, site)
    assert tab.wire is not None, "there are Unix sockets here"
    long = "'ü\\u0000' + 'é{\"id\":1000000001}'.repeat(200000)"
    async with asyncio.TaskGroup() as group:
        ours = [group.create_task(tab.evaluate(f"{n} + {long}")) for n in range(3)]
        theirs = [group.create_task(tab.page.evaluate(f"{n} + {long}")) for n in range(3)]
    assert [one.result() for one in ours] == [one.result() for one in theirs]
    assert len(str(ours[2].result())) == 3 + 200000 * len('é{"id":1000000001}')
    await context.close()


async def test_a_command_that_is_refused_is_told_in_the_browsers_words(chromium: Chromium, site: PageServer) -> None:
    context, tab = await opened(chromium, site)
    with pytest.raises(EnvironmentFailure, match=r"'No\.such' wasn't found"):
        await tab.ask(("No.such", {}))
    assert await tab.evaluate("6 * 7") == 42
    await context.close()


async def test_navigations_are_heard_over_the_line(chromium: Chromium, site: PageServer) -> None:
    context, tab = await opened(chromium, site)
    before = tab.arrivals
    await tab.evaluate(f"location.href = '{site.url('rtl')}'")
    assert await tab.wait_for_arrival(before, timeout_s=5)
    await tab.catch_up()
    assert tab.page.url == site.url("rtl"), "Playwright has heard of it, too"
    await context.close()


class SlowLine:
    """Writes a fifth of a second late."""

    def __init__(self, line: asyncio.WriteTransport) -> None:
        self.write = partial(asyncio.get_running_loop().call_later, 0.2, line.write)


async def test_what_playwright_has_to_tell_of_a_step_is_waited_for(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = "document.querySelector('button').onclick = () => fetch('http://127.0.0.1:8999/away').catch(() => 0); 0"
    async with open_page("plain") as episode:
        tab = episode._window.front
        await tab.evaluate(ask)
        assert tab.wire is not None
        with monkeypatch.context() as patch:
            patch.setattr(tab.wire, "_to_driver", SlowLine(tab.wire._to_driver))
            result = await act(episode, "click", "Press me")
            await asyncio.sleep(0.3)
        assert "blocked, outside what is allowed here: GET http://127.0.0.1:8999/away" in events(result)


async def test_a_launch_that_is_tried_again_takes_the_line_over() -> None:
    found = find_browser()
    assert found is not None
    async with strung(found.path) as wire, async_playwright() as playwright:
        assert wire is not None
        for attempt in (1, 2):
            browser = await playwright.chromium.launch(executable_path=wire.program, chromium_sandbox=False)
            tab = await BrowserTab.attach(await browser.new_page(), wire=wire)
            assert await tab.evaluate(f"{attempt} + 1") == attempt + 1
            await browser.close()
        unheard = wire.send(tab._direct, method="Runtime.evaluate", parameters={"expression": "1"})
        with pytest.raises(Refused, match="the browser has ended"):
            await asyncio.wait_for(unheard, 5)


async def test_who_waits_for_an_answer_is_told_when_the_browser_ends() -> None:
    found = find_browser()
    assert found is not None
    async with strung(found.path) as wire, async_playwright() as playwright:
        assert wire is not None
        browser = await playwright.chromium.launch(executable_path=wire.program, chromium_sandbox=False)
        tab = await BrowserTab.attach(await browser.new_page(), wire=wire)
        never = {"expression": "new Promise(() => 0)", "awaitPromise": True}
        waiting = wire.send(tab._direct, method="Runtime.evaluate", parameters=never)
        await asyncio.sleep(0.1)
        wire.close()
        with pytest.raises(Refused, match="the browser has ended"):
            await asyncio.wait_for(waiting, 5)


async def test_without_the_line_everything_goes_through_playwright(
    monkeypatch: pytest.MonkeyPatch, site: PageServer
) -> None:
    monkeypatch.delattr(socket, "send_fds")
    async with launch() as chromium:
        context, tab = await opened(chromium, site)
        assert tab.wire is None
        await tab.evaluate(RECORD)
        await keyboard.write(tab, "Some words")
        await mouse.click(tab, (5, 5))
        await tab.catch_up()
        assert await tab.evaluate("document.querySelector('textarea').value") == "Some words"
        await context.close()


async def test_keys_are_those_that_playwright_presses(chromium: Chromium, site: PageServer) -> None:
    context, tab = await opened(chromium, site)
    text = PRINTABLE + "é\n日本"
    heard = []
    for directly in (True, False):
        await tab.page.goto(site.url("plain"))
        await tab.evaluate(RECORD)
        await (keyboard.write(tab, text) if directly else tab.page.keyboard.type(text))
        heard.append(str(await tab.evaluate("heard.join('\\n') + '\\n' + document.querySelector('textarea').value")))
    assert heard[0] == heard[1]
    assert heard[0].endswith(text)
    await context.close()


async def test_a_page_drawn_small_cannot_tell_and_is_hit_exactly(chromium: Chromium, site: PageServer) -> None:
    context, tab = await opened(chromium, site)
    assert tab.scale == UNSEEN
    async with tab.at_full_size():
        full = await tab.evaluate(VIEW)
    for page in ("plain", "rtl"):
        await tab.page.goto(site.url(page))
        assert await tab.evaluate(VIEW) == full
        await tab.evaluate("window.hit = []; onmousedown = (e) => hit.push([e.clientX, e.clientY])")
        for place in PLACES:
            await mouse.click(tab, place)
        assert await tab.evaluate("JSON.stringify(hit)") == str([list(place) for place in PLACES]).replace(" ", "")
        await tab.evaluate("window.moved = []; onmousemove = (e) => moved.push([e.clientX, e.clientY])")
        await mouse.drag(tab, (40, 40), end=(200, 80))
        assert await tab.evaluate("JSON.stringify(moved.at(-1))") == "[200,80]"
    await context.close()


async def test_pictures_have_the_full_size(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        small = await episode.screenshot()
        async with episode._window.front.at_full_size():
            assert await episode.screenshot() == small


async def test_double_and_right_clicks_are_what_they_are(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        tab = episode._window.front
        kinds = "['mousedown', 'click', 'dblclick', 'contextmenu']"
        await tab.evaluate(
            f"window.seen = []; for (const t of {kinds}) addEventListener(t, (e) => seen.push(t + e.detail + e.button))"
        )
        named = ref(await episode.observe(), "Press me")
        for tool, expected in (
            ("dblclick", "mousedown10 click10 mousedown20 click20 dblclick20"),
            ("right_click", "mousedown12 contextmenu02"),
        ):
            await tab.evaluate("seen.length = 0")
            result = await act(episode, tool, ref=named)
            assert (result.error, await tab.evaluate("seen.join(' ')")) == ("", expected)
        assert "Plain page" in words(result.observation)
