"""Sessions opened ahead, so that nobody waits for a sandbox to start.

pool = Pool(Container(), size=2)
async with await pool.open() as session:  # from the second time on at once; the next one is opened meanwhile
    ...
await pool.close()
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Literal

from sandbox.contracts import NO_NETWORK, Limits, Network, Sandbox, SandboxError, Session
from sandbox.session import LiveSession

__all__ = ["Pool"]

DEFAULTS = Limits()
HEALTH_LIMIT_S = 5.0
"""How long a spare may take to answer before it is given up."""


class Pool:
    """A sandbox that keeps spare sessions of another one. It owns that one, and belongs to one event loop.

    A spare is used once and never returned, so nothing passes from one session to the next. Sessions with other
    limits, or with a network, are opened when they are asked for.
    """

    def __init__(self, sandbox: Sandbox, *, size: int = 1, limits: Limits = DEFAULTS) -> None:
        """Describe the pool; the first `open` starts to fill it.

        Args:
            sandbox: what opens the sessions; closed with the pool.
            size: spares to keep, 1 and up.
            limits: of the spares.
        """
        if size < 1:
            raise ValueError(f"size={size!r}: expected 1 or more spares")
        self.inner, self.size, self.limits = sandbox, size, limits
        self._spares: deque[asyncio.Task[Session]] = deque()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def isolation(self) -> Literal["namespaces", "container", "none"]:
        return self.inner.isolation

    async def open(self, limits: Limits = DEFAULTS, *, network: Network = NO_NETWORK) -> Session:
        """Hand out a spare, or open a session where none fits; as `Sandbox.open`. After `close` there are no spares."""
        fits = limits == self.limits and network == NO_NETWORK
        session = await self._take() if fits else None
        if session is None:
            session = await self.inner.open(limits, network=network)
        if fits:
            self._refill()
        if isinstance(session, LiveSession):
            session.sandbox = self  # so that a fork takes a spare too
        return session

    async def close(self) -> None:
        """Close the spares, those that are still being opened too, and then the sandbox behind them."""
        self._closed = True
        while self._spares:
            self._give_up(self._spares.popleft())
        if self._endings:
            await asyncio.wait(self._endings)
        await self.inner.close()

    async def _take(self) -> Session | None:
        """A spare that answers; one that is still being opened is waited for, as that is sooner than a new one."""
        while self._spares:
            spare = self._spares.popleft()
            try:
                if await _is_well(spare):
                    return spare.result()
            except asyncio.CancelledError:
                self._spares.appendleft(spare)  # for the next caller, or for `close`
                if self._closed:
                    await self.close()
                raise
            self._give_up(spare)
        return None

    def _give_up(self, spare: asyncio.Task[Session]) -> None:
        ending = asyncio.create_task(_end(spare))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _refill(self) -> None:
        while len(self._spares) < self.size and not self._closed:
            self._spares.append(asyncio.create_task(self.inner.open(self.limits)))


async def _is_well(spare: asyncio.Task[Session]) -> bool:
    try:
        session = await asyncio.shield(spare)
        async with asyncio.timeout(HEALTH_LIMIT_S):
            await session.list()
    except (SandboxError, TimeoutError):
        return False
    return True


async def _end(spare: asyncio.Task[Session]) -> None:
    """End a spare, whether it is open, being opened or has failed. What goes wrong here concerns nobody."""
    spare.cancel()
    await asyncio.wait([spare])
    if not spare.cancelled() and spare.exception() is None:
        with contextlib.suppress(SandboxError):
            await spare.result().close()
