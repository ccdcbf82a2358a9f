"""Small releases on disk, to compare new records with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.model import Dedup
from curation.dedup.index import index_schema, write_index, write_parts
from curation.release import Release, layout

BY_POSITIVE = Dedup(by="positive")


def make_release(
    folder: Path,
    texts: Mapping[str, Sequence[str]],
    *,
    options: Dedup = BY_POSITIVE,
    withdrawn: pa.Table | None = None,
    index: bool = True,
    row_group: int = 7,
) -> Release:
    """Write a release with the positives `texts` of each language, two shards a language, and open it."""
    shards = []
    for language, positives in texts.items():
        half = len(positives) // 2
        for split, part, first in (("train", positives[:half], 0), ("test", positives[half:], half)):
            path = layout.shard_path("full", language, split, 0, 1)
            numbers = range(first, first + len(part))
            rows = {
                "id": [record_id(language, number) for number in numbers],
                "anchor": [f"question {number}" for number in numbers],
                "positive": list(part),
                "query_language": ["eng_Latn"] * len(part),
                "positive_language": [language] * len(part),
            }
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(rows), folder / path, row_group_size=row_group)
            shards.append(path)
    if index:
        nothing = index_schema(options).empty_table()
        write_parts(folder, shards, options)
        write_index(folder / layout.INDEX, folder, sorted(shards), options, nothing if withdrawn is None else withdrawn)
    files = [{"path": path, "bytes": 0, "sha256": ""} for path in shards]
    return Release(folder, {"name": "earlier", "version": "1.2.3", "files": files}, "d" * 64)


def record_id(language: str, number: int) -> str:
    return f"{language.encode().hex():0<28}{number:04x}"
