from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curation.config import parse_config
from curation.config.model import EvaluationSet
from curation.decontamination.sets import find_evaluation_sets, read_evaluation_sets
from curation.errors import ConfigError, SourceError

ROWS = [
    ("Good morning, world", "Guten Morgen, Welt", "de"),
    ("ภาษาไทย", "図書館は八時に閉まります", "jpn-Jpan"),
    ("שלום", " \t", "xx-Nowhere"),
    ('quoted "word", comma', "መልካም ቀን", ""),
]
NAMES = ["left", "right", "lang"]


def write(path: Path, form: str) -> None:
    dicts = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(dicts), path)
        return
    if form == "jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in dicts)
    elif form == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([NAMES, *ROWS])
        return
    else:
        text = "".join("\t".join(cell.replace("\t", " ") for cell in row) + "\n" for row in [NAMES, *ROWS])
    data = text.encode()
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, lambda value: value)
    path.write_bytes(packed(data))


def declared(**values: Any) -> EvaluationSet:
    return EvaluationSet.model_validate({"task": "STS-X", "format": "parquet", "path": "x"} | values)


def read(folder: Path, *sets: EvaluationSet) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_evaluation_sets(find_evaluation_sets(sets, folder)).to_pylist()
    return rows


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("parquet", "a.parquet"),
        ("jsonl", "a.jsonl"),
        ("jsonl", "a.jsonl.gz"),
        ("jsonl", "a.jsonl.zst"),
        ("csv", "a.csv"),
        ("tsv", "a.tsv"),
        ("tsv", "a.tsv.gz"),
    ],
)
def test_every_format_gives_the_same_texts(form: str, name: str, tmp_path: Path) -> None:
    write(tmp_path / name, form)
    rows = read(
        tmp_path, declared(format=form, path=name, columns=["left", "right"], language={"column": "lang"}, split="dev")
    )
    languages = ["deu_Latn", "jpn_Jpan", "xx-Nowhere", ""]
    for column, side in (("left", 0), ("right", 1)):
        texts = [(row["text"], row["language"]) for row in rows if row["column"] == column]
        assert texts == [(r[side], code) for r, code in zip(ROWS, languages, strict=True) if r[side].strip()]
    assert {(row["task"], row["split"], row["file"]) for row in rows} == {("STS-X", "dev", name)}
    first = 2 if form in ("csv", "tsv") else 1
    assert [row["row"] for row in rows if row["column"] == "left"] == list(range(first, first + 4))


def test_a_plain_file_is_a_text_a_line(tmp_path: Path) -> None:
    (tmp_path / "labels.txt.gz").write_bytes(gzip.compress("Ja\r\n\n  \nДа\tнет\n".encode()))
    rows = read(tmp_path, declared(format="text", path="labels.txt.gz", language="ru"))
    assert [(row["text"], row["row"], row["column"], row["language"]) for row in rows] == [
        ("Ja", 1, "text", "rus_Cyrl"),
        ("Да\tнет", 4, "text", "rus_Cyrl"),
    ]


def test_the_sets_and_their_files_keep_their_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.txt"):
        (tmp_path / name).write_text(f"text of {name}\n")
    rows = read(
        tmp_path, declared(task="Z", format="text", path="[ab].txt"), declared(task="A", format="text", path="c.txt")
    )
    assert [(row["task"], row["file"]) for row in rows] == [("Z", "a.txt"), ("Z", "b.txt"), ("A", "c.txt")]


@pytest.mark.parametrize(
    ("form", "data", "where", "why"),
    [
        ("jsonl", b'{"left": "a"}\n{"left": null}\n', ":2", "`left` is null"),
        ("jsonl", b'{"left": "a"}\n{"other": 1}\n', ":2", "missing_key"),
        ("jsonl", b'{"left": "a"}\n{"left": 7}\n', ":2", "not_text"),
        ("jsonl", b'{"left": "a"}\n{"left": "\\ud800"}\n', ":2", "lone_surrogate"),
        ("tsv", b"left\tx\none\ttwo\nthree\n", ":3", "field_count"),
        ("csv", b"left\n\xff\n", ":2", "bad_bytes"),
        ("text", b"fine\n\xc3\x28\n", ":2", "bad_bytes"),
        ("parquet", pa.array(["a", "b", None]), ":3", "`left` is null"),
        ("parquet", pa.array([b"a", b"\xff"]).view(pa.string()), ":2", "is not utf-8"),
    ],
)
def test_what_cannot_be_read_is_named(form: str, data: object, where: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad.{form}"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        pq.write_table(pa.table({"left": data}), path)
    columns = ["text"] if form == "text" else ["left"]
    with pytest.raises(SourceError) as caught:
        read(tmp_path, declared(format=form, path=path.name, columns=columns))
    assert caught.value.where == f"{path}{where} (evaluation set `STS-X`)"
    assert why in caught.value.why


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "parquet")
    with pytest.raises(SourceError, match="no column 'text'"):
        read(tmp_path, declared(path="a.parquet"))


def test_a_plain_file_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    with pytest.raises(ConfigError, match="no columns"):
        read(tmp_path, declared(format="text", path="a.txt", columns=["left"]))


CONFIG = """\
name: x
sources: [{name: s, format: tsv, path: x, licence: CC0-1.0, task: bitext}]
decontaminate:
  sets:
    - {task: A, format: text, path: a.txt%s}
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [(", colums: [a]", "did you mean 'columns'"), (", language: qqq", "qqq"), (", split: ''", "split")],
)
def test_a_wrong_setting_is_answered_with_its_line(more: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(CONFIG % more)
    assert ":5" in str(caught.value)
    assert words in str(caught.value)
