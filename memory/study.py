"""Reading a study's log: `DIR/log.jsonl`, one JSON object a line, and `DIR/blobs/ab/abcdef….png`.

    study        one per session (the start and each resume): id, config, versions, commit, seed, created
    begin        a trajectory starts; a second `begin` of the same id replaces an unfinished first one
    attempt      index, goal, site
    observation  \
    item          bodies, each distinct one written once in its trajectory, before the first line that refers to it
    message      /
    step         as `memory.trajectory.Step`, by reference
    note         about the latest attempt; one of kind `evaluation` brings the score that the agent was shown
    attempt_end  stop, detail, answer, that score when it is known by then, the last observation
    end          the hidden verdict, usage, wall_s, uses_gold, and counts for summaries

Every line carries `schema` and `kind`. What follows the last newline was torn by a crash and is left out. The file may
be read while another process writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from environments.contracts import JSON, Observation, Score, StopReason
from memory.contracts import RecordError
from memory.records import (
    Content,
    dump,
    parse,
    read,
    read_item,
    read_message,
    read_observation,
    read_step,
)
from memory.trajectory import NOTHING_USED, Attempt, Note, Step, Trajectory, Usage

__all__ = [
    "LOG_NAME",
    "MIGRATIONS",
    "SCHEMA",
    "Session",
    "Study",
    "Summary",
    "blob_path",
    "load_trajectory",
    "read_study",
    "upgrade",
]

LOG_NAME = "log.jsonl"

Migration = tuple[str, Callable[[dict[str, JSON]], dict[str, JSON]]]

MIGRATIONS: tuple[Migration, ...] = ()
"""Append only. Entry i has a name and turns a line of schema i + 1 into one of schema i + 2."""

SCHEMA = 1 + len(MIGRATIONS)


def upgrade(line: dict[str, JSON], migrations: Sequence[Migration] = MIGRATIONS) -> dict[str, JSON]:
    """The line in the newest schema.

    Raises:
        RecordError: the line is newer than this program.
    """
    schema, newest = line["schema"], 1 + len(migrations)
    if not isinstance(schema, int) or not 1 <= schema <= newest:
        raise RecordError(
            f"log line has schema {schema!r}, this agentkit reads 1 to {newest}; install a newer agentkit"
        )
    for _, migrate in migrations[schema - 1 :]:
        line = migrate(line)
    return {**line, "schema": newest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One process that wrote to the study: the one that began it, or one that resumed it."""

    id: str
    config: Mapping[str, JSON]
    versions: Mapping[str, str]
    commit: str
    seed: int
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What reports need of one finished trajectory; read without decoding its steps."""

    id: str
    task_id: str
    family: str
    suite: str
    split: str
    seed: int
    agent: str
    model: str
    feedback: str = "none"
    stop: StopReason | None = None
    """Of the last attempt; None when a crash cut it short or there was none."""
    attempts: int = 0
    steps: int = 0
    """Over all attempts."""
    score: Score | None = None
    usage: Usage = NOTHING_USED
    wall_s: float = 0.0
    uses_gold: bool = False

    @property
    def success(self) -> bool:
        return self.score is not None and self.score.success

    @classmethod
    def of(cls, trajectory: Trajectory) -> Summary:
        """The summary of a trajectory in memory."""
        same = ("id", "task_id", "family", "suite", "split", "seed", "agent", "model")
        return cls(
            **{name: getattr(trajectory, name) for name in same},
            stop=trajectory.stop,
            attempts=len(trajectory.attempts),
            steps=sum(len(attempt.steps) for attempt in trajectory.attempts),
            score=trajectory.score,
            usage=trajectory.usage,
            wall_s=trajectory.wall_s,
            uses_gold=trajectory.uses_gold,
        )


class _Span(NamedTuple):
    """Where a trajectory lies in the file, as byte offsets of its first and its last line."""

    begin: int
    end: int | None
    """None while it is unfinished."""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A study's log, indexed. Trajectories are read from the file when asked for, one at a time."""

    path: Path
    sessions: tuple[Session, ...]
    _spans: Mapping[str, _Span] = field(repr=False)

    @property
    def id(self) -> str:
        return self.sessions[0].id

    @property
    def config(self) -> Mapping[str, JSON]:
        """As the study was begun; `sessions` has what each resume used."""
        return self.sessions[0].config

    @property
    def ids(self) -> tuple[str, ...]:
        """Every trajectory that was begun, in the order of the file."""
        return tuple(sorted(self._spans, key=lambda id: self._spans[id].begin))

    @property
    def finished(self) -> tuple[str, ...]:
        """Trajectories with a verdict line, less those that were interrupted; a resumed study leaves these alone."""
        return tuple(id for id in self.ids if self._spans[id].end is not None and not self._spans[id].interrupted)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Trajectories that were begun and then cut short or interrupted."""
        done = set(self.finished)
        return tuple(id for id in self.ids if id not in done)

    def trajectories(self) -> Iterator[Trajectory]:
        """Every finished trajectory, one in memory at a time."""
        for id in self.finished:
            yield self.load(id)

    def summaries(self) -> Iterator[Summary]:
        """One for each trajectory that has its verdict line, interrupted ones included."""
        with (self.path / LOG_NAME).open("rb") as file:
            for id in self.ids:
                span = self._spans[id]
                if span.end is not None:
                    yield read(Summary, {**_line_at(file, span.begin), **_line_at(file, span.end), "id": id})

    def load(self, id: str) -> Trajectory:
        """One trajectory, finished or not.

        Raises:
            RecordError: no such trajectory, or its lines are damaged.
        """
        span = self._spans.get(id)
        if span is None:
            raise RecordError(f"no trajectory {id!r} in {self.path}; it has {len(self._spans)}, listed by Study.ids")
        assembly = _Assembly(self.path)
        needle = dump(id) if id.isascii() else b""  # other spellings of one id exist outside ASCII only
        for offset, raw in _complete_lines(self.path, start=span.begin):
            if needle in raw:
                line = _decode(raw, self.path, offset)
                if line.get("trajectory") == id:
                    assembly.take(line)
            if offset == span.end:
                break
        return assembly.trajectory()


def read_study(path: Path | str) -> Study:
    """Index the log of the study in folder `path`. Reads the file once and decodes only first and last lines.

    Raises:
        RecordError: there is no study, a line is damaged, or it was written by a newer agentkit.
    """
    path = Path(path)
    sessions: list[Session] = []
    spans: dict[str, _Span] = {}
    for offset, raw in _complete_lines(path):
        if _INNER_LINE.match(raw):
            continue
        line = _decode(raw, path, offset)
        match line["kind"]:
            case "study":
                sessions.append(read(Session, line))
            case "begin":
                spans[line["trajectory"]] = _Span(offset, None)
            case "end":
                id = line["trajectory"]
                spans[id] = _Span(spans[id].begin, offset, line["stop"] == StopReason.INTERRUPTED.value)
    if not sessions:
        raise RecordError(f"{path / LOG_NAME} holds no study line; it is empty or not a study's log")
    return Study(path, tuple(sessions), spans)


def load_trajectory(path: Path | str, id: str) -> Trajectory:
    """The trajectory `id` of the study in folder `path`."""
    return read_study(path).load(id)


def blob_path(path: Path, sha256: str, *, media_type: str = "image/png") -> Path:
    """Where the study in folder `path` keeps the bytes with this digest."""
    suffix = "jpg" if media_type == "image/jpeg" else media_type.rpartition("/")[2]
    return path / "blobs" / sha256[:2] / f"{sha256}.{suffix}"


# Lines -----------------------------------------------------------------------------------------------------------

# A line of the present schema that the index can pass over without decoding it.
_INNER_LINE = re.compile(rb'\{"schema":%d,"kind":"(?!study"|begin"|end")' % SCHEMA)


def _complete_lines(path: Path, *, start: int = 0) -> Iterator[tuple[int, bytes]]:
    try:
        file = (path / LOG_NAME).open("rb")
    except FileNotFoundError as error:
        raise RecordError(f"no study in {path}: {LOG_NAME} is not there; give the folder of a run") from error
    with file:
        file.seek(start)
        offset = start
        for raw in file:
            if raw.endswith(b"\n"):
                yield offset, raw
            offset += len(raw)


def _line_at(file: IO[bytes], offset: int) -> dict[str, JSON]:
    file.seek(offset)
    return _decode(file.readline(), Path(file.name), offset)


def _decode(raw: bytes, path: Path, offset: int) -> dict[str, JSON]:
    try:
        line = parse(raw)
        return upgrade({"schema": line["schema"], "kind": line["kind"], **line})
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"damaged line at byte {offset} of {path}: {error!r}; restore the file or cut it") from error


class _Assembly:
    """Gathers the lines of one trajectory, in the order of the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._contents: dict[str, Content] = {}
        self._attempts: list[dict[str, JSON]] = []
        self._ends: dict[str, JSON] = {}

    def take(self, line: dict[str, JSON]) -> None:
        """Add one line.

        Raises:
            RecordError: the line refers to something that was not written, or is of an unknown kind.
        """
        match line["kind"]:
            case "begin" | "end":
                self._ends |= line
            case "observation":
                self._contents[line["id"]] = self._observation(line["body"])
            case "item":
                self._contents[line["id"]] = read_item(line["body"])
            case "message":
                self._contents[line["id"]] = read_message(line["body"], self._contents, blob=self._blob)
            case "attempt":
                self._attempts.append({**line, "steps": [], "notes": []})
            case "step":
                self._attempts[-1]["steps"].append(read_step(line["body"], self._contents))
            case "note":
                self._attempts[-1]["notes"].append(read(Note, line["body"]))
            case "attempt_end":
                self._attempts[-1] |= line
            case other:
                raise RecordError(f"log line of kind {other!r} in {self._path}; this agentkit does not know it")

    def trajectory(self) -> Trajectory:
        """What the lines so far say."""
        summary = read(Summary, {**self._ends, "id": self._ends["trajectory"], "attempts": 0})
        same = ("id", "task_id", "family", "suite", "split", "seed", "agent", "model")
        return Trajectory(
            **{name: getattr(summary, name) for name in same},
            attempts=tuple(self._attempt(line) for line in self._attempts),
            score=summary.score,
            usage=summary.usage,
            wall_s=summary.wall_s,
            uses_gold=summary.uses_gold,
        )

    def _attempt(self, line: dict[str, JSON]) -> Attempt:
        steps: Sequence[Step] = line["steps"]
        stop, score, final = line.get("stop"), line.get("score"), line.get("final")
        for note in line["notes"]:
            if note.kind == "evaluation" and score is None and note.data.keys() >= {"value", "success", "source"}:
                score = {**note.data, "reasons": note.text}
        return Attempt(
            index=line["index"],
            goal=line["goal"],
            site=line["site"],
            steps=tuple(steps),
            final=None if final is None else self._contents[final],  # type: ignore[arg-type]
            notes=tuple(line["notes"]),
            stop=None if stop is None else StopReason(stop),
            detail=line.get("detail", ""),
            answer=line.get("answer"),
            score=None if score is None else read(Score, score),
        )

    def _observation(self, body: JSON) -> Observation:
        picture = body["screenshot"]
        return read_observation(body, screenshot=None if picture is None else self._blob(**picture))

    def _blob(self, sha256: str, media_type: str) -> bytes | None:
        file = blob_path(self._path, sha256, media_type=media_type)
        if not file.exists():
            return None
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RecordError(f"{file} does not hold what its name says; restore it or delete it")
        return data
