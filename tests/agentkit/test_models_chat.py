"""What a chat model sends and what it makes of the reply, through litellm to a real HTTP server."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit.budget import Budget
from agentkit.models.chat import ChatModel
from agentkit.models.contracts import ModelError
from agentkit.models.offer import Offer, Price, load_litellm
from agentkit.models.retry import RetryPolicy
from environments.contracts import ToolSpec
from memory.trajectory import Image, Message, Observed, Text, ToolCall, Usage

from .openai_server import OpenAIServer, Reply, broken, say, tool_call

CLICK = ToolSpec("click", "Click an element.", {"type": "object", "properties": {"ref": {"type": "string"}}})
HELLO = [Message("user", (Text("hello"),))]
PNG = b"\x89PNG\r\n\x1a\n0000"


class Verdict(BaseModel):
    success: bool
    why: str = ""


@dataclass(frozen=True)
class Page:
    text: str
    screenshot: bytes | None = None
    fingerprint: str = "f"

    def render(self, *, max_tokens: int = 4000, against: Any = None) -> str:
        return f"diff of {self.text}" if against else self.text

    def to_json(self) -> dict[str, Any]:
        return {"kind": "page", "text": self.text}


def chat(server: OpenAIServer, name: str = "openai/test", **settings: Any) -> ChatModel:
    quick = RetryPolicy(tries=3, first_wait_s=0.001, timeout_s=10)
    return ChatModel(name, base_url=server.base_url, api_key="k", **{"retry": quick, **settings})


@pytest.mark.parametrize("name", ["openai/test", "hosted_vllm/test"])
async def test_sampling_settings_reach_the_server_as_they_are(name: str) -> None:
    async with OpenAIServer() as server:
        await chat(server, name).complete(HELLO, temperature=0.25, max_tokens=77, seed=11, stop=["END"], logprobs=3)
    [request] = server.requests
    assert request["model"] == "test"
    assert request["messages"] == [{"role": "user", "content": "hello"}]
    sent = {key: request[key] for key in ("temperature", "max_tokens", "seed", "stop", "logprobs", "top_logprobs")}
    assert sent == {
        "temperature": 0.25, "max_tokens": 77, "seed": 11, "stop": ["END"], "logprobs": True, "top_logprobs": 3,
    }  # fmt: skip
    assert "n" not in request
    assert server.headers[0]["authorization"] == "Bearer k"


async def test_tool_calls_make_the_round_trip() -> None:
    async with OpenAIServer([say("", tool_calls=[tool_call("click", {"ref": "é12"})]), say("done")]) as server:
        model = chat(server)
        [first] = await model.complete(HELLO, tools=[CLICK])
        answer = Message("tool", (Text("clicked"),), tool_call_id=first.tool_calls[0].id)
        [second] = await model.complete([*HELLO, Message("assistant", (), first.tool_calls), answer], tools=[CLICK])
    assert first.tool_calls == (ToolCall("click", {"ref": "é12"}, id="call_1"),)
    assert first.finish_reason == "tool_calls"
    assert second.text == "done"
    function = server.requests[0]["tools"][0]["function"]
    assert function == {"name": "click", "description": "Click an element.", "parameters": dict(CLICK.parameters)}
    assert server.requests[1]["messages"][1:] == [
        {"role": "assistant", "tool_calls": [tool_call("click", '{"ref": "é12"}')]},
        {"role": "tool", "content": "clicked", "tool_call_id": "call_1"},
    ]


@pytest.mark.parametrize("raw", ['{"ref": ', "[1, 2]", "click 12"])
async def test_unparsable_arguments_are_kept_raw_and_sent_back_as_an_object(raw: str) -> None:
    async with OpenAIServer([say("", tool_calls=[tool_call("click", raw)]), say("ok")]) as server:
        [reply] = await chat(server).complete(HELLO, tools=[CLICK])
        await chat(server).complete([*HELLO, Message("assistant", (), reply.tool_calls)], tools=[CLICK])
    assert reply.tool_calls == (ToolCall("click", {}, id="call_1", raw=raw),)
    sent = server.requests[1]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert sent.startswith('{"unparsable": ')


async def test_one_request_brings_n_replies_and_the_usage_once() -> None:
    async with OpenAIServer([say("a", "b", "c")]) as server:
        replies = await chat(server).complete(HELLO, n=3)
    assert [reply.text for reply in replies] == ["a", "b", "c"]
    assert [reply.usage.calls for reply in replies] == [1, 0, 0]
    assert (replies[0].usage.prompt_tokens, replies[0].usage.completion_tokens) == (10, 5)
    assert server.requests[0]["n"] == 3


@pytest.mark.parametrize("first", [say("a"), broken(400, "n must be 1")])
async def test_where_the_server_ignores_or_refuses_n_the_rest_is_asked_for_one_by_one(first: Reply) -> None:
    async with OpenAIServer([first], respond=lambda request: f"seed {request['seed']}") as server:
        replies = await chat(server).complete(HELLO, n=3, seed=5)
    asked = [(request.get("n"), request["seed"]) for request in server.requests]
    singles = [(None, 6), (None, 7)] if first.status == 200 else [(None, 5), (None, 6), (None, 7)]
    assert asked[0] == (3, 5)
    assert sorted(asked[1:], key=str) == singles
    assert [reply.text for reply in replies][-2:] == ["seed 6", "seed 7"]
    assert len(replies) == 3
    assert replies[0].usage.calls == len(server.requests)


async def test_logprobs_reasoning_and_cached_tokens_are_kept() -> None:
    entry = {"token": "hi", "logprob": -0.5, "bytes": None}
    never = {"token": "ho", "logprob": float("-inf"), "bytes": None}
    usage = {
        "prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24, "prompt_tokens_details": {"cached_tokens": 16},
    }  # fmt: skip
    logprobs = [{**entry, "top_logprobs": [entry, never]}]
    reply = say("hi", logprobs=logprobs, message={"reasoning_content": "hmm"}, usage=usage)
    async with OpenAIServer([reply]) as server:
        [completion] = await chat(server).complete(HELLO, logprobs=2)
    [token] = completion.logprobs
    assert (token.token, token.logprob, token.top) == ("hi", -0.5, (("hi", -0.5), ("ho", -9999.0)))
    assert completion.reasoning == "hmm"
    assert completion.usage.cached_tokens == 16


async def test_exact_token_ids_are_asked_for_and_kept_where_the_server_gives_them() -> None:
    reply = say("x", "y", choice={"token_ids": [7, 8], "stop_reason": 151645}, top={"prompt_token_ids": [1, 2, 3]})
    async with OpenAIServer([reply]) as server:
        replies = await chat(server, "hosted_vllm/test", chat_template_sha256="abc").complete(HELLO, n=2)
    assert server.requests[0]["return_token_ids"] is True
    assert [(r.prompt_token_ids, r.token_ids) for r in replies] == [((1, 2, 3), (7, 8))] * 2
    assert replies[1].data == {"id": "chatcmpl-1", "stop_reason": 151645, "chat_template_sha256": "abc"}


async def test_pictures_go_as_data_urls_and_screenshots_only_to_a_model_that_reads_them() -> None:
    messages = [Message("user", (Observed(Page("a page", screenshot=PNG)),))]
    async with OpenAIServer() as server:
        await chat(server, images=True).complete(messages)
        await chat(server).complete(messages)
        await chat(server).complete([Message("user", (Text("look"), Image("00", data=PNG)))])
        with pytest.raises(ValueError, match="takes none"):
            await chat(server, images=False).complete([Message("user", (Image("00", data=PNG),))])
    seen, unseen, given = (request["messages"][0]["content"] for request in server.requests)
    assert seen[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert isinstance(unseen, str)
    assert [piece["type"] for piece in given] == ["text", "image_url"]


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "hosted_vllm/test"])
async def test_a_schema_is_enforced_by_the_server_that_can(name: str) -> None:
    async with OpenAIServer([say('{"success": true, "why": "done"}')]) as server:
        [reply] = await chat(server, name).complete(HELLO, schema=Verdict)
    assert reply.parsed == {"success": True, "why": "done"}
    sent = server.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert set(sent["json_schema"]["schema"]["properties"]) == {"success", "why"}


async def test_a_schema_becomes_an_instruction_for_a_server_of_unknown_abilities() -> None:
    async with OpenAIServer([say('Sure:\n```json\n{"success": false}\n```\n')]) as server:
        [reply] = await chat(server).complete(HELLO, schema=Verdict)
    assert reply.parsed == {"success": False, "why": ""}
    assert "response_format" not in server.requests[0]
    assert '"success"' in server.requests[0]["messages"][-1]["content"]


async def test_a_reply_that_does_not_fit_is_charged_and_sent_back_with_what_is_wrong() -> None:
    budget = Budget()
    async with OpenAIServer([say("yes, it worked"), say('{"success": "perhaps"}'), say('{"success": true}')]) as server:
        [reply] = await chat(server).metered(budget).complete(HELLO, schema=Verdict)
    assert reply.parsed == {"success": True, "why": ""}
    assert reply.usage.calls == budget.spent["calls"] == 3
    first, second = (request["messages"] for request in server.requests[1:])
    assert first[-2] == {"role": "assistant", "content": "yes, it worked"}
    assert "expected JSON" in first[-1]["content"]
    assert "success: Input should be a valid boolean" in second[-1]["content"]


async def test_replies_that_never_fit_end_in_an_error_with_their_usage() -> None:
    budget = Budget()
    async with OpenAIServer(respond=lambda request: "never") as server:
        with pytest.raises(ModelError, match="no JSON that fits Verdict in 3 tries") as caught:
            await chat(server).metered(budget).complete(HELLO, schema=Verdict)
    assert caught.value.usage is not None
    assert caught.value.usage.calls == budget.spent["calls"] == len(server.requests) == 3


async def test_a_prefill_begins_the_reply_where_it_is_offered() -> None:
    async with OpenAIServer([say(" 12")]) as server:
        [reply] = await chat(server, "hosted_vllm/test").complete(HELLO, prefill="I click")
        with pytest.raises(ValueError, match="does not offer prefill"):
            await chat(server, "openai/gpt-4o").complete(HELLO, prefill="I click")
    assert reply.text == "I click 12"
    [request] = server.requests
    assert request["messages"][-1] == {"role": "assistant", "content": "I click"}
    assert (request["continue_final_message"], request["add_generation_prompt"]) == (True, False)


async def test_what_a_provider_does_not_take_is_left_out_and_said_or_refused() -> None:
    async with OpenAIServer(respond=lambda request: "ok") as server:
        [reply] = await chat(server, "openai/gpt-5").complete(HELLO, temperature=0.25, seed=1)
        with pytest.raises(ValueError, match="does not offer stop and logprobs"):
            await chat(server, "openai/gpt-5").complete(HELLO, stop=["x"], logprobs=1)
    assert reply.data["left_out"] == ["temperature"]
    assert "temperature" not in server.requests[0]
    assert server.requests[0]["seed"] == 1


async def test_cost_is_by_the_list_by_the_given_price_or_unknown() -> None:
    usage = {
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 400},
    }  # fmt: skip
    price = Price(prompt=1.0, completion=2.0, cached=0.5)
    async with OpenAIServer(respond=lambda request: say("ok", usage=usage)) as server:
        [listed] = await chat(server, "openai/gpt-4o-mini").complete(HELLO)
        [given] = await chat(server, "hosted_vllm/test", price=price).complete(HELLO)
        [unlisted] = await chat(server).complete(HELLO)
        [own] = await chat(server, "hosted_vllm/gpt-4o-mini").complete(HELLO)
    # gpt-4o-mini: 0.15 dollars for a million prompt tokens, half of it for cached ones, 0.60 for completion tokens
    assert listed.usage.cost_usd == pytest.approx((600 * 0.15 + 400 * 0.075 + 100 * 0.60) / 1e6)
    assert given.usage.cost_usd == pytest.approx((600 * 1.0 + 400 * 0.5 + 100 * 2.0) / 1e6)
    assert unlisted.usage.cost_usd is None
    assert own.usage.cost_usd is None


@pytest.mark.parametrize("name", ["ollama/llama3", "ollama_chat/llama3", "hosted_vllm/x", "openai/not-listed"])
def test_a_price_of_zero_in_the_list_is_no_price(name: str) -> None:
    litellm = load_litellm()
    model, provider, _, _ = litellm.get_llm_provider(name)
    assert Offer(litellm, name, model, provider).cost(Usage(prompt_tokens=1000, completion_tokens=10)) is None


class OllamaServer(OpenAIServer):
    """The same, behind Ollama's own protocol: `/api/chat` with a message instead of choices."""

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if path != "/api/chat":
            return await super()._answer(method, path, headers, body)
        reply = await super()._answer("POST", "/v1/chat/completions", headers, body)
        assert isinstance(reply.body, dict)
        message = reply.body["choices"][0]["message"]
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        counts = {"prompt_eval_count": 10, "eval_count": 5}
        return Reply({"model": "llama3", "message": message, "done": True, "done_reason": "stop", **counts})


async def test_ollama_is_asked_in_its_own_protocol() -> None:
    script = [say("", tool_calls=[tool_call("click", {"ref": "1"})]), say('{"success": true}'), say("a"), say("b")]
    async with OllamaServer(script) as server:
        model = ChatModel("ollama_chat/llama3", base_url=server.root_url)
        [acting] = await model.complete(HELLO, tools=[CLICK], temperature=0.25, seed=4)
        [judging] = await model.complete(HELLO, schema=Verdict)
        both = await model.complete(HELLO, n=2, seed=4)
    assert [(call.name, call.arguments) for call in acting.tool_calls] == [("click", {"ref": "1"})]
    assert (acting.usage.prompt_tokens, acting.usage.completion_tokens, acting.usage.cost_usd) == (10, 5, None)
    assert server.requests[0]["options"] == {"temperature": 0.25, "seed": 4}
    assert judging.parsed == {"success": True, "why": ""}
    assert set(server.requests[1]["format"]["properties"]) == {"success", "why"}
    assert {reply.text for reply in both} == {"a", "b"}
    assert sorted(request["options"]["seed"] for request in server.requests[2:]) == [4, 5]


async def test_a_limit_in_dollars_is_refused_where_no_price_is_known() -> None:
    async with OpenAIServer() as server:
        with pytest.raises(ModelError, match="no known price"):
            await chat(server).metered(Budget(usd=1.0)).complete(HELLO)
    assert server.requests == []


async def test_unpriced_calls_are_counted_by_the_ledger() -> None:
    budget = Budget(calls=10)
    async with OpenAIServer() as server:
        await chat(server).metered(budget.child()).complete(HELLO)
    assert (budget.unpriced_calls, budget.spent["usd"], budget.spent["tokens"]) == (1, 0.0, 15)


async def test_a_model_works_in_one_event_loop_after_another() -> None:
    async with OpenAIServer() as server:
        model = chat(server)
        [here] = await model.complete(HELLO)
        [there] = await asyncio.to_thread(lambda: asyncio.run(model.complete(HELLO)))
    assert (here.text, there.text) == ("ok", "ok")


def test_litellm_is_loaded_late_quietly_and_with_its_own_price_list() -> None:
    code = (
        "import asyncio, os, sys, gc\n"
        "from agentkit.models.chat import ChatModel\n"
        "from agentkit.models.offer import load_litellm\n"
        "model = ChatModel('openai/test')\n"
        "assert not {'litellm', 'openai', 'httpx'} & set(sys.modules), 'imported too early'\n"
        "assert 'LITELLM_LOCAL_MODEL_COST_MAP' not in os.environ, 'importing changed the environment'\n"
        "litellm = load_litellm()\n"
        "assert gc.isenabled()\n"
        "assert os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] == 'True'\n"
        "assert litellm.telemetry is False\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "LITELLM_LOCAL_MODEL_COST_MAP"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
