"""Texts alone: one column of a file of any format, for what is no pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from curation.config.model import Source
from curation.errors import ConfigError
from curation.sources import list_files, read_file

_FORMATS = {".parquet": "parquet", ".jsonl": "jsonl", ".csv": "csv", ".tsv": "tsv", ".txt": "moses", "": "moses"}
_COMPRESSED = {".gz", ".zst"}
_BATCH_ROWS = 16_384
_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def read_texts(path: Path, *, column: str = "text", language_column: str | None = None) -> tuple[pa.Array, list[str]]:
    """Read the texts of a file, normalised by nothing.

    Args:
        path: Parquet, JSON lines, CSV or TSV with a column of texts, or plain text with one text a line (`.txt`);
            all but Parquet may be compressed.
        column: the column of texts; plain text has none.
        language_column: the column of their languages.

    Returns:
        Arrow strings, shape (n,), and the language code of each, empty without a column of languages.

    Raises:
        ConfigError: if there is no such file, or it is of no format that can be read.
        SourceError: naming file and row, if the file or a row of it cannot be read.
    """
    source = _SOURCE.validate_python(_declared(path, column, language_column))
    batches = [
        batch.rows for file in list_files(source, Path()) for batch in read_file(source, file, batch_rows=_BATCH_ROWS)
    ]
    texts = [batch.column("positive") for batch in batches]
    codes = [code for batch in batches for code in batch.column("positive_language").to_pylist()]
    return pa.concat_arrays(texts) if texts else pa.array([], pa.string()), codes


def _declared(path: Path, column: str, language_column: str | None) -> dict[str, Any]:
    """Return the source whose positives are the texts."""
    suffix = Path(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix
    form = _FORMATS.get(suffix.lower())
    if form is None:
        raise ConfigError(
            f"texts cannot be read from a file that ends in {suffix!r}",
            where=str(path),
            why=f"known are {', '.join(filter(None, _FORMATS))}",
            hint="name it .txt if it holds one text a line",
        )
    given = {"name": "texts", "licence": "LicenseRef-texts", "task": "sts", "format": form, "path": str(path)}
    if form == "moses":
        return given | {"positive_path": str(path), "on_bad_row": "fail"}
    language = {"column": language_column} if language_column else None
    columns = {"query": column, "positive": column}
    return given | {"columns": columns, "positive_language": language, "on_bad_row": "fail"}
