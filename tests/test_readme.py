"""The README's tree is the real tree, and every command in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from agentkit.cli import app

GENERATED = {"__pycache__", "runs", "build", "dist"}


@pytest.fixture(scope="module")
def blocks(root: Path) -> list[str]:
    """The README's code: fenced, indented by four, or between backticks."""
    text = (root / "README.md").read_text()
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(
        r"(?:^    [^\n]*\n)+", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    inline = [re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", text)]
    return fenced + indented + inline


def tree_of(block: str) -> set[str]:
    """The folders drawn in a block: one to a line, ending in a slash, two spaces deeper for each level."""
    folders: set[str] = set()
    above: list[tuple[int, str]] = []
    for line in block.splitlines():
        if match := re.match(r"( *)([\w.-]+)/(?:\s|$)", line):
            indent = len(match[1])
            above = [(depth, name) for depth, name in above if depth < indent]
            folders.add("/".join([*(name for _, name in above), match[2]]))
            above.append((indent, match[2]))
    return folders


def real_tree(root: Path) -> set[str]:
    """The visible folders at the root that hold something."""
    names = {
        folder.name for folder in root.glob("*/") if folder.is_dir() and any(p.is_file() for p in folder.rglob("*"))
    }
    return {name for name in names if name[0] != "." and name not in GENERATED and not name.endswith(".egg-info")}


def commands(blocks: list[str], program: str) -> list[list[str]]:
    """The arguments of each call of `program` in the blocks; a call ends with its line or at two blanks."""
    lines = [line for block in blocks for line in re.sub(r"\s*\\\n\s*", " ", block).splitlines()]
    parts = [part.removeprefix("$ ") for line in lines for part in re.split(r"\s{2,}", line.strip())]
    calls = [part for part in parts if re.match(rf"(\w+=\S+ )*(\S*/)?{program}( |$)", part)]
    return [drop_settings(shlex.split(call, comments=True))[1:] for call in calls]


def drop_settings(words: list[str]) -> list[str]:
    return drop_settings(words[1:]) if "=" in words[0] else words


def unknown_part(words: list[str]) -> str:
    """The first word of a call of `agentkit` that names neither a command nor an option of it; empty when all do."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[0]
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    return next((w for w in words if w.startswith("-") and w.partition("=")[0] not in known | {"--help"}), "")


def test_the_tree_is_the_real_one(blocks: list[str], root: Path) -> None:
    drawn = [tree for block in blocks if len(tree := tree_of(block)) > 2]
    assert len(drawn) == 1, "the README draws the tree of folders once"
    assert {folder for folder in drawn[0] if "/" not in folder} == real_tree(root)
    assert [folder for folder in drawn[0] if not (root / folder).is_dir()] == []


def test_every_agentkit_command_exists(blocks: list[str]) -> None:
    called = commands(blocks, "agentkit")
    assert len(called) >= 3
    assert {" ".join(words): wrong for words in called if (wrong := unknown_part(words))} == {}


def test_every_make_target_exists(blocks: list[str], root: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    called = {words[0] for words in commands(blocks, "make") if words}
    assert {"demo", "test"} <= called <= targets


def test_every_file_that_is_linked_exists(root: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (root / "README.md").read_text())
    assert [link for link in links if not (root / link).exists()] == []


def test_wrong_commands_would_be_seen() -> None:
    assert unknown_part(["runn", "miniwob"]) == "runn"
    assert unknown_part(["run", "miniwob", "--modle", "pilot"]) == "--modle"
    assert unknown_part(["run", "miniwob", "--model", "pilot"]) == ""
    assert commands(["agentkit tasks   the pilot's   agentkit show A   b"], "agentkit") == [["tasks"], ["show", "A"]]
    assert commands(["$ X=1 .venv/bin/agentkit run a \\\n  --b  # c\nother agentkit\n"], "agentkit") == [
        ["run", "a", "--b"]
    ]


def test_a_tree_is_read_by_its_indents() -> None:
    drawn = "  agentkit/   the agents\n    models/   chat\n    budget.py  one ledger\n  memory/  what happened\n"
    assert tree_of(drawn) == {"agentkit", "agentkit/models", "memory"}
