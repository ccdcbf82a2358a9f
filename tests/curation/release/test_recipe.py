from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from whole_release import blocks_of, write_whole

from curation.records import RECORD_SCHEMA
from curation.release import layout
from curation.release.cutting import Cutting
from curation.release.recipe import text_digest, without_texts

TEXTS = {
    "deu_Latn": "Das Wetter ist heute schön",
    "rus_Cyrl": "Сегодня хорошая погода",
    "ell_Grek": "Ο καιρός είναι καλός σήμερα",
    "arb_Arab": "الطقس جميل اليوم",
    "heb_Hebr": "מזג האוויר יפה היום",
    "hin_Deva": "आज मौसम अच्छा है",
    "tha_Thai": "วันนี้อากาศดี",
    "jpn_Jpan": "今日は天気がいいです",
    "kor_Hang": "오늘은 날씨가 좋아요",
    "kat_Geor": "დღეს კარგი ამინდია",
    "amh_Ethi": "ዛሬ አየሩ ጥሩ ነው",
}
SPLIT = pa.field("split", pa.string(), nullable=False)
# What stages add: numbers go along, whatever holds a string does not.
ADDED = [
    pa.field("negative_ids", pa.list_(pa.string())),
    pa.field("negative_scores", pa.list_(pa.float32())),
    pa.field("scores", pa.struct([pa.field("letter_share", pa.float32()), pa.field("inner", pa.list_(pa.int8()))])),
    pa.field("reasons", pa.struct([pa.field("letter_share", pa.float32()), pa.field("reason", pa.string())])),
    pa.field("notes", pa.list_(pa.string())),
    pa.field("secret", pa.large_string()),
    pa.field("bytes", pa.binary()),
    pa.field("map", pa.map_(pa.string(), pa.int32())),
    pa.field("dictionary", pa.dictionary(pa.int32(), pa.string())),
]
SCHEMA = pa.schema([*RECORD_SCHEMA, SPLIT, *ADDED])


def records(count: int = 3, **changes: Any) -> pa.Table:
    rows = []
    for language, text in TEXTS.items():
        for number in range(count):
            row: dict[str, Any] = dict.fromkeys(RECORD_SCHEMA.names, "")
            row |= {"id": f"{language}{number}", "query": f"{text}?", "positive": f"{text} {number}", "label": text}
            row |= {"negatives": [f"{text} nicht {k}" for k in range(number)], "language": language, "row": number}
            row |= {"source": "verses", "split": "test" if number == 0 else "train", "negative_ids": ["x"] * number}
            row |= {"negative_scores": [0.5] * number, "scores": {"letter_share": 0.5, "inner": [1]}}
            row |= {"reasons": {"letter_share": 0.5, "reason": text}, "notes": [text], "secret": text}
            row |= {"bytes": text.encode(), "map": [(text, 1)], "dictionary": text}
            rows.append(row | changes)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_no_column_holds_a_text() -> None:
    given = records()
    found = without_texts(given)
    for text in TEXTS.values():
        assert text not in str(found.to_pylist())
    assert {"negative_scores", "scores", "row", "id", "file"} <= set(found.column_names)
    gone = {"query", "positive", "negatives", "label", "reasons", "notes", "secret", "bytes", "map", "dictionary"}
    assert not gone & set(found.column_names)


def test_the_digests_are_of_the_texts() -> None:
    given = records().to_pylist()
    for row, recipe in zip(given, without_texts(records()).to_pylist(), strict=True):
        assert recipe["query_sha256"] == hashlib.sha256(row["query"].encode()).hexdigest()
        assert recipe["positive_sha256"] == text_digest(row["positive"])
        assert recipe["negative_sha256"] == [text_digest(text) for text in row["negatives"]]


def test_no_records_have_the_same_columns_as_some() -> None:
    nothing = without_texts(records().slice(0, 0))
    assert nothing.num_rows == 0
    assert nothing.schema == without_texts(records()).schema


def test_a_slice_has_its_own_digests() -> None:
    given = records()
    assert without_texts(given.slice(5, 7)).to_pylist() == without_texts(given).slice(5, 7).to_pylist()


@pytest.mark.parametrize("rows_per_file", [1, 2, 100])
def test_files_by_language_and_split(tmp_path: Path, rows_per_file: int) -> None:
    entries = write_whole(records(4), tmp_path, rows_per_file=rows_per_file, recipes=["verses"]).to_pylist()
    places: dict[tuple[str, str], int] = {}
    for entry in entries:
        place = layout.parse_recipe(entry["path"])
        assert place is not None
        rows = pq.read_table(tmp_path / entry["path"])
        assert set(rows["language"].to_pylist()) == {place[0]}
        assert 0 < rows.num_rows == entry["rows"] <= rows_per_file
        assert entry["bytes"] == (tmp_path / entry["path"]).stat().st_size
        assert rows["id"].to_pylist() == sorted(rows["id"].to_pylist())
        places[place] = places.get(place, 0) + rows.num_rows
    assert places == {(code, split): 1 if split == "test" else 3 for code in TEXTS for split in ("test", "train")}
    assert write_whole(records().slice(0, 0), tmp_path, rows_per_file=1, recipes=["verses"]).num_rows == 0


def test_records_are_divided_by_their_source() -> None:
    both = pa.concat_tables([records(), records(source="open")])
    found = {}
    for recipes in (["verses", "unheard of"], []):
        cut = Cutting.of(blocks_of(both, recipes, 2), 2)
        for hidden in (False, True):
            rows = [each for _, each in cut.rows_of(both, recipes, cut.files, hidden=hidden)]
            sources = [both["source"].take(pa.array(each.records)).to_pylist() for each in rows]
            found[bool(recipes), hidden] = Counter(source for some in sources for source in some)
    assert found == {
        (True, False): {"open": 33},
        (True, True): {"verses": 33},
        (False, False): {"open": 33, "verses": 33},
        (False, True): {},
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("recipe/deu_Latn/train-00000-of-00001.parquet", ("deu_Latn", "train")),
        ("data/deu_Latn/train-00000-of-00001.parquet", None),
        ("recipe/../data/deu_Latn/train-00000-of-00001.parquet", None),
        ("recipe/deu_Latn/train-00000-of-00001.parquet\n", None),
        ("recipe/deu/train-00000-of-00001.parquet", None),
    ],
)
def test_which_files_are_recipes(path: str, expected: tuple[str, str] | None) -> None:
    assert layout.parse_recipe(path) == expected
    if expected:
        assert layout.recipe_path(*expected, 0, 1) == path
        assert layout.parse_shard(path) is None
