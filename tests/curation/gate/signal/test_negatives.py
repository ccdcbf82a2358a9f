"""Negatives that say what the positive says."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from curation.config.gate import Gate
from curation.gate.baseline import Before
from curation.gate.signal import Trial
from curation.gate.signal.negatives import NegativeFit, fit_of_negatives, negative_checks, negative_figures
from curation.release import Release


def test_negatives_that_are_positives_with_a_word_more(
    sound: Release, trial: Trial, alter: Callable[..., Release]
) -> None:
    def change(table: pa.Table) -> pa.Table:
        copies = pa.array([f"{text} ." for text in table["positive"].to_pylist()], table.schema.field("positive").type)
        return table.set_column(table.schema.get_field_index("negative_1"), table.schema.field("negative_1"), copies)

    clean = fit_of_negatives(sound, trial.model, seed=3)
    altered = sound
    for language in sound.languages:
        altered = alter(change, language=language)
    wrong = fit_of_negatives(altered, trial.model, seed=3)
    assert clean is not None
    assert wrong is not None
    assert clean.negatives == wrong.negatives
    assert wrong.near > clean.near + 0.05


@pytest.mark.parametrize(("near", "status"), [(0.0, "pass"), (0.5, "fail"), (float("nan"), "fail")])
def test_the_share_has_a_bound(near: float, status: str) -> None:
    (check,) = negative_checks(negative_figures(NegativeFit(near, 0.1, 700)), Gate(), None)
    assert (check.id, check.status) == ("signal.false_negatives", status)


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (Before({"negatives": {"near": 0.05}}, ""), "pass"),
        (Before({"negatives": {"near": 0.0}}, ""), "fail"),
        (Before({"negatives": {"near": None}}, ""), "skipped"),
        (Before({"negatives": {"near": 0.05}}, "made otherwise"), "skipped"),
    ],
)
def test_a_rise_against_the_baseline(before: Before, status: str) -> None:
    _, rise = negative_checks(negative_figures(NegativeFit(0.05, 0.1, 700)), Gate(), before)
    assert (rise.id, rise.status) == ("signal.false_negatives.rise", status)


def test_without_negatives_the_check_is_skipped() -> None:
    (check,) = negative_checks(negative_figures(None), Gate(), None)
    assert check.status == "skipped"
