"""Is everything that BrowserGym lists in agentkit's outline, and what does BrowserGym leave out?

Both look at one live document, the first page of each MiniWoB++ task in BrowserGym's own browser; elements are matched by
identity. Which places a person can act on besides is asked of the browser: elements with a mouse listener of their own.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from runner import Runner

from environments.miniwob import load
from environments.web.outline import OUTLINE_JS

__all__ = ["compare_listings"]

ACTIONABLE = frozenset(
    ["button", "checkbox", "combobox", "link", "listbox", "menuitem", "menuitemcheckbox", "menuitemradio", "option", "radio", "searchbox", "slider", "spinbutton", "switch", "tab", "textbox", "treeitem"]
)
CHOICES = frozenset({"option", "menuitem"})
SEED = 1


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
    """One task: BrowserGym's actionable elements against our outline, and the places against both."""
    outline = found["outline"]
    ours = {element["bid"]: element for element in outline if element["bid"]}
    listed = [node for node in found["listed"] if node["role"] in ACTIONABLE]
    missing = [node for node in listed if node["bid"] not in ours and not offered(node, outline)]
    unnamed = [node for node in listed if not node["name"].strip()]
    still = [node for node in unnamed if not name_of(ours.get(node["bid"]))]
    ids = {node["bid"] for node in found["listed"]}
    refs = {element["ref"]: element for element in outline}
    theirs_lack = [place for place in found["places"] if place["bid"] not in ids]
    return {
        "listed": len(listed),
        "missing": missing,
        "unnamed_there": len(unnamed),
        "unnamed_here": still,
        "places": len(found["places"]),
        "unlisted_there": len(theirs_lack),
        "unlisted_here": [place for place in theirs_lack if not serving(place, refs)],
        "nameless_here": [place for place in theirs_lack if serving(place, refs) and not named(place, refs)],
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
    def total(key: str) -> int:
        return sum(len(r[key]) if isinstance(r[key], list) else r[key] for r in results.values())

    def tasks_with(key: str) -> int:
        return sum(bool(r[key]) for r in results.values())

    out.print(
        f"MiniWoB++ first pages that both open: {len(results)}; BrowserGym opens none of: {', '.join(unopened) or '-'}"
    )
    out.print(f"actionable elements that BrowserGym lists: {total('listed')}; not in our outline: {total('missing')}")
    out.print(
        f"listed there without a name: {total('unnamed_there')} in {tasks_with('unnamed_there')} tasks; "
        f"without one here: {total('unnamed_here')}"
    )
    out.print(
        f"places with a mouse listener of their own that BrowserGym does not list: {total('unlisted_there')} "
        f"in {tasks_with('unlisted_there')} tasks; not in our outline: {total('unlisted_here')}; "
        f"there without a name: {total('nameless_here')}"
    )
    for key in ("missing", "unnamed_here", "unlisted_here", "nameless_here"):
        for task, result in results.items():
            for item in result[key]:
                told = {
                    k: v
                    for k, v in item.items()
                    if k in ("role", "tag", "name", "text", "class", "id", "box", "types") and v
                }
                out.print(f"  {key:14} {task}: {told}", markup=False)
