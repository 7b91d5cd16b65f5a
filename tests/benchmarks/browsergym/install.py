"""Makes the environment that only this benchmark needs: BrowserGym with its own pins, and agentkit's browser for it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from environments.web.browser import find_browser

__all__ = ["set_up", "settings"]

PACKAGES = ("browsergym-core==0.14.3", "browsergym-miniwob==0.14.3")
PLAYWRIGHT_FOLDER = "chromium-1117/chrome-linux"
"""Where the Playwright that BrowserGym pins (1.44) looks for its Chromium, below PLAYWRIGHT_BROWSERS_PATH."""
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
)
"""As agentkit starts the browser. Playwright itself adds the headless mode and that there is no sandbox."""


def set_up(folder: Path) -> Path:
    """Create the environment in `folder` if it isn't there, and return its interpreter.

    Raises:
        SystemExit: this Python is too new for BrowserGym's pins, or pip failed.
    """
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        if sys.version_info >= (3, 13):
            sys.exit(
                "BrowserGym 0.14.3 pins a Playwright for Python 3.12 at most: make bench-browsergym in such a .venv"
            )
        print(f"installing {' '.join(PACKAGES)} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = subprocess.run([python, "-m", "pip", "install", *PACKAGES], capture_output=True, text=True, check=False)
        if pip.returncode:
            sys.exit(pip.stdout + pip.stderr)
        (folder / ".ready").touch()
    _lend_browser(folder / "browsers" / PLAYWRIGHT_FOLDER / "chrome")
    return python


def _lend_browser(program: Path) -> None:
    """A script under the name that BrowserGym starts, which starts the browser that agentkit uses."""
    found = find_browser()
    if found is None:
        sys.exit("no Chromium on this machine: scripts/setup.sh browser")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(found.path))} {" ".join(FLAGS)} "$@"\n')
    program.chmod(0o755)


def settings(folder: Path, pages: Path) -> dict[str, str]:
    """The variables that BrowserGym reads: where its browser and the MiniWoB++ pages are."""
    return os.environ | {
        "PLAYWRIGHT_BROWSERS_PATH": str(folder / "browsers"),
        "PLAYWRIGHT_SKIP_VALIDATE_HOST_REQUIREMENTS": "1",
        "MINIWOB_URL": f"{(pages / 'miniwob').as_uri()}/",
    }
