"""Choosing the rows that fill a quota: the first by a seeded hash of the id, once before mining and once after it.

The rows of a language, task and source are ordered by a hash of id and seed (bottom-k sampling). So the chosen ones are
a uniform sample, the same for every engine and number of partitions; a smaller quota takes a part of what a larger one
takes; and a record that is added displaces one other at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import hash64, priority
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.quota.cells import KEYS
from curation.quota.counts import AVAILABLE
from curation.quota.filling import Int64s, exact
from curation.split import TRAIN

STAGE = "balance"
OVER_QUOTA = "over_quota"
RANK, COPIES, LIMIT = "quota_rank", "copies", "quota_limit"
_BOOKKEEPING = (AVAILABLE, RANK, LIMIT)

Bools = npt.NDArray[np.bool_]


def lots(records: pa.Table, *, seed: int) -> pa.Table:
    """Draw what each training record is ranked by.

    Args:
        records: rows with the column `split`, shape (n,).
        seed: seed of the run.

    Returns:
        For each training record `at` (uint32), its place; `key` (uint64), a hash of its language, task and source;
        and its lot, `priority` and, where two are equal, `tie` (uint64).
    """
    at = np.flatnonzero(pc.equal(records["split"], TRAIN).to_numpy())
    cells = _cells(records.take(pa.array(at)))
    ids = records["id"].take(pa.array(at))
    columns = {
        "at": at.astype(np.uint32),
        "key": hash64(cells.dictionary)[cells.indices.to_numpy()],
        "priority": priority(ids, STAGE, seed),
        "tie": hash64(ids),
    }
    return pa.table(columns)


def rank_lots(rows: pa.Table) -> pa.Table:
    """Rank the records of each language, task and source by their lots.

    Args:
        rows: those of `lots` for all records of each key, in any order, with any other columns.

    Returns:
        The rows with `rank`, from 0, and `rows`, how many there are of the key (int64), instead of the lots.
    """
    names = ("key", "priority", "tie")
    order = np.lexsort([rows[name].to_numpy() for name in reversed(names)])
    key = rows["key"].to_numpy()[order]
    first = np.searchsorted(key, key)
    ranked = rows.take(pa.array(order)).drop_columns(list(names))
    ranked = ranked.append_column("rank", pa.array(np.arange(len(key)) - first))
    return ranked.append_column("rows", pa.array(np.searchsorted(key, key, side="right") - first))


def preselect_rows(records: pa.Table, ranked: pa.Table, quota: pa.Table, *, reserve: float) -> pa.Table:
    """Say which records need to be mined for a quota to be filled.

    Args:
        records: any records with the column `split`, shape (n,).
        ranked: rows of `rank_lots` about all training records among them.
        quota: a table of `curation.quota.plan.PLAN_SCHEMA`.
        reserve: share of rows beyond the quota.

    Returns:
        All records in their order with three more columns, int64: `quota_rank` of the record in its cell (null in
        held-out splits), `quota_limit`, the rank from which it need not be mined, and `quota_available`, the rows
        of the cell.
    """
    found = _Ranked.of(records, ranked, quota)
    available = found.look_up("available")
    more = 1 + exact(reserve)
    limits = np.minimum(-(-found.look_up("given") * more.numerator // more.denominator), available)
    ranks = pa.array(found.ranks, mask=~found.is_train)
    for name, values in ((RANK, ranks), (LIMIT, pa.array(limits)), (AVAILABLE, pa.array(available))):
        records = records.append_column(pa.field(name, pa.int64()), values)
    return records


def is_preselected(records: pa.Table) -> Bools:
    """Tell which records are to be mined, shape (n,): all that are held out, and where nothing was chosen all."""
    if RANK not in records.column_names:
        return np.ones(records.num_rows, dtype=bool)
    chosen: Bools = pc.fill_null(pc.less(records[RANK], records[LIMIT]), True).to_numpy()
    return chosen


def over_quota(records: pa.Table, *, stage: str) -> pa.Table:
    """Return ledger rows for preselected records that the quota has no place for."""
    return ledger_rows(
        records, stage=stage, decision="dropped", reason=OVER_QUOTA, score=records[RANK], threshold=records[LIMIT]
    )


def select_rows(records: pa.Table, ranked: pa.Table, quota: pa.Table) -> Outcome:
    """Keep as many training records of each language, task and source as the quota gives, the first by rank.

    Args:
        records: any records with the column `split`, shape (n,).
        ranked: rows of `rank_lots` about all training records among them.
        quota: a table of `curation.quota.plan.PLAN_SCHEMA`; a cell that it lacks has nothing.

    Returns:
        The records that stay, in their order, with the columns `quota_rank` (from 0 in each cell, int64, null in
        held-out splits) and `copies` (int32, how many times a record is in the release: more than once where the
        quota is more than there is), and a ledger row `over_quota` for each other one, with its rank and the quota.
    """
    records = records.drop_columns([name for name in _BOOKKEEPING if name in records.column_names])
    found = _Ranked.of(records, ranked, quota)
    given, available = found.look_up("given"), np.maximum(found.sizes, 1)
    copies = np.where(found.is_train, given // available + (found.ranks < given % available), 1)
    stays = copies > 0
    kept = records.append_column(pa.field(RANK, pa.int64()), pa.array(found.ranks, mask=~found.is_train))
    kept = kept.append_column(pa.field(COPIES, pa.int32(), nullable=False), pa.array(copies.astype(np.int32)))
    ledger = ledger_rows(
        records.filter(pa.array(~stays)),
        stage=STAGE,
        decision="dropped",
        reason=OVER_QUOTA,
        score=pa.array(found.ranks[~stays]),
        threshold=pa.array(given[~stays]),
    )
    return Outcome.join(kept.filter(pa.array(stays)), ledger)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Records beside the plan.

    Attributes:
        quota: the plan.
        is_train: whether a record is one for training, shape (n,).
        ranks: rank of each training record in its cell, from 0, int64 (n,); -1 for the others.
        sizes: training records in each record's cell, int64 (n,); 0 for those that are not for training.
        places: row of each record's cell in the plan, int64 (n,); -1 where it is not in the plan.
    """

    quota: pa.Table
    is_train: Bools
    ranks: Int64s
    sizes: Int64s
    places: Int64s

    @classmethod
    def of(cls, records: pa.Table, ranked: pa.Table, quota: pa.Table) -> _Ranked:
        is_train = pc.equal(records["split"], TRAIN).to_numpy()
        cells = _cells(records)
        places = pc.fill_null(pc.index_in(cells.dictionary, _names(quota)), -1).to_numpy().astype(np.int64)
        ranks, sizes = np.full(len(is_train), -1, dtype=np.int64), np.zeros(len(is_train), dtype=np.int64)
        at = ranked["at"].to_numpy()
        ranks[at], sizes[at] = ranked["rank"].to_numpy(), ranked["rows"].to_numpy()
        return cls(quota, is_train, ranks, sizes, places[cells.indices.to_numpy()])

    def look_up(self, name: str) -> Int64s:
        """Return a number of each record's cell in the plan, 0 where it is not in the plan; int64 (n,)."""
        values = np.append(self.quota[name].to_numpy(), 0)
        found: Int64s = values[self.places]
        return found


def _names(rows: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(*(rows[name] for name in KEYS), "\0").combine_chunks()


def _cells(rows: pa.Table) -> pa.DictionaryArray:
    return _names(rows).dictionary_encode()
