"""The glued pipeline does its work: what is compared with must not be a straw man."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.glued_pipeline.duplicates import Sets, drop_boilerplate, drop_equal, drop_near
from benchmarks.glued_pipeline.language import Identifier
from benchmarks.glued_pipeline.pipeline import run_glued
from benchmarks.glued_pipeline.quality import fault_of_pair, fault_of_side, mask_phones
from benchmarks.glued_pipeline.splits import add_groups, add_splits, fill_quota, temperature_quota

CLEAN = [
    "I have to think of my children.",
    "Ek moet aan my kinders dink.",
    "Мне нужно думать о моих детях.",
    "Πρέπει να σκεφτώ τα παιδιά μου.",
    "عليّ أن أفكر في أطفالي.",
    "אני צריך לחשוב על הילדים שלי.",
    "मुझे अपने बच्चों के बारे में सोचना है।",
    "ฉันต้องคิดถึงลูก ๆ ของฉัน",
    "私は子供たちのことをPythonで考えなければならない。",
    "나는 내 아이들을 생각해야 한다.",
    "მე უნდა ვიფიქრო ჩემს შვილებზე.",
    "ኣብ ደቀይ ክሓስብ ኣሎኒ።",
]


def pairs(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["query", "positive", "language"])
    ids = [hashlib.sha256("".join(row).encode()).hexdigest()[:32] for row in rows]
    return frame.assign(id=ids, query_language="eng", source="s", licence="MIT", file="f")


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_has_no_fault(text: str) -> None:
    assert fault_of_side(text) == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "length"),
        ("Ã©tÃ© comme hiver", "mojibake"),
        ("12:30 - 13:45 / 2024", "letters"),
        ("!!!! ???? abc", "symbols"),
        ("see https://example.org/a/very/long/path/to/a/file.html", "addresses"),
        ("<b><i><u><tt><code><span><div>x</div></span></code></tt></u></i></b>", "markup"),
        ("one two three four five " * 30, "repetition"),
        ("a" * 90 + " b", "long_word"),
    ],
)
def test_faults_of_sides(text: str, fault: str) -> None:
    assert fault_of_side(text) == fault


@pytest.mark.parametrize(
    ("query", "positive", "fault"),
    [
        (CLEAN[0], CLEAN[1], ""),
        (CLEAN[0], CLEAN[0], "copy"),
        (
            "Yes.",
            "Es un hombre muy mayor que vive en una casa del campo con toda su familia y sus perros.",
            "length_ratio",
        ),
        ("In 1984 there were 365 days", "En 1991 hubo 100 libros más", "numbers"),
        ("Save %(name)s to %(path)s now", "Guardar %(title)s en %(file)s ahora", "placeholders"),
    ],
)
def test_faults_of_pairs(query: str, positive: str, fault: str) -> None:
    assert fault_of_pair(query, positive) == fault


def test_languages_are_contradicted_by_a_near_certain_other_one_only() -> None:
    contradicts = Identifier().contradicts
    assert contradicts("Мне нужно думать о моих детях и о работе.", "deu")
    assert not contradicts("Мне нужно думать о моих детях и о работе.", "rus")
    assert not contradicts("Мне нужно думать о моих детях и о работе.", "ukr")  # a close relative
    assert not contradicts("Мне нужно думать о моих детях и о работе.", "acu")  # the model does not know it
    assert not contradicts("Ja!", "rus")


def test_duplicates() -> None:
    long = "In the beginning was the Word, and the Word was with God, and the Word was God, it says."
    table = pairs((long, "x y z", "deu"), (long.upper(), "X Y Z", "deu"), (long + "!", "x y z", "deu"))
    table = pd.concat([table, pairs((long, "x y z", "nld"), ("Another one altogether, of rain.", "b", "deu"))])
    left = drop_equal(table.reset_index(drop=True))
    assert len(left) == 4
    near = drop_near(left)
    assert near["language"].tolist() == ["deu", "nld", "deu"]


def test_boilerplate() -> None:
    table = pairs(*((f"question {n}", "Please see the manual.", "eng") for n in range(51)), ("why", "because", "eng"))
    assert drop_boilerplate(table)["positive"].tolist() == ["because"]


def test_groups_are_never_split() -> None:
    rows = [(hash_of(n // 4), hash_of(-n - 1), "afr") for n in range(400)]
    found = add_splits(add_groups(pairs(*rows)))
    assert found.groupby("query")["group"].nunique().max() == 1
    assert found.groupby("group")["split"].nunique().max() == 1
    assert 0 < (found["split"] == "test").mean() < 0.2


def hash_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def test_sets() -> None:
    sets = Sets(6)
    for first, second in ((4, 5), (1, 3), (3, 5)):
        sets.join(first, second)
    assert sets.roots().tolist() == [0, 1, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("available", "budget"), [([100, 10, 1], 111), ([100, 10, 1], 30), ([5], 3), ([1_000_000, 3, 3], 500)]
)
def test_quota(available: list[int], budget: int) -> None:
    quota = temperature_quota(np.array(available), budget)
    assert (quota <= available).all()
    assert 0 <= budget - quota.sum() < len(available)


def test_quota_takes_rows_of_each_language() -> None:
    table = pairs(*((f"q{n}", f"p{n}", "deu" if n else "nld") for n in range(50)))
    found = fill_quota(table, budget=10)
    assert set(found["language"]) == {"deu", "nld"}
    assert 9 <= len(found) <= 10


def test_phones() -> None:
    assert mask_phones("call +49 30 1234567 now") == "call <phone> now"
    assert mask_phones("1 + 1 = 2") == "1 + 1 = 2"


def test_from_files_to_shards(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    rows = {"language": ["afr", "rus", "afr"], "query": [CLEAN[0]] * 3, "text": [CLEAN[1], CLEAN[2], CLEAN[1]]}
    pq.write_table(pa.table(rows), inputs / "tatoeba-0.parquet")
    bad = {"language": ["deu"], "query": ["I have to think about it."], "text": ["Мне нужно думать о моих детях."]}
    for name in ("bible-0", "python-docs-0"):
        pq.write_table(pa.table(bad), inputs / f"{name}.parquet")
    ran = run_glued(inputs, tmp_path / "out")
    assert (ran.dropped["distinct"], ran.dropped["identify"]) == (1, 2)
    assert set(ran.rows.values()) == {2}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert sum(file["rows"] for file in manifest["files"] if file["path"].startswith("data/")) == 2
    for file in manifest["files"]:
        path = tmp_path / "out" / file["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    assert pq.read_table(next((tmp_path / "out" / "data" / "rus").iterdir())).column_names == ["anchor", "positive"]
