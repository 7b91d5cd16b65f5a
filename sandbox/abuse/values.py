"""Attacks by values: huge, deep, endless or false ones, and an interpreter that is changed under its own feet.

A snippet may say anything about its own value. What it says must come in time, and in a size and form that its reader
can take, and what comes after it must be true.
"""

from __future__ import annotations

import dataclasses
import json

from sandbox.abuse.attack import SMALL, Attack, Ruling, Scene, Verdict
from sandbox.abuse.bombs import held

__all__ = ["BRIEF", "VALUES", "returned"]

BRIEF = dataclasses.replace(SMALL, wall_s=3)
MUCH = 1_500_000
"""Characters; a result that is larger was not shortened."""


async def returned(scene: Scene) -> Ruling:
    """Whatever it gives, the result comes in time, is JSON, and is not huge."""
    result = scene.result
    if result is None:
        return Ruling(Verdict.STOPPED, "the whole sandbox was ended")
    if result.wall_s > scene.limits.wall_s + 5:
        return Ruling(Verdict.NOT_STOPPED, f"took {result.wall_s:.0f} s of {scene.limits.wall_s:g}")
    fields = {name: value for name, value in dataclasses.asdict(result).items() if name not in ("stop", "stdout")}
    size = len(json.dumps(fields))
    if size > MUCH:
        return Ruling(Verdict.NOT_STOPPED, f"a result of {size:,} characters")
    if result.stop is not None:
        return Ruling(Verdict.STOPPED, f"limit: {result.stop.value}")
    return Ruling(Verdict.STOPPED, "shortened or told as an error")


async def note(text: object) -> int:
    """What the host offers: the length of a text.

    Raises:
        ValueError: it is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a text, got {type(text).__name__}")
    return len(text)


VALUES = (
    Attack(
        name="a huge value",
        tries="fill the host's memory with a value, its JSON, an error and its traceback",
        code="['x' * 100] * 300_000",
        judge=returned,
    ),
    Attack(
        name="a huge error",
        tries="fill the host's memory with an error's message and a traceback without end",
        code="""
def down(depth):
    if depth == 0:
        raise ValueError("x" * 20_000_000)
    return down(depth - 1)
sys.setrecursionlimit(20_000)
down(5_000)
""",
        judge=returned,
    ),
    Attack(
        name="a value that is deep",
        tries="break the reader with lists within lists, a hundred thousand deep",
        code="""
value = []
for _ in range(100_000):
    value = [value]
value
""",
        judge=returned,
    ),
    Attack(
        name="a value that is no JSON",
        tries="break the reader with NaN, lone surrogates, huge integers and keys that are no text",
        code="""
{"a": float("nan"), "b": "\\ud800\\x00", 3: float("inf"), "d": 10**4000, "e": {"\\udfff": [-0.0]}}
""",
        judge=returned,
    ),
    Attack(
        name="a repr that never ends",
        tries="hang what asks for the value's repr",
        code="""
class Slow:
    def __repr__(self):
        while True:
            pass
Slow()
""",
        judge=returned,
        limits=BRIEF,
    ),
    Attack(
        name="a repr that lies or fails",
        tries="break what asks for the value's repr: it returns no text, raises, or exits",
        code="""
class Odd(dict):
    count = 0
    def __repr__(self):
        Odd.count += 1
        if Odd.count > 1:
            raise SystemExit(0)
        return 7
    __str__ = __format__ = __repr__
    __class__ = property(lambda self: int)
    def __getattribute__(self, name):
        raise KeyboardInterrupt(name)
Odd()
""",
        judge=returned,
    ),
    Attack(
        name="an error that never ends",
        tries="hang what asks for an exception's message or its causes",
        code="""
class Slow(Exception):
    def __str__(self):
        while True:
            pass
    __repr__ = __str__
error = Slow()
error.__context__ = error.__cause__ = ValueError()
error.__cause__.__cause__ = error
raise error
""",
        judge=returned,
        limits=BRIEF,
    ),
    Attack(
        name="a traceback that lies",
        tries="make the traceback run code or show files, with false file names and lines",
        code="""
namespace = {
    "__name__": "x",
    "__file__": "/proc/self/environ",
    "__loader__": type("L", (), {"get_source": lambda *a: 1 / 0})(),
}
exec(compile("\\n" * 3 + "1 / 0", "/proc/self/environ", "exec"), namespace)
""",
        judge=returned,
    ),
    Attack(
        name="patched builtins",
        tries="change functions that the interpreter needs for later results: json, repr, os.write, sys.stdout",
        code="""
import builtins, json, io, gc
def forge(*arguments, **named):
    return '{"type": "result", "value": "FORGED"}'
json.dumps = json.JSONEncoder.encode = builtins.repr = builtins.str = forge
builtins.open = builtins.compile = builtins.eval = builtins.len = forge
os.write = os._exit = os.fork = forge
sys.stdout = sys.stderr = sys.modules["json"] = None
""",
        judge=returned,
        stateful=True,
    ),
    Attack(
        name="an exit that hangs",
        tries="never end: handlers at exit, threads that go on, a __del__ that sleeps",
        code="""
import atexit, threading, time
class Clinging:
    def __del__(self):
        time.sleep(60)
kept = Clinging()
atexit.register(time.sleep, 60)
threading.Thread(target=time.sleep, args=(60,)).start()
threading._register_atexit(time.sleep, 60)
"ended"
""",
        judge=returned,
        limits=BRIEF,
    ),
    Attack(
        name="a handler that fires later",
        tries="leave a timer whose signal runs its code in what comes next",
        code="""
import signal
signal.signal(signal.SIGALRM, lambda *_: print("FORGED", flush=True))
signal.signal(signal.SIGINT, lambda *_: print("FORGED", flush=True))
sys.settrace(lambda *_: None)
sys.excepthook = sys.displayhook = sys.unraisablehook = lambda *_: print("FORGED", flush=True)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
"set"
""",
        judge=returned,
    ),
    Attack(
        name="names of Python that are taken away",
        tries="break the interpreter for what comes next: no modules, no builtins, a tiny stack",
        code="""
import builtins, gc
for name in list(sys.modules):
    if name not in ("sys", "builtins"):
        del sys.modules[name]
sys.path[:] = sys.meta_path[:] = sys.path_hooks[:] = []
sys.setrecursionlimit(40)
builtins.__dict__.clear()
""",
        judge=returned,
        stateful=True,
    ),
    Attack(
        name="calls of the host without end",
        tries="flood the host with calls of a function that it offers, and with arguments that are huge or no JSON",
        code="""
import time
met, end = set(), time.monotonic() + 2
for argument in ("x" * 30_000_000, float("nan"), "\\ud800", {1: 2}, object(), [[]] * 3):
    try:
        note(argument)
    except BaseException as error:
        met.add(type(error).__name__)
try:
    note(no_such=1)
except BaseException as error:
    met.add(type(error).__name__)
while time.monotonic() < end:
    note("again")
stopped("refused: " + ", ".join(sorted(met))) if met else harmless("every argument was taken")
""",
        judge=held,
        functions={"note": note},
    ),
)
