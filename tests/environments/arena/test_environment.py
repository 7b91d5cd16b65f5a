"""Arena episodes in a real browser: exact forks, references that stay, nothing left behind by a search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from environments.arena.client import start
from environments.arena.environment import ArenaEnvironment
from environments.check import check_environment
from environments.contracts import Action, Observation, Task
from environments.web.browser import launch
from environments.web.episode import WebEpisode
from environments.web.outline import WebObservation

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def env() -> AsyncIterator[ArenaEnvironment]:
    async with start(sites=("forum", "wiki")) as arena, launch() as chromium:
        yield ArenaEnvironment(arena=arena, chromium=chromium)


def task(start: str, **login: str) -> Task:
    data = {"start": start, "login": login, "size": "small"}
    return Task(id="t", suite="arena", goal="Look around.", max_steps=60, deadline_s=120, data=data)


def ref(seen: WebObservation, role: str, name: str) -> str:
    return next(
        element.ref for element in seen.elements if element.ref and (element.role, element.name) == (role, name)
    )


async def act(episode: WebEpisode, name: str, role: str, label: str, **more: str) -> WebObservation:
    result = await episode.step(Action(name, {"ref": ref(await episode.observe(), role, label), **more}))
    assert result.error == ""
    return await episode.observe()


async def test_an_episode_begins_signed_in_and_keeps_the_contract(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/post/3", forum="mara.quill")) as episode:
        assert "Mara Quill" in (await episode.observe()).render()

    def first_link(seen: Observation) -> Action:
        assert isinstance(seen, WebObservation)
        return Action("click", {"ref": ref(seen, "link", "Communities")})

    findings = await check_environment(env, task("__FORUM__/"), act=first_link)
    assert [str(finding) for finding in findings if not finding.ok] == []
    assert env.instances == {}


async def test_a_fork_has_fields_dialogs_menus_scroll_and_references(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/post/3", forum="mara.quill")) as episode:
        await act(episode, "fill", "textbox", "Your comment", text="half a sentence")
        seen = await act(episode, "click", "button", "Report")
        assert 'dialog "Report this post"' in seen.render()
        async with episode.fork() as copy:
            assert copy.exact, copy.mismatch
            assert copy.actions == episode.actions
            again = await copy.observe()
            assert [element.ref for element in again.elements] == [element.ref for element in seen.elements]
            after = await act(copy, "select_option", "combobox", "Reason", option="Spam")
            after = await act(copy, "click", "button", "Send report")
            assert "The moderators will look at it." in after.render()
        assert (await episode.observe()).fingerprint == seen.fingerprint


async def test_a_page_that_answered_a_wrong_form_is_copied(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/submit", forum="mara.quill")) as episode:
        await act(episode, "fill", "textbox", "Title", text="abc")
        seen = await act(episode, "click", "button", "Publish")
        assert "A title has 4 to 140 characters." in seen.render()
        async with episode.fork() as copy:
            assert copy.exact
            assert (await copy.observe()).fingerprint == seen.fingerprint


async def test_a_notice_is_copied_and_then_gone_in_both(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/post/3", forum="mara.quill")) as episode:
        await act(episode, "click", "button", "Save post")
        async with episode.fork() as copy:
            assert copy.exact
            for one in (episode, copy):
                assert "The post is saved." in (await one.observe()).render()
                assert "The post is saved." not in (await act(one, "click", "link", "Communities")).render()


async def test_what_a_branch_writes_is_not_seen_by_its_original_or_its_siblings(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/c/gardening", forum="mara.quill")) as episode, AsyncExitStack() as stack:
        branches = [await stack.enter_async_context(episode.fork()) for _ in range(2)]
        first = await episode.observe()
        label = "Subscribe" if 'button "Subscribe"' in first.render() else "Unsubscribe"
        changed = await act(branches[0], "click", "button", label)
        assert f'button "{label}"' not in changed.render()
        for one in (episode, branches[1]):
            assert f'button "{label}"' in (await one.observe()).render()
        digests = {await env.arena.digest(env.instances[one]) for one in (episode, branches[1])}
        assert len(digests) == 1
        assert await env.arena.digest(env.instances[branches[0]]) not in digests


async def test_a_tree_search_of_fifty_nodes_leaves_the_server_as_it_was(env: ArenaEnvironment) -> None:
    """Every node is a fork that presses a button which writes; depth three, breadth by what the page offers."""
    buttons = ("Upvote", "Downvote", "Save post", "Forget post")
    nodes, exact = 0, 0
    async with env.start(task("__FORUM__/post/3", forum="mara.quill")) as root:
        before = await env.arena.digest(env.instances[root])
        page = (await root.observe()).fingerprint
        waiting = [root]
        async with AsyncExitStack() as stack:
            while nodes < 50:
                parent = waiting.pop(0)
                offered = {element.name for element in (await parent.observe()).elements if element.role == "button"}
                for name in [name for name in buttons if name in offered]:
                    child = await stack.enter_async_context(parent.fork())
                    nodes, exact = nodes + 1, exact + child.exact
                    await act(child, "click", "button", name)
                    assert await env.arena.digest(env.instances[child]) != before
                    waiting.append(child)
            assert await env.arena.digest(env.instances[root]) == before
            assert (await root.observe()).fingerprint == page
        assert exact == nodes
        assert list(env.instances) == [root]
    assert env.instances == {}


async def test_pages_may_not_leave_the_arena(env: ArenaEnvironment) -> None:
    async with env.start(task("__FORUM__/")) as episode:
        refused = await episode.step(Action("goto", {"url": "http://127.0.0.1:9/"}))
        assert "not allowed" in refused.error
        other = await episode.step(Action("goto", {"url": env.arena.address("wiki") + "/wiki/fernwick"}))
        assert other.error == ""
