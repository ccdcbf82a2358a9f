"""The identification of undeclared languages: among what the source lets expect, with the other side as evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.decide import Answer, identify_prepared, identify_prepared_pairs
from curation.langid.evidence import Relation, expected_of
from curation.langid.findings import UNDETERMINED, Findings, Scores
from curation.langid.model import load
from curation.langid.scope import scope_of
from curation.langid.scripts import letter_counts
from curation.langid.thresholds import NEVER, least_scores
from language_configs import resolve


def relation_of(task: str) -> Relation:
    """Return how the languages of both sides are related in pairs of a task type."""
    return "different" if task == "bitext" else "same"


def find(texts: pa.Array, options: Identify, candidates: Sequence[str], other: str, relation: Relation) -> Findings:
    """Identify texts that went through `prepare` and whose other side is declared to be in the language `other`."""
    model = load(options.model)
    coded = texts.dictionary_encode()
    expected = expected_of(resolve(other).base, model, relation)
    answer = identify_prepared(coded.dictionary, scope_of(model, frozenset(candidates)), expected)
    return _findings(coded.dictionary, answer, options).take(coded.indices.to_numpy())


def find_pairs(
    queries: pa.Array, positives: pa.Array, options: Identify, candidates: Sequence[str], relation: Relation
) -> tuple[Findings, Findings]:
    """Identify both sides of pairs that went through `prepare`, neither of which is declared."""
    scope = scope_of(load(options.model), frozenset(candidates))
    answers = identify_prepared_pairs(queries, positives, scope, scope, relation)
    return _findings(queries, answers[0], options), _findings(positives, answers[1], options)


def _findings(texts: pa.Array, answer: Answer, options: Identify) -> Findings:
    codes, scores = answer
    counts = letter_counts(texts)
    least = _least(answer, counts.total(), options)
    weak = np.flatnonzero(scores < least)
    findings = Findings.of(codes)
    findings.scores[:] = findings.seen_scores[:] = scores
    findings.codes[weak] = [f"und_{system}" for system in counts.dominant()[weak]]
    findings.object_to(weak, UNDETERMINED, scores[weak], np.minimum(least[weak], NEVER))
    return findings


def _least(answer: Answer, letters: np.ndarray[tuple[int, ...], np.dtype[np.int64]], options: Identify) -> Scores:
    """Return the score that each label needs, infinity where there is none."""
    codes = answer[0]
    if options.min_score is None:
        return least_scores(codes, letters, options.model)
    is_und = np.array([code.startswith("und_") for code in codes], dtype=np.bool_)
    return np.where(is_und, np.inf, options.min_score).astype(np.float32)
