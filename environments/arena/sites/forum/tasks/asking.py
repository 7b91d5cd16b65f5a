"""Questions about what the forum says, and pages to be found."""

from __future__ import annotations

from random import Random

from environments.arena.sites.forum.tasks.ground import (
    LOGIN,
    MARA,
    ORDERS,
    POST,
    START,
    by_others,
    leading,
    place,
    to_first,
    to_place,
    to_post,
)  # fmt: skip
from environments.arena.tasks import Data, Draft, answers, at_address, choose, click, fill, say, template

__all__: list[str] = []


@template("forum", "more-members", split="training")
def more_members(data: Data, rng: Random) -> Draft:
    rows = data.all(
        """SELECT title, count(*) AS members FROM forum_community JOIN forum_subscription ON community = id
           GROUP BY title"""
    )
    sizes: dict[str, int] = {row["title"]: row["members"] for row in rows}
    one, other = rng.sample(sorted(sizes), 2)
    big, small = sorted((one, other), key=lambda title: -sizes[title])
    more = sizes[big] - sizes[small]
    return Draft(
        intent=f"How many more members does the community {big} have than {small}? Answer with the number.",
        words={"bigger": big, "smaller": small},
        start=START,
        eval=answers(exact=str(more)),
        reference=(click("link", "Communities"), say(str(more))),
        near_miss=(click("link", "Communities"), say(str(sizes[big]))),
    )


@template("forum", "leading-author", split="training")
def leading_author(data: Data, rng: Random) -> Draft:
    order, first, second = leading(data, rng)
    return Draft(
        intent=f"What is the user name of the author of the {order} post in {first['place']}?",
        words={"order": order, "community": first["place"]},
        start=START,
        eval=answers(exact=first["author"]),
        reference=(*to_first(order, first)[:-1], say(first["author"])),
        near_miss=(say(second["author"]),),
    )


@template("forum", "which-community", split="training")
def which_community(data: Data, rng: Random) -> Draft:
    row = by_others(data, rng)
    wrong = place(data, rng, "id <> ?", row["community"])["title"]
    return Draft(
        intent=f"In which community was “{row['title']}” posted?",
        words={"title": row["title"]},
        start=START,
        eval=answers(exact=row["place"]),
        reference=(*to_post(row["title"])[:2], say(row["place"])),
        near_miss=(say(wrong),),
    )


@template("forum", "count-titled", split="training")
def count_titled(data: Data, rng: Random) -> Draft:
    while True:
        spot = place(data, rng)
        title = rng.choice(data.all("SELECT title FROM forum_post WHERE community = ?", spot["id"]))["title"]
        word = max(title.strip("?").split(), key=len).strip(",:()")
        like = f"%{word}%"
        here = data.value("SELECT count(*) FROM forum_post WHERE community = ? AND title LIKE ?", spot["id"], like)
        anywhere = data.value("SELECT count(*) FROM forum_post WHERE title LIKE ?", like)
        if here != anywhere:
            break
    return Draft(
        intent=f"How many posts in {spot['title']} have “{word}” in their title? Answer with the number.",
        words={"community": spot["title"], "word": word},
        start=START,
        eval=answers(exact=str(here)),
        reference=(
            fill("Search posts", word), click("button", "Search"), choose("Community", spot["title"]),
            click("button", "Search", near="Community"), say(str(here)),
        ),
        near_miss=(fill("Search posts", word), click("button", "Search"), say(str(anywhere))),
    )  # fmt: skip


@template("forum", "who-answered-where", split="training")
def who_answered_where(data: Data, rng: Random) -> Draft:
    rows = data.all(
        """SELECT c.author, forum_post.title FROM forum_comment AS c JOIN forum_post ON forum_post.id = c.post
           LEFT JOIN forum_comment AS up ON up.id = c.parent
           WHERE coalesce(up.author, forum_post.author) = ? AND c.author <> ?
           ORDER BY c.at DESC, c.id DESC LIMIT 30""", MARA, MARA,
    )  # fmt: skip
    last: dict[str, str] = {}
    for row in rows:
        last.setdefault(row["author"], row["title"])
    who = rng.choice(list(last))
    other = next(title for title in last.values() if title != last[who])
    return Draft(
        intent=f"On which post did {who} last reply to me? Give its title.",
        words={"user": who},
        start=START,
        login=LOGIN,
        eval=answers(exact=last[who]),
        reference=(click("link", "Replies"), say(last[who])),
        near_miss=(click("link", "Replies"), say(other)),
    )


@template("forum", "among-saved", split="heldout")
def among_saved(data: Data, rng: Random) -> Draft:
    rows = data.all(f"{POST} WHERE forum_post.id IN (SELECT post FROM forum_saved WHERE username = ?)", MARA)
    phrases = {
        "has the most comments": ("comments", 1), "has the highest score": ("score", 1), "is the newest": ("at", 1),
        "has the lowest score": ("score", -1), "is the oldest": ("at", -1),
    }  # fmt: skip
    asked = {"its author's user name": "author", "its title": "title", "its community": "place"}
    while True:
        phrase, what = rng.choice(list(phrases)), rng.choice(list(asked))
        column, sign = phrases[phrase]
        best, next_ = sorted(rows, key=lambda row: row[column], reverse=sign > 0)[:2]
        if best[column] != next_[column] and best[asked[what]] != next_[asked[what]]:
            break
    return Draft(
        intent=f"Which of my saved posts {phrase}? Answer with {what}.",
        words={"phrase": phrase, "what": what},
        start=START,
        login=LOGIN,
        eval=answers(exact=best[asked[what]]),
        reference=(click("link", "Saved"), say(best[asked[what]])),
        near_miss=(click("link", "Saved"), say(next_[asked[what]])),
    )


@template("forum", "higher-score", split="heldout")
def higher_score(data: Data, rng: Random) -> Draft:
    rows = data.all("SELECT author, sum(score) AS score FROM forum_post GROUP BY author")
    scores: dict[str, int] = {row["author"]: row["score"] for row in rows}
    one, other = by_others(data, rng), by_others(data, rng)
    while scores[one["author"]] == scores[other["author"]]:
        other = by_others(data, rng)
    low, high = sorted((one["author"], other["author"]), key=lambda name: scores[name])
    return Draft(
        intent=f"Compare the authors of “{one['title']}” and “{other['title']}”: who of them has the higher score in "
        "total? Answer with the user name.",
        words={"one": one["title"], "other": other["title"]},
        start=START,
        eval=answers(exact=high),
        reference=(
            *to_post(one["title"]), click("link", one["author"]),
            *to_post(other["title"]), click("link", other["author"]), say(high),
        ),
        near_miss=(say(low),),
    )  # fmt: skip


# Navigation ------------------------------------------------------------------------------------------------------


@template("forum", "author-profile", split="training")
def author_profile(data: Data, rng: Random) -> Draft:
    row = by_others(data, rng)
    return Draft(
        intent=f"Open the profile of whoever wrote “{row['title']}”.",
        words={"title": row["title"]},
        start=START,
        eval=at_address(f"__FORUM__/u/{row['author']}"),
        reference=(*to_post(row["title"]), click("link", row["author"]), say("")),
        near_miss=(*to_post(row["title"]), say("")),
    )


@template("forum", "sorted-community", split="validation")
def sorted_community(data: Data, rng: Random) -> Draft:
    spot, order = place(data, rng), rng.choice(["top rated", "most discussed"])
    sort = {"top rated": "top", "most discussed": "talked"}[order]
    return Draft(
        intent=f"Show me the posts of {spot['title']}, the {order} ones first.",
        words={"community": spot["title"], "order": order},
        start=START,
        eval=at_address(f"__FORUM__/c/{spot['slug']}?sort={sort}"),
        reference=(*to_place(spot["title"]), click("link", ORDERS[order]), say("")),
        near_miss=(*to_place(spot["title"]), say("")),
    )
