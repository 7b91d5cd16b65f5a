"""Reading actions in any of the three wordings, checking them against the tools, and carrying them out on a page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.contracts import Action
from environments.web.actions import COORDINATE_TOOLS, WEB_TOOLS, ActionError, check_action
from environments.web.outline import WebObservation
from environments.web.perform import ACTIONS
from environments.web.wording import parse_action
from tests.environments.acting import act, ref, words
from tests.environments.conftest import OpenPage

browser = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
ALL_TOOLS = WEB_TOOLS + COORDINATE_TOOLS


def in_browser(test: Any) -> Any:
    for mark in browser:
        test = mark(test)
    return test


# ---- reading


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("click [12]", Action("click", {"ref": "12"})),
        ("hover [3]", Action("hover", {"ref": "3"})),
        ("type [7] [shoes] [1]", Action("type", {"ref": "7", "text": "shoes", "press_enter": True})),
        ("type [7] [shoes]", Action("type", {"ref": "7", "text": "shoes", "press_enter": True})),
        ("type [7] [shoes] [0]", Action("type", {"ref": "7", "text": "shoes"})),
        ("type [7] [a [b] c] [press_enter_after=0]", Action("type", {"ref": "7", "text": "a [b] c"})),
        ("type [7] [two\nlines] [0]", Action("type", {"ref": "7", "text": "two\nlines"})),
        ("press [ctrl+a]", Action("press", {"key": "ctrl+a"})),
        ("scroll [down]", Action("scroll", {"direction": "down"})),
        ("scroll [direction=up]", Action("scroll", {"direction": "up"})),
        ("tab_focus [1]", Action("tab_focus", {"index": 1})),
        ("new_tab", Action("tab_new", {})),
        ("close_tab", Action("tab_close", {})),
        ("goto [http://a.test/x?y=[1]]", Action("goto", {"url": "http://a.test/x?y=[1]"})),
        ("go_back", Action("back", {})),
        ("go_forward", Action("forward", {})),
        ("stop [the answer, [or] so]", Action("answer", {"text": "the answer, [or] so"})),
        ("stop []", Action("answer", {})),
        ("stop", Action("answer", {})),
    ],
)
def test_webarena_wording(text: str, action: Action) -> None:
    assert parse_action(text) == action
    assert parse_action(f"Let me think.\nIn summary, the next action is ```{text}```") == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("click('12')", Action("click", {"ref": "12"})),
        ("click('12', button='right')", Action("right_click", {"ref": "12"})),
        ("dblclick(bid='12')", Action("dblclick", {"ref": "12"})),
        ("fill('7', 'it\\'s \"here\"')", Action("fill", {"ref": "7", "text": 'it\'s "here"'})),
        ("fill(bid='7', value='x')", Action("fill", {"ref": "7", "text": "x"})),
        ("select_option('3', ['a', 'b'])", Action("select_option", {"ref": "3", "option": ["a", "b"]})),
        ("select_option('3', options='a')", Action("select_option", {"ref": "3", "option": "a"})),
        ("press('4', 'Enter')", Action("press", {"ref": "4", "key": "Enter"})),
        ("keyboard_press('Tab')", Action("press", {"key": "Tab"})),
        ("keyboard_type('abc')", Action("type", {"text": "abc"})),
        ("drag_and_drop('1', '2')", Action("drag", {"ref": "1", "to_ref": "2"})),
        ("drag_and_drop(from_bid='1', to_bid='2')", Action("drag", {"ref": "1", "to_ref": "2"})),
        ("scroll(0, 200)", Action("scroll", {"direction": "down"})),
        ("scroll(delta_x=-300.5, delta_y=1)", Action("scroll", {"direction": "left"})),
        ("upload_file('1', 'a.txt')", Action("upload", {"ref": "1", "file": "a.txt"})),
        ("mouse_click(10, 20.5)", Action("mouse_click", {"x": 10, "y": 20.5})),
        (
            "mouse_drag_and_drop(1, 2, 3, 4)",
            Action("mouse_drag", {"x": 1, "y": 2, "to_x": 3, "to_y": 4}),
        ),
        ("noop()", Action("wait", {})),
        ("noop(500)", Action("wait", {"seconds": 0.5})),
        ("send_msg_to_user('done')", Action("answer", {"text": "done"})),
        ("report_infeasible('no such page')", Action("report_infeasible", {"reason": "no such page"})),
        ("tab_focus(2)", Action("tab_focus", {"index": 2})),
        ("<think>hm</think><action>\nclick('12')\n</action>", Action("click", {"ref": "12"})),
        ("```python\nclick('12')\n```", Action("click", {"ref": "12"})),
    ],
)
def test_browsergym_wording(text: str, action: Action) -> None:
    assert parse_action(text, tools=ALL_TOOLS) == action


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "fill", "arguments": {"ref": "7", "text": "x"}}',
        '{"name": "fill", "arguments": "{\\"ref\\": 7, \\"text\\": \\"x\\"}"}',
        '{"type": "function", "function": {"name": "fill", "arguments": {"ref": "[7]", "text": "x"}}}',
        '{"action": "fill", "parameters": {"ref": "7", "text": "x"}}',
    ],
)
def test_tool_calls(text: str) -> None:
    assert parse_action(text) == Action("fill", {"ref": "7", "text": "x"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clik('1')", "did you mean click"),
        ("click()", "lacks 'ref'"),
        ("click('1', 'left', [], 4)", "takes 3 arguments"),
        ("fill('1')", "lacks 'text'"),
        ("fill('1', 'x', 'y')", "takes 2 arguments"),
        ("click(element='1')", "no argument 'element'"),
        ("click(['Shift'])", "ref is ['Shift']"),
        ("scroll('sideways')", "one of up, down, left, right"),
        ("tab_focus('x')", "give a whole number"),
        ("tab_focus(1.5)", "give a whole number"),
        ("wait(float('nan'))", "must be plain"),
        ("click(open('/etc/passwd').read())", "must be plain"),
        ("__import__('os').system('true')", "is no call of an action"),
        ("click('1'); click('2')", "one action at a time"),
        ("click('1", "cannot be read"),
        ("I will click the button.", "is no action"),
        ("", "no action found"),
        ('{"name": "click", "arguments": "{"}', "not valid JSON"),
        ('{"name": 3}', "a tool call is"),
        ("click('1', modifiers=['Shift'])", "no argument 'modifiers'"),
        ("mouse_click(1, 2)", "no action 'mouse_click'"),
    ],
)
def test_what_cannot_be_read_says_what_would_be_right(text: str, words: str) -> None:
    found = parse_action(text)
    assert isinstance(found, ActionError)
    assert words in found.message


@given(st.text(max_size=200))
def test_no_text_whatever_raises(text: str) -> None:
    assert isinstance(parse_action(text), Action | ActionError)


@given(st.from_regex(r"[a-z_]{1,12}[\[(]{1,3}[^\n]{0,40}", fullmatch=True))
def test_no_text_like_an_action_raises(text: str) -> None:
    assert isinstance(parse_action(text), Action | ActionError)


@given(st.sampled_from(ALL_TOOLS), st.data())
def test_the_written_form_of_an_action_reads_back(tool: Any, data: st.DataObject) -> None:
    values = {"string": st.text(max_size=20), "number": st.integers(0, 99), "integer": st.integers(0, 9)}
    arguments = {}
    for name, schema in tool.parameters["properties"].items():
        if name.endswith("ref"):
            arguments[name] = data.draw(st.integers(1, 99).map(str))
        elif "enum" in schema:
            arguments[name] = data.draw(st.sampled_from(schema["enum"]))
        else:
            arguments[name] = data.draw(values.get(schema.get("type", ""), st.just("true")))
    action = check_action(Action(tool.name, arguments), ALL_TOOLS)
    assert isinstance(action, Action)
    assert parse_action(str(action), tools=ALL_TOOLS) == action


def test_every_tool_that_touches_a_page_is_carried_out_somewhere() -> None:
    endings = {"answer", "report_infeasible"}
    assert {tool.name for tool in ALL_TOOLS} == set(ACTIONS) | endings


# ---- carrying out


@in_browser
async def test_typing_fires_what_a_person_fires(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        filled = await act(episode, "fill", "Name", text="new")
        log = words(filled.observation)
        assert value(filled.observation, "Name") == "new"
        assert log.count("keydown name real") == 3
        assert log.count("input name real") == 3
        added = await act(episode, "type", "Name", text="er", press_enter=True)
        assert value(added.observation, "Name") == "newer"
        assert "change name real" in words(added.observation)
        cleared = await act(episode, "clear", "Name")
        assert value(cleared.observation, "Name") == ""
        long = "word " * 100
        assert value((await act(episode, "fill", "Note", text=long)).observation, "Note").startswith("word word")
        assert await episode._window.front.evaluate("note.value") == long


@in_browser
async def test_fields_of_every_kind_are_filled(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        for name, text in {"Mail": "c@d.test", "Day": "2026-02-03", "Size": "7", "Note": "a\nb", "Rich": "two"}.items():
            result = await act(episode, "fill", name, text=text)
            assert (result.error, value(result.observation, name)) == ("", text.replace("\n", " ")), name
        assert value((await act(episode, "type", "Mail", text=".org")).observation, "Mail") == "c@d.test.org"
        assert value((await act(episode, "type", "Rich", text="!")).observation, "Rich") == "two!"
        assert "change day made" in words((await act(episode, "fill", "Day", text="2026-02-04")).observation)
        assert "it takes the form 2026-12-31" in (await act(episode, "fill", "Day", text="tomorrow")).error
        assert await episode._window.front.evaluate("note.value") == "a\nb"


def value(seen: object, name: str) -> str:
    assert isinstance(seen, WebObservation)
    element = seen.find(ref(seen, name))
    assert element is not None
    return element.value


@in_browser
async def test_options_are_chosen_by_label_or_value(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        green = await act(episode, "select_option", "Color", option="green")
        assert value(green.observation, "Color") == "Green"
        assert "input color made" in words(green.observation)
        assert value((await act(episode, "select_option", "Color", option="Red")).observation, "Color") == "Red"
        many = await act(episode, "select_option", "Many", option=["One", "Three"])
        assert await episode._window.front.evaluate("[...document.querySelector('#many').selectedOptions].length") == 2
        assert many.error == ""
        assert "not among the options" in (await act(episode, "select_option", "Color", option="Blue")).error
        assert "'Red', 'Green'" in (await act(episode, "select_option", "Color", option="Blue")).error
        assert "'Grey' is disabled" in (await act(episode, "select_option", "Color", option="Grey")).error
        assert "takes one option" in (await act(episode, "select_option", "Color", option=["Red", "g"])).error
        assert "is no list" in (await act(episode, "select_option", "Name", option="Red")).error
        assert "use select_option with 'Red'" in (await act(episode, "click", "Color")).error


@in_browser
async def test_boxes_are_ticked_once(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        for _ in range(2):
            ticked = await act(episode, "check", "Box")
            assert "checked" in ticked.observation.find(ref(ticked.observation, "Box")).states
        unticked = await act(episode, "uncheck", "Box")
        assert "checked" not in unticked.observation.find(ref(unticked.observation, "Box")).states
        assert (await act(episode, "check", "Left")).changed
        assert "choose another one" in (await act(episode, "uncheck", "Left")).error
        assert "cannot be ticked" in (await act(episode, "check", "Name")).error


@in_browser
async def test_the_mouse_does_all_it_can(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        assert "hover" in words((await act(episode, "hover", "Twice")).observation)
        assert "double" in words((await act(episode, "dblclick", "Twice")).observation)
        assert "context" in words((await act(episode, "right_click", "Twice")).observation)
        box = (await episode.observe()).find(ref(await episode.observe(), "Box")).box
        point = {"x": box.x + box.width / 2, "y": box.y + box.height / 2}
        clicked = await episode.step(Action("mouse_click", point))
        assert "no action" in clicked.error
    async with open_page("form", tools=ALL_TOOLS) as episode:
        clicked = await episode.step(Action("mouse_click", point))
        assert "checked" in clicked.observation.find(ref(clicked.observation, "Box")).states
        outside = await episode.step(Action("mouse_click", {"x": 5, "y": 5000}))
        assert "outside the view" in outside.error


@in_browser
async def test_wrong_actions_say_what_stands_in_the_way(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        covered = await act(episode, "click", "Covered")
        assert "is covered by" in covered.error
        assert "Cookie banner" in covered.error
        assert "is disabled" in (await act(episode, "click", "Off")).error
        assert "cannot be changed" in (await act(episode, "fill", "Fixed", text="x")).error
        assert "takes no text; fields:" in (await act(episode, "fill", "Box", text="x")).error
        unknown = await episode.step(Action("click", {"ref": "4711"}))
        assert "there is no element '4711'; nearest: [" in unknown.error
        assert "Unknown key" in (await episode.step(Action("press", {"key": "Entr"}))).error
        assert "no tab 7" in (await episode.step(Action("tab_focus", {"index": 7}))).error
        assert "takes no file" in (await act(episode, "upload", "Name", file="x")).error
        assert "no earlier page" in (await episode.step(Action("back"))).error
        await act(episode, "click", "Cookie banner")
        assert (await act(episode, "click", "Covered")).error == ""


@in_browser
async def test_keys_are_pressed_where_the_focus_is_or_is_put(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        await act(episode, "press", "Name", key="End")
        await episode.step(Action("type", {"text": "er"}))
        await episode.step(Action("press", {"key": "ctrl+a"}))
        gone = await episode.step(Action("press", {"key": "backspace"}))
        assert value(gone.observation, "Name") == ""
        plus = await act(episode, "press", "Name", key="Shift++")
        assert value(plus.observation, "Name") == "+"


@in_browser
async def test_scrolling_moves_the_page_or_a_box_and_says_when_it_cannot(open_page: OpenPage) -> None:
    async with open_page("form") as episode:
        down = await episode.step(Action("scroll", {"direction": "down"}))
        assert down.observation.view.scroll_y > 300
        assert (await episode.step(Action("scroll", {"direction": "up"}))).observation.view.scroll_y == 0
        assert "already at the end" in (await episode.step(Action("scroll", {"direction": "up"}))).error
        assert "nothing scrolls right" in (await episode.step(Action("scroll", {"direction": "right"}))).error
        boxed = await act(episode, "scroll", "List", direction="down")
        assert boxed.error == ""
        assert await episode._window.front.evaluate("list.scrollTop") > 20
        far = await act(episode, "click", "Bottom")
        assert far.error == ""
        assert far.observation.view.scroll_y > 300


@in_browser
async def test_dragging_with_the_mouse_and_with_data(open_page: OpenPage) -> None:
    async with open_page("dragging", tools=ALL_TOOLS) as episode:
        target = ref(await episode.observe(), "Target")
        dropped = await act(episode, "drag", "Piece", to_ref=target)
        assert "dropped the piece" in words(dropped.observation)
        moved = await act(episode, "drag", "Knob", by_x=80)
        assert "knob at 100" in words(moved.observation)
        by_point = await episode.step(Action("mouse_drag", {"x": 115, "y": 315, "to_x": 55, "to_y": 315}))
        assert "knob at 40" in words(by_point.observation)
        assert "say where to" in (await act(episode, "drag", "Knob")).error
