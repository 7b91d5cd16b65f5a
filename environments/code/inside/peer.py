"""One side of the border between a solution and its tests. Runs inside sandboxes; the standard library only.

The two sides are two processes in two sandboxes that take turns: one asks the other for an operation and waits; while
it waits it may be asked in return, as when a test passes a function and the solution calls it. What one side cannot
copy to the other it keeps, and lends a `Remote` for it: attributes, calls and operators of a remote happen where the
object is.

The side of the tests is guarded, for its remotes may be made to deceive:

- A remote is never equal to plain data and has no order with it, whatever its `__eq__` says.
- It does no arithmetic with plain data, unless the problem asked for its class: in `abs(f(x) - 4.5) < 1e-6` an object
  with a `__sub__` of its own would know what it is compared with.
- `x in remote` looks through its items and compares here.
- The solution may call the functions that it was given, go through iterators, and use public attributes of instances:
  nothing that leads to the code of the tests.

What a method of the solution's own class answers to a test that calls it by name is the solution's to say. And what a
test got or gave as plain data is a copy from then on: a list that the solution keeps and changes later, it changes for
itself.
"""

from __future__ import annotations

import copy
import json
import threading
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from environments.code.inside.parcel import GLOBALS, JSON, Parcel

__all__ = ["BorderBroken", "Peer", "Remote"]

Exchange = Callable[[str], str]
"""Sends a message to the other side, and waits for the next one from there."""

ORDER = frozenset(("__lt__", "__le__", "__gt__", "__ge__"))
BINARY = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
ARITHMETIC = frozenset(f"__{prefix}{name}__" for name in BINARY.split() for prefix in ("", "r", "i"))
OTHERS = """
    abs bool call ceil complex delitem enter exit float floor getitem index instancecheck int invert iter len
    length_hint neg next pos reversed round setitem trunc
"""
PROTOCOLS = frozenset(f"__{name}__" for name in OTHERS.split())
SPECIAL = ORDER | ARITHMETIC | PROTOCOLS
ALWAYS = frozenset(("__eq__", "__ne__", "__repr__", "__str__"))
READABLE = frozenset(("__name__", "__doc__", "__qualname__"))


class BorderBroken(BaseException):
    """The other side is gone, or what it says makes no sense. Not an `Exception`, so that no test catches it."""


class Tie(NamedTuple):
    """What a remote stands for."""

    peer: Peer
    number: int
    trusted: bool
    """Plain data may be its operands."""


class Remote:
    """An object of the other side."""

    __slots__ = ("_tie",)
    _tie: Tie

    def __init__(self, tie: Tie) -> None:
        object.__setattr__(self, "_tie", tie)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in READABLE:
            raise AttributeError(name)
        return self._tie.peer.ask("get", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._tie.peer.ask("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._tie.peer.ask("delete", self, name)

    def __eq__(self, other: object) -> Any:
        return NotImplemented if self._is_apart(other) else self._tie.peer.ask("special", self, "__eq__", other)

    def __ne__(self, other: object) -> Any:
        return NotImplemented if self._is_apart(other) else self._tie.peer.ask("special", self, "__ne__", other)

    def __hash__(self) -> int:
        return hash(self._tie.number)

    def __repr__(self) -> str:
        return str(self._tie.peer.ask("special", self, "__repr__"))

    def __str__(self) -> str:
        return str(self._tie.peer.ask("special", self, "__str__"))

    def __copy__(self) -> Any:
        return self._tie.peer.ask("copy", self)

    def __deepcopy__(self, memo: object) -> Any:
        return self._tie.peer.ask("deepcopy", self)

    def _is_apart(self, other: object) -> bool:
        return self._tie.peer.guarded and not isinstance(other, Remote)


def _forwarded(name: str) -> Callable[..., Any]:
    def method(self: Remote, /, *operands: Any, **named: Any) -> Any:
        if name in ORDER | ARITHMETIC and self._is_apart(operands[0]) and not self._tie.trusted:
            return NotImplemented
        if name == "__exit__":
            operands = (*operands[:2], None)  # a traceback cannot cross
        return self._tie.peer.ask("special", self, name, *operands, **named)

    return method


class Peer:
    """One side: asks the other, and answers it."""

    def __init__(self, exchange: Exchange, *, guarded: bool = False) -> None:
        self.guarded = guarded
        self.operations: dict[str, Callable[..., Any]] = {
            "special": _special,
            "get": getattr,
            "set": setattr,
            "delete": delattr,
            "copy": copy.copy,
            "deepcopy": copy.deepcopy,
        }
        self.shared: dict[str, type] = {}
        """Classes that both sides have under one name; their instances cross as copies."""
        self.trusted: set[int] = set()
        """Numbers of the other side's classes whose instances may have plain data as operands."""
        self._exchange = exchange
        self._lent: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._remotes: dict[int, Remote] = {}
        self._kinds: dict[tuple[str, ...], type[Remote]] = {}
        self._errors: dict[tuple[str, str], type[BaseException]] = {}
        self._turn = threading.RLock()

    def ask(self, operation: str, /, *operands: Any, **named: Any) -> Any:
        """Have the other side do something, and give what it gave, or raise what it raised."""
        with self._turn:
            parcel = Parcel(self)
            reply = self._converse({"do": operation, **parcel.write([list(operands), named])})
            try:
                value = parcel.read(reply)
                failed = bool(reply["failed"])
            except Exception as error:
                raise BorderBroken(f"an answer that cannot be read: {type(error).__name__}: {error}") from None
        if failed:
            raise value if isinstance(value, BaseException) else BorderBroken("a failure that is no exception")
        return value

    def serve(self) -> None:
        """Answer until the other side has no more questions."""
        text = self._exchange("")
        while text:
            text = self._exchange(json.dumps(self._answer(json.loads(text))))

    def _converse(self, message: JSON) -> dict[str, JSON]:
        while True:
            text = self._exchange(json.dumps(message))
            if not text:
                raise BorderBroken("the other side is gone")
            try:
                reply = json.loads(text)
            except (ValueError, RecursionError):
                reply = None
            if not isinstance(reply, dict):
                raise BorderBroken("an answer that is no JSON object")
            if "do" not in reply:
                return reply
            message = self._answer(reply)

    def _answer(self, request: dict[str, JSON]) -> dict[str, JSON]:
        parcel = Parcel(self)
        before: list[JSON] = []
        try:
            operands, named = parcel.read(request)
            before = [parcel.contents(number) for number in range(len(parcel.things))]
            if self.guarded:
                self._refuse_peeping(request["do"], *operands)
            value, failed = self.operations[request["do"]](*operands, **named), False
        except BorderBroken:
            raise
        except BaseException as error:
            value, failed = error, True
        try:
            return self._reply(parcel, value, before=before, failed=failed)
        except Exception as error:
            error = TypeError(f"a value that cannot cross the border: {error}")
            return self._reply(Parcel(self), error, before=[], failed=True)  # it has no things that need numbers

    def _reply(self, parcel: Parcel, value: Any, *, before: list[JSON], failed: bool) -> dict[str, JSON]:
        changed = []
        for number, old in enumerate(before):
            new = parcel.contents(number)
            if new != old:
                changed.append([number, *new])
        return {**parcel.write(value), "changed": changed, "failed": failed}

    def _refuse_peeping(self, operation: str, target: Any, name: str = "", *rest: Any) -> None:
        """Only what a solution may do with an object that the tests lent it."""
        if id(target) not in self._numbers:
            raise PermissionError("the tests have lent no such object")
        if operation in ("get", "set", "delete"):
            is_instance = bool(type(target).__flags__ & HEAP_TYPE) and not isinstance(target, type)
            if not is_instance or not isinstance(name, str) or name.startswith("_"):
                raise PermissionError(f"the tests keep {name!r} of a {type(target).__name__} to themselves")

    def is_reference(self, value: Any) -> bool:
        """Whether it crosses as a reference, though it may look like plain data: borrowed, or of a lent class."""
        return isinstance(value, Remote) or any(id(kind) in self._numbers for kind in type(value).__mro__)

    def refer(self, value: Any) -> JSON:
        """The reference to an object, lent from here or borrowed from there."""
        if isinstance(value, Remote):
            return ["yours", value._tie.number]
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._lent)
            self._lent.append(value)
        kind = type(value)
        classes = [self._numbers[id(base)] for base in kind.__mro__ if id(base) in self._numbers]
        return ["mine", self._numbers[id(value)], kind.__name__, [n for n in SPECIAL if hasattr(kind, n)], classes]

    def resolve(self, tag: str, number: int, *description: Any) -> Any:
        """What a reference from the other side means here."""
        if tag == "yours" and 0 <= number < len(self._lent):
            return self._lent[number]
        if tag != "mine" or not isinstance(number, int):
            raise ValueError(f"no such thing as {tag!r} {number!r}")
        if number not in self._remotes:
            name, special, classes = description
            trusted = not self.trusted.isdisjoint(classes)
            self._remotes[number] = self._kind(name, *sorted(SPECIAL.intersection(special)))(Tie(self, number, trusted))
        return self._remotes[number]

    def _kind(self, name: str, *special: str) -> type[Remote]:
        key = (name, *special)
        if key not in self._kinds:
            body = {name: _forwarded(name) for name in special}
            self._kinds[key] = types.new_class(name, (Remote,), {}, lambda space: space.update(body, __slots__=()))
        return self._kinds[key]

    def shared_name(self, value: Any) -> str:
        """The name of a class that both sides have, for its instance; else empty."""
        kind = type(value)
        return kind.__name__ if self.shared and self.shared.get(kind.__name__) is kind else ""

    def blank(self, name: str) -> Any:
        """An instance of a shared class, with nothing in it."""
        return object.__new__(self.shared[name])

    def fields(self, value: Any) -> dict[str, Any]:
        """The attributes of an instance, slots included."""
        slots = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ()) if name[:2] != "__"]
        return {**{n: getattr(value, n) for n in slots if hasattr(value, n)}, **getattr(value, "__dict__", {})}

    def set_fields(self, value: Any, fields: dict[str, Any]) -> None:
        """Make these the attributes of an instance."""
        for name in self.fields(value).keys() - fields.keys():
            object.__delattr__(value, name)
        for name, part in fields.items():
            if name.startswith("__"):
                raise ValueError(f"a field named {name!r}")
            object.__setattr__(value, name, part)

    def error_class(self, name: str, base: str) -> type[BaseException]:
        """A built-in exception itself, or one of the same name below it."""
        kind: type[BaseException] = GLOBALS[base]
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ValueError(f"{base!r} is no exception")
        if name == base:
            return kind
        if (name, base) not in self._errors:
            body = {"__str__": lambda self: self.__dict__.get(TEXT, ""), "__init__": lambda self, *_, **__: None}
            self._errors[name, base] = types.new_class(name, (kind,), {}, lambda space: space.update(body))
        return self._errors[name, base]

    def error(self, name: str, base: str, *, arguments: Any, text: str, state: dict[str, Any]) -> BaseException:
        """An exception like one on the other side."""
        kind = self.error_class(name, base)
        try:
            error = kind(*arguments)
        except Exception:
            error = self.error_class(f"{name} ", base)(*arguments)
        for key, part in {**state, **({TEXT: text} if type(error).__name__ != base else {})}.items():
            error.__dict__[key] = part
        return error


def _special(target: Any, name: str, /, *operands: Any, **named: Any) -> Any:
    if name not in SPECIAL | ALWAYS:
        raise PermissionError(f"{name!r} does not cross the border")
    return getattr(type(target), name)(target, *operands, **named)


HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: set on classes made by a `class` statement, not on functions, generators, frames or modules."""
TEXT = "text at the border"
