"""What a pool promises, over real sessions without isolation, as only the pool is asked about here.

- A spare that fits is handed out, one that does not fit or does not answer is not.
- It refills behind the caller's back, and no more than `size` spares wait.
- Whatever is cancelled and in whatever order things are closed, every session that was opened is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from sandbox.container import Container
from sandbox.contracts import MIB, NO_NETWORK, Limits, Network, SandboxUnavailable, Session
from sandbox.engine import probe
from sandbox.image import HOST_BASE
from sandbox.pool import Pool
from sandbox.process import Process

pytestmark = pytest.mark.filterwarnings("ignore:unsafe")

LIMITS = Limits(wall_s=10)


class Counted:
    """A sandbox that knows what it has opened, and can be slow or out of order."""

    name = "counted"
    isolation: Literal["none"] = "none"

    def __init__(self) -> None:
        self.inner = Process(unsafe=True)
        self.opened: list[Session] = []
        self.asked = 0
        self.slow_s = 0.0
        self.broken = False
        self.closed = 0

    async def open(self, limits: Limits = LIMITS, *, network: Network = NO_NETWORK) -> Session:
        self.asked += 1
        await asyncio.sleep(self.slow_s)
        if self.broken:
            raise SandboxUnavailable("out of order")
        session = await self.inner.open(limits, network=network)
        self.opened.append(session)
        return session

    async def close(self) -> None:
        self.closed += 1
        await self.inner.close()


async def is_closed(session: Session) -> bool:
    try:
        await session.list()
    except Exception:
        return True
    return False


@pytest.fixture
async def counted() -> AsyncIterator[Counted]:
    sandbox = Counted()
    yield sandbox
    left = [session for session in sandbox.opened if not await is_closed(session)]
    for session in left:
        await session.close()
    assert left == [], "the test, or the pool, left sessions open"


async def settled(counted: Counted, opened: int) -> None:
    async with asyncio.timeout(10):
        while len(counted.opened) < opened:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert len(counted.opened) == opened


async def test_a_spare_is_handed_out_and_replaced(counted: Counted) -> None:
    pool = Pool(counted, size=2, limits=LIMITS)
    assert (pool.name, pool.isolation, counted.asked) == ("counted", "none", 0)
    first = await pool.open(LIMITS)
    await settled(counted, 3)
    second = await pool.open(LIMITS)
    assert second in counted.opened[1:3]
    await settled(counted, 4)
    for session in (first, second):
        await session.close()
    await pool.close()
    assert counted.closed == 1


async def test_what_does_not_fit_is_opened_anew(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    other = await pool.open(Limits(wall_s=5))
    await settled(counted, 1)
    assert other.limits.wall_s == 5
    first = await pool.open(LIMITS)
    await settled(counted, 3)
    for session in (first, other):
        await session.close()
    await pool.close()


async def test_a_spare_that_died_is_passed_over(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    first = await pool.open(LIMITS)
    await settled(counted, 2)
    await counted.opened[1].close()
    second = await pool.open(LIMITS)
    assert second is not counted.opened[1]
    assert (await second.run(["echo", "alive"])).stdout == "alive\n"
    await first.close()
    await second.close()
    await pool.close()


async def test_a_spare_that_could_not_be_opened_costs_nobody_but_the_next_who_asks(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    first = await pool.open(LIMITS)
    await settled(counted, 2)
    counted.broken = True
    second = await pool.open(LIMITS)
    with pytest.raises(SandboxUnavailable, match="out of order"):
        await pool.open(LIMITS)
    counted.broken = False
    third = await pool.open(LIMITS)
    for session in (first, second, third):
        await session.close()
    await pool.close()


async def test_one_that_is_being_opened_is_waited_for(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    counted.slow_s = 0.3
    first = await pool.open(LIMITS)
    second = await pool.open(LIMITS)
    assert counted.asked == 2
    assert second is counted.opened[1]
    await first.close()
    await second.close()
    await pool.close()


async def test_many_at_once_get_different_sessions(counted: Counted) -> None:
    pool = Pool(counted, size=2, limits=LIMITS)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pool.open(LIMITS)) for _ in range(6)]
    sessions = [task.result() for task in tasks]
    assert len({id(session) for session in sessions}) == 6
    for session in sessions:
        await session.close()
    await pool.close()
    assert len(pool._spares) == 0


async def test_a_caller_that_gives_up_loses_no_spare(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    first = await pool.open(LIMITS)
    counted.slow_s = 0.3
    await settled(counted, 2)
    second = await pool.open(LIMITS)
    waiting = asyncio.create_task(pool.open(LIMITS))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    third = await pool.open(LIMITS)
    assert third is counted.opened[2]
    for session in (first, second, third):
        await session.close()
    await pool.close()


async def test_close_ends_spares_that_wait_and_those_being_opened(counted: Counted) -> None:
    pool = Pool(counted, size=3, limits=LIMITS)
    first = await pool.open(LIMITS)
    await settled(counted, 4)
    counted.slow_s = 60
    second = await pool.open(LIMITS)
    for session in (first, second):
        await session.close()
    async with asyncio.timeout(10):
        await pool.close()
        await pool.close()
    assert [session for session in counted.opened if not await is_closed(session)] == []


async def test_a_caller_that_gives_up_after_close_leaves_nothing_open(counted: Counted) -> None:
    pool = Pool(counted, size=1, limits=LIMITS)
    first = await pool.open(LIMITS)
    counted.slow_s = 0.2
    await settled(counted, 2)
    second = await pool.open(LIMITS)
    waiting = asyncio.create_task(pool.open(LIMITS))
    await asyncio.sleep(0.05)
    await pool.close()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.4)
    assert [session for session in counted.opened[2:] if not await is_closed(session)] == []
    await first.close()
    await second.close()


async def test_after_close_sessions_open_but_no_spares(counted: Counted) -> None:
    pool = Pool(counted, size=2, limits=LIMITS)
    await pool.close()
    session = await pool.open(LIMITS)
    await asyncio.sleep(0.1)
    assert len(counted.opened) == 1
    await session.close()


def test_a_pool_without_spares_is_refused() -> None:
    with pytest.raises(ValueError, match="size=0: expected 1 or more"):
        Pool(Counted(), size=0)


@pytest.mark.skipif(bool(probe()), reason=probe())
async def test_a_warm_container_is_several_times_sooner_than_a_cold_one() -> None:
    limits = Limits(memory_bytes=128 * MIB)
    pool = Pool(Container(base=HOST_BASE), size=1, limits=limits)
    took: dict[str, list[float]] = {"cold": [], "warm": []}
    await (await pool.open(limits)).close()
    for _ in range(3):
        start = time.monotonic()
        cold = await pool.inner.open(limits)
        took["cold"].append(time.monotonic() - start)
        await cold.close()
        await asyncio.wait(pool._spares)
        start = time.monotonic()
        warm = await pool.open(limits)
        took["warm"].append(time.monotonic() - start)
        assert (await warm.run(["echo", "warm"])).stdout == "warm\n"
        await warm.close()
    await pool.close()
    assert min(took["warm"]) < min(took["cold"]) / 3, took
