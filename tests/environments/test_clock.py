"""The clock that stands still: it moves by steps only, in the order of what falls due, and as fast as the page can."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from environments.contracts import Action
from environments.web.episode import WebEpisode
from tests.environments.acting import act, events, words
from tests.environments.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def episode(open_page: OpenPage) -> AsyncIterator[WebEpisode]:
    async with open_page("causes", clock="virtual") as opened:
        yield opened


async def ask(episode: WebEpisode, expression: str) -> object:
    return await episode._window.front.evaluate(expression)


@pytest.mark.parametrize(
    ("name", "came"),
    [
        ("By fetch", "late words"),
        ("By XHR", "late words"),
        ("By timers", "after timers"),
        ("By script", "script came"),
        ("By transition", "faded"),
        ("By interval", "arrived"),
    ],
)
async def test_what_the_action_caused_is_waited_for(episode: WebEpisode, name: str, came: str) -> None:
    result = await act(episode, "click", name)
    assert came in words(result.observation)
    assert "not at rest" not in events(result)


async def test_everything_comes_in_the_order_in_which_it_falls_due(episode: WebEpisode) -> None:
    order = """
      window.said = [];
      const say = (words) => said.push(words + "@" + Math.round(performance.now() - zero));
      const zero = performance.now();
      setTimeout(say, 30, "late");
      setTimeout(() => {
        say("early");
        Promise.resolve().then(() => say("promise"));
        setTimeout(say, 5, "nested");
      }, 10);
      setTimeout(say, 10, "beside");
      clearTimeout(setTimeout(say, 1, "never"));
      let ticks = 0;
      const ticker = setInterval(() => { say("tick"); if (++ticks === 2) clearInterval(ticker) }, 12);
      setTimeout("said.push('text')", 40);
      cancelAnimationFrame(requestAnimationFrame(() => say("never")));
      __agentkit_clock.skip(100).then(() => JSON.stringify(said))
    """
    said = json.loads(str(await ask(episode, order)))
    assert said == ["early@10", "promise@10", "beside@10", "tick@12", "nested@15", "tick@24", "late@30", "text"]


async def test_frames_come_sixty_times_a_second_and_dates_go_along(episode: WebEpisode) -> None:
    count = """
      let frames = 0;
      const draw = (at) => { frames += 1; if (at > performance.now()) throw "ahead"; requestAnimationFrame(draw) };
      requestAnimationFrame(draw);
      const before = [Date.now(), new Date().getTime(), performance.now()];
      __agentkit_clock.skip(1000).then(() => JSON.stringify(
        [frames, Date.now() - before[0], new Date() - before[1], performance.now() - before[2],
          new Date(0) instanceof Date]))
    """
    frames, *passed, genuine = json.loads(str(await ask(episode, count)))
    assert frames in (60, 61)
    assert (passed, genuine) == ([1000, 1000, 1000], True)


async def test_it_stands_still_between_steps_and_moves_a_little_in_each(episode: WebEpisode) -> None:
    await ask(episode, "window.ticks = 0; setInterval(() => ticks++, 10); 0")
    assert (
        await ask(
            episode,
            "new Promise((r) => { const c = new MessageChannel(); c.port1.onmessage = () => r(ticks); "
            "__agentkit_clock.realTimeout(() => c.port2.postMessage(0), 100) })",
        )
        == 0
    )
    before = await ask(episode, "performance.now()")
    await episode.step(Action("press", {"key": "Shift"}))
    passed = float(str(await ask(episode, "performance.now()"))) - float(str(before))
    assert 100 <= passed < 500
    assert await ask(episode, "ticks") == passed // 10


async def test_waiting_costs_no_time(episode: WebEpisode) -> None:
    await ask(episode, "window.woken = 0; setTimeout(() => { woken = 1 }, 9000); 0")
    before = time.monotonic()
    await episode.step(Action("wait", {"seconds": 10}))
    assert time.monotonic() - before < 5
    assert await ask(episode, "woken") == 1


async def test_an_error_in_a_timer_is_told_and_stops_nothing(episode: WebEpisode) -> None:
    await ask(
        episode,
        "setTimeout(() => { throw new Error('a bad timer') }, 10); setTimeout(() => { window.after = 1 }, 20); 0",
    )
    result = await episode.step(Action("wait", {"seconds": 1}))
    assert "a bad timer" in events(result)
    assert await ask(episode, "after") == 1


async def test_endless_timers_without_delay_do_not_hang(episode: WebEpisode) -> None:
    await ask(episode, "window.runs = 0; (function again() { runs += 1; setTimeout(again, 0) })(); 0")
    await episode.step(Action("wait", {"seconds": 1}))
    assert 250 <= int(str(await ask(episode, "runs"))) < 1000, "4 ms apart once they are nested"
