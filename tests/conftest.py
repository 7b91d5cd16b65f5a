"""What every test gets: no way out of this machine, no keys to spend, and a browser where it is marked `browser`."""

from __future__ import annotations

import functools
import ipaddress
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agentkit", "skills", "memory", "environments", "sandbox")

attempts: list[str] = []


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        del os.environ[name]
    sys.addaudithook(refuse_what_leaves)


def refuse_what_leaves(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a connection or a look-up of a name beyond loopback, and remember it, as a caller may hide the refusal."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host and not is_loopback(host.decode() if isinstance(host, bytes) else host):
        attempts.append(f"{event} {host}")
        raise PermissionError(f"a test tried to reach {host}; tests talk to servers of their own on 127.0.0.1")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@pytest.fixture(autouse=True)
def stay_on_this_machine() -> Iterator[None]:
    """Fail the test during which something tried to leave, even if the code under test swallowed the refusal."""
    attempts.clear()
    yield
    assert attempts == []


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and not has_browser():
        if os.environ.get("CI"):
            pytest.fail(
                "no Chromium on this machine, and in CI there must be one: scripts/setup.sh browser", pytrace=False
            )
        pytest.skip("needs a Chromium: scripts/setup.sh browser")


@functools.cache
def has_browser() -> bool:
    from environments.web.browser import find_browser

    return find_browser() is not None


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> dict[Path, str]:
    """Every Python file of the five packages, by its path below the root."""
    return {
        path.relative_to(ROOT): path.read_text()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@pytest.fixture(scope="session")
def test_sources() -> dict[Path, str]:
    """Every Python file below tests/, by its path below the root."""
    return {path.relative_to(ROOT): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
