from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import ConfigError, SourceError
from curation.sources.texts import read_texts

TEXTS = ["Guten Tag", "привет, мир", "สวัสดี", 'so "zitiert"', "नमस्ते"]
CODES = ["deu", "rus", "tha", "deu", "hin"]


def _write(path: Path) -> Path:
    rows = [{"text": text, "language": code} for text, code in zip(TEXTS, CODES, strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    lines = {
        ".jsonl": [json.dumps(row, ensure_ascii=False) for row in rows],
        ".tsv": ["language\ttext", *(f"{code}\t{text}" for text, code in zip(TEXTS, CODES, strict=True))],
        ".csv": ["text,language", *('"' + t.replace('"', '""') + f'",{c}' for t, c in zip(TEXTS, CODES, strict=True))],
        ".txt": TEXTS,
    }[suffix]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.tsv", "t.csv", "t.jsonl.gz"])
def test_a_column_of_any_table(tmp_path: Path, name: str) -> None:
    texts, codes = read_texts(_write(tmp_path / name), language_column="language")
    assert texts.to_pylist() == TEXTS
    assert codes == ["deu_Latn", "rus_Cyrl", "tha_Thai", "deu_Latn", "hin_Deva"]
    assert read_texts(tmp_path / name)[1] == [""] * 5


@pytest.mark.parametrize("name", ["t.txt", "t.txt.gz"])
def test_plain_text_has_a_text_a_line(tmp_path: Path, name: str) -> None:
    assert read_texts(_write(tmp_path / name))[0].to_pylist() == TEXTS


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in '\.docx'"):
        read_texts(tmp_path / "t.docx")
    with pytest.raises(ConfigError, match="No file matches"):
        read_texts(tmp_path / "t.txt")
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"gut\nschl\xffecht\n")
    with pytest.raises(SourceError, match=r"bad\.txt:2"):
        read_texts(bad)
    with pytest.raises(SourceError, match="words"):
        read_texts(_write(tmp_path / "t.tsv"), column="words")
