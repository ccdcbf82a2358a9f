"""Equal records meet by a digest, wherever they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking_rounds import drop_exact_duplicates, exact_digests
from sentences import SENTENCES

from curation.config.model import Dedup
from curation.dedup.exact import exact_rows, judge_exact
from curation.records import RECORD_SCHEMA
from curation.text import fold

TRUST = {"curated": 90, "crawl": 10}
CHOICES = [*SENTENCES.values(), "Hallo", "hallo", "ＨＡＬＬＯ", "ok"]

RECORDS = st.lists(
    st.tuples(
        st.sampled_from(CHOICES),
        st.sampled_from(["ok", "OK", "нет"]),
        st.sampled_from(["deu_Latn", "jpn_Jpan"]),
        st.sampled_from(list(TRUST)),
        st.integers(1, 3),
    ),
    max_size=30,
)


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    """Return records from (query, positive, language of the positive, source, cluster size)."""
    values = []
    for number, (query, positive, language, source, _) in enumerate(rows):
        row: dict[str, Any] = dict.fromkeys(RECORD_SCHEMA.names, "")
        row |= {"id": f"{number:032x}", "query": query, "positive": positive, "positive_language": language}
        values.append(row | {"source": source, "row": number, "negatives": [], "licence": "MIT"})
    sizes = pa.array([row[4] for row in rows], pa.int32())
    return pa.Table.from_pylist(values, schema=RECORD_SCHEMA).append_column("cluster_size", sizes)


def key_of(row: tuple[Any, ...], by: str) -> tuple[str, ...]:
    query, positive = fold(pa.array([row[0], row[1]])).to_pylist()
    return {"pair": (query, positive, row[2]), "query": (query, positive), "positive": (positive,)}[by]


@settings(deadline=None, max_examples=80)
@given(RECORDS, st.sampled_from(["pair", "query", "positive"]), st.sampled_from([(), ("trust",)]))
def test_any_cut_into_partitions_gives_what_a_dictionary_gives(
    rows: list[tuple[Any, ...]], by: str, prefer: tuple[str, ...]
) -> None:
    options = Dedup(by=by, prefer=prefer)
    sets: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        sets.setdefault(key_of(row, by), []).append(number)
    best = {key: min(each, key=lambda n: ((-TRUST[rows[n][3]] if prefer else 0), n)) for key, each in sets.items()}
    for cut in (1, 2, 5):
        outcome = drop_exact_duplicates(table(rows), options, trust=TRUST, cut=cut)
        kept = {int(row["id"], 16): row["cluster_size"] for row in outcome.records.to_pylist()}
        assert kept == {best[key]: sum(rows[n][4] for n in each) for key, each in sets.items()}
        merged = {int(row["id"], 16): int(row["other_id"], 16) for row in outcome.ledger.to_pylist()}
        assert merged == {n: best[key] for key, each in sets.items() for n in each if n != best[key]}


@pytest.mark.parametrize("script", SENTENCES)
def test_case_and_width_make_no_difference_and_a_letter_does(script: str) -> None:
    text = SENTENCES[script]
    rows = [(text, "ok", "deu_Latn", "crawl", 1), (text.upper(), "ＯＫ", "deu_Latn", "crawl", 1)]
    rows += [(text[:-2] + text[-1], "ok", "deu_Latn", "crawl", 1), (text, text, "deu_Latn", "crawl", 1)]
    outcome = drop_exact_duplicates(table(rows), Dedup(), trust=TRUST)
    assert [(row["id"], row["other_id"]) for row in outcome.ledger.to_pylist()] == [(f"{1:032x}", f"{0:032x}")]


def test_columns_of_a_record_are_not_run_together() -> None:
    pairs = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("", "abc"),
        ("a\0b", "c"),
        ("a", "\0bc"),
        ("家猫", "犬"),
        ("家", "猫犬"),
    ]
    records = table([(*pair, "deu_Latn", "crawl", 1) for pair in pairs])
    assert len(set(exact_digests(records, Dedup(), TRUST))) == len(pairs)
    assert drop_exact_duplicates(records, Dedup(), trust=TRUST).ledger.num_rows == 0


def test_of_equally_good_records_the_one_with_the_least_id_stays() -> None:
    rows = [("ok", "ok", "deu_Latn", "crawl", 1)] * 6
    for prefer in ((), ("trust",), ("licence", "trust")):
        records = table(rows).take([4, 2, 5, 3])
        outcome = drop_exact_duplicates(records, Dedup(prefer=prefer), trust=TRUST, cut=3)
        assert outcome.records.select(["id", "cluster_size"]).to_pylist() == [{"id": f"{2:032x}", "cluster_size": 4}]


def test_rows_that_travel_hold_no_text() -> None:
    text = SENTENCES["Thai"]
    rows = exact_rows(table([(text, text, "deu_Latn", "crawl", 1)]), Dedup(), trust=TRUST)
    assert rows.column_names == ["key", "digest", "rank", "size"]
    assert rows.nbytes < 100
    assert text.encode() not in rows["rank"][0].as_py()


def test_half_a_digest_in_common_is_not_enough() -> None:
    ranks = pa.array([b"a", b"b", b"c", b"d"], pa.binary())
    columns = {
        "key": pa.array([1, 1, 2, 1], pa.uint64()),
        "digest": pa.array([1, 2, 1, 2], pa.uint64()),
        "rank": ranks,
        "size": pa.array([1, 1, 1, 4], pa.int32()),
        "at": pa.array([0, 1, 2, 3], pa.uint32()),
    }
    judged = judge_exact(pa.table(columns)).sort_by("at")
    assert judged.to_pylist() == [{"rank": b"b", "size": 5, "at": 1}, {"rank": b"b", "size": 5, "at": 3}]
