"""Is everything that BrowserGym lists in agentkit's outline, and what does BrowserGym leave out?

Both look at one live document, the first page of each MiniWoB++ task in BrowserGym's own browser; elements are matched
by identity. Which places a person can act on besides is asked of the page: elements with a mouse listener of their own,
a hand for a cursor, or the class of a handle.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from runner import Runner

from environments.miniwob import load
from environments.web.outline import OUTLINE_JS

__all__ = ["compare_listings"]

ACTIONABLE = frozenset(
    [
        "button",
        "checkbox",
        "combobox",
        "link",
        "listbox",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "option",
        "radio",
        "searchbox",
        "slider",
        "spinbutton",
        "switch",
        "tab",
        "textbox",
        "treeitem",
    ]
)
CHOICES = frozenset({"option", "menuitem"})
SEED = 1
TOLD = ("role", "tag", "name", "text", "class", "id", "box", "types", "bid")


def compare_listings(side: Runner, tasks: list[str], *, out: Console, say: Console) -> dict[str, Any]:
    """Go through the tasks, print the counts and every miss, and return them."""
    results: dict[str, Any] = {}
    unopened: dict[str, str] = {}
    for name in tasks or [task.id for task in load().tasks()]:
        try:
            found = side.ask("listing", outline_js=OUTLINE_JS, page=name, seed=SEED)
        except RuntimeError as error:
            unopened[name] = str(error)
            continue
        results[name] = judge(found)
        say.print(
            f"{name}: {results[name]['listed']} listed, {len(results[name]['missing'])} missing here", style="dim"
        )
    report(results, unopened, out)
    return {"tasks": results, "unopened": unopened}


def judge(found: dict[str, Any]) -> dict[str, Any]:
    """One task: BrowserGym's actionable elements against our outline, and every place against both."""
    outline = found["outline"]
    ours = {element["bid"]: element for element in outline if element["bid"]}
    listed = [node for node in found["listed"] if node["role"] in ACTIONABLE]
    unnamed = [node for node in listed if not node["name"].strip()]
    there = {node["bid"]: node["name"].strip() for node in found["listed"]}
    refs = {element["ref"]: element for element in outline}
    places = found["places"]
    return {
        "listed": len(listed),
        "missing": [node for node in listed if node["bid"] not in ours and not offered(node, outline)],
        "unnamed_there": len(unnamed),
        "unnamed_here": [node for node in unnamed if not name_of(ours.get(node["bid"]))],
        "places": len(places),
        "places_unlisted_there": sum(place["bid"] not in there for place in places),
        "places_nameless_there": sum(there.get(place["bid"]) == "" for place in places),
        "places_unlisted_here": [place for place in places if not serving(place, refs)],
        "places_nameless_here": [place for place in places if serving(place, refs) and not named(place, refs)],
        "guessed_here": sum(element["guessed"] for element in outline),
    }


def offered(node: dict[str, Any], outline: list[dict[str, Any]]) -> bool:
    """Whether a choice of a select is among its options in the outline."""
    return node["role"] in CHOICES and any(node["name"].strip() in element["options"] for element in outline)


def serving(place: dict[str, Any], refs: dict[str, Any]) -> list[dict[str, Any]]:
    """Our elements by which one acts on a place: itself, or else what lies inside it."""
    return [refs[ref] for ref in [place["ref"], *place["inside"]] if ref in refs]


def named(place: dict[str, Any], refs: dict[str, Any]) -> bool:
    return any(name_of(element) for element in serving(place, refs))


def name_of(element: dict[str, Any] | None) -> str:
    return element["name"].strip() if element else ""


def report(results: dict[str, Any], unopened: dict[str, str], out: Console) -> None:
    """Print the counts, then one line for every miss of ours."""

    def count(key: str) -> str:
        sizes = [len(r[key]) if isinstance(r[key], list) else r[key] for r in results.values()]
        return f"{sum(sizes)} in {sum(map(bool, sizes))} tasks"

    drawn = Table("MiniWoB++ first pages", "BrowserGym", "agentkit", title=f"What is listed on {len(results)} pages")
    drawn.add_row("actionable elements by role, listed by BrowserGym", count("listed"), "")
    drawn.add_row("  of these not listed", "", count("missing"))
    drawn.add_row("  of these without a name", count("unnamed_there"), count("unnamed_here"))
    drawn.add_row("places with a mouse listener, pointer or handle", count("places"), count("places"))
    drawn.add_row("  of these not listed", count("places_unlisted_there"), count("places_unlisted_here"))
    drawn.add_row("  of these listed without a name", count("places_nameless_there"), count("places_nameless_here"))
    drawn.add_row("names guessed from class, id or file", "", count("guessed_here"))
    out.print(drawn)
    if unopened:
        out.print(f"not opened by BrowserGym: {', '.join(unopened)}")
    for key in ("missing", "unnamed_here", "places_unlisted_here", "places_nameless_here"):
        for task, result in results.items():
            for item in result[key]:
                told = {k: item[k] for k in TOLD if item.get(k)}
                out.print(f"{key} {task}: {told}", markup=False)
