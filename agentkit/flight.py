"""What a trajectory in flight was told so far, so that a killed one goes on at the step where it was.

An agent is a function of what its model, its memory and its environment tell it. The first two cost money or change, so
their answers are kept, one line each, before the agent sees them: `DIR/flight/NAME.jsonl`. When the study is resumed,
the agent starts again from the beginning; the same questions get the kept answers, nothing is asked or paid twice, and
the actions are taken again in a fresh environment. Each page is compared with the one in the log; what is asked after
the first that differs is a new question, and the trajectory says where that was. The file is deleted when the
trajectory ends.

Nothing of this knows a strategy, so it holds for every one, in whatever order it asks, in parallel too.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from pydantic import BaseModel

from agentkit.context import Recorder
from agentkit.models.contracts import Model
from environments.contracts import JSON, Observation, Score, StopReason, ToolSpec
from memory.contracts import Memory, Query
from memory.records import dump, parse, plain, read, read_completion
from memory.trajectory import (
    Attempt,
    Completion,
    Image,
    Message,
    Note,
    Observed,
    Part,
    Recalled,
    RecalledItem,
    Step,
    Text,
)

__all__ = ["Comparing", "Flight"]

SCHEMA = 1


class Flight:
    """The kept answers of one trajectory. Open it with `Flight.open`; `land` when the trajectory has ended."""

    def __init__(self, path: Path, file: IO[bytes], kept: dict[str, deque[JSON]]) -> None:
        self._path, self._file, self._kept = path, file, kept
        self.replayed = 0
        """Answers that were given again instead of being asked for."""

    @classmethod
    def open(cls, folder: Path, id: str) -> Flight:
        """Go on with the trajectory's file in `folder`, or begin one. A torn last line is cut off."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(id.encode()).hexdigest()[:24]}.jsonl"
        kept: dict[str, deque[JSON]] = defaultdict(deque)
        whole = 0
        for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            if raw.endswith(b"\n"):
                line = parse(raw)
                whole += len(raw)
                if line["schema"] == SCHEMA:
                    kept[line["question"]].append(line["answer"])
        file = path.open("ab")
        file.truncate(whole)
        return cls(path, file, kept)

    def model(self, model: Model, *, role: str = "actor") -> Model:
        """The model, asked only what was not answered before. `role` keeps actor and judge apart."""
        return _Replaying(self, model, role)

    def memory(self, memory: Memory) -> Memory:
        """The memory, asked only what was not answered before."""
        return _Remembering(self, memory)

    def answer(self, question: str) -> JSON:
        """The next kept answer to a question, None where there is none."""
        answers = self._kept.get(question)
        if not answers:
            return None
        self.replayed += 1
        return answers.popleft()

    def keep(self, question: str, answer: JSON) -> None:
        """Write an answer down before the agent sees it; it survives `kill -9`."""
        self._file.write(dump({"schema": SCHEMA, "question": question, "answer": answer}) + b"\n")
        self._file.flush()

    def land(self) -> None:
        """The trajectory has ended and is in the log: forget its answers."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the file for a resume. May be called twice."""
        self._file.close()

    def __enter__(self) -> Flight:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Replaying:
    """A model whose earlier replies are given again."""

    def __init__(self, flight: Flight, model: Model, role: str) -> None:
        self._flight, self._model, self._role = flight, model, role

    @property
    def name(self) -> str:
        return self._model.name

    async def check(self) -> None:
        """See `Model.check`."""
        await self._model.check()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: type[BaseModel] | None = None,
        **options: Any,
    ) -> list[Completion]:
        """See `Model.complete`."""
        asked = [[[said(part) for part in message.parts], plain(message.tool_calls)] for message in messages]
        wanted = [self._role, self._model.name, asked, [tool.name for tool in tools], schema and schema.__name__]
        question = name(["completion", *wanted, sorted(options.items())])
        kept = self._flight.answer(question)
        if kept is not None:
            return [read_completion(one) for one in kept]
        completions = await self._model.complete(messages, tools=tools, schema=schema, **options)
        self._flight.keep(question, plain(completions))
        return completions


class _Remembering:
    """A memory whose earlier answers are given again, whatever it has learnt since."""

    def __init__(self, flight: Flight, memory: Memory) -> None:
        self._flight, self._memory = flight, memory

    async def recall(self, query: Query) -> tuple[RecalledItem, ...]:
        """See `Memory.recall`."""
        question = name(["recall", plain(query)])
        kept = self._flight.answer(question)
        if kept is not None:
            return tuple(read(RecalledItem, item) for item in kept)
        items = await self._memory.recall(query)
        self._flight.keep(question, plain(items))
        return items


def name(question: JSON) -> str:
    """A short name for a question: equal questions have equal names."""
    return hashlib.sha256(dump(question)).hexdigest()[:32]


def said(part: Part) -> JSON:
    """A message's part as far as it decides the answer; a page by its fingerprint, as rendering it takes longer."""
    match part:
        case Text():
            return ["text", part.text]
        case Observed():
            before = part.against.fingerprint if part.against else None
            return ["page", part.observation.fingerprint, before, part.max_tokens]
        case Recalled():
            return ["recalled", [[item.id, item.version] for item in part.items]]
        case Image():
            return ["image", part.sha256]


class Comparing:
    """A recorder that compares each page with the one that the killed run saw at the same place, and notes the result.

    `before` are the attempts of the killed run, from the log.
    """

    def __init__(self, recorder: Recorder, before: Sequence[Attempt]) -> None:
        self._recorder, self._before = recorder, before
        self._attempt, self._step, self._same = -1, 0, True
        self._left = sum(len(attempt.steps) for attempt in before)

    def attempt(self, index: int, *, goal: str, site: str = "") -> None:
        """See `Recorder.attempt`."""
        self._attempt, self._step = self._attempt + 1, 0
        self._recorder.attempt(index, goal=goal, site=site)

    def step(self, step: Step) -> None:
        """See `Recorder.step`."""
        if self._same and self._left:
            self._compare(step)
        self._recorder.step(step)
        self._step += 1

    def _compare(self, step: Step) -> None:
        steps = self._before[self._attempt].steps if self._attempt < len(self._before) else ()
        old = steps[self._step] if self._step < len(steps) else None
        self._left -= 1
        if old is None or (old.observation.fingerprint, old.action) != (step.observation.fingerprint, step.action):
            self._same = False
            where = f"attempt {self._attempt + 1}, step {self._step + 1}"
            text = f"resumed, but the run took another way from {where} on: the environment did not repeat itself"
            self.note(Note(kind="resume", text=text, data={"exact": False}))
        elif not self._left:
            count = sum(len(attempt.steps) for attempt in self._before)
            text = f"resumed after {count} steps, each page the same as before"
            self.note(Note(kind="resume", text=text, data={"exact": True}))

    def note(self, note: Note) -> None:
        """See `Recorder.note`."""
        self._recorder.note(note)

    def attempt_end(
        self,
        *,
        stop: StopReason,
        detail: str = "",
        answer: str | None = None,
        score: Score | None = None,
        final: Observation | None = None,
    ) -> None:
        """See `Recorder.attempt_end`."""
        self._recorder.attempt_end(stop=stop, detail=detail, answer=answer, score=score, final=final)
