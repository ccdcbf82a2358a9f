"""The decision: script first, then the likeliest label that fits it, and `und_Xxxx` where nothing does.

The model's probabilities are corrected for the share that each language had in its training, so that they are those
of a collection in which all languages are as likely (prior correction, Saerens et al. 2002). What a source declares
and what the other side of a pair shows are priors of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.langid.evidence import Beliefs, Floats, Relation, blocks, expected_from, look
from curation.langid.model import FLOOR, load
from curation.langid.prepare import prepare
from curation.langid.scope import Bools, Codes, Scope, codes_in, could_be_stranger, only_stranger, scope_of
from curation.langid.scripts import han_variants
from curation.text import as_arrow
from language_configs.scripts import members

# Candidates are a declaration, which can be wrong: what the probability of languages that are no candidates counts in
# a score beside that of the candidates.
OUTSIDE_SHARE = 0.01
# The same where a candidate is unknown to the model, for its texts look to the model like other languages.
STRANGER_SHARE = 0.3
# Of these counts, the part that even the likeliest candidate must exceed: less is the noise of the model, which gives
# English 0.001 of an unmistakably German text.
NOISE_SHARE, STRANGER_NOISE_SHARE = 0.05, 0.1

_TINY = np.finfo(np.float32).tiny

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Answer = tuple[Codes, Scores]


def identify(
    texts: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    model: str | None = None,
    candidates: Iterable[str] | None = None,
) -> tuple[list[str], Scores]:
    """Identify the language of each text.

    Each text is judged on its own, whatever stands beside it. The answer is the likeliest language; how likely, the
    score says, and `min_scores` from which score on it can be believed.

    Args:
        texts: strings, shape (n,); null counts as empty.
        model: `lid.176` (embedded, the default), `glotlid` (fetched once), or the path of a fastText model.
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
        CurationError: if a model cannot be fetched.
    """
    scope = scope_of(load(model), frozenset(candidates or ()))
    coded = prepare(as_arrow(texts)).dictionary_encode()
    codes, scores = identify_prepared(coded.dictionary, scope)
    rows = coded.indices.to_numpy()
    return codes[rows].tolist(), scores[rows]


def identify_pairs(
    queries: Sequence[str] | pa.Array | pa.ChunkedArray,
    positives: Sequence[str] | pa.Array | pa.ChunkedArray,
    *,
    relation: Relation,
    model: str | None = None,
    candidates: Iterable[str] | None = None,
) -> tuple[tuple[list[str], Scores], tuple[list[str], Scores]]:
    """Identify the languages of both sides of each pair, each side with the other as evidence.

    Args:
        queries: strings, shape (n,); null counts as empty.
        positives: likewise.
        relation: `different` if the sides are translations of each other, `same` if they are mostly in one language.
        model: as in `identify`.
        candidates: likewise, for both sides.

    Returns:
        Labels and scores of the queries, and those of the positives, as `identify` gives them.
    """
    scope = scope_of(load(model), frozenset(candidates or ()))
    left, right = (prepare(as_arrow(side)) for side in (queries, positives))
    found = identify_prepared_pairs(left, right, scope, scope, relation)
    (query_codes, query_scores), (positive_codes, positive_scores) = found
    return (query_codes.tolist(), query_scores), (positive_codes.tolist(), positive_scores)


def identify_prepared(texts: pa.Array, scope: Scope, expected: Floats | None = None) -> Answer:
    """Identify texts that went through `prepare`, shapes (n,); `expected`, shape (m,), is as in `decide`."""
    parts = [decide(look(texts[rows], scope.model), scope, expected) for rows in blocks(len(texts))]
    return _joined(parts)


def identify_prepared_pairs(
    queries: pa.Array, positives: pa.Array, query_scope: Scope, positive_scope: Scope, relation: Relation
) -> tuple[Answer, Answer]:
    """Identify both sides of pairs that went through `prepare`, each with the other as evidence; shapes (n,)."""
    left, right = [], []
    for rows in blocks(len(queries)):
        query, positive = look(queries[rows], query_scope.model), look(positives[rows], positive_scope.model)
        left.append(decide(query, query_scope, expected_from(positive, positive_scope, relation)))
        right.append(decide(positive, positive_scope, expected_from(query, query_scope, relation)))
    return _joined(left), _joined(right)


def decide(beliefs: Beliefs, scope: Scope, expected: Floats | None = None) -> Answer:
    """Decide on the language of each text, shapes (n,).

    Args:
        beliefs: what the texts show, n rows.
        scope: the languages to choose from.
        expected: how much likelier each label is by other evidence, shape (m,) or (n, m).
    """
    codes: Codes = np.array([f"und_{system}" for system in beliefs.systems], dtype=object)
    scores = np.zeros(len(codes), dtype=np.float32)
    labels, shares = _likeliest(beliefs, scope, expected)
    found = np.flatnonzero(shares > 0)
    scores[found] = shares[found]
    for system in sorted(set(beliefs.systems)):
        here = beliefs.systems == system
        rows = found[here[found]]
        codes[rows] = codes_in(scope, system)[labels[rows]]
        only = only_stranger(scope, system)
        if only is not None:
            counts = beliefs.counts
            codes[here], scores[here] = (
                only.code,
                (counts.of(members(only.script)) / np.maximum(counts.total(), 1))[here],
            )
    han = np.flatnonzero(beliefs.systems == "Hani")
    codes[han] = in_han_variant(beliefs.texts.take(pa.array(han)), codes[han], scope)
    return codes, scores


def _likeliest(beliefs: Beliefs, scope: Scope, expected: Floats | None) -> tuple[Labels, Scores]:
    """Return the likeliest label of the scope that fits each text, and its probability; 0 where none does.

    A label that may be beaten by one that is not among the model's likeliest is decided with all of them.
    """
    if not len(beliefs.mass):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    fit = beliefs.fitting(scope)
    factors = np.ones(1, np.float32) if expected is None else expected
    labels, scores, best = _best(beliefs, scope, fit, factors)
    if scope.is_open:
        undecided = np.flatnonzero(best == 0)
    else:
        # Of a label that is not among the likeliest, the probability is below the floor, and below the rest.
        bound = np.minimum(beliefs.rest, np.float32(FLOOR)) * (fit * (scope.model.weights * factors)).max(axis=1)
        undecided = np.flatnonzero(best < bound)
    undecided = undecided[fit[undecided].any(axis=1)]
    if len(undecided):
        deep = beliefs.deepened(undecided, scope.model)
        wide = factors[undecided] if factors.ndim == 2 else factors
        labels[undecided], scores[undecided], _ = _best(deep, scope, fit[undecided], wide)
    return labels, scores


def _best(beliefs: Beliefs, scope: Scope, fit: Bools, factors: Floats) -> tuple[Labels, Scores, Scores]:
    """Return the likeliest label that fits, its probability among the scope's languages, and its mass; shapes (n,).

    The mass of languages that are no candidates stays in the denominator: as much of it as a text of the source may
    be in one of them, or may be in a candidate that the model does not know. A label of next to nothing beside that
    is none: its score is 0.
    """
    mass = beliefs.mass * factors
    whole = mass.sum(axis=1) + beliefs.rest
    mass *= fit
    labels = mass.argmax(axis=1)
    best = mass[np.arange(len(mass)), labels]
    if scope.is_open:
        return labels, best / np.maximum(whole, _TINY), best
    own = mass.sum(axis=1)
    outside = ((beliefs.mass / scope.model.weights) * ~scope.candidates()).sum(axis=1) + beliefs.rest
    is_stranger = np.array([could_be_stranger(scope, system) for system in beliefs.systems], dtype=np.bool_)
    remainder = outside * np.where(is_stranger, np.float32(STRANGER_SHARE), np.float32(OUTSIDE_SHARE))
    noise = remainder * np.where(is_stranger, np.float32(STRANGER_NOISE_SHARE), np.float32(NOISE_SHARE))
    return labels, np.where(best > noise, best / np.maximum(own + remainder, _TINY), 0), best


def in_han_variant(texts: pa.Array, codes: Codes, scope: Scope) -> Codes:
    """Put the codes of languages written in both Han variants right, as far as the scope has both."""
    allowed = {item.code for meaning in scope.meanings for item in meaning}
    wanted = [f"{code[:3]}_{variant}" for code, variant in zip(codes, han_variants(texts), strict=True)]
    return np.array([new if new in allowed else old for old, new in zip(codes, wanted, strict=True)], dtype=object)


def _joined(parts: Sequence[Answer]) -> Answer:
    codes = [np.zeros(0, dtype=object), *(codes for codes, _ in parts)]
    scores = [np.zeros(0, dtype=np.float32), *(scores for _, scores in parts)]
    return np.concatenate(codes), np.concatenate(scores)
