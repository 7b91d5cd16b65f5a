"""The cases on which our graders are compared with the published packages. Nothing but the standard library."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

Case = dict[str, Any]
SITE = "__SITE__"
"""Stands for the address of the server that `site_server` starts."""


def cases() -> list[Case]:
    """Every case, each with a name of its own."""
    made = [*exact(), *included(), *alone(), *unachievable(), *addresses(), *pages()]
    for number, case in enumerate(made):
        case["name"] = f"{case['kind']}-{number:03}"
    return made


def string(answer: str, **references: Any) -> Case:
    """A case of string_match."""
    return {"kind": "string", "answer": answer, "url": "http://a.test/", "eval": _eval("string_match", references)}


def _eval(kind: str, references: Any = None, **rest: Any) -> Case:
    return {
        "eval_types": [kind], "reference_answers": references, "reference_url": "", "program_html": [],
        "string_note": "", **rest,
    }  # fmt: skip


def exact() -> Iterator[Case]:
    wanted = ["Sprite Yoga Strap", "$47.41", "5", "N/A", "'quoted'", "Two  spaces", "Zoë", "a, b", "914km", ""]
    changed = [
        lambda t: t, str.upper, lambda t: f"  {t}\n", lambda t: f'"{t}"', lambda t: f"'{t}'", lambda t: f"{t}.",
        lambda t: f"The answer is {t}", lambda t: f"\"'{t}'\"", lambda t: f'" {t} "',
    ]  # fmt: skip
    for reference, change in itertools.product(wanted, changed):
        yield string(change(reference), exact_match=reference)


def included() -> Iterator[Case]:
    answers = [
        "557m", "The distance is 557 m", "DuShop and Amos", "dushop", "AMOS, dushop", "", "'DuShop'", "557 M",
        "He said \"DuShop\" to Amos", "Du Shop", "DuShopAmos", "Zoë",
    ]  # fmt: skip
    references = [["557m"], ["DuShop", "Amos"], ["dushop"], ["'DuShop'"], ["557", "m"], [""], ["zoË"]]
    for answer, wanted in itertools.product(answers, references):
        yield string(answer, must_include=wanted)


def alone() -> Iterator[Case]:
    """One reference of one character, which has to be a word of its own."""
    answers = [
        "5", "5.", "5.00", "$5", "5%", "5 reviews", "there are 5", "15", "5, 6 and 7", "1,5", "5:30", "at 5: nothing",
        "(5)", "[5]", "x5", "5x", "5-6", "6-5", "5's", "'5'", "\"5\" it is", "no: 5", "5!", "5?", "5;6", "#5", "5/10",
        "The answer is 5.", "the answer is 5. That is all.", "5...", "5--6", "A5", "5th", "=5", "5)", "*5*", "5\n6",
        "5, maybe", "it's 5", "", "0", "fifty", "5 5", "&5", "@5", "5&6", "'5", "5'", "<5>", "{5}", "a,5", "a:5",
    ]  # fmt: skip
    for answer in answers:
        yield string(answer, must_include=["5"])
    for reference, answer in [("a", "a b"), ("a", "cat"), ("A", "(a)"), ("%", "5%"), ("x", "x-ray"), ("0", "10")]:
        yield string(answer, must_include=[reference])


def unachievable() -> Iterator[Case]:
    for answer in ["N/A", "n/a", " N/A ", "'N/A'", '"n/a"']:
        yield string(answer, fuzzy_match="N/A")
    for answer in ["N/A", "DuShop N/A"]:
        yield (
            string(answer, must_include=["N/A"], fuzzy_match="N/A")
            if answer == "N/A"
            else string(answer, must_include=["DuShop"], exact_match="dushop n/a")
        )


def addresses() -> Iterator[Case]:
    ended = [
        "http://a.test", "http://a.test/", "http://a.test/shop", "http://a.test/shop/", "http://a.test/shop?x=1",
        "http://a.test/shop/?x=1", "http://a.test/shop?x=1&y=2", "http://a.test/shop?x=2", "http://a.test/shopping",
        "http://a.test:80/shop", "https://a.test/shop", "http://b.test/?next=a.test/shop", "http://a.test/shop#part",
        "http://a.test/SHOP", "http://a.test/shop?x=1&x=3", "about:blank",
    ]  # fmt: skip
    references = [
        "http://a.test/shop", "http://a.test/shop/", "http://a.test/shop?x=1", "http://a.test/shop/?x=1&y=2",
        "http://a.test/other |OR| http://a.test/shop", "http://a.test/other?x=1 |OR| http://a.test/shop?x=2",
        "http://a.test", "http://a.test/shop?x=3/",
    ]  # fmt: skip
    for number, (url, reference) in enumerate(itertools.product(ended, references)):
        rest = {"url_note": "GOLD in PRED"} if number % 2 else {}
        yield {
            "kind": "url", "answer": "", "url": url, "eval": _eval("url_match", reference_url=reference, **rest)
        }  # fmt: skip


def pages() -> Iterator[Case]:
    """program_html, on the pages of `site_server`."""
    text, value = "document.querySelector('#title').outerText", "document.querySelector('input').value"
    checks: list[tuple[str, str, Case]] = [
        ("/plain", text, {"exact_match": "Quest & Co"}),
        ("/plain", text, {"exact_match": "quest & co"}),
        ("/plain", text, {"exact_match": "Quest &amp; Co"}),
        ("/plain", text, {"must_include": ["quest"]}),
        ("/plain", text, {"must_include": ["quest", "absent"]}),
        ("/plain", text, {"must_include": ["absent |OR| Co"]}),
        ("/plain", text, {"must_include": ["absent |OR| gone"]}),
        ("/plain", "", {"must_include": ["Quest & Co", "5 reviews"]}),
        ("/plain", "", {"must_include": ["not there"]}),
        ("/plain", "", {"must_include": ['<h1 id="title">']}),
        ("/plain", value, {"exact_match": "typed"}),
        ("/plain", value, {"exact_match": ""}),
        ("/plain", "document.querySelector('select').selectedIndex", {"exact_match": "1"}),
        ("/plain", "document.querySelector('select').selectedIndex", {"exact_match": "0"}),
        ("/plain", "document.querySelector('#absent').outerText", {"exact_match": ""}),
        ("/plain", "document.querySelector('#absent').outerText", {"must_include": ["a"]}),
        ("/plain", "document.querySelector('#absent')", {"exact_match": "None"}),
        ("/plain", "document.querySelector('#absent')", {"exact_match": ""}),
        ("/plain", "document.querySelector('#box').checked", {"exact_match": "true"}),
        ("/plain", "[...document.querySelectorAll('li')].map((e) => e.outerText).join(' ')", {"must_include": ["b c"]}),
        ("/plain", "[...document.querySelectorAll('li')].map((e) => e.outerText)", {"must_include": ["'b', 'c'"]}),
        ("/plain", "document.querySelectorAll('li')[1].outerText", {"exact_match": "b"}),
        ("/plain", "document.title", {"exact_match": "'A page'"}),
        ("/plain", "document.querySelector('#hidden').outerText", {"exact_match": "hidden text"}),
        ("/plain", "document.syntax error(", {"exact_match": ""}),
        ("/members", "func:gitlab_get_project_memeber_role(__page__, 'koush')", {"must_include": ["Developer"]}),
        ("/members", "func:gitlab_get_project_memeber_role(__page__, 'koush')", {"must_include": ["Guest"]}),
        ("/members", "func:gitlab_get_project_memeber_role(__page__, 'nobody')", {"must_include": ["Guest"]}),
        ("/members", "func:gitlab_get_project_memeber_role(__page__, 'vinta')", {"exact_match": "Guest"}),
        ("/plain", "func:shopping_get_sku_latest_review_author('KNOWN')", {"exact_match": "Emma"}),
        ("/plain", "func:shopping_get_sku_latest_review_author('KNOWN')", {"exact_match": "Old"}),
        ("/plain", "func:shopping_get_sku_latest_review_rating('KNOWN')", {"must_include": ["80"]}),
        ("/plain", "func:shopping_get_sku_latest_review_rating('KNOWN')", {"must_include": ["100"]}),
        ("/plain", "func:shopping_get_sku_latest_review_author('NONE')", {"exact_match": ""}),
        ("/plain", "func:shopping_get_sku_latest_review_rating('NONE')", {"must_include": ["80"]}),
        ("func:shopping_get_latest_order_url()", text, {"exact_match": "Order 42"}),
        ("func:shopping_get_latest_order_url()", "", {"must_include": ["order 41"]}),
        ("func:reddit_get_post_url('__last_url__')", text, {"exact_match": "Post 7"}),
        ("func:reddit_get_post_url('__last_url__')", text, {"exact_match": "Comment 9"}),
        ("last", text, {"exact_match": "Comment 9"}),
        ("last", text, {"exact_match": "Post 7"}),
        ("/missing", text, {"exact_match": "Quest & Co"}),
    ]
    for url, locator, required in checks:
        address = f"{SITE}{url}" if url.startswith("/") else url
        target = {"url": address, "locator": locator, "required_contents": required}
        yield page([target])
    shown = {"url": f"{SITE}/plain", "locator": text, "required_contents": {"exact_match": "changed"}}
    change = "document.querySelector('#title').textContent = 'changed'"
    yield page([shown])
    yield page([{**shown, "prep_actions": [change]}])
    yield page([{**shown, "prep_actions": ["document.absent.click()", change]}])
    right = {"url": f"{SITE}/plain", "locator": text, "required_contents": {"must_include": ["Quest"]}}
    yield page([right, {**right, "url": "last", "required_contents": {"must_include": ["Comment"]}}])
    yield page([right, {**right, "required_contents": {"must_include": ["wrong"]}}])


def page(targets: list[Case]) -> Case:
    """A case of program_html, after an episode that ended on a comment below a post."""
    ended = f"{SITE}/f/books/7/a-title/-/comment/9"
    return {"kind": "html", "answer": "", "url": ended, "eval": _eval("program_html", program_html=targets)}
