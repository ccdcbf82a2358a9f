"""Are words and letters in an order? Chance has none, and text shuffled by a machine no more than we can take away.

Neighbours in a text depend on each other. How much, the entropy of pairs of neighbours says: with n pairs of which
each kind k occurs c_k times, T = sum over k of c_k ln c_k grows as the entropy falls, and

    order = (T - T of the same texts, shuffled by ourselves) / n

is an estimate of the information, in nats, that one neighbour gives of the other (Cover and Thomas, Elements of
Information Theory, section 2.3), in which what the size of the sample adds stands on both sides and cancels. Words are
taken by their last and first characters, for whole words are too rare to meet again; the ends of a text are
neighbours too. Of scripts without blanks every character is a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.gate import Gate
from curation.gate.data.corpus import Corpus, Numbers
from curation.gate.verdict import Check, compare, skipped
from curation.hashing import priority
from curation.mining.lexical.scripts import UNSPACED, character_classes
from curation.ngrams import Codepoints, Int64s, UInt64s, codepoints, mix, span_hashes

# Fewer pairs of neighbours than this are too few: what chance gives reaches the bound.
MIN_PAIRS = 500
# So many words or characters of a language's side are looked at.
MAX_WORDS, MAX_CHARS = 20_000, 40_000
# Shorter texts have next to no order.
MIN_LENGTH = 4
# Characters of a word's end and beginning.
PIECE = 2

_SHUFFLES = 2
_BLANKS = np.array([0x09, 0x0A, 0x20, 0xA0, 0x200B, 0x3000], dtype=np.uint32)
_BEGIN, _END = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words or characters one after the other.

    Attributes:
        owners: the text of each, which rises, int64 (m,).
        heads: hash of its beginning, uint64 (m,).
        tails: hash of its end, uint64 (m,).
    """

    owners: Int64s
    heads: UInt64s
    tails: UInt64s

    def of(self, kept: npt.NDArray[np.bool_]) -> Tokens:
        """Return some of the tokens."""
        return Tokens(self.owners[kept], self.heads[kept], self.tails[kept])


def check_order(corpus: Corpus, options: Gate) -> list[Check]:
    """In every language words depend on their neighbours, and letters on theirs."""
    return [
        *_check(corpus, "data.word_order", "words", words, MAX_WORDS, options.min_word_order),
        *_check(corpus, "data.character_order", "characters", characters, MAX_CHARS, options.min_character_order),
    ]


def _check(
    corpus: Corpus, name: str, what: str, cut: Callable[[pa.Array], Tokens], limit: int, bound: float
) -> list[Check]:
    found = []
    for language, side, texts in _sides(corpus):
        tokens = _limited(cut(texts), limit)
        order, pairs = neighbour_order(tokens)
        if pairs >= MIN_PAIRS:
            found.append((order, language, side, pairs))
    if not found:
        return [skipped(name, "data", "no language has enough text")]
    metric = f"information that {what} give of their neighbours, nats"
    lowest = {language: item for item in sorted(found, reverse=True) for language in [item[1]]}
    failing = sorted(item for item in lowest.values() if item[0] < bound)
    return [
        compare(name, "data", metric, order, ">=", bound, language=language, detail=f"{side}, {pairs:,} neighbours")
        for order, language, side, pairs in failing or [min(found)]
    ]


def _sides(corpus: Corpus) -> Iterator[tuple[str, str, pa.Array]]:
    """Yield language, side and distinct texts of the training rows, in an order of chance, the same every time."""
    rows = corpus.train
    if rows is None:
        return
    is_text = ~corpus.is_labelled(rows)
    for name, (folded, _, languages), kept in zip(
        ("anchors", "positives"), rows.sides, (np.ones(len(rows), dtype=bool), is_text), strict=True
    ):
        for language, here in corpus.groups(languages[kept]):
            yield language, name, _drawn(corpus, np.unique(folded[kept][here]))


def _drawn(corpus: Corpus, numbers: Numbers) -> pa.Array:
    texts = corpus.folded.take(pa.array(numbers))
    if len(texts) <= MAX_WORDS // MIN_LENGTH:
        return texts
    order = np.argsort(priority(texts.to_pylist(), "gate order", 0), kind="stable")
    return texts.take(pa.array(order[: MAX_WORDS // MIN_LENGTH]))


def _limited(tokens: Tokens, limit: int) -> Tokens:
    """Keep texts that are long enough, and whole texts up to the limit."""
    lengths = np.bincount(tokens.owners) if len(tokens.owners) else np.zeros(0, dtype=np.int64)
    lengths[lengths < MIN_LENGTH] = 0
    # A text longer than the limit would be all there is.
    kept = (lengths > 0) & (np.cumsum(lengths) - lengths < limit)
    return tokens.of(kept[tokens.owners])


def words(texts: pa.Array) -> Tokens:
    """Cut texts at blanks, and into characters where the script has no blanks between words."""
    points = codepoints(texts)
    is_blank = np.isin(points.codes, _BLANKS)
    alone = character_classes()[points.codes] == UNSPACED
    # What parts one word from the next: the begin of a text, a blank before, a character that stands alone.
    begins = np.zeros(len(is_blank) + 1, dtype=bool)
    begins[points.offsets] = True
    begins[1:] |= np.concatenate([is_blank[:-1] | alone[:-1], [True]]) if len(is_blank) else True
    begins[:-1] |= is_blank | alone
    starts = np.flatnonzero(begins[:-1] & ~is_blank)
    ends = np.flatnonzero(begins[1:] & ~is_blank) + 1
    owners = np.searchsorted(points.offsets, starts, side="right") - 1
    heads = span_hashes(points, starts, np.minimum(starts + PIECE, ends))
    tails = span_hashes(points, np.maximum(ends - PIECE, starts), ends)
    return Tokens(owners, heads, tails)


def characters(texts: pa.Array) -> Tokens:
    """Cut texts into characters."""
    points: Codepoints = codepoints(texts)
    owners = np.repeat(np.arange(len(points)), points.lengths)
    hashes = mix(points.codes.astype(np.uint64) + np.uint64(1))
    return Tokens(owners, hashes, hashes)


def neighbour_order(tokens: Tokens) -> tuple[float, int]:
    """Return how much neighbours say of each other, in nats, and how many pairs of them there are.

    Chance gives some 0.03 for 1,000 pairs, less for more.
    """
    total, pairs = _repetition(tokens)
    if pairs == 0:
        return 0.0, 0
    shuffled = np.mean([_repetition(_shuffled(tokens, seed))[0] for seed in range(_SHUFFLES)])
    return float((total - shuffled) / pairs), pairs


def _repetition(tokens: Tokens) -> tuple[float, int]:
    """Return the sum of c ln c over kinds of pairs that occur c times, and the number of pairs."""
    keys = _neighbours(tokens)
    counts = np.unique(keys, return_counts=True)[1].astype(np.float64)
    return float((counts * np.log(counts)).sum()), len(keys)


def _neighbours(tokens: Tokens) -> UInt64s:
    """Return a hash of every pair of neighbours, the ends of a text among them."""
    if not len(tokens.owners):
        return tokens.heads
    first = np.concatenate([[True], np.diff(tokens.owners) != 0])
    last = np.append(first[1:], True)
    inner = ~first[1:]
    return np.concatenate(
        [
            mix(tokens.tails[:-1][inner] * np.uint64(3) + tokens.heads[1:][inner]),
            mix(_BEGIN + tokens.heads[first]),
            mix(_END + tokens.tails[last] * np.uint64(3)),
        ]
    )


def _shuffled(tokens: Tokens, seed: int) -> Tokens:
    """Return the tokens with those of each text in an order of chance."""
    places = np.arange(len(tokens.owners), dtype=np.uint64)
    order = np.lexsort((mix(places * np.uint64(2) + np.uint64(seed) * _BEGIN + np.uint64(1)), tokens.owners))
    return Tokens(tokens.owners, tokens.heads[order], tokens.tails[order])
