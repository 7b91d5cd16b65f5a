"""The outline of real pages, in a real Chromium: what is listed, under which name, and where it can be clicked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import CDPSession, async_playwright

from environments.web.browser import find_browser
from environments.web.outline import OUTLINE_JS, Element, WebObservation, merge_frame

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "outline"


class Tab:
    """A page with the outline script in it, driven over the raw protocol so that the page's overrides reach nothing."""

    def __init__(self, session: CDPSession) -> None:
        self.session = session
        self.next = 1

    async def open(self, name: str) -> None:
        await self.go((FIXTURES / f"{name}.html").as_uri())

    async def go(self, url: str) -> None:
        loaded = self.session.once
        await self.session.send("Page.navigate", {"url": url})
        for _ in range(200):
            state = await self.run("document.readyState")
            if state == "complete" and await self.run("location.href") == url:
                return
        raise AssertionError(f"{url} did not load; {loaded}")

    async def run(self, script: str) -> Any:
        reply = await self.session.send("Runtime.evaluate", {"expression": script, "returnByValue": True})
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    async def look(self, scope: str = "page", prefix: str = "") -> WebObservation:
        asked = json.dumps({"scope": scope, "next": self.next, "prefix": prefix})
        seen = WebObservation.parse(await self.run(f"__agentkit.observe({asked})"))
        self.next = seen.next_ref
        return seen

    async def locate(self, ref: str) -> dict[str, Any]:
        found = await self.run(f"__agentkit.locate({json.dumps(ref)})")
        assert isinstance(found, dict)
        return found

    async def lines(self) -> list[str]:
        return (await self.look()).render(max_tokens=100_000).splitlines()


@pytest.fixture(scope="module")
def opened() -> Callable[[], Any]:
    @asynccontextmanager
    async def open_browser() -> AsyncIterator[Tab]:
        found = find_browser()
        assert found is not None
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=found.path, args=["--no-sandbox"])
            context = await browser.new_context(viewport={"width": 1000, "height": 600})
            session = await context.new_cdp_session(await context.new_page())
            await session.send("Page.enable")
            await session.send("Page.addScriptToEvaluateOnNewDocument", {"source": OUTLINE_JS})
            yield Tab(session)
            await browser.close()

    return open_browser


def ref_of(seen: WebObservation, name: str) -> str:
    (found,) = [element.ref for element in seen.elements if element.name == name and element.ref]
    return found
