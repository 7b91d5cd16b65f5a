"""Recall over 10,000 and 100,000 items against numpy brute force, with every rule of recall on.

    python tests/benchmarks/bench_recall.py [--items 10000 100000] [--queries 200]

Items lie on 20 sites, and once more all on one; a tenth is retired, a tenth comes from the held-out tasks of the family
that asks. Vectors are random but clustered, and given, so that the encoder (7 ms for a short text, and nothing for one
it has just seen) is not measured. Brute force multiplies a float32 matrix that lies in memory: of one site, which is
the filter done beforehand, and of everything with a mask. The three are timed in turn, query by query.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memory import Content, MemoryStore, Provenance, Query, Scope, events
from memory.encoder import Vectors
from memory.index import Index

SITES = 20
K = 5


class Given:
    """An encoder that knows its texts' vectors beforehand."""

    name = "given"

    def __init__(self, vectors: dict[str, Vectors]) -> None:
        self.vectors = vectors

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.vectors[text] for text in texts])


def clustered(count: int, *, seed: int) -> Vectors:
    """Unit vectors around 100 centres, which do not depend on the seed."""
    centres = np.random.default_rng(0).normal(size=(100, 384))
    rng = np.random.default_rng(seed)
    points = centres[rng.integers(0, 100, count)] + 0.7 * rng.normal(size=(count, 384))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


async def fill(folder: Path, vectors: Vectors, *, sites: int) -> None:
    """A library whose index holds `vectors`, built in bulk."""
    async with MemoryStore.open(folder, encoder=Given({"": vectors[0]})) as store:
        index = Index(folder / "index", encoder="given")
        index.open(journal=[])
        for start in range(0, len(vectors), 1_000):
            batch = [made(number, sites) for number in range(start, min(start + 1_000, len(vectors)))]
            store._library.write(batch)
            index.add([store.items[event.item] for event in batch], vectors=vectors[start : start + 1_000])
        store._library.write(
            [events.retired(item) for number, item in enumerate(store.items) if number // SITES % 10 == 0]
        )
        index.advance(seq=store._library.seq, digest=store._library.digests[-1])
        index.close()


def made(number: int, sites: int) -> events.Event:
    split = "heldout" if number // SITES % 10 == 5 else "training"
    where = Provenance(trajectory=f"t{number}", task="a", family="bench/a", split=split)
    scope = Scope(environment="bench", site=f"site{number % sites}")
    return events.added(Content.of("tip", f"case {number} of many", scope=scope), where)


async def measure(items: int, *, sites: int, queries: int) -> None:
    vectors, asked = clustered(items, seed=1), clustered(queries, seed=2)
    encoder = Given({f"goal {number}": vector for number, vector in enumerate(asked)})
    by_site = [vectors[site::sites] for site in range(sites)]
    site_of = np.arange(items) % sites
    took: dict[str, list[float]] = {"recall": [], "brute force, own matrix": [], "brute force, mask": []}
    with tempfile.TemporaryDirectory() as folder:
        await fill(Path(folder), vectors, sites=sites)
        async with MemoryStore.open(folder, encoder=encoder) as store:
            await store.flush()
            for number, vector in enumerate(asked):
                site = number % sites
                query = Query(
                    goal=f"goal {number}",
                    environment="bench",
                    site=f"site{site}",
                    family="bench/a",
                    split="heldout",
                    k=K,
                    min_score=-1,
                )
                begin = time.perf_counter()
                found = await store.recall(query)
                took["recall"].append(time.perf_counter() - begin)
                assert len(found) == K
                took["brute force, own matrix"].append(timed(by_site[site], vector))
                took["brute force, mask"].append(timed(vectors, vector, mask=(site_of, site)))
    report(f"{items:,} items on {sites} site(s)", took)


def timed(matrix: Vectors, vector: Vectors, *, mask: tuple[Vectors, int] | None = None) -> float:
    """Seconds for the best of a matrix, as many as recall looks at; with a mask, those at one place only."""
    begin = time.perf_counter()
    scores = matrix @ vector
    if mask is not None:
        scores = np.where(mask[0] == mask[1], scores, -1)
    most = np.argpartition(-scores, 4 * K)[: 4 * K]
    most[np.argsort(-scores[most])].tolist()
    return time.perf_counter() - begin


def report(title: str, took: dict[str, list[float]]) -> None:
    print(title)
    warm = {name: np.array(times[20:]) * 1000 for name, times in took.items()}
    base = np.median(warm["recall"])
    for name, times in warm.items():
        p50, p99 = np.percentile(times, [50, 99])
        print(f"  {name:26} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   {p50 / base:5.2f} x recall")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    for items in options.items:
        for sites in (SITES, 1):
            asyncio.run(measure(items, sites=sites, queries=options.queries))


if __name__ == "__main__":
    main()
