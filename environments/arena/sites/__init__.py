"""The sites by name, each in its own folder. Nothing of a site is imported before it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache

from environments.arena.visit import Site

__all__ = ["SITES", "load_sites"]

SITES: tuple[str, ...] = ("shop", "admin", "forum", "code", "map", "wiki")
"""Their order is the order in which they are seeded; the shop's admin works on the shop's tables."""


@cache
def _site(name: str) -> Site:
    site: Site = importlib.import_module(f"environments.arena.sites.{name}").SITE
    return site


def load_sites(names: Sequence[str] = SITES) -> Mapping[str, Site]:
    """The sites of these names.

    Raises:
        KeyError: there is no such site.
    """
    for name in names:
        if name not in SITES:
            raise KeyError(f"no site {name!r}; there are: {', '.join(SITES)}")
    return {name: _site(name) for name in names}
