"""The shop and its back office for tests: small, in this process, one client for each visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from typing import Any

import httpx

from environments.arena.server import HEADER, Arena, application
from environments.arena.sites import load_sites

numbers = count()


@cache
def ground() -> tuple[Arena, Any]:
    """One arena for all tests, as templates and seeds take their time; each test has an instance of its own."""
    arena = Arena(load_sites(("shop", "admin")))
    return arena, application(arena)


class Shop:
    """One instance, and what its database says."""

    def __init__(self, *, drift: int = 0) -> None:
        self.arena, self.app = ground()
        self.name = f"shop {next(numbers)}"
        self.arena.open(name=self.name, size="small", drift=drift)
        self.instance = self.arena.instances[self.name]

    def value(self, query: str, *values: Any) -> Any:
        row = self.instance.db.execute(query, values).fetchone()
        return row[0] if row else None

    def rows(self, query: str, *values: Any) -> list[Any]:
        return self.instance.db.execute(query, values).fetchall()

    def close(self) -> None:
        self.arena.close(instance=self.name)

    @asynccontextmanager
    async def visitor(self, site: str = "shop", username: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """A browser's worth of cookies, signed in if a name is given. Redirects are followed."""
        transport = httpx.ASGITransport(app=self.app)
        address, headers = f"http://{site}.localhost", {HEADER: self.name}
        async with httpx.AsyncClient(
            transport=transport, base_url=address, headers=headers, follow_redirects=True
        ) as client:
            if username:
                sent = {"username": username, "password": f"{username}-pass", "next": "/"}
                assert (await client.post("/login", data=sent)).status_code == 200
            yield client
