from __future__ import annotations

import pyarrow as pa
import pytest

from curation.config.model import DatatroveFilter, Filters
from filters import score
from filters.registry import PAIR_SCORES, SIDE_SCORES
from filters.score import DocumentScore, score_records
from filters.stage import filter_records

PAIRS = [
    ("Haar Engels is uitstekend.", "Her English is excellent."),
    ("ውሃ እፈልጋለሁ።", "I want water."),
    ("%(count)d fichiers", "%(count)d files"),
    ("", "12"),
    ("я " * 40, "x" * 50),
]


def short(roles=frozenset({"sentence"}), languages=frozenset(), name="short"):
    return DocumentScore(name, lambda text: "too long" if len(text) > 13 else None, roles, languages)


def test_scores_are_stored_by_side_and_for_the_pair(records):
    column = score_records(records(PAIRS)).records.schema.field("filter_scores")
    assert not column.nullable
    side = pa.struct([(each.name, pa.float32()) for each in SIDE_SCORES])
    pair = pa.struct([(each.name, pa.float32()) for each in PAIR_SCORES])
    assert column.type == pa.struct([("query", side), ("positive", side), ("pair", pair)])


def test_what_cannot_be_judged_is_null(records):
    scores = score_records(records(PAIRS)).records["filter_scores"][0].as_py()
    assert (scores["query"]["chars"], scores["positive"]["chars"]) == (26.0, 25.0)
    assert scores["pair"]["number_agreement"] is None
    assert scores["query"]["repetition"] is None


def test_nothing_is_dropped(records):
    outcome = score_records(records(PAIRS))
    assert outcome.records.drop_columns(["filter_scores"]).equals(records(PAIRS))
    assert outcome.ledger.num_rows == 0


def test_small_slices_change_nothing(records, monkeypatch):
    whole = score_records(records(PAIRS)).records
    monkeypatch.setattr(score, "SLICE_BYTES", 40)
    assert score_records(records(PAIRS)).records.equals(whole)
    monkeypatch.setattr(score, "SLICE_ROWS", 1)
    assert score_records(records(PAIRS)).records.equals(whole)


@pytest.mark.parametrize(
    ("document", "query", "positive"),
    [
        (short(), [0.0, 1.0], [0.0, 1.0]),
        (short(roles=frozenset({"passage"})), [None, None], [None, None]),
        (short(languages=frozenset({"eng_Latn"})), [None, None], [0.0, 1.0]),
    ],
)
def test_filters_from_elsewhere_are_asked_about_their_roles_and_languages(records, document, query, positive):
    scored = score_records(records(PAIRS[:2]), [document], {"test": ("sentence", "sentence")}).records
    rows = scored["filter_scores"].to_pylist()
    assert [row["query"]["short"] for row in rows] == query
    assert [row["positive"]["short"] for row in rows] == positive
    assert {row["pair"].get("short") for row in rows} == {None}


def test_a_filter_from_elsewhere_decides_with_its_reason(records):
    roles = {"test": ("sentence", "sentence")}
    document = short(name="RegexFilter")
    options = Filters(datatrove=[DatatroveFilter(filter="RegexFilter", roles=["sentence"], options={"regex_exp": "x"})])
    outcome = filter_records(score_records(records(PAIRS[:2]), [document], roles).records, options, roles)
    [row] = outcome.ledger.to_pylist()
    assert (row["reason"], row["score"], row["threshold"]) == ("datatrove.RegexFilter", 0.0, 1.0)
    assert row["detail"] == "query (und_Zzzz sentence): datatrove.RegexFilter: too long"
    assert outcome.records.num_rows == 1
