"""An episode told in the terminal: what is told, how it is found, and that no page can steer the terminal."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agentkit.show import EpisodeNotFound, find_episode, sentence, show, visible
from environments.contracts import Action, Score, StopReason, Task, Timing
from memory.contracts import RecordError
from memory.log import StudyLog
from memory.records import PlainObservation
from memory.trajectory import (
    NOTHING_USED,
    Completion,
    Message,
    Note,
    Observed,
    RecalledItem,
    Step,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

ITEM = RecalledItem("tip-4", 2, "tip", "Buttons named Ok end the task.", score=0.8312)


def page(*lines, mark):
    text = "\n".join(lines)
    return PlainObservation(text, mark, {"kind": "leaflet", "text": text})


LONG = page(*(f"[{i}] row {i}" for i in range(30)), mark="long")
AFTER = page(*(f"[{i}] row {i}" for i in range(30)), "[30] button 'Ok'", mark="after")
FIRST = Step(
    index=0,
    observation=LONG,
    messages=(Message("system", (Text("You press."),)), Message("user", (Observed(LONG),))),
    completions=(
        Completion(
            text="I look for Ok.",
            reasoning="It should be here.",
            usage=Usage(prompt_tokens=1200, completion_tokens=7, cost_usd=0.0025),
        ),
    ),
    action=Action("scroll", {"direction": "down"}),
    recalled=(ITEM,),
    timing=Timing(act=0.1, settle=0.25, observe=0.004),
    model_s=1.5,
)
SECOND = Step(
    index=1,
    observation=AFTER,
    messages=(*FIRST.messages, Message("user", (Observed(AFTER, against=LONG),))),
    completions=(
        Completion(
            tool_calls=(ToolCall("click", {"ref": "30"}),),
            logprobs=(TokenLogprob("click [30]", -0.1, (("click [30]", math.log(0.9)), ("click [1]", math.log(0.1)))),),
            usage=Usage(prompt_tokens=3, cost_usd=None),
        ),
    ),
    action=Action("click", {"ref": "30"}),
    error="no element 31; nearest: 30",
    changed=False,
)
THIRD = Step(index=2, observation=AFTER, messages=(), completions=(), action=None, changed=False)


def write(log, id, *steps, finish=True, goal="Press Ok"):
    suite, task, seed = id.split("/")
    recorder = log.recorder(id)
    recorder.begin(Task(id=task, suite=suite), seed=int(seed), agent="reflexion", model="pilot")
    recorder.attempt(0, goal=goal, site="leaflets")
    for step in steps:
        recorder.step(step)
    if not finish:
        return
    recorder.attempt_end(stop=StopReason.UNPARSABLE, detail="three times", answer="42")
    trace = Score(value=0.0, success=False, source="trace")
    recorder.note(
        Note(kind="evaluation", text="nothing pressed", data={"value": 0.0, "success": False, "source": "trace"})
    )
    recorder.note(Note(kind="reflection", text="Press sooner."))
    recorder.attempt(1, goal=goal, site="leaflets")
    recorder.attempt_end(stop=StopReason.TERMINATED, score=trace)
    score = Score(value=1.0, success=True, source="environment", reasons="reward 1")
    recorder.end(score=score, usage=Usage(prompt_tokens=1203, completion_tokens=7), wall_s=4.25, uses_gold=True)


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    with StudyLog.open(path, config={}, seed=0, versions={}, created="2026-01-02") as log:
        write(log, "leaflets/press/0", FIRST, SECOND, THIRD)
        write(log, "leaflets/press/1", FIRST)
        write(log, "leaflets/press-twice/0", FIRST, finish=False)
    return path


def told(target, **options):
    out = io.StringIO()
    show(str(target), console=Console(file=out, width=100, force_terminal=False), **options)
    return out.getvalue()


def test_the_story_has_what_happened_in_order(run):
    text = told(run / "press/0")
    parts = [
        "leaflets/press/0  reflexion with pilot, training seed 0",
        "Attempt 0 of 2 at leaflets",
        "goal Press Ok",
        "saw [0] row 0",
        "… 18 more lines, with --full",
        "recalled tip-4 v2 (0.83): Buttons named Ok end the task.",
        "thought It should be here.",
        "I look for Ok.",
        "did scroll(direction='down')",
        "then the page changed",
        "act 0.10 s, settle 0.25 s, model 1.50 s · 1 call, 1,200 + 7 tokens, $0.0025",
        "saw +[30] button 'Ok'",
        "thought weighed click [30] 90%, click [1] 10%",
        "did click(ref='30')",
        "then no element 31; nearest: 30",
        "under 5 ms · 1 call, 3 + 0 tokens, price unknown",
        "saw the same page",
        "did nothing",
        "then no reply could be read as an action",
        "answer 42",
        "ended The model gave no usable action several times in a row. three times",
        "evaluation nothing pressed",
        "reflection Press sooner.",
        "Attempt 1 of 2",
        "ended The task itself ended.",
        "evaluation failure (0.00, by trace)",
        "verdict success (1.00, by environment): reward 1",
        "the agent was told the environment's own verdict (uses_gold)",
        "4.2 s · 1 call, 1,203 + 7 tokens, price unknown",
    ]
    place = 0
    for part in parts:
        assert part in text[place:], f"{part!r} is missing or out of order in:\n{text}"
        place = text.index(part, place)


def test_the_full_story_has_the_whole_page_and_the_messages_once(run):
    text = told(run / "press/0", full=True)
    assert "more lines" not in text
    assert text.count("system: You press.") == 1, "only what was added is told at each step"
    assert "user: +[30] button 'Ok'" in text


def test_an_attempt_or_a_step_can_be_picked(run):
    one = told(run / "press/0", step=1)
    assert "step 1" in one
    assert "step 0" not in one
    assert "Attempt 1" not in one
    second = told(run / "press/0", attempt=1)
    assert "Attempt 1" in second
    assert "Attempt 0" not in second
    with pytest.raises(EpisodeNotFound, match=r"no attempt 7 .* it has 0, 1"):
        told(run / "press/0", attempt=7)
    with pytest.raises(EpisodeNotFound, match=r"no step 3 .* it has 0, 1, 2"):
        told(run / "press/0", step=3)


def test_json_for_scripts(run):
    data = json.loads(told(run / "press/0", as_json=True))
    assert (data["id"], data["stop"], data["score"]["success"]) == ("leaflets/press/0", "terminated", True)
    step = data["attempts"][0]["steps"][1]
    assert step["action"] == {"name": "click", "arguments": {"ref": "30"}}
    assert step["usage"]["cost_usd"] is None
    assert "messages" not in step
    full = json.loads(told(run / "press/0", as_json=True, full=True))
    assert full["attempts"][0]["steps"][0]["messages"][0]["parts"] == [{"text": "You press.", "purpose": "instruction"}]


@pytest.mark.parametrize("name", ["leaflets/press/1", "press/1"])
def test_an_episode_is_found_by_its_id_or_its_end(run, name):
    assert find_episode(f"{run}/{name}")[1] == ("leaflets/press/1",)


def test_a_task_names_its_first_seed_and_the_others_are_told(run):
    assert find_episode(f"{run}/press")[1] == ("leaflets/press/0", "leaflets/press/1")
    assert "1 more: leaflets/press/1" in told(run / "press")


def test_an_unfinished_episode_says_so(run):
    text = told(run / "press-twice")
    assert "ended It was cut short by a crash." in text
    assert "verdict none: the episode is unfinished" in text


def test_bad_names_list_the_nearest(run, tmp_path):
    with pytest.raises(EpisodeNotFound, match="nearest: leaflets/press/0"):
        told(run / "pres/0")
    with pytest.raises(EpisodeNotFound, match="nearest: leaflets/press-twice/0"):
        told(run / "pres-twice")
    with pytest.raises(EpisodeNotFound, match=r"name one of its 3 episodes.*leaflets/press/0, leaflets/press/1"):
        told(run)
    with pytest.raises(EpisodeNotFound, match="no run in"):
        told(tmp_path / "elsewhere/press")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "log.jsonl").write_text("x\n")
    with pytest.raises(RecordError):
        told(tmp_path / "broken/press")


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202ereversed\r[bold red]markup[/] :boom: \ud800 \x7f"


def test_what_pages_and_models_say_cannot_steer_the_terminal(tmp_path):
    seen = page(HOSTILE, mark="h")
    step = Step(
        index=0,
        observation=seen,
        messages=(Message("user", (Observed(seen), Text(HOSTILE))),),
        completions=(Completion(text=HOSTILE, reasoning=HOSTILE),),
        action=Action("type", {"text": HOSTILE}),
        error=HOSTILE,
        recalled=(RecalledItem(HOSTILE, 1, "tip", HOSTILE),),
    )
    with StudyLog.open(tmp_path, config={}, seed=0, versions={}, created="2026-01-02") as log:
        recorder = log.recorder("s/t/0")
        recorder.begin(Task(id="t", suite="s"), seed=0, agent="a", model=HOSTILE)
        recorder.attempt(0, goal=HOSTILE, site=HOSTILE)
        recorder.step(step)
        recorder.attempt_end(stop=StopReason.ANSWERED, detail=HOSTILE, answer=HOSTILE, final=seen)
        recorder.note(Note(kind=HOSTILE, text=HOSTILE))
        score = Score(value=0.0, success=False, source="judge", reasons=HOSTILE)
        recorder.end(score=score, usage=NOTHING_USED, wall_s=0.0)
    for options in ({}, {"full": True}, {"as_json": True, "full": True}):
        text = told(tmp_path / "t/0", **options)
        assert [c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"] == []
        text.encode()
        assert "[bold red]markup[/] :boom:" in text
    assert "␛[2J␛]0;owned␇\\x9b31m\\u202ereversed␍" in told(tmp_path / "t/0", full=True)


@given(st.text(st.characters(codec=None)))
def test_visible_text_can_always_be_printed(text):
    shown = visible(text)
    shown.encode()
    assert not [c for c in shown if not (c.isprintable() or c in "\n\t") and ord(c) < 0xA0]


def test_every_stop_reason_has_its_own_sentence():
    sentences = [sentence(stop) for stop in (*StopReason, None)]
    assert len(set(sentences)) == len(StopReason) + 1
