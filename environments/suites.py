"""The suites by name. Nothing of a suite is imported before it is asked for."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import Literal, cast

from environments.contracts import Suite
from sandbox import AgentkitError

__all__ = ["SUITES", "UnknownSuite", "load_suite"]

SUITES: Mapping[str, str] = {
    "arena": "environments.arena.suite",
    "code": "environments.code.suite",
    "miniwob": "environments.miniwob",
    "repo": "environments.repo.suite",
    "tools": "environments.tools.suite",
    "webarena": "environments.webarena.suite",
}
"""Name -> module with a `load(screenshots=..., ...)` that returns the suite."""


class UnknownSuite(AgentkitError, KeyError):
    """No suite has this name; the message lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def load_suite(name: str, *, screenshots: Literal["none", "plain", "marked"] = "none", **options: object) -> Suite:
    """The suite of this name; `screenshots` come with every observation, plain or with numbered boxes.

    `options` are the suite's own, such as `tasks_file` and `sandbox`; None stands for one that was not given.

    Raises:
        UnknownSuite: there is none; the message suggests the nearest.
        AgentkitError: the suite has no such option; the message lists those it has.
        MissingDependencyError: a package that it needs is absent; the message is how to install it.
    """
    if name not in SUITES:
        close = difflib.get_close_matches(name, SUITES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(SUITES))}"
        raise UnknownSuite(f"no suite {name!r}; {hint}")
    load = importlib.import_module(SUITES[name]).load
    given = {option: value for option, value in options.items() if value is not None}
    known = list(inspect.signature(load).parameters)
    if unknown := [option for option in given if option not in known]:
        raise AgentkitError(f"the suite {name!r} has no option {unknown[0]!r}; it has {', '.join(known)}")
    return cast(Suite, load(screenshots=screenshots, **given))
