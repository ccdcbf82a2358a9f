"""Evaluation by the task types of a release: retrieval against mined negatives, and probes of classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from curation.hashing import priority
from curation.records import LABELLED
from curation.release import Release
from curation.text import fold
from curation.training.evaluation.bootstrap import interval, pair_values
from curation.training.evaluation.encoder import Encoder, exits_of
from curation.training.evaluation.grid import Outcome, Place
from curation.training.evaluation.pairs import Bools, Int64s, class_codes, codes, languages_of, lowest, read_rows
from curation.training.evaluation.probes import cluster, nearest_centroid, v_measure
from curation.training.evaluation.retrieval import Answers, pair_similarities, rank_one_way
from curation.training.reproducible import reproducible

MAX_ROWS = 300
_EXAMPLES = 2_000
_PAIRED = ("retrieval", "bitext", "sts", "code")


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One figure of one task type in one language and cell.

    Attributes:
        task: `retrieval` (with mined negatives), `classification` or `clustering`.
        language: the language.
        measure: what was measured: `mrr`, `accuracy` or `v_measure`.
        depth: number of blocks.
        dim: number of output dimensions.
        rank: rank of the token table.
        rows: queries or texts.
        value: the figure.
        low: lower end of its confidence interval; None where it is not a mean over rows.
        high: upper end, likewise.
    """

    task: str
    language: str
    measure: str
    depth: int
    dim: int
    rank: int
    rows: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class NegativeSet:
    """Pairs of one language with all their mined negatives as candidates for each.

    Attributes:
        language: the language.
        ids: n record ids.
        anchors: n texts.
        candidates: m texts, none twice after folding: positives and negatives.
        right: bool (n, m), the positives of a pair and of those with the same anchor.
    """

    language: str
    ids: tuple[str, ...]
    anchors: tuple[str, ...]
    candidates: tuple[str, ...]
    right: Bools


@dataclass(frozen=True, slots=True)
class ClassSet:
    """Texts of one language with their classes, and examples of these to learn from.

    Attributes:
        task: `classification` or `clustering`.
        language: the language.
        texts: n texts.
        classes: int64 (n,), class of each, numbered from 0.
        examples: m texts of the train split; empty for clustering.
        example_classes: int64 (m,), their classes.
    """

    task: str
    language: str
    texts: tuple[str, ...]
    classes: Int64s
    examples: tuple[str, ...]
    example_classes: Int64s


def evaluate_tasks(
    model: Encoder, release: Release, *, min_rows: int, seed: int, split: str = "test", max_rows: int = MAX_ROWS
) -> list[TaskScore]:
    """Return the figures of each task type and language in the full cell and in the joint smallest corner.

    Args:
        model: the model.
        release: the release that holds the rows.
        min_rows: a language with fewer rows of a task type is left out.
        seed: of samples, starts and draws.
        split: whose rows are evaluated on.
        max_rows: size of a sample.
    """
    full = model.depths[-1], model.dims[-1], model.ranks[-1]
    corner = model.depths[0], model.dims[0], model.ranks[0]
    found = []
    for negatives in sample_negatives(release, split=split, min_rows=min_rows, seed=seed, max_rows=max_rows):
        found += [_retrieval(model, negatives, place, seed) for place in (full, corner)]
    for classes in sample_classes(release, split=split, min_rows=min_rows, seed=seed, max_rows=max_rows):
        found += [_probe(model, classes, place, seed) for place in (full, corner)]
    return found


def sample_negatives(
    release: Release, *, split: str, min_rows: int, seed: int, max_rows: int = MAX_ROWS
) -> Iterator[NegativeSet]:
    """Yield of each language a sample of its pairs with all their negatives; nothing if the release has none."""
    for code in languages_of(release, split):
        names = pq.read_schema(release.path / release.shards("full", split=split, language=code)[0].path).names
        negatives = [name for name in names if re.fullmatch(r"negative_\d+", name)]
        table = read_rows(release, split, code, ["id", "anchor", "positive", "task", *negatives], _PAIRED)
        if negatives and table.num_rows >= min_rows:
            yield _with_negatives(code, lowest(table, max_rows, seed), negatives)


def sample_classes(
    release: Release, *, split: str, min_rows: int, seed: int, max_rows: int = MAX_ROWS
) -> Iterator[ClassSet]:
    """Yield of each language and labelled task type a sample of its texts; of two classes at least."""
    columns = ["id", "anchor", "positive", "task", "source", "label"]
    for task in LABELLED:
        for code in languages_of(release, split):
            rows = read_rows(release, split, code, columns, [task])
            if rows.num_rows >= min_rows:
                learnt = read_rows(release, "train", code, columns, [task]) if task == "classification" else rows[:0]
                found = _classes(task, code, lowest(rows, max_rows, seed), lowest(learnt, _EXAMPLES, seed))
                if found is not None:
                    yield found


def negative_outcome(model: Encoder, negatives: NegativeSet, place: Place) -> Outcome:
    """Return what became of each anchor among all candidates in one cell."""
    anchors, candidates = _vectors(model, [negatives.anchors, negatives.candidates], place)
    with reproducible():
        scores = torch.from_numpy(pair_similarities((anchors, candidates)))
        return Outcome(negatives.language, negatives.ids, rank_one_way(scores[None], Answers.of(negatives.right)))


def _retrieval(model: Encoder, negatives: NegativeSet, place: Place, seed: int) -> TaskScore:
    outcome = negative_outcome(model, negatives, place)
    found = interval({outcome.language: pair_values(outcome, "mrr")}, seed=seed)
    size = len(outcome.ids)
    return TaskScore("retrieval", outcome.language, "mrr", *place, size, found.value, found.low, found.high)


def _probe(model: Encoder, classes: ClassSet, place: Place, seed: int) -> TaskScore:
    vectors, examples = _vectors(model, [classes.texts, classes.examples], place)
    size = len(classes.texts)
    if classes.task == "classification":
        hits = nearest_centroid(examples, classes.example_classes, vectors) == classes.classes
        found = interval({classes.language: hits.astype(np.float64)}, seed=seed)
        figures: tuple[Any, ...] = (found.value, found.low, found.high)
        return TaskScore(classes.task, classes.language, "accuracy", *place, size, *figures)
    start = int(priority([classes.language], "clustering", seed)[0])
    clusters = cluster(vectors, len(np.unique(classes.classes)), seed=start)
    return TaskScore(classes.task, classes.language, "v_measure", *place, size, v_measure(classes.classes, clusters))


def _vectors(model: Encoder, sides: Sequence[Sequence[str]], place: Place) -> list[Any]:
    depth, dim, rank = place
    return [side[model.depths.index(depth), :, :dim] for side in exits_of(model, sides, rank=rank)]


def _with_negatives(language: str, table: pa.Table, negatives: Sequence[str]) -> NegativeSet:
    texts = pa.concat_arrays([table[name].combine_chunks() for name in ("positive", *negatives)])
    numbers = fold(texts).dictionary_encode().indices.to_numpy()
    _, firsts = np.unique(numbers, return_index=True)
    positives, anchors = numbers[: table.num_rows], codes(table["anchor"])
    right = np.zeros((table.num_rows, len(firsts)), dtype=bool)
    same = np.argwhere(anchors[:, None] == anchors[None, :])
    right[same[:, 0], positives[same[:, 1]]] = True
    ids, queries = (tuple(table[name].to_pylist()) for name in ("id", "anchor"))
    return NegativeSet(language, ids, queries, tuple(texts.take(pa.array(firsts)).to_pylist()), right)


def _classes(task: str, language: str, rows: pa.Table, learnt: pa.Table) -> ClassSet | None:
    """Return the set, without texts whose class nothing can be learnt of; None with fewer than two classes."""
    numbers = class_codes(pa.concat_tables([rows, learnt]))
    classes, example_classes = numbers[: rows.num_rows], numbers[rows.num_rows :]
    if task == "classification":
        known = np.isin(classes, example_classes)
        rows, classes = rows.filter(pa.array(known)), classes[known]
    distinct, numbered = np.unique(np.concatenate([classes, example_classes]), return_inverse=True)
    if len(np.unique(classes)) < 2 or len(distinct) >= len(classes):
        return None
    texts, examples = (tuple(table["anchor"].to_pylist()) for table in (rows, learnt))
    return ClassSet(task, language, texts, numbered[: len(classes)], examples, numbered[len(classes) :])
