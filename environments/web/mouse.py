"""The mouse of a tab, over the direct line: what is one gesture is sent at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from environments.contracts import JSON
    from environments.web.tab import BrowserTab, Command

__all__ = ["Button", "Point", "click", "drag", "move"]

Point = tuple[float, float]
"""Of the view, in CSS pixels."""
Button = Literal["left", "right"]
HELD = {"left": 1, "right": 2}
LIMIT_S = 30.0
"""Seconds after which a page that takes no input is held to hang."""


async def move(tab: BrowserTab, at: Point) -> None:
    """Bring the mouse to a point."""
    await tab.ask(_event(tab, "mouseMoved", at), timeout_s=LIMIT_S)


async def click(tab: BrowserTab, at: Point, *, button: Button = "left", times: int = 1) -> None:
    """Bring the mouse to a point and press and release a button there."""
    events = [_event(tab, "mouseMoved", at)]
    for count in range(1, times + 1):
        events.append(_event(tab, "mousePressed", at, button=button, buttons=HELD[button], clickCount=count))
        events.append(_event(tab, "mouseReleased", at, button=button, clickCount=count))
    await tab.ask(*events, timeout_s=LIMIT_S)


async def drag(tab: BrowserTab, start: Point, *, end: Point, steps: int = 8) -> None:
    """Press at one point, move to the other in `steps` moves, and release.

    Playwright does it: it stands in for the system, which would carry what is dragged by HTML's own means. What the
    system carries knows nothing of the scale of the view.
    """
    mouse = tab.page.mouse
    async with tab.at_full_size():
        await mouse.move(*start)
        await mouse.down()
        try:
            await mouse.move(*end, steps=steps)
        finally:
            await mouse.up()


def _event(tab: BrowserTab, kind: str, at: Point, **more: JSON) -> Command:
    return "Input.dispatchMouseEvent", {"type": kind, "x": at[0] * tab.scale, "y": at[1] * tab.scale} | more
