from __future__ import annotations

import re

import pytest

from curation.dedup.bands import (
    GREATEST_MISS,
    LOWEST_THRESHOLD,
    SKETCH_MISS,
    SKETCH_SIZE,
    Bands,
    choose_bands,
    least_agreement,
)

THRESHOLDS = [LOWEST_THRESHOLD, 0.2, 0.3, 0.42, 0.43, 0.5, 0.6, 0.635, 0.64, 0.7, 0.75, 0.755, 0.8, 0.83]
THRESHOLDS += [0.835, 0.85, 0.875, 0.88, 0.9, 0.905, 0.91, 0.925, 0.95, 0.97, 0.99, 0.999, 1.0]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_bands_miss_little_and_no_cut_with_more_rows_would_do(threshold: float) -> None:
    bands = choose_bands(threshold)
    assert bands.count * bands.rows <= SKETCH_SIZE
    assert bands.miss(threshold) <= GREATEST_MISS
    finer = [Bands(SKETCH_SIZE // rows, rows) for rows in range(bands.rows + 1, SKETCH_SIZE + 1)]
    assert all(cut.miss(threshold) > GREATEST_MISS for cut in finer)


def test_the_documented_table_is_what_is_chosen() -> None:
    header, _, counts, rows = (re.findall(r"[\d.-]+", line) for line in choose_bands.__doc__.splitlines()[2:6])
    for cell, count, row in zip(header, counts, rows, strict=True):
        for threshold in cell.split("-"):
            assert choose_bands(float(threshold)) == Bands(int(count), int(row)), threshold


def test_miss_is_the_formula_of_the_book() -> None:
    assert Bands(20, 5).miss(0.8) == pytest.approx(0.00035, abs=1e-5)
    assert Bands(16, 4).miss(0.0) == 1.0
    assert Bands(16, 4).miss(1.0) == 0.0


@pytest.mark.parametrize(("threshold", "least"), [(0.1, 0), (0.5, 17), (0.8, 38), (0.9, 47), (1.0, 64)])
def test_least_agreement(threshold: float, least: int) -> None:
    assert least_agreement(threshold) == least


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_least_agreement_is_the_greatest_that_misses_little(threshold: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    least = least_agreement(threshold)
    assert stats.binom.cdf(least - 1, SKETCH_SIZE, threshold) <= SKETCH_MISS
    assert least == SKETCH_SIZE or stats.binom.cdf(least, SKETCH_SIZE, threshold) > SKETCH_MISS
