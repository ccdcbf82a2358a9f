"""From which score on a label can be believed: calibrated for each language by the length of the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.langid.model import EMBEDDED
from curation.langid.prepare import prepare
from curation.langid.scripts import letter_counts
from curation.text import as_arrow
from language_configs import UnknownLanguageError, resolve

# What a model that was never calibrated must score.
UNCALIBRATED = 0.5
# What a label must score among candidates that a source declares, whose close relatives are rarely candidates too: of
# Tatoeba's texts with two random other candidates 93 % reach it, of those labels 99.7 % are right, and 4 % of texts in
# none of three candidates reach it (`benchmarks/langid.py`).
AMONG_CANDIDATES = 0.8
# In the table of languages, the score from which a label of a model can never be believed.
NEVER = 1.0

Scores = npt.NDArray[np.float32]


def min_scores(
    labels: Sequence[str],
    texts: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    model: str | None = None,
    candidates: Iterable[str] | None = None,
) -> Scores:
    """Return the least score at which each label that `identify` gave can be believed.

    Args:
        labels: labels of the texts, shape (n,).
        texts: the texts, shape (n,); null counts as empty.
        model: the model that gave them.
        candidates: the candidates that they were chosen from.

    Returns:
        float32, shape (n,): among candidates `AMONG_CANDIDATES`, else the calibrated threshold of the language for a
        text of that many letters; infinity where no score is enough (`und`, languages that the model cannot tell from
        their relatives in so short a text).
    """
    codes = np.array(labels, dtype=object)
    if frozenset(candidates or ()):
        return same_for_all(codes, AMONG_CANDIDATES)
    letters = letter_counts(prepare(as_arrow(texts))).total()
    return least_scores(codes, letters, model or EMBEDDED)


def least_scores(codes: npt.NDArray[np.object_], letters: npt.NDArray[np.int64], model: str) -> Scores:
    """Return the least score for each code at its text's number of letters, shape (n,)."""
    found = np.full(len(codes), np.inf, dtype=np.float32)
    coded = pa.array(codes, pa.string()).dictionary_encode()
    numbers = coded.indices.to_numpy(zero_copy_only=False)
    for number, code in enumerate(coded.dictionary.to_pylist()):
        rows = np.flatnonzero(numbers == number)
        starts, scores = _steps(code, model)
        found[rows] = scores[np.searchsorted(starts, letters[rows], side="right") - 1]
    return found


def same_for_all(codes: npt.NDArray[np.object_], score: float) -> Scores:
    """Return one least score for every code, infinity for `und`; shape (n,)."""
    is_und = np.array([code.startswith("und_") for code in codes], dtype=np.bool_)
    return np.where(is_und, np.inf, score).astype(np.float32)


@lru_cache(maxsize=4096)
def _steps(code: str, model: str) -> tuple[npt.NDArray[np.int64], Scores]:
    """Return the numbers of letters from which each threshold holds, from 0, and the thresholds."""
    steps = {0: UNCALIBRATED, **_stated(code, model)}
    scores = [np.inf if steps[start] >= NEVER else steps[start] for start in sorted(steps)]
    if code.startswith("und_"):
        scores = [np.inf] * len(steps)
    return np.array(sorted(steps), dtype=np.int64), np.array(scores, dtype=np.float32)


def _stated(code: str, model: str) -> dict[int, float]:
    try:
        known = resolve(code).identification.get(model)
    except UnknownLanguageError:
        return {}
    return {} if known is None else dict(known.min_score)
