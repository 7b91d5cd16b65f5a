"""Python snippets, run in a process that the supervisor has forked: once, or as a session that remembers.

Requests come and answers go over two descriptors of their own, as frames with JSON; nothing is read from stdout, and
nothing is ever unpickled. The code shares this process and can reach everything in it. So an answer can only speak
for the code itself, and how the process ended is for the supervisor to say.
"""

from __future__ import annotations

import _thread
import ast
import builtins
import inspect
import io
import json
import linecache
import os
import signal
import sys
import traceback
import types

from sandbox.inside.frames import Input, encode, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sandbox.inside.frames import Header
    from sandbox.inside.spawn import Setting

__all__ = ["Interpreter", "begin"]

HERE = os.path.dirname(os.path.abspath(__file__))
VALUE_CHARACTERS = 10_000
DATA_CHARACTERS = 1_000_000
TRACEBACK_CHARACTERS = 20_000
MESSAGE_CHARACTERS = 10_000
SENT_BYTES = 4 * 2**20
SHOWN = ".display"
"""Folder in the work folder for what was shown."""
KINDS = (
    ("_repr_png_", "image/png", "png"),
    ("_repr_jpeg_", "image/jpeg", "jpg"),
    ("_repr_svg_", "image/svg+xml", "svg"),
    ("_repr_html_", "text/html", "html"),
    ("_repr_markdown_", "text/markdown", "md"),
    ("_repr_latex_", "text/latex", "tex"),
)


def begin(setting: Setting, once: bool, requests: int, answers: int) -> int:
    """Turn a fork of the supervisor into an interpreter as a program would find it, and serve."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(setting.environment({}))
    sys.path[:] = [
        setting.work,
        *setting.module_folders,
        *(path for path in sys.path if path != HERE),
        *_site_folders(),
    ]
    sys.argv = [""]
    sys.dont_write_bytecode = True
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    # Unbuffered, so that what was printed is there when the code is stopped.
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)
        for fd in (1, 2)
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    return Interpreter(requests, answers, work=setting.work, quiet=(setting.installed,)).serve(once=once)


def _site_folders() -> list[str]:
    """Where packages of the sandbox's Python are, and `exit` and the like; the supervisor itself does without."""
    import site

    for add in (site.setquit, site.setcopyright, site.sethelper):
        add()
    return [path for path in site.getsitepackages() if os.path.isdir(path)]


class Interpreter:
    """Runs one request after another in one namespace, until there are no more."""

    def __init__(self, requests: int, answers: int, *, work: str, quiet: tuple[str, ...]) -> None:
        self._requests, self._answers = Input(requests), answers
        self._work = work
        self._quiet = quiet
        self._pid = os.getpid()
        self._token = ""
        self._asking = _thread.allocate_lock()
        self._busy = False
        self._count = 0
        self._shown: list[Header] = []
        self._loop: Any = None
        self._main = types.ModuleType("__main__")
        self._main.__dict__.update(__builtins__=builtins, display=self.display)
        sys.modules["__main__"] = self._main

    def serve(self, *, once: bool) -> int:
        """Answer requests; with `once`, one of them and what a program does at its end. Returns the exit code."""
        signal.signal(signal.SIGINT, self._interrupted)
        try:
            while True:
                header, payload = self._requests.next()
                answer = self._run(header, payload.decode("utf-8", "surrogatepass"))
                if os.getpid() != self._pid:
                    self._end_a_fork(answer)
                if once:
                    _end_as_a_program_does()
                self._flush()
                self._send({"type": "result"}, answer)
                if once:
                    return int(answer["exit_code"])
        except EOFError:
            return 0

    def _end_a_fork(self, answer: Header) -> None:
        """End a process that the code made by forking, as Python does; the answer is for the first one to give."""
        if answer["error"] is not None:
            sys.stderr.write(answer["error"]["traceback"])
        self._flush()
        os._exit(answer["exit_code"])

    def _interrupted(self, number: int, frame: object) -> None:
        if self._busy:
            self._busy = False
            raise KeyboardInterrupt

    def _run(self, header: Header, code: str) -> Header:
        self._token = header["token"]
        self._shown = []
        self._count += 1
        name = f"<cell {self._count}>" if header["stateful"] else "<snippet>"
        linecache.cache[name] = (len(code), None, [line + "\n" for line in code.split("\n")], name)
        for function in header["functions"]:
            self._main.__dict__[function] = self._host_function(function)
        signal.signal(signal.SIGINT, self._interrupted)
        answer: Header = {"value": None, "data": None, "error": None, "exit_code": 0}
        self._busy = True
        try:
            value = self._execute(code, name)
            self._save_figures()
            if value is not None:
                answer["value"] = _shorten(repr(value), VALUE_CHARACTERS)
                answer["data"] = _as_data(value)
        except BaseException as error:
            self._busy = False
            answer["error"] = self._told(error)
            answer["exit_code"] = _exit_code(error)
        self._busy = False
        return dict(answer, artifacts=self._shown)

    def _execute(self, code: str, name: str) -> object:
        """Run the statements; the value of the last one when it is an expression."""
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._do(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True))
        if last is None:
            return None
        expression = ast.Expression(last.value)  # type: ignore[attr-defined]
        return self._do(compile(expression, name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True))

    def _do(self, code: types.CodeType) -> object:
        result = eval(code, self._main.__dict__)
        if not code.co_flags & inspect.CO_COROUTINE:
            return result
        import asyncio  # only where there is an await outside of functions

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(result)

    # ---- what travels

    def _send(self, header: Header, body: Header) -> None:
        payload = json.dumps(body).encode()
        if len(payload) > SENT_BYTES:
            raise ValueError(f"{len(payload)} bytes of JSON; at most {SENT_BYTES} can leave the sandbox in one piece")
        write_all(self._answers, encode(dict(header, token=self._token), payload))

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # closed or replaced by the code
                pass

    def _host_function(self, name: str) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if os.getpid() != self._pid:
                raise RuntimeError(f"{name}() can be called in the first process only, not in a fork of it")
            with self._asking:
                self._flush()
                self._send({"type": "call", "name": name}, {"args": args, "kwargs": kwargs})
                _, payload = self._requests.next()
            reply = json.loads(payload)
            if "error" in reply:
                raise RuntimeError(reply["error"])
            return reply["value"]

        call.__name__ = call.__qualname__ = name
        return call

    # ---- what is shown

    def display(self, *objects: object) -> None:
        """Save each as a file for the reader, in the richest form that it has."""
        for shown in objects:
            self._save(*_rendered(shown))

    def _save(self, data: bytes, media_type: str, suffix: str) -> None:
        folder = os.path.join(self._work, SHOWN)
        os.makedirs(folder, exist_ok=True)
        number = len(os.listdir(folder)) + 1
        while True:
            name = f"{SHOWN}/{number}.{suffix}"
            try:
                with open(os.path.join(self._work, name), "xb") as file:
                    file.write(data)
                break
            except FileExistsError:
                number += 1
        self._shown.append({"name": name, "media_type": media_type, "size": len(data)})

    def _save_figures(self) -> None:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            for number in pyplot.get_fignums():
                self.display(pyplot.figure(number))
            pyplot.close("all")

    # ---- what went wrong

    def _told(self, error: BaseException) -> Header:
        try:
            told = traceback.TracebackException.from_exception(error)
            for each in _chain(told):
                each.stack[:] = [frame for frame in each.stack if self._is_users(frame.filename)]
            text = "".join(told.format())
            message = str(error)
        except BaseException as second:  # its own __str__ failed
            text = f"{type(error).__name__}: (its text cannot be had: {type(second).__name__})\n"
            message = ""
        return {
            "type": type(error).__name__,
            "message": _shorten(message, MESSAGE_CHARACTERS),
            "traceback": _shorten(text, TRACEBACK_CHARACTERS, end=TRACEBACK_CHARACTERS // 2),
        }

    def _is_users(self, filename: str) -> bool:
        if filename == "<snippet>" or filename.startswith("<cell "):
            return True
        path = os.path.abspath(filename)
        return path.startswith(self._work + os.sep) and not path.startswith(self._quiet)


def _end_as_a_program_does() -> None:
    """Wait for threads and call what was left to be done at exit, as Python does after a program's last line."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()


def _exit_code(error: BaseException) -> int:
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _shorten(text: str, most: int, *, end: int = 0) -> str:
    if len(text) <= most:
        return text
    return text[: most - end - 1] + "…" + (text[-end:] if end else "")


def _as_data(value: object) -> object:
    """The value, where it is JSON and not too long."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return json.loads(text) if len(text) <= DATA_CHARACTERS else None


def _rendered(shown: Any) -> tuple[bytes, str, str]:
    if hasattr(shown, "savefig"):
        picture = io.BytesIO()
        shown.savefig(picture, format="png")
        return picture.getvalue(), "image/png", "png"
    for method, media_type, suffix in KINDS:
        data = getattr(shown, method, lambda: None)() if not isinstance(shown, type) else None
        if data:
            data = data[0] if isinstance(data, tuple) else data
            return data.encode() if isinstance(data, str) else bytes(data), media_type, suffix
    text = shown if isinstance(shown, str) else repr(shown)
    return text.encode("utf-8", "replace"), "text/plain", "txt"


def _chain(told: traceback.TracebackException) -> list[traceback.TracebackException]:
    """An exception with its causes, contexts and the members of its group."""
    found: dict[int, traceback.TracebackException] = {}
    waiting: list[traceback.TracebackException | None] = [told]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in found:
            found[id(one)] = one
            waiting += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
    return list(found.values())
