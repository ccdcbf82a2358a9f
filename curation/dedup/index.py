"""The index of a release: what later data is compared with, some 145 bytes a record.

A Parquet file with a row for each record of the release, in the order of its shards, and as many for records that were
withdrawn; one that the release repeats has one row. A withdrawn record is known by its sketch alone: its texts are
gone.

Each shard's part is made where the shard is written, so that sketching is shared out like everything else; putting the
parts together is copying.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.model import Dedup
from curation.dedup.bands import SKETCH_SIZE, choose_bands
from curation.dedup.linking import band
from curation.errors import ConfigError, ReleaseError
from curation.files import atomic_path
from curation.release import Release, layout

FORMAT = "near-duplicate-index/1"
# Records that are sketched, written and later compared together: some 20 MB of index.
ROWS = 1 << 17
# `shard` of a record that stands in no shard.
WITHDRAWN = -1

_KEY_BYTES = 4
_TEXTS = ("anchor", "positive")
_COLUMNS = ("id", *_TEXTS, "query_language", "positive_language")
_AS_RECORD = {"anchor": "query"}
# Not in releases of old.
_COPY = "copy"


def compared(options: Dedup) -> Dedup:
    """Return how records are compared with those of a release: a known query with a new positive is a new record."""
    return options.model_copy(update={"by": "pair"}) if options.by == "query" else options


def index_schema(options: Dedup) -> pa.Schema:
    """Return the schema of an index.

    Its metadata say how the sketches were made; `buckets` are the upper halves of the records' buckets, 4 bytes a band.
    """
    bands = choose_bands(options.threshold)
    metadata = {"format": FORMAT, "by": compared(options).by, "bands": f"{bands.count} x {bands.rows}"}
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("fingerprint", pa.uint64(), nullable=False),
        pa.field("sketch", pa.binary(SKETCH_SIZE), nullable=False),
        pa.field("buckets", pa.binary(_KEY_BYTES * bands.count), nullable=False),
    ]
    return pa.schema(fields, metadata=metadata)


def write_parts(folder: Path, shards: Sequence[str], options: Dedup) -> None:
    """Write the parts of an index that speak of some shards, beside them; holds one batch of `ROWS` records in memory.

    Args:
        folder: where the shards lie under their paths; a part lies under `layout.index_part` of its shard's.
        shards: paths of `full` shards.
        options: the config's `dedup` section.
    """
    for shard in shards:
        _write(folder / layout.index_part(shard), _indexed(folder / shard, 0, options), options)


def write_index(path: Path, folder: Path, shards: Sequence[str], options: Dedup, withdrawn: pa.Table) -> None:
    """Write the index of a release that is being assembled; holds one batch of `ROWS` records in memory.

    Args:
        path: the file.
        folder: where `write_parts` has written the parts.
        shards: paths of the release's `full` shards, in order.
        options: the config's `dedup` section.
        withdrawn: rows of an index, which are carried on.
    """
    parts = (rows for number, shard in enumerate(shards) for rows in _part(folder / layout.index_part(shard), number))
    gone = [withdrawn.cast(index_schema(options))] if withdrawn.num_rows else []
    _write(path, itertools.chain(parts, gone), options)


def _write(path: Path, tables: Iterable[pa.Table], options: Dedup) -> None:
    schema = index_schema(options)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for rows in tables:
            writer.write_table(rows, row_group_size=ROWS)


def _part(path: Path, number: int) -> Iterator[pa.Table]:
    """Yield the rows of a part, as those of the shard with this number."""
    part = pq.ParquetFile(path)
    place = part.schema_arrow.get_field_index("shard")
    for group in range(part.num_row_groups):
        rows = part.read_row_group(group, use_threads=False)
        numbers = pa.array(np.full(rows.num_rows, number, dtype=np.int32))
        yield rows.set_column(place, part.schema_arrow.field(place), numbers)


def read_index(release: Release, options: Dedup) -> Iterator[pa.Table]:
    """Yield the index of a release in batches of at most `ROWS` records.

    Where it was made with other bands, or is not there, it is made again from the release's texts.

    Raises:
        ConfigError: if it would have to be made again, but holds withdrawn records, whose texts are gone.
        ReleaseError: if the release cannot be read.
    """
    schema = index_schema(options)
    file = _open(release)
    if file is not None and file.schema_arrow.equals(schema) and _made_alike(file.schema_arrow, schema):
        for number in range(file.num_row_groups):
            yield _checked(file.read_row_group(number), release)
        return
    if file is not None and has_withdrawn(release):
        found = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
        why = f"it knows withdrawn records by sketches of other settings: {found}"
        hint = "set dedup.by and dedup.threshold as they were for that release"
        raise ConfigError("A release cannot be compared with", where=str(release.path), why=why, hint=hint)
    for number, shard in enumerate(release.full_shards):
        yield from _indexed(release.path / shard, number, options)


def _checked(rows: pa.Table, release: Release) -> pa.Table:
    """Return rows of an index if they name shards of the release, and rows that could be there."""
    shards, places = pc.min_max(rows["shard"]).as_py(), pc.min_max(rows["row"]).as_py()
    count = len(release.full_shards)
    if rows.num_rows and not (WITHDRAWN <= shards["min"] <= shards["max"] < count and places["min"] >= WITHDRAWN):
        why = f"it names shards {shards['min']} to {shards['max']} of {count}, and rows from {places['min']}"
        raise _unreadable(release, layout.INDEX, ValueError(why))
    return rows


def has_withdrawn(release: Release) -> bool:
    """Say whether the index of a release holds withdrawn records."""
    file = _open(release)
    if file is None or "shard" not in file.schema_arrow.names:
        return False
    groups = range(file.num_row_groups)
    return any(pc.min(file.read_row_group(n, columns=["shard"])["shard"]).as_py() == WITHDRAWN for n in groups)


def known_ids(release: Release) -> Iterator[pa.Array]:
    """Yield the ids of a release's records, and of those that were withdrawn before it.

    Raises:
        ReleaseError: if the release cannot be read.
    """
    file = _open(release)
    paths = release.full_shards if file is None else [layout.INDEX]
    for path in paths:
        try:
            yield from (
                batch.column("id") for batch in pq.ParquetFile(release.path / path).iter_batches(columns=["id"])
            )
        except (OSError, pa.ArrowInvalid) as error:
            raise _unreadable(release, path, error) from error


def _open(release: Release) -> pq.ParquetFile | None:
    try:
        return pq.ParquetFile(release.path / layout.INDEX)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowInvalid) as error:
        raise _unreadable(release, layout.INDEX, error) from error


def read_withdrawn(release: Release, ids: Mapping[str, str], options: Dedup) -> pa.Table:
    """Return the index rows of a release's withdrawn records.

    Args:
        release: an earlier release.
        ids: the ids that are withdrawn now, and where that is said.
        options: the config's `dedup` section.
    """
    wanted = pa.array(list(ids), pa.string())
    parts = [index_schema(options).empty_table()]
    for rows in read_index(release, options):
        gone = pc.or_(pc.is_in(rows.column("id"), wanted), pc.equal(rows.column("shard"), WITHDRAWN))
        found = rows.filter(gone)
        for name, kind in (("shard", pa.int32()), ("row", pa.int64())):
            values = pa.repeat(pa.scalar(WITHDRAWN, kind), found.num_rows)
            found = found.set_column(found.schema.get_field_index(name), found.schema.field(name), values)
        parts.append(found.cast(parts[0].schema))
    return pa.concat_tables(parts)


def shard_texts(release: Release, shard: str, rows: np.ndarray) -> pa.Table:
    """Return the texts of some rows of a shard, `query` and `positive`; a row group is in memory at a time.

    Args:
        release: the release.
        shard: path of a `full` shard.
        rows: int64 (m,), rising.

    Raises:
        ReleaseError: if the shard cannot be read or has no such row.
    """
    parts, first = [], 0
    try:
        file = pq.ParquetFile(release.path / shard)
        for number in range(file.num_row_groups):
            count = file.metadata.row_group(number).num_rows
            inside = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + count)] - first
            if len(inside):
                parts.append(file.read_row_group(number, columns=list(_TEXTS)).take(pa.array(inside)))
            first += count
    except (OSError, pa.ArrowInvalid) as error:
        raise _unreadable(release, shard, error) from error
    if len(rows) and rows[-1] >= first:
        raise _unreadable(release, shard, ValueError(f"the index names row {rows[-1]}, but there are {first}"))
    return pa.concat_tables(parts).rename_columns(["query", "positive"])


def _indexed(shard: Path, number: int, options: Dedup) -> Iterator[pa.Table]:
    first, file = 0, pq.ParquetFile(shard)
    present = [name for name in (*_COLUMNS, _COPY) if name in file.schema_arrow.names]
    for batch in file.iter_batches(ROWS, columns=present):
        rows = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        records = pa.table(batch).rename_columns([_AS_RECORD.get(name, name) for name in batch.schema.names])
        if _COPY in present:
            is_first = pc.equal(records[_COPY], 0)
            records, rows = records.filter(is_first), rows[is_first.to_numpy()]
        if not len(rows):
            continue
        banded = band(records, compared(options))
        count = records.num_rows
        keys = np.ascontiguousarray((banded.buckets >> np.uint64(32)).astype(np.uint32).T)
        columns = {
            "id": records.column("id"),
            "shard": np.full(count, number, dtype=np.int32),
            "row": rows,
            "fingerprint": banded.sketches.fingerprints,
            "sketch": _binary(banded.sketches.values),
            "buckets": _binary(keys.view(np.uint8).reshape(count, -1)),
        }
        yield pa.table(columns, schema=index_schema(options))


def _binary(rows: np.ndarray) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, data])


def _made_alike(found: pa.Schema, wanted: pa.Schema) -> bool:
    metadata = found.metadata or {}
    return all(metadata.get(key) == value for key, value in (wanted.metadata or {}).items())


def _unreadable(release: Release, file: str, error: Exception) -> ReleaseError:
    hint = f"curate verify {release.path}"
    return ReleaseError("A release cannot be compared with", where=str(release.path / file), why=str(error), hint=hint)
