"""The training pairs of a release, tokenised once, and the batches that are drawn from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from curation.config.training import Training
from curation.errors import ReleaseError
from curation.hashing import hash64, priority
from curation.release import Release
from curation.text import fold
from curation.training.ragged import Ragged

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

_SCORES = ("positive_score", "negative_scores")


@dataclass(frozen=True, slots=True)
class Batch:
    """b pairs of one step, each side by the number of its text.

    Attributes:
        anchors: int64 (b,).
        positives: int64 (b,).
        negatives: int64 (b, k).
        groups: int64 (b,), equal where the groups are.
        plain: int64 (m,), for every text the number of what it says, whatever instruction stands before it.
        teacher_scores: float32 (b, 1 + k) of the positive and the negatives, None where the release has none.
    """

    anchors: Int64s
    positives: Int64s
    negatives: Int64s
    groups: Int64s
    plain: Int64s
    teacher_scores: torch.Tensor | None = None

    def take(self, rows: slice) -> Batch:
        """Return some of the pairs."""
        scores = None if self.teacher_scores is None else self.teacher_scores[rows]
        parts = (self.anchors[rows], self.positives[rows], self.negatives[rows], self.groups[rows])
        return Batch(*parts, self.plain, scores)

    def texts(self) -> Int64s:
        """Return the texts to encode: anchors, positives, then the negatives of each pair; int64 (b (2 + k),)."""
        return np.concatenate([self.anchors, self.positives, self.negatives.ravel()])

    def numbers(self) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """Return the arguments of `curation.training.losses.masks.forbidden`."""
        return self.plain[self.anchors], self.plain[self.positives], self.groups, self.plain[self.negatives]


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """n pairs over m distinct texts.

    Attributes:
        texts: the tokens of the m texts.
        anchors: int64 (n,), text of each anchor.
        positives: int64 (n,), text of each positive.
        negatives: int64 (n, k), texts of the mined negatives.
        groups: int64 (n,), equal where the groups are.
        sources: for each source, sorted by name, the rows that are its own: int64 (rows,).
        plain: int64 (m,), equal where the texts are, but for an instruction before them.
        teacher_scores: float32 (n, 1 + k) of positive and negatives, None where they are not known.
    """

    texts: Ragged
    anchors: Int64s
    positives: Int64s
    negatives: Int64s
    groups: Int64s
    sources: tuple[Int64s, ...]
    plain: Int64s
    teacher_scores: torch.Tensor | None = None

    def batch(self, step: int, *, size: int, seed: int) -> Batch:
        """Return a step's batch, a function of (seed, step) alone: at most `size` pairs, none twice.

        All are of one source, so that no in-batch negative can be told by its style; sources are drawn by size.
        """
        random = np.random.default_rng((seed, step))
        sizes = np.array([len(rows) for rows in self.sources], dtype=np.float64)
        own = self.sources[int(random.choice(len(sizes), p=sizes / sizes.sum()))]
        rows = own[random.choice(len(own), size=min(size, len(own)), replace=False)]
        scores = None if self.teacher_scores is None else self.teacher_scores[torch.from_numpy(rows)]
        parts = (self.anchors[rows], self.positives[rows], self.negatives[rows], self.groups[rows])
        return Batch(*parts, self.plain, scores)

    def sample_texts(self, count: int, *, seed: int) -> Ragged:
        """Return the tokens of a random sample of the texts."""
        random = np.random.default_rng((seed, len(self.texts)))
        return self.texts.take(np.sort(random.permutation(len(self.texts))[:count]).astype(np.int64))

    def shuffled(self, order: Int64s) -> TrainingPairs:
        """Return the pairs with the positive (and negatives) of another row each: int64 (n,)."""
        return replace(self, positives=self.positives[order], negatives=self.negatives[order], teacher_scores=None)


class TextEncoder(Protocol):
    """A tokenizer, whatever its kind; `curation.training.tokenizer.Tokenizer` is one."""

    def prepare(self, texts: pa.Array) -> pa.Array:
        """Return texts as they are to be encoded."""
        ...

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> Ragged:
        """Return the tokens of prepared texts, at most `max_tokens` of each."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """The pairs of a release as they are read, before a tokenizer has seen them.

    Attributes:
        distinct: m distinct texts.
        plain: as in `TrainingPairs`.
        rows: int64 (2 + k, n), text of each anchor, positive and negative.
        table: the other columns, n rows.
    """

    distinct: pa.Array
    plain: Int64s
    rows: Int64s
    table: pa.Table

    def encode(self, tokenizer: TextEncoder, *, max_tokens: int) -> TrainingPairs:
        """Encode each distinct text once."""
        prepared = tokenizer.prepare(self.distinct).to_pylist()
        return TrainingPairs(
            texts=tokenizer.encode(prepared, max_tokens=max_tokens),
            anchors=self.rows[0],
            positives=self.rows[1],
            negatives=self.rows[2:].T,
            groups=_numbers(self.table, "group"),
            sources=_by_source(self.table),
            plain=self.plain,
            teacher_scores=self.teacher_scores(len(self.rows) - 2),
        )

    def teacher_scores(self, negatives: int) -> torch.Tensor | None:
        """Return the scores by which negatives were mined, float32 (n, 1 + negatives), or None if a row lacks one."""
        return _teacher_scores(self.table, negatives)

    def shuffled_order(self, *, seed: int) -> Int64s:
        """Return for each row another one of its source and language, int64 (n,); its own where it is alone there."""
        names = (self.table.column(name).to_pylist() for name in ("source", "language"))
        strata = [f"{source}\n{language}" for source, language in zip(*names, strict=True)]
        return shuffled_within(hash64(strata), priority(self.table.column("id").to_pylist(), "shuffle", seed))


def read_texts(release: Release, options: Training, *, seed: int) -> TrainingTexts:
    """Read the train split.

    Args:
        release: the release.
        options: of the training; no more pairs are kept than its steps can see.
        seed: of the choice of pairs.

    Raises:
        ReleaseError: if the release has no training pairs, or a shard cannot be read.
    """
    table = _read(release, options, seed)
    columns = ["anchor", "positive", *_negatives(table.column_names)]
    texts = [_whole(table, name) for name in columns]
    if options.instructions:
        texts[0] = _instructed(texts[0], table, release)
    encoded = pa.concat_arrays(texts).dictionary_encode()
    plain = pa.concat_arrays([_whole(table, "anchor"), *texts[1:]])
    numbers = encoded.indices.to_numpy().astype(np.int64)
    firsts = np.unique(numbers, return_index=True)[1]
    said = fold(plain.take(pa.array(firsts))).dictionary_encode().indices.to_numpy().astype(np.int64)
    return TrainingTexts(encoded.dictionary, said, numbers.reshape(len(columns), -1), table)


def _instructed(anchors: pa.Array, table: pa.Table, release: Release) -> pa.Array:
    """Put each source's instruction before its anchors, in the form that Qwen3-Embedding and ML-Embed are used with."""
    sources = release.manifest["sources"]
    said = {name: str(source.get("instruction") or "") for name, source in sources.items()}
    instructions = [said.get(name, "") for name in table.column("source").to_pylist()]
    pairs = zip(instructions, anchors.to_pylist(), strict=True)
    return pa.array([f"Instruct: {line}\nQuery: {text}" if line else text for line, text in pairs], anchors.type)


def _teacher_scores(table: pa.Table, negatives: int) -> torch.Tensor | None:
    if not {"positive_score", "negative_scores"} <= set(table.column_names):
        return None
    lists = [scores[:negatives] for scores in table.column("negative_scores").to_pylist()]
    if any(len(scores) < negatives for scores in lists):
        return None
    scores = np.column_stack(
        [table.column("positive_score").to_numpy(), np.array(lists, np.float32).reshape(len(lists), negatives)]
    ).astype(np.float32)
    return torch.from_numpy(scores) if np.isfinite(scores).all() else None


def _read(release: Release, options: Training, seed: int) -> pa.Table:
    if "train" not in release.splits:
        raise ReleaseError(
            "The release has no training data", where=str(release.path), why="no shard of the split train"
        )
    wanted = release.read("full", split="train", columns=["id"])
    kept = _lowest(wanted.column("id").to_pylist(), options.steps * options.batch_size, seed)
    first = pq.read_schema(release.path / release.shards("full", split="train")[0].path)
    available = _negatives(first.names)[: options.negatives]
    scores = [name for name in _SCORES if options.distillation and name in first.names]
    columns = ["id", "anchor", "positive", *available, "group", "source", "language", *scores]
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


def shuffled_within(strata: UInt64s, keys: UInt64s) -> Int64s:
    """Return for each row another row of its stratum, each taken once; a row that is alone there keeps itself.

    Args:
        strata: uint64 (n,), the stratum of each row; there is at least one.
        keys: uint64 (n,), an order that says nothing: each row gets the one that follows it in its stratum.
    """
    order = np.lexsort((keys, strata))
    begins = np.flatnonzero(np.diff(strata[order], prepend=strata[order[:1]] + np.uint64(1)))
    following = np.arange(1, len(order) + 1)
    following[np.append(begins[1:], len(order)) - 1] = begins
    result = np.empty(len(order), dtype=np.int64)
    result[order] = order[following]
    return result
