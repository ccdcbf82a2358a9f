"""Faults of the files: shards that end too early, and negatives that are no texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.hashing import priority
from curation.release import layout

from .languages import chosen_language
from .tables import Change, Tables, negative_columns


def cut_bytes(tables: Tables, seed: int) -> Change:
    """Take the last third of the bytes of a shard of `data/`; the manifest speaks of the whole one."""
    return Change({}, cut=layout.shard_path("data", chosen_language(tables, seed), "train", 0, 1))


def lose_rows(tables: Tables, seed: int) -> Change:
    """Take the last third of the training rows of a language; the manifest is true, `stats.json` tells the old rows."""
    key = (chosen_language(tables, seed), "train")
    return Change({key: tables[key].slice(0, tables[key].num_rows * 2 // 3)}, counted=False)


def null_negatives(tables: Tables, seed: int, *, share: float) -> Change:
    """Let the drawn negatives of every split be null, in columns whose schema allows that."""
    return _emptied(tables, seed, share, None)


def empty_negatives(tables: Tables, seed: int, *, share: float) -> Change:
    """Let the drawn negatives of every split be texts of no characters."""
    return _emptied(tables, seed, share, "")


def _emptied(tables: Tables, seed: int, share: float, nothing: str | None) -> Change:
    return Change({key: _without_texts(table, seed, share, nothing) for key, table in tables.items()})


def _without_texts(table: pa.Table, seed: int, share: float, nothing: str | None) -> pa.Table:
    names, ids = negative_columns(table), table["id"].to_pylist()
    drawn = np.concatenate([priority(ids, name, seed) for name in names]) if names else np.empty(0, np.uint64)
    chosen = np.zeros(len(drawn), dtype=bool)
    chosen[np.argsort(drawn, kind="stable")[: round(share * len(drawn))]] = True
    for number, name in enumerate(names):
        here = chosen[number * len(ids) : (number + 1) * len(ids)]
        texts = [nothing if gone else text for text, gone in zip(table[name].to_pylist(), here, strict=True)]
        field = pa.field(name, pa.string(), nullable=nothing is None)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(texts, pa.string()))
    return table
