"""Corpora made of a few pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pairs_of_gate import Pair

from curation.dedup.columns import text_column
from curation.gate.data.corpus import Corpus, Rows
from curation.text import fold


@pytest.fixture
def corpus_of() -> Callable[..., Corpus]:
    """Return `corpus_of(train=[...], test=[...])`, which makes a corpus of pairs."""

    def make(**splits: Sequence[Pair]) -> Corpus:
        everything = [pair for pairs in splits.values() for pair in pairs]
        names = sorted({name for pair in everything for name in _facts(pair).values()})
        texts = sorted({text for pair in everything for text in _texts(pair)})
        folded = fold(text_column(texts)).to_pylist()
        keys = sorted(set(folded))
        rows = {split: _rows(pairs, texts, folded, keys, names) for split, pairs in splits.items() if pairs}
        return Corpus(text_column(texts), text_column(keys), names, rows, ())

    return make


def _texts(pair: Pair) -> list[str]:
    return [pair.anchor, pair.positive, *pair.negatives]


def _facts(pair: Pair) -> dict[str, str]:
    return {
        "query_language": pair.query_language,
        "positive_language": pair.positive_language,
        "language": pair.positive_language,
        "source": pair.source,
        "task": pair.task,
    }


def _rows(
    pairs: Sequence[Pair], texts: Sequence[str], folded: Sequence[str], keys: Sequence[str], names: Sequence[str]
) -> Rows:
    number = {text: place for place, text in enumerate(texts)}
    key = {text: keys.index(folded[place]) for text, place in number.items()}
    raw = np.array([[number[text] for text in _texts(pair)] for pair in pairs], dtype=np.int32)
    known = np.array([[key[text] for text in _texts(pair)] for pair in pairs], dtype=np.int32)
    facts = {
        fact: np.array([names.index(_facts(pair)[fact]) for pair in pairs], dtype=np.int32) for fact in _facts(pairs[0])
    }
    return Rows(known[:, 0], known[:, 1], known[:, 2:], (raw[:, 0], raw[:, 1]), facts, {})
