"""One instance of the five sites: all that they know lies in one in-memory SQLite database.

Data, accounts, sessions and the clock are tables, so copying the database copies everything, and its digest says
whether anything was changed. Reading a page never writes: the server opens the database for writing only while a form
is sent.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, get_args

from environments.arena.look import Look
from environments.arena.visit import Site

__all__ = ["DAY_ONE", "SIZES", "Instance", "Session", "Size", "pristine"]

Size = Literal["small", "normal", "large"]
SIZES: tuple[Size, ...] = get_args(Size)

DAY_ONE = datetime(2026, 3, 2, 9, 0)
"""When every instance begins: a Monday."""
TICK = timedelta(seconds=41)
"""How far the clock goes on with every form that is sent. It stands still while pages are read."""

PAGES_KEPT = 24

SCHEMA = """
CREATE TABLE clock (now TEXT NOT NULL, sessions INTEGER NOT NULL);
CREATE TABLE account (
    site TEXT NOT NULL, username TEXT NOT NULL, password TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'user', joined TEXT NOT NULL, PRIMARY KEY (site, username)
) WITHOUT ROWID;
CREATE TABLE session (
    token TEXT PRIMARY KEY, site TEXT NOT NULL, username TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor of one site: who is logged in, and what the site remembers of the visit."""

    token: str
    username: str
    data: Mapping[str, Any]


class Instance:
    """A live copy of the sites. Not safe for several threads: the server's one thread owns it."""

    def __init__(self, image: bytes, *, seed: int, size: Size, drift: int) -> None:
        self.seed, self.size, self.drift = seed, size, drift
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.served: dict[str, tuple[int, str]] = {}
        """The last pages that were sent, status and HTML by address: what a copy of the browser shows. No state."""
        self._load(image)

    def _load(self, image: bytes) -> None:
        self.db.deserialize(image)
        self.db.execute("PRAGMA query_only = 1")

    @cached_property
    def look(self) -> Look:
        """Labels, ids and theme of this instance."""
        return Look(self.drift, seed=self.seed)

    def fork(self) -> Instance:
        """An exact copy with a life of its own."""
        copy = Instance(self.image(), seed=self.seed, size=self.size, drift=self.drift)
        copy.served = dict(self.served)
        return copy

    def serve(self, place: str, *, status: int, html: str) -> None:
        """Remember a page that was sent."""
        self.served.pop(place, None)
        self.served[place] = status, html
        if len(self.served) > PAGES_KEPT:
            del self.served[next(iter(self.served))]

    def reset(self, image: bytes) -> None:
        """Become what `image` says."""
        self.served.clear()
        self._load(image)

    def image(self) -> bytes:
        """The whole state as bytes."""
        return self.db.serialize()

    def digest(self) -> str:
        """SHA-256 of the state: two instances with one digest show the same pages."""
        return hashlib.sha256(self.image()).hexdigest()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.db.close()

    # ---- time and visitors

    @property
    def now(self) -> datetime:
        """The sites' own time."""
        return datetime.fromisoformat(self.db.execute("SELECT now FROM clock").fetchone()["now"])

    def writing(self) -> Writing:
        """`with instance.writing():` lets statements write, all of them or, after an exception, none."""
        return Writing(self.db)

    def session(self, token: str, *, site: str) -> Session | None:
        """The session with this token, if it is one of this site's."""
        row = self.db.execute("SELECT * FROM session WHERE token = ? AND site = ?", (token, site)).fetchone()
        return Session(row["token"], row["username"], json.loads(row["data"])) if row else None

    def open_session(self, site: str, *, username: str = "") -> Session:
        """Make a session. Within `writing` only. Tokens are a function of seed and count, so runs can be repeated."""
        self.db.execute("UPDATE clock SET sessions = sessions + 1")
        count = self.db.execute("SELECT sessions FROM clock").fetchone()["sessions"]
        token = hashlib.sha256(f"{self.seed} {site} {count}".encode()).hexdigest()[:32]
        self.db.execute("INSERT INTO session (token, site, username) VALUES (?, ?, ?)", (token, site, username))
        return Session(token, username, {})

    def keep_session(self, session: Session) -> None:
        """Store who is logged in and what is remembered. Within `writing` only."""
        text = json.dumps(dict(session.data), sort_keys=True)
        self.db.execute(
            "UPDATE session SET username = ?, data = ? WHERE token = ?", (session.username, text, session.token)
        )

    def log_in(self, site: str, username: str) -> str:
        """Log an account in without its password, and return the cookie's value; how a task begins logged in."""
        with self.writing():
            return self.open_session(site, username=username).token


class Writing:
    """A transaction in which the database may be written to, and after which the clock has gone on."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("PRAGMA query_only = 0")
        self._db.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                now = datetime.fromisoformat(self._db.execute("SELECT now FROM clock").fetchone()["now"])
                self._db.execute("UPDATE clock SET now = ?", ((now + TICK).isoformat(),))
            self._db.execute("ROLLBACK" if kind else "COMMIT")
        finally:
            self._db.execute("PRAGMA query_only = 1")


def pristine(sites: Mapping[str, Site], *, seed: int = 0, size: Size = "normal") -> bytes:
    """The state in which every instance of this seed and size begins. Takes about a second at normal size."""
    if size not in SIZES:
        raise ValueError(f"size {size!r}: expected one of {', '.join(SIZES)}")
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript(SCHEMA)
    db.execute("INSERT INTO clock VALUES (?, 0)", (DAY_ONE.isoformat(),))
    for site in sites.values():
        db.executescript(site.schema)
        db.execute("BEGIN")
        site.seed(db, random.Random(f"{seed} {site.name}"), size)
        db.execute("COMMIT")
    db.execute("ANALYZE")
    image = db.serialize()
    db.close()
    return image
