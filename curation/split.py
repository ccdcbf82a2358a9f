"""Held-out splits: drawn by group, and cleaned of texts that stand on both sides."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Split
from curation.hashing import priority
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.text import fold

STAGE = "split"
SPLIT_FIELD = pa.field("split", pa.string(), nullable=False)
TRAIN, VALIDATION, TEST = "train", "validation", "test"

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

# No two texts or codes join to the same key: neither holds this character.
_SEPARATOR = "\x1f"


def assign_splits(records: pa.Table, options: Split, *, seed: int) -> pa.Table:
    """Add the column `split` (train, validation or test), a function of each record's group and the seed alone.

    The test split takes the lowest hashes and the validation split the next, so a record changes its split only
    where a share moves its border: a new share of validation moves nothing in or out of test.

    Args:
        records: any table with the column `group`, shape (n,).
        options: shares of groups in each split.
        seed: seed of the run.
    """
    groups = records.column("group").combine_chunks().dictionary_encode()
    drawn = priority(groups.dictionary.to_pylist(), STAGE, seed)
    names = np.full(len(drawn), TRAIN, dtype=object)
    names[drawn < _border(options.validation, options.test)] = VALIDATION
    names[drawn < _border(options.test)] = TEST
    splits = pa.array(names, type=pa.string()).take(groups.indices)
    return records.append_column(SPLIT_FIELD, splits)


def split_keys(records: pa.Table) -> pa.Array:
    """Return the key by which records are routed to `drop_split_leaks`: the folded positive, shape (n,)."""
    return fold(records.column("positive").combine_chunks())


def drop_split_leaks(records: pa.Table) -> Outcome:
    """Drop records whose positive also stands in a split that is held out from theirs.

    Two positives are the same when they are equal folded and in the same language. A training record loses to test
    and to validation, a validation record to test.

    Args:
        records: all records whose `split_keys` fall into one partition, with the column `split`, shape (n,).

    Returns:
        The other records, in their order, and a ledger row (`leaks_into_test`, `leaks_into_validation`) for each
        dropped one, with the smallest id among the held-out records that it equals.
    """
    splits = records.column("split").combine_chunks()
    train, validation, test = (_is(splits, name) for name in (TRAIN, VALIDATION, TEST))
    first = _first_of_text(records)
    in_test = np.where(train | validation, first(test), -1)
    in_validation = np.where(train & (in_test < 0), first(validation), -1)
    ledgers = [_leaks(records, in_test, into=TEST), _leaks(records, in_validation, into=VALIDATION)]
    return Outcome.join(records.filter(pa.array((in_test < 0) & (in_validation < 0))), *ledgers)


def _border(*shares: float) -> np.uint64:
    # Exact: the share as it was written, of 2 ** 64 hashes.
    return np.uint64(int(sum(Fraction(repr(float(share))) for share in shares) * 2**64))


def _is(splits: pa.Array, name: str) -> Bools:
    mask: Bools = pc.equal(splits, name).to_numpy(zero_copy_only=False)
    return mask


def _first_of_text(records: pa.Table) -> Callable[[Bools], Integers]:
    """Return a function from a mask of rows to the row with the smallest id, for each row's text, or -1."""
    keys = pc.binary_join_element_wise(
        records.column("positive_language").combine_chunks(), split_keys(records), _SEPARATOR
    )
    texts = keys.dictionary_encode()
    text_of_row = texts.indices.to_numpy().astype(np.int64)
    by_id = pc.sort_indices(records.column("id")).to_numpy().astype(np.int64)

    def first(mask: Bools) -> Integers:
        chosen = by_id[mask[by_id]]
        present, first_at = np.unique(text_of_row[chosen], return_index=True)
        row_of_text = np.full(len(texts.dictionary), -1, dtype=np.int64)
        row_of_text[present] = chosen[first_at]
        rows: Integers = row_of_text[text_of_row]
        return rows

    return first


def _leaks(records: pa.Table, other: Integers, *, into: str) -> pa.Table:
    rows = np.flatnonzero(other >= 0)
    return ledger_rows(
        records.take(pa.array(rows)),
        stage=STAGE,
        decision="dropped",
        reason=f"leaks_into_{into}",
        other_id=records.column("id").take(pa.array(other[rows])),
    )
