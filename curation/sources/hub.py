"""Datasets of the Hugging Face Hub at a pinned revision, or in a local folder of the same shape.

A row's number is its position in the split, from 1. No code of a dataset is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.config.model import HubSource
from curation.errors import ConfigError, SourceError
from curation.sources.columnar import number_rows, require_text
from curation.sources.files import HUB_SCHEME, SourceFile, redacted
from curation.sources.rows import Chunk, Layout

_REVISION = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REFUSED = re.compile(r"\b(401|403)\b|gated|unauthori[sz]ed|forbidden|RepositoryNotFound", re.IGNORECASE)


def locate(source: HubSource, base: Path) -> list[SourceFile]:
    """Return the one unit of work of a dataset: a split of a configuration.

    Raises:
        ConfigError: if the dataset is neither a local folder nor pinned to a commit.
    """
    place = _folder(source, base) or _pinned(source)
    return [SourceFile(source.name, place, f"{source.config}/{source.split}")]


def _folder(source: HubSource, base: Path) -> str:
    """Return the local folder that is meant, or "" for a dataset on the Hub, which has a revision."""
    folder = (base / _only_path(source)).absolute()
    return str(folder) if not source.revision and folder.is_dir() else ""


def _only_path(source: HubSource) -> str:
    if isinstance(source.path, str):
        return source.path
    raise ConfigError(
        "A Hub source is one dataset",
        where=f"source `{source.name}`",
        why=f"`path` lists {len(source.path)}",
        hint="make each dataset a source",
    )


def _pinned(source: HubSource) -> str:
    path, where = _only_path(source), f"source `{source.name}`"
    if not _REVISION.fullmatch(source.revision):
        raise ConfigError(
            "A dataset of the Hub must be pinned to a commit",
            where=where,
            why=f"{path} is no local folder, and revision {source.revision!r} is not 40 hexadecimal digits",
            hint=f"take the commit from https://huggingface.co/datasets/{path}/commits/main",
        )
    if not _REPOSITORY.fullmatch(path):
        raise ConfigError("A dataset of the Hub is called ORG/NAME", where=where, why=f"path is {path!r}")
    return f"{HUB_SCHEME}{path}@{source.revision}"


def read(source: HubSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the columns of `layout`, batch by batch, from the memory-mapped dataset.

    Raises:
        SourceError: if the dataset cannot be loaded or read, lacks a column, or holds no text in one.
    """
    dataset = _load(source, file)
    require_text(layout, dataset.features.arrow_schema, file)
    tables = dataset.select_columns(layout.columns()).with_format("arrow").iter(batch_rows)
    yield from number_rows(_record_batches(tables), layout)


def _record_batches(tables: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
    for table in tables:
        yield from table.to_batches()


def _load(source: HubSource, file: SourceFile) -> Any:
    import datasets

    path, _, revision = file.path.removeprefix(HUB_SCHEME).partition("@") if _is_remote(file) else (file.path, "", "")
    if _is_remote(file) and Path(path).exists():
        raise SourceError(
            "A local folder has the name of the dataset",
            where=f"source `{source.name}`",
            why=f"{path} would be read in its place",
            hint="run from another folder, or name the folder and leave the revision out",
        )
    try:
        return datasets.load_dataset(path, source.config, split=source.split, revision=revision or None)
    except Exception as error:  # the library raises whatever its many drivers raise
        raise _explained(error, source, file) from None  # the original may quote request headers


def _is_remote(file: SourceFile) -> bool:
    return file.path.startswith(HUB_SCHEME)


def _explained(error: Exception, source: HubSource, file: SourceFile) -> SourceError:
    reason = redacted(f"{type(error).__name__}: {error}")
    refused = _is_remote(file) and _REFUSED.search(reason)
    return SourceError(
        f"The dataset cannot be loaded (configuration {source.config!r}, split {source.split!r})",
        where=file.path,
        why=reason,
        hint="accept its terms on the Hub and run `hf auth login`, or set HF_TOKEN"
        if refused
        else "check `path`, `revision`, `config` and `split` of the source",
    )
