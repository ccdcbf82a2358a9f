"""Classes of characters, for cutting text into words in any script.

Python's `re` calls a combining mark no word character and cuts Hindi, Tamil or Bengali at every vowel sign; the
table here is made from Unicode's general categories instead.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from curation.dedup.unicode_tables import SCANNED

SEPARATOR, SPACED, UNSPACED = 0, 1, 2

_ZERO_WIDTH_JOINERS = (0x200C, 0x200D)
# Blocks of the scripts that put no blanks between words, and Hangul, whose blanks part phrases rather than words
# (Unicode 16, Blocks.txt). A block may hold punctuation: only its letters, marks and digits become UNSPACED.
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA960, 0xA9FF),  # Hangul Jamo extended, Javanese, Myanmar extended
    (0xAA60, 0xAADF),  # Myanmar extended, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x16FE0, 0x18DFF),  # Tangut, Khitan and marks of Han
    (0x1AFF0, 0x1B2FF),  # Kana supplements, Nushu
    (0x20000, 0x3FFFF),  # Han, extensions B and later
)


@cache
def character_classes() -> npt.NDArray[np.uint8]:
    """Return the class of every code point, uint8, shape (0x110000,).

    Letters, marks, numbers, connector punctuation and the zero-width joiners are SPACED or, in a script without
    blanks between words, UNSPACED; everything else is SEPARATOR.
    """
    categories = [unicodedata.category(chr(code)) for code in SCANNED]
    is_word = np.zeros(0x110000, dtype=bool)
    is_word[list(SCANNED)] = [category[0] in "LMN" or category == "Pc" for category in categories]
    is_word[list(_ZERO_WIDTH_JOINERS)] = True
    classes = np.where(is_word, SPACED, SEPARATOR).astype(np.uint8)
    for first, last in _UNSPACED_BLOCKS:
        classes[first : last + 1] *= UNSPACED
    return classes
