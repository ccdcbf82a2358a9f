"""The rows of a release as tables, and a release with some of them changed and everything else as it was."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.files import sha256_file, write_json
from curation.hashing import priority
from curation.release import Release, layout, open_release
from curation.release.shards import schema_digest

Key = tuple[str, str]
# (language, split) -> rows with all their columns, in the order of the release.
Tables = Mapping[Key, pa.Table]
Int64s = npt.NDArray[np.int64]

_NEGATIVE = re.compile(r"negative_\d+")
_ORDER = [(name, "ascending") for name in ("copy", "source", "file", "row", "id")]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What a mutation does to a release.

    Attributes:
        tables: the tables that change; all others stay as they are, byte for byte.
        counted: whether `stats.json` tells the new numbers of rows.
        cut: path of a shard that loses the end of its bytes after the manifest is written, empty for none.
    """

    tables: Tables
    counted: bool = True
    cut: str = ""


def read_tables(release: Release) -> dict[Key, pa.Table]:
    """Return the rows of a release; those of `data/` are the same without the columns of provenance."""
    keys = ((code, split) for code in release.languages for split in release.splits)
    found = {key: release.read("full", split=key[1], language=key[0]) for key in keys}
    return {key: table for key, table in found.items() if table.num_rows}


def negative_columns(table: pa.Table) -> list[str]:
    """Return the names of the columns that hold negatives."""
    return [name for name in table.column_names if _NEGATIVE.fullmatch(name)]


def with_values(table: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    """Return a table with other values in a column of the same type."""
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))


def in_order(table: pa.Table) -> pa.Table:
    """Return rows in the order in which a release holds them."""
    return table.take(pc.sort_indices(table.select([name for name, _ in _ORDER]), _ORDER)).combine_chunks()


def draw(table: pa.Table, share: float, purpose: str, seed: int) -> Int64s:
    """Return a share of the rows, rounded to whole ones, in random order."""
    drawn = np.argsort(priority(table["id"].to_pylist(), purpose, seed), kind="stable")
    return drawn[: round(share * table.num_rows)].astype(np.int64)


def write_change(release: Release, before: Tables, change: Change, folder: Path, *, seed: int) -> Release:
    """Write a release with a change; files that stay the same are hard links.

    The card, the index and what else speaks of the release as a whole stay as they are, and there is no verdict.

    Args:
        release: the sound release, which is only read.
        before: its tables.
        change: what to change.
        folder: a folder that does not exist yet.
        seed: becomes the seed of the release, and with it that of the gate.
    """
    replaced = {
        file.path
        for file in release.files
        if (shard := layout.parse_shard(file.path)) is not None and shard[1:] in change.tables
    }
    kept = [dict(entry) for entry in release.manifest["files"] if entry["path"] not in replaced]
    for entry in kept:
        _link(release.path / entry["path"], folder / entry["path"])
    written = [path for key, table in change.tables.items() if table.num_rows for path in _write(folder, key, table)]
    if change.counted and change.tables:
        (folder / layout.STATS).unlink()
        write_json(folder / layout.STATS, _counted(release.stats, before, change.tables))
        kept = [entry for entry in kept if entry["path"] != layout.STATS]
        written.append(layout.STATS)
    entries = sorted([*kept, *(_entry(folder, path) for path in written)], key=lambda entry: str(entry["path"]))
    write_json(folder / layout.MANIFEST, release.manifest | {"files": entries, "seed": seed})
    if change.cut:
        _cut(folder / change.cut)
    return open_release(folder)


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, to)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(file, to)


def _write(folder: Path, key: Key, table: pa.Table) -> list[str]:
    texts = ["anchor", "positive", *negative_columns(table)]
    views: dict[layout.View, pa.Table] = {"data": table.select(texts), "full": table}
    paths = []
    for view, columns in views.items():
        path = layout.shard_path(view, *key, 0, 1)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(columns, folder / path, compression="zstd", compression_level=1)
        paths.append(path)
    return paths


def _entry(folder: Path, path: str) -> dict[str, Any]:
    file = folder / path
    entry: dict[str, Any] = {"path": path, "bytes": file.stat().st_size, "sha256": sha256_file(file)}
    if layout.parse_shard(path) is None:
        return entry | {"rows": None, "schema": ""}
    shard = pq.ParquetFile(file)
    return entry | {"rows": shard.metadata.num_rows, "schema": schema_digest(shard.schema_arrow)}


def _cut(file: Path) -> None:
    """Take a third of its bytes from a file, which is a link: the bytes of the sound release stay."""
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[: len(data) * 2 // 3])


def _counted(stats: dict[str, Any], before: Tables, after: Tables) -> dict[str, Any]:
    """Return the statistics with the rows of the changed tables counted anew."""
    totals, sources = stats["totals"], Counter[tuple[str, str]]()
    for (language, split), table in after.items():
        old = before.get((language, split))
        more = table.num_rows - (old.num_rows if old is not None else 0)
        for counts in (stats["languages"][language], totals):
            counts[split] += more
            counts["released"] += more
            counts["read"] += more
        for source, rows in _records(table.column("source"), table.column("copy")):
            sources[source, language] += rows
        if old is not None:
            for source, rows in _records(old.column("source"), old.column("copy")):
                sources[source, language] -= rows
    for row in stats["source_languages"]:
        rows = sources.pop((row["source"], row["language"]), 0)
        row["released"] += rows
        row["read"] += rows
    stats["source_languages"] += [
        {"source": source, "language": language, "read": rows, "released": rows, "lost": {}}
        for (source, language), rows in sorted(sources.items())
        if rows
    ]
    return stats


def _records(sources: pa.ChunkedArray, copies: pa.ChunkedArray) -> Iterable[tuple[str, int]]:
    """Return the records of each source, however often each stands in the release."""
    return Counter(sources.filter(pc.equal(copies, 0)).to_pylist()).items()
