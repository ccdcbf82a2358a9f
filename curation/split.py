"""Held-out splits: connected components of records are drawn whole, by a hash of their names."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Split
from curation.grouping import COMPONENT, SIZE
from curation.hashing import priority

STAGE = "split"
SPLIT_FIELD = pa.field("split", pa.string(), nullable=False)
TRAIN, VALIDATION, TEST = "train", "validation", "test"
# Components of up to so many records may be held out however small the release is: a sentence with all of its
# translations is one.
LEAST_BOUND = 100


def assign_splits(records: pa.Table, options: Split, sizes: pa.Table, *, seed: int) -> pa.Table:
    """Add the column `split` (train, validation or test), a function of each record's component and the seed alone.

    The test split takes the lowest hashes and the validation split the next, so a record changes its split only
    where a share moves its border: a new share of validation moves nothing in or out of test. Components above
    `largest_held_out` are always in train: to draw one would make a held-out split of one lump.

    Args:
        records: any table with the columns `component` and `component_size`, shape (n,).
        options: shares of components in each split.
        sizes: how many records of the whole run are in components of each size (`curation.grouping.merge_sizes`).
        seed: seed of the run.

    Returns:
        The records without `component_size`: whoever adds records must not change the others' rows by it.
    """
    components = records.column(COMPONENT.name).combine_chunks().dictionary_encode()
    drawn = priority(components.dictionary, STAGE, seed)
    names = np.full(len(drawn), TRAIN, dtype=object)
    names[drawn < _border(options.validation, options.test)] = VALIDATION
    names[drawn < _border(options.test)] = TEST
    splits = pa.array(names, type=pa.string()).take(components.indices)
    giant = pc.greater(records.column(SIZE.name).combine_chunks(), largest_held_out(sizes, options))
    splits = pc.if_else(giant, TRAIN, splits)
    return records.drop_columns([SIZE.name]).append_column(SPLIT_FIELD, splits)


def largest_held_out(sizes: pa.Table, options: Split) -> int:
    """Return how many records a component may have that is held out."""
    total = pc.sum(sizes.column("records")).as_py() or 0
    return max(LEAST_BOUND, int(_exact(options.max_component_share) * total))


def describe_components(sizes: pa.Table, options: Split) -> dict[str, Any]:
    """Return what there was to draw, as JSON values.

    Args:
        sizes: as in `assign_splits`.
        options: the section `split` of the config.

    Returns:
        `records` and `components`; `connected`, the records in components of more than one; `largest`, the records of
        the largest; `largest_held_out`, the bound; and `held_in_train`, the records and components above it.
    """
    size, records = (sizes.column(name).to_numpy() for name in ("size", "records"))
    bound = largest_held_out(sizes, options)
    above = size > bound
    return {
        "records": int(records.sum()),
        "components": int((records // np.maximum(size, 1)).sum()),
        "connected": int(records[size > 1].sum()),
        "largest": int(size.max(initial=0)),
        "largest_held_out": bound,
        "held_in_train": {"records": int(records[above].sum()), "components": int((records // size)[above].sum())},
    }


def _border(*shares: float) -> np.uint64:
    return np.uint64(int(sum(_exact(share) for share in shares) * 2**64))


def _exact(share: float) -> Fraction:
    """Return a share as it was written."""
    return Fraction(repr(float(share)))
