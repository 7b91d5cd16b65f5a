"""What members keep to themselves: subscriptions, saved posts, profile; and wishes that the forum cannot fulfil."""

from __future__ import annotations

from random import Random

from environments.arena.sites.forum.tasks.ground import (
    ALONE,
    LOGIN,
    MARA,
    POST,
    PROFILE,
    START,
    by_others,
    graded,
    place,
    texts,
    to_place,
    to_post,
)  # fmt: skip
from environments.arena.tasks import Data, Draft, answers, click, fill, give_up, page_holds, say, template

__all__: list[str] = []

SUBSCRIPTIONS = texts('[data-grade="subscriptions"] li')


@template("forum", "subscribe", split="training")
def subscribe(data: Data, rng: Random) -> Draft:
    others = "id NOT IN (SELECT community FROM forum_subscription WHERE username = ?)"
    left = data.all(f"SELECT title FROM forum_community WHERE {others} ORDER BY title", MARA)
    one, other = sorted(row["title"] for row in rng.sample(left, 2))
    mine = "SELECT title FROM forum_community JOIN forum_subscription ON id = community WHERE username = ?"
    after = sorted([row["title"] for row in data.all(mine, MARA)] + [one, other])
    first, second = (*to_place(one), click("button", "Subscribe")), (*to_place(other), click("button", "Subscribe"))
    return Draft(
        intent=f"Subscribe me to {one} and to {other}.",
        words={"one": one, "other": other},
        start=START,
        login=LOGIN,
        eval=page_holds((f"{PROFILE}?tab=communities", SUBSCRIPTIONS, f"={' / '.join(after)}")),
        reference=(*first, *second, say("")),
        near_miss=(*first, say("")),
    )


@template("forum", "save-newest", split="training")
def save_newest(data: Data, rng: Random) -> Draft:
    mine = data.all(f"{POST} WHERE forum_post.id IN (SELECT post FROM forum_saved WHERE username = ?)", MARA)
    kept = {row["id"] for row in mine}
    while True:
        spot = place(data, rng)
        new = data.all(f"{POST} WHERE community = ? AND {ALONE} ORDER BY at DESC LIMIT 2", spot["id"])
        newest = data.all("SELECT id FROM forum_post WHERE community = ? ORDER BY at DESC LIMIT 2", spot["id"])
        ids = {row["id"] for row in new}
        if ids == {row["id"] for row in newest} and not kept & ids:
            break
    after = [row["title"] for row in sorted([*mine, *new], key=lambda row: str(row["at"]), reverse=True)]
    steps = [(*to_place(spot["title"]), click("link", row["title"]), click("button", "Save post")) for row in new]
    return Draft(
        intent=f"Save the two newest posts in {spot['title']} for me to read later.",
        words={"community": spot["title"]},
        start=START,
        login=LOGIN,
        eval=page_holds(("__FORUM__/saved", texts('[data-grade="post"] h3'), f"={' / '.join(after)}")),
        reference=(*steps[0], *steps[1], say("")),
        near_miss=(*steps[0], say("")),
    )


BIOS = (
    "Beekeeper, baker, bad at chess.", "I mend clocks and lose umbrellas.", "Walks slowly, reads fast.",
    "New in Port Callow. Ask me about seaweed.", "Three bicycles, no car.", "Second fiddle, first to bed.",
    "Keeps a list of lists.", "Mostly here for the soup recipes.",
)  # fmt: skip
MAIL = "String(document.querySelector('[data-grade=\"mail\"]').checked)"


@template("forum", "change-bio", split="training")
def change_bio(data: Data, rng: Random) -> Draft:
    bio = rng.choice(BIOS)
    write = (click("link", "Mara Quill"), click("link", "Edit profile"), fill("About you", bio))
    return Draft(
        intent=f"Change what my profile says about me to “{bio}”",
        words={"bio": bio},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (PROFILE, graded("bio"), f"={bio}"), (PROFILE, graded("name"), "=Mara Quill"),
            ("__FORUM__/settings", MAIL, "=true"),
        ),
        reference=(*write, click("button", "Save"), say("")),
        near_miss=(*write, click("link", "Home"), say("")),
    )  # fmt: skip


@template("forum", "name-and-mail", split="heldout")
def name_and_mail(data: Data, rng: Random) -> Draft:
    name = rng.choice(["M. Quill", "Mara Q.", "Mara Quill-Thorne", "Mara of Fernwick", "Mar Quill", "Old Quill"])
    bio = data.value("SELECT bio FROM forum_member WHERE username = ?", MARA)
    write = (click("link", "Mara Quill"), click("link", "Edit profile"), fill("Name…", name))
    return Draft(
        intent=f"Let the forum call me {name} from now on, and stop it from mailing me about replies.",
        words={"name": name},
        start=START,
        login=LOGIN,
        eval=page_holds(
            (PROFILE, graded("name"), f"={name}"), (PROFILE, graded("bio"), f"={bio}"),
            ("__FORUM__/settings", MAIL, "=false"),
        ),
        reference=(*write, click("checkbox", "Mail me about replies"), click("button", "Save"), say("")),
        near_miss=(*write, click("button", "Save"), say("")),
    )  # fmt: skip


# What cannot be done ---------------------------------------------------------------------------------------------


@template("forum", "private-message", split="training")
def private_message(data: Data, rng: Random) -> Draft:
    row = by_others(data, rng)
    reason, text = "The forum has no private messages.", "Can we meet on Saturday?"
    at_post = to_post(row["title"])
    return Draft(
        intent=f"Send a private message to the author of “{row['title']}”: {text}",
        words={"title": row["title"]},
        start=START,
        login=LOGIN,
        eval=answers(infeasible=reason),
        reference=(*at_post, click("link", row["author"]), give_up(reason)),
        near_miss=(*at_post, fill("Your comment", text), click("button", "Comment"), say("I sent the message.")),
    )


@template("forum", "delete-foreign-post", split="validation")
def delete_foreign_post(data: Data, rng: Random) -> Draft:
    row = by_others(data, rng)
    reason = "The post is somebody else's; only its author may delete it."
    return Draft(
        intent=f"Delete the post “{row['title']}” from the forum.",
        words={"title": row["title"]},
        start=START,
        login=LOGIN,
        eval=answers(infeasible=reason),
        reference=(*to_post(row["title"]), give_up(reason)),
        near_miss=(*to_post(row["title"]), say("The post is deleted.")),
    )


MISSING = (
    "Astronomy", "Beekeeping", "Calligraphy", "Chess", "Fencing", "Knitting", "Languages", "Model railways",
    "Photography", "Pottery", "Sailing", "Swimming", "Theatre", "Weather",
)  # fmt: skip


@template("forum", "join-missing", split="heldout")
def join_missing(data: Data, rng: Random) -> Draft:
    missing, nearest = rng.choice(MISSING), place(data, rng)["title"]
    reason = f"There is no community {missing}."
    return Draft(
        intent=f"Subscribe me to the community {missing}.",
        words={"community": missing},
        start=START,
        login=LOGIN,
        eval=answers(infeasible=reason),
        reference=(click("link", "Communities"), give_up(reason)),
        near_miss=(*to_place(nearest), say(f"You are subscribed to {missing}.")),
    )
