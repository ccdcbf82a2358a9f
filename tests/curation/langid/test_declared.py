"""What speaks against a declaration; what becomes of the record is in test_stage.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from curation.config.model import Identify
from curation.langid.answers import Answers
from curation.langid.declared import MIN_SCRIPT_SHARE, check, check_each
from curation.langid.evidence import BLOCK_ROWS
from curation.langid.findings import Findings
from curation.langid.model import Model
from language_configs import resolve

ARABIC = "يلعب الأطفال في الحديقة منذ هذا الصباح."
EGYPTIAN = "انا مش عارف هو راح فين النهارده ومش عايز اعرف"
FRENCH = "Les enfants jouent dans le jardin depuis ce matin."


@pytest.mark.parametrize(
    ("text", "declared", "reason"),
    [
        (ARABIC, "arb", ""),
        (EGYPTIAN, "arb", ""),
        (ARABIC, "arz", ""),
        (ARABIC, "pes", "language_mismatch"),
        (EGYPTIAN, "urd", "language_mismatch"),
        (ARABIC, "tur", "script_mismatch"),
        (FRENCH, "fra", ""),
        (FRENCH, "tur", "language_mismatch"),
        (FRENCH, "xho", ""),
        ("Les enfants", "tur", ""),
        ("", "tur", ""),
        ("2026", "tur", ""),
    ],
)
def test_dialects_are_one_voice_against_others_and_none_against_each_other(
    text: str, declared: str, reason: str
) -> None:
    assert check(pa.array([text]), resolve(declared), Identify()).reasons.tolist() == [reason]


def test_measure_and_threshold_are_told() -> None:
    findings = check(pa.array([FRENCH, ARABIC, "Bugün hava çok güzel"]), resolve("tur"), Identify(min_veto_score=0.95))
    assert findings.seen.tolist() == ["fra_Latn", "arb_Arab", "und_Latn"]
    assert findings.thresholds[:2].tolist() == [0.95, MIN_SCRIPT_SHARE]
    assert findings.measured[0] >= 0.95
    assert findings.measured[1] == 0
    assert np.isnan(findings.measured[2])


def test_repeats_and_many_blocks_are_judged_one_by_one() -> None:
    texts = [f"{FRENCH} {number}" for number in range(BLOCK_ROWS)] + [FRENCH, ARABIC] * 600
    findings = check(pa.array(texts), resolve("deu"), Identify())
    assert (
        findings.reasons.tolist() == ["language_mismatch"] * BLOCK_ROWS + ["language_mismatch", "script_mismatch"] * 600
    )


def test_texts_in_many_languages_are_judged_as_in_each() -> None:
    texts = [
        FRENCH,
        ARABIC,
        EGYPTIAN,
        "Bugün hava çok güzel",
        "",
        "2026",
        "Где находится вокзал?",
        FRENCH,
        "今日は天気がいい",
    ]
    languages = [resolve(code) for code in ("tur", "arb", "xho", "rus", "jpn", "cmn_Hant", "srp")]
    numbers = np.arange(len(texts) * len(languages)) % len(languages)
    column = pa.array(np.repeat(np.array(texts, dtype=object), len(languages)))
    whole = check_each(column, languages, numbers, Identify())
    for number, language in enumerate(languages):
        part = check(pa.array(texts), language, Identify())
        for name in Findings.__slots__:
            np.testing.assert_array_equal(getattr(whole, name)[numbers == number], getattr(part, name))
    assert len(check_each(column[:0], [], numbers[:0], Identify()).codes) == 0


def test_the_model_is_asked_only_where_its_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = Model.likeliest

    def likeliest(model: Model, texts: Sequence[str]) -> Answers:
        asked.extend(texts)
        return ask(model, texts)

    monkeypatch.setattr(Model, "likeliest", likeliest)
    xhosa = "Abantwana badlala egadini ukususela kusasa."
    findings = check(pa.array([xhosa, ARABIC]), resolve("xho"), Identify())
    assert asked == [ARABIC]
    assert findings.reasons.tolist() == ["", "script_mismatch"]
    assert findings.seen.tolist() == ["und_Latn", "arb_Arab"]
    assert np.isnan(findings.scores).all()
    assert check(pa.array([xhosa]), resolve("zul"), Identify()).reasons.tolist() == [""]
    check(pa.array([xhosa]), resolve("swh"), Identify())
    assert asked == [ARABIC, xhosa]
