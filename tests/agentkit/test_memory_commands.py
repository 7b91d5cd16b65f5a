"""`agentkit memory` on a real library, as a person and as a script would use it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agentkit.memory_commands import app
from memory import Content, MemoryStore, Provenance, RecordError, Scope, events

TAB = "Click the tab that the goal names, then the link."
EVIL = "Press [bold]Submit[/bold] \x1b[2J\u202e now."
TABS = Content.of("tip", TAB, scope=Scope(environment="miniwob"), data={"goal_pattern": "switch tabs"})
PRESS = Content.of("experience", EVIL, scope=Scope(environment="arena", site="shop"), data={"outcome": -1})


def where(trajectory: str, split: str = "training") -> Provenance:
    return Provenance(trajectory=trajectory, task="a", family="miniwob/a", split=split, attempt=1, step=2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "library"

    async def fill() -> None:
        async with MemoryStore.open(folder) as store:
            await store.write([events.added(TABS, where("miniwob/a/0")), events.added(PRESS, where("miniwob/a/1"))])
            shown, helped = events.recalled(TABS.id, where("miniwob/a/7")), events.helped(TABS.id, where("miniwob/a/7"))
            await store.write([shown, helped, events.hurt(PRESS.id, where("miniwob/a/8"))])

    asyncio.run(fill())
    return folder


@pytest.fixture
def library(filled, tmp_path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "library"))


def call(*arguments: object, library: Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments), "--library", str(library)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def parsed(*arguments: object, library: Path) -> object:
    return json.loads(call(*arguments, "--json", library=library).stdout)


def test_list_shows_what_was_learnt_and_how_it_went(library):
    shown = call("list", library=library).stdout
    assert TABS.id[:8] in shown
    assert "1/0" in shown
    rows = parsed("list", library=library)
    assert [(row["id"], row["uses"], row["wins"], row["losses"]) for row in rows] == [
        (PRESS.id, 0, 0, 1),
        (TABS.id, 1, 1, 0),
    ]


def test_text_of_pages_does_nothing_to_the_terminal(library):
    shown = call("show", PRESS.id, library=library).stdout
    assert "[bold]Submit[/bold]" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--kind", "tip"], [TABS.id]),
        (["--environment", "arena"], [PRESS.id]),
        (["--site", "shop"], [PRESS.id]),
        (["--status", "retired"], []),
        (["--sort", "uses"], [TABS.id, PRESS.id]),
        (["--sort", "losses", "--limit", "1"], [PRESS.id]),
    ],
)
def test_list_filters_and_sorts(library, options, expected):
    assert [row["id"] for row in parsed("list", *options, library=library)] == expected


def test_show_takes_the_first_characters_and_tells_the_story(library):
    shown = call("show", TABS.id[:6], library=library).stdout
    assert TAB in shown
    assert "miniwob/a/7" in shown
    story = parsed("show", TABS.id, library=library)
    assert [event["name"] for event in story["history"]] == ["added", "recalled", "helped"]
    assert story["history"][1]["provenance"]["step"] == 2


def test_an_unknown_id_or_library_says_what_to_do(library, tmp_path):
    with pytest.raises(RecordError, match=r"no item.*memory list"):
        call("show", "zzzz", library=library)
    with pytest.raises(RecordError, match="several items"):
        call("show", "", library=library)
    with pytest.raises(RecordError, match="no memory library in"):
        call("list", library=tmp_path / "mistyped")
    assert not (tmp_path / "mistyped").exists()


def test_search_gives_scores_and_notes_no_use(library):
    found = parsed("search", "switch between the tabs and click the link", library=library)
    assert [item["id"] for item in found] == [TABS.id]
    assert 0.25 <= found[0]["score"] <= 1
    assert TABS.id[:8] in call("search", "switch between the tabs and click the link", library=library).stdout
    assert parsed("show", TABS.id, library=library)["uses"] == 1
    assert "lower --min-score" in call("search", "zebra", "--min-score", 0.9, library=library).stdout


def test_search_works_while_a_run_is_writing(library):
    async def both() -> object:
        async with MemoryStore.open(library) as store:
            await store.flush()
            return await asyncio.to_thread(parsed, "search", TAB, library=library)

    assert [item["id"] for item in asyncio.run(both())] == [TABS.id]


def test_misused_options_exit_with_2(library):
    for wrong in (["list", "--sort", "beauty"], ["search", "x", "--split", "dev"], ["list", "--limit", "0"]):
        assert call(*wrong, library=library).exit_code == 2


def test_retire_and_restore_decide_what_is_served(library):
    assert "retired now" in call("retire", TABS.id[:8], "--reason", "out of date", library=library).stdout
    assert parsed("search", TAB, library=library) == []
    assert parsed("show", TABS.id, library=library)["reason"] == "out of date"
    call("restore", TABS.id, library=library)
    assert len(parsed("search", TAB, library=library)) == 1


def test_rebuild_counts_what_it_indexed(library):
    assert parsed("rebuild", library=library) == {"indexed": 2}
    assert parsed("audit", library=library)["damaged"] is False


def test_audit_names_what_a_person_should_see(library):
    shown = call("audit", library=library)
    assert shown.exit_code == 0
    assert "hurt more often than they helped" in shown.stdout
    assert PRESS.id in shown.stdout


def test_audit_tells_a_torn_line_and_an_index_behind(library):
    journal = library / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines(keepends=True)[-1].replace(b'"seq":5', b'"seq":6') + b'{"v":1,"na')
    said = " ".join(finding["what"] for finding in parsed("audit", library=library)["findings"])
    assert "cut short after 10 bytes" in said
    assert "1 event(s) behind" in said
    call("rebuild", library=library)
    said = " ".join(finding["what"] for finding in parsed("audit", library=library)["findings"])
    assert "1 journal line(s) were cut short by a crash" in said


def test_audit_fails_on_damage(library):
    journal = library / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"the goal names", b"a stranger names"))
    result = call("audit", library=library)
    assert result.exit_code == 1
    assert "not what their ids say" in result.stdout
    journal.write_bytes(b"nonsense\n")
    result = call("audit", library=library)
    assert result.exit_code == 1
    assert "not a memory event" in result.stdout


def test_export_and_import_carry_items_with_their_history(library, tmp_path):
    file, other = tmp_path / "tips.jsonl", tmp_path / "other"
    call("export", file, "--kind", "tip", library=library)
    assert parsed("import", file, library=other) == {"added": 1, "supported": 0, "echoed": 0, "noted": 2, "known": 0}
    (row,) = parsed("list", library=other)
    assert (row["id"], row["status"], row["uses"], row["reason"]) == (
        TABS.id,
        "quarantined",
        1,
        "imported from tips.jsonl",
    )
    assert parsed("search", TAB, library=other) == []
    assert parsed("import", file, library=other)["known"] == 3
    trusting = tmp_path / "trusting"
    call("import", file, "--trust", library=trusting)
    assert [item["id"] for item in parsed("search", TAB, library=trusting)] == [TABS.id]


def test_export_to_standard_output_is_what_import_reads(library, tmp_path):
    lines = call("export", "-", library=library).stdout_bytes
    (tmp_path / "all.jsonl").write_bytes(lines)
    assert lines == (library / "journal.jsonl").read_bytes()
    assert parsed("import", tmp_path / "all.jsonl", "--trust", library=tmp_path / "other")["added"] == 2


def test_import_refuses_what_is_no_event(library, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"v":1,"name":"added"}\n')
    with pytest.raises(RecordError, match=r"bad\.jsonl:1"):
        call("import", tmp_path / "bad.jsonl", library=library)


@pytest.mark.parametrize(
    "command", ["list", "show", "search", "rebuild", "audit", "export", "import", "retire", "restore"]
)
def test_every_command_explains_itself(command):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--library" in shown.stdout
