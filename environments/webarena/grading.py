"""WebArena's three graders together: string_match, url_match, program_html.

Zhou et al., "WebArena: A Realistic Web Environment for Building Autonomous Agents" (2023), section 3.2, and its
released evaluators. A task's score is the product of what its `eval_types` give. Deviations:
1. Nothing waits a fixed time for a page; `Pages.open` returns when the page is quiet.
2. A language model is asked only where the record wants one (`fuzzy_match`), through `Judge`, which caches.
3. `fuzzy_match: "N/A"` is met by reporting that the task is infeasible, and by the answer N/A; a model is asked only
   about another answer, and only where a judge was given.
4. A locator that finds nothing gives no text, where the released evaluators compare with the word "None".
VisualWebArena's further kinds of reference (Koh et al. 2024) are read too, less those that look at pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

from environments.contracts import JSON, Score
from environments.webarena.addresses import url_match
from environments.webarena.judging import Ending, Judge, Pages, Reports
from environments.webarena.pages import program_html
from environments.webarena.strings import exact_match, must_include, string_match
from sandbox import AgentkitError

__all__ = ["Ending", "Judge", "Pages", "exact_match", "grade", "must_include", "url_match"]


async def grade(
    evaluation: Mapping[str, JSON],
    ending: Ending,
    *,
    intent: str,
    pages: Pages | None = None,
    judge: Judge | None = None,
    reports: Reports | None = None,
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
                targets = evaluation["program_html"]
                verdict = await program_html(targets, ending, pages=pages, reports=reports, intent=intent, judge=judge)
            case _:
                raise AgentkitError(f"eval type {kind!r}: expected string_match, url_match or program_html")
        if not verdict.met:
            return Score(value=0.0, success=False, source="execution", reasons=f"{kind}: {verdict.why}")
    return Score(value=1.0, success=True, source="execution")
