"""Compiled: UTF-8 becomes folded code points, as `curation.text.fold` folds, with no object a text."""

# Compiled functions are typed by what they are called with.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, assignment"

from __future__ import annotations

import numba
import numpy as np

from curation.dedup import unicode_tables as ut

_u32 = np.uint32
# numba computes with at least 64 bits. What is at once cast back is compiled to 32 bits, in twice as many lanes.
_0, _1, _5, _6, _7, _12, _21, _26 = (_u32(n) for n in (0, 1, 5, 6, 7, 12, 21, 26))
_18, _29, _31, _0F, _1F, _3F, _80, _C0, _E0 = (_u32(n) for n in (18, 29, 31, 0x0F, 0x1F, 0x3F, 0x80, 0xC0, 0xE0))
_F0, _F8, _FF, _800, _D800, _10000 = (_u32(n) for n in (0xF0, 0xF8, 0xFF, 0x800, 0xD800, 0x10000))
_10FFFF, _FFFFF800 = _u32(0x10FFFF), _u32(0xFFFFF800)
_UPPER_A, _DOTTED_I, _VALUE = _u32(ord("A")), _u32(0x130), _u32(ut.VALUE_MASK)
# The least cell of a mark, and a base that there is not.
_MARK_CELL, _NONE = _u32(ut.MARK << ut.KIND_SHIFT), _u32(0xFFFFFFFF)
_64_0, _64_1 = np.uint64(0), np.uint64(1)
_SPREAD, _PAIR_SHIFT = np.uint64(ut.SPREAD), np.uint64(64 - ut.PAIR_BITS)

# Room that is never used, but that vectors may run into.
MARGIN = 64
# Marks in a row that are sorted by insertion.
_INSERTED = 32

jit = numba.njit(cache=True, nogil=True)
inline = numba.njit(cache=True, nogil=True, forceinline=True)


@inline
def _decode(raw, size, wide):
    """Decode at every byte, as if a character began there; say whether the whole is UTF-8.

    Without a branch a character, and without a step that waits for the one before: several times as fast as decoding
    character by character where one- and two-byte characters alternate. Bytes at which none begins get bit 31.

    Args:
        raw: uint8 (size + 3 or more,), the last three are zero.
        size: bytes to decode.
        wide: uint32 (size or more,), is filled.
    """
    wrong, owed = _0, _0
    for k in range(size):
        b0, b1, b2, b3 = _u32(raw[k]), _u32(raw[k + 1]), _u32(raw[k + 2]), _u32(raw[k + 3])
        two, three, four = _u32(b0 >= _C0), _u32(b0 >= _E0), _u32(b0 >= _F0)
        tail = _u32(_u32(b0 & _C0) == _80)
        # Above F7 there is nothing; F5 to F7 exceed 10FFFF.
        bad = _u32(b0 >= _F8)
        bad = _u32(bad | two & _u32(_u32(b1 & _C0) != _80) | three & _u32(_u32(b2 & _C0) != _80))
        bad = _u32(bad | four & _u32(_u32(b3 & _C0) != _80))
        b1, b2, b3 = _u32(b1 & _3F), _u32(b2 & _3F), _u32(b3 & _3F)
        code_2 = _u32((b0 & _1F) << _6 | b1)
        code_3 = _u32((b0 & _0F) << _12 | b1 << _6 | b2)
        code_4 = _u32((b0 & _7) << _18 | b1 << _12 | b2 << _6 | b3)
        code = _u32(b0 | tail << _31)
        code = code_2 if two else code
        code = code_3 if three else code
        code = code_4 if four else code
        least = _u32(two << _7)
        least = _800 if three else least
        least = _10000 if four else least
        bad = _u32(bad | _u32(code < least) & two | _u32(_u32(code & _FFFFF800) == _D800) & three)
        wrong = _u32(wrong | bad | _u32(code > _10FFFF) & four)
        owed = _u32(owed + two + three + four - tail)
        wide[k] = code
    return wrong == 0 and owed == 0


@inline
def _is_ascii(raw, begin, end):
    seen = _0
    for k in range(begin, end):
        seen = _u32(seen | _u32(raw[k]))
    return seen < _80


@inline
def _fold_ascii(raw, begin, end, folded, at):
    for k in range(end - begin):
        byte = _u32(raw[begin + k])
        folded[at + k] = _u32(byte + (_u32(_u32(byte - _UPPER_A) < _26) << _5))


@jit
def room_for(size):
    """Return scratch arrays for folding so many bytes at once."""
    longer = size + MARGIN
    return np.empty(longer, dtype=np.uint8), np.empty(longer, dtype=np.uint32), np.empty(longer, dtype=np.uint32)


@inline
def fold_block(text, bounds, starts, room, folded, tables):
    """Fold the consecutive texts of one run of bytes.

    Args:
        text: uint8 (size,).
        bounds: int64 (n + 1,), where they begin and end in a larger buffer, of which `text` begins at `bounds[0]`.
        starts: int64 (n + 1,), is filled: where each begins and ends in `folded`.
        room: what `room_for(size)` returns, or more.
        folded: room for `growth` times as many.
        tables: the arrays of `unicode_tables.Tables`, in its order.

    Returns:
        Whether all are UTF-8.
    """
    raw, codes, wide = room
    count, first, size = len(bounds) - 1, bounds[0], np.uint64(len(text))
    for k in range(len(text)):
        raw[k] = text[k]
    for k in range(3):
        raw[len(text) + k] = 0
    if _is_ascii(raw, _64_0, size):
        _fold_ascii(raw, _64_0, size, folded, _64_0)
        for i in range(count + 1):
            starts[i] = bounds[i] - first
        return True
    if not _decode(raw, len(text), wide):
        return False
    at = _64_0
    for i in range(count):
        begin, end = np.uint64(bounds[i] - first), np.uint64(bounds[i + 1] - first)
        starts[i] = np.int64(at)
        if _is_ascii(raw, begin, end):
            _fold_ascii(raw, begin, end, folded, at)
            at += end - begin
        elif wide[begin] >> _31:
            return False
        else:
            length, is_plain = _fold_wide(wide, begin, end, tables[0], folded, at)
            if not is_plain:
                kept = _keep_characters(wide, begin, end, codes)
                length = np.uint64(_fold_special(codes[:kept], tables, folded[np.int64(at) :]))
            at += length
    starts[count] = np.int64(at)
    return True


@inline
def _fold_wide(wide, begin, end, info, folded, at):
    """Fold code points one by one; return how many there are, and whether that was all there is to do."""
    seen, place = _0, at
    for k in range(begin, end):
        code = wide[k]
        cell = info[code & _VALUE]
        folded[place] = _u32(cell & _VALUE)
        seen = _u32(seen | cell & _u32((code >> _31) - _1))
        place += np.uint64(_1 - (code >> _31))
    return place - at, seen < _MARK_CELL


@inline
def _keep_characters(wide, begin, end, codes):
    """Keep the code points of the bytes at which one begins; return how many there are."""
    place = _64_0
    for k in range(begin, end):
        codes[place] = wide[k]
        place += np.uint64(_1 - (wide[k] >> _31))
    return np.int64(place)


@jit
def _fold_special(codes, tables, folded):  # noqa: C901 - one state machine, compiled as one
    """Fold code points some of which become several, or compose with the one before; in one pass.

    The streaming form of the algorithm of Unicode Standard Annex 15, for marks that are in order. `base` is the last
    starter before it is lowered, `kept` the class of the last mark behind it that did not compose, `last` that of the
    last mark, composed or not. After plain characters they are those of the last one.
    """
    info, properties, expansions = tables[0], tables[1], tables[3]
    size, at_base = _64_0, _64_0
    base, kept, last, is_plain = _NONE, _0, _0, False
    for i in range(len(codes)):
        code = codes[i]
        cell = info[code]
        if cell < _MARK_CELL:
            folded[size] = _u32(cell & _VALUE)
            size += _64_1
            is_plain = True
            continue
        if is_plain:
            base, at_base, kept, is_plain = codes[i - 1], size - _64_1, _0, False
            last = _u32(info[base] >> _21 & _FF)
        kind = cell >> _29
        if kind == ut.GENERAL:
            traits = properties[code]
            combining = _u32(traits & ut.CLASS_MASK)
            if not traits & ut.SECOND or traits & ut.CHANGES or (combining and last > combining):
                return _fold_general(codes, tables, folded)
            if base != _NONE and (kept == 0 or kept < combining):
                if properties[base] & ut.CHANGES:
                    return _fold_general(codes, tables, folded)
                composed = _composition(base, code, tables)
                if composed:
                    cell = info[composed]
                    if cell >> _29 == ut.GENERAL:
                        return _fold_general(codes, tables, folded)
                    folded[at_base] = _u32(cell & _VALUE)
                    base, last = composed, combining
                    continue
        else:
            combining = _u32(cell >> _21 & _FF)
            if kind == ut.MARK and last > combining:
                return _fold_general(codes, tables, folded)
        last = combining
        if kind == ut.EXPANSION:
            place = cell & _VALUE
            for k in range(expansions[place]):
                folded[size] = expansions[place + 1 + k]
                size += _64_1
        else:
            folded[size] = _u32(cell & _VALUE)
            size += _64_1
        if kind == ut.MARK or (kind == ut.GENERAL and combining):
            kept = combining
        else:
            base, at_base, kept = code, size - _64_1, _0
    return np.int64(size)


@jit
def _fold_general(codes, tables, folded):
    """Fold by the book: decompose, put marks in order, compose (Unicode Standard Annex 15), then lower case."""
    count = _decompose(codes, tables, folded)
    _order_marks(folded, count, tables[1])
    return _lower(folded, _compose(folded, count, tables), tables)


@jit
def _decompose(codes, tables, decomposed):
    decompositions, pieces = tables[2], tables[4]
    size = 0
    for i in range(len(codes)):
        code = codes[i]
        place = decompositions[code]
        if place:
            for k in range(pieces[place]):
                decomposed[size] = pieces[place + 1 + k]
                size += 1
        elif 0xAC00 <= code < 0xD7A4:
            syllable = code - 0xAC00
            decomposed[size] = 0x1100 + syllable // 588
            decomposed[size + 1] = 0x1161 + syllable % 588 // 28
            size += 2
            if syllable % 28:
                decomposed[size] = 0x11A7 + syllable % 28
                size += 1
        else:
            decomposed[size] = code
            size += 1
    return size


@jit
def _order_marks(codes, count, properties):
    """Sort each run of marks by combining class, stably."""
    at = 0
    while at < count:
        if not properties[codes[at]] & 0xFF:
            at += 1
            continue
        begin, ordered, last = at, True, 0
        while at < count:
            combining = np.int64(properties[codes[at]] & 0xFF)
            if not combining:
                break
            ordered &= combining >= last
            last = combining
            at += 1
        if ordered:
            continue
        if at - begin <= _INSERTED:
            for i in range(begin + 1, at):
                code = codes[i]
                k = i
                while k > begin and properties[codes[k - 1]] & 0xFF > properties[code] & 0xFF:
                    codes[k] = codes[k - 1]
                    k -= 1
                codes[k] = code
        else:
            _order_long_run(codes[begin:at], properties)


@jit
def _order_long_run(run, properties):
    places = np.zeros(257, dtype=np.int64)
    for code in run:
        places[(properties[code] & 0xFF) + 1] += 1
    for k in range(256):
        places[k + 1] += places[k]
    for code in run.copy():
        combining = properties[code] & 0xFF
        run[places[combining]] = code
        places[combining] += 1


@jit
def _compose(codes, count, tables):
    properties = tables[1]
    starter, kept = -1, 0
    for i in range(count):
        code = codes[i]
        combining = np.int64(properties[code] & 0xFF)
        if starter >= 0 and properties[code] & ut.SECOND:
            last = np.int64(properties[codes[kept - 1]] & 0xFF)
            if kept - 1 == starter or 0 < last < combining:
                composed = _composition(codes[starter], code, tables)
                if composed:
                    codes[starter] = composed
                    continue
        if combining == 0:
            starter = kept
        codes[kept] = code
        kept += 1
    return kept


@inline
def _composition(first, second, tables):
    """Return what a pair composes to, or 0."""
    keys, values = tables[5], tables[6]
    if 0x1100 <= first < 0x1113:
        if 0x1161 <= second < 0x1176:
            return np.uint32(0xAC00 + (np.int64(first) - 0x1100) * 588 + (np.int64(second) - 0x1161) * 28)
        return np.uint32(0)
    if 0x11A7 < second < 0x11C3:
        syllable = np.int64(first) - 0xAC00
        if 0 <= syllable < 11172 and syllable % 28 == 0:
            return np.uint32(np.int64(first) + np.int64(second) - 0x11A7)
        return np.uint32(0)
    key = np.uint64(first) << np.uint64(ut.CLASS_SHIFT) | np.uint64(second)
    mask = np.int64(len(keys) - 1)
    place = np.int64((key * _SPREAD) >> _PAIR_SHIFT)
    while keys[place]:
        if keys[place] == key:
            return values[place]
        place = (place + 1) & mask
    return np.uint32(0)


@jit
def _lower(codes, count, tables):
    """Lower composed text in place, and return its length."""
    info, properties = tables[0], tables[1]
    # From the end, so that a sigma still meets its neighbours' upper case on the left; and so that there is room.
    growing = 0
    for i in range(count):
        growing += codes[i] == _DOTTED_I
    size = count + growing
    place = size
    for i in range(count - 1, -1, -1):
        code = codes[i]
        place -= 1
        if code == ut.SIGMA:
            codes[place] = 0x3C2 if _is_final(codes, i, place, size, properties) else 0x3C3
        elif code == _DOTTED_I:
            codes[place] = 0x307
            place -= 1
            codes[place] = 0x69
        else:
            codes[place] = info[code] & _VALUE
    return size


@jit
def _is_final(codes, at, place, size, properties):
    """Say whether a sigma ends its word: The Unicode Standard, table 3-17, Final_Sigma.

    What stands before it ends at `at` and is not lowered yet; what follows begins after `place` and is.
    """
    i = at - 1
    while i >= 0 and properties[codes[i]] & ut.CASE_IGNORABLE:
        i -= 1
    if i < 0 or not properties[codes[i]] & ut.CASED:
        return False
    i = place + 1
    while i < size and properties[codes[i]] & ut.CASE_IGNORABLE:
        i += 1
    return i == size or not properties[codes[i]] & ut.CASED
