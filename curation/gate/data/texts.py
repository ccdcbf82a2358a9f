"""Faults of single rows: empty texts, pairs that stand twice, negatives that are right answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curation.config.gate import Gate
from curation.dedup.kernels import jaccard
from curation.gate.data.corpus import Corpus, Rows
from curation.gate.verdict import Check, compare, skipped

# A negative that shares so much of its 5-grams with the positive is taken for a right answer.
FALSE_NEGATIVE_JACCARD = 0.5


def check_texts(corpus: Corpus, options: Gate) -> list[Check]:
    """No empty text, no pair twice, no positive that is the anchor, no negative that is a right answer."""
    splits = list(corpus.splits.values())
    none = [
        ("data.empty_texts", "texts that are empty", sum(_count_empty(corpus, rows) for rows in splits)),
        (
            "data.repeated_pairs",
            "pairs that stand twice in a language, but for copies",
            sum(_count_repeated(corpus, rows) for rows in splits),
        ),
        (
            "data.copied_anchors",
            "positives that are their anchor",
            sum(int((rows.anchors == rows.positives).sum()) for rows in splits),
        ),
        (
            "data.negatives_are_right",
            "negatives that are their anchor or positive",
            sum(int(_is_right(rows).sum()) for rows in splits),
        ),
    ]
    checks = [compare(name, "data", metric, number, "==", 0) for name, metric, number in none]
    return [*checks, _check_false_negatives(corpus, options)]


def _count_empty(corpus: Corpus, rows: Rows) -> int:
    return sum(int(corpus.is_empty[texts].sum()) for texts in (rows.anchors, rows.positives, rows.negatives))


def _count_repeated(corpus: Corpus, rows: Rows) -> int:
    pairs = rows.anchors.astype(np.int64) * len(corpus.folded) + rows.positives
    repeated = 0
    for language, here in corpus.groups(rows.facts["language"]):
        # Fewer than said are as wrong as more: then something calls itself a copy and is none.
        repeated += abs(len(here) - rows.copies.get(language, 0) - len(np.unique(pairs[here])))
    return repeated


def _is_right(rows: Rows) -> npt.NDArray[np.bool_]:
    right: npt.NDArray[np.bool_] = (rows.negatives == rows.anchors[:, None]) | (
        rows.negatives == rows.positives[:, None]
    )
    return right


def _check_false_negatives(corpus: Corpus, options: Gate) -> Check:
    name = "data.false_negatives"
    total = sum(rows.negatives.size for rows in corpus.splits.values())
    if not total:
        return skipped(name, "data", "the release has no negatives")
    similar = sum(_count_similar(corpus, rows) for rows in corpus.splits.values())
    metric = f"share of negatives with 5-gram Jaccard above {FALSE_NEGATIVE_JACCARD} to the positive"
    return compare(name, "data", metric, similar / total, "<=", options.max_false_negative_share)


def _count_similar(corpus: Corpus, rows: Rows) -> int:
    positives = np.repeat(rows.positives.astype(np.int64), rows.negatives.shape[1])
    size = max(len(corpus.folded), 1)
    pairs, counts = np.unique(positives * size + rows.negatives.ravel(), return_counts=True)
    similarity = jaccard([corpus.folded], pairs // size, pairs % size)
    return int(counts[similarity > FALSE_NEGATIVE_JACCARD].sum())
