"""WebArena's three graders: string_match, url_match, program_html.

Zhou et al., "WebArena: A Realistic Web Environment for Building Autonomous Agents" (2023), section 3.2, and its
released evaluators. A task's score is the product of what its `eval_types` give. Deviations:
1. Nothing waits a fixed time for a page; `Pages.open` returns when the page is quiet.
2. A language model is asked only where the record wants one (`fuzzy_match`), through `Judge`, which caches.
3. `fuzzy_match: "N/A"` is met by reporting that the task is infeasible, and by the answer N/A; a model is asked only
   about another answer, and only where a judge was given.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from environments.contracts import JSON, Score
from sandbox import AgentkitError

__all__ = ["Ending", "Judge", "Pages", "exact_match", "grade", "must_include", "url_match"]

OR = " |OR| "
INFEASIBLE = "n/a"


class Pages(Protocol):
    """A tab for the grader, signed in as the agent was."""

    @property
    def url(self) -> str:
        """The address of the page in front."""
        ...

    async def open(self, url: str) -> None:
        """Go there, and return when the page is quiet."""
        ...

    async def evaluate(self, script: str) -> JSON:
        """The value of a JavaScript expression in the page in front."""
        ...

    async def content(self) -> str:
        """The page's HTML."""
        ...


class Judge(Protocol):
    """A language model's opinion of an answer, cached."""

    async def same(self, *, intent: str, reference: str, answer: str) -> bool:
        """Whether the answer means the same as the reference."""
        ...

    async def same_reason(self, *, intent: str, reason: str, answer: str) -> bool:
        """Whether the answer says that the task cannot be done, for this reason."""
        ...


class Ending(NamedTuple):
    """How an episode ended."""

    answer: str
    """Empty when none was given."""
    url: str
    """The address at the end."""
    infeasible: bool = False
    """The agent reported that the task cannot be done."""


class Verdict(NamedTuple):
    met: bool
    why: str


async def grade(
    evaluation: Mapping[str, JSON],
    ending: Ending,
    *,
    intent: str,
    pages: Pages | None = None,
    judge: Judge | None = None,
) -> Score:
    """Grade an episode by a record's `eval` object.

    Raises:
        AgentkitError: an eval type that is not known, one that needs pages or a judge where there is none.
    """
    for kind in evaluation["eval_types"]:
        match kind:
            case "string_match":
                verdict = await string_match(evaluation, ending, intent=intent, judge=judge)
            case "url_match":
                verdict = url_match(evaluation["reference_url"], ending.url, rule=evaluation.get("url_note"))
            case "program_html":
                verdict = await program_html(evaluation["program_html"], ending, pages=pages)
            case _:
                raise AgentkitError(f"eval type {kind!r}: expected string_match, url_match or program_html")
        if not verdict.met:
            return Score(value=0.0, success=False, source="execution", reasons=f"{kind}: {verdict.why}")
    return Score(value=1.0, success=True, source="execution")


# string_match ----------------------------------------------------------------------------------------------------


def cleaned(text: str) -> str:
    """Lower case, without the space and one pair of quotes around it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text.lower()


def exact_match(answer: str, reference: str) -> bool:
    """Whether they are the same but for case and quotes."""
    return cleaned(answer) == cleaned(reference)


def must_include(answer: str, reference: str, *, as_word: bool = False) -> bool:
    """Whether the reference is in the answer; with `as_word`, one of a single character only as a word of its own."""
    wanted, given = cleaned(reference), cleaned(answer)
    if as_word and len(wanted) == 1:
        return wanted in re.findall(r"\w+|[^\w\s]", given)
    return wanted in given


async def string_match(
    evaluation: Mapping[str, JSON], ending: Ending, *, intent: str, judge: Judge | None = None
) -> Verdict:
    """Compare the answer with the record's `reference_answers`; all that it names must hold."""
    answer = ending.answer
    for how, wanted in (evaluation["reference_answers"] or {}).items():
        match how:
            case "exact_match":
                met = exact_match(answer, wanted)
            case "must_include":
                met = all(must_include(answer, one, as_word=len(wanted) == 1) for one in wanted)
            case "fuzzy_match" if wanted == "N/A":
                met = await _said_infeasible(ending, evaluation.get("string_note", ""), intent=intent, judge=judge)
            case "fuzzy_match":
                met = await _all_same(answer, [wanted] if isinstance(wanted, str) else wanted, intent, judge)
            case _:
                raise AgentkitError(f"reference answer {how!r}: expected exact_match, must_include or fuzzy_match")
        if not met:
            return Verdict(False, f"the answer {answer[:200]!r} does not meet {how} {str(wanted)[:200]!r}")
    return Verdict(True, "")


async def _said_infeasible(ending: Ending, reason: str, *, intent: str, judge: Judge | None) -> bool:
    if ending.infeasible or cleaned(ending.answer) == INFEASIBLE:
        return True
    if judge is None or not ending.answer or not reason:
        return False
    return await judge.same_reason(intent=intent, reason=reason, answer=ending.answer)


async def _all_same(answer: str, wanted: Sequence[str], intent: str, judge: Judge | None) -> bool:
    if judge is None:
        raise AgentkitError(
            "this task's answer is judged by a language model, and none was given: name one with --judge"
        )
    for reference in wanted:
        if not await judge.same(intent=intent, reference=reference, answer=answer):
            return False
    return True


# url_match -------------------------------------------------------------------------------------------------------


def url_match(reference: str, url: str, *, rule: str | None = None) -> Verdict:
    """Whether the address holds one of the references' paths, and for each of their query's names one of the values."""
    if rule not in (None, "", "GOLD in PRED"):
        raise AgentkitError(f"url rule {rule!r}: expected 'GOLD in PRED'")
    bases, queries = [], dict[str, set[str]]()
    for one in reference.split(OR):
        base, query = _parted(one)
        bases.append(base)
        for name, values in query.items():
            queries.setdefault(name, set()).update(values)
    base, query = _parted(url)
    if not any(wanted in base for wanted in bases):
        return Verdict(False, f"ended at {url}, expected {reference}")
    for name, allowed in queries.items():
        if not allowed & set(query.get(name, ())):
            return Verdict(False, f"the address {url} lacks {name}={' or '.join(sorted(allowed))}")
    return Verdict(True, "")


def _parted(url: str) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(url.strip().rstrip("/"))
    return parts.netloc + parts.path.rstrip("/"), parse_qs(parts.query)


# program_html ----------------------------------------------------------------------------------------------------


async def program_html(targets: Sequence[Mapping[str, JSON]], ending: Ending, *, pages: Pages | None) -> Verdict:
    """Open each target's address, read what its locator gives, and look for the required contents."""
    if pages is None:
        raise AgentkitError("this task is graded on pages, and there is no browser to open them in")
    for target in targets:
        await pages.open(ending.url if target["url"] == "last" else target["url"])
        found = html.unescape(await selected(target, pages))
        required = target["required_contents"]
        if "exact_match" in required and not exact_match(found, required["exact_match"]):
            return Verdict(False, f"{target['url']}: {found[:200]!r} is not {required['exact_match']!r}")
        for wanted in required.get("must_include", ()):
            if not any(must_include(found, one) for one in wanted.split(OR)):
                return Verdict(False, f"{target['url']}: {wanted!r} is not in {found[:200]!r}")
    return Verdict(True, "")


async def selected(target: Mapping[str, JSON], pages: Pages) -> str:
    """The text that a target's locator gives; the whole page without one, nothing where it fails."""
    locator = target["locator"].strip()
    if not locator:
        return await pages.content()
    try:
        for action in target.get("prep_actions", ()):
            await pages.evaluate(action)
        found = await pages.evaluate(locator)
    except AgentkitError:
        return ""
    return "" if found is None else str(found)
