"""Sandboxes that break one promise each, over a real one, to see that a check or a judge sees it."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from sandbox.contracts import NO_NETWORK, Artifact, FileInfo, Limits, Network, Sandbox, Session, SessionClosed

__all__ = ["WEAKNESSES", "Weak", "Weakness"]

Replacement = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Weakness:
    """Replaces methods of a session; each gets the weak session itself and the call's arguments."""

    name: str
    helps: tuple[str, ...] = ()
    """Attacks that it lets win."""
    breaks: tuple[str, ...] = ()
    """Words of the promises that it breaks."""
    values: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, Replacement] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


class Weak:
    """A sandbox whose sessions have a weakness."""

    name = "weak"

    def __init__(self, sandbox: Sandbox, weakness: Weakness) -> None:
        self.sandbox, self.weakness, self.isolation = sandbox, weakness, sandbox.isolation

    async def open(self, limits: Limits = Limits(), *, network: Network = NO_NETWORK) -> WeakSession:  # noqa: B008
        return WeakSession(await self.sandbox.open(limits, network=network), self)

    async def close(self) -> None:
        await self.sandbox.close()


class WeakSession:
    def __init__(self, real: Session, sandbox: Weak) -> None:
        self.real, self.sandbox = real, sandbox
        self.started: list[subprocess.Popen[bytes]] = []

    def __getattr__(self, name: str) -> Any:
        weakness = self.sandbox.weakness
        if name in weakness.values:
            return weakness.values[name]
        replaced = weakness.methods.get(name)
        if replaced is None:
            return getattr(self.real, name)
        return lambda *arguments, **named: replaced(self, *arguments, **named)

    async def fork(self) -> WeakSession:
        other = self.sandbox.weakness.methods.get("fork")
        return await other(self) if other else WeakSession(await self.real.fork(), self.sandbox)

    async def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        await self.real.close()

    async def __aenter__(self) -> WeakSession:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def snippets(change: Callable[[Any], Any]) -> dict[str, Replacement]:
    """Every result of a snippet, changed."""

    async def python(self: WeakSession, code: str, **named: Any) -> Any:
        return change(await self.real.python(code, **named))

    return {"python": python}


def commands(change: Callable[[Any], Any]) -> dict[str, Replacement]:
    """Every result of a command, changed."""

    async def run(self: WeakSession, command: Any, **named: Any) -> Any:
        return change(await self.real.run(command, **named))

    return {"run": run}


def without(name: str) -> dict[str, Replacement]:
    """Commands that do not heed one of their arguments."""

    async def run(self: WeakSession, command: Any, **named: Any) -> Any:
        return await self.real.run(command, **{key: value for key, value in named.items() if key != name})

    return {"run": run}


async def follow(self: WeakSession, path: str, *, max_bytes: int = 0) -> bytes:
    return (await self.real.run(["cat", path], wall_s=2)).stdout.encode()


async def write_through(self: WeakSession, path: str, data: Any, *, executable: bool = False) -> None:
    await self.real.run(["tee", path], stdin=data, wall_s=2)


async def leave_a_process(self: WeakSession, code: str, **named: Any) -> Any:
    if mark := re.search(r"begin\('(\w+)'", code):
        self.started.append(subprocess.Popen(["sh", "-c", f"sleep 60; : {mark[1]}"]))
    return await self.real.python(code, **named)


async def with_own_programs(self: WeakSession, command: Any, **named: Any) -> Any:
    return await self.real.run(command, **named | {"env": {**(named.get("env") or {}), "PATH": ".:/usr/bin:/bin"}})


async def with_start_up(self: WeakSession, command: Any, **named: Any) -> Any:
    line = f". ./.bashrc 2> /dev/null; {command}" if isinstance(command, str) else command
    return await self.real.run(line, **named)


async def with_own_modules(self: WeakSession, code: str, **named: Any) -> Any:
    return await self.real.python("import sys\nsys.modules.pop('json', None)\nimport json\n" + code, **named)


async def unzipped(self: WeakSession, path: str, **named: Any) -> bytes:
    data = await self.real.read(path, **named)
    return b"".join(map(zipfile.ZipFile(BytesIO(data)).read, ["0"])) if path.endswith(".zip") else data


async def too_much(self: WeakSession, path: str, *, max_bytes: int = 0) -> bytes:
    return b"x" * (max_bytes + 1)


async def above(self: WeakSession, path: str = ".") -> tuple[FileInfo, ...]:
    return (FileInfo("../above", "file", 1), *reversed(await self.real.list(path)))


async def speaking_fork(self: WeakSession) -> WeakSession:
    changed = snippets(lambda result: replace(result, stdout="PLANTED\n" + result.stdout))
    return WeakSession(await self.real.fork(), Weak(self.sandbox.sandbox, Weakness("speaks", methods=changed)))


async def same_again(self: WeakSession) -> WeakSession:
    class Shared(WeakSession):
        async def close(self) -> None:
            pass

    return Shared(self.real, self.sandbox)


async def with_our_environment(self: WeakSession, command: Any, **named: Any) -> Any:
    return await self.real.run(command, **named | {"env": {**os.environ, **(named.get("env") or {})}})


async def at_the_end(self: WeakSession, command: Any, *, on_output: Any = None, **named: Any) -> Any:
    kept: list[Any] = []
    result = await self.real.run(command, on_output=kept.append, **named)
    for piece in kept if on_output else ():
        on_output(piece)
    return result


async def always_stateful(self: WeakSession, code: str, **named: Any) -> Any:
    return await self.real.python(code, **named | {"stateful": True})


async def never_stateful(self: WeakSession, code: str, **named: Any) -> Any:
    return await self.real.python(code, **named | {"stateful": False})


async def by_sh(self: WeakSession, command: Any, **named: Any) -> Any:
    return await self.real.run(["sh", "-c", command] if isinstance(command, str) else command, **named)


async def never_closed(self: WeakSession, command: Any, **named: Any) -> Any:
    try:
        return await self.real.run(command, **named)
    except SessionClosed:
        return None


async def new_digest(self: WeakSession) -> Any:
    return replace(await self.real.snapshot(), digest=os.urandom(8).hex())


async def one_digest(self: WeakSession) -> Any:
    return replace(await self.real.snapshot(), digest="0" * 64)


async def nothing(self: WeakSession, *arguments: Any, **named: Any) -> Any:
    return None


async def not_executable(self: WeakSession, path: str, data: Any, *, executable: bool = False) -> None:
    await self.real.write(path, data)


def well(result: Any) -> Any:
    return replace(result, exit_code=0, signal=None, stop=None, error=None)


OUTSIDE = (Artifact("/etc/hostname", "image/png", 1),)

WEAKNESSES = (
    Weakness(
        "believes that all is well",
        helps=("a forged result on stdout", "leaving early with 0", "becoming another program"),
        breaks=("An error has its type", "`sys.exit` ends", "At its wall time a stateful"),
        methods=snippets(well),
    ),
    Weakness(
        "takes a copy's word",
        helps=("two processes that both report",),
        breaks=("The value is the repr",),
        methods=snippets(lambda result: replace(result, value="'FORGED'")),
    ),
    Weakness(
        "reads through links",
        helps=("links as files", "links as folders", "pipes and devices as files", "a sparse file"),
        breaks=("Links are listed as links", "A file that is not there"),
        methods={"read": follow},
    ),
    Weakness(
        "writes through links",
        helps=("writing through links", "paths that lead out"),
        breaks=("Paths that lead out",),
        methods={"write": write_through},
    ),
    Weakness(
        "leaves processes",
        helps=("a daemon", "a daemon that ignores signals"),
        methods={"python": leave_a_process},
    ),
    Weakness("starts own programs", helps=("planted programs",), methods={"run": with_own_programs}),
    Weakness("reads start-up files", helps=("a planted .bashrc",), methods={"run": with_start_up}),
    Weakness("loads own modules", helps=("a planted json.py",), methods={"python": with_own_modules}),
    Weakness("unpacks", helps=("archives",), methods={"read": unzipped}),
    Weakness(
        "reads for ever",
        helps=("a file that grows while it is read",),
        breaks=("Text and bytes are read",),
        methods={"read": too_much},
    ),
    Weakness(
        "lists what is above",
        helps=("a deep tree", "names that are no names"),
        breaks=("A list has everything", "The work folder is empty"),
        methods={"list": above},
    ),
    Weakness("replays more than ran", helps=("a planted history",), methods={"fork": speaking_fork}),
    Weakness(
        "keeps too much output",
        helps=("output without end", "output without end from children"),
        methods=snippets(lambda result: replace(result, stdout=result.stdout * 3)),
    ),
    Weakness(
        "lets it run on",
        helps=("sleeping", "never ending in C", "spinning", "a repr that never ends"),
        methods=snippets(lambda result: replace(result, wall_s=result.wall_s + 100)),
    ),
    Weakness(
        "has huge results",
        helps=("a huge value", "a value that is deep", "an error that never ends"),
        breaks=("The value is shortened",),
        methods=snippets(lambda result: replace(result, value="x" * 2_000_000)),
    ),
    Weakness(
        "takes artifacts from anywhere",
        helps=("artifacts that are elsewhere",),
        breaks=("What is given to `display`",),
        methods=snippets(lambda result: replace(result, artifacts=OUTSIDE)),
    ),
    Weakness(
        "mixes runs up",
        helps=("a thread that goes on",),
        breaks=("What a snippet and its children print",),
        methods=snippets(lambda result: replace(result, stdout=result.stdout + "LATE")),
    ),
    Weakness(
        "has one digest",
        helps=("folders with one digest",),
        breaks=("A snapshot's digest",),
        methods={"snapshot": one_digest},
    ),
    Weakness(
        "has a new digest each time",
        helps=("copying links and pipes", "copying names that are no names"),
        breaks=("A snapshot's digest", "Restoring brings back"),
        methods={"snapshot": new_digest},
    ),
    Weakness(
        "has one stream",
        breaks=("A command's exit code", "At the wall time", "`on_output` gets"),
        methods=commands(lambda result: replace(result, stdout=result.stdout + result.stderr, stderr="")),
    ),
    Weakness(
        "knows no stop",
        breaks=(
            "At the wall time",
            "`Limits.wall_s` holds",
            "At the processor time",
            "At the limit of output",
            "`kill` stops",
        ),
        methods=commands(lambda result: replace(result, stop=None, exit_code=0)),
    ),
    Weakness(
        "gives no reasons",
        breaks=("At the wall time", "At the processor time", "At the limit of output", "`kill` stops"),
        methods=commands(lambda result: replace(result, detail="")),
    ),
    Weakness(
        "knows no signals",
        breaks=("A command that a signal ended",),
        methods=commands(lambda result: replace(result, exit_code=139, signal=None)),
    ),
    Weakness(
        "decodes as it likes",
        breaks=("Bytes that are no UTF-8",),
        methods=commands(lambda result: replace(result, stdout=result.stdout.replace("\ufffd", ""))),
    ),
    Weakness("forgets stdin", breaks=("A command reads", "More than a pipe"), methods=without("stdin")),
    Weakness("forgets the folder", breaks=("A command starts in",), methods=without("cwd")),
    Weakness("forgets variables", breaks=("Variables are added",), methods=without("env")),
    Weakness("is a plain shell", breaks=("A string is a line",), methods={"run": by_sh}),
    Weakness("has our variables", breaks=("None of the host's own",), methods={"run": with_our_environment}),
    Weakness("speaks at the end", breaks=("`on_output` gets",), methods={"run": at_the_end}),
    Weakness("always remembers", breaks=("A snippet knows nothing",), methods={"python": always_stateful}),
    Weakness("never remembers", breaks=("A stateful snippet remembers",), methods={"python": never_stateful}),
    Weakness(
        "has no data",
        breaks=("The value is the repr", "Code calls the functions", "A snippet runs in the work folder"),
        methods=snippets(lambda result: replace(result, data=None)),
    ),
    Weakness("shares its forks", breaks=("A fork has the files",), methods={"fork": same_again}),
    Weakness("is always exact", breaks=("A fork whose replayed",), values={"exact": True, "mismatch": ""}),
    Weakness("restores nothing", breaks=("Restoring brings back", "Restoring makes"), methods={"restore": nothing}),
    Weakness("installs anything", breaks=("`install` without",), methods={"install": nothing}),
    Weakness("is never closed", breaks=("A session can be closed twice",), methods={"run": never_closed}),
    Weakness("makes no programs", breaks=("A second write replaces",), methods={"write": not_executable}),
    Weakness("writes nothing", breaks=("Text and bytes are read", "A command starts in"), methods={"write": nothing}),
)
