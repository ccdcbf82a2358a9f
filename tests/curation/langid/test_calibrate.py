"""Calibration on lines that come with the installation: Django's messages in some languages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.background import django_messages
from curation.langid.calibrate import (
    BUCKETS,
    MIN_LINES,
    Answers,
    Lines,
    answer,
    calibrate,
    curve,
    fit_log_weights,
    fit_thresholds,
    held_out,
    precision_and_coverage,
    reweighted,
    steps,
)
from curation.langid.model import Model, load
from curation.langid.thresholds import NEVER

LANGUAGES = frozenset(
    [
        "deu",
        "nld",
        "dan",
        "nob",
        "swe",
        "tur",
        "azj",
        "rus",
        "ukr",
        "bul",
        "ell",
        "heb",
        "pes",
        "arb",
        "hin",
        "tha",
        "jpn",
    ]
)


@pytest.fixture(scope="module")
def lines() -> Lines:
    texts, codes = django_messages()
    everything = Lines.of(texts, [code.partition("_")[0] for code in codes])[0]
    return everything.take(np.isin(everything.bases, sorted(LANGUAGES)))


@pytest.fixture(scope="module")
def answers(lines: Lines) -> Answers:
    return answer(lines, load())


def _biased(by: float) -> tuple[Model, int]:
    """Return a model that was trained on far too much Dutch, and the label."""
    logs = np.log(load().weights.astype(np.float64))
    label = load().labels.index("__label__nl")
    logs[label] += by
    return reweighted(load(), logs), label


def test_lines_without_letters_are_left_out() -> None:
    lines, kept = Lines.of(pa.array(["ein Haus", "12", "", "два"]), ["deu", "deu", "fra", "rus"])
    assert (kept.tolist(), lines.bases.tolist(), lines.letters.tolist()) == ([0, 3], ["deu", "rus"], [7, 3])


@given(st.lists(st.text(max_size=8), max_size=20))
def test_half_of_the_lines_is_held_out_by_its_text(texts: list[str]) -> None:
    assert held_out(texts).tolist() == [held_out([text])[0] for text in texts]
    assert 0.4 < held_out([f"line {number}" for number in range(1000)]).mean() < 0.6


@pytest.mark.slow
def test_a_weight_is_found_again(lines: Lines) -> None:
    model, label = _biased(3.0)
    everything = fit_log_weights(lines, load())
    again = fit_log_weights(lines, model)
    assert again == pytest.approx(everything, abs=0.35)
    alone = fit_log_weights(lines, model, only="nld")
    # The others, which stay as they are, hold it in place.
    assert alone[label] < np.log(model.weights[label]) - 0.5
    others = np.arange(len(alone)) != label
    assert alone[others] == pytest.approx(np.log(model.weights.astype(np.float64))[others])


def test_labels_without_lines_keep_their_weight(lines: Lines) -> None:
    fitted, before = fit_log_weights(lines, load()), np.log(load().weights.astype(np.float64))
    swahili = load().labels.index("__label__sw")
    assert fitted[swahili] == before[swahili]
    nothing = lines.take(np.zeros(len(lines.bases), dtype=np.bool_))
    assert (fit_log_weights(nothing, load()) == before).all()


@pytest.mark.parametrize("base", ["deu", "rus", "ell", "tha", "jpn", "hin", "azj", "nob"])
@pytest.mark.parametrize("precision", [0.9, 0.98])
def test_thresholds_have_the_wanted_precision(answers: Answers, base: str, precision: float) -> None:
    thresholds = fit_thresholds(answers, base, precision=precision)
    assert [each.start for each in thresholds] == list(BUCKETS)
    scores = [each.score for each in thresholds]
    assert scores == sorted(scores, reverse=True)
    for each in thresholds:
        assert 0 <= each.score <= NEVER
        assert each.precision >= precision or each.lines < MIN_LINES
        assert 0 <= each.coverage <= 1
    assert any(each.coverage > 0.5 for each in thresholds if each.lines) or base in {"nob", "azj"}


def test_a_lower_precision_covers_more(answers: Answers) -> None:
    low, high = (fit_thresholds(answers, "dan", precision=wanted) for wanted in (0.5, 0.99))
    assert all(a.score <= b.score and a.coverage >= b.coverage for a, b in zip(low, high, strict=True))


def test_a_language_without_lines_has_no_thresholds(answers: Answers) -> None:
    assert fit_thresholds(answers, "swh", precision=0.98) == []


def _toy(rows: list[tuple[str, str, float]]) -> Answers:
    """Return answers of (true language, answered language, score), each line of 15 letters."""
    bases = [row[0] for row in rows]
    lines = Lines(pa.array(["x" * 15] * len(rows)), np.array(bases), np.full(len(rows), 15))
    scores = np.array([row[2] for row in rows], np.float32)
    return Answers(lines, np.array([row[1] for row in rows]), scores, np.ones(len(rows)))


def test_the_curve_counts_languages_alike() -> None:
    # 100 German lines, of which the label is right; 50 Dutch ones, of which 25 are taken for German at a score between.
    rows = [("deu", "deu", 0.9)] * 60 + [("deu", "deu", 0.5)] * 40
    rows += [("nld", "deu", 0.7)] * 25 + [("nld", "nld", 0.9)] * 25
    scores, precisions, coverages = curve(_toy(rows), np.ones(150, dtype=np.bool_), "deu")
    assert scores == pytest.approx([0.9, 0.7, 0.5])
    assert precisions == pytest.approx([1.0, 0.6 / 1.1, 1.0 / 1.5])
    assert coverages == pytest.approx([0.6, 0.6, 1.0])
    everywhere = np.ones(150, dtype=np.bool_)
    assert precision_and_coverage(_toy(rows), everywhere, "deu", 0.8) == pytest.approx((1.0, 0.6))
    assert precision_and_coverage(_toy(rows), everywhere, "deu", NEVER) == (1.0, 0.0)
    assert fit_thresholds(_toy(rows), "deu", precision=0.95)[1].score == pytest.approx(0.9, abs=1e-4)
    assert fit_thresholds(_toy(rows), "deu", precision=0.6)[1].score == pytest.approx(0.5, abs=1e-4)


def test_few_lines_are_no_proof_of_precision() -> None:
    rows = [("deu", "deu", 0.9)] + [("deu", "nld", 0.9)] * 99
    assert fit_thresholds(_toy(rows), "deu", precision=0.98)[1].score == NEVER


def test_one_language_is_calibrated_on_one_half_and_measured_on_the_other(lines: Lines) -> None:
    mine = lines.bases == "dan"
    found = calibrate(lines.take(mine), lines.take(~mine), load(), precision=0.95)
    assert [each.start for each in found.thresholds] == [each.start for each in found.measured] == list(BUCKETS)
    assert [each.score for each in found.thresholds] == [each.score for each in found.measured]
    assert sum(each.lines for each in found.thresholds + found.measured) == mine.sum()
    assert found.confused[0][0] in {"nob", "swe"}
    out = held_out(lines.texts.to_pylist())
    assert set(found.doubted) <= set(lines.take(mine & out).texts.to_pylist())
    for points in found.curves.values():
        assert [point[0] for point in points] == sorted((point[0] for point in points), reverse=True)
        assert [point[2] for point in points] == sorted(point[2] for point in points)
    assert set(steps(found.thresholds).values()) == {each.score for each in found.thresholds}
