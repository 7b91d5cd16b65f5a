"""Waiting for rest: what is waited for, what is not, and that the cap ends it."""

from __future__ import annotations

import time

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
        start = time.perf_counter()
        result = await act(episode, "click", "Press me")
        assert ref(result.observation, "pressed")
        assert "not at rest" not in events(result)
        assert time.perf_counter() - start < 2.5, "an endless animation, or polling, is being waited for"


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
