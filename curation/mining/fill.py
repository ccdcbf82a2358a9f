"""What is done about records that too few hard negatives were found for."""

from __future__ import annotations

import numpy as np

from curation.mining.assemble import Chosen, Origin
from curation.mining.miner import near_right
from curation.mining.padding import draw_passages
from curation.mining.pool import Pool, is_in_small_class
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.rules import Bools
from curation.mining.selection import Draw

_SURPLUS_GROWTH = 4


def draw_random(pool: Pool, missing: Rows, mined: Chosen, draw: Draw, is_usable: Bools) -> Chosen:
    """Draw passages for the records that miss some, none of which nearly equals what is right for its record.

    Args:
        pool: the pool.
        missing: passages wanted for each record, int64, shape (n,).
        mined: what the records have already.
        draw: random numbers of records and entries.
        is_usable: which entries may be drawn at all, shape (E,).

    Returns:
        As many as are wanted, or all that the pool has for a record.
    """
    waiting, surplus = np.flatnonzero(missing > 0), 1
    found = [(waiting[:0], waiting[:0])]
    while len(waiting):
        asked = missing[waiting] * surplus
        drawn, entries = draw_passages(draw.queries[waiting], draw.rows, asked, _barred(pool, mined, waiting))
        is_last = np.bincount(drawn, minlength=len(waiting)) < asked
        owners = waiting[drawn]
        is_wrong = is_usable[entries] & ~(near_right(pool, owners, entries) | _is_own_class(pool, owners, entries))
        kept = np.bincount(drawn[is_wrong], minlength=len(waiting))
        is_done = is_last | (kept >= missing[waiting])
        drawn, owners, entries = drawn[is_wrong], owners[is_wrong], entries[is_wrong]
        taken = is_done[drawn] & (positions_in_runs(drawn) < missing[owners])
        found.append((owners[taken], entries[taken]))
        waiting, surplus = waiting[~is_done], surplus * _SURPLUS_GROWTH
    owners, entries = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return Chosen.unscored(owners[order], entries[order], Origin.RANDOM)


def repeat_own(chosen: Chosen, missing: Rows) -> Chosen:
    """Return a record's own negatives once more, and again, until it misses none; nothing where it has none."""
    counts = np.bincount(chosen.owners, minlength=len(missing))
    owners = np.repeat(np.arange(len(missing)), np.where(counts > 0, missing, 0))
    places = positions_in_runs(owners) % np.maximum(counts, 1)[owners]
    return chosen.take(np.searchsorted(chosen.owners, owners) + places)


def _barred(pool: Pool, mined: Chosen, records: Rows) -> tuple[Rows, Rows]:
    """Return what must not be drawn for `records`, as pairs: position in `records`, and entry."""
    positions, entries = pool.excluded.pairs(records)
    is_theirs = np.isin(mined.owners, records)
    also = np.searchsorted(records, mined.owners[is_theirs])
    return np.concatenate([positions, also]), np.concatenate([entries, mined.entries[is_theirs]])


def _is_own_class(pool: Pool, records: Rows, entries: Rows) -> Bools:
    """Tell of pairs of record and entry whether the entry is of the record's class; small classes are barred anyway."""
    is_large = (pool.labels >= 0) & ~is_in_small_class(pool.labels)
    if not is_large.any():
        return np.zeros(len(records), dtype=bool)
    members = pool.labels[is_large] * len(pool.texts) + pool.entries[is_large]
    return np.asarray(is_large[records] & np.isin(pool.labels[records] * len(pool.texts) + entries, members))
