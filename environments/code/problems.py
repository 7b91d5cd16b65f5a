"""What a programming problem is: the part that an agent may know, and the part that only a grader has."""

from __future__ import annotations

from dataclasses import dataclass

from environments.contracts import Split

__all__ = ["Problem", "ProgramTest", "SourceTest", "Statement", "Test"]


@dataclass(frozen=True, slots=True)
class SourceTest:
    """Python that calls the solution. It passes when it runs to its end."""

    source: str


@dataclass(frozen=True, slots=True)
class ProgramTest:
    """What a program reads, and what it must print."""

    stdin: str
    stdout: str
    tolerance: float = 0.0
    """Largest difference of a printed decimal number, as a part of the expected one. 0 takes only equal numbers."""


Test = SourceTest | ProgramTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A problem as the agent gets it."""

    id: str
    text: str
    """What to do, with signature and examples, in words."""
    entry: str = ""
    """The function to write; empty for a program that reads stdin."""
    prompt: str = ""
    """Source that the solution goes on from: imports, other functions, and the head of `entry`."""
    prelude: str = ""
    """Source that runs before any solution, for benchmarks that take imports for granted."""
    setup: str = ""
    """Source that runs before each test, where the tests are."""
    names: tuple[str, ...] = ()
    """What the tests take from the solution; empty stands for `entry` alone."""
    classes: tuple[str, ...] = ()
    """Those of the names that the solution is meant to define as classes."""
    examples: tuple[Test, ...] = ()
    """The tests that the agent may see."""
    limit_s: float = 10.0
    """Seconds, wall clock and processor, for one test."""

    @property
    def is_program(self) -> bool:
        """Whether the solution is a program that reads and prints, rather than functions to be called."""
        return not self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A statement with what stays hidden."""

    statement: Statement
    tests: tuple[Test, ...]
    """All that decide, the visible ones among them where they count."""
    reference: str = ""
    """A solution that passes, where the source has one."""
    template: str = ""
    split: Split = "heldout"

    def __post_init__(self) -> None:
        if not self.tests:
            raise ValueError(f"problem {self.statement.id!r} has no tests, so any answer would pass")
