"""The index of a memory library: one Chroma collection per scope and kind, made from the journal and never its equal.

Collections instead of metadata filters, because a filter costs fifty times a query at 100,000 items. Vectors are
always passed in: Chroma's own default model would be downloaded. The file `watermark.json` says up to which journal
line the index has caught up; where it is missing, belongs to another journal or another encoder, or the database
cannot be opened, the index starts over in a new folder. Adding twice is harmless, so a crash between adding and
moving the watermark is too.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from memory.contracts import RecordError
from memory.encoder import Vectors
from memory.items import Item
from sandbox import MissingDependencyError

__all__ = ["Hit", "Index", "Shelf", "Watermark"]

FORMAT = 1
BATCH = 5_000
"""Chroma takes 5,461 vectors at once."""


class Shelf(NamedTuple):
    """What lies together in one collection."""

    environment: str
    site: str
    kind: str

    @property
    def collection(self) -> str:
        """A name that Chroma accepts whatever the site is called (3 to 512 letters, digits and dashes)."""
        return "m-" + hashlib.sha256(orjson.dumps(list(self))).hexdigest()[:32]


class Hit(NamedTuple):
    """An item near a query; `score` is the cosine similarity."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far an index has caught up, and with what."""

    encoder: str
    folder: str
    """Of the database, within the index's own folder."""
    seq: int = 0
    digest: str = ""
    """Of journal line number `seq`; empty for 0."""
    v: int = FORMAT


def shelf_of(item: Item) -> Shelf:
    """Where an item lies."""
    return Shelf(item.content.scope.environment, item.content.scope.site, item.content.kind)


class Index:
    """Vectors by shelf. Queries may run while one thread adds."""

    def __init__(self, folder: Path, *, encoder: str) -> None:
        """Touch nothing yet: the first use opens the database and, 0.6 s, imports chromadb."""
        self._folder = folder
        self._encoder = encoder
        self._client: Any = None
        self._shelves: dict[Shelf, Any] = {}
        self._opening = threading.Lock()
        self.watermark: Watermark | None = None

    def open(self, *, journal: Sequence[str], may_write: bool = True) -> Watermark | None:
        """Open the database and say how far it has caught up with a journal, given as its lines' digests.

        A database that does not fit the journal or cannot be opened is left behind for a new, empty one. Without
        `may_write` it is not, and the answer is None. Opening twice does nothing.
        """
        with self._opening:
            if self._client is None:
                mark = self._read_watermark()
                # One who looks on may have read the journal before the writer moved the mark beyond it.
                fits = mark is not None and (not may_write or _matches(mark, journal)) and mark.encoder == self._encoder
                if mark is not None and fits and self._connect(mark.folder):
                    self.watermark = mark
                elif may_write:
                    self._start_over()
            return self.watermark

    def start_over(self) -> None:
        """Leave everything behind for an empty index."""
        with self._opening:
            self._disconnect()
            self._start_over()

    def shelves(self) -> list[Shelf]:
        """Those that hold something, in order."""
        return sorted(self._shelves)

    def add(self, items: Sequence[Item], *, vectors: Vectors) -> None:
        """Put items on their shelves, in place of what these held under the same ids."""
        by_shelf: dict[Shelf, list[int]] = {}
        for place, item in enumerate(items):
            by_shelf.setdefault(shelf_of(item), []).append(place)
        for shelf, places in by_shelf.items():
            collection = self._collection(shelf)
            for start in range(0, len(places), BATCH):
                batch = places[start : start + BATCH]
                collection.upsert(ids=[items[place].id for place in batch], embeddings=vectors[batch])

    def remove(self, items: Iterable[Item]) -> None:
        """Take items off their shelves; those that are not there are no matter."""
        for item in items:
            if (shelf := shelf_of(item)) in self._shelves:
                self._shelves[shelf].delete(ids=[item.id])

    def query(self, vector: Vectors, *, shelf: Shelf, n: int) -> list[Hit]:
        """The `n` nearest on a shelf, best first; fewer when it holds fewer.

        Raises:
            RecordError: the database cannot be read.
        """
        collection = self._shelves.get(shelf)
        if collection is None:
            return []
        from chromadb.errors import ChromaError

        try:
            found = collection.query(query_embeddings=vector[None, :], n_results=n, include=["distances"])
        except ChromaError as error:
            raise RecordError(f"{self._folder}: {error}; run `agentkit memory rebuild`") from error
        return [Hit(id, 1.0 - distance) for id, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def ids(self) -> set[str]:
        """Every item that the index holds."""
        return {id for collection in self._shelves.values() for id in collection.get(include=[])["ids"]}

    def advance(self, *, seq: int, digest: str) -> None:
        """Note that the index has caught up to this journal line."""
        if self.watermark is not None:
            folder = self.watermark.folder
            self._write_watermark(Watermark(encoder=self._encoder, folder=folder, seq=seq, digest=digest))

    def close(self) -> None:
        """Let the database go."""
        with self._opening:
            self._disconnect()

    def _connect(self, name: str) -> bool:
        """Open the database in the folder `name`; False when it cannot be."""
        chromadb = _chromadb()
        from chromadb.errors import ChromaError

        # Settings would read a .env file in whatever folder the process runs in.
        settings = chromadb.config.Settings(_env_file=None, anonymized_telemetry=False)
        try:
            client = chromadb.PersistentClient(path=str(self._folder / name), settings=settings)
            collections = client.list_collections()
        except ChromaError:
            return False
        self._client = client
        for collection in collections:
            shelf = Shelf(*(collection.metadata[part] for part in Shelf._fields))
            # As listed, a collection carries Chroma's default model; fetched by name with None it does not.
            self._shelves[shelf] = client.get_collection(collection.name, embedding_function=None)
        return True

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self.watermark = None, None
        self._shelves = {}

    def _start_over(self) -> None:
        """A new folder, as Chroma keeps an open folder's state in the process even after its files are gone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        old = sorted(path for path in self._folder.glob("chroma-*") if path.is_dir())
        number = 1 + max((int(path.name.removeprefix("chroma-")) for path in old), default=0)
        if not self._connect(f"chroma-{number}"):
            raise RecordError(f"{self._folder}: Chroma cannot make a database here; is the disk full or read-only?")
        self._write_watermark(Watermark(encoder=self._encoder, folder=f"chroma-{number}"))
        for path in old:
            shutil.rmtree(path, ignore_errors=True)

    def _collection(self, shelf: Shelf) -> Any:
        if shelf not in self._shelves:
            self._shelves[shelf] = self._client.get_or_create_collection(
                shelf.collection,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
                metadata=shelf._asdict(),
            )
        return self._shelves[shelf]

    def _read_watermark(self) -> Watermark | None:
        """What the file says; None when there is none that can be read, as the index can always be made again."""
        try:
            record = orjson.loads((self._folder / "watermark.json").read_bytes())
            return Watermark(**record) if record["v"] == FORMAT else None
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def _write_watermark(self, mark: Watermark) -> None:
        path = self._folder / "watermark.json"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(asdict(mark)))
        fresh.replace(path)
        self.watermark = mark


def _matches(mark: Watermark, journal: Sequence[str]) -> bool:
    return mark.seq == 0 or (mark.seq <= len(journal) and journal[mark.seq - 1] == mark.digest)


def _chromadb() -> Any:
    try:
        import chromadb
        import chromadb.config
    except ImportError as error:
        raise MissingDependencyError("memory's index needs Chroma; run: pip install 'chromadb>=1.5,<2'") from error
    return chromadb
