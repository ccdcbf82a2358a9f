from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking_rounds import drop_exact_duplicates, drop_near_duplicates, exact_digests
from sentences import SENTENCES, edited

from curation.config.model import Dedup
from curation.dedup import find_near_duplicates
from curation.dedup.linking import near_keys
from curation.dedup.stage import apply_verdicts
from curation.dedup.verdicts import VERDICTS
from curation.records import RECORD_SCHEMA

TRUST = {"curated": 90, "crawl": 10}
LONG = "Die Hafenmeisterin zählte die Boote noch einmal, weil niemand ihrem ersten Bericht glaubte"


def record(number: int, query: str, positive: str, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "id": f"{number:032x}",
        "query": query,
        "positive": positive,
        "negatives": [],
        "query_language": "eng_Latn",
        "positive_language": "deu_Latn",
        "language": "deu_Latn",
        "source": "crawl",
        "licence": "CC-BY-4.0",
        "task": "bitext",
        "label": "",
        "document": "",
        "group": "g",
        "file": "pairs.tsv",
        "row": number,
    }
    return values | changes


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=RECORD_SCHEMA)


def numbers(rows: pa.Table) -> list[int]:
    return [int(value, 16) for value in rows.column("id").to_pylist()]


def merges(ledger: pa.Table) -> dict[int, int]:
    return dict(zip(numbers(ledger), (int(i, 16) for i in ledger.column("other_id").to_pylist()), strict=True))


EXACT = table(
    record(1, "Hello", "Hallo"),
    record(2, "HELLO", "hallo", source="curated"),
    record(3, "Hello", "Hallo", positive_language="nld_Latn"),
    record(4, "Hello", "Guten Tag"),
    record(5, "Good day", "Hallo"),
    record(6, "Ｈｅｌｌｏ", "Hallo"),
    record(7, "Hell", "oHallo"),
)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("pair", {1: 2, 6: 2}),
        ("query", {1: 2, 3: 2, 6: 2}),
        ("positive", {1: 2, 3: 2, 5: 2, 6: 2}),
    ],
)
def test_exact_duplicates_lose_to_trust_then_id(by: str, expected: dict[int, int]) -> None:
    outcome = drop_exact_duplicates(EXACT, Dedup(by=by), trust=TRUST)
    assert merges(outcome.ledger) == expected
    assert numbers(outcome.records) == [i for i in range(1, 8) if i not in expected]
    sizes = dict(zip(numbers(outcome.records), outcome.records.column("cluster_size").to_pylist(), strict=True))
    assert sizes == {i: 1 + list(expected.values()).count(i) for i in sizes}


def test_the_ledger_of_exact_duplicates() -> None:
    rows = drop_exact_duplicates(EXACT, Dedup(), trust=TRUST).ledger.to_pylist()
    decided = ("stage", "decision", "reason", "score", "threshold", "detail")
    assert {tuple(row[name] for name in decided) for row in rows} == {
        ("exact_dedup", "merged", "exact_duplicate", 1.0, 1.0, "")
    }


@pytest.mark.parametrize("by", ["pair", "query", "positive"])
def test_equal_records_and_only_they_have_equal_keys(by: str) -> None:
    options = Dedup(by=by)
    keys = dict(zip(numbers(EXACT), exact_digests(EXACT, options, TRUST), strict=True))
    merged = merges(drop_exact_duplicates(EXACT, options, trust=TRUST).ledger)
    for left in keys:
        for right in keys:
            assert (keys[left] == keys[right]) == (merged.get(left, left) == merged.get(right, right))


@pytest.mark.parametrize(
    ("by", "key"), [("pair", "eng_Latn deu_Latn"), ("query", "eng_Latn"), ("positive", "deu_Latn")]
)
def test_near_keys_are_the_languages_compared(by: str, key: str) -> None:
    assert near_keys(EXACT.slice(0, 1), Dedup(by=by)).to_pylist() == [key]


NEAR = table(
    record(1, "The harbour master counted the boats again", LONG),
    record(2, "The harbour master counted the boats again!", LONG + "."),
    record(3, "The harbour master counted the boats again", LONG, positive_language="lim_Latn"),
    record(4, "Nobody believed the first report", LONG),
    record(5, "港务长又把船数了一遍,因为没有人相信他第一次的报告", "x", query_language="zho_Hans"),
    record(6, "港务长又把船数了一遍,因为没有人相信他第一次的报告。", "x", query_language="zho_Hans", source="curated"),
)


@pytest.mark.parametrize(
    ("by", "expected"), [("pair", {2: 1, 5: 6}), ("query", {2: 1, 3: 1, 5: 6}), ("positive", {2: 1, 4: 1, 5: 6})]
)
def test_near_duplicates_lose_to_trust_then_id(by: str, expected: dict[int, int]) -> None:
    outcome = drop_near_duplicates(NEAR, Dedup(by=by), trust=TRUST)
    assert merges(outcome.ledger) == expected
    assert numbers(outcome.records) == [i for i in range(1, 7) if i not in expected]
    for row in outcome.ledger.to_pylist():
        assert (row["stage"], row["decision"], row["reason"]) == ("near_dedup", "merged", "near_duplicate")
        assert row["threshold"] == 0.8 <= row["score"] <= 1.0


def test_a_chain_says_what_it_is_linked_through() -> None:
    text = LONG + " " + LONG[::-1]
    chain = table(*(record(i, "q", text[6 * i : 6 * i + 100]) for i in range(5)))
    ledger = drop_near_duplicates(chain, Dedup(by="positive"), trust=TRUST).ledger.to_pylist()
    assert [row["other_id"] for row in ledger] == [f"{0:032x}"] * 4
    assert ledger[0]["detail"] == ""
    assert ledger[3]["detail"] == f"linked through {3:032x}"
    assert all(row["score"] >= 0.8 for row in ledger)


def test_records_with_one_query_and_other_positives_become_one_group() -> None:
    query = "The harbour master counted the boats again, because nobody believed him"
    other = "Nobody believed the first report, and so the boats were counted once more before noon"
    rows = table(
        record(1, query, LONG, group="a"),
        record(2, query + ".", other, group="b", source="curated"),
        record(3, query + "!", LONG + "!", group="c"),
        record(4, "Something else", LONG, group="d"),
    )
    outcome = drop_near_duplicates(rows, Dedup(by="query"), trust=TRUST, cut=2)
    assert merges(outcome.ledger) == {3: 1}
    groups = dict(zip(numbers(outcome.records), outcome.records.column("group").to_pylist(), strict=True))
    assert groups == {1: "b", 2: "b", 4: "d"}
    assert outcome.records.column("cluster_size").to_pylist() == [2, 1, 1]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_group_is_never_torn(cut: int) -> None:
    query = "The harbour master counted the boats again, because nobody believed him"
    answers = [SENTENCES[script] for script in ("Cyrl", "Grek", "Thai", "Hang", "Geor")]
    rows = table(
        record(1, query + ".", answers[0], group="near"),
        record(2, query, answers[1], group="same"),
        # In another language the same query is not compared, but it has the same group.
        record(3, query, answers[2], group="same", query_language="sco_Latn"),
        record(4, "Something else altogether", answers[3], group="other"),
        record(5, query + "!", answers[0], group="lost"),
        record(6, "As if it were the same", answers[4], group="lost", query_language="sco_Latn"),
    )
    outcome = drop_near_duplicates(rows, Dedup(by="query"), trust=TRUST, cut=cut)
    assert merges(outcome.ledger) == {5: 1}
    groups = dict(zip(numbers(outcome.records), outcome.records.column("group").to_pylist(), strict=True))
    assert groups == {1: "near", 2: "near", 3: "near", 4: "other", 6: "near"}


PREFERENCES = [
    (("trust",), {"trust": 10}, {"trust": 20}),
    (("licence",), {"licence": "CC-BY-NC-4.0"}, {"licence": "CC-BY-4.0"}),
    (("quality",), {"query_lid_score": 0.6}, {"query_lid_score": 0.9}),
    (("quality",), {"query_lid_score": None}, {"query_lid_score": 0.1}),
    (("licence", "trust"), {"licence": "MIT", "trust": 90}, {"licence": "CC0-1.0", "trust": 10}),
    (("trust", "licence"), {"licence": "CC0-1.0", "trust": 10}, {"licence": "MIT", "trust": 90}),
]


@pytest.mark.parametrize(("prefer", "worse", "better"), PREFERENCES)
@pytest.mark.parametrize("drop", [drop_exact_duplicates, drop_near_duplicates])
def test_the_declared_criteria_decide_in_their_order(
    drop: object, prefer: tuple[str, ...], worse: dict[str, object], better: dict[str, object]
) -> None:
    trust = {"one": int(worse.get("trust", 50)), "two": int(better.get("trust", 50))}
    licences = [str(side.get("licence", "MIT")) for side in (worse, better)]
    scores = pa.array([side.get("query_lid_score", 0.5) for side in (worse, better)], pa.float32())
    rows = table(
        record(1, LONG, LONG, source="one", licence=licences[0]),
        record(2, LONG, LONG, source="two", licence=licences[1]),
    ).append_column("query_lid_score", scores)
    assert merges(drop(rows, Dedup(prefer=prefer), trust=trust).ledger) == {1: 2}
    assert merges(drop(rows, Dedup(prefer=()), trust=trust).ledger) == {2: 1}


def test_the_cut_into_partitions_changes_nothing() -> None:
    generator = np.random.default_rng(3)
    sentences = list(SENTENCES.values())
    rows = []
    for number in range(600):
        text = edited(sentences[number % len(sentences)] * 2, int(generator.integers(0, 40)), generator)
        rows.append(record(number, text, edited(text, int(generator.integers(0, 3)), generator)))
        if number % 3 == 0:
            near = edited(text, 1, generator)
            rows.append(record(1000 + number, near, near, source="curated"))
    # A crowd that shares more than SMALL records a bucket, duplicates and others.
    rows += [record(2000 + n, f"{LONG} {n}", f"{LONG} {n}") for n in range(60)]
    rows += [record(3000 + n, LONG + str(n) * 40, LONG + str(n) * 40) for n in range(60)]
    records = table(*rows)
    for by in ("pair", "query", "positive"):
        whole = drop_near_duplicates(records, Dedup(by=by), trust=TRUST)
        assert whole.ledger.num_rows > 150
        for cut in (2, 7):
            parts = drop_near_duplicates(records, Dedup(by=by), trust=TRUST, cut=cut)
            assert parts.records.equals(whole.records)
            assert parts.ledger.equals(whole.ledger)


def test_the_stage_finds_what_one_call_finds() -> None:
    generator = np.random.default_rng(5)
    texts = [
        edited(sentence * 2, int(generator.integers(0, 12)), generator)
        for sentence in SENTENCES.values()
        for _ in range(40)
    ]
    records = table(*(record(number, "q", text) for number, text in enumerate(texts)))
    outcome = drop_near_duplicates(records, Dedup(by="positive"), trust=TRUST, cut=3)
    kept = find_near_duplicates(texts)
    expected = {i: int(first) for i, first in enumerate(kept) if i != first}
    found = merges(outcome.ledger)
    assert len(expected) > 100
    # The stage takes the nearest of a crowd by an eighth of the sketch only.
    assert len(set(found.items()) ^ set(expected.items())) <= len(expected) // 100


def test_cluster_sizes_of_both_stages_add_up() -> None:
    rows = table(
        record(1, "The harbour master counted the boats", LONG),
        record(2, "the harbour master counted the boats", LONG),
        record(3, "The harbour master counted the boats.", LONG),
        record(4, "the harbour master counted the BOATS.", LONG),
        record(5, "Something else", "Etwas anderes"),
    )
    exact = drop_exact_duplicates(rows, Dedup(), trust=TRUST).records
    near = drop_near_duplicates(exact, Dedup(), trust=TRUST).records
    assert exact.column("cluster_size").to_pylist() == [2, 2, 1]
    assert near.column("cluster_size").to_pylist() == [4, 1]
    assert near.schema.field("cluster_size") == pa.field("cluster_size", pa.int32(), nullable=False)


def test_other_columns_are_carried_along() -> None:
    wide = NEAR.append_column("lid_score", pa.array(np.arange(6) / 10))
    for drop in (drop_exact_duplicates, drop_near_duplicates):
        kept = drop(wide, Dedup(), trust=TRUST).records
        assert kept.column_names == [*wide.column_names, "cluster_size"]
        assert kept.column("lid_score").to_pylist() == [(number - 1) / 10 for number in numbers(kept)]


@pytest.mark.parametrize("drop", [drop_exact_duplicates, drop_near_duplicates])
def test_no_records(drop: object) -> None:
    outcome = drop(EXACT.slice(0, 0), Dedup(), trust=TRUST)
    assert outcome.records.num_rows == outcome.ledger.num_rows == 0
    assert "cluster_size" in outcome.records.column_names


def test_a_source_without_trust_is_an_error() -> None:
    with pytest.raises(KeyError, match="crawl"):
        drop_exact_duplicates(EXACT, Dedup(), trust={"curated": 1})


texts = st.sampled_from(
    [LONG, LONG + "!", LONG[5:], LONG[::-1], "Hallo", "hallo", "Hallo!", "ok", "猫が好きです", "猫が好きです。"]
)
languages = st.sampled_from(["deu_Latn", "jpn_Jpan"])
sources = st.sampled_from(list(TRUST))
rows = st.lists(st.tuples(texts, texts, languages, sources), max_size=25)


@settings(deadline=None, max_examples=40)
@given(rows, st.randoms(use_true_random=False), st.sampled_from(["pair", "query", "positive"]))
def test_results_do_not_depend_on_order_or_company(values: list[tuple[str, ...]], random: object, by: str) -> None:
    options = Dedup(by=by)
    records = table(
        *(
            record(i, query, positive, positive_language=language, query_language=language, source=source)
            for i, (query, positive, language, source) in enumerate(values)
        )
    )
    order = list(range(len(values)))
    random.shuffle(order)
    by_digest = pa.array(exact_digests(records, options, TRUST), pa.string())
    for drop, routed in ((drop_exact_duplicates, by_digest), (drop_near_duplicates, near_keys(records, options))):
        whole = drop(records, options, trust=TRUST)
        assert whole.records.num_rows + whole.ledger.num_rows == records.num_rows
        assert sum(whole.records.column("cluster_size").to_pylist()) == records.num_rows
        turned = drop(records.take(pa.array(order, type=pa.int64())), options, trust=TRUST)
        assert turned.records.equals(whole.records)
        assert turned.ledger.equals(whole.ledger)
        parts = [
            drop(records.filter(pa.array([key == k for k in routed])), options, trust=TRUST) for key in routed.unique()
        ]
        assert sorted(i for part in parts for i in numbers(part.records)) == numbers(whole.records)
        assert {k: v for part in parts for k, v in merges(part.ledger).items()} == merges(whole.ledger)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [0, 2, 1, 3]])
def test_records_leave_by_id_then_file_then_row(order: list[int]) -> None:
    rows = [
        record(1, "a", "b"),
        *(record(2, "c", "d", file=f, row=r) for f, r in (("a", 9), ("b", 1))),
        record(3, "e", "f"),
    ]
    outcome = apply_verdicts(table(*(rows[place] for place in order)), VERDICTS.empty_table(), Dedup())
    assert outcome.records.select(RECORD_SCHEMA.names).equals(table(*rows))
    assert outcome.records.column("cluster_size").to_pylist() == [1] * 4
