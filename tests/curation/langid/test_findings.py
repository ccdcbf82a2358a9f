from __future__ import annotations

import numpy as np

from curation.langid.findings import NO_REASON, UNDETERMINED, Findings


def _codes(*codes: str) -> np.ndarray:
    return np.array(codes, dtype=object)


def test_findings_begin_without_objection_or_score() -> None:
    findings = Findings.of(_codes("deu_Latn", "fra_Latn"))
    assert findings.codes.tolist() == findings.seen.tolist() == ["deu_Latn", "fra_Latn"]
    assert findings.reasons.tolist() == [NO_REASON] * 2
    assert np.isnan([findings.scores, findings.seen_scores, findings.measured, findings.thresholds]).all()


def test_parts_are_put_taken_and_joined() -> None:
    whole, part = Findings.of(_codes("a", "b", "c")), Findings.of(_codes("x"))
    part.object_to(np.array([0]), UNDETERMINED, np.array([0.25]), 0.5)
    whole.put(np.array([1]), part)
    assert whole.codes.tolist() == ["a", "x", "c"]
    assert whole.take(np.array([2, 1, 1])).reasons.tolist() == [NO_REASON, UNDETERMINED, UNDETERMINED]
    joined = Findings.joined([whole, part])
    assert (joined.codes.tolist(), joined.thresholds[[1, 3]].tolist()) == (["a", "x", "c", "x"], [0.5, 0.5])
    assert len(Findings.joined([]).codes) == 0


def test_findings_are_their_own() -> None:
    codes = _codes("deu_Latn")
    Findings.of(codes).codes[0] = "fra_Latn"
    assert codes.tolist() == ["deu_Latn"]
