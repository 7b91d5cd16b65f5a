"""Every test asserts, nothing says where it was written, and what installs names no address."""

from __future__ import annotations

import ast
import re
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef

INSTALLERS = ("pyproject.toml", "constraints.txt", "Makefile", "scripts/setup.sh", ".ci/run")
HOMES = re.compile(r"/(?:root|home/\w+|work)/(?!user\b)[\w.]+")


def asserts(function: Function, *, known: frozenset[str]) -> bool:
    """Whether a test can fail: by `assert`, `raises`, `fail` or `match`, its own or those of a function it calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith("assert") or name in {"raises", "fail", "warns"} | known:
                return True
    return False


def toothless(source: str) -> list[str]:
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, Function)]
    checks = frozenset(f.name for f in found if not f.name.startswith("test_") and asserts(f, known=frozenset()))
    return [f.name for f in found if f.name.startswith("test_") and not is_fixture(f) and not asserts(f, known=checks)]


def is_fixture(function: Function) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_every_test_asserts(test_sources: dict[Path, str]) -> None:
    assert {str(path): names for path, source in test_sources.items() if (names := toothless(source))} == {}


def test_a_test_without_an_assertion_would_be_seen() -> None:
    assert toothless("def test_nothing():\n    print(1)\n") == ["test_nothing"]
    assert toothless("def check():\n    assert 1\ndef test_something():\n    check()\n") == []


def test_no_file_names_a_folder_of_one_machine(
    sources: dict[Path, str], test_sources: dict[Path, str], root: Path
) -> None:
    others = {Path(name): (root / name).read_text() for name in INSTALLERS}
    texts = {path: text for path, text in (sources | test_sources | others).items() if path.name != Path(__file__).name}
    assert {str(path): found for path, text in texts.items() if (found := HOMES.findall(text))} == {}


def test_what_installs_names_no_address(root: Path) -> None:
    addresses = re.compile(r"https?://(?!localhost)\S+|--(?:extra-)?index-url|--find-links")
    assert {name: found for name in INSTALLERS if (found := addresses.findall((root / name).read_text()))} == {}


def test_every_dependency_is_pinned_to_one_version(root: Path) -> None:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = dict(re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups() for line in lines)
    assert len(pins) == len(lines) > 100
