"""`dataset_info` of the card's front matter: features and sizes of the texts, from the shards' footers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.release import layout

# The Hub's libraries parse the front matter each time that they load a dataset, in pure Python, at some 0.15 MB/s. 100
# languages with 24 negatives would be 116 kB, 0.8 s; this bound is some 25 kB, 0.2 s.
MAX_FEATURES = 500


def dataset_info(folder: Path, shards: pa.Table) -> list[dict[str, Any]]:
    """Return an entry for the configuration `all`, and for each language of `data`, unless that makes the card huge.

    Args:
        folder: where the shards lie.
        shards: path, bytes and rows of each.

    Returns:
        Entries as `datasets` reads them; only that of `all` where all of them have more than `MAX_FEATURES` features.
    """
    by_language: dict[str, list[dict[str, Any]]] = {}
    for entry in shards.sort_by("path").to_pylist():
        shard = layout.parse_shard(entry["path"])
        if shard is not None and shard[0] == "data":
            by_language.setdefault(shard[1], []).append(_sizes(folder, entry, shard[2]))
    everything = [entry for entries in by_language.values() for entry in entries]
    if not everything:
        return []
    names = pq.read_schema(folder / everything[0]["path"]).names
    found = [_entry("all", names, everything)]
    if len(names) * (len(by_language) + 1) <= MAX_FEATURES:
        found += [_entry(language, names, entries) for language, entries in by_language.items()]
    return found


def _sizes(folder: Path, entry: dict[str, Any], split: str) -> dict[str, Any]:
    metadata = pq.read_metadata(folder / entry["path"])
    uncompressed = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return {
        "path": entry["path"],
        "split": split,
        "rows": metadata.num_rows,
        "bytes": uncompressed,
        "download": entry["bytes"],
    }


def _entry(config: str, names: Sequence[str], shards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    splits = [split for split in layout.SPLITS if any(shard["split"] == split for shard in shards)]
    sizes = [_split(split, [shard for shard in shards if shard["split"] == split]) for split in splits]
    return {
        "config_name": config,
        "features": [{"name": name, "dtype": "string"} for name in names],
        "splits": sizes,
        "download_size": sum(shard["download"] for shard in shards),
        "dataset_size": sum(size["num_bytes"] for size in sizes),
    }


def _split(name: str, shards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sums = {key: sum(shard[key] for shard in shards) for key in ("bytes", "rows")}
    return {"name": name, "num_bytes": sums["bytes"], "num_examples": sums["rows"]}
