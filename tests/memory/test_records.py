"""Records survive the way through JSON, whatever pages and models put into them."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from environments.contracts import Action, Score, Timing
from memory.contracts import RecordError
from memory.records import (
    PlainObservation,
    dump,
    item_body,
    message_body,
    name_of,
    observation_body,
    parse,
    read,
    read_item,
    read_message,
    read_observation,
    read_step,
    sent_text,
    step_body,
    trajectory_json,
)
from memory.trajectory import (
    Attempt,
    Completion,
    Image,
    Message,
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


class Shelf:
    """Keeps bodies in memory, as a log keeps them in its file."""

    def __init__(self):
        self.contents, self.blobs = {}, {}

    def observation(self, observation):
        return self._keep(observation_body(observation, screenshot=None), read_observation)

    def item(self, item):
        return self._keep(item_body(item), read_item)

    def message(self, message):
        return self._keep(message_body(message, self), lambda body: read_message(body, self.contents, blob=self.find))

    def blob(self, data, *, media_type):
        self.blobs["digest", media_type] = data
        return "digest"

    def find(self, sha256, media_type):
        return self.blobs.get((sha256, media_type))

    def _keep(self, body, rebuild):
        name = name_of(body)
        self.contents[name] = rebuild(parse(dump(body)))
        return name


def page(text="[1] button 'Ok'", mark="f0"):
    return PlainObservation(text, mark, {"kind": "leaflet", "lines": [text]})


ITEM = RecalledItem("tip-1", 3, "tip", "Open the menu first.", {"when": {"role": "menu"}}, 0.75)
COMPLETION = Completion(
    text="click it",
    tool_calls=(ToolCall("click", {"ref": "1"}, "call-1", '{"ref": "1"}'),),
    reasoning="the button says Ok",
    finish_reason="tool_calls",
    logprobs=(TokenLogprob("click", -0.1, (("click", -0.1), ("press", -math.inf))), TokenLogprob(" it", -math.inf)),
    prompt_token_ids=(1, 2, 3),
    token_ids=(4, 5),
    parsed={"next": ["a", None]},
    usage=Usage(prompt_tokens=30, completion_tokens=4, cached_tokens=2, seconds=0.5, cost_usd=0.001),
    model="served-name",
    data={"ranking": [{"action": "click", "p": 0.9}]},
)


def full_step():
    before, now = page("[1] button 'Go'", "f0"), page()
    messages = (
        Message("system", (Text("Be brief."), Image("digest", "image/jpeg", b"\xff\xd8data"))),
        Message("user", (Observed(now, against=before, max_tokens=50), Recalled((ITEM,)))),
        Message("tool", (Text("done", "feedback"),), tool_call_id="call-0"),
        Message("assistant", (Text("ok", "reply"),), tool_calls=COMPLETION.tool_calls),
    )
    return Step(
        index=4,
        observation=now,
        messages=messages,
        completions=(Completion(text="?", usage=Usage(cost_usd=None)), COMPLETION),
        action=Action("click", {"ref": "1"}),
        error="no such element",
        changed=False,
        terminated=True,
        truncated=True,
        recalled=(ITEM,),
        timing=Timing(act=0.1, settle=0.2, observe=0.3),
        model_s=1.5,
        memory_s=0.01,
    )


def test_a_step_with_everything_in_it_survives():
    shelf, step = Shelf(), full_step()
    body = parse(dump(step_body(step, shelf)))
    assert read_step(body, shelf.contents) == step
    assert body["usage"]["cost_usd"] is None, "one unknown price makes the sum unknown"


def test_the_text_that_was_sent_is_kept_beside_the_structure():
    shelf, step = Shelf(), full_step()
    assert sent_text(step.messages[1].parts[0]) == "-[1] button 'Go'\n+[1] button 'Ok'"
    read_back = read_step(parse(dump(step_body(step, shelf))), shelf.contents)
    shown = read_back.messages[1].parts[0]
    assert shown.text == "-[1] button 'Go'\n+[1] button 'Ok'"
    assert read_back.messages[0].parts[1].data == b"\xff\xd8data"


def test_where_no_model_read_a_page_as_text_none_is_made_up():
    shelf, step = Shelf(), full_step()
    read_back = read_step(parse(dump(step_body(step, shelf))), shelf.contents)
    assert read_back.messages[1].parts[0].text is None


def test_a_page_is_rendered_once_for_all_the_times_it_is_sent():
    class Counted(PlainObservation):
        renderings = 0

        def render(self, **how):
            Counted.renderings += 1
            return "text"

    part = Observed(Counted("", "f"))
    assert [sent_text(part), sent_text(part)] == ["text", "text"]
    assert Counted.renderings == 1


def test_a_step_without_an_action_survives():
    shelf = Shelf()
    step = Step(index=0, observation=page(), messages=(), completions=(), action=None)
    assert read_step(parse(dump(step_body(step, shelf))), shelf.contents) == step


def test_a_reference_to_what_is_missing_is_told():
    body = parse(dump(step_body(full_step(), Shelf())))
    with pytest.raises(RecordError, match="referred to before it was written"):
        read_step(body, {})


def test_a_record_of_the_wrong_shape_is_told():
    with pytest.raises(RecordError, match="expected a Score"):
        read(Score, {"value": "high"})
    with pytest.raises(RecordError, match="'video'"):
        read_message({"role": "user", "parts": [{"type": "video"}]}, {}, blob=lambda *_: None)


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(RecordError, match="object"):
        dump({"when": object()})


def test_numpy_numbers_are_numbers():
    assert parse(dump({"p": np.float64(0.5), "v": np.arange(3)})) == {"p": 0.5, "v": [0, 1, 2]}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@example("", {"": -(2**63) - 1})
@example("\ud800", {"": 2**64})
@given(st.text(st.characters(codec=None)), st.dictionaries(st.text(), JSON_VALUES, max_size=3))
def test_any_text_and_any_json_survive(text, data):
    """Lone surrogates and big integers included: pages and models produce both."""
    shelf = Shelf()
    message = Message("user", (Text(text), Observed(PlainObservation(text, "f", {"kind": "x", "data": data}))))
    name = shelf.message(message)
    assert shelf.contents[name] == message
    assert b"\n" not in dump(message_body(message, shelf)), "one line holds it"


def test_an_unknown_kind_shows_its_text_and_says_what_is_cut():
    body = observation_body(page("x" * 100), screenshot=None)
    assert body["text"] == "x" * 100
    plain = read_observation(body)
    assert plain.render(max_tokens=10) == "x" * 40 + "\n… 60 characters left out"
    assert plain.to_json() == {"kind": "leaflet", "lines": ["x" * 100]}
    assert plain.render(against=plain) == "(no change)"


def test_a_trajectory_for_scripts_has_its_parts_in_place():
    attempt = Attempt(index=0, goal="Press Ok", steps=(full_step(),), final=page())
    trajectory = Trajectory(
        id="s/t/0", task_id="t", family="s/t", suite="s", split="training", seed=0, agent="react", model="m",
        attempts=(attempt,),
    )  # fmt: skip
    told = trajectory_json(trajectory)
    step = told["attempts"][0]["steps"][0]
    assert step["observation"] == {"kind": "leaflet", "lines": ["[1] button 'Ok'"]}
    assert step["action"] == {"name": "click", "arguments": {"ref": "1"}}
    assert "messages" not in step
    with_messages = trajectory_json(trajectory, messages=True)["attempts"][0]["steps"][0]["messages"]
    assert with_messages[1]["parts"][0] == {"observed": "-[1] button 'Go'\n+[1] button 'Ok'"}
    assert with_messages[0]["parts"][1] == {"sha256": "digest", "media_type": "image/jpeg"}
