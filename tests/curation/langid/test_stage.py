from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.model import Identify
from curation.langid.declared import MIN_SCRIPT_SHARE
from curation.langid.stage import STAGE, SourcePolicy, identify_records
from curation.ledger import EXCERPT_CHARS, LEDGER_SCHEMA
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA

ENGLISH = "The children have been playing in the garden since this morning."
GERMAN = "Die Kinder spielen schon seit heute Morgen draußen im Garten."
FRENCH = "Les enfants jouent dans le jardin depuis ce matin."
RUSSIAN = "Дети с самого утра играют в саду возле дома."
UKRAINIAN = "Діти від самого ранку граються в садку біля хати."
SERBIAN = "Deca se od jutros igraju u dvorištu pored kuće."
ARABIC = "يلعب الأطفال في الحديقة منذ هذا الصباح."
HINDI = "बच्चे आज सुबह से बगीचे में खेल रहे हैं।"
THAI = "เด็ก ๆ เล่นอยู่ในสวนตั้งแต่เช้านี้"
JAPANESE = "子どもたちは今朝からずっと庭で遊んでいます。"
SIMPLIFIED = "孩子们从今天早上就一直在花园里玩。"
TRADITIONAL = "孩子們從今天早上就一直在花園裡玩。"
AZERBAIJANI = "Uşaqlar bu gün səhərdən bağda oynayırlar."
DANISH = "Børnene har leget ude i haven siden tidligt i morges."
XHOSA = "Abantwana badlala egadini ukususela ngale ntsasa."
CODE = "def add(a, b):\n    return a + b"

Row = Mapping[str, object]


def _records(rows: Sequence[Row]) -> pa.Table:
    default: Row = {
        "query": ENGLISH,
        "positive": ENGLISH,
        "negatives": [],
        "query_language": "eng_Latn",
        "positive_language": "eng_Latn",
        "language": "stale",
        "source": "test",
        "licence": "CC0-1.0",
        "task": "bitext",
        "label": "",
        "group": "g",
        "file": "test.tsv",
    }
    whole = [{**default, "id": f"{number:032x}", "row": number, **row} for number, row in enumerate(rows)]
    return pa.Table.from_pylist(whole, schema=RECORD_SCHEMA)


def _run(rows: Sequence[Row], *, candidates: Sequence[str] = (), **options: Any) -> Outcome:
    section = Identify.model_validate(options)
    return identify_records(_records(rows), section, policies=_policies(section, test=candidates), pivot="eng_Latn")


def _policies(section: Identify, **candidates: Sequence[str]) -> dict[str, SourcePolicy]:
    return {
        name: SourcePolicy(tuple(codes), section.on_mismatch, section.on_undetermined)
        for name, codes in candidates.items()
    }


def _one(query: str, language: str, *, candidates: Sequence[str] = (), **options: Any) -> Outcome:
    return _run([{"query": query, "query_language": language}], candidates=candidates, **options)


# Declared languages


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        (ENGLISH, "eng_Latn"),
        (GERMAN, "deu_Latn"),
        (RUSSIAN, "rus_Cyrl"),
        (ARABIC, "arb_Arab"),
        (HINDI, "hin_Deva"),
        (THAI, "tha_Thai"),
        (JAPANESE, "jpn_Jpan"),
        (SIMPLIFIED, "cmn_Hans"),
        (TRADITIONAL, "cmn_Hant"),
        (AZERBAIJANI, "azj_Latn"),
    ],
)
def test_a_true_declaration_stays_with_its_probability(text: str, declared: str) -> None:
    outcome = _one(text, declared)
    assert outcome.records["query_language"].to_pylist() == [declared]
    assert 0.5 < outcome.records["query_lid_score"][0].as_py() <= 1.0
    assert outcome.ledger.num_rows == 0


MISMATCHES = [
    pytest.param(RUSSIAN, "deu_Latn", "script_mismatch", "rus_Cyrl", id="Cyrillic-for-German"),
    pytest.param(GERMAN, "rus_Cyrl", "script_mismatch", "deu_Latn", id="German-for-Russian"),
    pytest.param(THAI, "hin_Deva", "script_mismatch", "tha_Thai", id="Thai-for-Hindi"),
    pytest.param(JAPANESE, "kor_Hang", "language_mismatch", "jpn_Jpan", id="Japanese-for-Korean"),
    pytest.param(TRADITIONAL, "tha_Thai", "script_mismatch", "cmn_Hant", id="Chinese-for-Thai"),
    pytest.param(ARABIC, "xho_Latn", "script_mismatch", "arb_Arab", id="Arabic-for-Xhosa"),
    pytest.param(FRENCH, "deu_Latn", "language_mismatch", "fra_Latn", id="French-for-German"),
    pytest.param(GERMAN, "vie_Latn", "language_mismatch", "deu_Latn", id="German-for-Vietnamese"),
    pytest.param(UKRAINIAN, "bul_Cyrl", "language_mismatch", "ukr_Cyrl", id="Ukrainian-for-Bulgarian"),
    pytest.param(ARABIC, "pes_Arab", "language_mismatch", "arb_Arab", id="Arabic-for-Persian"),
]


@pytest.mark.parametrize("policy", ["drop", "quarantine"])
@pytest.mark.parametrize(("text", "declared", "reason", "seen"), MISMATCHES)
def test_a_contradicted_record_leaves_with_score_and_threshold(
    text: str, declared: str, reason: str, seen: str, policy: str
) -> None:
    outcome = _one(text, declared, on_mismatch=policy)
    assert outcome.records.num_rows == 0
    (row,) = outcome.ledger.to_pylist()
    assert (row["stage"], row["reason"]) == (STAGE, reason)
    assert row["decision"] == {"drop": "dropped", "quarantine": "quarantined"}[policy]
    assert row["detail"] == f"query looks like {seen}"
    assert row["threshold"] == (MIN_SCRIPT_SHARE if reason == "script_mismatch" else 0.9)
    assert (row["score"] < row["threshold"]) == (reason == "script_mismatch")
    assert (row["language"], row["query"], row["positive"]) == (declared, text[:EXCERPT_CHARS], ENGLISH)
    assert (row["id"], row["source"], row["file"], row["row"]) == (f"{0:032x}", "test", "test.tsv", 0)


@pytest.mark.parametrize(("text", "declared", "reason", "seen"), MISMATCHES)
def test_a_contradicted_record_may_be_kept_as_declared(text: str, declared: str, reason: str, seen: str) -> None:
    outcome = _one(text, declared, on_mismatch="keep")
    assert outcome.ledger.num_rows == 0
    assert outcome.records["query_language"].to_pylist() == [declared]
    assert outcome.records["language"].to_pylist() == [declared]
    score = outcome.records["query_lid_score"][0].as_py()
    assert score is None if declared == "xho_Latn" else score < 0.1


@pytest.mark.parametrize(("text", "declared", "reason", "seen"), MISMATCHES)
def test_a_contradicted_record_may_be_relabelled(text: str, declared: str, reason: str, seen: str) -> None:
    outcome = _one(text, declared, on_mismatch="relabel")
    assert outcome.ledger.num_rows == 0
    assert outcome.records["query_language"].to_pylist() == [seen]
    assert outcome.records["language"].to_pylist() == [seen]
    assert outcome.records["query_lid_score"][0].as_py() > 0.5


@pytest.mark.parametrize(("policy", "decision"), [("drop", "dropped"), ("quarantine", "quarantined"), ("keep", None)])
def test_to_relabel_takes_a_language(policy: str, decision: str | None) -> None:
    outcome = _one("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "deu_Latn", on_mismatch="relabel", on_undetermined=policy)
    assert outcome.ledger["decision"].to_pylist() == [decision] * (decision is not None)
    assert outcome.ledger["reason"].to_pylist() == ["script_mismatch"] * (decision is not None)
    assert outcome.records["query_language"].to_pylist() == ["und_Cher"] * (decision is None)
    assert outcome.records["query_lid_score"].to_pylist() == [0.0] * (decision is None)


def test_to_relabel_takes_a_score() -> None:
    outcomes = [
        _one("Добро", "deu_Latn", on_mismatch="relabel", on_undetermined="keep", min_score=least)
        for least in (0.2, 0.99)
    ]
    assert [outcome.records["query_language"].to_pylist() for outcome in outcomes] == [["mkd_Cyrl"], ["und_Cyrl"]]
    assert [outcome.records["query_lid_score"][0].as_py() > 0 for outcome in outcomes] == [True, False]


@pytest.mark.parametrize(
    ("text", "declared", "options"),
    [
        pytest.param(DANISH, "nob_Latn", {}, id="a close relative"),
        pytest.param(UKRAINIAN, "rus_Cyrl", {}, id="a close relative in Cyrillic"),
        pytest.param("Les enfants", "deu_Latn", {}, id="too few letters"),
        pytest.param(FRENCH, "deu_Latn", {"min_letters": 100}, id="too few letters asked for"),
        pytest.param(FRENCH, "deu_Latn", {"min_veto_score": 1.0}, id="not certain enough"),
        pytest.param(XHOSA, "xho_Latn", {}, id="a language that the model does not know"),
        pytest.param(FRENCH, "xho_Latn", {}, id="another for one that the model does not know"),
        pytest.param(HINDI, "npi_Deva", {}, id="a close relative in Devanagari"),
        pytest.param("Балалар бүген иртәдән бирле бакчада уйный.", "uig_Cyrl", {}, id="a script unknown to the model"),
        pytest.param("", "rus_Cyrl", {}, id="empty"),
        pytest.param("12 345 — 😀", "rus_Cyrl", {}, id="no letters"),
        pytest.param("5 %", "hin_Deva", {}, id="a number"),
        pytest.param("X", "rus_Cyrl", {}, id="one letter"),
        pytest.param("Откройте README.md", "rus_Cyrl", {}, id="a name in Latin letters"),
        pytest.param("%(verbose_name_plural)s: सूची", "hin_Deva", {}, id="a placeholder"),
        pytest.param("{count} <b>שלום</b> https://example.org/some/long/path", "heb_Hebr", {}, id="mark-up"),
        pytest.param("%(app)s {name} `django.contrib.auth` %s", "ell_Grek", {}, id="placeholders alone"),
    ],
)
def test_what_proves_nothing_contradicts_nothing(text: str, declared: str, options: dict[str, Any]) -> None:
    outcome = _one(text, declared, **options)
    assert outcome.records["query_language"].to_pylist() == [declared]
    assert outcome.ledger.num_rows == 0


@pytest.mark.parametrize(
    ("text", "declared", "score"),
    [(XHOSA, "xho_Latn", None), (AZERBAIJANI, "uig_Latn", None), (GERMAN, "fra_Latn", 0.0)],
)
def test_a_language_that_the_model_does_not_know_has_no_score(text: str, declared: str, score: float | None) -> None:
    outcome = _one(text, declared, on_mismatch="keep")
    assert outcome.records["query_lid_score"].to_pylist() == [pytest.approx(score, abs=1e-2)]


@pytest.mark.parametrize(
    ("text", "declared", "final"),
    [
        (SERBIAN, "srp_Cyrl", "srp_Latn"),
        (SERBIAN, "srp_Latn", "srp_Latn"),
        ("Болалар бугун эрталабдан боғда ўйнашмоқда.", "uzn_Latn", "uzn_Cyrl"),
        (TRADITIONAL, "cmn_Hans", "cmn_Hans"),
        ("12", "srp_Cyrl", "srp_Cyrl"),
    ],
)
def test_the_script_of_a_declared_language_is_read_from_the_text(text: str, declared: str, final: str) -> None:
    outcome = _one(text, declared)
    assert outcome.records["query_language"].to_pylist() == [final]


# Undeclared languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GERMAN, "deu_Latn"),
        (RUSSIAN, "rus_Cyrl"),
        (THAI, "tha_Thai"),
        (JAPANESE, "jpn_Jpan"),
        (TRADITIONAL, "cmn_Hant"),
        (f"{{name}}: {FRENCH} https://example.org/this/is/english", "fra_Latn"),
    ],
)
def test_an_undeclared_language_is_found(text: str, language: str) -> None:
    outcome = _one(text, "")
    assert outcome.records["query_language"].to_pylist() == [language]
    assert outcome.records["query_lid_score"][0].as_py() >= 0.5
    assert outcome.ledger.num_rows == 0


@pytest.mark.parametrize(
    ("text", "candidates", "language"),
    [
        # Awadhi and Egyptian Arabic look the same to the model: unless somebody says that it is neither.
        (HINDI, ["hin", "eng"], "hin_Deva"),
        (ARABIC, ["arb", "fra", "pes"], "arb_Arab"),
        (SERBIAN, ["srp", "rus", "ell"], "srp_Latn"),
    ],
)
def test_candidates_make_it_easier_to_be_believed(text: str, candidates: list[str], language: str) -> None:
    (alone,) = _one(text, "", on_undetermined="keep").records["query_language"].to_pylist()
    (among,) = _one(text, "", candidates=candidates).records["query_language"].to_pylist()
    assert (alone, among) == (f"und_{language[4:]}", language)


@pytest.mark.parametrize(("policy", "decision"), [("drop", "dropped"), ("quarantine", "quarantined"), ("keep", None)])
@pytest.mark.parametrize(
    ("text", "language", "options"),
    [
        ("12 345", "und_Zyyy", {}),
        ("%(name)s {0} <br>", "und_Zyyy", {}),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "und_Cher", {}),
        ("qwrtp zxcvb", "und_Latn", {}),
        (RUSSIAN, "und_Cyrl", {"min_score": 1.0}),
        (RUSSIAN, "und_Cyrl", {"candidates": ["eng", "deu"]}),
    ],
)
def test_what_is_not_identified_is_undetermined(
    text: str, language: str, options: dict[str, Any], policy: str, decision: str | None
) -> None:
    outcome = _one(text, "", on_undetermined=policy, **options)
    if decision is None:
        assert outcome.records["query_language"].to_pylist() == [language]
        assert outcome.ledger.num_rows == 0
        return
    assert outcome.records.num_rows == 0
    (row,) = outcome.ledger.to_pylist()
    assert (row["decision"], row["reason"], row["language"]) == (decision, "undetermined", language)
    assert row["threshold"] == 1.0
    assert 0.0 <= row["score"] < row["threshold"]


def test_each_source_has_its_own_candidates() -> None:
    rows = [{"query": DANISH, "query_language": "", "source": source} for source in ("danish", "norwegian", "any")]
    section = Identify(min_score=0.1)
    policies = _policies(section, danish=["dan", "rus"], norwegian=["nob", "rus"], any=[])
    outcome = identify_records(_records(rows), section, policies=policies, pivot="eng_Latn")
    assert outcome.records["query_language"].to_pylist() == ["dan_Latn", "nob_Latn", "dan_Latn"]


def test_candidates_do_not_touch_declared_languages() -> None:
    outcome = _one(GERMAN, "deu_Latn", candidates=["eng", "fra"])
    assert outcome.records["query_language"].to_pylist() == ["deu_Latn"]


# Both sides


@pytest.mark.parametrize(
    ("query", "positive", "task", "counted"),
    [
        (("deu_Latn", GERMAN), ("eng_Latn", ENGLISH), "bitext", "deu_Latn"),
        (("eng_Latn", ENGLISH), ("", RUSSIAN), "bitext", "rus_Cyrl"),
        (("", GERMAN), ("", ENGLISH), "bitext", "deu_Latn"),
        (("", GERMAN), ("", FRENCH), "retrieval", "fra_Latn"),
        (("", SERBIAN), ("eng_Latn", ENGLISH), "bitext", "srp_Latn"),
        (("srp_Cyrl", SERBIAN), ("eng_Latn", ENGLISH), "bitext", "srp_Latn"),
        (("eng_Latn", ENGLISH), ("python_Zzzz", CODE), "code", "python_Zzzz"),
        (("", HINDI), ("python_Zzzz", CODE), "code", "python_Zzzz"),
    ],
)
def test_the_counted_language_follows_what_was_found(
    query: tuple[str, str], positive: tuple[str, str], task: str, counted: str
) -> None:
    row = {"query_language": query[0], "query": query[1], "positive_language": positive[0], "positive": positive[1]}
    outcome = _run([{**row, "task": task}], candidates=["eng", "deu", "fra", "rus", "srp", "hin"])
    assert outcome.records["language"].to_pylist() == [counted]


@pytest.mark.parametrize("code", [CODE, "// Дети играют в саду возле дома", "SELECT prénom FROM enfants", ""])
def test_program_code_is_never_identified(code: str) -> None:
    row = {"positive": code, "positive_language": "python_Zzzz", "task": "code"}
    outcome = _run([row], on_mismatch="relabel")
    assert outcome.records["positive_language"].to_pylist() == ["python_Zzzz"]
    assert outcome.records["positive_lid_score"].to_pylist() == [None]
    assert outcome.records["query_lid_score"][0].as_py() > 0.5


PROGRAM = """\
import os


def find(path: str) -> list[str]:
    \"\"\"Return the files below a path.\"\"\"
    found = []
    for folder, _, names in os.walk(path):
        found += [os.path.join(folder, name) for name in names]
    return sorted(found)
"""


@pytest.mark.parametrize(
    ("task", "candidates", "query", "positive"),
    [
        ("code", [], "eng_Latn", "python_Zzzz"),
        ("code", ["eng", "python", "java"], "eng_Latn", "python_Zzzz"),
        ("retrieval", ["eng", "python", "java"], "eng_Latn", "python_Zzzz"),
        ("code", ["python"], "und_Latn", "python_Zzzz"),
    ],
)
def test_program_code_is_found_where_it_can_be(task: str, candidates: list[str], query: str, positive: str) -> None:
    row = {"query": ENGLISH, "query_language": "", "positive": PROGRAM, "positive_language": "", "task": task}
    outcome = _run([row], candidates=candidates, on_undetermined="keep", min_score=0.5)
    assert outcome.records["query_language"].to_pylist() == [query]
    assert outcome.records["positive_language"].to_pylist() == [positive]
    assert outcome.records["positive_lid_score"][0].as_py() > 0.8
    assert outcome.records["language"].to_pylist() == [positive]


@pytest.mark.parametrize(("task", "candidates"), [("retrieval", []), ("code", ["eng", "deu"])])
def test_program_code_is_not_looked_for_elsewhere(task: str, candidates: list[str]) -> None:
    row = {"positive": PROGRAM, "positive_language": "", "task": task}
    outcome = _run([row], candidates=candidates, on_undetermined="keep")
    assert not outcome.records["positive_language"][0].as_py().endswith("_Zzzz")


@pytest.mark.parametrize(
    ("query", "positive", "options", "reason", "detail"),
    [
        (("deu_Latn", RUSSIAN), ("eng_Latn", FRENCH), {}, "script_mismatch", "query looks like rus_Cyrl"),
        (("deu_Latn", GERMAN), ("eng_Latn", FRENCH), {}, "language_mismatch", "positive looks like fra_Latn"),
        (("", "12"), ("eng_Latn", FRENCH), {}, "undetermined", "query looks like und_Zyyy"),
        (
            ("", "12"),
            ("eng_Latn", FRENCH),
            {"on_undetermined": "keep"},
            "language_mismatch",
            "positive looks like fra_Latn",
        ),
        (("eng_Latn", FRENCH), ("", "12"), {"on_mismatch": "keep"}, "undetermined", "positive looks like und_Zyyy"),
        (("eng_Latn", FRENCH), ("", "12"), {"on_mismatch": "relabel"}, "undetermined", "positive looks like und_Zyyy"),
    ],
)
def test_one_side_is_enough_to_leave(
    query: tuple[str, str], positive: tuple[str, str], options: dict[str, Any], reason: str, detail: str
) -> None:
    row = {"query_language": query[0], "query": query[1], "positive_language": positive[0], "positive": positive[1]}
    outcome = _run([row], **options)
    assert outcome.records.num_rows == 0
    assert outcome.ledger["reason"].to_pylist() == [reason]
    assert outcome.ledger["detail"].to_pylist() == [detail]


# Tables


ADDED = [pa.field("query_lid_score", pa.float32()), pa.field("positive_lid_score", pa.float32())]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("rows", [[], [{"query": RUSSIAN}]], ids=["empty", "all leave"])
def test_tables_keep_their_schema(rows: list[Row], enabled: bool) -> None:
    outcome = _run(rows, enabled=enabled)
    assert outcome.records.schema == pa.schema([*RECORD_SCHEMA, *ADDED])
    assert outcome.ledger.schema == LEDGER_SCHEMA
    assert outcome.records.num_rows + outcome.ledger.num_rows == len(rows)


def test_a_stage_that_is_switched_off_asks_nothing() -> None:
    rows = [{"query": RUSSIAN}, {"query": GERMAN, "query_language": ""}]
    outcome = _run(rows, enabled=False)
    assert outcome.ledger.num_rows == 0
    assert outcome.records["query_language"].to_pylist() == ["eng_Latn", ""]
    assert outcome.records["language"].to_pylist() == ["eng_Latn", "eng_Latn"]
    assert outcome.records["query_lid_score"].to_pylist() == [None, None]
    assert outcome.records["positive_lid_score"].to_pylist() == [None, None]


def test_all_other_columns_stay_as_they_are() -> None:
    rows = [{"query": GERMAN, "query_language": "deu_Latn", "negatives": ["Hallo", "Welt"]}, {"query": RUSSIAN}, {}]
    records = _records(rows)
    outcome = identify_records(records, Identify(), policies=_policies(Identify(), test=[]), pivot="eng_Latn")
    names = [name for name in RECORD_SCHEMA.names if "language" not in name]
    assert outcome.records.select(names) == records.select(names).take([0, 2])


POOL: list[Row] = [
    {"query": text, "query_language": declared, "positive": positive, "positive_language": other, "source": source}
    for text, declared in [
        (GERMAN, "deu_Latn"),
        (GERMAN, ""),
        (FRENCH, "deu_Latn"),
        (RUSSIAN, ""),
        (RUSSIAN, "deu_Latn"),
        (SERBIAN, "srp_Cyrl"),
        (XHOSA, "xho_Latn"),
        ("12", ""),
        ("ᏣᎳᎩ", "eng_Latn"),
    ]
    for positive, other, source in [(ENGLISH, "eng_Latn", "one"), (TRADITIONAL, "", "two"), (HINDI, "eng_Latn", "one")]
]


@given(
    rows=st.lists(st.sampled_from(POOL), max_size=12),
    mismatch=st.sampled_from(["keep", "relabel", "drop", "quarantine"]),
    undetermined=st.sampled_from(["keep", "drop", "quarantine"]),
    data=st.data(),
)
@settings(max_examples=25)
def test_batches_change_nothing_and_nothing_vanishes(
    rows: list[Row], mismatch: str, undetermined: str, data: st.DataObject
) -> None:
    options = Identify.model_validate({"on_mismatch": mismatch, "on_undetermined": undetermined})
    records = _records(rows)

    def run(part: pa.Table) -> Outcome:
        return identify_records(
            part, options, policies=_policies(options, one=[], two=["zh", "de", "ru"]), pivot="eng_Latn"
        )

    whole = run(records)
    ids = [*whole.records["id"].to_pylist(), *whole.ledger["id"].to_pylist()]
    assert sorted(ids) == records["id"].to_pylist()
    order = pa.array(data.draw(st.permutations(range(len(rows)))), pa.int64())
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = records.take(order)
    parts = [run(shuffled.slice(0, cut)), run(shuffled.slice(cut))]
    for name in ("records", "ledger"):
        joined = pa.concat_tables([getattr(part, name) for part in parts]).sort_by("id")
        assert joined.equals(getattr(whole, name).sort_by("id"))
