"""What WebArena's graders ask of others: a tab to read pages in, a judge of answers, the sites' own interfaces."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from environments.contracts import JSON
from sandbox import AgentkitError

__all__ = ["Ending", "Judge", "LastPage", "NoJudge", "Pages", "Reports", "Verdict"]


class NoJudge(AgentkitError):
    """The answer is to be judged by a language model, and there is none."""


class Pages(Protocol):
    """A tab for the grader, signed in as the agent was."""

    @property
    def url(self) -> str:
        """The address of the page in front."""
        ...

    async def open(self, url: str) -> None:
        """Go there, and return when the page is quiet."""
        ...

    async def evaluate(self, script: str) -> JSON:
        """The value of a JavaScript expression in the page in front.

        Raises:
            AgentkitError: the expression fails.
        """
        ...

    async def content(self) -> str:
        """The page's HTML."""
        ...


@runtime_checkable
class LastPage(Protocol):
    """Pages that also still have the one that the agent left, with what it typed and did not save."""

    async def open_last(self) -> None:
        """Bring that page to the front."""
        ...


class Judge(Protocol):
    """A language model's opinion of an answer, cached."""

    async def same(self, *, intent: str, reference: str, answer: str) -> bool:
        """Whether the answer means the same as the reference."""
        ...

    async def same_reason(self, *, intent: str, reason: str, answer: str) -> bool:
        """Whether the answer says that the task cannot be done, for this reason."""
        ...


class Reports(Protocol):
    """What the shopping site says of itself to its administrators, beside its pages."""

    async def latest_order_url(self) -> str:
        """The address of the order that was placed last; empty where there is none."""
        ...

    async def latest_review(self, sku: str) -> tuple[str, str]:
        """Who wrote the product's last review, and its rating in per cent; empty where there is none."""
        ...


class Ending(NamedTuple):
    """How an episode ended."""

    answer: str
    """Empty when none was given."""
    url: str
    """The address at the end."""
    infeasible: bool = False
    """The agent reported that the task cannot be done."""


class Verdict(NamedTuple):
    """What one grader found."""

    met: bool
    why: str
    """What was found and what was wanted; empty where it is met."""
