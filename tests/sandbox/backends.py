"""The backends as a parametrisation: those that run on this machine, and the others skipped with the reason.

@pytest.mark.parametrize("backend", BACKENDS_HERE)
async def test_something(backend: str) -> None:
    async with await open_sandbox(backend).open() as session: ...
"""

from __future__ import annotations

import pytest

from sandbox.backends import BACKENDS, load_sandbox, probe
from sandbox.contracts import Sandbox

__all__ = ["BACKENDS_HERE", "open_sandbox"]


def open_sandbox(name: str) -> Sandbox:
    """The backend of this name, with its own defaults."""
    return load_sandbox(name, unsafe=name == "process")


def _parameter(name: str) -> object:
    reason = probe(name)
    return pytest.param(name, marks=[pytest.mark.skip(reason=f"{name} does not run here: {reason}")] if reason else [])


BACKENDS_HERE = [_parameter(name) for name in BACKENDS]
