"""Scores of script: letters that the language is not written in, and words that mix scripts.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,), NaN where the text is exempt.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import regex

from curation.characters import COMMON, UNICODE_SIZE, script_numbers, script_table
from filters.columns import LETTER, Floats, Integers, Kinds, TextColumn, share

# Fewer letters are a symbol ("π = 3.14"), not a sentence in another script.
MIN_FOREIGN_LETTERS = 6
# Fewer Latin letters are a name, an abbreviation or a file ("JavaScript", "PostgreSQL-Dump.tar.gz").
MIN_LATIN_LETTERS = 25

# Letters that look the same in another script, which is what damages and disguises words. Of Latin only ASCII: `ă`, `ĕ`
# and `æ` stand for letters of their own in what people type in Chuvash and Ossetian.
_LATIN = "ABCEHIJKMNOPSTXYZaceijhkopsuvxyz"
_CYRILLIC = "АВЕЅНІЈКМОРСТУХаеѕіјорсухһ"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοικνρυχ"
# As bits: the scripts that have look-alikes in each other, and that a letter is one. Of Greek the other letter's
# likeness does not count, for quantities are written so ("ΔT").
_LATN, _CYRL, _GREK, _ALIKE, _GREEK_ALIKE = 1, 2, 4, 8, 16
_GROUPS = {_LATN: r"[A-Za-z]", _CYRL: r"\p{Cyrillic}", _GREK: r"\p{Greek}"}
_MIXED = np.array(
    [
        bool(bits & _GREEK_ALIKE and bits & (_LATN | _CYRL)) or bool(bits & _ALIKE and bits & _LATN and bits & _CYRL)
        for bits in range(32)
    ]
)


def foreign_share(column: TextColumn) -> Floats:
    """Share of letters in scripts other than Latin that the language is not written in; NaN for few letters."""
    foreign, _ = column.once(_foreign_letters)
    return np.where(column.letters >= MIN_FOREIGN_LETTERS, share(foreign, column.letters), np.nan)


def latin_share(column: TextColumn) -> Floats:
    """Share of Latin letters where the language is not written in them; NaN for few of them."""
    _, latin = column.once(_foreign_letters)
    return np.where(latin >= MIN_LATIN_LETTERS, share(latin, column.letters), np.nan)


def mixed_word_share(column: TextColumn) -> Floats:
    """Share of words in which a letter has its neighbour in another script, and one of the two looks like it.

    Latin, Greek and Cyrillic only. "DVD-диск" and "µm" are clean; "Mосква" with a Latin M is not.
    """
    words, groups = column.words, _look_alikes().take(column.codes)
    found = np.flatnonzero(_MIXED.take(groups[:-1] | groups[1:]))
    number = np.searchsorted(words.begins, found, side="right") - 1
    # Neighbours that belong to two texts are in no word together.
    mixed = np.unique(number[found + 1 < words.ends[number]])
    return share(np.diff(np.searchsorted(mixed, words.firsts)), np.diff(words.firsts))


def _foreign_letters(column: TextColumn) -> tuple[Integers, Integers]:
    """Count the letters of each text that its language is not written in: of other scripts, and Latin ones."""
    scripts = script_table().take(column.codes)
    main = np.array([language.main for language in column.languages], dtype=np.uint8)
    expected = np.repeat(main[column.language_numbers], column.lengths)
    # Most letters are in the main script of their language, so that few are looked at one by one.
    found = np.flatnonzero((scripts != expected) & (scripts != COMMON) & (column.kinds >= LETTER))
    rows = np.searchsorted(column.starts, found, side="right") - 1
    own = np.array([language.own for language in column.languages]).reshape(len(column.languages), -1)
    foreign = ~own[column.language_numbers[rows], scripts[found]]
    latin = scripts[found] == script_numbers()["Latn"]
    count = len(column.texts)
    return np.bincount(rows[foreign & ~latin], minlength=count), np.bincount(rows[foreign & latin], minlength=count)


@cache
def _look_alikes() -> Kinds:
    everything = "".join(map(chr, range(UNICODE_SIZE)))
    table = np.zeros(len(everything), dtype=np.uint8)
    for bit, pattern in _GROUPS.items():
        for match in regex.finditer(f"(?:{pattern})+", everything):
            table[match.start() : match.end()] = bit
    for letters, bit in ((_LATIN + _CYRILLIC, _ALIKE), (_GREEK, _GREEK_ALIKE)):
        table[[ord(letter) for letter in letters]] |= np.uint8(bit)
    return table
