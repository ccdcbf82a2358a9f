from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_teachers import vector_of

from curation import notes
from curation.mining import searcher
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import ArrayCorpus, subset
from curation.mining.search.exact import nearest
from curation.mining.searcher import Searcher


def vectors(count: int, kind: str) -> Vectors:
    return np.array([vector_of(f"{kind} {number}") for number in range(count)])


def barred(count: int, row: int) -> Exclusions:
    return Exclusions.from_rows(Ragged.one_each(np.full(count, row, dtype=np.int64)))


QUERIES, PASSAGES = ArrayCorpus(vectors(30, "query")), ArrayCorpus(vectors(50, "passage"))


def units(folder: Path) -> int:
    return len(list(folder.rglob("*.hits")))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher, "LEAST_PAIRS", 1)


@pytest.mark.usefixtures("large")
def test_a_search_that_is_kept_finds_the_same_and_is_found_again(tmp_path: Path) -> None:
    excluded = barred(30, 7)
    expected = nearest(QUERIES, PASSAGES, 5, excluded)
    for _ in range(2):
        found = Searcher(tmp_path, "a").nearest(QUERIES, PASSAGES, 5, excluded)
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)
        assert units(tmp_path) == 1


@pytest.mark.usefixtures("large")
def test_searches_that_differ_in_anything_share_nothing(tmp_path: Path) -> None:
    rows = np.arange(10, 50, dtype=np.int64)
    moved = np.arange(5, 45, dtype=np.int64)
    cases = [
        ("a", PASSAGES, 5, barred(30, 7)),
        ("b", PASSAGES, 5, barred(30, 7)),
        ("a", PASSAGES, 5, barred(30, 8)),
        ("a", PASSAGES, 4, barred(30, 7)),
        ("a", subset(PASSAGES, rows), 5, barred(30, 7)),
        ("a", subset(PASSAGES, moved), 5, barred(30, 7)),
    ]
    for number, (contents, passages, k, excluded) in enumerate(cases, 1):
        found = Searcher(tmp_path, contents).nearest(QUERIES, passages, k, excluded)
        np.testing.assert_array_equal(found.rows, nearest(QUERIES, passages, k, excluded).rows)
        assert units(tmp_path) == number


def test_a_small_search_is_not_worth_keeping(tmp_path: Path) -> None:
    Searcher(tmp_path, "a").nearest(QUERIES, PASSAGES, 5, barred(30, 7))
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("large")
def test_units_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "LEAST_SECONDS", 0.0)
    heard: list[str] = []
    with notes.listening(heard.append):
        Searcher(tmp_path, "a").nearest(QUERIES, PASSAGES, 5, barred(30, 7))
    assert heard[-1].startswith("search: 1 of 1 units")
