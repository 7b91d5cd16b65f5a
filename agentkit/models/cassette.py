"""Replies recorded once and replayed byte for byte.

    model = Cassette(Path("tests/data/cassettes/login.jsonl"), model=ChatModel("gpt-4o-mini"), mode="auto")

A cassette is an append-only file with one line for each call: the whole request as a chat server would get it
(messages, tools, settings; pictures by their digest) and the completions as they came back. A request that was recorded
several times is replayed in that order. Keys and addresses are no part of a request, so they are never stored.

A process that is killed while it records loses at most the line in flight.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from agentkit.models.contracts import Model, ModelError, ModelUnavailable
from agentkit.models.render import Request, wire_messages, wire_tools
from environments.contracts import JSON, ToolSpec
from memory.contracts import RecordError
from memory.records import plain, read
from memory.trajectory import NOTHING_USED, Completion, Message

__all__ = ["CASSETTE_SCHEMA", "Cassette"]

CASSETTE_SCHEMA = 1
Mode = Literal["replay", "record", "auto"]
DIFF_LINES = 60


@dataclass(slots=True)
class Recording:
    """One line of the file."""

    request: JSON
    completions: list[Completion]


class Cassette:
    """See `agentkit.models.contracts.Model`."""

    def __init__(
        self, path: Path, *, model: Model | None = None, mode: Mode = "replay", screenshots: bool = False
    ) -> None:
        """Open a cassette.

        Args:
            path: The file; its folder is made when something is first recorded.
            model: Who is asked when something is recorded. `replay` needs none.
            mode: `replay` asks nobody; `record` asks for everything and needs a new file; `auto` replays what is there
                and records what is not.
            screenshots: Whether screenshots of observations are part of a request. Leave them out for a model that is
                not sent them, as pixels may differ where nothing else does.

        Raises:
            ModelUnavailable: the file is missing, broken, of a newer schema or in the way, or there is no model.
        """
        if mode != "replay" and model is None:
            raise ModelUnavailable(
                f"{path}: mode {mode!r} records, so it needs a model; give one, or use mode='replay'"
            )
        if mode == "record" and path.exists() and path.stat().st_size:
            raise ModelUnavailable(
                f"{path} is recorded already; remove it to record anew, or use mode='auto' to add to it"
            )
        self._path, self._model, self._mode, self._screenshots = path, model, mode, screenshots
        self._waiting: dict[str, list[Recording]] = defaultdict(list)
        self._heard: list[Recording] = []
        self._cut_to: int | None = None  # where the last whole line ends, when a cut-off one follows it
        self._recorded_name = ""
        if path.exists() or mode == "replay":
            self._load()

    @property
    def name(self) -> str:
        """The name of the model that was, or is, recorded."""
        return self._model.name if self._model else self._recorded_name or f"cassette:{self._path.name}"

    async def check(self) -> None:
        """Return when what is asked can be answered: always in `replay`, else when the model is reached."""
        if self._mode != "replay" and self._model:
            await self._model.check()

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

        Raises:
            ModelError: in `replay`, the request was not recorded, or not so often; with a diff against the nearest one.
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
        asked = canonical(request, model=self.name, screenshots=self._screenshots)
        waiting = self._waiting[_key(asked)]
        if waiting:
            return waiting.pop(0).completions
        if self._mode == "replay" or self._model is None:
            raise ModelError(self._not_recorded(asked), usage=NOTHING_USED)
        completions = await self._model.complete(request.messages, **request.settings)
        self._append(Recording(asked, completions))
        return completions

    # The file --------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise ModelUnavailable(
                f"{self._path} cannot be read ({error}); record it first, with mode='record'"
            ) from error
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._cut_to = whole
            warnings.warn(f"{self._path}: the last line is cut off and left out", stacklevel=3)
        for number, line in enumerate(data[:whole].splitlines(), 1):
            recording = self._read(line, number)
            self._waiting[_key(recording.request)].append(recording)
            self._heard.append(recording)
            self._recorded_name = self._recorded_name or recording.request["model"]

    def _read(self, line: bytes, number: int) -> Recording:
        try:
            record = json.loads(line)
            if record["schema"] != CASSETTE_SCHEMA:
                raise ValueError(f"schema {record['schema']!r}, expected {CASSETTE_SCHEMA}")
            return Recording(record["request"], [read(Completion, reply) for reply in record["completions"]])
        except (ValueError, KeyError, TypeError, RecordError) as error:
            raise ModelUnavailable(f"{self._path}, line {number}: {error!r}; remove the line or record anew") from error

    def _append(self, recording: Recording) -> None:
        completions = [plain(completion) for completion in recording.completions]
        record = {"schema": CASSETTE_SCHEMA, "request": recording.request, "completions": completions}
        line = json.dumps(record, sort_keys=True).encode("ascii") + b"\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            if self._cut_to is not None:
                file.truncate(self._cut_to)
                self._cut_to = None
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._heard.append(recording)

    # What to say when it is not there --------------------------------------------------------------------------------

    def _not_recorded(self, asked: JSON) -> str:
        again = sum(recording.request == asked for recording in self._heard)
        if again:
            return (
                f"{self._path}: this request was recorded {again} time{'' if again == 1 else 's'} and is asked once "
                "more; record it again with mode='auto'"
            )
        if not self._heard:
            return f"{self._path} is empty; record it with mode='record'"
        lines = _lines(asked)
        nearest = max(self._heard, key=lambda recording: len(set(lines) & set(_lines(recording.request))))
        diff = list(difflib.unified_diff(_lines(nearest.request), lines, "recorded", "asked", n=1, lineterm=""))
        rest = [f"... and {len(diff) - DIFF_LINES} lines more"] if len(diff) > DIFF_LINES else []
        shown = "\n".join([*diff[:DIFF_LINES], *rest])
        return (
            f"{self._path}: this request was not recorded; undo the change or record it with mode='auto'. Against the "
            f"nearest of {len(self._heard)} recorded requests:\n{shown}"
        )


def canonical(request: Request, *, model: str, screenshots: bool) -> JSON:
    """The whole request as JSON, pictures by their digest: equal requests give equal values."""
    settings = request.settings | {"tools": wire_tools(request.tools), "stop": list(request.stop)}
    settings["schema"] = request.schema.model_json_schema() if request.schema else None
    messages = wire_messages(request.messages, images=True if screenshots else None)
    for piece in _pictures(messages):
        head, _, data = piece["image_url"]["url"].partition(",")
        piece["image_url"] = {"url": f"{head},sha256:{hashlib.sha256(data.encode()).hexdigest()}"}
    value: JSON = json.loads(json.dumps({"model": model, "messages": messages, **settings}))
    return value


def _pictures(messages: Sequence[dict[str, JSON]]) -> Iterator[dict[str, JSON]]:
    for message in messages:
        if isinstance(message.get("content"), list):
            yield from (piece for piece in message["content"] if piece["type"] == "image_url")


def _key(request: JSON) -> str:
    return json.dumps(request, sort_keys=True)


def _lines(request: JSON) -> list[str]:
    """The request for people: sorted, indented, and texts broken at their own newlines."""
    return json.dumps(request, sort_keys=True, indent=1, ensure_ascii=False).replace("\\n", "\n").splitlines()
