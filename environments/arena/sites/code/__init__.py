"""The code host: projects with files, commits, branches, issues and merge requests; groups, people, search."""

from __future__ import annotations

from pathlib import Path

from environments.arena.accounts import SIGNING_IN
from environments.arena.look import SYNONYMS
from environments.arena.sites.code import files, issues, merges, people, projects
from environments.arena.sites.code.ground import project_route
from environments.arena.sites.code.seeding import seed
from environments.arena.sites.code.tables import SCHEMA
from environments.arena.visit import Route, Site

__all__ = ["SITE"]

SYNONYMS.update(
    {
        "Explore": ("Browse projects", "Discover"),
        "New project": ("Create project", "Start a project"),
        "Create project": ("Make the project", "Set it up"),
        "To-do list": ("My tasks", "Things to do"),
        "Snippets": ("Code notes", "Pieces"),
        "Files": ("Code", "Source"),
        "Issues": ("Tickets", "Reports"),
        "Merge requests": ("Change requests", "Proposals"),
        "Commits": ("History", "Revisions"),
        "Milestones": ("Goals", "Targets"),
        "Members": ("People", "Team"),
        "Settings": ("Preferences", "Configuration"),
        "Star": ("Add to favourites", "Mark with a star"),
        "Unstar": ("Remove from favourites", "Take the star back"),
        "Fork": ("Make a copy", "Copy to my account"),
        "New issue": ("Report an issue", "Open a ticket"),
        "Create issue": ("File it", "Send the issue"),
        "Close issue": ("Mark as done", "Resolve"),
        "Reopen issue": ("Open again", "Not done after all"),
        "Add comment": ("Send comment", "Join the discussion"),
        "Commit changes": ("Save as a commit", "Record changes"),
        "Edit file": ("Change this file", "Open the editor"),
        "New branch": ("Add a branch", "Branch off"),
        "Create branch": ("Make the branch", "Add it"),
        "New milestone": ("Add a milestone", "Plan a milestone"),
        "Create milestone": ("Make the milestone", "Add to the plan"),
        "Approve": ("Give approval", "Looks good"),
        "Merge": ("Merge now", "Bring it in"),
        "Invite": ("Add to the project", "Send invitation"),
        "Change role": ("Set role", "Update role"),
        "Filter": ("Show matching", "Narrow down"),
        "Save settings": ("Keep settings", "Update project"),
        "Blame": ("Who wrote this", "Line history"),
    }
)

SITE = Site(
    name="code",
    title="Sedgehub",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", people.home),
        Route("/explore", projects.explore),
        Route("/new", projects.new, projects.create),
        Route("/groups", people.groups),
        Route("/groups/{slug}", people.group),
        Route("/u/{username}", people.profile),
        Route("/settings", people.settings, people.save_settings),
        Route("/todos", people.todos, people.add_todo),
        Route("/todos/{id:int}", post=people.end_todo),
        Route("/search", people.search),
        Route("/suggest", people.suggest),
        Route("/snippets", people.snippets),
        Route("/snippets/new", people.new_snippet, people.create_snippet),
        Route("/snippets/{id:int}", people.snippet),
        project_route("", files.home),
        project_route("/tree/{branch}", files.tree),
        project_route("/tree/{branch}/{path:path}", files.tree),
        project_route("/file/{branch}/{path:path}", files.view),
        project_route("/raw/{branch}/{path:path}", files.raw),
        project_route("/blame/{branch}/{path:path}", files.blame),
        project_route("/edit/{branch}/{path:path}", files.edit_form, files.edit, needs="developer"),
        project_route("/add/{branch}", files.new_form, files.save_new, needs="developer"),
        project_route("/delete/{branch}/{path:path}", post=files.delete, needs="developer"),
        project_route("/commits", files.commits),
        project_route("/commit/{sha}", files.commit),
        project_route("/branches", files.branches),
        project_route("/branches/new", files.branches, files.add_branch, needs="developer"),
        project_route("/branches/{branch}/delete", post=files.delete_branch, needs="developer"),
        project_route("/tags", files.tags),
        project_route("/tags/new", files.tags, files.add_tag, needs="developer"),
        project_route("/issues", issues.issues),
        project_route("/issues/new", issues.new_form, issues.create, needs="visitor"),
        project_route("/issues/{number:int}", issues.issue),
        project_route("/issues/{number:int}/change", issues.issue, issues.change, needs="reporter"),
        project_route("/issues/{number:int}/note", issues.issue, issues.note, needs="visitor"),
        project_route("/issues/{number:int}/state", post=issues.state, needs="visitor"),
        project_route("/labels", issues.labels),
        project_route("/labels/new", issues.labels, issues.add_label, needs="developer"),
        project_route("/labels/{id:int}/delete", post=issues.drop_label, needs="developer"),
        project_route("/milestones", issues.milestones),
        project_route("/milestones/new", issues.milestones, issues.add_milestone, needs="developer"),
        project_route("/milestones/{id:int}/state", post=issues.close_milestone, needs="developer"),
        project_route("/merges", merges.merges),
        project_route("/merges/new", merges.new_form, merges.create, needs="developer"),
        project_route("/merges/{number:int}", merges.merge),
        project_route("/merges/{number:int}/note", merges.merge, merges.note, needs="visitor"),
        project_route("/merges/{number:int}/approve", post=merges.approve, needs="developer"),
        project_route("/merges/{number:int}/merge", post=merges.do_merge, needs="developer"),
        project_route("/merges/{number:int}/state", post=merges.state, needs="developer"),
        project_route("/members", projects.members),
        project_route("/members/invite", projects.members, projects.invite, needs="maintainer"),
        project_route("/members/{username}", post=projects.change_member, needs="maintainer"),
        project_route("/settings", projects.settings_form, projects.settings, needs="maintainer"),
        project_route("/archive", post=projects.archive, needs="maintainer"),
        project_route("/star", post=projects.star, needs="visitor"),
        project_route("/fork", post=projects.fork, needs="visitor"),
        *SIGNING_IN,
    ),
    folder=Path(__file__).parent,
    navigation=lambda visit: (
        ("Home", "/"),
        ("Explore", "/explore"),
        ("Groups", "/groups"),
        ("Snippets", "/snippets"),
        ("To-do list", "/todos"),
        ("New project", "/new"),
    ),
)
