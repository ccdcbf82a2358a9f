from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.model import Filters
from curation.ledger import LEDGER_SCHEMA
from filters import stage
from filters.registry import filter_names
from filters.stage import filter_records

GOOD = [
    ("Haar Engels is uitstekend.", "Her English is excellent."),
    ("ውሃ እፈልጋለሁ።", "I want water."),
    ("أين المكتبة؟", "Where is the library?"),
    ("আমি বাংলায় গান গাই।", "I sing in Bengali."),
    ("मैं हिन्दी बोलता हूँ।", "I speak Hindi."),
    ("彼女は毎日学校へ行きます。", "She goes to school every day."),
    ("გამარჯობა!", "Hello!"),
    ("ខ្ញុំនិយាយភាសាខ្មែរ។", "I speak Khmer."),
    ("저는 25살입니다.", "I am twenty-five."),
    ("ကျွန်တော် နားမလည်ဘူး။", "I don't understand."),
    ("Я родился в 1969 году.", "I was born in 1969."),
    ("எனக்கு தமிழ் தெரியும்.", "I know Tamil."),
    ("ฉันพูดภาษาไทยได้", "I can speak Thai."),
    ("我爱北京。", "I love Beijing."),
    ("%(count)d fichiers", "%(count)d files"),
]

BAD = [
    (("", "Nothing"), "empty", None),
    ((" \u3000", "Blank"), "empty", None),
    (("a", "One letter"), "min_chars", 1.0),
    (("x " * 10_001, "Endless"), "max_chars", 20_002.0),
    (("cafÃ©", "coffee"), "max_mojibake_share", 2 / 5),
    (("12:30 - 13:30", "From noon"), "min_letter_share", 0.0),
    (("<b><i>Neu</i></b>", "New one"), "max_markup_share", 14 / 17),
    (("купить дешёвые окна " * 9, "cheap windows"), "max_repetition", None),
    (("Oui, je viens " + "très volontiers " * 2 + "demain matin si vous voulez bien de moi, et avec ma sœur aînée, "
      "à moins que la neige ne nous en empêche, ce que personne ne peut savoir aujourd'hui, hélas.", "Yes"),
     "max_length_ratio", None),
    (("Email", "email"), "max_copy_similarity", 1.0),
    (("Löschen?", "Delete %(name)s?"), "check_placeholders", 0.0),
    (("Im Jahr 1969", "In 1996"), "check_numbers", 0.0),
]  # fmt: skip


def test_clean_pairs_of_every_script_pass(records):
    outcome = filter_records(records(GOOD), Filters())
    assert outcome.ledger.to_pylist() == []
    assert outcome.records.num_rows == len(GOOD)


@pytest.mark.parametrize(("pair", "reason", "score"), BAD, ids=[reason for _, reason, _ in BAD])
def test_each_filter_drops_with_its_name_score_and_threshold(records, pair, reason, score):
    outcome = filter_records(records([pair]), Filters())
    [row] = outcome.ledger.to_pylist()
    assert (row["stage"], row["decision"], row["reason"]) == ("filter", "dropped", reason)
    assert outcome.records.num_rows == 0
    if score is not None:
        assert row["score"] == pytest.approx(score)
    thresholds = {"empty": None, "check_placeholders": 1.0, "check_numbers": 0.5}
    expected = thresholds[reason] if reason in thresholds else getattr(Filters(), reason)
    assert row["threshold"] == expected


def test_the_first_filter_that_fails_is_the_reason(records):
    everything_wrong = records([("7", "%s 77")])
    assert filter_records(everything_wrong, Filters()).ledger["reason"].to_pylist() == ["min_chars"]
    later = filter_records(everything_wrong, Filters(min_chars=None, min_letter_share=None))
    assert later.ledger["reason"].to_pylist() == ["check_placeholders"]


def test_scores_travel_with_the_record(records):
    kept = filter_records(records(GOOD), Filters()).records
    assert kept.schema.field("filter_scores").type == pa.struct([(n, pa.float32()) for n in filter_names(Filters())])
    first = kept["filter_scores"][0].as_py()
    assert first["min_chars"] == 25.0
    assert first["max_chars"] == 26.0
    assert first["check_numbers"] is None
    assert first["max_repetition"] is None


def test_pair_checks_apply_to_bitext_only(records):
    outcome = filter_records(records([("In 1969", "Moon landing of 1970 by %s")], task="retrieval"), Filters())
    assert outcome.ledger.num_rows == 0
    scores = outcome.records["filter_scores"][0].as_py()
    assert [scores[name] for name in ("max_length_ratio", "check_placeholders", "check_numbers")] == [None] * 3
    assert scores["max_copy_similarity"] is not None


def test_code_is_not_judged_as_prose(records):
    code = ("add two numbers", "(1+2)*3-4/5 # <b>")
    as_code = records([code], task="code", positive_language="python_Zzzz")
    assert filter_records(as_code, Filters()).ledger.num_rows == 0
    as_prose = records([code], task="code")
    assert filter_records(as_prose, Filters()).ledger["reason"].to_pylist() == ["min_letter_share"]


def test_other_columns_are_carried_along(records):
    table = records(GOOD).append_column("trust", pa.array(range(len(GOOD))))
    assert filter_records(table, Filters()).records["trust"].to_pylist() == list(range(len(GOOD)))


@pytest.mark.parametrize("options", [Filters(), Filters.model_construct(**dict.fromkeys(Filters.model_fields))])
def test_no_rows_and_no_filters_are_no_special_cases(records, options):
    outcome = filter_records(records([]), options)
    assert outcome.records.num_rows == 0
    assert outcome.ledger.schema == LEDGER_SCHEMA


def test_without_filters_only_empty_records_go(records):
    off = Filters.model_construct(**dict.fromkeys(Filters.model_fields))
    outcome = filter_records(records([("a", "b"), ("", "c")]), off)
    assert outcome.records.column_names == records([]).column_names
    assert outcome.ledger["reason"].to_pylist() == ["empty"]


@pytest.fixture(scope="module")
def mixed():
    return [*GOOD, *(pair for pair, _, _ in BAD)]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, len(GOOD) + len(BAD)), max_size=5), rotation=st.integers(0, 30))
def test_batch_boundaries_and_order_change_nothing(records, mixed, cuts, rotation):
    table = records(mixed)
    whole = filter_records(table, Filters())
    turned = pa.concat_tables([table.slice(rotation % len(mixed)), table.slice(0, rotation % len(mixed))])
    bounds = [0, *sorted(cuts), len(mixed)]
    pieces = [filter_records(turned.slice(a, b - a), Filters()) for a, b in pairwise(bounds)]
    for part in ("records", "ledger"):
        joined = pa.concat_tables([getattr(piece, part) for piece in pieces]).sort_by("id")
        assert joined.equals(getattr(whole, part).sort_by("id"))


def test_small_slices_change_nothing(records, mixed, monkeypatch):
    whole = filter_records(records(mixed), Filters())
    monkeypatch.setattr(stage, "SLICE_BYTES", 40)
    cut = filter_records(records(mixed), Filters())
    assert cut.records.equals(whole.records)
    assert cut.ledger.equals(whole.ledger)
    monkeypatch.setattr(stage, "SLICE_ROWS", 1)
    assert filter_records(records(mixed), Filters()).ledger.equals(whole.ledger)


def test_rows_are_conserved(records, mixed):
    outcome = filter_records(records(mixed), Filters())
    seen = outcome.records["id"].to_pylist() + outcome.ledger["id"].to_pylist()
    assert sorted(seen) == records(mixed)["id"].to_pylist()
