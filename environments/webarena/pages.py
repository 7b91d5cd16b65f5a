"""program_html: what pages hold at the end, found by locators and by the benchmark's named functions."""

from __future__ import annotations

import ast
import html
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from environments.contracts import JSON
from environments.webarena.judging import Ending, Judge, LastPage, NoJudge, Pages, Reports, Verdict
from environments.webarena.strings import OR, exact_match, meets_value, must_include
from sandbox import AgentkitError

__all__ = ["Call", "parse_call", "post_url", "program_html", "selected"]

LAST = "last"
KNOWN = (
    "reddit_get_post_url, shopping_get_latest_order_url, shopping_get_sku_latest_review_author, "
    "shopping_get_sku_latest_review_rating, gitlab_get_project_memeber_role"
)
ROLE = """
(() => {
  const wanted = "@" + %s;
  const names = [...document.querySelectorAll("td[data-label='Account'] span.gl-avatar-labeled-sublabel")];
  const place = names.findIndex((name) => name.outerText === wanted);
  return document.querySelectorAll("td.col-max-role span")[place].outerText;
})()
"""


async def program_html(
    targets: Sequence[Mapping[str, JSON]],
    ending: Ending,
    *,
    pages: Pages | None,
    reports: Reports | None = None,
    intent: str = "",
    judge: Judge | None = None,
) -> Verdict:
    """Open each target's address, read what its locator gives, and look for the required contents.

    Raises:
        AgentkitError: there are no pages, or a target that cannot be read.
    """
    if pages is None:
        raise AgentkitError("this task is graded on pages, and there is no browser to open them in")
    for target in targets:
        url = await _address(target["url"], ending, reports)
        if not url:
            return Verdict(False, f"{target['url']}: there is no such page")
        if url != LAST:
            await pages.open(url)
        elif isinstance(pages, LastPage):
            await pages.open_last()
        else:
            await pages.open(ending.url)
        found = html.unescape(await selected(target, pages, reports=reports))
        if why := await _lacks(found, target["required_contents"], intent=intent, judge=judge):
            return Verdict(False, f"{target['url']}: {why}")
    return Verdict(True, "")


async def _lacks(found: str, required: Mapping[str, JSON], *, intent: str, judge: Judge | None) -> str:
    """What is missing; empty when all is there."""
    shown = repr(found[:200])
    for how, wanted in required.items():
        match how:
            case "exact_match":
                met = any(exact_match(found, one) for one in wanted.split(OR))
            case "must_include":
                met = all(any(must_include(found, one) for one in each.split(OR)) for each in wanted)
            case "must_exclude":
                met = not any(must_include(found, one) for one in wanted)
            case "required_values":
                met = all(meets_value(found, condition) for condition in wanted)
            case "fuzzy_match":
                met = await _any_same(found, wanted.split(OR), intent=intent, judge=judge)
            case _:
                raise AgentkitError(f"required contents {how!r}: expected exact_match or must_include")
        if not met:
            return f"{shown} does not meet {how} {str(wanted)[:200]!r}"
    return ""


async def _any_same(found: str, wanted: Sequence[str], *, intent: str, judge: Judge | None) -> bool:
    if judge is None:
        raise NoJudge("this page is judged by a language model, and none was given: name one with --judge")
    for one in wanted:
        if await judge.same(intent=intent, reference=one, answer=found):
            return True
    return False


async def selected(target: Mapping[str, JSON], pages: Pages, *, reports: Reports | None = None) -> str:
    """The text that a target's locator gives; the whole page without one, nothing where it fails."""
    locator = target["locator"].strip()
    if not locator:
        return await pages.content()
    if locator.startswith("func:"):
        return await _called(parse_call(locator.removeprefix("func:")), pages, reports)
    if locator.startswith("lambda:"):
        locator = f"({locator.removeprefix('lambda:').strip()})()"
    for action in target.get("prep_actions", ()):
        try:
            await pages.evaluate(action)
        except AgentkitError:
            break
    try:
        found = await pages.evaluate(locator)
    except AgentkitError:
        return ""
    return "" if found is None else str(found)


# the benchmark's functions ---------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A function that a record names, with its arguments."""

    name: str
    arguments: tuple[str, ...]


def parse_call(written: str) -> Call:
    """Read `name(argument, ...)`, where `__page__` stands for the page and other arguments are strings.

    Raises:
        AgentkitError: it is none; nothing of it is ever run.
    """
    try:
        tree = ast.parse(written.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        tree = None
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.keywords:
        raise AgentkitError(f"{written!r}: expected a call such as shopping_get_latest_order_url()")
    arguments = []
    for value in tree.args:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            arguments.append(value.value)
        elif not (isinstance(value, ast.Name) and value.id == "__page__"):
            raise AgentkitError(f"{written!r}: expected strings or __page__ as arguments")
    return Call(tree.func.id, tuple(arguments))


async def _address(url: str, ending: Ending, reports: Reports | None) -> str:
    if not url.startswith("func:"):
        return url
    match parse_call(url.removeprefix("func:")):
        case Call("reddit_get_post_url", (given,)):
            return post_url(given.replace("__last_url__", ending.url))
        case Call("shopping_get_latest_order_url", ()):
            return await _asked(reports).latest_order_url()
        case call:
            raise AgentkitError(f"function {call.name!r} for an address: expected one of {KNOWN}")


async def _called(call: Call, pages: Pages, reports: Reports | None) -> str:
    match call:
        case Call("gitlab_get_project_memeber_role", (name,)):
            try:
                return str(await pages.evaluate(ROLE % json.dumps(name)) or "")
            except AgentkitError:  # the member is not listed
                return ""
        case Call("shopping_get_sku_latest_review_author", (sku,)):
            return (await _asked(reports).latest_review(sku))[0]
        case Call("shopping_get_sku_latest_review_rating", (sku,)):
            return (await _asked(reports).latest_review(sku))[1]
        case _:
            raise AgentkitError(f"function {call.name!r} for a locator: expected one of {KNOWN}")


def _asked(reports: Reports | None) -> Reports:
    if reports is None:
        raise AgentkitError("this task is graded by the shopping site's own reports; set SHOPPING to its address")
    return reports


def post_url(url: str) -> str:
    """The address of the forum post that an address is on or below; any other address as it is."""
    parts = urlsplit(url)
    steps = parts.path.split("/")
    if len(steps) < 4 or steps[1] != "f":
        return url
    return f"{parts.scheme}://{parts.netloc}/f/{steps[2]}/{steps[3]}/"
