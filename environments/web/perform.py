"""Carries actions out on a page, with the mouse and the keys as a person would. Wrong ones are told in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from environments.contracts import Action
from environments.web.keyboard import insert, write
from environments.web.mouse import click as click_at
from environments.web.mouse import drag as drag_to
from environments.web.mouse import move as move_to
from environments.web.scene import Place, Scene, Wrong
from environments.web.settle import ARM

if TYPE_CHECKING:
    from pathlib import Path

    from environments.web.outline import Element, WebObservation
    from environments.web.window import Window

__all__ = ["perform"]

TYPED_WHOLE = 32
"""Characters up to which each is a key press; of a longer text all but the last one are put in at once."""
DRAG_STEPS = 8
"""Mouse moves of a drag: enough for sortable lists to follow."""
SET_BY_VALUE = {
    "date": "2026-12-31",
    "time": "23:59",
    "datetime-local": "2026-12-31T23:59",
    "month": "2026-12",
    "week": "2026-W52",
    "color": "#00ff00",
    "range": "50",
}
"""Input types whose pickers are no part of the page, with an example: their value is set, with a choice's events."""
NAMED_KEYS = (
    *("Enter", "Tab", "Escape", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown", "Space"),
    *("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Control", "Shift", "Alt", "Meta", "CapsLock"),
    *(f"F{n}" for n in range(1, 13)),
)
KEYS: Mapping[str, str] = {name.casefold(): name for name in NAMED_KEYS} | {
    **{"ctrl": "Control", "cmd": "Meta", "command": "Meta", "option": "Alt", "esc": "Escape", "return": "Enter"},
    **{"del": "Delete", "up": "ArrowUp", "down": "ArrowDown", "left": "ArrowLeft", "right": "ArrowRight"},
    **{"pgup": "PageUp", "pgdn": "PageDown", "spacebar": "Space", "": "Space"},
}


async def perform(action: Action, window: Window, *, seen: WebObservation) -> str:
    """Carry out an action that `check_action` has passed. Returns what was wrong with it, or nothing.

    Raises:
        PageLeft, PageGone: the page went away while the action was under way.
    """
    from playwright.async_api import Error

    scene = Scene(window, seen)
    try:
        await ACTIONS[action.name](scene, **action.arguments)
    except Wrong as wrong:
        return f"{action.name}: {wrong}"
    except Error as error:
        if window.front.page.is_closed() or window.front.crashed:
            return f"{action.name}: the tab was lost on the way"
        return f"{action.name}: {error.message.splitlines()[0].removeprefix('Keyboard.press: ')}"
    return ""


# ---- the mouse


async def click(scene: Scene, ref: str) -> None:
    place = await scene.ready(ref)
    if place.tag == "select" and place.options:
        raise Wrong(f"{scene.words(ref)} is a list to choose from; use select_option with {_offered(place)}")
    if place.type == "file":
        raise Wrong(f"{scene.words(ref)} takes a file; use upload")
    await click_at(scene.window.front, (place.x, place.y))


async def dblclick(scene: Scene, ref: str) -> None:
    place = await scene.ready(ref)
    await click_at(scene.window.front, (place.x, place.y), times=2)


async def right_click(scene: Scene, ref: str) -> None:
    place = await scene.ready(ref)
    await click_at(scene.window.front, (place.x, place.y), button="right")


async def hover(scene: Scene, ref: str) -> None:
    place = await scene.ready(ref)
    await move_to(scene.window.front, (place.x, place.y))


async def drag(scene: Scene, ref: str, to_ref: str = "", by_x: float = 0, by_y: float = 0) -> None:
    target = await scene.place(to_ref) if to_ref else None
    if target and not target.visible:
        raise Wrong(f"{scene.words(to_ref)} cannot be seen on the page now")
    start = await scene.ready(ref)
    if to_ref:
        target = await scene.place(to_ref)  # getting the one into view may have moved the other
    if not target and not by_x and not by_y:
        raise Wrong("say where to: to_ref, or by_x and by_y")
    to_x, to_y = (target.x, target.y) if target else (start.x + by_x, start.y + by_y)
    await _drag(scene, start.x, start.y, to_x, to_y)


async def _drag(scene: Scene, x: float, y: float, to_x: float, to_y: float) -> None:
    await drag_to(scene.window.front, (x, y), end=(to_x, to_y), steps=DRAG_STEPS)


async def mouse_click(scene: Scene, x: float, y: float) -> None:
    await _point(scene, x, y)
    await click_at(scene.window.front, (x, y))


async def mouse_dblclick(scene: Scene, x: float, y: float) -> None:
    await _point(scene, x, y)
    await click_at(scene.window.front, (x, y), times=2)


async def mouse_move(scene: Scene, x: float, y: float) -> None:
    await _point(scene, x, y)
    await move_to(scene.window.front, (x, y))


async def mouse_drag(scene: Scene, x: float, y: float, to_x: float, to_y: float) -> None:
    await _point(scene, x, y)
    await _drag(scene, x, y, to_x, to_y)


async def _point(scene: Scene, x: float, y: float) -> None:
    view = scene.seen.view
    if not (0 <= x < view.width and 0 <= y < view.height):
        raise Wrong(f"({x:g}, {y:g}) is outside the view of {view.width} x {view.height}; scroll to it first")
    await scene.window.front.evaluate(ARM)


# ---- the keyboard


async def fill(scene: Scene, ref: str, text: str) -> None:
    place = await scene.place(ref)
    if place.type in SET_BY_VALUE:
        await scene.ready(ref)
        if not await scene.act("setValue", ref, text):
            example = SET_BY_VALUE[place.type]
            raise Wrong(f"{scene.words(ref)} does not take {text!r}; it takes the form {example}")
        return
    await _enter(scene, ref)
    filled = await scene.act("selectAll", ref)
    if text:
        single = place.tag == "input"
        await _write(scene, " ".join(text.splitlines()) if single else text)
    elif filled:
        await scene.keyboard.press("Delete")


async def clear(scene: Scene, ref: str) -> None:
    await fill(scene, ref, "")


async def type_(scene: Scene, text: str, ref: str = "", press_enter: bool = False) -> None:
    if ref:
        await _enter(scene, ref)
        if not await scene.act("caretToEnd", ref):
            await scene.keyboard.press("End")
    else:
        await scene.window.front.evaluate(ARM)
    await _write(scene, text)
    if press_enter:
        await scene.keyboard.press("Enter")


async def _enter(scene: Scene, ref: str) -> None:
    """Click into a field, as a person would before typing.

    Raises:
        Wrong: it is no field, or cannot be changed; with the nearest that can.
    """
    place = await scene.ready(ref)
    if not place.editable:
        fields_ = [element for element in scene.seen.by_ref.values() if "edit" in element.actions]
        fixed = "cannot be changed" if _is_field(scene.seen.find(ref)) else "takes no text"
        offered = "; ".join(map(str, fields_[:3])) or "there is none on this page"
        raise Wrong(f"{scene.words(ref)} {fixed}; fields: {offered}")
    await click_at(scene.window.front, (place.x, place.y))


def _is_field(element: Element | None) -> bool:
    return element is not None and "edit" in element.actions


async def _write(scene: Scene, text: str) -> None:
    whole = len(text) <= TYPED_WHOLE
    if not whole:
        await insert(scene.window.front, text[:-1])
    await write(scene.window.front, text if whole else text[-1])


async def press(scene: Scene, key: str, ref: str = "") -> None:
    combination = "+".join(KEYS.get(part.strip().casefold(), part.strip()) for part in _parts(key))
    if ref:
        await scene.ready(ref)
        await scene.act("focus", ref)
    else:
        await scene.window.front.evaluate(ARM)
    await scene.keyboard.press(combination)


def _parts(key: str) -> list[str]:
    """`Control++` is Control and the plus sign."""
    if key in ("+", " "):
        return [key]
    return [*key[:-2].split("+"), "+"] if key.endswith("++") else key.split("+")


# ---- choices


async def select_option(scene: Scene, ref: str, option: str | list[str]) -> None:
    place = await scene.place(ref)
    wanted = [option] if isinstance(option, str) else option
    if place.tag != "select":
        raise Wrong(f"{scene.words(ref)} is no list to choose from; click it instead")
    if not place.ok and place.reason != "covered":
        await scene.ready(ref)
    if len(wanted) > 1 and not place.multiple:
        raise Wrong(f"{scene.words(ref)} takes one option, got {len(wanted)}")
    problem = str(await scene.act("choose", ref, wanted))
    if problem:
        kind, _, name = problem.partition(" ")
        what = "is disabled" if kind == "disabled" else "is not among the options"
        raise Wrong(f"{name!r} {what} of {scene.words(ref)}: {_offered(place)}")


def _offered(place: Place) -> str:
    names = [repr(option["label"] or option["value"]) for option in place.options if not option["disabled"]]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


async def check(scene: Scene, ref: str) -> None:
    await _tick(scene, ref, wanted="true")


async def uncheck(scene: Scene, ref: str) -> None:
    await _tick(scene, ref, wanted="false")


async def _tick(scene: Scene, ref: str, *, wanted: str) -> None:
    place = await scene.ready(ref)
    if not place.tick:
        raise Wrong(f"{scene.words(ref)} cannot be ticked; click it instead")
    if place.type == "radio" and wanted == "false":
        raise Wrong(f"{scene.words(ref)} is a radio button; choose another one of its group instead")
    if place.tick != wanted:
        await click_at(scene.window.front, (place.x, place.y))


# ---- the rest


async def scroll(scene: Scene, direction: str, ref: str = "") -> None:
    problem = str(await scene.act("scroll", ref, direction))
    if problem == "unknown":
        raise Wrong(scene.absent(ref, gone=False))
    if problem:
        raise Wrong(problem)


async def wait(scene: Scene, seconds: float = 1) -> None:
    wanted = max(0.0, min(10.0, seconds))
    if not await scene.act("pass", round(wanted * 1000)):
        await asyncio.sleep(wanted)


async def upload(scene: Scene, ref: str, file: str) -> None:
    place = await scene.place(ref)
    if place.type != "file":
        raise Wrong(f"{scene.words(ref)} takes no file")
    path = _offered_file(scene.window, file)
    frame = (await scene.frame_of(ref))[0] if "." in ref else scene.window.front.page.main_frame
    element = (await frame.evaluate_handle(f"__agentkit.element({json.dumps(ref)})")).as_element()
    if element is None:
        raise Wrong(scene.absent(ref, gone=True))
    await element.set_input_files(path)


def _offered_file(window: Window, name: str) -> Path:
    """The file of this name in the task's upload folder or among the downloads; nothing else can be reached."""
    folders = [folder.resolve() for folder in (window.rules.uploads, window.folder) if folder]
    for folder in folders:
        path = (folder / name).resolve()
        if path.is_relative_to(folder) and path.is_file():
            return path
    names = sorted(path.name for folder in folders for path in folder.iterdir() if path.is_file())
    raise Wrong(f"there is no file {name!r}; there are: {', '.join(names[:20]) or 'none'}")


# ---- tabs and addresses


async def goto(scene: Scene, url: str) -> None:
    _refuse(await scene.window.goto(url))


async def back(scene: Scene) -> None:
    _refuse(await scene.window.travel(-1))


async def forward(scene: Scene) -> None:
    _refuse(await scene.window.travel(+1))


async def tab_new(scene: Scene, url: str = "") -> None:
    _refuse(scene.window.rules.refusal(url) if url else "")
    await scene.window.open_tab()
    if url:
        _refuse(await scene.window.goto(url))


async def tab_focus(scene: Scene, index: int) -> None:
    _refuse(await scene.window.focus(index))


async def tab_close(scene: Scene) -> None:
    await scene.window.close_front()


def _refuse(problem: str) -> None:
    if problem:
        raise Wrong(problem)


ACTIONS: Mapping[str, Callable[..., Awaitable[None]]] = {
    action.__name__.rstrip("_"): action
    for action in (
        *(click, dblclick, right_click, hover, drag, mouse_click, mouse_dblclick, mouse_move, mouse_drag),
        *(fill, clear, type_, press, select_option, check, uncheck, scroll, wait, upload),
        *(goto, back, forward, tab_new, tab_focus, tab_close),
    )
}
