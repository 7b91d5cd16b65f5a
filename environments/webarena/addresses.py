"""url_match: the address at the end against a record's reference addresses."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from environments.webarena.judging import Verdict
from environments.webarena.strings import OR
from sandbox import AgentkitError

__all__ = ["url_match"]


def url_match(reference: str, url: str, *, rule: str | None = None) -> Verdict:
    """Whether the address holds one of the references' paths, and for each of their query's names one of the values.

    With the rule EXACT (VisualWebArena's), whether it is one of the references. Without a rule: GOLD in PRED.

    Raises:
        AgentkitError: a rule that is not known.
    """
    ended, references = url.rstrip("/"), [one.rstrip("/") for one in reference.split(OR)]
    if rule == "EXACT":
        return Verdict(True, "") if ended in references else Verdict(False, f"ended at {url}, expected {reference}")
    if rule not in (None, "", "GOLD in PRED"):
        raise AgentkitError(f"url rule {rule!r}: expected 'GOLD in PRED' or 'EXACT'")
    bases, queries = [], dict[str, set[str]]()
    for one in references:
        base, query = _parted(one)
        bases.append(base)
        for name, values in query.items():
            queries.setdefault(name, set()).update(values)
    base, query = _parted(ended)
    if not any(wanted in base for wanted in bases):
        return Verdict(False, f"ended at {url}, expected {reference}")
    for name, allowed in queries.items():
        if not allowed & set(query.get(name, ())):
            return Verdict(False, f"the address {url} lacks {name}={' or '.join(sorted(allowed))}")
    return Verdict(True, "")


def _parted(url: str) -> tuple[str, dict[str, list[str]]]:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an address with half of an IPv6 bracket
        return url, {}
    return parts.netloc + parts.path, parse_qs(parts.query)
