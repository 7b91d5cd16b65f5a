"""The command line: where the parts are put together.

Each command only reads its options, calls the part that does the work, and prints. Errors of agentkit's own are printed
as one message without a traceback and exit with 1; misuse of an option exits with 2.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agentkit.arena_commands import app as arena_app
from agentkit.grade import grade
from agentkit.memory_commands import app as memory_app
from agentkit.sandbox_commands import app as sandbox_app
from sandbox import AgentkitError

if TYPE_CHECKING:
    from agentkit.models.contracts import Model
    from agentkit.study import Limits, Plan
    from environments.contracts import Suite, Task

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
train_app = typer.Typer(no_args_is_help=True, help="Train a model on trajectories.")
app.command()(grade)
app.add_typer(arena_app, name="arena")
app.add_typer(memory_app, name="memory")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(train_app, name="train")
console = Console()

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of a table.")]


def main() -> None:
    """Read the command line and do as it says."""
    try:
        app()
    except AgentkitError as error:
        Console(stderr=True).print(f"[red]error:[/red] {escape(str(error))}", highlight=False)
        sys.exit(1)


def escape(text: str) -> str:
    from rich.markup import escape as escape_markup

    return escape_markup(text)


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="The suite to run; `agentkit tasks` lists them.")],
    tasks: Annotated[str, typer.Option(help="Which tasks, as globs joined by commas: 'click-*,login-user'.")] = "*",
    agent: Annotated[str, typer.Option(help="The agent; `agentkit methods` lists them.")] = "react",
    model: Annotated[str, typer.Option(help="pilot, or any litellm model: openai/…, hosted_vllm/…, ollama_chat/….")] = "pilot",
    base_url: Annotated[str | None, typer.Option(help="Address of your own OpenAI-protocol server.")] = None,
    price: Annotated[str | None, typer.Option(help="Dollars per million tokens, prompt and completion, of a model whose price is unknown: 0.15,0.60.")] = None,
    head: Annotated[Path | None, typer.Option(help="A tuned pilot head, from `agentkit train pilot`.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Episodes at once, each in its own browser context.")] = 2,
    trials: Annotated[int, typer.Option(min=1, help="Attempts at each task, for agents that retry.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="First seed. The same task and seed are the same instance.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds of each task, counting up from --seed.")] = 1,
    feedback: Annotated[str, typer.Option(help="Who tells the agent how an attempt went: trace, judge, or env (the verdict itself; marked in the log).")] = "trace",
    judge: Annotated[str | None, typer.Option(help="The model that judges with --feedback judge; --model when left out.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the suite's tasks of this split: training, validation, heldout.")] = None,
    heldout: Annotated[bool, typer.Option("--heldout", help="These are test tasks: nothing is learnt, no env feedback.")] = False,
    library: Annotated[Path | None, typer.Option(help="Recall from, and learn into, the memory in this folder.")] = None,
    learn: Annotated[str, typer.Option(help="When lessons are written: online, after (repeatable in parallel), off.")] = "online",
    temperature: Annotated[float | None, typer.Option(min=0.0, help="Sampling temperature of the actor.")] = None,
    screenshots: Annotated[str, typer.Option(help="Pictures with every page, for models that read them: none, plain, marked.")] = "none",
    config: Annotated[Path | None, typer.Option("--config", "--tasks-file", help="The suite's own file of tasks: HumanEval, MBPP, APPS or LiveCodeBench lines for code, SWE-bench records for repo.")] = None,
    sandbox: Annotated[str | None, typer.Option(help="Where code runs: bubblewrap, container; the strongest here when left out.")] = None,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow --sandbox process, which isolates nothing.")] = False,
    tools: Annotated[str | None, typer.Option(help="For the suite tools: 'mcp:COMMAND' offers an MCP server's tools instead of ours.")] = None,
    goal: Annotated[str | None, typer.Option(help="With --tools: what to do.")] = None,
    documentation: Annotated[str | None, typer.Option(help="For the suite tools: shipped (some of it wrong) or true.")] = None,
    size: Annotated[str | None, typer.Option(help="For the suite arena: how much is in the sites: small, normal, large.")] = None,
    drift: Annotated[int | None, typer.Option(min=0, max=3, help="For the suite arena: how far theme, labels and layout are changed.")] = None,
    expected: Annotated[str | None, typer.Option(help="With --tools: the answer that is right; without it there is no verdict.")] = None,
    budget_usd: Annotated[float | None, typer.Option(min=0.0, help="Stop before more dollars than this are spent.")] = None,
    budget_tokens: Annotated[float | None, typer.Option(min=0.0, help="Stop before more tokens than this are spent.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run's log, made when absent.")] = Path("runs/latest"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out: no finished task is repeated, and one cut short goes on at its step; no model is asked twice.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run an agent on tasks, and print success with intervals, cost and stop reasons.

    Example: agentkit run miniwob --tasks 'click-*' --agent reflexion --trials 3 --parallel 4 --out runs/x
    """
    from agentkit.study import Plan

    options = {"tasks_file": config, "sandbox": sandbox, "unsafe": unsafe or None, "tools": tools, "goal": goal, "expected": expected, "documentation": documentation, "size": size, "drift": drift}  # fmt: skip
    loaded, given = open_suite(suite, screenshots=screenshots, options=options)
    plan = Plan(
        tasks=chosen(loaded, tasks, split=split, heldout=heldout),
        seeds=tuple(range(seed, seed + seeds)), agent=agent, trials=trials, parallel=parallel,
        feedback=one_of("--feedback", feedback, ("trace", "env", "judge")),
        learn=one_of("--learn", learn if library else "off", ("online", "after", "off")),
        temperature=temperature, limits=limits_of(usd=budget_usd, tokens=budget_tokens), options=given,
    )  # fmt: skip
    actor = open_model(model, base_url, head=head, price=price)
    refuse_pilot(actor, loaded)
    judging = open_model(judge, base_url) if judge else None
    execute(plan, loaded, model=actor, judge=judging, out=out, library=library, resume=resume, as_json=as_json)


def open_suite(name: str, *, screenshots: str, options: Mapping[str, object]) -> tuple[Suite, dict[str, str]]:
    """The suite with those of its options that were given, and these as the log keeps them."""
    from environments.suites import load_suite

    given = {option: value for option, value in options.items() if value is not None}
    pictures = one_of("--screenshots", screenshots, ("none", "plain", "marked"))
    return load_suite(name, screenshots=pictures, **given), {option: str(value) for option, value in given.items()}


def limits_of(*, usd: float | None, tokens: float | None) -> Limits:
    """The limits that were given."""
    limits: Limits = {}
    if usd is not None:
        limits["usd"] = usd
    if tokens is not None:
        limits["tokens"] = tokens
    return limits


def one_of(option: str, value: str, allowed: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """The value, when it is one of those allowed."""
    if value not in allowed:
        raise typer.BadParameter(f"{option} {value!r}: expected one of {', '.join(allowed)}")
    return value


def chosen(suite: Suite, globs: str, *, split: str | None = None, heldout: bool = False) -> tuple[Task, ...]:
    """The suite's tasks that match any of the globs, those of one split where it is named.

    With `heldout` all of them count as held out, whatever the suite says.

    Raises:
        AgentkitError: a glob matches nothing, with the nearest names, or nothing of that split.
    """
    import dataclasses
    import difflib

    known = {task.id: task for task in suite.tasks()}
    found: dict[str, Task] = {}
    for glob in globs.split(","):
        matching = {name: task for name, task in known.items() if fnmatch(name, glob.strip())}
        if not matching:
            near = difflib.get_close_matches(glob, known, n=4, cutoff=0.4)
            raise AgentkitError(f"no task of {suite.name} matches {glob!r}; nearest: {', '.join(near) or 'none'}")
        found |= matching
    if split is not None:
        wanted = one_of("--split", split, ("training", "validation", "heldout"))
        found = {name: task for name, task in found.items() if task.split == wanted}
        if not found:
            raise AgentkitError(f"no task of {suite.name} that matches {globs!r} is a {split} task")
    return tuple(dataclasses.replace(task, split="heldout") if heldout else task for task in found.values())


def open_model(spec: str, base_url: str | None, *, head: Path | None = None, price: str | None = None) -> Model:
    """The model that the options name."""
    from agentkit.models.load import load_model
    from agentkit.models.offer import Price

    if head is not None:
        from agentkit.models.pilot import Head, PilotModel

        if spec != "pilot":
            raise typer.BadParameter(f"--head is for --model pilot, got --model {spec}")
        return PilotModel(head=Head.load(head))
    if price is None:
        return load_model(spec, base_url=base_url)
    try:
        prompt, completion = (float(part) for part in price.split(","))
    except ValueError:
        raise typer.BadParameter(f"--price {price!r}: give two numbers, such as 0.15,0.60") from None
    return load_model(spec, base_url=base_url, price=Price(prompt=prompt, completion=completion))


def refuse_pilot(model: Model, suite: Suite) -> None:
    """The pilot chooses among the elements of a page; it cannot write code or fill in a tool's arguments.

    Raises:
        AgentkitError: the suite's observations are text, and the model is the pilot.
    """
    from agentkit.models.pilot import PilotModel

    if isinstance(model, PilotModel) and suite.kind != "web":
        raise AgentkitError(
            f"--model pilot cannot run {suite.name}: it ranks the elements of web pages and writes no text. "
            "Name a language model, such as --model openai/gpt-5-mini or --model hosted_vllm/NAME --base-url URL; "
            "the pilot runs miniwob."
        )


def execute(
    plan: Plan,
    suite: Suite,
    *,
    model: Model,
    judge: Model | None,
    out: Path,
    library: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Run a plan under a progress bar, and print its report."""
    from agentkit.models.pilot import PilotModel
    from agentkit.progress import progress_bar
    from agentkit.report import report as print_the_report
    from agentkit.study import run_study
    from memory.store import MemoryStore

    async def work() -> None:
        async with AsyncExitStack() as stack:
            store = None
            if library is not None:
                writable = plan.learn != "off"
                encoder = model.encoder if isinstance(model, PilotModel) else None
                opened = MemoryStore.open(library, encoder=encoder, writable=writable)
                store = await stack.enter_async_context(opened)
            show = stack.enter_context(progress_bar(len(plan.items), quiet=as_json))
            await run_study(
                plan, suite, model=model, judge=judge, out=out, store=store, resume=resume, on_progress=show
            )

    until_stopped(work(), hint="the same command with --resume goes on from here")
    print_the_report([out], as_json=as_json, console=console)


def until_stopped(work: Coroutine[Any, Any, object], *, hint: str) -> None:
    """Run to the end, or until Ctrl-C, which loses nothing that is finished."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        Console(stderr=True).print(f"\nstopped; {hint}", highlight=False)
        raise typer.Exit(130) from None


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; the others are compared with the first.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: Json = False,
    infrastructure: Annotated[
        bool,
        typer.Option("--infrastructure/--no-infrastructure", help="Count what the infrastructure ended as failed."),
    ] = True,
) -> None:
    """Success per task with Wilson intervals, effort, cost, stop reasons; runs compared pair by pair."""
    from agentkit.report import report as print_the_report

    print_the_report(runs, as_json=as_json, as_markdown=markdown, infrastructure=infrastructure, console=console)


@app.command()
def show(
    target: Annotated[str, typer.Argument(help="RUN/TASK or RUN/TASK/SEED, such as runs/x/click-test/3.")],
    attempt: Annotated[int | None, typer.Option(help="Only this attempt.")] = None,
    step: Annotated[int | None, typer.Option(help="Only this step.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Whole pages, and the messages exactly as sent.")] = False,
    as_json: Json = False,
) -> None:
    """Read an episode like a story: what was seen, recalled, thought, done, and how it ended."""
    from agentkit.show import show as show_episode

    show_episode(target, full=full, attempt=attempt, step=step, as_json=as_json, console=console)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine has and lacks, with the command that mends it. Exits with 1 when a needed thing is missing."""
    from dataclasses import asdict

    from agentkit.doctor import diagnose
    from agentkit.doctor import table as findings_table

    findings = diagnose()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        console.print(findings_table(findings))
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    model: Annotated[
        str, typer.Option(help="pilot, or any litellm model; without the pilot no head is tuned.")
    ] = "pilot",
    base_url: Annotated[str | None, typer.Option(help="Address of your own OpenAI-protocol server.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Episodes at once.")] = 4,
    budget_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop each part before more dollars are spent.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where runs, library and plot go; a stopped demo goes on from there. [default: runs/demo]"),
    ] = None,
) -> None:
    """Three rounds on MiniWoB++: as shipped, with memory, with memory and a tuned head; compared on held-out seeds."""
    from agentkit.demo import demo as run_demo
    from agentkit.study import Limits

    limits = Limits() if budget_usd is None else Limits(usd=budget_usd)
    out = out or Path("runs") / (
        "demo" if model == "pilot" else "demo-" + "".join(c if c.isalnum() else "-" for c in model)
    )
    shown = run_demo(out, model=open_model(model, base_url), parallel=parallel, limits=limits, console=console)
    until_stopped(shown, hint="the same command goes on from here")


@app.command()
def tasks(
    suite: Annotated[str | None, typer.Argument(help="List this suite's tasks; without it, the suites.")] = None,
    as_json: Json = False,
) -> None:
    """List the suites with their number of tasks, or one suite's tasks."""
    from environments.suites import SUITES, load_suite

    if suite is None:
        rows = [(name, len(loaded.tasks()), loaded.description) for name in SUITES for loaded in [load_suite(name)]]
        show_rows(rows, ("suite", "tasks", "what it is"), as_json=as_json)
    else:
        found = load_suite(suite).tasks()
        listed = [(task.id, task.max_steps, f"{task.deadline_s:g}") for task in found]
        show_rows(listed, ("task", "max steps", "deadline s"), as_json=as_json)


@app.command()
def methods(as_json: Json = False) -> None:
    """List the agents with their papers and how they deviate from them."""
    from agentkit.methods import METHODS

    rows = [(m.name, m.family, m.paper, m.summary, "; ".join(m.deviations)) for m in METHODS.values()]
    show_rows(rows, ("agent", "family", "paper", "what it does", "deviations"), as_json=as_json)


def show_rows(rows: Sequence[tuple[object, ...]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """A table for people, or a list of objects for scripts."""
    if as_json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)


@train_app.command("pilot")
def train_pilot(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on training seeds.")],
    out: Annotated[Path, typer.Option(help="Where the tuned head goes.")] = Path("pilot-head.json"),
) -> None:
    """Tune the pilot's head on its own successful trajectories. Takes seconds on a CPU."""
    from agentkit.models.pilot import Head, PilotModel
    from agentkit.train.pilot import rows_of, tune
    from memory.study import read_study

    trajectories = (trajectory for run in runs for trajectory in read_study(run).trajectories())
    with console.status("reading trajectories"):
        rows = rows_of(trajectories, encoder=PilotModel().encoder)
    with console.status(f"tuning on {len(rows)} steps"):
        head = tune(rows, prior=Head.prior(), origin="+".join(run.name for run in runs))
    head.save(out)
    families = len({row.family for row in rows})
    console.print(f"tuned on {len(rows)} steps of {families} tasks; use it with --model pilot --head {out}")
