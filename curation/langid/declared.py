"""The check of declared languages: by the script, and by a near-certain other language that is no close relative."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.decide import in_han_variant
from curation.langid.evidence import Beliefs, blocks, look
from curation.langid.findings import LANGUAGE_MISMATCH, SCRIPT_MISMATCH, Findings, Floats, Scores
from curation.langid.model import Model, load
from curation.langid.scope import Bools, Codes, scope_of
from curation.langid.scripts import LetterCounts, fits
from curation.langid.thresholds import UNCALIBRATED
from language_configs import Language, confusable, in_all_scripts
from language_configs.scripts import members

# A text is in another script than its language's when fewer of its letters than this are in the latter: names and
# terms in Latin letters are at home in any script.
MIN_SCRIPT_SHARE = 0.2
# A declaration is evidence too: how much likelier the declared language is than without it.
DECLARED_ODDS = 100
# Fewer letters than this are evidence of no script.
MIN_SCRIPT_LETTERS = 2


def check(texts: pa.Array, declared: Language, options: Identify) -> Findings:
    """Check texts that went through `prepare` and whose language is declared.

    The label stays as declared, in the script that the text shows; `seen` says what a contradicted text looks like.
    """
    coded = texts.dictionary_encode()
    model = load(options.model)
    parts = [
        check_beliefs(look(coded.dictionary[rows], model), declared, options) for rows in blocks(len(coded.dictionary))
    ]
    return Findings.joined(parts).take(coded.indices.to_numpy())


def check_beliefs(beliefs: Beliefs, declared: Language, options: Identify) -> Findings:
    """Check texts of which it is known what they show; see `check`."""
    model, systems = load(options.model), beliefs.systems
    variants = {system: _variant(declared, system) for system in set(systems)}
    findings = Findings.of(np.array([variants[system] for system in systems], dtype=object))
    known = {code: code in model.codes() for code in variants.values()}
    is_known = np.array([known[code] for code in findings.codes], dtype=np.bool_)
    others, likely, own = _opinions(beliefs, model, declared)
    others[likely < (UNCALIBRATED if options.min_score is None else options.min_score)] = ""
    findings.scores[:] = np.where(is_known, own, np.nan)
    findings.seen[:], findings.seen_scores[:] = others, np.where(others == "", 0, likely)
    unclear = others == ""
    findings.seen[unclear] = [f"und_{system}" for system in systems[unclear]]
    han = np.flatnonzero(systems == "Hani")
    findings.seen[han] = in_han_variant(beliefs.texts.take(pa.array(han)), findings.seen[han], scope_of(model))

    shares, letters = _script_shares(beliefs.counts, declared), beliefs.counts.total()
    foreign = (shares < MIN_SCRIPT_SHARE) & (letters >= MIN_SCRIPT_LETTERS)
    findings.object_to(np.flatnonzero(foreign), SCRIPT_MISMATCH, shares[foreign], MIN_SCRIPT_SHARE)
    contradicted = ~foreign & ~unclear & is_known & (letters >= options.min_letters)
    contradicted &= likely >= np.float32(options.min_veto_score)
    rows = np.flatnonzero(contradicted)
    findings.object_to(rows, LANGUAGE_MISMATCH, likely[rows].astype(np.float64), options.min_veto_score)
    return findings


def _variant(declared: Language, system: str) -> str:
    """Return the declared language in the script that the text shows, if it is written in it."""
    if fits(declared.script, system):
        return declared.code
    return next((item.code for item in in_all_scripts(declared) if fits(item.script, system)), declared.code)


def _script_shares(counts: LetterCounts, declared: Language) -> Floats:
    """Return the share of letters that are in any of the language's scripts, shape (n,); 1 where there are none."""
    scripts = {name for script in declared.scripts for name in members(script)}
    total = counts.total()
    return np.where(total == 0, 1.0, counts.of(scripts) / np.maximum(total, 1))


def _opinions(beliefs: Beliefs, model: Model, declared: Language) -> tuple[Codes, Scores, Scores]:
    """Return what the model thinks of texts of one declared language, shapes (n,).

    Returns:
        The likeliest language, empty where it is the declared one, a close relative, or in another script than the
        text; its probability together with its own relatives', between which there is no need to choose, in view of
        the declaration; and that of the declared one, in whatever script (0 if it is not among the likeliest), without
        it.
    """
    relatives = confusable(declared.base)
    own = _meaning_one_of(model, frozenset({declared.base}))
    whole = beliefs.mass.sum(axis=1) + beliefs.rest
    shares = beliefs.mass / np.where(whole > 0, whole, 1)[:, None]
    labels = shares.argmax(axis=1)
    others = np.full(len(labels), "", dtype=object)
    likely = np.zeros(len(labels), dtype=np.float32)
    # Summed row by row: a matrix product adds up in an order that depends on how many rows there are.
    for label in np.unique(labels[~own[labels]]).tolist():
        rows = np.flatnonzero(labels == label)
        here = beliefs.systems[rows]
        by_system = {system: _other(model.meanings[label], system, relatives) for system in set(here)}
        others[rows] = [by_system[system] for system in here]
        group = frozenset[str]().union(*(confusable(item.base) for item in model.meanings[label]))
        likely[rows] = (shares[rows] * _meaning_one_of(model, group)).sum(axis=1)
    given = (shares * own).sum(axis=1)
    return others, (likely / (1 + (DECLARED_ODDS - 1) * given)).clip(0, 1), given.clip(0, 1)


@lru_cache(maxsize=1024)
def _meaning_one_of(model: Model, bases: frozenset[str]) -> Bools:
    """Return which labels mean one of the languages (ISO 639-3), shape (m,)."""
    found = [any(item.base in bases for item in meaning) for meaning in model.meanings]
    return np.array(found, dtype=np.bool_)


def _other(meaning: Sequence[Language], system: str, relatives: frozenset[str]) -> str:
    if any(item.base in relatives for item in meaning):
        return ""
    return next((item.code for item in meaning if fits(item.script, system)), "")
