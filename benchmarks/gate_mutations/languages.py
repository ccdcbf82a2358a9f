"""Faults of the languages: rows under the name of another, and a language whose texts are none of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from curation.hashing import priority
from curation.release import layout

from .edits import as_noise, fresh, shuffle_words
from .tables import Change, Key, Tables, draw, in_order, negative_columns, with_values

# A language whose texts are replaced has so many training pairs: fewer say too little to anybody.
LEAST_PAIRS = 300
_SIDES = (("anchor", "query_language"), ("positive", "positive_language"))


def relabel(tables: Tables, seed: int, *, share: float) -> Change:
    """Move the drawn training rows of each language to other languages: the meaning is right, the label wrong."""
    train = {code: table for (code, split), table in tables.items() if split == "train"}
    codes = sorted(train)
    held = {code: _pairs(table) for code, table in train.items()}
    stays, moved, targets = {}, [], []
    for code in codes:
        rows = draw(train[code], share, "wrong label", seed)
        leaving = train[code].take(pa.array(rows))
        stays[code] = _without(train[code], rows)
        others = [other for other in codes if other != code]
        for pair, number in zip(_pair_list(leaving), _targets(leaving, seed, len(others)), strict=True):
            targets.append(_first_without(pair, others[number:] + others[:number], held))
        moved.append(leaving)
    arrived = relabelled(pa.concat_tables(moved), targets)
    names = np.array(targets, dtype=object)
    parts = {code: arrived.take(pa.array(np.flatnonzero(names == code))) for code in codes}
    return Change({(code, "train"): in_order(pa.concat_tables([stays[code], parts[code]])) for code in codes})


def mislabel_source(tables: Tables, seed: int) -> Change:
    """Move the rows of one source of one language, in every split, to another language that has data.

    Where the language has one source only, half of its rows are moved: a file of the source that says another language.
    """
    code, other = _two_languages(tables, seed)
    sources = tables[code, "train"]["source"].unique().to_pylist()
    source = min(sources, key=lambda name: priority([name], "mislabelled source", seed)[0])
    changed = {}
    for split in _splits_of(tables, code):
        table = tables[code, split]
        if len(sources) > 1:
            rows = np.flatnonzero(np.array(table["source"].to_pylist(), dtype=object) == source)
        else:
            rows = draw(table, 0.5, "mislabelled source", seed)
        leaving = table.take(pa.array(rows))
        arriving = relabelled(leaving, [other] * leaving.num_rows)
        there = tables.get((other, split))
        changed[code, split] = _without(table, rows)
        changed[other, split] = in_order(pa.concat_tables([arriving] if there is None else [there, arriving]))
    return Change(changed)


def replace_by_language(tables: Tables, seed: int, *, splits: Sequence[str]) -> Change:
    """Put rows of another language, under the name of the chosen one, in the place of its own."""
    code, other = _two_languages(tables, seed)
    changed = {}
    for split in splits:
        own, there = tables.get((code, split)), tables.get((other, split))
        if own is None or there is None:
            continue
        taken = there.take(pa.array(draw(there, min(1.0, own.num_rows / there.num_rows), "other language", seed)))
        taken = relabelled(taken, [code] * taken.num_rows)
        changed[code, split] = in_order(
            with_values(taken, "id", fresh(taken["id"].to_pylist(), "other language", seed, 32))
        )
    return Change(changed)


def replace_by_noise(tables: Tables, seed: int, *, splits: Sequence[str]) -> Change:
    """Put random letters of the language in the place of each letter; lengths, spaces and punctuation stay."""
    code = chosen_language(tables, seed)
    letters = sorted({c for text in _own_texts(tables[code, "train"], code) for c in text if c.isalpha()})
    return _replaced(tables, code, splits, lambda text: as_noise(text, letters, seed))


def replace_by_shuffled_words(tables: Tables, seed: int, *, splits: Sequence[str]) -> Change:
    """Permute the words of each text of the language; characters, where it writes no spaces."""
    return _replaced(tables, chosen_language(tables, seed), splits, lambda text: shuffle_words(text, seed))


def chosen_language(tables: Tables, seed: int) -> str:
    """Return a random language with `LEAST_PAIRS` training pairs, or the one with the most if none has."""
    sizes = {code: table.num_rows for (code, split), table in tables.items() if split == "train"}
    large = sorted(code for code, rows in sizes.items() if rows >= LEAST_PAIRS) or [max(sizes, key=lambda c: sizes[c])]
    return large[int(np.argmin(priority(large, "chosen language", seed)))]


def relabelled(table: pa.Table, codes: Sequence[str]) -> pa.Table:
    """Return rows that say other languages wherever they said their own."""
    old = table["language"].to_pylist()
    new = dict(enumerate(codes))
    for name in ("query_language", "positive_language", "language"):
        said = table[name].to_pylist()
        table = with_values(table, name, [new[i] if code == old[i] else code for i, code in enumerate(said)])
    if "negative_languages" not in table.column_names:
        return table
    lists = table["negative_languages"].to_pylist()
    renamed = [[new[i] if code == old[i] else code for code in row] for i, row in enumerate(lists)]
    return with_values(table, "negative_languages", renamed)


def _replaced(tables: Tables, code: str, splits: Sequence[str], change: Callable[[str], str]) -> Change:
    return Change(
        {(code, split): _with_texts(tables[code, split], code, change) for split in splits if (code, split) in tables}
    )


def _with_texts(table: pa.Table, code: str, change: Callable[[str], str]) -> pa.Table:
    """Change the sides that are in the language, and the negatives with the positives."""
    for name, language in _SIDES:
        said = table[language].to_pylist()
        for column in [name, *(negative_columns(table) if name == "positive" else [])]:
            texts = table[column].to_pylist()
            new = [change(text) if at == code else text for text, at in zip(texts, said, strict=True)]
            table = with_values(table, column, new)
    return table


def _own_texts(table: pa.Table, code: str) -> list[str]:
    return [
        text
        for name, language in _SIDES
        for text, said in zip(table[name].to_pylist(), table[language].to_pylist(), strict=True)
        if said == code
    ]


def _two_languages(tables: Tables, seed: int) -> Key:
    """Return the chosen language and another that has as many rows in each split, or else the most."""
    code = chosen_language(tables, seed)
    others = sorted({other for other, split in tables if split == "train"} - {code})
    enough = [other for other in others if _has_enough(tables, code, other)]
    if not enough:
        return code, max(others, key=lambda other: tables[other, "train"].num_rows)
    return code, enough[int(np.argmin(priority(enough, "other language", seed)))]


def _has_enough(tables: Tables, code: str, other: str) -> bool:
    rows = {key: table.num_rows for key, table in tables.items()}
    return all(rows.get((other, split), 0) >= rows[code, split] for split in _splits_of(tables, code))


def _splits_of(tables: Tables, code: str) -> list[str]:
    return [split for split in layout.SPLITS if (code, split) in tables]


def _pair_list(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["anchor"].to_pylist(), table["positive"].to_pylist(), strict=True))


def _pairs(table: pa.Table) -> set[tuple[str, str]]:
    return set(_pair_list(table))


def _targets(table: pa.Table, seed: int, count: int) -> list[int]:
    drawn = priority(table["id"].to_pylist(), "target of a wrong label", seed)
    return [int(number) for number in drawn % np.uint64(count)]


def _first_without(pair: tuple[str, str], codes: Sequence[str], held: dict[str, set[tuple[str, str]]]) -> str:
    """Return the first language that does not hold a pair, and note that it does now: no pair stands there twice."""
    code = next((code for code in codes if pair not in held[code]), codes[0])
    held[code].add(pair)
    return code


def _without(table: pa.Table, rows: np.ndarray) -> pa.Table:
    keep = np.ones(table.num_rows, dtype=bool)
    keep[rows] = False
    return table.filter(pa.array(keep))
