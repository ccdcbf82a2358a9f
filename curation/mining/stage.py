"""Hard negatives for the records of one partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.mining import LEXICAL, Mining, PoolQuota
from curation.hashing import priority
from curation.mining.anchors import Anchors, find_anchors
from curation.mining.assemble import Chosen, Findings, with_negatives
from curation.mining.competence import find_recalls
from curation.mining.encoder import Encoder, second_opinion
from curation.mining.fill import fill
from curation.mining.leaving import leaving_rows
from curation.mining.miner import Mined, Miner, without_near_given
from curation.mining.policies import Policies, Strings
from curation.mining.pool import Pool, build_pool, column
from curation.mining.pools import pools_of
from curation.mining.ragged import Rows, groups_of
from curation.mining.rules import Bools
from curation.mining.scopes import searches
from curation.mining.search.candidates import Vectors
from curation.mining.selection import Draw
from curation.mining.spaces import DenseSpace, Space
from curation.mining.thresholds import find_thresholds
from curation.outcome import Outcome
from curation.quota.selection import is_preselected, over_quota

STAGE = "mine"
# How much deeper than `top_k` each try of `on_shortage: relax` looks.
_DEEPER = 4
_DEEPEST = 64


def mine_records(
    records: pa.Table,
    options: Mining,
    *,
    seed: int,
    policies: Policies | None = None,
    encoder: Encoder | None = None,
    apart: Sequence[str] = (),
    pools: pa.Table | None = None,
) -> Outcome:
    """Give each record of a partition its negatives.

    A pool is the distinct positives of one split, so that no held-out text becomes a negative in training, and where
    no search leaves a language or a source, of one language or source. The result of a pool depends on nothing but its
    own records.

    Args:
        records: rows of `RECORD_SCHEMA` with a column `split`, in any order; further columns are carried along. Where
            `curation.quota.selection.preselect_rows` has chosen among them, only the chosen ones are mined.
        options: the config's `mining` section.
        seed: what random passages are drawn with.
        policies: what happens where negatives are missing; by default as the options say.
        encoder: what embeds; by default no vector is kept.
        apart: sources each of which is a pool of its own, so that its texts are nobody else's negatives.
        pools: how pools are divided (`curation.mining.pools.plan_pools`); by default none is.

    Returns:
        The records in order of id, where `negatives` has exactly `num_negatives` texts: given ones first, then
        mined ones pool by pool from the hardest down, then what fills up; and `licence` is that of all its texts. New
        columns, the first five as long as `negatives`:

        - `negative_ids`: a record that has the text as its positive; empty for given ones
        - `negative_scores`, `negative_ranks`: of the search, from 1; null for given and random ones
        - `negative_origins`: `given`, `lexical`, `dense`, `both` or `random`
        - `negative_languages`: empty for given ones
        - `mined`: how many different ones were mined
        - `positive_score`, `positive_rank`: of the positive with the anchor; the rank is null where the positive is
          the anchor or in none of the record's pools
        - `possible_ids`, `possible_scores`: candidates that may be positives themselves
        - `candidates`: how many candidates were eligible, and how many each rule rejected
        - `shortage`: empty, or what was done about it: `padded`, `kept` (negatives repeat) or `relaxed`
        - `self_match`: whether the query was among the passages
        - `teacher`, `teacher_recall`: what scored, and how often it finds the right passage in this language

        The ledger has the records for which there are not enough (`negative_shortage`), whose positive ranks too low
        (`inconsistent_pair`), which were not chosen (`over_quota`), and, quarantined, those that the teacher has no
        vector for (`not_embeddable`).

    Raises:
        ConfigError: if a lexical teacher is asked to compare texts of two languages.
        CurationError: if the teacher cannot be loaded.
    """
    ordered = records.sort_by("id").combine_chunks()
    policies, encoder = policies or Policies(options.on_shortage, {}), encoder or Encoder(options.teacher)
    run = _Run(options, seed, policies, encoder, tuple(apart), pools)
    outcomes = [run.mine(part, teacher, recalls) for part, teacher, recalls in run.parts(ordered)]
    if not outcomes:
        return run.mine(ordered, LEXICAL, np.empty(0, dtype=np.float32))
    mined = pa.concat_tables([outcome.records for outcome in outcomes])
    return Outcome.join(mined.sort_by("id"), *(outcome.ledger for outcome in outcomes))


@dataclass(frozen=True, slots=True)
class _Run:
    options: Mining
    seed: int
    policies: Policies
    encoder: Encoder
    apart: tuple[str, ...]
    pools: pa.Table | None

    def parts(self, ordered: pa.Table) -> Iterator[tuple[pa.Table, str, Vectors]]:
        """Yield the records of each pool with their teacher and its recall in their languages."""
        # One partition may hold several pools, and must give each what it would get alone.
        numbers = pools_of(ordered, self.pools, self.options)
        recalls, is_weak = self._recalls(ordered, numbers)
        for weak in (False, True):
            rows = np.flatnonzero(is_weak == weak)
            part = ordered.take(pa.array(rows))
            # Where words are compared, a pool is of one language.
            names = ["split", "positive_language"] if weak else ["split"]
            teacher = LEXICAL if weak else self.options.teacher.model
            for members in _groups(part, numbers[rows], names, self.apart):
                yield part.take(pa.array(members)).combine_chunks(), teacher, recalls[rows][members]

    def _recalls(self, ordered: pa.Table, numbers: Rows) -> tuple[Vectors, Bools]:
        """Return how often the teacher is right in each record's language, and whether that is too seldom."""
        fallback = self.options.fallback
        recalls = np.full(ordered.num_rows, np.nan, dtype=np.float32)
        if fallback is None:
            return recalls, np.zeros(ordered.num_rows, dtype=bool)
        recalls = find_recalls(ordered, self.encoder, self.seed, within=numbers)
        return recalls, recalls < np.float32(fallback.min_recall)

    def mine(self, records: pa.Table, teacher: str, recalls: Vectors) -> Outcome:
        """Mine the records of one pool; what was not chosen for mining only tells which texts go together."""
        chosen = is_preselected(records)
        records, others = records.filter(pa.array(chosen)), records.filter(pa.array(~chosen))
        recalls = recalls[chosen]
        options = _within_language(self.options) if teacher != self.options.teacher.model else self.options
        pool = without_near_given(build_pool(records, options.num_negatives, others))
        anchors = find_anchors(records, pool, options, teacher)
        space = self.encoder.build(teacher, pool.texts, anchors.queries)
        draw = Draw(
            priority(column(records, "id").to_pylist(), "mine:record", self.seed),
            priority(pool.ids.to_pylist(), "mine:passage", self.seed),
        )
        positives = _positive_scores(space, pool, anchors)
        # Where a positive is its own anchor, its score says nothing about those of others.
        known = np.where(anchors.on_positive[0], np.float32(np.nan), positives[0])
        bounds = find_thresholds(records, pool, space, anchors.sides[0], known, options, draw.queries)
        opinion = second_opinion(options, records, pool)
        hubness = None
        if options.csls is not None and isinstance(space, DenseSpace):
            # Of all anchors, whoever is searched for, and when: blocks and retries must not matter.
            hubness = space.hubness(anchors.sides[0], options.csls)
        miner = Miner(pool, space, anchors, options, positives, bounds, draw, opinion, hubness)
        outcome = self._finish(records, miner, recalls)
        ledger = [over_quota(others, stage=STAGE)] if others.num_rows else []
        return Outcome.join(outcome.records, outcome.ledger, *ledger)

    def _finish(self, records: pa.Table, miner: Miner, recalls: Vectors) -> Outcome:
        pool, options = miner.pool, miner.options
        lacking = options.num_negatives - np.bincount(pool.given.owners, minlength=records.num_rows)
        policies = self.policies.of_records(records)
        wanted = _hard(records, lacking, options)
        mined, is_relaxed = _mine(records, miner, wanted, policies)
        chosen, shortages = fill(records, miner, mined.chosen, lacking, wanted, policies)
        shortages[is_relaxed & (shortages == "")] = "relaxed"
        findings = Findings(
            positive_scores=np.nan_to_num(miner.positive_scores[0], nan=0.0),
            positive_ranks=mined.positive_ranks,
            verdicts=mined.verdicts,
            possible=mined.possible,
            shortages=shortages,
            teachers=np.full(records.num_rows, miner.space.teacher, dtype=object),
            recalls=recalls,
            self_matches=pool.self_matches,
        )
        found = np.bincount(chosen.owners, minlength=records.num_rows)
        leaving = leaving_rows(records, miner, mined, lacking, found)
        stays = np.ones(records.num_rows, dtype=bool)
        for rows, _ in leaving:
            stays[rows] = False
        whole = with_negatives(records, pool, chosen, findings, options.num_negatives)
        return Outcome.join(whole.filter(pa.array(stays)), *(ledger for _, ledger in leaving))


def _within_language(options: Mining) -> Mining:
    """Return the options for a teacher that compares texts of one language."""
    changes = {"pools": [PoolQuota()], "candidates": "dense", "csls": None, "anchor": "auto"}
    return options.model_copy(update=changes)


def _groups(records: pa.Table, numbers: Rows, names: list[str], apart: Sequence[str]) -> list[Rows]:
    """Return the rows of each pool: equal in some columns, and of one source where that is to be by itself."""
    sources = column(records, "source")
    alone = pc.if_else(pc.is_in(sources, pa.array(apart, pa.string())), sources, "")
    pools = pa.array(numbers).cast(pa.string())
    keys = pc.binary_join_element_wise(pools, *(column(records, name) for name in names), alone, "\0")
    return groups_of(keys.dictionary_encode().indices.to_numpy())


def _positive_scores(space: Space, pool: Pool, anchors: Anchors) -> tuple[Vectors, ...]:
    scores = []
    for places, on_positive in zip(anchors.sides, anchors.on_positive, strict=True):
        of_side = space.scores(places, pool.entries)
        of_side[on_positive] = 1.0
        scores.append(of_side)
    return tuple(scores)


def _hard(records: pa.Table, lacking: Rows, options: Mining) -> Rows:
    """Return how many negatives of each record are to be hard."""
    limits = {str(task): count for task, count in options.negatives_by_task.items()}
    of_task = [limits.get(task, options.num_negatives) for task in column(records, "task").to_pylist()]
    return np.minimum(lacking, np.array(of_task, dtype=np.int64))


def _mine(records: pa.Table, miner: Miner, wanted: Rows, policies: Strings) -> tuple[Mined, Bools]:
    """Return what is found, looking deeper for the records that want it, and which those are."""
    # The rank of a positive is known of what was searched for alone.
    sought = (wanted > 0) | (miner.options.max_positive_rank is not None)
    mined = miner.mine(searches(records, miner.pool, wanted, miner.options, sought=sought))
    is_relaxed = np.zeros(len(wanted), dtype=bool)
    depth = 1
    while depth < _DEEPEST and depth * miner.options.top_k < len(miner.pool.texts):
        missing = wanted - np.bincount(mined.chosen.owners, minlength=len(wanted))
        short = (policies == "relax") & (missing > 0)
        if not short.any():
            break
        depth *= _DEEPER
        again = miner.mine(
            searches(records, miner.pool, np.where(short, wanted, 0), miner.options),
            depth=depth,
            beside=mined.chosen.take(~short[mined.chosen.owners]),
        )
        mined, is_relaxed = _replace(mined, again, short), is_relaxed | short
    return mined, is_relaxed


def _replace(mined: Mined, again: Mined, rows: Bools) -> Mined:
    verdicts, ranks = mined.verdicts.copy(), mined.positive_ranks.copy()
    verdicts[rows], ranks[rows] = again.verdicts[rows], again.positive_ranks[rows]
    chosen = Chosen.join([mined.chosen.take(~rows[mined.chosen.owners]), again.chosen])
    possible = Chosen.join([mined.possible.take(~rows[mined.possible.owners]), again.possible])
    return Mined(chosen, possible, verdicts, ranks)
