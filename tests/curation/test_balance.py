from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.balance import COUNTS_SCHEMA, count_rows, merge_counts, plan_quota, select_rows
from curation.config.model import Balance
from curation.hashing import content_id, priority
from curation.quota import QuotaError
from curation.records import RECORD_SCHEMA

SCHEMA = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))


def records(rows):
    """Build records from (id, language, split)."""
    constants = {"query": "q", "positive": "p", "query_language": "eng_Latn", "positive_language": "eng_Latn"}
    constants |= {
        "source": "s",
        "licence": "l",
        "task": "bitext",
        "label": "",
        "document": "",
        "group": "g",
        "file": "f",
        "row": 0,
        "negatives": [],
    }
    names = ("id", "language", "split")
    return pa.Table.from_pylist([constants | dict(zip(names, row, strict=True)) for row in rows], schema=SCHEMA)


def many(count, language="swh_Latn", split="train", start=0):
    return [(content_id(language, split, str(n)), language, split) for n in range(start, start + count)]


def counts(**rows):
    return pa.Table.from_pylist(
        [{"language": language, "split": "train", "rows": count} for language, count in rows.items()],
        schema=COUNTS_SCHEMA,
    )


def test_counts_are_by_language_and_split_and_sorted():
    table = count_rows(records([*many(3, "tha_Thai"), *many(2, "amh_Ethi"), *many(1, "tha_Thai", "test")]))
    assert table.schema == COUNTS_SCHEMA
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("amh_Ethi", "train", 2),
        ("tha_Thai", "test", 1),
        ("tha_Thai", "train", 3),
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "test"])), max_size=30), st.data())
def test_merged_counts_do_not_depend_on_batches(pairs, data):
    table = records([(str(n), *pair) for n, pair in enumerate(pairs)])
    cut = data.draw(st.integers(0, table.num_rows))
    parts = [count_rows(table.slice(cut)), count_rows(table.slice(0, cut))]
    assert merge_counts(parts).equals(count_rows(table).combine_chunks())


def test_no_counts_merge_to_none():
    assert merge_counts([]).equals(COUNTS_SCHEMA.empty_table())


def test_the_plan_is_about_training_rows():
    table = merge_counts([counts(deu_Latn=900, tha_Thai=100), count_rows(records(many(50, "tha_Thai", "test")))])
    assert plan_quota(table, Balance()) == {"deu_Latn": 900, "tha_Thai": 100}
    assert plan_quota(table, Balance(budget=500, temperature=1.0)) == {"deu_Latn": 450, "tha_Thai": 50}
    assert plan_quota(table, Balance(budget=500, method="unimax")) == {"deu_Latn": 400, "tha_Thai": 100}
    assert plan_quota(table, Balance(budget=500, temperature=1.0, floor=80)) == {"deu_Latn": 420, "tha_Thai": 80}
    assert plan_quota(table, Balance(cap=300)) == {"deu_Latn": 300, "tha_Thai": 100}


def test_a_plan_that_cannot_be_is_refused():
    with pytest.raises(QuotaError, match="exceeds what is available"):
        plan_quota(counts(deu_Latn=10), Balance(budget=11))


def test_the_first_by_priority_stay():
    table = records(many(100))
    outcome = select_rows(table, {"swh_Latn": 30}, seed=5)
    ids = table["id"].to_pylist()
    drawn = dict(zip(ids, priority(ids, "balance", 5).tolist(), strict=True))
    ranking = sorted(ids, key=lambda each: (drawn[each], each))
    kept = dict(zip(outcome.records["id"].to_pylist(), outcome.records["quota_rank"].to_pylist(), strict=True))
    assert kept == {each: rank for rank, each in enumerate(ranking[:30])}
    assert outcome.records["id"].to_pylist() == [each for each in ids if each in kept]
    dropped = {row["id"]: row for row in outcome.ledger.to_pylist()}
    assert {each: row["score"] for each, row in dropped.items()} == {
        each: float(rank) for rank, each in enumerate(ranking) if rank >= 30
    }
    facts = {(row["stage"], row["decision"], row["reason"], row["threshold"]) for row in dropped.values()}
    assert facts == {("balance", "dropped", "over_quota", 30.0)}


def test_equal_ids_would_be_ordered_by_id(monkeypatch):
    monkeypatch.setattr("curation.balance.priority", lambda ids, purpose, seed: [0] * len(list(ids)))
    outcome = select_rows(records([("b", "x", "train"), ("c", "x", "train"), ("a", "x", "train")]), {"x": 2}, seed=0)
    assert outcome.records["id"].to_pylist() == ["b", "a"]
    assert outcome.records["quota_rank"].to_pylist() == [1, 0]


def test_held_out_splits_are_kept_whole_and_unranked():
    table = records([*many(5), *many(3, split="test"), *many(2, split="validation")])
    outcome = select_rows(table, {"swh_Latn": 0}, seed=0)
    assert outcome.records["split"].to_pylist() == ["test"] * 3 + ["validation"] * 2
    assert outcome.records["quota_rank"].null_count == 5
    assert outcome.records.schema.field("quota_rank").type == pa.int64()


def test_languages_have_their_own_ranks():
    table = records([*many(10, "deu_Latn"), *many(10, "khm_Khmr"), *many(4, "lao_Laoo")])
    outcome = select_rows(table, {"deu_Latn": 3, "khm_Khmr": 10}, seed=0)
    kept = outcome.records.group_by("language", use_threads=False).aggregate([("quota_rank", "max"), ([], "count_all")])
    assert {row["language"]: (row["quota_rank_max"], row["count_all"]) for row in kept.to_pylist()} == {
        "deu_Latn": (2, 3),
        "khm_Khmr": (9, 10),
    }
    assert set(outcome.ledger["language"].to_pylist()) == {"deu_Latn", "lao_Laoo"}


def test_an_empty_partition_is_no_special_case():
    outcome = select_rows(records([]), {}, seed=0)
    assert outcome.records.column_names[-1] == "quota_rank"
    assert outcome.ledger.num_rows == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(0, 20), st.integers(0, 40), st.integers(0, 3))
def test_growth_displaces_at_most_as_many_as_it_brings(count, added, quota, seed):
    before = select_rows(records(many(count)), {"swh_Latn": quota}, seed=seed).records["id"].to_pylist()
    after = select_rows(records(many(count + added)), {"swh_Latn": quota}, seed=seed).records["id"].to_pylist()
    assert len(set(before) - set(after)) <= added
    assert set(after) <= set(before) | {row[0] for row in many(added, start=count)} or len(before) < quota
    assert len(after) == min(quota, count + added)


def test_a_larger_quota_keeps_all_that_a_smaller_one_kept():
    table = records(many(200))
    kept = [set(select_rows(table, {"swh_Latn": n}, seed=1).records["id"].to_pylist()) for n in (20, 21, 150)]
    assert kept[0] < kept[1] < kept[2]


@settings(deadline=None, max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random):
    table = records([*many(30), *many(30, "khm_Khmr"), *many(9, split="test")])
    quota = {"swh_Latn": 11, "khm_Khmr": 7}
    order = list(range(table.num_rows))
    random.shuffle(order)
    whole, shuffled = (select_rows(each, quota, seed=2) for each in (table, table.take(pa.array(order))))
    assert shuffled.records.sort_by("id").equals(whole.records.sort_by("id"))
    assert shuffled.ledger.sort_by("id").equals(whole.ledger.sort_by("id"))
