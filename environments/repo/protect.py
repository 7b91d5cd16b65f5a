"""Which files of a repository an answer cannot change: they decide what a test is and how it is run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["why_protected"]

TEST_FOLDERS = {"test", "tests"}
TEST_FILE = re.compile(r"(test_.*|.*_test|tests?|conftest)\.py")
CONFIGURATION = {
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"),
    *(".coveragerc", "noxfile.py", ".env", ".gitattributes", "runtests.py"),
}
AT_START = {"sitecustomize.py", "usercustomize.py", "sitecustomize", "usercustomize", "pyvenv.cfg"}
RUNNERS = {"unittest", "pytest", "_pytest", "pluggy", "doctest", "faulthandler"}


def why_protected(path: str) -> str:
    """Why changes to a file do not count, in a few words; empty where they do."""
    parts = [part.lower() for part in PurePosixPath(path).parts]
    name, top = parts[-1], parts[0].partition(".")[0]
    if TEST_FOLDERS.intersection(parts) or TEST_FILE.fullmatch(name):
        return "a test"
    if name in CONFIGURATION:
        return "configuration of tests"
    if AT_START.intersection(parts) or name.endswith((".pth", ".egg-link", ".pyc", ".pyo")):
        return "run at Python's start, or instead of its source"
    if top in RUNNERS:
        return f"takes the place of {top}"
    return ""
