"""The rules of the layout that a machine can check: names, sizes, parameters, and what must not be in a file."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "handler", "processor", "v2"}
FILE_LINES = 400
FUNCTION_LINES = 60
LONGER_LINES, LONGER_FUNCTION_LINES = 500, 80
"""For tests, which are lists of cases more than arguments to follow; the files also for scripts of the page."""
POSITIONAL = 2
AGREED = {
    "begin": "called by position, with the ends of two pipes",
    "lint": "called from the host, by position",
    "draft": "the four parts of a task of the code host",
    "plan": "start, end and means of a way on the map",
    "project_route": "in the order of Route's own",
    "sha_of": "the three parts that a commit's name is made of",
    "seed": "called in the shape of environments.arena.visit.Seed",
    "pass_at_k": "n, c and k of the formula",
    "pass_hat_k": "n, c and k of the formula",
    "newcombe": "the four cells of a table",
    "reflect_with_model": "called by reflexion in the shape of its `reflect` parameter",
    "reflect_from_trace": "called by reflexion in the shape of its `reflect` parameter",
}
"""Functions that take more, with the reason."""
QUIET = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

CARRIED = {"db", "rng", "visit", "data"}
"""What the arena's pages, seeders and task templates are all handed; their subject comes after it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)}


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code: neither blank, nor comment, nor docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in QUIET:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def long_functions(path: Path, source: str, *, limit: int = FUNCTION_LINES) -> list[str]:
    code = code_lines(source)
    sizes = ((f, len(code.intersection(range(f.lineno, (f.end_lineno or 0) + 1)))) for f in functions(source))
    return [f"{path}:{f.lineno} {f.name} has {size} lines of code" for f, size in sizes if size > limit]


def exported(tree: ast.Module) -> set[str]:
    """The names in a module's `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def crowded_functions(path: Path, source: str) -> list[str]:
    """Exported functions, and methods of exported classes, with more than two positional parameters."""
    tree = ast.parse(source)
    public = [node for node in tree.body if getattr(node, "name", "") in exported(tree)]
    methods = [f for node in public if isinstance(node, ast.ClassDef) for f in node.body if isinstance(f, Function)]
    found = []
    for function in [node for node in public if isinstance(node, Function)] + methods:
        taken = [
            a.arg for a in function.args.posonlyargs + function.args.args if a.arg not in {"self", "cls", *CARRIED}
        ]
        if len(taken) > POSITIONAL and not function.name.startswith("_") and function.name not in AGREED:
            found.append(f"{path}:{function.lineno} {function.name}({', '.join(taken)})")
    return found


def test_no_file_has_the_name_of_a_standard_module(sources: dict[Path, str]) -> None:
    assert [str(path) for path in sources if path.stem in sys.stdlib_module_names] == []


def test_names_say_what_a_thing_is(sources: dict[Path, str]) -> None:
    files = [str(path) for path in sources if words(str(path.with_suffix(""))) & FORBIDDEN]
    defined = [
        f"{path}:{node.lineno} {node.name}"
        for path, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function | ast.ClassDef) and words(node.name) & FORBIDDEN
    ]
    assert files + defined == []


def test_a_forbidden_word_is_found_in_either_spelling() -> None:
    assert words("PageManager") & FORBIDDEN == {"manager"}
    assert words("url_utils") & FORBIDDEN == {"utils"}
    assert words("futile_commonwealth") & FORBIDDEN == set()


def test_files_are_short(sources: dict[Path, str], test_sources: dict[Path, str], root: Path) -> None:
    scripts = {path.relative_to(root): path.read_text() for path in root.glob("environments/**/*.js")}
    limits = [(path, text, FILE_LINES) for path, text in sources.items()]
    limits += [(path, text, LONGER_LINES) for path, text in (test_sources | scripts).items()]
    sizes = [(str(path), len(text.splitlines()), limit) for path, text, limit in limits]
    assert [(path, size) for path, size, limit in sizes if size > limit] == []


def test_functions_are_short(sources: dict[Path, str], test_sources: dict[Path, str]) -> None:
    found = [long for path, source in sources.items() for long in long_functions(path, source)]
    for path, source in test_sources.items():
        found += long_functions(path, source, limit=LONGER_FUNCTION_LINES)
    assert found == []


def test_a_long_function_is_counted_without_its_words() -> None:
    body = "    x = 1\n" * (FUNCTION_LINES - 1)
    prose = '    """One.\n\n    Two.\n    """\n    # three\n\n'
    assert long_functions(Path("a.py"), f"def f():\n{prose}{body}") == []
    assert len(long_functions(Path("a.py"), f"def f():\n{prose}{body}    x = 1\n")) == 1


def test_a_crowded_function_would_be_seen() -> None:
    source = (
        "__all__ = ['A', 'f']\nclass A:\n    def g(self, a, b, c): ...\ndef f(a, b, *, c): ...\ndef h(a, b, c): ...\n"
    )
    assert crowded_functions(Path("a.py"), source) == ["a.py:3 g(a, b, c)"]


def test_exported_functions_take_few_positional_parameters(sources: dict[Path, str]) -> None:
    assert [crowded for path, source in sources.items() for crowded in crowded_functions(path, source)] == []
