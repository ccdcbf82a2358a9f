"""Parquet files. A row's number is its position in the file, from 1."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.model import ParquetSource
from curation.errors import SourceError
from curation.sources.columnar import number_rows, require_text
from curation.sources.compression import MAX_RATIO, RATIO_FLOOR
from curation.sources.files import SourceFile, open_seekable, public_name
from curation.sources.rows import MAX_CHUNK_BYTES, Chunk, Layout


def read(_source: ParquetSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the columns of `layout`, batch by batch.

    Raises:
        SourceError: if the file is damaged or cut off, lacks a column, or holds no text in one.
    """
    with open_seekable(file.path) as stream, _damage_named(file):
        stored = stream.seek(0, io.SEEK_END)
        parquet = pq.ParquetFile(stream)
        require_text(layout, parquet.schema_arrow, file)
        size = _decompressed_bytes(parquet.metadata)
        _refuse_bomb(stored, size, file)
        rows = _rows_a_batch(size, parquet.metadata.num_rows, batch_rows)
        count = 0
        for chunk in number_rows(parquet.iter_batches(rows, columns=layout.columns()), layout):
            yield chunk
            count += len(chunk.rows)
        if count != parquet.metadata.num_rows:
            raise EOFError(f"its footer counts {parquet.metadata.num_rows:,} rows, its pages hold {count:,}")


@contextlib.contextmanager
def _damage_named(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, EOFError, OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise SourceError(
            "The file is not whole, or is not Parquet",
            where=public_name(file.path),
            why=str(error),
            hint="download or write the file again",
        ) from error


def _decompressed_bytes(metadata: pq.FileMetaData) -> int:
    """Return the size of all columns. The groups are asked, not their columns: that can end the process (Arrow 25)."""
    return sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))


def _refuse_bomb(stored: int, size: int, file: SourceFile) -> None:
    if size > max(RATIO_FLOOR, MAX_RATIO * stored):
        raise SourceError(
            "The file is a decompression bomb",
            where=public_name(file.path),
            why=f"{stored:,} bytes would become {size:,}, over {MAX_RATIO}:1",
            hint="do not read this file",
        )


def _rows_a_batch(size: int, rows: int, batch_rows: int) -> int:
    """Return how many rows are read at once, so that long texts do not fill the memory."""
    if size <= MAX_CHUNK_BYTES:
        return batch_rows
    return min(batch_rows, max(rows * MAX_CHUNK_BYTES // size, 1))
