"""Typing over the direct line: the keys of an American keyboard, all of a text sent at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from environments.contracts import JSON
    from environments.web.tab import BrowserTab, Command

__all__ = ["insert", "write"]

LIMIT_S = 30.0
"""Seconds after which a page that takes no input is held to hang."""


class Key(NamedTuple):
    """Where a character is on the keyboard."""

    code: str
    number: int
    """Windows' number of the key."""


def _keys() -> dict[str, Key]:
    marks = {
        **{";:": ("Semicolon", 186), "=+": ("Equal", 187), ",<": ("Comma", 188), "-_": ("Minus", 189)},
        **{".>": ("Period", 190), "/?": ("Slash", 191), "`~": ("Backquote", 192), "[{": ("BracketLeft", 219)},
        **{"\\|": ("Backslash", 220), "]}": ("BracketRight", 221), "'\"": ("Quote", 222), " ": ("Space", 32)},
    }
    found = {character: Key(*key) for characters, key in marks.items() for character in characters}
    for digit, above in zip("0123456789", ")!@#$%^&*(", strict=True):
        found[digit] = found[above] = Key(f"Digit{digit}", ord(digit))
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        found[letter] = found[letter.lower()] = Key(f"Key{letter}", ord(letter))
    return found


KEYS = _keys()


async def write(tab: BrowserTab, text: str) -> None:
    """Press a key for each character; what no key has is put in as by an input method."""
    rest = text
    while rest:
        typed = next((at for at, character in enumerate(rest) if character not in KEYS), len(rest))
        if typed:
            await tab.ask(*(event for character in rest[:typed] for event in _press(character)), timeout_s=LIMIT_S)
        elif rest[0] in "\r\n":
            await tab.page.keyboard.press("Enter")
            typed = 1
        else:
            await insert(tab, rest[0])
            typed = 1
        rest = rest[typed:]


async def insert(tab: BrowserTab, text: str) -> None:
    """Put in a text without keys, as by an input method or the clipboard."""
    await tab.ask(("Input.insertText", {"text": text}), timeout_s=LIMIT_S)


def _press(character: str) -> list[Command]:
    key = KEYS[character]
    same: dict[str, JSON] = {"key": character, "code": key.code, "windowsVirtualKeyCode": key.number}
    down = {"type": "keyDown", "text": character, "unmodifiedText": character} | same
    return [("Input.dispatchKeyEvent", down), ("Input.dispatchKeyEvent", {"type": "keyUp"} | same)]
