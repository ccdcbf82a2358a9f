"""All files of a release at once, by one writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from curation.config.model import Dedup
from curation.dedup.index import write_parts
from curation.release import layout
from curation.release.cutting import Cutting, count_blocks, least_negatives, merge_blocks
from curation.release.recipe import write_recipes
from curation.release.shards import write_shards


def blocks_of(records: pa.Table, recipes: Sequence[str] = (), rows_per_file: int = 1_000_000) -> pa.Table:
    return merge_blocks([count_blocks(records, recipes, rows_per_file)])


def write_whole(
    records: pa.Table,
    folder: Path,
    *,
    rows_per_file: int = 1_000_000,
    recipes: Sequence[str] = (),
    negatives: int | None = None,
    index: Dedup | None = None,
) -> pa.Table:
    """Write shards and recipes, and return a row for each file.

    Args:
        records: rows with the column `split`.
        folder: where they go.
        rows_per_file: greatest number of rows of a file.
        recipes: sources whose texts are hidden.
        negatives: negatives of a row; by default as many as each record has.
        index: the section `dedup` of the config, where parts of an index are wanted.
    """
    blocks = blocks_of(records, recipes, rows_per_file)
    cut = Cutting.of(blocks, rows_per_file)
    released = cut.rows_of(records, recipes, cut.files, hidden=False)
    hidden = cut.rows_of(records, recipes, cut.files, hidden=True)
    count = least_negatives(blocks) if negatives is None else negatives
    written = pa.concat_tables(
        [write_shards(records, released, folder, negatives=count), write_recipes(records, hidden, folder)]
    )
    if index is not None:
        write_parts(folder, layout.full_shards(written["path"].to_pylist()), index)
    return written
