"""How values cross the border between a solution and its tests. Runs inside sandboxes; the standard library only.

Plain data crosses as copies in JSON: numbers and texts as they are, the rest as `[tag, ...]`. What can be changed
(lists, dictionaries, sets) is a *thing*: it has a number that both sides know, and its contents stand beside the value.
So one list that occurs twice stays one list, a list may hold itself, depth costs no recursion, and when the other side
changed a thing, its new contents come back with the reply and are put into the original. What is not plain data crosses
as a reference; see `peer`.

What is read here may have been written by an enemy. Nothing but the types below is ever built from it.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import enum
import fractions
import importlib
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from environments.code.inside.peer import Peer

__all__ = ["JSON", "Parcel"]

JSON = Any

SMALL = 2**63
"""Integers from here on are written in base 16, where length has no limit and takes no quadratic time."""

Take = Callable[[Any], list[Any]]
Make = Callable[..., Any]

INLINE: dict[type, tuple[str, Take, Make]] = {
    bytes: ("bytes", lambda value: [bytes.decode(value, "latin-1")], lambda text: text.encode("latin-1")),
    complex: ("complex", lambda value: [value.real, value.imag], complex),
    datetime.date: ("date", lambda value: [value.isoformat()], datetime.date.fromisoformat),
    datetime.datetime: ("datetime", lambda value: [value.isoformat()], datetime.datetime.fromisoformat),
    datetime.time: ("time", lambda value: [value.isoformat()], datetime.time.fromisoformat),
    datetime.timedelta: ("timedelta", lambda span: [span.days, span.seconds, span.microseconds], datetime.timedelta),
    datetime.timezone: ("timezone", lambda value: [value.utcoffset(None)], datetime.timezone),
    decimal.Decimal: ("Decimal", lambda value: [str(value)], decimal.Decimal),
    float: ("float", lambda value: [float.__float__(value)], float),
    fractions.Fraction: ("Fraction", lambda value: [value.numerator, value.denominator], fractions.Fraction),
    frozenset: ("frozenset", list, lambda *items: frozenset(items)),
    int: ("int", lambda value: [hex(int(value))], lambda text: int(text, 16)),
    range: ("range", lambda value: [value.start, value.stop, value.step], range),
    slice: ("slice", lambda value: [value.start, value.stop, value.step], slice),
    str: ("str", lambda value: [str.__str__(value)], str),
    tuple: ("tuple", lambda value: list(tuple.__iter__(value)), lambda *items: items),
    type({}.keys()): ("keys", list, lambda *items: dict.fromkeys(items).keys()),
    type(Ellipsis): ("Ellipsis", lambda value: [], lambda: Ellipsis),
    type(NotImplemented): ("NotImplemented", lambda value: [], lambda: NotImplemented),
}
"""Type -> tag, the parts of a value, and the value of such parts."""


def _pairs(value: Any) -> list[Any]:
    return [part for pair in dict.items(value) for part in pair]


def _fill_list(value: Any, items: list[Any]) -> None:
    value[:] = items


def _fill_dict(value: Any, items: list[Any]) -> None:
    value.clear()
    for key, part in _paired(items).items():
        value[key] = part


def _paired(items: list[Any]) -> dict[Any, Any]:
    return {items[place]: items[place + 1] for place in range(0, len(items), 2)}


def _fill_default(value: Any, items: list[Any]) -> None:
    value.default_factory = items[0]
    _fill_dict(value, items[1:])


def _fill_bag(value: Any, items: list[Any]) -> None:
    value.clear()
    (value.extend if isinstance(value, collections.deque) else value.update)(items)


def _fill_bytes(value: Any, items: list[Any]) -> None:
    value[:] = items[0].encode("latin-1")


THINGS: dict[type, tuple[str, Take, Callable[[Any, list[Any]], None]]] = {
    bytearray: ("bytearray", lambda value: [bytes(value).decode("latin-1")], _fill_bytes),
    collections.Counter: ("Counter", _pairs, _fill_dict),
    collections.OrderedDict: ("OrderedDict", _pairs, _fill_dict),
    collections.defaultdict: ("defaultdict", lambda value: [value.default_factory, *_pairs(value)], _fill_default),
    collections.deque: ("deque", list, _fill_bag),
    dict: ("dict", _pairs, _fill_dict),
    list: ("list", lambda value: list(list.__iter__(value)), _fill_list),
    set: ("set", lambda value: list(set.__iter__(value)), _fill_bag),
}
"""Type -> tag, the contents of a thing, and how contents are put into one."""

MAKERS = {tag: make for tag, _, make in INLINE.values()}
MAKERS["points"] = lambda *points: "".join(map(chr, points))
EMPTY = {tag: kind for kind, (tag, _, _) in THINGS.items()}
FILLERS = {tag: fill for tag, _, fill in THINGS.values()}

CALLABLE = """
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format frozenset
    hash hex int isinstance issubclass iter len list map max min next object oct ord pow range repr reversed round set
    slice sorted str sum tuple zip
"""
GLOBALS: dict[str, Any] = {name: getattr(builtins, name) for name in CALLABLE.split()}
GLOBALS.update((n, v) for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, BaseException))
GLOBAL_NAMES = {id(value): name for name, value in GLOBALS.items()}
"""What is the same on both sides and does no harm on either, so that `key=len` and `int` cross as themselves."""

IMPORTABLE = """
    bisect cmath collections copy datetime decimal fractions functools heapq itertools json math operator random re
    statistics string typing
"""
MODULES = frozenset(IMPORTABLE.split())
"""What these offer crosses by name, too: `Decimal`, `sqrt`, `deque`."""
SEALED = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType)
"""What never crosses, not even as a reference: each leads to everything else in its process."""


class Parcel:
    """The values of one request and of its reply."""

    def __init__(self, peer: Peer) -> None:
        self.things: list[Any] = []
        self._peer = peer
        self._numbers: dict[int, int] = {}
        self._written = 0

    def write(self, value: Any) -> dict[str, JSON]:
        """The value for a message, with every thing in it that the other side does not have yet."""
        packed = self._pack(value)
        things = []
        while self._written < len(self.things):
            things.append(self.contents(self._written))
            self._written += 1
        return {"value": packed, "things": things}

    def read(self, message: dict[str, JSON]) -> Any:
        """The value of a message that `write` made on the other side."""
        start = len(self.things)
        for tag, items in message["things"]:
            self._number(self._peer.blank(items[0]) if tag == "object" else EMPTY[tag]())
        for number, (tag, items) in enumerate(message["things"], start):
            self._fill(number, tag, items)
        for number, tag, items in message.get("changed", ()):
            if not 0 <= number < start or self.contents(number)[0] != tag:
                raise ValueError("changed contents of something else")
            self._fill(number, tag, items)
        self._written = len(self.things)
        return self._unpack(message["value"])

    def contents(self, number: int) -> list[JSON]:
        """What a thing holds now."""
        thing = self.things[number]
        name = self._peer.shared_name(thing)
        if name:
            fields = self._peer.fields(thing)
            return ["object", [name, *(self._pack(part) for pair in fields.items() for part in pair)]]
        tag, take, _ = next(THINGS[kind] for kind in type(thing).__mro__ if kind in THINGS)
        return [tag, [self._pack(item) for item in take(thing)]]

    def _number(self, thing: Any) -> int:
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self.things)
            self.things.append(thing)
        return self._numbers[id(thing)]

    def _fill(self, number: int, tag: str, items: list[JSON]) -> None:
        if tag == "object":
            self._peer.set_fields(self.things[number], _paired([self._unpack(item) for item in items[1:]]))
        else:
            FILLERS[tag](self.things[number], [self._unpack(item) for item in items])

    def _pack(self, value: Any) -> JSON:
        kind = type(value)
        if value is None or kind is bool or kind is float or (kind is int and -SMALL < value < SMALL):
            return value
        if kind is str:
            return ["points", *map(ord, value)] if _has_surrogates(value) else value
        if id(value) in GLOBAL_NAMES:
            return ["global", GLOBAL_NAMES[id(value)]]
        if self._peer.is_reference(value):
            return self._peer.refer(value)
        if isinstance(value, types.ModuleType) and value.__name__ in MODULES:
            return ["module", value.__name__]
        if _is_of_a_module(value):
            return ["of", value.__module__, value.__name__]
        if isinstance(value, SEALED):
            raise TypeError(f"a {kind.__name__} cannot cross between a solution and its tests")
        if isinstance(value, BaseException):
            state = [[name, self._pack(part)] for name, part in vars(value).items()]
            return ["error", *_ancestry(kind), self._pack(value.args), str(value), state]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["errors", *_ancestry(value)]
        if self._peer.shared_name(value):
            is_member = isinstance(value, enum.Enum)
            return ["member", kind.__name__, value.name] if is_member else ["thing", self._number(value)]
        return self._pack_plain(value)

    def _pack_plain(self, value: Any) -> JSON:
        kind = type(value)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return ["named", kind.__name__, list(kind._fields), [self._pack(item) for item in tuple.__iter__(value)]]
        for base in kind.__mro__:
            if base in THINGS:
                return ["thing", self._number(value)]
            if base in INLINE:
                tag, take, _ = INLINE[base]
                return [tag, *(self._pack(part) for part in take(value))]
        return self._peer.refer(value)

    def _unpack(self, packed: JSON) -> Any:
        if not isinstance(packed, list):
            return packed
        tag, *parts = packed
        if tag == "thing":
            return self.things[parts[0]]
        if tag in MAKERS:
            return MAKERS[tag](*(self._unpack(part) for part in parts))
        if tag == "global":
            return GLOBALS[parts[0]]
        if tag == "module" and parts[0] in MODULES:
            return importlib.import_module(parts[0])
        if tag == "of" and parts[0] in MODULES:
            return _member(*parts)
        if tag == "named":
            name, fields, items = parts
            return collections.namedtuple(name, fields)(*map(self._unpack, items))
        if tag == "member":
            return self._peer.shared[parts[0]].__members__[parts[1]]  # type: ignore[attr-defined]
        if tag == "errors":
            return self._peer.error_class(*parts)
        if tag == "error":
            name, base, arguments, text, state = parts
            fields = {key: self._unpack(part) for key, part in state}
            return self._peer.error(name, base, arguments=self._unpack(arguments), text=text, state=fields)
        return self._peer.resolve(tag, *parts)


def _ancestry(kind: type) -> list[str]:
    """The name of an exception class, and that of the built-in one nearest above."""
    return [kind.__name__, next(GLOBAL_NAMES[id(base)] for base in kind.__mro__ if id(base) in GLOBAL_NAMES)]


def _has_surrogates(text: str) -> bool:
    """Whether it holds halves of characters; JSON would join two that stand side by side."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_of_a_module(value: Any) -> bool:
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not (callable(value) and isinstance(module, str) and isinstance(name, str) and module in MODULES):
        return False
    return module in sys.modules and not name.startswith("_") and vars(sys.modules[module]).get(name) is value


def _member(module: str, name: str) -> Any:
    """A public function or class of a module."""
    value = getattr(importlib.import_module(module), name)
    if not _is_of_a_module(value):
        raise ValueError(f"{module} offers no {name!r}")
    return value
