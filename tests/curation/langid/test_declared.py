"""What speaks against a declaration; what becomes of the record is in test_stage.py."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.config.model import Identify
from curation.langid.declared import MIN_SCRIPT_SHARE, check
from curation.langid.evidence import BLOCK_ROWS
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
