"""How much a text says, in letters of an alphabet: a length that is fair to every script."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import regex

from curation.ngrams import Codepoints, Int64s

# How many letters of English say the same as one sign. Of Tatoeba's translations into English a Han character makes
# 2.7 letters, a Hangul syllable 2.1, Japanese text (kana and Han) 1.8 a sign; no alphabet is outside of 0.65 to 1.33.
_WEIGHTS = (
    (1, r"[\p{L}\p{M}\p{N}]+"),
    (2, r"[\p{Hiragana}\p{Katakana}\p{Hangul}\p{Ethiopic}\p{Yi}\p{Vai}\p{Cherokee}\p{Canadian_Aboriginal}--[\P{L}]]+"),
    (3, r"\p{Han}+"),
)
_UNICODE_SIZE = 0x110000


def letters(points: Codepoints) -> Int64s:
    """Return the length of each text in letters, int64 (n,). White space, punctuation and symbols count nothing."""
    totals = np.zeros(len(points.codes) + 1, dtype=np.int64)
    np.cumsum(_weights()[points.codes], out=totals[1:])
    return np.diff(totals[points.offsets])


@cache
def _weights() -> npt.NDArray[np.uint8]:
    everything = "".join(map(chr, range(_UNICODE_SIZE)))
    table = np.zeros(_UNICODE_SIZE, dtype=np.uint8)
    for weight, pattern in _WEIGHTS:
        for match in regex.finditer(pattern, everything, regex.VERSION1):
            table[match.start() : match.end()] = weight
    return table
