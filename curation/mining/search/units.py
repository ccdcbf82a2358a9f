"""A search that can be killed at any time and goes on where it was.

Its work is cut into units, a block of queries times a shard of passages. What a unit finds is one file: the exact hits
of the shard that can still matter, given the shards of the same block before it. A file is written under another name
first, and ends with a digest of what it holds, so none is taken for whole that is not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from curation.files import atomic_path, to_json, write_json
from curation.mining.ragged import Exclusions, Rows
from curation.mining.search.candidates import Candidates, Vectors, empty_candidates, fill_candidates
from curation.mining.search.corpus import Corpus, as_corpus
from curation.mining.search.engines import engine_for
from curation.mining.search.exact import QUERIES_AT_ONCE, blocks_of_pairs, search_rows
from curation.mining.search.selection import k_best
from curation.mining.search.tiles import Engine

SHARD_ROWS = 1 << 20
# Another version never reads the files of this one.
_FORMAT = 1
_HIT = np.dtype([("query", "<i8"), ("row", "<i8"), ("score", "<f4")])
_DIGEST_BYTES = 32

Progress = Callable[[int, int, float], None]
"""Is told units done, units in all, and the pairs of a query and a passage that were scored a second."""

Found = tuple[Rows, Rows, Vectors]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, and how the work is cut: the identity of a folder of units.

    Attributes:
        key: the caller's digest of everything that the result depends on.
        queries: how many.
        passages: how many.
        dimensions: of the vectors.
        k: rows wanted for each query.
        block: queries of a unit.
        shard: passages of a unit.
        format: version of the files.
    """

    key: str
    queries: int
    passages: int
    dimensions: int
    k: int
    block: int
    shard: int
    format: int = field(default=_FORMAT)

    @property
    def units(self) -> int:
        """How many units there are."""
        return -(-self.queries // self.block) * -(-self.passages // self.shard)

    def folder(self, base: Path) -> Path:
        """Return the folder for the units of this plan and of no other, made with its manifest if it is not there."""
        identity = asdict(self)
        folder = base / hashlib.sha256(to_json(identity).encode()).hexdigest()[:16]
        write_json(folder / "manifest.json", identity)
        return folder


def nearest_resumable(
    queries: Vectors | Corpus,
    passages: Vectors | Corpus,
    k: int,
    excluded: Exclusions,
    folder: Path,
    *,
    key: str,
    engine: str = "auto",
    queries_at_once: int = QUERIES_AT_ONCE,
    shard_rows: int = SHARD_ROWS,
    progress: Progress | None = None,
) -> Candidates:
    """Find what `curation.mining.search.exact.nearest` finds, and keep what is finished in a folder.

    Args:
        queries: float32, shape (Q, d), or a corpus.
        passages: float32, shape (N, d), or a corpus.
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.
        folder: for the finished units; each search has a folder of its own in it, named by a digest of `key` and of
            the shapes, so that what was made for another search is never used.
        key: a digest of the vectors and the exclusions: the caller knows best what they depend on.
        engine: see `nearest`; a search may go on with another one.
        queries_at_once: queries of a unit.
        shard_rows: passages of a unit.
        progress: is called at the beginning and after each unit.

    Returns:
        The exact k nearest of each query.
    """
    queries, passages = as_corpus(queries), as_corpus(passages)
    (count, dimensions), rows = queries.shape, passages.shape[0]
    found = empty_candidates(count, k)
    if not (count and rows and k):
        return found
    plan = Plan(key, count, rows, dimensions, k, queries_at_once, shard_rows)
    home, watch = plan.folder(folder), _Watch(plan.units, progress)
    used = engine_for(engine, count, rows, dimensions)
    for start in range(0, count, plan.block):
        best = _search_block(used, queries, passages, excluded, plan, start, home, watch)
        fill_candidates(found, best[0] + start, best[1], best[2])
    return found


def _search_block(
    engine: Engine,
    queries: Corpus,
    passages: Corpus,
    excluded: Exclusions,
    plan: Plan,
    start: int,
    home: Path,
    watch: _Watch,
) -> Found:
    """Search all shards for the queries from `start` on; return their best hits."""
    best: Found = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    vectors: Vectors | None = None
    for first, stop in _shards(plan):
        path = home / f"block-{start:010d}-shard-{first:012d}.hits"
        hits = read_hits(path)
        if hits is None:
            vectors = queries.read(start, min(start + plan.block, plan.queries)) if vectors is None else vectors
            hits = _search_shard(engine, vectors, passages, (first, stop), excluded, plan.k, start, best)
            write_hits(path, hits)
            watch.worked(len(vectors) * (stop - first))
        best = _join(best, hits, plan.k)
        watch.finished()
    return best


def _search_shard(
    engine: Engine,
    vectors: Vectors,
    passages: Corpus,
    span: tuple[int, int],
    excluded: Exclusions,
    k: int,
    start: int,
    best: Found,
) -> Found:
    """Search a shard for the queries from `start` on; return what can still matter beside the best hits before it."""
    floors, parts = _floors(best, len(vectors), k), []
    for first, stop, barred in blocks_of_pairs(excluded, start, len(vectors)):
        part = slice(first - start, stop - start)
        queries, rows, scores = search_rows(engine, vectors[part], passages, span, k, barred, floors[part])
        parts.append((queries + part.start, rows, scores))
    return _that_matter(best, _concatenated(parts), span[0], k)


def _shards(plan: Plan) -> Iterator[tuple[int, int]]:
    for first in range(0, plan.passages, plan.shard):
        yield first, min(first + plan.shard, plan.passages)


def _floors(best: Found, count: int, k: int) -> Vectors:
    """Return the k-th best score of each query, -inf where there are fewer, float32 (count,)."""
    floors = np.full(count, np.inf, dtype=np.float32)
    np.minimum.at(floors, best[0], best[2])
    floors[np.bincount(best[0], minlength=count) < k] = -np.inf
    return floors


def _join(one: Found, other: Found, k: int) -> Found:
    return k_best(*_concatenated([one, other]), k)


def _concatenated(parts: Sequence[Found]) -> Found:
    queries, rows, scores = ([part[column] for part in parts] for column in range(3))
    return np.concatenate(queries), np.concatenate(rows), np.concatenate(scores)


def _that_matter(best: Found, hits: Found, first: int, k: int) -> Found:
    """Return those of the hits of a shard, which begins at row `first`, that are among the k best so far."""
    queries, rows, scores = _join(best, hits, k)
    new = rows >= first
    return queries[new], rows[new], scores[new]


def write_hits(path: Path, hits: Found) -> None:
    """Write hits to a file: 20 bytes each, then the SHA-256 of all of them."""
    table = np.empty(len(hits[0]), dtype=_HIT)
    for name, column in zip(("query", "row", "score"), hits, strict=True):
        table[name] = column
    data = table.tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(data + hashlib.sha256(data).digest())


def read_hits(path: Path) -> Found | None:
    """Return the hits in a file, or nothing if it is not there or not whole."""
    if not path.exists():
        return None
    content = path.read_bytes()
    data, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest or len(data) % _HIT.itemsize:
        return None
    table = np.frombuffer(data, dtype=_HIT)
    return table["query"].astype(np.int64), table["row"].astype(np.int64), table["score"].astype(np.float32)


class _Watch:
    """Counts units, and how fast those are that had to be worked for."""

    def __init__(self, units: int, progress: Progress | None) -> None:
        self._units = units
        self._progress = progress
        self._done = self._pairs = 0
        self._begin = time.perf_counter()
        self._tell()

    def worked(self, pairs: int) -> None:
        self._pairs += pairs

    def finished(self) -> None:
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        if self._progress:
            self._progress(self._done, self._units, self._pairs / max(time.perf_counter() - self._begin, 1e-9))
