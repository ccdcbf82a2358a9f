"""Shards by language and split, written with `datasets`, and a manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

_FULL = ("id", "source", "licence", "query_language", "language", "file")


def write_shards(pairs: pd.DataFrame, out: Path) -> int:
    """Write `data/` (anchor, positive) and `full/` (the same rows with all columns); return the number of files."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    ordered = pairs.sort_values(["language", "split", "source", "id"], kind="stable")
    rows = Dataset.from_pandas(ordered.rename(columns={"query": "anchor"}), preserve_index=False)
    files, first = [], 0
    for (language, split), count in ordered.groupby(["language", "split"], sort=True).size().items():
        part = rows.select(range(first, first + count))
        first += count
        for kind, columns in (("data", ("anchor", "positive")), ("full", ("anchor", "positive", *_FULL))):
            path = out / kind / str(language) / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            part.select_columns(list(columns)).to_parquet(str(path))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files.append({"path": str(path.relative_to(out)), "sha256": digest, "rows": int(count)})
    (out / "manifest.json").write_text(json.dumps({"files": files}, indent=2), encoding="utf-8")
    return len(files)
