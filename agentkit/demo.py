"""`make demo`: three rounds that show an agent getting better, on seeds it never learnt from.

1. *before*: the agent as shipped, one attempt at each held-out instance.
2. It works through training instances with reflexion (the environment tells it success; marked as such) and remembers.
   *memory*: the held-out instances again, one attempt each, recalling what was learnt; memory is read-only now.
3. With the pilot, its head is tuned on its own successful training trajectories. *memory + head*: once more.

Every round makes one attempt per instance with the same sampling seeds and without any feedback, so that rounds are
compared instance by instance.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from agentkit.evaluate import Comparison
from agentkit.models.contracts import Model
from agentkit.models.pilot import Head, PilotModel
from agentkit.plot import learning_plot
from agentkit.progress import progress_bar
from agentkit.report import as_json, as_markdown, p_value, report_on, verdict
from agentkit.study import Limits, Plan, run_study
from agentkit.train.pilot import rows_of, tune
from environments.contracts import Split, Suite, Task
from environments.suites import load_suite
from memory.contracts import Store
from memory.store import MemoryStore
from memory.study import Summary
from memory.trajectory import Trajectory

__all__ = ["DEMO_TASKS", "Round", "demo"]

TRAINING_SEEDS = (range(0, 3), range(3, 5))
"""Two passes; the second one already recalls what the first one taught."""
HELDOUT_SEEDS = range(2000, 2006)
FEW_TRAINING_SEEDS, FEW_HELDOUT_SEEDS = (range(0, 1), range(3, 4)), range(2000, 2002)
TRIALS = 4
TRAINING_TEMPERATURE, HELDOUT_TEMPERATURE = 0.5, 0.3
"""Warm to explore, cooler to be judged; the same in every round."""


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over the held-out instances."""

    name: str
    trajectories: tuple[Trajectory, ...]

    @property
    def summaries(self) -> list[Summary]:
        return [Summary.of(trajectory) for trajectory in self.trajectories]


@dataclass(frozen=True)
class Demo:
    """What all rounds share."""

    suite: Suite
    out: Path
    parallel: int
    names: Sequence[str]
    seeds: Sequence[int]
    """Held-out ones."""
    limits: Limits

    def tasks(self, split: Split) -> tuple[Task, ...]:
        known = {task.id: task for task in self.suite.tasks()}
        return tuple(replace(known[name], split=split) for name in self.names)

    async def heldout(self, name: str, *, model: Model, store: Store | None = None) -> Round:
        """One attempt at each held-out instance, without feedback and without learning."""
        plan = Plan(
            tasks=self.tasks("heldout"),
            seeds=tuple(self.seeds),
            agent="react",
            parallel=self.parallel,
            temperature=HELDOUT_TEMPERATURE,
            limits=self.limits,
        )
        return Round(name, tuple(await self.run(f"held-out, {name}", plan, model=model, store=store)))

    async def train(self, number: int, seeds: Sequence[int], *, model: Model, store: Store) -> list[Trajectory]:
        """Fail, reflect, retry, and remember, on training instances."""
        plan = Plan(
            tasks=self.tasks("training"),
            seeds=tuple(seeds),
            agent="reflexion",
            trials=TRIALS,
            parallel=self.parallel,
            feedback="env",
            learn="after",
            temperature=TRAINING_TEMPERATURE,
            limits=self.limits,
        )
        return await self.run(f"training {number}", plan, model=model, store=store)

    async def run(self, title: str, plan: Plan, *, model: Model, store: Store | None) -> list[Trajectory]:
        """Run a plan into its own folder, going on where an earlier demo was stopped."""
        out = self.out / title.replace(", ", "-").replace(" + ", "-").replace(" ", "-")
        with progress_bar(len(plan.items), title=f"{title:<24}") as show:
            return await run_study(plan, self.suite, model=model, out=out, store=store, resume=True, on_progress=show)


async def demo(
    out: Path,
    *,
    model: Model,
    parallel: int = 4,
    tasks: Sequence[str] | None = None,
    training: Sequence[Sequence[int]] | None = None,
    heldout: Sequence[int] | None = None,
    limits: Limits | None = None,
    console: Console | None = None,
) -> list[Round]:
    """Run the three rounds (two without the pilot), print the comparison, and save plot and report under `out`.

    A language model is slower and costs money, so it gets fewer seeds than the pilot unless they are given. `limits`
    hold for each part.
    """
    console = console or Console()
    usual = (
        (TRAINING_SEEDS, HELDOUT_SEEDS) if isinstance(model, PilotModel) else (FEW_TRAINING_SEEDS, FEW_HELDOUT_SEEDS)
    )
    training, heldout = training or usual[0], heldout or usual[1]
    started = time.monotonic()
    if (out / "report.json").exists():
        console.print(f"{out} holds a finished demo, which is shown again; remove it to run anew.", markup=False)
    parts = Demo(load_suite("miniwob"), out, parallel, tasks or DEMO_TASKS, heldout, limits or Limits())
    rounds = [await parts.heldout("before", model=model)]
    encoder = model.encoder if isinstance(model, PilotModel) else None
    async with MemoryStore.open(out / "library", encoder=encoder) as store:
        passes = [await parts.train(k, seeds, model=model, store=store) for k, seeds in enumerate(training, 1)]
        tell_story([trajectory for part in passes for trajectory in part], console)
        rounds.append(await parts.heldout("memory", model=model, store=store))
        if isinstance(model, PilotModel):
            tuned = PilotModel(head=tuned_head(passes[-1], model, out), encoder=model.encoder)
            rounds.append(await parts.heldout("memory + head", model=tuned, store=store))
    conclude(rounds, out=out, console=console, seconds=time.monotonic() - started)
    return rounds


def tuned_head(trained: Sequence[Trajectory], model: PilotModel, out: Path) -> Head:
    """A head fitted to the pilot's own successful steps, saved beside the runs.

    Only to those of the last pass, which were taken with memory at hand, as the held-out ones will be: steps without it
    teach the head to do without it.
    """
    rows = rows_of(trained, encoder=model.encoder)
    head = tune(rows, prior=model.head, origin="tuned by the demo")
    head.save(out / "pilot-head.json")
    return head


def tell_story(trained: Sequence[Trajectory], console: Console) -> None:
    """One task that was failed first and solved after a reflection, in a few lines."""
    retried = [t for t in trained if t.success and len(t.attempts) > 1]
    if not retried:
        console.print("No task was solved by a retry in training.")
        return
    example = retried[0]
    reflection = next((n.text for a in example.attempts for n in a.notes if n.kind == "reflection"), "")
    console.print(f"\n[bold]{len(retried)} training tasks were failed first and solved on a retry.[/bold]", end=" ")
    console.print(f"For example {example.id}:", markup=False)
    console.print(f"  goal        {example.attempts[0].goal}", markup=False)
    console.print(f"  reflection  {reflection[:200]}", markup=False)
    console.print(f"  solved      on attempt {len(example.attempts)}\n", markup=False)


def conclude(rounds: Sequence[Round], *, out: Path, console: Console, seconds: float) -> None:
    """Print the comparison of the rounds, and save report and plot."""
    report = report_on({round.name: round.summaries for round in rounds})
    table = Table("round", "success (95%, Wilson)", "paired gain, points (95%)", "p", box=SIMPLE_HEAD, pad_edge=False)
    gains = {second: comparison for _, second, comparison in report.comparisons}
    for run in report.runs:
        low, high = run.overall.interval
        share = f"{run.overall.successes}/{run.overall.trials} = {run.overall.rate:.1%} ({low:.1%} to {high:.1%})"
        table.add_row(run.name, share, *gain_cells(gains.get(run.name)))
    console.print("\n[bold]One attempt at each held-out instance[/bold]")
    console.print(table)
    for comparison in (*report.comparisons, *between_the_last_two(rounds)):
        console.print(verdict(comparison), markup=False, highlight=False)
    (out / "report.md").write_text(as_markdown(report))
    (out / "report.json").write_text(json.dumps(as_json(report), indent=1) + "\n")
    learning_plot([(round.name, round.summaries) for round in rounds], out / "learning.png")
    console.print(f"\n{seconds:.0f} s. Everything lies in {out}:", highlight=False)
    for name, what in WHERE:
        console.print(f"  {name:<23} {what}", markup=False, highlight=False)


def between_the_last_two(rounds: Sequence[Round]) -> Sequence[tuple[str, str, Comparison]]:
    """What the tuned head adds to memory, when there were both."""
    if len(rounds) < 3:
        return ()
    return report_on({round.name: round.summaries for round in rounds[-2:]}).comparisons


def gain_cells(comparison: Comparison | None) -> tuple[str, str]:
    """The gain over the first round with its interval, and the p-value of the sign-flip test by task."""
    if comparison is None:
        return "", ""
    low, high = comparison.interval
    gain = f"{100 * comparison.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return gain, p_value(comparison.permutation_p)


WHERE = (
    ("learning.png", "the plot"),
    ("report.md, report.json", "success per task and round, with intervals"),
    ("held-out-*, training-*", "the logs, for `agentkit show` and `agentkit report`"),
    ("library", "what was learnt, for `agentkit memory list --library`"),
    ("pilot-head.json", "the tuned head, for `agentkit run --head`"),
)

DEMO_TASKS = (
    "bisect-angle",
    "buy-ticket",
    "click-checkboxes",
    "click-checkboxes-large",
    "click-dialog-2",
    "click-menu-2",
    "click-shape",
    "click-widget",
    "draw-line",
    "email-inbox-delete",
    "email-inbox-important",
    "email-inbox-noscroll",
    "email-inbox-reply",
    "email-inbox-star-reply",
    "enter-password",
    "find-midpoint",
    "focus-text-2",
    "form-sequence-2",
    "form-sequence-3",
    "generate-number",
    "navigate-tree",
    "odd-or-even",
    "search-engine",
    "social-media",
    "use-colorwheel",
)
"""Every MiniWoB++ task of which the pilot failed an instance at first and solved it on a retry, on the training seeds
500 and 501 (`agentkit run miniwob --agent reflexion --trials 3 --feedback env --temperature 0.5 --seed 500 --seeds 2`):
where there is something to learn and a way to learn it. Chosen before any of the held-out seeds was looked at. Tasks
that the pilot always or never solves are left out, so the rates say nothing about MiniWoB++ as a whole.
"""
