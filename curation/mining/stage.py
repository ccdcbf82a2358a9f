"""The stage `mine`: hard negatives from the positives of the same language and split.

A pool is the set of distinct positives of one language in one split; what a record gets depends on its pool alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Mining
from curation.dedup.shingles import jaccard
from curation.errors import ConfigError
from curation.hashing import priority
from curation.ledger import ledger_rows
from curation.mining.dense import unit_vectors
from curation.mining.features import Matrix, Vectoriser, count_features
from curation.mining.lexical import IDENTITY, lexical_nearest, lexical_scores
from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.rules import Rules, judge, select
from curation.mining.search import Candidates, Vectors, nearest, pair_scores
from curation.mining.teachers import load_teacher
from curation.ngrams import mix
from curation.outcome import Outcome
from curation.text import fold

STAGE = "mine"
SHORTAGE = "negative_shortage"

# A passage that shares so much with a positive is taken for the same answer.
NEAR_DUPLICATE_JACCARD = 0.8

_TEXTS = pa.list_(pa.string())
_FIELDS = (
    pa.field("negative_ids", _TEXTS, nullable=False),
    pa.field("negative_scores", pa.list_(pa.float32()), nullable=False),
    pa.field("mined", pa.int16(), nullable=False),
    pa.field("positive_score", pa.float32()),
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The records of one pool, and its distinct passages.

    Attributes:
        records: rows of the record schema, by id, shape (n,).
        own: the passage that is each record's positive, shape (n,).
        folded: folded texts of the passages, shape (p,).
        texts: the passages as the first record by id has them, shape (p,).
        ids: id of that record, shape (p,).
        excluded: passages that are never a negative of a record: its own, others of its group, and its query.
    """

    records: pa.Table
    own: Rows
    folded: pa.Array
    texts: pa.Array
    ids: pa.Array
    excluded: Exclusions


@dataclass(slots=True)
class Negative:
    """One negative of a record: its text, the id it comes from, and its score, if a teacher gave it."""

    text: str
    id: str
    score: float | None


def mining_keys(records: pa.Table) -> pa.Array:
    """Return the routing key of each record, shape (n,): the language of the passages that it is mined from."""
    return records["positive_language"].combine_chunks()


def mine_records(records: pa.Table, options: Mining, *, seed: int) -> Outcome:
    """Give every record exactly `options.num_negatives` hard negatives.

    Negatives that a record brought along come first, then mined ones, then, by policy, random passages of the pool.

    Args:
        records: all records of some pools, with the column `split`, in any order, shape (n,).
        options: the section `mining` of the config.
        seed: seed of the run, for random passages.

    Returns:
        The records with `negatives` filled, and the columns `negative_ids` (empty for those brought along),
        `negative_scores` (null for those and for random ones), `mined` (how many were mined) and `positive_score`.
        A ledger row for each record that could not be given enough.

    Raises:
        ConfigError: if the teacher is lexical and shall score across languages.
    """
    outcomes = [_mine_pool(pool, options, seed) for pool in _pools(records)]
    kept = [outcome.records for outcome in outcomes] or [_with_columns(records, [], np.empty(0, np.int16), None)]
    return Outcome.join(pa.concat_tables(kept), *(outcome.ledger for outcome in outcomes))


def _pools(records: pa.Table) -> Iterator[Pool]:
    ordered = records.sort_by([("id", "ascending")])
    keys = pc.binary_join_element_wise(ordered["positive_language"], ordered["split"], " ").combine_chunks()
    codes = keys.dictionary_encode()
    indices = codes.indices.to_numpy(zero_copy_only=False)
    for _, code in sorted((key, code) for code, key in enumerate(codes.dictionary.to_pylist())):
        yield _pool(ordered.take(pa.array(np.flatnonzero(indices == code))).combine_chunks())


def _pool(records: pa.Table) -> Pool:
    encoded = fold(records["positive"]).dictionary_encode()
    own = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.unique(own, return_index=True)[1]
    texts, ids = (records[name].take(pa.array(first)).combine_chunks() for name in ("positive", "id"))
    return Pool(records, own, encoded.dictionary, texts, ids, _excluded(records, own, encoded.dictionary))


def _excluded(records: pa.Table, own: Rows, folded: pa.Array) -> Exclusions:
    """Exclude by keys: a record's group, and one for each distinct query that stands among the passages."""
    groups = records["group"].combine_chunks().dictionary_encode()
    group = groups.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    asked = pc.index_in(fold(records["query"]), value_set=folded)
    as_passage = pc.fill_null(asked, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    count, records_count = len(groups.dictionary), len(own)
    is_passage = np.flatnonzero(as_passage >= 0)
    rows = np.arange(records_count, dtype=np.int64)
    keys = Ragged.from_pairs(
        np.concatenate([rows, is_passage]), np.concatenate([group, count + as_passage[is_passage]]), records_count
    )
    values = Ragged.from_pairs(
        np.concatenate([group, count + np.arange(len(folded), dtype=np.int64)]),
        np.concatenate([own, np.arange(len(folded), dtype=np.int64)]),
        count + len(folded),
    )
    return Exclusions(keys, values)


def _mine_pool(pool: Pool, options: Mining, seed: int) -> Outcome:
    candidates, positive_scores = _candidates(pool, options)
    negatives = _given(pool, options.num_negatives)
    mined = _add_mined(negatives, pool, candidates, positive_scores, options)
    if options.on_shortage == "pad":
        _pad(negatives, pool, options.num_negatives, seed)
    enough = np.array([len(found) == options.num_negatives for found in negatives], dtype=bool)
    short = np.flatnonzero(~enough)
    ledger = ledger_rows(
        pool.records.take(pa.array(short)),
        stage=STAGE,
        decision="dropped",
        reason=SHORTAGE,
        score=pa.array([len(negatives[row]) for row in short], pa.float64()),
        threshold=float(options.num_negatives),
    )
    scored = _with_columns(pool.records, negatives, mined, positive_scores)
    return Outcome(scored.filter(pa.array(enough)), ledger)


def _candidates(pool: Pool, options: Mining) -> tuple[Candidates, Vectors]:
    """Return the nearest passages of each record, and the score of its own positive."""
    k, rows = min(options.top_k, len(pool.folded)), np.arange(len(pool.own), dtype=np.int64)
    by_positive = _anchored_on_positive(pool, options)
    if options.teacher == IDENTITY:
        _refuse_across_languages(pool, by_positive)
        queries, passages = _lexical_vectors(pool, by_positive)
        found = lexical_nearest(queries, passages, k, pool.excluded)
        return found, lexical_scores(queries, passages, rows, pool.own)
    anchors, vectors = _dense_vectors(pool, by_positive, options.teacher)
    return nearest(anchors, vectors, k, pool.excluded), pair_scores(anchors, vectors, rows, pool.own)


def _anchored_on_positive(pool: Pool, options: Mining) -> Bools:
    """Tell for each record whether the neighbours of its positive are sought, shape (n,)."""
    if options.anchor != "auto":
        return np.full(len(pool.own), options.anchor == "positive")
    bitext: Bools = pc.equal(pool.records["task"], "bitext").to_numpy()
    return bitext if options.teacher == IDENTITY else np.zeros(len(bitext), dtype=bool)


def _refuse_across_languages(pool: Pool, by_positive: Bools) -> None:
    records = pool.records
    across = pc.not_equal(records["query_language"], records["positive_language"]).to_numpy() & ~by_positive
    if across.any():
        row = records.slice(int(np.flatnonzero(across)[0]), 1).to_pylist()[0]
        raise ConfigError(
            "The lexical teacher cannot score across languages",
            where=f"source {row['source']}, record {row['id']}",
            why=f"the query is in {row['query_language']}, the positive in {row['positive_language']}",
            hint="declare the task as bitext, set mining.anchor to positive, or name a sentence-transformers teacher",
        )


def _lexical_vectors(pool: Pool, by_positive: Bools) -> tuple[Matrix, Matrix]:
    counts = count_features(pool.folded)
    vectoriser = Vectoriser.fit(counts)
    passages = vectoriser.transform(counts)
    if by_positive.all():
        return passages[pool.own], passages
    anchors = pc.if_else(pa.array(by_positive), pool.records["positive"], pool.records["query"])
    return vectoriser.transform(count_features(anchors.combine_chunks())), passages


def _dense_vectors(pool: Pool, by_positive: Bools, teacher: str) -> tuple[Vectors, Vectors]:
    embed = load_teacher(teacher).embed
    passages = unit_vectors(embed(pool.texts.to_pylist(), "passage"), "embedded passages")
    anchors = passages[pool.own].copy()
    by_query = np.flatnonzero(~by_positive)
    if len(by_query):
        texts = pool.records["query"].take(pa.array(by_query)).to_pylist()
        anchors[by_query] = unit_vectors(embed(texts, "query"), "embedded queries")
    return anchors, passages


def _given(pool: Pool, wanted: int) -> list[list[Negative]]:
    """Return the negatives that the records brought along, less repeats, the query and the positive."""
    columns = [pool.records[name].to_pylist() for name in ("negatives", "query", "positive")]
    return [_distinct(texts, query, positive, wanted) for texts, query, positive in zip(*columns, strict=True)]


def _distinct(texts: list[str], query: str, positive: str, wanted: int) -> list[Negative]:
    if not texts:
        return []
    *keys, asked, answer = fold(pa.array([*texts, query, positive], pa.string())).to_pylist()
    known, chosen = {"", asked, answer}, []
    for key, text in zip(keys, texts, strict=True):
        if key not in known:
            known.add(key)
            chosen.append(Negative(text, "", None))
    return chosen[:wanted]


def _add_mined(
    negatives: list[list[Negative]], pool: Pool, candidates: Candidates, positive_scores: Vectors, options: Mining
) -> npt.NDArray[np.int16]:
    """Add mined negatives up to the number wanted; return how many each record got, int16, shape (n,)."""
    rules = Rules.from_options(options)
    verdicts = judge(candidates, positive_scores, rules)
    # Twice as many as wanted are checked for near duplicates, which are rare; the rest is not looked at.
    spare = select(candidates, verdicts, 2 * options.num_negatives)
    _refuse_near_duplicates(spare.rows, pool)
    texts, ids = pool.texts.to_pylist(), pool.ids.to_pylist()
    mined = np.zeros(len(negatives), dtype=np.int16)
    for record, (found, rows, scores) in enumerate(zip(negatives, spare.rows, spare.scores, strict=True)):
        known = {negative.text for negative in found}
        fresh = [n for n in np.flatnonzero(rows >= 0) if texts[rows[n]] not in known][
            : rules.num_negatives - len(found)
        ]
        found.extend(Negative(texts[rows[n]], ids[rows[n]], float(scores[n])) for n in fresh)
        mined[record] = len(fresh)
    return mined


def _refuse_near_duplicates(rows: Rows, pool: Pool) -> None:
    """Set the rows that are nearly a record's positive to -1."""
    records, ranks = np.nonzero(rows >= 0)
    similarity = jaccard([pool.folded], rows[records, ranks], pool.own[records])
    near = similarity >= NEAR_DUPLICATE_JACCARD
    rows[records[near], ranks[near]] = -1


def _pad(negatives: list[list[Negative]], pool: Pool, wanted: int, seed: int) -> None:
    """Fill up with random passages: the order is a function of the record's id, the passage's id and the seed."""
    short = np.array([row for row, found in enumerate(negatives) if len(found) < wanted], dtype=np.int64)
    if not len(short):
        return
    drawn = priority(pool.ids.to_pylist(), "pad", seed)
    own = priority(pool.records["id"].take(pa.array(short)).to_pylist(), "pad", seed)
    texts, ids = pool.texts.to_pylist(), pool.ids.to_pylist()
    for record, number in zip(short, own, strict=True):
        found = negatives[record]
        barred = {int(row) for row in pool.excluded.pairs(np.array([record]))[1]}
        known = {negative.text for negative in found}
        allowed = [row for row in np.argsort(mix(drawn + number), kind="stable") if row not in barred]
        fresh = [row for row in allowed if texts[row] not in known]
        clean = _not_near(np.array(fresh[: 4 * wanted], dtype=np.int64), int(pool.own[record]), pool)
        found.extend(Negative(texts[row], ids[row], None) for row in clean[: wanted - len(found)])


def _not_near(rows: Rows, positive: int, pool: Pool) -> list[int]:
    similarity = jaccard([pool.folded], rows, np.full(len(rows), positive, dtype=np.int64))
    kept: list[int] = rows[similarity < NEAR_DUPLICATE_JACCARD].tolist()
    return kept


def _with_columns(
    records: pa.Table, negatives: list[list[Negative]], mined: npt.NDArray[np.int16], positive_scores: Vectors | None
) -> pa.Table:
    columns = (
        pa.array([[negative.id for negative in found] for found in negatives], _FIELDS[0].type),
        pa.array([[negative.score for negative in found] for found in negatives], _FIELDS[1].type),
        pa.array(mined, _FIELDS[2].type),
        pa.array([] if positive_scores is None else positive_scores, _FIELDS[3].type),
    )
    texts = pa.array([[negative.text for negative in found] for found in negatives], _TEXTS)
    table = records.set_column(records.schema.get_field_index("negatives"), records.schema.field("negatives"), texts)
    for field, column in zip(_FIELDS, columns, strict=True):
        table = table.append_column(field, column)
    return table
