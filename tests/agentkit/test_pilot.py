"""The pilot: what it proposes, how it ranks, what memory and training teach it. Pages are written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from agentkit.models.features import FEATURES, features, signature
from agentkit.models.pilot import PRIOR, Head, PilotModel, log_softmax
from agentkit.models.proposals import as_typed, key_of, propose, read_situation
from agentkit.train.pilot import Row, rows_of, tune
from environments.contracts import Action, Score
from environments.web.outline import Element, WebObservation
from memory.encoder import Encoder
from memory.trajectory import Attempt, Message, Observed, Recalled, RecalledItem, Step, Text, ToolCall, Trajectory
from sandbox import AgentkitError

ENCODER = Encoder()


def button(ref: str, name: str, **more: object) -> Element:
    return Element("button", name, ref, "button", actions=frozenset({"click"}), **more)


def field(ref: str, name: str, value: str = "", **more: object) -> Element:
    return Element("textbox", name, ref, "input", value=value, actions=frozenset({"click", "edit"}), **more)


LOGIN = WebObservation(
    "file:///x/login.html",
    elements=(field("1", "Username"), field("2", "Password"), button("3", "Login"), button("4", "Cancel")),
)
LOGIN_GOAL = 'Enter the username "kris" and the password "y7" and press login.'


def conversation(goal: str, page: WebObservation, *more: Message) -> list[Message]:
    return [Message("user", (Text(goal, "goal"), Observed(page))), *more]


def done(name: str, page: WebObservation, **arguments: str) -> tuple[Message, Message]:
    return Message("assistant", (), (ToolCall(name, arguments, "c"),)), Message("tool", (Observed(page),), (), "c")


def filled(username: str = "", password: str = "") -> WebObservation:
    elements = (field("1", "Username", username), field("2", "Password", password), *LOGIN.elements[2:])
    return WebObservation(LOGIN.url, elements=elements)


async def best(messages: list[Message], head: Head | None = None) -> Action:
    [reply] = await PilotModel(head=head, encoder=ENCODER).complete(messages, temperature=0.0)
    return Action(reply.tool_calls[0].name, reply.tool_calls[0].arguments)


async def test_it_fills_each_field_with_its_own_piece_and_then_submits() -> None:
    first = await best(conversation(LOGIN_GOAL, LOGIN))
    assert first.name == "fill"
    assert dict(first.arguments) in ({"ref": "1", "text": "kris"}, {"ref": "2", "text": "y7"})
    half = filled("kris")
    second = await best(conversation(LOGIN_GOAL, LOGIN, *done("fill", half, ref="1", text="kris")))
    assert second == Action("fill", {"ref": "2", "text": "y7"})
    full = filled("kris", "••")
    steps = (*done("fill", half, ref="1", text="kris"), *done("fill", full, ref="2", text="y7"))
    assert await best(conversation(LOGIN_GOAL, LOGIN, *steps)) == Action("click", {"ref": "3"})


async def test_the_named_button_is_clicked_and_a_disabled_one_never() -> None:
    page = WebObservation("x", elements=(button("1", "Yes"), button("2", "No"), button("3", "ok")))
    assert await best(conversation('Click on the "No" button.', page)) == Action("click", {"ref": "2"})
    off = WebObservation("x", elements=(button("1", "Yes"), button("2", "No", states=frozenset({"disabled"}))))
    assert await best(conversation('Click on the "No" button.', off)) == Action("click", {"ref": "1"})


async def test_sampling_is_seeded_and_log_probabilities_are_those_of_the_policy() -> None:
    model = PilotModel(encoder=ENCODER, temperature=2.0)
    messages = conversation(LOGIN_GOAL, LOGIN)
    first = await model.complete(messages, n=20, seed=7)
    again = await model.complete(messages, n=20, seed=7)
    assert [c.tool_calls for c in first] == [c.tool_calls for c in again]
    assert len({str(c.tool_calls) for c in first}) > 1
    [reply] = await model.complete(messages, logprobs=1000, seed=1)
    assert sum(np.exp(p) for _, p in reply.logprobs[0].top) == pytest.approx(1.0)
    assert dict(reply.logprobs[0].top)[reply.logprobs[0].token] == reply.logprobs[0].logprob


def test_temperature_zero_is_greedy_with_ties_to_the_first() -> None:
    assert list(np.exp(log_softmax(np.array([1.0, 3.0, 3.0]), 0.0))) == [0.0, 1.0, 0.0]


async def test_it_refuses_prose_and_pages_that_are_not_there() -> None:
    class Form(BaseModel):
        x: int

    model = PilotModel(encoder=ENCODER)
    with pytest.raises(ValueError, match="no prose"):
        await model.complete(conversation("x", LOGIN), schema=Form)
    with pytest.raises(ValueError, match="no web observation"):
        await model.complete([Message("user", (Text("hello"),))])


def test_every_prior_weight_belongs_to_a_feature() -> None:
    assert set(PRIOR) <= set(FEATURES)
    assert len(set(FEATURES)) == len(FEATURES)


def test_features_have_a_row_a_proposal_and_stay_in_range() -> None:
    situation = read_situation(conversation(LOGIN_GOAL, LOGIN))
    proposals = propose(situation)
    matrix = features(situation, proposals, encoder=ENCODER)
    assert matrix.shape == (len(proposals), len(FEATURES))
    assert np.abs(matrix).max() <= 3.0
    assert {p.key for p in proposals} == {key_of(p.action, LOGIN) for p in proposals}


@pytest.mark.parametrize(
    ("text", "kind", "typed"),
    [
        ("04/21/2015", "date", "2015-04-21"),
        ("4/1/2015", "date", "2015-04-01"),
        ("tomorrow", "date", ""),
        ("3:05 PM", "time", "15:05"),
        ("12:30 AM", "time", "00:30"),
        ("9:45", "time", "09:45"),
        ("anything", "", "anything"),
    ],
)
def test_dates_and_times_take_the_form_of_their_field(text: str, kind: str, typed: str) -> None:
    assert as_typed(text, kind) == typed


def experience(tags: frozenset[str], outcome: int) -> Recalled:
    data = {"tags": sorted(tags), "outcome": outcome}
    return Recalled((RecalledItem(f"e{outcome}", 1, "experience", "text", data, score=1.0),))


async def test_an_experience_turns_the_choice_and_a_bad_one_turns_it_away() -> None:
    page = WebObservation("x", elements=(button("1", "Alpha"), button("2", "Beta")))
    messages = conversation("Do what is right.", page)
    situation = read_situation(messages)
    usual = await best(messages)
    other = next(p for p in propose(situation) if p.action != usual)
    chosen = next(p for p in propose(situation) if p.action == usual)
    good = experience(signature(other, {}, situation=situation), 1)
    bad = experience(signature(chosen, {}, situation=situation), -1)
    assert await best([*messages, Message("user", (good,))]) == other.action
    assert await best([*messages, Message("user", (bad,))]) == other.action


async def test_a_reflection_steers_away_from_what_failed_on_this_page() -> None:
    page = WebObservation("x", elements=(button("1", "Alpha"), button("2", "Alpha")))
    messages = conversation("Click Alpha.", page)
    usual = await best(messages)
    avoid = {f"{page.fingerprint}|{key_of(usual, page)}": 1.0}
    warned = Recalled((RecalledItem("r", 1, "reflection", "text", {"avoid": avoid}),))
    assert await best([*messages, Message("user", (warned,))]) != usual


def test_tuning_learns_what_the_rows_show_and_leaves_other_weights_alone() -> None:
    rng = np.random.default_rng(0)
    column = FEATURES.index("color_named")
    rows = []
    for k in range(60):
        matrix = np.zeros((5, len(FEATURES)))
        chosen = int(rng.integers(5))
        matrix[chosen, column] = 1.0
        rows.append(Row(f"family-{k % 3}", matrix, chosen))
    head = tune(rows, prior=Head.prior(), origin="test")
    assert head.weights[column] > PRIOR["color_named"] + 1.0
    untouched = np.delete(head.weights - Head.prior().weights, column)
    assert np.abs(untouched).max() < 1e-9


def successful(split: str) -> Trajectory:
    messages = tuple(conversation(LOGIN_GOAL, LOGIN))
    step = Step(
        index=0,
        observation=LOGIN,
        messages=messages,
        completions=(),
        action=Action("fill", {"ref": "1", "text": "kris"}),
    )
    wrong = Step(
        index=1,
        observation=filled("kris"),
        messages=messages,
        completions=(),
        action=Action("click", {"ref": "4"}),
        error="no",
    )
    attempt = Attempt(index=0, goal=LOGIN_GOAL, steps=(step, wrong), final=filled("kris"))
    score = Score(value=1.0, success=True, source="environment")
    return Trajectory(
        id="s/t/0", task_id="t", family="s/t", suite="s", split=split, seed=0, agent="react", model="pilot",
        attempts=(attempt,), score=score,
    )  # fmt: skip


def test_rows_are_the_effective_steps_of_successes_and_never_heldout() -> None:
    [row] = rows_of([successful("training")], encoder=ENCODER)
    situation = read_situation(conversation(LOGIN_GOAL, LOGIN))
    assert propose(situation)[row.chosen].action == Action("fill", {"ref": "1", "text": "kris"})
    with pytest.raises(AgentkitError, match="held out"):
        rows_of([successful("heldout")], encoder=ENCODER)
    with pytest.raises(AgentkitError, match="no successful step"):
        tune([], prior=Head.prior(), origin="x")


def test_a_head_survives_its_file_and_a_strange_file_is_refused(tmp_path: Path) -> None:
    head = Head(np.arange(len(FEATURES), dtype=float), "mine")
    head.save(tmp_path / "h.json")
    read = Head.load(tmp_path / "h.json")
    assert (list(read.weights), read.origin) == (list(head.weights), "mine")
    (tmp_path / "bad.json").write_text('{"schema": 1, "features": ["a"], "weights": [1.0]}')
    with pytest.raises(AgentkitError, match="other features"):
        Head.load(tmp_path / "bad.json")
    (tmp_path / "no.json").write_text("hello")
    with pytest.raises(AgentkitError, match="agentkit train pilot"):
        Head.load(tmp_path / "no.json")
