"""What each package offers by name. A change here is a change for everyone who imports it: make it on purpose."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PUBLIC = {
    "agentkit": """
        METHODS Action AgentkitError Budget BudgetExceeded Context Plan Progress Score StopReason Task Trajectory
        load_model load_suite load_trajectory react read_study reflexion run_study strategy_for
    """,
    "agentkit.models": "",
    "agentkit.strategies": "",
    "agentkit.train": "",
    "skills": "",
    "memory": """
        Content Encoder Item LibraryBusy Memory MemoryStore Provenance Query Receipt RecordError Scope Store TextEncoder
        events
    """,
    "environments": """
        Action Environment EnvironmentFailure Episode Grader Observation Score StepResult StopReason Suite
        Task Timing ToolSpec
    """,
    "environments.arena": "",
    "environments.arena.sites": "SITES load_sites",
    **{f"environments.arena.sites.{site}": "SITE" for site in ("admin", "code", "forum", "map", "shop", "wiki")},
    "environments.arena.sites.forum.tasks": "asking posting settling",
    "environments.arena.sites.shop.tasks": "asking changing",
    "environments.code": "",
    "environments.code.inside": "",
    "environments.repo": "",
    "environments.repo.inside": "",
    "environments.tools": "",
    "environments.web": "",
    "environments.webarena": "",
    "sandbox": """
        NO_NETWORK AgentkitError Artifact FileInfo FileRefused Limits MissingDependencyError Network Output PythonError
        PythonResult Result Sandbox SandboxBroken SandboxError SandboxUnavailable Session SessionClosed Snapshot Stop
    """,
    "sandbox.abuse": "",
    "sandbox.inside": "sources",
    "sandbox.promises": "",
}


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_offers_these_names_and_each_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert list(getattr(module, "__all__", [])) == PUBLIC[package].split()
    assert [name for name in PUBLIC[package].split() if getattr(module, name, None) is None] == []


def test_every_package_is_listed(sources: dict[Path, str]) -> None:
    packages = {".".join(path.parent.parts) for path in sources if path.name == "__init__.py"}
    assert packages == set(PUBLIC)


def test_lists_of_names_are_sorted_and_defined(sources: dict[Path, str]) -> None:
    wrong = []
    for path in sources:
        module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        names = list(getattr(module, "__all__", []))
        by_kind = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        if names != by_kind or any(not hasattr(module, name) for name in names):
            wrong.append(str(path))
    assert wrong == []


def test_a_wrong_name_says_what_there_is() -> None:
    code = "import agentkit; agentkit.run_studdy"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert reply.returncode == 1
    assert "run_study" in reply.stderr
