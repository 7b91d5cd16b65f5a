"""`agentkit arena`: the bundled sites, for a person to click through."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sandbox import AgentkitError

app = typer.Typer(no_args_is_help=True, help="The five bundled sites.")
console = Console()


@app.callback()
def arena() -> None:
    """The five bundled sites."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of all sites; 0 takes a free one.")] = 7780,
    size: Annotated[str, typer.Option(help="How much is in them: small, normal, large.")] = "normal",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same data.")] = 0,
    drift: Annotated[int, typer.Option(min=0, max=3, help="How far theme, labels and layout are changed.")] = 0,
) -> None:
    """Serve the sites until Ctrl-C, and print their addresses and logins. What you change is gone afterwards.

    Example: agentkit arena serve --port 7780 --drift 2
    """
    try:
        asyncio.run(serving(port=port, size=size, seed=seed, drift=drift))
    except KeyboardInterrupt:
        console.print("\nstopped; what was changed is forgotten", highlight=False)


async def serving(*, port: int, size: str, seed: int, drift: int) -> None:
    """Open the instance that answers without a header, and wait."""
    from environments.arena.instance import SIZES
    from environments.arena.server import Arena, listening
    from environments.arena.sites import load_sites

    if size not in SIZES:
        raise AgentkitError(f"--size {size!r}: expected one of {', '.join(SIZES)}")
    arena = Arena(load_sites())
    with console.status("seeding the sites"):
        arena.open(seed=seed, size=size, drift=drift, name="main")
    async with listening(arena, host="127.0.0.1", port=port, socket=None) as found:
        console.print(addresses(arena, port=found))
        console.print("Ctrl-C ends it. What you change is gone then.", style="dim")
        await asyncio.Event().wait()


def addresses(arena: Any, *, port: int) -> Table:
    """Each site with its address and one account of each role."""
    table = Table("site", "address", "user name", "password")
    for site in arena.sites.values():
        rows = arena.rows(
            instance="main",
            query="SELECT min(username) AS username, password FROM account WHERE site = ? GROUP BY role ORDER BY role",
            values=[site.name],
        )["rows"]
        for number, row in enumerate(rows or [{"username": "", "password": ""}]):
            place = (site.title, f"http://{site.name}.localhost:{port}") if not number else ("", "")
            table.add_row(*place, row["username"], row["password"])
    return table
