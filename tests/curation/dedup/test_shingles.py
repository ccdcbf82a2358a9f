from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup import shingles
from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.columns import folded
from curation.dedup.shingles import agreement, jaccard, sketch

BANDS = Bands(16, 4)
TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "the quick brown fox jumped over the lazy dog",
    "съешь же ещё этих мягких французских булок",
    "съешь же ещё этих мягких французских булочек",
    "いろはにほへと ちりぬるを",
    "いろはにほへど ちりぬるを",
    "สวัสดีชาวโลกทั้งหลาย",
    "နေကောင်းလားမိတ်ဆွေ",
    "aaaaaaaaaaaa",
    "aaaaaaa",
    "abc",
    "a",
    "",
]


def grams(text: str) -> set[str]:
    return {text[i : i + 5] for i in range(max(len(text) - 4, 1))} if text else set()


def reference(left: str, right: str) -> float:
    a, b = grams(left), grams(right)
    return len(a & b) / len(a | b) if a | b else 1.0


def all_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.triu_indices(count)
    return left.astype(np.int64), right.astype(np.int64)


@pytest.mark.parametrize("block", [1, 100, 1 << 19])
def test_jaccard_is_that_of_the_sets(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(shingles, "_CHECK_BLOCK", block)
    left, right = all_pairs(len(TEXTS))
    expected = [reference(TEXTS[i], TEXTS[j]) for i, j in zip(left, right, strict=True)]
    assert jaccard([folded(TEXTS)], left, right).tolist() == expected


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abcあกb", max_size=20), min_size=1, max_size=8))
def test_jaccard_of_any_texts(texts: list[str]) -> None:
    left, right = all_pairs(len(texts))
    expected = [reference(texts[i], texts[j]) for i, j in zip(left, right, strict=True)]
    assert jaccard([folded(texts)], left, right).tolist() == expected


def test_jaccard_of_pairs_is_that_of_the_less_similar_side() -> None:
    sides = [folded(TEXTS), folded(TEXTS[::-1])]
    left, right = all_pairs(len(TEXTS))
    each = [jaccard([side], left, right) for side in sides]
    np.testing.assert_array_equal(jaccard(sides, left, right), np.minimum(*each))


@pytest.mark.parametrize("sides", [1, 2])
def test_sketches_do_not_depend_on_blocks_or_neighbours(monkeypatch: pytest.MonkeyPatch, sides: int) -> None:
    columns = [folded(TEXTS[:12]), folded(TEXTS[1:13])][:sides]
    whole = sketch(columns, BANDS)
    monkeypatch.setattr(shingles, "_SKETCH_BLOCK", 64)
    order = np.arange(12)[::-1].copy()
    turned = sketch([column.take(pa.array(order)) for column in columns], BANDS).take(order)
    for name in ("values", "keys", "fingerprints"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(whole, name))


def test_equal_sets_have_equal_sketches_and_other_fingerprints() -> None:
    pair = sketch([folded(["aaaaaaa", "aaaaaaaaa"])], BANDS)
    assert (pair.values[0] == pair.values[1]).all()
    assert (pair.keys[:, 0] == pair.keys[:, 1]).all()
    assert pair.fingerprints[0] != pair.fingerprints[1]


def test_the_sides_of_a_pair_are_kept_apart() -> None:
    pairs = sketch([folded(["hello world", "good night"]), folded(["good night", "hello world"])], BANDS)
    assert agreement(pairs.values, np.array([0]), np.array([1]))[0] < 8


def test_agreement_estimates_the_similarity() -> None:
    generator = np.random.default_rng(7)
    base = generator.integers(0x4E00, 0x9FFF, 600)
    texts = [
        "".join(map(chr, np.concatenate([base[cut:], generator.integers(0x3041, 0x3096, cut)])))
        for cut in range(0, 400, 2)
    ]
    sketches = sketch([folded(texts)], BANDS)
    left, right = np.zeros(len(texts), dtype=np.int64), np.arange(len(texts))
    estimate = agreement(sketches.values, left, right) / SKETCH_SIZE
    exact = jaccard([folded(texts)], left, right)
    deviation = np.sqrt(np.maximum(exact * (1 - exact), 1 / SKETCH_SIZE) / SKETCH_SIZE)
    assert np.abs(estimate - exact).max() < 5 * deviation.max()
    assert estimate[0] == exact[0] == 1.0
