"""Recorded answers and what pages held, graded without the sites.

A line is one JSON object: `task_id`, and of these what the task is graded on:
- `answer`: the text the agent ended with, WebArena-Verified's response object, or null;
- `url`: the address at the end; `infeasible`: whether it reported that the task cannot be done;
- `pages`: recorded pages, by address: HTML text, or an object with `html` and `values` (locator -> what it gave). The
  page that the agent left is under `last`;
- `orders`: the address of the shop's last order; `reviews`: sku -> [author, rating in per cent];
- `trace`: network events, a HAR file's object or the name of one beside the answers; for WebArena-Verified's records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from environments.contracts import JSON, Answer
from environments.webarena.judging import Ending
from environments.webarena.records import RecordRefused
from sandbox import AgentkitError

__all__ = ["NotRecorded", "RecordedPages", "RecordedReports", "ending_of", "read_answers"]

FIELDS = ("task_id", "answer", "url", "infeasible", "pages", "orders", "reviews", "trace")


class NotRecorded(AgentkitError):
    """A page or a value that the verdict needs was not recorded."""


def read_answers(path: Path) -> list[Answer]:
    """The answers of a file: one JSON object a line, or one JSON list.

    Raises:
        RecordRefused: a line cannot be read, with its number.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordRefused(f"{path}: cannot be read: {error}") from None
    if text.lstrip().startswith("["):
        return [_answer(raw, f"{path.name}, item {n}", path.parent) for n, raw in enumerate(_json(text, path.name), 1)]
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_answer(_json(line, f"{path.name}, line {n}"), f"{path.name}, line {n}", path.parent) for n, line in lines]


def _json(text: str, where: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError as error:
        raise RecordRefused(f"{where} is not JSON: {error}") from None


def _answer(raw: JSON, where: str, folder: Path) -> Answer:
    if not isinstance(raw, dict) or "task_id" not in raw:
        raise RecordRefused(f"{where}: expected an object with task_id and answer, url or pages")
    if unknown := [name for name in raw if name not in FIELDS]:
        raise RecordRefused(f"{where}: field {unknown[0]!r}: expected {', '.join(FIELDS)}")
    content = dict(raw)
    if isinstance(trace := raw.get("trace"), str):
        try:
            content["trace"] = _json((folder / trace).read_text(encoding="utf-8"), trace)
        except OSError as error:
            raise RecordRefused(f"{where}: trace {trace!r} cannot be read: {error}") from None
    return Answer(task_id=str(raw["task_id"]), content=content)


def ending_of(content: Mapping[str, JSON]) -> Ending:
    """How the recorded episode ended."""
    answer = content.get("answer")
    text = answer if isinstance(answer, str) else "" if answer is None else json.dumps(answer)
    return Ending(text, str(content.get("url") or ""), infeasible=bool(content.get("infeasible")))


@dataclass(slots=True)
class RecordedPages:
    """See `environments.webarena.judging.Pages`; opens nothing but what was recorded."""

    pages: Mapping[str, JSON]
    last: str
    """The address of the page that the agent left."""
    url: str = field(default="", init=False)
    _front: Mapping[str, JSON] = field(default_factory=dict, init=False)

    async def open(self, url: str) -> None:
        """Take the page recorded at this address; a slash at its end makes no difference.

        Raises:
            NotRecorded: there is none.
        """
        recorded = {address.rstrip("/"): page for address, page in self.pages.items()}
        if url.rstrip("/") not in recorded:
            raise NotRecorded(f"the page {url} was not recorded; recorded: {', '.join(self.pages) or 'none'}")
        page = recorded[url.rstrip("/")]
        self._front, self.url = {"html": page} if isinstance(page, str) else page, url

    async def open_last(self) -> None:
        """Take the page that the agent left."""
        await self.open("last" if "last" in self.pages else self.last)
        self.url = self.last

    async def evaluate(self, script: str) -> JSON:
        """What the locator gave when the page was recorded; a step that prepares a page gives nothing.

        Raises:
            NotRecorded: it was not asked.
        """
        values: Mapping[str, JSON] = self._front.get("values", {})
        if script not in values:
            if script.rstrip("; ").endswith(".click()"):
                return None
            raise NotRecorded(f"the value of {script!r} on {self.url} was not recorded")
        return values[script]

    async def content(self) -> str:
        """The page's HTML."""
        if "html" not in self._front:
            raise NotRecorded(f"the HTML of {self.url} was not recorded")
        return str(self._front["html"])


@dataclass(frozen=True, slots=True)
class RecordedReports:
    """See `environments.webarena.judging.Reports`."""

    orders: str | None = None
    reviews: Mapping[str, Sequence[str]] = field(default_factory=dict)

    async def latest_order_url(self) -> str:
        """The address of the order that was placed last."""
        if self.orders is None:
            raise NotRecorded("the shop's last order was not recorded (`orders`)")
        return self.orders

    async def latest_review(self, sku: str) -> tuple[str, str]:
        """Who wrote the product's last review, and its rating in per cent."""
        if sku not in self.reviews:
            raise NotRecorded(f"the last review of {sku!r} was not recorded (`reviews`)")
        author, rating = self.reviews[sku]
        return author, str(rating)
