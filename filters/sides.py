"""Scores of one text by what it is made of: characters, letters, digits, symbols, words.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,), NaN where the text is exempt.
"""

from __future__ import annotations

import numpy as np

from filters.columns import Floats, TextColumn, share


def characters(column: TextColumn) -> Floats:
    """Length in characters."""
    return column.lengths.astype(np.float64)


def letter_share(column: TextColumn) -> Floats:
    """Share of letters and combining marks among the characters that are not blank."""
    return share(column.letters, column.visible)


def digit_share(column: TextColumn) -> Floats:
    """Share of digits, of any script, among the characters that are not blank."""
    return share(column.digits, column.visible)


def symbol_share(column: TextColumn) -> Floats:
    """Share of punctuation, symbols and whatever else is neither letter nor digit among the visible characters."""
    return share(column.visible - column.letters - column.digits, column.visible)


def longest_word(column: TextColumn) -> Floats:
    """Characters of the longest run of letters, marks and digits; NaN if the language is not known to be spaced.

    The parts of an address are words of their own, so that it needs no exception.
    """
    words = column.words
    longest = np.zeros(len(column.texts))
    some = np.diff(words.firsts) > 0
    if some.any():
        longest[some] = np.maximum.reduceat(words.ends - words.begins, words.firsts[:-1][some])
    spaced = column.of_languages(lambda language: language.spaced)
    return np.where(spaced > 0, longest, np.nan)
