from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.model import Split
from curation.records import RECORD_SCHEMA
from curation.split import assign_splits, drop_split_leaks, split_keys

POSITIVES = ["Guten Morgen", "GUTEN MORGEN", "सुप्रभात", "ＯＫ", "ok", "おはよう", "доброе утро", "Доброе утро"]


def records(rows):
    """Build records from (id, group, positive, language of the positive)."""
    constants = {"query": "q", "query_language": "eng_Latn", "language": "deu_Latn", "source": "s", "licence": "l"}
    constants |= {"task": "bitext", "label": "", "file": "f", "row": 0, "negatives": []}
    names = ("id", "group", "positive", "positive_language")
    return pa.Table.from_pylist([constants | dict(zip(names, row, strict=True)) for row in rows], schema=RECORD_SCHEMA)


def with_splits(rows):
    """Build split records from (id, split, positive, language of the positive)."""
    table = records(rows)
    return table.append_column(pa.field("split", pa.string(), nullable=False), table["group"].combine_chunks())


def groups(count):
    return records([(f"{n:032x}", f"group {n}", "p", "deu_Latn") for n in range(count)])


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.05), (0.1, 0.2), (0.5, 0.0), (0.0, 0.0), (0.4, 0.599)])
def test_shares_are_those_of_the_config(validation, test):
    count = 20_000
    splits = assign_splits(groups(count), Split(validation=validation, test=test), seed=3)["split"].to_pylist()
    for name, share in (("validation", validation), ("test", test)):
        tolerance = 4 * (count * share * (1 - share)) ** 0.5
        assert abs(splits.count(name) - count * share) <= tolerance


def test_a_group_is_never_cut():
    table = records([(f"{n:032x}", f"group {n % 7}", "p", "deu_Latn") for n in range(700)])
    seen = set(
        zip(table["group"].to_pylist(), assign_splits(table, Split(test=0.5), seed=0)["split"].to_pylist(), strict=True)
    )
    assert len(seen) == 7


def test_a_split_is_a_function_of_group_and_seed():
    table = groups(2_000)
    whole = assign_splits(table, Split(test=0.3), seed=1)
    turned = pa.concat_tables([assign_splits(table.slice(a, 700), Split(test=0.3), seed=1) for a in (1400, 0, 700)])
    assert turned.sort_by("id").equals(whole)
    other = assign_splits(table, Split(test=0.3), seed=2)
    assert np.mean(pa.compute.not_equal(other["split"], whole["split"]).to_numpy()) > 0.3


def test_raising_a_share_moves_only_what_it_must():
    table = groups(2_000)
    small = assign_splits(table, Split(validation=0.1, test=0.1), seed=1)["split"].to_pylist()
    more_validation = assign_splits(table, Split(validation=0.3, test=0.1), seed=1)["split"].to_pylist()
    more_test = assign_splits(table, Split(validation=0.1, test=0.3), seed=1)["split"].to_pylist()
    moved = {(a, b) for a, b in zip(small, more_validation, strict=True) if a != b}
    assert moved == {("train", "validation")}
    assert all(b == "test" for a, b in zip(small, more_test, strict=True) if a == "test")


def test_keys_are_folded_positives():
    table = records([(str(n), "g", text, "und_Zzzz") for n, text in enumerate(POSITIVES)])
    keys = split_keys(table).to_pylist()
    assert keys == ["guten morgen", "guten morgen", "सुप्रभात", "ok", "ok", "おはよう", "доброе утро", "доброе утро"]


@pytest.mark.parametrize(
    ("rows", "dropped"),
    [
        ([("1", "train", "A b", "deu_Latn"), ("2", "test", "a B", "deu_Latn")], {"1": ("leaks_into_test", "2")}),
        ([("1", "train", "हिन्दी", "hin_Deva"), ("2", "validation", "हिन्दी", "hin_Deva")],
         {"1": ("leaks_into_validation", "2")}),
        ([("1", "validation", "ตัวอย่าง", "tha_Thai"), ("2", "test", "ตัวอย่าง", "tha_Thai")],
         {"1": ("leaks_into_test", "2")}),
        # Test goes before validation, and the smallest id speaks for all.
        ([("1", "train", "ja", "deu_Latn"), ("2", "validation", "JA", "deu_Latn"), ("9", "test", "ja", "deu_Latn"),
          ("5", "test", "Ja", "deu_Latn")], {"1": ("leaks_into_test", "5"), "2": ("leaks_into_test", "5")}),
        # The same word in another language is another text.
        ([("1", "train", "gift", "eng_Latn"), ("2", "test", "Gift", "deu_Latn")], {}),
        ([("1", "train", "été", "fra_Latn"), ("2", "test", "ete", "fra_Latn")], {}),
        ([("1", "train", "가", "kor_Hang"), ("2", "train", "가", "kor_Hang")], {}),
        ([("1", "test", "x", "deu_Latn"), ("2", "test", "x", "deu_Latn")], {}),
        ([], {}),
    ],
)  # fmt: skip
def test_leaks(rows, dropped):
    outcome = drop_split_leaks(with_splits(rows))
    found = {row["id"]: (row["reason"], row["other_id"]) for row in outcome.ledger.to_pylist()}
    assert found == dropped
    assert outcome.records["id"].to_pylist() == [row[0] for row in rows if row[0] not in dropped]
    assert all((row["stage"], row["decision"]) == ("split", "dropped") for row in outcome.ledger.to_pylist())


ROWS = st.lists(
    st.tuples(st.sampled_from(["train", "validation", "test"]), st.sampled_from(POSITIVES), st.sampled_from("ab")),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.randoms(use_true_random=False))
def test_no_text_is_left_on_both_sides_whatever_the_order(rows, random):
    table = with_splits([(f"{n:032x}", *row) for n, row in enumerate(rows)])
    outcome = drop_split_leaks(table)
    order = list(range(table.num_rows))
    random.shuffle(order)
    shuffled = drop_split_leaks(table.take(pa.array(order, pa.int64())))
    assert shuffled.records.sort_by("id").equals(outcome.records)
    assert shuffled.ledger.sort_by("id").equals(outcome.ledger.sort_by("id"))
    sides: dict[tuple[str, str], set[str]] = {}
    keys = zip(split_keys(outcome.records).to_pylist(), outcome.records["positive_language"].to_pylist(), strict=True)
    for key, split in zip(keys, outcome.records["split"].to_pylist(), strict=True):
        sides.setdefault(key, set()).add(split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert outcome.records.num_rows + outcome.ledger.num_rows == table.num_rows


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_partitions_by_key_decide_alone(rows):
    table = with_splits([(f"{n:032x}", *row) for n, row in enumerate(rows)])
    keys = split_keys(table)
    parts = [drop_split_leaks(table.filter(pa.compute.equal(keys, key))) for key in keys.unique().to_pylist()]
    ledger = pa.concat_tables([drop_split_leaks(table.slice(0, 0)).ledger, *(part.ledger for part in parts)])
    assert ledger.sort_by("id").equals(drop_split_leaks(table).ledger.sort_by("id"))
