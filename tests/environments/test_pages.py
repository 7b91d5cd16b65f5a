"""Pages that break other agents: what the agent is told, and that the episode goes on."""

from __future__ import annotations

import asyncio

import pytest

from environments.contracts import Action, StopReason
from environments.web.episode import WebEpisode
from tests.environments.acting import act, events, ref, words
from tests.environments.conftest import OpenPage
from tests.environments.page_server import PageServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def assert_alive(episode: WebEpisode, site: PageServer) -> None:
    """The episode can go to another page, act on it and see what came of it."""
    assert (await episode.step(Action("goto", {"url": site.url("plain")}))).error == ""
    result = await act(episode, "click", "Press me")
    assert (result.error, result.stop) == ("", None)
    assert "pressed" in words(result.observation)


async def test_nested_frames_are_seen_and_clicked(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("frames") as episode:
        result = await act(episode, "click", "Deep button")
        assert result.error == ""
        assert ref(result.observation, "pressed")
        await assert_alive(episode, site)


async def test_a_frame_of_another_origin_is_seen_clicked_and_filled(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("foreign", foreign=True) as episode:
        clicked = await act(episode, "click", "Foreign button")
        assert clicked.error == ""
        assert ref(clicked.observation, "pressed")
        filled = await act(episode, "fill", "Foreign field", text="hello")
        assert filled.error == ""
        assert filled.observation.find(ref(filled.observation, "Foreign field")).value == "hello"
        await assert_alive(episode, site)


async def test_open_shadow_roots_are_seen_and_clicked(open_page: OpenPage) -> None:
    async with open_page("shadow") as episode:
        result = await act(episode, "click", "Shadow button")
        assert "pressed in the shadow" in words(result.observation)


async def test_an_alert_in_onload_is_told_and_does_not_block(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("alerting") as episode:
        assert "alert dialog 'Welcome, stranger' was accepted" in "\n".join((await episode.observe()).events)
        await assert_alive(episode, site)


async def test_confirm_and_prompt_are_answered_by_the_stated_policy(open_page: OpenPage) -> None:
    async with open_page("alerting") as episode:
        deleted = await act(episode, "click", "Delete")
        assert "confirm dialog 'Delete it all?' was accepted" in events(deleted)
        assert "deleted" in words(deleted.observation)
        asked = await act(episode, "click", "Ask")
        assert "prompt dialog 'Your name?' was accepted with 'nobody'" in events(asked)
        assert "hello nobody" in words(asked.observation)
    async with open_page("alerting", dialogs="dismiss") as episode:
        kept = await act(episode, "click", "Delete")
        assert "was dismissed" in events(kept)
        assert "kept" in words(kept.observation)


@pytest.mark.parametrize(("name", "expected"), [("Open in a tab", "plain?tab"), ("Open a window", "plain?window")])
async def test_a_new_window_becomes_a_tab_in_front(
    open_page: OpenPage, site: PageServer, name: str, expected: str
) -> None:
    async with open_page("popup") as episode:
        result = await act(episode, "click", name)
        assert f"a new tab opened and is in front now: tab 1, {site.url(expected)}" in events(result)
        assert [tab.active for tab in result.observation.tabs] == [False, True]
        assert "Plain page" in words(result.observation)
        back = await episode.step(Action("tab_focus", {"index": 0}))
        assert ref(back.observation, "Open a window")
        await assert_alive(episode, site)


async def test_a_tab_that_closes_itself_leaves_the_other_in_front(open_page: OpenPage) -> None:
    async with open_page("popup") as episode:
        await act(episode, "click", "Open one that closes")
        result = await act(episode, "click", "Close me")
        assert "a tab has closed" in events(result)
        assert ref(result.observation, "Open a window")


async def test_a_table_of_20_000_nodes_is_observed_and_acted_on(open_page: OpenPage) -> None:
    async with open_page("table") as episode:
        seen = await episode.observe()
        assert len(seen.by_ref) == 4001
        assert len(seen.render(max_tokens=2000)) <= 8000
        result = await act(episode, "click", "After the table")
        assert result.error == ""
        assert result.changed


async def test_right_to_left_text_is_read_clicked_and_typed(open_page: OpenPage) -> None:
    async with open_page("rtl") as episode:
        clicked = await act(episode, "click", "اضغط هنا")
        assert "تم" in words(clicked.observation)
        filled = await act(episode, "fill", "الاسم", text="سارة علي")
        assert filled.observation.find(ref(filled.observation, "الاسم")).value == "سارة علي"


async def test_an_element_that_went_away_is_told_with_the_nearest(open_page: OpenPage) -> None:
    async with open_page("detached") as episode:
        gone = ref(await episode.observe(), "First offer")
        await episode._window.front.evaluate("drop()")
        result = await episode.step(Action("click", {"ref": gone}))
        assert "is no longer on the page" in result.error
        assert 'button "Second offer"' in result.error
        assert "took the second" in words((await act(episode, "click", "Second offer")).observation)


@pytest.mark.parametrize("name", ["Leave", "Slow link"])
async def test_a_navigation_during_the_action_is_waited_for(open_page: OpenPage, site: PageServer, name: str) -> None:
    async with open_page("leaving") as episode:
        result = await act(episode, "click", name)
        assert (result.error, result.observation.title) == ("", "late")
        assert "the other side" in words(result.observation)
        await assert_alive(episode, site)


async def test_a_form_is_sent_and_history_goes_both_ways(open_page: OpenPage) -> None:
    async with open_page("leaving") as episode:
        await act(episode, "type", "Query", text="shoes")
        sent = await episode.step(Action("press", {"key": "Enter"}))
        assert sent.observation.url.endswith("plain?q=shoes")
        assert (await episode.step(Action("back"))).observation.title == "Leaving"
        assert (await episode.step(Action("forward"))).observation.url.endswith("plain?q=shoes")
        assert "no later page" in (await episode.step(Action("forward"))).error


async def test_a_change_of_the_fragment_is_no_navigation(open_page: OpenPage) -> None:
    async with open_page("leaving") as episode:
        assert "still here" in words((await act(episode, "click", "Stay")).observation)


async def test_a_failed_navigation_and_a_missing_page_are_told(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("leaving") as episode:
        cut = await act(episode, "click", "Cut link")
        assert "could not open" in events(cut)
        assert "ERR_EMPTY_RESPONSE" in events(cut)
        assert (await episode.step(Action("back"))).observation.title == "Leaving"
        missing = await act(episode, "click", "Missing page")
        assert f"the server answered 404 for {site.url('nowhere')}" in events(missing)
        await assert_alive(episode, site)


async def test_beforeunload_does_not_hold_the_agent_back(open_page: OpenPage) -> None:
    async with open_page("unloading") as episode:
        await act(episode, "type", "Draft", text="unsaved")
        result = await act(episode, "click", "Leave the draft")
        assert "beforeunload dialog" in events(result)
        assert result.observation.title == "Plain"


async def test_a_page_that_never_stops_loading_can_be_used(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("endless") as episode:
        assert "has not finished loading" in "\n".join((await episode.observe()).events)
        assert ref((await act(episode, "click", "Press me")).observation, "pressed")
        await assert_alive(episode, site)


async def test_a_document_that_never_ends_can_be_used(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("drip", settle_cap_s=1.0) as episode:
        assert "not at rest after 1 s: the page is still loading" in "\n".join((await episode.observe()).events)
        assert ref((await act(episode, "click", "press me")).observation, "pressed")
        await assert_alive(episode, site)


async def test_errors_of_the_page_are_told(open_page: OpenPage) -> None:
    async with open_page("faulty") as episode:
        assert "404" in "\n".join((await episode.observe()).events)
        assert 'console error: the cart is {"size":3}' in events(await act(episode, "click", "Complain"))
        assert "undefinedFunction is not defined" in events(await act(episode, "click", "Throw"))
        assert "unhandled rejection: broken promise" in events(await act(episode, "click", "Reject"))


async def test_a_crashed_tab_is_replaced_and_told(open_page: OpenPage, site: PageServer) -> None:
    async with open_page("plain") as episode:
        tab = episode._window.front
        crash = asyncio.ensure_future(tab.send("Page.crash"))
        while not tab.crashed:
            await asyncio.sleep(0.01)
        crash.cancel()
        result = await episode.step(Action("click", {"ref": "1"}))
        assert "has crashed; a blank tab has taken its place" in events(result)
        await assert_alive(episode, site)


async def test_a_hanging_page_ends_the_episode_at_its_deadline(open_page: OpenPage) -> None:
    async with open_page("hanging", deadline_s=4.0) as episode:
        result = await act(episode, "click", "Hang")
        assert (result.truncated, result.stop) == (True, StopReason.DEADLINE)
        assert "deadline of 4 s" in result.error
        assert len(episode.fingerprints) == 2
        again = await episode.step(Action("wait"))
        assert (again.stop, again.changed) == (StopReason.DEADLINE, False)
