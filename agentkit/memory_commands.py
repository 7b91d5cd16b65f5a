"""`agentkit memory`: look into a library, see where each item comes from and whether it helps, and prune it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from memory import Query, RecordError, events
from memory.items import Item

if TYPE_CHECKING:
    from memory.events import Event
    from memory.store import MemoryStore

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="""Look into memory and prune it.

    A library is a folder. Its journal.jsonl is the truth: one line for each thing learnt, recalled, found helpful or
    harmful, merged or retired, with the trajectory it comes from. Its index/ can be deleted at any time and is made
    again. Runs fill a library with `agentkit run ... --library DIR`.
    """,
)
console = Console()

Library = Annotated[Path, typer.Option("--library", help="Folder of the library.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Kind = Annotated[str | None, typer.Option(help="Only this kind: tip, experience.")]
Environment = Annotated[str | None, typer.Option(help="Only this environment, such as miniwob.")]
Site = Annotated[str | None, typer.Option(help="Only this site of the environment.")]
Status = Annotated[str | None, typer.Option(help="Only active, draft, quarantined, retired or merged.")]
ItemId = Annotated[str, typer.Argument(help="An item's id, or its first characters.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the journal later.")]

DEFAULT = Path("library")
SHORT = 8
"""Characters of an id that are printed; enough to name it."""


@app.command("list")
def list_items(
    library: Library = DEFAULT,
    kind: Kind = None,
    environment: Environment = None,
    site: Site = None,
    status: Status = None,
    sort: Annotated[
        str, typer.Option(help="By uses, wins, losses, support or created, the largest first.")
    ] = "created",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List items: what they say, how often they were learnt and used, and how that went.

    Without --status, merged items are left out. Example: agentkit memory list --kind tip --sort losses
    """
    if sort not in ("uses", "wins", "losses", "support", "created"):
        raise typer.BadParameter(f"--sort {sort!r}: expected uses, wins, losses, support or created")
    items = read_items(library)
    wanted = [item for item in items.values() if matches(item, kind, environment, site, status)]
    wanted.sort(key=lambda item: (0 if sort == "created" else getattr(item, sort), item.seq), reverse=True)
    if as_json:
        print_json([describe(item) for item in wanted[:limit]])
        return
    print_items(wanted[:limit], left_out=len(wanted) - limit)


@app.command()
def show(id: ItemId, library: Library = DEFAULT, as_json: AsJson = False) -> None:
    """Show one item: its words and data, every trajectory that taught it, and everything that happened to it."""
    item = find(read_items(library), id)
    history = [event for event in read_events(library) if item.id in (event.item, event.into)]
    if as_json:
        print_json({**describe(item), "history": [asdict(event) for event in history]})
        return
    print_facts(item)
    table = Table(Column("time", no_wrap=True), "event", "where", "note", title="history", title_justify="left")
    for event in history:
        table.add_row(*history_row(event))
    console.print(table)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="A goal, as a task would put it.")],
    sketch: Annotated[str, typer.Option(help="The page in a few words, as an agent would see it at that step.")] = "",
    library: Library = DEFAULT,
    kind: Kind = None,
    environment: Environment = None,
    site: Site = None,
    family: Annotated[str, typer.Option(help="Leave out what this task family's own evaluation taught.")] = "",
    split: Annotated[
        str, typer.Option(help="The split that the family is run as: training, validation, heldout.")
    ] = "training",
    k: Annotated[int, typer.Option("-k", min=1, help="At most so many.")] = 10,
    min_score: Annotated[float, typer.Option(help="At least this similar, in [-1, 1].")] = 0.25,
    as_json: AsJson = False,
) -> None:
    """Find what an agent with this goal would be given, with the scores.

    Nothing is noted as a use. Example: agentkit memory search "close the dialog" --environment miniwob
    """  # fmt: skip
    if split not in ("training", "validation", "heldout"):
        raise typer.BadParameter(f"--split {split!r}: expected training, validation or heldout")
    query = Query(
        goal=text,
        sketch=sketch,
        environment=environment,
        site=site,
        family=family,
        split=split,  # type: ignore[arg-type]
        kinds=(kind,) if kind else (),
        k=k,
        max_tokens=100_000,
        min_score=min_score,
    )
    found = asyncio.run(ask(library, query))
    if as_json:
        print_json([asdict(item) for item in found])
        return
    table = Table("score", Column("id", no_wrap=True), "kind", "text")
    for item in found:
        table.add_row(f"{item.score:.3f}", item.id[:SHORT], item.kind, plain(item.text))
    console.print(table if found else f"nothing in {library} is that similar; try a lower --min-score")


@app.command()
def rebuild(library: Library = DEFAULT, as_json: AsJson = False) -> None:
    """Make the index anew from the journal. Nothing is lost by it: the index holds nothing of its own."""

    async def work() -> int:
        async with open_existing(library) as store:
            await store.rebuild()
            return sum(item.status != "merged" for item in store.items.values())

    count = asyncio.run(work())
    print_json({"indexed": count}) if as_json else console.print(f"indexed {count} items of {library}")


@app.command()
def audit(library: Library = DEFAULT, as_json: AsJson = False) -> None:
    """Check that a library is whole, and name the items that a person should look at.

    Nothing is changed. Exits with 1 when something is damaged.
    """
    from memory.audit import audit as look_over
    from memory.encoder import Encoder

    findings = look_over(journal_of(library).parent, encoder=Encoder.name)
    damaged = any(finding.level == "problem" for finding in findings)
    if as_json:
        print_json({"damaged": damaged, "findings": [finding._asdict() for finding in findings]})
    for finding in [] if as_json else findings:
        colour = "red" if finding.level == "problem" else "yellow"
        console.print(Text.assemble((finding.level, colour), f": {plain(finding.what)}; {plain(finding.advice)}"))
        if finding.items:
            console.print("   " + " ".join(finding.items[:8]) + (" ..." if len(finding.items) > 8 else ""))
    if not findings and not as_json:
        console.print(f"{library} is whole, and its index is up to date")
    raise typer.Exit(1 if damaged else 0)


@app.command("export")
def export_items(
    file: Annotated[Path, typer.Argument(help="JSONL file to write; - for standard output.")],
    library: Library = DEFAULT,
    kind: Kind = None,
    environment: Environment = None,
    site: Site = None,
    status: Status = None,
) -> None:
    """Write items with their whole history to a file that `import` reads.

    Example: agentkit memory export tips.jsonl --kind tip --status active
    """
    from memory.journal import write_event

    items, lines = read_items(library), read_events(library)
    chosen = {item.id for item in items.values() if matches(item, kind, environment, site, status)}
    # What was merged into a chosen item goes with it, else its support would come from nowhere.
    chosen |= {event.item for event in lines if event.name == "merged" and event.into in chosen}
    picked = [event for event in lines if event.item in chosen and (not event.into or event.into in chosen)]
    written = b"".join(write_event(event) for event in picked)
    if str(file) == "-":
        sys.stdout.buffer.write(written)
        return
    file.write_bytes(written)
    console.print(f"wrote {len(picked)} events about {len(chosen)} items to {file}")


@app.command("import")
def import_items(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `export` wrote.")],
    library: Library = DEFAULT,
    trust: Annotated[bool, typer.Option("--trust", help="Serve new items at once, and take over every event.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring another library's items in. What is here already is not added twice.

    Items are text that goes into prompts, so new ones are quarantined until you `restore` them; --trust is for files
    of your own.
    """
    from memory.journal import parse_event
    from memory.store import MemoryStore

    lines = enumerate(file.read_bytes().splitlines(), start=1)
    incoming = [parse_event(raw, where=f"{file}:{number}") for number, raw in lines]

    async def work() -> dict[str, int]:
        async with MemoryStore.open(library) as store:
            receipt = await store.absorb(incoming, trusted=trust, reason=f"imported from {file.name}")
            return receipt._asdict()

    counts = asyncio.run(work())
    if as_json:
        print_json(counts)
        return
    fate = "served" if trust else "in quarantine: `agentkit memory list --status quarantined`"
    console.print(f"{counts['added']} new items, {fate}; {counts['known']} events were here or are not let in")


@app.command()
def retire(id: ItemId, library: Library = DEFAULT, reason: Reason = "") -> None:
    """Stop serving an item. It stays in the journal, and is not learnt again under other words."""
    change(library, id, events.retired, reason)


@app.command()
def restore(id: ItemId, library: Library = DEFAULT, reason: Reason = "") -> None:
    """Serve an item that was retired, quarantined or a draft; take a merged one apart again."""
    change(library, id, events.restored, reason)


def change(library: Path, id: str, make: Any, reason: str) -> None:
    """Write one event about one item."""

    async def work() -> Item:
        async with open_existing(library) as store:
            item = find(store.items, id)
            await store.write([make(item.id, reason=reason)])
            return store.items[item.id]

    item = asyncio.run(work())
    console.print(f"{item.id} is {item.status} now")


async def ask(library: Path, query: Query) -> tuple[Any, ...]:
    """Recall, with the index brought up to date where nobody else is writing the library."""
    from memory import LibraryBusy

    try:
        store = open_existing(library)
    except LibraryBusy:
        store = open_existing(library, writable=False)
    async with store:
        await store.flush()
        return await store.recall(query)


def read_events(library: Path) -> list[Event]:
    """The journal's events; a run may be writing it at the same time."""
    from memory.journal import read_journal

    return [line.event for line in read_journal(journal_of(library)).lines]


def read_items(library: Path) -> Mapping[str, Item]:
    """Every item by its id; neither encoder nor index is needed for that."""
    from memory.fold import fold

    return fold(read_events(library)).items


def open_existing(library: Path, *, writable: bool = True) -> MemoryStore:
    """Open a library that must be there."""
    from memory.store import MemoryStore

    return MemoryStore.open(journal_of(library).parent, writable=writable)


def journal_of(library: Path) -> Path:
    """The journal of a library that must be there, as a mistyped folder should not become a new one.

    Raises:
        RecordError: there is none.
    """
    journal = library / "journal.jsonl"
    if not journal.is_file():
        raise RecordError(
            f"no memory library in {str(library)!r}: give its folder with --library, or fill one by a run"
        )
    return journal


def find(items: Mapping[str, Item], prefix: str) -> Item:
    """The one item whose id starts so.

    Raises:
        RecordError: there is none, or there are several.
    """
    found = [id for id in items if id.startswith(prefix)]
    if len(found) != 1:
        said = f"several items: {', '.join(sorted(found)[:5])}" if found else "no item"
        raise RecordError(f"{prefix!r} is the beginning of {said}; `agentkit memory list` shows the ids")
    return items[found[0]]


def matches(item: Item, kind: str | None, environment: str | None, site: str | None, status: str | None) -> bool:
    """Whether the options of a command pick this item."""
    content = item.content
    return (
        (kind is None or content.kind == kind)
        and (environment is None or content.scope.environment == environment)
        and (site is None or content.scope.site == site)
        and (item.status == status if status else item.status != "merged")
    )


def describe(item: Item) -> dict[str, Any]:
    """An item as JSON, with what is worked out from its sources."""
    worked_out = {"support": item.support, "created": item.created, "uses_gold": item.uses_gold}
    return {**asdict(item), **worked_out, "taint": sorted(item.taint)}


def print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_items(items: Iterable[Item], *, left_out: int) -> None:
    narrow = [Column(name, no_wrap=True) for name in ("id", "kind", "scope")]
    table = Table(*narrow, "learnt", "used", "+/-", "text")
    for item in items:
        counts = [str(item.support), str(item.uses), f"{item.wins}/{item.losses}"]
        text = plain(item.content.text)
        text.truncate(160, overflow="ellipsis")
        if item.status != "active":
            text = Text.assemble((item.status, "yellow"), ": ", text)
        table.add_row(item.id[:SHORT], item.content.kind, place(item), *counts, text)
    console.print(table)
    if left_out > 0:
        console.print(f"{left_out} more; --limit shows them")


def print_facts(item: Item) -> None:
    facts = Table(show_header=False, box=None)
    rows = {
        "id": f"{item.id}, version {item.version}, {item.content.kind}, {place(item)}",
        "status": item.status + (f": {item.reason}" if item.reason else "") + f" {item.merged_into}",
        "text": item.content.text,
        "found by": item.content.cue or "its text",
        "data": orjson.dumps(item.content.data).decode(),
        "learnt": f"{item.support} time(s), first {item.created}",
        "used": f"{item.uses} time(s); helped {item.wins}, hurt {item.losses}",
        "withheld from": ", ".join(sorted(item.taint)) or "nobody",
        "hidden verdict": "was known to a source" if item.uses_gold else "was not known",
    }
    for name, value in rows.items():
        facts.add_row(Text(name, "bold"), plain(value))
    console.print(facts)


def history_row(event: Event) -> list[Text | str]:
    source = event.provenance
    places = [("attempt", source.attempt), ("step", source.step)] if source else []
    where = " ".join(
        [source.trajectory if source else "a person", *(f"{n} {at}" for n, at in places if at is not None)]
    )
    notes = [event.reason, event.into and f"into {event.into}", "an echo" if event.echo else ""]
    return [
        event.time[:19],
        event.name,
        plain(where),
        plain(", ".join(note for note in notes if note)),
    ]


def place(item: Item) -> str:
    scope = item.content.scope
    return plain(f"{scope.environment}/{scope.site}".rstrip("/") or "anywhere").plain


def plain(text: str) -> Text:
    """Text from pages and models for a terminal: no markup, no escape sequences, no writing backwards."""
    return Text("".join(char if char.isprintable() else " " for char in text))
