"""A killed trajectory goes on at its step: nothing is asked or paid twice, and a page that differs is said.

Guarantees: every answer of model, judge and memory is on disk before the agent sees it; equal questions get equal
answers, in the order they were given; the environment is made again by taking the actions again.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentkit.flight import Flight
from agentkit.models.scripted import ScriptedModel
from agentkit.study import Plan, run_study
from environments.contracts import StopReason
from memory.contracts import Query
from memory.study import read_study
from memory.trajectory import Completion, Message, RecalledItem, Text, TokenLogprob, ToolCall, Trajectory, Usage
from tests.agentkit.doors import DoorEnvironment, DoorSuite

ROOT = Path(__file__).resolve().parents[2]


def hello(text: str = "hello") -> list[Message]:
    return [Message("user", (Text(text),))]


async def test_an_answer_is_on_disk_before_it_is_given_and_is_given_again(tmp_path: Path) -> None:
    said = Completion(
        text="hi",
        model="scripted",
        usage=Usage(prompt_tokens=7, cost_usd=0.5),
        logprobs=(TokenLogprob("hi", float("-inf"), (("a", -1.0),)),),
    )
    first = Flight.open(tmp_path, "a/b/0")
    model = ScriptedModel([said, "second", "other"])
    assert await first.model(model).complete(hello(), seed=1) == [said]
    again = Flight.open(tmp_path, "a/b/0")  # the first was never closed: it died
    silent = ScriptedModel([])
    assert await again.model(silent).complete(hello(), seed=1) == [said]
    assert silent.asked == []
    assert again.replayed == 1


async def test_equal_questions_get_their_answers_in_order_and_then_the_model_is_asked(tmp_path: Path) -> None:
    with Flight.open(tmp_path, "x") as first:
        model = first.model(ScriptedModel(["one", "two"]))
        for _ in range(2):
            await model.complete(hello())
    with Flight.open(tmp_path, "x") as again:
        model = again.model(ScriptedModel(["three"]))
        assert [(await model.complete(hello()))[0].text for _ in range(3)] == ["one", "two", "three"]


@pytest.mark.parametrize("change", [{"seed": 2}, {"temperature": 0.5}, {"n": 1}, {"role": "judge"}, {"text": "x"}])
async def test_another_question_is_asked(tmp_path: Path, change: dict[str, object]) -> None:
    with Flight.open(tmp_path, "x") as first:
        await first.model(ScriptedModel(["old"])).complete(hello(), seed=1)
    with Flight.open(tmp_path, "x") as again:
        role = str(change.pop("role", "actor"))
        messages = hello(str(change.pop("text", "hello")))
        [answer] = await again.model(ScriptedModel(["new"]), role=role).complete(messages, **{"seed": 1, **change})
    assert answer.text == "new"


async def test_a_torn_line_is_cut_off_and_what_follows_is_whole(tmp_path: Path) -> None:
    with Flight.open(tmp_path, "x") as first:
        await first.model(ScriptedModel(["one"])).complete(hello("1"))
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'{"schema":1,"question":"')
    with Flight.open(tmp_path, "x") as again:
        await again.model(ScriptedModel(["two"])).complete(hello("2"))
    with Flight.open(tmp_path, "x") as third:
        model = third.model(ScriptedModel([]))
        assert (await model.complete(hello("2")))[0].text == "two"
        assert (await model.complete(hello("1")))[0].text == "one"
        third.land()
    assert list(tmp_path.iterdir()) == []


class Shelf:
    def __init__(self, *texts: str) -> None:
        self.texts = texts

    async def recall(self, query: Query) -> tuple[RecalledItem, ...]:
        return tuple(RecalledItem(f"i{k}", 1, "tip", text, {"k": k}, 0.25) for k, text in enumerate(self.texts))


async def test_memory_answers_as_before_though_it_has_learnt_since(tmp_path: Path) -> None:
    with Flight.open(tmp_path, "x") as first:
        old = await first.memory(Shelf("old")).recall(Query(goal="g"))
    with Flight.open(tmp_path, "x") as again:
        memory = again.memory(Shelf("old", "new"))
        assert await memory.recall(Query(goal="g")) == old
        assert len(await memory.recall(Query(goal="another"))) == 2


CHILD = """
import asyncio, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from agentkit.models.scripted import ScriptedModel
from tests.agentkit import test_flight

def slow(messages):
    time.sleep(0.1)
    return test_flight.{answer}(messages)

asyncio.run(test_flight.{play}(Path({out!r}), ScriptedModel(slow)))
"""


def looks_then_opens(messages: Sequence[Message]) -> ToolCall | str:
    """Look three times, open the wrong door; a reflection; look twice, open the right one."""
    if "Say in two to four sentences" in messages[-1].text:
        return "Next time I take door 2."
    turns = sum(message.role == "assistant" for message in messages)
    warned = any("i take door 2" in str(part).lower() for message in messages for part in message.parts)
    if turns < (2 if warned else 3):
        return ToolCall("look", {}, id="c")
    return ToolCall("open", {"door": 2 if warned else 1}, id="c")


async def play_doors(out: Path, model: ScriptedModel, *, resume: bool = False, seed: int = 1) -> list[Trajectory]:
    suite = DoorSuite(DoorEnvironment(), count=1)
    plan = Plan(tasks=tuple(suite.tasks()), seeds=(seed,), agent="reflexion", trials=2, feedback="env")
    return await run_study(plan, suite, model=model, out=out, resume=resume)


def killed_after(steps: int, out: Path, *, answer: str, play: str) -> int:
    """Run in a child, kill it with SIGKILL once so many steps are logged, and return how many were."""
    code = CHILD.format(root=str(ROOT), out=str(out), answer=answer, play=play)
    child = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while logged(out) < steps:
        assert child.poll() is None, "the child ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    return logged(out)


def logged(out: Path) -> int:
    log = out / "log.jsonl"
    return log.read_bytes().count(b'"kind":"step"') if log.exists() else 0


@pytest.mark.parametrize("steps", [1, 3, 5])
async def test_kill_nine_in_an_attempt_asks_nothing_again(tmp_path: Path, steps: int) -> None:
    """Seven steps and a reflection, eight questions. Killed in the first or in the second attempt."""
    whole = ScriptedModel(looks_then_opens)
    [expected] = await play_doors(tmp_path / "whole", whole)
    assert len(whole.asked) == 8
    out = tmp_path / "killed"
    killed_after(steps, out, answer="looks_then_opens", play="play_doors")
    [file] = (out / "flight").iterdir()
    answered = file.read_bytes().count(b"\n")
    model = ScriptedModel(looks_then_opens)
    [resumed] = await play_doors(out, model, resume=True)
    assert answered >= steps
    assert len(model.asked) == 8 - answered
    assert [a.stop for a in resumed.attempts] == [StopReason.TERMINATED, StopReason.TERMINATED]
    assert told(resumed) == told(expected)
    assert resumed.success
    assert list((out / "flight").iterdir()) == []
    notes = [note for attempt in read_study(out).load(resumed.id).attempts for note in attempt.notes]
    [note] = [note for note in notes if note.kind == "resume"]
    assert note.data == {"exact": True}


def told(trajectory: Trajectory) -> list[object]:
    """What an agent did and was told, less the time it took."""
    steps = [step for attempt in trajectory.attempts for step in attempt.steps]
    return [[str(step.action), step.observation.fingerprint, step.changed, len(step.messages)] for step in steps]


async def test_an_environment_that_does_not_repeat_itself_is_said(tmp_path: Path) -> None:
    """The log is made to say that the killed run saw other pages than the resumed one does."""
    out = tmp_path / "killed"
    killed_after(4, out, answer="looks_then_opens", play="play_doors")
    log = out / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if line["kind"] == "observation":
            line["body"]["fingerprint"] = "other"
    log.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    [resumed] = await play_doors(out, ScriptedModel(looks_then_opens), resume=True)
    notes = [note for attempt in read_study(out).load(resumed.id).attempts for note in attempt.notes]
    [note] = [note for note in notes if note.kind == "resume"]
    assert note.data == {"exact": False}
    assert "attempt 1, step 1" in note.text
    assert resumed.success


def ticks(messages: Sequence[Message]) -> ToolCall:
    """Tick the next box of the page, whatever it is."""
    turns = sum(message.role == "assistant" for message in messages)
    return ToolCall("click", {"ref": str(turns % 4 + 1)}, id="c")


async def play_boxes(out: Path, model: ScriptedModel, *, resume: bool = False) -> list[Trajectory]:
    import dataclasses

    from environments.suites import load_suite

    suite = load_suite("miniwob")
    [task] = [task for task in suite.tasks() if task.id == "click-checkboxes-large"]
    plan = Plan(tasks=(dataclasses.replace(task, max_steps=9),), seeds=(3,))
    return await run_study(plan, suite, model=model, out=out, resume=resume)


@pytest.mark.browser
def test_kill_nine_in_the_middle_of_a_real_page(tmp_path: Path) -> None:
    steps = killed_after(3, tmp_path, answer="ticks", play="play_boxes")
    assert 3 <= steps < 9
    model = ScriptedModel(ticks)
    [resumed] = asyncio.run(play_boxes(tmp_path, model, resume=True))
    assert len(resumed.attempts[0].steps) == 9
    assert len(model.asked) <= 9 - steps
    [attempt] = read_study(tmp_path).load(resumed.id).attempts
    assert [(note.kind, note.data) for note in attempt.notes] == [("resume", {"exact": True})]
