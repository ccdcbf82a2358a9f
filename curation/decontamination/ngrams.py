"""Sets of character n-grams of many texts, and how much of one is found in another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curation.dedup.sketches import NGRAM
from curation.ngrams import Codepoints, Int64s, UInt64s, offsets_of, ragged, window_hashes


def take(points: Codepoints, which: Int64s) -> Codepoints:
    """Return the texts `which`, int64 (m,), in that order."""
    return Codepoints(
        points.codes[ragged(points.offsets[which], points.lengths[which])], offsets_of(points.lengths[which])
    )


def pieces(points: Codepoints, counts: Int64s, *, size: int, step: int) -> tuple[Codepoints, Int64s]:
    """Cut texts into pieces of `size` code points, each `step` after the one before; the last ends with its text.

    Args:
        points: n texts.
        counts: int64 (n,), pieces of each; a text with one piece is left whole.
        size: code points of a piece.
        step: code points between the beginnings of two pieces, at most `size`.

    Returns:
        The pieces, and the text of each, int64 (p,).
    """
    owner = np.repeat(np.arange(len(points)), counts)
    if len(owner) == len(points):
        return points, owner
    steps = ragged(np.zeros(len(points), dtype=np.int64), counts) * step
    whole = counts[owner] == 1
    starts = np.where(whole, 0, np.minimum(steps, points.lengths[owner] - size))
    lengths = np.where(whole, points.lengths[owner], size)
    return Codepoints(points.codes[ragged(points.offsets[owner] + starts, lengths)], offsets_of(lengths)), owner


def ngram_sets(points: Codepoints) -> tuple[UInt64s, Int64s]:
    """Return the distinct n-grams of each text.

    A text shorter than an n-gram has one, the whole text; an empty text has none.

    Returns:
        hashes: uint64 (total,), those of each text rising.
        offsets: int64 (n + 1,), text i has `hashes[offsets[i]:offsets[i + 1]]`.
    """
    hashes, offsets = window_hashes(points, NGRAM)
    owners = np.repeat(np.arange(len(points)), np.diff(offsets))
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return hashes[new], offsets_of(np.bincount(owners[new], minlength=len(points)))


def shared(left: tuple[UInt64s, Int64s], right: tuple[UInt64s, Int64s], pairs: tuple[Int64s, Int64s]) -> Int64s:
    """Count the n-grams that two texts have in common.

    Args:
        left: sets as `ngram_sets` returns them.
        right: others.
        pairs: int64 (m,) each, a text on the left and one on the right.

    Returns:
        int64 (m,).
    """
    (left_hashes, left_offsets), (right_hashes, right_offsets) = left, right
    # Small numbers in place of hashes, so that text and n-gram fit into one key.
    names, numbers = np.unique(left_hashes, return_inverse=True)
    owners = np.repeat(np.arange(len(left_offsets) - 1), np.diff(left_offsets))
    known = owners * len(names) + numbers  # rising, as texts and their hashes are
    sizes = np.diff(right_offsets)[pairs[1]]
    wanted = right_hashes[ragged(right_offsets[pairs[1]], sizes)]
    places = positions(names, wanted)
    keys = np.repeat(pairs[0], sizes) * len(names) + places
    found = (places >= 0) & (positions(known, keys) >= 0)
    return np.bincount(np.repeat(np.arange(len(sizes)), sizes)[found], minlength=len(sizes))


def positions(table: npt.NDArray[Any], values: npt.NDArray[Any]) -> Int64s:
    """Return where each value, shape (m,), stands in a rising table of distinct ones; -1 where it does not."""
    if not len(table):
        return np.full(len(values), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return np.where(table[places] == values, places, -1)
