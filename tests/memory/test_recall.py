"""What answers a query: the score by its formula, and every rule about what may be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from memory.contracts import Query
from memory.encoder import Vectors
from memory.index import Hit, Shelf
from memory.items import Content, Item, Scope, Source
from memory.recall import aim, choose, gather, reachable

SHELF = Shelf("arena", "shop", "tip")


class Compass:
    """An encoder of four texts, each a direction in the plane."""

    name = "compass"

    def encode(self, texts: Sequence[str]) -> Vectors:
        directions = {"north": (0.0, 1.0), "east": (1.0, 0.0), "south": (0.0, -1.0), "west": (-1.0, 0.0)}
        return np.array([directions[text] for text in texts], np.float32)


def item(
    text: str, *, kind: str = "tip", status: str = "active", taint: str = "", id: str = "", **data: object
) -> Item:
    content = Content.of(kind, text, scope=Scope(environment="arena", site="shop"), data=data)
    source = Source(time="2026-01-01", provenance=None, taint=(taint,) if taint else ())
    return Item(id=id or content.id, content=content, seq=1, sources=(source,), status=status)  # type: ignore[arg-type]


def gathered(query: Query, ranked: Sequence[tuple[Item, float]]) -> tuple[list[str], list[int]]:
    """The texts that `gather` gives from one shelf with these contents, and how many hits it asked for each time."""
    asked: list[int] = []

    def nearest(shelf: Shelf, n: int) -> list[Hit]:
        asked.append(n)
        return [Hit(thing.id, score) for thing, score in ranked[:n]]

    found = gather(query, shelves=[SHELF], items={thing.id: thing for thing, _ in ranked}, nearest=nearest)
    return [thing.content.text for thing, _ in found], asked


def test_the_query_points_60_percent_at_the_goal():
    """0.6 north and 0.4 east have the length sqrt(0.52)."""
    vector = aim(Query(goal="north", sketch="east"), encoder=Compass())
    np.testing.assert_allclose(vector, np.array([0.4, 0.6]) / np.sqrt(0.52), rtol=1e-6)
    north, east = Compass().encode(["north", "east"])
    assert vector @ north == pytest.approx(0.6 / 0.52**0.5)
    assert vector @ east == pytest.approx(0.4 / 0.52**0.5)


def test_goal_or_sketch_alone_counts_alone():
    np.testing.assert_allclose(aim(Query(goal="north"), encoder=Compass()), [0, 1])
    np.testing.assert_allclose(aim(Query(goal="", sketch="east"), encoder=Compass()), [1, 0])


@pytest.mark.parametrize("wrong", [{"goal": "x", "k": 0}, {"goal": "x", "max_tokens": 0}, {"goal": ""}])
def test_an_empty_question_is_refused(wrong):
    with pytest.raises(ValueError, match="query with"):
        Query(**wrong)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"environment": "arena", "site": "shop"}, "abce"),
        ({"environment": "arena"}, "be"),
        ({"environment": "arena", "site": None}, "abcdeg"),
        ({"environment": None, "site": None}, "abcdefg"),
        ({"environment": "arena", "site": "shop", "kinds": ("experience",)}, "c"),
        ({}, "e"),
    ],
)
def test_a_query_reaches_its_site_its_environment_and_anywhere(asked, expected):
    shelves = {
        "a": SHELF,
        "b": Shelf("arena", "", "tip"),
        "c": Shelf("arena", "shop", "experience"),
        "d": Shelf("arena", "bank", "tip"),
        "e": Shelf("", "", "tip"),
        "f": Shelf("other", "", "tip"),
        "g": Shelf("arena", "bank", "experience"),
    }
    found = reachable(Query(goal="x", **asked), shelves.values())
    assert [name for name, shelf in shelves.items() if shelf in found] == list(expected)


def test_barred_and_retired_items_hide_nothing_behind_them():
    """With k=1 it asks for 4, then 16, then 64, as the first 20 may not be served."""
    barred = [(item(f"barred {n}", taint="heldout:f"), 0.9) for n in range(10)]
    retired = [(item(f"retired {n}", status="retired"), 0.8) for n in range(10)]
    served = [(item(f"served {n}"), 0.7 - n / 100) for n in range(50)]
    found, asked = gathered(Query(goal="x", k=1, family="f", split="heldout"), barred + retired + served)
    assert found[0] == "served 0"
    assert asked == [4, 16, 64]


def test_it_stops_asking_where_nothing_is_similar_enough():
    ranked = [(item(f"far {n}"), 0.2) for n in range(50)]
    assert gathered(Query(goal="x", k=1), ranked) == ([], [4])
    assert gathered(Query(goal="x", k=1, min_score=0.2), ranked)[1] == [4]


def test_what_the_index_holds_and_the_journal_does_not_is_left_out():
    found = gather(Query(goal="x"), shelves=[SHELF], items={}, nearest=lambda shelf, n: [Hit("ghost", 0.9)])
    assert found == []


def test_ties_go_to_the_smaller_id_and_scores_are_rounded():
    ranked = [(item("b", id="b"), 0.5000004), (item("a", id="a"), 0.5), (item("c", id="c"), 0.6)]
    assert gathered(Query(goal="x"), ranked)[0] == ["c", "a", "b"]


def test_an_item_that_does_not_fit_is_passed_over_for_a_shorter_one():
    """40 characters are 10 tokens."""
    long, short, exact = item("x" * 41), item("y" * 36), item("z" * 4)
    chosen = choose(Query(goal="x", max_tokens=10), [(long, 0.9), (short, 0.8), (exact, 0.7)])
    assert [thing.text[0] for thing in chosen] == ["y", "z"]


def test_k_is_the_most():
    ranked = [(item(f"word{n}"), 0.9) for n in range(5)]
    assert len(choose(Query(goal="x", k=3), ranked)) == 3


def test_no_two_that_say_the_same_are_shown_together():
    """Ten words of which one more or less leaves 10/11 in common, above the 0.9 that counts as the same."""
    text = "open the menu and press the red button to finish quickly today"
    ranked = [
        (item(text), 0.9),
        (item(f"{text} please"), 0.8),
        (item(f"do not {text}"), 0.7),
        (item("wait for the page"), 0.6),
        (item(text, kind="experience", outcome=1), 0.5),
        (item(text, kind="experience", outcome=-1), 0.4),
    ]
    assert [thing.score for thing in choose(Query(goal="x", k=9), ranked)] == [0.9, 0.7, 0.6, 0.5, 0.4]


def test_what_is_shown_carries_text_data_version_and_score():
    thing = item("words", kind="experience", outcome=1)
    (shown,) = choose(Query(goal="x"), [(thing, 0.5)])
    assert (shown.id, shown.kind, shown.text, shown.data, shown.version, shown.score) == (
        thing.id, "experience", "words", {"outcome": 1}, 1, 0.5,
    )  # fmt: skip
