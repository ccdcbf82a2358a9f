"""Reading the shards of a release's full view: verified, by column name, a bounded piece at a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.files import sha256_file
from curation.release import Release, ReleaseFile

REQUIRED = ("anchor", "positive", "id", "source", "task")

_BATCH_BYTES = 16 << 20
_GREATEST_BATCH = 8_192
_NEGATIVE = re.compile(r"negative_([1-9]\d*)")


def negative_columns(schema: pa.Schema) -> list[str]:
    """Return the names of the columns of negatives, `negative_1` to `negative_n`; they end where one is missing."""
    numbers = {int(match[1]) for name in schema.names if (match := _NEGATIVE.fullmatch(name))}
    count = next(number for number in range(1, len(numbers) + 2) if number not in numbers) - 1
    return [f"negative_{number}" for number in range(1, count + 1)]


def verify_shard(release: Release, file: ReleaseFile) -> None:
    """Check that a shard is the bytes that the manifest names.

    Raises:
        ReleaseError: if it is not.
    """
    path = release.path / file.path
    if not path.is_file():
        raise _unsound(release, file, "it is missing")
    found = sha256_file(path)
    if found != file.sha256:
        raise _unsound(release, file, f"its sha256 is {found}, and the manifest says {file.sha256}")


def shard_schema(release: Release, file: ReleaseFile) -> pa.Schema:
    """Return a shard's schema.

    Raises:
        ReleaseError: if the file cannot be read, or lacks a column of strings that every view needs.
    """
    with _reading(release, file):
        schema = pq.read_schema(release.path / file.path)
    for name in (*REQUIRED, *negative_columns(schema)):
        if name not in schema.names:
            raise _unsound(release, file, f"it has no column {name!r}")
        if schema.field(name).type not in (pa.string(), pa.large_string()):
            raise _unsound(release, file, f"its column {name!r} is {schema.field(name).type}, not string")
    return schema


def read_columns(release: Release, file: ReleaseFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a shard in order, some 16 MiB at a time.

    Raises:
        ReleaseError: if the file is not Parquet, or holds nulls or bytes that are not UTF-8 in a column of strings.
    """
    with _reading(release, file):
        # Not buffered ahead: that would hold a whole row group.
        shard = pq.ParquetFile(release.path / file.path, pre_buffer=False)
        for group in range(shard.num_row_groups):
            rows = _batch_rows(shard.metadata.row_group(group))
            for batch in shard.iter_batches(rows, row_groups=[group], columns=list(columns)):
                batch.validate(full=True)
                _check_nulls(release, file, batch)
                yield batch


def _batch_rows(group: pq.RowGroupMetaData) -> int:
    a_row: int = max(1, group.total_byte_size // max(1, group.num_rows))
    return min(_GREATEST_BATCH, max(1, _BATCH_BYTES // a_row))


def _check_nulls(release: Release, file: ReleaseFile, batch: pa.RecordBatch) -> None:
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.type in (pa.string(), pa.large_string()) and column.null_count:
            raise _unsound(release, file, f"its column {field.name!r} holds nulls")


@contextlib.contextmanager
def _reading(release: Release, file: ReleaseFile) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise _unsound(release, file, str(error)) from error


def _unsound(release: Release, file: ReleaseFile, why: str) -> ReleaseError:
    return ReleaseError(
        "A shard of the release is not what it should be",
        where=str(release.path / file.path),
        why=why,
        hint=f"curate verify {release.path}",
    )
