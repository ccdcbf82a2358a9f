"""Looking for evaluation texts in training texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Decontaminate
from curation.decontamination.index import Index
from curation.decontamination.ngrams import ngram_sets, pieces, positions, shared, take
from curation.dedup.columns import blocks
from curation.dedup.sketches import NGRAM
from curation.ngrams import Codepoints, Int64s, codepoints, ragged, span_hashes, window_hashes

Float64s = npt.NDArray[np.float64]

# Entries of posting lists, and n-grams, handled at a time. One text alone may have as many as the index.
_BLOCK = 1 << 20


class Rule(IntEnum):
    """Why a text counts as contaminated, the surest first."""

    EXACT = 0
    NEAR = 1
    CONTAINED = 2


@dataclass(frozen=True, slots=True)
class Matches:
    """Evaluation texts that were found in n training texts; m of them, in no particular order.

    Attributes:
        row: int64 (m,), the training text.
        text: int64 (m,), the evaluation text.
        rule: int64 (m,), a `Rule`.
        score: float64 (m,), what the rule measured.
    """

    row: Int64s
    text: Int64s
    rule: Int64s
    score: Float64s

    @classmethod
    def join(cls, parts: list[Matches]) -> Matches:
        """Return the matches of several parts together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def take(self, which: Int64s) -> Matches:
        """Return the matches `which`, in that order."""
        return Matches(self.row[which], self.text[which], self.rule[which], self.score[which])


def find_matches(texts: pa.Array, index: Index, options: Decontaminate, *, exact_min_letters: int | None) -> Matches:
    """Find what each training text holds of the evaluation.

    Takes 12 bytes a code point of the texts, and beside that a block, or for one text alone up to 40 bytes a posting.

    Args:
        texts: folded training texts, Arrow `large_string`, shape (n,).
        index: the evaluation texts.
        options: thresholds; those that the index was built with.
        exact_min_letters: least length of an evaluation text that a text may not equal; None switches the rule off.
    """
    points = codepoints(texts)
    found = [] if exact_min_letters is None else [_equal(texts, points, index, exact_min_letters)]
    windows, owner = _windows(points, 4 * options.passage_chars)
    for pairs in _candidates(windows, index):
        within = _check(windows, index, *pairs, options)
        found.append(Matches(owner[within.row], within.text, within.rule, within.score))
    nothing = np.zeros(0, dtype=np.int64)
    return Matches.join([Matches(nothing, nothing, nothing, np.zeros(0)), *found])


def _windows(points: Codepoints, size: int) -> tuple[Codepoints, Int64s]:
    """Cut long texts into windows of `size` code points that overlap by half.

    Enough text holds any n-gram somewhere: what counts is what stands together. A passage, which is shorter
    than two times `passage_chars`, lies whole in one of the windows wherever it stands.

    Returns:
        The windows, and the text of each, int64 (w,).
    """
    step = size // 2
    counts = np.maximum(-(-points.lengths // step) - 1, 1)
    return pieces(points, counts, size=size, step=step)


def best(matches: Matches) -> Matches:
    """Keep one match of each row: of the surest rule, then the highest score, then the first text; rows rising."""
    order = np.lexsort((matches.text, -matches.score, matches.rule, matches.row))
    return matches.take(order[np.flatnonzero(np.diff(matches.row[order], prepend=-1))])


def _equal(texts: pa.Array, points: Codepoints, index: Index, least: int) -> Matches:
    places = positions(index.hashes, span_hashes(points, points.offsets[:-1], points.offsets[1:]))
    rows = np.flatnonzero(places >= 0)
    found = index.hashed[places[rows]]
    # Equal hashes are no proof.
    same = pc.equal(texts.take(pa.array(rows)), index.texts.texts.take(pa.array(found))).to_numpy(zero_copy_only=False)
    right = same & (index.letters[found] >= least)
    count = int(right.sum())
    return Matches(rows[right], found[right], np.full(count, Rule.EXACT, dtype=np.int64), np.ones(count))


def _candidates(points: Codepoints, index: Index) -> Iterator[tuple[Int64s, Int64s]]:
    """Yield pairs of a text and a passage that share enough of the passage's indexed n-grams, int64 (c,) each."""
    hashes, offsets = window_hashes(points, NGRAM)
    places, ngrams = index.postings.find(hashes)
    count = max(len(index.postings.ngrams), 1)
    # An n-gram that a text holds twice counts once.
    rows, ngrams = np.divmod(np.unique((np.searchsorted(offsets, places, side="right") - 1) * count + ngrams), count)
    lengths = np.diff(index.postings.offsets)[ngrams]
    of_row = np.bincount(rows, weights=lengths, minlength=len(points)).astype(np.int64)
    bounds = np.searchsorted(rows, np.arange(len(points) + 1))
    for begin, end in blocks(of_row, _BLOCK):
        part = slice(bounds[begin], bounds[end])
        if bounds[begin] < bounds[end]:
            passages = index.postings.passages[ragged(index.postings.offsets[ngrams[part]], lengths[part])]
            yield _frequent(np.repeat(rows[part], lengths[part]), passages, index)


def _frequent(rows: Int64s, passages: npt.NDArray[np.int32], index: Index) -> tuple[Int64s, Int64s]:
    """Return the pairs that occur as often as their passage needs."""
    total = len(index.text)
    if rows[0] == rows[-1]:
        counts = np.bincount(passages, minlength=total)
        found = np.flatnonzero((counts > 0) & (counts >= index.needed))
        return np.full(len(found), rows[0]), found
    pairs = np.sort(rows * total + passages)
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    found_rows, found = np.divmod(pairs[starts], total)
    enough = np.diff(np.append(starts, len(pairs))) >= index.needed[found]
    return found_rows[enough], found[enough]


def _check(points: Codepoints, index: Index, rows: Int64s, passages: Int64s, options: Decontaminate) -> Matches:
    """Measure candidates, and return those that a rule calls contaminated."""
    held, (texts, text_places) = np.zeros(len(rows), dtype=np.int64), np.unique(rows, return_inverse=True)
    sets = ngram_sets(take(points, texts))
    own = np.diff(sets[1])[text_places]
    for begin, end in blocks(index.sizes[passages], _BLOCK):
        wanted, places = np.unique(passages[begin:end], return_inverse=True)
        held[begin:end] = shared(sets, ngram_sets(take(index.passages, wanted)), (text_places[begin:end], places))
    sizes = index.sizes[passages]
    contained, near = held / sizes, held / (own + sizes - held)
    return Matches.join(
        [
            _passing(rows, passages, index, Rule.NEAR, near, index.near, options.near_threshold),
            _passing(rows, passages, index, Rule.CONTAINED, contained, index.contained, options.containment_threshold),
        ]
    )


def _passing(
    rows: Int64s,
    passages: Int64s,
    index: Index,
    rule: Rule,
    scores: Float64s,
    applies: npt.NDArray[np.bool_],
    threshold: float | None,
) -> Matches:
    chosen = np.flatnonzero(applies[passages] & (scores >= (np.inf if threshold is None else threshold)))
    rules = np.full(len(chosen), rule, dtype=np.int64)
    return Matches(rows[chosen], index.text[passages[chosen]], rules, scores[chosen])
