from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_and_plans import many, preselect, quota, records, select, select_from

from curation.hashing import hash64, priority
from curation.quota.selection import is_preselected, lots, over_quota, rank_lots


def test_the_first_by_priority_stay():
    table = records(many(100))
    outcome = select(table, quota(swh_Latn=30), seed=5)
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


def test_records_with_equal_priorities_are_ordered_by_another_hash(monkeypatch):
    monkeypatch.setattr("curation.quota.selection.priority", lambda ids, purpose, seed: np.zeros(len(ids), np.uint64))
    names = list("abcdefghij")
    order = [each for _, each in sorted(zip(hash64(names).tolist(), names, strict=True))]
    for turned in (names, names[::-1]):
        outcome = select(records([(each, "x", "train") for each in turned]), quota(x=4), seed=0)
        kept = zip(outcome.records["id"].to_pylist(), outcome.records["quota_rank"].to_pylist(), strict=True)
        assert dict(kept) == {each: rank for rank, each in enumerate(order[:4])}


def test_held_out_splits_are_kept_whole_and_unranked():
    table = records([*many(5), *many(3, split="test"), *many(2, split="validation")])
    outcome = select(table, quota(swh_Latn=0), seed=0)
    assert outcome.records["split"].to_pylist() == ["test"] * 3 + ["validation"] * 2
    assert outcome.records["quota_rank"].null_count == 5
    assert outcome.records.schema.field("quota_rank").type == pa.int64()


def test_languages_have_their_own_ranks():
    table = records([*many(10, "deu_Latn"), *many(10, "khm_Khmr"), *many(4, "lao_Laoo")])
    outcome = select(table, quota(deu_Latn=3, khm_Khmr=10), seed=0)
    kept = outcome.records.group_by("language", use_threads=False).aggregate([("quota_rank", "max"), ([], "count_all")])
    assert {row["language"]: (row["quota_rank_max"], row["count_all"]) for row in kept.to_pylist()} == {
        "deu_Latn": (2, 3),
        "khm_Khmr": (9, 10),
    }
    assert set(outcome.ledger["language"].to_pylist()) == {"deu_Latn", "lao_Laoo"}


def test_an_empty_partition_is_no_special_case():
    outcome = select(records([]), quota(), seed=0)
    assert outcome.records.column_names[-2:] == ["quota_rank", "copies"]
    assert outcome.ledger.num_rows == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(0, 20), st.integers(0, 40), st.integers(0, 3))
def test_growth_displaces_at_most_as_many_as_it_brings(count, added, limit, seed):
    kept = {}
    for rows in (count, count + added):
        plan = quota(swh_Latn=min(limit, rows))
        kept[rows] = select(records(many(rows)), plan, seed=seed).records["id"].to_pylist()
    before, after = kept[count], kept[count + added]
    assert len(set(before) - set(after)) <= added
    assert set(after) <= set(before) | {row[0] for row in many(added, start=count)} or len(before) < limit
    assert len(after) == min(limit, count + added)


def test_sources_have_their_own_ranks():
    table = records([*many(10, source="bible"), *many(10, source="wiki")])
    kept = select(table, quota(swh_Latn__bible=2, swh_Latn__wiki=7), seed=0).records
    ranks = {}
    for row in kept.select(["source", "quota_rank"]).to_pylist():
        ranks.setdefault(row["source"], set()).add(row["quota_rank"])
    assert ranks == {"bible": set(range(2)), "wiki": set(range(7))}


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(0, 100))
def test_more_than_there_is_is_repeated_as_evenly_as_can_be(count, wanted):
    outcome = select(records(many(count)), quota(swh_Latn=wanted), seed=3)
    copies = outcome.records["copies"].to_pylist()
    assert sum(copies) == wanted
    assert len(copies) == min(count, wanted)
    assert not copies or max(copies) - min(copies) <= 1
    ranks = outcome.records["quota_rank"].to_pylist()
    more = [rank for rank, times in zip(ranks, copies, strict=True) if times > min(copies)]
    assert sorted(more) == list(range(len(more)))
    assert outcome.records.schema.field("copies").type == pa.int32()


def test_held_out_records_are_never_repeated():
    kept = select(records([*many(2), *many(2, split="test")]), quota(swh_Latn=6), seed=0).records
    assert kept.select(["split", "copies"]).to_pylist() == [
        *[{"split": "train", "copies": 3}] * 2,
        *[{"split": "test", "copies": 1}] * 2,
    ]


@pytest.mark.parametrize(
    ("given", "reserve", "chosen"), [(30, 0.0, 30), (30, 0.1, 33), (10, 0.25, 13), (950, 0.1, 100), (30, 1 / 3, 40)]
)
def test_what_is_mined_is_the_quota_and_a_reserve(given, reserve, chosen):
    table = records([*many(100), *many(7, split="test")])
    marked = preselect(table, quota(swh_Latn=given), reserve=reserve, seed=1)
    assert marked.drop_columns(["quota_rank", "quota_limit", "quota_available"]).equals(table)
    is_chosen = is_preselected(marked)
    assert is_chosen[:100].sum() == chosen
    assert is_chosen[100:].all()
    assert set(marked["quota_available"].to_pylist()) == {1000}
    ledger = over_quota(marked.filter(pa.array(~is_chosen)), stage="mine")
    assert {(row["stage"], row["reason"], row["threshold"]) for row in ledger.to_pylist()} <= {
        ("mine", "over_quota", min(math.ceil(given * round(1 + reserve, 6)), 1000))
    }


def test_without_a_choice_all_are_mined():
    assert is_preselected(records(many(5))).all()


def test_what_the_final_quota_takes_is_among_what_was_mined():
    table = records(many(200))
    marked = preselect(table, quota(swh_Latn=50), reserve=0.1, seed=1)
    mined = marked.filter(pa.array(is_preselected(marked)))
    after = select(mined, quota(swh_Latn=50), seed=1).records
    assert after["id"].to_pylist() == select(table, quota(swh_Latn=50), seed=1).records["id"].to_pylist()
    assert "quota_limit" not in after.column_names
    assert "quota_available" not in after.column_names


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_order_nor_partitions_matter(random, parts):
    rows = [*many(30, "tha_Thai"), *many(20, "amh_Ethi"), *many(10, "amh_Ethi", source="wiki")]
    rows += many(5, "amh_Ethi", "test")
    plan = quota(tha_Thai=12, amh_Ethi=30, amh_Ethi__wiki=3)
    whole = select_from(records(rows), plan, seed=9, cut=1)
    random.shuffle(rows)
    found = select_from(records(rows), plan, seed=9, cut=parts)
    assert found.records.equals(whole.records)
    assert found.ledger.equals(whole.ledger)


def test_lots_are_drawn_for_training_records_and_only_numbers_travel():
    table = records([*many(3, "tha_Thai", "test"), *many(4, "amh_Ethi"), *many(2, "tha_Thai")])
    rows = lots(table, seed=0)
    assert rows["at"].to_pylist() == [3, 4, 5, 6, 7, 8]
    assert rows["key"].value_counts().field("counts").to_pylist() == [4, 2]
    assert {str(kind) for kind in rows.schema.types} <= {"uint32", "uint64"}
    ranked = rank_lots(rows).sort_by("at")
    assert ranked["rows"].to_pylist() == [4] * 4 + [2] * 2
    assert sorted(ranked["rank"].to_pylist()[:4]) == [0, 1, 2, 3]
    assert sorted(ranked["rank"].to_pylist()[4:]) == [0, 1]
