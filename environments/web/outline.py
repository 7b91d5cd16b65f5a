"""The outline observation: what a page says and offers, as structure.

`OUTLINE_JS` is injected into every frame before the page's own scripts. Its `__agentkit.observe(...)` walks the page
once and returns one JSON string, which `WebObservation.parse` turns into elements. `environments.web.outline_text`
turns those into words for a model.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from environments.contracts import JSON, Observation

__all__ = ["OUTLINE_JS", "Box", "Element", "Tab", "View", "WebObservation"]

_PARTS = ("natives", "listeners", "names", "guesses", "state", "acting", "rows")


def _script() -> str:
    """The parts of the script in one scope; a window that already has it is left alone."""
    folder = Path(__file__).parent
    files = [*(f"outline_{part}.js" for part in _PARTS), "outline.js"]
    body = "\n".join((folder / name).read_text(encoding="utf-8") for name in files)
    return f'(() => {{\n"use strict";\nif (window.__agentkit) return;\n{body}\n}})();\n'


OUTLINE_JS = _script()
"""For `Page.addScriptToEvaluateOnNewDocument`. Defines the frozen `window.__agentkit` and nothing else."""

_IN_VIEW, _GUESSED, _CELL, _CONTAINER, _DECORATIVE = 1, 2, 4, 8, 1024
_ACTIONS = {16: "click", 32: "edit", 64: "select", 128: "check", 256: "drag", 512: "scroll"}
_STATES = {
    1: "checked",
    2: "mixed",
    4: "selected",
    8: "expanded",
    16: "collapsed",
    32: "disabled",
    64: "focused",
    128: "invalid",
    256: "required",
    512: "readonly",
    1024: "pressed",
    2048: "current",
    4096: "multiselectable",
}


class Box(NamedTuple):
    """Where an element lies, in CSS pixels of the top window's viewport; negative when scrolled past."""

    x: int
    y: int
    width: int
    height: int


class View(NamedTuple):
    """The window and the page behind it, in CSS pixels."""

    width: int = 0
    height: int = 0
    scroll_x: int = 0
    scroll_y: int = 0
    page_width: int = 0
    page_height: int = 0


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the browser context."""

    index: int
    title: str
    url: str
    active: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """One actionable or telling element."""

    role: str
    """ARIA role, or `generic`, `text`, `row` (a plain table row), `box` (a coloured box), or the shape of a drawing."""
    name: str = ""
    """Accessible name; for text its words; where `guessed`, words from class, id or file."""
    ref: str = ""
    """What an action names it by; empty where nothing can be done with it. The same in every later observation."""
    tag: str = ""
    value: str = ""
    """Text of a field (a password as dots), chosen options of a select, place of a slider."""
    states: frozenset[str] = frozenset()
    """Those that hold, of checked, mixed, selected, expanded, collapsed, disabled, focused, invalid, required,
    readonly, pressed, current and multiselectable."""
    actions: frozenset[str] = frozenset()
    """Of click, edit, select, check, drag and scroll, those that it takes."""
    box: Box = Box(0, 0, 0, 0)
    in_view: bool = True
    """Part of it lies within the window and within every scrolled box around it. Another element may still cover it."""
    guessed: bool = False
    """Nobody named it: the name is a guess."""
    type: str = ""
    """Input type, where it says more than the role."""
    options: tuple[str, ...] = ()
    """Names of a select's options, the first 60."""
    total_options: int = 0
    href: str = ""
    """Target of a link as the page wrote it, at most 80 characters."""
    level: int = 0
    """Of a heading, or of the heading that a link fills."""
    limits: tuple[str, str] = ("", "")
    """Smallest and largest value of a range."""
    color: str = ""
    depth: int = 0
    """Number of containers around it."""
    group: int = 0
    """Neighbours with the same number above 0 belong on one line: a table row, a list item, a card."""
    cell: bool = False
    """First in a table cell."""
    container: bool = False
    """What follows at a greater depth lies inside it."""
    decorative: bool = False
    """An unnamed image, an idle coloured box: the first to leave out."""
    frame: bool = False
    """A frame of another origin: its own elements come by `frames.merge_frame`."""

    def __str__(self) -> str:
        """One line, as in the rendered outline."""
        from environments.web.outline_text import line

        return line(self)


def _named(bits: int, table: Mapping[int, str]) -> frozenset[str]:
    return frozenset(name for bit, name in table.items() if bits & bit)


_Named = dict[tuple[int, int], tuple[frozenset[str], frozenset[str]]]
"""Flags and states already turned into words."""

_NO_LIMITS = ("", "")


class _Draft:
    """An `Element` in the making: the same slots, but to set them costs a fifth of what it costs in a frozen one."""

    __slots__ = tuple(field.name for field in fields(Element))

    def __init__(self, row: Sequence[Any], prefix: str, cache: _Named) -> None:
        number, self.role, self.tag, self.name, flags, states, self.depth, self.group, x, y, width, height, *rest = row
        named = cache.get((flags, states))
        if named is None:
            named = cache[flags, states] = (_named(states, _STATES), _named(flags, _ACTIONS))
        self.states, self.actions = named
        self.ref = f"{prefix}{number}" if number else ""
        self.box = Box(x, y, width, height)
        self.in_view = flags & _IN_VIEW != 0
        self.guessed = flags & _GUESSED != 0
        self.cell = flags & _CELL != 0
        self.container = flags & _CONTAINER != 0
        self.decorative = flags & _DECORATIVE != 0
        self._describe(rest[0] if rest else None)

    def _describe(self, extra: Mapping[str, Any] | None) -> None:
        if not extra:
            self.value = self.type = self.href = self.color = ""
            self.options, self.total_options, self.level = (), 0, 0
            self.limits, self.frame = _NO_LIMITS, False
            return
        self.value = extra.get("value", "")
        self.type = extra.get("type", "")
        self.options = tuple(extra.get("options", ()))
        self.total_options = extra.get("total", 0)
        self.href = extra.get("href", "")
        self.level = _level(extra.get("level", ""))
        self.limits = (extra.get("min", ""), extra.get("max", ""))
        self.color = extra.get("color", "")
        self.frame = "frame" in extra


def _element(row: Sequence[Any], prefix: str, cache: _Named) -> Element:
    draft: Any = _Draft(row, prefix, cache)
    draft.__class__ = Element
    element: Element = draft
    return element


def _level(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def _row(element: Element) -> list[JSON]:
    """The inverse of `_element`, with the whole reference as its number."""
    own = (_IN_VIEW, element.in_view), (_GUESSED, element.guessed), (_CELL, element.cell)
    kinds = (*own, (_CONTAINER, element.container), (_DECORATIVE, element.decorative))
    flags = sum(bit for bit, holds in kinds if holds)
    flags += sum(bit for bit, name in _ACTIONS.items() if name in element.actions)
    states = sum(bit for bit, name in _STATES.items() if name in element.states)
    extra: dict[str, JSON] = {
        "value": element.value,
        "type": element.type,
        "options": list(element.options),
        "total": element.total_options,
        "href": element.href,
        "level": str(element.level or ""),
        "min": element.limits[0],
        "max": element.limits[1],
        "color": element.color,
        "frame": int(element.frame),
    }
    kept = {key: value for key, value in extra.items() if value}
    row = [element.ref, element.role, element.tag, element.name, flags, states]
    row += [element.depth, element.group, *element.box]
    return [*row, kept] if kept else row


@dataclass(frozen=True)
class WebObservation:
    """A page as it stood after an action, with what the browser had to tell.

    Elements stand in the order of the page. An observation is never changed: `frames.merge_frame` and `replace` make
    new ones.
    """

    url: str
    title: str = ""
    elements: tuple[Element, ...] = ()
    tabs: tuple[Tab, ...] = ()
    events: tuple[str, ...] = ()
    """What happened since the last observation: dialogs, downloads, new tabs, console errors, blocked requests."""
    view: View = View()
    scope: str = "page"
    """`page`, or `viewport` when only what is in view was walked."""
    focused: str = ""
    """Reference of the element that has the keyboard; empty when none of the listed ones has."""
    next_ref: int = 1
    """First number that no element has had yet; give it to the next `observe`."""
    screenshot: bytes | None = None

    @classmethod
    def parse(
        cls, text: str | bytes, *, tabs: Sequence[Tab] = (), events: Sequence[str] = (), screenshot: bytes | None = None
    ) -> WebObservation:
        """Read what `__agentkit.observe` returned.

        Raises:
            ValueError: the text is not such a reply.
        """
        data = orjson.loads(text)
        if not isinstance(data, dict) or "rows" not in data:
            raise ValueError(f"expected the reply of __agentkit.observe, got {str(text)[:80]!r}")
        prefix = data["prefix"]
        cache: _Named = {}
        return cls(
            url=data["url"],
            title=data["title"],
            elements=tuple(_element(row, prefix, cache) for row in data["rows"]),
            tabs=tuple(tabs),
            events=tuple(events),
            view=View(*data["view"]),
            scope=data["scope"],
            focused=f"{prefix}{data['focused']}" if data["focused"] else "",
            next_ref=data["next"],
            screenshot=screenshot,
        )

    @cached_property
    def by_ref(self) -> Mapping[str, Element]:
        """Actionable elements by reference, in page order."""
        return {element.ref: element for element in self.elements if element.ref}

    def find(self, ref: str) -> Element | None:
        """The element with this reference; brackets and blanks around it do not matter."""
        return self.by_ref.get(str(ref).strip().strip("[]").strip())

    def nearest(self, wanted: str, k: int = 3) -> tuple[Element, ...]:
        """The `k` actionable elements closest to a reference or to words, best first; for telling of a wrong one."""
        number = re.fullmatch(r"\[?\s*(?:[a-z]\d+\.)*(\d+)\s*\]?", wanted.strip())
        if number:
            target = int(number[1])
            return tuple(sorted(self.by_ref.values(), key=lambda e: abs(int(e.ref.rsplit(".", 1)[-1]) - target))[:k])
        words = wanted.casefold()
        return tuple(sorted(self.by_ref.values(), key=lambda e: -_likeness(words, e))[:k])

    @cached_property
    def fingerprint(self) -> str:
        """Digest of what the page says: address, roles, names, values and states in order, tabs and scroll position.

        References and boxes are left out, and so is the focus of what can't be typed into (a click that does nothing
        leaves that behind), and the machine's part of a local address. So equal states are equal across runs.
        """
        digest = hashlib.blake2b(digest_size=16)
        step = 50  # pixels: a scroll shorter than this is no new state
        tabs = [tab.active for tab in self.tabs]
        digest.update(repr((_place(self.url), tabs, self.view.scroll_x // step, self.view.scroll_y // step)).encode())
        lines = [repr((e.role, e.name, e.value, e.color, _told(e))) for e in self.elements]
        digest.update("".join(lines).encode(errors="backslashreplace"))
        return digest.hexdigest()

    def render(self, *, max_tokens: int = 4000, against: Observation | None = None) -> str:
        """The outline as text of at most `max_tokens` tokens, reckoned at 4 characters each.

        Above the cap the least useful lines go first, and a last line says how many. With `against`, only what was
        added, removed or changed since, unless the page is another one or the difference is longer than the whole.
        """
        from environments.web.outline_text import difference, outline

        limit = max_tokens * 4
        whole = outline(self, limit=limit)
        if not isinstance(against, WebObservation) or _place(against.url) != _place(self.url):
            return whole
        changed = difference(self, against, limit=limit)
        return changed if len(changed) < len(whole) else whole

    def to_json(self) -> dict[str, JSON]:
        """Everything but the screenshot, with `kind: web`; elements as rows, so that a log stays small."""
        return {
            "kind": "web",
            "url": self.url,
            "title": self.title,
            "rows": [_row(element) for element in self.elements],
            "tabs": [[tab.index, tab.title, tab.url, tab.active] for tab in self.tabs],
            "events": list(self.events),
            "view": list(self.view),
            "scope": self.scope,
            "focused": self.focused,
            "next": self.next_ref,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, JSON]) -> WebObservation:
        """The inverse of `to_json`."""
        cache: _Named = {}
        return cls(
            url=data["url"],
            title=data["title"],
            elements=tuple(_element(row, "", cache) for row in data["rows"]),
            tabs=tuple(Tab(*tab) for tab in data["tabs"]),
            events=tuple(data["events"]),
            view=View(*data["view"]),
            scope=data["scope"],
            focused=data["focused"],
            next_ref=data["next"],
        )


def _place(url: str) -> str:
    """The address without what differs between machines: host and port of a local server, folders of a local file."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return f"file:{parts.path.rsplit('/', 1)[-1]}?{parts.query}"
    name = parts.hostname or ""
    local = name in ("127.0.0.1", "localhost", "::1")
    host = "" if local else f"{parts.scheme}://{name if name.endswith('.localhost') else parts.netloc}"
    return f"{host}{parts.path}?{parts.query}#{parts.fragment}"


def _told(element: Element) -> list[str]:
    """The states that count, in order: the focus does only in what is typed into."""
    states = element.states
    if not states:
        return []
    return sorted(states if "edit" in element.actions else states - {"focused"})


def _likeness(words: str, element: Element) -> float:
    """How close an element comes to lower-case words, from 0 upward: shared words first, then spelling."""
    name = f"{element.role} {element.name}".casefold()
    asked = set(_tokens(words))
    shared = len(asked & set(_tokens(name))) / max(1, len(asked))
    return shared + difflib.SequenceMatcher(None, words, element.name.casefold()).ratio()


def _tokens(text: str) -> Iterator[str]:
    return (found[0] for found in re.finditer(r"\w+", text))
