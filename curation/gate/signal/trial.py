"""What the smoke model learns from a release: a model a seed, and a control whose pairs mean nothing.

Each seed's model leaves out a fold of the training pairs and then judges how well those fit together: a model that has
seen a wrong pair three times has begun to learn it. On Django's catalogues after 600 steps, two languages of random
tokens show as 27 and 35 % misaligned to a model that was trained on them, and as 83 and 89 % to one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate.signal.alignment import PairFit, fit_of_pairs, joined
from curation.gate.signal.negatives import NegativeFit, fit_of_negatives
from curation.hashing import priority
from curation.release import Release
from curation.training import Prepared, TrainedModel, prepare
from curation.training.evaluation import Cell, PairSet, evaluate_grid, full_similarities, sample_pairs
from curation.training.pairs import Int64s, TrainingPairs
from curation.training.smoke import initial_model

Progress = Callable[[int, str], None]
Float32s = npt.NDArray[np.float32]

_MIN_FOLDS = 3


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Whose the training pairs are: n rows in the order of `TrainingPairs`.

    Attributes:
        ids: (n,) record ids.
        languages: (n,) languages.
        sources: (n,) names of sources.
    """

    ids: npt.NDArray[np.object_]
    languages: npt.NDArray[np.object_]
    sources: npt.NDArray[np.object_]

    @classmethod
    def of(cls, table: pa.Table) -> TrainingRows:
        """Take the columns from the table of `curation.training.pairs.TrainingTexts`."""
        columns = (np.asarray(table.column(name).to_pylist(), dtype=object) for name in ("id", "language", "source"))
        return cls(*columns)

    def strata(self) -> Int64s:
        """Return the number of each row's (source, language), int64 (n,)."""
        keys = [f"{source}\n{language}" for source, language in zip(self.sources, self.languages, strict=True)]
        return np.unique(np.asarray(keys, dtype=str), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Trial:
    """What training on a release has shown.

    Attributes:
        models: trained on the release, one a seed; the first stands for all where one is enough.
        pairs: held-out pairs, a set a language.
        hits: for each of `pairs` how right each pair's retrieval is, the mean of both directions and of all seeds:
            float32 (n,).
        spread: macro accuracy of each seed's model.
        shuffled: likewise `hits` of the model trained on shuffled positives; none without held-out pairs.
        untrained: likewise of the model before its first step.
        grid: mean score of every cell of the first model.
        rows: whose the training pairs are.
        fit: how well the training pairs fit together, each judged by a model that was not trained on it.
        negatives: how near the mined negatives are to the positives, None where there are none.
    """

    models: tuple[TrainedModel, ...]
    pairs: Sequence[PairSet]
    hits: Mapping[str, Float32s]
    spread: tuple[float, ...]
    shuffled: Mapping[str, Float32s]
    untrained: Mapping[str, Float32s]
    grid: Sequence[Cell]
    rows: TrainingRows
    fit: PairFit
    negatives: NegativeFit | None

    @property
    def model(self) -> TrainedModel:
        """The first seed's model."""
        return self.models[0]


def run_trial(
    release: Release, training: Training, options: Gate, *, seed: int, cache: Path, progress: Progress
) -> Trial:
    """Train on the release with every seed, once on its shuffled shadow, and measure what was learnt.

    Pairs are read and tokenised once, by `seed`; the models' own seeds are `seed`, `seed + 1`, and so on.
    """
    sets = sample_pairs(release, split="test", min_pairs=options.min_language_pairs, seed=seed)
    prepared = prepare(release, training, seed=seed, cache=cache)
    pairs, rows = prepared.pairs, TrainingRows.of(prepared.texts.table)
    strata, folds = rows.strata(), folds_of(rows.ids, options.seeds, seed)
    models = tuple(
        prepared.train_on(
            without(pairs, folds == number),
            seed=seed + number,
            progress=_told(progress, f"model {number + 1} of {options.seeds}"),
        )
        for number in range(options.seeds)
    )
    fits = [fit_of_pairs(model, pairs, np.flatnonzero(folds == number), strata) for number, model in enumerate(models)]
    by_seed = [hits_of(model, sets) for model in models] if sets else []
    return Trial(
        models=models,
        pairs=sets,
        hits=_mean(by_seed),
        spread=tuple(macro_accuracy(hits) for hits in by_seed),
        shuffled=hits_of(_control(prepared, seed, progress), sets) if sets else {},
        untrained=hits_of(initial_model(prepared.tokenizer, training, seed=seed), sets),
        grid=evaluate_grid(models[0], sets) if sets else [],
        rows=rows,
        fit=joined(fits),
        negatives=fit_of_negatives(release, models[0], seed=seed),
    )


def folds_of(ids: npt.NDArray[np.object_], seeds: int, seed: int) -> Int64s:
    """Return the fold of each training pair, int64 (n,): number k is left out by the k-th model.

    There are at least three, so that few models still train on most pairs; then some pairs are judged by none.
    """
    count = np.uint64(max(_MIN_FOLDS, seeds))
    return (priority(ids.tolist(), "fold", seed) % count).astype(np.int64)


def without(pairs: TrainingPairs, left_out: npt.NDArray[np.bool_]) -> TrainingPairs:
    """Return the pairs less those that are left out (bool (n,)), or all where none would be left."""
    if left_out.all():
        return pairs
    kept = np.flatnonzero(~left_out)
    place = np.cumsum(~left_out) - 1
    sources = (place[rows[~left_out[rows]]] for rows in pairs.sources)
    return replace(
        pairs,
        anchors=pairs.anchors[kept],
        positives=pairs.positives[kept],
        negatives=pairs.negatives[kept],
        groups=pairs.groups[kept],
        sources=tuple(rows for rows in sources if len(rows)),
        teacher_scores=None if pairs.teacher_scores is None else pairs.teacher_scores[kept],
    )


def hits_of(model: TrainedModel, sets: Sequence[PairSet]) -> dict[str, Float32s]:
    """Return for each language how right each pair's retrieval is: the mean of both directions, float32 (n,)."""
    return {pairs.language: hits(full_similarities(model, pairs), pairs.right) for pairs in sets}


def hits(similarities: Float32s, right: npt.NDArray[np.bool_]) -> Float32s:
    """Return 0, 0.5 or 1 for each pair: in how many of both directions its first answer is right.

    A wrong answer that ties with the best right one goes before it, and one that is no number does, as in
    `curation.training.evaluation.retrieval_score`.

    Args:
        similarities: float32 (n, n), anchors by positives.
        right: bool (n, n), as of `PairSet`.
    """
    both: Float32s = (_first_is_right(similarities, right) + _first_is_right(similarities.T, right.T)) / np.float32(2)
    return both


def macro_accuracy(hits_by_language: Mapping[str, Float32s]) -> float:
    """Return the mean over languages of the mean over pairs."""
    return float(np.mean([float(values.mean()) for values in hits_by_language.values()]))


def _first_is_right(similarities: Float32s, right: npt.NDArray[np.bool_]) -> Float32s:
    best = np.where(right, similarities, -np.inf).max(axis=1, keepdims=True)
    first: Float32s = (~(~(similarities < best) & ~right).any(axis=1)).astype(np.float32)
    return first


def _mean(by_seed: Sequence[Mapping[str, Float32s]]) -> dict[str, Float32s]:
    codes = by_seed[0] if by_seed else {}
    return {code: np.mean([hits[code] for hits in by_seed], axis=0, dtype=np.float32) for code in codes}


def _control(prepared: Prepared, seed: int, progress: Progress) -> TrainedModel:
    return prepared.train(seed=seed, shuffle_positives=True, progress=_told(progress, "its shuffled shadow"))


def _told(progress: Progress, name: str) -> Callable[[int, int, float], None]:
    return lambda step, _steps, loss: progress(step, f"training {name}, loss {loss:.3f}")
