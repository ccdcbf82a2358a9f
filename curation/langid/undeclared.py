"""The identification of undeclared languages: among what the source lets expect, with the other side as evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.decide import Answer, identify_prepared, identify_prepared_pairs
from curation.langid.evidence import Relation, expected_of
from curation.langid.findings import UNDETERMINED, Findings, Rows, Scores
from curation.langid.model import load
from curation.langid.scope import Codes, scope_of
from curation.langid.scripts import letter_counts
from curation.langid.thresholds import AMONG_CANDIDATES, NEVER, least_scores, same_for_all
from language_configs import resolve


def relation_of(task: str) -> Relation:
    """Return how the languages of both sides are related in pairs of a task type."""
    return "different" if task == "bitext" else "same"


def find(texts: pa.Array, options: Identify, candidates: Sequence[str], other: str, relation: Relation) -> Findings:
    """Identify texts that went through `prepare` and whose other side is declared to be in the language `other`."""
    model = load(options.model)
    coded = texts.dictionary_encode()
    scope = scope_of(model, frozenset(candidates))
    answer = identify_prepared(coded.dictionary, scope, expected_of(resolve(other).base, scope, relation))
    return _findings(coded.dictionary, answer, options, candidates).take(coded.indices.to_numpy())


def find_pairs(
    queries: pa.Array, positives: pa.Array, options: Identify, candidates: Sequence[str], relation: Relation
) -> tuple[Findings, Findings]:
    """Identify both sides of pairs that went through `prepare`, neither of which is declared."""
    scope = scope_of(load(options.model), frozenset(candidates))
    answers = identify_prepared_pairs(queries, positives, scope, scope, relation)
    sides = zip((queries, positives), answers, strict=True)
    query, positive = (_findings(texts, answer, options, candidates) for texts, answer in sides)
    return query, positive


def _findings(texts: pa.Array, answer: Answer, options: Identify, candidates: Sequence[str]) -> Findings:
    codes, scores = answer
    counts = letter_counts(texts)
    least = _least(codes, counts.total(), options, candidates)
    weak = np.flatnonzero(scores < least)
    findings = Findings.of(codes)
    findings.scores[:] = findings.seen_scores[:] = scores
    findings.codes[weak] = [f"und_{system}" for system in counts.dominant()[weak]]
    findings.object_to(weak, UNDETERMINED, scores[weak], np.minimum(least[weak], NEVER))
    return findings


def _least(codes: Codes, letters: Rows, options: Identify, candidates: Sequence[str]) -> Scores:
    """Return the score that each label needs, infinity where there is none."""
    if options.min_score is not None:
        return same_for_all(codes, options.min_score)
    if candidates:
        return same_for_all(codes, AMONG_CANDIDATES)
    return least_scores(codes, letters, options.model)
