"""Whether a program printed what was expected."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["same_output"]

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)
NEGLIGIBLE = Decimal("1e-8")


def same_output(printed: str, expected: str, *, tolerance: float = 0.0) -> bool:
    """Compare line by line, blanks at the ends of lines and blank lines at the end left out.

    Lines that differ as texts are compared word by word. Words are equal when they are the same number (`1.50` and
    `1.5`), or, where the expected one has a decimal point, when they differ by no more than that part of it.
    """
    ours, theirs = _lines(printed), _lines(expected)
    return len(ours) == len(theirs) and all(
        mine == other or _same_words(mine.split(), other.split(), tolerance)
        for mine, other in zip(ours, theirs, strict=True)
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _same_words(printed: list[str], expected: list[str], tolerance: float) -> bool:
    return len(printed) == len(expected) and all(
        mine == other or _same_number(mine, other, tolerance) for mine, other in zip(printed, expected, strict=True)
    )


def _same_number(printed: str, expected: str, tolerance: float) -> bool:
    if not (NUMBER.fullmatch(printed) and NUMBER.fullmatch(expected)):
        return False
    mine, other = Decimal(printed), Decimal(expected)
    if mine == other or not tolerance or "." not in expected:
        return mine == other
    return abs(mine - other) <= NEGLIGIBLE + Decimal(tolerance) * abs(other)
