"""The index on a real Chroma: shelves, batches, and starting over when it does not fit."""

from __future__ import annotations

import os

import numpy as np
import pytest

from memory.contracts import RecordError
from memory.encoder import Vectors
from memory.index import Index, Shelf, shelf_of
from memory.items import Content, Item, Scope, Source

SHELF = Shelf("arena", "shop", "tip")
AXES = np.eye(384, dtype=np.float32)


def item(name: str, *, shelf: Shelf = SHELF) -> Item:
    content = Content.of(shelf.kind, name, scope=Scope(environment=shelf.environment, site=shelf.site))
    return Item(id=content.id, content=content, seq=1, sources=(Source(time="2026-01-01", provenance=None),))


def opened(tmp_path, *, journal=(), encoder: str = "axes") -> Index:
    index = Index(tmp_path / "index", encoder=encoder)
    index.open(journal=journal)
    return index


def unit(*parts: float) -> Vectors:
    vector = np.zeros(384, np.float32)
    vector[: len(parts)] = parts
    return vector / np.linalg.norm(vector)


def test_the_nearest_come_first_with_their_cosines(tmp_path):
    index = opened(tmp_path)
    items = [item(name) for name in "abc"]
    index.add(items, vectors=np.stack([unit(1, 0), unit(3, 4), unit(0, 0, 1)]))
    hits = index.query(unit(1, 0), shelf=SHELF, n=10)
    index.close()
    assert [hit.id for hit in hits] == [thing.id for thing in items]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.6, 0.0], abs=1e-6)


def test_shelves_are_apart_whatever_they_are_called(tmp_path):
    shelves = [
        SHELF,
        Shelf("", "", "tip"),
        Shelf("a" * 600, "ü/..:?", "tip"),
        Shelf("arena", "shop", "experience"),
        Shelf("arena", "sho", "tip"),
    ]
    index = opened(tmp_path)
    for place, shelf in enumerate(shelves):
        index.add([item("x", shelf=shelf)], vectors=AXES[place : place + 1])
    index.close()
    index = opened(tmp_path)
    assert index.shelves() == sorted(shelves)
    for place, shelf in enumerate(shelves):
        assert [(hit.id, round(hit.score)) for hit in index.query(AXES[place], shelf=shelf, n=5)] == [
            (item("x", shelf=shelf).id, 1)
        ]
    assert index.query(AXES[0], shelf=Shelf("no", "such", "tip"), n=5) == []
    index.close()


def test_more_than_chroma_takes_at_once(tmp_path):
    count = 6_000
    index = opened(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(count, 384)).astype(np.float32)
    items = [item(str(number)) for number in range(count)]
    index.add(items, vectors=vectors)
    assert len(index.ids()) == count
    assert index.query(vectors[count - 1], shelf=SHELF, n=1)[0].id == items[-1].id
    index.close()


def test_adding_again_replaces_and_removing_removes(tmp_path):
    index = opened(tmp_path)
    one, two = item("one"), item("two")
    index.add([one, two], vectors=AXES[:2])
    index.add([one], vectors=AXES[5:6])
    assert index.query(AXES[5], shelf=SHELF, n=1)[0].id == one.id
    index.remove([one, item("never there"), item("y", shelf=Shelf("no", "such", "tip"))])
    assert index.ids() == {two.id}
    index.close()


def test_a_reopened_index_knows_how_far_it_got(tmp_path):
    index = opened(tmp_path, journal=["a", "b"])
    index.add([item("x")], vectors=AXES[:1])
    index.advance(seq=2, digest="b")
    index.close()
    index = opened(tmp_path, journal=["a", "b", "c"])
    assert index.watermark is not None
    assert index.watermark.seq == 2
    assert index.ids() == {item("x").id}
    index.close()


@pytest.mark.parametrize(("journal", "encoder"), [(["a", "z"], "axes"), (["a"], "axes"), (["a", "b"], "another")])
def test_an_index_of_another_journal_or_encoder_is_left_behind(tmp_path, journal, encoder):
    index = opened(tmp_path, journal=["a", "b"])
    index.add([item("x")], vectors=AXES[:1])
    index.advance(seq=2, digest="b")
    index.close()
    index = opened(tmp_path, journal=journal, encoder=encoder)
    assert index.watermark is not None
    assert index.watermark.seq == 0
    assert index.ids() == set()
    index.close()
    assert len(list((tmp_path / "index").glob("chroma-*"))) == 1


@pytest.mark.parametrize("broken", ["chroma-1/chroma.sqlite3", "watermark.json"])
def test_a_broken_file_starts_it_over(tmp_path, broken):
    index = opened(tmp_path)
    index.add([item("x")], vectors=AXES[:1])
    index.close()
    (tmp_path / "index" / broken).write_bytes(b"no database " * 1000)
    index = opened(tmp_path)
    assert index.ids() == set()
    index.add([item("y")], vectors=AXES[:1])
    assert index.ids() == {item("y").id}
    index.close()


def test_one_who_looks_on_makes_nothing(tmp_path):
    index = Index(tmp_path / "index", encoder="axes")
    assert index.open(journal=["a"], may_write=False) is None
    assert index.query(AXES[0], shelf=SHELF, n=1) == []
    index.close()
    assert not (tmp_path / "index").exists()


def test_starting_over_in_one_process_shows_no_old_state(tmp_path):
    """Chroma keeps the state of an open folder in the process; deleting its files is not enough."""
    index = opened(tmp_path)
    index.add([item("x")], vectors=AXES[:1])
    index.start_over()
    assert index.ids() == set()
    index.add([item("y")], vectors=AXES[:1])
    assert index.ids() == {item("y").id}
    index.close()


def test_an_unreadable_database_says_what_to_do(tmp_path):
    index = opened(tmp_path)
    index.add([item("x")], vectors=AXES[:1])
    with pytest.raises(RecordError, match="agentkit memory rebuild"):
        index.query(np.ones(7, np.float32), shelf=SHELF, n=1)
    index.close()


def test_a_dot_env_file_of_the_users_is_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\nIS_PERSISTENT=FALSE\n")
    index = opened(tmp_path)
    index.add([item("x")], vectors=AXES[:1])
    index.close()
    assert (tmp_path / "index" / "chroma-1" / "chroma.sqlite3").exists()


def test_the_shelf_is_scope_and_kind():
    assert shelf_of(item("x")) == SHELF
    assert os.sep not in SHELF.collection
