"""The check of declared languages: by the script, and by a near-certain other language that is no close relative."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from curation.config.model import Identify
from curation.langid.answers import sums
from curation.langid.decide import in_han_variant
from curation.langid.evidence import Glance, blocks, glance
from curation.langid.findings import LANGUAGE_MISMATCH, SCRIPT_MISMATCH, Findings, Floats, Rows, Scores
from curation.langid.model import Model, load
from curation.langid.scope import Bools, Codes, scope_of
from curation.langid.scripts import LetterCounts, fits, letter_counts
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

# Texts that are looked at at a time: with a few numbers each, not one for every label, they may be many.
GLANCE_ROWS = 4_096


def check(texts: pa.Array, declared: Language, options: Identify) -> Findings:
    """Check texts that went through `prepare` and whose language is declared.

    The label stays as declared, in the script that the text shows; `seen` says what a contradicted text looks like,
    and nothing of others.
    """
    return check_each(texts, (declared,), np.zeros(len(texts), dtype=np.int64), options)


def check_each(texts: pa.Array, languages: Sequence[Language], numbers: Rows, options: Identify) -> Findings:
    """Likewise, for texts in different languages.

    Args:
        texts: the texts, shape (n,).
        languages: the languages that are declared, each once.
        numbers: which of them each text is declared to be in, shape (n,).
        options: the section `identify` of the config.
    """
    coded = texts.dictionary_encode()
    count = max(len(coded.dictionary), 1)
    # By language: what the model looks up for one text is then still near the processor for the next.
    distinct, places = np.unique(numbers * count + coded.indices.to_numpy(), return_inverse=True)
    declared, rows = np.divmod(distinct, count)
    model, parts = load(options.model), []
    for here in blocks(len(distinct), GLANCE_ROWS):
        present, which = np.unique(declared[here], return_inverse=True)
        spoken, block = [languages[each] for each in present.tolist()], coded.dictionary.take(pa.array(rows[here]))
        counts = letter_counts(block)
        # What the model thinks of a text in a language that it does not know counts only if the script is another.
        asked = _variants(counts, spoken, which, model)[1] | _foreign(counts, spoken, which)[0]
        parts.append(check_glance(glance(block, model, counts, asked), spoken, which, options))
    return Findings.joined(parts).take(places)


def check_glance(seen: Glance, languages: Sequence[Language], numbers: Rows, options: Identify) -> Findings:
    """Check texts of which it is known what they show; see `check_each`."""
    model = load(options.model)
    variants, is_known = _variants(seen.counts, languages, numbers, model)
    findings = Findings.of(variants)
    others, likely, own = _opinions(seen, model, languages, numbers)
    others[likely < (UNCALIBRATED if options.min_score is None else options.min_score)] = ""
    unclear = others == ""
    findings.scores[:] = np.where(is_known, own, np.nan)
    undetermined = np.array([f"und_{system}" for system in seen.systems], dtype=object)[seen.system_numbers]
    findings.seen[:], findings.seen_scores[:] = np.where(unclear, undetermined, others), np.where(unclear, 0, likely)
    if "Hani" in seen.systems:
        han = np.flatnonzero((seen.system_numbers == seen.systems.index("Hani")) & ~unclear)
        findings.seen[han] = in_han_variant(seen.texts.take(pa.array(han)), findings.seen[han], scope_of(model))

    (foreign, shares), letters = _foreign(seen.counts, languages, numbers), seen.counts.total()
    findings.object_to(np.flatnonzero(foreign), SCRIPT_MISMATCH, shares[foreign], MIN_SCRIPT_SHARE)
    contradicted = ~foreign & ~unclear & is_known & (letters >= options.min_letters)
    contradicted &= likely >= np.float32(options.min_veto_score)
    rows = np.flatnonzero(contradicted)
    findings.object_to(rows, LANGUAGE_MISMATCH, likely[rows].astype(np.float64), options.min_veto_score)
    return findings


def _variants(counts: LetterCounts, languages: Sequence[Language], numbers: Rows, model: Model) -> tuple[Codes, Bools]:
    """Return each text's declared language in the script that it shows, and whether the model knows it; shapes (n,)."""
    systems, system_numbers = counts.systems()
    kinds, kind_of = np.unique(numbers * len(systems) + system_numbers, return_inverse=True)
    pairs = [divmod(kind, len(systems)) for kind in kinds.tolist()]
    variants = [_variant(languages[number], systems[system]) for number, system in pairs]
    is_known = np.array([code in model.codes() for code in variants], dtype=np.bool_)
    return np.array(variants, dtype=object)[kind_of], is_known[kind_of]


def _variant(declared: Language, system: str) -> str:
    """Return the declared language in the script that the text shows, if it is written in it."""
    if fits(declared.script, system):
        return declared.code
    return next((item.code for item in in_all_scripts(declared) if fits(item.script, system)), declared.code)


def _foreign(counts: LetterCounts, languages: Sequence[Language], numbers: Rows) -> tuple[Bools, Floats]:
    """Return which texts are in another script than their language's, and their `_script_shares`; shapes (n,)."""
    shares = _script_shares(counts, languages, numbers)
    return (shares < MIN_SCRIPT_SHARE) & (counts.total() >= MIN_SCRIPT_LETTERS), shares


def _script_shares(counts: LetterCounts, languages: Sequence[Language], numbers: Rows) -> Floats:
    """Return the share of letters that are in any of the language's scripts, shape (n,); 1 where there are none."""
    total = counts.total()
    scripts = [{name for script in language.scripts for name in members(script)} for language in languages]
    is_own = np.array([[name in own for name in counts.scripts] for own in scripts], dtype=np.bool_)
    own = (counts.counts * is_own.reshape(len(languages), -1)[numbers]).sum(axis=1)
    return np.where(total == 0, 1.0, own / np.maximum(total, 1))


def _opinions(seen: Glance, model: Model, languages: Sequence[Language], numbers: Rows) -> tuple[Codes, Scores, Scores]:
    """Return what the model thinks of texts of declared languages, shapes (n,).

    Returns:
        The likeliest language, empty where it is the declared one, a close relative, or in another script than the
        text; its probability together with its own relatives', between which there is no need to choose, in view of
        the declaration; and that of the declared one, in whatever script (0 if it is not among the likeliest), without
        it.
    """
    size, labels = len(model.labels), seen.labels
    whole = sums(seen.mass, labels, size) + seen.rest
    whole[whole == 0] = 1
    shares = seen.mass / whole[:, None]
    best = labels[np.arange(len(labels)), shares.argmax(axis=1)]
    is_own = np.stack([_meaning_one_of(model, frozenset({language.base})) for language in languages])
    given = sums(shares * is_own[numbers[:, None], labels], labels, size)
    others = np.full(len(labels), "", dtype=object)
    likely = np.zeros(len(labels), dtype=np.float32)
    rows = np.flatnonzero(~is_own[numbers, best])
    rivals, rival_of = np.unique(best[rows], return_inverse=True)
    is_kin = np.array([_kin(model, label) for label in rivals.tolist()], dtype=np.bool_).reshape(len(rivals), size)
    likely[rows] = sums(shares[rows] * is_kin[rival_of[:, None], labels[rows]], labels[rows], size)
    keys = (numbers[rows] * size + best[rows]) * len(seen.systems) + seen.system_numbers[rows]
    kinds, kind_of = np.unique(keys, return_inverse=True)
    found = []
    for kind in kinds.tolist():
        (number, label), system = divmod(kind // len(seen.systems), size), kind % len(seen.systems)
        relatives = confusable(languages[number].base)
        found.append(_other(model.meanings[label], seen.systems[system], relatives))
    others[rows] = np.array(found, dtype=object)[kind_of]
    return others, (likely / (1 + (DECLARED_ODDS - 1) * given)).clip(0, 1), given.clip(0, 1)


@lru_cache(maxsize=4096)
def _kin(model: Model, label: int) -> Bools:
    """Return which labels mean a language that is often taken for what `label` means, shape (m,)."""
    bases = frozenset[str]().union(*(confusable(item.base) for item in model.meanings[label]))
    return _meaning_one_of(model, bases)


@lru_cache(maxsize=1024)
def _meaning_one_of(model: Model, bases: frozenset[str]) -> Bools:
    """Return which labels mean one of the languages (ISO 639-3), shape (m,)."""
    found = [any(item.base in bases for item in meaning) for meaning in model.meanings]
    return np.array(found, dtype=np.bool_)


def _other(meaning: Sequence[Language], system: str, relatives: frozenset[str]) -> str:
    if any(item.base in relatives for item in meaning):
        return ""
    return next((item.code for item in meaning if fits(item.script, system)), "")
