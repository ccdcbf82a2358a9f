"""Comparing the rows of two releases: by hand on a few, and like dictionaries on many."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import FULL, TEXTS, row, write_release

from curation.errors import ReleaseError
from curation.hashing import content_id
from curation.release import Release
from curation.release.diff.rows import RowDiff, compare_rows

LANGUAGES = sorted(TEXTS)
WITH_COPY = FULL.append(pa.field("copy", pa.int32(), nullable=False))


def both(tmp_path: Path, one: list[dict[str, Any]], other: list[dict[str, Any]]) -> tuple[Release, Release]:
    return write_release(tmp_path / "one", one), write_release(tmp_path / "other", other)


def counts(diff: RowDiff) -> tuple[int, int, int, int]:
    return diff.shared, len(diff.added), len(diff.removed), sum(diff.changed.values())


def where(diff: RowDiff, side: str) -> Counter[tuple[str, str]]:
    rows = getattr(diff, side)
    cells = zip(rows.languages.tolist(), rows.sources.tolist(), strict=True)
    return Counter((diff.languages[language], diff.sources[source]) for language, source in cells)


def test_a_release_does_not_differ_from_itself(tmp_path: Path) -> None:
    rows = [row(number, LANGUAGES[number % 11]) for number in range(50)]
    one, other = both(tmp_path, rows, rows)
    for diff in (compare_rows(one, one), compare_rows(one, other)):
        assert counts(diff) == (50, 0, 0, 0)
        assert not diff.columns
        assert not diff.moves


def test_rows_are_added_and_removed_by_language_and_source(tmp_path: Path) -> None:
    old = [row(n, LANGUAGES[n % 3]) for n in range(9)]
    new = [*old[2:], row(20, "tha_Thai", source="extra"), row(21, "tha_Thai"), row(22, LANGUAGES[0])]
    diff = compare_rows(*both(tmp_path, old, new))
    assert counts(diff) == (7, 3, 2, 0)
    assert where(diff, "removed") == {(LANGUAGES[0], "news"): 1, (LANGUAGES[1], "news"): 1}
    assert where(diff, "added") == {("tha_Thai", "extra"): 1, ("tha_Thai", "news"): 1, (LANGUAGES[0], "news"): 1}


@pytest.mark.parametrize(
    ("edit", "column"),
    [
        ({"licence": "CC-BY-4.0"}, "licence"),
        ({"negative_1": "Es regnet."}, "negatives"),
        ({"positive": "อากาศดี"}, "positive"),
        ({"score": 0.25}, "score"),
        ({"score": None}, "score"),
        ({"score": float("nan")}, "score"),
        ({"origins": ["lexical"]}, "origins"),
        ({"origins": ["dense", "dense"]}, "origins"),
        ({"origins": []}, "origins"),
        ({"origins": None}, "origins"),
        ({"origins": [None]}, "origins"),
        ({"candidates": {"taken": 4, "share": 0.25}}, "candidates"),
        ({"candidates": {"taken": 3, "share": None}}, "candidates"),
        ({"candidates": None}, "candidates"),
        ({"source": "other"}, "source"),
        ({"split": "test"}, "split"),
        ({"language": "kor_Hang"}, "language"),
    ],
    ids=str,
)
def test_a_changed_column_is_named(tmp_path: Path, edit: dict[str, Any], column: str) -> None:
    rows = [row(number) for number in range(8)]
    diff = compare_rows(*both(tmp_path, rows, [*rows[:4], rows[4] | edit, *rows[5:]]))
    assert counts(diff) == (8, 0, 0, 1)
    changed = ("kor_Hang" if column == "language" else "deu_Latn", edit.get("source", "news"))
    assert diff.changed == {changed: 1}
    assert diff.columns == {(*changed, column): 1}
    assert diff.retrained == (column in ("negatives", "positive", "split", "language"))


def test_swapped_elements_of_lists_are_seen(tmp_path: Path) -> None:
    old = [row(1, origins=["dense", "lexical"]), row(2, origins=["dense"]), row(3, origins=["lexical"])]
    new = [row(1, origins=["lexical", "dense"]), row(2, origins=["lexical"]), row(3, origins=["dense"])]
    assert sum(compare_rows(*both(tmp_path, old, new)).columns.values()) == 3


def test_a_move_is_a_change(tmp_path: Path) -> None:
    old = [row(1, "hin_Deva"), row(2, "hin_Deva"), row(3, "arb_Arab", split="test")]
    new = [row(1, "hin_Deva"), old[1] | {"language": "amh_Ethi", "licence": "MIT"}, old[2] | {"split": "validation"}]
    diff = compare_rows(*both(tmp_path, old, new))
    assert counts(diff) == (3, 0, 0, 2)
    assert diff.moves == {("language", "hin_Deva", "amh_Ethi"): 1, ("split", "test", "validation"): 1}
    assert {column for _, _, column in diff.columns} == {"language", "licence", "split"}


def test_copies_of_a_record_are_told_apart(tmp_path: Path) -> None:
    old = [row(1, copy=0), row(1, copy=1), row(2, copy=0)]
    new = [row(1, copy=0), row(2, copy=0), row(2, copy=1), row(2, copy=2)]
    releases = (write_release(tmp_path / str(n), rows, schema=WITH_COPY) for n, rows in enumerate((old, new)))
    assert counts(compare_rows(*releases)) == (2, 2, 1, 0)


def test_a_release_without_copies_compares_with_one_that_has_them(tmp_path: Path) -> None:
    one = write_release(tmp_path / "one", [row(1), row(2)])
    other = write_release(tmp_path / "other", [row(1, copy=0), row(1, copy=1), row(2, copy=0)], schema=WITH_COPY)
    assert counts(compare_rows(one, other)) == (2, 1, 0, 0)


def test_ids_that_repeat_without_copies_are_counted(tmp_path: Path) -> None:
    diff = compare_rows(*both(tmp_path, [row(1), row(1), row(1, "tha_Thai")], [row(1, "kat_Geor"), row(2)]))
    assert counts(diff) == (1, 1, 2, 1)


def test_ids_of_any_form_are_compared(tmp_path: Path) -> None:
    names = ["", "été", "x" * 99, "0" * 32, "F" * 32, " " * 32, content_id("ሰላም")]
    rows = [row(0, id=name) for name in names]
    diff = compare_rows(*both(tmp_path, rows, rows[::-1][:-1]))
    assert counts(diff) == (6, 0, 1, 0)


def test_how_a_release_is_cut_does_not_matter(tmp_path: Path) -> None:
    rows = [row(number, LANGUAGES[number % 2], split="test" if number % 5 == 0 else "train") for number in range(40)]
    one = write_release(tmp_path / "one", rows, rows_per_shard=7)
    other = write_release(tmp_path / "other", rows[::-1], rows_per_shard=40)
    assert counts(compare_rows(one, other)) == (40, 0, 0, 0)


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    one, nothing = write_release(tmp_path / "one", [row(1)]), write_release(tmp_path / "nothing", [])
    with pytest.raises(ReleaseError, match="no ids"):
        compare_rows(one, nothing)
    other = write_release(tmp_path / "other", [row(2)])
    shard = other.path / other.shards("full", split="train")[0].path
    shard.write_bytes(b"PAR1 no parquet PAR1")
    with pytest.raises(ReleaseError, match="cannot be read"):
        compare_rows(one, other)
    shard.unlink()
    with pytest.raises(ReleaseError, match="cannot be read"):
        compare_rows(one, other)


def test_a_shard_without_ids_is_no_shard_of_a_release(tmp_path: Path) -> None:
    schema = FULL.remove(FULL.get_field_index("id"))
    one, other = write_release(tmp_path / "one", [row(1)]), write_release(tmp_path / "other", [row(1)], schema=schema)
    with pytest.raises(ReleaseError, match="column id"):
        compare_rows(one, other)


CELLS = st.fixed_dictionaries(
    {
        "language": st.sampled_from(LANGUAGES[:3]),
        "split": st.sampled_from(["train", "test"]),
        "licence": st.sampled_from(["MIT", "CC0-1.0"]),
        "source": st.sampled_from(["news", "films"]),
        "negative_1": st.sampled_from(["nein", "όχι", "아니요"]),
        "score": st.sampled_from([None, 0.0, 1.0]),
    }
)
KEYS = st.tuples(st.integers(0, 12), st.integers(0, 1))
RELEASES = st.dictionaries(KEYS, CELLS, min_size=1, max_size=20)
_Rows = dict[tuple[int, int], dict[str, Any]]


def written(folder: Path, rows: _Rows) -> Release:
    full = [row(n, cell["language"]) | {"copy": copy, "positive": "same"} | cell for (n, copy), cell in rows.items()]
    return write_release(folder, full, schema=WITH_COPY)


@settings(max_examples=60)
@given(RELEASES, RELEASES)
def test_it_equals_comparing_dictionaries(one: _Rows, other: _Rows) -> None:
    with tempfile.TemporaryDirectory() as folder:
        releases = [written(Path(folder, name), rows) for name, rows in (("one", one), ("other", other))]
        diff, back = compare_rows(*releases), compare_rows(*releases[::-1])
    removed = Counter((one[key]["language"], one[key]["source"]) for key in one.keys() - other.keys())
    added = Counter((other[key]["language"], other[key]["source"]) for key in other.keys() - one.keys())
    columns: Counter[tuple[str, str, str]] = Counter()
    for key in one.keys() & other.keys():
        for name in CELLS_NAMES:
            if one[key][name] != other[key][name]:
                column = "negatives" if name == "negative_1" else name
                columns[other[key]["language"], other[key]["source"], column] += 1
    assert diff.shared == len(one.keys() & other.keys())
    assert where(diff, "removed") == removed == where(back, "added")
    assert where(diff, "added") == added == where(back, "removed")
    assert diff.columns == columns
    assert sum(diff.changed.values()) == sum(one[key] != other[key] for key in one.keys() & other.keys())
    assert {(what, new, old): rows for (what, old, new), rows in diff.moves.items()} == back.moves


CELLS_NAMES = ("language", "split", "licence", "source", "negative_1", "score")
