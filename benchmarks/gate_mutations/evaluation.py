"""Faults of what is held out or told apart: test rows in training, and negatives that are right answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.hashing import priority

from .edits import change_word, fresh, light_edit
from .tables import Change, Tables, draw, in_order, negative_columns, with_values

_ROWS_OF_A_FILE = 10_000_000


def leak(tables: Tables, seed: int, *, share: float, edited: bool) -> Change:
    """Add the drawn test rows of each language to its training rows, with ids and groups of their own.

    Args:
        tables: of the release.
        seed: of the draw.
        share: of the test rows.
        edited: whether both sides are lightly edited: case, punctuation, or a word dropped or repeated.
    """
    changed = {}
    for (code, split), table in tables.items():
        rows = draw(table, share, "leaked", seed) if split == "test" else np.empty(0, np.int64)
        train = tables.get((code, "train"))
        if not len(rows) or train is None:
            continue
        leaked = _as_strangers(table.take(pa.array(rows)), seed)
        for name in ("anchor", "positive") if edited else ():
            leaked = with_values(leaked, name, [light_edit(text, seed) for text in leaked[name].to_pylist()])
        changed[code, "train"] = in_order(pa.concat_tables([train, leaked]))
    return Change(changed)


def right_negatives(tables: Tables, seed: int, *, share: float, edited: bool) -> Change:
    """Put the positive in the place of the drawn negatives of the training rows.

    Args:
        tables: of the release.
        seed: of the draw.
        share: of all negatives.
        edited: whether a word of the positive is changed or dropped.
    """
    changed = {}
    for key, table in tables.items():
        if key[1] == "train" and negative_columns(table):
            changed[key] = _with_right_negatives(table, seed, share, edited)
    return Change(changed)


def _with_right_negatives(table: pa.Table, seed: int, share: float, edited: bool) -> pa.Table:
    positives = table["positive"].to_pylist()
    words = sorted({word for text in positives for word in text.split()})
    names, ids = negative_columns(table), table["id"].to_pylist()
    drawn = np.stack([priority(ids, name, seed) for name in names], axis=1)
    chosen = np.zeros(drawn.size, dtype=bool)
    chosen[np.argsort(drawn.ravel(), kind="stable")[: round(share * drawn.size)]] = True
    for name, here in zip(names, chosen.reshape(drawn.shape).T, strict=True):
        texts = table[name].to_pylist()
        for row in np.flatnonzero(here):
            text = positives[row]
            texts[row] = change_word(text, words, seed, drop=True) if edited else text
        table = with_values(table, name, texts)
    return table


def _as_strangers(table: pa.Table, seed: int) -> pa.Table:
    """Return rows that nothing but their texts ties to those that they come from."""
    for name, digits in (("id", 32), ("group", 16), ("component", 16)):
        if name in table.column_names:
            table = with_values(table, name, fresh(table[name].to_pylist(), "leaked", seed, digits))
    return with_values(table, "row", [row + _ROWS_OF_A_FILE for row in table["row"].to_pylist()])
