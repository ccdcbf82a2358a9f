"""The decision: script first, then the likeliest label that fits it, and `und_Xxxx` where nothing does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.langid.model import Model, load
from curation.langid.prepare import prepare
from curation.langid.scripts import NO_SCRIPT, fits, han_variants, letter_counts
from curation.text import as_arrow
from language_configs import Language, variants
from language_configs.scripts import members

# How likely, against a candidate, a text of a source is in a language that is none of its candidates: without
# this, the renormalised score of the better of two absurd candidates would be near 1.
OUTSIDE_WEIGHT = 0.01

Codes = npt.NDArray[np.object_]
Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A model, and the languages that it may answer with.

    Attributes:
        model: the model.
        meanings: for each label the languages of the scope that it can mean, shape (m,).
        strangers: languages of the scope that the model has no label for.
        is_open: nobody said which languages to expect; probabilities are taken as they are.
    """

    model: Model
    meanings: tuple[tuple[Language, ...], ...]
    strangers: tuple[Language, ...]
    is_open: bool


def identify(
    texts: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    model: str | None = None,
    candidates: Iterable[str] | None = None,
) -> tuple[list[str], Scores]:
    """Identify the language of each text.

    Each text is judged on its own, whatever stands beside it.

    Args:
        texts: strings, shape (n,); null counts as empty.
        model: `lid.176` (embedded, the default) or the path of a fastText model.
        candidates: codes of the languages that the texts can be in (any that `language_configs.resolve` knows; one
            without a script stands for all its scripts); nothing or none for all that the model knows.

    Returns:
        Labels as a list of n strings: `xxx_Xxxx` with the script seen in the text, or `und_Xxxx` where no language
        fits (`und_Zyyy`: there are no letters). And scores, float32, shape (n,): the probability of the label, among
        the candidates where there are any; 0 for `und`. A language that the model does not know is never guessed
        by the model: it is the label only where it alone of the candidates has a script in which the model knows no
        language, with the share of letters in that script as its score.

    Raises:
        UnknownLanguageError: if a candidate is no language.
        ConfigError: if there is no such model.
    """
    coded = prepare(as_arrow(texts)).dictionary_encode()
    chosen = scope_of(load(model), frozenset(candidates or ()))
    codes, scores = identify_prepared(coded.dictionary.to_pylist(), chosen)
    indices = coded.indices.to_numpy()
    return codes[indices].tolist(), scores[indices]


def identify_prepared(texts: Sequence[str], scope: Scope) -> tuple[Codes, Scores]:
    """Identify texts that went through `prepare`; shapes (n,)."""
    counts = letter_counts(texts)
    systems = counts.dominant()
    codes: Codes = np.array([f"und_{system}" for system in systems], dtype=object)
    scores = np.zeros(len(texts), dtype=np.float32)
    for system in sorted(set(systems) - {NO_SCRIPT}):
        rows = np.flatnonzero(systems == system)
        here = [texts[row] for row in rows.tolist()]
        only = _only_stranger(scope, system)
        if only is None:
            codes[rows], scores[rows] = _by_model(here, scope, system)
        else:
            share = counts.of(members(only.script))[rows] / counts.total()[rows]
            codes[rows], scores[rows] = only.code, share
    return codes, scores


@lru_cache(maxsize=256)
def scope_of(model: Model, candidates: frozenset[str] = frozenset()) -> Scope:
    """Return the scope of `candidates`, or of all languages that the model knows where there are none.

    Raises:
        UnknownLanguageError: if a candidate is no language.
    """
    if not candidates:
        return Scope(model, model.meanings, (), is_open=True)
    allowed = {language.code: language for code in sorted(candidates) for language in _in_known_scripts(code)}
    meanings = tuple(tuple(item for item in meaning if item.code in allowed) for meaning in model.meanings)
    known = {item.code for meaning in meanings for item in meaning}
    return Scope(model, meanings, tuple(allowed[code] for code in sorted(set(allowed) - known)), is_open=False)


def _in_known_scripts(code: str) -> tuple[Language, ...]:
    """Return the language in the scripts that `code` leaves open, less those that no model of ours has seen.

    A candidate `kk` would otherwise let every short Latin text be Kazakh in its Latin script.
    """
    found = variants(code)
    return tuple(language for language in found if language.lid176) or found


@lru_cache(maxsize=4096)
def codes_in(scope: Scope, system: str) -> Codes:
    """Return for each label the code of its language in text whose script is `system`, shape (m,); "" if in none."""
    first = [next((item.code for item in meaning if fits(item.script, system)), "") for meaning in scope.meanings]
    return np.array(first, dtype=object)


def _only_stranger(scope: Scope, system: str) -> Language | None:
    """Return the one language of the scope in a script in which the model knows none, if there is one."""
    if codes_in(scope_of(scope.model), system).astype(bool).any():
        return None
    found = [language for language in scope.strangers if fits(language.script, system)]
    return found[0] if len(found) == 1 else None


def _by_model(texts: Sequence[str], scope: Scope, system: str) -> tuple[Codes, Scores]:
    """Identify texts whose dominant script is `system`, by the model."""
    answers = codes_in(scope, system)
    decide = _open if scope.is_open else _closed
    labels, scores = decide(texts, scope, system)
    codes = np.where((scores > 0) & (answers[labels] != ""), answers[labels], f"und_{system}")
    return (in_han_variant(texts, codes, scope) if system == "Hani" else codes), scores


def _open(texts: Sequence[str], scope: Scope, system: str) -> tuple[Labels, Scores]:
    """Return the likeliest label that fits the script, and its probability, for each text; 0 where none does."""
    is_fit = codes_in(scope, system) != ""
    labels, scores = scope.model.best(texts)
    misfits = np.flatnonzero(~is_fit[labels])
    second = scope.model.probabilities([texts[row] for row in misfits.tolist()]) * is_fit
    labels[misfits], scores[misfits] = second.argmax(axis=1), second.max(axis=1)
    return labels, scores


def _closed(texts: Sequence[str], scope: Scope, system: str) -> tuple[Labels, Scores]:
    """Return the likeliest candidate that fits the script, and its probability among those, for each text.

    The mass m of languages that are no candidates stays in the denominator with the weight w of `OUTSIDE_WEIGHT`,
    p / (sum of p over candidates + w m), or in full where a candidate that the model does not know could be the one.
    A label that weighs less than that remainder is none: its score is 0.
    """
    is_fit = codes_in(scope, system) != ""
    is_candidate = np.array([bool(meaning) for meaning in scope.meanings])
    could_be_stranger = any(fits(language.script, system) for language in scope.strangers)
    probabilities = scope.model.probabilities(texts)
    # Summed row by row: a matrix product adds up in an order that depends on how many rows there are.
    outside = (1.0 - (probabilities * is_candidate).sum(axis=1)).clip(0)
    remainder = outside * np.float32(1.0 if could_be_stranger else OUTSIDE_WEIGHT)
    fitting = probabilities * is_fit
    best = fitting.max(axis=1)
    scores = best / np.maximum(fitting.sum(axis=1) + remainder, np.finfo(np.float32).tiny)
    return fitting.argmax(axis=1), np.where(best > remainder, scores, 0).astype(np.float32)


def in_han_variant(texts: Sequence[str], codes: Codes, scope: Scope) -> Codes:
    """Put the codes of languages written in both Han variants right, as far as the scope has both."""
    allowed = {item.code for meaning in scope.meanings for item in meaning}
    wanted = [f"{code[:3]}_{variant}" for code, variant in zip(codes, han_variants(texts), strict=True)]
    return np.array([new if new in allowed else old for old, new in zip(codes, wanted, strict=True)], dtype=object)
