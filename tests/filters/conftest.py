"""Builders of the tables that the filter tests work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from curation.records import RECORD_SCHEMA
from filters.columns import PairColumns, TextColumn, pair_columns, text_column

Pairs = Sequence[tuple[str, str]]


def _records(pairs: Pairs, *, task: str = "bitext", positive_language: str = "eng_Latn") -> pa.Table:
    rows = [
        {
            "id": f"{number:032x}",
            "query": query,
            "positive": positive,
            "negatives": [],
            "query_language": "und_Zzzz",
            "positive_language": positive_language,
            "language": "und_Zzzz",
            "source": "test",
            "licence": "CC0-1.0",
            "task": task,
            "group": str(number),
            "file": "test.tsv",
            "row": number,
        }
        for number, (query, positive) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


@pytest.fixture(scope="session")
def records() -> Callable[..., pa.Table]:
    """Build a table of records from (query, positive) pairs."""
    return _records


@pytest.fixture(scope="session")
def pairs() -> Callable[..., PairColumns]:
    """Build the columns that pair filters score from (query, positive) pairs."""
    return lambda rows: pair_columns(_records(rows))


@pytest.fixture(scope="session")
def column() -> Callable[..., TextColumn]:
    """Build the column that side filters score from texts of one language."""

    def build(texts: Sequence[str], language: str = "eng_Latn") -> TextColumn:
        languages = pa.chunked_array([pa.array([language] * len(texts), pa.string())])
        return text_column(pa.chunked_array([pa.array(texts, pa.string())]), languages)

    return build
