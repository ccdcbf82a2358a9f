from __future__ import annotations

import pyarrow as pa
import pytest

from curation.records import RAW_SCHEMA, RECORD_SCHEMA, counted_language, make_records, rejected_records

PAIRS = [
    ("Good morning", "Guten Morgen", "deu_Latn"),
    ("Good morning", "Доброе утро", "rus_Cyrl"),
    ("good MORNING ", "おはよう", "jpn_Jpan"),
    ("Thank you", "شكرًا", "arb_Arab"),
    ("Thank you", "תודה", "heb_Hebr"),
    ("Water", "पानी", "hin_Deva"),
    ("Water", "น้ำ", "tha_Thai"),
    ("Water", "ውሃ", "amh_Ethi"),
    ("Water", "წყალი", "kat_Geor"),
    ("Water", "ջուր", "hye_Armn"),
]


def raw(pairs: list[tuple[str, str, str]], negatives: list[list[str]] | None = None) -> pa.Table:
    return pa.table(
        {
            "query": [query for query, _, _ in pairs],
            "positive": [positive for _, positive, _ in pairs],
            "negatives": negatives or [[] for _ in pairs],
            "query_language": ["eng_Latn"] * len(pairs),
            "positive_language": [language for _, _, language in pairs],
            "label": [""] * len(pairs),
            "document": [""] * len(pairs),
            "file": ["a.tsv"] * len(pairs),
            "row": list(range(1, len(pairs) + 1)),
        },
        schema=RAW_SCHEMA,
    )


def make(table: pa.Table, source: str = "phrases", task: str = "bitext") -> pa.Table:
    return make_records(table, source=source, licence="CC0-1.0", task=task, pivot="eng_Latn")


def test_records_have_the_schema_and_order_of_the_rows() -> None:
    records = make(raw(PAIRS))
    assert records.schema == RECORD_SCHEMA
    assert records["positive"].to_pylist() == [positive for _, positive, _ in PAIRS]
    assert make(raw([])).schema == RECORD_SCHEMA


def test_an_id_depends_on_content_and_source_alone() -> None:
    records = make(raw(PAIRS))
    assert len(set(records["id"].to_pylist())) == len(PAIRS)
    assert make(raw(PAIRS[::-1]))["id"].to_pylist() == records["id"].to_pylist()[::-1]
    assert not set(make(raw(PAIRS), source="other")["id"].to_pylist()) & set(records["id"].to_pylist())
    relabelled = [(query, positive, "und_Zyyy") for query, positive, _ in PAIRS]
    assert not set(make(raw(relabelled))["id"].to_pylist()) & set(records["id"].to_pylist())


def test_translations_of_one_sentence_share_a_group() -> None:
    groups = make(raw(PAIRS))["group"].to_pylist()
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[4] != groups[0]


def test_texts_and_given_negatives_are_normalised() -> None:
    table = raw([(" a\u00a0b ", "c\u200f", "deu_Latn")] * 2, [["  x\u3000y ", "z"], []])
    records = make(table)
    assert records["query"].to_pylist() == ["a b"] * 2
    assert records["positive"].to_pylist() == ["c"] * 2
    assert records["negatives"].to_pylist() == [["x y", "z"], []]


def test_code_keeps_its_layout() -> None:
    records = make(raw([("loop", "for x in y:\n\tprint(x)", "python_Zzzz")]), task="code")
    assert records["positive"].to_pylist() == ["for x in y:\n\tprint(x)"]


@pytest.mark.parametrize(
    ("query", "positive", "task", "expected"),
    [
        ("eng_Latn", "deu_Latn", "bitext", "deu_Latn"),
        ("deu_Latn", "eng_Latn", "bitext", "deu_Latn"),
        ("deu_Latn", "fra_Latn", "bitext", "fra_Latn"),
        ("deu_Latn", "eng_Latn", "retrieval", "eng_Latn"),
        ("eng_Latn", "eng_Latn", "bitext", "eng_Latn"),
        ("", "eng_Latn", "bitext", "eng_Latn"),
        ("eng_Latn", "python_Zzzz", "code", "python_Zzzz"),
    ],
)
def test_the_language_that_a_record_counts_for(query: str, positive: str, task: str, expected: str) -> None:
    columns = [pa.array([value]) for value in (query, positive, task)]
    assert counted_language(*columns, pivot="eng_Latn").to_pylist() == [expected]


def test_rejected_rows_have_an_id_made_from_their_place() -> None:
    places = [("a.tsv", 3, "bad_utf8"), ("a.tsv", 4, "bad_utf8"), ("b.tsv", 3, "bad_utf8")]
    rows = rejected_records(source="s", licence="MIT", task="bitext", places=places)
    assert rows.schema == RECORD_SCHEMA
    assert len(set(rows["id"].to_pylist())) == 3
    assert rows["row"].to_pylist() == [3, 4, 3]
