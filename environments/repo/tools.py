"""What the agent can do in a repository, and what it is told about it."""

from __future__ import annotations

from collections.abc import Mapping

from environments.contracts import JSON, ToolSpec

__all__ = ["BRIEFING", "TOOLS"]


def _tool(called: str, description: str, /, *required: str, **properties: Mapping[str, JSON]) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(called, description, schema)


def _text(description: str) -> Mapping[str, JSON]:
    return {"type": "string", "description": description}


def _line(description: str) -> Mapping[str, JSON]:
    return {"type": "integer", "minimum": 1, "description": description}


PATH = _text("path within the repository, such as `src/page.py`")

TOOLS = (
    _tool(
        "view",
        "Show a file with line numbers, 100 lines unless both ends are given; or a folder, two levels deep.",
        "path",
        path=_text("path within the repository; `.` is the repository itself"),
        start=_line("first line"),
        end=_line("last line, shown too"),
    ),
    _tool(
        "search",
        "Find a regular expression (Python's syntax) in the files' lines.",
        "pattern",
        pattern=_text("what to find, such as `def \\w+_page`"),
        path={**_text("file or folder to look in"), "default": "."},
    ),
    _tool(
        "find_file", "Find files by name.", "name", name=_text("a name or pattern, such as `page.py` or `test_*.py`")
    ),
    _tool(
        "edit",
        "Replace `old`, which must occur exactly once in the file, with `new`. A Python file that would no longer "
        "compile is left as it is.",
        "path",
        "old",
        "new",
        path=PATH,
        old=_text("the exact text, with its indentation and without line numbers"),
        new=_text("what takes its place; may be empty"),
    ),
    _tool(
        "create", "Write a new file, its folders made as needed.", "path", "text", path=PATH, text=_text("all of it")
    ),
    _tool("undo", "Take back the last edit or create; again for the one before."),
    _tool("run", "Run a bash line in the repository and show what it prints.", "command", command=_text("the line")),
    _tool(
        "run_tests",
        "Run the repository's tests, all or those named.",
        names={
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "description": "tests as the runner names them, such as `tests.test_page.TestPage.test_last`",
        },
    ),
    _tool("submit", "Hand in the changes as they are. This ends the work."),
)

BRIEFING = """\
You are at work in a git repository with a defect. Find its cause and mend it in the repository's code, so that what is
asked for holds in general and all that works now goes on working. Hidden tests decide; changes to tests, to their
configuration and to what Python runs at its start are put back before they run. There is no network. Look around with
view, search and find_file, change code with edit and create, try it with run and run_tests, take edits back with undo,
and call submit when the work is done."""
