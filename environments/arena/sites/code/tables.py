"""The code host's tables.

A commit knows its parents and, path by path, which text it replaced with which. A branch is a head and the files there,
so that a tree is one query; everything older is read from the commits.
"""

from __future__ import annotations

__all__ = ["SCHEMA"]

SCHEMA = """
CREATE TABLE code_person (username TEXT PRIMARY KEY, bio TEXT NOT NULL, place TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE code_group (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE code_project (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, slug TEXT NOT NULL, title TEXT NOT NULL, about TEXT NOT NULL,
    language TEXT NOT NULL, visibility TEXT NOT NULL, branch TEXT NOT NULL DEFAULT 'main',
    archived INTEGER NOT NULL DEFAULT 0, made TEXT NOT NULL, active TEXT NOT NULL, fork_of INTEGER,
    stars INTEGER NOT NULL DEFAULT 0, UNIQUE (owner, slug)
);
CREATE INDEX code_project_active ON code_project (active DESC);
CREATE INDEX code_project_stars ON code_project (stars DESC);
CREATE TABLE code_star (username TEXT NOT NULL, project INTEGER NOT NULL, PRIMARY KEY (username, project))
    WITHOUT ROWID;
CREATE TABLE code_member (
    project INTEGER NOT NULL, username TEXT NOT NULL, role TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (project, username)
) WITHOUT ROWID;
CREATE INDEX code_member_username ON code_member (username);
CREATE TABLE code_blob (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE code_commit (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, sha TEXT NOT NULL, parent INTEGER, other INTEGER,
    author TEXT NOT NULL, title TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX code_commit_project ON code_commit (project, sha);
CREATE INDEX code_commit_author ON code_commit (author, at DESC);
CREATE TABLE code_change (
    commit_id INTEGER NOT NULL, path TEXT NOT NULL, old INTEGER, new INTEGER, PRIMARY KEY (commit_id, path)
) WITHOUT ROWID;
CREATE TABLE code_branch (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, name TEXT NOT NULL, head INTEGER NOT NULL, UNIQUE (project, name)
);
CREATE TABLE code_file (
    branch INTEGER NOT NULL, path TEXT NOT NULL, blob INTEGER NOT NULL, commit_id INTEGER NOT NULL,
    PRIMARY KEY (branch, path)
) WITHOUT ROWID;
CREATE TABLE code_tag (
    project INTEGER NOT NULL, name TEXT NOT NULL, commit_id INTEGER NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (project, name)
) WITHOUT ROWID;
CREATE TABLE code_label (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, name TEXT NOT NULL, colour TEXT NOT NULL, about TEXT NOT NULL,
    UNIQUE (project, name)
);
CREATE TABLE code_milestone (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, title TEXT NOT NULL, about TEXT NOT NULL, due TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', UNIQUE (project, title)
);
CREATE TABLE code_issue (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    author TEXT NOT NULL, assignee TEXT NOT NULL DEFAULT '', milestone INTEGER, due TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'open', at TEXT NOT NULL, closed TEXT NOT NULL DEFAULT '', UNIQUE (project, number)
);
CREATE INDEX code_issue_assignee ON code_issue (assignee, state);
CREATE INDEX code_issue_author ON code_issue (author);
CREATE TABLE code_issue_label (issue INTEGER NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (issue, label))
    WITHOUT ROWID;
CREATE INDEX code_issue_label_label ON code_issue_label (label);
CREATE TABLE code_merge (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    author TEXT NOT NULL, reviewer TEXT NOT NULL DEFAULT '', source TEXT NOT NULL, target TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', at TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '',
    ended_by TEXT NOT NULL DEFAULT '', head INTEGER, base INTEGER, UNIQUE (project, number)
);
CREATE INDEX code_merge_reviewer ON code_merge (reviewer, state);
CREATE INDEX code_merge_author ON code_merge (author, state);
CREATE TABLE code_approval (merge_id INTEGER NOT NULL, username TEXT NOT NULL, PRIMARY KEY (merge_id, username))
    WITHOUT ROWID;
CREATE TABLE code_note (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject INTEGER NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX code_note_subject ON code_note (kind, subject);
CREATE TABLE code_todo (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL, text TEXT NOT NULL, address TEXT NOT NULL, at TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX code_todo_username ON code_todo (username, done);
CREATE TABLE code_snippet (
    id INTEGER PRIMARY KEY, author TEXT NOT NULL, title TEXT NOT NULL, file TEXT NOT NULL, body TEXT NOT NULL,
    visibility TEXT NOT NULL, at TEXT NOT NULL
);
"""
