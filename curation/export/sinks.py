"""Writing the files of an export, and reading them back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.files import atomic_path

Write = Callable[[pa.Table], None]

# What `datasets` reads first, and infers the types of the whole file from.
_INFERRED_BYTES = 10 << 20


@contextlib.contextmanager
def open_sink(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Open a file for tables of a schema: Parquet, or JSON lines, as its name ends.

    The file takes its name when the block ends without an error.
    """
    with atomic_path(path) as temporary:
        opened = _parquet(temporary, schema) if path.suffix == ".parquet" else _jsonl(temporary)
        with opened as write:
            yield write


@contextlib.contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True) as writer:
        yield lambda table: writer.write_table(table.cast(schema))


@contextlib.contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        yield lambda table: stream.writelines(map(to_line, table.to_pylist()))


def to_line(row: dict[str, object]) -> str:
    r"""Return a row as a line of JSON.

    What some readers take for the end of a line (U+0085, U+2028, U+2029) is escaped, as JSON escapes `\\n` itself.
    """
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    for character in ("\u007f", "\u0085", "\u2028", "\u2029"):
        if character in text:
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text + "\n"


def check_file(path: Path, schema: pa.Schema, rows: int) -> None:
    """Read a file back as its consumers do, and check that it has the rows and the types that were meant.

    Raises:
        ReleaseError: if it does not. JSON has no types of its own: where all texts of a field are dates, readers
            take them for dates.
    """
    found, count = _read_parquet(path) if path.suffix == ".parquet" else _read_jsonl(path)
    wrong = [
        name for name in schema.names if name not in found.names or found.field(name).type != schema.field(name).type
    ]
    if not rows or (found.names == schema.names and not wrong and count == rows):
        return
    if wrong and count == rows:
        what = "The text of a dataset would be read as something else"
        why = "; ".join(f"{name} reads as {found.field(name).type}" for name in wrong if name in found.names)
        hint = "its texts are dates or the like: leave its source out with --sources, or its language with --languages"
        raise ReleaseError(what, where=path.name, why=why or f"fields {found.names}", hint=hint)
    raise ReleaseError(
        "An exported file does not hold what was written to it",
        where=path.name,
        why=f"{count:,} rows of {found.names} instead of {rows:,} of {schema.names}",
        hint="look for trouble with the disk, and export again",
    )


def _read_parquet(path: Path) -> tuple[pa.Schema, int]:
    # Not buffered ahead: that would hold the whole file.
    file = pq.ParquetFile(path, pre_buffer=False)
    return file.schema_arrow, sum(batch.num_rows for batch in file.iter_batches(batch_size=1_024))


def _read_jsonl(path: Path) -> tuple[pa.Schema, int]:
    if not path.stat().st_size:
        return pa.schema([]), 0
    with path.open("rb") as stream:
        longest = max(map(len, stream))
    options = pa.json.ReadOptions(block_size=max(_INFERRED_BYTES, 2 * longest), use_threads=False)
    with pa.json.open_json(path, read_options=options) as reader:
        return reader.schema, sum(batch.num_rows for batch in reader)
