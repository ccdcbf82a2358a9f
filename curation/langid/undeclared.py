"""The identification of undeclared languages: among what the source lets expect, with the other side as evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.code import UNDETERMINED as UNDETERMINED_CODE
from curation.langid.code import identify_code
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


def find_code(texts: pa.Array, candidates: Sequence[str]) -> tuple[Codes, Scores]:
    """Return the programming language of undeclared texts as they were read, "" where they are in none; shapes (n,)."""
    wanted = [code for code in candidates if _is_programming(code)]
    labels, scores = identify_code(texts, candidates=wanted)
    codes: Codes = np.array([label if label != UNDETERMINED_CODE else "" for label in labels], dtype=object)
    return codes, scores


def may_be_code(task: str, candidates: Sequence[str]) -> bool:
    """Tell whether undeclared texts of a source can be program code: if it names some, or is of code and names none."""
    return any(map(_is_programming, candidates)) if candidates else task == "code"


def _is_programming(code: str) -> bool:
    return resolve(code).kind == "programming"


def find(texts: pa.Array, options: Identify, candidates: Sequence[str], other: str, relation: Relation) -> Findings:
    """Identify texts that went through `prepare` and whose other side is declared to be in the language `other`."""
    natural = _natural(candidates)
    if natural is None:
        return _nothing(texts)
    coded = texts.dictionary_encode()
    scope = scope_of(load(options.model), natural)
    answer = identify_prepared(coded.dictionary, scope, expected_of(resolve(other).base, scope, relation))
    return _findings(coded.dictionary, answer, options, candidates).take(coded.indices.to_numpy())


def find_pairs(
    queries: pa.Array, positives: pa.Array, options: Identify, candidates: Sequence[str], relation: Relation
) -> tuple[Findings, Findings]:
    """Identify both sides of pairs that went through `prepare`, neither of which is declared."""
    natural = _natural(candidates)
    if natural is None:
        return _nothing(queries), _nothing(positives)
    scope = scope_of(load(options.model), natural)
    answers = identify_prepared_pairs(queries, positives, scope, scope, relation)
    sides = zip((queries, positives), answers, strict=True)
    query, positive = (_findings(texts, answer, options, candidates) for texts, answer in sides)
    return query, positive


def _natural(candidates: Sequence[str]) -> frozenset[str] | None:
    """Return the natural languages among candidates: nothing for any language, None where all are for programming."""
    natural = frozenset(code for code in candidates if not _is_programming(code))
    return None if candidates and not natural else natural


def _nothing(texts: pa.Array) -> Findings:
    """Return what there is to say about texts that can be in no natural language."""
    findings = Findings.of(np.array([f"und_{system}" for system in letter_counts(texts).dominant()], dtype=object))
    rows = np.arange(len(texts))
    findings.scores[:] = findings.seen_scores[:] = 0
    findings.object_to(rows, UNDETERMINED, np.zeros(len(texts)), NEVER)
    return findings


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
