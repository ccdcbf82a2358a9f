from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import DENSE, Row, record, table

from curation.config.mining import LEXICAL, Mining
from curation.errors import ConfigError
from curation.mining.anchors import anchored_on_positive, find_anchors
from curation.mining.pool import build_pool

# Query and positive, in the languages of `LANGUAGES`.
SENTENCES = [
    ("Where is the harbour?", "Der Hafen liegt im Norden"),
    ("நாவிகன் எங்கே?", "மாலுமி கப்பலில் இருக்கிறார்"),
    ("नाव कहाँ है?", "नाव बंदरगाह में है"),
    ("船はどこですか", "船は港にあります"),
    ("เรืออยู่ที่ไหน", "เรืออยู่ที่ท่าเรือ"),
    ("Где лодка?", "Лодка стоит в гавани"),
    ("أين القارب؟", "القارب في الميناء"),
    ("איפה הסירה?", "הסירה בנמל"),
    ("ጀልባው የት ነው?", "ጀልባው በወደብ ነው"),
    ("სად არის ნავი?", "ნავი ნავსადგურშია"),
]
LANGUAGES = (
    *("deu_Latn", "tam_Taml", "hin_Deva", "jpn_Jpan", "tha_Thai"),
    *("rus_Cyrl", "arb_Arab", "heb_Hebr", "amh_Ethi", "kat_Geor"),
)


def rows(task: str = "retrieval", query_language: str = "") -> list[Row]:
    """Return a record for each sentence, the queries in the language of the positives or in another."""
    return [
        record(n, *pair, positive_language=code, query_language=query_language or code, task=task)
        for n, (pair, code) in enumerate(zip(SENTENCES, LANGUAGES, strict=True))
    ]


def mining(**values: Any) -> Mining:
    return Mining.model_validate(values)


@pytest.mark.parametrize(
    ("task", "query_language", "teacher", "anchor", "expected"),
    [
        ("bitext", "eng_Latn", LEXICAL, "auto", [True]),
        ("bitext", "", LEXICAL, "auto", [True]),
        ("retrieval", "", LEXICAL, "auto", [False]),
        ("retrieval", "eng_Latn", LEXICAL, "auto", [True]),
        ("code", "python_Zzzz", LEXICAL, "auto", [True]),
        ("retrieval", "", LEXICAL, "query", [False]),
        ("retrieval", "", LEXICAL, "positive", [True]),
        ("retrieval", "", LEXICAL, "both", [False, True]),
        ("bitext", "", LEXICAL, "query", [False]),
        ("bitext", "eng_Latn", LEXICAL, "positive", [True]),
        ("bitext", "eng_Latn", DENSE, "auto", [False]),
        ("bitext", "eng_Latn", DENSE, "query", [False]),
        ("bitext", "eng_Latn", DENSE, "positive", [True]),
        ("bitext", "eng_Latn", DENSE, "both", [False, True]),
    ],
)
def test_whose_neighbours_are_sought(
    task: str, query_language: str, teacher: str, anchor: str, expected: list[bool]
) -> None:
    records = table(*rows(task, query_language))
    sides = anchored_on_positive(records, mining(anchor=anchor), teacher)
    assert [side.tolist() for side in sides] == [[value] * len(SENTENCES) for value in expected]


def test_auto_decides_record_by_record() -> None:
    some = rows()
    some[2] |= {"query_language": "eng_Latn"}
    some[5] |= {"task": "bitext"}
    (side,) = anchored_on_positive(table(*some), mining(), LEXICAL)
    assert np.flatnonzero(side).tolist() == [2, 5]


@pytest.mark.parametrize("anchor", ["query", "both"])
def test_a_lexical_teacher_refuses_to_compare_languages_and_says_where(anchor: str) -> None:
    some = rows()
    some[3] |= {"query_language": "eng_Latn", "row": 42}
    with pytest.raises(ConfigError, match="lexical") as caught:
        anchored_on_positive(table(*some), mining(anchor=anchor), LEXICAL)
    assert caught.value.where == "pairs.tsv:42"
    assert all(word in caught.value.why for word in ("eng_Latn", "jpn_Jpan", f"mining.anchor: {anchor}"))
    assert "mining.anchor" in caught.value.hint


@pytest.mark.parametrize("anchor", ["auto", "query", "positive", "both"])
def test_a_dense_teacher_compares_any_languages(anchor: str) -> None:
    assert anchored_on_positive(table(*rows(query_language="eng_Latn")), mining(anchor=anchor), DENSE)


def test_a_place_is_the_text_of_its_anchor() -> None:
    some = rows()
    some[1] |= {"task": "bitext"}
    some[4] |= {"query_language": "eng_Latn"}
    # The positive of the last record is that of the first: fewer entries than records.
    some.append(record(99, "Und wo noch?", SENTENCES[0][1].upper()))
    records = table(*some)
    pool = build_pool(records, 3)
    anchors = find_anchors(records, pool, mining(), LEXICAL)
    (places,), (on_positive,) = anchors.sides, anchors.on_positive
    texts = pool.texts.to_pylist() + anchors.queries.to_pylist()
    expected = [row["positive"] if is_on else row["query"] for row, is_on in zip(some, on_positive, strict=True)]
    assert [texts[place] for place in places] == expected
    assert len(texts) == len(pool.texts) + len(some) - 2, "queries that are no anchors are not embedded"
    assert places.dtype == np.int64


def test_with_both_each_side_has_its_places() -> None:
    some = [*rows(), record(99, "Und wo noch?", SENTENCES[0][1].upper())]
    records = table(*some)
    pool = build_pool(records, 3)
    anchors = find_anchors(records, pool, mining(anchor="both"), DENSE)
    texts = pool.texts.to_pylist() + anchors.queries.to_pylist()
    query, positive = ([texts[place] for place in side] for side in anchors.sides)
    assert query == [row["query"] for row in some]
    assert positive[:-1] == [row["positive"] for row in some[:-1]]
    assert positive[-1] == SENTENCES[0][1], "the entry's text, as its first record has it"


def test_no_records_have_no_anchors() -> None:
    records = table()
    for anchor in ("auto", "both"):
        anchors = find_anchors(records, build_pool(records, 3), mining(anchor=anchor), LEXICAL)
        assert len(anchors.queries) == 0
        assert all(len(side) == 0 for side in anchors.sides)
