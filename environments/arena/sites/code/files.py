"""A project's files: folders, one file with its lines, raw, by whom each line is, editing, commits, branches, tags."""

from __future__ import annotations

import re
import sqlite3

from environments.arena.sites.code import history
from environments.arena.sites.code.ground import Project, branch_of, page_of, show
from environments.arena.visit import Page, Visit

__all__ = [
    "add_branch",
    "add_tag",
    "blame",
    "branches",
    "commit",
    "commits",
    "delete",
    "delete_branch",
    "edit",
    "edit_form",
    "home",
    "new_form",
    "raw",
    "save_new",
    "tags",
    "tree",
    "view",
]

A_PAGE = 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
PATH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
LAST = """SELECT code_file.*, code_commit.title, code_commit.sha, code_commit.author, code_commit.at FROM code_file
          JOIN code_commit ON code_commit.id = commit_id"""


def home(visit: Visit, project: Project) -> Page:
    """The default branch's folder, with the description below."""
    return folder(visit, project, project.row["branch"], "")


def tree(visit: Visit, project: Project) -> Page:
    return folder(visit, project, visit.path["branch"], visit.path.get("path", "").strip("/"))


def folder(visit: Visit, project: Project, name: str, path: str) -> Page:
    """What lies in a folder, folders first, each with the commit that changed it last."""
    branch = branch_of(visit, project, name)
    if branch is None:
        return visit.not_found("There is no such branch.")
    inside = f"{path}/" if path else ""
    rows = visit.all(f"{LAST} WHERE branch = ? AND path >= ? ORDER BY path", branch["id"], inside)
    entries: dict[str, tuple[bool, sqlite3.Row]] = {}
    for row in rows:
        if row["path"].startswith(inside):
            first, _, rest = row["path"][len(inside) :].partition("/")
            if first not in entries or row["commit_id"] > entries[first][1]["commit_id"]:
                entries[first] = bool(rest), row
    if not entries and path:
        return visit.not_found("There is no such folder on this branch.")
    readme = None
    if "README.md" in entries:
        readme = visit.value("SELECT text FROM code_blob WHERE id = ?", entries["README.md"][1]["blob"])
    shown = sorted(entries.items(), key=lambda entry: (not entry[1][0], entry[0]))
    latest = visit.one("SELECT * FROM code_commit WHERE id = ?", branch["head"])
    return show(visit, project, "tree.html", tab="Files", branch=branch, path=path, inside=inside, entries=shown,
                readme=readme, latest=latest, branches=names(visit, project), steps=steps(project, name, path),
                commits=len(history.ancestors(visit, project.id, branch["head"])))  # fmt: skip


def steps(project: Project, branch: str, path: str) -> list[tuple[str, str]]:
    """The way to a file, as links."""
    parts = path.split("/") if path else []
    way = [(project.row["slug"], f"{project.address}/tree/{branch}")]
    way += [(part, f"{project.address}/tree/{branch}/{'/'.join(parts[: at + 1])}") for at, part in enumerate(parts)]
    return [*way[:-1], (way[-1][0], "")]


def names(visit: Visit, project: Project) -> list[tuple[str, str]]:
    rows = visit.all("SELECT name FROM code_branch WHERE project = ? ORDER BY name", project.id)
    return [(row["name"], row["name"]) for row in rows]


def file_of(visit: Visit, project: Project) -> tuple[sqlite3.Row, sqlite3.Row] | None:
    """The branch and the file that the address names."""
    branch = branch_of(visit, project, visit.path["branch"])
    path = visit.path["path"]
    file = branch and visit.one(f"{LAST} WHERE branch = ? AND path = ?", branch["id"], path)
    return (branch, file) if branch and file else None


def text_of(visit: Visit, file: sqlite3.Row) -> str:
    return str(visit.value("SELECT text FROM code_blob WHERE id = ?", file["blob"]))


NO_FILE = "There is no such file on this branch."


def view(visit: Visit, project: Project) -> Page:
    found = file_of(visit, project)
    if found is None:
        return visit.not_found(NO_FILE)
    branch, file = found
    text = text_of(visit, file)
    return show(visit, project, "file.html", tab="Files", branch=branch, file=file, lines=text.splitlines(),
                size=len(text.encode()), steps=steps(project, branch["name"], file["path"]))  # fmt: skip


def raw(visit: Visit, project: Project) -> Page:
    found = file_of(visit, project)
    return Page(body=text_of(visit, found[1]), media_type="text/plain") if found else visit.not_found(NO_FILE)


def blame(visit: Visit, project: Project) -> Page:
    found = file_of(visit, project)
    if found is None:
        return visit.not_found(NO_FILE)
    branch, file = found
    lines = history.blame(visit, project.id, head=branch["head"], path=file["path"])
    return show(visit, project, "blame.html", tab="Files", branch=branch, file=file, lines=lines,
                steps=steps(project, branch["name"], file["path"]))  # fmt: skip


# Changing --------------------------------------------------------------------------------------------------------


def form_page(
    visit: Visit, project: Project, branch: sqlite3.Row, values: dict[str, str], *, old: str, errors: dict[str, str]
) -> Page:
    return show(visit, project, "edit.html", tab="Files", status=422 if errors else 200, branch=branch, values=values,
                old=old, errors=errors)  # fmt: skip


def edit_form(visit: Visit, project: Project) -> Page:
    found = file_of(visit, project)
    if found is None:
        return visit.not_found(NO_FILE)
    values = {"path": found[1]["path"], "text": text_of(visit, found[1]), "message": ""}
    return form_page(visit, project, found[0], values, old=found[1]["path"], errors={})


def edit(visit: Visit, project: Project) -> Page:
    """Commit another text for a file that is there."""
    found = file_of(visit, project)
    if found is None:
        return visit.not_found(NO_FILE)
    branch, file = found
    values = {"path": file["path"], **written(visit)}
    errors = {} if values["message"] else {"message": "Say in a line what this commit does."}
    if values["text"] == text_of(visit, file):
        errors["text"] = "Nothing is changed."
    if errors:
        return form_page(visit, project, branch, values, old=file["path"], errors=errors)
    history.commit(visit, branch, title=values["message"], files={file["path"]: values["text"]})
    address = f"{project.address}/file/{branch['name']}/{file['path']}"
    return visit.redirect(address, success="Your changes are committed.")


def written(visit: Visit) -> dict[str, str]:
    """Text and message of a form; browsers send lines that end in two characters."""
    text = visit.form.get("text", "").replace("\r\n", "\n")
    return {"text": text if text.endswith("\n") else f"{text}\n", "message": visit.form.get("message", "").strip()}


def new_form(visit: Visit, project: Project) -> Page:
    branch = branch_of(visit, project, visit.path["branch"])
    if branch is None:
        return visit.not_found("There is no such branch.")
    values = {"path": visit.query.get("in", ""), "text": "", "message": ""}
    return form_page(visit, project, branch, values, old="", errors={})


def save_new(visit: Visit, project: Project) -> Page:
    """Commit a file that was not there."""
    branch = branch_of(visit, project, visit.path["branch"])
    if branch is None:
        return visit.not_found("There is no such branch.")
    values = {"path": visit.form.get("path", "").strip(), **written(visit)}
    errors = {} if values["message"] else {"message": "Say in a line what this commit does."}
    if not PATH.fullmatch(values["path"]):
        errors["path"] = "A path is made of letters, digits, dots, dashes and slashes."
    elif visit.one("SELECT 1 FROM code_file WHERE branch = ? AND path = ?", branch["id"], values["path"]):
        errors["path"] = "There is such a file already."
    if errors:
        return form_page(visit, project, branch, values, old="", errors=errors)
    history.commit(visit, branch, title=values["message"], files={values["path"]: values["text"]})
    return visit.redirect(f"{project.address}/file/{branch['name']}/{values['path']}", success="The file is added.")


def delete(visit: Visit, project: Project) -> Page:
    found = file_of(visit, project)
    if found is None:
        return visit.not_found(NO_FILE)
    branch, file = found
    history.commit(visit, branch, title=f"Delete {file['path']}", files={file["path"]: None})
    return visit.redirect(f"{project.address}/tree/{branch['name']}", success=f"{file['path']} is deleted.")


# Commits ---------------------------------------------------------------------------------------------------------


def commits(visit: Visit, project: Project) -> Page:
    """A branch's commits, newest first, perhaps only one author's or those to one file."""
    name, author, path = (visit.query.get(key, "") for key in ("branch", "author", "path"))
    branch = branch_of(visit, project, name)
    if branch is None:
        return visit.not_found("There is no such branch.")
    known = history.ancestors(visit, project.id, branch["head"])
    rows = [row for row in history.commits_of(visit, known) if author in ("", row["author"])]
    if path:
        touching = {row[0] for row in visit.all("SELECT commit_id FROM code_change WHERE path = ?", path)}
        rows = [row for row in rows if row["id"] in touching]
    page, last, skip = page_of(visit, len(rows), size=A_PAGE)
    authors = visit.all(
        """SELECT DISTINCT author, name FROM code_commit JOIN account ON username = author AND site = 'code'
           WHERE project = ? ORDER BY name""", project.id,
    )  # fmt: skip
    return show(visit, project, "commits.html", tab="Commits", branch=branch, branches=names(visit, project),
                commits=rows[skip : skip + A_PAGE], count=len(rows), page=page, last=last, author=author, path=path,
                authors=[("", "Anybody"), *((row[0], row[1]) for row in authors)])  # fmt: skip


def commit(visit: Visit, project: Project) -> Page:
    """One commit and what it changed."""
    sha = visit.path["sha"]
    row = visit.one("SELECT * FROM code_commit WHERE project = ? AND sha >= ? AND sha < ? || 'g'", project.id, sha, sha)
    if row is None or len(sha) < 7:
        return visit.not_found("There is no such commit.")
    parents = visit.all("SELECT * FROM code_commit WHERE id IN (?, ?)", row["parent"], row["other"])
    found = history.differences(visit, history.changed(visit, {row["id"]}))
    return show(visit, project, "commit.html", tab="Commits", commit=row, parents=parents, differences=found)


# Branches and tags -----------------------------------------------------------------------------------------------


def branches(visit: Visit, project: Project, *, error: str = "", name: str = "") -> Page:
    rows = visit.all(
        """SELECT code_branch.*, code_commit.title, code_commit.sha, code_commit.author, code_commit.at
           FROM code_branch JOIN code_commit ON code_commit.id = head WHERE code_branch.project = ?
           ORDER BY code_branch.name <> ?, code_commit.at DESC""", project.id, project.row["branch"],
    )  # fmt: skip
    return show(visit, project, "branches.html", tab="Branches", status=422 if error else 200, rows=rows, error=error,
                name=name, branches=names(visit, project))  # fmt: skip


def add_branch(visit: Visit, project: Project) -> Page:
    name, source = visit.form.get("name", "").strip(), branch_of(visit, project, visit.form.get("source", ""))
    if not NAME.fullmatch(name) or source is None:
        return branches(visit, project, error="A name is made of letters, digits, dots and dashes.", name=name)
    if branch_of(visit, project, name) is not None:
        return branches(visit, project, error="There is such a branch already.", name=name)
    insert = "INSERT INTO code_branch (project, name, head) VALUES (?, ?, ?)"
    number = visit.write(insert, project.id, name, source["head"])
    copied = "INSERT INTO code_file SELECT ?, path, blob, commit_id FROM code_file WHERE branch = ?"
    visit.write(copied, number, source["id"])
    return visit.redirect(f"{project.address}/branches", success=f"The branch {name} is made from {source['name']}.")


def delete_branch(visit: Visit, project: Project) -> Page:
    branch = branch_of(visit, project, visit.path["branch"])
    address = f"{project.address}/branches"
    if branch is None:
        return visit.not_found("There is no such branch.")
    if branch["name"] == project.row["branch"]:
        return visit.redirect(address, error="The default branch cannot be deleted.")
    waiting = "SELECT 1 FROM code_merge WHERE project = ? AND source = ? AND state = 'open'"
    if visit.one(waiting, project.id, branch["name"]):
        return visit.redirect(address, error="An open merge request needs this branch.")
    visit.write("DELETE FROM code_file WHERE branch = ?", branch["id"])
    visit.write("DELETE FROM code_branch WHERE id = ?", branch["id"])
    return visit.redirect(address, success=f"The branch {branch['name']} is deleted.")


def tags(visit: Visit, project: Project, *, error: str = "", name: str = "") -> Page:
    rows = visit.all(
        """SELECT code_tag.*, code_commit.sha, code_commit.title FROM code_tag
           JOIN code_commit ON code_commit.id = commit_id WHERE code_tag.project = ? ORDER BY code_tag.at DESC, name""",
        project.id,
    )
    return show(visit, project, "tags.html", tab="Tags", status=422 if error else 200, rows=rows, error=error,
                name=name, branches=names(visit, project))  # fmt: skip


def add_tag(visit: Visit, project: Project) -> Page:
    name, note = visit.form.get("name", "").strip(), visit.form.get("note", "").strip()
    branch = branch_of(visit, project, visit.form.get("source", ""))
    if not NAME.fullmatch(name) or branch is None:
        return tags(visit, project, error="A name is made of letters, digits, dots and dashes.", name=name)
    if visit.one("SELECT 1 FROM code_tag WHERE project = ? AND name = ?", project.id, name):
        return tags(visit, project, error="There is such a tag already.", name=name)
    row = (project.id, name, branch["head"], note, visit.now.isoformat())
    visit.write("INSERT INTO code_tag VALUES (?, ?, ?, ?, ?)", *row)
    return visit.redirect(f"{project.address}/tags", success=f"The tag {name} is made.")
