"""How well a teacher knows a language: whether it finds the right one of a thousand passages."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import priority
from curation.mining.encoder import Encoder
from curation.mining.pool import column
from curation.mining.ragged import Exclusions, Ragged, Rows, groups_of
from curation.mining.rules import Bools
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
    recalls = np.full(records.num_rows, np.nan, dtype=np.float32)
    parts = np.zeros(records.num_rows, dtype=np.int64) if within is None else within
    for members in groups_of(_codes(records, parts)):
        if len(members) >= LEAST:
            recalls[members] = _recall(records.take(pa.array(members)), encoder, seed)
    return recalls


def may_be_asked(records: pa.Table, seed: int, *, within: Rows) -> tuple[Bools, Bools]:
    """Tell which texts of some records `find_recalls` may embed, whatever other records there are with these.

    Who is among the first by the draw of all records is among the first of any that are looked at alone.

    Args:
        records: some of the records, in any order, shape (n,).
        seed: what the pairs and passages are drawn with.
        within: int64 (n,), as for `find_recalls`.

    Returns:
        Of each record, whether its positive and whether its query may be asked for, shapes (n,).
    """
    passages, queries = np.zeros((2, records.num_rows), dtype=bool)
    for members in groups_of(_codes(records, within)):
        some = records.take(pa.array(members))
        drawn, tried = _draw(some, seed)
        queries[members[tried]] = True
        offered = _first_of_each(_folded(some), np.argsort(drawn, kind="stable"))[:PASSAGES]
        passages[members[tried]] = passages[members[offered]] = True
    return passages, queries


def _codes(records: pa.Table, within: Rows) -> Rows:
    """Return a number for each record's language and part, int64, shape (n,)."""
    keys = pc.binary_join_element_wise(column(records, "positive_language"), pa.array(within).cast(pa.string()), "\0")
    return np.asarray(keys.dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _draw(records: pa.Table, seed: int) -> tuple[npt.NDArray[np.uint64], Rows]:
    """Return what each record drew, shape (n,), and those whose pairs are tried, ascending."""
    drawn = priority(column(records, "id").to_pylist(), "mine:competence", seed)
    is_train = pc.equal(column(records, "split"), TRAIN).to_numpy(zero_copy_only=False)
    return drawn, np.sort(np.lexsort((drawn, is_train))[:PAIRS])


def _recall(records: pa.Table, encoder: Encoder, seed: int) -> float:
    drawn, tried = _draw(records, seed)
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
    folded = _folded(records)
    is_tried = np.isin(np.arange(len(drawn)), tried)
    # The passages of the pairs come first, then others; a passage counts as the first record by the draw has it.
    first = _first_of_each(folded, np.lexsort((drawn, ~is_tried)))
    kept = np.sort(first[: max(PASSAGES, len(np.unique(folded[tried])))])
    numbers = np.full(int(folded.max(initial=-1)) + 1, -1, dtype=np.int64)
    numbers[folded[kept]] = np.arange(len(kept))
    return column(records, "positive").take(pa.array(kept)), numbers[folded]


def _folded(records: pa.Table) -> Rows:
    """Return a number for each record's positive, equal where these are after folding, int64, shape (n,)."""
    return np.asarray(fold(column(records, "positive")).dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _first_of_each(folded: Rows, order: Rows) -> Rows:
    """Return the first record with each passage, in an order of all records; the passages in the same order."""
    return order[np.sort(np.unique(folded[order], return_index=True)[1])]


def _right(records: pa.Table, entries: Rows, tried: Rows) -> Ragged:
    """Return the passages that are right for each tried record: those of all records with its query."""
    groups = column(records, "group").dictionary_encode().indices.to_numpy().astype(np.int64)
    is_there = entries >= 0
    of_group = Ragged.from_pairs(groups[is_there], entries[is_there], int(groups.max(initial=-1)) + 1)
    owners, rows = of_group.take(groups[tried])
    return Ragged.from_pairs(owners, rows, len(tried))
