"""What two records must share to be connected: a text, on whichever side, a document, or a group.

A text is what it is after folding, in whatever language it is said to be. Of a record of a class (classification,
clustering) only the query counts: its positive is the class, or any member of it, and would connect the whole class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.kernels import hash_folded
from curation.dedup.linking import texts_of
from curation.hashing import hash64
from curation.ngrams import Int64s, UInt64s, mix
from curation.records import LABELLED

# So that no text is taken for the document of the same name.
_DOCUMENTS, _GROUPS = 1, 2
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Held:
    """The texts of n records that connect them: queries, and positives that are no classes.

    Attributes:
        keys: uint64 (m,), a hash of each as folded.
        numbers: int64 (m,), rising: record i's query is number i, its positive n + i.
    """

    keys: UInt64s
    numbers: Int64s


def record_names(records: pa.Table) -> UInt64s:
    """Return a short name of each record, uint64 (n,). Two records with one name would be in one component."""
    return hash64(records.column("id"))


def hold_texts(records: pa.Table) -> Held:
    """Return the texts that connect records."""
    count = records.num_rows
    classes = pc.is_in(records.column("task").combine_chunks(), pa.array(LABELLED))
    positives = np.flatnonzero(~classes.to_numpy(zero_copy_only=False))
    sides = texts_of(records, ("query", "positive"))
    if len(positives) < count:
        sides[1] = sides[1].take(pa.array(positives))
    keys = [hash_folded(side) for side in sides]
    return Held(np.concatenate(keys), np.concatenate([np.arange(count), count + positives]))


def texts_at(records: pa.Table, numbers: Int64s) -> pa.Array:
    """Return the texts of the given numbers (see `Held`), Arrow `large_string` (m,)."""
    count = records.num_rows
    is_positive = numbers >= count
    queries, positives = texts_of(records, ("query", "positive"))
    taken = [queries.take(pa.array(numbers[~is_positive])), positives.take(pa.array(numbers[is_positive] - count))]
    places = np.empty(len(numbers), dtype=np.int64)
    places[np.argsort(is_positive, kind="stable")] = np.arange(len(numbers))
    return pa.concat_arrays(taken).take(pa.array(places))


def shared_keys(records: pa.Table) -> tuple[UInt64s, Int64s]:
    """Return the keys of records, uint64 (k,), and the record of each, int64 (k,): its texts, document and group.

    A group is mostly one query, and then of no effect; deduplication by query makes one of several similar ones.
    """
    held = hold_texts(records)
    documents = _named(records, ["source", "document"], _DOCUMENTS)
    groups = _named(records, ["group"], _GROUPS)
    of_texts = held.keys, held.numbers % max(records.num_rows, 1)
    keys, rows = zip(of_texts, documents, groups, strict=True)
    return np.concatenate(keys), np.concatenate(rows)


def _named(records: pa.Table, columns: Sequence[str], seed: int) -> tuple[UInt64s, Int64s]:
    """Return a key for each record whose last column is not empty, and those records."""
    values = [records.column(name).combine_chunks() for name in columns]
    rows = np.flatnonzero(pc.not_equal(values[-1], "").to_numpy(zero_copy_only=False))
    names = pc.binary_join_element_wise(*values, _SEPARATOR).take(pa.array(rows)).dictionary_encode()
    return hash64(names.dictionary, seed=seed)[names.indices.to_numpy()], rows


def pair_keys(left: UInt64s, right: UInt64s) -> UInt64s:
    """Return a key for each pair of similar texts, uint64 (p,), from theirs: what both of its records share."""
    return mix(left ^ mix(right))
