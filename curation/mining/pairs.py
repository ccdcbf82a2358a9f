"""Hard negatives for pairs of texts, without a pipeline: ids and scores once, texts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import CurationError
from curation.files import atomic_path
from curation.mining.dense import MinedRows, mine_vectors, unit_vectors
from curation.mining.ragged import Ragged, Rows
from curation.mining.rules import Rules
from curation.mining.search.candidates import Vectors
from curation.mining.search.exact import pair_scores
from curation.mining.teachers.base import Teacher
from curation.text import as_arrow

Texts: TypeAlias = Sequence[str] | pa.Array | pa.ChunkedArray


@dataclass(frozen=True, slots=True)
class MinedPairs:
    """Pairs with their negatives, as numbers of distinct texts.

    Attributes:
        anchors: the distinct anchors, shape (Q,).
        passages: the distinct passages, positives among them, shape (N,).
        pairs: number of anchor and number of positive of each distinct pair, int64, shape (P, 2).
        positive_scores: score of each pair, float32, shape (P,).
        mined: the negatives of each anchor.
    """

    anchors: pa.Array
    passages: pa.Array
    pairs: Rows
    positive_scores: Vectors
    mined: MinedRows

    def table(self) -> pa.Table:
        """Return a row for each pair: `anchor`, `positive` and `negatives` are numbers of texts; scores and ranks.

        The negatives of a pair are those of its anchor: fewer than asked where fewer passed the rules.
        """
        owners = self.pairs[:, 0]
        is_there = self.mined.rows[owners] >= 0
        offsets = pa.array(np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]), pa.int32())

        def lists(values: np.ndarray) -> pa.ListArray:
            return pa.ListArray.from_arrays(offsets, pa.array(values[owners][is_there]))

        return pa.table(
            {
                "anchor": pa.array(owners),
                "positive": pa.array(self.pairs[:, 1]),
                "positive_score": pa.array(self.positive_scores),
                "negatives": lists(self.mined.rows),
                "negative_scores": lists(self.mined.scores),
                "negative_ranks": lists(self.mined.ranks),
            }
        )

    def n_tuples(self) -> pa.Table:
        """Return the pairs that have all their negatives as texts: `anchor`, `positive`, `negative_1` .. n, `scores`.

        What has fewer is not lost: it stands in `table`.
        """
        return pa.concat_tables(self.n_tuple_batches(max(1, len(self.pairs))))

    def n_tuple_batches(self, pairs: int) -> Iterator[pa.Table]:
        """Yield the same from so many pairs at a time, for writing what need not be in memory."""
        for owners, positives, scores in self._batches(pairs):
            is_whole = self.mined.rows[owners, -1] >= 0
            owners, positives, scores = owners[is_whole], positives[is_whole], scores[is_whole]
            columns = {"anchor": self._of(self.anchors, owners), "positive": self._of(self.passages, positives)}
            for place, rows in enumerate(self.mined.rows[owners].T, 1):
                columns[f"negative_{place}"] = self._of(self.passages, rows)
            every = np.concatenate([scores[:, None], self.mined.scores[owners]], axis=1)
            values = pa.FixedSizeListArray.from_arrays(pa.array(every.ravel()), every.shape[1])
            yield pa.table({**columns, "scores": values})

    def triplet_batches(self, pairs: int) -> Iterator[pa.Table]:
        """Yield a row for each negative of each pair as texts: `anchor`, `positive`, `negative`."""
        for owners, positives, _ in self._batches(pairs):
            places, ranks = np.nonzero(self.mined.rows[owners] >= 0)
            yield pa.table(
                {
                    "anchor": self._of(self.anchors, owners[places]),
                    "positive": self._of(self.passages, positives[places]),
                    "negative": self._of(self.passages, self.mined.rows[owners][places, ranks]),
                }
            )

    def _batches(self, pairs: int) -> Iterator[tuple[Rows, Rows, Vectors]]:
        for start in range(0, len(self.pairs), pairs):
            part = slice(start, start + pairs)
            yield self.pairs[part, 0], self.pairs[part, 1], self.positive_scores[part]

    @staticmethod
    def _of(texts: pa.Array, numbers: Rows) -> pa.Array:
        return texts.take(pa.array(numbers))

    def write(self, folder: Path) -> None:
        """Write `pairs.parquet`, `anchors.parquet` and `passages.parquet`, atomically each: every text once."""
        tables = {
            "anchors": pa.table({"text": self.anchors}),
            "passages": pa.table({"text": self.passages}),
            "pairs": self.table(),
        }
        for name, table in tables.items():
            with atomic_path(folder / f"{name}.parquet") as path:
                pq.write_table(table, path, compression="zstd")


def mine_pairs(anchors: Texts, positives: Texts, corpus: Texts = (), *, teacher: Teacher, rules: Rules) -> MinedPairs:
    """Find hard negatives for pairs of texts among the positives and a corpus.

    An anchor that stands in several pairs has several positives, none of which becomes its negative, and neither
    does its own text. Texts are told apart byte by byte; near duplicates are the pipeline's business.

    Args:
        anchors: shape (n,).
        positives: shape (n,).
        corpus: further passages, shape (m,).
        teacher: what embeds the texts.
        rules: which candidates become negatives.

    Raises:
        CurationError: if there are not as many anchors as positives, if a list of pairs is empty, or if the teacher
            gives a text a vector without direction.
    """
    left, right, more = (as_arrow(texts).cast(pa.large_string()) for texts in (anchors, positives, corpus))
    if len(left) != len(right) or not len(left):
        why = f"there are {len(left)} anchors and {len(right)} positives"
        raise CurationError("each anchor needs one positive", why=why, hint="repeat the anchor for each positive")
    numbered = left.dictionary_encode()
    passages = pa.concat_arrays([right, more]).dictionary_encode()
    places = np.asarray(passages.indices[: len(right)].to_numpy(), dtype=np.int64)
    owners = np.asarray(numbered.indices.to_numpy(), dtype=np.int64)
    pairs = np.stack([owners, places], axis=1)
    pairs = pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    queries = unit_vectors(teacher.embed(numbered.dictionary.to_pylist(), "query"), "embeddings of anchors")
    vectors = unit_vectors(teacher.embed(passages.dictionary.to_pylist(), "passage"), "embeddings of passages")
    return _mine(numbered.dictionary, passages.dictionary, pairs, (queries, vectors), rules)


def _mine(
    anchors: pa.Array, passages: pa.Array, pairs: Rows, vectors: tuple[Vectors, Vectors], rules: Rules
) -> MinedPairs:
    itself = pc.index_in(anchors, passages)
    own = np.flatnonzero(pc.is_valid(itself).to_numpy(zero_copy_only=False))
    barred = Ragged.from_pairs(
        np.concatenate([pairs[:, 0], own]),
        np.concatenate([pairs[:, 1], itself.drop_null().to_numpy().astype(np.int64)]),
        len(anchors),
    )
    positives = Ragged.from_pairs(pairs[:, 0], pairs[:, 1], len(anchors))
    mined = mine_vectors(*vectors, positives, rules, barred=barred)
    scores = pair_scores(*vectors, pairs[:, 0], pairs[:, 1])
    return MinedPairs(anchors, passages, pairs, scores, mined)
