"""Searching so that it can be taken up again: what is large is cut into units that are kept in a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curation.mining.ragged import Exclusions
from curation.mining.search.candidates import Candidates
from curation.mining.search.corpus import Corpus
from curation.mining.search.exact import nearest
from curation.mining.search.units import nearest_resumable
from curation.notes import tell

LEAST_PAIRS = 1 << 32
"""Pairs from which a search is worth keeping: below, it takes a minute."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """What finds the nearest vectors.

    Attributes:
        folder: where finished units are kept, or None.
        contents: a digest of all that vectors depend on: teacher, precision, and the texts in order.
    """

    folder: Path | None = None
    contents: str = ""

    def nearest(self, queries: Corpus, passages: Corpus, k: int, excluded: Exclusions) -> Candidates:
        """Return the k nearest; see `curation.mining.search.exact.nearest`."""
        if self.folder is None or queries.shape[0] * passages.shape[0] < LEAST_PAIRS:
            return nearest(queries, passages, k, excluded)
        key = self._key(queries, passages, excluded)
        return nearest_resumable(queries, passages, k, excluded, self.folder, key=key, progress=_note)

    def _key(self, queries: Corpus, passages: Corpus, excluded: Exclusions) -> str:
        digest = hashlib.blake2b(self.contents.encode(), digest_size=16)
        # Which of the vectors they are: subsets know their rows.
        for corpus in (queries, passages):
            rows = getattr(corpus, "places", getattr(corpus, "rows", None))
            digest.update(np.asarray(corpus.shape).tobytes() if rows is None else rows.tobytes())
        for lists in (excluded.keys, excluded.rows):
            digest.update(lists.values.tobytes())
            digest.update(lists.offsets.tobytes())
        return digest.hexdigest()


def _note(done: int, total: int, pairs_per_second: float) -> None:
    tell(f"search: {done:,} of {total:,} units, {pairs_per_second / 1e9:.1f} G pairs a second")
