"""Writing a study's log as the work happens; `memory.study` says what the lines are and reads them.

What survives: each line reaches the operating system in one write before the call returns, so `kill -9` loses at most
the step in flight. A power cut may lose more: the file and the trajectory's pictures are forced to disk when a
trajectory ends, so it loses at most the trajectories that had not ended.

One process writes a study, held by a lock on `DIR/log.lock` that the system releases when the process dies. Within it
several trajectories are written at the same time, each by its own `Recorder`:

    with StudyLog.open(path, config=config, seed=0, versions=versions, created=now) as log:
        recorder = log.recorder("miniwob/click-test/0")
        recorder.begin(task, seed=0, agent="react", model="pilot")
        recorder.attempt(0, goal=episode.goal, site=episode.site)
        recorder.step(step)
        recorder.attempt_end(stop=StopReason.TERMINATED)
        recorder.end(score=score, usage=usage, wall_s=3.2)
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from environments.contracts import JSON, Observation, Score, StopReason, Task
from memory.contracts import RecordError
from memory.records import (
    dump,
    item_body,
    message_body,
    name_of,
    observation_body,
    step_body,
)
from memory.study import LOG_NAME, SCHEMA, blob_path, load_trajectory, read_study
from memory.trajectory import Message, Note, RecalledItem, Step, Usage

__all__ = ["Recorder", "StudyLog", "load_trajectory", "masked", "read_study"]


class StudyLog:
    """The one writer of a study. Open it with `StudyLog.open` and close it, or use it in a `with`."""

    def __init__(self, path: Path, *, lock: int, file: int, finished: set[str], clock: Callable[[], float]) -> None:
        self.path = path
        self._lock, self._file, self._clock = lock, file, clock
        self._size = os.fstat(file).st_size
        self._finished, self._active = finished, set[str]()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        config: Mapping[str, JSON],
        seed: int,
        versions: Mapping[str, str],
        created: str,
        id: str = "",
        commit: str = "",
        resume: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> StudyLog:
        """Begin the study in folder `path`, or go on with it, and write the line of this session.

        Args:
            path: The study's folder; made when it is not there.
            config: What was asked for, as JSON. What looks like a key or a password is masked.
            seed: The study's seed.
            versions: Package names and their versions.
            created: Now, in ISO 8601.
            id: The study's name; its folder's name when left out.
            commit: The revision of the program, when known.
            resume: Go on with a study that is there. A torn last line is cut off.
            clock: Seconds since 1970, for the times in the lines.

        Raises:
            RecordError: another process writes it, there is one already and `resume` is off, or it cannot be read.
        """
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        lock = _lock(path / "log.lock")
        try:
            finished = _reopen(path / LOG_NAME, resume=resume)
            file = os.open(path / LOG_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except BaseException:
            os.close(lock)
            raise
        log = cls(path, lock=lock, file=file, finished=finished, clock=clock)
        session = {"id": id or path.resolve().name, "config": masked(config), "versions": dict(versions)}
        log.append("study", {**session, "commit": commit, "seed": seed, "created": created}, durable=True)
        _sync(path)
        return log

    @property
    def finished(self) -> frozenset[str]:
        """Ids of the trajectories that need no more work."""
        return frozenset(self._finished)

    def recorder(self, id: str) -> Recorder:
        """The writer of one trajectory; `id` is `suite/task/seed`, with `#k` for the k-th repetition."""
        return Recorder(self, id)

    def append(self, kind: str, fields: Mapping[str, JSON], *, durable: bool = False) -> None:
        """Write one line, whole or not at all, and force the file to disk when `durable`.

        Raises:
            RecordError: the line cannot be written (disk full, log closed); the file is as before.
        """
        left = dump({"schema": SCHEMA, "kind": kind, **fields}) + b"\n"
        size = len(left)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            if durable:
                os.fsync(self._file)
        except OSError as error:
            if self._file >= 0:
                os.ftruncate(self._file, self._size)
            raise RecordError(f"cannot write to {self.path / LOG_NAME}: {error}; free some space and resume") from error
        self._size += size

    def enter(self, id: str) -> None:
        """Reserve a trajectory for its recorder.

        Raises:
            RecordError: it is finished, or another recorder has it.
        """
        if id in self._finished or id in self._active:
            state = "finished" if id in self._finished else "being written"
            raise RecordError(f"trajectory {id!r} is {state} in {self.path}; leave it out, or number it: '{id}#1'")
        self._active.add(id)

    def leave(self, id: str, *, finished: bool) -> None:
        """Give a trajectory back, with its verdict or without."""
        self._active.discard(id)
        if finished:
            self._finished.add(id)

    def now(self) -> float:
        """Seconds since 1970, to the millisecond."""
        return round(self._clock(), 3)

    def close(self) -> None:
        """Force the file to disk and let another process write. Closing twice does nothing."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            os.close(self._lock)
            self._file = -1

    def __enter__(self) -> StudyLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Recorder:
    """Writes one trajectory, line by line. Notes and steps belong to the attempt that was begun last."""

    def __init__(self, log: StudyLog, id: str) -> None:
        self.id = id
        self._log, self._bodies = log, _Bodies(log, id)
        self._attempts, self._steps = 0, 0
        self._stop: StopReason | None = None

    def begin(self, task: Task, *, seed: int, agent: str, model: str, feedback: str = "none") -> None:
        """Say what is tried, by whom. An unfinished trajectory of the same id, from a run that crashed, is replaced."""
        self._log.enter(self.id)
        self._write(
            "begin",
            task_id=task.id,
            family=task.family,
            suite=task.suite,
            split=task.split,
            seed=seed,
            agent=agent,
            model=model,
            feedback=feedback,
            at=self._log.now(),
        )

    def attempt(self, index: int, *, goal: str, site: str = "") -> None:
        """An episode starts."""
        self._attempts += 1
        self._stop = None
        self._write("attempt", index=index, goal=goal, site=site, at=self._log.now())

    def step(self, step: Step) -> None:
        """A step is done."""
        self._steps += 1
        self._write("step", body=step_body(step, self._bodies))

    def note(self, note: Note) -> None:
        """Something was said about the latest attempt; allowed after its end too."""
        self._write("note", body=note)

    def attempt_end(
        self,
        *,
        stop: StopReason,
        detail: str = "",
        answer: str | None = None,
        score: Score | None = None,
        final: Observation | None = None,
    ) -> None:
        """The episode is over; `score` is the evaluation that the agent was shown, never the hidden verdict."""
        self._stop = stop
        self._write(
            "attempt_end",
            stop=stop,
            detail=masked(detail),
            answer=answer,
            score=score,
            final=None if final is None else self._bodies.observation(final),
        )
        self._bodies.forget()

    def end(self, *, score: Score | None, usage: Usage, wall_s: float, uses_gold: bool = False) -> None:
        """The trajectory is over, with its verdict; on disk when this returns.

        A trajectory whose last attempt was interrupted counts as unfinished and may be begun again.
        """
        self._bodies.force_to_disk()
        verdict = {"score": score, "usage": usage, "wall_s": wall_s, "uses_gold": uses_gold}
        counts = {"stop": self._stop, "attempts": self._attempts, "steps": self._steps}
        fields = {"trajectory": self.id, **verdict, **counts, "at": self._log.now()}
        self._log.append("end", fields, durable=True)
        self._log.leave(self.id, finished=self._stop is not StopReason.INTERRUPTED)

    def abandon(self) -> None:
        """Give the trajectory up without a verdict: it stays unfinished, and may be begun again."""
        self._log.leave(self.id, finished=False)

    def _write(self, kind: str, **fields: JSON) -> None:
        self._log.append(kind, {"trajectory": self.id, **fields})


class _Bodies:
    """Writes each distinct observation, item and message of a trajectory once, before it is first referred to."""

    def __init__(self, log: StudyLog, id: str) -> None:
        self._log, self._id = log, id
        self._written: set[str] = set()
        self._pictures: list[Path] = []
        # By identity, as hashing a page takes longer than looking it up. The object is kept, so its id stays its own.
        self._named: dict[int, tuple[object, str]] = {}

    def observation(self, observation: Observation) -> str:
        return self._refer("observation", observation, lambda: self._observation_body(observation))

    def item(self, item: RecalledItem) -> str:
        return self._refer("item", item, lambda: item_body(item))

    def message(self, message: Message) -> str:
        return self._refer("message", message, lambda: message_body(message, self))

    def blob(self, data: bytes, *, media_type: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        file = blob_path(self._log.path, sha256, media_type=media_type)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".part")
            unfinished.write_bytes(data)
            unfinished.rename(file)
        self._pictures.append(file)
        return sha256

    def forget(self) -> None:
        """Let go of the objects of an attempt; what was written stays known."""
        self._named.clear()

    def force_to_disk(self) -> None:
        """Force the trajectory's pictures and their folders to disk."""
        for file in self._pictures:
            _sync(file)
        for folder in {file.parent for file in self._pictures}:
            _sync(folder)
            _sync(folder.parent)
        self._pictures.clear()

    def _observation_body(self, observation: Observation) -> JSON:
        data = observation.screenshot
        if data is None:
            return observation_body(observation, screenshot=None)
        media_type = "image/jpeg" if data.startswith(b"\xff\xd8") else "image/png"
        picture = {"sha256": self.blob(data, media_type=media_type), "media_type": media_type}
        return observation_body(observation, screenshot=picture)

    def _refer(self, kind: str, record: object, body: Callable[[], JSON]) -> str:
        if (known := self._named.get(id(record))) is not None:
            return known[1]
        content = body()
        name = name_of([kind, content])
        if name not in self._written:
            self._log.append(kind, {"trajectory": self._id, "id": name, "body": content})
            self._written.add(name)
        self._named[id(record)] = (record, name)
        return name


# Opening ---------------------------------------------------------------------------------------------------------


def _lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = path.read_text().strip() or "unknown"
        os.close(lock)
        raise RecordError(
            f"the study in {path.parent} is being written by process {holder}; wait for it, or give another folder"
        ) from error
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _reopen(path: Path, *, resume: bool) -> set[str]:
    if not path.exists() or path.stat().st_size == 0:
        return set()
    if not resume:
        raise RecordError(f"{path.parent} holds a study already; resume it, or give another folder")
    return set(read_study(path.parent).finished) if _cut_torn_line(path) else set()


def _cut_torn_line(path: Path) -> int:
    """Cut off what follows the last newline, and return the size that is left, in bytes."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        file.truncate(end)
    return end


def _sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Secrets ---------------------------------------------------------------------------------------------------------

_SECRET_NAME = re.compile(r"(?i)(^|[_\-.])(api_?key|key|token|secret|password|passwd|authorization|credentials?)$")
_SECRET_TEXT = re.compile(
    r"""(?x)
    \b(?: sk|pk|rk )-[A-Za-z0-9_\-]{16,}     # OpenAI, Anthropic, OpenRouter and their like
    | \b(?: hf_|gsk_|r8_|xai-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|nvapi- )[A-Za-z0-9_\-]{16,}
    | \bAKIA[0-9A-Z]{16}\b                       # AWS
    | \bAIza[A-Za-z0-9_\-]{35}                   # Google
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-.]{10,}   # JSON web tokens
    | (?<=Bearer\s)\S+
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)            # user and password in an address
    """
)
MASK = "[masked]"


def masked(value: JSON, *, name: str = "") -> JSON:
    """The same JSON with whatever looks like a key, a token or a password replaced, by its name or by its form."""
    if isinstance(value, str):
        return MASK if value and _SECRET_NAME.search(name) else _SECRET_TEXT.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: masked(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner, name=name) for inner in value]
    return value
