"""The compiled kernels of the search; scores and codes are those of `curation.mining.search.portable`, bit for bit."""

# Compiled functions are typed by what they are called with.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, assignment"

from __future__ import annotations

import numba
import numpy as np

# Those of `curation.mining.search.portable`, written out: numba notices that this file has changed, and no other.
LANES = 64
ROW_FACTOR, SEED = 0x9E3779B97F4A7C15, 0x5DEECE66D
MIX_1, MIX_2 = 0x7FEB352D, 0x846CA68B

_f64 = np.float64
_u32 = np.uint32
_16, _15 = np.uint32(16), np.uint32(15)
_MIX_1, _MIX_2 = np.uint32(MIX_1), np.uint32(MIX_2)
_NONE = np.uint64(0)
# Hits that are read together.
_TOGETHER = 256
_ROW, _SEED, _32 = np.uint64(ROW_FACTOR), np.uint64(SEED), np.uint64(32)

jit = numba.njit(cache=True, nogil=True)
inline = numba.njit(cache=True, nogil=True, forceinline=True)


@jit
def pair_scores(left, right, left_rows, right_rows, scores):
    """Fill in scores; see `curation.mining.search.portable.pair_scores`."""
    lanes = np.empty(LANES)
    dimensions = left.shape[1]
    whole = dimensions - dimensions % LANES
    for pair in range(len(left_rows)):
        a, b = left[left_rows[pair]], right[right_rows[pair]]
        for lane in range(LANES):
            lanes[lane] = 0.0
        for at in range(0, whole, LANES):
            for lane in range(LANES):
                lanes[lane] += _f64(a[at + lane]) * _f64(b[at + lane])
        for at in range(whole, dimensions):
            lanes[at - whole] += _f64(a[at]) * _f64(b[at])
        width = LANES // 2
        while width:
            for lane in range(width):
                lanes[lane] += lanes[lane + width]
            width //= 2
        scores[pair] = lanes[0]


@inline
def _mix(value):
    value = _u32(_u32(value ^ _u32(value >> _16)) * _MIX_1)
    value = _u32(_u32(value ^ _u32(value >> _15)) * _MIX_2)
    return _u32(value ^ _u32(value >> _16))


@jit
def dither(vectors, first_row, scales, codes):
    """Fill in codes; see `curation.mining.search.portable.dither`."""
    rows, dimensions = vectors.shape
    columns = np.empty(dimensions, np.uint32)
    for at in range(dimensions):
        columns[at] = _mix(_u32(at))
    for row in range(rows):
        seed = _u32((np.uint64(first_row + row) * _ROW + _SEED) >> _32)
        scale = scales[row]
        for at in range(dimensions):
            step = (_f64(_mix(_u32(columns[at] ^ seed))) + 0.5) * 2.0**-32
            codes[row, at] = np.int8(np.floor(_f64(vectors[row, at]) / scale + step))


# Arrays are not handed on for each hit below: that would count references, which costs more than all the rest.


@jit
def push(k, floors, counts, due, rows, lowers, uppers, new):
    """Add hits to the lists of their queries; see `curation.mining.search.portable.push`."""
    queries, new_rows, new_lowers, new_uppers = new
    room = rows.shape[1]
    scratch = np.empty(room, np.float32)
    left_over = np.zeros(len(queries), np.bool_)
    for hit in range(len(queries)):
        query = queries[hit]
        place = counts[query]
        if new_uppers[hit] >= floors[query]:
            if place == room:
                left_over[hit] = True
                continue
            rows[query, place] = new_rows[hit]
            lowers[query, place] = new_lowers[hit]
            uppers[query, place] = new_uppers[hit]
            place += 1
            counts[query] = place
        last = hit + 1 == len(queries) or queries[hit + 1] != query
        if place == room or (last and place >= due[query]):
            _compact(k, floors, counts, due, rows, lowers, uppers, query, scratch)
    return left_over


@jit
def push_scores(
    k,
    floors,
    counts,
    due,
    rows,
    lowers,
    uppers,
    scores,
    mask,
    origin,
    units,
    errors,
    rounding,
    table,
    begin,
    left_over,
):
    """Add what is marked in a tile of scores; see `curation.mining.search.portable.push_scores`."""
    left_queries, left_rows = left_over
    flat, room, width = scores.ravel(), rows.shape[1], scores.shape[1]
    scratch = np.empty(room, np.float32)
    places, values = np.empty(_TOGETHER + 8, np.int64), np.empty(_TOGETHER + 8)
    left, word, owner = 0, begin // 8, begin // width
    while word < len(mask) // 8 and left + len(places) <= len(left_queries):
        found, word = _marked(mask, word, places)
        _values(flat, table, places, found, values)
        for hit in range(found):
            if places[hit] >= (owner + 1) * width:
                query = origin[0] + owner
                if counts[query] >= due[query]:
                    _compact(k, floors, counts, due, rows, lowers, uppers, query, scratch)
                owner = places[hit] // width
            value = values[hit] * units[owner]
            off = errors[owner] + rounding * abs(value)
            query, row = origin[0] + owner, origin[1] + places[hit] - owner * width
            upper = np.float32(value + off)
            if not (np.isfinite(value) and upper >= floors[query]):
                continue
            place = counts[query]
            if place == room:
                left_queries[left] = query
                left_rows[left] = row
                left += 1
                continue
            rows[query, place] = row
            lowers[query, place] = np.float32(value - off)
            uppers[query, place] = upper
            counts[query] = place + 1
            if place + 1 == room:
                _compact(k, floors, counts, due, rows, lowers, uppers, query, scratch)
    query = origin[0] + owner
    if owner < len(scores) and counts[query] >= due[query]:
        _compact(k, floors, counts, due, rows, lowers, uppers, query, scratch)
    return left, 8 * word


@jit
def _marked(mask, word, places):
    """Fill in what is marked from a word of 8 on, `_TOGETHER` or a few more; return how many, and where to go on."""
    words = mask.view(np.uint64)
    found = 0
    while word < len(words) and found < _TOGETHER:
        if words[word] != _NONE:
            for at in range(8 * word, 8 * word + 8):
                places[found] = at
                found += mask[at]
        word += 1
    return found, word


@jit
def _values(flat, table, places, found, values):
    """Read what is far apart in memory in a loop that does nothing else: the processor waits for many at once."""
    if len(table):
        for hit in range(found):
            values[hit] = table[np.uint16(flat[places[hit]])]
    else:
        for hit in range(found):
            values[hit] = flat[places[hit]]


@jit
def _compact(k, floors, counts, due, rows, lowers, uppers, query, scratch):
    count = counts[query]
    for at in range(count):
        scratch[at] = lowers[query, at]
    if count >= k:
        floors[query] = max(floors[query], _greatest(scratch, count, k))
    kept = 0
    for at in range(count):
        if uppers[query, at] >= floors[query]:
            rows[query, kept] = rows[query, at]
            lowers[query, kept] = lowers[query, at]
            uppers[query, kept] = uppers[query, at]
            kept += 1
    counts[query] = kept
    due[query] = min(kept + max(k, 8), rows.shape[1])


@jit
def _greatest(values, count, k):
    """Return the k-th greatest of the first `count` values, which are put in another order.

    Without branches that depend on values: a processor guesses every second of those wrong.
    """
    low, high, wanted = 0, count, k - 1
    while True:
        pivot = values[(low + high) // 2]
        greater = low
        for at in range(low, high):
            value = values[at]
            values[at] = values[greater]
            values[greater] = value
            greater += value > pivot
        if wanted < greater:
            high = greater
            continue
        # Equal ones as well, or masses of them would be gone through one by one.
        equal = greater
        for at in range(greater, high):
            value = values[at]
            values[at] = values[equal]
            values[equal] = value
            equal += value == pivot
        if wanted < equal:
            return pivot
        low = equal
