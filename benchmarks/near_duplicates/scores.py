"""How much a contender found of what there is, and how much of what it found is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from near_duplicates.contenders import THRESHOLD, Found
from near_duplicates.corpus import OTHERS, SCRIPTS, Corpus, script_of
from near_duplicates.truth import Truth, similarity

BAND = 0.85  # recall is reported separately for pairs between the threshold and this
LOOSE = 0.7  # precision is also reported at this similarity
SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Scores:
    """The quality of one contender's result; None for what its kind of result cannot answer.

    Attributes:
        recall: share of the similar pairs that end in one cluster.
        recall_in_band: the same, of pairs just above the threshold.
        recall_by_script: for the rows of the report, how many similar pairs there are and which share was found.
        documents: share of the documents with an earlier similar one that are marked as repeating.
        links: share of the reported pairs that are similar, at the threshold and at the loose one.
        marked: share of the documents marked as repeating that have any similar one, at both.
    """

    recall: float | None
    recall_in_band: float | None
    recall_by_script: Mapping[str, tuple[int, float | None]]
    documents: float
    links: tuple[float, float] | None
    marked: tuple[float, float]


def score(found: Found, corpus: Corpus, truth: Truth) -> Scores:
    """Compare a result with all pairs of the corpus."""
    similar = truth.similarity >= THRESHOLD
    left, right = truth.left[similar], truth.right[similar]
    scripts = np.array([script_of(corpus.languages[i]) for i in left.tolist()], dtype=object)
    together = None if found.labels is None else found.labels[left] == found.labels[right]
    flags = _repeating(found.labels) if found.flags is None else found.flags
    pairs = None if found.links is None else found.links()
    return Scores(
        recall=_share(together),
        recall_in_band=None if together is None else _share(together[truth.similarity[similar] < BAND]),
        recall_by_script={
            script: (int((scripts == script).sum()), None if together is None else _share(together[scripts == script]))
            for script in (*SCRIPTS, OTHERS)
        },
        documents=_share(flags[np.unique(right)]),
        links=None if pairs is None else _at_both(truth.similarities(pairs[:, 0], pairs[:, 1])),
        marked=_at_both(_nearest(len(flags), truth)[flags]),
    )


def planted_recall(labels: np.ndarray, corpus: Corpus) -> tuple[int, float]:
    """Return of how many planted pairs at or above the threshold, in a sample, which share is in one cluster."""
    copies = np.flatnonzero((corpus.original >= 0) & (corpus.original < len(corpus.texts)))
    copies = copies[np.random.default_rng(3).permutation(len(copies))[:SAMPLE]]
    together = [
        bool(labels[copy] == labels[original])
        for copy, original in zip(copies.tolist(), corpus.original[copies].tolist(), strict=True)
        if similarity(corpus.texts[copy].as_py(), corpus.texts[original].as_py()) >= THRESHOLD
    ]
    return len(together), float(np.mean(together))


def _repeating(labels: np.ndarray) -> np.ndarray:
    """Return which documents are not the first of their cluster."""
    flags = np.ones(len(labels), dtype=bool)
    flags[np.unique(labels, return_index=True)[1]] = False
    return flags


def _nearest(count: int, truth: Truth) -> np.ndarray:
    """Return the highest similarity of each document with any other; 0 where none is listed."""
    nearest = np.zeros(count)
    for side in (truth.left, truth.right):
        np.maximum.at(nearest, side, truth.similarity)
    return nearest


def _at_both(similarities: np.ndarray) -> tuple[float, float]:
    return _share(similarities >= THRESHOLD), _share(similarities >= LOOSE)


def _share(hits: np.ndarray | None) -> float | None:
    return None if hits is None or not len(hits) else float(hits.mean())
