"""Exact duplicates: equal records meet by a digest of what is compared, and never by their texts.

Which of several records stays is a matter of `curation.dedup.preference`. The column `cluster_size` (int32) says how
many records each one that stays speaks for, itself included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.columns import folded
from curation.dedup.linking import CLUSTER_SIZE, SIDES, cluster_sizes
from curation.dedup.preference import ids_of, preference_ranks
from curation.dedup.stage import with_column
from curation.hashing import digests
from curation.ledger import ledger_rows
from curation.ngrams import UInt64s
from curation.outcome import Outcome

STAGE = "exact_dedup"

_DIGEST = ("key", "digest")


def exact_rows(records: pa.Table, options: Dedup, *, trust: Mapping[str, int]) -> pa.Table:
    """Return what each record is judged by, shape (n,).

    Records are equal whose compared texts are equal after folding; of pairs, the languages must be equal too. Records
    with equal queries and other positives are no duplicates, whatever is compared near: they have one group.

    Args:
        records: rows of the record schema, shape (n,).
        options: `by` says which text is compared, `prefer` which record stays.
        trust: trust of each source.

    Returns:
        `key` and `digest` (uint64): together a 128-bit digest that equal records share; `rank` (binary), which is
        least for the record that stays and ends with its id; and `size` (int32).

    Raises:
        KeyError: if a source has no trust.
    """
    key, digest = digests(_compared(records, options))
    ranks = preference_ranks(records, options.prefer, trust)
    return pa.table({"key": key, "digest": digest, "rank": ranks, "size": cluster_sizes(records)})


def judge_exact(rows: pa.Table) -> pa.Table:
    """Choose the record that stays of each set of equal ones.

    Args:
        rows: those of `exact_rows` for all records of each key, in any order, with any other columns.

    Returns:
        The rows of records that equal others, where `rank` is that of the record that stays, and `size` that of all.
    """
    rows = rows.filter(pa.array(_has_equal(*(rows[name].to_numpy() for name in _DIGEST))))
    order = pc.sort_indices(rows, [(name, "ascending") for name in (*_DIGEST, "rank")])
    rows = rows.take(order).combine_chunks()
    begins = np.ones(rows.num_rows, dtype=bool)
    begins[1:] = np.logical_or(*(np.diff(rows[name].to_numpy()) != 0 for name in _DIGEST))
    first, group = np.flatnonzero(begins), np.cumsum(begins) - 1
    sizes = np.bincount(group, rows["size"].to_numpy(), minlength=len(first)).astype(np.int32)
    changed = {"rank": rows["rank"].take(pa.array(first[group])), "size": pa.array(sizes[group])}
    for name, values in changed.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows.drop_columns(list(_DIGEST))


def merge_exact(records: pa.Table, judged: pa.Table, options: Dedup) -> Outcome:
    """Merge the records that equal better ones.

    Args:
        records: as in `exact_rows`, shape (n,).
        judged: rows of `judge_exact` about some of them, with `at` (uint32), the place of each.
        options: those of `exact_rows`.

    Returns:
        The records that stay, in their order, and a ledger row for each that does not.
    """
    judged = judged.sort_by("at").combine_chunks()
    at = judged["at"].to_numpy().astype(np.int64)
    better = ids_of(judged["rank"].combine_chunks(), options.prefer)
    sizes = cluster_sizes(records).to_numpy().astype(np.int32)
    sizes[at] = judged["size"].to_numpy()
    stays = np.ones(records.num_rows, dtype=bool)
    stays[at] = pc.equal(records["id"].take(pa.array(at)), better).to_numpy()
    ledger = ledger_rows(
        records.filter(pa.array(~stays)),
        stage=STAGE,
        decision="merged",
        reason="exact_duplicate",
        score=1.0,
        threshold=1.0,
        other_id=better.filter(pa.array(~stays[at])),
    )
    counted = with_column(records, pa.field(CLUSTER_SIZE, pa.int32(), nullable=False), pa.array(sizes))
    return Outcome(counted.filter(pa.array(stays)), ledger)


def _has_equal(key: UInt64s, digest: UInt64s) -> npt.NDArray[np.bool_]:
    """Say which rows equal another: few do, and only they need be put in order of rank."""
    order = np.lexsort((digest, key))
    same = (np.diff(key[order]) == 0) & (np.diff(digest[order]) == 0)
    found = np.zeros(len(key), dtype=bool)
    found[order[1:][same]] = found[order[:-1][same]] = True
    return found


def _compared(records: pa.Table, options: Dedup) -> list[pa.Array]:
    if options.by == "positive":
        return [folded(records.column("positive"))]
    texts = [folded(records.column(side)) for side in SIDES["pair"]]
    return [*texts, *(records.column(f"{side}_language").combine_chunks() for side in SIDES[options.by])]
