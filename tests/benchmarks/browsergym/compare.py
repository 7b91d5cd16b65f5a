"""agentkit beside BrowserGym: the same Chromium, the same pages, in turns. `make bench-browsergym` runs it.

A step is act, settle and observe; BrowserGym's includes the screenshot that it always takes. Text is rendered after it
and counted in characters: agentkit's whole outline, not cut to its usual cap, and BrowserGym's as its agents print it.
"Until shown" adds the further looks that it takes until the observation has what the step brought about: with its
sleeps off, BrowserGym may look too early.
"""

from __future__ import annotations

import argparse
import http.server
import json
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from install import set_up, settings
from listing import compare_listings
from rich.console import Console
from rich.table import Table
from runner import Runner
from shop import MORE_CARDS, shop_page

from environments.miniwob import pages_folder

HERE = Path(__file__).parent
CONTEXTS = (1, 2, 4, 8)
LOOKS = 8
FIGURES = ("step", "step_cpu", "shown", "shown_cpu", "render", "reset", "chars")
GOALS = {"small": {"step": 5, "step_cpu": 15, "chars": 3}, "large": {"step": 25, "step_cpu": 40, "chars": 3}}
"""How many times less agentkit should take than BrowserGym with its sleeps off."""


@dataclass(frozen=True)
class Page:
    """A page of the benchmark and what is done on it after each reset."""

    name: str
    size: str
    steps: Sequence[tuple[dict[str, Any], str]]
    """Each step, with words that the observation must show once the step has had its effect."""
    url: str = ""

    @property
    def place(self) -> dict[str, str]:
        return {"page": self.name, **({"url": self.url} if self.url else {})}


@dataclass
class Measured:
    """What one side did on one page: seconds and characters, one entry per reset or step."""

    step: list[float] = field(default_factory=list)
    step_cpu: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    """The step and as many further looks as it took until its effect was in the observation."""
    shown_cpu: list[float] = field(default_factory=list)
    render: list[float] = field(default_factory=list)
    reset: list[float] = field(default_factory=list)
    chars: list[int] = field(default_factory=list)
    looks: int = 0

    def medians(self) -> dict[str, float]:
        """Milliseconds, and characters of an observation."""
        timed = ("step", "step_cpu", "shown", "shown_cpu", "render", "reset")
        found = {name: statistics.median(getattr(self, name)) * 1000 for name in timed if getattr(self, name)}
        return found | {"chars": statistics.median(self.chars), "looks": self.looks, "steps": len(self.step)}

    def by_step(self, count: int) -> list[float]:
        """Median milliseconds of each of the page's `count` steps."""
        return [statistics.median(self.step[n::count]) * 1000 for n in range(count)]


def pages(shop_url: str, *, larger_url: str) -> list[Page]:
    def click(role: str, name: str | None = None, nth: int = 0) -> dict[str, Any]:
        return {"act": "click", "role": role, "name": name, "nth": nth}

    def fill(name: str, text: str) -> dict[str, Any]:
        return {"act": "fill", "role": "textbox", "name": name, "text": text}

    booking = [
        (fill("To:", "Fairb"), "Fairbanks"),
        (fill("From:", "Anch"), "Anchorage"),
        (click("textbox", nth=2), "December"),
        (click("link", "14"), "12/14/2016"),
        (click("button", "Search"), "Search"),
    ]
    shopping = [
        (click("button", "Add to cart", nth), f"Cart: {n} items") for n, nth in enumerate((2, 30, 77, 5, 120), 1)
    ]
    return [
        Page("click-test", "small", [(click("button", "Click Me!"), "")]),
        Page("book-flight", "small", booking),
        Page("shop", "large", shopping, shop_url),
        Page("larger-shop", "large", shopping, larger_url),
    ]


@contextmanager
def serve(text: str) -> Iterator[str]:
    """The address at which `text` is served as a page on this machine."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text(text)
        handler = partial(QuietFiles, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
            server.shutdown()


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a line per request would hide the report."""


def measure(page: Page, sides: Sequence[Runner], rounds: int, say: Console) -> dict[str, Measured]:
    """Reset and go through the page's steps `rounds` times, the sides taking turns at every single step."""
    measured = {side.name: Measured() for side in sides}
    for number in range(rounds):
        for side in sides:
            reply = side.ask("reset", seed=number, **page.place)
            if number:  # the first one starts a browser or an environment
                measured[side.name].reset.append(reply["wall"])
            measured[side.name].chars.append(len(side.ask("text")["text"]))
        for step, effect in page.steps:
            for side in sides:
                take_step(side, step, effect, into=measured[side.name])
        say.print(f"{page.name}: round {number + 1} of {rounds}", style="dim")
    return measured


def take_step(side: Runner, step: dict[str, Any], effect: str, *, into: Measured) -> None:
    reply = side.ask("step", **step)
    if reply["error"]:
        raise RuntimeError(f"{side.name}, {step}: {reply['error']}")
    into.step.append(reply["wall"])
    into.step_cpu.append(reply["cpu"])
    wall, cpu = reply["wall"], reply["cpu"]
    seen = side.ask("text")
    into.render.append(seen["wall"])
    into.chars.append(len(seen["text"]))
    for _ in range(LOOKS):
        if effect in seen["text"]:
            break
        again = side.ask("look")
        wall, cpu = wall + again["wall"], cpu + again["cpu"]
        into.looks += 1
        seen = side.ask("text")
    into.shown.append(wall)
    into.shown_cpu.append(cpu)


def throughput(page: Page, side: Runner, seconds: float) -> dict[int, float]:
    """Steps per second with several contexts at once; the step is one that can be repeated for ever."""
    role, name = ("button", "Search") if page.size == "large" else ("textbox", "To:")
    plan = [{"act": "click", "role": role, "name": name}]
    asked = {"plan": plan, "seconds": seconds, **page.place}
    return {n: side.ask("throughput", contexts=n, **asked)["steps_per_s"] for n in CONTEXTS}


def table(results: dict[str, Any]) -> Table:
    """Medians in milliseconds and characters; under each page, the others' divided by agentkit's."""
    heads = ("step", "step CPU", "until shown", "CPU", "render", "reset", "characters", "looks", "steps")
    drawn = Table("page", "side", *heads, title="Medians, ms")
    for page, found in results["pages"].items():
        for side, medians in found["medians"].items():
            row = [f"{medians[key]:,.1f}" if key in medians else "" for key in FIGURES]
            drawn.add_row(page, side, *row, f"{medians['looks']}", f"{medians['steps']}")
        for side, ratio in found["ratios"].items():
            drawn.add_row("", f"{side} ÷ agentkit", *(f"{ratio[key]:,.1f}" if key in ratio else "" for key in FIGURES))
        drawn.add_section()
    return drawn


def ratios(medians: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """How many times agentkit's figure goes into each other side's."""
    own = medians["agentkit"]
    return {
        side: {key: found[key] / own[key] for key in FIGURES if own.get(key) and key in found}
        for side, found in medians.items()
        if side != "agentkit"
    }


def verdicts(results: dict[str, Any]) -> Iterator[str]:
    """One line for each goal, reached or not."""
    for page, found in results["pages"].items():
        reached = found["ratios"]["BrowserGym, sleeps off"]
        for key, goal in GOALS[found["size"]].items():
            word = "reached" if reached[key] >= goal else "NOT reached"
            yield f"{page:12} {key:9} {reached[key]:7.1f} times less; goal {goal:g}; {word}"


def run_speed(options: argparse.Namespace, python: Path, environment: dict[str, str], say: Console) -> dict[str, Any]:
    results: dict[str, Any] = {"pages": {}, "throughput": {}}
    with ExitStack() as stack:
        shop_url = stack.enter_context(serve(shop_page()))
        larger_url = stack.enter_context(serve(shop_page(MORE_CARDS)))
        theirs = [python, HERE / "theirs.py"]
        ours = stack.enter_context(Runner("agentkit", [sys.executable, HERE / "ours.py"], environment))
        tuned = stack.enter_context(Runner("BrowserGym, sleeps off", theirs, environment))
        usual = stack.enter_context(Runner("BrowserGym", [*theirs, "--sleeps"], environment))
        chosen = [
            page for page in pages(shop_url, larger_url=larger_url) if not options.only or page.name in options.only
        ]
        for page in chosen:
            rounds = options.rounds * (3 if len(page.steps) == 1 else 1)
            measured = measure(page, [ours, tuned, usual], rounds, say)
            medians = {side: found.medians() for side, found in measured.items()}
            results["pages"][page.name] = {
                "size": page.size,
                "medians": medians,
                "ratios": ratios(medians),
                "by_step": {side: found.by_step(len(page.steps)) for side, found in measured.items()},
            }
        for page in chosen:
            if page.name != "click-test":
                results["throughput"][page.name] = throughput(page, ours, options.seconds)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment", type=Path, default=Path(".venv-browsergym"), help="folder of BrowserGym's environment"
    )
    parser.add_argument("--rounds", type=int, default=4, help="resets of each page, five steps after each")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each throughput run")
    parser.add_argument("--only", nargs="*", default=[], help="pages: click-test, book-flight, shop, larger-shop")
    parser.add_argument("--part", choices=("speed", "listing", "all"), default="all")
    parser.add_argument("--tasks", nargs="*", default=[], help="MiniWoB++ tasks for the comparison of what is listed")
    parser.add_argument("--json", type=Path, default=Path("runs/browsergym.json"), help="where the figures are written")
    options = parser.parse_args()
    say = Console(stderr=True)
    python = set_up(options.environment.resolve())
    environment = settings(options.environment.resolve(), pages_folder())
    results: dict[str, Any] = {}
    out = Console(width=150, record=True)
    if options.part in ("speed", "all"):
        results |= run_speed(options, python, environment, say)
        out.print(table(results))
        out.print(*verdicts(results), sep="\n")
        for page, found in results["pages"].items():
            for side, steps in found["by_step"].items():
                out.print(f"{page}, {side}, by step: " + ", ".join(f"{ms:.0f}" for ms in steps))
        for page, found in results["throughput"].items():
            out.print(f"{page}: " + ", ".join(f"{n} contexts {rate:.0f} steps/s" for n, rate in found.items()))
    if options.part in ("listing", "all"):
        with Runner("BrowserGym", [python, HERE / "theirs.py"], environment) as side:
            results["listing"] = compare_listings(side, options.tasks, out=out, say=say)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1))
    options.json.with_suffix(".txt").write_text(out.export_text())
    say.print(f"written to {options.json} and {options.json.with_suffix('.txt')}")


if __name__ == "__main__":
    main()
