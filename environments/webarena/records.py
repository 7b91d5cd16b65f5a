"""Tasks in the record formats of WebArena, VisualWebArena and WebArena-Verified.

A file holds one JSON list of records, or one record a line; a folder holds one record a file (`0.json`, `1.json`, as
the benchmark's own script writes them). They differ in this:
- WebArena: one `start_url`, whose several pages are joined by ` |AND| `; `eval` is an object; login by `storage_state`.
- VisualWebArena: as WebArena, with pictures in the task (`image`) and further kinds of reference.
- WebArena-Verified: a list `start_urls`; `eval` is a list of evaluators; nothing of login.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from environments.contracts import JSON, Split
from sandbox import AgentkitError

__all__ = ["Record", "RecordRefused", "parse_record", "read_records"]

AND = " |AND| "
SITES = ("shopping", "shopping_admin", "reddit", "gitlab", "wikipedia", "map", "homepage", "classifieds")
SPLITS = ("training", "validation", "heldout")
KINDS = ("string_match", "url_match", "program_html", "page_image_query")
EVALUATORS = ("AgentResponseEvaluator", "NetworkEventEvaluator")

Format = Literal["webarena", "visual", "verified"]


class RecordRefused(AgentkitError, ValueError):
    """A record that cannot be read, with where it stands and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One task as published. Its addresses still hold placeholders such as `__SHOPPING__`."""

    task_id: str
    format: Format
    sites: tuple[str, ...]
    start_urls: tuple[str, ...]
    intent: str
    template: str
    """The number of the template that the task was made from."""
    evaluation: JSON = field(repr=False)
    """What is right: an object, or WebArena-Verified's list of evaluators. Not for agents."""
    storage_state: str | None = None
    """A file of cookies, relative to the folder that the benchmark is run in; None for tasks without a login."""
    require_login: bool = True
    require_reset: bool = False
    geolocation: Mapping[str, float] | None = None
    images: tuple[str, ...] = ()
    split: Split = "heldout"
    """A public benchmark is for measuring, so a record that says nothing is held out."""

    @property
    def writes(self) -> bool:
        """Whether doing the task may change a site: it is graded by what pages hold, or as a mutation."""
        if self.format == "verified":
            return any(one["expected"].get("task_type", "").lower() == "mutate" for one in self.evaluation)
        return "program_html" in self.evaluation["eval_types"]


def read_records(path: Path) -> list[Record]:
    """The records of a file or a folder, in the order of their numbers.

    Raises:
        RecordRefused: one cannot be read, or two have the same number.
    """
    records = [parse_record(raw, where=where) for where, raw in _raw(path)]
    numbers = [record.task_id for record in records]
    if twice := next((number for number in numbers if numbers.count(number) > 1), None):
        raise RecordRefused(f"{path}: two records have the task_id {twice}")
    return sorted(records, key=lambda record: (not record.task_id.isdigit(), record.task_id.zfill(9)))


def parse_record(raw: JSON, *, where: str = "record") -> Record:
    """Read one record, whichever of the three formats it is in.

    Raises:
        RecordRefused: a field is missing or wrong.
    """
    if not isinstance(raw, dict):
        raise RecordRefused(f"{where}: got {type(raw).__name__}, expected an object with task_id, intent and eval")
    lacking = [name for name in ("task_id", "sites", "intent", "eval") if name not in raw]
    if lacking or not ("start_url" in raw or "start_urls" in raw):
        raise RecordRefused(f"{where}: lacks {', '.join(lacking) or 'start_url'}; see environments/webarena/records.py")
    if unknown := [site for site in raw["sites"] if site not in SITES]:
        raise RecordRefused(f"{where}: site {unknown[0]!r}: expected one of {', '.join(SITES)}")
    form = _format(raw)
    _check_evaluation(raw["eval"], form, where)
    image = raw.get("image") or ()
    return Record(
        task_id=str(raw["task_id"]),
        format=form,
        sites=tuple(raw["sites"]),
        start_urls=tuple(raw["start_urls"] if form == "verified" else raw["start_url"].split(AND)),
        intent=raw["intent"],
        template=str(raw.get("intent_template_id", raw["task_id"])),
        evaluation=raw["eval"],
        storage_state=raw.get("storage_state"),
        require_login=bool(raw.get("require_login", True)),
        require_reset=bool(raw.get("require_reset", False)),
        geolocation=raw.get("geolocation"),
        images=(image,) if isinstance(image, str) else tuple(image),
        split=_split(raw.get("split", "heldout"), where),
    )


def _format(raw: Mapping[str, JSON]) -> Format:
    if isinstance(raw["eval"], list):
        return "verified"
    return "visual" if "image" in raw or "visual_difficulty" in raw else "webarena"


def _split(value: JSON, where: str) -> Split:
    if value not in SPLITS:
        raise RecordRefused(f"{where}: split {value!r}: expected one of {', '.join(SPLITS)}")
    return cast(Split, value)


def _check_evaluation(evaluation: JSON, form: Format, where: str) -> None:
    known: tuple[str, ...]
    if form == "verified":
        named, known = [one.get("evaluator") for one in evaluation], EVALUATORS
    elif isinstance(evaluation, dict) and isinstance(evaluation.get("eval_types"), list):
        named, known = evaluation["eval_types"], KINDS
    else:
        raise RecordRefused(f"{where}: eval: expected an object with eval_types, or a list of evaluators")
    if unknown := [one for one in named if one not in known]:
        raise RecordRefused(f"{where}: eval: {unknown[0]!r}: expected one of {', '.join(known)}")


def _raw(path: Path) -> Iterator[tuple[str, JSON]]:
    files: Sequence[Path] = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if path.is_dir() and not files:
        raise RecordRefused(f"{path}: no *.json in this folder; expected a record a file")
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecordRefused(f"{file}: cannot be read: {error}") from None
        for place, raw in _parsed(file, text):
            for number, one in enumerate(raw) if isinstance(raw, list) else [(0, raw)]:
                yield f"{place}, record {number}" if isinstance(raw, list) else place, one


def _parsed(file: Path, text: str) -> Iterator[tuple[str, JSON]]:
    """The file as one value; where it is none, each line as one."""
    try:
        yield file.name, json.loads(text)
        return
    except ValueError as error:
        if file.suffix != ".jsonl":
            raise RecordRefused(f"{file.name} is not JSON: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield f"{file.name}, line {number}", json.loads(line)
            except ValueError as error:
                raise RecordRefused(f"{file.name}, line {number} is not JSON: {error}") from None
