from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from curation.langid.code_features import SHAPES, pair_key
from curation.langid.code_model import LARGEST_WEIGHT, CodeModel, embedded, read, save
from language_configs import languages

SMALL = CodeModel(
    labels=("c", "prose"),
    words=(*SHAPES, "\n", "int", "the"),
    pairs=pair_key(np.array([11, 12]), np.array([12, 6])),
    weights=np.array([[0, 0]] * 12 + [[9, -9], [-9, 9], [3, 0], [3, 0]], dtype=np.int8),
    scale=0.5,
    bias=np.array([0.0, 0.25]),
    temperature=1.0,
    min_score=0.5,
    about="nothing",
)


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    save(SMALL, tmp_path / "model.npz")
    found = read(tmp_path / "model.npz")
    for field in fields(CodeModel):
        assert np.array_equal(getattr(found, field.name), getattr(SMALL, field.name)), field.name


def test_weights_are_added_up_over_the_root_of_their_number() -> None:
    # Line start, `int`, a word in small letters, and the pairs of a line start with `int` and of `int` with the word.
    logits = SMALL.logits(["int total"])
    assert np.allclose(logits, [[(9 + 3 + 3) * 0.5 / np.sqrt(5), -9 * 0.5 / np.sqrt(5) + 0.25]])
    assert np.allclose(SMALL.logits([""]), [[0, 0.25]])


def test_probabilities_sum_to_one() -> None:
    probabilities = embedded().probabilities(["", "int main(void)", "the house", "\x00"])
    assert probabilities.shape == (4, len(embedded().labels))
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_the_embedded_model_knows_every_language_but_marked_up_prose() -> None:
    table = {language.base for language in languages().values() if language.kind == "programming"}
    model = embedded()
    assert table - set(model.labels) == {"markdown", "restructuredtext"}
    assert {"prose", "other"} <= set(model.labels)
    assert list(model.labels) == sorted(model.labels)


def test_the_embedded_model_is_sound_and_says_where_it_is_from() -> None:
    model = embedded()
    assert model.weights.shape == (len(model.words) + len(model.pairs), len(model.labels))
    assert np.abs(model.weights).max() == LARGEST_WEIGHT
    assert (np.diff(model.pairs) > 0).all()
    assert model.words[: len(SHAPES)] == SHAPES
    assert 0.5 < model.min_score < 1
    assert "MIT" in model.about
