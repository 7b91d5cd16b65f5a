"""The records of `memory.trajectory` as JSON, and back: the shape of a log line, apart from where lines lie.

Bodies are content-addressed within a trajectory. A message refers to the observations and memory items that it showed,
a step refers to its messages, so a conversation that grows by two messages a step costs two messages a step (and a
reference of 22 bytes for each earlier one). A message body also holds the text that each observation was rendered to,
where a model read it as text: what the model read stays known even when the renderer changes.

Every field is written, defaults included: a changed default must not change what an old line says. Token
log-probabilities of minus infinity become null, as JSON has no infinity.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import json
import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import orjson

from environments.contracts import JSON, Action, Observation, Timing
from memory.contracts import RecordError
from memory.trajectory import (
    Completion,
    Image,
    Message,
    Observed,
    Part,
    Recalled,
    RecalledItem,
    Step,
    Text,
    ToolCall,
    Trajectory,
)

__all__ = [
    "OBSERVATION_KINDS",
    "Content",
    "PlainObservation",
    "References",
    "dump",
    "item_body",
    "message_body",
    "name_of",
    "observation_body",
    "parse",
    "plain",
    "read",
    "read_completion",
    "read_item",
    "read_message",
    "read_observation",
    "read_step",
    "sent_text",
    "step_body",
    "trajectory_json",
]

OBSERVATION_KINDS: Mapping[str, str] = MappingProxyType(
    {"text": "environments.text:TextObservation", "web": "environments.web.outline:WebObservation"}
)
"""For each `kind` that can be rebuilt, the dataclass whose `from_json` does it. Imported when it is needed."""

Record = TypeVar("Record")
Content = Observation | Message | RecalledItem
Blobs = Callable[[str, str], bytes | None]
"""Finds the bytes of a digest and a media type; None where the study was copied without its blobs."""


class References(Protocol):
    """Where bodies are kept while a trajectory is written: each method stores its argument once and names it."""

    def observation(self, observation: Observation) -> str: ...
    def item(self, item: RecalledItem) -> str: ...
    def message(self, message: Message) -> str: ...
    def blob(self, data: bytes, *, media_type: str) -> str: ...


@dataclass(frozen=True, slots=True)
class PlainObservation:
    """An observation of a kind that this installation cannot rebuild: its stored text and its stored structure."""

    text: str
    fingerprint: str
    data: Mapping[str, JSON] = field(default_factory=dict)
    screenshot: bytes | None = field(default=None, repr=False)

    def render(self, *, max_tokens: int = 4000, against: Observation | None = None) -> str:
        """The stored text, or the lines that differ from `against`; cut at four characters a token, and said so."""
        text = self.text
        if against is not None:
            lines = difflib.unified_diff(against.render().splitlines(), text.splitlines(), n=0, lineterm="")
            text = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@"))) or "(no change)"
        room = 4 * max_tokens
        return text if len(text) <= room else f"{text[:room]}\n… {len(text) - room} characters left out"

    def to_json(self) -> dict[str, JSON]:
        """The structure as it was stored."""
        return dict(self.data)


# Bytes -----------------------------------------------------------------------------------------------------------


def dump(value: JSON, *, default: Callable[[object], JSON] | None = None) -> bytes:
    """One line of JSON without a newline. Lone surrogates, which pages do contain, are kept as escapes.

    Args:
        value: JSON values and records.
        default: How a record becomes JSON; field by field when left out.

    Raises:
        RecordError: the value holds something that is neither JSON nor one of our records.
    """
    options = orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_PASSTHROUGH_DATACLASS if default else 0)
    convert = default or _foreign
    try:
        return orjson.dumps(value, default=convert, option=options)
    except TypeError:  # orjson refuses lone surrogates and integers above 64 bits, the standard library takes both
        pass
    try:
        return json.dumps(value, default=convert, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        raise RecordError(f"cannot write {_excerpt(value)} as JSON: {error}; give plain JSON values") from error


def parse(line: bytes) -> JSON:
    """The value of one line.

    Raises:
        ValueError: the line is not JSON.
    """
    if not _LONG_NUMBER.search(line):  # orjson turns integers beyond 64 bits into floats
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            pass  # the standard library takes lone surrogates
    return json.loads(line)


_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def _foreign(value: object) -> JSON:
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} {_excerpt(value)}")


def _fields(record: Any, *, left_out: Sequence[str] = ()) -> dict[str, JSON]:
    return {f.name: getattr(record, f.name) for f in fields(record) if f.name not in left_out}


def _excerpt(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


def name_of(body: JSON) -> str:
    """The first 80 bits of the body's SHA-256, in hex. Within one trajectory two bodies will not share it."""
    return hashlib.sha256(dump(body)).hexdigest()[:20]


def plain(record: object) -> JSON:
    """A record without observations as plain JSON values."""
    return parse(dump(record))


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def read(kind: type[Record], data: JSON) -> Record:
    """A record of `kind` from its JSON, checked.

    Raises:
        RecordError: the data does not have that shape.
    """
    try:
        return cast(Record, _adapter(cast(Hashable, kind)).validate_python(data))
    except ValueError as error:
        raise RecordError(f"expected a {kind.__name__}, got {_excerpt(data)}: {error}") from error


# Observations and items ------------------------------------------------------------------------------------------


def observation_body(observation: Observation, *, screenshot: JSON) -> JSON:
    """Structure, fingerprint and where the screenshot is; the text too where the kind cannot be rebuilt."""
    data = observation.to_json()
    body = {"data": data, "fingerprint": observation.fingerprint, "screenshot": screenshot}
    if data.get("kind") not in OBSERVATION_KINDS:
        body["text"] = observation.render()
    return body


def read_observation(body: JSON, *, screenshot: bytes | None = None) -> Observation:
    """The observation of a stored body, a `PlainObservation` where its kind is unknown."""
    data = body["data"]
    place = OBSERVATION_KINDS.get(data.get("kind"))
    if place is None:
        return PlainObservation(
            text=body.get("text", ""), fingerprint=body["fingerprint"], data=data, screenshot=screenshot
        )
    module, name = place.split(":")
    rebuilt = getattr(importlib.import_module(module), name).from_json(data)
    return cast(Observation, rebuilt if screenshot is None else replace(rebuilt, screenshot=screenshot))


def item_body(item: RecalledItem) -> JSON:
    """A memory item without its score, which differs from one recall to the next."""
    return {"id": item.id, "version": item.version, "kind": item.kind, "text": item.text, "data": item.data}


def read_item(body: JSON) -> RecalledItem:
    """The item of a stored body, with a score of 0."""
    return read(RecalledItem, body)


def _item_references(items: Sequence[RecalledItem], to: References) -> JSON:
    return [[to.item(item), item.id, item.version, item.score] for item in items]


def _items(stored: JSON, contents: Mapping[str, Content]) -> tuple[RecalledItem, ...]:
    found = []
    for name, _, _, score in stored:
        item = _known(name, contents, RecalledItem)
        found.append(RecalledItem(item.id, item.version, item.kind, item.text, item.data, score))
    return tuple(found)


# Messages --------------------------------------------------------------------------------------------------------


def message_body(message: Message, to: References) -> JSON:
    """A message with references in place of observations, items and pictures, which are stored on the way."""
    return {
        "role": message.role,
        "parts": [_part_body(part, to) for part in message.parts],
        "tool_calls": plain(message.tool_calls),
        "tool_call_id": message.tool_call_id,
    }


def _part_body(part: Part, to: References) -> JSON:
    match part:
        case Text():
            return {"type": "text", "text": part.text, "purpose": part.purpose}
        case Image():
            sha256 = part.sha256 if part.data is None else to.blob(part.data, media_type=part.media_type)
            return {"type": "image", "sha256": sha256, "media_type": part.media_type}
        case Observed():
            return {
                "type": "observed",
                "observation": to.observation(part.observation),
                "against": None if part.against is None else to.observation(part.against),
                "max_tokens": part.max_tokens,
                "text": part.text,
            }
        case Recalled():
            return {"type": "recalled", "items": _item_references(part.items, to)}


def read_message(body: JSON, contents: Mapping[str, Content], *, blob: Blobs) -> Message:
    """The message of a stored body; what it refers to is found in `contents`, its pictures with `blob`."""
    parts = tuple(_part(stored, contents, blob) for stored in body["parts"])
    calls = tuple(read(ToolCall, call) for call in body["tool_calls"])
    return Message(body["role"], parts, calls, body["tool_call_id"])


def _part(stored: JSON, contents: Mapping[str, Content], blob: Blobs) -> Part:
    match stored["type"]:
        case "text":
            return Text(stored["text"], stored["purpose"])
        case "image":
            sha256, media_type = stored["sha256"], stored["media_type"]
            return Image(sha256, media_type, blob(sha256, media_type))
        case "observed":
            against = stored["against"]
            return Observed(
                _seen(stored["observation"], contents),
                None if against is None else _seen(against, contents),
                stored["max_tokens"],
                stored["text"],
            )
        case "recalled":
            return Recalled(_items(stored["items"], contents))
        case other:
            raise RecordError(f"message part of type {other!r}; expected text, image, observed or recalled")


def _seen(name: str, contents: Mapping[str, Content]) -> Observation:
    return _known(name, contents, Observation)  # type: ignore[type-abstract]


def _known(name: str, contents: Mapping[str, Content], kind: type[Record]) -> Record:
    found = contents.get(name)
    if found is None:
        raise RecordError(f"{kind.__name__.lower()} {name!r} is referred to before it was written; lines are missing")
    return cast(Record, found)


# Steps and trajectories ------------------------------------------------------------------------------------------

# Fields of a step that are stored as they are; the others are references.
_AS_THEY_ARE = ("action", "error", "changed", "terminated", "truncated", "timing", "model_s", "memory_s")


def step_body(step: Step, to: References) -> JSON:
    """A step with references to its observation, messages and recalled items, and with its usage summed."""
    return {
        "index": step.index,
        "observation": to.observation(step.observation),
        "messages": [to.message(message) for message in step.messages],
        "completions": plain(step.completions),
        "recalled": _item_references(step.recalled, to),
        "usage": plain(step.usage),
        **{name: plain(getattr(step, name)) for name in _AS_THEY_ARE},
    }


def read_step(body: JSON, contents: Mapping[str, Content]) -> Step:
    """The step of a stored body; what it refers to is found in `contents`."""
    return Step(
        index=body["index"],
        observation=_seen(body["observation"], contents),
        messages=tuple(_known(name, contents, Message) for name in body["messages"]),
        completions=tuple(read_completion(stored) for stored in body["completions"]),
        action=None if body["action"] is None else read(Action, body["action"]),
        error=body["error"],
        changed=body["changed"],
        terminated=body["terminated"],
        truncated=body["truncated"],
        recalled=_items(body["recalled"], contents),
        timing=read(Timing, body["timing"]),
        model_s=body["model_s"],
        memory_s=body["memory_s"],
    )


def read_completion(stored: JSON) -> Completion:
    """The completion of a stored body; JSON has no infinity, so a missing log-probability is minus infinity."""

    def finite(value: float | None) -> float:
        return -math.inf if value is None else value

    logprobs = [
        {**token, "logprob": finite(token["logprob"]), "top": [(word, finite(value)) for word, value in token["top"]]}
        for token in stored["logprobs"]
    ]
    return read(Completion, {**stored, "logprobs": logprobs})


def trajectory_json(trajectory: Trajectory, *, messages: bool = False) -> JSON:
    """A whole trajectory as JSON with everything in place, for scripts; what was sent only when asked for."""

    def told(value: object) -> JSON:
        match value:
            case Trajectory():
                return {**_fields(value), "stop": value.stop}
            case Step():
                left_out = () if messages else ("messages",)
                return {**_fields(value, left_out=left_out), "usage": value.usage}
            case Observed():
                return {"observed": sent_text(value)}
            case Image():
                return _fields(value, left_out=("data",))
            case Observation():
                return value.to_json()
            case _:
                return _foreign(value)

    return parse(dump(trajectory, default=told))


def sent_text(part: Observed) -> str:
    """What a model reads of an observation. Rendered once and then kept in the part: a conversation is sent again and
    again, and the log is to have the text that was sent.
    """
    if part.text is None:
        text = part.observation.render(max_tokens=part.max_tokens, against=part.against)
        object.__setattr__(part, "text", text)  # a memo, which equality does not see
        return text
    return part.text
