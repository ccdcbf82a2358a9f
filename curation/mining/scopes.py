"""Which records seek their negatives among which entries: pools as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.config.mining import Mining, Scope
from curation.mining.pool import Pool, column, is_in_small_class
from curation.mining.ragged import Rows, groups_of
from curation.mining.rules import Bools

# Scopes that stay within one language of positives: what a lexical teacher can compare.
_BY_LANGUAGE = ("positive_language", "source_language")
_BY_SOURCE = ("source", "source_language")


@dataclass(frozen=True, slots=True)
class Search:
    """Records that seek among the same entries.

    Attributes:
        records: int64 ascending, shape (q,).
        entries: int64 ascending, shape (m,).
        wanted: hard negatives that each of the records takes from here at most, int64, shape (q,).
    """

    records: Rows
    entries: Rows
    wanted: Rows


def routing_column(options: Mining) -> str | None:
    """Return the column whose equal values are together in one partition, or None where all records must be."""
    scopes = [pool.scope for pool in options.pools]
    if all(scope in _BY_LANGUAGE for scope in scopes):
        return "positive_language"
    return "source" if all(scope in _BY_SOURCE for scope in scopes) else None


def searches(
    records: pa.Table, pool: Pool, wanted: Rows, options: Mining, *, sought: Bools | None = None
) -> Iterator[Iterator[Search]]:
    """Yield the searches of each quota: a record that stands in several takes from each, from the first first.

    A record that lacks fewer than the quotas are in all goes without the last ones. Records of a task with classes
    seek in their source, among the other classes; all others as the config says. A search is made when it is asked
    for: there may be thousands, each with most of the pool's entries.

    Args:
        records: rows in order of id, shape (n,).
        pool: their pool.
        wanted: hard negatives that each record lacks, int64, shape (n,).
        options: the config's `mining` section.
        sought: the records that are searched for, bool, shape (n,); by default those that lack some.
    """
    places = _Places(records, pool)
    sought = wanted > 0 if sought is None else sought
    needy = np.flatnonzero(sought & (pool.labels < 0))
    missing = wanted
    for quota in options.pools:
        limit = np.minimum(missing, quota.negatives or options.num_negatives)
        yield _searches(places.of_scope(needy, quota.scope), limit)
        missing = missing - limit
    labelled = np.flatnonzero(sought & (pool.labels >= 0))
    yield _searches(places.other_classes(labelled), wanted)


def paddings(records: pa.Table, pool: Pool, missing: Rows, options: Mining) -> Iterator[Search]:
    """Yield where random passages are drawn first: in the first quota's scope, or in the source if there are classes.

    Args:
        records: rows in order of id, shape (n,).
        pool: their pool.
        missing: passages that each record lacks, int64, shape (n,).
        options: the config's `mining` section.
    """
    places = _Places(records, pool)
    plain, labelled = (
        np.flatnonzero((missing > 0) & (pool.labels < 0)),
        np.flatnonzero((missing > 0) & (pool.labels >= 0)),
    )
    yield from _searches(places.of_scope(plain, options.pools[0].scope), missing)
    yield from _searches(places.of_scope(labelled, "source"), missing)


def _searches(found: Iterator[tuple[Rows, Rows]], wanted: Rows) -> Iterator[Search]:
    for rows, entries in found:
        yield Search(rows, entries, wanted[rows])


@dataclass(frozen=True, slots=True)
class _Places:
    records: pa.Table
    pool: Pool

    def of_scope(self, rows: Rows, scope: Scope) -> Iterator[tuple[Rows, Rows]]:
        every = np.arange(len(self.pool.texts), dtype=np.int64)
        if scope == "all":
            yield rows, every
            return
        seekers, owners = self._keys(scope)
        found = _by_key(owners)
        for key, members in _by_key(seekers[rows]).items():
            inside = np.zeros(len(every), dtype=bool)
            inside[self.pool.entries[found.get(key, every[:0])]] = True
            yield rows[members], np.flatnonzero(~inside if scope == "other_languages" else inside)

    def other_classes(self, rows: Rows) -> Iterator[tuple[Rows, Rows]]:
        sources, labels = self._codes("source"), self.pool.labels
        is_small = is_in_small_class(labels)
        of_source, of_class = _by_key(sources), _by_key(labels)
        for source, members in _by_key(sources[rows]).items():
            entries = np.unique(self.pool.entries[of_source[source]])
            yield rows[members][is_small[rows[members]]], entries
            large = rows[members][~is_small[rows[members]]]
            for label, same in _by_key(labels[large]).items():
                yield large[same], np.setdiff1d(entries, self.pool.entries[of_class[label]])

    def _keys(self, scope: Scope) -> tuple[Rows, Rows]:
        """Return the key that each record seeks by, and the key that its positive is found by."""
        if scope in ("positive_language", "other_languages"):
            keys = self._codes("positive_language")
            return keys, keys
        if scope == "query_language":
            both = pa.concat_arrays([column(self.records, "query_language"), column(self.records, "positive_language")])
            numbers = both.dictionary_encode().indices.to_numpy().astype(np.int64)
            return numbers[: self.records.num_rows], numbers[self.records.num_rows :]
        keys = self._codes("source")
        if scope == "source_language":
            languages = self._codes("positive_language")
            keys = keys * (int(languages.max(initial=0)) + 1) + languages
        return keys, keys

    def _codes(self, name: str) -> Rows:
        return np.asarray(column(self.records, name).dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _by_key(keys: Rows) -> dict[int, Rows]:
    """Return the positions of each distinct key, ascending."""
    return {int(keys[positions[0]]): positions for positions in groups_of(keys)}
