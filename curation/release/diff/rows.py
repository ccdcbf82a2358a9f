"""Which records two releases share, which only one of them has, and which columns differ.

Language by language: of a row there are in memory its key, 24 bytes, and the digest of its value in the one column that
is looked at, 8 bytes, in each of the two releases; looking keys up takes a multiple of that for a moment. Shards with
the same digest on both sides are not read. What is remembered from one language to the next is only what the other
release does not have in that language, some 60 bytes a row: such rows may turn up in another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.release import layout
from curation.release.diff.columns import UInt64s, digests, fixed, id_bytes, ids_of, numbered, places, renumbered
from curation.release.reader import Release, ReleaseFile

_BATCH_ROWS = 65_536
_IN_KEY = ("id", "copy")
_TRAINED_ON = ("anchor", "positive", "negatives", "split", "language")
_NEGATIVE = re.compile(r"negative_\d+")
_Int64s = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that only one of two releases has.

    Attributes:
        keys: fixed-size binary (n,), see `curation.release.diff.columns.numbered`.
        languages: number of each row's language in the list of languages, int64 (n,).
        sources: number of each row's source in the list of sources, int64 (n,).
        splits: number of each row's split in `layout.SPLITS`, int64 (n,).
        places: number of each row among those of its language, int64 (n,).
        repeats: whether the other release has the record as well, bool (n,): only this copy of it is not there.
    """

    keys: pa.Array
    languages: _Int64s
    sources: _Int64s
    splits: _Int64s
    places: _Int64s
    repeats: _Bools

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: _Int64s) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.keys.take(pa.array(rows)),
            self.languages[rows],
            self.sources[rows],
            self.splits[rows],
            self.places[rows],
            self.repeats[rows],
        )

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        """Return the rows of all parts, numbered as those of one table."""
        if not parts:
            nothing = np.empty(0, dtype=np.int64)
            return Rows(pa.array([], pa.binary(24)), nothing, nothing, nothing, nothing, nothing.astype(bool))
        keys = renumbered(pa.concat_arrays([part.keys for part in parts]))
        names = ("languages", "sources", "splits", "places", "repeats")
        return Rows(keys, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def compared(self, others: Rows) -> Rows:
        """Return the rows, those as repeats whose ids are among the others."""
        known = places(fixed(ids_of(self.keys)), fixed(ids_of(others.keys))) >= 0
        return replace(self, repeats=self.repeats | known)


@dataclass(slots=True)
class RowDiff:
    """How the records of two releases differ.

    Attributes:
        languages: codes of the languages, by number.
        sources: names of the sources, by number.
        added: rows that only the later release has.
        removed: rows that only the earlier one has.
        shared: rows that both have, changed or not.
        changed: rows that both have with other values, by the later release's (language, source).
        columns: the same by (language, source, column); a row counts for each of its columns. `negative_1` and so on
            are `negatives`; `split` and `language` are those of the shard.
        moves: rows by ("split" or "language", where they were, where they are).
        retrained: changed rows that differ in what is trained on: a text, the split or the language.
    """

    languages: list[str]
    sources: list[str]
    added: Rows
    removed: Rows
    shared: int = 0
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    columns: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    retrained: int = 0


def compare_rows(earlier: Release, later: Release) -> RowDiff:
    """Compare the records of two releases by id, over all languages and splits.

    Raises:
        ReleaseError: if a release has no `full` view, or a shard cannot be read.
    """
    for release in (earlier, later):
        _need_full(release)
    languages = sorted({*earlier.languages, *later.languages})
    numbers: dict[str, int] = {}
    nothing = Rows.join(())
    diff = RowDiff(languages, [], nothing, nothing)
    gone, come = [], []
    for number, language in enumerate(languages):
        shards = _shards(earlier, language), _shards(later, language)
        if _same(*shards):
            diff.shared += sum(shard.rows or 0 for shard in shards[0])
            continue
        one, other = (
            _Language(release, files, number, numbers) for release, files in zip((earlier, later), shards, strict=True)
        )
        there = places(one.rows.keys, other.rows.keys)
        gone.append(one.rows.take(np.flatnonzero(there < 0)).compared(other.rows))
        come.append(other.rows.take(_others(there, len(other.rows))).compared(one.rows))
        here = np.flatnonzero(there >= 0)
        _compare(diff, numbers, _Pairs.of(one, here), _Pairs.of(other, there[here]))
    removed, added = Rows.join(gone), Rows.join(come)
    there = places(removed.keys, added.keys)
    here = np.flatnonzero(there >= 0)
    moved = removed.take(here), added.take(there[here])
    sides = [_Pairs.gather(r, rows, languages) for r, rows in zip((earlier, later), moved, strict=True) if len(rows)]
    if sides:
        _compare(diff, numbers, *sides)
    diff.removed = removed.take(np.flatnonzero(there < 0)).compared(moved[1])
    diff.added = added.take(_others(there, len(added))).compared(moved[0])
    diff.sources = list(numbers)
    return diff


def _others(found: _Int64s, count: int) -> _Int64s:
    """Return which of `count` rows are not among the found ones (-1: nothing was found)."""
    others = np.ones(count, dtype=bool)
    others[found[found >= 0]] = False
    return np.flatnonzero(others)


def _need_full(release: Release) -> None:
    if not any((shard := layout.parse_shard(file.path)) and shard[0] == "full" for file in release.files):
        why = "without the view `full` its records have no ids"
        raise ReleaseError("The release cannot be compared", where=str(release.path), why=why)


def _shards(release: Release, language: str) -> list[ReleaseFile]:
    return [file for split in layout.SPLITS for file in release.shards("full", split=split, language=language)]


def _same(one: Sequence[ReleaseFile], other: Sequence[ReleaseFile]) -> bool:
    """Say whether the rows of a language are the same by the digests of their files."""
    return [(_split(f), f.sha256) for f in one] == [(_split(f), f.sha256) for f in other]


def _split(file: ReleaseFile) -> int:
    shard = layout.parse_shard(file.path)
    assert shard is not None
    return layout.SPLITS.index(shard[2])


class _Language:
    """The rows of one language of a release, column by column."""

    def __init__(self, release: Release, shards: Sequence[ReleaseFile], number: int, sources: dict[str, int]) -> None:
        self._release = release
        self._shards = shards
        self._files = [self._open(shard) for shard in shards]
        counts = [file.metadata.num_rows for file in self._files]
        total = sum(counts)
        ids = self._gather("id", id_bytes, np.empty((0, 16), np.uint8))
        copies = np.zeros(total, dtype=np.int32)
        if "copy" in self.columns:
            copies = self._gather("copy", lambda column: column.cast(pa.int32()).to_numpy(zero_copy_only=False), copies)
        self.rows = Rows(
            numbered(ids, copies),
            np.full(total, number, dtype=np.int64),
            self._gather("source", lambda column: _numbers_of(column, sources), np.empty(0, np.int64)),
            np.repeat(np.array([_split(shard) for shard in shards], dtype=np.int64), counts),
            np.arange(total, dtype=np.int64),
            np.zeros(total, dtype=bool),
        )

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """The columns that all files have, with types."""
        schemas = [file.schema_arrow for file in self._files]
        fields = [dict(zip(schema.names, schema.types, strict=True)) for schema in schemas]
        return dict(set(fields[0].items()).intersection(*(each.items() for each in fields[1:]))) if fields else {}

    def digests(self, name: str) -> UInt64s:
        """Return the digests of a column, shape (n,)."""
        values: UInt64s = self._gather(name, digests, np.empty(0, np.uint64))
        return values

    def _gather(self, name: str, convert: Any, nothing: Any) -> Any:
        parts = [convert(column) for column in self._read(name)]
        return np.concatenate(parts) if parts else nothing

    def _read(self, name: str) -> Iterator[pa.Array]:
        for shard, file in zip(self._shards, self._files, strict=True):
            try:
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[name]):
                    yield batch.column(0)
            except (OSError, IndexError, pa.ArrowException) as error:
                raise self._unreadable(shard, f"column {name}: {error}") from error

    def _open(self, shard: ReleaseFile) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._release.path / shard.path)
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(shard, str(error)) from error

    def _unreadable(self, shard: ReleaseFile, why: str) -> ReleaseError:
        where = str(self._release.path / shard.path)
        hint = f"curate verify {self._release.path}"
        return ReleaseError("A shard of the release cannot be read", where=where, why=why, hint=hint)


def _numbers_of(column: pa.Array, numbers: dict[str, int]) -> _Int64s:
    encoded = column.fill_null("").dictionary_encode()
    known = [numbers.setdefault(name, len(numbers)) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(known, dtype=np.int64)[encoded.indices.to_numpy()])


@dataclass(frozen=True, slots=True)
class _Pairs:
    """One side of rows that two releases share, in the same order on both sides.

    Attributes:
        rows: the rows.
        columns: names and types of the columns that can be compared.
        values: gives the digests of a column for these rows.
    """

    rows: Rows
    columns: Mapping[str, pa.DataType]
    values: Any

    @staticmethod
    def of(language: _Language, at: _Int64s) -> _Pairs:
        return _Pairs(language.rows.take(at), language.columns, lambda name: language.digests(name)[at])

    @staticmethod
    def gather(release: Release, rows: Rows, languages: Sequence[str]) -> _Pairs:
        """Read rows of several languages, each language once."""
        columns: dict[str, pa.DataType] | None = None
        found: dict[str, UInt64s] = {}
        for number in np.unique(rows.languages).tolist():
            language = _Language(release, _shards(release, languages[number]), number, {})
            own = language.columns
            columns = own if columns is None else dict(set(columns.items()) & set(own.items()))
            mine = np.flatnonzero(rows.languages == number)
            for name in own:
                values = found.setdefault(name, np.zeros(len(rows), dtype=np.uint64))
                values[mine] = language.digests(name)[rows.places[mine]]
        return _Pairs(rows, columns or {}, found.__getitem__)


def _compare(diff: RowDiff, sources: Mapping[str, int], one: _Pairs, other: _Pairs) -> None:
    """Count the rows that two releases share, and what differs in them."""
    count = len(one.rows)
    if not count:
        return
    diff.shared += count
    names = list(sources)
    cells = other.rows.languages * max(len(names), 1) + other.rows.sources
    any_column, trained_on = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)

    def counted(different: _Bools) -> Iterator[tuple[str, str, int]]:
        numbers, rows = np.unique(cells[different], return_counts=True)
        for number, each in zip(numbers.tolist(), rows.tolist(), strict=True):
            yield diff.languages[number // len(names)], names[number % len(names)], each

    for column, different in _differences(one, other):
        any_column |= different
        if column in _TRAINED_ON:
            trained_on |= different
        for language, source, rows in counted(different):
            diff.columns[language, source, column] += rows
    for language, source, rows in counted(any_column):
        diff.changed[language, source] += rows
    diff.retrained += int(trained_on.sum())
    _count_moves(diff, "split", layout.SPLITS, one.rows.splits, other.rows.splits)
    _count_moves(diff, "language", diff.languages, one.rows.languages, other.rows.languages)


def _differences(one: _Pairs, other: _Pairs) -> Iterator[tuple[str, _Bools]]:
    """Yield each group of columns, and which rows differ in it."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(one.columns.items()) & set(other.columns.items()), key=lambda item: item[0]):
        if name[0] not in (*_IN_KEY, "language"):
            groups.setdefault("negatives" if _NEGATIVE.fullmatch(name[0]) else name[0], []).append(name[0])
    for group, columns in groups.items():
        different = np.zeros(len(one.rows), dtype=bool)
        for column in columns:
            different |= one.values(column) != other.values(column)
        yield group, different
    yield "split", one.rows.splits != other.rows.splits
    yield "language", one.rows.languages != other.rows.languages


def _count_moves(diff: RowDiff, what: str, names: Sequence[str], one: _Int64s, other: _Int64s) -> None:
    moved = one != other
    pairs, rows = np.unique(np.stack([one[moved], other[moved]]), axis=1, return_counts=True)
    for (before, after), each in zip(pairs.T.tolist(), rows.tolist(), strict=True):
        diff.moves[what, names[before], names[after]] += each
