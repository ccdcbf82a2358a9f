"""Cross-encoders: models that read a query and a passage together and score them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from curation.errors import ConfigError, CurationError
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Identity
from curation.mining.teachers.model_files import (
    ModelFiles,
    Stamps,
    file_stamps,
    find_model,
    finite_length,
    library_versions,
    loading_failed,
)
from curation.mining.teachers.options import ModelDtype, check_dtype, check_positive

_WHERE = "mining.cross_encoder"


@dataclass(frozen=True, slots=True)
class CrossEncoderOptions:
    """A cross-encoder and how it is used.

    Attributes:
        spec: `ORG/MODEL@REVISION` with all 40 digits of the revision, or a model's folder.
        max_tokens: a longer pair is cut there. By default where the model says.
        dtype: of the weights and of what is computed with them.
        pickled_weights: also load weights that are not safetensors, by torch's restricted unpickler.
        batch_size: pairs that go through the model at a time.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; by default the best there is.

    Raises:
        ConfigError: if a value cannot be; the message names it.
    """

    spec: str
    max_tokens: int | None = None
    dtype: ModelDtype = "float32"
    pickled_weights: bool = False
    batch_size: int = 32
    device: str | None = None

    def __post_init__(self) -> None:
        check_positive("max_tokens", self.max_tokens, _WHERE)
        check_positive("batch_size", self.batch_size, _WHERE)
        check_dtype(self.dtype, _WHERE)


class CrossEncoderScorer:
    """A sentence-transformers cross-encoder with one score a pair.

    Args:
        options: which model, and how it is used.

    Raises:
        ConfigError: if the options name no model, or one that has not exactly one score.
        CurationError: if the package is not installed, or the model cannot be loaded.
    """

    def __init__(self, options: CrossEncoderOptions) -> None:
        self._options = options
        self._files = find_model(options.spec, f"{_WHERE}.model", pickled_weights=options.pickled_weights)
        self._model = _load(options, self._files)
        if self._model.num_labels != 1:
            raise ConfigError(
                f"the cross-encoder {options.spec!r} does not give one score",
                where=f"{_WHERE}.model",
                why=f"it has {self._model.num_labels} classes",
                hint="take a reranker, which has one",
            )

    @property
    def name(self) -> str:
        """`ORG/MODEL@REVISION`, or the folder's name and the digest of its files."""
        return self._files.name

    @property
    def identity(self) -> Identity:
        """Everything that the scores depend on, besides the texts."""
        return {
            **self._files.identity,
            "max_tokens": finite_length(getattr(self._model, "max_seq_length", None) or self._model.max_length),
            "dtype": self._options.dtype,
            "libraries": library_versions(),
        }

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        """Return the score of each of n pairs of query and passage, float32 in [0, 1], shape (n,).

        It is the logistic function of the model's output, also where the model would leave that as it is. A pair
        that the model cannot score has NaN.

        Raises:
            CurationError: if the model fails (most often for want of memory).
        """
        import torch

        if not len(pairs):
            return np.empty(0, dtype=np.float32)
        try:
            scores = self._model.predict(
                [list(pair) for pair in pairs],
                batch_size=self._options.batch_size,
                show_progress_bar=False,
                activation_fn=torch.nn.Sigmoid(),
                convert_to_tensor=True,
            )
        except (RuntimeError, IndexError, ValueError, MemoryError) as error:
            raise CurationError(
                f"the cross-encoder {self._options.spec!r} failed on {len(pairs):,} pairs",
                where=_WHERE,
                why=f"{type(error).__name__}: {error}",
                hint=f"if memory ran out, set batch_size below {self._options.batch_size} or max_tokens",
            ) from error
        values: Vectors = scores.float().cpu().numpy()
        return values


def load_cross_encoder(options: CrossEncoderOptions) -> CrossEncoderScorer:
    """Return the cross-encoder of the options; the last one stays loaded for the next pool, as long as it is the same.

    Raises:
        ConfigError: if the options name no model, or one that has not exactly one score.
        CurationError: if the model cannot be loaded.
    """
    return _cached(options, file_stamps(options.spec))


@lru_cache(maxsize=1)
def _cached(options: CrossEncoderOptions, stamps: Stamps) -> CrossEncoderScorer:  # noqa: ARG001 - see load_teacher
    return CrossEncoderScorer(options)


def _load(options: CrossEncoderOptions, files: ModelFiles) -> Any:
    try:
        import torch
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise CurationError(
            f"the cross-encoder {options.spec!r} needs sentence-transformers",
            where=_WHERE,
            why=str(error),
            hint="pip install 'ml-embed-curation[hub-teacher]', or leave the cross-encoder out",
        ) from error
    weights = {} if options.pickled_weights else {"use_safetensors": True}
    try:
        model = CrossEncoder(
            files.place,
            revision=files.revision,
            local_files_only=files.revision is None,
            trust_remote_code=False,
            device=options.device,
            max_length=options.max_tokens,
            model_kwargs={"torch_dtype": getattr(torch, options.dtype), **weights},
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, AttributeError, TypeError) as error:
        raise loading_failed(options.spec, _WHERE, error) from error
    return model.eval()
