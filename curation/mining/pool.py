"""The pool of a partition: the distinct positives of one language and split, and who must never get which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.mining.ragged import Exclusions, Ragged, Rows, positions_in_runs
from curation.text import fold


@dataclass(frozen=True, slots=True)
class Pool:
    """Distinct positives; texts that are equal after folding are one entry.

    Attributes:
        texts: text of each entry, as its first record has it, shape (E,).
        folded: the same, folded, shape (E,).
        ids: id of that record, shape (E,).
        entries: the entry of each record's own positive, int64, shape (n,).
        excluded: the entries that each record must never get.
        given: the negatives that records came with.
    """

    texts: pa.Array
    folded: pa.Array
    ids: pa.Array
    entries: Rows
    excluded: Exclusions
    given: Given


@dataclass(frozen=True, slots=True)
class Given:
    """Negatives that came with the records, as pairs.

    Attributes:
        owners: the record, int64 ascending, shape (m,).
        texts: the negative, shape (m,).
    """

    owners: Rows
    texts: pa.Array


def column(records: pa.Table, name: str) -> pa.Array:
    """Return a column as one array."""
    return records.column(name).combine_chunks()


def build_pool(records: pa.Table, num_negatives: int) -> Pool:
    """Return the pool of records of one language and split.

    A record must never get: a positive of its group or of a record with the same folded query; a text that equals
    its own query or positive after folding; a text that it already has as a given negative.

    Args:
        records: rows in order of id, shape (n,).
        num_negatives: given negatives beyond this number are left out.
    """
    given = _flatten_given(records)
    folded = [fold(column(records, "positive")), fold(column(records, "query")), fold(given.texts)]
    # Numbers follow first appearance and positives come first: entry e of the pool is the text with number e.
    numbered = pa.concat_arrays(folded).dictionary_encode()
    numbers = numbered.indices.to_numpy().astype(np.int64)
    entries, queries, extra = np.split(numbers, [records.num_rows, 2 * records.num_rows])
    first = pa.array(np.unique(entries, return_index=True)[1])
    kept = _keep_given(given, extra, entries, queries, num_negatives)
    given = Given(given.owners[kept], given.texts.filter(pa.array(kept)))
    groups = column(records, "group").dictionary_encode().indices.to_numpy().astype(np.int64)
    return Pool(
        texts=column(records, "positive").take(first),
        folded=folded[0].take(first),
        ids=column(records, "id").take(first),
        entries=entries,
        excluded=_exclusions(entries, queries, groups, (given.owners, extra[kept])),
        given=given,
    )


def _flatten_given(records: pa.Table) -> Given:
    lists = column(records, "negatives")
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    return Given(owners, pc.fill_null(pc.list_flatten(lists), ""))


def _keep_given(given: Given, texts: Rows, entries: Rows, queries: Rows, limit: int) -> npt.NDArray[np.bool_]:
    """Tell which given negatives stay: not blank, not the query or the positive, the first of equals, up to a limit."""
    owners = given.owners
    lengths = pc.utf8_length(pc.utf8_trim_whitespace(given.texts)).to_numpy(zero_copy_only=False)
    keep: npt.NDArray[np.bool_] = lengths > 0
    keep &= (texts != entries[owners]) & (texts != queries[owners])
    usable = np.flatnonzero(keep)
    distinct = np.unique(np.stack([owners[usable], texts[usable]]), axis=1, return_index=True)[1]
    chosen = np.sort(usable[distinct])
    keep[:] = False
    keep[chosen[positions_in_runs(owners[chosen]) < limit]] = True
    return keep


def _exclusions(entries: Rows, queries: Rows, groups: Rows, given: tuple[Rows, Rows]) -> Exclusions:
    records = np.arange(len(entries))
    size = int(entries.max(initial=-1)) + 1
    # Three kinds of keys, numbered one after the other: groups, folded queries, and the entries themselves.
    query_keys = queries + int(groups.max(initial=-1)) + 1
    entry_keys = int(query_keys.max(initial=-1)) + 1
    owners, texts = np.concatenate([records, given[0]]), np.concatenate([queries, given[1]])
    in_pool = texts < size
    keys = Ragged.from_pairs(
        np.concatenate([records, records, owners[in_pool]]),
        np.concatenate([groups, query_keys, texts[in_pool] + entry_keys]),
        len(entries),
    )
    rows = Ragged.from_pairs(
        np.concatenate([groups, query_keys, np.arange(size) + entry_keys]),
        np.concatenate([entries, entries, np.arange(size)]),
        entry_keys + size,
    )
    return Exclusions(keys, rows)
