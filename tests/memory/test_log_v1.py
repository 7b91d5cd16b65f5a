"""Schema 1, held by a golden study: tests/data/study-v1 was written once and must stay readable.

When a line changes its shape, the change is a new schema with a migration; this file and its study stay as they are.
"""

import math
import shutil
from pathlib import Path

from environments.contracts import Action, Score, StopReason, Task, Timing
from environments.web.outline import Box, Element, Tab, View, WebObservation
from memory.log import StudyLog
from memory.records import PlainObservation, sent_text
from memory.study import LOG_NAME, blob_path, read_study
from memory.trajectory import (
    Attempt,
    Completion,
    Image,
    Message,
    Note,
    Observed,
    Recalled,
    RecalledItem,
    Step,
    Text,
    TokenLogprob,
    ToolCall,
    Trajectory,
    Usage,
)

GOLDEN = Path(__file__).parents[1] / "data" / "study-v1"

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b"
    "550000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)
DIGEST = "eaa4a94ea300e0d2c775968cbe42f0b5b51ceafdeb73d64e9efddf6d4e880865"
TIP = RecalledItem("tip-1", 2, "tip", "The Ok button is at the end.", {"when": "form"}, 0.8125)
COMPLETION = Completion(
    text="Then Ok.",
    tool_calls=(ToolCall("click", {"ref": "2"}, "call-1"), ToolCall("?", {}, "", "{oops")),
    reasoning="The name is filled in.",
    finish_reason="tool_calls",
    logprobs=(TokenLogprob("Ok", -0.25, (("Ok", -0.25), ("No", -math.inf))), TokenLogprob("!", -math.inf)),
    prompt_token_ids=(1, 2),
    token_ids=(3,),
    parsed={"sure": True},
    usage=Usage(prompt_tokens=20, completion_tokens=3, cached_tokens=5, calls=2, seconds=0.5, cost_usd=0.001),
    model="served",
    data={"ranking": [0.75, 0.25]},
)


def leaflet(text, mark):
    return PlainObservation(text, mark, {"kind": "leaflet", "text": text})


def form(value, *, screenshot=None):
    field = Element(
        "textbox", "Name", "1", "input", value, frozenset({"focused"}), frozenset({"edit"}), Box(8, 8, 160, 20)
    )
    ok = Element("button", "Ok", "2", "button", actions=frozenset({"click"}), box=Box(8, 40, 50, 20), group=1, depth=1)
    return WebObservation(
        url="http://127.0.0.1/form",
        title="Form",
        elements=(field, ok),
        tabs=(Tab(0, "Form", "http://127.0.0.1/form", True),),
        events=("a dialog said: hello",),
        view=View(800, 600, 0, 0, 800, 600),
        focused="1",
        next_ref=3,
        screenshot=screenshot,
    )


def plain_trajectory():
    """Everything that a line can hold, on an observation of a kind that nobody knows."""
    before, now = leaflet("[1] button 'Go' \ud800", "f0"), leaflet("[1] button 'Ok' é", "f1")
    first = Step(
        index=0,
        observation=before,
        messages=(
            Message("system", (Text("Be brief."), Image(DIGEST, "image/png", PNG))),
            Message("user", (Observed(before),)),
        ),
        completions=(Completion(text="hm"),),
        action=None,
        error="no action in 'hm'",
        changed=False,
        model_s=0.25,
    )
    second = Step(
        index=1,
        observation=now,
        messages=(
            *first.messages,
            Message("assistant", (Text("hm", "reply"),), (ToolCall("click", {"ref": "1"}, "call-0"),)),
            Message("tool", (Observed(now, against=before, max_tokens=100), Recalled((TIP,))), tool_call_id="call-0"),
        ),
        completions=(COMPLETION,),
        action=Action("click", {"ref": "2"}),
        terminated=True,
        truncated=True,
        recalled=(TIP,),
        timing=Timing(act=0.125, settle=0.25, observe=0.0625),
        model_s=0.5,
        memory_s=0.03125,
    )
    attempts = (
        Attempt(
            index=0,
            goal="Press Ok",
            site="leaflets",
            steps=(first,),
            final=now,
            notes=(
                Note(kind="evaluation", text="not pressed", data={"value": 0.0, "success": False, "source": "trace"}),
                Note(kind="reflection", text="Press it.", data={"avoid": ["hm"]}, usage=Usage(prompt_tokens=9)),
            ),
            stop=StopReason.UNPARSABLE,
            detail="three times",
            score=Score(value=0.0, success=False, source="trace", reasons="not pressed"),
        ),
        Attempt(
            index=1,
            goal="Press Ok",
            site="leaflets",
            steps=(second,),
            stop=StopReason.ANSWERED,
            answer="42",
            score=Score(value=0.5, success=False, source="judge", reasons="half"),
        ),
    )
    return Trajectory(
        id="leaflets/press/0", task_id="press", family="leaflets/press-one", suite="leaflets", split="heldout", seed=0,
        agent="reflexion", model="served", attempts=attempts,
        score=Score(value=1.0, success=True, source="environment", reasons="reward 1"),
        usage=Usage(prompt_tokens=29, completion_tokens=3, calls=4, cost_usd=None), wall_s=1.5, uses_gold=True,
    )  # fmt: skip


def web_trajectory():
    """A page with its screenshot, in an attempt that a crash cut short."""
    page = form("Bob", screenshot=PNG)
    step = Step(
        index=0,
        observation=page,
        messages=(Message("user", (Observed(page, against=form("")),)),),
        completions=(Completion(tool_calls=(ToolCall("click", {"ref": "2"}),)),),
        action=Action("click", {"ref": "2"}),
    )
    return Trajectory(
        id="web/form/3#1", task_id="form", family="web/form", suite="web", split="training", seed=3, agent="react",
        model="pilot", attempts=(Attempt(index=0, goal="Fill the form", steps=(step,)),),
    )  # fmt: skip


def sent(step):
    """The step after a model has read its messages as text."""
    for message in step.messages:
        for part in message.parts:
            if isinstance(part, Observed):
                sent_text(part)
    return step


def write(path):
    """Write the study, as it was written when the golden one was made; the pilot reads no text."""
    ticks = iter(range(1000, 2000))
    with StudyLog.open(
        path,
        config={"agent": "reflexion", "tasks": ["press"]},
        seed=7,
        versions={"agentkit": "0.1.0"},
        created="2026-01-02T03:04:05+00:00",
        id="golden",
        commit="0" * 40,
        clock=lambda: next(ticks) / 2,
    ) as log:
        done, cut = plain_trajectory(), web_trajectory()
        recorder = log.recorder(done.id)
        task = Task(id="press", suite="leaflets", template="press-one", split="heldout")
        recorder.begin(task, seed=0, agent=done.agent, model=done.model, feedback="env")
        for attempt, told in zip(done.attempts, (None, done.attempts[1].score), strict=True):
            recorder.attempt(attempt.index, goal=attempt.goal, site=attempt.site)
            for step in attempt.steps:
                recorder.step(sent(step))
            recorder.attempt_end(
                stop=attempt.stop, detail=attempt.detail, answer=attempt.answer, score=told, final=attempt.final
            )
            for note in attempt.notes:
                recorder.note(note)
        recorder.end(score=done.score, usage=done.usage, wall_s=done.wall_s, uses_gold=done.uses_gold)
        recorder = log.recorder(cut.id)
        recorder.begin(Task(id="form", suite="web"), seed=3, agent="react", model="pilot")
        recorder.attempt(0, goal="Fill the form")
        recorder.step(cut.attempts[0].steps[0])


def test_the_golden_study_reads_as_what_was_written():
    study = read_study(GOLDEN)
    assert study.load("leaflets/press/0") == plain_trajectory()
    assert study.load("web/form/3#1") == web_trajectory()
    assert (study.id, study.finished, study.unfinished) == ("golden", ("leaflets/press/0",), ("web/form/3#1",))
    assert study.sessions[0].commit == "0" * 40
    (summary,) = study.summaries()
    assert (summary.steps, summary.attempts, summary.feedback, summary.stop) == (2, 2, "env", StopReason.ANSWERED)


def test_the_texts_that_were_sent_and_the_pictures_are_kept():
    study = read_study(GOLDEN)
    second = study.load("leaflets/press/0").attempts[1].steps[0]
    assert second.messages[3].parts[0].text == "-[1] button 'Go' \ud800\n+[1] button 'Ok' é"
    assert second.messages[0].parts[1].data == PNG
    assert blob_path(GOLDEN, DIGEST).read_bytes() == PNG
    step = study.load("web/form/3#1").attempts[0].steps[0]
    assert step.observation.screenshot == PNG
    assert step.messages[0].parts[0].text is None
    assert "Bob" in sent_text(step.messages[0].parts[0])


def test_this_version_writes_the_same_bytes(tmp_path):
    """So a change of the format cannot go unnoticed under the same schema number."""
    write(tmp_path)
    assert (tmp_path / LOG_NAME).read_bytes().splitlines() == (GOLDEN / LOG_NAME).read_bytes().splitlines()


def test_the_golden_study_can_be_resumed(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "copy")
    with StudyLog.open(tmp_path / "copy", config={}, seed=7, versions={}, created="2026-02-03", resume=True) as log:
        assert log.finished == {"leaflets/press/0"}
    assert [session.created for session in read_study(tmp_path / "copy").sessions] == [
        "2026-01-02T03:04:05+00:00",
        "2026-02-03",
    ]
