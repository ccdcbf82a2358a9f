"""The record: one (query, positive) with languages, source, licence, task type and group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import content_id, content_ids
from curation.text import as_arrow, fold, normalise

# What a reader yields; everything else is a function of this and of the source's declaration.
RAW_SCHEMA = pa.schema(
    [
        pa.field("query", pa.string(), nullable=False),
        pa.field("positive", pa.string(), nullable=False),
        pa.field("negatives", pa.list_(pa.string()), nullable=False),
        pa.field("query_language", pa.string(), nullable=False),
        pa.field("positive_language", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("document", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)

# What flows between stages. `language` is the one that a record counts for (see `counted_language`).
RECORD_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("positive", pa.string(), nullable=False),
        pa.field("negatives", pa.list_(pa.string()), nullable=False),
        pa.field("query_language", pa.string(), nullable=False),
        pa.field("positive_language", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("document", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)

# Tasks whose positive is a class or a member of one: it repeats by nature, and other members are no less right.
LABELLED = ("classification", "clustering")


def make_records(raw: pa.RecordBatch | pa.Table, *, source: str, licence: str, task: str, pivot: str) -> pa.Table:
    """Turn what a reader yields into records: normalised texts, an id, and the source's declaration.

    Args:
        raw: rows of `RAW_SCHEMA`, shape (n,), none with an empty query or positive after normalisation.
        source: name of the source; part of the id.
        licence: SPDX expression of the source.
        task: task type of the source; `code` keeps the layout of the texts.
        pivot: language that bitext records do not count for.

    Returns:
        Rows of `RECORD_SCHEMA`, shape (n,), in the same order. `group` is the hash of the case-folded query:
        translations of one sentence share it. Languages that are not declared are empty.
    """
    layout = task == "code"
    query, positive = (normalise(raw.column(name), keep_layout=layout) for name in ("query", "positive"))
    negatives = _normalise_lists(raw.column("negatives"), keep_layout=layout)
    languages = [as_arrow(raw.column(name)) for name in ("query_language", "positive_language")]
    count = raw.num_rows
    columns = {
        # The declared languages belong to the content: the same words can be a pair in two languages.
        "id": content_ids(source, query, positive, *languages),
        "query": query,
        "positive": positive,
        "negatives": negatives,
        "query_language": languages[0],
        "positive_language": languages[1],
        "language": counted_language(languages[0], languages[1], pa.repeat(pa.scalar(task), count), pivot=pivot),
        "source": pa.repeat(pa.scalar(source), count),
        "licence": pa.repeat(pa.scalar(licence), count),
        "task": pa.repeat(pa.scalar(task), count),
        "label": raw.column("label"),
        "document": raw.column("document"),
        "group": _groups(query),
        "file": raw.column("file"),
        "row": raw.column("row"),
    }
    return pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA)


def _groups(queries: pa.Array) -> pa.Array:
    coded = fold(queries).dictionary_encode()
    return pc.utf8_slice_codeunits(content_ids(coded.dictionary), 0, 16).take(coded.indices)


def counted_language(queries: pa.Array, positives: pa.Array, tasks: pa.Array, *, pivot: str) -> pa.Array:
    """Return the language that each record counts for in quotas, shards and reports, shape (n,).

    It is the positive's; but of a bitext pair the side that is not in the pivot language, since a corpus of
    many languages with English would otherwise count as English.
    """
    pivoted = pc.and_(pc.equal(tasks, "bitext"), pc.and_(pc.equal(positives, pivot), pc.not_equal(queries, "")))
    return pc.if_else(pivoted, queries, positives)


def rejected_records(*, source: str, licence: str, task: str, places: Sequence[tuple[str, int, str]]) -> pa.Table:
    """Return records without text for rows that could not be read, so that they can stand in the ledger.

    Args:
        source: name of the source.
        licence: its licence.
        task: its task type.
        places: file, row and reason of each; the id is made from them, for there is no content.
    """
    rows = [
        dict.fromkeys(RECORD_SCHEMA.names, "")
        | {"id": content_id(source, file, str(row), reason), "source": source, "licence": licence, "task": task}
        | {"file": file, "row": row, "negatives": []}
        for file, row, reason in places
    ]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


def _normalise_lists(lists: pa.ListArray | pa.ChunkedArray, *, keep_layout: bool) -> pa.Array:
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    texts = normalise(lists.flatten(), keep_layout=keep_layout)
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts)
