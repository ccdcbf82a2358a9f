"""What mining does about licences: a record's is that of all its texts, and some sources are pools of their own."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from worlds import SCHEMA

from curation.config.mining import Mining
from curation.licences.expression import conjunction
from curation.mining.stage import mine_records

# Passages of one language each that share most of their words, so that each is a neighbour of the others.
TEXTS = {
    "deu_Latn": "Der Fischer zählt am Abend im Hafen {} Boote",
    "rus_Cyrl": "Рыбак вечером считает в порту {} лодок",
    "ell_Grek": "Ο ψαράς μετρά το βράδυ στο λιμάνι {} βάρκες",
    "hin_Deva": "मछुआरा शाम को बंदरगाह में {} नावें गिनता है",
    "arb_Arab": "يعد الصياد مساء في الميناء {} قوارب",
    "heb_Hebr": "הדייג סופר בערב בנמל {} סירות",
    "jpn_Jpan": "漁師は夕方に港で船を{}隻数えます",
    "kor_Hang": "어부는 저녁에 항구에서 배 {} 척을 셉니다",
    "tha_Thai": "ชาวประมงนับเรือ {} ลำที่ท่าเรือในตอนเย็น",
    "amh_Ethi": "ዓሣ አጥማጁ ምሽት ላይ በወደብ {} ጀልባዎችን ይቆጥራል",
    "kat_Geor": "მეთევზე საღამოს ნავსადგურში {} ნავს ითვლის",
}
WORDS = ("apple", "bridge", "candle", "desert", "engine", "forest", "garden", "harbour", "island", "jungle")
OPEN = {"num_negatives": 3, "skip_rank": 0, "max_score": None, "max_positive_ratio": None}


def world(licences: dict[str, str], *, each: int = 4, **changes: Any) -> pa.Table:
    """Return records of each source in each language."""
    rows = []
    for place, (source, licence) in enumerate(licences.items()):
        for language, text in TEXTS.items():
            for number in range(each):
                word = WORDS[(place * each + number) % 10] * (1 + (place * each + number) // 10)
                row: dict[str, Any] = dict.fromkeys(SCHEMA.names, "")
                row |= {"id": f"{len(rows) * 7919 % 100_003:032x}", "source": source, "licence": licence, "row": number}
                row |= {"query": f"{language} {word}", "positive": text.format(word), "negatives": [], "split": "train"}
                row |= {"query_language": "eng_Latn", "positive_language": language, "language": language}
                rows.append(row | {"task": "retrieval", "group": f"{language} {word}"} | changes)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def mined(table: pa.Table, **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = mine_records(table, Mining(**OPEN), seed=1, **settings).records.to_pylist()
    return rows


@pytest.mark.parametrize(
    "licences",
    [
        {"a": "CC0-1.0", "b": "CC-BY-4.0"},
        {"a": "CC0-1.0", "b": "CC0-1.0"},
        {"a": "MIT OR ISC", "b": "CC-BY-4.0 AND MIT", "c": "CC0-1.0"},
        {f"s{number}": f"LicenseRef-{number}" for number in range(70)},
    ],
    ids=["two", "the same", "expressions", "more than two words of bits"],
)
def test_the_licence_of_a_record_is_that_of_all_its_texts(licences: dict[str, str]) -> None:
    table = world(licences, each=4 if len(licences) < 5 else 1)
    rows = mined(table)
    licence_of = {row["id"]: row["licence"] for row in table.to_pylist()}
    for row in rows:
        own = licence_of[row["id"]]
        others = {licence_of[number] for number in row["negative_ids"]} - {own}
        assert row["licence"] == conjunction(own, others)
    is_mixed = {" AND " in row["licence"] for row in rows if licence_of[row["id"]] == licences[row["source"]]}
    assert (True in is_mixed) == (len(set(licences.values())) > 1)


def test_negatives_that_a_record_came_with_are_under_its_own_licence() -> None:
    rows = mined(world({"a": "CC0-1.0", "b": "CC-BY-4.0"}, negatives=["sand", "wind", "stone"]))
    assert {(row["source"], row["licence"]) for row in rows} == {("a", "CC0-1.0"), ("b", "CC-BY-4.0")}


@pytest.mark.parametrize("apart", ["", "b", "ad", "abcd"])
def test_a_source_apart_gives_to_nobody_and_takes_from_nobody(apart: str) -> None:
    table = world(dict.fromkeys("abcd", "CC0-1.0"))
    source_of = {row["id"]: row["source"] for row in table.to_pylist()}
    texts = {row["positive"]: row["source"] for row in table.to_pylist()}
    found = mine_records(table, Mining(**OPEN), seed=2, apart=list(apart)).records.to_pylist()
    assert len(found) == table.num_rows
    for row in found:
        for number, text in zip(row["negative_ids"], row["negatives"], strict=True):
            pair = {row["source"], source_of[number]}
            assert texts[text] == source_of[number]
            assert len(pair) == 1 or not pair & set(apart)
        for number in row["possible_ids"]:
            assert source_of[number] == row["source"] or not {source_of[number], row["source"]} & set(apart)


def test_padding_does_not_leave_a_source_that_is_apart() -> None:
    """One passage more than there are negatives: all the others of the source are needed, whatever their rank."""
    table = world({"a": "CC0-1.0", "b": "CC0-1.0", "c": "CC0-1.0"})
    options = Mining(num_negatives=3, skip_rank=5, top_k=6)
    found = mine_records(table, options, seed=0, apart=["b"])
    source_of = {row["id"]: row["source"] for row in table.to_pylist()}
    apart = [row for row in found.records.to_pylist() if row["source"] == "b"]
    assert len(apart) == 4 * len(TEXTS)
    assert {source_of[number] for row in apart for number in row["negative_ids"]} == {"b"}
    assert "random" in {origin for row in apart for origin in row["negative_origins"]}
    # With one passage fewer there are not enough, and nothing is taken from elsewhere to make up for it.
    few = table.filter(pa.array([not (row["source"] == "b" and row["row"] == 3) for row in table.to_pylist()]))
    ledger = mine_records(few, options, seed=0, apart=["b"]).ledger
    assert ledger["source"].unique().to_pylist() == ["b"]
    assert ledger.num_rows == 3 * len(TEXTS)
