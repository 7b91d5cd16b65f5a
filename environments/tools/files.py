"""The back end of files: texts by their absolute path. A folder is there as long as a file is in it."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import State, Tool, ToolRefused, found, optional, takes, text, whole

__all__ = ["TOOLS"]

PATH = "Absolute path, such as /notes/todo.txt."
ABSOLUTE = r"^(/[^/\s]+)+$"
FOLDER = r"^(/|(/[^/\s]+)+)$"
LINES = 20
"""Lines that `read_file` returns when it is not told how many."""
CONTENT = 20_000


def list_folder(state: State, *, path: str) -> JSON:
    folder = _below(path)
    inside = [name.removeprefix(folder) for name in state["files"] if name.startswith(folder)]
    if not inside:
        folders = sorted({"/" + name.split("/")[1] for name in state["files"] if name.count("/") > 1})
        raise ToolRefused(f"not found: no folder {path!r}; at the top there are: {', '.join(folders)}")
    return {"path": path, "names": sorted(inside)}


def read_file(state: State, *, path: str, first_line: int, lines: int) -> JSON:
    content = found(state, table="files", key=path)["content"].splitlines()
    shown = content[first_line - 1 : first_line - 1 + lines]
    return {"path": path, "first_line": first_line, "text": "\n".join(shown)}


def write_file(state: State, *, path: str, content: str) -> JSON:
    state["files"][path] = {"content": content}
    return {"path": path, "characters": len(content)}


def append_file(state: State, *, path: str, content: str) -> JSON:
    before = found(state, table="files", key=path)["content"]
    if len(before) + len(content) > CONTENT:
        raise ToolRefused(f"conflict: a file holds at most {CONTENT} characters")
    state["files"][path] = {"content": before + content}
    return {"path": path, "characters": len(before + content)}


def move_file(state: State, *, source: str, target: str, overwrite: bool) -> JSON:
    content = found(state, table="files", key=source)
    if target in state["files"] and not overwrite:
        raise ToolRefused(f"conflict: {target!r} exists")
    del state["files"][source]
    state["files"][target] = content
    return {"path": target}


def delete_file(state: State, *, path: str) -> JSON:
    found(state, table="files", key=path)
    del state["files"][path]
    return {"deleted": path}


def find_in_files(state: State, *, words: str, folder: str) -> JSON:
    wanted = words.casefold()
    hits = [
        {"path": path, "line": number, "text": line}
        for path, file in sorted(state["files"].items())
        if path.startswith(_below(folder))
        for number, line in enumerate(file["content"].splitlines(), start=1)
        if wanted in line.casefold()
    ]
    return {"hits": hits[:10], "more": len(hits) > 10}


def _below(folder: str) -> str:
    return folder.rstrip("/") + "/"


TOOLS = (
    Tool(
        run=list_folder,
        description="Names of all files below a folder.",
        parameters=takes(path=text("Absolute path of the folder, such as /notes.", pattern=FOLDER)),
    ),
    Tool(
        run=read_file,
        description="Lines of a file. Beyond its end the text is empty.",
        parameters=takes(
            path=text(PATH, pattern=ABSOLUTE),
            first_line=optional(whole("The first line to read, from 1.", low=1, high=100_000), 1),
            lines=optional(whole("How many lines to read at most.", low=1, high=200), LINES),
        ),
    ),
    Tool(
        run=write_file,
        description="Makes a file hold exactly this content; what it held before is lost.",
        parameters=takes(path=text(PATH, pattern=ABSOLUTE), content=text("The whole content.", longest=CONTENT)),
    ),
    Tool(
        run=append_file,
        description="Adds content to the end of a file, as it is: no line break is put in between.",
        parameters=takes(path=text(PATH, pattern=ABSOLUTE), content=text("What to add.", longest=CONTENT)),
    ),
    Tool(
        run=move_file,
        description="Gives a file another path. With `overwrite`, a file that is there is replaced.",
        parameters=takes(
            source=text(PATH, pattern=ABSOLUTE),
            target=text("The new path, file name included.", pattern=ABSOLUTE),
            overwrite=optional({"type": "boolean", "description": "Replace a file that is there."}, True),
        ),
    ),
    Tool(
        run=delete_file,
        description="Deletes a file.",
        parameters=takes(path=text(PATH, pattern=ABSOLUTE)),
    ),
    Tool(
        run=find_in_files,
        description="The first 10 lines below a folder that contain the words as given; case does not matter.",
        parameters=takes(
            words=text("What the line contains."),
            folder=text("Absolute path of the folder, such as /notes.", pattern=FOLDER),
        ),
    ),
)
