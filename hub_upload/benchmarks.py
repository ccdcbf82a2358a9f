"""Our models on any task or benchmark of the installed mteb, by name. Needs the extra `eval`, and data from the Hub.

mteb's own code loads, runs and scores; here is only what makes a model one that it knows how to ask.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.errors import ConfigError, CurationError
from curation.training.evaluation import Encoder
from hub_upload.evaluation_sets import find_tasks

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BenchmarkScore:
    """The main score of a task in one subset.

    Attributes:
        task: name of the task.
        type: its type, as mteb calls it.
        split: the split that was evaluated on.
        subset: subset of the dataset, mostly a language or a pair of them.
        languages: languages of the subset (`eng-Latn`).
        measure: name of the task's main score.
        score: its value; None where the task gives no number.
        revision: commit of the dataset.
    """

    task: str
    type: str
    split: str
    subset: str
    languages: tuple[str, ...]
    measure: str
    score: float | None
    revision: str


class MtebEncoder:
    """One cell of a model, as mteb wants its models.

    Args:
        model: the model.
        depth: exit, one of the model's depths; the last by default.
        dim: leading dimensions that are kept; all by default.
        rank: of the token table; the full one by default.

    Raises:
        ConfigError: if the model has no such exit, or not so many dimensions or ranks.
    """

    def __init__(
        self, model: Encoder, *, depth: int | None = None, dim: int | None = None, rank: int | None = None
    ) -> None:
        self._model = model
        self._depth = _chosen("depth", depth, model.depths)
        self._dim = _chosen("dim", dim, model.dims)
        self._rank = _chosen("rank", rank, model.ranks)

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb writes beside the scores."""
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        name = f"ml-embed-curation/depth-{self._depth}-dim-{self._dim}-rank-{self._rank}"
        known = {"name": name, "revision": "local", "embed_dim": self._dim}
        return ModelMeta.create_empty(overwrites=known | {"similarity_fn_name": ScoringFunction.COSINE})

    def encode(self, inputs: Iterable[Mapping[str, Any]], **_: Any) -> Float32s:
        """Return unit vectors, float32 (n, dim), of the texts of all batches."""
        texts = [text for batch in inputs for text in batch["text"]]
        exits = self._model.exits(texts, rank=self._rank)
        return _unit(exits[self._model.depths.index(self._depth), :, : self._dim])

    def similarity(self, one: Any, other: Any) -> Any:
        """Return the cosine of every vector (n, d) with every other (m, d), as a tensor (n, m)."""
        import torch

        return torch.from_numpy(_unit(one) @ _unit(other).T)

    def similarity_pairwise(self, one: Any, other: Any) -> Any:
        """Return the cosine of each vector (n, d) with its counterpart, as a tensor (n,)."""
        import torch

        return torch.from_numpy((_unit(one) * _unit(other)).sum(axis=-1))


def evaluate_mteb(
    model: Encoder,
    names: Sequence[str],
    languages: Sequence[str] = (),
    *,
    depth: int | None = None,
    dim: int | None = None,
    rank: int | None = None,
) -> list[BenchmarkScore]:
    """Evaluate one cell of a model on tasks and benchmarks of mteb.

    Args:
        model: the model.
        names: names of tasks and of benchmarks (`STS17`, `MTEB(Multilingual, v2)`).
        languages: ISO 639-3 codes: only subsets in any of these; all if empty.
        depth: exit, one of the model's depths; the last by default.
        dim: leading dimensions that are kept; all by default.
        rank: of the token table; the full one by default.

    Returns:
        A row for each task, split and subset, in that order.

    Raises:
        ConfigError: if mteb is not installed or knows no such task, benchmark or language, or the model no such cell.
        CurationError: if a task cannot be loaded or run.
    """
    tasks = find_tasks(names, languages)
    return evaluate_on(MtebEncoder(model, depth=depth, dim=dim, rank=rank), tasks)


def evaluate_on(encoder: MtebEncoder, tasks: Sequence[Any]) -> list[BenchmarkScore]:
    """Evaluate on tasks of mteb, as `evaluate_mteb` does."""
    return [row for task in tasks for row in _rows(task, _run(encoder, task))]


def _run(encoder: MtebEncoder, task: Any) -> Any:
    import mteb

    try:
        # Without its cache: what stands there is of another model of the same name.
        results = mteb.evaluate(encoder, task, cache=None, co2_tracker=False, show_progress_bar=False)
    except MemoryError:
        raise
    except Exception as error:  # each dataset's loader and each evaluator raises what it likes
        why = f"{type(error).__name__}: {error}"
        hint = "loading needs a network, and for gated data `hf auth login`"
        raise CurationError(f"The task {task.metadata.name} cannot be run", why=why[:500], hint=hint) from error
    return results.task_results[0]


def _rows(task: Any, result: Any) -> list[BenchmarkScore]:
    meta = task.metadata
    return [
        BenchmarkScore(
            task=meta.name,
            type=str(meta.type),
            split=split,
            subset=score["hf_subset"],
            languages=tuple(score["languages"]),
            measure=meta.main_score,
            score=_number(score["main_score"]),
            revision=str(result.dataset_revision),
        )
        for split, scores in sorted(result.scores.items())
        for score in sorted(scores, key=lambda score: str(score["hf_subset"]))
    ]


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _chosen(axis: str, wanted: int | None, there: Sequence[int]) -> int:
    if wanted is None:
        return there[-1]
    if wanted not in there:
        raise ConfigError(f"The model has no {axis} {wanted}", why=f"it has {', '.join(map(str, there))}")
    return wanted


def _unit(vectors: Any) -> Float32s:
    rows = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))
