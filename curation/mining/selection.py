"""Taking negatives from the candidates that pass the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows
from curation.mining.rules import Bools, Verdict, Verdicts
from curation.mining.search.candidates import Candidates, Vectors, empty_candidates, fill_candidates
from curation.ngrams import mix

Keys = npt.NDArray[np.uint64]
Check = Callable[[Rows, Rows], Bools]
"""Tells of pairs of query and rank whether the candidate must be rejected, shape (m,)."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What makes random choices a function of ids.

    Attributes:
        queries: a random number of each query, uint64, shape (Q,).
        rows: a random number of each row, uint64, shape (N,).
    """

    queries: Keys
    rows: Keys

    def of(self, candidates: Candidates) -> Keys:
        """Return a random number of each candidate, uint64, shape (Q, k)."""
        passages = mix(self.rows[np.maximum(candidates.rows, 0)])
        return np.asarray(mix(self.queries[:, None] ^ passages))


@dataclass(frozen=True, slots=True)
class Selector:
    """Which of the eligible candidates are taken.

    Attributes:
        wanted: negatives of each query, int64, shape (Q,).
        skip_survivors: of the eligible, the nearest that are left out.
        draw: takes a random sample instead of the nearest.
        hub_cap: how often one row may be taken; queries choose in order of `order`.
        order: the queries in the order in which they choose, int64, shape (Q,); needed with `hub_cap` alone.
        uses: how often each row was taken before, int64, shape (N,), or shorter:
            the last were not taken; likewise.
    """

    wanted: Rows
    skip_survivors: int = 0
    draw: Draw | None = None
    hub_cap: int | None = None
    order: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    uses: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def take(self, candidates: Candidates, verdicts: Verdicts) -> tuple[Bools, Verdicts]:
        """Return which candidates are taken, shape (Q, k), and the verdicts with those that the hub cap rejects."""
        if self.hub_cap is None:
            return self._first(candidates, verdicts == Verdict.ELIGIBLE), verdicts
        verdicts = verdicts.copy()
        uses = np.zeros(max(int(candidates.rows.max(initial=-1)) + 1, len(self.uses)), dtype=np.int64)
        uses[: len(self.uses)] = self.uses
        taken = np.zeros(verdicts.shape, dtype=bool)
        # One after the other: what a query may have depends on what those before it took.
        for query in self.order.tolist():
            part = slice(query, query + 1)
            eligible = verdicts[part] == Verdict.ELIGIBLE
            is_full = eligible & (uses[np.maximum(candidates.rows[part], 0)] >= self.hub_cap)
            verdicts[part][is_full] = Verdict.HUB_CAP
            taken[part] = self._first(candidates, eligible & ~is_full, part)
            uses[candidates.rows[part][taken[part]]] += 1
        return taken, verdicts

    def skipped(self, verdicts: Verdicts) -> Bools:
        """Return the survivors that are left out, of queries that take some at all, shape (Q, k)."""
        if not self.skip_survivors:
            return np.zeros(verdicts.shape, dtype=bool)
        is_eligible: Bools = (verdicts == Verdict.ELIGIBLE) & (self.wanted > 0)[:, None]
        return is_eligible & (np.cumsum(is_eligible, axis=1) <= self.skip_survivors)

    def _first(self, candidates: Candidates, eligible: Bools, part: slice = slice(None)) -> Bools:
        wanted = self.wanted[part, None]
        if self.skip_survivors:
            eligible = eligible & (np.cumsum(eligible, axis=1) > self.skip_survivors)
        if self.draw is None:
            return eligible & (np.cumsum(eligible, axis=1) <= wanted)
        some = Candidates(candidates.rows[part], candidates.scores[part])
        drawn = Draw(self.draw.queries[part], self.draw.rows).of(some)
        # Ranks of the draws: those that are not eligible come last.
        places = np.argsort(np.lexsort((some.rows, drawn, ~eligible), axis=1), axis=1, kind="stable")
        return eligible & (places < wanted)


def select(
    candidates: Candidates, verdicts: Verdicts, selector: Selector, checks: dict[Verdict, Check]
) -> tuple[Bools, Verdicts]:
    """Select, and select again until everything that is taken has passed the costly checks as well.

    Args:
        candidates: rows and scores, shape (Q, k), best first.
        verdicts: values of `Verdict`, shape (Q, k).
        selector: what is taken of the eligible.
        checks: what is asked of candidates only when they would be taken, or left out as survivors, by the verdict on
            those that fail.

    Returns:
        Which candidates are taken, shape (Q, k), and the final verdicts.
    """
    is_checked = np.zeros(verdicts.shape, dtype=bool)
    while True:
        taken, final = selector.take(candidates, verdicts)
        unsure = (taken | selector.skipped(final)) & ~is_checked
        if not checks or not unsure.any():
            return taken, final
        is_checked |= unsure
        verdicts = verdicts.copy()
        for verdict, rejects in checks.items():
            queries, ranks = np.nonzero(unsure & (verdicts == Verdict.ELIGIBLE))
            verdicts[queries, ranks] = np.where(rejects(queries, ranks), verdict, Verdict.ELIGIBLE)


def as_matrix(candidates: Candidates, taken: Bools, num_negatives: int) -> tuple[Rows, Vectors]:
    """Return the taken rows, int64, and their scores, float32, hardest first, shape (Q, n); -1 and -inf fill up."""
    chosen = empty_candidates(len(candidates.rows), num_negatives)
    fill_candidates(chosen, np.nonzero(taken)[0], candidates.rows[taken], candidates.scores[taken])
    return chosen.rows, chosen.scores


def count_verdicts(verdicts: Verdicts) -> npt.NDArray[np.int32]:
    """Return how many candidates of each query have each verdict, shape (Q, number of verdicts)."""
    counts = np.stack([np.count_nonzero(verdicts == verdict, axis=1) for verdict in Verdict], axis=1)
    return counts.astype(np.int32)
