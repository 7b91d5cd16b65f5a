"""Tasks at the code host; everybody signs in as one person, who maintains about a third of the projects."""

from __future__ import annotations

from random import Random

from environments.arena.sites.code.asking import (
    DONE,
    MINE,
    SEEN,
    address,
    ancestors,
    draft,
    every,
    main_head,
    mine,
    name_of,
    one_function,
    one_issue,
    open_requests,
    public,
    shown,
    sources,
    stranger,
    to,
)
from environments.arena.sites.code.seeding import ME
from environments.arena.tasks import (
    Data,
    Draft,
    Move,
    answers,
    at_address,
    choose,
    click,
    fill,
    give_up,
    page_holds,
    say,
    template,
)

__all__: list[str] = []


# Information -----------------------------------------------------------------------------------------------------


@template("code", "open-issues-with-label", split="training")
def open_issues_with_label(data: Data, rng: Random) -> Draft:
    project = public(data, rng)
    rows = data.all(
        """SELECT name, count(*) AS n FROM code_label JOIN code_issue_label ON label = code_label.id
           JOIN code_issue ON code_issue.id = issue WHERE code_label.project = ? AND state = 'open'
           GROUP BY name ORDER BY name""", project["id"],
    )  # fmt: skip
    label = rng.choice(rows)
    moves = [*to(project, "Issues"), choose("Label", label["name"]), click("button", "Filter")]
    return draft(
        f'How many open issues of the project "{project["title"]}" carry the label "{label["name"]}"? '
        "Answer with the number only.",
        answers(exact=str(label["n"])), [*moves, say(str(label["n"]))], [*moves, say(str(label["n"] + 1))],
        project=project["title"], label=label["name"],
    )  # fmt: skip


@template("code", "last-to-change-a-file", split="training")
def last_to_change(data: Data, rng: Random) -> Draft:
    project = public(data, rng)
    file = rng.choice(sources(data, project))
    other = data.value(
        "SELECT username FROM code_member WHERE project = ? AND username <> ?", project["id"], file["author"]
    )
    moves = [*to(project), click("link", "src/"), click("link", file["path"].removeprefix("src/"))]
    return draft(
        f"Who was the last to change the file {file['path']} on the main branch of \"{project['title']}\"? "
        "Answer with the user name only.",
        answers(exact=file["author"]), [*moves, say(file["author"])], [*moves, say(other)],
        project=project["title"], path=file["path"],
    )  # fmt: skip


@template("code", "most-starred-in-language", split="training")
def most_starred(data: Data, rng: Random) -> Draft:
    language = rng.choice(("Go", "JavaScript", "Python", "Rust", "Shell"))
    own = f"SELECT project FROM code_member WHERE username = '{ME}'"
    listed = f"SELECT * FROM code_project WHERE language = ? AND (visibility <> 'private' OR id IN ({own}))"
    rows = data.all(f"{listed} ORDER BY stars DESC, title", language)
    counts = [row["stars"] for row in rows]
    place = rng.choice([at for at in range(5) if counts.count(counts[at]) == 1])
    rank = ("most", "second most", "third most", "fourth most", "fifth most")[place]
    chosen = choose("Language", language), choose("Sort by", "Most stars")
    moves = [click("link", "Explore"), *chosen, click("button", "Filter")]
    title = rows[place]["title"]
    return draft(
        f"Of all {language} projects that you can see, which has the {rank} stars? Answer with its name only.",
        answers(exact=title), [*moves, say(title)], [*moves, say(rows[place + 1]["title"])],
        language=language, rank=rank,
    )  # fmt: skip


@template("code", "commits-of-a-merge-request", split="training")
def commits_of_merge(data: Data, rng: Random) -> Draft:
    project, merge, commits = rng.choice(open_requests(data, SEEN, conflicting=None))
    moves = [*to(project, "Merge requests"), click("link", merge["title"])]
    return draft(
        f"How many commits would merge request !{merge['number']} of \"{project['title']}\" bring into "
        f"{merge['target']}? Answer with the number only.",
        answers(exact=str(commits)), [*moves, say(str(commits))], [*moves, say(str(commits + 2))],
        project=project["title"], number=f"!{merge['number']}",
    )  # fmt: skip


@template("code", "milestone-due", split="training")
def milestone_due(data: Data, rng: Random) -> Draft:
    project = public(data, rng)
    goal = rng.choice(data.all("SELECT * FROM code_milestone WHERE project = ? ORDER BY id", project["id"]))
    moves = to(project, "Milestones")
    return draft(
        f'When is the milestone "{goal["title"]}" of "{project["title"]}" due? Answer as YYYY-MM-DD.',
        answers(exact=goal["due"]), [*moves, say(goal["due"])], [*moves, say("2026-03-02")],
        project=project["title"], milestone=goal["title"],
    )  # fmt: skip


@template("code", "commits-of-an-author", split="heldout")
def commits_of_author(data: Data, rng: Random) -> Draft:
    """Reads the filtered list; commits to branches that are not merged do not count."""
    project = public(data, rng)
    known = ancestors(data, main_head(data, project))
    holes = ",".join("?" * len(known))
    counted = f"SELECT author, count(*) AS n FROM code_commit WHERE id IN ({holes}) GROUP BY author ORDER BY author"
    row = rng.choice(data.all(counted, *known))
    name = name_of(data, row["author"])
    moves = [*to(project, "Commits"), choose("Author", name), click("button", "Filter")]
    return draft(
        f'How many commits on the main branch of "{project["title"]}" are by {name}? Answer with the number only.',
        answers(exact=str(row["n"])), [*moves, say(str(row["n"]))], [*moves, say(str(row["n"] + 1))],
        project=project["title"], person=name,
    )  # fmt: skip


# Navigation ------------------------------------------------------------------------------------------------------


@template("code", "list-assigned-by-due-date", split="training")
def list_assigned(data: Data, rng: Random) -> Draft:
    project = public(data, rng)
    row = rng.choice(data.all("SELECT username FROM code_member WHERE project = ? ORDER BY 1", project["id"]))
    name = name_of(data, row["username"])
    moves = [*to(project, "Issues"), choose("Assignee", name)]
    last = [choose("Sort by", "Due date"), click("button", "Filter"), DONE]
    url = address(project, f"/issues?state=open&assignee={row['username']}&sort=due")
    return draft(
        f'Show me the open issues of "{project["title"]}" that are assigned to {name}, sorted by due date.',
        at_address(url), [*moves, *last], [*moves, click("button", "Filter"), DONE],
        project=project["title"], person=name,
    )  # fmt: skip


@template("code", "blame-of-a-file", split="validation")
def blame_of_file(data: Data, rng: Random) -> Draft:
    project = public(data, rng)
    path = rng.choice(sources(data, project))["path"]
    moves = [*to(project), click("link", "src/"), click("link", path.removeprefix("src/"))]
    return draft(
        f'Open the page that shows who wrote each line of {path} on the main branch of "{project["title"]}".',
        at_address(address(project, f"/blame/main/{path}")), [*moves, click("link", "Blame"), DONE], [*moves, DONE],
        project=project["title"], path=path,
    )  # fmt: skip


@template("code", "find-function", split="heldout")
def find_function(data: Data, rng: Random) -> Draft:
    row, path, name = one_function(data, rng)
    moves = [fill("Search Sedgehub", name), click("button", "Search"), click("link", "Code")]
    return draft(
        f"Open the file in which the function {name} is defined, on the main branch of its project.",
        at_address(address(row, f"/file/main/{path}")),
        [*moves, click("link", path), DONE], [*moves, DONE], function=name,
    )  # fmt: skip


# Changes ---------------------------------------------------------------------------------------------------------


@template("code", "create-issue", split="training")
def create_issue(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    label = rng.choice(data.all("SELECT * FROM code_label WHERE project = ? ORDER BY id", project["id"]))["name"]
    who = rng.choice(data.all("SELECT username FROM code_member WHERE project = ? ORDER BY 1", project["id"]))[0]
    name = name_of(data, who)
    title = rng.choice(("Screen reader skips the header", "Nightly run ends without a message",
                        "Settings are lost after an update", "Print view cuts the last column"))  # fmt: skip
    number = 1 + data.value("SELECT max(number) FROM code_issue WHERE project = ?", project["id"])
    page = address(project, f"/issues/{number}")
    begin = [*to(project, "Issues"), click("link", "New issue"), fill("Title", title), choose("Assignee", name)]
    end = [click("button", "Create issue"), DONE]
    return draft(
        f'Create an issue "{title}" in "{project["title"]}", with the label "{label}", assigned to {name}.',
        page_holds((page, shown("title"), f"={title}"), (page, shown("labels"), f"={label}"),
                   (page, shown("assignee"), f"={name}")),
        [*begin, Move("check", "checkbox", label), *end], [*begin, *end],
        title=title, project=project["title"], label=label, person=name,
    )  # fmt: skip


@template("code", "comment-and-close-issue", split="training")
def close_issue(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    issue = one_issue(data, rng, project)
    text = rng.choice(("Fixed with the newest release.", "Cannot be reproduced any more.", "Done last week."))
    page = address(project, f"/issues/{issue['number']}")
    notes = data.value("SELECT count(*) FROM code_note WHERE kind = 'issue' AND subject = ?", issue["id"])
    still = data.value("SELECT count(*) FROM code_issue WHERE project = ? AND state = 'open'", project["id"]) - 1
    begin = [*to(project, "Issues"), click("link", issue["title"]), fill("Your comment", text),
             click("button", "Add comment")]  # fmt: skip
    return draft(
        f'Comment "{text}" on the issue "{issue["title"]}" of "{project["title"]}" and close it.',
        page_holds((page, shown("state"), "=closed"), (page, "document.querySelector('main').innerText", text),
                   (page, every("note"), f"={notes + 2}"), (page, shown("count-issues"), f"={still}")),
        [*begin, click("button", "Close issue"), DONE], [*begin, DONE],
        text=text, issue=issue["title"], project=project["title"],
    )  # fmt: skip


@template("code", "star-project", split="training")
def star_project(data: Data, rng: Random) -> Draft:
    project = rng.choice(data.all(
        f"{SEEN} AND id NOT IN (SELECT project FROM code_star WHERE username = '{ME}') ORDER BY id"
    ))  # fmt: skip
    page = address(project)
    return draft(
        f'Star the project "{project["title"]}".',
        page_holds((page, shown("stars"), f"=★ {project['stars'] + 1}"),
                   (page, "document.querySelector('[data-grade=\"star\"]').getAttribute('aria-pressed')", "=true")),
        [*to(project), click("button", "Star"), DONE], [*to(project), DONE], project=project["title"],
    )  # fmt: skip


@template("code", "change-visibility", split="training")
def change_visibility(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    new = rng.choice([one for one in ("Public", "Internal", "Private") if one.lower() != project["visibility"]])
    page = address(project)
    begin = [*to(project, "Settings"), choose("Visibility", new)]
    return draft(
        f'Make the project "{project["title"]}" {new.lower()}.',
        page_holds((page, shown("visibility"), f"={new.lower()}"), (page, shown("project-title"), project["title"]),
                   (page, shown("about"), f"={project['about']}")),
        [*begin, click("button", "Save settings"), DONE], [*begin, DONE], project=project["title"], new=new.lower(),
    )  # fmt: skip


@template("code", "change-a-setting-in-a-file", split="training")
def edit_settings_file(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    text = data.value(
        """SELECT text FROM code_blob JOIN code_file ON blob = code_blob.id JOIN code_branch ON code_branch.id = branch
           WHERE project = ? AND name = 'main' AND path = 'config/settings.toml'""", project["id"],
    )  # fmt: skip
    old = next(line for line in text.splitlines() if line.startswith("workers"))
    number = rng.randrange(10, 40)
    new = text.replace(old, f"workers = {number}")
    message = f"Use {number} workers"
    page = address(project, "/raw/main/config/settings.toml")
    begin = [*to(project), click("link", "config/"), click("link", "settings.toml"), click("link", "Edit file"),
             fill("File content", new), fill("Commit message…", message)]  # fmt: skip
    return draft(
        f'In "{project["title"]}", set workers to {number} in config/settings.toml on the main branch. Use the commit '
        f'message "{message}".',
        page_holds((page, "document.body.innerText.trim()", f"={new.strip()}"),
                   (address(project, "/file/main/config/settings.toml"), shown("last-title"), f"={message}")),
        [*begin, click("button", "Commit changes"), DONE], [*begin, DONE],
        project=project["title"], number=str(number),
    )  # fmt: skip


@template("code", "create-branch", split="training")
def create_branch(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    name = rng.choice(("release-2", "spring-cleaning", "new-index", "rewrite-docs")) + f"-{rng.randrange(2, 99)}"
    count = data.value("SELECT count(*) FROM code_branch WHERE project = ?", project["id"])
    commits = len(ancestors(data, main_head(data, project)))
    begin = [*to(project, "Branches"), click("button", "New branch"), fill("Branch name…", name)]
    page = address(project, "/branches")
    return draft(
        f'Create a branch "{name}" from main in "{project["title"]}".',
        page_holds((page, every("branch"), f"={count + 1}"),
                   (address(project, f"/tree/{name}"), shown("commits"), f"={commits}")),
        [*begin, click("button", "Create branch"), DONE], [*begin, DONE], name=name, project=project["title"],
    )  # fmt: skip


@template("code", "invite-member", split="validation")
def invite_member(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    who = stranger(data, rng, project)
    role = rng.choice(("reporter", "developer", "maintainer"))
    page = address(project, "/members")
    begin = [*to(project, "Members"), fill("User name", who)]
    count = data.value("SELECT count(*) FROM code_member WHERE project = ?", project["id"])
    return draft(
        f'Invite {who} to "{project["title"]}" as a {role}.',
        page_holds((page, shown(f"role-{who}"), f"={role}"), (page, every("member"), f"={count + 1}")),
        [*begin, choose("Role", role), click("button", "Invite"), DONE],
        [*begin, choose("Role", "guest"), click("button", "Invite"), DONE],
        person=who, project=project["title"], role=role,
    )  # fmt: skip


@template("code", "approve-and-merge", split="heldout")
def approve_and_merge(data: Data, rng: Random) -> Draft:
    project, merge, _ = rng.choice(open_requests(data, MINE, conflicting=False))
    page = address(project, f"/merges/{merge['number']}")
    name = name_of(data, ME)
    begin = [*to(project, "Merge requests"), click("link", merge["title"])]
    return draft(
        f'Approve merge request !{merge["number"]} of "{project["title"]}", then merge it.',
        page_holds((page, shown("state"), "=merged"), (page, shown("approvals"), name)),
        [*begin, click("button", "Approve"), click("button", "Merge"), DONE], [*begin, click("button", "Merge"), DONE],
        number=f"!{merge['number']}", project=project["title"],
    )  # fmt: skip


@template("code", "create-milestone", split="heldout")
def create_milestone(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    title = f"{rng.randrange(3, 9)}.{rng.randrange(10)} {rng.choice(('Ebb', 'Flood', 'Slack water', 'Neap tide'))}"
    due = f"2026-{rng.randrange(4, 10):02}-{rng.randrange(1, 29):02}"
    day = f"{int(due[8:])} {('Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep')[int(due[5:7]) - 4]} 2026"
    count = data.value("SELECT count(*) FROM code_milestone WHERE project = ?", project["id"]) + 1
    page = address(project, "/milestones")
    entries = "[...document.querySelectorAll('[data-grade=\"milestone\"]')]"
    added = f"{entries}.find(x => x.innerText.includes('{title}')).innerText"
    begin = [*to(project, "Milestones"), click("button", "New milestone"), fill("Title", title)]
    end = [click("button", "Create milestone"), DONE]
    return draft(
        f'Plan a milestone "{title}" in "{project["title"]}" that is due on {day}.',
        page_holds((page, every("milestone"), f"={count}"), (page, added, f"due {day}")),
        [*begin, fill("Due date", due), *end], [*begin, fill("Due date", "2026-03-31"), *end],
        title=title, project=project["title"], due=day,
    )  # fmt: skip


@template("code", "change-default-branch", split="heldout")
def change_default_branch(data: Data, rng: Random) -> Draft:
    rows = f"""SELECT project.*, code_branch.name AS other FROM ({MINE}) AS project
               JOIN code_branch ON code_branch.project = project.id WHERE code_branch.name <> project.branch"""
    project = rng.choice(data.all(f"{rows} ORDER BY code_branch.id"))
    begin = [*to(project, "Settings"), choose("Default branch", project["other"])]
    return draft(
        f'Make {project["other"]} the default branch of "{project["title"]}".',
        page_holds((address(project), shown("default-branch"), f"={project['other']}"),
                   (address(project), shown("visibility"), f"={project['visibility']}")),
        [*begin, click("button", "Save settings"), DONE], [*begin, DONE],
        branch=project["other"], project=project["title"],
    )  # fmt: skip


# What cannot be done ---------------------------------------------------------------------------------------------


@template("code", "assign-to-a-stranger", split="training")
def assign_to_stranger(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    issue, name = one_issue(data, rng, project), name_of(data, stranger(data, rng, project))
    moves = [*to(project, "Issues"), click("link", issue["title"])]
    return draft(
        f'Without changing who is a member, assign the issue "{issue["title"]}" of "{project["title"]}" to {name}.',
        answers(infeasible=f"{name} is not a member of the project, so issues cannot be assigned to them."),
        [*moves, give_up(f"{name} is no member of this project.")], [*moves, DONE],
        issue=issue["title"], project=project["title"], person=name,
    )  # fmt: skip


@template("code", "merge-in-spite-of-conflict", split="validation")
def merge_with_conflict(data: Data, rng: Random) -> Draft:
    project, merge, _ = rng.choice(open_requests(data, MINE, conflicting=True))
    moves = [*to(project, "Merge requests"), click("link", merge["title"])]
    return draft(
        f'Merge merge request !{merge["number"]} of "{project["title"]}" as it is.',
        answers(infeasible="The branches conflict, so the request cannot be merged as it is."),
        [*moves, give_up("The branches conflict.")], [*moves, click("button", "Approve"), DONE],
        number=f"!{merge['number']}", project=project["title"],
    )  # fmt: skip


@template("code", "change-role-of-a-stranger", split="heldout")
def change_role_of_stranger(data: Data, rng: Random) -> Draft:
    project = mine(data, rng)
    who, role = stranger(data, rng, project), rng.choice(("developer", "reporter"))
    moves = to(project, "Members")
    return draft(
        f'{who} is a maintainer of "{project["title"]}". Change that role to {role}.',
        answers(infeasible=f"{who} is not a member of the project, so there is no role to change."),
        [*moves, give_up(f"{who} is no member.")],
        [*moves, fill("User name", who), choose("Role", role), click("button", "Invite"), DONE],
        person=who, project=project["title"], role=role,
    )  # fmt: skip
