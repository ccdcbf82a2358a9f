"""The index of evaluation texts: what is looked for in training texts, and how it is found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.config.model import Decontaminate
from curation.decontamination.letters import letters
from curation.decontamination.ngrams import pieces
from curation.decontamination.postings import Bools, Postings, count_ngrams, list_passages
from curation.decontamination.texts import EvaluationTexts
from curation.ngrams import Codepoints, Int64s, UInt64s, codepoints, span_hashes

MIN_NGRAMS = 5
"""A passage with fewer distinct n-grams says nothing, however long it is (`hahaha...`); exact equality remains."""


@dataclass(frozen=True, slots=True)
class Index:
    """The texts of the evaluation, ready to be looked for.

    Attributes:
        texts: the texts and where they come from, t of them.
        letters: int64 (t,), their lengths.
        hashes: uint64 (t,), of whole texts, rising; `hashed` int64 (t,) says of which.
        passages: what the long ones are cut into, p in all.
        text: int64 (p,), the text of each passage.
        sizes: int64 (p,), its distinct n-grams.
        near: bool (p,), whether it can have near duplicates: whole texts of some length only.
        contained: bool (p,), whether it can be contained in something.
        needed: int64 (p,), under how many of a text's n-grams it must be listed to be worth a closer look.
        postings: of all passages that are one or the other.
    """

    texts: EvaluationTexts
    letters: Int64s
    hashes: UInt64s
    hashed: Int64s
    passages: Codepoints
    text: Int64s
    sizes: Int64s
    near: Bools
    contained: Bools
    needed: Int64s
    postings: Postings


def build_index(texts: EvaluationTexts, options: Decontaminate) -> Index:
    """Index evaluation texts.

    Takes 4 bytes a code point and about 12 for each listed n-gram (a third of all); beside that, while it runs,
    128 MiB and a block.
    """
    points = codepoints(texts.texts)
    whole = span_hashes(points, points.offsets[:-1], points.offsets[1:])
    hashed = np.argsort(whole, kind="stable")
    passages, owner = _cut(points, options.passage_chars)
    length = letters(passages)
    alone = np.bincount(owner, minlength=len(points))[owner] == 1
    census = count_ngrams(passages)
    telling = census.sizes >= MIN_NGRAMS
    near = telling & alone & (length >= options.near_min_letters) & (options.near_threshold is not None)
    contained = telling & (length >= options.containment_min_letters) & (options.containment_threshold is not None)
    least = _least(census.sizes, near, contained, options)
    # More hits asked for make longer lists and fewer candidates; a tenth is where neither costs much.
    needed = np.minimum(1 + census.sizes // 10, least)
    listed = np.where(near | contained, census.sizes - least + needed, 0)
    postings, by_any = list_passages(passages, listed, near * 2 + contained, census)
    return Index(
        texts=texts,
        letters=letters(points),
        hashes=whole[hashed],
        hashed=hashed,
        passages=passages,
        text=owner,
        sizes=census.sizes,
        near=near,
        contained=contained,
        needed=np.where(by_any, 1, needed),
        postings=postings,
    )


def _cut(points: Codepoints, size: int) -> tuple[Codepoints, Int64s]:
    """Cut texts of at least twice `size` code points into passages of `size`; the last two overlap, if they must.

    Whatever is cut out of such a text holds a whole passage if it has 2 * size - 1 code points.

    Returns:
        The passages, and the text of each, int64 (p,).
    """
    counts = np.where(points.lengths < 2 * size, 1, -(-points.lengths // size))
    return pieces(points, counts, size=size, step=size)


def _least(sizes: Int64s, near: Bools, contained: Bools, options: Decontaminate) -> Int64s:
    """Return how many n-grams of each passage are found in whatever either rule finds.

    Of sets A and B with Jaccard similarity s, at least s of A is in B, for B adds to the union what it has more.
    """
    share = np.ones(len(sizes))
    for applies, threshold in ((near, options.near_threshold), (contained, options.containment_threshold)):
        share = np.where(applies, np.minimum(share, threshold or 1.0), share)
    # A hair lower, lest rounding ask for one too many; what is found is checked anyway.
    return np.maximum(np.ceil(share * sizes - 1e-6).astype(np.int64), 1)
