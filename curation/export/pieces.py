"""The rows of datasets, one piece after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from curation.export.plan import Dataset, Plan
from curation.export.shards import read_columns, shard_schema

_PIECE_BYTES = 16 << 20


def read_pieces(plan: Plan, language: str, split: str, columns: Sequence[str]) -> Iterator[tuple[Dataset, pa.Table]]:
    """Yield the rows of a language and split in order, by dataset, some 16 MiB at a time.

    Args:
        plan: what is read; rows that belong to none of its datasets are left out.
        language: `xxx_Xxxx`.
        split: `train`, `validation` or `test`.
        columns: names of columns; those that a shard lacks are left out.
    """
    waiting: list[pa.Table] = []
    last: Dataset | None = None
    for dataset, rows in _runs(plan, language, split, columns):
        if last is not None and (dataset != last or sum(table.nbytes for table in waiting) >= _PIECE_BYTES):
            yield last, pa.concat_tables(waiting)
            waiting = []
        waiting.append(rows)
        last = dataset
    if last is not None:
        yield last, pa.concat_tables(waiting)


def _runs(plan: Plan, language: str, split: str, columns: Sequence[str]) -> Iterator[tuple[Dataset, pa.Table]]:
    for file in plan.release.shards("full", split=split, language=language):
        known = set(shard_schema(plan.release, file).names)
        wanted = list(dict.fromkeys(name for name in ("source", *columns) if name in known))
        for batch in read_columns(plan.release, file, wanted):
            table = pa.Table.from_batches([batch])
            for source, start, end in _spans(batch.column("source").to_pylist()):
                dataset = plan.find(language, split, source)
                if dataset is not None:
                    yield dataset, table.slice(start, end - start)


def _spans(values: list[str]) -> Iterator[tuple[str, int, int]]:
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or values[end] != values[start]:
            yield values[start], start, end
            start = end
