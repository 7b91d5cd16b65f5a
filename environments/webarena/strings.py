"""string_match: the answer against a record's reference answers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from environments.contracts import JSON
from environments.webarena.judging import Ending, Judge, NoJudge, Verdict
from sandbox import AgentkitError

__all__ = ["OR", "exact_match", "meets_value", "must_include", "says_as_word", "string_match"]

OR = " |OR| "
INFEASIBLE = "n/a"
# Where a tokeniser of English sets words apart: at these always; at a comma or colon unless a digit follows; at a full
# stop only where a sentence ends. So 5 is a word in "5%" and "5, 6", and is none in "5.00", "1,5" and "x-5".
APART = r"[\s;@#$%&*?!\[\](){}<>\"]"
BEFORE = rf"(?:^|(?<={APART})|(?<=--)|(?<=\s')|(?<=^'))"
AFTER = rf"(?=$|{APART}|[,:](?!\d)|--|\.(?:['\")\]}}>]*)(?:\s|$)|\.\.\.|'(?:s|m|d|ll|re|ve)?(?:\s|$))"
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "≤": operator.le, "≥": operator.ge,
    "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip


def cleaned(text: str) -> str:
    """Lower case, without the space and one pair of quotes around it."""
    text = text.strip()
    for quote in "'\"":
        if text.startswith(quote) and text.endswith(quote):
            text = text[1:-1]
            break
    return text.lower()


def exact_match(answer: str, reference: str) -> bool:
    """Whether they are the same but for case and quotes."""
    return cleaned(answer) == cleaned(reference)


def must_include(answer: str, reference: str, *, as_word: bool = False) -> bool:
    """Whether the reference is in the answer; with `as_word`, one of a single character only as a word of its own."""
    wanted, given = cleaned(reference), cleaned(answer)
    return says_as_word(given, wanted) if as_word and len(wanted) == 1 else wanted in given


def says_as_word(text: str, character: str) -> bool:
    """Whether the character is a word of its own in the text, as a tokeniser of English would part it."""
    if not character.isalnum():
        return character in text
    before = BEFORE if character.isdigit() else rf"(?:{BEFORE}|(?<=[,:]))"
    return re.search(rf"{before}{re.escape(character)}{AFTER}", text) is not None


def meets_value(text: str, condition: str) -> bool:
    """Whether the first number in the text meets a condition such as `<= 25.00`, or any of several joined by |OR|."""
    found = NUMBER.search(text)
    if found is None:
        return False
    number = float(found[0].replace(",", ""))
    for one in condition.split(OR):
        sign = next((sign for sign in COMPARISONS if one.strip().startswith(sign)), "")
        try:
            bound = float(one.strip().removeprefix(sign))
        except ValueError:
            raise AgentkitError(f"required value {condition!r}: expected a comparison such as '<= 25'") from None
        if COMPARISONS[sign or "=="](number, bound):
            return True
    return False


async def string_match(
    evaluation: Mapping[str, JSON], ending: Ending, *, intent: str, judge: Judge | None = None
) -> Verdict:
    """Compare the answer with the record's `reference_answers`; all that it names must hold.

    Raises:
        AgentkitError: a kind of reference that is not known.
        NoJudge: the answer is one for a language model, and there is none.
    """
    # The benchmark takes quotes off the answer as a whole, and again off what it compares.
    answer = cleaned(ending.answer)
    for how, wanted in (evaluation["reference_answers"] or {}).items():
        if how == "fuzzy_match" and wanted == "N/A":
            met = await _said_infeasible(ending, evaluation.get("string_note") or "", intent=intent, judge=judge)
        elif how == "fuzzy_match":
            met = await _all_same(answer, [wanted] if isinstance(wanted, str) else wanted, intent, judge)
        else:
            met = _plainly(how, wanted, answer)
        if not met:
            return Verdict(False, f"the answer {ending.answer[:200]!r} does not meet {how} {str(wanted)[:200]!r}")
    return Verdict(True, "")


def _plainly(how: str, wanted: JSON, answer: str) -> bool:
    match how:
        case "exact_match":
            return exact_match(answer, wanted)
        case "must_include":
            alone = len(wanted) == 1
            return all(any(must_include(answer, one, as_word=alone) for one in each.split(OR)) for each in wanted)
        case "must_exclude":
            return not any(must_include(answer, one, as_word=len(wanted) == 1) for one in wanted)
        case "one_of":
            return any(exact_match(answer, one) for one in wanted)
        case "required_values":
            return all(meets_value(answer, condition) for condition in wanted)
    raise AgentkitError(
        f"reference answer {how!r}: expected exact_match, must_include, fuzzy_match, must_exclude, one_of "
        "or required_values"
    )


async def _said_infeasible(ending: Ending, reason: str, *, intent: str, judge: Judge | None) -> bool:
    if ending.infeasible or cleaned(cleaned(ending.answer)) == INFEASIBLE:
        return True
    if judge is None or not ending.answer or not reason:
        return False
    return await judge.same_reason(intent=intent, reason=reason, answer=ending.answer)


async def _all_same(answer: str, wanted: Sequence[str], intent: str, judge: Judge | None) -> bool:
    if judge is None:
        raise NoJudge("this task's answer is judged by a language model, and none was given: name one with --judge")
    for reference in wanted:
        if not await judge.same(intent=intent, reference=reference, answer=answer):
            return False
    return True
