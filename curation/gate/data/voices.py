"""What the language identifier says of a sample of pairs: each text under its own label and under its partner's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.model import Identify
from curation.gate.data.corpus import Corpus, Rows
from curation.hashing import priority
from curation.langid.declared import MIN_SCRIPT_LETTERS, MIN_SCRIPT_SHARE, check_glance
from curation.langid.evidence import glance
from curation.langid.findings import NO_REASON
from curation.langid.model import load
from curation.langid.prepare import prepare
from language_configs import resolve
from language_configs.scripts import members

# Pairs of one source and one pair of languages that are asked about: enough to tell 0.05 from 0.15.
SAMPLE_PAIRS = 100

_CODE = "_Zzzz"

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of n sampled pairs.

    Attributes:
        language: that all these texts are said to be in.
        is_known: whether the model knows it.
        contradicted: which texts are in another script, or near-certainly in another language that is no relative.
        seen: the language that each text near-certainly is in, no relative of the declared one; empty where unclear.
        own: probability of the declared language, shape (n,); 0 where the model does not know it.
        partner: probability of the other side's language, likewise.
    """

    language: str
    is_known: bool
    contradicted: Bools
    seen: npt.NDArray[np.object_]
    own: Floats
    partner: Floats


@dataclass(frozen=True, slots=True)
class Voices:
    """The sampled pairs of one source, language and pair of declared languages."""

    source: str
    language: str
    anchors: Side
    positives: Side


def listen(corpus: Corpus, rows: Rows, options: Identify) -> Iterator[Voices]:
    """Yield what the model says of a sample of each source and pair of natural languages."""
    facts = [rows.facts[name] for name in ("source", "language", "query_language", "positive_language")]
    kinds, numbers = np.unique(np.column_stack(facts), axis=0, return_inverse=True)
    usable = ~corpus.is_labelled(rows)
    for kind, names in enumerate(kinds):
        source, language, query, positive = (corpus.names[name] for name in names)
        here = _sample(corpus, rows, np.flatnonzero((numbers.ravel() == kind) & usable))
        if len(here) and not query.endswith(_CODE) and not positive.endswith(_CODE):
            texts = [prepare(corpus.texts.take(pa.array(side[here]))) for side in rows.raw]
            yield Voices(
                source,
                language,
                _side(texts[0], query, positive, options),
                _side(texts[1], positive, query, options),
            )


def _sample(corpus: Corpus, rows: Rows, here: Int64s) -> Int64s:
    """Return the rows with the least hashes of their texts."""
    if len(here) <= SAMPLE_PAIRS:
        return here
    texts = zip(*(corpus.texts.take(pa.array(side[here])).to_pylist() for side in rows.raw), strict=True)
    order = np.argsort(priority(map("\x1f".join, texts), "gate voices", 0), kind="stable")
    return np.sort(here[order[:SAMPLE_PAIRS]])


def _side(texts: pa.Array, language: str, partner: str, options: Identify) -> Side:
    model = load(options.model)
    seen, whole = glance(texts, model), np.zeros(len(texts), dtype=np.int64)
    found, other = (check_glance(seen, (resolve(code),), whole, options) for code in (language, partner))
    letters = seen.counts.total()
    is_long = letters >= options.min_letters
    # A release says in which script a text is: Bengali in Latin letters has a label of its own.
    in_script = seen.counts.of(members(resolve(language).script)) >= MIN_SCRIPT_SHARE * letters
    others = np.where((found.seen_scores >= np.float32(options.min_veto_score)) & is_long, found.seen, "")
    return Side(
        language,
        resolve(language).code in model.codes(),
        (found.reasons != NO_REASON) | (~in_script & (letters >= MIN_SCRIPT_LETTERS)),
        others,
        np.nan_to_num(found.scores.astype(np.float64)),
        np.nan_to_num(other.scores.astype(np.float64)),
    )
