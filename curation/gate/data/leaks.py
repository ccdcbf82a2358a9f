"""Held-out texts that stand in the training data as they are, after folding."""

from __future__ import annotations

import numpy as np

from curation.config.gate import Gate
from curation.gate.data.corpus import Bools, Corpus, Numbers, Rows
from curation.gate.verdict import Check, compare, skipped


def check_leaks(corpus: Corpus, options: Gate) -> list[Check]:
    """Held-out texts do not stand in the training data, after folding; positives that are classes may.

    A positive is looked for in its language only: "OK" is a word of many.
    """
    train = corpus.train
    held_out = list(corpus.held_out)
    if train is None or not held_out:
        return [skipped("data.leaks", "data", "nothing is held out")]
    return [
        compare(
            f"data.leaks.{split}.{side}",
            "data",
            f"share of {split} {side}s that stand in train",
            share,
            "<=",
            options.max_leak_share,
        )
        for split, rows in held_out
        for side, share in _shares(corpus, train, rows)
    ]


def _shares(corpus: Corpus, train: Rows, rows: Rows) -> list[tuple[str, float]]:
    train_kept, kept = ~corpus.is_labelled(train), ~corpus.is_labelled(rows)
    return [
        ("anchor", _share_in(rows.anchors, train.anchors)),
        ("positive", _share_in(_in_language(corpus, rows, kept), _in_language(corpus, train, train_kept))),
    ]


def _in_language(corpus: Corpus, rows: Rows, kept: Bools) -> Numbers:
    """Return a number for each kept positive together with its language."""
    size = np.int64(len(corpus.folded))
    found: Numbers = (rows.facts["language"].astype(np.int64) * size + rows.positives)[kept]
    return found


def _share_in(texts: Numbers, known: Numbers) -> float:
    return float(np.isin(texts, known).mean()) if len(texts) else 0.0
