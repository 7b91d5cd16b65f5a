"""The suites by name. Nothing of a suite is imported before it is asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Literal, cast

from environments.contracts import Suite
from sandbox import AgentkitError

__all__ = ["SUITES", "UnknownSuite", "load_suite"]

SUITES: Mapping[str, str] = {
    "miniwob": "environments.miniwob",
}
"""Name -> module with a `load(screenshots=...)` that returns the suite."""


class UnknownSuite(AgentkitError, KeyError):
    """No suite has this name; the message lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def load_suite(name: str, *, screenshots: Literal["none", "plain", "marked"] = "none") -> Suite:
    """The suite of this name; `screenshots` come with every observation, plain or with numbered boxes.

    Raises:
        UnknownSuite: there is none; the message suggests the nearest.
        MissingDependencyError: a package that it needs is absent; the message is how to install it.
    """
    if name not in SUITES:
        close = difflib.get_close_matches(name, SUITES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(SUITES))}"
        raise UnknownSuite(f"no suite {name!r}; {hint}")
    return cast(Suite, importlib.import_module(SUITES[name]).load(screenshots=screenshots))
