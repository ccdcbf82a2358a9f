from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.langid.evidence import BLOCK_ROWS, DIFFERENT_SHARE, MAX_CHOICE, blocks, expected_from, expected_of, look
from curation.langid.model import load
from curation.langid.scope import scope_of

TEXTS = pa.array(
    ["Wo ist der Bahnhof, bitte?", "Где находится вокзал?", "สถานีอยู่ที่ไหน", "12", "", "駅はどこですか", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ"]
)


def test_what_a_text_shows() -> None:
    model = load()
    beliefs = look(TEXTS, model)
    assert beliefs.systems.tolist() == ["Latn", "Cyrl", "Thai", "Zyyy", "Zyyy", "Jpan", "Cher"]
    whole = (beliefs.mass / model.weights).sum(axis=1) + beliefs.rest
    assert whole == pytest.approx(np.ones(len(TEXTS)), abs=1e-3)
    # Texts without letters are not asked about.
    assert beliefs.mass[3:5].sum() == 0
    fit = beliefs.fitting(scope_of(model))
    assert not fit[[3, 4, 6]].any()
    assert fit[1, model.labels.index("__label__ru")]
    assert not fit[1, model.labels.index("__label__de")]


def test_deeper_beliefs_hold_every_label() -> None:
    beliefs = look(TEXTS, load())
    deep = beliefs.deepened(np.array([1, 0]), load())
    assert deep.texts.to_pylist() == TEXTS.take(pa.array([1, 0])).to_pylist()
    assert deep.systems.tolist() == ["Cyrl", "Latn"]
    assert (deep.mass.argmax(axis=1) == beliefs.mass[[1, 0]].argmax(axis=1)).all()
    assert ((deep.mass > 0).sum(axis=1) > 10).all()


def test_blocks_cover_all_rows() -> None:
    for count in (0, 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS):
        assert [row for part in blocks(count) for row in range(count)[part]] == list(range(count))


@pytest.mark.parametrize(("candidates", "choice"), [((), MAX_CHOICE), (("deu", "rus", "tha"), 3)])
def test_what_a_partner_lets_expect(candidates: tuple[str, ...], choice: int) -> None:
    scope = scope_of(load(), frozenset(candidates))
    german = load().labels.index("__label__de")
    same = expected_of("deu", scope, "same")
    assert same[german] == pytest.approx(DIFFERENT_SHARE + (1 - DIFFERENT_SHARE) * choice)
    assert np.delete(same, german) == pytest.approx(DIFFERENT_SHARE)
    different = expected_of("deu", scope, "different")
    assert (different[german], np.delete(different, german).min()) == (0, 1)
    # A language that the model does not know, and texts that are in none, let nothing be expected.
    assert (expected_of("xho", scope, "same") == 1).all()
    seen = expected_from(look(TEXTS, load()), scope, "same")
    assert seen.shape == (len(TEXTS), len(load().labels))
    assert seen[0].argmax() == german
    assert (seen[[3, 4, 6]] == 1).all()
