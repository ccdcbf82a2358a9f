"""Making rows with texts again from the rows without texts of a release, for whoever has the sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config import RunConfig
from curation.config.model import Source
from curation.errors import ConfigError, ReleaseError
from curation.files import atomic_path
from curation.records import make_records
from curation.release import Release, layout
from curation.release.reader import ReleaseFile
from curation.release.recipe import text_digest
from curation.sources import list_files, read_file
from filters.roles import declared_roles
from pipelines.graph import Filter, Score

MISSING, CHANGED, NO_NEGATIVES = "missing", "changed", "negatives"
"""Why a row could not be made: no such record in the source, texts that differ, a negative that is not there."""

_MINED = "negative_ids"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it.

    Attributes:
        rows: rows without texts in the release.
        written: rows that were made.
        failed: the others, by `MISSING`, `CHANGED` and `NO_NEGATIVES`.
        files: paths of the files that were written, below the folder.
    """

    rows: int
    written: int
    failed: Mapping[str, int]
    files: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """What the sources have of it: texts by digest, and the digests of each record's sides."""

    texts: dict[str, str] = field(default_factory=dict)
    sides: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, records: pa.Table) -> None:
        columns = (records[name].to_pylist() for name in ("id", "query", "positive", "negatives"))
        for record, query, positive, negatives in zip(*columns, strict=True):
            digests = [self._keep(text) for text in (query, positive, *negatives)]
            self.sides[record] = (digests[0], digests[1])

    def _keep(self, text: str) -> str:
        digest = text_digest(text)
        self.texts.setdefault(digest, text)
        return digest


def rebuild(release: Release, config: RunConfig, base: Path, out: Path) -> Rebuilt:
    """Write the rows of a release's recipes with their texts, as its `data/` has those of other sources.

    The sources are read once; the texts of the recipes' rows and of their negatives are held in memory.

    Args:
        release: the release.
        config: the config that it was made with: its sources, where they lie now, and its filters, which mask personal
            data.
        base: folder that relative paths are relative to.
        out: folder in which `data/` is made.

    Raises:
        ConfigError: if the release has no recipes, the config lacks their sources, or `out` is not empty, or lies in
            the release.
        SourceError: if a source cannot be read.
        ReleaseError: if a file of the release cannot be read.
    """
    _check_target(release.path, out)
    sources = _sources(release, config)
    languages, wanted = _languages(release), _wanted(release)
    found = _Found()
    for source in sources:
        for records in _records(source, config, base, wanted, languages):
            found.add(records)
    negatives, failed, files = _negatives(release), Counter[str](), []
    written = 0
    for file in release.recipes():
        rows = list(_rows(release, file, found, negatives, failed))
        path = file.path.replace("recipe/", "data/", 1)
        if rows:
            _write(out / path, rows, negatives)
            written += len(rows)
            files.append(path)
    return Rebuilt(
        sum(file.rows or 0 for file in release.recipes()), written, dict(sorted(failed.items())), tuple(files)
    )


def _check_target(release: Path, out: Path) -> None:
    if out.resolve().is_relative_to(release.resolve()):
        why = "a release is sealed: nothing may be added to it"
    elif out.exists() and not (out.is_dir() and not any(out.iterdir())):
        why = "it is there already, and not an empty folder"
    else:
        return
    hint = "name a folder that is not there yet"
    raise ConfigError("--out cannot take the rows", where=str(out), why=why, hint=hint)


def _sources(release: Release, config: RunConfig) -> list[Source]:
    names = release.manifest.get("licence", {}).get("recipes", [])
    if not names or not release.recipes():
        what, hint = "The release has no rows without texts", "read its texts with curation.release.open_release"
        raise ConfigError(what, where=str(release.path), why="none of its sources is a recipe", hint=hint)
    by_name = {source.name: source for source in config.sources}
    lacking = [name for name in names if name not in by_name]
    if lacking:
        why = f"it has no source called {', '.join(lacking)}"
        hint = "name the config that the release was made with (config.yml in the folder of its run)"
        raise ConfigError("The config is not that of the release", why=why, hint=hint)
    return [by_name[name] for name in names]


def _read(release: Release, file: ReleaseFile, columns: list[str]) -> pa.Table:
    with _explained(release, file):
        return pq.read_table(release.path / file.path, columns=columns)


@contextmanager
def _explained(release: Release, file: ReleaseFile) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        where, hint = str(release.path / file.path), f"curate verify {release.path}"
        raise ReleaseError("A file of the release cannot be read", where=where, why=str(error), hint=hint) from error


def _wanted(release: Release) -> pa.Array:
    """Return the ids of the records whose texts are needed: the rows, and what their negatives are positives of.

    A release for which nothing was mined has no negatives of other records, and no column for their ids.
    """
    ids = []
    for file in release.recipes():
        with _explained(release, file):
            is_mined = _MINED in pq.read_schema(release.path / file.path).names
        table = _read(release, file, ["id", *([_MINED] if is_mined else [])])
        ids.append(table["id"].combine_chunks())
        ids += [pc.list_flatten(table[_MINED].combine_chunks())] if is_mined else []
    return pa.concat_arrays(ids).unique()


def _languages(release: Release) -> pa.Table:
    names = ["id", "query_language", "positive_language", "language"]
    return pa.concat_tables([_read(release, file, names) for file in release.recipes()])


def _records(
    source: Source, config: RunConfig, base: Path, wanted: pa.Array, languages: pa.Table
) -> Iterator[pa.Table]:
    """Yield the wanted records of a source as the filters left them."""
    declared = {"source": source.name, "licence": source.licence, "task": source.task}
    roles = declared_roles(config.sources)
    stages = (Score(config.filters.datatrove, roles), Filter(config.filters, roles))
    for file in list_files(source, base):
        for batch in read_file(source, file, batch_rows=config.engine.batch_rows):
            records = make_records(batch.rows, pivot=config.release.pivot_language, **declared)
            records = _with_languages(records.filter(pc.is_in(records["id"], wanted)), languages)
            for stage in stages if records.num_rows else ():
                records = stage.apply(records, None).records
            yield records


def _with_languages(records: pa.Table, languages: pa.Table) -> pa.Table:
    """Return records with the languages that the release found for them; masking goes by these."""
    places = pc.index_in(records["id"], languages["id"].combine_chunks())
    for name in ("query_language", "positive_language", "language"):
        found = pc.coalesce(languages[name].take(places), records[name])
        records = records.set_column(records.schema.get_field_index(name), records.schema.field(name), found)
    return records


def _negatives(release: Release) -> int:
    """Return how many negatives a row of the release has."""
    file = next(file for split in release.splits for file in release.shards("data", split=split))
    return len(pq.read_schema(release.path / file.path)) - len(layout.data_schema(0))


def _rows(
    release: Release, file: ReleaseFile, found: _Found, negatives: int, failed: Counter[str]
) -> Iterator[tuple[str, ...]]:
    columns = ["id", "query_sha256", "positive_sha256", "negative_sha256"]
    for row in _read(release, file, columns).to_pylist():
        digests = [row["query_sha256"], row["positive_sha256"], *row["negative_sha256"][:negatives]]
        reason = _why_not(row, digests, found, negatives)
        if reason:
            failed[reason] += 1
        else:
            yield tuple(found.texts[digest] for digest in digests)


def _why_not(row: Mapping[str, Any], digests: list[str], found: _Found, negatives: int) -> str:
    if row["id"] not in found.sides:
        return MISSING
    if found.sides[row["id"]] != (digests[0], digests[1]):
        return CHANGED
    is_whole = len(digests) == negatives + 2 and all(digest in found.texts for digest in digests)
    return "" if is_whole else NO_NEGATIVES


def _write(file: Path, rows: list[tuple[str, ...]], negatives: int) -> None:
    schema = layout.data_schema(negatives)
    columns = [pa.array(texts, pa.string()) for texts in zip(*rows, strict=True)]
    with atomic_path(file) as temporary:
        pq.write_table(pa.table(columns, schema=schema), temporary, compression="zstd", write_page_index=True)
