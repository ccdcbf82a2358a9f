"""Rows without texts: what may not be passed on, as a recipe for whoever has the source.

A recipe names the record, the file and row that it comes from, and the digests of its texts. No text is in it: not the
pair, no negative, and no label, which in classification is the text of the positive.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.files import atomic_path, sha256_file
from curation.release import layout
from curation.release.cutting import File
from curation.release.order import COPIES, Rows
from curation.release.shards import COPY_FIELD, FILE_SCHEMA, schema_digest

# Columns of strings that hold no text of the source. Any other column goes along only if there is no string in it.
_NAMED = (
    "id",
    "source",
    "licence",
    "task",
    "file",
    "group",
    "component",
    "query_language",
    "positive_language",
    "language",
    "negative_ids",
    "negative_origins",
    "negative_languages",
    "possible_ids",
    "teacher",
    "shortage",
)
_DIGEST = pa.string()


def write_recipes(records: pa.Table, cut: Iterable[tuple[File, Rows]], folder: Path) -> pa.Table:
    """Write rows without texts below `folder`.

    Args:
        records: at least the records of these files; any order.
        cut: the files and which rows are in each, as `curation.release.cutting` gives them.
        folder: where `recipe/` goes.

    Returns:
        Path, bytes, sha256, rows and schema digest of each file.
    """
    entries = []
    for file, rows in cut:
        table = without_texts(records.take(pa.array(rows.records)))
        table = table.append_column(COPY_FIELD, pa.array(rows.copies, COPY_FIELD.type))
        path = layout.recipe_path(file.language, file.split, file.index, file.count)
        entries.append(_write(folder, path, table))
    return pa.Table.from_pylist(entries, schema=FILE_SCHEMA)


def without_texts(records: pa.Table) -> pa.Table:
    """Return the recipe of each record.

    Args:
        records: rows of the record schema and any further columns, shape (n,).

    Returns:
        `query_sha256` and `positive_sha256`, 64 hexadecimal digits of the text in UTF-8; `negative_sha256`, the same
        of each negative; and those columns that hold no text, shape (n,), in the same order.
    """
    kept = [field for field in records.schema if field.name in _NAMED or not _holds_strings(field.type)]
    table = records.select([field.name for field in kept if field.name not in ("split", COPIES)])
    for side in ("query", "positive"):
        table = table.append_column(pa.field(f"{side}_sha256", _DIGEST, nullable=False), _digests(records[side]))
    lists = records["negatives"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_pylist()
    offsets = pa.array(list(itertools.accumulate(lengths, initial=0)), pa.int32())
    digests = pa.ListArray.from_arrays(offsets, _digests(pc.list_flatten(lists)))
    return table.append_column(pa.field("negative_sha256", digests.type, nullable=False), digests)


def text_digest(text: str) -> str:
    """Return the digest by which a recipe knows a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digests(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pa.array([text_digest(text or "") for text in texts.to_pylist()], _DIGEST)


def _holds_strings(kind: pa.DataType) -> bool:
    if kind.num_fields:
        return any(_holds_strings(kind.field(place).type) for place in range(kind.num_fields))
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _write(folder: Path, path: str, table: pa.Table) -> dict[str, Any]:
    file = folder / path
    with atomic_path(file) as temporary:
        pq.write_table(table.combine_chunks(), temporary, compression="zstd", write_page_index=True)
    schema = schema_digest(pq.read_schema(file))
    return {
        "path": path,
        "bytes": file.stat().st_size,
        "sha256": sha256_file(file),
        "rows": table.num_rows,
        "schema": schema,
    }
