"""Finding and launching the browser, and that it never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from environments.web.browser import Chromium, Kind, find_browser, launch
from environments.web.guard import Rules
from environments.web.mouse import move
from sandbox import MissingDependencyError
from tests.environments.page_server import PageServer


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser."""
    for name, value in {"PATH": tmp_path, "PLAYWRIGHT_BROWSERS_PATH": tmp_path, "HOME": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("AGENTKIT_CHROMIUM", raising=False)
    monkeypatch.setattr("environments.web.browser.MAC_APPLICATIONS", ())
    return tmp_path


def program(path: Path, *, says: str = "Chromium 1.2.3") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_variable_comes_first(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nowhere / "chromium")
    own = program(nowhere / "own", says="Own 9")
    monkeypatch.setenv("AGENTKIT_CHROMIUM", str(own))
    found = find_browser()
    assert found is not None
    assert (found.path, found.source, found.version()) == (own, "AGENTKIT_CHROMIUM", "Own 9")


def test_a_variable_that_names_no_program_is_an_error(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(MissingDependencyError, match="'/nowhere/chromium', which is no program"):
        find_browser()


def test_chromium_comes_before_chrome_and_both_before_playwrights(nowhere: Path) -> None:
    own = program(nowhere / "chromium-1200" / "chrome-linux64" / "chrome")
    older = program(nowhere / "chromium-1199" / "chrome-linux" / "chrome")
    assert older.exists()
    assert find_browser().path == own  # type: ignore[union-attr]
    chrome = program(nowhere / "google-chrome")
    assert find_browser().path == chrome  # type: ignore[union-attr]
    chromium = program(nowhere / "chromium")
    assert find_browser().path == chromium  # type: ignore[union-attr]


async def test_no_browser_is_told_with_the_commands_that_mend_it(nowhere: Path) -> None:
    assert find_browser() is None
    with pytest.raises(MissingDependencyError, match=r"apt-get install chromium.*playwright install chromium"):
        async with launch():
            pass


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_wiped_context_keeps_nothing(chromium: Chromium, site: PageServer) -> None:
    rules = Rules(origins=(site.origin,))
    first = await chromium.open(Kind(rules))
    await first.tab.page.goto(site.url("plain"))
    await first.tab.evaluate("document.cookie = 'a=1'; localStorage.b = 2; sessionStorage.c = 3; window.name = 'd'")
    await move(first.tab, (300, 300))
    chromium.take_back(first, Kind(rules))
    second = await chromium.open(Kind(rules))
    assert second.context is first.context
    await second.tab.page.goto(site.url("plain"))
    kept = await second.tab.evaluate(
        "JSON.stringify([document.cookie, localStorage.b ?? 0, sessionStorage.c ?? 0, window.name, history.length < 3])"
    )
    assert kept == '["",0,0,"",true]'
    await second.context.close()


@pytest.mark.browser
async def test_killing_the_program_ends_the_browser(tmp_path: Path) -> None:
    code = """
        import asyncio, os
        from environments.web.browser import Kind, launch
        from environments.web.guard import Rules
        async def main():
            async with launch() as chromium:
                await chromium.open(Kind(Rules()))
                print("open", flush=True)
                await asyncio.sleep(60)
        asyncio.run(main())
    """
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        env=os.environ | {"AGENTKIT_TEST_MARK": str(tmp_path)},
    )
    assert running.stdout is not None
    assert await asyncio.to_thread(running.stdout.readline) == b"open\n"
    assert len(marked_processes(str(tmp_path))) > 2
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    for _ in range(200):
        if not marked_processes(str(tmp_path)):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"still running after 10 s: {marked_processes(str(tmp_path))}")


def marked_processes(mark: str) -> list[int]:
    """Processes whose environment carries the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (path / "environ").read_bytes() and (path / "stat").read_text().split()[2] != "Z":
                found.append(int(path.name))
        except OSError:
            continue
    return found
