"""How well a teacher knows a language: whether it finds the right one of a thousand passages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import priority
from curation.mining.encoder import Encoder
from curation.mining.pool import column
from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.search.candidates import Vectors
from curation.split import TRAIN
from curation.text import fold

PAIRS = 200
"""Pairs of a language that are tried, held-out ones first."""
PASSAGES = 1000
"""Distinct passages of the language among which the right one is to be found."""
LEAST = 20
"""Pairs below which nothing can be said."""


def find_recalls(records: pa.Table, encoder: Encoder, seed: int, *, within: Rows | None = None) -> Vectors:
    """Return, for each record, the share of pairs in its positive's language whose positive the teacher finds first.

    The right passages of a query are all that are paired with it, and any of them counts. A passage that scores the
    same as the right one counts as half found.

    Args:
        records: rows of the record schema with a column `split`, in order of id, shape (n,).
        encoder: what embeds.
        seed: what the pairs and passages are drawn with.
        within: int64 (n,), numbers of parts that are taken by themselves, or None.

    Returns:
        float32, shape (n,); NaN in languages with fewer than `LEAST` pairs.
    """
    parts = pa.array(np.zeros(records.num_rows, dtype=np.int64) if within is None else within).cast(pa.string())
    keys = pc.binary_join_element_wise(column(records, "positive_language"), parts, "\0")
    codes = keys.dictionary_encode().indices.to_numpy()
    recalls = np.full(records.num_rows, np.nan, dtype=np.float32)
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        if len(members) >= LEAST:
            recalls[members] = _recall(records.take(pa.array(members)), encoder, seed)
    return recalls


def _recall(records: pa.Table, encoder: Encoder, seed: int) -> float:
    drawn = priority(column(records, "id").to_pylist(), "mine:competence", seed)
    is_train = pc.equal(column(records, "split"), TRAIN).to_numpy(zero_copy_only=False)
    tried = np.sort(np.lexsort((drawn, is_train))[:PAIRS])
    passages, entries = _passages(records, drawn, tried)
    queries = column(records, "query").take(pa.array(tried))
    space = encoder.build(encoder.options.model, passages, queries)
    places = len(passages) + np.arange(len(tried), dtype=np.int64)
    right = _right(records, entries, tried)
    every = np.arange(len(passages), dtype=np.int64)
    sound = every[space.is_sound(every)]
    barred = Exclusions.from_rows(right).within(np.arange(len(tried), dtype=np.int64), sound)
    rivals = space.nearest(places, sound, 1, barred).scores[:, 0]
    owners, rows = right.take(np.arange(len(tried), dtype=np.int64))
    best = np.full(len(tried), -np.inf, dtype=np.float32)
    np.fmax.at(best, owners, space.scores(places[owners], rows))
    # A query or passage without a vector is not found, although no rival is found either.
    is_found = space.is_sound(places) & np.isfinite(best)
    return float(np.mean(is_found * np.where(best > rivals, 1.0, np.where(best == rivals, 0.5, 0.0))))


def _passages(records: pa.Table, drawn: np.ndarray, tried: Rows) -> tuple[pa.Array, Rows]:
    """Return the passages, those of the pairs and others, and for each record its passage or -1."""
    folded = fold(column(records, "positive")).dictionary_encode().indices.to_numpy().astype(np.int64)
    first = np.unique(folded, return_index=True)[1]
    # The passages of the pairs come first, then others by the draw of the first record that has them.
    is_needed = np.isin(folded[first], folded[tried])
    kept = np.sort(first[np.lexsort((drawn[first], ~is_needed))[: max(PASSAGES, int(is_needed.sum()))]])
    numbers = np.full(int(folded.max(initial=-1)) + 1, -1, dtype=np.int64)
    numbers[folded[kept]] = np.arange(len(kept))
    return column(records, "positive").take(pa.array(kept)), numbers[folded]


def _right(records: pa.Table, entries: Rows, tried: Rows) -> Ragged:
    """Return the passages that are right for each tried record: those of all records with its query."""
    groups = column(records, "group").dictionary_encode().indices.to_numpy().astype(np.int64)
    is_there = entries >= 0
    of_group = Ragged.from_pairs(groups[is_there], entries[is_there], int(groups.max(initial=-1)) + 1)
    owners, rows = of_group.take(groups[tried])
    return Ragged.from_pairs(owners, rows, len(tried))
