"""The share of misaligned pairs is the weight of the uniform part of the places."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.gate import Gate
from curation.gate.baseline import Before
from curation.gate.signal import Trial
from curation.gate.signal.alignment import (
    TAIL,
    PairFit,
    alignment_checks,
    alignment_figures,
    joined,
    misaligned_share,
    places,
    shares_by,
    tail_chance,
)

OTHERS = 60


def fit(share: float, pairs: int, *, seed: int = 0, sharp: float = 40.0) -> PairFit:
    """Return pairs of which a share has a uniform place, and the rest one near the top."""
    random = np.random.default_rng(seed)
    wrong = np.arange(pairs) < round(share * pairs)
    uniform = random.integers(OTHERS + 1, size=pairs) / OTHERS
    near = np.floor(random.beta(1, sharp, size=pairs) * (OTHERS + 1)) / OTHERS
    chances = tail_chance(np.full(pairs, OTHERS))
    return PairFit(np.arange(pairs), np.where(wrong, uniform, near), chances, np.zeros(pairs), np.arange(pairs))


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("sharp", [20.0, 200.0])
def test_the_share_that_was_put_in_comes_out(share: float, sharp: float) -> None:
    found = misaligned_share(fit(share, 20_000, sharp=sharp))
    assert abs(found.share - share) < 4 * found.error + 0.002
    assert found.low <= found.share
    assert found.pairs == 20_000


@given(st.integers(0, 200))
def test_a_uniform_place_is_in_the_tail_with_its_chance(others: int) -> None:
    beyond = np.mean([place / max(others, 1) > TAIL for place in range(others + 1)])
    assert tail_chance(np.array([others]))[0] == pytest.approx(beyond if others else 0.0)


@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.sampled_from([0.01, 1.0, 300.0]))
def test_places_do_not_change_with_the_scale(size: int, seed: int, scale: float) -> None:
    similarities = np.random.default_rng(seed).random((size, size)).astype(np.float32)
    same = np.eye(size, dtype=bool)
    found, others = places(similarities, same)
    assert np.array_equal(places(similarities * np.float32(scale), same)[0], found)
    assert np.all(others == size - 1)
    assert np.all((found >= 0) & (found <= 1))


def test_ties_and_what_is_no_number_speak_against_a_pair() -> None:
    same = np.eye(4, dtype=bool)
    assert places(np.ones((4, 4), np.float32), same)[0].tolist() == [1.0] * 4
    assert places(np.full((4, 4), np.nan, np.float32), same)[0].tolist() == [1.0] * 4
    assert places(np.eye(4, dtype=np.float32), same)[0].tolist() == [0.0] * 4
    place, others = places(np.eye(4, dtype=np.float32), np.ones((4, 4), bool))
    assert (place.tolist(), others.tolist()) == ([1.0] * 4, [0] * 4)


def figures(languages: dict[str, tuple[float, int]]) -> Any:
    fits, names, start = [], [], 0
    for code, (share, pairs) in languages.items():
        part = fit(share, pairs, seed=len(names))
        fits.append(dataclasses.replace(part, rows=part.rows + start))
        names += [code] * pairs
        start += pairs
    column = np.asarray(names, dtype=object)
    return alignment_figures(joined(fits), column, np.char.add("source of ", column.astype(str)).astype(object))


def failed(found: list[Any]) -> set[tuple[str, str]]:
    return {(check.id, check.language) for check in found if check.status == "fail"}


CLEAN = {"deu_Latn": (0.0, 2_000), "hin_Deva": (0.0, 2_000), "kat_Geor": (0.0, 300)}


def test_clean_pairs_pass_with_and_without_a_baseline() -> None:
    found = figures(CLEAN)
    before = Before({"alignment": figures(CLEAN)}, "")
    assert failed(alignment_checks(found, Gate(), None)) == set()
    assert failed(alignment_checks(found, Gate(), before)) == set()
    assert all(check.threshold is not None for check in alignment_checks(found, Gate(), before))


def test_a_destroyed_language_is_named() -> None:
    checks = alignment_checks(figures(CLEAN | {"kat_Geor": (1.0, 300)}), Gate(), None)
    assert ("signal.alignment.language", "kat_Geor") in failed(checks)
    assert ("signal.alignment.source.source of kat_Geor", "") in failed(checks)
    assert not {language for _, language in failed(checks)} & {"deu_Latn", "hin_Deva"}


def test_wrong_pairs_everywhere_need_no_baseline_when_they_are_many() -> None:
    wrong = figures({code: (0.3, pairs) for code, (_, pairs) in CLEAN.items()})
    assert ("signal.alignment", "") in failed(alignment_checks(wrong, Gate(), None))


def test_few_wrong_pairs_show_beside_a_baseline() -> None:
    wrong = figures({code: (0.03, pairs) for code, (_, pairs) in CLEAN.items()})
    assert ("signal.alignment", "") not in failed(alignment_checks(wrong, Gate(), None))
    before = Before({"alignment": figures(CLEAN)}, "")
    assert ("signal.alignment.rise", "") in failed(alignment_checks(wrong, Gate(), before))


@pytest.mark.parametrize("before", [Before({}, "made otherwise"), Before({"alignment": {"share": "0.1"}}, "")])
def test_a_baseline_that_says_nothing_is_skipped(before: Before) -> None:
    (check,) = [check for check in alignment_checks(figures(CLEAN), Gate(), before) if check.id.endswith(".rise")]
    assert check.status == "skipped"
    assert check.detail


def test_too_few_pairs_are_skipped() -> None:
    (check,) = alignment_checks(figures({"kat_Geor": (0.0, 20)}), Gate(), None)
    assert check.status == "skipped"
    assert misaligned_share(joined([])).pairs == 0
    assert shares_by(joined([]), np.array([], dtype=object)) == {}


def test_a_trained_model_puts_right_pairs_first(trial: Trial) -> None:
    assert len(trial.fit.rows) > 300
    assert np.median(trial.fit.places) < 0.2
    assert len(set(trial.fit.rows.tolist())) == len(trial.fit.rows)
    assert np.all(trial.fit.others != trial.fit.rows)
