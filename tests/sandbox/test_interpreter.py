"""Python snippets: values, errors, what is shown, functions of the host, and code that attacks its own interpreter."""

from __future__ import annotations

import asyncio
import json
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.contracts import Limits, PythonError, Session, Stop
from sandbox.errors import AgentkitError
from sandbox.process import Process


@pytest.fixture(params=[False, True], ids=["once", "stateful"])
def stateful(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize(
    ("code", "value", "data"),
    [
        ("1 + 1", "2", 2),
        ("'a\"b'", "'a\"b'", 'a"b'),
        ("x = 5\nx", "5", 5),
        ("x = 5", None, None),
        ("None", None, None),
        ("", None, None),
        ("# only words", None, None),
        ("[1, 'two', None, {'k': 2.5}]", "[1, 'two', None, {'k': 2.5}]", [1, "two", None, {"k": 2.5}]),
        ("(1, 2)", "(1, 2)", [1, 2]),
        ("{1, 2}", "{1, 2}", None),
        ("float('nan')", "nan", None),
        ("object", "<class 'object'>", None),
        ("True", "True", True),
        ("if True:\n    7", None, None),
        ("import asyncio\nawait asyncio.sleep(0, 'awaited')", "'awaited'", "awaited"),
        ("'\\udc80'", "'\\udc80'", "\udc80"),
    ],
)
async def test_the_value_of_the_last_expression(
    plain: Session, stateful: bool, code: str, value: str | None, data: object
) -> None:
    result = await plain.python(code, stateful=stateful)
    assert (result.value, result.data, result.error, result.stdout) == (value, data, None, "")
    assert result.ok
    assert result.exit_code == 0


async def test_long_values_are_shortened(plain: Session, stateful: bool) -> None:
    result = await plain.python("'x' * 2_000_000", stateful=stateful)
    assert len(result.value or "") == 10_000
    assert (result.value or "").endswith("x…")
    assert result.data is None
    assert (await plain.python("'x' * 9_998", stateful=stateful)).value == repr("x" * 9_998)


async def test_a_session_remembers_and_a_single_run_does_not(plain: Session) -> None:
    await plain.python("import math\ndef f(n):\n    return n + offset\noffset = 2", stateful=True)
    assert (await plain.python("f(math.floor(1.5))", stateful=True)).data == 3
    single = await plain.python("offset")
    assert single.error is not None
    assert (single.error.type, single.exit_code) == ("NameError", 1)
    assert (
        await plain.python("import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))", stateful=True)
    ).error is None


async def test_an_error_shows_the_users_frames_with_their_lines(plain: Session) -> None:
    await plain.write("helpful.py", "def divide(a, b):\n    return a / b\n")
    await plain.python("def outer(n):\n    from helpful import divide\n    return divide(n, 0)", stateful=True)
    result = await plain.python("x = 1\nouter(x)", stateful=True)
    assert result.error is not None
    lines = [line for line in result.error.traceback.splitlines() if set(line) - set(" ~^")]
    work = (await plain.python("import os; os.getcwd()")).data
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<cell 2>", line 2, in <module>',
        "    outer(x)",
        '  File "<cell 1>", line 3, in outer',
        "    return divide(n, 0)",
        f'  File "{work}/helpful.py", line 2, in divide',
        "    return a / b",
        "ZeroDivisionError: division by zero",
    ]
    assert (result.error.type, result.error.message, result.exit_code) == ("ZeroDivisionError", "division by zero", 1)
    assert not result.ok


async def test_frames_of_libraries_are_left_out_also_of_causes(plain: Session, stateful: bool) -> None:
    code = "import json\ntry:\n    json.loads('{')\nexcept ValueError as e:\n    raise KeyError('k') from e"
    result = await plain.python(code, stateful=stateful)
    assert result.error is not None
    assert result.error.type == "KeyError"
    assert "decoder.py" not in result.error.traceback
    assert "interpreter.py" not in result.error.traceback
    assert "json.loads('{')" in result.error.traceback
    assert "direct cause" in result.error.traceback


@pytest.mark.parametrize("code", ["def f(:\n    pass", "x = = 1", "return 1", "'\\N{no}'", "x = 1\n\tx = 2"])
async def test_code_that_is_no_python_is_an_error_with_its_line(plain: Session, stateful: bool, code: str) -> None:
    result = await plain.python(code, stateful=stateful)
    assert result.error is not None
    assert result.error.type in ("SyntaxError", "IndentationError")
    assert "interpreter.py" not in result.error.traceback
    assert "line 1" in result.error.traceback or "line 2" in result.error.traceback


async def test_an_error_whose_text_fails_or_is_long_is_told(plain: Session, stateful: bool) -> None:
    code = "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E"
    result = await plain.python(code, stateful=stateful)
    assert result.error is not None
    assert result.error.type == "E"
    deep = await plain.python("def f(): f()\nf()", stateful=stateful)
    assert deep.error is not None
    assert deep.error.type == "RecursionError"
    assert len(deep.error.traceback) < 3000
    long = await plain.python("raise ValueError('x' * 1_000_000)", stateful=stateful)
    assert long.error is not None
    assert (len(long.error.message), len(long.error.traceback)) == (10_000, 20_000)


@pytest.mark.parametrize(("code", "exit_code"), [("0", 0), ("", 0), ("3", 3), ("'words'", 1), ("-1", 255)])
async def test_an_exit_is_an_exception_that_was_not_caught(
    plain: Session, stateful: bool, code: str, exit_code: int
) -> None:
    result = await plain.python(f"import sys\nprint('before')\nsys.exit({code})\nprint('after')", stateful=stateful)
    assert result.error is not None
    assert (result.error.type, result.exit_code, result.stdout) == ("SystemExit", exit_code, "before\n")
    assert not result.ok
    assert not result.state_lost


async def test_a_program_finds_what_a_program_finds(plain: Session) -> None:
    assert (await plain.python("input()")).error == PythonError(
        "EOFError", "EOF when reading a line", 'Traceback (most recent call last):\n  File "<snippet>", line 1, in '
        "<module>\n    input()\nEOFError: EOF when reading a line\n",
    )  # fmt: skip
    assert (await plain.python("import sys\n(sys.argv, __name__, sys.flags.hash_randomization)")).data == [
        [""],
        "__main__",
        0,
    ]
    assert (await plain.python("exit")).error is None
    assert (await plain.python("[name for name in __import__('sys').modules if 'sandbox' in name]")).data == []
    shown = await plain.python("import sys\nprint('\\udc80ü')\nprint('e', file=sys.stderr)")
    assert (shown.stdout, shown.stderr) == ("\\udc80ü\n", "e\n")


async def test_threads_and_what_is_left_for_the_exit_are_waited_for(plain: Session) -> None:
    code = """
import atexit, threading, time
atexit.register(lambda: print("at exit"))
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
print("main")
"""
    assert (await plain.python(code)).stdout == "main\nthread\nat exit\n"


async def test_modules_that_lie_in_wait_in_the_work_folder_do_not_serve_us(plain: Session, stateful: bool) -> None:
    for name in ("json", "traceback", "sandbox", "sitecustomize", "usercustomize", "linecache", "ast", "signal"):
        await plain.write(f"{name}.py", "print('planted')\nraise SystemExit(1)\n")
    result = await plain.python("1 + 1", stateful=stateful)
    assert (result.value, result.stdout, result.error) == ("2", "", None)
    failed = await plain.python("1 / 0", stateful=stateful)
    assert (failed.stdout, failed.error is not None) == ("", True)


# ---- what is shown


async def test_what_is_displayed_becomes_a_file(plain: Session, stateful: bool) -> None:
    code = """
class Table:
    def _repr_html_(self): return "<table>"
class Picture:
    def _repr_png_(self): return b"\\x89PNG"
    def _repr_html_(self): return "<img>"
display(Table(), Picture())
display("words")
display([1, 2])
"""
    result = await plain.python(code, stateful=stateful)
    kinds = [(artifact.media_type, await plain.read(artifact.name)) for artifact in result.artifacts]
    assert kinds == [
        ("text/html", b"<table>"),
        ("image/png", b"\x89PNG"),
        ("text/plain", b"words"),
        ("text/plain", b"[1, 2]"),
    ]
    assert [artifact.size for artifact in result.artifacts] == [7, 4, 5, 6]
    again = await plain.python("display('more')", stateful=stateful)
    assert len(again.artifacts) == 1
    assert again.artifacts[0].name not in [artifact.name for artifact in result.artifacts]


@pytest_asyncio.fixture
async def plotting() -> AsyncIterator[Session]:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'agentkit[plot]'")
    packages = Path(sysconfig.get_paths()["purelib"])
    async with await Process(unsafe=True, packages=packages).open(Limits(memory_bytes=2**31)) as session:
        yield session


async def test_open_figures_are_saved_at_the_end_of_a_snippet(plotting: Session) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.figure()\nplt.plot([2, 1])\nplt.get_backend().lower()"
    )
    for stateful in (False, True):
        result = await plotting.python(code, stateful=stateful)
        assert (result.error, result.data) == (None, "agg")
        assert [artifact.media_type for artifact in result.artifacts] == ["image/png"] * 2
        for artifact in result.artifacts:
            picture = await plotting.read(artifact.name)
            assert picture.startswith(b"\x89PNG\r\n")
            assert len(picture) == artifact.size
    assert (await plotting.python("1", stateful=True)).artifacts == ()


# ---- functions of the host


async def test_code_calls_functions_of_the_host(plain: Session, stateful: bool) -> None:
    seen: list[object] = []

    async def look_up(name: str, *, depth: int = 1) -> object:
        seen.append((name, depth))
        await asyncio.sleep(0.01)
        return {"name": name, "many": [depth, None, "ü"]}

    code = "first = look_up('a')\nsecond = look_up('b', depth=2)\nprint(first['name'])\nsecond"
    result = await plain.python(code, stateful=stateful, functions={"look_up": look_up})
    assert result.data == {"name": "b", "many": [2, None, "ü"]}
    assert result.stdout == "a\n"
    assert seen == [("a", 1), ("b", 2)]


async def test_what_is_printed_before_a_call_is_seen_before_it(plain: Session) -> None:
    order: list[str] = []

    async def mark() -> None:
        await asyncio.sleep(0.05)
        order.append("call")

    await plain.python("print('printed')\nmark()", functions={"mark": mark}, on_output=lambda o: order.append(o.text))
    assert "".join(order) == "printed\ncall"


async def test_a_function_may_use_the_session_itself(plain: Session) -> None:
    async def fetch(name: str) -> str:
        await plain.write(name, "from the host")
        return name

    result = await plain.python("open(fetch('f')).read()", functions={"fetch": fetch})
    assert result.data == "from the host"


async def test_errors_meant_for_the_code_are_raised_inside(plain: Session, stateful: bool) -> None:
    async def refuse(kind: str) -> None:
        raise {"own": AgentkitError, "value": ValueError}[kind](f"refused: {kind}")

    code = """
said = []
for arguments in (("own",), ("value",), (), ("own", 2), (float("nan"),), ({1},), ("x" * 5_000_000,)):
    try:
        refuse(*arguments)
    except Exception as error:
        said.append((type(error).__name__, str(error)[:40]))
said
"""
    result = await plain.python(code, stateful=stateful, functions={"refuse": refuse})
    assert result.error is None
    assert [kind for kind, _ in result.data] == ["RuntimeError"] * 5 + ["TypeError", "ValueError"]
    assert [said for _, said in result.data[:2]] == ["refused: own", "refused: value"]
    assert all("cannot be called like this" in said for _, said in result.data[2:5])


async def test_a_function_that_fails_ends_the_run_and_is_raised(plain: Session) -> None:
    async def fail() -> None:
        raise LookupError("a bug of the host")

    with pytest.raises(LookupError, match="a bug of the host"):
        await plain.python("try:\n    fail()\nfinally:\n    print('no')", functions={"fail": fail})
    assert (await plain.python("1")).data == 1


async def test_a_function_that_takes_long_counts_for_the_wall_time(plain: Session) -> None:
    cancelled = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    result = await plain.python("wait()", functions={"wait": wait}, wall_s=0.3)
    assert result.stop is Stop.WALL_TIME
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_function_of_an_earlier_run_is_not_offered_any_more(plain: Session) -> None:
    async def once() -> int:
        return 1

    assert (await plain.python("once()", stateful=True, functions={"once": once})).data == 1
    result = await plain.python("once()", stateful=True)
    assert result.error is not None
    assert "not offered" in result.error.message
    with pytest.raises(ValueError, match="Python code can call"):
        await plain.python("1", functions={"no name": once})


async def test_threads_may_call_at_once_and_forks_may_not(plain: Session) -> None:
    async def double(n: int) -> int:
        return 2 * n

    async def triple(n: int) -> int:
        return 3 * n

    threads = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    answer = list(pool.map(lambda n: (double(n), triple(n)), range(20)))
answer
"""
    result = await plain.python(threads, functions={"double": double, "triple": triple})
    assert result.data == [[2 * n, 3 * n] for n in range(20)]
    forked = "import os\npid = os.fork()\nif pid == 0:\n    double(1)\nos.waitpid(pid, 0)[1] != 0"
    result = await plain.python(forked, functions={"double": double})
    assert "first process only" in result.stderr
    assert result.data is True


async def test_a_fork_of_the_code_ends_as_a_program_and_gives_no_result(plain: Session, stateful: bool) -> None:
    code = "import os\npid = os.fork()\nif pid == 0:\n    print('child')\npid and os.waitpid(pid, 0)[1]"
    result = await plain.python(code, stateful=stateful)
    assert (result.data, result.stdout) == (0, "child\n")


# ---- interruptions


async def test_a_snippet_is_interrupted_before_it_is_killed(plain: Session) -> None:
    await plain.python("kept = 41", stateful=True)
    result = await plain.python("kept += 1\nprint('on')\nwhile True: pass", stateful=True, wall_s=0.4)
    assert (result.stop, result.stdout, result.state_lost) == (Stop.WALL_TIME, "on\n", False)
    assert result.error is not None
    assert (result.error.type, result.exit_code) == ("KeyboardInterrupt", None)
    assert (await plain.python("kept", stateful=True)).data == 42


@pytest.mark.parametrize(
    "stubborn",
    [
        "while True:\n    try:\n        while True: sum(range(99))\n    except BaseException: pass",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "class R:\n    def __repr__(self):\n        while True:\n            try:\n"
        "                while True: sum(range(99))\n"
        "            except BaseException: pass\nR()",
        "import os\nos.kill(os.getpid(), 19)",
    ],
)
async def test_a_snippet_that_does_not_heed_it_is_killed_and_the_state_is_lost(plain: Session, stubborn: str) -> None:
    await plain.python("x = 1", stateful=True)
    await plain.write("file", "kept")
    result = await plain.python(stubborn, stateful=True, wall_s=0.3)
    assert (result.stop, result.state_lost, result.exit_code) == (Stop.WALL_TIME, True, None)
    after = await plain.python("x", stateful=True)
    assert after.error is not None
    assert (after.error.type, after.state_lost) == ("NameError", False)
    assert await plain.read("file") == b"kept"


async def test_too_much_output_is_stopped_without_losing_the_state(plain: Session) -> None:
    await plain.python("x = 1", stateful=True)
    result = await plain.python("while True: print('x' * 1000)", stateful=True)
    assert (result.stop, len(result.stdout), result.state_lost) == (Stop.OUTPUT, 2**20, False)
    assert (await plain.python("x", stateful=True)).data == 1


async def test_an_interpreter_that_was_killed_between_runs_is_missed(plain: Session) -> None:
    pid = (await plain.python("import os\nos.getpid()", stateful=True)).data
    assert (await plain.run(["kill", "-9", str(pid)])).ok
    result = await plain.python("1", stateful=True)
    assert (result.data, result.state_lost) == (1, True)
    assert not (await plain.python("2", stateful=True)).state_lost


async def test_a_cancelled_snippet_leaves_the_state(plain: Session) -> None:
    await plain.python("x = 1", stateful=True)
    running = asyncio.create_task(plain.python("x = 2\nwhile True: pass", stateful=True))
    await asyncio.sleep(0.3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await plain.python("x", stateful=True)).data == 2


async def test_an_idle_interpreter_does_nothing(plain: Session) -> None:
    code = """
import threading, time
def tick():
    while True:
        open("tick", "w").write(str(time.time_ns()))
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
time.sleep(0.1)
"""
    await plain.python(code, stateful=True)
    before = await plain.read("tick")
    await asyncio.sleep(0.2)
    assert await plain.read("tick") == before
    assert (await plain.python("time.sleep(0.1)", stateful=True)).ok
    assert await plain.read("tick") != before


# ---- attacks on its own interpreter

FORGED = json.dumps({"value": "'forged'", "data": "forged", "error": None, "exit_code": 0, "artifacts": []})
FORGE = f"""
import json, os, struct
for token in ("", "0" * 32):
    for kind in ("result", "done", "hello", "broken"):
        payload = {FORGED!r}.encode()
        header = json.dumps({{"type": kind, "id": 1, "token": token, "bytes": len(payload)}}).encode()
        for fd in range(3, 1024):
            try:
                os.write(fd, struct.pack(">I", len(header)) + header + payload)
            except OSError:
                pass
"""


@pytest.mark.parametrize("end", ["os._exit(0)", "1", "import time; time.sleep(30)"])
async def test_a_blindly_forged_result_is_not_believed(plain: Session, stateful: bool, end: str) -> None:
    result = await plain.python(f"{FORGE}\n{end}", stateful=stateful, wall_s=2)
    assert result.value is None
    assert not result.ok
    assert (await plain.python("'honest'", stateful=stateful)).data == "honest"


@pytest.mark.parametrize("code", [0, 3])
async def test_a_process_that_ends_before_its_code_has_no_result(plain: Session, stateful: bool, code: int) -> None:
    result = await plain.python(f"import os\nprint('on')\nos._exit({code})", stateful=stateful)
    assert (result.exit_code, result.stdout, result.ok, result.value) == (code, "on\n", False, None)
    assert result.error is not None
    assert (result.error.type, result.state_lost) == ("NoResult", stateful)
    assert f"exit code {code}" in result.error.message


async def test_a_crash_is_a_signal(plain: Session, stateful: bool) -> None:
    result = await plain.python("import os\nos.kill(os.getpid(), 11)", stateful=stateful)
    assert (result.exit_code, result.signal, result.stop, result.ok) == (None, 11, None, False)
    assert result.state_lost is stateful


@pytest.mark.parametrize("first", [0, 3])
async def test_closing_every_descriptor_harms_nobody_else(plain: Session, stateful: bool, first: int) -> None:
    result = await plain.python(f"import os\nos.closerange({first}, 5000)\n1", stateful=stateful, wall_s=3)
    assert result.value is None
    assert not result.ok
    assert (await plain.python("2", stateful=stateful)).data == 2


@pytest.mark.parametrize(
    "attack",
    [
        "import json\njson.dumps = json.loads = None",
        "import sys\nsys.stdout = None\nsys.stderr = 3",
        "import sys\nsys.stdout.close()",
        "import builtins\nbuiltins.repr = builtins.len = builtins.isinstance = None",
        "import sys\nsys.modules.clear()",
        "import os\nos.write = None",
        "import sys\nsys.setrecursionlimit(60)",
        "import gc\n[o.clear() for o in gc.get_objects() if type(o) is dict and o is not globals()]",
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
    ],
)
async def test_spoiling_its_own_interpreter_spoils_nothing_else(plain: Session, stateful: bool, attack: str) -> None:
    await plain.python(attack, stateful=stateful, wall_s=2)
    await plain.python("1", stateful=stateful, wall_s=2)
    assert (await plain.python("'fresh'")).data == "fresh"
    assert (await plain.run("echo ok")).stdout == "ok\n"


async def test_a_huge_value_does_not_leave(plain: Session, stateful: bool) -> None:
    result = await plain.python("[0] * 3_000_000", stateful=stateful)
    assert result.data is None
    assert len(result.value or "") == 10_000
    many = await plain.python("for n in range(1500): display('x')", stateful=stateful)
    assert len(many.artifacts) == 1000
    nested = "x = []\nfor _ in range(100_000): x = [x]\nx"
    assert (await plain.python(nested, stateful=stateful)).error is not None
