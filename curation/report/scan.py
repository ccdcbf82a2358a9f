"""Reading the `full` view of a release a batch at a time: distributions, and single rows by their ids."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.release import Release, layout

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

_BATCH_ROWS = 16_384
# Half octaves up to 2^15 characters: what differs by less than 1.4 looks the same in a picture.
_LENGTHS = sorted({round(2 ** (half / 2)) for half in range(31)})
_SCORES = [round(-1 + step * 0.05, 2) for step in range(41)]
_PROBABILITIES = [round(step * 0.05, 2) for step in range(21)]

EDGES: Mapping[str, Sequence[float]] = {
    "length": _LENGTHS,
    "lid_score": _PROBABILITIES,
    "positive_score": _SCORES,
    "negative_score": _SCORES,
    "gap": _SCORES,
}
"""Lower edge of each bin of a measure, and the upper edge of the last; what lies outside counts in the nearest bin."""
# No finer than the bins.
_DIGITS = {"length": 0, "lid_score": 2, "positive_score": 2, "negative_score": 2, "gap": 2}
_COLUMNS = (
    "source",
    "anchor",
    "positive",
    "positive_language",
    "query_lid_score",
    "positive_lid_score",
    "positive_score",
    "negative_scores",
)


@dataclass(frozen=True, slots=True)
class Tally:
    """The distribution of one measure.

    Attributes:
        counts: values in each bin of `EDGES`.
        least: the smallest value, infinity without values.
        greatest: the greatest value, minus infinity without values.
    """

    counts: Counts
    least: float = math.inf
    greatest: float = -math.inf

    @classmethod
    def of(cls, values: Values, measure: str) -> Tally:
        """Return the distribution of some finite values."""
        edges = np.asarray(EDGES[measure])
        places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        counts = np.bincount(places, minlength=len(edges) - 1).astype(np.int64)
        return cls(counts, float(values.min(initial=math.inf)), float(values.max(initial=-math.inf)))

    def __add__(self, other: Tally) -> Tally:
        least, greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        return Tally(self.counts + other.counts, least, greatest)

    def quantile(self, share: float, measure: str) -> float | None:
        """Return a quantile, linear within the part of its bin that holds values; None without values."""
        below = np.concatenate([[0], np.cumsum(self.counts)])
        if not below[-1]:
            return None
        edges = np.clip(np.asarray(EDGES[measure], float), self.least, self.greatest)
        edges[[0, -1]] = self.least, self.greatest
        return round(float(np.interp(share * below[-1], below, edges)), _DIGITS[measure])


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over the `full` view counted.

    Attributes:
        tallies: the distribution of each measure in each language; a measure that the release does not hold is missing.
        sources: rows of each source.
    """

    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)


def scan_release(release: Release) -> Scan:
    """Count lengths, scores and sources over every row of a release; memory does not grow with it.

    Raises:
        ReleaseError: if a shard cannot be read.
    """
    scan = Scan()
    for split in release.splits:
        for language, batch in batches_of(release, split, _COLUMNS):
            _count(scan, language, batch)
    return scan


def batches_of(release: Release, split: str, columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of a split in batches, with their language and those of the columns that its shards have.

    Raises:
        ReleaseError: if a shard cannot be read.
    """
    for file in release.shards("full", split=split):
        shard = layout.parse_shard(file.path)
        assert shard is not None
        for batch in _batches(release.path / file.path, columns):
            yield shard[1], batch


def total(tallies: Iterable[Tally], measure: str) -> Tally:
    """Return the sum of the languages' distributions."""
    return sum(tallies, Tally.of(np.empty(0), measure))


def smallest_ids(release: Release, language: str, count: int, *, split: str) -> list[str]:
    """Return the smallest ids of a language and split, sorted, each once. Ids are hashes, so it is a fair sample."""
    best: list[str] = []
    for file in release.shards("full", split=split, language=language):
        for batch in _batches(release.path / file.path, ["id"]):
            best = sorted({*best, *batch["id"].to_pylist()})[:count]
    return best


def rows_by_id(
    release: Release, language: str, ids: Sequence[str], *, split: str, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of `full` with these ids, sorted by id; of other row groups, nothing but the ids is read.

    A row that stands in the release several times is returned once.

    Args:
        release: the release.
        language: language of the shards.
        ids: ids of records; those that are not there are passed over.
        split: split of the shards.
        columns: columns to read, all by default.
    """
    wanted = pa.array(ids, pa.string())
    rows: dict[str, dict[str, Any]] = {}
    for file in release.shards("full", split=split, language=language):
        for found, row in _guarded(release.path / file.path, partial(_find_rows, wanted=wanted, columns=columns)):
            rows.setdefault(found, row)
    return [row for _, row in sorted(rows.items())]


def _find_rows(path: Path, *, wanted: pa.Array, columns: Sequence[str] | None) -> list[tuple[str, dict[str, Any]]]:
    shard = pq.ParquetFile(path)
    found: list[tuple[str, dict[str, Any]]] = []
    for group in range(shard.num_row_groups):
        ids = shard.read_row_group(group, columns=["id"], use_threads=False)["id"]
        places = pc.indices_nonzero(pc.is_in(ids, wanted))
        if len(places):
            rows = shard.read_row_group(group, columns=columns, use_threads=False).take(places)
            found += zip(ids.take(places).to_pylist(), rows.to_pylist(), strict=True)
    return found


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows of a shard in batches, with those of the columns that it has."""
    shard = _guarded(path, pq.ParquetFile)
    present = [name for name in columns if name in shard.schema_arrow.names]
    reader = shard.iter_batches(batch_size=_BATCH_ROWS, columns=present)
    while (batch := _guarded(path, lambda _: next(reader, None))) is not None:
        yield pa.Table.from_batches([batch])


def _guarded(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except (OSError, pa.ArrowException) as error:
        what, hint = "A shard of the release cannot be read", "curate verify RELEASE names every damaged file"
        raise ReleaseError(what, where=str(path), why=str(error), hint=hint) from error


def _count(scan: Scan, language: str, batch: pa.Table) -> None:
    scan.sources.update(dict(_value_counts(batch, "source")))
    for measure, values in _measures(batch, language).items():
        languages = scan.tallies.setdefault(measure, {})
        tally = Tally.of(values, measure)
        languages[language] = languages[language] + tally if language in languages else tally


def _value_counts(batch: pa.Table, name: str) -> list[tuple[str, int]]:
    if name not in batch.column_names:
        return []
    return [(item["values"], item["counts"]) for item in pc.value_counts(batch[name]).to_pylist()]


def _measures(batch: pa.Table, language: str) -> dict[str, Values]:
    """Return the values of each measure in the rows, without nulls; lengths and languages of the counted side."""
    names = set(batch.column_names)
    by_positive = _counts_by_positive(batch, language)
    measures = {"length": pc.utf8_length(pc.if_else(by_positive, batch["positive"], batch["anchor"]))}
    if {"query_lid_score", "positive_lid_score"} <= names:
        measures["lid_score"] = pc.if_else(by_positive, batch["positive_lid_score"], batch["query_lid_score"])
    if "positive_score" in names:
        measures["positive_score"] = batch["positive_score"]
    if "negative_scores" in names:
        measures["negative_score"] = pc.list_flatten(batch["negative_scores"])
    if {"positive_score", "negative_scores"} <= names:
        measures["gap"] = _gaps(batch)
    return {measure: _finite(values) for measure, values in measures.items()}


def _gaps(batch: pa.Table) -> pa.ChunkedArray:
    """Return by how much the positive of each record scores more than its hardest negative."""
    lists = batch["negative_scores"].combine_chunks()
    scores = pc.list_flatten(lists).cast(pa.float64()).fill_null(-math.inf).to_numpy(zero_copy_only=False)
    hardest = np.full(batch.num_rows, -math.inf)
    np.maximum.at(hardest, pc.list_parent_indices(lists).to_numpy(), scores)
    positives = batch["positive_score"].cast(pa.float64()).fill_null(math.nan).to_numpy()
    return pa.chunked_array([pa.array(positives - hardest)])


def _counts_by_positive(batch: pa.Table, language: str) -> pa.ChunkedArray:
    """Return whether each record counts for its positive's language (see `curation.records.counted_language`)."""
    if "positive_language" not in batch.column_names:
        return pa.chunked_array([pa.repeat(pa.scalar(True), batch.num_rows)])
    return pc.equal(batch["positive_language"], language)


def _finite(values: pa.ChunkedArray) -> Values:
    numbers: Values = values.drop_null().cast(pa.float64()).to_numpy()
    return numbers[np.isfinite(numbers)]
