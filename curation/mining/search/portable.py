"""The kernels of the search in numpy: what runs where numba is missing, and what the compiled ones must equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import Codes

Pairs = tuple[Rows, Rows]

LANES = 64
# Odd, so that the rows of any 2^32 in a row get different counters; the others are a known mix of 32 bits
# (https://github.com/skeeto/hash-prospector, "lowbias32").
ROW_FACTOR, SEED = 0x9E3779B97F4A7C15, 0x5DEECE66D
MIX_1, MIX_2 = 0x7FEB352D, 0x846CA68B
_PAIR_VALUES = 1 << 17


def pair_scores(left: Vectors, right: Vectors, left_rows: Rows, right_rows: Rows, scores: Vectors) -> None:
    """Fill in the dot product of each pair of rows: a function of the two vectors alone, the same for any batch.

    The product of two float32 is exact in float64. Product i is added to lane i mod 64, in order of i; then the
    upper half of the lanes is added to the lower one until one is left.

    Args:
        left: float32, shape (., d).
        right: float32, shape (., d).
        left_rows: int64, shape (n,).
        right_rows: int64, shape (n,).
        scores: float32, shape (n,), is filled.
    """
    dimensions = left.shape[1]
    step = _PAIR_VALUES // max(LANES, min(dimensions, _PAIR_VALUES))
    for start in range(0, len(left_rows), step):
        part = slice(start, start + step)
        products = np.multiply(left[left_rows[part]], right[right_rows[part]], dtype=np.float64)
        lanes = np.zeros((len(products), LANES))
        for at in range(0, dimensions, LANES):
            chunk = products[:, at : at + LANES]
            lanes[:, : chunk.shape[1]] += chunk
        width = LANES // 2
        while width:
            lanes[:, :width] += lanes[:, width : 2 * width]
            width //= 2
        scores[part] = lanes[:, 0]


def dither(vectors: Vectors, first_row: int, scales: npt.NDArray[np.float64], codes: Codes) -> None:
    """Fill in codes whose expectation is vector / scale: rounded up or down by a hash of row and dimension.

    Args:
        vectors: float32, shape (m, d).
        first_row: the number of the first one, which the hash counts from.
        scales: float64, shape (m,), of each row; no value may exceed 126.5 times its row's.
        codes: int8, shape (m, d), is filled.
    """
    values = vectors.astype(np.float64) / scales[:, None]
    codes[:] = np.floor(values + (_hashes(first_row, *vectors.shape) + 0.5) * 2.0**-32)


def _hashes(first_row: int, rows: int, dimensions: int) -> npt.NDArray[np.uint32]:
    numbers = np.arange(first_row, first_row + rows).astype(np.uint64) * np.uint64(ROW_FACTOR) + np.uint64(SEED)
    seeds = (numbers >> np.uint64(32)).astype(np.uint32)
    return _mix(_mix(np.arange(dimensions, dtype=np.uint32))[None, :] ^ seeds[:, None])


def _mix(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    values = (values ^ (values >> np.uint32(16))) * np.uint32(MIX_1)
    values = (values ^ (values >> np.uint32(15))) * np.uint32(MIX_2)
    return values ^ (values >> np.uint32(16))


def push(
    k: int,
    floors: Vectors,
    counts: Rows,
    due: Rows,
    rows: Rows,
    lowers: Vectors,
    uppers: Vectors,
    new: tuple[Rows, Rows, Vectors, Vectors],
) -> npt.NDArray[np.bool_]:
    """Add hits to the lists of their queries, raising floors and dropping what is below them where a list is full.

    Args:
        k: hits wanted a query, at least 1.
        floors: of each query, a score that k of its rows are known to reach, float32 (Q,); is raised.
        counts: hits in each list, int64 (Q,); is changed.
        due: with how many hits a list is next to be looked through, int64 (Q,); is changed.
        rows: the lists, int64 (Q, room).
        lowers: what the score of each hit is not below, float32 (Q, room).
        uppers: what it is not above, float32 (Q, room).
        new: query (ascending), row, lower and upper bound of each new hit, shape (n,).

    Returns:
        Which of the new hits found no room, although they may be among the k best, bool (n,).
    """
    left_over = np.zeros(len(new[0]), dtype=np.bool_)
    alive = np.flatnonzero(new[3] >= floors[new[0]])
    queries, lengths = np.unique(new[0][alive], return_counts=True)
    full = counts[queries] + lengths >= due[queries]
    crowded = np.repeat(full, lengths)
    _append(counts, (rows, lowers, uppers), tuple(part[alive[~crowded]] for part in new))
    begins = np.cumsum(lengths) - lengths
    for query, begin, length in zip(queries[full], begins[full], lengths[full], strict=True):
        hits = alive[begin : begin + length]
        left_over[hits] = _compact(k, floors, counts, (rows, lowers, uppers), query, tuple(p[hits] for p in new[1:]))
        due[query] = next_due(k, counts[query], rows.shape[1])
    return left_over


def push_scores(
    k: int,
    floors: Vectors,
    counts: Rows,
    due: Rows,
    rows: Rows,
    lowers: Vectors,
    uppers: Vectors,
    scores: npt.NDArray[np.generic],
    mask: npt.NDArray[np.bool_],
    origin: tuple[int, int],
    units: npt.NDArray[np.float64],
    errors: npt.NDArray[np.float64],
    rounding: float,
    table: Vectors,
    begin: int,
    left_over: Pairs,
) -> tuple[int, int]:
    """Add what is marked in a tile of scores to the lists; see `push` for these.

    A score s of query q stands for a value of s x units[q], or table[s] x units[q] if there is a table, that is off
    by at most errors[q] and `rounding` times its size. What is not finite is left out.

    Args:
        k: as for `push`, like the next six.
        floors: float32 (Q,).
        counts: int64 (Q,).
        due: int64 (Q,).
        rows: int64 (Q, room).
        lowers: float32 (Q, room).
        uppers: float32 (Q, room).
        scores: any numbers, shape (q, n).
        mask: which of them are hits, bool (q n + 8,); zeros at the end.
        origin: the first query and the first row of the tile.
        units: float64 (q,).
        errors: float64 (q,).
        rounding: a share.
        table: float32, values by the bits of a 16-bit score, or empty.
        begin: where in the mask to begin, divisible by 8.
        left_over: two int64 arrays of one length, at least 264: room for the queries and the rows of hits that found no
            place in the lists.

    Returns:
        How many hits found no place, and where to go on; the size of `scores` or more at the end.
    """
    size = min(scores.size, begin + len(left_over[0]) // 8 * 8)
    places = np.flatnonzero(mask[begin:size]) + begin
    owners, columns = np.divmod(places, scores.shape[1])
    found = scores.ravel()[places]
    values = (table[found.view(np.uint16)] if len(table) else found).astype(np.float64) * units[owners]
    finite = np.isfinite(values)
    owners, columns, values = owners[finite], columns[finite], values[finite]
    off = errors[owners] + rounding * np.abs(values)
    hits = (
        owners + origin[0],
        columns + origin[1],
        (values - off).astype(np.float32),
        (values + off).astype(np.float32),
    )
    no_room = np.flatnonzero(push(k, floors, counts, due, rows, lowers, uppers, hits))
    for side, column in zip(left_over, hits[:2], strict=True):
        side[: len(no_room)] = column[no_room]
    return len(no_room), size


def next_due(k: int, count: int, room: int) -> int:
    """Return with how many hits a list is next to be looked through that has `count` now."""
    return min(count + max(k, 8), room)


def _append(counts: Rows, lists: tuple[npt.NDArray[np.generic], ...], new: tuple[npt.NDArray[np.generic], ...]) -> None:
    queries = new[0].astype(np.int64)
    places = counts[queries] + positions_in_runs(queries)
    for column, values in zip(lists, new[1:], strict=True):
        column[queries, places] = values
    counts += np.bincount(queries, minlength=len(counts))


def _compact(
    k: int,
    floors: Vectors,
    counts: Rows,
    lists: tuple[npt.NDArray[np.generic], ...],
    query: int,
    new: tuple[npt.NDArray[np.generic], ...],
) -> npt.NDArray[np.bool_]:
    """Join the list of one query with new hits, as far as they fit; return which do not, of those that matter."""
    before = int(counts[query])
    rows, lowers, uppers = (np.concatenate([c[query, :before], v]) for c, v in zip(lists, new, strict=True))
    if len(lowers) >= k:
        floors[query] = max(floors[query], np.partition(lowers, len(lowers) - k)[len(lowers) - k])
    alive = uppers >= floors[query]
    left = alive.copy()
    left[:before] = False
    kept = np.flatnonzero(alive)[: lists[0].shape[1]]
    left[kept] = False
    no_room: npt.NDArray[np.bool_] = left[before:]
    counts[query] = len(kept)
    for column, values in zip(lists, (rows, lowers, uppers), strict=True):
        column[query, : len(kept)] = values[kept]
    return no_room
