"""The two views of a release, which have to agree."""

from __future__ import annotations

from curation.gate.data.corpus import Corpus
from curation.gate.verdict import Check, compare


def check_views(corpus: Corpus) -> Check:
    """Both views hold the same rows in the same order: people train on one, the gate's model on the other."""
    wrong = [f"{split} of {language}" for language, split in corpus.differing]
    metric = "splits of a language whose two views differ"
    return compare("data.views", "data", metric, len(wrong), "==", 0, detail="; ".join(wrong[:5]))
