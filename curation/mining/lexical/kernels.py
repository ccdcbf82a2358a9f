"""Features and search by whichever kernels there are: compiled where numba is installed, or else numpy's.

Both give the same results, to the last bit.
"""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.columns import InvalidTextError
from curation.dedup.kernels import own_cache, text_buffers
from curation.mining.lexical import portable
from curation.mining.lexical.index import BLOCK_PASSAGES, Matrix, blocks, tiers_of
from curation.mining.lexical.scripts import character_classes
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.candidates import Candidates, empty_candidates

_QUERY_BLOCK = 1024


class Kernels(Protocol):
    """What a set of kernels does; see the functions of `curation.mining.lexical.portable`."""

    def feature_keys(self, texts: pa.Array, bits: int) -> npt.NDArray[np.uint32]:
        """Cut texts into features, uint32 (occurrences,)."""

    def nearest(self, queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
        """Find the k passages with the greatest scores."""


class NumpyKernels:
    """The kernels of `curation.mining.lexical.portable`."""

    feature_keys = staticmethod(portable.feature_keys)
    nearest = staticmethod(portable.nearest)


class CompiledKernels:
    """The kernels of `curation.mining.lexical.compiled`."""

    def __init__(self, *, query_block: int = _QUERY_BLOCK, passage_block: int = BLOCK_PASSAGES) -> None:
        with own_cache():
            from curation.mining.lexical import compiled
        self._compiled = compiled
        self._query_block = query_block
        self._passage_block = passage_block

    def feature_keys(self, texts: pa.Array, bits: int) -> npt.NDArray[np.uint32]:
        """Cut texts into features; see `curation.mining.lexical.portable.feature_keys`."""
        from curation.dedup.unicode_tables import tables

        folding = tables()
        arrays = (
            folding.info,
            folding.properties,
            folding.decompositions,
            folding.expansions,
            folding.pieces,
            folding.pair_keys,
            folding.pair_values,
        )
        keys: npt.NDArray[np.uint32]
        keys, bad = self._compiled.feature_keys(*text_buffers(texts), bits, character_classes(), arrays, folding.growth)
        if bad >= 0:
            raise InvalidTextError(bad)
        return keys

    def nearest(self, queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
        """Find the k passages with the greatest scores; see `curation.mining.lexical.search.nearest`.

        One block of passages after the other competes for the places of all queries, which are heaps meanwhile.
        """
        found = empty_candidates(queries.shape[0], k)
        tiers = tiers_of(passages)
        for block in blocks(passages, tiers, self._passage_block):
            for start in range(0, queries.shape[0], self._query_block):
                part = slice(start, min(start + self._query_block, queries.shape[0]))
                numbers = np.arange(part.start, part.stop)
                owners, barred = excluded.pairs(numbers)
                self._compiled.search_block(
                    _arrays(queries[part]),
                    _arrays(block.passages),
                    (block.bounds, block.numbers, block.weights),
                    tiers,
                    block.tails,
                    block.first_row,
                    (np.searchsorted(owners, np.arange(len(numbers) + 1)), barred),
                    found.rows[part],
                    found.scores[part],
                )
        return _in_order(found)


def _arrays(matrix: Matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False), matrix.data


def _in_order(found: Candidates) -> Candidates:
    """Turn heaps into lists, best first."""
    order = np.lexsort((found.rows, -found.scores), axis=1)
    return Candidates(np.take_along_axis(found.rows, order, 1), np.take_along_axis(found.scores, order, 1))


@functools.cache
def kernels() -> Kernels:
    """Return the kernels to use."""
    try:
        return CompiledKernels()
    except ImportError:
        return NumpyKernels()


def warm_up() -> None:
    """Load the kernels, or compile them where that was never done: what is forked from this process has them then."""
    from curation.mining.lexical.features import Vectoriser, count_features
    from curation.mining.lexical.search import lexical_nearest

    counts = count_features(pa.array(["warm up", "warm"]))
    vectors = Vectoriser.fit(counts).transform(counts)
    lexical_nearest(vectors, vectors, 1, Exclusions.from_rows(Ragged.one_each(np.arange(2))))
