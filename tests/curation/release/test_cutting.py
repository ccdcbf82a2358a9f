"""Files of a release: the same rows in the same files, whoever writes them and wherever the records lie."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.release import cutting
from curation.release.cutting import BLOCKS_SCHEMA, Cutting, File, count_blocks, least_negatives, merge_blocks
from curation.release.order import COPIES, rows_in_order

LANGUAGES = (
    "deu_Latn", "rus_Cyrl", "ell_Grek", "arb_Arab", "heb_Hebr", "hin_Deva", "tha_Thai", "jpn_Jpan", "kor_Hang",
    "kat_Geor", "amh_Ethi",
)  # fmt: skip
SECRET = ("secret",)
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("id", "language", "split", "source", "file")),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("negatives", pa.list_(pa.string()), nullable=False),
    ]
)

Row = tuple[Any, ...]
Place = tuple[bool, str, str, int]

PLACES = st.tuples(
    st.sampled_from(LANGUAGES[:3]),
    st.sampled_from(["train", "train", "test"]),
    st.sampled_from(["bible", "news", "secret"]),
    st.sampled_from(["новости.tsv", "ข่าว.tsv"]),
    st.integers(0, 30),
    st.integers(1, 4),
)


def table(rows: list[Row], *, with_copies: bool = True) -> pa.Table:
    """Return records from (language, split, source, file, row, copies)."""
    names = ("language", "split", "source", "file", "row", COPIES)
    values = [
        dict(zip(names, row, strict=True)) | {"id": f"{number:032x}", "negatives": ["n"] * (row[4] % 5 + 1)}
        for number, row in enumerate(rows)
    ]
    schema = SCHEMA.append(pa.field(COPIES, pa.int32(), nullable=False)) if with_copies else SCHEMA
    return pa.Table.from_pylist(values, schema=schema)


def place_of(file: File) -> Place:
    return file.hidden, file.language, file.split, file.index


def expected_files(records: pa.Table, rows_per_file: int) -> dict[Place, list[tuple[str, int]]]:
    """Return (id, copy) of each file's rows, from all records in one place."""
    found: dict[Place, list[tuple[str, int]]] = {}
    is_secret = np.array([source in SECRET for source in records["source"].to_pylist()], dtype=bool)
    for hidden in (False, True):
        some = records.filter(pa.array(is_secret == hidden))
        for language, split, rows in rows_in_order(some):
            ids = some["id"].take(pa.array(rows.records)).to_pylist()
            whole = list(zip(ids, rows.copies.tolist(), strict=True))
            for index in range(-(-len(whole) // rows_per_file)):
                found[hidden, language, split, index] = whole[index * rows_per_file : (index + 1) * rows_per_file]
    return found


def written_files(records: pa.Table, cut: Cutting, files: tuple[File, ...]) -> dict[Place, list[tuple[str, int]]]:
    """Return the same of what a writer makes of the records that it has got."""
    found = {}
    for hidden in (False, True):
        for file, rows in cut.rows_of(records, SECRET, files, hidden=hidden):
            assert file.hidden == hidden
            assert len(rows) == file.rows
            assert place_of(file) not in found
            ids = records["id"].take(pa.array(rows.records)).to_pylist()
            found[place_of(file)] = list(zip(ids, rows.copies.tolist(), strict=True))
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PLACES, max_size=40),
    st.integers(1, 9),
    st.sampled_from([1, 2, 5, 100]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_any_writers_write_what_one_would(
    rows: list[Row], rows_per_file: int, blocks_a_file: int, parts: int, writers: int, with_copies: bool, chance: Any
) -> None:
    records = table(rows, with_copies=with_copies)
    order = chance.sample(range(len(rows)), len(rows))
    records = records.take(pa.array(order, pa.int64()))
    homes = np.array([chance.randrange(parts) for _ in rows], dtype=np.int64)
    split = [records.filter(pa.array(homes == home)) for home in range(parts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "_BLOCKS", blocks_a_file)
        blocks = merge_blocks([count_blocks(part, SECRET, rows_per_file) for part in split])
        cut = Cutting.of(blocks, rows_per_file)
        expected = expected_files(records, rows_per_file)
        assert {place_of(file): file.rows for file in cut.files} == {key: len(each) for key, each in expected.items()}
        writer_of = np.array([chance.randrange(writers) for _ in cut.files], dtype=np.int64)
        found: dict[Place, list[tuple[str, int]]] = {}
        accounted: Counter[str] = Counter()
        sent = [cut.wanted(part, SECRET) for part in split]
        for writer in range(writers):
            mine = [
                part.take(pa.array(np.unique(wanted[writer_of[numbers] == writer])))
                for part, (wanted, numbers) in zip(split, sent, strict=True)
            ]
            here = pa.concat_tables(chance.sample(mine, len(mine)))
            files = tuple(file for file, home in zip(cut.files, writer_of.tolist(), strict=True) if home == writer)
            made = written_files(here, cut, files)
            assert made.keys() == {place_of(file) for file in files}
            found |= made
            own = writer_of[cut.first_files(here, SECRET)] == writer
            accounted.update(here["id"].filter(pa.array(own)).to_pylist())
        assert found == expected
        assert accounted == Counter(records["id"].to_pylist())


@settings(max_examples=60, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=40), st.integers(1, 9), st.integers(1, 7))
def test_a_record_goes_to_the_files_of_its_block_once_each(
    rows: list[Row], rows_per_file: int, blocks_a_file: int
) -> None:
    records = table(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "_BLOCKS", blocks_a_file)
        cut = Cutting.of(merge_blocks([count_blocks(records, SECRET, rows_per_file)]), rows_per_file)
        wanted, numbers = cut.wanted(records, SECRET)
        firsts = cut.first_files(records, SECRET)
    pairs = list(zip(wanted.tolist(), numbers.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(enumerate(firsts.tolist())) <= set(pairs)
    for record, number in pairs:
        file = cut.files[number]
        assert (file.hidden, file.language, file.split) == (rows[record][2] in SECRET, *rows[record][:2])
    # Whoever holds a row of a record is among the files that want it.
    holders = expected_files(records, rows_per_file)
    for number, file in enumerate(cut.files):
        for identity, _ in holders[place_of(file)]:
            assert (int(identity, 16), number) in pairs


@settings(max_examples=60, deadline=None)
@given(st.lists(PLACES, max_size=30), st.lists(st.integers(0, 30), max_size=3), st.randoms(use_true_random=False))
def test_the_counts_do_not_depend_on_how_records_are_cut(rows: list[Row], places: list[int], chance: Any) -> None:
    records = table(rows)
    bounds = [0, *sorted(min(place, len(rows)) for place in places), len(rows)]
    parts = [records.slice(a, b - a) for a, b in pairwise(bounds)]
    chance.shuffle(parts)
    whole = merge_blocks([count_blocks(records, SECRET, 3)])
    assert whole.schema == BLOCKS_SCHEMA
    counts = [count_blocks(part, SECRET, 3) for part in parts]
    assert merge_blocks(counts).equals(whole)
    assert merge_blocks([merge_blocks(counts[:2]), merge_blocks(counts[2:])]).equals(whole)
    assert sum(whole["rows"].to_pylist()) == len(rows)


def test_every_language_and_split_has_its_files_in_the_order_of_names() -> None:
    rows = [
        (code, split, "news", "a", n, 1) for code in LANGUAGES[::-1] for split in ("train", "test") for n in range(5)
    ]
    cut = Cutting.of(merge_blocks([count_blocks(table(rows), SECRET, 2)]), 2)
    assert [place_of(file) for file in cut.files] == [
        (False, code, split, index) for code in sorted(LANGUAGES) for split in ("test", "train") for index in range(3)
    ]
    assert {(file.count, file.start, file.rows) for file in cut.files} == {(3, 0, 2), (3, 2, 2), (3, 4, 1)}


def test_of_hidden_records_negatives_do_not_count() -> None:
    shown = [("deu_Latn", "train", "news", "a", 3, 1), ("tha_Thai", "test", "news", "a", 2, 1)]
    hidden = [("deu_Latn", "train", "secret", "a", 0, 1)]
    assert least_negatives(merge_blocks([count_blocks(table(shown + hidden), SECRET, 4)])) == 3
    assert least_negatives(merge_blocks([count_blocks(table(shown + hidden), (), 4)])) == 1
    assert least_negatives(merge_blocks([count_blocks(table(hidden), SECRET, 4)])) == 0


def test_nothing_has_no_files() -> None:
    assert merge_blocks([]).equals(BLOCKS_SCHEMA.empty_table())
    assert least_negatives(merge_blocks([])) == 0
    nothing = table([])
    cut = Cutting.of(merge_blocks([count_blocks(nothing, SECRET, 4)]), 4)
    assert cut.files == ()
    assert [found.tolist() for found in cut.wanted(nothing, SECRET)] == [[], []]
    assert cut.first_files(nothing, SECRET).tolist() == []
    assert list(cut.rows_of(nothing, SECRET, cut.files, hidden=False)) == []


def test_a_part_without_records_among_others_that_have_some() -> None:
    cut = Cutting.of(merge_blocks([count_blocks(table([("deu_Latn", "train", "news", "a", 3, 2)]), SECRET, 4)]), 4)
    assert [found.tolist() for found in cut.wanted(table([]), SECRET)] == [[], []]
    assert cut.first_files(table([]), SECRET).tolist() == []
