"""Episodes that are read as text, over a world of two counters: the log, the limits, the ends, forks and replays."""

from __future__ import annotations

import asyncio
import json

import pytest

from environments.check import check_environment
from environments.contracts import Action, EnvironmentFailure, StopReason, Task, ToolSpec
from environments.text import Done, TextEnvironment, TextObservation

NUMBER = {"type": "object", "properties": {"by": {"type": "integer", "default": 1}}, "required": []}
NOTHING = {"type": "object", "properties": {}, "required": []}
TOOLS = (
    ToolSpec("add", "Add to what is seen.", NUMBER),
    ToolSpec("hide", "Add to what is not seen.", NUMBER),
    ToolSpec("refuse", "Say no.", NOTHING),
    ToolSpec("wait", "Take for ever.", NOTHING),
    ToolSpec("stall", "Raise a timeout of its own.", NOTHING),
    ToolSpec("break", "Break the world.", NOTHING),
    ToolSpec(
        "stop", "End with an answer.", {"type": "object", "properties": {"text": {"type": "string"}}, "required": []}
    ),
)
TASK = Task(id="count", suite="counters", max_steps=5, deadline_s=30)


class Counters:
    """Two numbers, one of which shows."""

    def __init__(self, shown: int, *, hidden: int = 0, mismatch: str = "", log: list[str] | None = None) -> None:
        self.shown, self.hidden, self.mismatch = shown, hidden, mismatch
        self.log = [] if log is None else log

    async def look(self) -> TextObservation:
        self.log.append("look")
        return TextObservation((("Count", str(self.shown)),), state=str(self.hidden))

    async def act(self, action: Action) -> Done:
        by = action.arguments.get("by", 1)
        match action.name:
            case "add":
                self.shown += by
            case "hide":
                self.hidden += by
            case "refuse":
                self.hidden += 1
                return Done("no")
            case "wait":
                await asyncio.sleep(60)
            case "stall":
                raise TimeoutError("a lock")
            case "break":
                raise EnvironmentFailure("the world broke")
            case "stop":
                return Done(stop=StopReason.ANSWERED, answer=str(action.arguments.get("text", "")))
        return Done()

    async def fork(self) -> Counters:
        return Counters(self.shown, hidden=self.hidden, mismatch=self.mismatch, log=self.log)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.log.append("close")


def counting(*, mismatch: str = "", log: list[str] | None = None) -> TextEnvironment:
    async def begin(task: Task, seed: int) -> tuple[Counters, str]:
        return Counters(seed, mismatch=mismatch, log=log), f"Count on from {seed}."

    return TextEnvironment(name="counters", tools=TOOLS, begin=begin, briefing="You count.")


async def test_it_keeps_the_contract_of_an_environment() -> None:
    findings = await check_environment(counting(), TASK, seed=3, act=lambda _: Action("add"))
    assert [str(finding) for finding in findings if not finding.ok] == []


async def test_an_episode_keeps_its_log() -> None:
    async with counting().start(TASK, seed=4) as episode:
        assert (episode.goal, episode.site, episode.seed, episode.task) == ("Count on from 4.", "counters", 4, TASK)
        assert (episode.actions, episode.fingerprints, episode.answer) == ((), (episode.fingerprints[0],), None)
        first = await episode.step(Action("add", {"by": "2"}))
        assert first.observation.to_json()["sections"] == [["Count", "6"]]
        assert (first.error, first.changed, first.stop, first.terminated, first.truncated) == (
            "",
            True,
            None,
            False,
            False,
        )
        assert first.timing.act > 0
        assert episode.actions == (Action("add", {"by": "2"}),), "as it was given"
        assert episode.fingerprints[1] == first.observation.fingerprint
        assert (await episode.observe()) is first.observation


async def test_looking_twice_asks_the_world_once() -> None:
    log: list[str] = []
    async with counting(log=log).start(TASK) as episode:
        await episode.observe()
        await episode.observe()
        assert log == ["look"]


async def test_what_is_not_shown_counts_as_a_change() -> None:
    async with counting().start(TASK) as episode:
        assert (await episode.step(Action("hide"))).changed
        assert not (await episode.step(Action("hide", {"by": 0}))).changed
        refused = await episode.step(Action("refuse"))
        assert (refused.error, refused.changed) == ("no", True), "an action may fail and leave a trace"


async def test_a_wrong_action_does_not_reach_the_world_and_counts_as_a_step() -> None:
    log: list[str] = []
    async with counting(log=log).start(TASK) as episode:
        before = list(log)
        for action in (Action("ad"), Action("add", {"by": "x"}), Action("add", {"of": 1})):
            result = await episode.step(action)
            assert result.error
            assert not result.changed
        assert log == before
        assert len(episode.actions) == 3
        assert len(set(episode.fingerprints)) == 1
        assert len(episode.fingerprints) == 4


async def test_an_answer_ends_it_and_later_steps_do_nothing() -> None:
    async with counting().start(TASK) as episode:
        end = await episode.step(Action("stop", {"text": "4"}))
        assert (end.terminated, end.truncated, end.stop) == (True, False, StopReason.ANSWERED)
        assert episode.answer == "4"
        late = await episode.step(Action("add"))
        assert "the episode is over (answered)" in late.error
        assert (late.changed, late.stop, late.terminated) == (False, StopReason.ANSWERED, True)
        assert len(episode.actions) == 1
        assert late.observation is end.observation


async def test_the_step_limit_truncates() -> None:
    async with counting().start(TASK) as episode:
        results = [await episode.step(Action("add")) for _ in range(5)]
        assert [result.stop for result in results] == [None] * 4 + [StopReason.STEP_LIMIT]
        assert (results[-1].truncated, results[-1].terminated) == (True, False)
        assert "over (step_limit)" in (await episode.step(Action("add"))).error


async def test_an_answer_at_the_last_step_is_an_answer() -> None:
    async with counting().start(Task(id="x", suite="y", max_steps=1)) as episode:
        end = await episode.step(Action("stop"))
        assert (end.stop, end.terminated, episode.answer) == (StopReason.ANSWERED, True, "")


async def test_the_deadline_stops_an_action_where_it_stands() -> None:
    log: list[str] = []
    async with counting(log=log).start(Task(id="x", suite="y", deadline_s=0.05)) as episode:
        result = await episode.step(Action("wait"))
        assert (result.stop, result.truncated, result.changed) == (StopReason.DEADLINE, True, False)
        assert "deadline of 0.05 s" in result.error
    assert log[-1] == "close"


async def test_a_timeout_of_the_world_itself_is_not_the_deadline() -> None:
    async with counting().start(TASK) as episode:
        with pytest.raises(TimeoutError, match="a lock"):
            await episode.step(Action("stall"))


async def test_a_broken_world_is_raised_and_closed() -> None:
    log: list[str] = []
    with pytest.raises(EnvironmentFailure, match="broke"):
        async with counting(log=log).start(TASK) as episode:
            await episode.step(Action("break"))
    assert log[-1] == "close"


async def test_a_fork_begins_where_it_was_made_and_is_closed_by_itself() -> None:
    log: list[str] = []
    async with counting(log=log).start(TASK, seed=1) as episode:
        await episode.step(Action("add"))
        async with episode.fork() as copy:
            assert (copy.exact, copy.mismatch, copy.goal) == (True, "", episode.goal)
            assert (copy.actions, copy.fingerprints) == (episode.actions, episode.fingerprints)
            assert await copy.observe() == await episode.observe()
            await copy.step(Action("add"))
            assert (len(copy.actions), len(episode.actions)) == (2, 1)
            assert dict((await copy.observe()).sections) == {"Count": "3"}
            assert dict((await episode.observe()).sections) == {"Count": "2"}
        assert log.count("close") == 1
        for _ in range(4):
            await episode.step(Action("add"))
        async with episode.fork() as over:
            assert "over (step_limit)" in (await over.step(Action("add"))).error


async def test_a_fork_that_is_not_exact_says_why() -> None:
    async with counting(mismatch="a file differs").start(TASK) as episode, episode.fork() as copy:
        assert (copy.exact, copy.mismatch) == (False, "a file differs")


async def test_a_fork_has_no_more_time_than_its_original() -> None:
    async with counting().start(Task(id="x", suite="y", deadline_s=2)) as episode:
        await asyncio.sleep(2)
        async with episode.fork() as copy, asyncio.timeout(1):
            assert (await copy.step(Action("wait"))).stop is StopReason.DEADLINE


async def test_a_replay_compares_every_fingerprint() -> None:
    env = counting()
    actions = (Action("add"), Action("hide"), Action("add"))
    async with env.start(TASK) as episode:
        for action in actions:
            await episode.step(action)
    seen = episode.fingerprints
    async with env.replay(TASK, actions, fingerprints=seen) as same:
        assert (same.exact, same.mismatch, same.fingerprints) == (True, "", seen)
    async with env.replay(TASK, actions, fingerprints=(*seen[:2], "other", seen[3])) as other:
        assert (other.exact, other.mismatch) == (False, "the state differs after action 2, hide()")
    async with env.replay(TASK, actions, seed=1, fingerprints=seen) as another:
        assert another.mismatch == "the state differs before the first action"
    async with env.replay(TASK, actions) as unchecked:
        assert unchecked.exact


async def test_what_is_opened_is_closed_when_it_is_cancelled() -> None:
    log: list[str] = []

    async def hang() -> None:
        async with counting(log=log).start(TASK) as episode:
            await episode.step(Action("wait"))

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log[-1] == "close"


def test_equal_observations_have_equal_fingerprints_and_others_do_not() -> None:
    one = TextObservation((("A", "x"), ("B", "y")), state="s")
    assert one.fingerprint == TextObservation((("A", "x"), ("B", "y")), state="s", screenshot=b"p").fingerprint
    others = [
        TextObservation((("A", "x"), ("B", "y")), state="t"),
        TextObservation((("B", "y"), ("A", "x")), state="s"),
        TextObservation((("A", "xB"), ("", "y")), state="s"),
        TextObservation((("A", "x"),), state="s"),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert TextObservation((("A", "\ud800"),)).fingerprint, "what cannot be encoded does not stop it"


def test_an_observation_survives_json() -> None:
    one = TextObservation((("A", "x\n"), ("B", "ü")), state="s")
    again = TextObservation.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one
    assert one.to_json()["kind"] == "text"


def test_short_sections_are_rendered_whole_and_unchanged_ones_named() -> None:
    one = TextObservation((("A", "x"), ("B", "y")))
    assert one.render() == "# A\nx\n# B\ny"
    other = TextObservation((("A", "x"), ("B", "z")))
    assert other.render(against=one) == "# A\n(unchanged)\n# B\nz"


def test_a_long_section_is_cut_in_its_middle_and_a_short_one_stays() -> None:
    text = "".join(f"{n:04}\n" for n in range(1000))
    seen = TextObservation((("Output", text), ("Files", "a.txt"))).render(max_tokens=100)
    assert len(seen) <= 400
    assert seen.startswith("# Output\n0000\n0001\n")
    assert "0999\n\n# Files\na.txt" in seen
    assert "characters left out" in seen
    head, note, tail = seen.removeprefix("# Output\n").removesuffix("\n# Files\na.txt").split("…")
    assert int(note.split()[0]) == len(text) - len(head[:-1]) - len(tail[1:])


@pytest.mark.parametrize("tokens", [1, 5, 20, 100, 1000])
def test_rendering_keeps_to_its_room(tokens: int) -> None:
    observation = TextObservation((("A", "x" * 5000), ("B", "y" * 300), ("C", "z")))
    assert len(observation.render(max_tokens=tokens)) <= max(4 * tokens, 20)


def test_two_long_sections_share_the_room() -> None:
    seen = TextObservation((("A", "x" * 5000), ("B", "y" * 5000))).render(max_tokens=100)
    assert abs(seen.count("x") - seen.count("y")) <= 2
    assert seen.count("x") > 100
