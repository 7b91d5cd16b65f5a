"""What an arena task is: a template makes drafts from the seeded data; a draft becomes a record in WebArena's format.

    @template("shop", "cheapest-in-category", split="training")
    def cheapest(data: Data, rng: Random) -> Draft:
        category = rng.choice(data.all("SELECT * FROM shop_category"))
        best = data.one("SELECT ... ORDER BY price, id LIMIT 1", category["id"])
        return Draft(
            intent=f"What is the cheapest product in {category['name']}?",
            words={"category": category["name"]},
            start="__SHOP__/",
            eval=answers(must_include=best["name"]),
            reference=(click("link", category["name"]), choose("Sort by", "Price"), say(best["name"])),
            near_miss=(say("the dearest one"),),
        )

A reference solution is written in what a person looks for (role and label); labels are the sites' own at drift 0 and
are looked up in the instance's `Look` when the move is made, so one solution serves every drift.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from environments.contracts import JSON, Split

__all__ = [
    "Data",
    "Draft",
    "Move",
    "Template",
    "answers",
    "at_address",
    "both",
    "choose",
    "click",
    "fill",
    "give_up",
    "go",
    "page_holds",
    "press",
    "say",
    "template",
    "templates_of",
]

INSTANCES = 5
"""Drafts of each template in the suite."""


@dataclass(frozen=True, slots=True)
class Move:
    """One action of a solution, by what a person looks for.

    `near` picks the first match after an element whose name contains that text, such as the row of a table.
    """

    action: Literal["click", "fill", "select_option", "check", "press", "goto", "answer", "report_infeasible"]
    role: str = ""
    name: str = ""
    """The element's whole accessible name, looked up in `Look.label`; or its beginning, when it ends in `…`."""
    text: str = ""
    """What is filled in, chosen, pressed, opened or answered."""
    near: str = ""


def click(role: str, name: str, *, near: str = "") -> Move:
    """Click a link, button, checkbox and so on."""
    return Move("click", role, name, near=near)


def fill(name: str, text: str, *, near: str = "", role: str = "textbox") -> Move:
    """Fill a field."""
    return Move("fill", role, name, text, near)


def choose(name: str, option: str, *, near: str = "") -> Move:
    """Choose in a drop-down list."""
    return Move("select_option", "combobox", name, option, near)


def press(key: str) -> Move:
    """Press a key where the focus is."""
    return Move("press", text=key)


def go(address: str) -> Move:
    """Open an address such as `__FORUM__/c/gardening`."""
    return Move("goto", text=address)


def say(text: str) -> Move:
    """Give an answer, and end; with an empty text, say that the task is done."""
    return Move("answer", text=text)


def give_up(reason: str) -> Move:
    """Report that the task cannot be done."""
    return Move("report_infeasible", text=reason)


@dataclass(frozen=True, slots=True)
class Data:
    """The seeded database, for reading."""

    db: sqlite3.Connection

    def all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self.db.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> sqlite3.Row:
        """The first row.

        Raises:
            LookupError: there is none; the template should not have asked.
        """
        row: sqlite3.Row | None = self.db.execute(statement, values).fetchone()
        if row is None:
            raise LookupError(f"no row for {statement!r} {values!r}")
        return row

    def value(self, statement: str, *values: Any) -> Any:
        return self.one(statement, *values)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One task of a template."""

    intent: str
    """What the agent is asked."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What differs between the template's instances, by name."""
    start: str
    """Where it begins: a site's placeholder (`__SHOP__`, `__ADMIN__`, `__FORUM__` and so on) and a path."""
    login: Mapping[str, str] = field(default_factory=dict)
    """Site -> user name that is signed in when the task begins."""
    eval: Mapping[str, JSON]
    """WebArena's `eval` object, made by `answers`, `at_address`, `page_holds`, `both`."""
    reference: Sequence[Move]
    """Passes the grader. Its last move is `say` or `give_up`."""
    near_miss: Sequence[Move]
    """Ends like a plausible mistake, and fails."""
    max_steps: int = 30


Make = Callable[[Data, Random], Draft]


@dataclass(frozen=True, slots=True)
class Template:
    """A family of tasks. The split is the template's, so that no two splits share one."""

    name: str
    """`site-name`, or `cross-name` for tasks over several sites."""
    sites: tuple[str, ...]
    split: Split
    make: Make


_TEMPLATES: dict[str, list[Template]] = {}


def template(sites: str | tuple[str, ...], name: str, *, split: Split) -> Callable[[Make], Make]:
    """Add a template to those of its module, which `templates_of` lists."""
    over = (sites,) if isinstance(sites, str) else sites

    def add(make: Make) -> Make:
        prefix = over[0] if len(over) == 1 else "cross"
        _TEMPLATES.setdefault(make.__module__, []).append(Template(f"{prefix}-{name}", over, split, make))
        return make

    return add


def templates_of(module: str) -> tuple[Template, ...]:
    """The templates that a module, or a package's modules, have made with `template`, in order."""
    own = (made for name, made in _TEMPLATES.items() if name == module or name.startswith(f"{module}."))
    return tuple(one for made in own for one in made)


# WebArena's `eval` objects ---------------------------------------------------------------------------------------


def answers(
    *, exact: str | None = None, must_include: str | Sequence[str] = (), infeasible: str | None = None
) -> dict[str, JSON]:
    """string_match: the answer is this, contains these, or says that the task can't be done (for this reason)."""
    wanted = [must_include] if isinstance(must_include, str) else list(must_include)
    reference: dict[str, JSON] = {}
    if infeasible is not None:
        reference = {"fuzzy_match": "N/A"}
    elif exact is not None:
        reference = {"exact_match": exact}
    else:
        reference = {"must_include": wanted}
    return {
        "eval_types": ["string_match"],
        "reference_answers": reference,
        "reference_url": "",
        "program_html": [],
        "string_note": infeasible or "",
        "reference_answer_raw_annotation": exact or ", ".join(wanted),
    }


def at_address(url: str) -> dict[str, JSON]:
    """url_match: the episode ends at this address; `|OR|` stands between several."""
    return {
        "eval_types": ["url_match"],
        "reference_answers": None,
        "reference_url": url,
        "program_html": [],
        "url_note": "GOLD in PRED",
    }


def page_holds(*checks: tuple[str, str, str | Sequence[str]]) -> dict[str, JSON]:
    """program_html: (address, locator, contents) each; the address may be `last`, the locator is JavaScript or empty.

    Locators use `data-grade` attributes, which no drift changes and no outline shows. Contents that must be there; one
    text starting with `=` must be the whole content.
    """
    return {
        "eval_types": ["program_html"],
        "reference_answers": None,
        "reference_url": "",
        "program_html": [
            {"url": url, "locator": locator, "required_contents": _required(contents)}
            for url, locator, contents in checks
        ],
    }


def _required(contents: str | Sequence[str]) -> dict[str, JSON]:
    if isinstance(contents, str) and contents.startswith("="):
        return {"exact_match": contents[1:]}
    return {"must_include": [contents] if isinstance(contents, str) else list(contents)}


def both(*evals: Mapping[str, JSON]) -> dict[str, JSON]:
    """Everything that each of these asks for."""
    merged: dict[str, JSON] = {"eval_types": [], "reference_answers": None, "reference_url": "", "program_html": []}
    for one in evals:
        merged["eval_types"] = [*merged["eval_types"], *one["eval_types"]]
        merged["program_html"] = [*merged["program_html"], *one["program_html"]]
        merged["reference_answers"] = one["reference_answers"] or merged["reference_answers"]
        merged["reference_url"] = one["reference_url"] or merged["reference_url"]
        merged |= {key: one[key] for key in one if key.endswith(("note", "annotation"))}
    return merged
