"""Writing the shards of a release: two views of the same rows in the same order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.files import atomic_path, sha256_file
from curation.hashing import content_id
from curation.release import layout

_ROW_GROUP_ROWS = 50_000
_COUNT_SCHEMA = pa.schema([pa.field("negatives", pa.int64())])
_FILE_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("schema", pa.string()),
    ]
)
# Columns of a record that a shard says otherwise: as texts, or by its name.
_REPLACED = ("query", "positive", "negatives", "split")


def count_negatives(records: pa.Table) -> pa.Table:
    """Return the least number of negatives that a record of this table has: one row, or none without records."""
    least = pc.min(pc.list_value_length(records["negatives"]))
    return pa.table([pa.array([least.as_py()] if records.num_rows else [], pa.int64())], schema=_COUNT_SCHEMA)


def merge_negatives(tallies: list[pa.Table]) -> pa.Table:
    """Return the least number of negatives over all tables, as `count_negatives` does."""
    counts = pa.concat_tables(tallies)["negatives"]
    return pa.table([pa.array([pc.min(counts).as_py() or 0], pa.int64())], schema=_COUNT_SCHEMA)


def write_shards(records: pa.Table, folder: Path, *, side: pa.Table, rows_per_shard: int) -> pa.Table:
    """Write the shards of some languages.

    Args:
        records: every record of each language that occurs, with a `split` column; any order.
        folder: where `data/` and `full/` go.
        side: the number of negatives of the release (see `merge_negatives`).
        rows_per_shard: greatest number of rows of a file.

    Returns:
        A row for each file: path, bytes, sha256, rows and schema digest.
    """
    negatives = side["negatives"][0].as_py()
    ordered = records.sort_by([(name, "ascending") for name in ("language", "split", "source", "id")])
    entries = [
        _write(folder / path, path, table)
        for language, split, rows in _groups(ordered)
        for view, whole in (("data", _data_view(rows, negatives)), ("full", _full_view(rows, negatives)))
        for path, table in _cut(view, language, split, whole, rows_per_shard)  # type: ignore[arg-type]
    ]
    return pa.Table.from_pylist(entries, schema=_FILE_SCHEMA)


def _groups(ordered: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    begins = np.zeros(ordered.num_rows, dtype=bool)
    begins[:1] = True
    for name in ("language", "split"):
        column = ordered[name].combine_chunks()
        begins[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(begins).tolist()
    for start, end in itertools.pairwise([*starts, ordered.num_rows]):
        rows = ordered.slice(start, end - start)
        yield rows["language"][0].as_py(), rows["split"][0].as_py(), rows


def _cut(
    view: layout.View, language: str, split: str, rows: pa.Table, rows_per_shard: int
) -> Iterator[tuple[str, pa.Table]]:
    count = -(-rows.num_rows // rows_per_shard)
    for index in range(count):
        path = layout.shard_path(view, language, split, index, count)
        yield path, rows.slice(index * rows_per_shard, rows_per_shard)


def _data_view(records: pa.Table, negatives: int) -> pa.Table:
    texts = [records["query"], records["positive"]]
    texts += [pc.list_element(records["negatives"], index).cast(pa.string()) for index in range(negatives)]
    return pa.table(texts, schema=layout.data_schema(negatives))


def _full_view(records: pa.Table, negatives: int) -> pa.Table:
    table = _data_view(records, negatives)
    for name in records.column_names:
        if name not in _REPLACED:
            table = table.append_column(records.schema.field(name), records[name])
    if "teacher" not in table.column_names:
        nobody = pa.repeat(pa.scalar(""), records.num_rows)
        table = table.append_column(pa.field("teacher", pa.string(), nullable=False), nobody)
    return table


def _write(file: Path, path: str, table: pa.Table) -> dict[str, Any]:
    with atomic_path(file) as temporary:
        pq.write_table(
            table.combine_chunks(),
            temporary,
            compression="zstd",
            row_group_size=_ROW_GROUP_ROWS,
            write_page_index=True,
            use_content_defined_chunking=True,
        )
    return {
        "path": path,
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "rows": table.num_rows,
        # As it can be read back: Parquet does not keep every detail of a nested type.
        "schema": schema_digest(pq.read_schema(file)),
    }


def schema_digest(schema: pa.Schema) -> str:
    """Return a digest of names, types and nullability, in order; 32 hexadecimal digits."""
    return content_id(*(f"{field.name}:{field.type}:{field.nullable}" for field in schema))
