"""Hard negatives for the records of one partition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Mining
from curation.dedup.kernels import jaccard
from curation.hashing import priority
from curation.ledger import ledger_rows
from curation.mining.assemble import Chosen, assemble, with_negatives
from curation.mining.neighbours import find_neighbours
from curation.mining.padding import draw_passages
from curation.mining.pool import Pool, build_pool, column
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.rules import Rules, Selection, Verdict, Verdicts, judge, select
from curation.mining.search.candidates import Candidates, Vectors
from curation.outcome import Outcome

STAGE = "mine"
NEAR_DUPLICATE = 0.8
"""Jaccard similarity of character 5-grams at which a text is too like the positive, as in deduplication."""
_SURPLUS_GROWTH = 4


def mining_keys(records: pa.Table, options: Mining) -> pa.Array:  # noqa: ARG001 - the shape of all routing functions
    """Return the routing key of each record, shape (n,): the language in which its negatives are sought."""
    return column(records, "positive_language")


def mine_records(records: pa.Table, options: Mining, *, seed: int) -> Outcome:
    """Give each record of a partition its negatives.

    A pool is the distinct positives of one language and one split, so that no held-out text becomes a negative in
    training. The result of a pool depends on nothing but its own records.

    Args:
        records: rows of `RECORD_SCHEMA` with a column `split`, in any order; further columns are carried along.
        options: the config's `mining` section.
        seed: what random passages are drawn with.

    Returns:
        The records in order of id, where `negatives` has exactly `num_negatives` texts: given ones first, then
        mined ones from the hardest down, then random ones. New columns: `negative_ids` (a record that has the text
        as its positive; empty for given ones) and `negative_scores` (null for given and random ones), as long as
        `negatives`; `mined` (how many were mined); `positive_score` (of the positive with the anchor). The ledger
        has the records for which there are not enough.

    Raises:
        ConfigError: if a lexical teacher is asked to compare texts of two languages.
        CurationError: if the teacher cannot be loaded, or cannot embed a text.
    """
    ordered = records.sort_by("id").combine_chunks()
    outcomes = [_mine_pool(pool, options, seed) for pool in _pools(ordered)]
    if not outcomes:
        pool = build_pool(ordered, options.num_negatives)
        return Outcome.keep(with_negatives(ordered, assemble(pool, _NOTHING, _NOTHING), _NOTHING.scores))
    mined = pa.concat_tables([outcome.records for outcome in outcomes])
    return Outcome.join(mined.sort_by("id"), *(outcome.ledger for outcome in outcomes))


_NOTHING = Chosen.unscored(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def _pools(ordered: pa.Table) -> Iterator[pa.Table]:
    keys = pc.binary_join_element_wise(column(ordered, "positive_language"), column(ordered, "split"), "\0")
    codes = keys.dictionary_encode().indices.to_numpy()
    by_pool = np.argsort(codes, kind="stable")
    for rows in np.split(by_pool, np.flatnonzero(np.diff(codes[by_pool])) + 1):
        if len(rows):
            yield ordered.take(pa.array(rows)).combine_chunks()


def _mine_pool(records: pa.Table, options: Mining, seed: int) -> Outcome:
    pool = build_pool(records, options.num_negatives)
    wanted = options.num_negatives - np.bincount(pool.given.owners, minlength=records.num_rows)
    mined, positive_scores = _mine(records, pool, wanted, options)
    missing = wanted - np.bincount(mined.owners, minlength=records.num_rows)
    padded = _pad(records, pool, missing, mined, seed) if options.on_shortage == "pad" else _NOTHING
    negatives = assemble(pool, mined, padded)
    found = np.diff(negatives.offsets)
    is_short = pa.array(found < options.num_negatives)
    ledger = ledger_rows(
        records.filter(is_short),
        stage=STAGE,
        decision="dropped",
        reason="negative_shortage",
        score=pa.array(found, pa.float64()).filter(is_short),
        threshold=float(options.num_negatives),
    )
    return Outcome.join(with_negatives(records, negatives, positive_scores).filter(pc.invert(is_short)), ledger)


def _mine(records: pa.Table, pool: Pool, wanted: Rows, options: Mining) -> tuple[Chosen, Vectors]:
    """Return the mined negatives, at most `wanted` of each record, and the score of every record's positive."""
    rules = Rules.from_options(options)
    needy = np.flatnonzero(wanted > 0)
    found = find_neighbours(records, pool, needy, options)
    verdicts = judge(found.candidates, found.positive_scores[needy], rules)
    selection = _select_dissimilar(found.candidates, verdicts, pool, needy, rules.num_negatives)
    queries, ranks = np.nonzero((selection.rows >= 0) & (np.arange(rules.num_negatives) < wanted[needy, None]))
    chosen = Chosen(needy[queries], selection.rows[queries, ranks], selection.scores[queries, ranks])
    return chosen, found.positive_scores


def _select_dissimilar(
    candidates: Candidates, verdicts: Verdicts, pool: Pool, needy: Rows, num_negatives: int
) -> Selection:
    """Select, and select again until no text is left that nearly equals its record's positive."""
    is_checked = np.zeros(verdicts.shape, dtype=bool)
    while True:
        eligible = verdicts == Verdict.ELIGIBLE
        unsure = eligible & (np.cumsum(eligible, axis=1) <= num_negatives) & ~is_checked
        if not unsure.any():
            return select(candidates, verdicts, num_negatives)
        is_near = _near_positive(pool, needy[np.nonzero(unsure)[0]], candidates.rows[unsure])
        verdicts = verdicts.copy()
        verdicts[unsure] = np.where(is_near, Verdict.NEAR_DUPLICATE, Verdict.ELIGIBLE)
        is_checked |= unsure


def _near_positive(pool: Pool, records: Rows, entries: Rows) -> npt.NDArray[np.bool_]:
    """Tell of pairs of record and entry whether the entry nearly equals the record's positive."""
    near: npt.NDArray[np.bool_] = jaccard([pool.folded], pool.entries[records], entries) >= NEAR_DUPLICATE
    return near


def _pad(records: pa.Table, pool: Pool, missing: Rows, mined: Chosen, seed: int) -> Chosen:
    """Draw random passages for the records that miss some, none of which nearly equals its record's positive."""
    record_keys = priority(column(records, "id").to_pylist(), "mine:record", seed)
    passage_keys = priority(pool.ids.to_pylist(), "mine:passage", seed)
    waiting, surplus = np.flatnonzero(missing > 0), 1
    found = [(waiting[:0], waiting[:0])]
    while len(waiting):
        asked = missing[waiting] * surplus
        drawn, entries = draw_passages(record_keys[waiting], passage_keys, asked, _barred(pool, mined, waiting))
        is_last = np.bincount(drawn, minlength=len(waiting)) < asked
        owners = waiting[drawn]
        is_new = ~_near_positive(pool, owners, entries)
        kept = np.bincount(drawn[is_new], minlength=len(waiting))
        is_done = is_last | (kept >= missing[waiting])
        drawn, owners, entries = drawn[is_new], owners[is_new], entries[is_new]
        taken = is_done[drawn] & (positions_in_runs(drawn) < missing[owners])
        found.append((owners[taken], entries[taken]))
        waiting, surplus = waiting[~is_done], surplus * _SURPLUS_GROWTH
    owners, entries = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return Chosen.unscored(owners[order], entries[order])


def _barred(pool: Pool, mined: Chosen, records: Rows) -> tuple[Rows, Rows]:
    """Return what must not be drawn for `records`, as pairs: position in `records`, and entry."""
    positions, entries = pool.excluded.pairs(records)
    is_theirs = np.isin(mined.owners, records)
    also = np.searchsorted(records, mined.owners[is_theirs])
    return np.concatenate([positions, also]), np.concatenate([entries, mined.entries[is_theirs]])
