"""The learning plot: success per round, gain over the first round, and what each task did. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

from agentkit.evaluate import Comparison, Judged, by_task, compare, wilson
from agentkit.report import p_value
from sandbox import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Figures", "learning_figure", "learning_plot"]

Rounds = Sequence[tuple[str, Sequence[Judged]]]

COLOURS = ("#8c8c8c", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Grey for the first round; the others told apart by every kind of colour vision (Okabe and Ito)."""
FEWEST_ROWS = 6
"""The task panel has room for so many at least, so that one task does not fill it."""
INK, FAINT = "#222222", "#dddddd"


class Figures(NamedTuple):
    """Where the plot was saved."""

    png: Path
    svg: Path


def learning_plot(rounds: Rounds, path: Path | str, *, title: str = "", seed: int = 0) -> Figures:
    """Save the plot as PNG and as SVG beside it, at `path` with either suffix; the same figures give the same bytes.

    Args:
        rounds: Name and outcomes of each round, the first being what the others are compared with.
        path: Where to save; its folder must be there.
        title: Above the plot; what was measured, when left out.
        seed: Of the bootstrap.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        ValueError: there is no round, a round is empty, or it shares no item with the first.
    """
    figure = learning_figure(rounds, title=title, seed=seed)
    from matplotlib import rc_context

    figures = Figures(Path(path).with_suffix(".png"), Path(path).with_suffix(".svg"))
    with rc_context({"svg.hashsalt": "agentkit"}):
        figure.savefig(figures.png, dpi=150)
        figure.savefig(figures.svg, metadata={"Date": None})
    return figures


def learning_figure(rounds: Rounds, *, title: str = "", seed: int = 0) -> Figure:
    """The plot before it is saved; see `learning_plot`."""
    if not rounds or not all(outcomes for _, outcomes in rounds):
        raise ValueError(
            f"{len(rounds)} rounds, {[len(outcomes) for _, outcomes in rounds]} outcomes; need some in each"
        )
    (against, first), *later = rounds
    gains = [(name, compare(first, outcomes, seed=seed)) for name, outcomes in later]
    tasks = by_rate(rounds)
    figure = canvas(len(tasks))
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.15), height_ratios=(1.25, 1))
    draw_success(figure.add_subplot(grid[0, 0]), rounds)
    draw_gains(figure.add_subplot(grid[1, 0]), gains, against=against)
    draw_tasks(figure.add_subplot(grid[:, 1]), tasks, names=[name for name, _ in rounds])
    measured = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}, {len(first)} held-out instances a round"
    figure.suptitle(title or measured, color=INK, fontsize=13)
    return figure


def canvas(tasks: int) -> Figure:
    """An empty figure, tall enough for a row a task; no window and no global state is touched."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("plots need matplotlib: pip install 'agentkit[plot]'") from error
    figure = Figure(figsize=(11, max(6.0, 1.4 + 0.27 * tasks)), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def by_rate(rounds: Rounds) -> list[tuple[str, list[float | None]]]:
    """Each task with its success rate in every round, None where it was not run; the largest gain comes first."""
    rates = [
        {task: fmean(item.success for item in items) for task, items in by_task(outcomes).items()}
        for _, outcomes in rounds
    ]
    names = sorted({task for found in rates for task in found})
    table = [(task, [found.get(task) for found in rates]) for task in names]
    return sorted(table, key=lambda row: ((row[1][0] or 0.0) - (row[1][-1] or 0.0), -(row[1][-1] or 0.0)))


def draw_success(axes: Axes, rounds: Rounds) -> None:
    """Success rate of each round with its interval, on the whole scale from 0 to 1."""
    for index, (_, outcomes) in enumerate(rounds):
        successes = sum(item.success for item in outcomes)
        rate, (low, high) = successes / len(outcomes), wilson(successes, len(outcomes))
        colour = COLOURS[index % len(COLOURS)]
        axes.errorbar(
            index, rate, yerr=[[rate - low], [high - rate]], fmt="o", color=colour, ms=9, capsize=5, lw=2, clip_on=False
        )
        axes.annotate(
            f"{rate:.0%}", (index, rate), (11, 0), textcoords="offset points", va="center", color=INK, fontsize=11
        )
    names = [f"{name}\n{sum(i.success for i in outcomes)} of {len(outcomes)}" for name, outcomes in rounds]
    axes.set_xticks(range(len(rounds)), names)
    axes.set_xlim(-0.5, len(rounds) - 0.3)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    tidy(axes, "Success on held-out instances", grid="y")
    axes.set_ylabel("success rate, Wilson 95%", color=INK)


def draw_gains(axes: Axes, gains: Sequence[tuple[str, Comparison]], *, against: str) -> None:
    """What each later round gained over the first, item by item, with its interval and p-value."""
    if not gains:
        axes.text(0.5, 0.5, "one round only: nothing to compare", ha="center", va="center", color=INK)
        axes.set_axis_off()
        return
    reach = max(0.1, *(abs(bound) for _, told in gains for bound in told.interval)) * 1.15
    for row, (_, told) in enumerate(gains):
        low, high = told.interval
        colour = COLOURS[(row + 1) % len(COLOURS)]
        spread = [[told.difference - low], [high - told.difference]]
        axes.errorbar(told.difference, row, xerr=spread, fmt="o", color=colour, ms=9, capsize=5, lw=2)
        words = f"{100 * told.difference:+.0f} points, p = {p_value(told.permutation_p)}"
        # Beside the zero line on the side where the point is not, so that the words hide nothing.
        side, lean = (-reach, "left") if told.difference >= 0 else (reach, "right")
        axes.annotate(words, (side, row), (0, 12), textcoords="offset points", ha=lean, color=INK, fontsize=10)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(gains) - 0.5, -0.7)
    axes.set_yticks(range(len(gains)), [f"{name}\nn = {told.items} pairs" for name, told in gains])
    axes.axvline(0, color=INK, lw=1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}" if round(value, 9) else "0")
    tidy(axes, f"Gain over “{against}”, same instances", grid="x")
    axes.set_xlabel(f"percentage points, 95% {interval_name(gains)}\np: sign flips by task", color=INK)


def interval_name(gains: Sequence[tuple[str, Comparison]]) -> str:
    """How the intervals were made, in brief."""
    kinds = {"bootstrap over tasks" if told.method.startswith("bootstrap") else "Newcombe" for _, told in gains}
    return " or ".join(sorted(kinds, reverse=True))


def draw_tasks(axes: Axes, tasks: Sequence[tuple[str, list[float | None]]], *, names: Sequence[str]) -> None:
    """A row a task: its success rate in each round, with a line from the lowest to the highest."""
    lift = 0.5 / max(len(names), 2)
    for row, (_, rates) in enumerate(tasks):
        known = [rate for rate in rates if rate is not None]
        axes.plot([min(known), max(known)], [row, row], color=FAINT, lw=3, zorder=1)
    for index, name in enumerate(names):
        # Slightly apart, so that equal rates do not hide one another.
        shift = (index - (len(names) - 1) / 2) * lift
        points = [(rate, row + shift) for row, (_, rates) in enumerate(tasks) if (rate := rates[index]) is not None]
        across, down = [rate for rate, _ in points], [place for _, place in points]
        axes.scatter(across, down, color=COLOURS[index % len(COLOURS)], s=26, label=name, zorder=2 + index)
    suites = {task.partition("/")[0] for task, _ in tasks}
    axes.set_yticks(range(len(tasks)), [task.partition("/")[2] if len(suites) == 1 else task for task, _ in tasks])
    axes.set_ylim(max(len(tasks), FEWEST_ROWS) - 0.4, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    tidy(axes, "Each task, largest gain first", grid="x")
    axes.set_xlabel("success rate", color=INK)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), ncols=len(names), frameon=False, fontsize=9)


def tidy(axes: Axes, title: str, *, grid: Literal["x", "y"]) -> None:
    """The look that all panels share."""
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.grid(axis=grid, color=FAINT, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
