"""The training pairs of a release, tokenised once, and the batches that are drawn from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.training import Training
from curation.errors import ReleaseError
from curation.hashing import hash64, priority
from curation.release import Release
from curation.text import fold
from curation.training.ragged import Ragged
from curation.training.tokenizer import Tokenizer, train_tokenizer

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """n pairs over m distinct folded texts.

    Attributes:
        texts: the tokens of the m texts.
        anchors: int64 (n,), text of each anchor.
        positives: int64 (n,), text of each positive.
        negatives: int64 (n, k), texts of the mined negatives.
        groups: int64 (n,), equal where the groups are.
        sources: for each source, sorted by name, the rows that are its own: int64 (rows,).
    """

    texts: Ragged
    anchors: Int64s
    positives: Int64s
    negatives: Int64s
    groups: Int64s
    sources: tuple[Int64s, ...]

    def batch(self, step: int, *, size: int, seed: int) -> Int64s:
        """Return the rows of a step's batch, a function of (seed, step) alone: at most `size`, none twice.

        All are of one source, so that no in-batch negative can be told by its style; sources are drawn by size.
        """
        random = np.random.default_rng((seed, step))
        sizes = np.array([len(rows) for rows in self.sources], dtype=np.float64)
        rows = self.sources[int(random.choice(len(sizes), p=sizes / sizes.sum()))]
        return rows[random.choice(len(rows), size=min(size, len(rows)), replace=False)]


def load_pairs(
    release: Release, options: Training, *, seed: int, cache: Path, shuffle_positives: bool = False
) -> tuple[TrainingPairs, Tokenizer]:
    """Read the train split, train the tokenizer on it and encode it.

    Args:
        release: the release.
        options: of the training; no more pairs are kept than its steps can see.
        seed: of every choice.
        cache: folder of trained tokenizers.
        shuffle_positives: give each anchor the positive (and negatives) of another pair of its source and language;
            a pair that is alone there keeps its own.

    Raises:
        ReleaseError: if the release has no training pairs, or a shard cannot be read.
    """
    table = _read(release, options, seed)
    columns = ["anchor", "positive", *_negatives(table.column_names)]
    folded = [fold(_whole(table, name)) for name in columns]
    encoded = pa.concat_arrays(folded).dictionary_encode()
    distinct: list[str] = encoded.dictionary.to_pylist()
    tokenizer = train_tokenizer(
        distinct, vocabulary=options.vocabulary, lines=options.tokenizer_lines, seed=seed, cache=cache
    )
    numbers = encoded.indices.to_numpy().astype(np.int64).reshape(len(columns), -1)
    order = _shuffled(table, seed) if shuffle_positives else np.arange(table.num_rows)
    return TrainingPairs(
        texts=tokenizer.encode(distinct, max_tokens=options.max_tokens),
        anchors=numbers[0],
        positives=numbers[1, order],
        negatives=numbers[2:, order].T,
        groups=_numbers(table, "group"),
        sources=_by_source(table),
    ), tokenizer


def _read(release: Release, options: Training, seed: int) -> pa.Table:
    if "train" not in release.splits:
        raise ReleaseError(
            "The release has no training data", where=str(release.path), why="no shard of the split train"
        )
    wanted = release.read("full", split="train", columns=["id"])
    kept = _lowest(wanted.column("id").to_pylist(), options.steps * options.batch_size, seed)
    first = pq.read_schema(release.path / release.shards("full", split="train")[0].path)
    available = _negatives(first.names)[: options.negatives]
    columns = ["id", "anchor", "positive", *available, "group", "source", "language"]
    return release.read("full", split="train", columns=columns).take(pa.array(kept)).combine_chunks()


def _lowest(ids: Sequence[str], count: int, seed: int) -> Int64s:
    return np.sort(np.argsort(priority(ids, "training", seed), kind="stable")[:count])


def _negatives(names: Sequence[str]) -> list[str]:
    return [name for name in names if re.fullmatch(r"negative_\d+", name)]


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).cast(pa.large_string())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())


def _numbers(table: pa.Table, name: str) -> Int64s:
    indices: Int64s = _whole(table, name).dictionary_encode().indices.to_numpy().astype(np.int64)
    return indices


def _by_source(table: pa.Table) -> tuple[Int64s, ...]:
    names = sorted(pc.unique(table.column("source")).to_pylist())
    sources = np.asarray(table.column("source").to_pylist(), dtype=object)
    return tuple(np.flatnonzero(sources == name) for name in names)


def _shuffled(table: pa.Table, seed: int) -> Int64s:
    """Return for each row the row whose positive it gets: one turn around its source and language, in random order."""
    strata = [
        f"{s}\n{code}" for s, code in zip(*(table.column(c).to_pylist() for c in ("source", "language")), strict=True)
    ]
    stratum = hash64(strata)
    order = np.lexsort((priority(table.column("id").to_pylist(), "shuffle", seed), stratum))
    begins = np.flatnonzero(np.diff(stratum[order], prepend=stratum[order[:1]] + np.uint64(1)))
    following = np.arange(1, len(order) + 1)
    following[np.append(begins[1:], len(order)) - 1] = begins
    result = np.empty(len(order), dtype=np.int64)
    result[order] = order[following]
    return result
