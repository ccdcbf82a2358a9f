"""Puts the negatives of records together: given ones, then mined ones, then what fills up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.licences.expression import conjunction
from curation.mining.origins import Origin
from curation.mining.pool import Pool, column
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.rules import Verdict
from curation.mining.search.candidates import Vectors

Int32s = npt.NDArray[np.int32]


ORIGINS = pa.array([origin.name.lower() for origin in Origin])
_COUNTED = [verdict for verdict in Verdict if verdict != Verdict.ABSENT]
# Bits of a word, in sets of licences.
_WORD = 64
COUNTS_TYPE = pa.struct([pa.field(verdict.name.lower(), pa.int32(), nullable=False) for verdict in _COUNTED])


@dataclass(frozen=True, slots=True)
class Chosen:
    """Entries of the pool that were chosen for records, as pairs.

    Attributes:
        owners: the record, int64 ascending, shape (m,).
        entries: the entry of the pool, int64, shape (m,).
        scores: float32, shape (m,); NaN for random ones.
        ranks: the rank of the search from 1, int32, shape (m,); 0 where there was no search.
        origins: values of `Origin`, int8, shape (m,).
    """

    owners: Rows
    entries: Rows
    scores: Vectors
    ranks: Int32s
    origins: npt.NDArray[np.int8]

    @classmethod
    def unscored(cls, owners: Rows, entries: Rows, origin: Origin) -> Chosen:
        """Return entries that were chosen without a score."""
        count = len(owners)
        scores = np.full(count, np.nan, dtype=np.float32)
        return cls(owners, entries, scores, np.zeros(count, dtype=np.int32), np.full(count, origin, dtype=np.int8))

    @classmethod
    def join(cls, parts: list[Chosen]) -> Chosen:
        """Return what several parts hold, by record; of each record in order of the parts."""
        owners = np.concatenate([part.owners for part in parts])
        order = np.argsort(owners, kind="stable")
        return cls(
            owners[order],
            np.concatenate([part.entries for part in parts])[order],
            np.concatenate([part.scores for part in parts])[order],
            np.concatenate([part.ranks for part in parts])[order],
            np.concatenate([part.origins for part in parts])[order],
        )

    def take(self, index: npt.NDArray[np.bool_] | Rows) -> Chosen:
        """Return some of the pairs."""
        return Chosen(
            self.owners[index], self.entries[index], self.scores[index], self.ranks[index], self.origins[index]
        )

    def distinct(self) -> Chosen:
        """Return the same without a record's repeats of an entry; the first of each stays."""
        pairs = np.stack([self.owners, self.entries])
        return self.take(np.sort(np.unique(pairs, axis=1, return_index=True)[1]))


NOTHING = Chosen.unscored(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), Origin.RANDOM)


@dataclass(frozen=True, slots=True)
class Findings:
    """What mining found out about n records, besides their negatives.

    Attributes:
        positive_scores: score of each record's positive with its anchor, float32, shape (n,); 1.0 where the positive
            is the anchor.
        positive_ranks: its rank among the passages, int32, shape (n,); 0 where it was not ranked.
        verdicts: how many candidates had each verdict, int32, shape (n, number of verdicts).
        possible: candidates that may be positives themselves.
        shortages: what was done about too few negatives, or empty, strings, shape (n,).
        teachers: name of each record's teacher, strings, shape (n,).
        recalls: how often the teacher finds the right passage in the record's language, float32, shape (n,), or NaN.
        self_matches: whether the record's own query was among the passages, shape (n,).
    """

    positive_scores: Vectors
    positive_ranks: Int32s
    verdicts: Int32s
    possible: Chosen
    shortages: npt.NDArray[np.object_]
    teachers: npt.NDArray[np.object_]
    recalls: Vectors
    self_matches: npt.NDArray[np.bool_]


def given_negatives(pool: Pool) -> Chosen:
    """Return the negatives that the records of a pool came with; their texts are numbered after its entries."""
    numbers = np.arange(len(pool.given.owners), dtype=np.int64) + len(pool.texts)
    return Chosen.unscored(pool.given.owners, numbers, Origin.GIVEN)


def with_negatives(records: pa.Table, pool: Pool, chosen: Chosen, findings: Findings, limit: int) -> pa.Table:
    """Return `records` with `limit` negatives each, at most, in place of those that they came with.

    What a record came with stands first. Its licence becomes that of all its texts: its own, and those of the records
    that the others are the positives of. See `curation.mining.stage.mine_records` for the columns.
    """
    given = pool.given
    every = Chosen.join([given_negatives(pool), chosen])
    every = every.take(positions_in_runs(every.owners) < limit)
    place = records.schema.get_field_index("negatives")
    texts = pa.concat_arrays([pool.texts, given.texts]).take(pa.array(every.entries))
    lists = _Lists(_offsets(every.owners, records.num_rows))
    # A list of large strings: the negatives of a pool may be more than 2 GiB of text.
    records = records.set_column(place, lists.field("negatives", texts.type), lists.of(texts))
    place = records.schema.get_field_index("licence")
    records = records.set_column(place, records.schema.field(place), joined_licences(records, pool, every))
    blank = pa.repeat(pa.scalar("", pa.string()), len(given.owners))
    named = {
        "negative_ids": pa.concat_arrays([pool.ids, blank]).take(pa.array(every.entries)),
        "negative_scores": pa.array(every.scores, mask=np.isnan(every.scores)),
        "negative_ranks": pa.array(every.ranks, mask=every.ranks == 0),
        "negative_origins": ORIGINS.take(pa.array(every.origins)),
        "negative_languages": pa.concat_arrays([pool.languages, blank]).take(pa.array(every.entries)),
    }
    for name, values in named.items():
        records = records.append_column(lists.field(name, values.type), lists.of(values))
    is_mined = np.isin(every.origins, (Origin.LEXICAL, Origin.DENSE, Origin.BOTH))
    mined = np.bincount(every.take(is_mined).distinct().owners, minlength=records.num_rows)
    return _with_findings(records, pool, findings, mined)


def joined_licences(records: pa.Table, pool: Pool, chosen: Chosen) -> pa.Array:
    """Return the licence of each record with its negatives: its own first, then the others in order.

    Args:
        records: the records of the pool, shape (n,).
        pool: the pool.
        chosen: their negatives; given ones are under the record's own licence.
    """
    own = column(records, "licence").dictionary_encode()
    names, codes = own.dictionary.to_pylist(), own.indices.to_numpy()
    mined = chosen.take(chosen.entries < len(pool.texts))
    theirs = codes[pool.first[mined.entries]]
    # A bit for each licence: records with the same ones are one row, and share one expression.
    sets = np.zeros((records.num_rows, 1 + len(names) // _WORD), dtype=np.uint64)
    bits = np.left_shift(np.uint64(1), (theirs % _WORD).astype(np.uint64))
    np.bitwise_or.at(sets, (mined.owners, theirs // _WORD), bits)
    keys = np.column_stack([codes.astype(np.uint64), sets])
    distinct, places = np.unique(keys, axis=0, return_inverse=True)
    expressions = [_conjunction(int(own_code), found, names) for own_code, *found in distinct.tolist()]
    return pa.array(expressions, pa.string()).take(pa.array(places.reshape(-1)))


def _conjunction(own: int, words: list[int], names: list[str]) -> str:
    whole = sum(word << (_WORD * place) for place, word in enumerate(words))
    return conjunction(names[own], (name for code, name in enumerate(names) if code != own and whole >> code & 1))


def _with_findings(records: pa.Table, pool: Pool, found: Findings, mined: Rows) -> pa.Table:
    possible = _Lists(_offsets(found.possible.owners, records.num_rows))
    entries = pa.array(found.possible.entries)
    counts = [pa.array(found.verdicts[:, verdict]) for verdict in _COUNTED]
    fields = list(COUNTS_TYPE)
    columns = (
        (pa.field("mined", pa.int16(), nullable=False), pa.array(mined, pa.int16())),
        (pa.field("positive_score", pa.float32(), nullable=False), pa.array(found.positive_scores, pa.float32())),
        (pa.field("positive_rank", pa.int32()), pa.array(found.positive_ranks, mask=found.positive_ranks == 0)),
        (possible.field("possible_ids", pa.string()), possible.of(pool.ids.take(entries))),
        (possible.field("possible_scores", pa.float32()), possible.of(pa.array(found.possible.scores, pa.float32()))),
        (pa.field("candidates", COUNTS_TYPE, nullable=False), pa.StructArray.from_arrays(counts, fields=fields)),
        (pa.field("shortage", pa.string(), nullable=False), pa.array(found.shortages, pa.string())),
        (pa.field("self_match", pa.bool_(), nullable=False), pa.array(found.self_matches)),
        (pa.field("teacher", pa.string(), nullable=False), pa.array(found.teachers, pa.string())),
        (pa.field("teacher_recall", pa.float32()), pa.array(found.recalls, mask=np.isnan(found.recalls))),
    )
    for field, values in columns:
        records = records.append_column(field, values)
    return records


@dataclass(frozen=True, slots=True)
class _Lists:
    offsets: pa.Array

    def of(self, values: pa.Array) -> pa.ListArray:
        return pa.ListArray.from_arrays(self.offsets, values)

    def field(self, name: str, kind: pa.DataType) -> pa.Field:
        return pa.field(name, pa.list_(kind), nullable=False)


def _offsets(owners: Rows, count: int) -> pa.Array:
    return pa.array(np.searchsorted(owners, np.arange(count + 1)), pa.int32())
