"""Which programming language a text is in, if it is in one: by what it says itself, else by its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.langid.code_markers import declared
from curation.langid.code_model import CodeModel, Floats, embedded
from curation.langid.decide import OUTSIDE_SHARE, Scores
from curation.langid.scope import Bools, Codes
from curation.text import as_arrow
from language_configs import UnknownLanguageError, languages, resolve_program

UNDETERMINED = "und_Zzzz"

# The score of a text that names its language itself; such lines are copied into the wrong file now and then.
DECLARED_SCORE = 0.99

# Languages in which every text, or nearly every one, is in these as well.
BROADER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"c": ("cpp", "cuda"), "cpp": ("cuda",), "css": ("scss",), "javascript": ("typescript",)}
)

# Texts whose tokens are held in memory at once.
_BATCH = 2048


def identify_code(
    texts: Sequence[str] | pa.Array | pa.ChunkedArray, *, candidates: Iterable[str] | None = None
) -> tuple[list[str], Scores]:
    """Identify the programming language of each text.

    Each text is judged on its own, whatever stands beside it, by its first 2,000 characters; a modeline may stand at
    its end. Prose, and languages that the table lacks, are `und_Zzzz`, as is what could be in several.

    Args:
        texts: strings, shape (n,); null counts as empty.
        candidates: codes of the programming languages that the texts can be in; nothing or none for all.

    Returns:
        Labels as a list of n strings, `python_Zzzz`, or `und_Zzzz` where no language is likely enough. And scores,
        float32, shape (n,): the probability of the label, among the candidates where there are any; 0 for `und`.
        What could as well be in a broader language, TypeScript that is plain JavaScript, is in the narrower one.

    Raises:
        UnknownLanguageError: if a candidate is no programming language.
    """
    coded = as_arrow(texts).fill_null("").dictionary_encode()
    chosen = frozenset(map(_programming, candidates or ()))
    distinct = coded.dictionary.to_pylist()
    parts = [_identify(distinct[row : row + _BATCH], chosen) for row in range(0, max(len(distinct), 1), _BATCH)]
    codes, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    indices = coded.indices.to_numpy()
    return codes[indices].tolist(), scores[indices]


def _programming(code: str) -> str:
    """Return the code of the programming language that is meant."""
    language = resolve_program(code)
    if language is None:
        raise UnknownLanguageError(code)
    return language.code


def _identify(texts: Sequence[str], candidates: frozenset[str]) -> tuple[Codes, Scores]:
    """Identify texts; shapes (n,)."""
    codes, scores = _by_tokens(texts, candidates)
    for row, text in enumerate(texts):
        code = declared(text)
        if code and (code in candidates or not candidates):
            codes[row], scores[row] = code, DECLARED_SCORE
    return codes, scores


def _by_tokens(texts: Sequence[str], candidates: frozenset[str]) -> tuple[Codes, Scores]:
    """Return the likeliest language that may be answered with, and its score, for each text.

    Among candidates the mass of other programming languages weighs little in the denominator, as it does for natural
    languages; that of prose and of languages that nobody can answer with weighs in full.
    """
    model = embedded()
    if not texts:
        return np.empty(0, dtype=object), np.empty(0, dtype=np.float32)
    answers, is_programming, is_allowed = _answers(model, candidates)
    weights = np.where(is_programming & ~is_allowed, OUTSIDE_SHARE, 1.0)
    masses = model.probabilities(texts) * weights
    best, likely = judge(masses / masses.sum(axis=1, keepdims=True), model.labels, is_allowed)
    scores = likely.astype(np.float32)
    is_sure = scores >= model.min_score
    codes = np.where(is_sure, answers[best], UNDETERMINED)
    return codes, np.where(is_sure, scores, np.float32(0))


def judge(
    probabilities: Floats, labels: Sequence[str], is_allowed: Bools | None = None
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the likeliest label, and the probability that it or a broader language is right.

    A text in which nothing of the broader language shows is in the narrower one, whatever the file was called.

    Args:
        probabilities: of each label, shape (n, m).
        labels: shape (m,).
        is_allowed: which labels may be answered, shape (m,); nothing for all.

    Returns:
        Indices of labels and their scores, shapes (n,).
    """
    best = (probabilities if is_allowed is None else probabilities * is_allowed).argmax(axis=1)
    scores = probabilities.copy()
    for narrow, broader in BROADER.items():
        if narrow in labels:
            for label in (label for label in broader if label in labels):
                scores[:, labels.index(narrow)] += probabilities[:, labels.index(label)]
    return best, scores[np.arange(len(best)), best].clip(max=1.0)


@lru_cache(maxsize=256)
def _answers(model: CodeModel, candidates: frozenset[str]) -> tuple[Codes, Bools, Bools]:
    """Return of each label its code, whether that is in the table, and whether it may be answered; shapes (m,)."""
    codes: Codes = np.array([f"{label}_Zzzz" for label in model.labels], dtype=object)
    is_programming = np.array([code in languages() for code in codes])
    is_allowed = np.array([code in candidates for code in codes]) if candidates else is_programming
    return codes, is_programming, is_allowed
