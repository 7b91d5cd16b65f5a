"""A look over a library that changes nothing: is it whole, does the index follow, and what should a person look at?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from memory.contracts import RecordError
from memory.fold import Contents, fold
from memory.index import Index
from memory.journal import Reading, read_journal

__all__ = ["Finding", "audit"]


class Finding(NamedTuple):
    """Something that a person should know."""

    level: Literal["problem", "note"]
    """A problem is damage; a note is worth a look."""
    what: str
    advice: str
    items: tuple[str, ...] = ()


def audit(folder: Path, *, encoder: str) -> list[Finding]:
    """Findings on the library in `folder`, problems first. `encoder` is the name of the one that it is used with."""
    path = folder / "journal.jsonl"
    try:
        reading = read_journal(path)
        contents = fold(line.event for line in reading.lines)
    except RecordError as error:
        return [Finding("problem", str(error), "nothing else can be said before this is mended")]
    found = [*_journal(path, reading), *_index(folder, reading, contents, encoder=encoder), *_items(contents)]
    return sorted(found, key=lambda finding: finding.level != "problem")


def _journal(path: Path, reading: Reading) -> Iterator[Finding]:
    if reading.torn:
        what = f"the last journal line is cut short after {len(reading.torn)} bytes, or is being written just now"
        yield Finding("note", what, "the next writer sets it aside; nothing acknowledged is lost")
    if (torn := path.with_suffix(".torn")).exists():
        lines = torn.read_bytes().count(b"\n")
        what = f"{lines} journal line(s) were cut short by a crash; their bytes are in {torn.name}"
        yield Finding("note", what, "their writes were never acknowledged; delete the file when you have seen it")
    added = [line.event for line in reading.lines if line.event.name == "added" and line.event.content]
    changed = tuple(event.item for event in added if event.content and event.content.id != event.item)
    if changed:
        what = f"{len(changed)} item(s) are not what their ids say: the journal was changed by hand"
        yield Finding("problem", what, "restore the journal from a copy", changed)


def _index(folder: Path, reading: Reading, contents: Contents, *, encoder: str) -> Iterator[Finding]:
    index = Index(folder / "index", encoder=encoder)
    mark = index.open(journal=[line.digest for line in reading.lines], may_write=False)
    try:
        if mark is None:
            if reading.lines:
                yield Finding("note", "there is no index that fits", "it is made at the next use; or `memory rebuild`")
            return
        if mark.seq < len(reading.lines):
            what = f"the index is {len(reading.lines) - mark.seq} event(s) behind the journal"
            yield Finding("note", what, "it catches up at the next use; or `memory rebuild`")
            return
        held, meant = index.ids(), {item.id for item in contents.items.values() if item.status != "merged"}
        if held != meant:
            what = f"the index lacks {len(meant - held)} item(s) and has {len(held - meant)} too many"
            yield Finding("problem", what, "run `agentkit memory rebuild`", tuple(sorted(held ^ meant)))
    finally:
        index.close()


def _items(contents: Contents) -> Iterator[Finding]:
    served = [item for item in contents.items.values() if item.status == "active"]
    harmful = tuple(item.id for item in served if item.losses > item.wins)
    if harmful:
        what = f"{len(harmful)} served item(s) hurt more often than they helped"
        yield Finding("note", what, "look at them with `memory show`; `memory retire` stops serving one", harmful)
    gold = tuple(item.id for item in served if item.uses_gold)
    if gold:
        what = f"{len(gold)} served item(s) were learnt with the hidden verdict at hand"
        yield Finding("note", what, "results that use them are not results without help; say so", gold)
    tainted = tuple(item.id for item in served if item.taint)
    if tainted:
        what = f"{len(tainted)} served item(s) come from evaluation tasks"
        yield Finding("note", what, "they are withheld from the tasks they come from", tainted)
    waiting = tuple(item.id for item in contents.items.values() if item.status in ("quarantined", "draft"))
    if waiting:
        what = f"{len(waiting)} item(s) wait to be looked at"
        yield Finding("note", what, "`memory restore` serves one, `memory retire` does not", waiting)
