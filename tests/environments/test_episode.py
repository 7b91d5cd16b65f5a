"""Episodes: the contract, forks by replay, limits, pictures, and a browser that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from environments.check import check_environment
from environments.contracts import Action, EnvironmentFailure, Observation, StopReason
from environments.web.browser import Chromium, launch
from environments.web.episode import WebEnvironment
from tests.environments.acting import act, ref, words
from tests.environments.conftest import OpenPage, begin, page_task
from tests.environments.page_server import PageServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PNG = b"\x89PNG"


def click_first(seen: Observation) -> Action:
    return Action("click", {"ref": next(iter(seen.by_ref))})


async def test_the_contract_holds(environment: Callable[..., WebEnvironment], site: PageServer) -> None:
    findings = await check_environment(environment(), page_task(site, "counter"), act=click_first)
    assert [str(finding) for finding in findings if not finding.ok] == []
    assert len(findings) > 20


async def test_the_check_finds_what_is_broken(environment: Callable[..., WebEnvironment], site: PageServer) -> None:
    """`restless` shows another number at each look; a page that changes by itself cannot keep the promises."""
    moving = page_task(site, "moving")
    findings = await check_environment(environment(), moving, act=click_first)
    broken = {finding.name for finding in findings if not finding.ok}
    assert "observing twice gives one fingerprint" in broken


async def test_a_fork_is_exact_and_apart(open_page: OpenPage) -> None:
    async with open_page("counter") as episode:
        for _ in range(3):
            await act(episode, "click", "Add")
        async with episode.fork() as copy:
            assert (copy.exact, copy.mismatch) == (True, "")
            assert copy.fingerprints == episode.fingerprints
            assert 'text "3"' in words(await copy.observe())
            await act(copy, "click", "Add")
            assert 'text "4"' in words(await copy.observe())
        assert 'text "3"' in words(await episode.observe())
        assert len(episode.actions) == 3


async def test_a_fork_that_differs_says_from_where(open_page: OpenPage) -> None:
    async with open_page("counter") as episode:
        await act(episode, "click", "Add")
        await act(episode, "click", "Surprise")
        await act(episode, "click", "Add")
        async with episode.fork() as copy:
            assert copy.exact is False
            assert copy.mismatch == f"the page differs after action 2, {episode.actions[1]}"
            assert copy.actions == episode.actions


async def test_references_stay_and_are_not_given_twice(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        button = ref(await episode.observe(), "Press me")
        pressed = await act(episode, "click", "Press me")
        assert ref(pressed.observation, "Press me") == button
        away = await act(episode, "click", "Next page")
        assert button not in away.observation.by_ref
        assert "there is no element" in (await episode.step(Action("click", {"ref": button}))).error


async def test_changed_is_false_where_nothing_can_be_seen(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        assert (await act(episode, "click", "Press me")).changed is True
        assert (await act(episode, "click", "Press me")).changed is False


async def test_an_answer_ends_the_episode(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        assert episode.answer is None
        result = await episode.step(Action("answer", {"text": "42"}))
        assert (result.terminated, result.truncated, result.stop) == (True, False, StopReason.ANSWERED)
        assert episode.answer == "42"
        after = await act(episode, "click", "Press me")
        assert "is over (answered)" in after.error
        assert (after.changed, len(episode.actions)) == (False, 1)
    async with open_page("plain") as episode:
        result = await episode.step(Action("report_infeasible", {"reason": "no such shop"}))
        assert (result.stop, episode.answer) == (StopReason.INFEASIBLE, "no such shop")


async def test_the_step_limit_truncates(open_page: OpenPage) -> None:
    async with open_page("counter", max_steps=2) as episode:
        assert (await act(episode, "click", "Add")).stop is None
        result = await episode.step(Action("nonsense"))
        assert (result.truncated, result.terminated, result.stop) == (True, False, StopReason.STEP_LIMIT)


async def test_timing_is_told_by_part(open_page: OpenPage) -> None:
    async with open_page("causes") as episode:
        timing = (await act(episode, "click", "By fetch")).timing
        assert timing.settle > 0.5
        assert 0 < timing.act < timing.settle
        assert 0 < timing.observe < timing.settle


async def test_pictures_on_demand_and_with_every_observation(open_page: OpenPage) -> None:
    async with open_page("plain") as episode:
        plain, marked = await episode.screenshot(), await episode.screenshot(marked=True)
        assert plain.startswith(PNG)
        assert marked.startswith(PNG)
        assert plain != marked
        assert await episode.screenshot() == plain, "the marks are gone again"
        assert (await episode.observe()).screenshot is None
    async with open_page("plain", screenshots="marked") as episode:
        result = await act(episode, "click", "Press me")
        assert (result.observation.screenshot or b"").startswith(PNG)


async def test_the_view_alone_can_be_observed(open_page: OpenPage) -> None:
    async with open_page("form", scope="viewport") as episode:
        names = {element.name for element in (await episode.observe()).by_ref.values()}
        assert "Name" in names
        assert "Bottom" not in names


async def test_many_episodes_side_by_side_do_not_mix(open_page: OpenPage) -> None:
    async def count(times: int) -> str:
        async with open_page("counter") as episode:
            for _ in range(times):
                await act(episode, "click", "Add")
            return words(await episode.observe())

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(count(times)) for times in (1, 2, 3, 4)]
    assert [f'text "{n}"' in task.result() for n, task in enumerate(tasks, start=1)] == [True] * 4


async def test_cancelling_closes_the_window(open_page: OpenPage, chromium: Chromium) -> None:
    before = len(chromium.browser.contexts)
    started = asyncio.Event()

    async def hang() -> None:
        async with open_page("plain"):
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await started.wait()
    during = len(chromium.browser.contexts)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert during > before - 1
    assert len(chromium.browser.contexts) <= during - 1


async def test_a_page_that_cannot_be_opened_is_a_failure_of_the_environment(open_page: OpenPage) -> None:
    with pytest.raises(EnvironmentFailure, match="did not begin within its deadline of 1 s"):
        async with open_page("never", deadline_s=1.0):
            pass


async def test_a_browser_that_ends_is_a_failure_of_the_environment(site: PageServer) -> None:
    from environments.web.guard import Rules

    rules = Rules(origins=(site.origin,))
    async with launch() as chromium:
        environment = WebEnvironment(name="x", chromium=chromium, begin=begin, rules=lambda task: rules)
        async with environment.start(page_task(site, "plain")) as episode:
            await chromium.browser.close()
            with pytest.raises(EnvironmentFailure, match="browser has ended"):
                await episode.step(Action("click", {"ref": "1"}))
        with pytest.raises(EnvironmentFailure, match="open the suite again"):
            async with environment.start(page_task(site, "plain")):
                pass
