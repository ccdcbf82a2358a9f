"""The texts of all evaluation sets, each kept once however often it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from curation.decontamination.sets import EvaluationInput, read_evaluation_sets
from curation.dedup.columns import equal_rows, folded
from curation.ngrams import Int64s


@dataclass(frozen=True, slots=True)
class EvaluationTexts:
    """What the evaluation is done on.

    Attributes:
        origins: task, split, language, file, row and column of every occurrence, shape (n,).
        text: int64 (n,), which text each of them is.
        first: int64 (t,), the first occurrence of each text, rising.
        texts: the distinct folded texts, Arrow `large_string`, shape (t,).
    """

    origins: pa.Table
    text: Int64s
    first: Int64s
    texts: pa.Array

    def __len__(self) -> int:
        return len(self.first)

    def references(self, which: Int64s | None = None) -> pa.Array:
        """Return `TASK:SPLIT:FILE:ROW:COLUMN` of the first occurrence of the texts `which`, or of all, as strings."""
        names = ("task", "split", "file", "row", "column")
        rows = self.origins.select(names).take(pa.array(self.first if which is None else self.first[which]))
        return pc.binary_join_element_wise(*(rows[name].cast(pa.string()).combine_chunks() for name in names), ":")


def load_texts(inputs: Sequence[EvaluationInput]) -> EvaluationTexts:
    """Read evaluation sets.

    Raises:
        SourceError: see `read_evaluation_sets`.
    """
    return distinct_texts(read_evaluation_sets(inputs))


def distinct_texts(table: pa.Table) -> EvaluationTexts:
    """Fold the texts of a table of `TEXTS_SCHEMA` and keep each of them once."""
    texts = folded(table["text"])
    first, text = equal_rows([texts])
    return EvaluationTexts(table.drop_columns(["text"]), text, first, texts.take(pa.array(first)))
