"""MiniWoB++: every page opens and is the same for the same seed; right solutions succeed, wrong ones fail."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from environments.check import check_environment
from environments.contracts import Action, Environment, Grader, StopReason, Task
from environments.miniwob import load, pages_folder
from environments.suites import UnknownSuite, load_suite
from environments.web.episode import WebEpisode
from sandbox import MissingDependencyError
from tests.environments.acting import act, ref

browser = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SEED = 3


def in_browser(test: Callable[..., object]) -> Callable[..., object]:
    for mark in browser:
        test = mark(test)
    return test


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened() -> AsyncIterator[tuple[Environment, Grader]]:
    async with load_suite("miniwob").open(parallel=2) as pair:
        yield pair


def task(name: str) -> Task:
    return next(one for one in load_suite("miniwob").tasks() if one.id == name)


def test_every_page_of_the_package_is_a_task() -> None:
    tasks = load_suite("miniwob").tasks()
    names = [one.id for one in tasks]
    assert len(names) == 130
    assert names == sorted(path.stem for path in (pages_folder() / "miniwob").glob("*.html"))
    assert {one.family for one in tasks} == {f"miniwob/{name}" for name in names}
    assert all(one.max_steps >= 10 and one.deadline_s > 10 for one in tasks)


def test_without_the_package_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pages_folder.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install 'miniwob"):
        load_suite("miniwob").tasks()
    pages_folder.cache_clear()


def test_an_unknown_suite_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownSuite, match="did you mean 'miniwob'"):
        load_suite("miniwobb")


# ---- solutions, and what must fail

Play = Callable[[WebEpisode], Awaitable[None]]


def quoted(episode: WebEpisode) -> list[str]:
    return re.findall(r'"([^"]*)"', episode.goal)


async def click(episode: WebEpisode, *names: str) -> None:
    for name in names:
        assert (await act(episode, "click", name)).error == ""


def clicks(*names: str) -> Play:
    async def play(episode: WebEpisode) -> None:
        await click(episode, *names)

    return play


async def named_button(episode: WebEpisode) -> None:
    await click(episode, quoted(episode)[0])


async def other_button(episode: WebEpisode) -> None:
    names = [e.name for e in (await episode.observe()).by_ref.values() if e.role == "button"]
    await click(episode, next(name for name in names if name != quoted(episode)[0]))


async def text(episode: WebEpisode) -> None:
    await act(episode, "fill", "tt", text=quoted(episode)[0])
    await click(episode, "Submit")


async def other_text(episode: WebEpisode) -> None:
    await act(episode, "fill", "tt", text="something else")
    await click(episode, "Submit")


async def password(episode: WebEpisode) -> None:
    for name in ("Password", "Verify password"):
        await act(episode, "fill", name, text=quoted(episode)[0])
    await click(episode, "Submit")


async def one_password(episode: WebEpisode) -> None:
    await act(episode, "fill", "Password", text=quoted(episode)[0])
    await click(episode, "Submit")


async def login(episode: WebEpisode) -> None:
    for name, words in zip(("Username", "Password"), quoted(episode), strict=True):
        await act(episode, "type", name, text=words)
    await click(episode, "Login")


async def checkboxes(episode: WebEpisode) -> None:
    for name in re.findall(r"\w+", episode.goal.removeprefix("Select ").removesuffix(" and click Submit.")):
        await act(episode, "check", name)
    await click(episode, "Submit")


async def list_choice(episode: WebEpisode) -> None:
    wanted = re.fullmatch(r"Select (.*) from the list and click Submit\.", episode.goal)
    assert wanted
    await act(episode, "select_option", "options", option=wanted[1])
    await click(episode, "Submit")


async def last_choice(episode: WebEpisode) -> None:
    options = (await episode.observe()).find(ref(await episode.observe(), "options")).options
    wrong = next(option for option in options if f" {option} " not in episode.goal)
    await act(episode, "select_option", "options", option=wrong)
    await click(episode, "Submit")


async def option(episode: WebEpisode) -> None:
    await act(episode, "check", episode.goal.split()[1])
    await click(episode, "Submit")


async def date(episode: WebEpisode) -> None:
    month, day, year = re.findall(r"\d+", episode.goal)
    await act(episode, "fill", "tt", text=f"{year}-{month}-{day}")
    await click(episode, "Submit")


async def slider(episode: WebEpisode) -> None:
    wanted = int(re.findall(r"-?\d+", episode.goal)[0])
    for _ in range(200):
        seen = await episode.observe()
        shown = next(int(e.name) for e in seen.elements if e.role == "text" and re.fullmatch(r"-?\d+", e.name))
        if shown == wanted:
            break
        key = "ArrowRight" if shown < wanted else "ArrowLeft"
        await act(episode, "press", "slider-handle", key=key)
    await click(episode, "Submit")


async def autocomplete(episode: WebEpisode) -> None:
    """The suggestions come by a timer of the page's."""
    result = await act(episode, "type", "Tags:", text=quoted(episode)[0])
    suggested = [e for e in result.observation.by_ref.values() if e.name.startswith(quoted(episode)[0])]
    await episode.step(Action("click", {"ref": suggested[0].ref}))
    await click(episode, "Submit")


async def box(episode: WebEpisode) -> None:
    await act(episode, "drag", "s", to_ref=ref(await episode.observe(), "L"))
    await click(episode, "Submit")


SOLUTIONS: dict[str, tuple[Play, Play | None]] = {
    "click-test": (clicks("Click Me!"), None),
    "click-test-2": (clicks("ONE"), clicks("TWO")),
    "click-button-sequence": (clicks("ONE", "TWO"), clicks("TWO", "ONE")),
    "click-button": (named_button, other_button),
    "click-checkboxes": (checkboxes, clicks("Submit")),
    "click-option": (option, clicks("Submit")),
    "choose-list": (list_choice, last_choice),
    "enter-text": (text, other_text),
    "enter-password": (password, one_password),
    "enter-date": (date, clicks("Submit")),
    "login-user": (login, clicks("Login")),
    "use-autocomplete": (autocomplete, clicks("Submit")),
    "use-slider": (slider, clicks("Submit")),
    "drag-box": (box, clicks("Submit")),
}


@in_browser
@pytest.mark.parametrize("name", SOLUTIONS)
async def test_the_right_solution_succeeds(opened: tuple[Environment, Grader], name: str) -> None:
    env, grader = opened
    long = Task(**{field: getattr(task(name), field) for field in Task.__slots__} | {"max_steps": 300})
    async with env.start(long, seed=SEED) as episode:
        before = await grader.verdict(episode)
        assert (before.success, before.reasons) == (False, "the page did not end the episode")
        await SOLUTIONS[name][0](episode)
        score = await grader.verdict(episode)
        assert (score.success, score.source) == (True, "environment"), score.reasons
        refused = await episode.step(Action("click", {"ref": "1"}))
        assert (refused.terminated, refused.stop) == (True, StopReason.TERMINATED)
        assert "is over" in refused.error
    assert (await grader.verdict(episode)).success, "the verdict outlives the episode"


@in_browser
@pytest.mark.parametrize("name", [name for name, (_, wrong) in SOLUTIONS.items() if wrong])
async def test_a_wrong_solution_fails(opened: tuple[Environment, Grader], name: str) -> None:
    env, grader = opened
    async with env.start(task(name), seed=SEED) as episode:
        wrong = SOLUTIONS[name][1]
        assert wrong
        await wrong(episode)
        score = await grader.verdict(episode)
        assert (score.success, score.value) == (False, 0.0)
        assert score.reasons.startswith("raw reward -")


# ---- instances


@in_browser
async def test_every_task_opens_without_trouble_and_one_in_four_the_same_again(
    opened: tuple[Environment, Grader],
) -> None:
    """A failure names all the tasks that it is about."""
    env, _ = opened
    first, troubled, different = {}, [], []
    for one in load_suite("miniwob").tasks():
        async with env.start(one, seed=SEED) as episode:
            first[one.id] = (episode.goal, episode.fingerprints)
            seen = await episode.observe()
            if seen.events or not episode.goal or not seen.elements:
                troubled.append((one.id, seen.events, episode.goal))
    for one in load_suite("miniwob").tasks()[::4]:
        async with env.start(one, seed=SEED) as episode:
            if (episode.goal, episode.fingerprints) != first[one.id]:
                different.append(one.id)
    assert different == []
    assert troubled == []


@in_browser
async def test_another_seed_is_another_instance(opened: tuple[Environment, Grader]) -> None:
    env, _ = opened
    goals = set()
    for seed in range(4):
        async with env.start(task("login-user"), seed=seed) as episode:
            goals.add(episode.goal)
    assert len(goals) == 4


@in_browser
@pytest.mark.parametrize("name", ["click-checkboxes-large", "email-inbox", "social-media", "click-collapsible-2"])
async def test_forks_by_replay_are_exact(opened: tuple[Environment, Grader], name: str) -> None:
    env, grader = opened
    async with env.start(task(name), seed=SEED) as episode:
        for _ in range(3):
            refs = list((await episode.observe()).by_ref.values())
            await episode.step(Action("click", {"ref": refs[len(episode.actions) * 2 % len(refs)].ref}))
        async with episode.fork() as copy:
            assert (copy.exact, copy.mismatch) == (True, "")
            assert copy.fingerprints == episode.fingerprints
            assert (await grader.verdict(copy)) == (await grader.verdict(episode))


@in_browser
async def test_the_contract_holds(opened: tuple[Environment, Grader]) -> None:
    def first(seen: object) -> Action:
        return Action("click", {"ref": "1"})

    findings = await check_environment(opened[0], task("click-checkboxes"), seed=SEED, act=first)
    assert [str(finding) for finding in findings if not finding.ok] == []


@in_browser
async def test_the_reward_is_nowhere_that_an_agent_looks(opened: tuple[Environment, Grader]) -> None:
    env, _ = opened
    async with env.start(task("click-test-2"), seed=SEED) as episode:
        result = await act(episode, "click", "TWO")
        shown = str(result.observation.to_json()).lower()
        assert "reward" not in shown
        assert "-1" not in shown
        assert "START" not in result.observation.render(), "the cover that starts another episode is gone"
        public = [name for name in dir(episode) if not name.startswith("_")]
        assert [name for name in public if "reward" in name or "score" in name or "verdict" in name] == []


@in_browser
async def test_pages_reach_nothing_outside_the_package(opened: tuple[Environment, Grader], tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("the secret")
    env, _ = opened
    async with env.start(task("click-test"), seed=SEED) as episode:
        window = episode._window  # type: ignore[attr-defined]
        assert "outside what this task may open" in await window.goto((tmp_path / "secret.html").as_uri())
        tab = window.front
        await tab.evaluate(f"location.href = '{(tmp_path / 'secret.html').as_uri()}'")
        await episode.step(Action("wait", {"seconds": 0.3}))
        assert "secret" not in str(await tab.evaluate("document.body.innerText"))


@in_browser
async def test_an_episode_ends_at_its_deadline() -> None:
    short = Task(id="click-test", suite="miniwob", deadline_s=1.5)
    async with load(clock="real").open() as (env, grader), env.start(short, seed=SEED) as episode:
        result = await episode.step(Action("wait", {"seconds": 10}))
        assert (result.truncated, result.stop) == (True, StopReason.DEADLINE)
        assert (await grader.verdict(episode)).success is False


@in_browser
async def test_the_clock_of_the_pages_stands_still_between_steps(opened: tuple[Environment, Grader]) -> None:
    env, _ = opened
    async with env.start(task("stock-market"), seed=SEED) as episode:
        first = (await episode.observe()).fingerprint
        await asyncio.sleep(0.5)
        assert (await episode.observe()).fingerprint == first, "prices change ten times a second"
        began = time.monotonic()
        assert (await episode.step(Action("wait", {"seconds": 10}))).changed
        assert time.monotonic() - began < 5, "its time passes faster than ours"
