"""What is found out about undeclared texts; what becomes of the record is in test_stage.py."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curation.config.model import Identify
from curation.langid.findings import UNDETERMINED
from curation.langid.thresholds import AMONG_CANDIDATES
from curation.langid.undeclared import find, find_pairs, relation_of

NORWEGIAN, DANISH = "Ungene har lekt ute i hagen siden i dag tidlig.", "Børnene har leget ude i haven siden i morges."


@pytest.mark.parametrize(
    ("task", "relation"),
    [
        ("bitext", "different"),
        ("retrieval", "same"),
        ("sts", "same"),
        ("clustering", "same"),
        ("classification", "same"),
    ],
)
def test_the_task_says_how_languages_are_related(task: str, relation: str) -> None:
    assert relation_of(task) == relation


@pytest.mark.parametrize(("other", "found"), [("nob", "nob_Latn"), ("dan", "dan_Latn")])
def test_a_declared_partner_is_evidence(other: str, found: str) -> None:
    texts = pa.array(["Han er ikke her i dag"] * 2)
    options = Identify(min_score=0.1)
    assert find(texts, options, ["nob", "dan"], other, "same").codes.tolist() == [found] * 2
    assert find(texts, options, ["nob", "dan"], other, "different").codes.tolist() != [found] * 2


def test_partners_are_evidence_for_each_other() -> None:
    texts, partners = pa.array(["Han er ikke her i dag"] * 2), pa.array([NORWEGIAN, DANISH])
    queries, positives = find_pairs(texts, partners, Identify(min_score=0.1), ["nob", "dan"], "same")
    assert queries.codes.tolist() == positives.codes.tolist() == ["nob_Latn", "dan_Latn"]


def test_thresholds_are_those_of_the_config_of_candidates_or_of_the_language() -> None:
    text = pa.array(["Han er her."])
    for options, candidates, threshold in (
        (Identify(min_score=0.999), ["nob", "dan"], 0.999),
        (Identify(), ["nob", "dan"], AMONG_CANDIDATES),
        (Identify(), [], 1.0),
    ):
        findings = find(text, options, candidates, "eng", "different")
        assert (findings.codes.tolist(), findings.reasons.tolist()) == (["und_Latn"], [UNDETERMINED])
        assert findings.thresholds.tolist() == [pytest.approx(threshold)]
        assert findings.seen.tolist() == ["nob_Latn"]
        assert 0 < findings.measured[0] < threshold
