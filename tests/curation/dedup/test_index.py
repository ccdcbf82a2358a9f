from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from releases import BY_POSITIVE, make_release, record_id
from sentences import SENTENCES

from curation.config.model import Dedup
from curation.dedup import index
from curation.dedup.index import WITHDRAWN, index_schema, read_index, read_withdrawn, shard_texts
from curation.errors import ReleaseError
from curation.release import layout

LANGUAGES = {f"aa{chr(97 + number)}_{script}": text for number, (script, text) in enumerate(SENTENCES.items())}
TEXTS = {language: [f"{text} {number}" for number in range(12)] for language, text in LANGUAGES.items()}


def whole(tables: object) -> pa.Table:
    return pa.concat_tables(list(tables))


def test_an_index_has_each_record_in_the_order_of_the_shards(tmp_path: Path) -> None:
    release = make_release(tmp_path, TEXTS)
    rows = whole(read_index(release, BY_POSITIVE))
    assert rows.num_rows == 12 * len(TEXTS)
    paths = release.full_shards
    for row in rows.to_pylist()[::5]:
        table = pq.read_table(tmp_path / paths[row["shard"]])
        assert table["id"][row["row"]].as_py() == row["id"]


def test_a_record_that_is_repeated_has_one_row_that_names_its_first_place(tmp_path: Path) -> None:
    release = make_release(tmp_path, {"tha_Thai": TEXTS[next(iter(TEXTS))]}, index=False)
    expected = whole(read_index(release, BY_POSITIVE))
    for path in release.full_shards:
        table = pq.read_table(tmp_path / path)
        copies = [pa.array([copy] * table.num_rows, pa.int32()) for copy in (0, 1)]
        pq.write_table(pa.concat_tables([table.append_column("copy", copy) for copy in copies]), tmp_path / path)
    assert whole(read_index(release, BY_POSITIVE)).equals(expected)


def test_an_index_takes_160_bytes_a_record() -> None:
    schema = index_schema(Dedup())
    fixed = sum(schema.field(name).type.byte_width for name in ("shard", "row", "fingerprint", "sketch", "buckets"))
    assert fixed + 16 <= 164


@pytest.mark.parametrize("made_with", [Dedup(by="positive", threshold=0.5), Dedup(by="pair"), None])
def test_an_index_that_does_not_fit_is_made_again(tmp_path: Path, made_with: Dedup | None) -> None:
    expected = whole(read_index(make_release(tmp_path / "a", TEXTS), BY_POSITIVE))
    other = make_release(tmp_path / "b", TEXTS, options=made_with or BY_POSITIVE, index=made_with is not None)
    assert whole(read_index(other, BY_POSITIVE)).equals(expected)


def test_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = whole(read_index(make_release(tmp_path / "a", TEXTS), BY_POSITIVE))
    monkeypatch.setattr(index, "ROWS", 5)
    batches = list(read_index(make_release(tmp_path / "b", TEXTS), BY_POSITIVE))
    assert max(batch.num_rows for batch in batches) <= 5
    assert whole(batches).combine_chunks().equals(expected.combine_chunks())


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    release = make_release(tmp_path, TEXTS)
    (tmp_path / layout.INDEX).write_bytes(b"PAR1 nonsense")
    with pytest.raises(ReleaseError, match="cannot be compared with") as error:
        list(read_index(release, BY_POSITIVE))
    assert layout.INDEX in str(error.value)


@pytest.mark.parametrize(("column", "value"), [("shard", 999), ("shard", -7), ("row", -5)])
def test_an_index_that_names_what_is_not_there_is_refused(tmp_path: Path, column: str, value: int) -> None:
    release = make_release(tmp_path, TEXTS)
    rows = pq.read_table(tmp_path / layout.INDEX)
    place = rows.schema.get_field_index(column)
    forged = pa.array([value] * rows.num_rows, rows.schema.field(column).type)
    pq.write_table(rows.set_column(place, rows.schema.field(column), forged), tmp_path / layout.INDEX)
    with pytest.raises(ReleaseError, match="cannot be compared with") as error:
        list(read_index(release, BY_POSITIVE))
    assert str(value) in str(error.value)


def test_texts_are_fetched_by_row(tmp_path: Path) -> None:
    release = make_release(tmp_path, {"deu_Latn": [f"Satz {n}" for n in range(60)]})
    shard = next(path for path in release.full_shards if "train" in path)
    rows = np.array([0, 6, 7, 29], dtype=np.int64)
    assert shard_texts(release, shard, rows)["positive"].to_pylist() == [f"Satz {n}" for n in rows]
    with pytest.raises(ReleaseError, match="cannot be compared with"):
        shard_texts(release, shard, np.array([30], dtype=np.int64))


def test_withdrawn_records_are_carried_on(tmp_path: Path) -> None:
    first = make_release(tmp_path / "a", TEXTS)
    language = next(iter(TEXTS))
    gone = read_withdrawn(first, {record_id(language, 3): "ids.txt:1"}, BY_POSITIVE)
    assert gone["id"].to_pylist() == [record_id(language, 3)]
    assert gone["shard"].to_pylist() == [WITHDRAWN]
    second = make_release(tmp_path / "b", {"deu_Latn": ["Etwas anderes", "Noch etwas"]}, withdrawn=gone)
    assert read_withdrawn(second, {}, BY_POSITIVE).equals(gone)
