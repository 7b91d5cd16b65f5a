"""Where on the page an action goes, and what to say when it can go nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from environments.contracts import JSON
from environments.web.settle import ARM

if TYPE_CHECKING:
    from playwright.async_api import Frame, Keyboard

    from environments.web.outline import WebObservation
    from environments.web.window import Window

__all__ = ["Place", "Scene", "Wrong"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element is and what it takes, as the page's script says."""

    ok: bool
    reason: str = ""
    x: float = 0.0
    y: float = 0.0
    visible: bool = False
    tag: str = ""
    type: str = ""
    editable: bool = False
    contenteditable: bool = False
    covered_by: str = ""
    options: tuple[Mapping[str, JSON], ...] = ()
    multiple: bool = False
    tick: str = ""
    """`true`, `false` or `mixed` for what can be ticked; empty otherwise."""


class Wrong(Exception):
    """The action cannot be carried out; the message is for the agent."""


class Scene:
    """Where an action is carried out, and what the agent saw when it chose it."""

    def __init__(self, window: Window, seen: WebObservation) -> None:
        self.window, self.seen = window, seen

    @property
    def keyboard(self) -> Keyboard:
        return self.window.front.page.keyboard

    async def act(self, name: str, *arguments: JSON) -> JSON:
        """Call one of the functions of `acts.js`; those for an element go to the frame that the element is in."""
        call = f"__agentkit_acts.{name}({', '.join(map(json.dumps, arguments))})"
        if arguments and "." in str(arguments[0]):
            frame, _, _ = await self.frame_of(str(arguments[0]))
            return await frame.evaluate(call)
        return await self.window.front.evaluate(call)

    async def place(self, ref: str) -> Place:
        """Scroll to an element, begin the settling window and say where it is in the view.

        Raises:
            Wrong: there is no such element any more.
        """
        dx = dy = 0.0
        if "." in ref:
            await self.window.front.evaluate(ARM)
            _, dx, dy = await self.frame_of(ref)
        said = json.loads(str(await self.act("place", ref)))
        known = {field.name: said[field.name] for field in fields(Place) if field.name in said}
        if said["reason"] in ("unknown", "detached"):
            raise Wrong(self.absent(ref, gone=said["reason"] == "detached"))
        moved = {"x": said["x"] + dx, "y": said["y"] + dy, "options": tuple(said["options"])}
        return Place(**(known | moved))

    async def ready(self, ref: str) -> Place:
        """The place of an element that can take the mouse now.

        Raises:
            Wrong: it is hidden, disabled or covered, with what to do.
        """
        place = await self.place(ref)
        if place.ok:
            return place
        words = self.words(ref)
        if place.reason == "covered":
            raise Wrong(f"{words} is covered by {self.words(place.covered_by)}; deal with that first")
        if place.reason == "disabled":
            raise Wrong(f"{words} is disabled")
        raise Wrong(f"{words} cannot be seen on the page now")

    def words(self, ref: str) -> str:
        """An element as the outline shows it."""
        element = self.seen.find(ref)
        return str(element) if element else ref

    def absent(self, ref: str, *, gone: bool) -> str:
        """What to say of a reference that leads nowhere, with the nearest that do."""
        known = self.seen.find(ref)
        near = self.seen.nearest(known.name if gone and known and known.name else ref)
        offered = "; ".join(str(element) for element in near if element.ref != ref)
        what = f"{self.words(ref)} is no longer on the page" if gone or known else f"there is no element {ref!r}"
        return f"{what}; nearest: {offered}" if offered else what

    async def frame_of(self, ref: str) -> tuple[Frame, float, float]:
        """The frame of another origin that a reference such as `f12.3` points into, and where its content begins."""
        frame, x, y = self.window.front.page.main_frame, 0.0, 0.0
        prefix = ""
        for part in ref.split(".")[:-1]:
            handle = await frame.evaluate_handle(f"__agentkit.element({json.dumps(prefix + part[1:])})")
            element = handle.as_element()
            inner = await element.content_frame() if element else None
            if element is None or inner is None:
                raise Wrong(self.absent(ref, gone=True))
            await element.scroll_into_view_if_needed()
            dx, dy = await element.evaluate(
                "el => { const r = el.getBoundingClientRect(); return [r.left + el.clientLeft, r.top + el.clientTop] }"
            )
            frame, x, y, prefix = inner, x + dx, y + dy, f"{prefix}{part}."
        return frame, x, y
