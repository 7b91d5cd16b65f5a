"""What makes two items one lesson, and what an item may serve."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.items import Content, Item, Provenance, Scope, Source, overlap, same_lesson, taint_of

SHOP = Scope(environment="arena", site="shop")


def tip(text: str, **data: object) -> Content:
    return Content.of("tip", text, scope=SHOP, data=data)


def experience(text: str, **data: object) -> Content:
    return Content.of("experience", text, scope=SHOP, data=data)


def source(split: str, family: str = "miniwob/a", *, gold: bool = False) -> Source:
    provenance = Provenance(trajectory=f"{family}/{split}", task="a", family=family, split=split, uses_gold=gold)
    return Source(time="2026-01-01", provenance=provenance, taint=tuple(taint_of(provenance)))


def item(*sources: Source, status: str = "active") -> Item:
    content = tip("Do this.")
    return Item(id=content.id, content=content, seq=1, sources=sources, status=status)  # type: ignore[arg-type]


def test_the_id_of_a_lesson_is_fixed_for_ever():
    """Journals hold these ids: a change of the canonical form would orphan every item."""
    canonical = b'["tip","arena","shop","open the menu first.",""]'
    assert tip("Open the  Menu first.").id == hashlib.sha256(canonical).hexdigest()[:16]
    canonical = b'["experience","arena","shop","it worked.","{\\"outcome\\":1,\\"tags\\":[\\"a\\"]}"]'
    assert experience("It worked.", tags=["a"], outcome=1).id == hashlib.sha256(canonical).hexdigest()[:16]


def test_case_spaces_and_unicode_forms_do_not_matter():
    assert tip("Press  the\n BUTTON").id == tip("press the button").id
    assert tip("ﬁle").id == tip("file").id


@pytest.mark.parametrize(
    "other",
    [
        Content.of("note", "Press it.", scope=SHOP),
        Content.of("tip", "Press it.", scope=Scope(environment="arena")),
        Content.of("tip", "Press it.", scope=Scope(environment="arena", site="bank")),
        Content.of("tip", "Press this.", scope=SHOP),
    ],
)
def test_kind_scope_and_words_do(other):
    assert other.id != tip("Press it.").id


def test_a_tip_is_its_words_and_an_experience_its_data_too():
    assert tip("Press it.", goal_pattern="a").id == tip("Press it.", goal_pattern="b").id
    assert experience("Press it.", outcome=1).id != experience("Press it.", outcome=-1).id
    assert experience("Press it.", a=1, b=2).id == experience("Press it.", b=2, a=1).id


def test_the_cue_is_what_it_is_looked_up_by():
    assert tip("Press it.").looked_up_by == "Press it."
    assert Content.of("tip", "Press it.", cue="save the page").looked_up_by == "save the page"


@pytest.mark.parametrize(
    ("kind", "text", "data", "said"),
    [
        ("Tip", "x", {}, "lower-case"),
        ("tip", "  ", {}, "0 characters"),
        ("tip", "x" * 8001, {}, "8001 characters"),
        ("tip", "x", {"a": object()}, "not JSON"),
        ("tip", "x", {1: "a"}, "not JSON"),
    ],
)
def test_content_that_cannot_be_stored_is_refused(kind, text, data, said):
    with pytest.raises(ValueError, match=said):
        Content.of(kind, text, data=data)


def test_a_site_needs_an_environment():
    with pytest.raises(ValueError, match="no environment"):
        Scope(site="shop")


def test_lone_surrogates_of_pages_are_replaced():
    content = tip("a\ud800b", words=("c\udfff", {"d": "\ud801"}))
    assert content.text == "a?b"
    assert content.data == {"words": ["c?", {"d": "?"}]}


@given(st.text(min_size=1, max_size=40), st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_any_text_of_a_page_has_an_id(text, data):
    if not text.encode("utf-8", "replace").decode().strip() or any(
        isinstance(value, int) and not -(2**63) <= value < 2**64 for value in data.values()
    ):
        return
    content = Content.of("experience", text, data=data)
    assert len(content.id) == 16
    assert Content.of("experience", content.text, data=content.data).id == content.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Press Enter after typing.", "Do not press Enter after typing."),
        ("Press Enter after typing.", "Don't press Enter after typing."),
        ("Wait 3 seconds.", "Wait 5 seconds."),
        ('Open "Mail" first.', 'Open "Files" first.'),
        ("Open 'Mail' first.", "Open 'Files' first."),
        ("Open “Mail” first.", "Open “Files” first."),
    ],
)
def test_what_an_encoder_hardly_sees_keeps_lessons_apart(one, other):
    assert not same_lesson(tip(one), tip(other))
    assert same_lesson(tip(one), tip(f"{one} please"))


def test_an_apostrophe_is_no_quotation_mark():
    assert same_lesson(tip("Open the user's page, it's there."), tip("Open the page of the user, there."))


def test_lessons_of_other_kind_or_data_are_others():
    assert not same_lesson(tip("x"), experience("x"))
    assert not same_lesson(experience("x", outcome=1), experience("x", outcome=-1))


def test_overlap_is_the_share_of_word_triples():
    shown = tip("open the menu and then press save")  # triples: otm tma mat atp tps
    assert overlap(tip("first open the menu and wait"), shown=shown) == 2 / 4  # fot otm tma maw
    assert overlap(shown, shown=shown) == 1
    assert overlap(tip("press"), shown=shown) == 0
    assert overlap(tip("press"), shown=tip("Press")) == 1


def test_training_leaves_no_taint_and_evaluation_does():
    assert taint_of(source("training").provenance) == frozenset()
    assert taint_of(source("heldout").provenance) == {"heldout:miniwob/a"}
    assert taint_of(None) == frozenset()


@pytest.mark.parametrize(
    ("sources", "family", "split", "serves"),
    [
        ([source("training")], "miniwob/a", "heldout", True),
        ([source("heldout")], "miniwob/a", "heldout", False),
        ([source("heldout")], "miniwob/a", "training", False),
        ([source("heldout")], "miniwob/b", "heldout", True),
        ([source("validation")], "miniwob/a", "validation", False),
        ([source("validation")], "miniwob/a", "heldout", True),
        ([source("heldout"), source("training")], "miniwob/a", "heldout", True),
        ([source("heldout"), source("heldout", "miniwob/b")], "miniwob/a", "heldout", True),
    ],
)
def test_an_item_never_serves_the_test_that_it_was_learnt_from(sources, family, split, serves):
    assert item(*sources).serves(family=family, split=split) is serves


@pytest.mark.parametrize("status", ["draft", "quarantined", "retired", "merged"])
def test_only_active_items_serve(status):
    assert not item(source("training"), status=status).serves(family="x", split="training")


def test_gold_in_one_source_marks_the_item():
    assert item(source("training"), source("training", "b", gold=True)).uses_gold
    assert not item(source("training")).uses_gold


def test_not_a_number_is_stored_as_null_and_equal_to_it():
    assert experience("x", a=math.nan).id == experience("x", a=None).id


def test_learnt_in_compares_study_and_trajectory():
    here = source("training").provenance
    assert here is not None
    assert item(source("training")).learnt_in(replace(here, attempt=3))
    assert not item(source("training")).learnt_in(replace(here, study="another"))
    assert not item(source("training")).learnt_in(None)
