"""Puts the negatives of records together: given ones, then mined ones, then random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.mining.pool import Pool
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors


@dataclass(frozen=True, slots=True)
class Chosen:
    """Entries of the pool that become negatives, as pairs.

    Attributes:
        owners: the record, int64 ascending, shape (m,).
        entries: the entry of the pool, int64, shape (m,).
        scores: float32, shape (m,); NaN for random ones.
    """

    owners: Rows
    entries: Rows
    scores: Vectors

    @classmethod
    def unscored(cls, owners: Rows, entries: Rows) -> Chosen:
        """Return entries that were chosen without a score."""
        return cls(owners, entries, np.full(len(owners), np.nan, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Negatives:
    """The negatives of n records.

    Attributes:
        offsets: where each record's negatives begin and the last end, int64, shape (n + 1,).
        texts: all negatives end to end, shape (m,).
        ids: a record that has the text as its positive, or empty, shape (m,).
        scores: float32 or null, shape (m,).
        mined: how many negatives of each record were mined, int64, shape (n,).
    """

    offsets: Rows
    texts: pa.Array
    ids: pa.Array
    scores: pa.Array
    mined: Rows


def assemble(pool: Pool, mined: Chosen, padded: Chosen) -> Negatives:
    """Return the negatives of all records of a pool, each list in the order given, mined, padded."""
    given, count = pool.given, len(pool.entries)
    # Given texts are numbered after the entries of the pool.
    numbers = np.arange(len(given.owners)) + len(pool.texts)
    parts = (Chosen.unscored(given.owners, numbers), mined, padded)
    owners = np.concatenate([part.owners for part in parts])
    order = np.argsort(owners, kind="stable")
    items = pa.array(np.concatenate([part.entries for part in parts])[order])
    scores = np.concatenate([part.scores for part in parts])[order]
    no_ids = pa.repeat(pa.scalar("", pa.string()), len(given.owners))
    return Negatives(
        offsets=np.searchsorted(owners[order], np.arange(count + 1)).astype(np.int64),
        texts=pa.concat_arrays([pool.texts, given.texts]).take(items),
        ids=pa.concat_arrays([pool.ids, no_ids]).take(items),
        scores=pa.array(scores, mask=np.isnan(scores)),
        mined=np.bincount(mined.owners, minlength=count),
    )


def with_negatives(records: pa.Table, negatives: Negatives, positive_scores: Vectors) -> pa.Table:
    """Return `records` with their negatives in place of those they came with, and what is known about them."""
    offsets = pa.array(negatives.offsets, pa.int32())
    place = records.schema.get_field_index("negatives")
    records = records.set_column(
        place, _list_field("negatives", pa.string()), pa.ListArray.from_arrays(offsets, negatives.texts)
    )
    for field, values in (
        (_list_field("negative_ids", pa.string()), pa.ListArray.from_arrays(offsets, negatives.ids)),
        (_list_field("negative_scores", pa.float32()), pa.ListArray.from_arrays(offsets, negatives.scores)),
        (pa.field("mined", pa.int16(), nullable=False), pa.array(negatives.mined, pa.int16())),
        (pa.field("positive_score", pa.float32(), nullable=False), pa.array(positive_scores, pa.float32())),
    ):
        records = records.append_column(field, values)
    return records


def _list_field(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, pa.list_(kind), nullable=False)
