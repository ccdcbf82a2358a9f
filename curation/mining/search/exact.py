"""Exact search for the nearest vectors, in memory that does not depend on the number of passages.

Tiles of scores, computed as fast as the machine can and not exactly, find everything that can be among the k best;
only that is scored again, in double precision and a fixed order. So the result is a function of the vectors alone:
neither the engine, nor the shape of a tile, nor the number of threads changes a bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curation.mining.ragged import Exclusions, Rows
from curation.mining.search.candidates import Candidates, Vectors, empty_candidates, fill_candidates
from curation.mining.search.corpus import ArrayCorpus, Corpus, as_corpus
from curation.mining.search.engines import engine_for
from curation.mining.search.scores import pair_scores
from curation.mining.search.selection import Selection
from curation.mining.search.tiles import Engine, Float32Engine, Pairs, Queries

__all__ = ["QUERIES_AT_ONCE", "blocks_of_pairs", "nearest", "pair_scores", "search_rows"]

QUERIES_AT_ONCE = 16_384
# What lies in memory as it is costs nothing to read again: fewer queries, and so less memory, cost no time.
_QUERIES_AT_ONCE_IN_MEMORY = 2_048
_PAIRS_AT_ONCE = 1 << 22


def nearest(
    queries: Vectors | Corpus,
    passages: Vectors | Corpus,
    k: int,
    excluded: Exclusions,
    *,
    engine: str = "auto",
    query_block: int | None = None,
    passage_block: int | None = None,
    queries_at_once: int | None = None,
) -> Candidates:
    """Find the k passages with the greatest dot product with each query, ties in order of rows.

    Args:
        queries: vectors of about unit length, float32, shape (Q, d), or a corpus of them.
        passages: likewise, shape (N, d). The score of stored vectors is that of what is stored. A vector that is not
            finite is never found, and finds nothing.
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.
        engine: how tiles are scored (`curation.mining.search.engines.ENGINES`), or `auto`; like all that follows, it
            changes speed and memory, never the result.
        query_block: queries of a tile; what suits the engine if it is None.
        passage_block: passages of a tile; likewise.
        queries_at_once: queries for which each passage is read and prepared once; by default 16,384, or 2,048 where
            passages are a matrix that is searched as it is.

    Returns:
        The exact k nearest of each query.
    """
    queries, passages = as_corpus(queries), as_corpus(passages)
    (count, dimensions), rows = queries.shape, passages.shape[0]
    found = empty_candidates(count, k)
    if not (count and rows and k):
        return found
    used = engine_for(engine, count, rows, dimensions)
    step = queries_at_once or _queries_at_once(used, passages)
    for start in range(0, count, step):
        vectors = queries.read(start, min(start + step, count))
        floors = np.full(len(vectors), -np.inf, dtype=np.float32)
        for first, stop, barred in blocks_of_pairs(excluded, start, len(vectors)):
            part, shape = slice(first - start, stop - start), (query_block, passage_block)
            hits = search_rows(used, vectors[part], passages, (0, rows), k, barred, floors[part], shape)
            fill_candidates(found, hits[0] + first, hits[1], hits[2])
    return found


def _queries_at_once(engine: Engine, passages: Corpus) -> int:
    is_ready = isinstance(engine, Float32Engine) and isinstance(passages, ArrayCorpus)
    return _QUERIES_AT_ONCE_IN_MEMORY if is_ready else QUERIES_AT_ONCE


def blocks_of_pairs(excluded: Exclusions, start: int, count: int) -> Iterator[tuple[int, int, Pairs]]:
    """Cut `count` queries into blocks whose excluded pairs fit into memory together.

    Returns:
        Of each block the first query, the one after the last, and its excluded pairs: position in the block, row.
    """
    positions, keys = excluded.keys.take(np.arange(start, start + count))
    lengths = np.diff(excluded.rows.offsets)[keys]
    total = np.cumsum(np.bincount(positions, weights=lengths, minlength=count))
    first = 0
    while first < count:
        before = total[first - 1] if first else 0.0
        stop = max(first + 1, int(np.searchsorted(total, before + _PAIRS_AT_ONCE, side="right")))
        yield start + first, start + stop, excluded.pairs(np.arange(start + first, start + stop))
        first = stop


def search_rows(
    engine: Engine,
    queries: Vectors,
    passages: Corpus,
    span: tuple[int, int],
    k: int,
    barred: Pairs,
    floors: Vectors,
    shape: tuple[int | None, int | None] = (None, None),
) -> tuple[Rows, Rows, Vectors]:
    """Find the k best rows of a span for each query, of those whose score reaches the query's floor.

    Args:
        engine: what scores tiles.
        queries: float32, shape (q, d).
        passages: what is searched.
        span: first row, and the one after the last.
        k: rows wanted for each query, at least 1.
        barred: pairs that are left out: position of the query, row.
        floors: float32, shape (q,); -inf where any score will do.
        shape: queries and passages of a tile; what suits the engine where it is None.

    Returns:
        Queries (ascending), rows and exact scores, best first and ties in order of rows, shape (n,) each.
    """
    prepared = engine.load(queries)
    selection = Selection.begin(queries, passages, k, np.where(np.isfinite(prepared.norms), floors, np.float32(np.inf)))
    by_row = np.argsort(barred[1], kind="stable")
    barred = barred[0][by_row], barred[1][by_row]
    query_block, passage_block = shape[0] or engine.query_rows, shape[1] or engine.passage_rows
    for start, stop in _spans(span, min(passage_block, 2 * k + 56), passage_block):
        begin, end = np.searchsorted(barred[1], [start, stop])
        near = barred[0][begin:end], barred[1][begin:end]
        _search_tiles(engine, prepared, passages, (start, stop), near, selection, query_block)
    return selection.best()


def _search_tiles(
    engine: Engine,
    queries: Queries,
    passages: Corpus,
    span: tuple[int, int],
    barred: Pairs,
    selection: Selection,
    query_block: int,
) -> None:
    count = len(selection.counts)
    for tile in engine.tiles(passages, *span):
        for begin in range(0, count, query_block):
            part = slice(begin, min(begin + query_block, count))
            for hits in engine.hits(queries, part, tile, selection.floors, barred):
                selection.add(hits)


def _spans(span: tuple[int, int], first: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a span into parts of `size`, the first ones smaller: while there is no floor, all of a tile are hits."""
    start, stop = span
    while start < stop:
        end = min(start + first, stop)
        yield start, end
        start, first = end, min(2 * first, size)
