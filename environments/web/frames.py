"""Frames of other origins, which the outline's script cannot enter from outside: each is observed by its own script."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from environments.web.outline import Element, WebObservation

if TYPE_CHECKING:
    from playwright.async_api import Frame

    from environments.web.tab import BrowserTab

__all__ = ["merge_frame", "with_frames"]

MAX_FRAMES = 8
"""Frames of other origins looked into per observation; advertising pages have dozens."""
MAX_DEPTH = 3


async def with_frames(observation: WebObservation, tab: BrowserTab, *, scope: str) -> WebObservation:
    """The observation with the elements of frames of other origins put in, under references such as `f12.3`."""
    return await _filled(observation, tab.page.main_frame, scope=scope, prefix="", depth=0)


async def _filled(outer: WebObservation, frame: Frame, *, scope: str, prefix: str, depth: int) -> WebObservation:
    for element in [element for element in outer.elements if element.frame and element.ref][:MAX_FRAMES]:
        inner = await _inside(frame, element, scope=scope, next_ref=outer.next_ref, prefix=prefix, depth=depth)
        if inner is not None:
            outer = merge_frame(outer, element.ref, inner=inner)
    return outer


async def _inside(
    frame: Frame, element: Element, *, scope: str, next_ref: int, prefix: str, depth: int
) -> WebObservation | None:
    """What a frame shows; None for one that is not there (yet) or went away."""
    from playwright.async_api import Error

    own = f"f{element.ref.removeprefix(prefix)}."
    options = json.dumps({"scope": scope, "next": next_ref, "prefix": prefix + own})
    try:
        handle = (await frame.evaluate_handle(f"__agentkit.element({json.dumps(element.ref)})")).as_element()
        inner = await handle.content_frame() if handle else None
        text = await inner.evaluate(f"window.__agentkit ? __agentkit.observe({options}) : ''") if inner else ""
    except Error:
        return None
    if not text or inner is None:
        return None
    seen = replace(WebObservation.parse(text), tabs=(), events=())
    if depth + 1 < MAX_DEPTH:
        seen = await _filled(seen, inner, scope=scope, prefix=prefix + own, depth=depth + 1)
    return seen


def merge_frame(outer: WebObservation, ref: str, *, inner: WebObservation) -> WebObservation:
    """`outer` with the elements of a frame of another origin put in behind the frame's own line, `ref`.

    The inner boxes are moved by the frame's place; what the frame does not show is out of view.

    Raises:
        KeyError: `outer` has no frame with this reference.
    """
    frame = outer.by_ref[ref]
    at = outer.elements.index(frame) + 1
    groups = max((element.group for element in outer.elements), default=0)
    moved = tuple(_moved(element, frame, groups) for element in inner.elements)
    return replace(
        outer,
        elements=outer.elements[:at] + moved + outer.elements[at:],
        focused=inner.focused if outer.focused == ref and inner.focused else outer.focused,
        next_ref=max(outer.next_ref, inner.next_ref),
    )


def _moved(element: Element, frame: Element, groups: int) -> Element:
    box = element.box._replace(x=element.box.x + frame.box.x, y=element.box.y + frame.box.y)
    return replace(
        element,
        box=box,
        depth=element.depth + frame.depth + 1,
        group=element.group + groups if element.group else 0,
        in_view=element.in_view and frame.in_view,
    )
