"""Random passages for records that mining left short."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows, positions_in_runs
from curation.ngrams import mix

Keys = npt.NDArray[np.uint64]
Pairs = tuple[Rows, Rows]

FIRST_WINDOW = 256
_GROWTH = 8
_BLOCK_CELLS = 1 << 21


def draw_passages(record_keys: Keys, passage_keys: Keys, missing: Rows, barred: Pairs) -> Pairs:
    """Draw distinct random passages for each record.

    The passages lie on a ring in order of their keys. A record looks at a window of the ring that begins at its own
    key, and takes those with the smallest hash of (record, passage). Where too few are allowed the window grows, up
    to the whole ring: a record is left short only if the pool has no more for it. A draw is a function of the keys,
    and changes little when passages come or go.

    Args:
        record_keys: a random number of each record, uint64, shape (n,).
        passage_keys: a random number of each passage, uint64, shape (N,).
        missing: passages wanted for each record, at least 1, int64, shape (n,).
        barred: pairs of record and passage that must not be drawn, in any order.

    Returns:
        Pairs of record (ascending) and passage; `missing` of each record, or all that are allowed.
    """
    ring = np.argsort(passage_keys, kind="stable")
    places = np.searchsorted(passage_keys[ring], record_keys)
    order = np.argsort(barred[0], kind="stable")
    task = _Task(record_keys, passage_keys, missing, (barred[0][order], barred[1][order]), ring, places)
    waiting, window = np.arange(len(record_keys)), min(FIRST_WINDOW, len(ring))
    drawn = [(waiting[:0], waiting[:0])]
    while len(waiting) and window:
        owners, passages = task.draw(waiting, window)
        is_final = (np.bincount(owners, minlength=len(missing)) >= missing) | (window == len(ring))
        drawn.append((owners[is_final[owners]], passages[is_final[owners]]))
        waiting = waiting[~is_final[waiting]]
        window = min(window * _GROWTH, len(ring))
    owners, passages = (np.concatenate(arrays) for arrays in zip(*drawn, strict=True))
    order = np.argsort(owners, kind="stable")
    return owners[order], passages[order]


@dataclass(frozen=True, slots=True)
class _Task:
    record_keys: Keys
    passage_keys: Keys
    missing: Rows
    barred: Pairs
    ring: Rows
    places: Rows

    def draw(self, records: Rows, window: int) -> Pairs:
        """Draw for `records` (ascending) from a window each, in blocks that bound memory."""
        blocks = np.array_split(records, -(-len(records) * window // _BLOCK_CELLS))
        owners, passages = zip(*(self._draw_block(block, window) for block in blocks), strict=True)
        return np.concatenate(owners), np.concatenate(passages)

    def _draw_block(self, records: Rows, window: int) -> Pairs:
        places = (self.places[records, None] + np.arange(window)) % len(self.ring)
        owners, passages = np.repeat(records, window), self.ring[places.ravel()]
        allowed = ~self._is_barred(records, owners, passages)
        owners, passages = owners[allowed], passages[allowed]
        draws = mix(self.record_keys[owners] ^ mix(self.passage_keys[passages]))
        order = np.lexsort((passages, draws, owners))
        owners, passages = owners[order], passages[order]
        taken = positions_in_runs(owners) < self.missing[owners]
        return owners[taken], passages[taken]

    def _is_barred(self, records: Rows, owners: Rows, passages: Rows) -> npt.NDArray[np.bool_]:
        first, last = np.searchsorted(self.barred[0], (records[0], records[-1] + 1))
        count = len(self.ring)
        codes = self.barred[0][first:last] * count + self.barred[1][first:last]
        return np.isin(owners * count + passages, codes)
