"""Writing the shards of a release: two views of the same rows in the same order. docs/shards.md says why so."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.files import atomic_path, sha256_file
from curation.hashing import content_id
from curation.release import layout
from curation.release.cutting import File
from curation.release.order import COPIES, Int64s, Rows
from curation.release.row_groups import begins_group, cut_groups, text_bytes

# Which of the times that a record stands in the release a row is, from 0.
COPY_FIELD = pa.field("copy", pa.int32(), nullable=False)

_TEACHER_FIELD = pa.field("teacher", pa.string(), nullable=False)
FILE_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("schema", pa.string()),
    ]
)
# Columns of a record that a shard says otherwise: as texts, by its name, as `copy`. And the rank in the quota, which
# says nothing of the record: one new record moves the ranks of half a language, and with them bytes all over the file.
_NOT_WRITTEN = frozenset({"query", "positive", "negatives", "split", COPIES, "quota_rank"})
# Of texts and hashes, hardly any is there twice: a dictionary would stand beside them for nothing, and the least and
# greatest of a page are long and find nothing.
_HASHES = frozenset({"id", "group"})
_SOUGHT = ("source", "file", "row", COPY_FIELD.name)


def released_negatives(shards: pa.Table, folder: Path) -> int:
    """Return how many negatives each row of a release has, from the footer of one shard; 0 where there are no shards.

    Args:
        shards: paths of the shards.
        folder: where they lie.
    """
    paths = [path for path in shards["path"].to_pylist() if (shard := layout.parse_shard(path)) and shard[0] == "data"]
    return len(pq.read_schema(folder / min(paths))) - len(layout.data_schema(0)) if paths else 0


def write_shards(records: pa.Table, cut: Iterable[tuple[File, Rows]], folder: Path, *, negatives: int) -> pa.Table:
    """Write some shards in both views. Beside the records, a row group of each view is in memory.

    Args:
        records: at least the records of these shards, with a `split` column; any order.
        cut: the shards and which rows are in each, as `curation.release.cutting` gives them.
        folder: where `data/` and `full/` go.
        negatives: number of negatives of the release.

    Returns:
        A row for each file: path, bytes, sha256, rows and schema digest.
    """
    source = _Source.of(records, negatives)
    entries: list[dict[str, Any]] = []
    schemas: dict[layout.View, str] = {}
    for file, rows in cut:
        place = (file.language, file.split, file.index, file.count)
        paths = {view: layout.shard_path(view, *place) for view in source.schemas}
        _write(source, rows, {view: folder / path for view, path in paths.items()})
        # As it can be read back: Parquet does not keep every detail of a nested type.
        schemas = schemas or {view: schema_digest(pq.read_schema(folder / path)) for view, path in paths.items()}
        entries += [_entry(folder, path, len(rows), schemas[view]) for view, path in paths.items()]
    return pa.Table.from_pylist(entries, schema=FILE_SCHEMA)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some of the records, whose texts are below 2 GiB.

    Attributes:
        columns: all columns but the negatives, shape (n,).
        negatives: the negatives of all records, one after the other.
        firsts: int64 (n,), where those of each record begin.
    """

    columns: pa.RecordBatch
    negatives: pa.Array
    firsts: Int64s

    @classmethod
    def of(cls, records: pa.RecordBatch) -> _Batch:
        lists = records.column("negatives")
        lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
        return cls(records.drop_columns(["negatives"]), lists.flatten(), np.cumsum(lengths) - lengths)

    def take(self, rows: Int64s, negatives: int) -> pa.RecordBatch:
        """Return some records with their first negatives as columns."""
        taken = self.columns.take(pa.array(rows))
        for number, field in enumerate(list(layout.data_schema(negatives))[-negatives:] if negatives else []):
            texts = self.negatives.take(pa.array(self.firsts[rows] + number)).cast(pa.string())
            taken = taken.append_column(field, texts)
        return taken


@dataclass(frozen=True, slots=True)
class _Source:
    """The records that are written, and how.

    Attributes:
        batches: the records.
        starts: number of the first record of each batch.
        negatives: negatives of the release.
        schemas: schema of each view, the same for every language.
        sizes: int64 (n,), bytes of text of each record.
        begins: bool (n,), the records that would begin a row group.
    """

    batches: Sequence[_Batch]
    starts: Int64s
    negatives: int
    schemas: Mapping[layout.View, pa.Schema]
    sizes: Int64s
    begins: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, records: pa.Table, negatives: int) -> _Source:
        """Look at the records once, a batch at a time."""
        batches = [batch for batch in records.to_batches() if batch.num_rows]
        starts = np.cumsum([0, *(batch.num_rows for batch in batches)])[:-1].astype(np.int64)
        schemas: dict[layout.View, pa.Schema] = {
            "data": layout.data_schema(negatives),
            "full": _full_schema(records.schema, negatives),
        }
        sizes = [text_bytes(batch, negatives) for batch in batches]
        begins = [begins_group(batch.column("id"), size) for batch, size in zip(batches, sizes, strict=True)]
        return cls(
            batches=[_Batch.of(batch) for batch in batches],
            starts=starts,
            negatives=negatives,
            schemas=schemas,
            sizes=np.concatenate([np.empty(0, np.int64), *sizes]),
            begins=np.concatenate([np.empty(0, np.bool_), *begins]),
        )

    def take(self, rows: Int64s) -> pa.RecordBatch:
        """Return some records in the given order. Arrow would join whole columns first, and their offsets overflow."""
        homes = np.searchsorted(self.starts, rows, side="right") - 1
        found = [(int(home), np.flatnonzero(homes == home)) for home in np.unique(homes)]
        parts = [self.batches[home].take(rows[at] - self.starts[home], self.negatives) for home, at in found]
        if len(parts) == 1:
            return parts[0]
        places = np.argsort(np.concatenate([at for _, at in found]))
        return pa.concat_batches(parts).take(pa.array(places))


def _full_schema(records: pa.Schema, negatives: int) -> pa.Schema:
    fields = [field for field in records if field.name not in _NOT_WRITTEN]
    if _TEACHER_FIELD.name not in records.names:
        fields.append(_TEACHER_FIELD)
    return pa.schema([*layout.data_schema(negatives), *fields, COPY_FIELD])


def _write(source: _Source, rows: Rows, files: Mapping[layout.View, Path]) -> None:
    with contextlib.ExitStack() as stack:
        writers = {}
        for view, file in files.items():
            temporary = stack.enter_context(atomic_path(file))
            writers[view] = stack.enter_context(_writer(temporary, source.schemas[view]))
        for start, end in itertools.pairwise(cut_groups(source.sizes[rows.records], source.begins[rows.records])):
            columns = _columns(source, rows[start:end])
            for view, writer in writers.items():
                schema = source.schemas[view]
                group = pa.table([columns[name] for name in schema.names], schema=schema)
                writer.write_table(group, row_group_size=end - start)


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        # The next level writes 4 % less and takes a third longer.
        compression_level=1,
        use_dictionary=_repeating(schema),
        write_statistics=[name for name in _SOUGHT if name in schema.names],
        write_page_index=True,
        use_content_defined_chunking=True,
    )


def _repeating(schema: pa.Schema) -> list[str]:
    texts = {field.name for field in layout.data_schema(len(schema))}
    strings = [field.name for field in schema if pa.types.is_string(field.type)]
    return [name for name in strings if name not in texts | _HASHES]


def _columns(source: _Source, rows: Rows) -> dict[str, pa.Array]:
    """Return every column of both views, by its name."""
    records = source.take(rows.records)
    columns = {name: records.column(name) for name in records.schema.names}
    columns["anchor"] = columns["query"]
    columns.setdefault(_TEACHER_FIELD.name, pa.repeat(pa.scalar(""), len(rows)))
    columns[COPY_FIELD.name] = pa.array(rows.copies, COPY_FIELD.type)
    return columns


def _entry(folder: Path, path: str, rows: int, schema: str) -> dict[str, Any]:
    file = folder / path
    return {
        "path": path,
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "rows": rows,
        "schema": schema,
    }


def schema_digest(schema: pa.Schema) -> str:
    """Return a digest of names, types and nullability, in order; 32 hexadecimal digits."""
    return content_id(*(f"{field.name}:{field.type}:{field.nullable}" for field in schema))
