"""Which of several duplicates stays: the declared criteria in their order, then the id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Preference
from curation.licences import restriction
from curation.ngrams import UInt64s

_Criterion = Callable[[pa.Table, Mapping[str, int]], UInt64s]


def preference_ranks(records: pa.Table, prefer: tuple[Preference, ...], trust: Mapping[str, int]) -> pa.Array:
    """Return the rank of each record, binary (n,): of duplicates the one with the smallest stays.

    Args:
        records: rows of the record schema, shape (n,); `quality` reads `query_lid_score` and `positive_lid_score`
            where the records have them.
        prefer: criteria, the first decides first.
        trust: trust of each source.

    Raises:
        KeyError: if a source has no trust.
    """
    parts = [_CRITERIA[name](records, trust).astype(">u8").view(np.uint8).reshape(-1, 8) for name in prefer]
    fixed = np.concatenate(parts, axis=1) if parts else np.empty((records.num_rows, 0), dtype=np.uint8)
    width = fixed.shape[1]
    offsets = np.arange(records.num_rows + 1, dtype=np.int32) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(fixed))]
    heads = pa.Array.from_buffers(pa.binary(), records.num_rows, buffers)
    ids = records.column("id").combine_chunks().cast(pa.binary())
    return pc.binary_join_element_wise(heads, ids, pa.scalar(b"", pa.binary()))


def id_of_rank(ranks: pa.Array, prefer: tuple[Preference, ...]) -> pa.Array:
    """Return the id of the record that each rank of `preference_ranks` is of, string (n,)."""
    # Arrow miscounts the bytes of two slices that are given no end.
    longest = pc.max(pc.binary_length(ranks)).as_py() or 0
    return pc.binary_slice(ranks, 8 * len(prefer), longest).cast(pa.string())


def _by_trust(records: pa.Table, trust: Mapping[str, int]) -> UInt64s:
    return _of_values(records, "source", {name: 100 - value for name, value in trust.items()}.__getitem__)


def _by_licence(records: pa.Table, trust: Mapping[str, int]) -> UInt64s:  # noqa: ARG001 - the shape of all criteria
    return _of_values(records, "licence", restriction)


def _by_quality(records: pa.Table, trust: Mapping[str, int]) -> UInt64s:  # noqa: ARG001 - the shape of all criteria
    """Rank by how surely the language of the less certain side is known, in steps of a thousandth."""
    quality = np.ones(records.num_rows)
    for name in ("query_lid_score", "positive_lid_score"):
        if name in records.column_names:
            scores = records.column(name).to_numpy().astype(np.float64)
            quality = np.minimum(quality, np.nan_to_num(scores, nan=0.0))
    return np.round((1.0 - np.clip(quality, 0.0, 1.0)) * 1000).astype(np.uint64)


_CRITERIA: Mapping[Preference, _Criterion] = {"trust": _by_trust, "licence": _by_licence, "quality": _by_quality}


def _of_values(records: pa.Table, column: str, rank: Callable[[str], int]) -> UInt64s:
    encoded = records.column(column).combine_chunks().dictionary_encode()
    ranks = np.array([rank(value) for value in encoded.dictionary.to_pylist()], dtype=np.uint64)
    ranked: UInt64s = ranks[encoded.indices.to_numpy()]
    return ranked
