"""A server that misbehaves: every call ends with the right result or a stated reason, and the ledger is right.

Right to the call: the ledger counts as many calls as the server saw requests. What a lost reply is charged with is the
estimate of its prompt, since the server may have done the work.
"""

import asyncio
import datetime
import email.utils
import random
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agentkit.budget import Budget, BudgetExceeded
from agentkit.models.chat import ChatModel
from agentkit.models.contracts import ModelError, ModelUnavailable
from agentkit.models.offer import Price
from agentkit.models.retry import RetryPolicy, read_retry_after
from memory.trajectory import Message, Text

from .openai_server import OpenAIServer, Reply, broken, cut, malformed, no_choices, rate_limited, say

HELLO = [Message("user", (Text("hello"),))]
PRICE = Price(prompt=1.0, completion=2.0)
FAULTS = {
    "429": rate_limited("0"),
    "429 with a date": rate_limited("Wed, 21 Oct 2015 07:28:00 GMT"),
    "408": broken(408),
    "409": broken(409),
    "500": broken(500),
    "503": broken(503),
    "cut": cut(40),
    "cut before the body": cut(0),
    "malformed": malformed(),
    "not JSON": Reply(b"<html>bad gateway</html>", headers={"Content-Type": "text/html"}),
    "null": Reply(b"null"),
    "no choices": no_choices(),
    "too slow": say("late", delay_s=30),
}
PROVIDERS = ["openai/test", "hosted_vllm/test"]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Let litellm do its late imports once, as they take longer than the timeouts here."""

    async def call() -> None:
        async with OpenAIServer() as server:
            for name in PROVIDERS:
                await ChatModel(name, base_url=server.base_url).complete(HELLO)

    asyncio.run(call())


class Waits:
    """Takes the place of sleeping and keeps what was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def policy(waits: Waits, *, tries: int = 3, timeout_s: float = 0.6, **more: float) -> RetryPolicy:
    return RetryPolicy(tries=tries, timeout_s=timeout_s, sleep=waits, rng=random.Random(0), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_is_retried_and_the_call_ends_well(name: str, fault: str) -> None:
    budget, waits = Budget(calls=100), Waits()
    async with OpenAIServer([FAULTS[fault], say("well")]) as server:
        model = ChatModel(name, base_url=server.base_url, price=PRICE, retry=policy(waits)).metered(budget)
        [reply] = await model.complete(HELLO)
    assert reply.text == "well"
    assert reply.usage.calls == budget.spent["calls"] == len(server.requests) == 2
    assert len(waits.seconds) == 1
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens == budget.spent["tokens"]
    assert reply.usage.cost_usd == pytest.approx(budget.spent["usd"])
    told = 15 if fault == "no choices" else 0
    lost = 5 if fault in ("cut", "cut before the body", "malformed", "not JSON", "null", "too slow") else 0
    assert budget.spent["tokens"] == 15 + told + lost
    assert (budget.held["calls"], budget.held["tokens"]) == (0, 0)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_stays_ends_in_a_stated_reason_after_the_last_try(name: str, fault: str) -> None:
    budget, waits = Budget(), Waits()
    async with OpenAIServer(respond=lambda request: FAULTS[fault]) as server:
        model = ChatModel(name, base_url=server.base_url, retry=policy(waits)).metered(budget)
        with pytest.raises(ModelError, match=r"no usable reply \(3 requests\)") as caught:
            await model.complete(HELLO)
    assert caught.value.usage is not None
    assert caught.value.usage.calls == budget.spent["calls"] == len(server.requests) == 3
    assert not isinstance(caught.value, ModelUnavailable)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [(400, ModelError, "refuses this request"), (401, ModelUnavailable, "check the key"),
     (403, ModelUnavailable, "check the key"), (404, ModelUnavailable, "base URL"), (422, ModelError, "refuses")],
)  # fmt: skip
async def test_what_cannot_get_better_is_asked_once(name: str, status: int, kind: type, advice: str) -> None:
    budget = Budget()
    async with OpenAIServer([broken(status, "not like that, sk-secret")]) as server:
        model = ChatModel(name, base_url=server.base_url, api_key="sk-secret", retry=policy(Waits())).metered(budget)
        with pytest.raises(kind, match=advice) as caught:
            await model.complete(HELLO)
    assert len(server.requests) == budget.spent["calls"] == 1
    assert budget.spent["tokens"] == 0
    assert "not like that, ***" in str(caught.value)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_request_that_reached_nobody_is_retried_and_not_charged(name: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    budget, waits = Budget(), Waits()
    model = ChatModel(name, base_url=f"http://127.0.0.1:{port}/v1", retry=policy(waits)).metered(budget)
    with pytest.raises(ModelUnavailable, match="no connection"):
        await model.complete(HELLO)
    assert len(waits.seconds) == 2
    assert budget.spent["calls"] == budget.spent["tokens"] == 0


async def test_retry_after_is_honoured_up_to_the_longest_wait() -> None:
    waits = Waits()
    retry = policy(waits, tries=4, first_wait_s=0.5, longest_wait_s=60.0)
    async with OpenAIServer([rate_limited("7"), rate_limited("100000"), rate_limited("soon"), say("ok")]) as server:
        [reply] = await ChatModel("openai/test", base_url=server.base_url, retry=retry).complete(HELLO)
    assert reply.text == "ok"
    assert waits.seconds[:2] == [7.0, 60.0]
    assert 0.0 <= waits.seconds[2] <= 2.0


def test_retry_after_reads_seconds_and_dates() -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    later = email.utils.format_datetime(now + datetime.timedelta(seconds=90), usegmt=True)
    assert read_retry_after(later, now=now) == 90
    assert [read_retry_after(text, now=now) for text in ("2.5", "-3", "", "tomorrow", "nan")] == [2.5, 0, 0, 0, 0]
    assert read_retry_after(later, now=now + datetime.timedelta(days=1)) == 0


async def test_waits_double_with_jitter_and_end_before_the_total_time() -> None:
    waits = Waits()
    async with OpenAIServer(respond=lambda request: broken(500)) as server:
        retry = policy(waits, tries=6, first_wait_s=1.0)
        with pytest.raises(ModelError, match="6 requests"):
            await ChatModel("openai/test", base_url=server.base_url, retry=retry).complete(HELLO)
        assert all(0 <= wait <= 2**number for number, wait in enumerate(waits.seconds))
        assert len(set(waits.seconds)) == 5


async def test_no_wait_is_begun_that_would_end_after_the_total_time() -> None:
    waits = Waits()
    async with OpenAIServer([rate_limited("30")]) as server:
        model = ChatModel("openai/test", base_url=server.base_url, retry=policy(waits, tries=9, total_s=5.0))
        with pytest.raises(ModelError, match="1 request"):
            await model.complete(HELLO)
    assert (len(server.requests), waits.seconds) == (1, [])


async def test_an_unparsable_reply_is_charged_beside_the_failed_ones() -> None:
    class Verdict(BaseModel):
        success: bool

    budget = Budget()
    script = [broken(500), say("prose"), cut(), no_choices(), say('{"success": true}')]
    async with OpenAIServer(script) as server:
        model = ChatModel("openai/test", base_url=server.base_url, retry=policy(Waits())).metered(budget)
        [reply] = await model.complete(HELLO, schema=Verdict)
    assert reply.parsed == {"success": True}
    assert reply.usage.calls == budget.spent["calls"] == len(server.requests) == 5


async def test_one_of_several_replies_that_fails_does_not_stop_the_others() -> None:
    budget = Budget()

    def respond(request: dict[str, object]) -> Reply | str:
        if "n" in request:
            return broken(400, "one at a time")
        return broken(400, "not this one") if request["seed"] == 2 else "fine"

    async with OpenAIServer(respond=respond) as server:
        model = ChatModel("openai/test", base_url=server.base_url, retry=policy(Waits())).metered(budget)
        with pytest.raises(ModelError, match="not this one") as caught:
            await model.complete(HELLO, n=4, seed=1)
    assert caught.value.usage is not None
    assert caught.value.usage.calls == budget.spent["calls"] == len(server.requests) == 5


async def test_a_cancelled_call_is_charged_in_full() -> None:
    budget = Budget()
    async with OpenAIServer([say("late", delay_s=30)]) as server:
        model = ChatModel("openai/test", base_url=server.base_url).metered(budget)
        task = asyncio.create_task(model.complete(HELLO, max_tokens=100))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert budget.spent["calls"] == 1
    assert budget.spent["tokens"] >= 100
    assert budget.held["tokens"] == 0


async def test_retries_stop_at_the_budget_and_no_request_is_sent_over_it() -> None:
    budget = Budget(calls=3)
    async with OpenAIServer(respond=lambda request: broken(503)) as server:
        model = ChatModel("openai/test", base_url=server.base_url, retry=policy(Waits(), tries=9)).metered(budget)
        with pytest.raises(BudgetExceeded, match="3 of 3 calls"):
            await model.complete(HELLO)
    assert len(server.requests) == budget.spent["calls"] == 3


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    faults=st.lists(st.sampled_from([None, *(f for f in FAULTS if f != "too slow")]), min_size=0, max_size=40),
    limit=st.integers(1, 40),
    provider=st.sampled_from(PROVIDERS),
)
def test_sixteen_at_once_through_any_faults_never_pass_the_limit(
    faults: list[str | None], limit: int, provider: str
) -> None:
    async def run() -> None:
        budget = Budget(calls=limit)
        async with OpenAIServer([FAULTS[f] if f else None for f in faults]) as server:
            shared = ChatModel(provider, base_url=server.base_url, retry=policy(Waits(), timeout_s=20))

            async def one() -> str:
                try:
                    [reply] = await shared.metered(budget.child(calls=5)).complete(HELLO)
                except (ModelError, BudgetExceeded) as error:
                    return type(error).__name__
                return reply.text

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one()) for _ in range(16)]
        ended = [task.result() for task in tasks]
        assert set(ended) <= {"ok", "ModelError", "BudgetExceeded"}
        assert len(server.requests) == budget.spent["calls"] <= limit
        assert budget.held == dict.fromkeys(budget.held, 0.0)
        if not faults and limit >= 16:
            assert ended == ["ok"] * 16

    asyncio.run(run())


async def test_a_limit_in_tokens_is_overshot_by_less_than_one_call() -> None:
    budget = Budget(tokens=1000)
    usage = {"prompt_tokens": 20, "completion_tokens": 80, "total_tokens": 100}
    async with OpenAIServer(respond=lambda request: say("ok", usage=usage, delay_s=0.01)) as server:
        model = ChatModel("openai/test", base_url=server.base_url)

        async def one() -> bool:
            try:
                await model.metered(budget).complete(HELLO, max_tokens=300)
            except BudgetExceeded:
                return False
            return True

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(16)]
    finished = sum(task.result() for task in tasks)
    # Each reserves over 300 tokens and takes 100, so waiting for the others lets all ten that fit through.
    assert 1000 <= budget.spent["tokens"] < 1000 + 305
    assert finished == len(server.requests) == budget.spent["tokens"] / 100
    assert 1 < server.most_in_flight <= 3
