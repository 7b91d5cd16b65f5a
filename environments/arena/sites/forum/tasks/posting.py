"""Things to write on the forum, to change and to take back."""

from __future__ import annotations

from random import Random

from environments.arena.sites.forum.tasks.ground import (
    ALONE,
    COMMENT,
    COMMENTS,
    LOGIN,
    MARA,
    POST,
    PROFILE,
    START,
    by_others,
    counted,
    graded,
    leading,
    place,
    posts,
    to_first,
    to_post,
)  # fmt: skip
from environments.arena.tasks import Data, Draft, choose, click, fill, page_holds, say, template

__all__: list[str] = []

SAYINGS = (
    "Count me in for Saturday.", "We had the same trouble in Lower Wick.", "A dab of beeswax does it.",
    "Please keep us posted!", "I can lend you mine until Easter.", "Try the shop beside the weir.",
    "My record is four.", "That made me laugh out loud.", "Written down, thank you.",
)  # fmt: skip


@template("forum", "comment", split="training")
def comment(data: Data, rng: Random) -> Draft:
    row, text = by_others(data, rng), rng.choice(SAYINGS)
    write = (*to_post(row["title"]), fill("Your comment", text))
    return Draft(
        intent=f"Comment on the post “{row['title']}”: {text}",
        words={"title": row["title"], "text": text},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__FORUM__/post/{row['id']}", f"{COMMENT}({COMMENTS}.at(-1))", f"=|{MARA}|{text}"),
            (PROFILE, graded("comments"), f"={counted(data, 'comment') + 1}"),
        ),
        reference=(*write, click("button", "Comment"), say("")),
        near_miss=(*write, say("")),
    )


@template("forum", "reply", split="heldout")
def reply(data: Data, rng: Random) -> Draft:
    while True:
        row = by_others(data, rng)
        thread = data.all("SELECT * FROM forum_comment WHERE post = ? ORDER BY at", row["id"])
        authors = [answer["author"] for answer in thread]
        once = [a for a in thread if authors.count(a["author"]) == 1 and a["author"] not in (row["author"], MARA)]
        if once and not any(other != a["author"] and a["author"] in other for a in once for other in authors):
            break
    target, text = rng.choice(once), rng.choice(SAYINGS)
    at_post = to_post(row["title"])
    box = f"Reply to {target['author']}"
    answers_to = f'[...document.querySelectorAll(\'[data-parent="{target["id"]}"]\')].map({COMMENT}).join(" / ")'
    return Draft(
        intent=f"Reply to {target['author']}'s comment on “{row['title']}”: {text}",
        words={"user": target["author"], "title": row["title"], "text": text},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__FORUM__/post/{row['id']}", answers_to, f"{target['id']}|{MARA}|{text}"),
            (PROFILE, graded("comments"), f"={counted(data, 'comment') + 1}"),
        ),
        reference=(
            *at_post, click("button", "Reply", near=target["author"]), fill(box, text),
            click("button", "Send reply", near=box), say(""),
        ),
        near_miss=(*at_post, fill("Your comment", text), click("button", "Comment"), say("")),
    )  # fmt: skip


@template("forum", "delete-comment", split="training")
def delete_comment(data: Data, rng: Random) -> Draft:
    found = data.all(
        f"""{POST} WHERE {ALONE} AND forum_post.author <> ?
            AND (SELECT count(*) FROM forum_comment WHERE post = forum_post.id AND author = ?) = 1
            AND NOT EXISTS (SELECT 1 FROM forum_comment AS mine JOIN forum_comment AS below ON below.parent = mine.id
                            WHERE mine.post = forum_post.id AND mine.author = ?)""", MARA, MARA, MARA,
    )  # fmt: skip
    row = rng.choice(found)
    at_post = to_post(row["title"])
    return Draft(
        intent=f"Delete my comment on “{row['title']}”.",
        words={"title": row["title"]},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__FORUM__/post/{row['id']}", f"String({COMMENTS}.length)", f"={row['comments'] - 1}"),
            (PROFILE, graded("comments"), f"={counted(data, 'comment') - 1}"),
        ),
        reference=(*at_post, click("button", "Delete", near=MARA), say("")),
        near_miss=(*at_post, say("")),
    )


PIECES = (
    ("Ladder to lend", "Three metres, wooden, light enough for one."),
    ("Lost: one red mitten", "Left hand, near the weir."),
    ("Who wants plum stones?", "A whole jar, for weighing or for play."), ("Tea on Thursday", "Bring your own cup."),
    ("Thank you, everybody", "It works again, and so does the bell."),
    ("Swap: string for wire", "About twenty metres."),
)  # fmt: skip


@template("forum", "new-post", split="training")
def new_post(data: Data, rng: Random) -> Draft:
    spot, (title, text) = place(data, rng), rng.choice(PIECES)
    number = data.value("SELECT max(id) + 1 FROM forum_post")
    write = (fill("Title", title), fill("Text", text), click("button", "Publish"), say(""))
    begin = (click("link", "New post"), fill("Community", spot["title"][:4]))
    return Draft(
        intent=f"Write a post in {spot['title']} called “{title}” with the text “{text}”",
        words={"community": spot["title"], "title": title, "text": text},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__FORUM__/post/{number}", graded("title"), f"={title}"),
            (f"__FORUM__/post/{number}", graded("body"), f"={text}"),
            (f"__FORUM__/post/{number}", "document.querySelector('article').dataset.community", f"={spot['title']}"),
            (PROFILE, graded("posts"), f"={counted(data, 'post') + 1}"),
        ),
        reference=(*begin, click("option", spot["title"]), *write),
        near_miss=(*begin, *write),
    )


@template("forum", "edit-title", split="validation")
def edit_title(data: Data, rng: Random) -> Draft:
    row = rng.choice(posts(data, "author = ? AND link = ''", MARA))
    new = f"{rng.choice(['Solved', 'Closed', 'Old news', 'Corrected'])}: {row['title']}"
    write = (*to_post(row["title"]), click("button", "More…"), click("button", "Edit"), fill("Title", new))
    return Draft(
        intent=f"Change the title of my post “{row['title']}” to “{new}”.",
        words={"new": new, "title": row["title"]},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (f"__FORUM__/post/{row['id']}", graded("title"), f"={new}"),
            (f"__FORUM__/post/{row['id']}", graded("body"), row["body"].split("\n")[0]),
        ),
        reference=(*write, click("button", "Save"), say("")),
        near_miss=(*write, click("link", "Cancel"), say("")),
    )


@template("forum", "upvote", split="training")
def upvote(data: Data, rng: Random) -> Draft:
    order, row, _ = leading(data, rng)
    voted = data.all("SELECT 1 FROM forum_vote WHERE post = ? AND username = ?", row["id"], MARA)
    if voted:
        return upvote(data, rng)
    at_post = to_first(order, row)
    return Draft(
        intent=f"Give my vote to the {order} post in {row['place']}: I like it.",
        words={"order": order, "community": row["place"]},
        start=START,
        login=LOGIN,
        eval=page_holds((f"__FORUM__/post/{row['id']}", graded("score"), f"={row['score'] + 1}")),
        reference=(*at_post, click("button", "Upvote"), say("")),
        near_miss=(*at_post, click("button", "Downvote"), say("")),
    )


@template("forum", "report", split="heldout")
def report(data: Data, rng: Random) -> Draft:
    row = by_others(data, rng)
    reason, wrong = rng.sample(["Spam", "Rude", "Off topic", "Wrong information"], 2)
    begin, end = (*to_post(row["title"]), click("button", "Report")), (click("button", "Send report"), say(""))
    return Draft(
        intent=f"Report the post “{row['title']}” to the moderators, the reason is: {reason.lower()}.",
        words={"title": row["title"], "reason": reason.lower()},
        start=START,
        login=LOGIN,
        eval=page_holds((f"__FORUM__/post/{row['id']}", graded("report"), f"={reason}")),
        reference=(*begin, choose("Reason", reason), *end),
        near_miss=(*begin, choose("Reason", wrong), *end),
    )
