"""The outline of real pages, in a real Chromium: what is listed, under which name, and where it can be clicked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import CDPSession, Page, async_playwright

from environments.web.browser import find_browser
from environments.web.frames import merge_frame
from environments.web.outline import OUTLINE_JS, WebObservation

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "outline"


class Tab:
    """A page with the outline script in it, asked over the raw protocol: what a page overrides is not in the way."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.session = session
        self.next = 1

    async def open(self, name: str, *, first: int = 1) -> None:
        """Load a fixture; its elements are numbered from `first`."""
        self.next = first
        await self.page.goto((FIXTURES / f"{name}.html").as_uri())

    async def run(self, script: str) -> Any:
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        reply = await self.session.send("Runtime.evaluate", asked)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    async def look(self, *, scope: str = "page", prefix: str = "") -> WebObservation:
        asked = json.dumps({"scope": scope, "next": self.next, "prefix": prefix})
        seen = WebObservation.parse(await self.run(f"__agentkit.observe({asked})"))
        self.next = seen.next_ref
        return seen

    async def lines(self) -> list[str]:
        return (await self.look()).render(max_tokens=100_000).splitlines()

    async def locate(self, ref: str) -> dict[str, Any]:
        found = await self.run(f"__agentkit.locate({json.dumps(ref)})")
        assert isinstance(found, dict)
        return found

    async def clicked(self, found: dict[str, Any]) -> str:
        """Id of what a real click at the located point reaches."""
        await self.run("addEventListener('click', e => { window.reached = e.composedPath()[0].id }, true)")
        await self.page.mouse.click(found["x"], found["y"])
        return str(await self.run("window.reached"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab() -> AsyncIterator[Tab]:
    found = find_browser()
    assert found is not None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found.path, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 1000, "height": 600})
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await page.add_init_script(OUTLINE_JS)
        yield Tab(page, session)
        await browser.close()


def ref_of(seen: WebObservation, name: str) -> str:
    (found,) = [element.ref for element in seen.elements if element.name == name and element.ref]
    return found


async def test_names_are_those_a_person_would_expect(tab: Tab) -> None:
    await tab.open("names")
    lines = [line.strip() for line in await tab.lines() if not line.startswith(("view:", "--"))]
    assert lines == [
        '[1] button "Save all"',
        '[2] button "Close"',
        '"Delete" · [3] button "Delete the draft"',
        '[4] textbox "Mail address" type=email',
        '[5] textbox "Nick" value="bob"',
        '[6] slider "Volume percent" value="7" 0..11',
        '[7] searchbox "Search here"',
        '[8] spinbutton "Your age"',
        '[9] button "Submit"',
        '[10] button "Start over"',
        '[11] button "Go"',
        '[12] button "Pay now"',
        '[13] link "Help"',
        '[14] link "Home page"',
        '[15] link "The title"',
        'image "A red kite"',
        'group "Shipping"',
        '[16] radio "Slow"',
        '[17] radio "Fast" checked',
        'table "Prices"',
        'row "Item | Cost"',
        'row "Tea | 2.50"',
        'figure "The plan"',
        '[18] button "Enlarge"',
        '[19] button "Print"',
        '[20] button "Send"',
        '[21] button "Mark all read"',
        '[22] button "Fake button"',
        '[23] checkbox "Agree" checked',
        'h3 "Section two"',
        '[24] link "Title of a post" h2',
        '[25] textbox "Comment" type=textarea value="hello"',
        '[26] combobox "Size" value="M" options: "S", "M"',
        '[27] button "More" collapsed',
        "[28] button (trash)",
        '[29] link (download) to="/files/report.pdf"',
        "[30] button (menu-toggle bars)",
        '[31] textbox "Body" value="Dear all"',
        'progressbar "Upload" value="30" 0..100',
        '"City" · [32] textbox (City)',
        '[33] checkbox (I have read it) · "I have read it"',
        '[34] button "Empty label"',
        '[35] button "Lost label"',
        '[36] link "Basket (3)"',
    ]


async def test_states_and_values(tab: Tab) -> None:
    await tab.open("states")
    lines = [line.strip() for line in await tab.lines() if not line.startswith(("view:", "--"))]
    long = lines.pop(18)
    assert lines == [
        '[1] checkbox "On" checked',
        '[2] checkbox "Half" mixed',
        '[3] textbox "Must" focused required',
        '[4] textbox "Fixed" value="as is" readonly',
        '[5] textbox "Secret" type=password value="•••••••"',
        '[6] textbox "Off with its group" disabled',
        '[7] button "Off" disabled',
        '[8] button "Bold" pressed',
        '[9] button "Menu" collapsed',
        '[10] button "Nearly off" disabled',
        "tablist",
        '[11] tab "First" selected',
        '[12] tab "Second"',
        '[13] textbox "Wrong" value="?" invalid',
        '[14] link "Here" current',
        '[15] textbox "Day" type=date value="2026-11-22"',
        '[16] combobox "Colour" value="Green" options: "Red", "Green", "Blue" required',
        '[17] listbox "Many" value="a, c" options: "a", "b", "c" multiselectable',
        '[19] slider "Hue" value="120" 0..359',
        '[20] button "Photo" type=file',
        '[21] checkbox "Drawn box" checked',
    ]
    assert long.startswith('[18] combobox "Long" value="option 0" options: "option 0", "option 1", ')
    assert long.endswith('"option 24", … 175 more')


async def test_what_listens_is_listed_with_a_name(tab: Tab) -> None:
    await tab.open("listeners")
    assert await tab.lines() == [
        '[1] span "Listened to"',
        '[2] span "Property"',
        '[3] span "Attribute"',
        'text "Removed again"',
        '[4] span "Once only"',
        '[5] span "Hand"',
        '[6] div "Draggable" draggable',
        "[7] cell (cell row 1 column 1) · [8] cell (cell row 1 column 2)",
        "[9] cell (cell row 2 column 1) · [10] cell (cell row 2 column 2)",
        "[11] i (trash bin)",
        'box "magenta" 30x30',
        "[12] div (swatch tint) color=lime",
        '[13] div "Ann Hello there" · [14] i (star)',
        '"Delegated:" · [15] em "first" · "and second"',
        '[16] circle "red" 20x20 at 28,315',
        '[17] triangle "lime" 20x20 at 68,315',
        '[18] rectangle "blue" 20x20 at 98,315',
        '[19] text "k" color=black 10x19',
        "[20] canvas (board) 40x30 at 153,340",
    ]
    await tab.run("document.getElementById('once').click()")
    assert 'text "Once only"' in await tab.lines()


async def test_nothing_is_written_into_the_page_and_one_hidden_global_is_made(tab: Tab) -> None:
    await tab.open("listeners")
    before = await tab.run("document.documentElement.outerHTML")
    seen = await tab.look()
    await tab.locate(seen.elements[0].ref)
    assert await tab.run("document.documentElement.outerHTML") == before
    assert await tab.run("Object.keys(window).filter(k => k.includes('agentkit'))") == []
    assert await tab.run(
        "Object.isFrozen(__agentkit) && !Object.getOwnPropertyDescriptor(window, '__agentkit').writable"
    )


async def test_open_shadow_roots_and_slots(tab: Tab) -> None:
    await tab.open("shadow")
    seen = await tab.look()
    assert seen.render().splitlines() == [
        'h2 "Slotted title"',
        '[1] textbox "Inner field"',
        '[2] div "Hot"',
        '[3] button "Light button"',
        '[4] button "Deep button" · "Deep button"',
    ]
    assert (await tab.locate("4"))["ok"]
    await tab.run("document.querySelector('fancy-card').shadowRoot.getElementById('in').focus()")
    assert (await tab.look()).focused == "1"


async def test_frames_of_the_same_origin_are_walked_and_boxes_are_those_of_the_window(tab: Tab) -> None:
    await tab.open("frames")
    seen = await tab.look()
    assert seen.render().splitlines() == [
        '[1] button "Outside"',
        '[2] iframe "Outer"',
        '  [3] button "In one"',
        '  [4] iframe "Inner"',
        '    [5] button "In two"',
        '    [6] div "Heard"',
        '[7] iframe "Elsewhere"',
    ]
    heard = seen.find("6")
    inner = seen.find("4")
    assert heard is not None
    assert inner is not None
    assert heard.box.x == inner.box.x + 2
    assert heard.box.y > inner.box.y + 2
    found = await tab.locate("6")
    await tab.page.mouse.click(found["x"], found["y"])
    assert await tab.run("frames[0].frames[0].document.title") == "clicked"


async def test_a_frame_of_another_origin_is_merged_at_its_line(tab: Tab) -> None:
    await tab.open("frames")
    outer = await tab.look()
    assert [element.name for element in outer.elements if element.frame] == ["Elsewhere"]
    sandboxed = [frame for frame in tab.page.frames if frame.parent_frame == tab.page.main_frame][-1]
    asked = {"next": outer.next_ref, "prefix": "f1."}
    inner = WebObservation.parse(await sandboxed.evaluate("asked => __agentkit.observe(asked)", asked))
    merged = merge_frame(outer, "7", inner=inner)
    assert [str(element) for element in merged.elements[-2:]] == [
        '[7] iframe "Elsewhere"',
        '[f1.8] button "Unreachable"',
    ]
    assert merged.elements[-1].depth == 1
    assert merged.elements[-1].box.y == inner.elements[0].box.y + merged.elements[-2].box.y
    assert merged.next_ref == 9


async def test_right_to_left_text_keeps_its_order_and_cannot_be_turned(tab: Tab) -> None:
    await tab.open("rtl")
    assert await tab.lines() == [
        'h1 "مرحبا بالعالم"',
        'text "السعر: ٢٥ دينار"',
        '[1] button "إرسال"',
        '[2] textbox "الاسم" value="ليلى"',
        '[3] button "safetxt.exe"',
    ]


async def test_a_page_that_overrides_everything_is_read_all_the_same(tab: Tab) -> None:
    await tab.open("hostile")
    assert await tab.run("[overridden, finished].length") == 2
    seen = await tab.look()
    assert seen.render().splitlines() == [
        '[1] textbox "First" · [2] textbox "Second" · [3] textbox "Third" · [4] button "Go"',
        '[5] div "Late"',
        'text "x=2"',
    ]
    assert (await tab.locate("5"))["ok"]
    assert (await tab.look(scope="viewport")).render() == seen.render()


async def test_a_page_cannot_write_a_line_of_its_own(tab: Tab) -> None:
    await tab.open("forged")
    lines = await tab.lines()
    assert lines == [
        r'[1] button "x\" [99] button \"Fake"',
        "[2] button (x 98 y)",
        r'text "back\\slash turned tagged softhyphen line end next"',
        r'[3] link (l) to="/a\" ] [97]"',
    ]


async def test_hidden_things_are_left_out_and_folded_ones_kept_while_they_can_act(tab: Tab) -> None:
    await tab.open("hidden")
    assert await tab.lines() == [
        '[1] button "Shown again"',
        '[2] button "Contents"',
        '[3] button "Folded button"',
        'text "Inert"',
        '[4] button "Closed" collapsed',
    ]


async def test_references_stay_with_their_elements_and_are_never_used_again(tab: Tab) -> None:
    await tab.open("moving")
    first = await tab.look()
    was = {element.name: element.ref for element in first.elements if element.ref}
    await tab.run(
        "list.prepend(c); b.remove(); list.append(Object.assign(document.createElement('button'), {textContent: 'D'}))"
    )
    second = await tab.look()
    now = {element.name: element.ref for element in second.elements if element.ref}
    assert now == {"C": was["C"], "A": was["A"], "D": "5", "Name": was["Name"]}
    assert [element.name for element in second.elements if element.ref] == ["C", "A", "D", "Name"]
    await tab.page.reload()
    third = await tab.look()
    assert [element.ref for element in third.elements if element.ref] == ["6", "7", "8", "9"]
    assert second.render(against=first).splitlines() == ['+ [5] button "D"', '- [2] button "B"', "4 unchanged"]


async def test_equal_states_have_equal_fingerprints_and_other_states_others(tab: Tab) -> None:
    await tab.open("moving")
    first = await tab.look()
    await tab.run("a.focus()")
    assert (await tab.look()).fingerprint == first.fingerprint
    await tab.run("document.querySelector('input').focus()")
    typing = (await tab.look()).fingerprint
    await tab.run("document.querySelector('input').value = 'x'")
    typed = (await tab.look()).fingerprint
    await tab.run("told.textContent = 'Something'")
    told = (await tab.look()).fingerprint
    assert len({first.fingerprint, typing, typed, told}) == 4
    await tab.open("moving", first=500)
    assert (await tab.look()).fingerprint == first.fingerprint


async def test_only_what_is_in_view_in_viewport_scope(tab: Tab) -> None:
    await tab.open("acting")
    whole, part = await tab.look(), await tab.look(scope="viewport")
    assert [e.name for e in whole.elements if e not in part.elements] == ["Far"]
    assert part.scope == "viewport"
    await tab.run("scrollTo(0, 2900)")
    assert [e.name for e in (await tab.look(scope="viewport")).elements] == ["Far"]


async def test_a_long_table_is_cut_and_the_cut_is_told(tab: Tab) -> None:
    await tab.open("table")
    assert await tab.run("document.querySelectorAll('*').length") > 20_000
    seen = await tab.look()
    text = seen.render(max_tokens=1000)
    lines = text.splitlines()
    assert len(text) <= 4000
    assert lines[1:4] == ['h1 "Ledger"', '[1] button "Export"', 'row "Number | Name | Amount"']
    assert lines[-2] == '[2] button "Last button"'
    kept = sum(line.startswith("row ") for line in lines)
    below = sum(not e.in_view for e in seen.elements) - sum('"Last' in e.name for e in seen.elements)
    assert lines[-1].startswith(f"… {5001 - kept} elements left out (")
    assert kept >= 20
    assert below > 4900


async def test_locate_gives_a_point_that_takes_the_click(tab: Tab) -> None:
    await tab.open("acting")
    seen = await tab.look()
    half = await tab.locate(ref_of(seen, "Half"))
    assert half["ok"]
    assert await tab.clicked(half) == "half"
    link = await tab.locate(ref_of(seen, "a link that wraps over lines"))
    assert await tab.clicked(link) == "link"
    far = await tab.locate(ref_of(seen, "Far"))
    assert 0 <= far["y"] <= 600
    assert await tab.clicked(far) == "far"
    tick = await tab.locate(ref_of(seen, "Tick"))
    await tab.clicked(tick)
    assert await tab.run("document.getElementById('ticked').checked") is True


async def test_locate_says_why_not(tab: Tab) -> None:
    await tab.open("acting")
    seen = await tab.look()
    under = await tab.locate(ref_of(seen, "Under"))
    assert (under["ok"], under["reason"], under["covered_by"]) == (False, "covered", ref_of(seen, "Cover"))
    off = await tab.locate(ref_of(seen, "Off"))
    assert (off["reason"], off["enabled"]) == ("disabled", False)
    gone = ref_of(seen, "Gone")
    await tab.run("document.getElementById('gone').style.display = 'none'")
    assert (await tab.locate(gone))["reason"] == "hidden"
    await tab.run("document.getElementById('gone').remove()")
    assert (await tab.locate(gone))["reason"] == "detached"
    assert (await tab.locate("4711"))["reason"] == "unknown"


async def test_locate_tells_what_an_element_takes(tab: Tab) -> None:
    await tab.open("acting")
    seen = await tab.look()
    pick = await tab.locate(ref_of(seen, "Pick"))
    assert pick["tag"] == "select"
    assert [(o["value"], o["label"], o["selected"]) for o in pick["options"]] == [
        ("1", "One", False),
        ("2", "Two", True),
    ]
    pen = await tab.locate(ref_of(seen, "pen"))
    assert (pen["contenteditable"], pen["editable"]) == (True, True)
    under = ref_of(seen, "Under")
    assert await tab.run(f"__agentkit.element({under!r}).id") == "under"
    assert await tab.run("__agentkit.refOf(document.getElementById('under'))") == under


async def test_marks_are_drawn_and_leave_nothing_behind(tab: Tab) -> None:
    await tab.open("acting")
    seen = await tab.look()
    before = await tab.run("document.documentElement.outerHTML")
    plain = await tab.page.screenshot(caret="initial")
    drawn = await tab.run(f"__agentkit.marks({json.dumps([e.ref for e in seen.elements if e.ref])})")
    assert drawn == len([e for e in seen.elements if e.ref and e.in_view])
    assert await tab.page.screenshot(caret="initial") != plain
    again = await tab.locate(ref_of(seen, "Half"))
    assert again["ok"]
    await tab.run("__agentkit.unmark()")
    assert await tab.run("document.documentElement.outerHTML") == before
    assert await tab.page.screenshot(caret="initial") == plain
