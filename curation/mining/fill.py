"""What is done about records that too few hard negatives were found for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.mining.assemble import NOTHING, Chosen, given_negatives
from curation.mining.miner import Miner, near_right
from curation.mining.origins import Origin
from curation.mining.padding import draw_passages
from curation.mining.policies import Strings
from curation.mining.pool import Pool, column, is_in_small_class
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.rules import Bools
from curation.mining.scopes import paddings
from curation.mining.search.exact import blocks_of_pairs
from curation.mining.selection import Draw
from curation.records import LABELLED

_SURPLUS_GROWTH = 4


def fill(
    records: pa.Table, miner: Miner, mined: Chosen, lacking: Rows, wanted: Rows, policies: Strings
) -> tuple[Chosen, Strings]:
    """Fill up what is missing as the policies say.

    Where a task has fewer hard negatives by design, random ones fill the rest whatever the policy: that is no shortage.

    Args:
        records: rows in order of id, shape (n,).
        miner: what has mined them.
        mined: the hard negatives.
        lacking: negatives that each record did not come with, int64, shape (n,).
        wanted: of these, how many were to be hard, int64, shape (n,).
        policies: what each record's source wants done, strings, shape (n,).

    Returns:
        The hard negatives and what fills up; and what was done about each record that was short, strings, shape (n,).
    """
    count = len(lacking)
    shortages = np.full(count, "", dtype=object)
    hard = np.bincount(mined.owners, minlength=count)
    missing, by_design = lacking - hard, lacking - wanted
    is_labelled = np.isin(column(records, "task").to_numpy(zero_copy_only=False), LABELLED)
    # Hard negatives are few where there are few classes: what fills up is no reason to drop a record there.
    may_pad = (policies == "pad") | (is_labelled & (policies != "drop"))
    drawn = _draw(records, miner, mined, np.where(may_pad, missing, by_design))
    is_drawn = np.bincount(drawn.owners, minlength=count) > 0
    shortages[may_pad & is_drawn & (hard < wanted)] = "padded"
    chosen = Chosen.join([mined, drawn])
    missing = lacking - np.bincount(chosen.owners, minlength=count)
    may_repeat = (policies == "keep") | (is_labelled & (policies != "drop"))
    own = Chosen.join([given_negatives(miner.pool), chosen])
    repeated = repeat_own(own, np.where(may_repeat, missing, 0))
    shortages[np.unique(repeated.owners)] = "kept"
    return Chosen.join([chosen, repeated]), shortages


def _draw(records: pa.Table, miner: Miner, mined: Chosen, missing: Rows) -> Chosen:
    """Draw random passages from where hard ones are sought first, and what that has not from the whole pool."""
    every = np.arange(len(miner.pool.texts), dtype=np.int64)
    is_sound, parts = miner.space.is_sound(every), [NOTHING]
    for search in paddings(records, miner.pool, missing, miner.options):
        asked = np.zeros(len(missing), dtype=np.int64)
        asked[search.records] = missing[search.records]
        entries = search.entries[is_sound[search.entries]]
        parts.append(draw_random(miner.pool, asked, mined, miner.draw, entries))
    near = Chosen.join(parts)
    still = missing - np.bincount(near.owners, minlength=len(missing))
    far = draw_random(miner.pool, still, Chosen.join([mined, near]), miner.draw, every[is_sound])
    return Chosen.join([near, far])


def draw_random(pool: Pool, missing: Rows, mined: Chosen, draw: Draw, entries: Rows) -> Chosen:
    """Draw passages for the records that miss some, none of which nearly equals what is right for its record.

    Args:
        pool: the pool.
        missing: passages wanted for each record, int64, shape (n,).
        mined: what the records have already.
        draw: random numbers of records and entries.
        entries: which entries may be drawn, int64 ascending, shape (m,).

    Returns:
        As many as are wanted, or all that the entries have for a record.
    """
    needy = np.flatnonzero(missing > 0)
    excluded = pool.excluded.within(needy, entries)
    blocks = blocks_of_pairs(excluded, 0, len(needy)) if len(entries) else iter(())
    found = [
        _draw_block(pool, missing, mined, draw, entries, needy[first:stop], barred) for first, stop, barred in blocks
    ]
    owners, drawn = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else (needy[:0], needy[:0])
    return Chosen.unscored(owners, drawn, Origin.RANDOM)


def _draw_block(
    pool: Pool, missing: Rows, mined: Chosen, draw: Draw, entries: Rows, records: Rows, barred: tuple[Rows, Rows]
) -> tuple[Rows, Rows]:
    """Draw for some records (ascending), of which `barred` are the excluded pairs: position in each."""
    positions, places = (np.concatenate(pair) for pair in zip(barred, _taken(mined, records, entries), strict=True))
    keys, waiting, surplus = draw.rows[entries], np.arange(len(records)), 1
    found = [(records[:0], entries[:0])]
    while len(waiting):
        asked = missing[records[waiting]] * surplus
        is_waiting = np.isin(positions, waiting)
        theirs = np.searchsorted(waiting, positions[is_waiting]), places[is_waiting]
        drawn, picked = draw_passages(draw.queries[records[waiting]], keys, asked, theirs)
        is_last = np.bincount(drawn, minlength=len(waiting)) < asked
        owners, chosen = records[waiting[drawn]], entries[picked]
        is_wrong = ~(near_right(pool, owners, chosen) | _is_own_class(pool, owners, chosen))
        kept = np.bincount(drawn[is_wrong], minlength=len(waiting))
        is_done = is_last | (kept >= missing[records[waiting]])
        drawn, owners, chosen = drawn[is_wrong], owners[is_wrong], chosen[is_wrong]
        taken = is_done[drawn] & (positions_in_runs(drawn) < missing[owners])
        found.append((owners[taken], chosen[taken]))
        waiting, surplus = waiting[~is_done], surplus * _SURPLUS_GROWTH
    owners, chosen = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return owners[order], chosen[order]


def _taken(mined: Chosen, records: Rows, entries: Rows) -> tuple[Rows, Rows]:
    """Return what some records have already of some entries, as pairs of positions."""
    is_theirs = np.isin(mined.owners, records) & np.isin(mined.entries, entries)
    return np.searchsorted(records, mined.owners[is_theirs]), np.searchsorted(entries, mined.entries[is_theirs])


def repeat_own(chosen: Chosen, missing: Rows) -> Chosen:
    """Return a record's own negatives once more, and again, until it misses none; nothing where it has none."""
    counts = np.bincount(chosen.owners, minlength=len(missing))
    owners = np.repeat(np.arange(len(missing)), np.where(counts > 0, missing, 0))
    places = positions_in_runs(owners) % np.maximum(counts, 1)[owners]
    return chosen.take(np.searchsorted(chosen.owners, owners) + places)


def _is_own_class(pool: Pool, records: Rows, entries: Rows) -> Bools:
    """Tell of pairs of record and entry whether the entry is of the record's class; small classes are barred anyway."""
    is_large = (pool.labels >= 0) & ~is_in_small_class(pool.labels)
    if not is_large.any():
        return np.zeros(len(records), dtype=bool)
    members = pool.labels[is_large] * len(pool.texts) + pool.entries[is_large]
    return np.asarray(is_large[records] & np.isin(pool.labels[records] * len(pool.texts) + entries, members))
