"""The live progress bar of a study: done, success so far, cost, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agentkit.study import Progress as StudyProgress

__all__ = ["cost_text", "progress_bar"]


@contextmanager
def progress_bar(total: int, *, title: str = "", quiet: bool = False) -> Iterator[Callable[[StudyProgress], None]]:
    """Show a study's progress on standard error; where that is no terminal, a line now and then."""
    if quiet:
        yield lambda progress: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(title)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task(title or "running", total=total, state="")

        def show(progress: StudyProgress) -> None:
            bars.update(bar, completed=progress.done, total=progress.total, state=escape(state_of(progress)))

        yield show


class Lines:
    """Progress for logs: a line at each tenth of the way."""

    def __init__(self, title: str) -> None:
        self.title, self.shown = title, -1

    def __call__(self, progress: StudyProgress) -> None:
        tenth = 10 * progress.done // max(1, progress.total)
        if tenth > self.shown:
            self.shown = tenth
            print(f"{self.title} {progress.done}/{progress.total} {state_of(progress)}".strip(), file=sys.stderr)


def state_of(progress: StudyProgress) -> str:
    """Success, cost and time left in a few words."""
    share = f"{progress.succeeded / progress.finished:.0%} success" if progress.finished else ""
    left = f"{progress.eta_s:.0f} s left" if progress.eta_s is not None else ""
    return " · ".join(part for part in (share, cost_text(progress.cost_usd), left) if part)


def cost_text(usd: float | None) -> str:
    """Dollars, or that the price is unknown, which is not zero."""
    return "cost unknown" if usd is None else f"${usd:.4f}" if usd < 1 else f"${usd:.2f}"
