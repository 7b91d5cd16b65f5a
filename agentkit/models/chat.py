"""A language model behind any litellm model string: hosted APIs, `hosted_vllm/`, `ollama_chat/`, `openai/` and others.

    model = ChatModel("hosted_vllm/Qwen/Qwen3-8B", base_url="http://localhost:8000/v1")
    [reply] = await model.metered(budget).complete([Message("user", (Text("hello"),))])

litellm only carries the request: its own retries are off, and `retry` is the one retry layer. What a provider does not
take is found out before anything is sent: `n` is then asked for one by one, `seed` and `temperature` are left out and
named in `Completion.data["left_out"]`, a schema becomes an instruction, and anything else raises ValueError.

Every request is reserved in the budget before it is sent and settled after it. A failed one counts as a call; where
the server's work may have been lost on the way (a cut connection, a timeout, an unreadable reply), the estimated
tokens of the prompt are charged too.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from agentkit.budget import Budget, BudgetExceeded
from agentkit.models.contracts import ModelError, ModelUnavailable
from agentkit.models.offer import Offer, Price, load_litellm
from agentkit.models.reach import check_reachable, key_variables
from agentkit.models.render import CHARACTERS_A_TOKEN, Request, estimate_tokens, wire_messages, wire_tools
from agentkit.models.reply import Unparsable, parse_json, read_completions
from agentkit.models.retry import CallFailed, RetryPolicy, read_failure, stated_error
from environments.contracts import JSON, ToolSpec
from memory.trajectory import NOTHING_USED, Completion, Message, Usage

__all__ = ["ChatModel"]

REPAIRS = 2
"""How often a reply that does not fit the schema is sent back with what is wrong with it."""
EXPECTED_REPLY_TOKENS = 1024
"""Reserved for a reply whose length nobody bounds, until a longer one has been seen."""
PREFIX_PROVIDERS = frozenset({"deepseek", "mistral", "codestral"})
"""Continue an assistant message only where it says so with `prefix`."""

Wire = dict[str, Any]
Exchanged = tuple[list[Completion], Usage]


@dataclass(slots=True)
class Learnt:
    """What the calls have shown so far, shared by all metered copies of a model."""

    offer: Offer | None = None
    longest_reply: int = EXPECTED_REPLY_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One `complete` under way."""

    request: Request
    offer: Offer
    wire: Wire
    """The arguments of litellm's call, less `n` and the prefill."""
    left_out: tuple[str, ...]
    spent: list[Usage]
    """What each request sent for it took, in order of their ends."""

    @property
    def usage(self) -> Usage:
        return sum(self.spent, NOTHING_USED)

    def keep(self, usage: Usage, *, since: float) -> Usage:
        """The usage with its seconds, kept with the rest."""
        self.spent.append(replace(usage, seconds=time.monotonic() - since))
        return self.spent[-1]


class ChatModel:
    """See `agentkit.models.contracts.Model`."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        price: Price | None = None,
        images: bool | None = None,
        token_ids: bool | None = None,
        chat_template_sha256: str = "",
        retry: RetryPolicy | None = None,
    ) -> None:
        """Describe a model; nothing is sent and nothing is imported.

        Args:
            name: A litellm model string, such as `gpt-4o-mini`, `anthropic/claude-sonnet-4-5` or `hosted_vllm/NAME`.
            base_url: Of a server that speaks the provider's protocol; for OpenAI's it ends with `/v1`.
            api_key: Taken from the provider's environment variable when left out.
            price: Overrides litellm's list, and prices a server of one's own.
            images: Whether screenshots are sent; when left out, only if litellm knows that the model reads them.
            token_ids: Whether to ask for exact token ids, as vLLM gives them; when left out, of `hosted_vllm/` only.
            chat_template_sha256: Kept with each completion, as no server tells it.
            retry: When to try again and when to give up.
        """
        self._name, self._base_url, self._api_key = name, base_url, api_key
        self._price, self._images = price, images
        self._token_ids, self._chat_template_sha256 = token_ids, chat_template_sha256
        self._retry = retry or RetryPolicy()
        self._budget = Budget()
        self._learnt = Learnt()

    @property
    def name(self) -> str:
        return self._name

    def metered(self, budget: Budget) -> ChatModel:
        """The same model with every request, retries included, reserved in and charged to `budget`."""
        copied = copy.copy(self)
        copied._budget = budget
        return copied

    async def check(self) -> None:
        """See `Model.check`."""
        await check_reachable(self._name, base_url=self._base_url, api_key=self._api_key)

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        n: int = 1,
        temperature: float | None = None,
        max_tokens: int | None = None,
        logprobs: int = 0,
        schema: type[BaseModel] | None = None,
        prefill: str = "",
        stop: Sequence[str] = (),
        seed: int | None = None,
    ) -> list[Completion]:
        """See `Model.complete`.

        The text begins with the prefill; log-probabilities and token ids are of what the model added to it. When
        several completions take several requests, the i-th is asked for with `seed + i`.

        Raises:
            BudgetExceeded: the next request does not fit the budget any more.
            ModelError: no usable reply after the retries, or a price that a limit in dollars needs is unknown.
            ValueError: the model does not take stop, logprobs, prefill or pictures, and they were given.
        """
        request = Request(
            messages=tuple(messages),
            tools=tuple(tools),
            n=n,
            temperature=temperature,
            max_tokens=max_tokens,
            logprobs=logprobs,
            schema=schema,
            prefill=prefill,
            stop=tuple(stop),
            seed=seed,
        )
        asking = self._prepare(request, await self._offer())
        try:
            replies = await self._ask_for_all(asking)
            if schema is not None:
                replies = [await self._fit(asking, reply, schema=schema) for reply in replies]
        except CallFailed as failure:
            raise stated_error(
                failure, asking.usage, name=self._name, base_url=self._base_url, api_key=self._api_key
            ) from failure
        return self._finished(asking, replies)

    async def _offer(self) -> Offer:
        if self._learnt.offer is None:
            litellm = await asyncio.to_thread(load_litellm)
            try:
                model, provider, _, _ = litellm.get_llm_provider(self._name)
            except litellm.BadRequestError as error:
                raise ModelUnavailable(f"model {self._name!r} has no known provider; write provider/model") from error
            self._learnt.offer = Offer(litellm, self._name, model, provider)
        return self._learnt.offer

    # What is sent ----------------------------------------------------------------------------------------------------

    def _prepare(self, request: Request, offer: Offer) -> Asking:
        images = self._images if self._images is not None or not offer.images else True
        wire: Wire = {
            "model": self._name,
            "messages": wire_messages(request.messages, images=images),
            "api_base": self._base_url,
            "api_key": self._key(),
            "timeout": self._retry.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
        }
        if request.tools:
            wire["tools"] = wire_tools(request.tools)
            wire["_skip_mcp_handler"] = True  # litellm 1.106 imports its optional mcp for any tool unless told this
        if request.max_tokens is not None:
            wire["max_tokens"] = request.max_tokens
        if request.schema is not None and offer.schema:
            wire["response_format"] = request.schema
        elif request.schema is not None:
            schema = json.dumps(request.schema.model_json_schema())
            wire["messages"].append({"role": "user", "content": ASK_FOR_JSON.format(schema=schema)})
        if request.prefill and not offer.prefill:
            raise ValueError(f"{self._name} does not offer prefill; leave it out or choose another model")
        if self._token_ids if self._token_ids is not None else offer.provider == "hosted_vllm":
            wire["extra_body"] = {"return_token_ids": True}
        left_out = self._add_sampling(wire, request, offer)
        return Asking(request=request, offer=offer, wire=wire, left_out=left_out, spent=[])

    def _key(self) -> str | None:
        if self._api_key or not self._base_url or any(map(os.environ.get, key_variables(self._name))):
            return self._api_key
        return "none"  # a local server asks for no key, but the OpenAI client insists on one

    def _add_sampling(self, wire: Wire, request: Request, offer: Offer) -> tuple[str, ...]:
        """Add what picks the tokens; return the names of what the provider does not take."""
        left_out = []
        for setting, value in (("temperature", request.temperature), ("seed", request.seed)):
            if value is not None and offer.takes(**{setting: value}):
                wire[setting] = value
            elif value is not None:
                left_out.append(setting)
        required: Wire = {"stop": list(request.stop)} if request.stop else {}
        if request.logprobs:
            required |= {"logprobs": True, "top_logprobs": request.logprobs}
        if required and not offer.takes(**required):
            names = " and ".join(name for name in ("stop", "logprobs") if name in required)
            raise ValueError(f"{self._name} does not offer {names}; leave it out or choose another model")
        wire |= required
        return tuple(left_out)

    def _begun(self, asking: Asking) -> Wire:
        """The wire with the reply begun, where a prefill was asked for."""
        wire = asking.wire
        if not asking.request.prefill:
            return wire
        begun: Wire = {"role": "assistant", "content": asking.request.prefill}
        if asking.offer.provider in PREFIX_PROVIDERS:
            begun["prefix"] = True
        if asking.offer.provider == "hosted_vllm":
            continued = {"continue_final_message": True, "add_generation_prompt": False}
            wire = {**wire, "extra_body": {**wire.get("extra_body", {}), **continued}}
        return {**wire, "messages": [*wire["messages"], begun]}

    # Asking ----------------------------------------------------------------------------------------------------------

    async def _ask_for_all(self, asking: Asking) -> list[Completion]:
        """As many completions as were asked for: in one request where the server gives several, else one by one."""
        wire, n, replies = self._begun(asking), asking.request.n, list[Completion]()
        if n > 1 and asking.offer.takes(n=n):
            answer = await _caught(self._ask({**wire, "n": n}, asking))
            if isinstance(answer, CallFailed) and answer.status in (400, 422):
                answer = []  # some servers refuse n instead of leaving it out
            replies = _replies(answer)[:n]
        async with asyncio.TaskGroup() as group:
            rest = range(len(replies), n)
            tasks = [group.create_task(_caught(self._ask(_reseeded(wire, index), asking))) for index in rest]
        return replies + [_replies(task.result())[0] for task in tasks]

    async def _fit(self, asking: Asking, reply: Completion, *, schema: type[BaseModel]) -> Completion:
        """The reply with its parsed value; one that does not fit is sent back with what is wrong with it."""
        messages, complaint = asking.wire["messages"], ""
        for repair in range(REPAIRS + 1):
            if repair:
                [reply, *_] = await self._ask({**asking.wire, "messages": messages}, asking, prefill="")
            try:
                return replace(reply, parsed=parse_json(reply.text, schema))
            except Unparsable as error:
                complaint = str(error) if reply.finish_reason != "length" else f"it was cut off by its length; {error}"
            said = [{"role": "assistant", "content": reply.text}] if reply.text else []
            wanted = json.dumps(schema.model_json_schema())
            asked = {"role": "user", "content": ASK_AGAIN.format(complaint=complaint, schema=wanted)}
            messages = [*messages, *said, asked]
        raise ModelError(
            f"{self._name} gave no JSON that fits {schema.__name__} in {REPAIRS + 1} tries: {complaint}; "
            "raise max_tokens, make the schema simpler or choose a larger model",
            usage=asking.usage,
        )

    async def _ask(self, wire: Wire, asking: Asking, *, prefill: str | None = None) -> list[Completion]:
        """The choices of one reply, at least one, after as many tries as the policy allows."""
        begun = asking.request.prefill if prefill is None else prefill
        async for attempt in self._retry.attempts():
            with attempt:
                return await self._send(wire, asking, prefill=begun)
        raise AssertionError("the retries ended with neither a reply nor an error")

    async def _send(self, wire: Wire, asking: Asking, *, prefill: str) -> list[Completion]:
        """One request, reserved and settled."""
        prompt = Usage(prompt_tokens=estimate_tokens(wire["messages"], tools=wire.get("tools", ())))
        longest = wire.get("n", 1) * (wire.get("max_tokens") or self._learnt.longest_reply)
        usd = self._cost(replace(prompt, completion_tokens=longest), asking.offer)
        if usd is None and self._budget.remaining("usd") is not None:
            raise ModelError(f"{self._name} has no known price, so a limit in dollars cannot be kept; {GIVE_A_PRICE}")
        async with self._budget.waiting(calls=1, tokens=prompt.prompt_tokens + longest, usd=usd or 0.0) as hold:
            started = time.monotonic()
            try:
                completions, usage = await self._exchange(wire, asking.offer, prompt=prompt, prefill=prefill)
            except CallFailed as failure:
                hold.settle_usage(asking.keep(self._took(failure, asking.offer, prompt), since=started))
                raise
            hold.settle_usage(asking.keep(usage, since=started))
        return completions

    async def _exchange(self, wire: Wire, offer: Offer, *, prompt: Usage, prefill: str) -> Exchanged:
        """One request through litellm; `CallFailed` when it brings no usable reply."""
        try:
            async with asyncio.timeout(self._retry.timeout_s):
                response = await offer.litellm.acompletion(**wire)
        except TimeoutError as error:
            raise CallFailed(f"no reply within {self._retry.timeout_s:g} s") from error
        except offer.failures as error:
            raise read_failure(error) from error
        completions = read_completions(response, prefill=prefill)
        usage = self._usage(response, completions, offer, prompt)
        if not completions:
            raise CallFailed("the reply has an empty list of choices", usage=usage)
        self._learnt.longest_reply = max(self._learnt.longest_reply, usage.completion_tokens // len(completions))
        return completions, usage

    # What it took ----------------------------------------------------------------------------------------------------

    def _usage(self, response: Any, completions: Sequence[Completion], offer: Offer, prompt: Usage) -> Usage:
        """The server's account; where it gives none, the estimate."""
        reported = getattr(response, "usage", None)
        if reported is None or not reported.total_tokens:
            written = sum(len(reply.text) + len(reply.reasoning) for reply in completions) // CHARACTERS_A_TOKEN
            usage = replace(prompt, completion_tokens=written)
            return replace(usage, cost_usd=self._cost(usage, offer))
        details = getattr(reported, "prompt_tokens_details", None)
        usage = Usage(
            prompt_tokens=reported.prompt_tokens or 0,
            completion_tokens=reported.completion_tokens or 0,
            cached_tokens=getattr(details, "cached_tokens", None) or 0,
        )
        return replace(usage, cost_usd=self._cost(usage, offer, reported=reported))

    def _cost(self, usage: Usage, offer: Offer, *, reported: Any = None) -> float | None:
        return self._price.cost(usage) if self._price else offer.cost(usage, reported=reported)

    def _took(self, failure: CallFailed, offer: Offer, prompt: Usage) -> Usage:
        """What a failed request is charged with."""
        if failure.usage is not None:
            return failure.usage
        if failure.lost:
            return replace(prompt, cost_usd=self._cost(prompt, offer))
        return Usage(calls=int(failure.reached), cost_usd=0.0)

    def _finished(self, asking: Asking, replies: Sequence[Completion]) -> list[Completion]:
        noted: dict[str, JSON] = {}
        if asking.left_out:
            noted["left_out"] = list(asking.left_out)
        if self._chat_template_sha256:
            noted["chat_template_sha256"] = self._chat_template_sha256
        usages = [asking.usage, *[NOTHING_USED] * (len(replies) - 1)]
        return [
            replace(reply, usage=usage, data={**reply.data, **noted})
            for reply, usage in zip(replies, usages, strict=True)
        ]


Answer = list[Completion] | CallFailed | BudgetExceeded | ModelError


async def _caught(asked: Coroutine[Any, Any, list[Completion]]) -> Answer:
    """The answer or its failure as a value, so that one request's failure does not cancel those beside it."""
    try:
        return await asked
    except (CallFailed, BudgetExceeded, ModelError) as failure:
        return failure


def _replies(answer: Answer) -> list[Completion]:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _reseeded(wire: Wire, index: int) -> Wire:
    return {**wire, "seed": wire["seed"] + index} if "seed" in wire else wire


GIVE_A_PRICE = "give price=Price(prompt=..., completion=...) or limit tokens instead"

# {schema}: JSON Schema of the reply.
ASK_FOR_JSON = """\
Answer with one JSON object and nothing else. It must fit this JSON Schema:
{schema}"""

# {complaint}: what is wrong with the last reply; {schema}: JSON Schema of the reply.
ASK_AGAIN = """\
That reply cannot be used: {complaint}
Answer again, with one JSON object and nothing else. It must fit this JSON Schema:
{schema}"""
