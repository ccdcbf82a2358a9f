"""Faults of the pairs: anchors with another's positive, sides that changed places, rows that stand there twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .edits import change_word, fresh
from .tables import Change, Int64s, Tables, draw, in_order, negative_columns, with_values

_ROWS_OF_A_FILE = 10_000_000


def shuffle_pairs(tables: Tables, seed: int, *, share: float) -> Change:
    """Give the drawn training rows of each language and source the positive of another of them.

    Negatives stay with their anchor, but for one that is now the positive: that is another fault.
    """
    changed = {key: _shuffled(table, seed, share) for key, table in tables.items() if key[1] == "train"}
    return Change({key: table for key, table in changed.items() if table is not tables[key]})


def swap_sides(tables: Tables, seed: int, *, share: float) -> Change:
    """Let anchor and positive of the drawn rows of every split change places; the languages stay."""
    changed = {}
    for key, table in tables.items():
        rows = draw(table, share, "swapped sides", seed)
        if not len(rows):
            continue
        anchors, positives = (np.array(table[name].to_pylist(), dtype=object) for name in ("anchor", "positive"))
        anchors[rows], positives[rows] = positives[rows], anchors[rows]
        changed[key] = with_values(with_values(table, "anchor", anchors), "positive", positives)
    return Change(changed)


def repeat_pairs(tables: Tables, seed: int, *, share: float, edited: bool) -> Change:
    """Add the drawn training rows of each language once more with ids of their own.

    Args:
        tables: of the release.
        seed: of the draw.
        share: of the rows that were there before.
        edited: whether a word of the positive is changed in the second.
    """
    changed = {}
    for key, table in tables.items():
        rows = draw(table, share, "repeated", seed) if key[1] == "train" else np.empty(0, np.int64)
        if len(rows):
            added = _named_anew(table.take(pa.array(rows)), seed)
            changed[key] = in_order(pa.concat_tables([table, _with_a_word_changed(added, seed) if edited else added]))
    return Change(changed)


def _shuffled(table: pa.Table, seed: int, share: float) -> pa.Table:
    positives = np.array(table["positive"].to_pylist(), dtype=object)
    sources = np.array(table["source"].to_pylist(), dtype=object)
    moved: list[int] = []
    for source in sorted(set(sources)):
        here = np.flatnonzero(sources == source)
        rows = here[draw(table.take(pa.array(here)), share, "shuffled pairs", seed)]
        if len(rows) > 1:
            positives[rows] = np.roll(positives[rows], 1)
            moved += rows.tolist()
    if not moved:
        return table
    return _without_right_answers(with_values(table, "positive", positives), np.array(moved))


def _without_right_answers(table: pa.Table, rows: Int64s) -> pa.Table:
    """Put another negative of its row in the place of each that is the positive of one of these rows."""
    positives = table["positive"].to_pylist()
    names = negative_columns(table)
    columns = {name: table[name].to_pylist() for name in names}
    touched = set()
    for row in rows.tolist():
        others = [columns[name][row] for name in names if columns[name][row] != positives[row]]
        for name in names:
            if others and columns[name][row] == positives[row]:
                columns[name][row] = others[0]
                touched.add(name)
    for name in sorted(touched):
        table = with_values(table, name, columns[name])
    return table


def _named_anew(table: pa.Table, seed: int) -> pa.Table:
    table = with_values(table, "id", fresh(table["id"].to_pylist(), "repeated", seed, 32))
    table = with_values(table, "row", [row + _ROWS_OF_A_FILE for row in table["row"].to_pylist()])
    return with_values(table, "copy", [0] * table.num_rows)


def _with_a_word_changed(table: pa.Table, seed: int) -> pa.Table:
    positives = table["positive"].to_pylist()
    words = sorted({word for text in positives for word in text.split()})
    return with_values(table, "positive", [change_word(text, words, seed) for text in positives])
