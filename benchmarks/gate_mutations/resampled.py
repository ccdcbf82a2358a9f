"""Releases that are as sound as the first: most of its groups, drawn at random."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.hashing import priority

from .tables import Change, Tables


def resample(tables: Tables, seed: int, *, share: float = 0.9) -> Change:
    """Keep a share of the groups, drawn without replacement; rows of a group stay or go together."""
    groups = sorted({group for table in tables.values() for group in table["group"].unique().to_pylist()})
    drawn = np.argsort(priority(groups, "resample", seed), kind="stable")[: round(share * len(groups))]
    kept = {groups[place] for place in drawn}
    masks = {key: [group in kept for group in table["group"].to_pylist()] for key, table in tables.items()}
    return Change({key: tables[key].filter(pa.array(mask)) for key, mask in masks.items() if not all(mask)})
