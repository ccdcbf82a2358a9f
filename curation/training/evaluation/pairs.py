"""Held-out pairs of a language, candidates for each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import priority
from curation.records import LABELLED
from curation.release import Release
from curation.text import fold

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

MAX_CANDIDATES = 1_000

_COLUMNS = ("id", "anchor", "positive", "task", "source", "label")


@dataclass(frozen=True, slots=True)
class PairSet:
    """Pairs of one language, candidates for each other.

    Attributes:
        language: the language that the pairs count for.
        ids: n record ids.
        anchors: n texts.
        positives: n texts.
        right: bool (n, n), whether positive j is a right answer to anchor i: their own, or equal on either side
            after folding, or of the same class.
    """

    language: str
    ids: tuple[str, ...]
    anchors: tuple[str, ...]
    positives: tuple[str, ...]
    right: Bools


def sample_pairs(
    release: Release,
    *,
    split: str,
    min_pairs: int,
    seed: int,
    max_pairs: int = MAX_CANDIDATES,
    tasks: Collection[str] | None = None,
) -> list[PairSet]:
    """Return a sample of each language's pairs in a split.

    Args:
        release: the release.
        split: the split.
        min_pairs: a language with fewer is left out.
        seed: of the sample, which is the pairs of the lowest priority hash.
        max_pairs: size of the sample.
        tasks: task types whose pairs count; all by default.
    """
    tables = ((code, read_rows(release, split, code, _COLUMNS, tasks)) for code in languages_of(release, split))
    return [_pairs(code, lowest(table, max_pairs, seed)) for code, table in tables if table.num_rows >= min_pairs]


def languages_of(release: Release, split: str) -> list[str]:
    """Return the languages that have rows in a split, sorted."""
    return [code for code in release.languages if release.shards("full", split=split, language=code)]


def read_rows(
    release: Release, split: str, language: str, columns: Sequence[str], tasks: Collection[str] | None = None
) -> pa.Table:
    """Return the rows of a language in a split, of some task types or of all, in stable order.

    Args:
        release: the release.
        split: the split.
        language: the language.
        columns: columns to read; `task` must be one of them.
        tasks: task types, all by default.
    """
    table = release.read("full", split=split, columns=columns, language=language)
    return table if tasks is None else table.filter(pc.is_in(table["task"], pa.array(sorted(tasks), pa.string())))


def lowest(table: pa.Table, count: int, seed: int) -> pa.Table:
    """Return the rows with the `count` lowest priorities, in their order."""
    chosen = np.argsort(priority(table["id"].to_pylist(), "evaluate", seed), kind="stable")[:count]
    return table.take(pa.array(np.sort(chosen)))


def codes(texts: pa.ChunkedArray) -> Int64s:
    """Return a number for each text, int64 (n,), equal where the texts are after folding."""
    return np.asarray(fold(texts.combine_chunks()).dictionary_encode().indices.to_numpy().astype(np.int64))


def class_codes(table: pa.Table) -> Int64s:
    """Return the class of each row, int64 (n,); -1 where its task has none.

    It is what the source calls it; where that is nothing, the text of the positive. Sources share no classes.
    """
    names = table["label"].to_numpy(zero_copy_only=False)
    named = names != ""
    rows = [codes(table["source"]), named, np.where(named, _numbered(table["label"]), codes(table["positive"]))]
    numbers = np.unique(np.stack(rows, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    labelled = pc.is_in(table["task"], pa.array(LABELLED)).to_numpy(zero_copy_only=False)
    return np.where(labelled, numbers, -1)


def _numbered(texts: pa.ChunkedArray) -> Int64s:
    return np.asarray(texts.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64))


def _pairs(language: str, table: pa.Table) -> PairSet:
    ids, anchors, positives = (tuple(table[name].to_pylist()) for name in ("id", "anchor", "positive"))
    classes = class_codes(table)
    right = _same(codes(table["anchor"])) | _same(codes(table["positive"])) | (_same(classes) & (classes >= 0))
    return PairSet(language, ids, anchors, positives, right)


def _same(numbers: Int64s) -> Bools:
    return np.asarray(numbers[:, None] == numbers[None, :])
