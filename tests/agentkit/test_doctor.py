"""The doctor finds what is there, says what is missing with the command that mends it, and tells no secret."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from agentkit.doctor import Finding, diagnose, table


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def run_python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    settings = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment}
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.browser
def test_this_machine_lacks_nothing_that_is_needed(tmp_path: Path) -> None:
    findings = diagnose(tmp_path)
    assert [finding for finding in findings if finding.state == "missing"] == []
    assert "Chrom" in by_name(findings)["Browser"].found
    assert {"langgraph", "chromadb", "litellm", "miniwob", "Text encoder", "Disk"} <= set(by_name(findings))


def test_a_wrong_browser_path_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CHROMIUM", "/no/such/browser")
    browser = by_name(diagnose(tmp_path))["Browser"]
    assert browser.state == "missing"
    assert "/no/such/browser" in browser.found
    assert "AGENTKIT_CHROMIUM" in browser.mend


def test_a_program_that_does_not_start_is_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("AGENTKIT_CHROMIUM", str(broken))
    browser = by_name(diagnose(tmp_path))["Browser"]
    assert browser.state == "missing"
    assert "does not start" in browser.found


def test_keys_are_named_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "secret-value")
    monkeypatch.setenv("EMPTY_API_KEY", "")
    findings = diagnose(tmp_path)
    out = io.StringIO()
    Console(file=out, width=200).print(table(findings))
    assert "EXAMPLE_API_KEY" in out.getvalue()
    assert "EMPTY_API_KEY" not in out.getvalue()
    assert "secret-value" not in out.getvalue() + repr(findings)


def test_the_table_shows_each_mending_command(tmp_path: Path) -> None:
    finding = Finding(name="thing", state="missing", found="absent [really]", mend="pip install 'thing[all]'")
    out = io.StringIO()
    Console(file=out, width=200).print(table([finding]))
    assert "absent [really]" in out.getvalue()
    assert "pip install 'thing[all]'" in out.getvalue()


def test_a_package_that_is_not_installed_is_missing_with_its_command(tmp_path: Path) -> None:
    code = """
import importlib.metadata as metadata, agentkit.doctor as doctor
found = doctor._package("no-such-thing", requirement="no-such-thing>=1,<2")
print(found.state, found.mend)
"""
    reply = run_python(code, tmp_path)
    assert reply.stdout.startswith("missing ")
    assert reply.stdout.strip().endswith("-m pip install 'no-such-thing>=1,<2'")


def test_a_file_that_hides_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "memory.py").write_text("mine = True\n")
    reply = run_python("from agentkit.doctor import assert_not_shadowed; assert_not_shadowed()", tmp_path)
    assert reply.returncode == 1
    assert str(tmp_path / "memory.py") in reply.stderr
    assert "rename" in reply.stderr


def test_nothing_is_hidden_here(tmp_path: Path) -> None:
    reply = run_python("from agentkit.doctor import assert_not_shadowed; assert_not_shadowed(); print('own')", tmp_path)
    assert reply.stdout == "own\n"


def test_a_file_that_would_hide_a_package_from_a_script_is_told(tmp_path: Path) -> None:
    (tmp_path / "skills.py").write_text("")
    names = by_name(diagnose(tmp_path))["Names"]
    assert names.state == "optional"
    assert names.mend == f"rename {tmp_path / 'skills.py'}"
