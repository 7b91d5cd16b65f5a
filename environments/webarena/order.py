"""In which order tasks run, and when sites are put back.

The sites keep what an episode wrote. The benchmark is therefore run in the order of its numbers, and its sites are
reset before a run of all tasks. Here:
- `tasks()` is in that order, and `Turns` keeps two episodes off a site as long as one of them may write to it.
- A site is reset before a task whose record asks for it (`require_reset`), and, with `reset=True`, once before the
  run, through the reset service that people run beside the sites, at WA_FULL_RESET: GET /reset begins it, GET
  /status says when it is over.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from environments.contracts import EnvironmentFailure

__all__ = ["ResetService", "Turns"]

READY = "ready"
IN_PROGRESS = 418
"""What the service answers to a reset while another is under way."""


@dataclass(frozen=True, slots=True)
class _Turn:
    sites: frozenset[str]
    writes: bool

    def blocks(self, other: _Turn) -> bool:
        return bool(self.sites & other.sites) and (self.writes or other.writes)


class Turns:
    """First come, first served, by site: readers share a site, a writer has it alone. Never deadlocks: a turn takes all
    its sites at once, and waits only for turns that were asked for before it.
    """

    def __init__(self) -> None:
        self._asked: deque[_Turn] = deque()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def take(self, sites: Iterable[str], *, writes: bool) -> AsyncIterator[None]:
        """Wait for the sites, and have them until the block is left."""
        turn = _Turn(frozenset(sites), writes)
        self._asked.append(turn)
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self._is_free(turn))
            yield
        finally:
            place = next(place for place, other in enumerate(self._asked) if other is turn)
            del self._asked[place]
            async with self._changed:
                self._changed.notify_all()

    def _is_free(self, turn: _Turn) -> bool:
        for earlier in self._asked:
            if earlier is turn:
                return True
            if earlier.blocks(turn):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetService:
    """The service that puts all sites back to how they were published."""

    address: str
    limit_s: float = 900.0
    """Seconds after which a reset counts as failed; a full one takes minutes."""
    poll_s: float = 5.0

    async def reset(self) -> None:
        """Begin a reset, and return when the sites are ready.

        Raises:
            EnvironmentFailure: the service does not answer, refuses, or is not done in time.
        """
        status, text = await asyncio.to_thread(self._get, "reset")
        if status not in (200, IN_PROGRESS):
            raise EnvironmentFailure(f"{self.address}/reset answered {status}: {text[:200]}")
        try:
            async with asyncio.timeout(self.limit_s):
                while not await self._ready():
                    await asyncio.sleep(self.poll_s)
        except TimeoutError:
            raise EnvironmentFailure(f"{self.address}: the sites were not ready within {self.limit_s:g} s") from None

    async def _ready(self) -> bool:
        status, text = await asyncio.to_thread(self._get, "status")
        return status == 200 and text.strip().lower().startswith(READY)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{self.address.rstrip('/')}/{path}", timeout=60) as answer:
                return answer.status, answer.read(10_000).decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read(10_000).decode(errors="replace")
        except (OSError, ValueError) as error:
            raise EnvironmentFailure(f"the reset service at {self.address} cannot be reached: {error}") from None
