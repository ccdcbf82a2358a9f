"""The compiled kernels: features straight from Arrow's buffers, and the search over postings.

The results are those of `curation.mining.lexical.portable`, to the last bit. All that is compiled here is in this file
or among the kernels of deduplication, whose sources name the cache (`curation.dedup.kernels.own_cache`).
"""

# Compiled functions are typed by what they are called with.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, assignment"

from __future__ import annotations

import numpy as np

from curation.dedup.folding import MARGIN, fold_block, inline, jit, room_for
from curation.mining.lexical.index import TIERS
from curation.mining.lexical.scripts import SEPARATOR, SPACED
from curation.ngrams import BASE, MIX_FACTORS

_B = np.uint64(BASE)
_MIX_1, _MIX_2 = (np.uint64(factor) for factor in MIX_FACTORS)
_33, _1, _2, _3, _4 = (np.uint64(n) for n in (33, 1, 2, 3, 4))
_BLANK = np.uint32(0x20)

# Bytes of texts that are folded together, unless one text is longer: what they become stays in the cache.
_BLOCK = 1 << 14
# A character begins at most three windows, and a word of one letter has two features.
_MOST_FEATURES = 3

# Passages whose bounds are compared at once, before any of them is looked at by itself.
_STRIDE = 128
# Groups of passages, for each hit that is wanted, by which the k-th greatest sum is estimated.
_GROUPS = 8
# Scoring a passage in full takes about so many times as long for each of its features as adding a posting.
_SCORING = 3.0
# Marks for each cell of the table of a query's features: so many that a mark seldom stands for another feature.
_SPARSITY = 32
_EMPTY = np.int32(-1)


@inline
def _key(value, owner, bits):
    """Mix a polynomial hash, as `curation.ngrams.mix` does, and put its top bits behind the number of its text."""
    value ^= value >> _33
    value *= _MIX_1
    value ^= value >> _33
    value *= _MIX_2
    value ^= value >> _33
    return np.uint32(owner << bits | np.int64(value >> np.uint64(64 - bits)))


@inline
def _windows(codes, count, smallest, owner, bits, keys, at):
    """Hash the windows of `smallest` to `smallest + 2` code points of one token; return where the keys end."""
    for begin in range(count - smallest + 1):
        value, power = np.uint64(0), _1
        for k in range(min(smallest + 2, count - begin)):
            value += (np.uint64(codes[begin + k]) + _1) * power
            power *= _B
            if k + 1 >= smallest:
                keys[at] = _key(value, owner, bits)
                at += 1
    return at


@inline
def _word(codes, count, owner, bits, keys, at):
    value = np.uint64(0)
    for k in range(count - 1, -1, -1):
        value = value * _B + (np.uint64(codes[k]) + _1)
    keys[at] = _key(value, owner, bits)
    return at + 1


@inline
def _text_keys(codes, count, owner, bits, classes, padded, keys, at):
    """Cut one folded text into tokens and those into features; return where the keys end."""
    begin = 0
    while begin < count:
        kind = classes[codes[begin]]
        end = begin + 1
        while end < count and classes[codes[end]] == kind:
            end += 1
        if kind == SPACED:
            padded[0], padded[end - begin + 1] = _BLANK, _BLANK
            padded[1 : end - begin + 1] = codes[begin:end]
            at = _word(codes[begin:end], end - begin, owner, bits, keys, at)
            at = _windows(padded, end - begin + 2, 3, owner, bits, keys, at)
        elif kind != SEPARATOR:
            at = _windows(codes[begin:end], end - begin, 1, owner, bits, keys, at)
        begin = end
    return at


@jit
def feature_keys(text, offsets, bits, classes, tables, growth):
    """Return the key of every feature occurrence of texts, in no order.

    Args:
        text: uint8 (bytes,), read-only.
        offsets: int64 (n + 1,), read-only: text i is `text[offsets[i] : offsets[i + 1]]`.
        bits: of a feature.
        classes: uint8 (0x110000,), the class of each code point.
        tables: the arrays of `unicode_tables.Tables`, in its order.
        growth: `Tables.growth`.

    Returns:
        keys: uint32 (occurrences,): text << bits | feature.
        bad: -1, or the number of the first text that is not UTF-8.
    """
    longest = _BLOCK
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    room = room_for(longest)
    folded = np.empty(growth * longest + MARGIN, dtype=np.uint32)
    padded = np.empty(growth * longest + MARGIN, dtype=np.uint32)
    starts = np.empty(_BLOCK + 1, dtype=np.int64)
    keys = np.empty(_MOST_FEATURES * (offsets[-1] - offsets[0]) + MARGIN, dtype=np.uint32)
    at, first = 0, 0
    while first < len(offsets) - 1:
        last = first + 1
        while last < len(offsets) - 1 and last - first < _BLOCK and offsets[last + 1] - offsets[first] <= _BLOCK:
            last += 1
        bounds = offsets[first : last + 1]
        if not fold_block(text[bounds[0] : bounds[-1]], bounds, starts, room, folded, tables):
            if last == first + 1:
                return keys[:0], first
            for row in range(first, last):
                bounds = offsets[row : row + 2]
                if not fold_block(text[bounds[0] : bounds[1]], bounds, starts, room, folded, tables):
                    return keys[:0], row
            return keys[:0], first
        wanted = at + _MOST_FEATURES * starts[last - first]
        if wanted > len(keys):
            keys = np.concatenate((keys[:at], np.empty(2 * wanted - at, dtype=np.uint32)))
        for i in range(last - first):
            codes = folded[starts[i] : starts[i + 1]]
            at = _text_keys(codes, len(codes), first + i, bits, classes, padded, keys, at)
        first = last
    return keys[:at].copy(), -1


@inline
def _is_worse(score, row, other_score, other_row):
    return score < other_score or (score == other_score and row > other_row)


@inline
def _replace_worst(scores, rows, score, row):
    """Put a hit in place of the worst of a heap, which stands at its root."""
    place, size = 0, len(scores)
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        other = child + 1
        if other < size and _is_worse(scores[other], rows[other], scores[child], rows[child]):
            child = other
        if not _is_worse(scores[child], rows[child], score, row):
            break
        scores[place], rows[place] = scores[child], rows[child]
        place = child
    scores[place], rows[place] = score, row


@inline
def _offer(scores, rows, score, row):
    if _is_worse(scores[0], rows[0], score, row):
        _replace_worst(scores, rows, score, row)


@inline
def _count_reaching(sums, tails, rest, floor):
    """Count the passages whose bound reaches a floor."""
    count = np.int32(0)
    for d in range(len(sums)):
        count = np.int32(count + np.int32(sums[d] + rest * tails[d] >= floor))
    return count


@inline
def _kth_sum(sums, k, floor, greatest):
    """Return a number that at least k of the sums reach, close to the greatest; `floor` if that is no less.

    That is the k-th of the greatest sums of many interleaved groups: few groups have two of the k best.
    """
    # The bits of floats that are not negative order like integers, whose greatest is found several at a time.
    bits, best = sums.view(np.int32), greatest.view(np.int32)
    size = len(best)
    best[:] = bits[:size]
    for begin in range(size, len(bits), size):
        part = bits[begin : begin + size]
        for d in range(len(part)):
            best[d] = max(best[d], part[d])
    if size < k:
        return floor
    return max(floor, np.partition(greatest, size - k)[size - k])


@inline
def _fill_table(indices, data, table):
    """Put the features of a query into an open-addressing table, and mark them in what is asked before it."""
    marks, keys, values, _ = table
    mask = np.uint32(len(keys) - 1)
    keys[:] = _EMPTY
    marks[:] = 0
    for k in range(len(indices)):
        marks[np.uint32(indices[k]) & np.uint32(len(marks) - 1)] = 1
        place = np.uint32(indices[k]) & mask
        while keys[place] != _EMPTY:
            place = (place + np.uint32(1)) & mask
        keys[place], values[place] = indices[k], data[k]


@inline
def _score(indices, data, table):
    """Sum the products of equal features, in order of features."""
    marks, keys, values, shared = table
    wide, mask, count = np.uint32(len(marks) - 1), np.uint32(len(keys) - 1), np.uint64(0)
    for k in range(len(indices)):
        # Written whether or not it counts: that spares the processor a branch that it cannot foresee.
        shared[count] = k
        count += np.uint64(marks[np.uint32(indices[k]) & wide])
    total = 0.0
    for at in range(count):
        k = shared[at]
        place = np.uint32(indices[k]) & mask
        while keys[place] != indices[k] and keys[place] != _EMPTY:
            place = (place + np.uint32(1)) & mask
        if keys[place] != _EMPTY:
            total += np.float64(values[place]) * np.float64(data[k])
    return np.float32(total)


@inline
def _add(numbers, weights, weight, sums):
    """Add the postings of one feature; four at a time, which differ, and so do not wait for one another."""
    size, at = np.uint64(len(numbers)), np.uint64(0)
    while at + _4 <= size:
        d0, d1, d2, d3 = numbers[at], numbers[at + _1], numbers[at + _2], numbers[at + _3]
        sum_0, sum_1 = sums[d0] + weight * weights[at], sums[d1] + weight * weights[at + _1]
        sum_2, sum_3 = sums[d2] + weight * weights[at + _2], sums[d3] + weight * weights[at + _3]
        sums[d0], sums[d1], sums[d2], sums[d3] = sum_0, sum_1, sum_2, sum_3
        at += _4
    while at < size:
        sums[numbers[at]] += weight * weights[at]
        at += _1


@inline
def _by_tier(indices, data, tiers, bounds, order, begins, tails, costs):
    """Bring a query's features into order of tiers; sum up what lies beyond each tier.

    Args:
        indices: int32 (m,), the features.
        data: float32 (m,), their weights.
        tiers: uint8 (F,), the tier of each feature.
        bounds: int64 (F + 1,), where the postings of each feature begin.
        order: int64 (m or more,), is filled with the places of the features.
        begins: int64 (TIERS + 1,), is filled: where each tier begins in `order`.
        tails: float32 (TIERS,), is filled with the length of the part of the vector beyond each tier.
        costs: int64 (TIERS,), is filled with the postings beyond each tier.
    """
    begins[:], costs[:] = 0, 0
    squares = np.zeros(TIERS, dtype=np.float64)
    for k in range(len(indices)):
        begins[tiers[indices[k]] + 1] += 1
    for t in range(TIERS):
        begins[t + 1] += begins[t]
    for k in range(len(indices)):
        feature = indices[k]
        tier = tiers[feature]
        order[begins[tier]] = k
        begins[tier] += 1
        squares[tier] += np.float64(data[k]) ** 2
        costs[tier] += bounds[feature + 1] - bounds[feature]
    for t in range(TIERS, 0, -1):
        begins[t] = begins[t - 1]
    begins[0] = 0
    square, cost = 0.0, 0
    for t in range(TIERS - 1, -1, -1):
        tails[t], square = np.float32(np.sqrt(square)), square + squares[t]
        costs[t], cost = cost, cost + costs[t]


@inline
def _longest_row(indptr):
    longest = 0
    for i in range(len(indptr) - 1):
        longest = max(longest, indptr[i + 1] - indptr[i])
    return longest


@jit
def search_block(queries, passages, postings, tiers, passage_tails, first_row, excluded, rows, scores):
    """Let the passages of one block compete for the k best of each query.

    Args:
        queries: (indptr, indices, data) of a csr matrix, (Q, F).
        passages: likewise for the block, (n, F).
        postings: (bounds, numbers, weights): uint16 number of the passage in the block and float32 weight, by feature.
        tiers: uint8 (F,), see `index.Index`.
        passage_tails: float32 (TIERS, n).
        first_row: row of the block's first passage.
        excluded: (offsets, rows): int64 (Q + 1,) and (m,), the rows that each query must not find.
        rows: int64 (Q, k), heaps with the worst hit first; -1 where there is none. They are updated.
        scores: float32 (Q, k), likewise; -inf where there is none.
    """
    indptr, indices, data = queries
    size, k = len(passages[0]) - 1, rows.shape[1]
    longest = _longest_row(indptr)
    width = 1
    while width < 2 * longest:
        width *= 2
    table = (
        np.empty(_SPARSITY * width, dtype=np.uint8),
        np.empty(width, dtype=np.int32),
        np.empty(width, dtype=np.float32),
        np.empty(_longest_row(passages[0]) + 1, dtype=np.uint32),
    )
    order, begins = np.empty(longest, dtype=np.int64), np.empty(TIERS + 1, dtype=np.int64)
    tails, costs = np.empty(TIERS, dtype=np.float32), np.empty(TIERS, dtype=np.int64)
    sums = np.empty(size, dtype=np.float32)
    greatest = np.empty(min(size, _GROUPS * k), dtype=np.float32)
    for i in range(len(indptr) - 1):
        mine = slice(indptr[i], indptr[i + 1])
        if indptr[i] == indptr[i + 1]:
            continue
        _by_tier(indices[mine], data[mine], tiers, postings[0], order, begins, tails, costs)
        sums[:] = np.float32(0.0)
        for at in range(excluded[0][i], excluded[0][i + 1]):
            row = excluded[1][at] - first_row
            if 0 <= row < size:
                sums[row] = -np.inf
        # All terms are positive, so that a sum of m of them in float32 errs by less than m 2^-24 of itself, whatever
        # the order (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2). Once for what is compared
        # and once for what it is compared with, and some for the bounds and for the rounding of scores.
        slack = np.float32(1.0 - (indptr[i + 1] - indptr[i] + 16) * 2.0**-22)
        tier, floor = _accumulate(
            indices[mine], data[mine], postings, order, begins, tails, costs,
            passage_tails, sums, scores[i, 0], slack, len(passages[1]) / size, k, greatest,
        )  # fmt: skip
        _fill_table(indices[mine], data[mine], table)
        for d in range(size):
            if sums[d] >= floor and sums[d] > 0:
                _take(d, passages, table, first_row, rows[i], scores[i])
                sums[d] = -np.inf
        _take_rest(
            sums, passage_tails[tier], tails[tier], slack,
            passages, table, first_row, rows[i], scores[i],
        )  # fmt: skip


@inline
def _take(d, passages, table, first_row, rows, scores):
    part = slice(passages[0][d], passages[0][d + 1])
    score = _score(passages[1][part], passages[2][part], table)
    if score > 0:
        _offer(scores, rows, score, first_row + d)


@inline
def _take_rest(sums, passage_tails, rest, slack, passages, table, first_row, rows, scores):
    """Score what may still be among the best."""
    for begin in range(0, len(sums), _STRIDE):
        end = min(begin + _STRIDE, len(sums))
        if _count_reaching(sums[begin:end], passage_tails[begin:end], rest, scores[0] * slack) == 0:
            continue
        for d in range(begin, end):
            bound = sums[d] + rest * passage_tails[d]
            if bound > 0 and bound >= scores[0] * slack:
                _take(d, passages, table, first_row, rows, scores)


@inline
def _accumulate(
    indices, data, postings, order, begins, tails, costs, passage_tails, sums, floor, slack, length, k, greatest
):
    """Add up the products of the rarest features, tier by tier, until scoring what is left is cheaper.

    Returns:
        The last tier that was added, and a number that some k sums reach, or the best of earlier blocks.
    """
    size, spent, floor = len(sums), 0, max(floor, np.float32(0.0))
    for tier in range(TIERS):
        for at in range(begins[tier], begins[tier + 1]):
            weight, feature = data[order[at]], indices[order[at]]
            begin, end = postings[0][feature], postings[0][feature + 1]
            spent += end - begin
            _add(postings[1][begin:end], postings[2][begin:end], weight, sums)
        if costs[tier] == 0:
            break
        # Looking takes as long as adding some postings for each passage.
        if spent < size or costs[tier] < 2 * size:
            continue
        spent = 0
        floor = _kth_sum(sums, k, floor, greatest)
        reaching = _count_reaching(sums, passage_tails[tier], tails[tier], floor * slack)
        if _SCORING * length * reaching <= costs[tier]:
            return tier, floor
    return tier, _kth_sum(sums, k, floor, greatest)
