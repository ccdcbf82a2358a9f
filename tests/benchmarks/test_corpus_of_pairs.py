"""Pairs for benchmarks: the same for the same folder, as many as asked for, and other ones where they come again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmarks.corpus_of_pairs import CONFIG, shuffle_words, write_corpus
from curation.config import parse_config

VERSES = {
    "swh": ["Hapo mwanzo kulikuwa na Neno.", "Neno lilikuwa kwa Mungu."],
    "ewe": ["Le gɔmedzedzea me la, Nya la li.", "Nya la nɔ Mawu gbɔ."],
    "guj": ["આરંભે શબ્દ હતો.", "શબ્દ દેવની સાથે હતો."],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    sentences = {"language": ["tha", "amh", "ell"], "text": ["ฉันรักเธอ", "እወድሃለሁ ወንድሜ", "Σε αγαπώ πολύ"]}
    english = {"english": ["I love you", "I love you brother", "I love you very much"]}
    verses = [(code, f"b.JHN.1.{n}", text) for code, texts in VERSES.items() for n, text in enumerate(texts)]
    verses.append(("ewe", "b.REV.9.9", "Esia mele Swahilitɔwo me o."))
    columns = dict(zip(("language", "verse", "text"), map(list, zip(*verses, strict=True)), strict=True))
    tables = {
        "tatoeba/pairs": sentences | english,
        "python-docs/paragraphs": {name: values[:2] for name, values in (sentences | english).items()},
        "bible/verses": columns,
    }
    for name, table in tables.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        pq.write_table(pa.table(table), tmp_path / "data" / f"{name}.parquet")
    return tmp_path / "data"


def rows(folder: Path) -> list[dict[str, str]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_verses_become_pairs_with_the_swahili_ones(data: Path, tmp_path: Path) -> None:
    assert write_corpus(data, tmp_path / "all") == 9
    found = [row for path in (tmp_path / "all").glob("bible-*") for row in pq.read_table(path).to_pylist()]
    pairs = {(row["language"], row["query"], row["text"]) for row in found}
    expected = {(code, VERSES["swh"][n], VERSES[code][n]) for code in ("ewe", "guj") for n in (0, 1)}
    assert pairs == expected


@pytest.mark.parametrize("count", [1, 4, 9, 20, 101])
def test_there_are_as_many_as_asked_for_and_always_the_same(data: Path, tmp_path: Path, count: int) -> None:
    for name in ("one", "two"):
        write_corpus(data, tmp_path / name, count)
    found = rows(tmp_path / "one")
    assert len(found) == count
    assert found == rows(tmp_path / "two")
    assert {row["text"] for row in found if row["language"] == "tha"} or count < 9


def test_the_config_is_one(data: Path, tmp_path: Path) -> None:
    write_corpus(data, tmp_path / "all")
    text = (tmp_path / "all" / CONFIG).read_text(encoding="utf-8")
    config = parse_config(text)
    assert not config.mining.enabled
    assert [source.name for source in config.sources] == ["tatoeba", "python-docs", "bible"]
    assert all(list((tmp_path / "all").glob(each["path"])) for each in yaml.safe_load(text)["sources"])


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog",
        "Пусть всегда будет солнце и небо",
        "ฉันรักเธอมากที่สุดในโลก",
        "我爱北京天安门天安门上太阳升",
        "שלום לכל החברים שלי היום",
        "मैं तुमसे बहुत प्यार करता हूँ",
    ],
)
def test_shuffled_words_are_the_same_letters_in_another_order(text: str) -> None:
    first, second = shuffle_words(text, 1), shuffle_words(text, 2)
    assert sorted(first) == sorted(second) == sorted(text)
    assert len({text, first, second}) == 3
    assert shuffle_words(text, 1) == first
