"""A model that says what it was told to say: for tests, for notebooks, and for trying a strategy by hand.

    model = ScriptedModel([ToolCall("click", {"ref": "12"}), "I am done."])
    model = ScriptedModel(lambda messages: "yes" if "red" in messages[-1].text else "no")

A script is used up one reply per completion, in order. A function is asked once per completion and never runs out.
`model.asked` holds every request, so that a test can look at what a strategy really sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from agentkit.models.contracts import ModelError
from agentkit.models.render import CHARACTERS_A_TOKEN, Request, estimate_tokens, wire_messages, wire_tools
from agentkit.models.reply import Unparsable, parse_json
from environments.contracts import ToolSpec
from memory.trajectory import NOTHING_USED, Completion, Message, ToolCall, Usage

__all__ = ["ScriptedModel"]

Reply = str | ToolCall | Completion | ModelError
"""Text, a tool call, a whole completion, or an error to be raised in its place."""
KEYS = frozenset(field.name for field in fields(Completion))
Answer = Callable[[Sequence[Message]], Reply]


class ScriptedModel:
    """See `agentkit.models.contracts.Model`. Its calls cost nothing and take as many tokens as their text would."""

    def __init__(self, replies: Sequence[Reply] | Answer, *, name: str = "scripted") -> None:
        """Take a script or a function of the messages.

        Raises:
            ValueError: the script is a single text, which would be read letter by letter.
        """
        if isinstance(replies, str):
            raise ValueError(f"the script is the text {replies!r}; give a list of replies, or a function")
        self._name = name
        self._answer = replies if callable(replies) else _script(replies, name)
        self.asked: list[Request] = []
        """Every request, in order."""

    @classmethod
    def load(cls, path: Path) -> ScriptedModel:
        """Read a script: a JSON list of texts and of objects with `Completion`'s fields.

        Raises:
            ModelError: the file cannot be read or holds something else.
        """
        try:
            script = json.loads(path.read_bytes())
            replies = TypeAdapter(list[str | Completion]).validate_python(script)
            unknown = {key for entry in script if isinstance(entry, dict) for key in entry} - KEYS
            if unknown:
                raise ValueError(f"a completion has no {' or '.join(sorted(unknown))}")
        except (OSError, ValueError) as error:
            shape = '["text", {"tool_calls": [{"name": "click", "arguments": {"ref": "1"}}]}]'
            raise ModelError(f"{path} is no script ({error}); expected JSON such as {shape}") from error
        return cls(replies, name=f"scripted:{path.name}")

    @property
    def name(self) -> str:
        return self._name

    async def check(self) -> None:
        """Always reached."""

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
        """See `Model.complete`. A scripted text is what follows the prefill.

        Raises:
            ModelError: the script has come to its end, holds an error here, or a reply does not fit the schema.
            ValueError: log-probabilities are asked for, and the scripted completion has none.
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
        self.asked.append(request)
        replies = [self._complete(request, index) for index in range(n)]
        if all(reply.usage == NOTHING_USED for reply in replies):
            replies[0] = replace(replies[0], usage=_usage(request, replies))
        return replies

    def _complete(self, request: Request, index: int) -> Completion:
        reply = self._answer(request.messages)
        if isinstance(reply, ModelError):
            raise reply
        if isinstance(reply, str):
            reply = Completion(text=reply)
        elif isinstance(reply, ToolCall):
            reply = Completion(tool_calls=(reply,), finish_reason="tool_calls")
        if request.logprobs and not reply.logprobs:
            raise ValueError(f"{self._name} does not offer logprobs here; script a Completion with logprobs")
        place = len(self.asked)
        calls = [replace(c, id=c.id or f"call_{place}_{index}_{i}") for i, c in enumerate(reply.tool_calls)]
        reply = replace(reply, text=request.prefill + reply.text, tool_calls=tuple(calls), model=self._name)
        if request.schema is None:
            return reply
        try:
            return replace(reply, parsed=parse_json(reply.text, request.schema))
        except Unparsable as error:
            raise ModelError(f"{self._name}: the scripted reply does not fit: {error}", usage=Usage()) from error


def _script(replies: Sequence[Reply], name: str) -> Answer:
    script: Iterator[Reply] = iter(tuple(replies))

    def answer(messages: Sequence[Message]) -> Reply:
        for reply in script:
            return reply
        last = messages[-1].text
        raise ModelError(
            f"{name}: all {len(replies)} scripted replies are used up, and one more was asked for after "
            f"{last[:200]!r}; add replies, or give a function",
            usage=NOTHING_USED,
        )

    return answer


def _usage(request: Request, replies: Sequence[Completion]) -> Usage:
    prompt = estimate_tokens(wire_messages(request.messages, images=None), tools=wire_tools(request.tools))
    said = sum(len(reply.text) + sum(len(json.dumps(dict(c.arguments))) for c in reply.tool_calls) for reply in replies)
    return Usage(prompt_tokens=prompt, completion_tokens=said // CHARACTERS_A_TOKEN, cost_usd=0.0)
