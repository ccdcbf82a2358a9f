"""What the formats that come as Arrow columns share: text never leaves its Arrow buffers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from curation.errors import SourceError
from curation.sources.files import SourceFile, public_name
from curation.sources.rows import Chunk, Layout, require_columns

_TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view(), pa.null())


def require_text(layout: Layout, schema: pa.Schema, file: SourceFile) -> None:
    """Check that the columns of `layout` exist and hold text.

    Raises:
        SourceError: naming the column, what it holds, and the columns that there are.
    """
    require_columns(layout.columns(), schema.names, file)
    for name in layout.columns():
        kind = schema.field(name).type
        may_be_list = name in layout.negatives and name not in layout.texts()
        may_be_number = name in layout.names() and pa.types.is_integer(kind)
        if not (_is_text(kind) or may_be_number or (may_be_list and _is_list_of_text(kind))):
            raise SourceError(
                f"Column {name!r} holds {kind}, not text",
                where=public_name(file.path),
                why=f"the columns are {', '.join(f'{field.name!r} ({field.type})' for field in schema)}",
                hint="set `columns` of the source, or write the column as strings",
            )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return kind in _TEXT_TYPES


def _is_list_of_text(kind: pa.DataType) -> bool:
    types = pa.types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list) and _is_text(kind.value_type)


def number_rows(batches: Iterable[pa.RecordBatch], layout: Layout) -> Iterator[Chunk]:
    """Yield the wanted columns of each batch with their row numbers, from 1."""
    first = 1
    for batch in batches:
        rows = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
        yield Chunk(rows, {name: _as_text(batch.column(name)) for name in layout.columns()}, [])
        first += batch.num_rows


def _as_text(column: pa.Array) -> pa.Array:
    """Return a column of numbers as text, and any other as it is."""
    return column.cast(pa.string()) if pa.types.is_integer(column.type) else column
