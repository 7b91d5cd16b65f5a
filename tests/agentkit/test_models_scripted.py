"""The scripted model says what it was told to, keeps what it was asked, and ends clearly; metering charges it."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from agentkit.budget import Budget, BudgetExceeded
from agentkit.models.contracts import Model, ModelError
from agentkit.models.metered import MeteredModel, metered
from agentkit.models.scripted import ScriptedModel
from environments.contracts import ToolSpec
from memory.trajectory import Completion, Message, Text, TokenLogprob, ToolCall, Usage

HELLO = [Message("user", (Text("hello there"),))]


class Verdict(BaseModel):
    success: bool


async def test_a_script_is_said_in_order_and_its_end_is_an_error() -> None:
    model = ScriptedModel(["one", ToolCall("click", {"ref": "1"}), Completion(text="three", finish_reason="length")])
    replies = [(await model.complete(HELLO))[0] for _ in range(3)]
    assert [reply.text for reply in replies] == ["one", "", "three"]
    assert replies[1].tool_calls == (ToolCall("click", {"ref": "1"}, id="call_2_0_0"),)
    assert [reply.finish_reason for reply in replies] == ["stop", "tool_calls", "length"]
    with pytest.raises(ModelError, match=r"all 3 scripted replies are used up.*'hello there'"):
        await model.complete(HELLO)


async def test_every_request_is_kept_as_it_was_asked() -> None:
    tool = ToolSpec("click", "Click.", {"type": "object"})
    model = ScriptedModel(lambda messages: messages[-1].text.upper())
    [reply] = await model.complete(HELLO, tools=[tool], temperature=0.5, seed=3, stop=["x"])
    assert reply.text == "HELLO THERE"
    [asked] = model.asked
    assert (asked.messages, asked.tools, asked.temperature, asked.seed) == (tuple(HELLO), (tool,), 0.5, 3)


async def test_n_takes_n_replies_and_the_first_carries_the_usage() -> None:
    replies = await ScriptedModel(["a" * 40, "b" * 40]).complete(HELLO, n=2)
    assert [reply.text[0] for reply in replies] == ["a", "b"]
    assert replies[0].usage == Usage(prompt_tokens=6, completion_tokens=20, calls=1, cost_usd=0.0)
    assert replies[1].usage.calls == 0


async def test_an_error_in_the_script_is_raised_and_a_prefill_begins_the_text() -> None:
    model = ScriptedModel([ModelError("down"), " is it"])
    with pytest.raises(ModelError, match="down"):
        await model.complete(HELLO)
    [reply] = await model.complete(HELLO, prefill="this")
    assert reply.text == "this is it"


async def test_a_schema_is_parsed_and_logprobs_are_not_made_up() -> None:
    token = TokenLogprob("yes", -0.1)
    model = ScriptedModel(['{"success": true}', "prose", "no logprobs", Completion(text="yes", logprobs=(token,))])
    [reply] = await model.complete(HELLO, schema=Verdict)
    assert reply.parsed == {"success": True}
    with pytest.raises(ModelError, match="does not fit"):
        await model.complete(HELLO, schema=Verdict)
    with pytest.raises(ValueError, match="does not offer logprobs"):
        await model.complete(HELLO, logprobs=1)
    [reply] = await model.complete(HELLO, logprobs=1)
    assert reply.logprobs == (token,)


async def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(["text", {"tool_calls": [{"name": "click", "arguments": {"ref": "1"}}]}]))
    model = ScriptedModel.load(path)
    await model.check()
    assert (await model.complete(HELLO))[0].text == "text"
    assert (await model.complete(HELLO))[0].tool_calls[0].arguments == {"ref": "1"}
    for wrong in ("{", "5", "[1]", '[{"texts": "misspelt"}]', '{"text": "no list"}'):
        path.write_text(wrong)
        with pytest.raises(ModelError, match="is no script"):
            ScriptedModel.load(path)
    with pytest.raises(ModelError, match="is no script"):
        ScriptedModel.load(tmp_path / "missing.json")


def test_a_single_text_is_no_script() -> None:
    with pytest.raises(ValueError, match="give a list"):
        ScriptedModel("hello")


async def test_agent_and_critic_share_one_ledger() -> None:
    budget = Budget(calls=3)
    agent: Model = metered(ScriptedModel(["a", "b"], name="agent"), budget)
    critic = metered(ScriptedModel(["c", "d"], name="critic"), budget)
    assert isinstance(agent, MeteredModel)
    assert agent.name == "agent"
    await agent.complete(HELLO)
    await critic.complete(HELLO)
    await agent.complete(HELLO)
    with pytest.raises(BudgetExceeded, match="3 of 3 calls"):
        await critic.complete(HELLO)
    assert budget.spent["calls"] == 3
    assert budget.spent["tokens"] == 3 * 6


async def test_a_metered_failure_is_charged_with_what_it_took() -> None:
    budget = Budget()
    script = [ModelError("parsed badly", usage=Usage(calls=4, prompt_tokens=9)), ModelError("unknown")]
    model = metered(ScriptedModel(script), budget)
    with pytest.raises(ModelError, match="parsed badly"):
        await model.complete(HELLO)
    assert (budget.spent["calls"], budget.spent["tokens"], budget.unpriced_calls) == (4, 9, 4)
    with pytest.raises(ModelError, match="unknown"):
        await model.complete(HELLO)
    assert (budget.spent["calls"], budget.spent["tokens"]) == (5, 10)


@pytest.mark.parametrize("kind", ["tokens", "usd"])
async def test_sixteen_metered_at_once_stop_within_one_call_of_a_limit(kind: str) -> None:
    class Paid(ScriptedModel):
        async def complete(self, *given: object, **more: object) -> list[Completion]:
            await asyncio.sleep(0)
            return [Completion(usage=Usage(prompt_tokens=100, cost_usd=100.0))]

    budget = Budget(**{kind: 1000.0})
    model = metered(Paid([]), budget)
    await model.complete(HELLO)

    async def one() -> None:
        try:
            while True:
                await model.complete(HELLO)
        except BudgetExceeded:
            return

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(one())
    assert 1000 <= budget.spent[kind] <= 1100
