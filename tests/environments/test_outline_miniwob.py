"""The outline over the first page of every MiniWoB++ task: what takes a click has a line, a reference and a name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from environments.web.browser import find_browser
from environments.web.outline import OUTLINE_JS, WebObservation

miniwob = pytest.importorskip("miniwob")

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FOLDER = Path(miniwob.__file__).parent / "html" / "miniwob"
TASKS = sorted(path.stem for path in FOLDER.glob("*.html"))

# Listeners are recorded here apart from the script under test, by a hook of the test's own.
RECORD = """
window.heard = new Map();
for (const name of ["addEventListener", "removeEventListener"]) {
  const native = EventTarget.prototype[name];
  EventTarget.prototype[name] = function (type, ...rest) {
    if (type === "click" || type === "mousedown") {
      const kinds = heard.get(this) || heard.set(this, new Set()).get(this);
      name[0] === "a" ? kinds.add(type) : kinds.delete(type);
    }
    return native.call(this, type, ...rest);
  };
}
"""
START = """() => {
  Math.seedrandom("0");
  core.startEpisodeReal();
  for (const id of ["sync-task-cover", "reward-display", "click-canvas"]) document.getElementById(id)?.remove();
}"""
MISSED = """() => {
  const native = "a[href], button, input:not([type=hidden]), select, textarea, summary, [contenteditable], " +
    "[draggable=true], [tabindex='0'], [role=button], [role=link], [role=tab], [role=menuitem], " +
    "[role=checkbox], [role=slider]";
  const seen = (el) => {
    const { left, top, right, bottom, width, height } = el.getBoundingClientRect();
    return el.checkVisibility({ visibilityProperty: true }) && width > 0 && height > 0 && right > 0 && bottom > 0 &&
      left < innerWidth && top < innerHeight;
  };
  // A handler that jQuery keeps for descendants only says nothing of the element that holds it.
  const delegates = (el) => {
    const events = window.jQuery?._data(el, "events") || {};
    const all = [...(events.click || []), ...(events.mousedown || [])];
    return all.length > 0 && all.every((one) => one.selector);
  };
  const listens = (el) => (heard.get(el)?.size && !delegates(el)) || el.onclick || el.onmousedown;
  const all = [...document.body.querySelectorAll("*")].filter((el) => (listens(el) || el.matches(native)) && seen(el));
  return { count: all.length, missed: all.filter((el) => !__agentkit.refOf(el)).map((el) => el.outerHTML.slice(0, 200)),
    refs: all.map((el) => __agentkit.refOf(el)) };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    found = find_browser()
    assert found is not None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found.path, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 500, "height": 400})
        opened = await context.new_page()
        await opened.add_init_script(RECORD)
        await opened.add_init_script(OUTLINE_JS)
        yield opened
        await browser.close()


async def start(page: Page, task: str) -> WebObservation:
    await page.goto((FOLDER / f"{task}.html").as_uri())
    await page.evaluate(START)
    return WebObservation.parse(await page.evaluate("__agentkit.observe()"))


async def test_whatever_takes_a_click_has_a_line_a_reference_and_a_name(page: Page) -> None:
    missed: dict[str, Any] = {}
    nameless: dict[str, Any] = {}
    count = 0
    for task in TASKS:
        seen = await start(page, task)
        found = await page.evaluate(MISSED)
        count += found["count"]
        if found["missed"]:
            missed[task] = found["missed"]
        listed = seen.by_ref
        if bad := [ref for ref in found["refs"] if ref and not (ref in listed and listed[ref].name.strip())]:
            nameless[task] = bad
    assert missed == {}
    assert nameless == {}
    assert len(TASKS) >= 125
    assert count > 600


async def test_the_text_of_a_small_page_is_small(page: Page) -> None:
    assert (await start(page, "click-test")).render() == 'text "Click the button."\n[1] button "Click Me!"'


async def test_shapes_come_with_kind_colour_size_and_place(page: Page) -> None:
    lines = (await start(page, "click-shape")).render().splitlines()
    assert lines[1] == "[1] image (area_svg) 160x160 at 82,132"
    assert '[2] triangle "aqua" 10x10 at 12,122' in lines
    assert '[9] text "I" color=green 6x24' in lines


async def test_unnamed_icons_stand_on_the_line_of_their_message(page: Page) -> None:
    lines = (await start(page, "email-inbox-delete")).render().splitlines()
    assert '[2] div "Andria Dui sed. Augue quam. Ull.." · [3] span (trash) · [4] span (star)' in lines


async def test_the_handle_of_a_slider_can_be_dragged(page: Page) -> None:
    seen = await start(page, "use-slider")
    (handle,) = [element for element in seen.elements if element.role == "slider"]
    assert "drag" in handle.actions
    assert handle.value == "40%"


async def test_equal_seeds_give_equal_fingerprints(page: Page) -> None:
    for task in ("click-checkboxes", "book-flight", "social-media", "tic-tac-toe"):
        assert (await start(page, task)).fingerprint == (await start(page, task)).fingerprint
