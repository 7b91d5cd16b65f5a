"""The forum: communities, posts, nested comments, votes, profiles, search, subscriptions."""

from __future__ import annotations

from pathlib import Path

from environments.arena.accounts import SIGNING_IN
from environments.arena.look import SYNONYMS
from environments.arena.sites.forum import members, reading, writing
from environments.arena.sites.forum.seeding import seed
from environments.arena.visit import Route, Site

__all__ = ["SITE"]

SCHEMA = """
CREATE TABLE forum_member (username TEXT PRIMARY KEY, bio TEXT NOT NULL, mail INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE forum_community (
    id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, about TEXT NOT NULL, rules TEXT NOT NULL
);
CREATE TABLE forum_subscription (username TEXT NOT NULL, community INTEGER NOT NULL, PRIMARY KEY (username, community))
    WITHOUT ROWID;
CREATE INDEX forum_subscription_community ON forum_subscription (community);
CREATE TABLE forum_post (
    id INTEGER PRIMARY KEY, community INTEGER NOT NULL, author TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    link TEXT NOT NULL DEFAULT '', at TEXT NOT NULL, score INTEGER NOT NULL DEFAULT 0,
    comments INTEGER NOT NULL DEFAULT 0, edited TEXT NOT NULL DEFAULT ''
);
CREATE INDEX forum_post_community_at ON forum_post (community, at DESC);
CREATE INDEX forum_post_community_score ON forum_post (community, score DESC);
CREATE INDEX forum_post_at ON forum_post (at DESC);
CREATE INDEX forum_post_score ON forum_post (score DESC);
CREATE INDEX forum_post_community_talked ON forum_post (community, comments DESC);
CREATE INDEX forum_post_talked ON forum_post (comments DESC);
CREATE INDEX forum_post_author ON forum_post (author, at DESC);
CREATE TABLE forum_comment (
    id INTEGER PRIMARY KEY, post INTEGER NOT NULL, parent INTEGER, author TEXT NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX forum_comment_post ON forum_comment (post, at);
CREATE INDEX forum_comment_author ON forum_comment (author, at DESC);
CREATE INDEX forum_comment_parent ON forum_comment (parent);
CREATE TABLE forum_vote (
    post INTEGER NOT NULL, username TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (post, username)
) WITHOUT ROWID;
CREATE TABLE forum_saved (username TEXT NOT NULL, post INTEGER NOT NULL, PRIMARY KEY (username, post)) WITHOUT ROWID;
CREATE TABLE forum_seen (username TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE forum_report (id INTEGER PRIMARY KEY, post INTEGER NOT NULL, username TEXT NOT NULL, reason TEXT NOT NULL);
"""

SYNONYMS.update(
    {
        "Subscribe": ("Join", "Follow"),
        "Unsubscribe": ("Leave community", "Unfollow"),
        "New post": ("Write a post", "Start a thread"),
        "Publish": ("Post it", "Put it up"),
        "Comment": ("Add comment", "Say it"),
        "Reply": ("Answer", "Respond"),
        "Save post": ("Keep for later", "Bookmark"),
        "Forget post": ("Drop from saved", "Remove bookmark"),
        "Upvote": ("Vote up", "I like this"),
        "Downvote": ("Vote down", "I do not like this"),
        "Report": ("Flag", "Tell the moderators"),
        "Edit profile": ("Change profile", "Update profile"),
        "Communities": ("Groups", "All communities"),
        "Replies": ("Answers to me", "Inbox"),
        "Mark all as read": ("I have seen these", "Clear the marks"),
        "Saved": ("Saved posts", "Bookmarks"),
    }
)

SITE = Site(
    name="forum",
    title="The Common Room",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", reading.home),
        Route("/communities", reading.communities),
        Route("/c/{slug}", reading.community),
        Route("/c/{slug}/subscribe", post=members.subscribe),
        Route("/post/{id:int}", reading.post),
        Route("/post/{id:int}/comment", post=writing.comment),
        Route("/post/{id:int}/vote", post=writing.vote),
        Route("/post/{id:int}/save", post=writing.save),
        Route("/post/{id:int}/report", post=writing.report),
        Route("/post/{id:int}/edit", writing.edit_form, writing.edit),
        Route("/post/{id:int}/delete", post=writing.delete),
        Route("/comment/{id:int}/delete", post=writing.delete_comment),
        Route("/submit", writing.submit_form, writing.submit),
        Route("/search", reading.search),
        Route("/suggest", reading.suggest),
        Route("/u/{username}", members.profile),
        Route("/settings", members.settings_form, members.settings),
        Route("/saved", members.saved),
        Route("/replies", members.replies, members.mark_read),
        *SIGNING_IN,
    ),
    folder=Path(__file__).parent,
    navigation=lambda visit: (
        ("Home", "/"),
        ("Communities", "/communities"),
        ("New post", "/submit"),
        ("Saved", "/saved"),
        ("Replies", "/replies"),
    ),
)
