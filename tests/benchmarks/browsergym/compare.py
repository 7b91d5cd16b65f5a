"""agentkit beside BrowserGym: the same Chromium, the same pages, in turns. `make bench-browsergym` runs it.

A step is act, settle and observe; BrowserGym's includes the screenshot that it always takes. Text is rendered afterwards and
counted in characters: agentkit's whole outline, not cut to its usual cap, and BrowserGym's as its agents print it.
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
from shop import shop_page

from environments.miniwob import pages_folder

HERE = Path(__file__).parent
CONTEXTS = (1, 2, 4, 8)
BOOKING = (("To:", "Anch"), ("To:", "Fairb"), ("From:", "Noat"), ("From:", "Seat"), ("From:", "Bos"))
GOALS = {"small": {"wall": 5.0, "cpu": 15.0, "chars": 3.0}, "large": {"wall": 25.0, "cpu": 40.0, "chars": 3.0}}
"""How many times less agentkit should take than BrowserGym with its sleeps off (issue 2, point 3)."""


@dataclass(frozen=True)
class Page:
    """A page of the benchmark and the steps taken on it, in order, after each reset."""

    name: str
    size: str
    steps: Sequence[dict[str, Any]]
    url: str = ""

    @property
    def place(self) -> dict[str, str]:
        return {"page": self.name, **({"url": self.url} if self.url else {})}


@dataclass
class Measured:
    """What one side did on one page: seconds and characters, one entry per reset or step."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    render: list[float] = field(default_factory=list)
    reset: list[float] = field(default_factory=list)
    chars: list[int] = field(default_factory=list)
    lean: list[int] = field(default_factory=list)

    def keep(self, reply: dict[str, Any]) -> None:
        self.wall.append(reply["wall"])
        self.cpu.append(reply["cpu"])
        self.render.append(reply["render"])

    def keep_reset(self, reply: dict[str, Any], *, first: bool) -> None:
        if not first:  # the first one starts a browser or an environment
            self.reset.append(reply["wall"])
        self.chars.append(reply["chars"])
        self.lean.append(reply.get("lean_chars", reply.get("capped_chars", 0)))

    def medians(self) -> dict[str, float]:
        """Milliseconds, and characters of the first observation."""
        held = {"step_ms": self.wall, "step_cpu_ms": self.cpu, "render_ms": self.render, "reset_ms": self.reset}
        found = {name: statistics.median(values) * 1000 for name, values in held.items() if values}
        return found | {
            "chars": statistics.median(self.chars),
            "lean_chars": statistics.median(self.lean),
            "steps": len(self.wall),
        }


def pages(shop_url: str) -> list[Page]:
    fill = {"act": "fill", "role": "textbox"}
    # The list of suggestions below one field would cover the next one: upwards, then.
    book = [{**fill, "name": name, "text": text} for name, text in BOOKING]
    cards = [{"act": "click", "role": "button", "name": "Add to cart", "nth": nth} for nth in (2, 30, 77, 5, 120)]
    return [
        Page("click-test", "small", [{"act": "click", "role": "button", "name": "Click Me!"}]),
        Page("book-flight", "small", book),
        Page("shop", "large", cards, shop_url),
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
            measured[side.name].keep_reset(reply, first=number == 0)
        for step in page.steps:
            for side in sides:
                reply = side.ask("step", **step)
                if reply["error"]:
                    raise RuntimeError(f"{side.name} on {page.name}, {step}: {reply['error']}")
                measured[side.name].keep(reply)
        say.print(f"{page.name}: round {number + 1} of {rounds}", style="dim")
    return measured


def throughput(page: Page, side: Runner, seconds: float) -> dict[int, float]:
    """Steps per second with several contexts at once."""
    plan = [step for step in page.steps if step["act"] == "fill"] or page.steps[:1]
    if page.size == "large":
        plan = [{"act": "click", "role": "button", "name": "Search"}]
    asked = {"plan": plan, "seconds": seconds, **page.place}
    return {n: side.ask("throughput", contexts=n, **asked)["steps_per_s"] for n in CONTEXTS}


def table(results: dict[str, Any]) -> Table:
    drawn = Table(
        "page", "side", "step ms", "step CPU ms", "render ms", "reset ms", "text chars", "steps", title="Medians"
    )
    for page, sides in results["pages"].items():
        for side, found in sides["medians"].items():
            row = [
                f"{found.get(key, float('nan')):,.1f}" for key in ("step_ms", "step_cpu_ms", "render_ms", "reset_ms")
            ]
            drawn.add_row(page, side, *row, f"{found['chars']:,.0f}", f"{found['steps']:,.0f}")
        for side, ratio in sides["ratios"].items():
            row = [
                f"{ratio.get(key, float('nan')):,.1f}×"
                for key in ("step_ms", "step_cpu_ms", "render_ms", "reset_ms", "chars")
            ]
            drawn.add_row("", f"{side} / agentkit", *row, "", style="bold")
        drawn.add_section()
    return drawn


def ratios(medians: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """How many times agentkit's figure goes into each other side's."""
    own = medians["agentkit"]
    keys = ("step_ms", "step_cpu_ms", "render_ms", "reset_ms", "chars")
    return {
        side: {key: found[key] / own[key] for key in keys if own.get(key) and key in found}
        for side, found in medians.items()
        if side != "agentkit"
    }


def verdicts(results: dict[str, Any]) -> Iterator[str]:
    """One line for each goal, reached or not."""
    for page, sides in results["pages"].items():
        reached = sides["ratios"]["BrowserGym, sleeps off"]
        goals = GOALS[sides["size"]]
        for key, figure in (("wall", "step_ms"), ("cpu", "step_cpu_ms"), ("chars", "chars")):
            word = "reached" if reached[figure] >= goals[key] else "NOT reached"
            yield f"{page:12} {key:6} {reached[figure]:7.1f}× of {goals[key]:g}×  {word}"


def run_speed(options: argparse.Namespace, python: Path, environment: dict[str, str], say: Console) -> dict[str, Any]:
    results: dict[str, Any] = {"pages": {}, "throughput": {}}
    with ExitStack() as stack:
        shop_url = stack.enter_context(serve(shop_page()))
        theirs = [python, HERE / "theirs.py"]
        ours = stack.enter_context(Runner("agentkit", [sys.executable, HERE / "ours.py"], environment))
        tuned = stack.enter_context(Runner("BrowserGym, sleeps off", theirs, environment))
        usual = stack.enter_context(Runner("BrowserGym", [*theirs, "--sleeps"], environment))
        chosen = [page for page in pages(shop_url) if not options.only or page.name in options.only]
        for page in chosen:
            rounds = options.rounds * (3 if len(page.steps) == 1 else 1)
            measured = measure(page, [ours, tuned, usual], rounds, say)
            medians = {side: found.medians() for side, found in measured.items()}
            results["pages"][page.name] = {"size": page.size, "medians": medians, "ratios": ratios(medians)}
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
    parser.add_argument("--only", nargs="*", default=[], help="pages: click-test, book-flight, shop")
    parser.add_argument("--part", choices=("speed", "listing", "all"), default="all")
    parser.add_argument("--tasks", nargs="*", default=[], help="MiniWoB++ tasks for the comparison of what is listed")
    parser.add_argument("--json", type=Path, default=Path("runs/browsergym.json"), help="where the figures are written")
    options = parser.parse_args()
    say = Console(stderr=True)
    python = set_up(options.environment.resolve())
    environment = settings(options.environment.resolve(), pages_folder())
    results: dict[str, Any] = {}
    out = Console()
    if options.part in ("speed", "all"):
        results |= run_speed(options, python, environment, say)
        out.print(table(results))
        out.print(*verdicts(results), sep="\n")
        for page, found in results["throughput"].items():
            out.print(f"{page}: " + ", ".join(f"{n} contexts {rate:.0f} steps/s" for n, rate in found.items()))
    if options.part in ("listing", "all"):
        with Runner("BrowserGym", [python, HERE / "theirs.py"], environment) as side:
            results["listing"] = compare_listings(side, options.tasks, out=out, say=say)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1))
    out.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
