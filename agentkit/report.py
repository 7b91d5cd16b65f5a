"""What one or several runs came to, per task and overall: as tables in the terminal, as Markdown, as JSON.

Two runs that share items (task, seed and repetition) are compared in pairs, each later run with the first. Episodes
that the infrastructure ended count as failures unless `infrastructure=False` leaves them out; either way the report
says how many there were.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentkit.evaluate import INFRASTRUCTURE, Comparison, Measure, compare, measure, measure_by_task
from environments.contracts import JSON
from memory.study import Summary, read_study

if TYPE_CHECKING:
    from rich.console import Console, Group

Form = Literal["table", "markdown", "json"]

__all__ = [
    "Report",
    "RunReport",
    "as_json",
    "as_markdown",
    "as_rich",
    "p_value",
    "print_report",
    "report",
    "report_on",
    "report_runs",
    "verdict",
]

COLUMNS = ("task", "solved", "rate (95%)", "tries", "steps", "secs", "tokens", "cost", "ended by")
BROKEN = ", ".join(sorted(stop.value for stop in INFRASTRUCTURE))
WIDE = 110
"""Terminal columns from which the stop reasons of each task fit in; below, only those of the whole run are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run: its tasks and their sum."""

    name: str
    suites: tuple[str, ...]
    agents: tuple[str, ...]
    models: tuple[str, ...]
    overall: Measure
    tasks: tuple[Measure, ...]
    unfinished: int
    """Trajectories without a verdict; they are not among the trials."""
    left_out: int
    """Trajectories that the infrastructure ended and that were taken out on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One or several runs, and how each later one compares with the first."""

    runs: tuple[RunReport, ...]
    comparisons: tuple[tuple[str, str, Comparison], ...]
    """First run's name, second's, and the comparison; runs that share no item have none."""


def report(
    paths: Sequence[Path | str],
    *,
    as_json: bool = False,
    as_markdown: bool = False,
    infrastructure: bool = True,
    seed: int = 0,
    console: Console | None = None,
) -> Report:
    """Print the report on runs, as a table unless another form is asked for, and return it; see `report_runs`."""
    made = report_runs(paths, infrastructure=infrastructure, seed=seed)
    form: Form = "json" if as_json else "markdown" if as_markdown else "table"
    print_report(made, form=form, console=console)
    return made


def print_report(made: Report, *, form: Form = "table", console: Console | None = None) -> None:
    """Print a report to the terminal, or to `console`."""
    from rich.console import Console

    out = console or Console()
    match form:
        case "json":
            out.out(json.dumps(as_json(made), indent=1), highlight=False)
        case "markdown":
            out.out(as_markdown(made), end="", highlight=False)
        case "table":
            out.print(as_rich(made, width=out.width))


def report_runs(paths: Sequence[Path | str], *, infrastructure: bool = True, seed: int = 0) -> Report:
    """Read runs and report on them.

    Args:
        paths: Folders of studies; the first is what the others are compared with.
        infrastructure: Count episodes that the infrastructure ended, as failures. False leaves them out.
        seed: Of the resampling in the comparisons.

    Raises:
        RecordError: a folder holds no study that can be read.
    """
    studies = [read_study(path) for path in paths]
    runs = {}
    for study, name in zip(studies, _names([Path(path) for path in paths]), strict=True):
        summaries = list(study.summaries())
        reported = {summary.id for summary in summaries}
        runs[name] = (summaries, sum(id not in reported for id in study.unfinished))
    return report_on(
        {name: summaries for name, (summaries, _) in runs.items()},
        unfinished={name: count for name, (_, count) in runs.items()},
        infrastructure=infrastructure,
        seed=seed,
    )


def report_on(
    runs: dict[str, list[Summary]],
    *,
    unfinished: dict[str, int] | None = None,
    infrastructure: bool = True,
    seed: int = 0,
) -> Report:
    """Report on summaries at hand, by the name of their run; the arguments are as in `report_runs`."""
    kept = {
        name: [s for s in summaries if infrastructure or s.stop not in INFRASTRUCTURE]
        for name, summaries in runs.items()
    }
    reports = tuple(
        RunReport(
            name=name,
            suites=tuple(sorted({s.suite for s in summaries})),
            agents=tuple(sorted({s.agent for s in summaries})),
            models=tuple(sorted({s.model for s in summaries})),
            overall=measure("all tasks", summaries),
            tasks=tuple(measure_by_task(summaries)),
            unfinished=(unfinished or {}).get(name, 0),
            left_out=len(runs[name]) - len(summaries),
        )
        for name, summaries in kept.items()
    )
    first, *later = kept
    comparisons = tuple(
        (first, name, compare(kept[first], kept[name], seed=seed))
        for name in later
        if {s.id for s in kept[first]} & {s.id for s in kept[name]}
    )
    return Report(runs=reports, comparisons=comparisons)


def _names(paths: Sequence[Path]) -> list[str]:
    """The folders' own names, or as much of their paths as tells them apart."""
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


# In words --------------------------------------------------------------------------------------------------------


def cells(row: Measure, *, suite: str = "") -> tuple[str, ...]:
    """One row of the table, in the order of `COLUMNS`; the name without its suite where that is given."""
    low, high = row.interval
    return (
        row.name.removeprefix(f"{suite}/"),
        f"{row.successes}/{row.trials}",
        f"{'–' if row.rate is None else f'{row.rate:.0%}'} ({100 * low:.0f}–{100 * high:.0f})",
        f"{row.attempts:.1f}",
        f"{row.steps:.1f}",
        f"{row.wall_s:.1f}",
        f"{row.usage.prompt_tokens + row.usage.completion_tokens:,}",
        cost(row),
        ends(row),
    )


def cost(row: Measure) -> str:
    """Dollars in all: `unknown` where no price is known, `≥ $0.12` where only some are."""
    if row.usage.cost_usd is None and row.unpriced == row.trials:
        return "unknown"
    dollars = f"${row.known_usd:.4f}" if 0 < row.known_usd < 0.1 else f"${row.known_usd:.2f}"
    return dollars if row.usage.cost_usd is not None else f"≥ {dollars}"


def ends(row: Measure) -> str:
    """Stop reasons with how often each came, the commonest first."""
    return ", ".join(f"{count} {stop}" for stop, count in row.stops.items())


def remarks(run: RunReport) -> list[str]:
    """What a reader has to know about a run's figures."""
    told = [
        "rate: with Wilson's 95% interval; tries, steps and secs: means per trajectory; tokens and cost: sums",
        f"ended by: {ends(run.overall) or 'nothing'}",
    ]
    if run.overall.unpriced:
        told.append(f"{run.overall.unpriced} of {run.overall.trials} have no known price, which is not zero")
    if run.overall.infrastructure:
        told.append(f"{run.overall.infrastructure} were ended by the infrastructure ({BROKEN}) and count as failures")
    if run.left_out:
        told.append(f"{run.left_out} were ended by the infrastructure ({BROKEN}) and are left out, as was asked for")
    if run.unfinished:
        told.append(f"{run.unfinished} unfinished are left out; resume the run to finish them")
    if run.overall.uses_gold:
        told.append(f"in {run.overall.uses_gold} the agent was told the environment's own verdict (uses_gold)")
    return told


def title(run: RunReport) -> str:
    """The run's name, with who did what."""
    return f"{run.name}: {' + '.join(run.suites)} by {' + '.join(run.agents)} with {' + '.join(run.models)}"


def verdict(named: tuple[str, str, Comparison]) -> str:
    """The comparison of two named runs in a few sentences."""
    first, second, comparison = named
    low, high = comparison.interval
    text = (
        f"{second} against {first}, on {comparison.items} shared items of {comparison.tasks} tasks: "
        f"{comparison.first_rate:.1%} to {comparison.second_rate:.1%}, a difference of "
        f"{100 * comparison.difference:+.1f} points (95% interval {100 * low:+.1f} to {100 * high:+.1f}; "
        f"{comparison.method}). "
        f"{second} alone solved {comparison.only_second}, {first} alone {comparison.only_first}. "
        f"Sign-flip permutation by task p = {p_value(comparison.permutation_p)}; "
        f"McNemar, items as independent, p = {p_value(comparison.mcnemar_p)}."
    )
    if comparison.unpaired:
        text += f" Items in one run only, left out: {comparison.unpaired}."
    return text


def p_value(p: float) -> str:
    """Three decimals, or one significant digit below 0.001."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


# Forms -----------------------------------------------------------------------------------------------------------


def as_rich(report: Report, *, width: int = WIDE) -> Group:
    """Tables for a terminal of so many columns."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = len(COLUMNS) if width >= WIDE else len(COLUMNS) - 1
    blocks: list[Table | Text] = []
    for run in report.runs:
        suite = run.suites[0] if len(run.suites) == 1 else ""
        blocks.append(Text(title(run), style="bold"))
        table = Table(box=box.SIMPLE_HEAD, padding=0, show_footer=True, footer_style="bold", pad_edge=False)
        for index, (column, total) in enumerate(zip(COLUMNS[:shown], (*cells(run.overall)[:-1], ""), strict=False)):
            figures = 0 < index < len(COLUMNS) - 1
            side: Literal["left", "right"] = "right" if figures else "left"
            table.add_column(column, Text(total), justify=side, no_wrap=figures, overflow="fold")
        for row in run.tasks:
            table.add_row(*(Text(cell) for cell in cells(row, suite=suite)[:shown]))
        blocks += [table, *(Text(remark, style="dim") for remark in remarks(run)), Text()]
    blocks += [Text(verdict(comparison) + "\n") for comparison in report.comparisons]
    return Group(*blocks)


def as_markdown(report: Report) -> str:
    """Tables and remarks for a README or a pull request."""
    lines: list[str] = []
    for run in report.runs:
        suite = run.suites[0] if len(run.suites) == 1 else ""
        lines += [f"### {_cell(title(run))}", "", _row(COLUMNS), _row(("---", *["---:"] * (len(COLUMNS) - 2), "---"))]
        lines += [_row(cells(row, suite=suite)) for row in run.tasks]
        lines += [_row([f"**{cell}**" for cell in cells(run.overall)]), ""]
        lines += [*(f"- {_cell(remark)}" for remark in remarks(run)), ""]
    for comparison in report.comparisons:
        lines += [_cell(verdict(comparison)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(parts: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(part) for part in parts)} |"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def as_json(report: Report) -> dict[str, JSON]:
    """The same figures, unrounded."""
    return {
        "runs": [
            {
                "name": run.name,
                "suites": list(run.suites),
                "agents": list(run.agents),
                "models": list(run.models),
                "unfinished": run.unfinished,
                "left_out": run.left_out,
                "overall": _measure_json(run.overall),
                "tasks": [_measure_json(row) for row in run.tasks],
            }
            for run in report.runs
        ],
        "comparisons": [
            {
                "first": first,
                "second": second,
                **dataclasses.asdict(comparison),
                "interval": list(comparison.interval),
                "first_rate": comparison.first_rate,
                "second_rate": comparison.second_rate,
            }
            for first, second, comparison in report.comparisons
        ],
    }


def _measure_json(row: Measure) -> dict[str, JSON]:
    return {**dataclasses.asdict(row), "rate": row.rate, "interval": list(row.interval), "mean_usd": row.mean_usd}
