"""How an instance looks: labels, element ids, theme and order, which `drift` changes while tasks stay solvable.

Level 0 is the sites as they are. Each level keeps the changes of the one below:

    1  theme: colours, fonts and spacing
    2  labels: some buttons and links are called otherwise, by a synonym
    3  structure: element ids and classes are others, menus and columns are in another order
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["LEVELS", "SYNONYMS", "Look"]

LEVELS = (0, 1, 2, 3)
THEMES = ("plain", "dusk", "paper", "mint")
T = TypeVar("T")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "Sign in": ("Log in", "Enter your account"),
    "Sign out": ("Log out", "Leave"),
    "Search": ("Find", "Look up"),
    "Save": ("Save changes", "Store"),
    "Delete": ("Remove", "Discard"),
    "Edit": ("Change", "Modify"),
    "Cancel": ("Never mind", "Back out"),
    "Submit": ("Send", "Post"),
    "Apply": ("Use", "Update results"),
    "Next": ("Next page", "Forward"),
    "Previous": ("Previous page", "Back"),
}
"""Labels that all sites share. A site adds its own to this with `update`, when it is imported."""


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one instance: a function of drift level and seed."""

    drift: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.drift not in LEVELS:
            raise ValueError(f"drift {self.drift!r}: expected one of {', '.join(map(str, LEVELS))}")

    @property
    def theme(self) -> str:
        """The class of the page's body."""
        return THEMES[0] if self.drift < 1 else THEMES[1 + self._pick("theme", len(THEMES) - 1)]

    def label(self, text: str) -> str:
        """What a button or link is called. Used for everything in `SYNONYMS`; anything else stays."""
        others = SYNONYMS.get(text, ())
        return text if self.drift < 2 or not others else others[self._pick(f"label {text}", len(others))]

    def id(self, name: str) -> str:
        """An element's id or class."""
        if self.drift < 3:
            return name
        return "x" + hashlib.sha256(f"{self.seed} id {name}".encode()).hexdigest()[:7]

    def order(self, name: str, items: Sequence[T]) -> list[T]:
        """Menu entries, columns or panels in this instance's order."""
        if self.drift < 3:
            return list(items)
        return sorted(items, key=lambda item: hashlib.sha256(f"{self.seed} {name} {item!r}".encode()).digest())

    @property
    def mirrored(self) -> bool:
        """Whether the side column stands on the other side."""
        return self.drift >= 3 and bool(self._pick("mirrored", 2))

    def _pick(self, name: str, count: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed} {name}".encode()).digest()[:4], "big") % count
