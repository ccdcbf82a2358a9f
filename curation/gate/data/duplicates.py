"""Pairs that nearly repeat another pair of their language."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.config.gate import Gate
from curation.dedup import near_duplicate_clusters
from curation.gate.data.corpus import Corpus
from curation.gate.verdict import Check, compare, skipped

# Both sides of two pairs share so much of their 5-grams. The pipeline merges from 0.8 on; a word changed in a sentence
# of eight comes down to some 0.6, and there a twentieth of Django's own messages are ("Enter a valid ...").
NEAR_DUPLICATE_JACCARD = 0.6


def check_near_duplicates(corpus: Corpus, options: Gate) -> Check:
    """Few training pairs nearly repeat another of their language; copies that the quota asks for are no fault."""
    name = "data.near_duplicates"
    rows = corpus.train
    if rows is None:
        return skipped(name, "data", "there is no training data")
    repeated, worst = 0, (0.0, "")
    for language, here in corpus.groups(rows.facts["language"]):
        sides = [corpus.folded.take(pa.array(texts[here])) for texts in (rows.anchors, rows.positives)]
        kept = near_duplicate_clusters(sides[0], other_side=sides[1], threshold=NEAR_DUPLICATE_JACCARD).kept
        found = max(0, int((kept != np.arange(len(here))).sum()) - rows.copies.get(language, 0))
        repeated += found
        worst = max(worst, (found / len(here), language))
    metric = f"share of training pairs with 5-gram Jaccard from {NEAR_DUPLICATE_JACCARD} on to another, on both sides"
    detail = f"most in {worst[1]}: {worst[0]:.3f}" if worst[0] else ""
    share, bound = repeated / max(len(rows), 1), options.max_near_duplicate_share
    return compare(name, "data", metric, share, "<=", bound, detail=detail)
