"""The pool of some records: their distinct positives, and who must never get which."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.mining.ragged import Exclusions, Ragged, Rows, positions_in_runs
from curation.records import LABELLED
from curation.text import fold

# Tasks whose pairs say the same on both sides, so that what one side is paired with elsewhere says the same too.
_EQUIVALENT = ("bitext", "sts")
# Through a text that is paired with more texts than this no meaning is passed on.
MOST_PARTNERS = 16
# A class of so many records is kept apart record by record, a larger one by a search of its own.
SMALL_CLASS = 2048


@dataclass(frozen=True, slots=True)
class Pool:
    """Distinct positives; texts that are equal after folding are one entry.

    Attributes:
        texts: text of each entry, as its first record has it, shape (E,).
        folded: the same, folded, and after them each record's query and the given negatives, shape (E + n + m,).
        first: number of that record, int64, shape (E,).
        ids: id of that record, shape (E,).
        languages: language of that record's positive, shape (E,).
        entries: the entry of each record's own positive, int64, shape (n,).
        labels: class of each record within its source, numbered, int64, shape (n,); -1 where a task has no classes.
        excluded: the entries that each record must never get.
        right: the entries that are right for each record: positives of its group and of its query.
        given: the negatives that records came with, without those that must never be any.
        self_matches: whether a record's own query is an entry, shape (n,).
    """

    texts: pa.Array
    folded: pa.Array
    first: Rows
    ids: pa.Array
    languages: pa.Array
    entries: Rows
    labels: Rows
    excluded: Exclusions
    right: Exclusions
    given: Given
    self_matches: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Given:
    """Negatives that came with the records, as pairs.

    Attributes:
        owners: the record, int64 ascending, shape (m,).
        texts: the negative, shape (m,).
    """

    owners: Rows
    texts: pa.Array


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Texts and groups as numbers: equal numbers are equal texts after folding; those below `size` are entries."""

    size: int
    entries: Rows
    queries: Rows
    groups: Rows
    labels: Rows


def column(records: pa.Table, name: str) -> pa.Array:
    """Return a column as one array."""
    return records.column(name).combine_chunks()


def _texts(records: pa.Table, name: str) -> pa.Array:
    """Return a column of texts as one array, which may be larger than 2 GiB."""
    return records.column(name).cast(pa.large_string()).combine_chunks()


def build_pool(records: pa.Table, num_negatives: int, known: pa.Table | None = None) -> Pool:
    """Return the pool of records of one split.

    A record must never get: a positive of its group or of a record with the same folded query; a text that equals
    its own query or positive after folding; of pairs that say the same on both sides (bitext, sts), what is paired with
    its query or positive elsewhere, and what is paired with that: translations of its translations; a text that it
    already has as a given negative; where a task has classes, a positive of its own class (of classes above
    `SMALL_CLASS` `scopes` takes care).

    Args:
        records: rows in order of id, shape (n,).
        num_negatives: given negatives beyond this number are left out.
        known: records with the same columns that are neither mined for nor mined from, shape (k,): what they tell
            about which text goes with which holds all the same.
    """
    count = records.num_rows
    whole = records if known is None else pa.concat_tables([records, known])
    given = _flatten_given(records)
    positives, asked = (_texts(whole, name) for name in ("positive", "query"))
    folded = [fold(positives), fold(asked), fold(given.texts)]
    # Numbers follow first appearance and positives come first: entry e of the pool is the text with number e.
    numbered = pa.concat_arrays(folded).dictionary_encode()
    codes = numbered.indices.to_numpy().astype(np.int64)
    entries, queries, extra = np.split(codes, [whole.num_rows, 2 * whole.num_rows])
    first = np.unique(entries[:count], return_index=True)[1].astype(np.int64)
    theirs = pa.array(first)
    labels = np.full(whole.num_rows, -1, dtype=np.int64)
    labels[:count] = _labels(records, entries[:count])
    numbers = _Numbers(
        size=int(entries[:count].max(initial=-1)) + 1,
        entries=entries,
        queries=queries,
        groups=_codes(column(whole, "group")),
        labels=labels,
    )
    linked = _linked(whole, entries, queries)
    nothing = np.empty(0, dtype=np.int64)
    # A given negative may be right by what is not mined, too.
    every = replace(numbers, size=int(entries.max(initial=-1)) + 1)
    may_be_right = _is_excluded(_exclusions(every, linked, (nothing, nothing)), given.owners, extra)
    kept = _keep_given(given, extra, ~may_be_right, queries, num_negatives)
    given = Given(given.owners[kept], given.texts.filter(pa.array(kept)))
    return Pool(
        texts=positives.take(theirs),
        folded=pa.concat_arrays([folded[0].take(theirs), folded[1][:count], folded[2].filter(pa.array(kept))]),
        first=first,
        ids=column(records, "id").take(theirs),
        languages=column(records, "positive_language").take(theirs),
        entries=entries[:count],
        labels=labels[:count],
        excluded=_exclusions(numbers, linked, (given.owners, extra[kept])).of_first(count),
        right=_link([numbers.groups, numbers.queries], entries, numbers.size).of_first(count),
        given=given,
        self_matches=queries[:count] < numbers.size,
    )


def _codes(values: pa.Array) -> Rows:
    return np.asarray(values.dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _linked(records: pa.Table, entries: Rows, queries: Rows) -> tuple[Ragged, Ragged]:
    """Return the texts near each record, and the texts that are paired with each text, itself among them.

    Only pairs count that say the same on both sides. Near to a record are its own two texts and what is paired with
    these, but nothing beyond a text of many partners: a word that means many things would link them all.
    """
    says_the_same = np.isin(column(records, "task").to_numpy(zero_copy_only=False), _EQUIVALENT)
    size = int(max(entries.max(initial=-1), queries.max(initial=-1))) + 1
    left, right, own = queries[says_the_same], entries[says_the_same], np.arange(size, dtype=np.int64)
    partners = Ragged.from_pairs(np.concatenate([left, right, own]), np.concatenate([right, left, own]), size)
    is_plain = np.diff(partners.offsets) <= MOST_PARTNERS + 1
    numbers = np.flatnonzero(says_the_same)
    owners, texts = np.concatenate([numbers, numbers]), np.concatenate([left, right])
    passable = is_plain[texts]
    steps, beyond = partners.take(texts[passable])
    is_known = is_plain[beyond]
    near = Ragged.from_pairs(
        np.concatenate([owners, owners[passable][steps[is_known]]]),
        np.concatenate([texts, beyond[is_known]]),
        len(entries),
    )
    return near, partners


def _labels(records: pa.Table, entries: Rows) -> Rows:
    """Return the class of each record; where a source names none, the text of the positive is the class."""
    is_labelled = np.isin(column(records, "task").to_numpy(zero_copy_only=False), LABELLED)
    named = column(records, "label")
    has_name = pc.not_equal(named, "").to_numpy(zero_copy_only=False)
    names = _codes(named)
    classes = np.stack([_codes(column(records, "source")), has_name, np.where(has_name, names, entries)], axis=1)
    labels = np.unique(classes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.where(is_labelled, labels, -1)


def _flatten_given(records: pa.Table) -> Given:
    lists = records.column("negatives").cast(pa.list_(pa.large_string())).combine_chunks()
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    return Given(owners, pc.fill_null(pc.list_flatten(lists), ""))


def _is_excluded(excluded: Exclusions, records: Rows, texts: Rows) -> npt.NDArray[np.bool_]:
    """Tell of pairs of record and text whether the text is an entry that the record must never get, shape (m,)."""
    distinct, places = np.unique(records, return_inverse=True)
    owners, entries = excluded.pairs(distinct)
    size = int(max(texts.max(initial=-1), entries.max(initial=-1))) + 1
    return np.isin(places * size + texts, owners * size + entries)


def _keep_given(
    given: Given, texts: Rows, keep: npt.NDArray[np.bool_], queries: Rows, limit: int
) -> npt.NDArray[np.bool_]:
    """Tell which given negatives stay of those to keep: not blank, not the query, the first of equals, to a limit."""
    owners = given.owners
    lengths = pc.utf8_length(pc.utf8_trim_whitespace(given.texts)).to_numpy(zero_copy_only=False)
    keep = keep & (lengths > 0) & (texts != queries[owners])
    usable = np.flatnonzero(keep)
    distinct = np.unique(np.stack([owners[usable], texts[usable]]), axis=1, return_index=True)[1]
    chosen = np.sort(usable[distinct])
    keep[:] = False
    keep[chosen[positions_in_runs(owners[chosen]) < limit]] = True
    return keep


def _link(keys: list[Rows], entries: Rows, size: int) -> Exclusions:
    """Return the exclusions where a record must not get the entries of records that share one of its keys.

    Args:
        keys: several kinds of them, int64 (n,) each.
        entries: number of each record's positive, int64 (n,); those from `size` on are no entries.
        size: number of entries.
    """
    shifted = _shifted(keys)
    count = int(max((part.max(initial=-1) for part in shifted), default=-1)) + 1
    records = np.arange(len(entries), dtype=np.int64)
    owners, values = np.tile(records, len(shifted)), np.concatenate(shifted)
    return Exclusions(
        Ragged.from_pairs(owners, values, len(entries)),
        Ragged.from_pairs(*_below((values, np.tile(entries, len(shifted))), size), count),
    )


def _shifted(keys: list[Rows]) -> list[Rows]:
    """Return several kinds of keys, numbered one after the other."""
    shifted, start = [], 0
    for part in keys:
        shifted.append(part + start)
        start += int(part.max(initial=-1)) + 1
    return shifted


def _exclusions(numbers: _Numbers, linked: tuple[Ragged, Ragged], given: tuple[Rows, Rows]) -> Exclusions:
    records, texts = np.arange(len(numbers.entries), dtype=np.int64), np.arange(numbers.size, dtype=np.int64)
    keys = [numbers.groups, numbers.queries, _small_classes(numbers.labels)]
    shared = _link(keys, numbers.entries, numbers.size)
    near, partners = linked
    # Three kinds of keys, numbered one after the other: what records share, linked texts, and the entries themselves.
    kinds = [
        (shared.keys.pairs(), shared.rows.pairs(), len(shared.rows.offsets) - 1),
        (near.pairs(), _below(partners.pairs(), numbers.size), len(partners.offsets) - 1),
        (_own(records, numbers, given), (texts, texts), numbers.size),
    ]
    starts = np.cumsum([0] + [count for *_, count in kinds])
    of_records = [(owners, values + start) for ((owners, values), _, _), start in zip(kinds, starts, strict=False)]
    rows = [(owners + start, values) for (_, (owners, values), _), start in zip(kinds, starts, strict=False)]
    return Exclusions(_ragged(of_records, len(records)), _ragged(rows, int(starts[-1])))


def _own(records: Rows, numbers: _Numbers, given: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Return pairs of record and entry that is a text of the record's: its query, its positive, a given negative."""
    owners = np.concatenate([records, records, given[0]])
    return _below((owners, np.concatenate([numbers.queries, numbers.entries, given[1]])), numbers.size)


def _below(pairs: tuple[Rows, Rows], size: int) -> tuple[Rows, Rows]:
    is_entry = pairs[1] < size
    return pairs[0][is_entry], pairs[1][is_entry]


def _ragged(parts: list[tuple[Rows, Rows]], count: int) -> Ragged:
    owners, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Ragged.from_pairs(owners, values, count)


def is_in_small_class(labels: Rows) -> npt.NDArray[np.bool_]:
    """Tell of each record whether its class is kept apart record by record, shape (n,); not where it has none."""
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    return np.asarray((labels >= 0) & (sizes[np.maximum(labels, 0)] <= SMALL_CLASS))


def _small_classes(labels: Rows) -> Rows:
    """Return a key for each small class, and one of its own for every other record."""
    keys = int(labels.max(initial=-1)) + 1 + np.arange(len(labels), dtype=np.int64)
    is_small = is_in_small_class(labels)
    keys[is_small] = labels[is_small]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
