"""Where pages may go and what they may touch. Enforced by the browser itself; Python only hears of refusals.

- Origins: every context whose origins are limited sends all traffic (pages, frames, redirects, fetch, WebSockets,
  beacons) to a proxy that refuses connections; the allowed origins, and only they, bypass it. No request costs Python
  any work.
- Files: pages from http cannot reach `file://` at all. Where an episode's own pages are files, requests for a file
  outside their folder are aborted by the browser's interception, symbolic links in the URL resolved beforehand.
- Downloads go to the episode's own folder under a cleaned name, and are cut off above a size.

Not covered: origins that were allowed can pass data on; a hole in Chromium itself; timing between two allowed origins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ProxySettings, Route

__all__ = ["Rules", "clean_file_name", "restrict"]

WEB = ("http", "https")
REFUSED_BY_GUARD = ("ERR_PROXY_CONNECTION_FAILED", "ERR_TUNNEL_CONNECTION_FAILED", "ERR_BLOCKED_BY_CLIENT")
"""How the browser words a request that a rule stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the pages of one episode may reach."""

    origins: tuple[str, ...] | None = None
    """Such as `http://127.0.0.1:8000`; `*` may stand for a part of the host. None allows every web origin, () none."""
    files: Path | None = None
    """Pages and their parts may be files below this folder; None allows no `file://` at all."""
    uploads: Path | None = None
    """Files below this folder, besides the episode's own downloads, may be uploaded."""
    max_download: int = 50_000_000
    """Bytes after which a download is cut off."""

    def refusal(self, url: str) -> str:
        """Why the agent may not open `url`; empty when it may."""
        parts = urlsplit(url)
        if url == "about:blank":
            return ""
        if parts.scheme == "file":
            return "" if self._is_own_file(parts.path) else f"{url!r} is a file outside what this task may open"
        if parts.scheme not in WEB:
            return f"{url!r} is not a web address; give one that begins with http:// or https://"
        if self.origins is None or any(_matches(parts.scheme, parts.netloc, origin) for origin in self.origins):
            return ""
        allowed = ", ".join(self.origins) or "no web origin at all"
        return f"{parts.scheme}://{parts.netloc} is not allowed here; allowed: {allowed}"

    def proxy(self, dead_proxy: str) -> ProxySettings | None:
        """Context settings that let only the allowed origins out."""
        if self.origins is None:
            return None
        bypass = [rule for origin in self.origins for rule in (origin, origin.replace("http", "ws", 1))]
        return {"server": dead_proxy, "bypass": ",".join(bypass)} if bypass else {"server": dead_proxy}

    def _is_own_file(self, path: str) -> bool:
        return self.files is not None and Path(unquote(path)).resolve().is_relative_to(self.files.resolve())


def _matches(scheme: str, netloc: str, origin: str) -> bool:
    allowed = urlsplit(origin)
    pattern = re.escape(allowed.netloc).replace(r"\*", ".*")
    return scheme == allowed.scheme and re.fullmatch(pattern, netloc, re.IGNORECASE) is not None


async def restrict(context: BrowserContext, rules: Rules) -> None:
    """Set up the file rule of a new context. The driver matches the pattern: allowed files cost Python nothing."""
    if rules.files is not None:
        folder = re.escape(rules.files.resolve().as_uri())
        outside = re.compile(f"^file:(?!{folder.removeprefix('file:')}/)")
        await context.route(outside, _refuse)


async def _refuse(route: Route) -> None:
    await route.abort("blockedbyclient")


def clean_file_name(suggested: str) -> str:
    """A plain file name made from one that a page suggested: no folders, no leading dot, at most 120 characters."""
    name = re.sub(r"[^\w.\- ()]+", "_", suggested.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".").strip()
    return name[-120:] or "download"
