"""Merge requests: the list, one with its commits, differences and notes; approving, merging, closing."""

from __future__ import annotations

import sqlite3

from environments.arena.sites.code import history
from environments.arena.sites.code.ground import Project, branch_of, names_of, page_of, show
from environments.arena.sites.code.issues import people
from environments.arena.visit import Page, Visit

__all__ = ["approve", "create", "do_merge", "merge", "merges", "new_form", "note", "state"]

A_PAGE = 20
STATES = (("open", "Open"), ("merged", "Merged"), ("closed", "Closed"), ("all", "All"))
NO_REQUEST = "There is no such merge request in this project."


def merges(visit: Visit, project: Project) -> Page:
    state, author, reviewer = (visit.query.get(name, "") for name in ("state", "author", "reviewer"))
    state = state if state in dict(STATES) else "open"
    where, values = "project = ?", [project.id, *list[object]()]
    for column, value in (("state", "" if state == "all" else state), ("author", author), ("reviewer", reviewer)):
        if value:
            where, values = f"{where} AND {column} = ?", [*values, value]
    count = visit.value(f"SELECT count(*) FROM code_merge WHERE {where}", *values)
    page, last, skip = page_of(visit, count, size=A_PAGE)
    rows = visit.all(
        f"""SELECT code_merge.*, (SELECT count(*) FROM code_approval WHERE merge_id = id) AS approvals
            FROM code_merge WHERE {where} ORDER BY number DESC LIMIT {A_PAGE} OFFSET {skip}""", *values,
    )  # fmt: skip
    return show(
        visit, project, "merges.html", tab="Merge requests", merges=rows, count=count, page=page, last=last,
        state=state, author=author, reviewer=reviewer, states=STATES,
        people=[("", "Anybody"), *people(visit, project)],
    )  # fmt: skip


def merge_of(visit: Visit, project: Project) -> sqlite3.Row | None:
    return visit.one("SELECT * FROM code_merge WHERE project = ? AND number = ?", project.id, visit.path["number"])


def standing(visit: Visit, project: Project, row: sqlite3.Row) -> history.Standing:
    """What an open request would bring, or what one that is over brought."""
    source, target = branch_of(visit, project, row["source"]), branch_of(visit, project, row["target"])
    head = row["head"] or (source["head"] if source else None)
    base = row["base"] or (target["head"] if target else None)
    return history.compare(visit, project.id, source=head, target=base)


def merge(visit: Visit, project: Project, *, error: str = "") -> Page:
    row = merge_of(visit, project)
    if row is None:
        return visit.not_found(NO_REQUEST)
    found = standing(visit, project, row)
    notes = visit.all(
        """SELECT code_note.*, name FROM code_note JOIN account ON username = author AND site = 'code'
           WHERE kind = 'merge' AND subject = ? ORDER BY code_note.id""", row["id"],
    )  # fmt: skip
    approvals = visit.all(
        """SELECT username, name FROM code_approval JOIN account USING (username)
           WHERE site = 'code' AND merge_id = ? ORDER BY name""", row["id"],
    )  # fmt: skip
    names = names_of(visit, row["author"], row["reviewer"], row["ended_by"])
    username = visit.account.username if visit.account else ""
    return show(
        visit, project, "merge.html", tab="Merge requests", status=422 if error else 200, merge=row, notes=notes,
        approvals=approvals, approved=username in [one["username"] for one in approvals], commits=found.commits,
        conflicts=found.conflicts if row["state"] == "open" else [], error=error, names=names,
        differences=history.differences(visit, found.changes),
    )  # fmt: skip


def new_form(visit: Visit, project: Project) -> Page:
    values = {"source": visit.query.get("source", ""), "target": project.row["branch"], "title": "", "body": ""}
    return form_page(visit, project, {**values, "reviewer": ""}, errors={})


def form_page(visit: Visit, project: Project, values: dict[str, str], *, errors: dict[str, str]) -> Page:
    rows = visit.all("SELECT name FROM code_branch WHERE project = ? ORDER BY name", project.id)
    names = [(row["name"], row["name"]) for row in rows]
    return show(visit, project, "merge_new.html", tab="Merge requests", status=422 if errors else 200, values=values,
                errors=errors, branches=names, people=[("", "Nobody"), *people(visit, project)])  # fmt: skip


def create(visit: Visit, project: Project) -> Page:
    assert visit.account is not None
    fields = ("source", "target", "title", "body", "reviewer")
    values = {name: visit.form.get(name, "").strip() for name in fields}
    source, target = branch_of(visit, project, values["source"]), branch_of(visit, project, values["target"])
    errors = {}
    if not 4 <= len(values["title"]) <= 120:
        errors["title"] = "A title has 4 to 120 characters."
    waiting = "SELECT 1 FROM code_merge WHERE project = ? AND source = ? AND state = 'open'"
    if source is None or target is None or source["id"] == target["id"]:
        errors["source"] = "Choose two different branches."
    elif visit.one(waiting, project.id, source["name"]):
        errors["source"] = "There is an open merge request for this branch already."
    elif not history.compare(visit, project.id, source=source["head"], target=target["head"]).commits:
        errors["source"] = f"{source['name']} has no commits that {target['name']} lacks."
    if errors:
        return form_page(visit, project, values, errors=errors)
    number = 1 + (visit.value("SELECT max(number) FROM code_merge WHERE project = ?", project.id) or 0)
    reviewer = values["reviewer"] if values["reviewer"] in dict(people(visit, project)) else ""
    visit.write(
        """INSERT INTO code_merge (project, number, title, body, author, reviewer, source, target, at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        project.id, number, values["title"], values["body"], visit.account.username, reviewer, values["source"],
        values["target"], visit.now.isoformat(),
    )  # fmt: skip
    return visit.redirect(f"{project.address}/merges/{number}", success=f"Merge request !{number} is created.")


def note(visit: Visit, project: Project) -> Page:
    row, body = merge_of(visit, project), visit.form.get("body", "").strip()
    assert visit.account is not None
    if row is None or not body:
        return visit.not_found(NO_REQUEST) if row is None else merge(visit, project, error="Write something first.")
    visit.write("INSERT INTO code_note (kind, subject, author, body, at) VALUES ('merge', ?, ?, ?, ?)", row["id"],
                visit.account.username, body, visit.now.isoformat())  # fmt: skip
    return visit.redirect(f"{project.address}/merges/{row['number']}", success="Your comment is added.")


def approve(visit: Visit, project: Project) -> Page:
    """Approve the request, or take that back."""
    row = merge_of(visit, project)
    assert visit.account is not None
    if row is None:
        return visit.not_found(NO_REQUEST)
    address, key = f"{project.address}/merges/{row['number']}", (row["id"], visit.account.username)
    if row["state"] != "open":
        return visit.redirect(address, error="This merge request is over.")
    if visit.write("DELETE FROM code_approval WHERE merge_id = ? AND username = ?", *key):
        return visit.redirect(address, info="You took your approval back.")
    visit.write("INSERT INTO code_approval VALUES (?, ?)", *key)
    return visit.redirect(address, success="You approved this merge request.")


def do_merge(visit: Visit, project: Project) -> Page:
    """Merge, unless the branches conflict; the source branch is deleted where that is asked for."""
    row = merge_of(visit, project)
    if row is None:
        return visit.not_found(NO_REQUEST)
    address = f"{project.address}/merges/{row['number']}"
    source, target = branch_of(visit, project, row["source"]), branch_of(visit, project, row["target"])
    if row["state"] != "open" or source is None or target is None:
        return visit.redirect(address, error="This merge request cannot be merged any more.")
    if standing(visit, project, row).conflicts:
        return visit.redirect(address, error="The branches conflict. Resolve that first.")
    history.merge(visit, source=source, target=target)
    end(visit, row, "merged", head=source["head"], base=target["head"])
    if visit.form.get("delete") == "1" and source["name"] != project.row["branch"]:
        visit.write("DELETE FROM code_file WHERE branch = ?", source["id"])
        visit.write("DELETE FROM code_branch WHERE id = ?", source["id"])
    return visit.redirect(address, success=f"{row['source']} is merged into {row['target']}.")


def end(visit: Visit, row: sqlite3.Row, how: str, *, head: int | None, base: int | None) -> None:
    assert visit.account is not None
    visit.write(
        "UPDATE code_merge SET state = ?, ended = ?, ended_by = ?, head = ?, base = ? WHERE id = ?",
        how, visit.now.isoformat(), visit.account.username, head, base, row["id"],
    )  # fmt: skip


def state(visit: Visit, project: Project) -> Page:
    """Close without merging, or open again."""
    row = merge_of(visit, project)
    if row is None:
        return visit.not_found(NO_REQUEST)
    address = f"{project.address}/merges/{row['number']}"
    source, target = branch_of(visit, project, row["source"]), branch_of(visit, project, row["target"])
    if row["state"] == "merged" or source is None or target is None:
        return visit.redirect(address, error="This merge request is over.")
    if row["state"] == "open":
        end(visit, row, "closed", head=source["head"], base=target["head"])
        return visit.redirect(address, success="The merge request is closed.")
    visit.write(
        "UPDATE code_merge SET state = 'open', ended = '', ended_by = '', head = NULL, base = NULL WHERE id = ?",
        row["id"],
    )
    return visit.redirect(address, success="The merge request is open again.")
