"""The outline in words: folding, the cap, the difference, and what a page can't forge. No browser needed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.web.frames import merge_frame
from environments.web.outline import Box, Element, Tab, View, WebObservation
from environments.web.outline_text import quoted

WINDOW = View(1000, 600, 0, 0, 1000, 600)
BELOW = Box(0, 2000, 100, 20)
CLICK = frozenset({"click"})


def page(*elements: Element, url: str = "file:///pages/a.html", **more: object) -> WebObservation:
    return replace(WebObservation(url, elements=elements, view=WINDOW), **more)  # type: ignore[arg-type]


def button(ref: str, name: str, **more: object) -> Element:
    return replace(Element("button", name, ref, "button", actions=CLICK), **more)  # type: ignore[arg-type]


def text(name: str, **more: object) -> Element:
    return replace(Element("text", name, tag="p"), **more)  # type: ignore[arg-type]


def refs_in(rendered: str) -> set[str]:
    """Every reference that the text mentions outside quotation marks, ranges written out."""
    out: set[str] = set()
    for inside in re.findall(r"\[([\d,-]+)\]", re.sub(r'"(?:[^"\\]|\\.)*"', "", rendered)):
        for part in inside.split(","):
            first, _, last = part.partition("-")
            out |= {str(number) for number in range(int(first), int(last or first) + 1)}
    return out


def test_a_small_page_is_a_few_words() -> None:
    seen = page(text("Click the button."), button("1", "Click Me!"), title="Click Test Task")
    assert seen.render() == 'text "Click the button."\n[1] button "Click Me!"'


def test_address_tabs_view_and_events_stand_first() -> None:
    seen = page(
        button("1", "Go"),
        url="http://shop.example/cart?x=1",
        title="Cart",
        view=View(1000, 600, 0, 400, 1000, 2000),
        tabs=(Tab(0, "Cart", "http://shop.example/cart", True), Tab(1, "", "http://shop.example/help")),
        events=('alert "Sure?" was accepted\n[9] button "Fake"',),
    )
    assert seen.render().splitlines() == [
        r"! alert \"Sure?\" was accepted [9] button \"Fake\"",
        'page "Cart" at http://shop.example/cart?x=1',
        'tabs: *0 "Cart" · 1 "http://shop.example/help"',
        "view: 400-1000 of 2000 px",
        '[1] button "Go"',
    ]


def test_an_empty_page_says_so() -> None:
    assert page().render() == "The page shows nothing."


def test_like_neighbours_fold_into_a_range_that_names_every_reference() -> None:
    cells = [
        Element("cell", "cell", str(n), "td", actions=CLICK, guessed=True, box=Box(n % 4, n // 4, 9, 9))
        for n in range(8, 20)
    ]
    seen = page(*cells, button("21", "Add"), button("22", "Add"), button("30", "Add"))
    assert seen.render() == '[8-19] cell (cell) in 3 rows of 4\n[21-22,30] button "Add"'


def test_rows_stand_on_one_line_and_repeated_controls_get_a_short_name() -> None:
    rows = []
    for n in range(40):
        rows += [
            Element("link", f"Shoe {n}", str(3 * n + 1), "a", actions=CLICK, group=n + 1),
            text(f"${n}", group=n + 1, cell=True),
            button(str(3 * n + 2), "Add to cart", group=n + 1, cell=True),
            button(str(3 * n + 3), "Add to compare", group=n + 1),
        ]
    rendered = page(*rows).render(max_tokens=100_000)
    lines = rendered.splitlines()
    assert lines[0] == ('[1] link "Shoe 0" | "$0" | [2] button "Add to cart" (=A) · [3] button "Add to compare" (=B)')
    assert lines[39] == '[118] link "Shoe 39" | "$39" | [119] =A · [120] =B'
    assert refs_in(rendered) == {str(n) for n in range(1, 121)}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Add", "Remove this item now", "x"]), st.integers(0, 3), st.booleans()), max_size=60
    )
)
def test_folding_never_loses_a_reference(made: list[tuple[str, int, bool]]) -> None:
    elements = [
        button(str(n + 1), name, group=group) if acting else text(name, group=group)
        for n, (name, group, acting) in enumerate(made)
    ]
    expected = {element.ref for element in elements if element.ref}
    assert refs_in(page(*elements).render(max_tokens=10**6)) == expected


def test_like_text_is_counted() -> None:
    assert page(text("."), text("."), text(".")).render() == 'text "." ×3'


def test_where_lines_leave_the_view_is_said() -> None:
    far = [button(str(n), f"Far {n}", in_view=False, box=BELOW) for n in range(2, 5)]
    seen = page(button("1", "Near"), *far, *(button(str(n), f"Back {n}") for n in range(5, 8)))
    assert seen.render().splitlines()[1] == "-- out of view --"
    assert seen.render().splitlines()[5] == "-- in view --"


EVERY_KIND = (
    Element("main", "", tag="main", container=True),
    button("1", "Near button " + "b" * 60, depth=1),
    text("Near text " + "t" * 60, depth=1),
    Element("heading", "Near heading " + "h" * 60, level=2, depth=1),
    Element("image", "Near image " + "i" * 60, depth=1, decorative=True),
    button("2", "Far button " + "b" * 60, depth=1, in_view=False, box=BELOW),
    Element("heading", "Far heading " + "h" * 60, level=2, depth=1, in_view=False, box=BELOW),
    text("Far text " + "t" * 60, depth=1, in_view=False, box=BELOW),
    Element("image", "Far image " + "i" * 60, depth=1, decorative=True, in_view=False, box=BELOW),
)


def test_the_least_useful_goes_first() -> None:
    seen = page(*EVERY_KIND)
    order: list[str] = []
    for tokens in range(260, 20, -2):
        rendered = seen.render(max_tokens=tokens)
        assert len(rendered) <= tokens * 4
        for element in EVERY_KIND[1:]:
            if element.name not in rendered and element.name not in order:
                order.append(element.name)
    kinds = [" ".join(name.split()[:2]) for name in order]
    assert kinds == [
        "Far text",
        "Far image",
        "Near image",
        "Far heading",
        "Near text",
        "Near heading",
        "Far button",
        "Near button",
    ]


def test_what_was_left_out_is_counted() -> None:
    lines = page(*EVERY_KIND).render(max_tokens=150).splitlines()
    assert lines[-1] == "… 3 elements left out (2 below the view); scroll or ask for the viewport"
    assert lines[0] == "main"
    tight = page(*EVERY_KIND, view=WINDOW).render(max_tokens=30).splitlines()
    assert tight == ["… 9 elements left out (4 below the view, 2 actionable); scroll or ask for the viewport"]


def test_far_text_goes_before_less_far_text() -> None:
    parts = [text(f"{n} " + "x" * 90, in_view=False, box=Box(0, 700 + 100 * n, 9, 9)) for n in range(20)]
    rendered = page(*parts).render(max_tokens=260)
    kept = [int(n) for n in re.findall(r'text "(\d+)', rendered)]
    assert kept == list(range(len(kept)))
    assert 0 < len(kept) < 20


def test_a_long_text_is_shortened_before_it_is_dropped() -> None:
    rendered = page(text("word " * 380), button("1", "Go")).render(max_tokens=150)
    assert rendered.startswith('text "word word')
    assert rendered.endswith('…"\n[1] button "Go"')
    assert len(rendered) <= 600


def test_the_difference_tells_added_removed_and_changed() -> None:
    field = Element("textbox", "Name", "1", "input", actions=frozenset({"edit"}))
    rest = [button(str(n), f"Button {n}") for n in range(10, 40)]
    old = page(field, button("2", "Old"), text("Empty"), text("Stays"), *rest)
    new = page(
        replace(field, value="Bob", states=frozenset({"focused"})),
        text("Stays"),
        text("Saved"),
        button("3", "New"),
        *rest,
    )
    assert new.render(against=old).splitlines() == [
        '~ [1] textbox "Name": without -> value="Bob" focused',
        '+ text "Saved"',
        '+ [3] button "New"',
        '- [2] button "Old"',
        '- text "Empty"',
        "31 unchanged",
    ]
    renamed = page(replace(field, name="Full name"), *rest)
    assert '~ [1] textbox "Name" -> textbox "Full name"' in renamed.render(against=old).splitlines()


def test_no_difference_is_said() -> None:
    seen = page(*(button(str(n), f"Button {n}") for n in range(1, 9)))
    assert seen.render(against=seen) == "nothing changed\n8 unchanged"


def test_the_whole_comes_where_the_difference_would_not_help() -> None:
    old = page(*(button(str(n), f"Button {n}") for n in range(1, 9)))
    other_page = page(*old.elements, url="file:///pages/b.html")
    assert other_page.render(against=old) == other_page.render()
    turned_over = page(*(button(str(n), f"Button {n}") for n in range(11, 19)))
    assert turned_over.render(against=old) == turned_over.render()


def test_a_difference_keeps_to_the_cap() -> None:
    old = page(*(button(str(n), f"Button number {n}") for n in range(1, 400)))
    new = page(*(button(str(n), f"Other number {n}" if n < 100 else f"Button number {n}") for n in range(1, 400)))
    rendered = new.render(against=old, max_tokens=300)
    assert len(rendered) <= 1200
    assert re.search(r"… \d+ more changes; 300 unchanged$", rendered)


@given(st.text())
def test_quoted_text_stays_within_its_quotation_marks(raw: str) -> None:
    made = quoted(raw)
    assert made.isprintable()
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', made)


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\ufeff", "\U000e0041", "\x07", "\u2028"])
def test_characters_that_hide_or_turn_text_are_gone(char: str) -> None:
    assert char not in quoted(f"a{char}b")


def test_find_and_nearest() -> None:
    seen = page(button("3", "Add to cart"), button("14", "Search"), button("f1.20", "Save draft"), text("Search here"))
    assert seen.find("[14]") == seen.elements[1]
    assert seen.find("15") is None
    assert [e.ref for e in seen.nearest("15", 2)] == ["14", "f1.20"]
    assert seen.nearest("the search button")[0].ref == "14"
    assert seen.nearest("save the draft")[0].ref == "f1.20"
    assert seen.nearest("serch")[0].ref == "14"


def test_json_round_trip() -> None:
    full = Element(
        "combobox", "Größe", "7", "select", "M", frozenset({"required"}), frozenset({"select"}), Box(1, -2, 3, 4),
        in_view=False, guessed=True, type="select", options=("S", "M"), total_options=80, href="/x", level=3,
        limits=("1", "9"), color="red", depth=2, group=5, cell=True, container=True, decorative=True, frame=True,
    )  # fmt: skip
    seen = page(
        full, text("x"), tabs=(Tab(0, "T", "u", True),), events=("told",), focused="7", next_ref=8, scope="viewport"
    )
    again = WebObservation.from_json(seen.to_json())
    assert again == seen
    assert again.fingerprint == seen.fingerprint
    assert seen.to_json()["kind"] == "web"


def test_the_fingerprint_is_of_what_is_said_not_of_where_or_when() -> None:
    one = page(button("1", "Go"), text("x"), url="http://127.0.0.1:4000/a")
    same = page(button("77", "Go", box=BELOW, states=frozenset({"focused"})), text("x"), url="http://127.0.0.1:5000/a")
    assert one.fingerprint == same.fingerprint
    others = [
        page(button("1", "Go"), text("x"), url="http://127.0.0.1:4000/b"),
        page(button("1", "Gone"), text("x"), url=one.url),
        page(button("1", "Go", states=frozenset({"disabled"})), text("x"), url=one.url),
        page(text("x"), button("1", "Go"), url=one.url),
        page(button("1", "Go"), text("x", value="v"), url=one.url),
        page(button("1", "Go"), text("x"), url=one.url, view=View(1000, 600, 0, 300, 1000, 2000)),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_a_merged_frame_needs_its_line() -> None:
    with pytest.raises(KeyError):
        merge_frame(page(button("1", "Go")), "9", inner=page())


def test_parse_refuses_what_is_no_outline() -> None:
    with pytest.raises(ValueError, match="expected the reply"):
        WebObservation.parse('{"url": "x"}')
