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

from curation.dedup.columns import folded
from curation.hashing import hash64
from curation.ngrams import Int64s, UInt64s, mix
from curation.records import LABELLED

# So that no text is taken for the document of the same name.
_DOCUMENTS, _GROUPS = 1, 2
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Held:
    """The distinct texts of n records.

    Attributes:
        folded: Arrow `large_string` (t,).
        first: int64 (t,), where each one occurs first: record i's query is number i, its positive n + i.
        rows: int64 (m,), the record of each occurrence; positives that are classes are left out.
        texts: int64 (m,), the text of each occurrence.
    """

    folded: pa.Array
    first: Int64s
    rows: Int64s
    texts: Int64s


def record_names(records: pa.Table) -> UInt64s:
    """Return a short name of each record, uint64 (n,). Two records with one name would be in one component."""
    return hash64(records.column("id"))


def hold_texts(records: pa.Table) -> Held:
    """Return the texts that connect records, each once."""
    count = records.num_rows
    classes = pc.is_in(records.column("task").combine_chunks(), pa.array(LABELLED))
    rows = np.concatenate([np.arange(count), np.flatnonzero(~classes.to_numpy(zero_copy_only=False))])
    sides = [folded(records.column("query")), folded(records.column("positive").take(pa.array(rows[count:])))]
    encoded = pa.concat_arrays(sides).dictionary_encode()
    texts = encoded.indices.to_numpy().astype(np.int64)
    _, at = np.unique(texts, return_index=True)
    return Held(encoded.dictionary, np.where(at < count, 0, count) + rows[at], rows, texts)


def shared_keys(records: pa.Table, held: Held) -> tuple[UInt64s, Int64s]:
    """Return the keys of records, uint64 (k,), and the record of each, int64 (k,): its texts, document and group.

    A group is mostly one query, and then of no effect; deduplication by query makes one of several similar ones.
    """
    of_texts = hash64(held.folded.to_pylist())[held.texts]
    documents = _named(records, ["source", "document"], _DOCUMENTS)
    groups = _named(records, ["group"], _GROUPS)
    keys, rows = zip((of_texts, held.rows), documents, groups, strict=True)
    return np.concatenate(keys), np.concatenate(rows)


def _named(records: pa.Table, columns: Sequence[str], seed: int) -> tuple[UInt64s, Int64s]:
    """Return a key for each record whose last column is not empty, and those records."""
    values = [records.column(name).combine_chunks() for name in columns]
    rows = np.flatnonzero(pc.not_equal(values[-1], "").to_numpy(zero_copy_only=False))
    names = pc.binary_join_element_wise(*values, _SEPARATOR).take(pa.array(rows)).dictionary_encode()
    return hash64(names.dictionary.to_pylist(), seed=seed)[names.indices.to_numpy()], rows


def pair_keys(left: UInt64s, right: UInt64s) -> UInt64s:
    """Return a key for each pair of similar texts, uint64 (p,): what both of its records share."""
    return mix(left ^ mix(right))
