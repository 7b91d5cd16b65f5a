"""What a server sent back, as completions; and the one place where a model's JSON is parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from environments.contracts import JSON
from memory.trajectory import Completion, TokenLogprob, ToolCall

__all__ = ["LEAST_LOGPROB", "Unparsable", "parse_json", "read_completions", "read_tool_call"]

LEAST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON does not have; the same figure that vLLM uses."""


class Unparsable(ValueError):
    """A reply that is not the JSON that was asked for; the message can be shown to the model."""


def parse_json(text: str, schema: type[BaseModel]) -> JSON:
    """The value of `schema` that the text holds, as plain JSON: the whole text, a fenced block, or its first object.

    Raises:
        Unparsable: there is no JSON in it, or it is not of that schema.
    """
    fenced = re.search(r"```(?:json)?\s*\n(.*?)```", text, re.DOTALL)
    candidate = (fenced[1] if fenced else text).strip()
    try:
        value = json.loads(candidate)
    except ValueError:
        value = _first_object(candidate)
    try:
        return schema.model_validate(value).model_dump(mode="json")
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in error.errors())
        raise Unparsable(f"the JSON does not fit: {wrong}") from error


def _first_object(text: str) -> JSON:
    decoder = json.JSONDecoder()
    for found in re.finditer(r"[{\[]", text):
        try:
            return decoder.raw_decode(text, found.start())[0]
        except ValueError:
            continue
    raise Unparsable(f"expected JSON, got {text[:200]!r}")


def read_completions(response: Any, *, prefill: str) -> list[Completion]:
    """The choices of a litellm response, without usage. Empty when the server sent none.

    The text begins with the prefill; log-probabilities and token ids are of what the model added to it.
    """
    prompt_token_ids = tuple(getattr(response, "prompt_token_ids", None) or ())
    data = {"id": response.id or ""}
    if getattr(response, "system_fingerprint", None):
        data["system_fingerprint"] = response.system_fingerprint
    completions = []
    for choice in response.choices:
        message, fields = choice.message, getattr(choice, "provider_specific_fields", None) or {}
        stop_reason = {"stop_reason": fields["stop_reason"]} if fields.get("stop_reason") is not None else {}
        completions.append(
            Completion(
                text=prefill + (message.content or _refusal(message)),
                tool_calls=_tool_calls(message.tool_calls or ()),
                reasoning=getattr(message, "reasoning_content", None) or "",
                finish_reason=choice.finish_reason or "stop",
                logprobs=_logprobs(getattr(choice, "logprobs", None)),
                prompt_token_ids=tuple(fields.get("prompt_token_ids") or ()) or prompt_token_ids,
                token_ids=tuple(fields.get("token_ids") or ()),
                model=response.model or "",
                data={**data, **stop_reason},
            )
        )
    return completions


def read_tool_call(name: str, raw: str, *, id: str) -> ToolCall:
    """A tool call; `raw` is kept when it is not a JSON object, and empty otherwise."""
    try:
        arguments = json.loads(raw or "{}")
    except ValueError:
        arguments = None
    if isinstance(arguments, Mapping):
        return ToolCall(name, arguments, id=id)
    return ToolCall(name, {}, id=id, raw=raw)


def _tool_calls(calls: Sequence[Any]) -> tuple[ToolCall, ...]:
    return tuple(
        read_tool_call(call.function.name or "", call.function.arguments or "", id=call.id or f"call_{index}")
        for index, call in enumerate(calls)
    )


def _refusal(message: Any) -> str:
    fields = getattr(message, "provider_specific_fields", None) or {}
    return fields.get("refusal") or ""


def _logprobs(logprobs: Any) -> tuple[TokenLogprob, ...]:
    content = getattr(logprobs, "content", None) or ()
    return tuple(
        TokenLogprob(
            entry.token,
            max(entry.logprob, LEAST_LOGPROB),
            tuple((other.token, max(other.logprob, LEAST_LOGPROB)) for other in entry.top_logprobs or ()),
        )
        for entry in content
    )
