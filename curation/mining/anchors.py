"""Whose neighbours are sought: those of a record's query, of its positive, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.mining import LEXICAL, Mining
from curation.errors import ConfigError
from curation.mining.pool import Pool, column
from curation.mining.ragged import Rows
from curation.mining.rules import Bools


@dataclass(frozen=True, slots=True)
class Anchors:
    """The anchors of n records, as places of a space.

    Attributes:
        queries: the queries that are anchors, shape (m,): the places after the entries, in order.
        sides: for each side that candidates are compared with, the place of each record, int64, shape (n,).
        on_positive: for each side, whether the place is the record's own positive, shape (n,).
    """

    queries: pa.Array
    sides: tuple[Rows, ...]
    on_positive: tuple[Bools, ...]


def find_anchors(records: pa.Table, pool: Pool, options: Mining, teacher: str) -> Anchors:
    """Return the anchors of the records of a pool.

    Raises:
        ConfigError: if a lexical teacher is asked to compare texts of two languages.
    """
    sides = anchored_on_positive(records, options, teacher)
    on_query = ~np.logical_and.reduce(sides)
    of_query = len(pool.texts) + np.cumsum(on_query) - 1
    return Anchors(
        queries=column(records, "query").filter(pa.array(on_query)),
        sides=tuple(np.where(on_positive, pool.entries, of_query).astype(np.int64) for on_positive in sides),
        on_positive=sides,
    )


def anchored_on_positive(records: pa.Table, options: Mining, teacher: str) -> tuple[Bools, ...]:
    """Tell for each side and record whether the neighbours of its positive are sought, rather than those of its query.

    With the lexical teacher, `auto` takes the positive for bitext and wherever the query is in another language:
    words of two languages cannot be compared.

    Returns:
        One array of shape (n,), or two where the anchor is `both`: first the query's side, then the positive's.

    Raises:
        ConfigError: if `query` or `both` asks a lexical teacher to do so all the same.
    """
    foreign = pc.not_equal(column(records, "query_language"), column(records, "positive_language"))
    is_foreign: Bools = foreign.to_numpy(zero_copy_only=False)
    if teacher == LEXICAL and options.anchor == "auto":
        is_bitext: Bools = pc.equal(column(records, "task"), "bitext").to_numpy(zero_copy_only=False)
        return (is_bitext | is_foreign,)
    if teacher == LEXICAL and options.anchor in ("query", "both") and is_foreign.any():
        raise _cannot_compare(records.slice(int(np.argmax(is_foreign)), 1), options.anchor)
    nowhere, everywhere = np.zeros(records.num_rows, dtype=bool), np.ones(records.num_rows, dtype=bool)
    if options.anchor == "both":
        return nowhere, everywhere
    return (everywhere if options.anchor == "positive" else nowhere,)


def _cannot_compare(record: pa.Table, anchor: str) -> ConfigError:
    row = record.to_pylist()[0]
    query, positive = row["query_language"], row["positive_language"]
    return ConfigError(
        "the lexical teacher cannot compare a query with passages of another language",
        where=f"{row['file']}:{row['row']}",
        why=f"with `mining.anchor: {anchor}`, a query in {query} would meet positives in {positive}, whose words are "
        "others: it would score by names and numbers alone",
        hint="set mining.anchor to `auto` or `positive`, or mining.teacher to a multilingual model",
    )
