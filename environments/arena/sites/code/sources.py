"""Writes the files of a project: small programs in several languages, made of a heading and pieces that commits change."""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

__all__ = ["LANGUAGES", "NOUNS", "VERBS", "Source", "first_files"]

LANGUAGES = ("Python", "JavaScript", "Go", "Rust", "Shell")
VERBS = (
    "load",
    "merge",
    "check",
    "collect",
    "render",
    "trim",
    "count",
    "publish",
    "resolve",
    "store",
    "sort",
    "measure",
)
NOUNS = (
    "reading", "berth", "route", "stop", "entry", "parcel", "sensor", "station", "window", "ticket", "record", "report",
    "invoice", "catalogue", "queue", "token", "permit", "slot",
)  # fmt: skip

SUFFIX = {"Python": "py", "JavaScript": "js", "Go": "go", "Rust": "rs", "Shell": "sh"}
HEADS = {
    "Python": '"""{About}"""\n\nfrom __future__ import annotations\n\nLIMIT = {n}\nTIMEOUT_S = {m}\n',
    "JavaScript": "// {About}\n'use strict';\n\nexport const LIMIT = {n};\nconst TIMEOUT_MS = {m}000;\n",
    "Go": "// Package {theme}: {about}\npackage {theme}\n\nimport (\n\t\"errors\"\n\t\"sort\"\n)\n\nconst limit = {n}\nconst timeoutSeconds = {m}\n",  # noqa: E501
    "Rust": "//! {About}\n\nuse std::collections::HashMap;\n\nconst LIMIT: usize = {n};\nconst TIMEOUT_S: u64 = {m};\n",
    "Shell": "#!/bin/sh\n# {About}\nset -eu\n\nLIMIT={n}\nTIMEOUT={m}\n",
}  # fmt: skip
PIECES = {
    "Python": (
        "def {verb}_{noun}(items: list[dict]) -> list[dict]:\n    kept = [item for item in items if item[\"{noun}\"] > {n}]\n    return sorted(kept, key=lambda item: item[\"{noun}\"])[:LIMIT]\n",  # noqa: E501
        "def {verb}_{noun}(path: str, *, strict: bool = False) -> int:\n    total = 0\n    for line in open(path):\n        if strict and not line.strip():\n            raise ValueError(\"empty {noun}\")\n        total += len(line) // {n}\n    return total\n",  # noqa: E501
        "class {Noun}{Verb}:\n    def __init__(self, step: int = {n}) -> None:\n        self.step = step\n        self.seen: set[str] = set()\n\n    def {verb}(self, name: str) -> bool:\n        new = name not in self.seen\n        self.seen.add(name)\n        return new and len(self.seen) % self.step == 0\n",  # noqa: E501
    ),
    "JavaScript": (
        "export function {verb}{Noun}(items) {{\n  return items\n    .filter((item) => item.{noun} > {n})\n    .sort((a, b) => a.{noun} - b.{noun})\n    .slice(0, LIMIT);\n}}\n",  # noqa: E501
        "export async function {verb}{Noun}(address) {{\n  const reply = await fetch(address, {{signal: AbortSignal.timeout(TIMEOUT_MS)}});\n  if (!reply.ok) throw new Error(`no {noun}: ${{reply.status}}`);\n  return (await reply.json()).slice(0, {n});\n}}\n",  # noqa: E501
        "const {noun}Cache = new Map();\n\nexport function {verb}{Noun}(key, make) {{\n  if (!{noun}Cache.has(key)) {noun}Cache.set(key, make(key));\n  if ({noun}Cache.size > {n}) {noun}Cache.clear();\n  return {noun}Cache.get(key);\n}}\n",  # noqa: E501
    ),
    "Go": (
        "func {Verb}{Noun}(items []int) []int {{\n\tkept := items[:0]\n\tfor _, item := range items {{\n\t\tif item > {n} {{\n\t\t\tkept = append(kept, item)\n\t\t}}\n\t}}\n\tsort.Ints(kept)\n\treturn kept\n}}\n",  # noqa: E501
        "func {Verb}{Noun}(name string) (int, error) {{\n\tif name == \"\" {{\n\t\treturn 0, errors.New(\"empty {noun}\")\n\t}}\n\treturn len(name) % {n}, nil\n}}\n",  # noqa: E501
    ),
    "Rust": (
        "pub fn {verb}_{noun}(items: &[usize]) -> Vec<usize> {{\n    let mut kept: Vec<usize> = items.iter().copied().filter(|item| *item > {n}).collect();\n    kept.sort_unstable();\n    kept.truncate(LIMIT);\n    kept\n}}\n",  # noqa: E501
        "pub fn {verb}_{noun}(names: &[&str]) -> HashMap<String, usize> {{\n    let mut counts = HashMap::new();\n    for name in names.iter().take({n}) {{\n        *counts.entry(name.to_lowercase()).or_insert(0) += 1;\n    }}\n    counts\n}}\n",  # noqa: E501
    ),
    "Shell": (
        "{verb}_{noun}() {{\n  count=$(wc -l < \"$1\")\n  if [ \"$count\" -gt {n} ]; then\n    echo \"too many {noun}s: $count\" >&2\n    return 1\n  fi\n}}\n",  # noqa: E501
        "{verb}_{noun}() {{\n  sort -u \"$1\" | head -n {n} > \"$1.new\"\n  mv \"$1.new\" \"$1\"\n}}\n",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Source:
    """One file while history is made: a heading and its pieces."""

    path: str
    language: str
    head: str
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The file as it is now."""
        return "\n".join([self.head, *self.pieces])

    def copy(self) -> Source:
        """The same file on another branch."""
        return Source(self.path, self.language, self.head, list(self.pieces))

    def change(self, rng: Random, *, verb: str, noun: str) -> None:
        """What a commit does: add a piece, or replace one."""
        new = piece(self.language, rng, verb=verb, noun=noun)
        if len(self.pieces) < 3 or rng.random() < 0.4:
            self.pieces.append(new)
        else:
            self.pieces[rng.randrange(len(self.pieces))] = new


def piece(language: str, rng: Random, *, verb: str, noun: str) -> str:
    """A function, or for a text a paragraph."""
    if language == "Text":
        return f"## How to {verb} a {noun}\n\nRun `{verb}-{noun} --limit {rng.randrange(3, 90)}`. It stops by itself.\n"
    pattern = rng.choice(PIECES[language])
    return pattern.format(verb=verb, noun=noun, Verb=verb.title(), Noun=noun.title(), n=rng.randrange(2, 97))


def first_files(title: str, about: str, *, theme: str, language: str, rng: Random) -> list[Source]:
    """What a project begins with: a description, settings and a few modules."""
    suffix = SUFFIX[language]
    licence = "You may use, change and pass this on, if you keep this line.\n"
    settings = f'name = "{theme}"\nversion = "0.{rng.randrange(1, 9)}.{rng.randrange(10)}"\n\n[run]\nworkers = {rng.randrange(1, 9)}\nretries = {rng.randrange(2, 7)}\n'  # noqa: E501
    files = [
        Source("README.md", "Text", f"# {title}\n\n{about}\n"),
        Source("LICENCE", "Text", licence),
        Source("config/settings.toml", "Text", settings),
    ]
    for noun in rng.sample(NOUNS, rng.randrange(3, 6)):
        head = HEADS[language].format(
            About=f"The {noun} part of {title}.", about=f"the {noun} part.", theme=theme,
            n=rng.randrange(20, 500), m=rng.randrange(2, 60),
        )  # fmt: skip
        source = Source(f"src/{noun}.{suffix}", language, head)
        for _ in range(rng.randrange(1, 4)):
            source.pieces.append(piece(language, rng, verb=rng.choice(VERBS), noun=noun))
        files.append(source)
    return files
