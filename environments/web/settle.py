"""Waits until a page has come to rest, and observes it in the same round trip.

At rest means: a frame was drawn in which nothing changed, and nothing that the action caused is pending. Waited for are
the document and its frames, requests by fetch and XMLHttpRequest and the reading of their replies, timers up to 500 ms
(three deep), scripts and style sheets that were added, transitions and animations that end, and a navigation away.
Endless animations, clocks, polling and parts that never arrive hold a wait up at most once: whatever outlasts the cap
is not waited for again. There is no fixed sleep. Where the page's time is ours to move (`clock.js`), the same is waited
for in its time instead of ours.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from environments.contracts import EnvironmentFailure
from environments.web.outline import OUTLINE_JS
from environments.web.tab import PageLeft

if TYPE_CHECKING:
    from environments.contracts import JSON
    from environments.web.tab import BrowserTab

__all__ = ["ARM", "CLOCK_JS", "PAGE_SCRIPT", "SETTLE_JS", "Look", "look"]

SETTLE_JS = Path(__file__).with_name("settle.js").read_text(encoding="utf-8")
ACTS_JS = Path(__file__).with_name("acts.js").read_text(encoding="utf-8")
CLOCK_JS = Path(__file__).with_name("clock.js").read_text(encoding="utf-8")
"""What comes before that where the page's time moves by steps only."""
PAGE_SCRIPT = OUTLINE_JS + SETTLE_JS + ACTS_JS
"""What every document gets before its own scripts."""

ARM = "__agentkit_settle.arm()"
"""Begins the window in which what happens counts as caused by the action."""

GRACE_S = 10.0
"""Seconds that a page may be busy beyond the cap before it is held to hang."""

TRIES = 40
"""Documents that one wait may pass through: more is a loop of redirects."""


@dataclass(frozen=True, slots=True)
class Look:
    """A page at rest."""

    outline: str
    """The reply of `__agentkit.observe`."""
    log: tuple[str, ...] = ()
    """Errors on the console and of navigation since the last look."""
    why: str = ""
    """What was still going on when the cap ended the wait; empty when the page is at rest."""
    observe_s: float = 0.0
    """Seconds that the page's script took to observe, of the whole wait."""
    probe: JSON = None
    """Value of the suite's own question to the page."""


async def look(tab: BrowserTab, *, cap_s: float, options: str, probe: str = "") -> Look:
    """Wait for rest, at most `cap_s` seconds, and observe.

    Args:
        tab: where to look.
        cap_s: the hard limit of the wait; 0 looks at the page as it is.
        options: JSON of the arguments of `__agentkit.observe`.
        probe: JavaScript expression, evaluated together with the observation.

    Raises:
        PageGone: the tab was closed or crashed.
        EnvironmentFailure: the page hangs.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + cap_s
    log: list[str] = []
    for _ in range(TRIES):
        left = max(0.0, end - clock())
        asked = (
            f"__agentkit_settle.waitAndObserve({left * 1000:.0f}, {options}, {f'() => ({probe})' if probe else 'null'})"
        )
        arrivals = tab.arrivals
        try:
            text = await tab.evaluate(f"window.__agentkit_settle ? {asked} : ''", timeout_s=left + GRACE_S)
        except PageLeft:
            await tab.wait_for_arrival(arrivals, timeout_s=max(0.2, end - clock()))
            continue
        if not text:
            await _inject(tab)
            continue
        await tab.catch_up()
        head, _, outline = text.partition("\n")
        said = json.loads(head)
        log += said["log"]
        if said["status"] >= 400:
            log.append(f"the server answered {said['status']} for {tab.page.url}")
        if not said["leaving"]:
            return Look(outline, tuple(log), said["why"], said["took"] / 1000, said["probe"])
        await _leave(tab, said["leaving"], arrivals, left=end - clock())
    raise EnvironmentFailure(f"the page kept going elsewhere; it was last at {tab.page.url!r}")


async def _inject(tab: BrowserTab) -> None:
    """Documents that the browser makes itself, such as its error pages, may come without the script."""
    try:
        await tab.evaluate(f"{PAGE_SCRIPT};0")
    except PageLeft:
        await asyncio.sleep(0.005)


async def _leave(tab: BrowserTab, where: str, arrivals: int, *, left: float) -> None:
    """Wait for the next document; when it does not come, make do with this one."""
    if await tab.wait_for_arrival(arrivals, timeout_s=left):
        return
    if left <= 0 or tab.loading:
        tab.errors.append(f"still waiting for {where}")
    try:
        await tab.evaluate("__agentkit_settle.stay()")
    except PageLeft:
        return
