from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.model import Filters
from curation.ledger import LEDGER_SCHEMA
from filters.registry import FILTERS
from filters.score import score_records
from filters.stage import filter_records, judgements
from language_configs.bounds import Bounds, profile

OFF = Filters.model_validate(dict.fromkeys(Bounds.model_fields))

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

OUI = (
    "Oui, je viens très volontiers demain matin si vous voulez bien de moi, et avec ma sœur aînée, à moins que la "
    "neige ne nous en empêche, ce que personne ne peut savoir aujourd'hui, hélas."
)
BAD = [
    (("", "Nothing"), "empty", None),
    ((" \u3000", "Blank"), "empty", None),
    (("a", "One letter"), "min_chars", 1.0),
    (("x " * 5_001, "Endless"), "max_chars", 10_002.0),
    (("cafÃ©", "coffee"), "max_mojibake_share", 2 / 5),
    (("Voil\ue000", "Here it is"), "max_bad_character_share", 1 / 5),
    (("12:30 - 13:30 h", "From noon"), "min_letter_share", 1 / 12),
    (("12345678 Uhr", "At once"), "max_digit_share", None),
    (("€ -- ja! -- ja! €€ --- !!", "Yes, yes"), "min_letter_share", 4 / 18),
    (("https://example.org/page", "https://example.org/page one"), "max_address_share", 1.0),
    (("<b><i>Neu</i></b>", "New one"), "max_markup_share", 14 / 17),
    (("купить дешёвые окна " * 9, "cheap windows"), "max_repetition", None),
    (("Start\nStart\nStart\nStart", "Home"), "max_line_repetition", 0.75),
    ((OUI, "Yes"), "max_length_ratio", None),
    (("Mocквa Kиeв Mинcк", "Moscow, Kyiv, Minsk"), "max_mixed_word_share", 1.0),
    (("Email", "email"), "max_copy_similarity", 1.0),
    (("Löschen?", "Delete %(name)s?"), "min_placeholder_agreement", 0.0),
    (("Im Jahr 1969", "In 1996"), "min_number_agreement", 0.0),
    (("Mehr dazu auf https://example.org", "More of it at https://example.net"), "min_address_agreement", 0.0),
    (("<b>Neues</b> aus aller Welt und von hier", "News from all over the world and from here"),
     "max_markup_difference", None),
]  # fmt: skip

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftskasse"

OF_PAIRS = {each.name for each in FILTERS if each.places == ("pair",)}

# What only a known language can tell: its language, then both texts.
BAD_IN_A_LANGUAGE = [
    ("eng_Latn", ("Same words here", "Other words there"), "same_language"),
    ("deu_Latn", (LONG, "A long word"), "max_word_chars"),
    ("hin_Deva", ("यह Привет, как дела сегодня", "This is a greeting"), "max_foreign_share"),
    ("jpn_Jpan", ("This sentence was never translated at all", "Diese Worte sind andere"), "max_latin_share"),
    ("swh_Latn", ("she goes to the market each day sokoni", "she goes to the market each day"), "max_copied_share"),
]  # fmt: skip


def test_clean_pairs_of_every_script_pass(records, judge):
    outcome = judge(records(GOOD))
    assert outcome.ledger.to_pylist() == []
    assert outcome.records.num_rows == len(GOOD)


@pytest.mark.parametrize(("pair", "reason", "score"), BAD, ids=[reason for _, reason, _ in BAD])
def test_each_filter_drops_with_its_name_score_and_bound(records, judge, pair, reason, score):
    outcome = judge(records([pair]))
    [row] = outcome.ledger.to_pylist()
    assert (row["stage"], row["decision"], row["reason"]) == ("filter", "dropped", reason)
    assert outcome.records.num_rows == 0
    if score is not None:
        assert row["score"] == pytest.approx(score)
    assert row["threshold"] == (None if reason == "empty" else getattr(profile("standard")["sentence"], reason))
    assert row["detail"].startswith(
        ("query (und_Zzzz sentence)", "pair (und_Zzzz sentence)") if reason != "empty" else ""
    )


@pytest.mark.parametrize(("language", "pair", "reason"), BAD_IN_A_LANGUAGE, ids=[row[2] for row in BAD_IN_A_LANGUAGE])
def test_some_filters_need_to_know_the_language(records, judge, language, pair, reason):
    assert judge(records([pair], query_language=language)).ledger["reason"].to_pylist() == [reason]
    assert reason not in judge(records([pair])).ledger["reason"].to_pylist()


def test_the_table_covers_every_filter():
    seen = {reason for _, reason, _ in BAD} | {reason for _, _, reason in BAD_IN_A_LANGUAGE} - {"empty"}
    # Of letters, digits and symbols, the default bounds leave one to another.
    assert {each.name for each in FILTERS} - seen == {"max_symbol_share"}


def test_symbols_have_a_filter_of_their_own(records, judge):
    options = Filters(max_symbol_share=0.5, min_letter_share=None)
    assert judge(records([("€ -- ja! -- €€ --", "Yes, yes")]), options).ledger["reason"].to_pylist() == [
        "max_symbol_share"
    ]


def test_the_first_filter_that_fails_is_the_reason(records, judge):
    everything_wrong = records([("7", "%s 77")])
    assert judge(everything_wrong).ledger["reason"].to_pylist() == ["min_chars"]
    later = judge(
        everything_wrong, Filters(min_chars=None, min_letter_share=None, max_digit_share=None, max_symbol_share=None)
    )
    assert later.ledger["reason"].to_pylist() == ["min_placeholder_agreement"]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, False),
        ({"min_chars": 1}, True),
        ({"min_chars": None}, True),
        ({"roles": {"sentence": {"min_chars": 1}}}, True),
        ({"roles": {"query": {"min_chars": 1}}}, False),
        ({"languages": {"fin": {"all": {"min_chars": 1}}}}, True),
        ({"languages": {"fin": {"sentence": {"min_chars": 1}}}}, True),
        ({"languages": {"fin": {"passage": {"min_chars": 1}}}}, False),
        ({"languages": {"jpn": {"all": {"min_chars": 1}}}}, False),
        ({"profile": "lenient"}, True),
        ({"profile": "lenient", "min_chars": 2}, False),
        ({"min_chars": 1, "roles": {"sentence": {"min_chars": 2}}}, False),
        ({"roles": {"sentence": {"min_chars": 2}}, "languages": {"fin": {"all": {"min_chars": 1}}}}, True),
    ],
)
def test_the_nearest_bound_holds(records, judge, options, kept):
    table = records([("ŋ", "Good.")], query_language="fin_Latn")
    assert judge(table, Filters.model_validate(options)).records.num_rows == kept


def test_a_pair_is_judged_by_the_side_that_it_counts_for(records, judge):
    table = records([("Im Jahr 1969", "In 1996")], query_language="deu_Latn")
    for language, dropped in (("deu", 0), ("eng", 1)):
        options = Filters.model_validate({"languages": {language: {"all": {"min_number_agreement": None}}}})
        assert judge(table, options).ledger.num_rows == dropped


def test_pair_checks_apply_to_bitext_only(records, judge):
    pair = ("In 1969", "Moon landing of 1970 by %s")
    outcome = judge(records([pair], task="retrieval"), roles={"test": ("query", "passage")})
    assert outcome.ledger.num_rows == 0
    scores = outcome.records["filter_scores"][0].as_py()["pair"]
    assert [scores[name] for name in ("length_ratio", "placeholder_agreement", "number_agreement")] == [None] * 3
    assert scores["copy_similarity"] is not None


def test_code_is_not_judged_as_prose(records, judge):
    code = ("add two numbers", "(1+2)*3-4/5 # <b>")
    roles = {"test": ("query", "passage")}
    as_code = records([code], task="code", query_language="eng_Latn", positive_language="python_Zzzz")
    assert judge(as_code, roles=roles).ledger.num_rows == 0
    as_prose = records([code], task="code", query_language="eng_Latn")
    assert judge(as_prose, roles=roles).ledger["reason"].to_pylist() == ["min_letter_share"]


def test_personal_data_is_masked_in_what_is_kept(records, judge):
    outcome = judge(records([("Schreib an dora@firma.de!", "Write to dora@firma.de!")]))
    [row] = outcome.records.to_pylist()
    assert (row["query"], row["positive"]) == ("Schreib an email@example.com!", "Write to email@example.com!")
    assert row["pii_masked"] == 2


def test_other_columns_are_carried_along(records, judge):
    table = records(GOOD).append_column("trust", pa.array(range(len(GOOD))))
    assert judge(table).records["trust"].to_pylist() == list(range(len(GOOD)))


@pytest.mark.parametrize("options", [Filters(), OFF])
def test_no_rows_and_no_filters_are_no_special_cases(records, judge, options):
    outcome = judge(records([]), options)
    assert outcome.records.num_rows == 0
    assert outcome.ledger.schema == LEDGER_SCHEMA
    assert outcome.records.schema == judge(records(GOOD), options).records.schema


def test_without_filters_only_empty_records_go(records, judge):
    assert judge(records([("a", "b"), ("", "c")]), OFF).ledger["reason"].to_pylist() == ["empty"]


def test_judgements_are_those_of_the_decision(records):
    scored = score_records(records([*GOOD, *(pair for pair, _, _ in BAD)])).records
    roles = {"test": ("sentence", "sentence")}
    ledger = filter_records(scored, Filters(), roles).ledger
    reasons = dict(zip(ledger["id"].to_pylist(), ledger["reason"].to_pylist(), strict=True))
    for row in scored.to_pylist():
        failed = [
            each.name
            for each in judgements(row, Filters(), roles)
            if each.score is not None
            and (each.score < each.bound - 1e-6 if each.direction == "at_least" else each.score > each.bound + 1e-6)
        ]
        reason = reasons.get(row["id"])
        assert reason == "empty" or failed[:1] == ([reason] if reason else [])


@pytest.fixture(scope="module")
def mixed():
    return [*GOOD, *(pair for pair, _, _ in BAD)]


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, len(GOOD) + len(BAD)), max_size=5), rotation=st.integers(0, 30))
def test_batch_boundaries_and_order_change_nothing(records, judge, mixed, cuts, rotation):
    table = records(mixed)
    whole = judge(table)
    turned = pa.concat_tables([table.slice(rotation % len(mixed)), table.slice(0, rotation % len(mixed))])
    bounds = [0, *sorted(cuts), len(mixed)]
    pieces = [judge(turned.slice(a, b - a)) for a, b in pairwise(bounds)]
    for part in ("records", "ledger"):
        joined = pa.concat_tables([getattr(piece, part) for piece in pieces]).sort_by("id")
        assert joined.equals(getattr(whole, part).sort_by("id"))


def test_rows_are_conserved(records, judge, mixed):
    outcome = judge(records(mixed))
    seen = outcome.records["id"].to_pylist() + outcome.ledger["id"].to_pylist()
    assert sorted(seen) == records(mixed)["id"].to_pylist()
