"""What two records must share to be connected: a text, on whichever side, or a document.

A text is what it is after folding, in whatever language it is said to be. Of a record of a class (classification,
clustering) only the query counts: its positive is the class, or any member of it, and would connect the whole class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.columns import folded
from curation.hashing import hash64
from curation.ngrams import Int64s, UInt64s, mix
from curation.records import LABELLED

# So that no text is taken for the document of the same name.
_DOCUMENTS = 1
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
    return hash64(records.column("id").to_pylist())


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
    """Return the keys of records, uint64 (k,), and the record of each, int64 (k,): its texts and its document."""
    documents = records.column("document").combine_chunks()
    inside = np.flatnonzero(pc.not_equal(documents, "").to_numpy(zero_copy_only=False))
    named = pc.binary_join_element_wise(records.column("source").combine_chunks(), documents, _SEPARATOR)
    names = named.take(pa.array(inside)).dictionary_encode()
    of_documents = hash64(names.dictionary.to_pylist(), seed=_DOCUMENTS)[names.indices.to_numpy()]
    of_texts = hash64(held.folded.to_pylist())[held.texts]
    return np.concatenate([of_texts, of_documents]), np.concatenate([held.rows, inside])


def pair_keys(left: UInt64s, right: UInt64s) -> UInt64s:
    """Return a key for each pair of similar texts, uint64 (p,): what both of its records share."""
    return mix(left ^ mix(right))
