"""Is each file what the release says it is? These checks come first: what they find would break the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from curation.gate.verdict import Check, compare
from curation.release import Release, ReleaseFile, layout
from curation.release.verify import verify_release

_VIEWS: tuple[layout.View, ...] = ("data", "full")
_SHOWN = 5
_TEXT = re.compile(r"anchor|positive|negative_[0-9]+")


@dataclass(frozen=True, slots=True)
class Shard:
    """What is in the file of a shard.

    Attributes:
        file: as the manifest lists it.
        view: which view it belongs to.
        schema: its columns, None for one that cannot be read to its end.
        rows: how many rows it has.
        has_nulls: whether a text is null, by the columns' statistics or by what is in them.
    """

    file: ReleaseFile
    view: layout.View
    schema: pa.Schema | None
    rows: int = 0
    has_nulls: bool = False


def read_shards(release: Release) -> list[Shard]:
    """Read every shard to its end, whatever the manifest says of its bytes."""
    views = ((view, file) for view in _VIEWS for split in release.splits for file in release.shards(view, split=split))
    return [_read(release, view, file) for view, file in views]


def check_integrity(release: Release) -> Check:
    """Every file is there with the digest of the manifest, and no other."""
    findings = [finding for finding in verify_release(release.path)[1] if finding.path != layout.VERDICT]
    detail = "; ".join(f"{finding.path}: {finding.problem}" for finding in findings[:_SHOWN])
    return compare("data.integrity", "data", "files not as in the manifest", len(findings), "==", 0, detail=detail)


def check_loads(shards: Sequence[Shard]) -> Check:
    """Every shard can be read to its end."""
    wrong = [shard.file.path for shard in shards if shard.schema is None]
    return _none("data.loads", "shards that cannot be read", wrong)


def check_schema(shards: Sequence[Shard]) -> Check:
    """Every training file holds anchor, positive, negative_1..n as strings that cannot be null, and nothing else.

    The files with provenance begin with the same columns.
    """
    data, full = ([shard for shard in _readable(shards) if shard.view == view] for view in _VIEWS)
    expected = layout.data_schema(max(0, min((len(schema) for _, schema in map(_named, data)), default=2) - 2))
    wrong = [path for path, schema in map(_named, data) if not schema.equals(expected)]
    wrong += [path for path, schema in map(_named, full) if list(schema)[: len(expected)] != list(expected)]
    return _none("data.schema", "shards of another schema", wrong)


def check_nulls(shards: Sequence[Shard]) -> Check:
    """No text is null: neither by what the columns' statistics say nor by what is in them."""
    wrong = [shard.file.path for shard in shards if shard.has_nulls]
    return _none("data.nulls", "shards with texts that are null", wrong)


def check_counts(release: Release, shards: Sequence[Shard]) -> Check:
    """Each language has as many rows in each split, in both views, as the run that made the release says it wrote."""
    said = {
        (language, split): int(counts[split])
        for language, counts in release.stats["languages"].items()
        for split in layout.SPLITS
        if counts.get(split, 0)
    }
    found = [_count(shards, view) for view in _VIEWS]
    wrong = []
    for cell in sorted(said.keys() | found[0].keys() | found[1].keys()):
        rows = {counts.get(cell, 0) for counts in found}
        if rows != {said.get(cell, 0)}:
            wrong.append(f"{cell[1]} of {cell[0]}: {said.get(cell, 0):,} written, {min(rows):,} found")
    return _none("data.counts", "splits of a language with other rows than were written", wrong)


def _none(check: str, metric: str, wrong: list[str]) -> Check:
    """Return the check that nothing is wrong, with the first few that are."""
    return compare(check, "data", metric, len(wrong), "==", 0, detail="; ".join(wrong[:_SHOWN]))


def _readable(shards: Sequence[Shard]) -> list[Shard]:
    return [shard for shard in shards if shard.schema is not None]


def _named(shard: Shard) -> tuple[str, pa.Schema]:
    return shard.file.path, shard.schema


def _count(shards: Sequence[Shard], view: layout.View) -> dict[tuple[str, str], int]:
    """Return the rows of each (language, split) of a view."""
    counts: dict[tuple[str, str], int] = {}
    for shard in shards:
        parsed = layout.parse_shard(shard.file.path)
        if shard.view == view and parsed is not None:
            counts[parsed[1:]] = counts.get(parsed[1:], 0) + shard.rows
    return counts


def _read(release: Release, view: layout.View, file: ReleaseFile) -> Shard:
    try:
        shard = pq.ParquetFile(release.path / file.path)
        has_nulls = _says_nulls(shard)
        for batch in shard.iter_batches():
            has_nulls |= any(batch.column(name).null_count > 0 for name in _texts(batch.schema))
    except (OSError, pa.ArrowException):
        return Shard(file, view, None)
    return Shard(file, view, shard.schema_arrow, shard.metadata.num_rows, has_nulls)


def _texts(schema: pa.Schema) -> list[str]:
    """Return the columns that people train on; `negative_ids` and its like say where they come from."""
    return [name for name in schema.names if _TEXT.fullmatch(name)]


def _says_nulls(shard: pq.ParquetFile) -> bool:
    texts = set(_texts(shard.schema_arrow))
    places = [place for place in range(len(shard.schema)) if shard.schema.column(place).path in texts]
    groups = (shard.metadata.row_group(number) for number in range(shard.metadata.num_row_groups))
    said = (group.column(place).statistics for group in groups for place in places)
    return any(statistics is not None and bool(statistics.null_count) for statistics in said)
