"""What happened, and what was learnt from it. Imports environments and sandbox only."""

from typing import TYPE_CHECKING, Any

from memory import events
from memory.contracts import LibraryBusy, Memory, Query, Receipt, RecordError, Store, TextEncoder
from memory.items import Content, Item, Provenance, Scope

if TYPE_CHECKING:
    from memory.encoder import Encoder
    from memory.store import MemoryStore

__all__ = [
    "Content",
    "Encoder",
    "Item",
    "LibraryBusy",
    "Memory",
    "MemoryStore",
    "Provenance",
    "Query",
    "Receipt",
    "RecordError",
    "Scope",
    "Store",
    "TextEncoder",
    "events",
]

LATER = {"Encoder": "memory.encoder", "MemoryStore": "memory.store"}
"""Imported when first asked for, as most users of the contracts need no store."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module 'memory' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(LATER[name]), name)
