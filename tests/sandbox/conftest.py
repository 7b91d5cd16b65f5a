"""Sessions for the tests: of every backend that runs here, or of the quickest where the backend makes no difference."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.contracts import Limits, Sandbox, Session
from tests.sandbox.backends import BACKENDS_HERE, open_sandbox

LIMITS = Limits(wall_s=20.0, cpu_s=20.0)


@pytest_asyncio.fixture(params=BACKENDS_HERE)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox of each kind."""
    sandbox = open_sandbox(request.param)
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture
async def session(backend: Sandbox) -> AsyncIterator[Session]:
    """A session of each kind."""
    async with await backend.open(LIMITS) as opened:
        yield opened


@pytest_asyncio.fixture
async def plain() -> AsyncIterator[Session]:
    """A session without isolation, which is the quickest to open."""
    async with await open_sandbox("process").open(LIMITS) as opened:
        yield opened
