"""What there is to share out: the rows of each language, task and source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.quota.filling import Int64s

KEYS = ("language", "task", "source")
CELLS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in KEYS),
        pa.field("available", pa.int64(), nullable=False),
        pa.field("usable", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class LanguageCells:
    """The cells of one language, sorted by task and source.

    Attributes:
        language: its code.
        tasks: task of each cell, as a number in `task_names`, int64 (n,).
        sources: source of each cell, as a number in `source_names`, int64 (n,).
        available: rows that weights go by, int64 (n,).
        usable: rows that can be given, int64 (n,): fewer where some were lost in the meantime.
        task_names: all tasks.
        source_names: all sources.
    """

    language: str
    tasks: Int64s
    sources: Int64s
    available: Int64s
    usable: Int64s
    task_names: list[str]
    source_names: list[str]


def by_language(cells: pa.Table) -> tuple[pa.Table, list[LanguageCells]]:
    """Return a table of `CELLS_SCHEMA`, one row a cell, sorted by its keys, and its parts by language in that order."""
    cells = cells.sort_by([(name, "ascending") for name in KEYS]).combine_chunks()
    (languages, codes), tasks, sources = (_coded(cells, name) for name in KEYS)
    bounds = np.searchsorted(codes, np.arange(len(languages) + 1)).tolist()
    available, usable = cells["available"].to_numpy(), cells["usable"].to_numpy()
    parts = []
    for number, language in enumerate(languages):
        mine = slice(bounds[number], bounds[number + 1])
        parts.append(
            LanguageCells(
                language,
                tasks=tasks[1][mine],
                sources=sources[1][mine],
                available=available[mine],
                usable=usable[mine],
                task_names=tasks[0],
                source_names=sources[0],
            )
        )
    return cells, parts


def _coded(cells: pa.Table, name: str) -> tuple[list[str], Int64s]:
    """Return the distinct values of a column in the order of their appearance, and the number of each row's."""
    encoded = cells[name].combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def is_program(language: str) -> bool:
    """Tell whether a code is a programming language's: they, and no other, have the script `Zzzz`."""
    return language.endswith("_Zzzz")
