"""The two sides of a trial: the solution, which answers, and one test, which asks; each in a sandbox of its own."""

from __future__ import annotations

import ast
import builtins
import enum
import os
import re
import sys
import textwrap
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

from environments.code.inside.peer import Peer, Remote

__all__ = ["answer_for_solution", "run_test", "silence", "whole_program"]

MESSAGE_CHARACTERS = 500
TESTS = "tests"
"""Name of the module that the tests think they are."""


def answer_for_solution(
    exchange: Callable[[str], str], *, text: str, prelude: str = "", prompt: str = "", entry: str = ""
) -> None:
    """Be the solution: load its text when the other side says so, then do what it asks until it is done.

    Args:
        exchange: the way to the other side.
        text: a whole program, or what completes the prompt.
        prelude: source that runs before it, such as the imports that a benchmark takes for granted.
        prompt: the source that the problem came with.
        entry: the name of the function that was asked for.
    """
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    peer = Peer(exchange)

    def load(names: list[str], shared: list[str]) -> dict[str, Any]:
        for part in (prelude, *whole_program(text, prompt=prompt, entry=entry)):
            exec(_compiled(part, "solution.py"), module.__dict__)
        defined = vars(module)
        peer.shared = {name: value for name in shared if isinstance(value := defined.get(name), type)}
        return {name: defined[name] for name in names if name in defined}

    peer.operations["load"] = load
    peer.serve()


def whole_program(text: str, *, prompt: str, entry: str) -> list[str]:
    """What to execute, in order, for a text that is a whole program, or the rest of the prompt, or holds one of these.

    A text that defines `entry` comes after the prompt, whose imports and other functions it may need. Any other goes on
    where the prompt ends, as it is or a level deeper. Of a text that fits in neither way, the part between fences
    counts.
    """
    whole_prompt = _completed(prompt)
    block = re.search(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for inner in (text, block[1]) if block else (text,):
        deeper = textwrap.indent(inner, "    ")
        for parts in ([whole_prompt, inner], [prompt + inner], [prompt + "\n" + inner], [prompt + "\n" + deeper]):
            if all(map(_compiles, parts)) and (len(parts) == 1 or not entry or entry in _defined(inner)):
                return parts
    return [prompt + text] if text[:1].isspace() else [whole_prompt, text]


def run_test(
    exchange: Callable[[str], str],
    *,
    test: str,
    names: Sequence[str],
    classes: Sequence[str] = (),
    prompt: str = "",
    setup: str = "",
) -> dict[str, Any]:
    """Run a test against the solution on the other side. Gives `{"passed": bool, "why": str}`.

    Args:
        exchange: the way to the other side.
        test: Python source; it passes when it runs to its end.
        names: what it takes from the solution; the first is its `candidate`.
        classes: those of the names that the solution is meant to define as classes.
        prompt: source that the problem came with; what it defines beside `names` is the tests' own.
        setup: Python source that runs before the test.
    """
    peer = Peer(exchange, guarded=True)
    space: dict[str, Any] = {"__name__": TESTS, "__builtins__": builtins}
    try:
        exec(_compiled(_completed(prompt), "prompt.py"), space)
        for name in names:
            space.pop(name, None)
        peer.shared = {name: value for name, value in space.items() if _is_of_the_prompt(value)}
        try:
            found = peer.ask("load", list(names), list(peer.shared))
        except Exception as error:
            return {"passed": False, "why": f"the solution could not be loaded: {_words(error)}"}
        space.update({name: found[name] for name in names if name in found})
        peer.trusted.update(space[n]._tie.number for n in classes if isinstance(space.get(n), Remote))
        if names and names[0] in space:
            space["candidate"] = space[names[0]]
        exec(_compiled(setup, "setup.py"), space)
        exec(_compiled(test, "test.py"), space)
    except BaseException as error:
        lost = isinstance(error, NameError) and bool(names) and names[0] not in space
        missing = f"the solution defines no {names[0]!r}; " if lost else ""
        return {"passed": False, "why": missing + _words(error) + _place(error, test)}
    return {"passed": True, "why": ""}


def silence() -> None:
    """Throw away what is printed: on neither side is it anybody's result."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def _completed(prompt: str) -> str:
    """The prompt as a program: one that ends with the head of a function gets an empty body."""
    return prompt if _compiles(prompt) else prompt + "\n    pass\n"


def _compiled(source: str, name: str) -> types.CodeType:
    """Code that knows nothing of this file's own `from __future__`."""
    return compile(source, name, "exec", dont_inherit=True)


def _compiles(source: str) -> bool:
    try:
        _compiled(source, "solution.py")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _defined(source: str) -> set[str]:
    """The names that a program gives a meaning at its top level, by `def`, `class` or `=`."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return found


def _is_of_the_prompt(value: object) -> bool:
    """Whether it is a class that the prompt defines, of a kind whose instances can be made with nothing in them."""
    if not isinstance(value, type) or value.__module__ != TESTS:
        return False
    if issubclass(value, enum.Enum):
        return True
    try:
        object.__new__(value)
    except TypeError:
        return False
    return True


def _words(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()[-MESSAGE_CHARACTERS:]


def _place(error: BaseException, test: str) -> str:
    """The line of the test that failed."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "test.py"]
    source = test.splitlines()
    return f"; at: {source[lines[-1] - 1].strip()}"[:MESSAGE_CHARACTERS] if lines and lines[-1] <= len(source) else ""
