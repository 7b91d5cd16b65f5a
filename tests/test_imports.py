"""Imports go down only, and importing does nothing but define names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ORDER = ("agentkit", "skills", "memory", "environments", "sandbox")
HEAVY = {"litellm", "chromadb", "playwright", "torch", "langgraph", "matplotlib"}

# Imports the modules named on the command line and prints, as the last line, what came with them and what was done.
WATCHED_IMPORT = """
import importlib, json, sys, time
done = []
def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes or event in {"os.mkdir", "socket.connect", "subprocess.Popen", "os.putenv"}:
        done.append(f"{event} {arguments[0]!r}")
sys.addaudithook(watch)
start = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
seconds = time.perf_counter() - start
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"seconds": seconds, "modules": modules, "done": done}))
"""


def imported_names(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction of an import"
            yield node.module or ""


def upward(path: Path, source: str) -> list[str]:
    above = ORDER[: ORDER.index(path.parts[0])]
    return [f"{path} imports {name}" for name in imported_names(source) if name.partition(".")[0] in above]


def watched_import(folder: Path, *modules: str) -> tuple[dict, str]:
    """What importing `modules` in a clean process did, and what it printed before our own last line."""
    reply = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED_IMPORT, *modules],
        cwd=folder,
        env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert reply.returncode == 0, reply.stderr
    *printed, last = reply.stdout.splitlines()
    return json.loads(last), "\n".join(printed) + reply.stderr


def test_imports_go_down_only(sources: dict[Path, str]) -> None:
    assert [wrong for path, source in sources.items() for wrong in upward(path, source)] == []


def test_an_upward_import_would_be_seen() -> None:
    source = "def act():\n    from agentkit.budget import Budget\n"
    assert upward(Path("memory/log.py"), source) == ["memory/log.py imports agentkit.budget"]
    assert upward(Path("agentkit/run.py"), source) == []


@pytest.mark.parametrize("package", ORDER)
def test_importing_a_package_does_nothing(package: str, tmp_path: Path) -> None:
    report, printed = watched_import(tmp_path, package)
    heavy = HEAVY | ({"numpy"} if package == "agentkit" else set())
    assert heavy.intersection(report["modules"]) == set()
    assert report["done"] == []
    assert printed == ""
    assert list(tmp_path.iterdir()) == []


def test_importing_any_module_prints_nothing_and_leaves_no_file(sources: dict[Path, str], tmp_path: Path) -> None:
    modules = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in sources]
    report, printed = watched_import(tmp_path, *(name for name in modules if not name.endswith("__main__")))
    assert set(ORDER) <= set(report["modules"])
    assert printed == ""
    assert list(tmp_path.iterdir()) == []


def test_importing_agentkit_takes_less_than_300_ms(tmp_path: Path) -> None:
    assert min(watched_import(tmp_path, "agentkit")[0]["seconds"] for _ in range(5)) < 0.3
