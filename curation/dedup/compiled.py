"""The compiled kernels: text in Arrow buffers goes in, sketches and similarities come out, with no object per text.

The results are those of `curation.dedup.portable`, to the last bit. Compiled code is kept on disk by numba, beside this
file or in the user's cache.
"""

# Compiled functions are typed by what they are called with.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, assignment"

from __future__ import annotations

import numpy as np

from curation.dedup.bands import SKETCH_SIZE
from curation.dedup.folding import MARGIN, fold_block, inline, jit, room_for
from curation.dedup.sketches import FACTORS, KEY_FACTOR, NGRAM
from curation.ngrams import BASE, MIX_FACTORS

_u32 = np.uint32
_0, _15 = _u32(0), _u32(15)
_B1, _B2, _B3, _B4 = (np.uint64(pow(BASE, k, 2**64)) for k in range(1, NGRAM))
_MIX_1, _MIX_2 = (np.uint64(factor) for factor in MIX_FACTORS)
_33, _64_1, _32, _LOW = np.uint64(33), np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
_LOW_BITS, _EACH_BYTE = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x0101010101010101)
# No hash with a mark is this: zero is one in 2^63, and then it only makes two texts less alike by an n-gram.
_NOTHING = np.uint64(0)
_SEVEN, _TOP_BYTE = np.uint64(7), np.uint64(56)

# Bytes of texts that are folded together, unless one text is longer: what they become stays in the cache.
_BLOCK = 1 << 14
# Windows that are hashed together. They are hashed in runs of `_ROUND`, beyond the end of a text if need be, which
# spares the processor a remainder that does not fill its vectors.
_WINDOWS = 2048
_ROUND = 32


@inline
def _mix(value):
    value ^= value >> _33
    value *= _MIX_1
    value ^= value >> _33
    value *= _MIX_2
    return value ^ (value >> _33)


@inline
def _hash_windows(codes, count, second, hashes):
    """Hash `count` windows, as `curation.ngrams.window_hashes` does; those of a second side are told apart."""
    for i in range(count):
        value = (np.uint64(codes[i]) + _64_1) + (np.uint64(codes[i + 1]) + _64_1) * _B1
        value += (np.uint64(codes[i + 2]) + _64_1) * _B2 + (np.uint64(codes[i + 3]) + _64_1) * _B3
        value += (np.uint64(codes[i + 4]) + _64_1) * _B4
        hashes[i] = _mix(value)
    if second:
        for i in range(count):
            hashes[i] = _mix(~hashes[i])


@inline
def _hash_short(codes, count, second, hashes):
    """Hash a text of one to four code points, which is one n-gram."""
    value, power = np.uint64(0), _64_1
    for i in range(count):
        value += (np.uint64(codes[i]) + _64_1) * power
        power *= _B1
    hashes[0] = _mix(value)
    if second:
        hashes[0] = _mix(~hashes[0])


@inline
def _hashes(codes, begin, length, second, hashes):
    """Hash the n-grams of a text from window `begin` on, up to `_WINDOWS` of them; return how many there were."""
    if length < NGRAM:
        if length:
            _hash_short(codes, length, second, hashes)
        return min(length, 1)
    count = min(length - NGRAM + 1 - begin, _WINDOWS)
    _hash_windows(codes[begin:], (count + _ROUND - 1) // _ROUND * _ROUND, second, hashes)
    return count


@inline
def _take_minima(hashes, count, minima):
    """Lower the sketch values to those of so many more hashes, at least one; sixteen at a time are the fastest."""
    for at in range(count, (count + 15) // 16 * 16):
        hashes[at] = hashes[count - 1]
    for at in range(0, count, 16):
        x0, x1, x2, x3 = _u32(hashes[at]), _u32(hashes[at + 1]), _u32(hashes[at + 2]), _u32(hashes[at + 3])
        x4, x5, x6, x7 = _u32(hashes[at + 4]), _u32(hashes[at + 5]), _u32(hashes[at + 6]), _u32(hashes[at + 7])
        x8, x9, x10, x11 = _u32(hashes[at + 8]), _u32(hashes[at + 9]), _u32(hashes[at + 10]), _u32(hashes[at + 11])
        x12, x13, x14, x15 = _u32(hashes[at + 12]), _u32(hashes[at + 13]), _u32(hashes[at + 14]), _u32(hashes[at + 15])
        for k in range(SKETCH_SIZE):
            factor = FACTORS[k]
            low_0 = min(min(_u32(factor * x0), _u32(factor * x1)), min(_u32(factor * x2), _u32(factor * x3)))
            low_1 = min(min(_u32(factor * x4), _u32(factor * x5)), min(_u32(factor * x6), _u32(factor * x7)))
            low_2 = min(min(_u32(factor * x8), _u32(factor * x9)), min(_u32(factor * x10), _u32(factor * x11)))
            low_3 = min(min(_u32(factor * x12), _u32(factor * x13)), min(_u32(factor * x14), _u32(factor * x15)))
            minima[k] = min(minima[k], min(min(low_0, low_1), min(low_2, low_3)))


@jit
def lower_minima(text, offsets, second, tables, growth, minima, totals):
    """Take one side of documents into their sketches.

    Args:
        text: uint8 (bytes,), read-only.
        offsets: int64 (n + 1,), read-only: text i is `text[offsets[i] : offsets[i + 1]]`.
        second: whether the texts are the second sides of pairs.
        tables: the arrays of `unicode_tables.Tables`, in its order.
        growth: `Tables.growth`.
        minima: uint32 (n, SKETCH_SIZE), is lowered.
        totals: uint64 (n,), the sum of each document's hashes is added.

    Returns:
        -1, or the number of the first text that is not UTF-8.
    """
    room, folded, starts = _room_for_texts(offsets, growth)
    hashes = np.empty(_WINDOWS + MARGIN, dtype=np.uint64)
    first = 0
    while first < len(offsets) - 1:
        last = _end_of_block(offsets, first)
        bad = _fold_texts(text, offsets, first, last, starts, room, folded, tables)
        if bad >= 0:
            return bad
        for i in range(last - first):
            _sketch(
                folded[starts[i] :], starts[i + 1] - starts[i], second, hashes, minima[first + i], totals, first + i
            )
        first = last
    return -1


@jit
def fold_to_utf8(text, offsets, tables, growth, ends):
    """Fold texts, each into UTF-8 again.

    Args:
        text: uint8 (bytes,), read-only.
        offsets: int64 (n + 1,), read-only.
        tables: the arrays of `unicode_tables.Tables`, in its order.
        growth: `Tables.growth`.
        ends: int64 (n + 1,), is filled: where each text begins and ends in the result.

    Returns:
        The folded texts, uint8 (bytes,), and -1 or the number of the first text that is not UTF-8.
    """
    room, folded, starts = _room_for_texts(offsets, growth)
    written = np.empty((offsets[-1] - offsets[0]) + MARGIN, dtype=np.uint8)
    size, first, ends[0] = 0, 0, 0
    while first < len(offsets) - 1:
        last = _end_of_block(offsets, first)
        bad = _fold_texts(text, offsets, first, last, starts, room, folded, tables)
        if bad >= 0:
            return written[:0], bad
        needed = size + 4 * starts[last - first]
        if needed > len(written):
            larger = np.empty(needed + (len(written) >> 1), dtype=np.uint8)
            larger[:size] = written[:size]
            written = larger
        for i in range(last - first):
            size += _encode(folded, starts[i], starts[i + 1], written, size)
            ends[first + i + 1] = size
        first = last
    return written[:size], -1


@inline
def _encode(codes, begin, end, written, at):
    """Write code points as UTF-8; return how many bytes they take."""
    size = at
    for k in range(begin, end):
        code = codes[k]
        if code < 0x80:
            written[size] = np.uint8(code)
            size += 1
        elif code < 0x800:
            written[size] = np.uint8(0xC0 | code >> 6)
            written[size + 1] = np.uint8(0x80 | code & 0x3F)
            size += 2
        elif code < 0x10000:
            written[size] = np.uint8(0xE0 | code >> 12)
            written[size + 1] = np.uint8(0x80 | code >> 6 & 0x3F)
            written[size + 2] = np.uint8(0x80 | code & 0x3F)
            size += 3
        else:
            written[size] = np.uint8(0xF0 | code >> 18)
            written[size + 1] = np.uint8(0x80 | code >> 12 & 0x3F)
            written[size + 2] = np.uint8(0x80 | code >> 6 & 0x3F)
            written[size + 3] = np.uint8(0x80 | code & 0x3F)
            size += 4
    return size - at


@jit
def hash_texts(text, offsets, tables, growth, hashes):
    """Hash folded texts as `curation.ngrams.span_hashes` hashes spans.

    Args:
        text: uint8 (bytes,), read-only.
        offsets: int64 (n + 1,), read-only.
        tables: the arrays of `unicode_tables.Tables`, in its order.
        growth: `Tables.growth`.
        hashes: uint64 (n,), is filled.

    Returns:
        -1, or the number of the first text that is not UTF-8.
    """
    room, folded, starts = _room_for_texts(offsets, growth)
    first = 0
    while first < len(offsets) - 1:
        last = _end_of_block(offsets, first)
        bad = _fold_texts(text, offsets, first, last, starts, room, folded, tables)
        if bad >= 0:
            return bad
        for i in range(last - first):
            value, power = np.uint64(0), _64_1
            for k in range(starts[i], starts[i + 1]):
                value += (np.uint64(folded[k]) + _64_1) * power
                power *= _B1
            hashes[first + i] = _mix(value)
        first = last
    return -1


@jit
def _room_for_texts(offsets, growth):
    """Return scratch arrays for folding texts block by block."""
    longest = _BLOCK
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    folded = np.empty(growth * longest + MARGIN, dtype=np.uint32)
    return room_for(longest), folded, np.empty(_BLOCK + 1, dtype=np.int64)


@inline
def _end_of_block(offsets, first):
    """Return the end of the texts that are folded together from number `first` on."""
    last = first + 1
    while last < len(offsets) - 1 and last - first < _BLOCK and offsets[last + 1] - offsets[first] <= _BLOCK:
        last += 1
    return last


@jit
def _fold_texts(text, offsets, first, last, starts, room, folded, tables):
    """Fold texts `first` to `last`; return -1, or the number of the first one that is not UTF-8."""
    bounds = offsets[first : last + 1]
    if fold_block(text[bounds[0] : bounds[-1]], bounds, starts, room, folded, tables):
        return -1
    for row in range(first, last):
        bounds = offsets[row : row + 2]
        if not fold_block(text[bounds[0] : bounds[1]], bounds, starts, room, folded, tables):
            return row
    return first


@inline
def _sketch(codes, length, second, hashes, minima, totals, row):
    begin = 0
    while True:
        count = _hashes(codes, begin, length, second, hashes)
        if count == 0:
            return
        total = np.uint64(0)
        for k in range(count):
            total += hashes[k]
        totals[row] += total
        _take_minima(hashes, count, minima)
        begin += count
        if begin + NGRAM > length:
            return


@jit
def finish_sketches(minima, band_count, rows, values, keys):
    """Turn minima into what is kept of them.

    Args:
        minima: uint32 (n, SKETCH_SIZE).
        band_count: number of bands.
        rows: values of a band; band b has the values b, b + band_count, ...
        values: uint8 (n, SKETCH_SIZE), is filled with the low bytes.
        keys: uint32 (band_count, n), is filled.
    """
    found = np.empty(band_count, dtype=np.uint32)
    for i in range(len(minima)):
        for k in range(SKETCH_SIZE):
            values[i, k] = np.uint8(minima[i, k])
        found[:] = _0
        for row in range(rows):
            part = minima[i, row * band_count : (row + 1) * band_count]
            for band in range(band_count):
                key = _u32(_u32(found[band] ^ part[band]) * KEY_FACTOR)
                found[band] = _u32(key ^ key >> _15)
        keys[:, i] = found


@inline
def _agreement(left, right):
    """Count the equal bytes of two runs of eight 64-bit words."""
    agreeing = np.uint64(0)
    for k in range(SKETCH_SIZE // 8):
        differing = left[k] ^ right[k]
        # The top bit of each byte: set where the byte is zero. Then the eight of them are added up.
        zero = ~((((differing & _LOW_BITS) + _LOW_BITS) | differing) | _LOW_BITS)
        agreeing += ((zero >> _SEVEN) * _EACH_BYTE) >> _TOP_BYTE
    return np.int64(agreeing)


@jit
def agreement(words, left, right, agreeing):
    """Fill `agreeing`, uint8 (m,), with how many of the sketch values of each pair of documents agree.

    Args:
        words: uint64 (n, SKETCH_SIZE / 8), the values, eight to a word.
        left: int64 (m,), one document of each pair.
        right: int64 (m,), the other.
        agreeing: uint8 (m,).
    """
    for k in range(len(left)):
        agreeing[k] = _agreement(words[left[k]], words[right[k]])


@jit
def pairs_in_buckets(entries, words, least, small):
    """Compare the sketches of the documents of each bucket of two to `small`.

    Args:
        entries: uint64 (m,), sorted: bucket << 32 | document.
        words: as in `agreement`.
        least: how many values must agree.
        small: greatest size of a bucket that is looked at.

    Returns:
        uint64 (pairs,): smaller document << 32 | larger document.
    """
    pairs = np.empty(1024, dtype=np.uint64)
    count, begin = 0, 0
    while begin < len(entries):
        end = begin + 1
        while end < len(entries) and entries[end] ^ entries[begin] <= _LOW:
            end += 1
        if 1 < end - begin <= small:
            if count + small * small > len(pairs):
                pairs = np.concatenate((pairs, np.empty(len(pairs) + small * small, dtype=np.uint64)))
            for i in range(begin, end):
                left = entries[i] & _LOW
                for k in range(i + 1, end):
                    right = entries[k] & _LOW
                    if _agreement(words[np.int64(left)], words[np.int64(right)]) >= least:
                        pairs[count] = left << _32 | right
                        count += 1
        begin = end
    return pairs[:count].copy()


@jit
def lower_similarities(text, offsets, tables, growth, left, right, similarity):
    """Lower the similarity of pairs of documents to the exact Jaccard similarity of one of their sides.

    Args:
        text: uint8 (bytes,), read-only.
        offsets: int64 (n + 1,), read-only.
        tables: the arrays of `unicode_tables.Tables`, in its order.
        growth: `Tables.growth`.
        left: int64 (m,); where one stands in a row it is prepared only once.
        right: int64 (m,).
        similarity: float64 (m,), is lowered.

    Returns:
        -1, or the number of the first text that is not UTF-8.
    """
    longest = 0
    for k in range(len(left)):
        longest = max(longest, offsets[left[k] + 1] - offsets[left[k]], offsets[right[k] + 1] - offsets[right[k]])
    room = room_for(longest)
    mine = np.empty(growth * longest + MARGIN, dtype=np.uint32)
    yours = np.empty(growth * longest + MARGIN, dtype=np.uint32)
    starts = np.empty(2, dtype=np.int64)
    hashes = np.empty(_WINDOWS + MARGIN, dtype=np.uint64)
    table = np.empty(4 * _WINDOWS, dtype=np.uint64)
    my_length, prepared = 0, -1
    for k in range(len(left)):
        i, j = left[k], right[k]
        if _are_equal(text[offsets[i] : offsets[i + 1]], text[offsets[j] : offsets[j + 1]]):
            continue
        if i != prepared:
            my_length = _fold_one(text, offsets[i : i + 2], starts, room, mine, tables)
            prepared = i
        your_length = _fold_one(text, offsets[j : j + 2], starts, room, yours, tables)
        if min(my_length, your_length) < 0:
            return i if my_length < 0 else j
        if _are_equal(mine[:my_length], yours[:your_length]):
            continue
        size = 64
        while size < 2 * (my_length + your_length):
            size *= 2
        if size > len(table):
            table = np.empty(size, dtype=np.uint64)
        value = _jaccard(mine, my_length, yours, your_length, hashes, table[:size])
        similarity[k] = min(similarity[k], value)
    return -1


@inline
def _are_equal(mine, yours):
    if len(mine) != len(yours):
        return False
    differing = np.uint32(0)
    for k in range(len(mine)):
        differing = _u32(differing | (_u32(mine[k]) ^ _u32(yours[k])))
    return differing == 0


@inline
def _fold_one(text, bounds, starts, room, folded, tables):
    """Return the length of a text folded into `folded`, or -1 if it is not UTF-8."""
    if fold_block(text[bounds[0] : bounds[1]], bounds, starts, room, folded, tables):
        return starts[1]
    return -1


@inline
def _jaccard(mine, my_length, yours, your_length, hashes, table):
    """Compare the sets of two texts' n-grams by an open-addressing table of their hashes.

    The last bit of a hash gives way to a mark: 1 for what only the first text has, 0 for what the second one has.
    """
    mask = np.uint64(len(table) - 1)
    table[:] = _NOTHING
    my_size, your_size, shared, begin = 0, 0, 0, 0
    while True:
        count = _hashes(mine, begin, my_length, False, hashes)
        for k in range(count):
            value = hashes[k] | _64_1
            place = (value >> _64_1) & mask
            while table[place] != _NOTHING and table[place] != value:
                place = (place + _64_1) & mask
            my_size += table[place] == _NOTHING
            table[place] = value
        begin += count
        if count == 0 or begin + NGRAM > my_length:
            break
    begin = 0
    while True:
        count = _hashes(yours, begin, your_length, False, hashes)
        for k in range(count):
            value = hashes[k] | _64_1
            place = (value >> _64_1) & mask
            while table[place] != _NOTHING and table[place] | _64_1 != value:
                place = (place + _64_1) & mask
            your_size += table[place] == _NOTHING
            shared += table[place] == value
            table[place] = value ^ _64_1
        begin += count
        if count == 0 or begin + NGRAM > your_length:
            break
    either = my_size + your_size
    return shared / either if either else 1.0
