"""Builders of the tables that the filter tests work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from curation.config.model import Filters
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA
from filters.columns import PairColumns, TextColumn, pair_columns, text_column
from filters.roles import Roles
from filters.score import score_records
from filters.stage import filter_records

Pairs = Sequence[tuple[str, str]]

ROLES: Roles = {"test": ("sentence", "sentence")}


def _records(
    pairs: Pairs,
    *,
    task: str = "bitext",
    query_language: str = "und_Zzzz",
    positive_language: str = "eng_Latn",
    source: str = "test",
    negatives: Sequence[str] = (),
) -> pa.Table:
    rows = [
        {
            "id": f"{number:032x}",
            "query": query,
            "positive": positive,
            "negatives": list(negatives),
            "query_language": query_language,
            "positive_language": positive_language,
            "language": positive_language if positive_language != "eng_Latn" else query_language,
            "source": source,
            "licence": "CC0-1.0",
            "task": task,
            "label": "",
            "group": query,
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
    """Build the columns that pair scores measure from (query, positive) pairs."""
    return lambda rows, **given: pair_columns(_records(rows, **given))


@pytest.fixture(scope="session")
def column() -> Callable[..., TextColumn]:
    """Build the column that side scores measure from texts of one language."""

    def build(texts: Sequence[str], language: str = "eng_Latn") -> TextColumn:
        languages = pa.chunked_array([pa.array([language] * len(texts), pa.string())])
        return text_column(pa.chunked_array([pa.array(texts, pa.string())]), languages)

    return build


@pytest.fixture(scope="session")
def judge() -> Callable[..., Outcome]:
    """Score records and filter them."""

    def run(table: pa.Table, options: Filters | None = None, roles: Roles = ROLES) -> Outcome:
        return filter_records(score_records(table).records, options or Filters(), roles)

    return run
