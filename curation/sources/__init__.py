"""Sources: every declared input, whatever its format, as batches of the raw schema.

A format is one module with a `read`, and one line in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.config.model import Source
from curation.sources import catalogue, delimited, hub, jsonl, moses, parquet
from curation.sources.files import Fingerprint, SourceFile, fingerprint
from curation.sources.locate import locate
from curation.sources.rows import Chunk, Layout, ReadBatch, Rejected, refuse_quarantined, to_batch

__all__ = ["Fingerprint", "ReadBatch", "Rejected", "SourceFile", "fingerprint", "list_files", "read_file"]


def _columns_layout(source: Any) -> Layout:
    is_code = source.task == "code"
    return Layout.of(source.columns, source.query_language, source.positive_language, is_code=is_code)


@dataclass(frozen=True, slots=True)
class _Format:
    """How one format is read. The functions take the source model that has this `format`.

    Attributes:
        read: (source, file, layout, batch_rows) -> chunks of the columns that the layout names.
        layout: source -> where the fields of a record stand.
        locate: (source, base) -> its files.
    """

    read: Callable[[Any, SourceFile, Layout, int], Iterator[Chunk]]
    layout: Callable[[Any], Layout] = _columns_layout
    locate: Callable[[Any, Path], list[SourceFile]] = locate


_FORMATS = {
    "parquet": _Format(parquet.read),
    "jsonl": _Format(jsonl.read),
    "csv": _Format(delimited.read),
    "tsv": _Format(delimited.read),
    "moses": _Format(moses.read, moses.layout, moses.locate),
    "gettext": _Format(catalogue.read, catalogue.layout, catalogue.locate),
    "hub": _Format(hub.read, locate=hub.locate),
}


def list_files(source: Source, base: Path) -> list[SourceFile]:
    """Return the units of work of a source, sorted by display.

    Args:
        source: a source of the config.
        base: folder of the config, which relative paths start from.

    Raises:
        ConfigError: if nothing matches, or the source cannot be as it is declared.
        SourceError: if a remote store cannot be listed.
    """
    return _FORMATS[source.format].locate(source, base)


def read_file(source: Source, file: SourceFile, *, batch_rows: int) -> Iterator[ReadBatch]:
    """Yield the rows of one file, each either as a record or as a reject.

    Batches differ with `batch_rows`, their rows in sequence do not. Memory is bounded whatever the file holds.

    Args:
        source: the source that `file` belongs to.
        file: from `list_files`.
        batch_rows: greatest number of rows of a batch.

    Raises:
        SourceError: if the file as a whole cannot be read; at the first damaged row if `on_bad_row` is `fail`.
        ConfigError: if the source declares a language that is not known.
    """
    form = _FORMATS[source.format]
    layout = form.layout(source)
    for chunk in form.read(source, file, layout, batch_rows):
        batch = to_batch(chunk, layout, file)
        if source.on_bad_row == "fail":
            refuse_quarantined(batch, file)
        yield batch
