"""The kernels without a compiler: numpy, scipy and Python's own Unicode. The reference for the compiled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.columns import refuse_invalid
from curation.mining.lexical.index import Matrix
from curation.mining.lexical.pairs import pair_scores
from curation.mining.lexical.scripts import SEPARATOR, SPACED, character_classes
from curation.mining.ragged import Exclusions, Rows, within_runs
from curation.mining.search.candidates import Candidates, best_first, empty_candidates, fill_candidates
from curation.ngrams import Codepoints, codepoints, offsets_of, span_hashes
from curation.text import fold

SPACED_SIZES = (3, 4, 5)
UNSPACED_SIZES = (1, 2, 3)
_BLANK = 0x20
# Scores of queries and passages in memory together.
_TILE = 1 << 22


def feature_keys(texts: pa.Array, bits: int) -> npt.NDArray[np.uint32]:
    """Return the key of every feature occurrence of texts, in no order.

    Args:
        texts: Arrow `large_string`, without nulls, shape (n,).
        bits: of a feature.

    Returns:
        uint32, shape (occurrences,): text << bits | feature.

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    tokens = _cut(_folded(texts))
    points = tokens.points
    begins, ends = points.offsets[:-1], points.offsets[1:]
    spans = [(np.flatnonzero(tokens.spaced), begins[tokens.spaced] + 1, ends[tokens.spaced] - 1)]
    for spaced, sizes in ((True, SPACED_SIZES), (False, UNSPACED_SIZES)):
        spans += [_windows(points, np.flatnonzero(tokens.spaced == spaced), size) for size in sizes]
    which, starts, stops = (np.concatenate(parts) for parts in zip(*spans, strict=True))
    features = span_hashes(points, starts, stops) >> np.uint64(64 - bits)
    keys: npt.NDArray[np.uint32] = (tokens.owners[which] << bits).astype(np.uint32) | features.astype(np.uint32)
    return keys


def _folded(texts: pa.Array) -> Codepoints:
    try:
        return codepoints(fold(texts))
    except UnicodeDecodeError:
        refuse_invalid(texts)
        raise


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Runs of word characters of one class: their texts, with a blank at either end where words have blanks.

    Attributes:
        points: the runs as texts of their own.
        owners: the text that each run stands in.
        spaced: whether the run's script puts blanks between words.
    """

    points: Codepoints
    owners: Rows
    spaced: npt.NDArray[np.bool_]


def _cut(points: Codepoints) -> _Tokens:
    classes = character_classes()[points.codes]
    begins = np.ones(len(classes), dtype=bool)
    begins[1:] = classes[1:] != classes[:-1]
    begins[points.offsets[:-1][points.lengths > 0]] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, len(classes)))
    is_token = classes[starts] != SEPARATOR
    starts, lengths = starts[is_token], lengths[is_token]
    spaced = classes[starts] == SPACED
    offsets = offsets_of(lengths + 2 * spaced)
    codes = np.full(offsets[-1], _BLANK, dtype=np.uint32)
    steps = within_runs(lengths)
    codes[np.repeat(offsets[:-1] + spaced, lengths) + steps] = points.codes[np.repeat(starts, lengths) + steps]
    owners = np.searchsorted(points.offsets, starts, side="right") - 1
    return _Tokens(Codepoints(codes, offsets), owners, spaced)


def _windows(points: Codepoints, tokens: Rows, size: int) -> tuple[Rows, Rows, Rows]:
    """Return token, start and end of every window of `size` in `tokens`; none in a shorter token."""
    counts = np.maximum(points.lengths[tokens] - size + 1, 0)
    starts = np.repeat(points.offsets[tokens], counts) + within_runs(counts)
    return np.repeat(tokens, counts), starts, starts + size


def nearest(queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
    """Find the k passages with the greatest scores; see `curation.mining.lexical.search.nearest`."""
    found = empty_candidates(queries.shape[0], k)
    postings = passages.T.tocsr()
    step = max(1, _TILE // max(1, passages.shape[0]))
    for start in range(0, queries.shape[0], step):
        block = np.arange(start, min(start + step, queries.shape[0]))
        tile = (queries[block] @ postings).toarray()
        tile[excluded.pairs(block)] = 0.0
        owners, rows = np.nonzero((tile > 0) & (tile >= _floors(tile, k, queries[block])[:, None]))
        scores = pair_scores(queries[block], passages, owners, rows)
        best = best_first(owners, rows, scores, k)
        fill_candidates(found, owners[best] + start, rows[best], scores[best])
    return found


def _floors(tile: npt.NDArray[np.float32], k: int, queries: Matrix) -> npt.NDArray[np.float32]:
    """Return what a score of the tile must reach to belong, perhaps, to the k best of its query.

    All terms are positive, so that a sum of m of them in float32 errs by less than m 2^-24 of itself (Higham,
    Accuracy and Stability of Numerical Algorithms, section 4.2): once for each of two scores, and some for rounding.
    """
    if tile.shape[1] <= k:
        return np.zeros(len(tile), dtype=np.float32)
    kth = np.partition(tile, tile.shape[1] - k, axis=1)[:, -k]
    floors: npt.NDArray[np.float32] = kth * (1.0 - (np.diff(queries.indptr) + 16) * 2.0**-22).astype(np.float32)
    return floors
