"""The journal: what is acknowledged stays, what is torn is told, and there is one writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from memory import events
from memory.contracts import LibraryBusy, RecordError
from memory.events import Event
from memory.fold import fold
from memory.items import Content, Provenance, Scope
from memory.journal import Journal, parse_event, read_journal, write_event

SAMPLE = Path(__file__).parent.parent / "data" / "journal-v1.jsonl"
WHERE = Provenance(trajectory="miniwob/a/0", task="a", family="miniwob/a", split="training", attempt=1, step=2)


def numbered(*made: Event) -> list[Event]:
    return [Event(**{**fields(event), "seq": seq, "time": "2026-01-01"}) for seq, event in enumerate(made, start=1)]


def fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def lesson(text: str = "Do this.") -> Event:
    content = Content.of("tip", text, scope=Scope(environment="miniwob"), data={"a": [1, {"b": None}]}, cue="so")
    return events.added(content, WHERE, derived_from=("x", "y"), status="draft")


def test_every_kind_of_event_comes_back_as_it_was():
    first = lesson()
    made = [
        first,
        Event(name="merged", item=first.item, into="other", echo=True, provenance=WHERE),
        events.recalled(first.item, WHERE),
        events.helped(first.item, WHERE, reason="it did"),
        events.hurt(first.item, None),
        events.retired(first.item, reason="“why” – \u2028 not"),
        events.quarantined(first.item),
        events.restored(first.item),
        events.edited(first.item, Content.of("tip", "Do that.")),
    ]
    for event in numbered(*made):
        raw = write_event(event)
        assert raw.count(b"\n") == 1
        assert parse_event(raw, where="here") == event


def test_the_old_sample_is_read_and_means_what_it_meant():
    reading = read_journal(SAMPLE)
    contents = fold(line.event for line in reading.lines)
    assert reading.torn == b""
    states = {
        item.content.text: (item.status, item.support, item.uses, item.wins, item.losses, item.version)
        for item in contents.items.values()
    }
    assert states == {
        "Click the tab that the goal names, then the link.": ("active", 3, 2, 1, 1, 1),
        "First click the tab that the goal names, then the link.": ("merged", 1, 0, 0, 0, 1),
        'When the goal is like "click on the _ button", it worked to click the button.': ("retired", 1, 0, 0, 0, 1),
        "Scroll down before you give up.": ("active", 1, 0, 0, 0, 2),
        "Guess.": ("quarantined", 1, 0, 0, 0, 1),
    }
    assert [item.taint for item in contents.items.values() if item.status == "quarantined"] == [
        {"heldout:miniwob/guess"}
    ]
    # What is written today for these events is what stands in the sample, so an old line is also a present one.
    assert SAMPLE.read_bytes() == b"".join(write_event(line.event) for line in reading.lines)


def test_what_is_appended_is_there_for_the_next_reader(tmp_path):
    journal = Journal(tmp_path)
    made = numbered(lesson("one"), lesson("two"))
    digests = journal.append(made)
    reading = read_journal(tmp_path / "journal.jsonl")
    journal.close()
    assert [line.event for line in reading.lines] == made
    assert [line.digest for line in reading.lines] == digests


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_set_aside_and_the_rest_stays(tmp_path, kept):
    path = tmp_path / "journal.jsonl"
    one, two = (write_event(event) for event in numbered(lesson("one"), lesson("two")))
    path.write_bytes(one + two[:kept])
    assert read_journal(path).torn == two[:kept]
    assert path.read_bytes() == one + two[:kept], "a reader changes nothing"
    journal = Journal(tmp_path)
    assert journal.reading.torn == two[:kept]
    journal.append(numbered(lesson("one"), lesson("three"))[1:])
    journal.close()
    assert [line.event.content.text for line in read_journal(path).lines] == ["one", "three"]
    assert (tmp_path / "journal.torn").read_bytes() == two[:kept] + b"\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense", "not a memory event"),
        (b"[]", "no format version"),
        (b'{"name":"recalled","item":"x","seq":2}', "no format version"),
        (b'{"v":2,"name":"recalled","item":"x","seq":2}', "update agentkit"),
        (b'{"v":1,"name":"conjured","item":"x","seq":2}', "not a memory event"),
        (b'{"v":1,"name":"recalled","item":"x","seq":"two"}', "not a memory event"),
        (b'{"v":1,"name":"recalled","item":"x","seq":7}', "number 7 where 2 should be"),
    ],
)
def test_a_whole_line_that_cannot_be_read_is_an_error_that_names_it(tmp_path, line, said):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(write_event(numbered(lesson())[0]) + line + b"\n")
    with pytest.raises(RecordError, match=said) as caught:
        read_journal(path)
    assert f"{path}:2" in str(caught.value)
    with pytest.raises(RecordError, match=said):
        Journal(tmp_path)
    path.write_bytes(b"")
    Journal(tmp_path).close()  # the failed one has let go of the lock


def test_an_event_about_an_unknown_item_is_an_error():
    with pytest.raises(RecordError, match="no item 'nowhere'"):
        fold(numbered(events.recalled("nowhere", WHERE)))


def test_a_second_writer_is_told_who_the_first_is(tmp_path):
    journal = Journal(tmp_path)
    code = "import sys; from pathlib import Path; from memory.journal import Journal; Journal(Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    with pytest.raises(LibraryBusy, match=f"process {os.getpid()}"):
        Journal(tmp_path)
    journal.close()
    assert "LibraryBusy" in done.stderr
    assert f"being written by process {os.getpid()}" in done.stderr
    Journal(tmp_path).close()


def test_a_batch_that_the_disk_refuses_leaves_nothing_behind(tmp_path):
    """The kernel takes the first bytes and refuses the rest: a file size limit stands in for a full disk."""
    code = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_journal import lesson, numbered
from memory.contracts import RecordError
from memory.journal import Journal
journal = Journal(Path(sys.argv[1]))
one, two = numbered(lesson("one"), lesson("two"))
journal.append([one])
resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 50, resource.RLIM_INFINITY))
try:
    journal.append([two])
except RecordError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append([two])
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert "only 50 of" in done.stdout
    reading = read_journal(tmp_path / "journal.jsonl")
    assert [line.event.content.text for line in reading.lines] == ["one", "two"]


def test_the_key_of_an_event_tells_repetition_from_news():
    one = events.recalled("a", WHERE)
    assert one.key == events.recalled("a", WHERE).key
    other_step = Provenance(**{**fields_of(WHERE), "step": 3})
    other_study = Provenance(**{**fields_of(WHERE), "study": "next"})
    assert (
        len(
            {
                one.key,
                events.recalled("a", other_step).key,
                events.recalled("a", other_study).key,
                events.helped("a", WHERE).key,
            }
        )
        == 4
    )


def fields_of(provenance: Provenance) -> dict[str, object]:
    return orjson.loads(orjson.dumps(provenance))
