from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tiny_models import POSITIONS, SENTENCES, build_cross_encoder

from curation.errors import ConfigError, CurationError
from curation.mining.teachers.cross_encoder import CrossEncoderOptions, CrossEncoderScorer, load_cross_encoder

PAIRS = list(product(SENTENCES[:6], SENTENCES[6:]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_cross_encoder(tmp_path_factory.mktemp("scorer") / "tiny", seed=1)


@pytest.fixture(scope="module")
def scorer(model: Path) -> CrossEncoderScorer:
    return CrossEncoderScorer(CrossEncoderOptions(str(model)))


def test_scores_are_the_librarys_own(scorer: CrossEncoderScorer, model: Path) -> None:
    from sentence_transformers import CrossEncoder

    scores = scorer.scores(PAIRS)
    assert (scores.dtype, scores.shape) == (np.float32, (len(PAIRS),))
    assert len(set(scores.round(4).tolist())) > len(PAIRS) // 2
    assert ((scores >= 0) & (scores <= 1)).all()
    expected = CrossEncoder(str(model), device="cpu").predict([list(pair) for pair in PAIRS])
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_raw_outputs_become_probabilities(scorer: CrossEncoderScorer, tmp_path: Path) -> None:
    import torch

    folder = build_cross_encoder(tmp_path / "raw", seed=1, activation=torch.nn.Identity())
    raw = CrossEncoderScorer(CrossEncoderOptions(str(folder)))
    assert raw.identity != scorer.identity
    np.testing.assert_allclose(raw.scores(PAIRS), scorer.scores(PAIRS), atol=1e-6)


def test_neither_batches_nor_order_matter(scorer: CrossEncoderScorer, model: Path) -> None:
    small = CrossEncoderScorer(CrossEncoderOptions(str(model), batch_size=2))
    assert small.identity == scorer.identity
    np.testing.assert_allclose(small.scores(PAIRS[::-1])[::-1], scorer.scores(PAIRS), atol=1e-6)


@pytest.mark.parametrize("change", [{"max_tokens": 7}, {"dtype": "bfloat16"}])
def test_whatever_changes_scores_changes_the_identity(
    change: dict[str, object], scorer: CrossEncoderScorer, model: Path
) -> None:
    changed = CrossEncoderScorer(CrossEncoderOptions(str(model), **change))  # type: ignore[arg-type]
    assert changed.identity != scorer.identity
    assert (changed.scores(PAIRS) != scorer.scores(PAIRS)).any()


def test_no_pairs_have_no_scores(scorer: CrossEncoderScorer) -> None:
    assert scorer.scores([]).shape == (0,)


def test_it_is_loaded_once(model: Path) -> None:
    assert load_cross_encoder(CrossEncoderOptions(str(model))) is load_cross_encoder(CrossEncoderOptions(str(model)))


def test_a_classifier_is_refused(tmp_path: Path) -> None:
    folder = build_cross_encoder(tmp_path / "classes", seed=1, labels=3)
    with pytest.raises(ConfigError, match=r"classes[\s\S]*mining\.cross_encoder[\s\S]*3 classes"):
        CrossEncoderScorer(CrossEncoderOptions(str(folder)))


def test_more_tokens_than_positions_are_explained(model: Path) -> None:
    scorer = CrossEncoderScorer(CrossEncoderOptions(str(model), max_tokens=10 * POSITIONS))
    with pytest.raises(CurationError, match=r"failed on 1 pairs[\s\S]*max_tokens"):
        scorer.scores([("boats" * POSITIONS, "harbour")])


@pytest.mark.parametrize("spec", ["BAAI/bge-reranker-v2-m3", "BAAI/bge-reranker-v2-m3@main", ""])
def test_a_model_that_is_not_pinned_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"mining\.cross_encoder\.model[\s\S]*ORG/MODEL@REVISION"):
        CrossEncoderScorer(CrossEncoderOptions(spec))
