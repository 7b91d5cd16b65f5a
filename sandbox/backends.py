"""The backends by name, and the strongest one that runs on this machine."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import cast

from sandbox.contracts import Sandbox, SandboxUnavailable

__all__ = ["BACKENDS", "load_sandbox", "probe", "prune"]

BACKENDS = {
    "bubblewrap": "sandbox.bubblewrap:Bubblewrap",
    "container": "sandbox.container:Container",
    "process": "sandbox.process:Process",
}
"""Where each lies, the strongest first."""
ISOLATING = ("bubblewrap", "container")


def load_sandbox(
    name: str | None = None, *, unsafe: bool = False, python: str | None = None, packages: Path | None = None
) -> Sandbox:
    """A sandbox by name; without one, the strongest that runs here, which is never `process`.

    Args:
        name: one of `BACKENDS`, or `package.module:Class` for one of your own.
        unsafe: for `process` alone, which isolates nothing: yes, this is meant.
        python: the interpreter inside; None for the backend's own choice.
        packages: a folder of importable packages that the code may use.

    Raises:
        SandboxUnavailable: nothing that isolates runs here, with what is missing and the command that mends it.
        ValueError: there is no backend of that name.
    """
    if name is None:
        name = strongest()
    if name == "process":
        from sandbox.process import Process

        return Process(unsafe=unsafe, python=python, packages=packages)
    module, made_by = found(name)
    return cast(Sandbox, getattr(module, made_by)(python=python, packages=packages))


def strongest() -> str:
    """The first backend that isolates and runs here.

    Raises:
        SandboxUnavailable: there is none; why not, for each.
    """
    reasons = []
    for name in ISOLATING:
        reason = probe(name)
        if not reason:
            return name
        reasons.append(f"\n  {name}: {reason}")
    raise SandboxUnavailable(
        f"nothing on this machine isolates code:{''.join(reasons)}\n"
        "Mend one of them. For code that you would run yourself there is `process`, which isolates nothing and has to "
        "be asked for as unsafe."
    )


def probe(name: str) -> str:
    """Why a backend does not run here, with the command that mends it; empty when it does. Takes under a second."""
    module, _ = found(name)
    look = getattr(module, "probe", None)
    return str(look()) if look else ""


def prune() -> list[str]:
    """Remove what processes that died have left behind, of every backend; says what."""
    modules = [found(name)[0] for name in BACKENDS]
    return [said for module in modules if hasattr(module, "prune") for said in module.prune()]


def found(name: str) -> tuple[ModuleType, str]:
    """A backend's module, and the name of its class."""
    place = BACKENDS.get(name, name)
    module, _, made_by = place.partition(":")
    if not made_by:
        raise ValueError(f"no sandbox {name!r}: expected {', '.join(BACKENDS)}, or package.module:Class of your own")
    try:
        return importlib.import_module(module), made_by
    except ModuleNotFoundError as error:
        raise ValueError(f"no sandbox {name!r}: {error}") from error
