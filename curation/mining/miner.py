"""Mining in one pool: search, rules, costly checks, and what is found out on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.mining import Mining
from curation.dedup.kernels import jaccard
from curation.mining.anchors import Anchors
from curation.mining.assemble import NOTHING, Chosen, Int32s
from curation.mining.candidates import Found, find_candidates
from curation.mining.pool import Given, Pool
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.rules import Bools, Rules, Side, Verdict, Verdicts, as_near_as_positive, judge
from curation.mining.scopes import Search
from curation.mining.search.candidates import Candidates, Vectors
from curation.mining.selection import Check, Draw, Selector, count_verdicts, select
from curation.mining.spaces import Space

NEAR_DUPLICATE = 0.8
"""Jaccard similarity of character 5-grams at which a text is too like another, as in deduplication."""
# Candidates that are in memory together, however deep a search looks; a hub cap takes all of a search at once.
_BLOCK_CANDIDATES = 1 << 22
# Pairs of texts that are compared together.
_BLOCK_COMPARISONS = 1 << 20

SecondOpinion = Callable[[Rows, Rows], Bools]
"""Tells of pairs of record and entry whether the entry may be right for the record, shape (m,)."""


@dataclass(frozen=True, slots=True)
class Mined:
    """What mining found for the n records of a pool.

    Attributes:
        chosen: the hard negatives.
        possible: candidates as near as the positive or nearer.
        verdicts: how many candidates had each verdict, int32, shape (n, number of verdicts).
        positive_ranks: rank of each record's positive among its candidates, int32, shape (n,): the first rank that was
            not looked at if it is none of these, 0 where its positive is the anchor or not among the passages.
    """

    chosen: Chosen
    possible: Chosen
    verdicts: Int32s
    positive_ranks: Int32s


@dataclass(frozen=True, slots=True)
class Miner:
    """Everything that mining in one pool needs.

    Attributes:
        pool: the pool.
        space: what scores.
        anchors: whose neighbours are sought.
        options: the config's `mining` section.
        positive_scores: for each side of the anchors, the score of every record's positive, float32, shape (n,).
        thresholds: what a negative of each record must stay below, and what it must reach, float32, shape (n,) each.
        draw: random numbers of records and entries.
        second_opinion: the last word on candidates that would be taken, or None.
        hubness: how near each entry is to the nearest anchors of the pool, float32, shape (E,); needed for CSLS alone.
    """

    pool: Pool
    space: Space
    anchors: Anchors
    options: Mining
    positive_scores: tuple[Vectors, ...]
    thresholds: tuple[Vectors, Vectors]
    draw: Draw
    second_opinion: SecondOpinion | None = None
    hubness: Vectors | None = None

    def mine(self, searches: Iterable[Iterable[Search]], *, depth: int = 1, beside: Chosen = NOTHING) -> Mined:
        """Mine a pool.

        Args:
            searches: those of each quota, which are done in this order.
            depth: how many times as deep as `top_k` is looked.
            beside: what other records have taken already, which counts for the hub cap.

        Returns:
            What these searches find.
        """
        count = len(self.pool.entries)
        rules = replace(Rules.from_options(self.options), top_k=self.options.top_k * depth)
        verdicts = np.zeros((count, len(Verdict)), dtype=np.int32)
        ranks = np.zeros(count, dtype=np.int32)
        uses = np.bincount(beside.entries, minlength=len(self.pool.texts))
        chosen, possible = NOTHING, [NOTHING]
        for quota in searches:
            before, parts = np.sort(self._codes(chosen.owners, chosen.entries)), [chosen]
            for search in (block for whole in quota for block in self._blocks(whole, rules.top_k)):
                found = find_candidates(
                    self.space, self.pool, self.anchors, search, rules.top_k, self.options, self.hubness
                )
                self._rank_positives(search, found, ranks)
                taken, final = self._select(search, found, rules, before, uses)
                uses += np.bincount(found.candidates.rows[taken], minlength=len(uses))
                verdicts[search.records] += count_verdicts(final)
                parts.append(_chosen(search, found.candidates, found.origins, taken))
                possible.append(self._possible(search, found, rules, taken))
            chosen = Chosen.join(parts)
        return Mined(chosen, _first(Chosen.join(possible).distinct(), self.options.keep_possible), verdicts, ranks)

    def _codes(self, records: Rows, entries: Rows) -> Rows:
        return records * len(self.pool.texts) + entries

    def _blocks(self, search: Search, k: int) -> Iterator[Search]:
        size = max(1, _BLOCK_CANDIDATES // max(1, min(k, len(search.entries))))
        if self.options.hub_cap is not None:
            size = max(1, len(search.records))
        for start in range(0, len(search.records), size):
            part = slice(start, start + size)
            yield Search(search.records[part], search.entries, search.wanted[part])

    def _sides(self, search: Search, found: Found) -> list[Side]:
        highest, lowest = (bounds[search.records] for bounds in self.thresholds)
        return [
            Side(scores, positives[search.records], highest, lowest)
            for scores, positives in zip(found.scores, self.positive_scores, strict=True)
        ]

    def _judge(self, search: Search, found: Found, rules: Rules) -> Verdicts:
        """Return the first rule that each candidate breaks, on whichever side."""
        sides = self._sides(search, found)
        verdicts = judge(found.candidates, sides[0], rules)
        for side in sides[1:]:
            verdicts = np.where(verdicts == Verdict.ELIGIBLE, judge(found.candidates, side, rules), verdicts)
        return verdicts

    def _select(self, search: Search, found: Found, rules: Rules, before: Rows, uses: Rows) -> tuple[Bools, Verdicts]:
        """Return what is taken and the verdicts.

        Args:
            search: who seeks where.
            found: what was found.
            rules: the rules.
            before: the pairs that an earlier quota took, as codes, ascending.
            uses: how often each entry was taken by whichever search, shape (E,).
        """
        records, rows = search.records, found.candidates.rows
        verdicts = self._judge(search, found, rules)
        if len(before) and len(records):
            first, last = np.searchsorted(before, self._codes(records[[0, -1]], np.array([0, len(self.pool.texts)])))
            is_taken = (rows >= 0) & np.isin(self._codes(records[:, None], rows), before[first:last])
            verdicts = np.where(is_taken & (verdicts == Verdict.ELIGIBLE), np.int8(Verdict.TAKEN), verdicts)
        checks: dict[Verdict, Check] = {
            Verdict.NEAR_DUPLICATE: lambda queries, ranks: near_right(self.pool, records[queries], rows[queries, ranks])
        }
        opinion = self.second_opinion
        if opinion is not None:
            checks[Verdict.CROSS_ENCODER] = lambda queries, ranks: opinion(records[queries], rows[queries, ranks])
        draw = Draw(self.draw.queries[records], self.draw.rows)
        selector = Selector(
            search.wanted,
            rules.skip_survivors,
            draw if self.options.sampling == "random" else None,
            self.options.hub_cap,
            np.lexsort((records, draw.queries)),
            uses,
        )
        return select(found.candidates, verdicts, selector, checks)

    def _rank_positives(self, search: Search, found: Found, ranks: Int32s) -> None:
        """Note the rank of the positives that are among a search's passages and anchored on their query.

        Where a task has classes there is no rank: other positives of the class are as right as the record's own.
        """
        records = search.records
        is_there = np.isin(self.pool.entries[records], search.entries, assume_unique=False)
        is_there &= ~self.anchors.on_positive[0][records] & (ranks[records] == 0) & (self.pool.labels[records] < 0)
        better = found.nearest > self.positive_scores[0][records, None]
        ranks[records] = np.where(is_there, 1 + np.count_nonzero(better, axis=1), ranks[records])

    def _possible(self, search: Search, found: Found, rules: Rules, taken: Bools) -> Chosen:
        """Return the candidates that may be right themselves, and that no lenient rules have taken all the same."""
        if not self.options.keep_possible:
            return NOTHING
        near = np.zeros(found.candidates.rows.shape, dtype=bool)
        for side in self._sides(search, found):
            near |= as_near_as_positive(side, rules)
        near &= (found.candidates.rows >= 0) & ~taken
        near &= np.cumsum(near, axis=1) <= self.options.keep_possible
        return _chosen(search, found.candidates, found.origins, near)


def without_near_given(pool: Pool) -> Pool:
    """Return the pool without the given negatives that nearly equal their record's query or a right passage of it."""
    given = pool.given
    numbers = len(pool.texts) + len(pool.entries) + np.arange(len(given.owners), dtype=np.int64)
    is_far = ~near_right(pool, given.owners, numbers)
    return replace(pool, given=Given(given.owners[is_far], given.texts.filter(pa.array(is_far))))


def near_right(pool: Pool, records: Rows, entries: Rows) -> Bools:
    """Tell of pairs of record and text whether the text nearly equals the record's query or a right passage of it.

    Args:
        pool: the pool.
        records: shape (m,).
        entries: numbers of texts in `pool.folded`, of which entries are the first, shape (m,).
    """
    near: Bools = _similar(pool, len(pool.texts) + records, entries)
    # The records of one question share their keys and most of their candidates: what they share is compared once.
    positions, keys = pool.right.keys.take(records)
    codes, places = np.unique(keys * len(pool.folded) + entries[positions], return_inverse=True)
    is_near = _near_any(pool, *np.divmod(codes, len(pool.folded)))
    near[positions[is_near[places]]] = True
    return near


def _near_any(pool: Pool, keys: Rows, entries: Rows) -> Bools:
    """Tell of pairs of key and entry whether the entry nearly equals a right passage under the key, shape (m,)."""
    right = pool.right.rows
    is_near = np.zeros(len(keys), dtype=bool)
    blocks = np.cumsum(right.offsets[keys + 1] - right.offsets[keys]) // _BLOCK_COMPARISONS
    for part in np.split(np.arange(len(keys)), np.flatnonzero(np.diff(blocks)) + 1):
        pairs, theirs = right.take(keys[part])
        is_near[part[pairs[_similar(pool, theirs, entries[part][pairs])]]] = True
    return is_near


def _similar(pool: Pool, left: Rows, right: Rows) -> Bools:
    return np.asarray(jaccard([pool.folded], left, right) >= NEAR_DUPLICATE)


def _chosen(search: Search, candidates: Candidates, origins: npt.NDArray[np.int8], taken: Bools) -> Chosen:
    queries, ranks = np.nonzero(taken)
    return Chosen(
        search.records[queries],
        candidates.rows[taken],
        candidates.scores[taken],
        (ranks + 1).astype(np.int32),
        origins[taken],
    )


def _first(chosen: Chosen, limit: int) -> Chosen:
    return chosen.take(positions_in_runs(chosen.owners) < limit)
