"""Text as an agent reads and changes it: numbered windows, and exact replacement that explains why it did not fit."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from environments.calls import ActionError

__all__ = ["WINDOW", "numbered", "replace_once", "shown_around", "window"]

WINDOW = 100
"""Lines that `view` shows at once."""
LONGEST_LINE = 400
PLACES = 5
"""Places that an error lists."""
COMPARED = 20_000
"""Lines of a file in which the nearest ones are looked for."""


def numbered(lines: Sequence[str], *, first: int = 1) -> str:
    """Lines with their numbers, very long ones cut."""
    width = len(str(first + len(lines) - 1))
    return "\n".join(f"{number:>{width}} | {_short(line)}" for number, line in enumerate(lines, start=first))


def window(text: str, *, path: str, start: int | None = None, end: int | None = None) -> str | ActionError:
    """Lines `start` to `end` of a file, both counted; at most `WINDOW` of them where one end is open."""
    lines = text.splitlines()
    if not lines:
        return f"{path}: empty"
    first = start or max(1, (end or 0) - WINDOW + 1)
    last = min(end or first + WINDOW - 1, len(lines))
    if first > len(lines) or first > last:
        return ActionError(f"view: {path} has lines 1 to {len(lines)}; {first} to {end or 'its end'} is none of them")
    last = min(last, first + 5 * WINDOW - 1)
    return f"{path}: lines {first} to {last} of {len(lines)}\n{numbered(lines[first - 1 : last], first=first)}"


def shown_around(text: str, place: int, *, around: int = 4) -> str:
    """The lines about line `place`, numbered."""
    lines = text.splitlines()
    first = max(1, place - around)
    return numbered(lines[first - 1 : place + around], first=first)


def replace_once(text: str, old: str, *, new: str, path: str) -> tuple[str, int] | ActionError:
    """The text with the one occurrence of `old` replaced, and the line where that begins.

    A file with Windows line ends keeps them: `old` and `new` may be given with plain ones.
    """
    if "\r\n" in text and "\r\n" not in old:
        old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
    if not old:
        return ActionError("edit: old is empty; give the text to replace, or use create for a new file")
    if old == new:
        return ActionError("edit: old and new are the same; nothing would change")
    places = _places(text, old)
    if len(places) == 1:
        return text.replace(old, new), places[0]
    if not places:
        return ActionError(f"edit: old does not occur in {path}. {_nearest(text, old)}")
    found = ", ".join(str(place) for place in places[:PLACES]) + (", …" if len(places) > PLACES else "")
    return ActionError(
        f"edit: old occurs {len(places)} times in {path}, at lines {found}; give more of what stands around it"
    )


def _places(text: str, old: str) -> list[int]:
    """The line of each occurrence; they may overlap."""
    places, at = [], text.find(old)
    while at >= 0:
        places.append(text.count("\n", 0, at) + 1)
        at = text.find(old, at + 1)
    return places


def _nearest(text: str, old: str) -> str:
    """Where something like `old` stands: the same but for white space, else the lines most like its longest one."""
    lines, wanted = text.splitlines()[:COMPARED], old.splitlines()
    flat = [" ".join(line.split()) for line in lines]
    looked_for = [" ".join(line.split()) for line in wanted]
    for place in range(len(lines) - len(wanted) + 1):
        if any(looked_for) and flat[place : place + len(wanted)] == looked_for:
            same = numbered(lines[place : place + len(wanted)], first=place + 1)
            return f"These lines differ from it in white space only:\n{same}"
    longest = max(looked_for, key=len)[:LONGEST_LINE]
    close = difflib.get_close_matches(longest, {line for line in flat if len(line) <= LONGEST_LINE}, n=3, cutoff=0.6)
    near = [number for number, line in enumerate(flat, start=1) if line in close and line][:PLACES]
    if not near:
        return "No line is like it; view the file and copy the text exactly, without the line numbers."
    return "The nearest lines:\n" + "\n".join(numbered([lines[number - 1]], first=number) for number in near)


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} … {len(line) - LONGEST_LINE} characters more"
