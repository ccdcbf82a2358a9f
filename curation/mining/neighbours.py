"""The nearest entries of a pool to each record's anchor, by whichever teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from curation.config.model import Mining
from curation.errors import ConfigError
from curation.mining.lexical.features import Vectoriser, count_features
from curation.mining.lexical.pairs import pair_scores as lexical_scores
from curation.mining.lexical.search import IDENTITY, lexical_nearest
from curation.mining.pool import Pool, column
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Candidates, Vectors
from curation.mining.search.exact import nearest, pair_scores
from curation.mining.teachers.base import Teacher
from curation.mining.teachers.sentence_transformer import load_teacher

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a teacher says about a pool.

    Attributes:
        candidates: the nearest entries to the anchors of the records that were searched for, shape (q, k).
        positive_scores: score of each record's anchor with its own positive, float32, shape (n,); 1.0 where the
            positive is the anchor.
    """

    candidates: Candidates
    positive_scores: Vectors


def find_neighbours(records: pa.Table, pool: Pool, wanted: Rows, options: Mining) -> Neighbours:
    """Find the nearest entries of a pool, without those that a record must never get.

    Args:
        records: rows of the record schema, shape (n,).
        pool: their pool.
        wanted: the records that are searched for, int64 ascending, shape (q,).
        options: the config's `mining` section.

    Raises:
        ConfigError: if a lexical teacher is asked to compare texts of two languages.
        CurationError: if the teacher cannot be loaded, or cannot embed a text.
    """
    anchored = anchored_on_positive(records, options)
    queries = column(records, "query").filter(pa.array(~anchored))
    # Anchors are rows of one matrix: the entries of the pool, and after them the queries that are anchors.
    places = pool.entries.copy()
    places[~anchored] = len(pool.texts) + np.arange(len(queries))
    k = min(options.top_k, len(pool.texts))
    if options.teacher == IDENTITY:
        found = _lexical(pool, queries, places, wanted, k)
    else:
        found = _dense(load_teacher(options.teacher), pool, queries, places, wanted, k)
    found.positive_scores[anchored] = 1.0
    return found


def anchored_on_positive(records: pa.Table, options: Mining) -> Bools:
    """Tell of each record whether the neighbours of its positive are sought, rather than those of its query.

    With the lexical teacher, `auto` takes the positive for bitext and wherever the query is in another language:
    words of two languages cannot be compared.

    Raises:
        ConfigError: if `anchor: query` asks a lexical teacher to do so all the same.
    """
    foreign = pc.not_equal(column(records, "query_language"), column(records, "positive_language"))
    is_foreign: Bools = foreign.to_numpy(zero_copy_only=False)
    if options.teacher == IDENTITY and options.anchor == "auto":
        is_bitext: Bools = pc.equal(column(records, "task"), "bitext").to_numpy(zero_copy_only=False)
        return is_bitext | is_foreign
    if options.teacher == IDENTITY and options.anchor == "query" and is_foreign.any():
        raise _cannot_compare(records.slice(int(np.argmax(is_foreign)), 1))
    return np.full(records.num_rows, options.anchor == "positive")


def _cannot_compare(record: pa.Table) -> ConfigError:
    row = record.to_pylist()[0]
    query, positive = row["query_language"], row["positive_language"]
    return ConfigError(
        "the lexical teacher cannot compare a query with passages of another language",
        where=f"{row['file']}:{row['row']}",
        why=f"with `mining.anchor: query`, a query in {query} would meet positives in {positive}",
        hint="set mining.anchor to `auto` or `positive`, or mining.teacher to a multilingual model",
    )


def _lexical(pool: Pool, queries: pa.Array, places: Rows, wanted: Rows, k: int) -> Neighbours:
    counts = count_features(pool.texts)
    vectoriser = Vectoriser.fit(counts)
    passages = vectoriser.transform(counts)
    anchors = sp.vstack([passages, vectoriser.transform(count_features(queries))], format="csr")
    scores = lexical_scores(anchors, passages, places, pool.entries)
    candidates = lexical_nearest(anchors[places[wanted]], passages, k, pool.excluded.select(wanted))
    return Neighbours(candidates, scores)


def _dense(teacher: Teacher, pool: Pool, queries: pa.Array, places: Rows, wanted: Rows, k: int) -> Neighbours:
    passages = teacher.embed(pool.texts.to_pylist(), "passage")
    anchors = passages
    if len(queries):
        anchors = np.concatenate([passages, teacher.embed(queries.to_pylist(), "query")])
    scores = pair_scores(anchors, passages, places, pool.entries)
    candidates = nearest(anchors[places[wanted]], passages, k, pool.excluded.select(wanted))
    return Neighbours(candidates, scores)
