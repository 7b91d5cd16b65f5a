"""Waiting for rest: what is waited for, what is not, and that the cap ends it."""

from __future__ import annotations

import pytest

from environments.contracts import Action
from tests.environments.acting import act, events, ref, words
from tests.environments.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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
async def test_what_the_action_caused_is_waited_for(open_page: OpenPage, name: str, came: str) -> None:
    async with open_page("causes") as episode:
        result = await act(episode, "click", name)
        assert came in words(result.observation)
        assert "not at rest" not in events(result)


async def test_what_runs_for_ever_holds_nothing_up(open_page: OpenPage) -> None:
    async with open_page("restless") as episode:
        assert "not at rest" not in "\n".join((await episode.observe()).events)
        await act(episode, "hover", "Press me")
        result = await act(episode, "click", "Press me")
        assert ref(result.observation, "pressed")
        assert "not at rest" not in events(result)


async def test_the_cap_ends_a_wait_and_says_so(open_page: OpenPage) -> None:
    async with open_page("causes", settle_cap_s=0.3) as episode:
        result = await act(episode, "click", "By fetch")
        assert "not at rest after 0.3 s: a request is running: GET late" in events(result)
        assert "nothing yet" in words(result.observation)
        later = await episode.step(Action("wait", {"seconds": 1}))
        assert "late words" in words(later.observation)


async def test_hidden_tabs_settle_too(open_page: OpenPage) -> None:
    async with open_page("causes") as episode:
        await episode.step(Action("tab_new", {}))
        back = await episode.step(Action("tab_focus", {"index": 0}))
        assert ref(back.observation, "By fetch")
        assert "late words" in words((await act(episode, "click", "By fetch")).observation)


async def test_a_timer_that_a_click_sets_for_nothing_is_waited_for_twice_only(open_page: OpenPage) -> None:
    """Whether it would be waited for is asked at the end of the event that set it."""
    ask = "addEventListener('{on}', () => {{ asked = __agentkit_settle.ticks(performance.now()) }})"
    async with open_page("idling") as episode:
        tab = episode._window.front
        await tab.evaluate("window.asked = ''")
        for event in ("click", "input"):
            await tab.evaluate(ask.format(on=event))
        waited = {}
        for name in ("Idle", "Busy"):
            waited[name] = [(await act(episode, "click", name)) and await tab.evaluate("asked") for _ in range(4)]
        for _ in range(3):
            await act(episode, "type", "Words", text="a")
        running = "a timer is running"
        assert waited == {"Idle": [running, running, "", ""], "Busy": [running] * 4}
        assert await tab.evaluate("asked") == running, "what typing sets is always waited for"
