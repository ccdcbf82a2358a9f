"""What the shards of a release are made of, byte by byte where bytes are what an upload costs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whole_release import blocks_of, write_whole

from curation.hashing import content_id
from curation.records import RECORD_SCHEMA
from curation.release import row_groups, shards
from curation.release.cutting import Cutting, least_negatives
from curation.release.shards import write_shards

SENTENCES = {
    "deu_Latn": "Der Zug nach Norden fährt heute später ab.",
    "rus_Cyrl": "Поезд на север сегодня отправится позже.",
    "ell_Grek": "Το τρένο για τον βορρά φεύγει αργότερα σήμερα.",
    "arb_Arab": "القطار المتجه شمالا سيغادر متأخرا اليوم.",
    "heb_Hebr": "הרכבת צפונה תצא היום מאוחר יותר.",
    "hin_Deva": "उत्तर की ओर जाने वाली ट्रेन आज देर से चलेगी।",
    "tha_Thai": "รถไฟไปทางเหนือวันนี้จะออกช้า",
    "jpn_Jpan": "北へ行く電車は今日は遅れて発車します。",
    "kor_Hang": "북쪽으로 가는 기차는 오늘 늦게 출발합니다.",
    "kat_Geor": "ჩრდილოეთის მატარებელი დღეს გვიან გავა.",
    "amh_Ethi": "ወደ ሰሜን የሚሄደው ባቡር ዛሬ ዘግይቶ ይነሳል።",
}

COPIES = pa.field("copies", pa.int32(), nullable=False)


def record(language: str, source: str, file: str, row: int, *, negatives: int = 2) -> dict[str, object]:
    identity = content_id(language, source, file, str(row))
    text = f"{SENTENCES[language]} {identity}"
    return {
        **dict.fromkeys(RECORD_SCHEMA.names, ""),
        "id": identity,
        "query": f"{row}. {text}",
        "positive": text[::-1],
        "negatives": [f"{text} {k}" for k in range(negatives)],
        "language": language,
        "source": source,
        "file": file,
        "row": row,
        "split": "train",
    }


def table(rows: Sequence[dict[str, object]], *extra: pa.Field) -> pa.Table:
    schema = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))
    for field in extra:
        schema = schema.append(field)
    return pa.Table.from_pylist(list(rows), schema=schema)


def many(language: str, count: int, source: str = "news", file: str = "a.tsv") -> list[dict[str, object]]:
    return [record(language, source, file, row) for row in range(count)]


def write(records: pa.Table, folder: Path, rows_per_shard: int = 1_000_000) -> dict[str, Path]:
    written = write_whole(records, folder, rows_per_file=rows_per_shard)
    return {path: folder / path for path in written["path"].to_pylist()}


def read(folder: Path, view: str, language: str) -> pa.Table:
    return pa.concat_tables([pq.ParquetFile(file).read() for file in sorted((folder / view / language).glob("*"))])


def test_every_language_has_the_same_explicit_schema(tmp_path: Path) -> None:
    rows = [record(language, "news", "a.tsv", 0, negatives=2 + number) for number, language in enumerate(SENTENCES)]
    files = write(table(rows), tmp_path)
    assert len(files) == 2 * len(SENTENCES)
    for view in ("data", "full"):
        schemas = {str(pq.read_schema(file).remove_metadata()) for path, file in files.items() if path.startswith(view)}
        assert len(schemas) == 1
    names = pq.read_schema(next(file for path, file in files.items() if path.startswith("full"))).names
    assert names[:4] == ["anchor", "positive", "negative_1", "negative_2"]
    assert names[-2:] == ["teacher", "copy"]
    assert not {"query", "negatives", "split", "copies", "quota_rank"} & set(names)


def test_rows_are_in_the_order_of_source_file_and_row(tmp_path: Path) -> None:
    places = [
        ("news", "b.tsv", 0),
        ("news", "a.tsv", 10),
        ("news", "a.tsv", 9),
        ("bible", "z.tsv", 5),
        ("bible", "z.tsv", 4),
    ]
    write(table([record("tha_Thai", *place) for place in places]), tmp_path)
    full = read(tmp_path, "full", "tha_Thai")
    assert list(zip(*(full[name].to_pylist() for name in ("source", "file", "row")), strict=True)) == sorted(places)
    assert full["anchor"].equals(read(tmp_path, "data", "tha_Thai")["anchor"])


@pytest.mark.parametrize(("chunks", "batches"), [(1, 3), (50, 1), (3, 2)])
def test_neither_order_nor_partition_nor_chunks_change_a_byte(tmp_path: Path, chunks: int, batches: int) -> None:
    languages = list(SENTENCES)[:3]
    rows = [row for language in languages for row in many(language, 20)]
    expected = write(table(rows), tmp_path / "whole", 8)
    shuffled = [rows[place] for place in np.random.default_rng(chunks).permutation(len(rows))]
    blocks = blocks_of(table(rows), rows_per_file=8)
    cut = Cutting.of(blocks, 8)
    for part in range(batches):
        files = cut.files[part::batches]
        mine = table(shuffled)
        wanted, numbers = cut.wanted(mine, ())
        mine = mine.take(pa.array(np.unique(wanted[numbers % batches == part])))
        mine = pa.Table.from_batches(mine.to_batches(max_chunksize=max(1, mine.num_rows // chunks)), mine.schema)
        here = cut.rows_of(mine, (), files, hidden=False)
        write_shards(mine, here, tmp_path / "parts", negatives=least_negatives(blocks))
    assert all((tmp_path / "parts" / path).read_bytes() == file.read_bytes() for path, file in expected.items())


def test_shards_hold_at_most_so_many_rows(tmp_path: Path) -> None:
    files = write(table(many("kat_Geor", 10)), tmp_path, 4)
    sizes = {path: pq.read_metadata(file).num_rows for path, file in files.items()}
    assert [sizes[f"data/kat_Geor/train-{n:05d}-of-00003.parquet"] for n in range(3)] == [4, 4, 2]
    assert [sizes[f"full/kat_Geor/train-{n:05d}-of-00003.parquet"] for n in range(3)] == [4, 4, 2]


def test_no_records_make_no_files(tmp_path: Path) -> None:
    assert write(table([]), tmp_path) == {}
    assert write(table([], COPIES), tmp_path) == {}


def test_a_release_without_negatives(tmp_path: Path) -> None:
    write(table([record("amh_Ethi", "news", "a.tsv", row, negatives=row) for row in range(3)]), tmp_path)
    assert read(tmp_path, "data", "amh_Ethi").column_names == ["anchor", "positive"]


def test_large_strings_become_strings(tmp_path: Path) -> None:
    records = table(many("jpn_Jpan", 5))
    place = records.schema.get_field_index("negatives")
    records = records.set_column(place, "negatives", records["negatives"].cast(pa.list_(pa.large_string())))
    write(records, tmp_path)
    data = read(tmp_path, "data", "jpn_Jpan")
    assert set(data.schema.types) == {pa.string()}
    assert data["negative_2"].to_pylist() == [texts[1] for texts in records["negatives"].to_pylist()]


def test_pages_can_be_found_and_places_have_statistics(tmp_path: Path) -> None:
    file = write(table(many("hin_Deva", 50)), tmp_path)["full/hin_Deva/train-00000-of-00001.parquet"]
    group = pq.read_metadata(file).row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    assert all(column.has_offset_index and column.compression == "ZSTD" for column in columns.values())
    assert {name for name, column in columns.items() if column.is_stats_set} == {"source", "file", "row", "copy"}
    assert {name for name, column in columns.items() if column.has_dictionary_page} >= {"source", "licence", "file"}
    assert not any(columns[name].has_dictionary_page for name in ("anchor", "positive", "negative_1", "id", "group"))


def test_repeated_rows_stand_behind_all_others(tmp_path: Path) -> None:
    times = [1, 3, 1, 2]
    rows = [{**row, "copies": count} for row, count in zip(many("heb_Hebr", 4), times, strict=True)]
    write(table(rows, COPIES), tmp_path)
    full = read(tmp_path, "full", "heb_Hebr")
    assert list(zip(full["copy"].to_pylist(), full["row"].to_pylist(), strict=True)) == [
        *((0, row) for row in range(4)),
        *((1, 1), (1, 3)),
        (2, 1),
    ]
    assert full.schema.field("copy").type == pa.int32()
    assert full["anchor"].equals(read(tmp_path, "data", "heb_Hebr")["anchor"])


def test_one_copy_of_each_is_the_same_as_no_copies(tmp_path: Path) -> None:
    rows = many("ell_Grek", 30)
    without = write(table(rows), tmp_path / "without")
    once = write(table([{**row, "copies": 1} for row in rows], COPIES), tmp_path / "once")
    assert [file.read_bytes() for file in without.values()] == [file.read_bytes() for file in once.values()]


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(row_groups, "TARGET_BYTES", 8_000)
    monkeypatch.setattr(row_groups, "LEAST_BYTES", 2_000)
    monkeypatch.setattr(row_groups, "MOST_BYTES", 32_000)
    return 32_000


def group_bytes(file: Path) -> list[bytes]:
    """Return a digest of the bytes of each row group, from its first page to its last."""
    data, metadata, found = file.read_bytes(), pq.read_metadata(file), []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        starts = [
            group.column(n).dictionary_page_offset or group.column(n).data_page_offset for n in range(group.num_columns)
        ]
        last = group.column(group.num_columns - 1)
        found.append(hashlib.sha256(data[min(starts) : starts[-1] + last.total_compressed_size]).digest())
    return found


def test_row_groups_are_bounded_in_bytes_and_equal_in_both_views(tmp_path: Path, small_groups: int) -> None:
    files = write(table(many("rus_Cyrl", 600)), tmp_path)
    groups = {path: pq.ParquetFile(file) for path, file in files.items()}
    rows = [[f.metadata.row_group(n).num_rows for n in range(f.num_row_groups)] for f in groups.values()]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 10
    data = next(f for path, f in groups.items() if path.startswith("data"))
    for number in range(data.num_row_groups):
        texts = data.read_row_group(number)
        assert sum(len(text.encode()) for column in texts.columns for text in column.to_pylist()) <= small_groups


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("view", ["data", "full"])
@pytest.mark.parametrize(
    ("change", "most"),
    [
        ("append", 2),
        ("append a file in the middle", 6),
        ("delete a row", 3),
        ("delete the first row", 3),
        ("change another source", 12),
    ],
)
def test_row_groups_that_a_change_does_not_touch_keep_their_bytes(
    tmp_path: Path, view: str, change: str, most: int
) -> None:
    old = [*many("kor_Hang", 800, "news"), *many("kor_Hang", 200, "talks")]
    new = {
        "append": [*old, *(record("kor_Hang", "talks", "a.tsv", row) for row in range(200, 215))],
        "append a file in the middle": [*old, *many("kor_Hang", 40, "news", "b.tsv")],
        "delete a row": [*old[:400], *old[401:]],
        "delete the first row": old[1:],
        "change another source": [*old[:800], *many("kor_Hang", 200, "talks", "c.tsv")],
    }[change]
    path = f"{view}/kor_Hang/train-00000-of-00001.parquet"
    before = group_bytes(write(table(old), tmp_path / "old")[path])
    after = group_bytes(write(table(new), tmp_path / "new")[path])
    assert len(before) > 30
    assert 0 < len(set(after) - set(before)) <= most


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.booleans()), max_size=200),
    st.integers(1, 50),
)
def test_groups_cover_all_rows_and_keep_their_bounds(rows: list[tuple[int, bool]], most_rows: int) -> None:
    sizes, begins = np.array([size for size, _ in rows], dtype=np.int64), np.array([hit for _, hit in rows], dtype=bool)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"LEAST_BYTES": 1_000, "MOST_BYTES": 16_000, "MOST_ROWS": most_rows}.items():
            patch.setattr(row_groups, name, value)
        bounds = row_groups.cut_groups(sizes, begins)
    assert bounds[0] == 0
    assert bounds[-1] == len(rows)
    for start, end in pairwise(bounds):
        assert 0 < end - start <= most_rows
        assert sizes[start:end].sum() <= 16_000
        ended_by_content = end < len(rows) and begins[end] and sizes[start:end].sum() >= 1_000
        full = end == len(rows) or end - start == most_rows or sizes[start : end + 1].sum() > 16_000
        assert ended_by_content or full


def test_a_row_above_the_bound_is_a_group_of_its_own() -> None:
    sizes = np.array([10, row_groups.MOST_BYTES + 1, 10], dtype=np.int64)
    assert row_groups.cut_groups(sizes, np.zeros(3, dtype=bool)) == [0, 1, 2, 3]


def test_records_of_many_batches_are_taken_in_order() -> None:
    records = table(many("deu_Latn", 12))
    cut = pa.Table.from_batches(records.to_batches(max_chunksize=5))
    source = shards._Source.of(cut, 2)
    for rows in ([3], [11, 0, 6, 5, 4], list(range(12))[::-1], [7, 7, 1]):
        taken = source.take(np.array(rows))
        expected = records.take(rows)
        assert taken["id"].to_pylist() == expected["id"].to_pylist()
        assert taken["negative_2"].to_pylist() == [texts[1] for texts in expected["negatives"].to_pylist()]
