"""Tatoeba, the New Testament and Django's catalogues as training pairs, and Tatoeba's held-out ones.

Tatoeba is split by the English sentence over all languages: 20 % of them are held out. The verses are paired with the
Estonian ones (Spanish, which the figures in the literature of this benchmark used, is not among the files). A training
pair one of whose sides is a held-out text is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.training import Training
from curation.hashing import priority
from curation.release import open_release
from curation.text import fold
from curation.training.evaluation import PairSet
from curation.training.pairs import TrainingTexts
from curation.training.smoke import Prepared
from curation.training.tokenizer import train_tokenizer

PIVOT = "est"
MIN_HELD_OUT = 50
_HUNDRED = np.uint64(100)


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of folded texts with its source and language."""

    source: str
    language: str
    anchor: str
    positive: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Training pairs, and held-out pairs of each language with at least `MIN_HELD_OUT`."""

    train: list[Row]
    held_out: list[PairSet]


def read_corpus(data: Path, release: Path) -> Corpus:
    """Read the corpus.

    Args:
        data: folder with tatoeba/ and bible/.
        release: a release of Django's catalogues (`curate quickstart`).
    """
    train, held_out = [], []
    for row, share in _tatoeba(data / "tatoeba" / "pairs.parquet"):
        (held_out if share < 20 else train).append(row)
    train += [row for row, share in _verses(data / "bible" / "verses.parquet") if 5 <= share < 45]
    train += list(_messages(release))
    known = {text for row in held_out for text in (row.anchor, row.positive)}
    kept = [row for row in train if row.anchor not in known and row.positive not in known]
    return Corpus(kept, _sets(held_out))


def prepare(corpus: Corpus, options: Training, cache: Path) -> Prepared:
    """Train a tokenizer on the training pairs and encode them."""
    rows = corpus.train
    texts = pa.array([row.anchor for row in rows] + [row.positive for row in rows]).dictionary_encode()
    names = [str(number) for number in range(len(rows))]
    table = pa.table(
        {
            "id": names,
            "source": [row.source for row in rows],
            "language": [row.language for row in rows],
            "group": [row.anchor for row in rows],
        }
    )
    distinct = texts.dictionary
    numbers = texts.indices.to_numpy().astype(np.int64).reshape(2, -1)
    read = TrainingTexts(distinct, np.arange(len(distinct)), numbers, table)
    tokenizer = train_tokenizer(
        distinct.to_pylist(), vocabulary=options.vocabulary, lines=options.tokenizer_lines, seed=0, cache=cache
    )
    return Prepared(read, read.encode(tokenizer, max_tokens=options.max_tokens), tokenizer, options)


def _tatoeba(path: Path) -> Iterator[tuple[Row, int]]:
    table = pq.read_table(path)
    english, texts = (fold(table[name].combine_chunks()).to_pylist() for name in ("english", "text"))
    for language, anchor, text, share in zip(
        table["language"].to_pylist(), english, texts, _shares(english), strict=True
    ):
        yield Row("tatoeba", language, anchor, text), share


def _verses(path: Path) -> Iterator[tuple[Row, int]]:
    table = pq.read_table(path)
    texts = fold(table["text"].combine_chunks()).to_pylist()
    verses = list(zip(table["language"].to_pylist(), table["verse"].to_pylist(), texts, strict=True))
    pivot: dict[str, str] = {}
    for language, verse, text in verses:
        if language == PIVOT:
            pivot.setdefault(verse, text)
    shares = dict(zip(pivot, _shares(list(pivot)), strict=True))
    for language, verse, text in verses:
        if language != PIVOT and verse in pivot:
            yield Row("bible", language, pivot[verse], text), shares[verse]


def _messages(folder: Path) -> Iterator[Row]:
    release = open_release(folder)
    for split in release.splits:
        table = release.read("full", split=split, columns=["anchor", "positive", "language"])
        anchors, positives = (fold(table[name].combine_chunks()).to_pylist() for name in ("anchor", "positive"))
        shares = _shares(anchors)
        for language, anchor, positive, share in zip(
            table["language"].to_pylist(), anchors, positives, shares, strict=True
        ):
            if share >= 10:
                yield Row("django", language, anchor, positive)


def _shares(texts: list[str]) -> list[int]:
    """Return for each text a number from 0 to 99, by its hash."""
    return [int(value) for value in priority(texts, "benchmark", 0) % _HUNDRED]


def _sets(rows: list[Row]) -> list[PairSet]:
    by_language: dict[str, list[Row]] = {}
    for row in rows:
        by_language.setdefault(row.language, []).append(row)
    return [_set(code, mine) for code, mine in sorted(by_language.items()) if len(mine) >= MIN_HELD_OUT]


def _set(language: str, rows: list[Row]) -> PairSet:
    anchors, positives = (tuple(getattr(row, side) for row in rows) for side in ("anchor", "positive"))
    same = [np.equal.outer(np.array(side, dtype=object), np.array(side, dtype=object)) for side in (anchors, positives)]
    ids = tuple(f"{language} {number}" for number in range(len(rows)))
    return PairSet(language, ids, anchors, positives, (same[0] | same[1]).astype(bool))
