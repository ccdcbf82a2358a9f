"""Ways to write the same rows as files: this project's, what it was before, and what others do by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.release.cutting import Cutting, count_blocks, least_negatives, merge_blocks
from curation.release.shards import write_shards

Writer = Callable[[pa.Table, Path], None]

_TEXTS = ("query", "positive", "negatives", "split")


def ours(records: pa.Table, folder: Path) -> None:
    """Write with this project."""
    blocks = merge_blocks([count_blocks(records, (), 500_000)])
    cut = Cutting.of(blocks, 500_000)
    write_shards(records, cut.rows_of(records, (), cut.files, hidden=False), folder, negatives=least_negatives(blocks))


def views(records: pa.Table, order: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """Yield path and rows of both views of each language, in an order."""
    ordered = records.sort_by([(name, "ascending") for name in ("language", *order)])
    for entry in ordered["language"].value_counts().to_pylist():
        rows = ordered.filter(pc.equal(ordered["language"], entry["values"])).combine_chunks()
        least = pc.min(pc.list_value_length(rows["negatives"])).as_py()
        texts = {"anchor": rows["query"], "positive": rows["positive"]}
        for number in range(least):
            texts[f"negative_{number + 1}"] = pc.list_element(rows["negatives"], number).cast(pa.string())
        others = {name: rows[name] for name in rows.column_names if name not in _TEXTS}
        yield f"data/{entry['values']}/train.parquet", pa.table(texts)
        yield f"full/{entry['values']}/train.parquet", pa.table(texts | others)


def plain(records: pa.Table, folder: Path, *, order: Sequence[str], **options: Any) -> None:
    """Write with pyarrow."""
    for path, rows in views(records, order):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, folder / path, **options)


def by_datasets(records: pa.Table, folder: Path, *, order: Sequence[str]) -> None:
    """Write with `datasets`."""
    from datasets import Dataset

    for path, rows in views(records, order):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Dataset(rows).to_parquet(str(folder / path))


_BY_ID, _BY_ROW = ("source", "id"), ("source", "file", "row")
_BEFORE = {"compression": "zstd", "row_group_size": 50_000, "write_page_index": True}
_BEFORE |= {"use_content_defined_chunking": True}

LAYOUTS: Mapping[str, Writer] = {
    "ours": ours,
    "ours before: by id, groups of 50,000": partial(plain, order=_BY_ID, **_BEFORE),
    "the same by row": partial(plain, order=_BY_ROW, **_BEFORE),
    "datasets, by row": partial(by_datasets, order=_BY_ROW),
    "pyarrow defaults, by row": partial(plain, order=_BY_ROW),
    "pyarrow zstd, by row": partial(plain, order=_BY_ROW, compression="zstd"),
}
