"""Tables from which compiled code folds text: NFKC, then lower case, as `curation.text.fold` does.

Everything is derived from the running Python's own `unicodedata` and `str.lower`, so that the tables know the same
version of Unicode as the rest of the program.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Every letter, mark and number lies in these code points; no other code point folds to something else.
SCANNED = (*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200))

# A cell of `Tables.info`: the lower-case code point, or the place of an expansion; the combining class of the last
# character of the decomposition; the kind.
CLASS_SHIFT = 21
KIND_SHIFT = 29
VALUE_MASK = (1 << CLASS_SHIFT) - 1
# One code point for one, whatever stands around it.
PLAIN = 0
# Likewise, as long as combining classes do not fall.
MARK = 1
# Several code points for one, whatever stands around them.
EXPANSION = 2
# Everything else: what may compose with the character before, or whose lower case depends on its neighbours.
GENERAL = 3

# `Tables.properties`: the canonical combining class, and bits above it.
CLASS_MASK = 0xFF
SECOND = 1 << 8
CASED = 1 << 9
CASE_IGNORABLE = 1 << 10
CHANGES = 1 << 11

SIGMA = 0x3A3
# The hash table of pairs: its multiplier, and the logarithm of its cells, some four times as many as there are pairs.
SPREAD = 0x9E3779B97F4A7C15
PAIR_BITS = 12
_HANGUL_SECONDS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))

UInt8s = npt.NDArray[np.uint8]
UInt16s = npt.NDArray[np.uint16]
UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Tables:
    """Read-only tables over all code points.

    Attributes:
        info: uint32 (0x110000,), the cell of each code point: see the constants above.
        properties: uint16 (0x110000,), canonical combining class and bits.
        decompositions: uint32 (0x110000,), where the full compatibility decomposition (NFKD) of a code point begins
            in `pieces`, or 0 if it is its own. Hangul syllables are not in it: they follow a formula.
        expansions: uint32 (m,), runs of a length and so many code points: what the cells of the kind `EXPANSION`
            point to, folded.
        pieces: uint32 (k,), likewise for `decompositions`.
        pair_keys: uint64 (p,), an open-addressing hash table: first << 21 | second of the pairs that compose; 0 is
            empty.
        pair_values: uint32 (p,), what they compose to.
        growth: greatest number of folded or decomposed code points that one byte of UTF-8 can become.
    """

    info: UInt32s
    properties: UInt16s
    decompositions: UInt32s
    expansions: UInt32s
    pieces: UInt32s
    pair_keys: UInt64s
    pair_values: UInt32s
    growth: int


@functools.cache
def tables() -> Tables:
    """Return the tables; they take some 0.2 s to make, once a process, and 11 MB."""
    compositions = dict(_compositions())
    seconds = {second for _, second in compositions} | set(_HANGUL_SECONDS)
    pieces, decompositions = _decompositions()
    info, expansions = _info(seconds)
    keys, values = _pair_table(compositions)
    arrays = (info, _properties(seconds), decompositions, expansions, pieces, keys, values)
    for array in arrays:
        array.flags.writeable = False
    return Tables(*arrays, growth=_growth())


@functools.cache
def _changing() -> tuple[tuple[int, str, str], ...]:
    """Return (code point, NFKC, NFKD) of all code points that normalisation changes, Hangul syllables aside."""
    found = []
    for code in SCANNED:
        text = chr(code)
        if unicodedata.decomposition(text):
            found.append((code, unicodedata.normalize("NFKC", text), unicodedata.normalize("NFKD", text)))
    return tuple(found)


def _compositions() -> Iterator[tuple[tuple[int, int], int]]:
    for code, composed, _ in _changing():
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and composed == chr(code):
            yield (int(parts[0], 16), int(parts[1], 16)), code


def _decompositions() -> tuple[UInt32s, UInt32s]:
    runs = [0]
    begins = np.zeros(sys.maxunicode + 1, dtype=np.uint32)
    for code, _, decomposed in _changing():
        if decomposed != chr(code):
            begins[code] = len(runs)
            runs += [len(decomposed), *map(ord, decomposed)]
    return np.array(runs, dtype=np.uint32), begins


def _info(seconds: set[int]) -> tuple[UInt32s, UInt32s]:
    info = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    runs: list[int] = []
    for code in SCANNED:
        text = chr(code)
        lower = text.lower()
        if len(lower) != 1 or code == SIGMA or code in seconds:
            info[code] = _cell(GENERAL, ord(lower[0]))
        elif unicodedata.combining(text):
            info[code] = _cell(MARK, ord(lower), unicodedata.combining(text))
        elif lower != text:
            info[code] = ord(lower)
    for code, composed, decomposed in _changing():
        last = unicodedata.combining(decomposed[-1])
        lower = composed.lower()
        if code in seconds or unicodedata.combining(chr(code)) or not _stands_alone(composed, seconds):
            if composed != chr(code) or code in seconds:
                info[code] = _cell(GENERAL, ord(chr(code).lower()[0]))
        elif len(lower) == 1:
            info[code] = _cell(PLAIN, ord(lower), last)
        else:
            info[code] = _cell(EXPANSION, len(runs), last)
            runs += [len(lower), *map(ord, lower)]
    return info, np.array(runs, dtype=np.uint32)


def _stands_alone(composed: str, seconds: set[int]) -> bool:
    return all(
        ord(char) not in seconds and not unicodedata.combining(char) and ord(char) != SIGMA and len(char.lower()) == 1
        for char in composed
    )


def _cell(kind: int, value: int, last_class: int = 0) -> int:
    return kind << KIND_SHIFT | last_class << CLASS_SHIFT | value


def _properties(seconds: set[int]) -> UInt16s:
    properties = np.zeros(sys.maxunicode + 1, dtype=np.uint16)
    for code in SCANNED:
        text = chr(code)
        bits = unicodedata.combining(text) | SECOND * (code in seconds)
        # Python tells by how it lowers a sigma what it takes for cased and for ignorable.
        if f"AΣ{text}".lower()[1] == "σ":
            bits |= CASED
        elif f"AΣ{text}A".lower()[1] == "σ":
            bits |= CASE_IGNORABLE
        properties[code] = bits
    for code, composed, _ in _changing():
        properties[code] |= CHANGES * (composed != chr(code))
    return properties


def _pair_table(compositions: dict[tuple[int, int], int]) -> tuple[UInt64s, UInt32s]:
    size = 1 << PAIR_BITS
    if 2 * len(compositions) > size:
        raise ValueError(f"{len(compositions)} compositions need more than {PAIR_BITS} bits")
    keys, values = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint32)
    for (first, second), composed in compositions.items():
        key = first << CLASS_SHIFT | second
        place = (key * SPREAD % 2**64) >> (64 - PAIR_BITS)
        while keys[place]:
            place = (place + 1) % size
        keys[place], values[place] = key, composed
    return keys, values


def _growth() -> int:
    lengths = [(max(len(nfkd), len(nfkc.lower())), len(chr(code).encode())) for code, nfkc, nfkd in _changing()]
    return max(-(-longest // size) for longest, size in lengths)
