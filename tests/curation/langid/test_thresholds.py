from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.langid import identify, min_scores
from curation.langid.calibrate import BUCKETS
from curation.langid.model import EMBEDDED
from curation.langid.thresholds import AMONG_CANDIDATES, NEVER, UNCALIBRATED, least_scores, same_for_all
from language_configs import languages


def _least(code: str, letters: int, model: str = EMBEDDED) -> float:
    return float(least_scores(np.array([code], dtype=object), np.array([letters]), model)[0])


@pytest.mark.parametrize("code", ["deu_Latn", "tuk_Latn", "rus_Cyrl", "jpn_Jpan", "tam_Taml", "cmn_Hans", "xho_Latn"])
def test_the_table_is_read_by_length(code: str) -> None:
    steps = languages()[code].identification[EMBEDDED].min_score
    for letters in (1, 10, 11, 20, 21, 40, 41, 80, 81, 5000):
        wanted = steps[max(start for start in steps if start <= letters)]
        assert _least(code, letters) == (np.inf if wanted >= NEVER else pytest.approx(wanted))


@pytest.mark.parametrize("code", sorted(languages())[::9])
def test_longer_texts_never_need_a_higher_score(code: str) -> None:
    found = [_least(code, letters) for letters in (0, *BUCKETS, 1000)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("code", ["und_Latn", "und_Zyyy"])
def test_no_language_is_never_believed(code: str) -> None:
    assert _least(code, 1000) == np.inf
    assert same_for_all(np.array([code, "deu_Latn"], dtype=object), 0.3).tolist() == pytest.approx([np.inf, 0.3])


def test_a_model_that_was_never_calibrated_has_one_threshold() -> None:
    assert _least("deu_Latn", 5, "/some/model.bin") == UNCALIBRATED
    assert _least("vro_Latn", 5) == UNCALIBRATED


def test_scores_and_thresholds_go_together() -> None:
    texts = pa.array(["Yarın sabah erkenden yola çıkmamız gerekiyor.", "ok", "12", None, "ฉันพูดภาษาไทยได้"])
    labels, scores = identify(texts)
    assert (scores >= min_scores(labels, texts)).tolist() == [True, False, False, False, True]
    among = min_scores(labels, texts, candidates=["tur", "eng", "tha"])
    assert among.tolist() == pytest.approx([AMONG_CANDIDATES, AMONG_CANDIDATES, np.inf, np.inf, AMONG_CANDIDATES])
    assert min_scores([], []).shape == (0,)
