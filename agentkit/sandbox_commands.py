"""`agentkit sandbox`: run a script where it can do no harm, see what a sandbox stops, and clean up after crashes."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from sandbox.contracts import Limits, Network, Output, Result, SandboxError, Stop

if TYPE_CHECKING:
    from sandbox.abuse.suite import Abuse
    from sandbox.check import Finding
    from sandbox.contracts import Sandbox

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="""Run code that you did not write, and see what keeps it in.

    Sandboxes come from bubblewrap (Linux namespaces, the default) or from containers (Docker, Podman). `process`
    isolates nothing, is never chosen by itself and has to be asked for with --unsafe.
    """,
)
console = Console()
errors = Console(stderr=True)

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
TIME_OUT, KILLED, NO_SANDBOX = 124, 137, 125
"""Exit codes, as `timeout`, a shell after SIGKILL, and `docker run` have them."""


def size(text: str) -> int:
    """Bytes, from a number with K, M or G after it."""
    match = re.fullmatch(r"(\d+)([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"{text!r}: expected a size such as 256M, 1G or 65536")
    return int(match[1]) * UNITS[match[2].upper()]


def in_units(count: int) -> str:
    """A size as it would be given, for the help."""
    unit = next(unit for unit in "GMK" if count % UNITS[unit] == 0)
    return f"{count // UNITS[unit]}{unit}"


DEFAULT = Limits()
MEMORY, OUTPUT, DISK = map(in_units, (DEFAULT.memory_bytes, DEFAULT.output_bytes, DEFAULT.file_bytes))


def positive(value: float) -> float:
    if not value > 0:
        raise typer.BadParameter(f"{value:g}: expected more than zero")
    return value


def sized(name: str, help: str) -> Any:
    return typer.Option(name, parser=size, metavar="SIZE", help=help)


Script = Annotated[
    str, typer.Argument(help="The script: .py as Python, others by their first line or as bash; - for standard input.")
]
Backend = Annotated[
    str | None,
    typer.Option(help="bubblewrap, container, process, or package.module:Class; the strongest here by default."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST",
        help="A host that it may reach, such as pypi.org, *.example.com or 127.0.0.1:8080; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    file: Script,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]...", help="Its arguments.")] = None,
    backend: Backend = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Yes, run it with --backend process, which isolates nothing.")
    ] = False,
    memory: Annotated[Any, sized("--memory", "Memory of all its processes together.")] = MEMORY,
    processes: Annotated[int, typer.Option(min=1, help="Processes and threads at once.")] = DEFAULT.processes,
    cpu: Annotated[float, typer.Option(callback=positive, metavar="S", help="Processor seconds.")] = DEFAULT.cpu_s,
    wall: Annotated[float, typer.Option(callback=positive, metavar="S", help="Wall-clock seconds.")] = DEFAULT.wall_s,
    output: Annotated[Any, sized("--output", "What it may print.")] = OUTPUT,
    disk: Annotated[Any, sized("--disk", "What it may write in its folder, and in /tmp.")] = DISK,
    files: Annotated[int, typer.Option(min=1, help="Files and folders that it may make.")] = DEFAULT.files,
    allow: Hosts = None,
    packages: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder of Python packages that it may import.")
    ] = None,
    standard_input: Annotated[
        Path | None, typer.Option("--stdin", help="A file that it reads as standard input; - for this command's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a script in a fresh sandbox, show what it prints as it prints it, and end with its exit code.

    It sees none of this machine's files and variables, and no network unless --allow.

    Exit codes of ours: 124 when its time was up, 137 when it was killed for another limit, 125 when there is no sandbox
    to be had.

    For example:

        agentkit sandbox run solution.py

        agentkit sandbox run --memory 256M --wall 5 --json solution.py 1 2

        curl -s https://example.com/install.sh | agentkit sandbox run --allow example.com -
    """
    name, script = read_script(file)
    limits = Limits(
        memory_bytes=memory,
        processes=processes,
        cpu_s=cpu,
        wall_s=wall,
        output_bytes=output,
        file_bytes=disk,
        files=files,
    )
    data = b"" if standard_input is None else read_input(standard_input)
    command = [*interpreter(name, script), f"./{name}", *(arguments or ())]
    try:
        sandbox = load(backend, unsafe=unsafe, packages=packages)
        show = None if as_json else echo
        result = asyncio.run(
            carry_out(sandbox, command, {name: script}, limits=limits, allow=allow or [], data=data, show=show)
        )
    except SandboxError as error:
        errors.print(Text.assemble(("error: ", "red"), str(error)), highlight=False, soft_wrap=True)
        raise typer.Exit(NO_SANDBOX) from None
    if as_json:
        print(json.dumps({"backend": sandbox.name, "isolation": sandbox.isolation, **plain(result)}, indent=1))
    elif result.stop is not None:
        errors.print(
            f"{result.stop.value}: {result.detail}", style="red", highlight=False, markup=False, soft_wrap=True
        )
    raise typer.Exit(exit_code(result))


def read_script(file: str) -> tuple[str, bytes]:
    """The script's name within the sandbox, and its text."""
    if file == "-":
        return "script", sys.stdin.buffer.read()
    path = Path(file)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {file!r}; give a script, or - for standard input")
    return path.name, path.read_bytes()


def read_input(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    if not path.is_file():
        raise typer.BadParameter(f"--stdin: there is no file {str(path)!r}")
    return path.read_bytes()


def interpreter(name: str, script: bytes) -> list[str]:
    """What runs it: Python for .py, nothing where its first line says it, else bash."""
    if name.endswith(".py"):
        return ["python3"]
    return [] if script.startswith(b"#!") else ["bash", "--noprofile", "--norc"]


def load(backend: str | None, *, unsafe: bool, packages: Path | None = None) -> Sandbox:
    from sandbox.backends import load_sandbox

    try:
        return load_sandbox(backend, unsafe=unsafe, packages=packages)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


async def carry_out(
    sandbox: Sandbox,
    command: list[str],
    files: dict[str, bytes],
    *,
    limits: Limits,
    allow: list[str],
    data: bytes,
    show: Callable[[Output], None] | None,
) -> Result:
    """One command in one session that has these files."""
    try:
        async with await sandbox.open(limits, network=Network(tuple(allow))) as session:
            for name, text in files.items():
                await session.write(name, text, executable=True)
            return await session.run(command, stdin=data, on_output=show)
    finally:
        await sandbox.close()


def echo(piece: Output) -> None:
    """Pass a piece of output on, at once."""
    stream = sys.stdout if piece.stream == "stdout" else sys.stderr
    stream.write(piece.text)
    stream.flush()


def exit_code(result: Result) -> int:
    if result.stop is not None:
        return TIME_OUT if result.stop is Stop.WALL_TIME else KILLED
    return result.exit_code if result.exit_code is not None else 128 + (result.signal or 0)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as JSON has it."""
    return {
        name: field.value if isinstance(field, enum.Enum) else field
        for name, field in dataclasses.asdict(value).items()
    }


@app.command()
def check(
    backend: Annotated[
        list[str] | None,
        typer.Option(help="Which, by name, or package.module:Class of your own; all that run here by default."),
    ] = None,
    only: Annotated[str, typer.Option(help="Only promises and attacks with this in their name.")] = "",
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Put the table into this Markdown file, between its two marks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold sandboxes to their contract, attack them, and say what stopped each attack.

    Some 140 attacks really run, on secrets that are really planted; those that would hurt this machine are left out
    where nothing isolates it. Takes a minute or two a backend. Exits with 1 when a promise is broken, an attack is not
    stopped that was not known, or something was left behind.

    For example:

        agentkit sandbox check --backend bubblewrap

        agentkit sandbox check --backend my_company.cells:Cells --json
    """
    from sandbox.abuse.table import machine, markdown_table, surprises, with_table

    names = backend or runnable()
    with quiet_about_unsafe():
        promised, suites = asyncio.run(check_all(names, only=only, quiet=as_json))
    wrong = [f"{name}: {finding}" for name, findings in promised.items() for finding in findings if not finding.ok]
    wrong += [words for name, suite in suites.items() for words in surprises(name, suite)]
    if as_json:
        print(json.dumps(report(promised, suites, wrong), indent=1))
    else:
        show_table(promised, suites)
        for words in wrong:
            console.print(Text(words, style="red"))
    if write is not None:
        before = write.read_text() if write.exists() else "# What the sandboxes stop\n\n"
        write.write_text(with_table(before, f"{machine()}\n\n{markdown_table(suites)}"))
    raise typer.Exit(1 if wrong else 0)


def runnable() -> list[str]:
    """The backends that run here; why each of the others does not is said on standard error."""
    from sandbox.backends import BACKENDS, probe

    reasons = {name: probe(name) for name in BACKENDS}
    for name, reason in reasons.items():
        if reason:
            errors.print(f"{name} is left out: {reason}", style="yellow", highlight=False, markup=False)
    return [name for name, reason in reasons.items() if not reason]


async def check_all(names: list[str], *, only: str, quiet: bool) -> tuple[dict[str, list[Finding]], dict[str, Abuse]]:
    """Promises and attacks of each backend, one backend after the other."""
    from sandbox.abuse.suite import ATTACKS, run_abuse
    from sandbox.check import PROMISES, check_sandbox, name_of

    attacks = [attack for attack in ATTACKS if only.lower() in attack.name.lower()]
    promises = [promise for promise in PROMISES if only.lower() in name_of(promise).lower()]
    if not attacks and not promises:
        raise typer.BadParameter(f"--only {only!r}: no promise and no attack has that in its name")
    promised: dict[str, list[Finding]] = {}
    suites: dict[str, Abuse] = {}
    with steps(len(names) * (len(promises) + len(attacks)), quiet=quiet) as step:
        for name in names:
            sandbox = load(name, unsafe=True)
            try:
                promised[name] = await check_sandbox(sandbox, promises=promises, on_finding=lambda one: step(one.name))
                suites[name] = await run_abuse(sandbox, attacks=attacks, on_outcome=lambda one: step(one.attack))
            finally:
                await sandbox.close()
    return promised, suites


@contextmanager
def steps(total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if quiet or not errors.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=errors, transient=True) as bars:
        bar = bars.add_task("", total=total)
        yield lambda name: bars.update(bar, advance=1, description=name)


@contextmanager
def quiet_about_unsafe() -> Iterator[None]:
    """`process` warns each time that it is opened; here it is opened hundreds of times, on purpose."""
    import logging

    logger = logging.getLogger("sandbox.process")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def show_table(promised: dict[str, list[Finding]], suites: dict[str, Abuse]) -> None:
    colours = {"stopped": "green", "harmless": "cyan", "not run": "dim"}
    table = Table("attack", *(Column(name) for name in suites))
    outcomes = [{one.attack: one for one in suite.outcomes} for suite in suites.values()]
    for attack in outcomes[0] if outcomes else ():
        cells = [column[attack] for column in outcomes]
        colour = [colours.get(cell.verdict.value, "red") for cell in cells]
        table.add_row(
            Text(attack),
            *(Text.assemble((c.verdict.value, k), f": {c.by}") for c, k in zip(cells, colour, strict=True)),
        )
    console.print(table)
    for name, findings in promised.items():
        kept = sum(finding.ok for finding in findings)
        verdicts = [one.verdict.value for one in suites[name].outcomes]
        counts = ", ".join(f"{verdicts.count(value)} {value}" for value in dict.fromkeys(verdicts))
        console.print(f"{name}: {kept} of {len(findings)} promises kept; attacks: {counts}", highlight=False)


def report(promised: dict[str, list[Finding]], suites: dict[str, Abuse], wrong: list[str]) -> dict[str, Any]:
    return {
        "wrong": wrong,
        "backends": {
            name: {
                "promises": [plain(finding) for finding in promised[name]],
                "attacks": [plain(outcome) for outcome in suite.outcomes],
                "left": {kind: sorted(things) for kind, things in suite.left.items()},
                "unplanted": list(suite.unplanted),
            }
            for name, suite in suites.items()
        },
    }


@app.command("prune")
def prune_orphans(as_json: AsJson = False) -> None:
    """Remove what crashed programs left behind: containers, stale images, control groups, leases of user ids.

    What belongs to a program that still runs stays.
    """
    from sandbox.backends import prune

    removed = prune()
    if as_json:
        print(json.dumps(removed, indent=1))
        return
    for name in removed:
        console.print(f"removed {name}", highlight=False, markup=False)
    if not removed:
        console.print("nothing was left behind")
