"""Promises about snippets of Python."""

from __future__ import annotations

import asyncio

from sandbox.contracts import JSON, Session, Stop
from sandbox.errors import AgentkitError

__all__ = ["PYTHON"]


async def the_last_expression_is_the_value(session: Session) -> str:
    """The value is the repr of the last expression, its data the same as JSON; what is printed is separate."""
    result = await session.python("print('out')\nx = [1, 'a', None]\nx")
    seen = (result.ok, result.value, result.data, result.stdout, result.exit_code)
    return "" if seen == (True, "[1, 'a', None]", [1, "a", None], "out\n", 0) else f"got {seen}"


async def no_value_without_an_expression(session: Session) -> str:
    """There is no value where the last line is a statement, or None."""
    results = [await session.python(code) for code in ("x = 1", "None", "")]
    seen = [(result.ok, result.value, result.data) for result in results]
    return "" if seen == [(True, None, None)] * 3 else f"got {seen}"


async def a_value_that_is_no_json(session: Session) -> str:
    """A value that JSON cannot hold has no data, and its repr all the same."""
    result = await session.python("{1, 2}")
    return "" if (result.ok, result.value, result.data) == (True, "{1, 2}", None) else f"got {result}"


async def a_long_value_is_shortened(session: Session) -> str:
    """The value is shortened at 10,000 characters."""
    result = await session.python("'x' * 50_000")
    return (
        "" if result.ok and result.value and 9_000 < len(result.value) <= 10_001 else f"got {len(result.value or '')}"
    )


async def an_error_shows_the_users_lines(session: Session) -> str:
    """An error has its type, its message, and a traceback of the user's own frames with their source."""
    result = await session.python("def f(x):\n    return 1 / x\n\nf(0)")
    error = result.error
    if error is None or result.ok or (error.type, error.message) != ("ZeroDivisionError", "division by zero"):
        return f"got {result}"
    wanted = ("return 1 / x", "f(0)", "line 2", "line 4", "ZeroDivisionError: division by zero")
    foreign = [word for word in ("supervisor", "interpreter.py", "exec(", "eval(") if word in error.traceback]
    missing = [word for word in wanted if word not in error.traceback]
    return "" if not foreign and not missing else f"missing {missing}, foreign {foreign}: {error.traceback}"


async def a_syntax_error_is_an_error(session: Session) -> str:
    """Code that is no Python is an error of the code."""
    result = await session.python("def f(:\n  pass")
    return "" if result.error and result.error.type == "SyntaxError" and not result.ok else f"got {result}"


async def an_exit_has_its_code(session: Session) -> str:
    """`sys.exit` ends a snippet with that exit code."""
    result = await session.python("import sys\nprint('a')\nsys.exit(5)")
    return "" if result.exit_code == 5 and result.stdout == "a\n" and not result.ok else f"got {result}"


async def snippets_forget(session: Session) -> str:
    """A snippet knows nothing of the one before, but for the files."""
    await session.python("import sys\nx = 1\nsys.left = 1\nopen('file', 'w').write('kept')")
    result = await session.python("import sys\n('x' in globals(), hasattr(sys, 'left'), open('file').read())")
    return "" if result.data == [False, False, "kept"] else f"got {result}"


async def stateful_snippets_remember(session: Session) -> str:
    """A stateful snippet remembers, also after an error, and apart from the others."""
    await session.python("x = 20\ndef f(): return x + 1", stateful=True)
    await session.python("x = 41\n1 / 0", stateful=True)
    result = await session.python("x = 1\nx")
    again = await session.python("f()", stateful=True)
    return "" if (result.data, again.data, again.state_lost) == (1, 42, False) else f"got {again}"


async def an_interrupted_snippet_keeps_its_state(session: Session) -> str:
    """At its wall time a stateful snippet is interrupted first: the state is kept, and so is what was printed."""
    await session.python("x = 42", stateful=True)
    result = await session.python("print('before')\nimport time\ntime.sleep(30)", stateful=True, wall_s=0.7)
    after = await session.python("x", stateful=True)
    if result.stop is not Stop.WALL_TIME or result.ok or result.stdout != "before\n" or not result.detail:
        return f"got {result}"
    return "" if not result.state_lost and after.data == 42 else f"the state was lost: {result}, {after}"


async def a_deaf_snippet_is_killed(session: Session) -> str:
    """A stateful snippet that does not heed the interrupt is killed; that its state is lost is told."""
    await session.python("x = 42", stateful=True)
    code = "import time\nwhile True:\n    try: time.sleep(30)\n    except BaseException: pass"
    result = await session.python(code, stateful=True, wall_s=0.7)
    after = await session.python("'x' in globals()", stateful=True)
    if result.stop is not Stop.WALL_TIME or result.ok or not result.state_lost:
        return f"got {result}"
    return "" if after.data is False and not after.state_lost else f"then got {after}"


async def one_shot_at_its_time(session: Session) -> str:
    """A one-shot snippet is stopped at its wall time."""
    result = await session.python("print('before', flush=True)\nwhile True: pass", wall_s=0.7)
    return "" if (result.stop, result.stdout, result.ok) == (Stop.WALL_TIME, "before\n", False) else f"got {result}"


async def functions_of_the_host(session: Session) -> str:
    """Code calls the functions it is given, with arguments and results as JSON, and only those."""
    calls: list[JSON] = []

    async def add(*numbers: int, **named: JSON) -> JSON:
        calls.append([list(numbers), named])
        return {"sum": sum(numbers)}

    result = await session.python("[add(1, 2, a=[None]), add()]", functions={"add": add})
    gone = await session.python("add(1)")
    if result.data != [{"sum": 3}, {"sum": 0}] or calls != [[[1, 2], {"a": [None]}], [[], {}]]:
        return f"got {result}, calls {calls}"
    return "" if gone.error and gone.error.type == "NameError" else f"then got {gone}"


async def what_a_function_raises(session: Session) -> str:
    """An `AgentkitError` or `ValueError` of a function is a RuntimeError inside, with its message."""

    async def refuse(kind: str) -> JSON:
        raise (AgentkitError if kind == "ours" else ValueError)(f"refused {kind}")

    code = """
seen = []
for kind in ("ours", "value"):
    try:
        refuse(kind)
    except RuntimeError as error:
        seen.append(str(error))
seen
"""
    result = await session.python(code, functions={"refuse": refuse})
    return "" if result.data == ["refused ours", "refused value"] else f"got {result}"


async def a_fault_of_a_function(session: Session) -> str:
    """Anything else that a function raises ends the run, reaches the caller, and leaves the session usable."""

    async def fail() -> JSON:
        raise KeyError("a fault of the host")

    try:
        result = await asyncio.wait_for(session.python("fail()\nprint('on')", functions={"fail": fail}), 20)
    except KeyError:
        again = await session.python("6 * 7")
        return "" if again.data == 42 else f"then got {again}"
    return f"nothing was raised; got {result}"


async def what_is_shown_is_a_file(session: Session) -> str:
    """What is given to `display` is an artifact: a file of the work folder with its kind and size."""
    code = "class Picture:\n    def _repr_png_(self): return b'\\x89PNG data'\ndisplay(Picture())"
    result = await session.python(code)
    if not result.ok or len(result.artifacts) != 1:
        return f"got {result}"
    shown = result.artifacts[0]
    data = await session.read(shown.name)
    right = (shown.media_type, shown.size, data) == ("image/png", 9, b"\x89PNG data")
    return "" if right else f"got {shown}, {data!r}"


async def modules_of_the_folder(session: Session) -> str:
    """A snippet runs in the work folder and can import what lies there."""
    await session.write("own_module.py", "answer = 42")
    result = await session.python("import own_module\nown_module.answer")
    return "" if result.data == 42 else f"got {result}"


async def output_of_snippets_streams(session: Session) -> str:
    """What a snippet and its children print comes in order, as it is printed."""
    pieces: list[str] = []
    code = "import os\nprint('one')\nos.system('echo two')\nprint('three')"
    result = await session.python(code, on_output=lambda piece: pieces.append(piece.text))
    wanted = "one\ntwo\nthree\n"
    return "" if result.stdout == wanted and "".join(pieces) == wanted else f"got {result.stdout!r}, {pieces}"


PYTHON = (
    the_last_expression_is_the_value,
    no_value_without_an_expression,
    a_value_that_is_no_json,
    a_long_value_is_shortened,
    an_error_shows_the_users_lines,
    a_syntax_error_is_an_error,
    an_exit_has_its_code,
    snippets_forget,
    stateful_snippets_remember,
    an_interrupted_snippet_keeps_its_state,
    a_deaf_snippet_is_killed,
    one_shot_at_its_time,
    functions_of_the_host,
    what_a_function_raises,
    a_fault_of_a_function,
    what_is_shown_is_a_file,
    modules_of_the_folder,
    output_of_snippets_streams,
)
