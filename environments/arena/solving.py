"""Takes a reference solution's moves on the pages, as a person would: looks for a role and a label, and acts on it."""

from __future__ import annotations

from collections.abc import Sequence

from environments.arena.look import Look
from environments.arena.tasks import Move
from environments.contracts import Action, StepResult
from environments.web.episode import WebEpisode
from environments.web.outline import Element, WebObservation
from sandbox import AgentkitError

__all__ = ["CannotMove", "action_of", "solve"]


class CannotMove(AgentkitError):
    """Nothing on the page is what a move looks for."""


async def solve(
    episode: WebEpisode, moves: Sequence[Move], *, look: Look, addressed: dict[str, str] | None = None
) -> StepResult | None:
    """Take the moves in order; the last step's result.

    `addressed` replaces placeholders such as `__SHOP__` in addresses.

    Raises:
        CannotMove: a move finds nothing to act on, or its action is refused.
    """
    result = None
    for number, move in enumerate(moves, start=1):
        action = action_of(move, await episode.observe(), look=look, addressed=addressed or {})
        result = await episode.step(action)
        if result.error:
            raise CannotMove(f"move {number}, {move}: {action} was refused: {result.error}")
    return result


def action_of(move: Move, seen: WebObservation, *, look: Look, addressed: dict[str, str]) -> Action:
    """The action that a move is on this page."""
    match move.action:
        case "answer":
            return Action("answer", {"text": move.text})
        case "report_infeasible":
            return Action("report_infeasible", {"reason": move.text})
        case "press":
            return Action("press", {"key": move.text})
        case "goto":
            url = move.text
            for placeholder, address in addressed.items():
                url = url.replace(placeholder, address)
            return Action("goto", {"url": url})
    ref = found(move, seen, look=look).ref
    extra = {"fill": {"text": move.text}, "select_option": {"option": look.label(move.text)}}
    return Action(move.action, {"ref": ref, **extra.get(move.action, {})})


def found(move: Move, seen: WebObservation, *, look: Look) -> Element:
    """The first element of the move's role and label, after the one that it is to be near."""
    elements = list(seen.elements)
    start = 0
    if move.near:
        start = next((i for i, element in enumerate(elements) if move.near in (element.name or "")), -1)
        if start < 0:
            raise CannotMove(f"{move}: nothing near {move.near!r} on {seen.url}\n{seen.render(max_tokens=1500)}")
    wanted = look.label(move.name.removesuffix("…"))
    for element in elements[start:]:
        name = element.name or ""
        same = name.startswith(wanted) if move.name.endswith("…") else name == wanted
        if element.ref and element.role in ROLES.get(move.role, {move.role}) and same:
            return element
    raise CannotMove(f"{move}: no {move.role} {wanted!r} on {seen.url}\n{seen.render(max_tokens=1500)}")


ROLES = {
    "textbox": {"textbox", "searchbox", "combobox", "spinbutton"},
    "button": {"button", "menuitem"},
    "combobox": {"combobox", "listbox"},
}
"""What a move's role may be on the page: a search field is a text box to most people."""
