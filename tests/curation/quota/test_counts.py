from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_and_plans import many, records

from curation.config.balance import Balance
from curation.quota import QuotaError
from curation.quota.counts import AVAILABLE, COUNTS_SCHEMA, count_rows, merge_counts, plan_quota
from curation.quota.plan import PLAN_SCHEMA


def counts(*rows):
    """Build counts of training rows from (language, source, rows[, available])."""
    return pa.Table.from_pylist(
        [
            {
                "language": row[0],
                "task": "bitext",
                "source": row[1],
                "split": "train",
                "positive_language": row[0],
                "rows": row[2],
            }
            | {"available": row[3] if len(row) > 3 else None}
            for row in rows
        ],
        schema=COUNTS_SCHEMA,
    )


def test_counts_are_by_language_task_source_and_split_and_sorted():
    table = count_rows(
        records(
            [
                *many(3, "tha_Thai"),
                *many(2, "amh_Ethi"),
                *many(1, "tha_Thai", "test"),
                *many(4, "tha_Thai", source="bible"),
            ]
        )
    )
    assert table.schema == COUNTS_SCHEMA
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("amh_Ethi", "bitext", "s", "train", "", 2, None),
        ("tha_Thai", "bitext", "bible", "train", "", 4, None),
        ("tha_Thai", "bitext", "s", "test", "", 1, None),
        ("tha_Thai", "bitext", "s", "train", "", 3, None),
    ]


def test_the_languages_of_positives_are_counted_apart_and_are_one_for_a_quota():
    table = records(many(9, "tha_Thai"))
    codes = ["eng_Latn", "tha_Thai", "eng_Latn"] * 3
    place = table.schema.get_field_index("positive_language")
    table = table.set_column(place, table.schema.field(place), pa.array(codes))
    counted = merge_counts([count_rows(table.slice(0, 4)), count_rows(table.slice(4))])
    assert counted.select(["positive_language", "rows"]).to_pylist() == [
        {"positive_language": "eng_Latn", "rows": 6},
        {"positive_language": "tha_Thai", "rows": 3},
    ]
    for available in (None, 100):
        column = pa.array([available] * 2, pa.int64())
        cell = counted.set_column(counted.schema.get_field_index("available"), "available", column)
        planned = plan_quota(cell, Balance(budget=9))
        assert planned.select(["language", "given", "available"]).to_pylist() == [
            {"language": "tha_Thai", "given": 9, "available": 9}
        ]


def test_what_was_there_before_mining_is_counted_beside_what_is_left():
    table = records(many(3, "tha_Thai")).append_column(AVAILABLE, pa.array([70, 70, 70]))
    merged = merge_counts([count_rows(table.slice(0, 1)), count_rows(table.slice(1))])
    assert [tuple(row.values())[-2:] for row in merged.to_pylist()] == [(3, 70)]


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
    held_out = count_rows(records(many(50, "tha_Thai", "test")))
    table = merge_counts([counts(("deu_Latn", "s", 900), ("tha_Thai", "s", 100)), held_out])
    planned = plan_quota(table, Balance(budget=500, temperature=1.0))
    assert planned.select(["language", "given"]).to_pylist() == [
        {"language": "deu_Latn", "given": 450},
        {"language": "tha_Thai", "given": 50},
    ]
    assert plan_quota(held_out, Balance(budget=5)).equals(PLAN_SCHEMA.empty_table())


def test_after_mining_the_weights_are_those_of_before_and_a_loss_is_no_error():
    table = counts(("deu_Latn", "s", 300, 900), ("tha_Thai", "s", 20, 100))
    planned = plan_quota(table, Balance(budget=300, temperature=1.0))
    # A tenth of 300 would be 30 rows of Thai.
    assert planned["given"].to_pylist() == [280, 20]
    assert planned["short"].to_pylist() == [0, 10]
    assert plan_quota(table, Balance(budget=900))["given"].to_pylist() == [300, 20]


def test_before_mining_a_budget_that_cannot_be_spent_is_refused():
    with pytest.raises(QuotaError, match="cannot be spent"):
        plan_quota(counts(("deu_Latn", "s", 10)), Balance(budget=11))
