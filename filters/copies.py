"""Scores of what a positive has from its query letter by letter.

Each function maps `PairColumns` of n records to float64 scores, shape (n,), NaN where there is nothing to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.characters import row_sums
from curation.text import fold
from filters.columns import (
    LETTER,
    Bools,
    CodePoints,
    Floats,
    Integers,
    PairColumns,
    TextColumn,
    fold_codes,
    share,
    take_rows,
)
from filters.sortkeys import HASH_BITS, HASH_MULTIPLIER, SortKeys, row_numbers, run_lengths, sort_keys

# Signs that make the word behind or before them a name of code: placeholders, identifiers, paths, inline markup.
_BRACKET, _PERCENT_SIGN = np.uint32(ord("(")), np.uint32(ord("%"))
_BEFORE_NAMES, _BEHIND_NAMES = "_{.:/@`\\<~", "_}`/@\\("

# Texts less similar than this are not equal, whatever their characters fold to.
_ALIKE = 0.5

# So many characters in a row are more than a word that two languages share, unless they are close relatives.
PASSAGE_CHARS = 16
_HALF_MULTIPLIER = np.uint32(0x85EBCA6B)
# Texts with fewer letters outside names are a name and little else.
MIN_COPIED_LETTERS = 20
# Texts whose bigrams are less similar share too few passages to reach any sensible bound.
_SOME_COPIED = 0.5
# Behind the last key: equal only to a key that one row in four thousand could have, and then only by its hash.
_NO_KEY = np.uint32(0xFFFFFFFF)


def copy_similarity(columns: PairColumns) -> Floats:
    """Similarity of query and positive: Dice coefficient of their multisets of folded character bigrams.

    The first character of a text makes a bigram with its start, so that one-character texts compare too. Texts
    that differ only in case, width or compatibility form have 1; characters whose folded form is longer than one
    character (ligatures, ellipses) are otherwise compared as they are.
    """
    similarity = columns.once(_bigram_similarity).copy()
    alike = pa.array(np.flatnonzero(similarity > _ALIKE))
    equal = pc.equal(*(fold(side.texts.take(alike)) for side in columns.sides))
    similarity[alike.to_numpy()[equal.to_numpy(zero_copy_only=False)]] = 1.0
    return similarity


def copied_share(columns: PairColumns) -> Floats:
    """Share of the letters of both sides that stand in passages which both have; NaN where that is natural.

    A passage is a run of `PASSAGE_CHARS` folded characters or more. Words with a capital do not count, for names
    stay as they are. Exempt are texts of little else, sides in the same language or in close relatives, and sides in
    languages that are not known.
    """
    judged = _unrelated(columns)
    scores = np.where(judged, 0.0, np.nan)
    rows = np.flatnonzero(judged & (columns.once(_bigram_similarity) > _SOME_COPIED))
    passages = [_passages(take_rows(side, rows)) for side in columns.sides]
    letters = [row_sums(side.plain, side.starts) for side in passages]
    covered = [_covered(own, other) for own, other in (passages, passages[::-1])]
    shares = share(covered[0] + covered[1], letters[0] + letters[1])
    scores[rows] = np.where(np.minimum(*letters) >= MIN_COPIED_LETTERS, shares, np.nan)
    return scores


def _bigram_similarity(columns: PairColumns) -> Floats:
    keys = np.concatenate([_bigram_keys(columns.query, side=0), _bigram_keys(columns.positive, side=1)])
    keys.sort()
    lengths = columns.query.lengths + columns.positive.lengths
    return share(2 * _common(keys, len(lengths)), lengths)


def _bigram_keys(column: TextColumn, *, side: int) -> SortKeys:
    """Return a key (row, hash of the character and the one before it, side) for each code point."""
    codes = column.once(_folded)
    before = np.zeros_like(codes)
    before[1:] = codes[:-1]
    before[column.starts[:-1][column.lengths > 0]] = 0
    before *= HASH_MULTIPLIER
    before += codes
    keys = sort_keys(row_numbers(column.lengths), before, hash_bits=HASH_BITS - 1)
    keys <<= np.uint32(1)
    keys |= np.uint32(side)
    return keys


def _common(keys: SortKeys, row_count: int) -> Integers:
    """Count, for each row, the bigrams that both sides have, from sorted keys."""
    runs, counts = run_lengths(keys)
    both = np.flatnonzero((runs[1:] == runs[:-1] + 1) & (runs[1:] & 1 == 1))
    common = np.minimum(counts[both], counts[both + 1])
    return np.bincount(runs[both] >> HASH_BITS, weights=common, minlength=row_count).astype(np.int64)


def _folded(column: TextColumn) -> CodePoints:
    return fold_codes(column.codes)


def _plain_letters(column: TextColumn) -> Bools:
    """Return which code points are letters of words that are no names, of things or of code; shape (m,)."""
    words, codes = column.words, column.codes
    before, behind = np.zeros_like(words.begins), np.zeros_like(words.begins)
    # A word at the edge of a text has its neighbour in another text, or none.
    inner = ~np.isin(words.begins, column.starts)
    before[inner] = codes[words.begins[inner] - 1]
    inner = ~np.isin(words.ends, column.starts)
    behind[inner] = codes[words.ends[inner]]
    plain = column.once(_folded)[words.begins] == codes[words.begins]
    plain &= ~(_sign_table(_BEFORE_NAMES)[before] | _sign_table(_BEHIND_NAMES)[behind])
    bracketed = np.flatnonzero(before == _BRACKET)
    plain[bracketed[codes[words.begins[bracketed] - 2] == _PERCENT_SIGN]] = False
    inside = np.zeros(len(codes) + 1, dtype=np.int8)
    inside[words.begins[plain]] = 1
    inside[words.ends[plain]] -= 1
    letters: Bools = (np.cumsum(inside, dtype=np.int8)[:-1] > 0) & (column.kinds >= LETTER)
    return letters


@cache
def _sign_table(signs: str) -> Bools:
    table = np.zeros(0x110000, dtype=np.bool_)
    table[[ord(sign) for sign in signs]] = True
    return table


def _unrelated(columns: PairColumns) -> Bools:
    """Return which pairs are in two known languages that are no close relatives, shape (n,)."""
    left, right = columns.sides
    unrelated = np.array(
        [[a.is_known and b.is_known and b.base not in a.relatives for b in right.languages] for a in left.languages]
    )
    result: Bools = unrelated.reshape(len(left.languages), -1)[left.language_numbers, right.language_numbers]
    return result


@dataclass(frozen=True, slots=True)
class _Passages:
    """The runs of `PASSAGE_CHARS` folded characters of some texts.

    Attributes:
        keys: row and hash of each, shape (p,).
        begins: where in the texts' code points, one text after the other, each begins; shape (p,).
        starts: where each text starts in these, and the end of the last, shape (number of texts + 1,).
        plain: whether each of these is a letter of a word without a capital.
    """

    keys: SortKeys
    begins: Integers
    starts: Integers
    plain: Bools


def _passages(column: TextColumn) -> _Passages:
    codes = column.once(_folded)
    hashes, size = codes, 1
    # The hash of a run of twice the characters, from those of its halves.
    while size < PASSAGE_CHARS and len(hashes) > size:
        hashes = hashes[:-size] * _HALF_MULTIPLIER + hashes[size:] * HASH_MULTIPLIER
        hashes ^= hashes >> np.uint32(16)
        size *= 2
    count = len(codes) - PASSAGE_CHARS + 1 if size == PASSAGE_CHARS else 0
    numbers = row_numbers(column.lengths)
    begins = np.flatnonzero(numbers[:count] == numbers[len(numbers) - count :])
    keys = sort_keys(numbers[begins], hashes[begins], hash_bits=HASH_BITS)
    return _Passages(keys, begins, column.starts, _plain_letters(column))


def _covered(own: _Passages, other: _Passages) -> Integers:
    """Count the plain letters of each text in passages that the other text has too, shape (rows,)."""
    known = np.append(np.sort(other.keys), _NO_KEY)
    shared = own.begins[known[np.searchsorted(known[:-1], own.keys)] == own.keys]
    # No character is in more passages than one has characters.
    depth = np.zeros(own.starts[-1] + 1, dtype=np.int8)
    depth[shared] = 1
    depth[shared + PASSAGE_CHARS] -= 1
    return row_sums((np.cumsum(depth, dtype=np.int8)[:-1] > 0) & own.plain, own.starts)
