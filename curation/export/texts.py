"""Columns of texts that several views need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import content_id


def instruction_prefix(instruction: str) -> str:
    """Return what ML-Embed and its kin put before a query, or nothing for an empty instruction."""
    return f"Instruct: {instruction}\nQuery: " if instruction else ""


def with_instruction(queries: pa.ChunkedArray, instruction: str) -> pa.ChunkedArray:
    """Return queries behind their instruction, shape (n,)."""
    return pc.binary_join_element_wise(instruction_prefix(instruction), queries, "") if instruction else queries


def as_lists(columns: Sequence[pa.Array]) -> pa.ListArray:
    """Return m columns of shape (n,) as one column of lists, each of length m, shape (n,)."""
    rows, width = len(columns[0]), len(columns)
    order = np.arange(rows * width).reshape(width, rows).T.ravel()
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.concat_arrays(columns).take(pa.array(order)))


def column(table: pa.Table, name: str) -> pa.Array:
    """Return a column of strings as one array, shape (n,)."""
    return table[name].combine_chunks().cast(pa.string())


def passage_ids(texts: pa.Array) -> pa.Array:
    """Return the id of each passage, a function of its text alone, shape (n,).

    It begins with a letter, so that no reader of tables takes digits, or digits with an `e`, for a number.
    """
    return pa.array([f"p{content_id(text)}" for text in texts.to_pylist()], pa.string())


def query_ids(texts: pa.Array) -> pa.Array:
    """Return the id of each query, shape (n,); never a passage's, for evaluators leave out hits that are the query."""
    return pa.array([f"q{content_id(text)}" for text in texts.to_pylist()], pa.string())
