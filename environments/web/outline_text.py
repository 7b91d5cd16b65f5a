"""An outline in words: a line per element, row or list item, repeats folded, the least useful dropped first.

What a page says always stands in quotation marks with quotes, backslashes and line ends escaped, and what was guessed
from its class names stands in round brackets without brackets of its own: no page can write a line of this form itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from environments.web.outline import Box, Element, WebObservation

__all__ = ["difference", "line", "outline", "quoted"]

_STATE_ORDER = (
    "checked", "mixed", "selected", "expanded", "collapsed", "pressed", "current", "disabled", "focused", "invalid",
    "required", "readonly", "multiselectable",
)  # fmt: skip
_SIZED = frozenset({"circle", "rectangle", "triangle", "ellipse", "polygon", "shape", "box", "canvas"})
_ALIAS_GAIN = 60
"""Characters that a short name for a repeated phrase must save."""
_OPTIONS_LENGTH = 320
_LONG_TEXT = 400


def quoted(text: str) -> str:
    """`text` in quotation marks, such that it can't end them, start a line or hide anything."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bracketed(text: str) -> str:
    """A guess in round brackets; brackets and quotes of its own are taken out."""
    kept = "".join(char for char in text if char.isprintable() and char not in '()[]"\\')
    return f"({kept})"


def _phrase(element: Element) -> str:
    """Role and name."""
    name = _bracketed(element.name) if element.guessed else quoted(element.name) if element.name else ""
    if element.role in ("text", "row") and not element.ref:
        return f"{element.role} {name}"
    if element.role == "heading":
        return f"h{element.level} {name}"
    role = element.tag if element.role == "generic" and element.tag else element.role
    return f"{role} {name}".rstrip()


def _details(element: Element) -> list[str]:
    """Everything but reference, role and name, each as one piece."""
    out = []
    if element.type:
        out.append(f"type={element.type}")
    if element.value:
        out.append(f"value={quoted(element.value)}")
    if any(element.limits) and element.value:
        low, high = (_plain(limit) for limit in element.limits)
        out.append(f"{low or 0}..{high}" if high else f"from {low}")
    if element.options:
        out.append(_options(element))
    if element.color and element.color != element.name:
        out.append(f"color={_plain(element.color)}")
    if element.role in _SIZED or (element.tag == "svg" and element.ref):
        box = element.box
        out.append(f"{box.width}x{box.height}")
        if element.role != "box":
            out.append(f"at {box.x + box.width // 2},{box.y + box.height // 2}")
    elif element.tag == "text" and element.ref:
        out.append(f"{element.box.width}x{element.box.height}")
    if element.level and element.role != "heading":
        out.append(f"h{element.level}")
    if element.href and element.guessed:
        out.append(f"to={quoted(element.href)}")
    if "drag" in element.actions:
        out.append("draggable")
    if "scroll" in element.actions and element.role != "iframe":
        out.append("scrollable")
    return out + [state for state in _STATE_ORDER if state in element.states]


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isalnum() or char in "-.:#+")


def _options(element: Element) -> str:
    """The options of a select as far as they fit, and how many more there are."""
    out, length = [], 0
    for option in element.options:
        length += len(option) + 4
        if length > _OPTIONS_LENGTH:
            break
        out.append(quoted(option))
    more = element.total_options - len(out)
    return f"options: {', '.join(out)}" + (f", … {more} more" if more > 0 else "")


def line(element: Element) -> str:
    """One element, such as `[7] textbox "Name" value="Bob" focused required`."""
    return _labelled([element.ref] if element.ref else [], " ".join([_phrase(element), *_details(element)]))


def _labelled(refs: Sequence[str], words: str) -> str:
    return f"[{_ranges(refs)}] {words}" if refs else words


def _ranges(refs: Sequence[str]) -> str:
    """References with runs of consecutive numbers as `first-last`: `3-7,9`."""
    out: list[str] = []
    run: list[str] = []
    for ref in refs:
        if run and not _follows(run[-1], ref):
            out.append(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        run.append(ref)
    out.append(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ",".join(out)


def _follows(ref: str, other: str) -> bool:
    head, _, number = ref.rpartition(".")
    other_head, _, other_number = other.rpartition(".")
    return head == other_head and int(other_number) == int(number) + 1


# ---- lines


class _Item(NamedTuple):
    """One or more like neighbours on a line."""

    refs: tuple[str, ...]
    phrase: str
    details: str
    cell: bool
    boxes: tuple[Box, ...]

    @property
    def key(self) -> tuple[str, str, bool]:
        """Equal for items that fold into one."""
        return self.phrase, self.details, bool(self.refs)

    def __add__(self, other: _Item) -> _Item:  # type: ignore[override]
        return self._replace(refs=self.refs + other.refs, boxes=self.boxes + other.boxes)


class _Line(NamedTuple):
    depth: int
    items: tuple[_Item, ...]
    in_view: bool


def _item(element: Element, *, joined: bool) -> _Item:
    phrase = _phrase(element)
    if joined and element.role == "text" and not element.ref:
        phrase = quoted(element.name)
    return _Item(
        (element.ref,) if element.ref else (), phrase, " ".join(_details(element)), element.cell, (element.box,)
    )


def _lines(elements: Iterable[Element]) -> list[_Line]:
    """Elements laid out: groups joined, like neighbours folded into one."""
    out: list[_Line] = []
    for _, members in groupby(enumerate(elements), key=lambda at: (at[1].group, 0 if at[1].group else at[0])):
        block = [element for _, element in members]
        items = _fold([_item(element, joined=len(block) > 1) for element in block])
        made = _Line(block[0].depth, items, any(element.in_view for element in block))
        last = out[-1] if out else None
        if last and _alike(last, made):
            out[-1] = _Line(last.depth, (last.items[0] + made.items[0],), last.in_view or made.in_view)
        else:
            out.append(made)
    return out


def _fold(items: Sequence[_Item]) -> tuple[_Item, ...]:
    out: list[_Item] = []
    for item in items:
        if out and out[-1].key == item.key:
            out[-1] += item
        else:
            out.append(item)
    return tuple(out)


def _alike(last: _Line, made: _Line) -> bool:
    single = len(last.items) == len(made.items) == 1
    return single and last.depth == made.depth and last.items[0].key == made.items[0].key


def _grid(boxes: Sequence[Box]) -> str:
    """How like things lie, where it is a grid: without it, nobody can tell which is which."""
    rows = len({box.y for box in boxes})
    columns = len({box.x for box in boxes})
    return f" in {rows} rows of {columns}" if rows > 1 and columns > 1 and rows * columns == len(boxes) else ""


def _aliases(lines: Sequence[_Line]) -> dict[str, str]:
    """Short names for phrases that many lines share; capital letters, which nothing else outside quotes has alone."""
    uses = Counter(item.phrase for made in lines for item in made.items if item.refs)
    often = [phrase for phrase, count in uses.items() if (count - 1) * (len(phrase) - 2) > _ALIAS_GAIN][:26]
    return {phrase: chr(ord("A") + place) for place, phrase in enumerate(often)}


def _written(lines: Sequence[_Line]) -> list[str]:
    aliases = _aliases(lines)
    used: set[str] = set()
    out = []
    for made in lines:
        text = ""
        for item in made.items:
            phrase = item.phrase
            alias = aliases.get(phrase) if item.refs else None
            if alias and alias in used:
                phrase = f"={alias}"
            elif alias:
                used.add(alias)
                phrase = f"{phrase} (={alias})"
            words = f"{phrase} {item.details}" if item.details else phrase
            if len(item.boxes) > 1:
                words += _grid(item.boxes) if item.refs else f" ×{len(item.boxes)}"
            separator = (" | " if item.cell else " · ") if text else ""
            text += separator + _labelled(item.refs, words)
        out.append("  " * min(made.depth, 6) + text)
    return out


def _with_view_marks(lines: Sequence[_Line], texts: Sequence[str]) -> list[str]:
    """Lines with a word where they pass out of the view or into it, if at least three do."""
    out: list[str] = []
    shown = True
    for place, (made, text) in enumerate(zip(lines, texts, strict=True)):
        ahead = lines[place : place + 3]
        lasting = all(other.in_view == made.in_view for other in ahead)
        if made.in_view != shown and lasting and (len(ahead) == 3 or not made.in_view):
            shown = made.in_view
            out.append("-- in view --" if shown else "-- out of view --")
        out.append(text)
    return out


# ---- the whole


def outline(observation: WebObservation, *, limit: int) -> str:
    """The observation in at most `limit` characters."""
    head = _header(observation)
    elements = list(observation.elements)
    text = _joined(head, elements, ())
    if len(text) <= limit:
        return text
    elements = [_shortened(element) for element in elements]
    text = _joined(head, elements, ())
    order = sorted(range(len(elements)), key=lambda at: _worth(elements[at], at, observation))
    costs = [len(line(element)) + 4 for element in elements]
    dropped: set[int] = set()
    place, excess = 0, len(text) - limit
    while excess > 0 and place < len(order):
        spared = 0
        while place < len(order) and spared < excess + 100:
            spared += costs[order[place]]
            dropped.add(order[place])
            place += 1
        kept = _without_empty([element for at, element in enumerate(elements) if at not in dropped])
        text = _joined(head, kept, [elements[at] for at in dropped])
        excess = len(text) - limit
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def _joined(head: Sequence[str], elements: Sequence[Element], dropped: Sequence[Element]) -> str:
    lines = _lines(elements)
    body = _with_view_marks(lines, _written(lines))
    return "\n".join([*head, *body, *_left_out(dropped)])


def _header(observation: WebObservation, *, known: bool = False) -> list[str]:
    """Events, then the address (unless it is `known`), tabs and view, where they tell something."""
    out = [f"! {quoted(event)[1:-1]}" for event in observation.events]
    if not known and not observation.url.startswith("file:"):
        out.append(f"page {quoted(observation.title)} at {quoted(observation.url)[1:-1]}")
    if len(observation.tabs) > 1:
        tabs = (f"{'*' if tab.active else ''}{tab.index} {quoted(tab.title or tab.url)}" for tab in observation.tabs)
        out.append(f"tabs: {' · '.join(tabs)}")
    view = observation.view
    if view.page_height > view.height * 1.1 and view.height:
        out.append(f"view: {view.scroll_y}-{view.scroll_y + view.height} of {view.page_height} px")
    if not observation.elements:
        out.append("The page shows nothing.")
    return out


def _left_out(dropped: Sequence[Element]) -> list[str]:
    if not dropped:
        return []
    below = sum(1 for element in dropped if not element.in_view and element.box.y > 0)
    above = sum(1 for element in dropped if not element.in_view) - below
    acting = sum(1 for element in dropped if element.ref)
    counts = ((below, "below the view"), (above, "above the view"), (acting, "actionable"))
    where = ", ".join(f"{count} {what}" for count, what in counts if count)
    return [f"… {len(dropped)} elements left out{f' ({where})' if where else ''}; scroll or ask for the viewport"]


def _shortened(element: Element) -> Element:
    if element.ref or len(element.name) <= _LONG_TEXT:
        return element
    return replace(element, name=element.name[:_LONG_TEXT] + "…")


def _worth(element: Element, place: int, observation: WebObservation) -> tuple[int, int]:
    """Sort key, least useful first: kind, then distance from the view."""
    kind = _kind(element)
    height = observation.view.height
    far = max(0, element.box.y - height, -element.box.y - element.box.height)
    return kind, -far if far else -place


def _kind(element: Element) -> int:
    if element.container and not element.ref:
        return 7  # goes by itself when it has nothing left inside
    if element.ref:
        return 8 if element.in_view else 6
    if element.role == "heading":
        return 5 if element.in_view else 3
    if element.decorative or element.role == "image":
        return 2 if element.in_view else 1
    return 4 if element.in_view else 0


def _without_empty(elements: Sequence[Element]) -> list[Element]:
    """Elements less the containers that hold nothing any more."""
    out: list[Element] = []
    least = -1  # depth of what comes next
    for element in reversed(elements):
        if element.container and not element.ref and least <= element.depth:
            continue
        out.append(element)
        least = element.depth
    return out[::-1]


# ---- the difference


def difference(observation: WebObservation, against: WebObservation, *, limit: int) -> str:
    """What was added (+), removed (-) and changed (~) since `against`, and how much was not."""
    new, old = observation.by_ref, against.by_ref
    said, heard = _idle(observation), _idle(against)
    changes = []
    fresh, rest = said - heard, Counter(said - heard)
    for element in observation.elements:
        if element.ref:
            before = old.get(element.ref)
            if before is None:
                changes.append(f"+ {line(element)}")
            elif line(before) != line(element):
                changes.append(f"~ {_change(before, element)}")
        elif rest[line(element)] > 0:
            rest[line(element)] -= 1
            changes.append(f"+ {line(element)}")
    gone = [f"- {line(element)}" for ref, element in old.items() if ref not in new]
    gone += [f"- {words}" for words, count in (heard - said).items() for _ in range(count)]
    same = len(observation.elements) - fresh.total() - sum(1 for made in changes if "[" in made[:4])
    head = _header(observation, known=True)
    body = [*changes, *gone] or ["nothing changed"]
    text = "\n".join([*head, *body, f"{same} unchanged"])
    while len(text) > limit and body:
        body = body[: max(0, len(body) - 1 - (len(text) - limit) // 80)]
        text = "\n".join([*head, *body, f"… {len(changes) + len(gone) - len(body)} more changes; {same} unchanged"])
    return text


def _idle(observation: WebObservation) -> Counter[str]:
    """Lines without a reference, counted."""
    return Counter(line(element) for element in observation.elements if not element.ref)


def _change(before: Element, after: Element) -> str:
    """The parts of an element's line that differ, old and new; role and name always, to say which it is."""
    old, new = _details(before), _details(after)
    was = [piece for piece in old if piece not in new]
    now = [piece for piece in new if piece not in old]
    if _phrase(before) != _phrase(after):
        was.insert(0, _phrase(before))
        now.insert(0, _phrase(after))
        return f"[{after.ref}] {' '.join(was)} -> {' '.join(now)}"
    return f"[{after.ref}] {_phrase(after)}: {' '.join(was) or 'without'} -> {' '.join(now) or 'without'}"
