"""The log as it is written: what survives a crash, who may write, and what never reaches the disk."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from environments.contracts import Action, Score, StopReason, Task
from memory.contracts import RecordError
from memory.log import MASK, StudyLog, masked
from memory.records import PlainObservation
from memory.study import LOG_NAME, SCHEMA, Summary, load_trajectory, read_study, upgrade
from memory.trajectory import (
    NOTHING_USED,
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
    Trajectory,
    Usage,
)

TASK = Task(id="press", suite="leaflets", template="press-one", split="heldout")
WON = Score(value=1.0, success=True, source="environment")
PNG = b"\x89PNG not really"


def start(path, **options):
    return StudyLog.open(
        path, **{"config": {"agent": "react"}, "seed": 7, "versions": {"agentkit": "0.1.0"}, "created": "2026-01-02",
                 "clock": lambda: 12.5, **options}
    )  # fmt: skip


def page(number, *, screenshot=None):
    return PlainObservation(f"[1] page {number}", f"f{number}", {"kind": "leaflet", "number": number}, screenshot)


def steps(count, *, goal="Go on"):
    """An episode whose conversation grows by two messages a step, as agents' conversations do."""
    system = Message("system", (Text("You press buttons."),))
    history, made = [Message("user", (Text(goal, "goal"),))], []
    for index in range(count):
        item = RecalledItem("tip-1", 1, "tip", "Press it.", {"a": 1}, score=0.5 + index / 100)
        history.append(Message("user", (Observed(page(index)), Recalled((item,)))))
        made.append(
            Step(
                index=index,
                observation=page(index),
                messages=(system, *history),
                completions=(Completion(text=f"reply {index}", usage=Usage(prompt_tokens=10, cost_usd=0.5)),),
                action=Action("click", {"ref": "1"}),
                recalled=(item,),
            )
        )
        history.append(Message("assistant", (Text(f"reply {index}", "reply"),)))
    return tuple(made)


def record(log, trajectory, *, feedback="none"):
    """Write a whole trajectory through its recorder."""
    recorder = log.recorder(trajectory.id)
    recorder.begin(TASK, seed=trajectory.seed, agent=trajectory.agent, model=trajectory.model, feedback=feedback)
    for attempt in trajectory.attempts:
        recorder.attempt(attempt.index, goal=attempt.goal, site=attempt.site)
        for step in attempt.steps:
            recorder.step(step)
        recorder.attempt_end(
            stop=attempt.stop, detail=attempt.detail, answer=attempt.answer, score=attempt.score, final=attempt.final
        )
        for note in attempt.notes:
            recorder.note(note)
    recorder.end(
        score=trajectory.score, usage=trajectory.usage, wall_s=trajectory.wall_s, uses_gold=trajectory.uses_gold
    )


def sample(seed=0, *, stop=StopReason.TERMINATED, count=3):
    first = Attempt(
        index=0,
        goal="Go on",
        site="leaflets",
        steps=steps(count),
        final=page(99, screenshot=PNG),
        notes=(Note(kind="reflection", text="Press sooner.", data={"x": 1}, usage=Usage(prompt_tokens=5)),),
        stop=StopReason.STEP_LIMIT,
        detail="3 of 3 steps",
        score=Score(value=0.0, success=False, source="trace", reasons="nothing moved"),
    )
    second = Attempt(index=1, goal="Go on", site="leaflets", steps=steps(1), stop=stop, answer="42")
    return Trajectory(
        id=f"leaflets/press/{seed}", task_id="press", family="leaflets/press-one", suite="leaflets", split="heldout",
        seed=seed, agent="reflexion", model="pilot", attempts=(first, second), score=WON,
        usage=Usage(prompt_tokens=45, calls=5), wall_s=1.25, uses_gold=True,
    )  # fmt: skip


def lines(path):
    return [json.loads(line) for line in (path / LOG_NAME).read_bytes().splitlines()]


def test_what_was_written_is_read_back_equal(tmp_path):
    with start(tmp_path / "s") as log:
        record(log, sample(), feedback="env")
    study = read_study(tmp_path / "s")
    assert study.load("leaflets/press/0") == sample()
    assert list(study.trajectories()) == [sample()]
    assert (study.id, study.config, study.finished, study.unfinished) == (
        "s", {"agent": "react"}, ("leaflets/press/0",), ()
    )  # fmt: skip
    session = study.sessions[0]
    assert (session.seed, session.versions, session.created) == (7, {"agentkit": "0.1.0"}, "2026-01-02")


def test_a_summary_equals_that_of_the_whole_trajectory(tmp_path):
    with start(tmp_path) as log:
        record(log, sample(), feedback="env")
    (summary,) = read_study(tmp_path).summaries()
    assert summary.feedback == "env"
    assert (summary.attempts, summary.steps, summary.stop, summary.success) == (2, 4, StopReason.TERMINATED, True)
    told = {name: getattr(summary, name) for name in Summary.__slots__ if name != "feedback"}
    assert told == {name: getattr(Summary.of(sample()), name) for name in told}


def test_each_body_is_written_once(tmp_path):
    """A conversation of n steps costs n bodies of each sort, not n²; the same holds for an episode seen twice."""
    with start(tmp_path) as log:
        record(log, sample(count=10))
    kinds = [line["kind"] for line in lines(tmp_path)]
    assert kinds.count("observation") == 11  # ten pages and the last one
    assert kinds.count("item") == 1
    assert kinds.count("message") == 2 + 10 + 9  # system and goal, a page a step, a reply a step but the last
    assert kinds.count("step") == 11


def test_every_line_says_its_schema_and_its_kind_first(tmp_path):
    with start(tmp_path) as log:
        record(log, sample())
    for raw in (tmp_path / LOG_NAME).read_bytes().splitlines():
        assert raw.startswith(b'{"schema":1,"kind":"')


def test_screenshots_lie_in_blobs_by_their_digest(tmp_path):
    with start(tmp_path) as log:
        record(log, sample())
    digest = hashlib.sha256(PNG).hexdigest()
    file = tmp_path / "blobs" / digest[:2] / f"{digest}.png"
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == [file]
    assert load_trajectory(tmp_path, "leaflets/press/0").attempts[0].final.screenshot == PNG
    file.write_bytes(b"something else")
    with pytest.raises(RecordError, match="does not hold what its name says"):
        load_trajectory(tmp_path, "leaflets/press/0")
    file.unlink()
    assert load_trajectory(tmp_path, "leaflets/press/0").attempts[0].final.screenshot is None


def test_a_picture_in_a_message_comes_back_with_its_bytes(tmp_path):
    jpeg = b"\xff\xd8 a picture"
    image = Image(hashlib.sha256(jpeg).hexdigest(), "image/jpeg", jpeg)
    step = Step(index=0, observation=page(0), messages=(Message("user", (image,)),), completions=(), action=None)
    with start(tmp_path) as log:
        recorder = log.recorder("a")
        recorder.begin(TASK, seed=0, agent="react", model="m")
        recorder.attempt(0, goal="")
        recorder.step(step)
    (part,) = load_trajectory(tmp_path, "a").attempts[0].steps[0].messages[0].parts
    assert (part, part.data) == (image, jpeg)


def test_a_torn_last_line_is_left_out_and_cut_on_resuming(tmp_path):
    with start(tmp_path) as log:
        record(log, sample(0))
    whole = (tmp_path / LOG_NAME).read_bytes()
    for kept in (1, 40, len(whole) // 2):
        (tmp_path / LOG_NAME).write_bytes(whole + whole[:kept].replace(b"\n", b" "))
        assert read_study(tmp_path).finished == ("leaflets/press/0",)
        with start(tmp_path, resume=True) as log:
            assert log.finished == {"leaflets/press/0"}
        written = (tmp_path / LOG_NAME).read_bytes()
        assert written.startswith(whole)
        assert json.loads(written[len(whole) :])["kind"] == "study"


def order_of(study):
    return [int(id[-1]) for id in study.finished]


def test_a_study_cut_at_any_byte_can_be_read_and_resumed(tmp_path):
    with start(tmp_path / "whole") as log:
        record(log, sample(0, count=2))
        record(log, sample(1, count=2))
    whole = (tmp_path / "whole" / LOG_NAME).read_bytes()
    first_end = whole.index(b"\n", whole.index(b'"kind":"end"')) + 1
    for cut in range(0, len(whole), 97):
        path = tmp_path / f"cut-{cut}"
        path.mkdir()
        (path / LOG_NAME).write_bytes(whole[:cut])
        with start(path, resume=True) as log:
            for seed in {0, 1} - {int(id[-1]) for id in log.finished}:
                record(log, sample(seed, count=2))
        study = read_study(path)
        assert sorted(study.finished) == ["leaflets/press/0", "leaflets/press/1"]
        assert list(study.trajectories()) == [sample(seed, count=2) for seed in order_of(study)]
        assert (whole[:first_end] == (path / LOG_NAME).read_bytes()[:first_end]) == (cut >= first_end)


def test_a_killed_process_loses_at_most_the_step_in_flight(tmp_path):
    """The child says on its output which step it has recorded, and is killed there."""
    child = textwrap.dedent(
        """
        import sys, time, importlib.util
        spec = importlib.util.spec_from_file_location("written", sys.argv[1])
        written = importlib.util.module_from_spec(spec); spec.loader.exec_module(written)
        log = written.start(sys.argv[2])
        written.record(log, written.sample(0))
        recorder = log.recorder("leaflets/press/1")
        recorder.begin(written.TASK, seed=1, agent="react", model="m")
        recorder.attempt(0, goal="Go on")
        for step in written.steps(5):
            recorder.step(step)
            print(step.index, flush=True)
        time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", child, __file__, str(tmp_path)], stdout=subprocess.PIPE)
    for line in process.stdout:
        if line.strip() == b"4":
            break
    with pytest.raises(RecordError, match=f"process {process.pid};"):
        start(tmp_path, resume=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    study = read_study(tmp_path)
    assert (study.finished, study.unfinished) == (("leaflets/press/0",), ("leaflets/press/1",))
    (attempt,) = study.load("leaflets/press/1").attempts
    assert (attempt.steps, attempt.stop) == (steps(5), None)
    with start(tmp_path, resume=True) as log:
        record(log, sample(1))
    study = read_study(tmp_path)
    assert study.load("leaflets/press/1") == sample(1), "the take that was cut short is replaced"
    assert len(study.sessions) == 2


def test_a_study_is_not_written_over(tmp_path):
    start(tmp_path).close()
    with pytest.raises(RecordError, match="holds a study already"):
        start(tmp_path)
    with start(tmp_path, resume=True), pytest.raises(RecordError, match=f"process {os.getpid()};"):
        start(tmp_path, resume=True)


def test_a_finished_trajectory_is_not_begun_again(tmp_path):
    with start(tmp_path) as log:
        record(log, sample())
        with pytest.raises(RecordError, match="is finished"):
            record(log, sample())
        log.recorder("other").begin(TASK, seed=0, agent="a", model="m")
        with pytest.raises(RecordError, match="is being written"):
            log.recorder("other").begin(TASK, seed=0, agent="a", model="m")


def test_an_interrupted_trajectory_may_be_begun_again_at_once(tmp_path):
    with start(tmp_path) as log:
        record(log, sample(stop=StopReason.INTERRUPTED))
        assert log.finished == frozenset()
        record(log, sample())
        assert log.finished == {"leaflets/press/0"}
    assert list(read_study(tmp_path).trajectories()) == [sample()]


def test_an_interrupted_trajectory_is_unfinished_but_reported(tmp_path):
    with start(tmp_path) as log:
        record(log, sample(stop=StopReason.INTERRUPTED))
    study = read_study(tmp_path)
    assert (study.finished, study.unfinished) == ((), ("leaflets/press/0",))
    assert [summary.stop for summary in study.summaries()] == [StopReason.INTERRUPTED]
    with start(tmp_path, resume=True) as log:
        record(log, sample())
    assert read_study(tmp_path).finished == ("leaflets/press/0",)


def test_an_abandoned_trajectory_may_be_begun_again(tmp_path):
    with start(tmp_path) as log:
        recorder = log.recorder("leaflets/press/0")
        recorder.begin(TASK, seed=0, agent="a", model="m")
        recorder.abandon()
        record(log, sample())
    assert load_trajectory(tmp_path, "leaflets/press/0") == sample()


async def test_trajectories_written_at_the_same_time_are_kept_apart(tmp_path):
    async def one(log, seed):
        recorder = log.recorder(f"t/{seed}")
        recorder.begin(TASK, seed=seed, agent="a", model="m")
        recorder.attempt(0, goal=f"goal {seed}")
        for step in steps(4, goal=f"goal {seed}"):
            recorder.step(step)
            await asyncio.sleep(0)
        recorder.attempt_end(stop=StopReason.ANSWERED)
        recorder.end(score=WON, usage=NOTHING_USED, wall_s=0.0)

    with start(tmp_path) as log:
        async with asyncio.TaskGroup() as group:
            for seed in range(12):
                group.create_task(one(log, seed))
    study = read_study(tmp_path)
    order = [line["trajectory"] for line in lines(tmp_path) if line["kind"] == "step"]
    assert order != sorted(order), "the lines are mixed, or this test shows nothing"
    for seed in range(12):
        (attempt,) = study.load(f"t/{seed}").attempts
        assert (attempt.goal, attempt.steps) == (f"goal {seed}", steps(4, goal=f"goal {seed}"))


def test_ids_that_begin_alike_are_told_apart(tmp_path):
    with start(tmp_path) as log:
        for id in ("t/1", "t/1#2", "t/11", "ä/1"):
            recorder = log.recorder(id)
            recorder.begin(TASK, seed=0, agent="a", model="m")
            recorder.attempt(0, goal=id)
            recorder.end(score=None, usage=NOTHING_USED, wall_s=0.0)
    study = read_study(tmp_path)
    assert {id: study.load(id).attempts[0].goal for id in study.ids} == {id: id for id in study.ids}
    with pytest.raises(RecordError, match="no trajectory 't/2'"):
        study.load("t/2")


def test_the_score_shown_comes_with_the_end_or_with_an_evaluation(tmp_path):
    told = Score(value=0.25, success=False, source="judge", reasons="half done")
    later = Note(kind="evaluation", text="solved", data={"value": 1.0, "success": True, "source": "trace"})
    with start(tmp_path) as log:
        recorder = log.recorder("t/1")
        recorder.begin(TASK, seed=1, agent="a", model="m")
        for index, (score, note) in enumerate(
            [(told, later), (None, later), (None, Note(kind="evaluation", text="?"))]
        ):
            recorder.attempt(index, goal="")
            recorder.attempt_end(stop=StopReason.ANSWERED, score=score)
            recorder.note(note)
    scores = [attempt.score for attempt in load_trajectory(tmp_path, "t/1").attempts]
    assert scores == [told, Score(value=1.0, success=True, source="trace", reasons="solved"), None]


def test_a_trajectory_that_names_another_is_not_taken_for_it(tmp_path):
    with start(tmp_path) as log:
        first, second = log.recorder("t/1"), log.recorder("t/2")
        first.begin(TASK, seed=1, agent="a", model="m")
        second.begin(TASK, seed=2, agent="a", model="m")
        second.attempt(0, goal="t/1")
        first.attempt(0, goal="t/2")
        for recorder in (first, second):
            recorder.end(score=None, usage=NOTHING_USED, wall_s=0.0)
    assert [attempt.goal for attempt in load_trajectory(tmp_path, "t/1").attempts] == ["t/2"]


def test_a_failed_write_leaves_no_part_of_a_line(tmp_path):
    """A file size limit makes the write fail in its middle, as a full disk does."""
    child = textwrap.dedent(
        """
        import resource, signal, sys, importlib.util
        spec = importlib.util.spec_from_file_location("written", sys.argv[1])
        written = importlib.util.module_from_spec(spec); spec.loader.exec_module(written)
        log = written.start(sys.argv[2])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        try:
            written.record(log, written.sample(0, count=50))
        except written.RecordError as error:
            print(error)
        """
    )
    done = subprocess.run([sys.executable, "-c", child, __file__, str(tmp_path)], capture_output=True, text=True)
    assert "cannot write" in done.stdout, done.stderr
    raw = (tmp_path / LOG_NAME).read_bytes()
    assert raw.endswith(b"}\n")
    assert len(raw) > 3000
    assert read_study(tmp_path).unfinished == ("leaflets/press/0",)


def test_damage_and_absence_are_told(tmp_path):
    with pytest.raises(RecordError, match="no study in"):
        read_study(tmp_path / "nowhere")
    (tmp_path / LOG_NAME).write_text("")
    with pytest.raises(RecordError, match="no study line"):
        read_study(tmp_path)
    (tmp_path / LOG_NAME).write_text('{"schema":1,"kind":"study"\n')
    with pytest.raises(RecordError, match="damaged line at byte 0"):
        read_study(tmp_path)
    (tmp_path / LOG_NAME).write_text('{"schema":2,"kind":"study"}\n')
    with pytest.raises(RecordError, match="install a newer agentkit"):
        read_study(tmp_path)


def test_older_lines_go_through_each_migration_in_turn():
    migrations = (
        ("seeds are numbers", lambda line: {**line, "seed": int(line["seed"])}),
        ("seed is called start", lambda line: {"schema": line["schema"], "start": line["seed"]}),
    )
    assert upgrade({"schema": 1, "seed": "4"}, migrations) == {"schema": 3, "start": 4}
    assert upgrade({"schema": 2, "seed": 4}, migrations) == {"schema": 3, "start": 4}
    assert upgrade({"schema": 3, "start": 4}, migrations) == {"schema": 3, "start": 4}
    with pytest.raises(RecordError, match="reads 1 to 3"):
        upgrade({"schema": 4}, migrations)
    assert SCHEMA == 1


def test_keys_and_passwords_never_reach_the_file(tmp_path):
    secrets = {
        "openai": "sk-" + "a1B2" * 6,
        "anthropic": "sk-ant-api03-" + "x" * 20,
        "hub": "hf_" + "q" * 30,
        "aws": "AKIA" + "ABCD1234EFGH5678",
        "nested": [{"api_key": "hunter2-hunter2"}, {"Authorization": "Bearer abc.def"}],
        "header": "Bearer topsecrettoken",
        "proxy": "http://alice:wonderland@proxy:3128",
    }
    with start(tmp_path, config=secrets) as log:
        recorder = log.recorder("a")
        recorder.begin(TASK, seed=0, agent="a", model="m")
        recorder.attempt(0, goal="")
        recorder.attempt_end(stop=StopReason.MODEL_ERROR, detail=f"401: wrong key {secrets['openai']}")
    written = (tmp_path / LOG_NAME).read_text()
    hidden = ("a1B2a1B2", "xxxxx", "qqqqq", "1234EFGH", "hunter2", "abc.def", "topsecret", "wonderland")
    assert [secret for secret in hidden if secret in written] == []
    assert read_study(tmp_path).config["proxy"] == f"http://{MASK}@proxy:3128"


def test_what_is_no_secret_is_left_alone():
    config = {
        "max_tokens": 4000, "model": "hosted_vllm/Qwen/Qwen3-8B", "api_key_env": "OPENAI_API_KEY",
        "base_url": "http://127.0.0.1:8000/v1", "tasks": ["click-*"], "api_key": "", "keyboard": "qwerty",
    }  # fmt: skip
    assert masked(config) == config
