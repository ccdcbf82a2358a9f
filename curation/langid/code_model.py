"""The weights by which programming languages are told apart, and the file that holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from curation.langid.code_features import Ids, Vocabulary, features_of

MODEL_FILE = "code_model.npz"

# Weights are whole numbers: sums of them are exact, in whatever order they are added up. This many make the file
# small, and on held out text answer as well as eight bits do.
LARGEST_WEIGHT = 31

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CodeModel:
    """A softmax regression on the tokens of a text.

    Attributes:
        labels: what it tells apart, sorted, shape (m,): codes of programming languages without `_Zzzz`, and others.
        words: its tokens, the shapes of unknown ones first, shape (v,).
        pairs: keys of its pairs of tokens in rising order, shape (p,).
        weights: int8, shape (v + p, m).
        scale: what a weight of 1 stands for.
        bias: shape (m,).
        temperature: what the sums are multiplied with to make the scores as high as the share of right answers.
        min_score: the least score at which an answer is given; `tools/train_code_model.py` says how it is found.
        about: what it was trained on, with the licences.
    """

    labels: tuple[str, ...]
    words: tuple[str, ...]
    pairs: Ids
    weights: npt.NDArray[np.int8]
    scale: float
    bias: Floats
    temperature: float
    min_score: float
    about: str

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The index of each token."""
        return Vocabulary(self.words)

    @cached_property
    def _wide_weights(self) -> npt.NDArray[np.int32]:
        return self.weights.astype(np.int32)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logarithm of the odds of each label, but for a constant of each text, shape (n, m).

        The weights of a text's features are added up and divided by the square root of their number, so that long
        texts are not all certain.
        """
        features, bounds = features_of(texts, self.vocabulary, self.pairs)
        shape = (len(texts), len(self.weights))
        presence = csr_array((np.ones(len(features), dtype=np.int32), features, bounds), shape=shape)
        sums = presence @ self._wide_weights
        # Each text has at least its line starts.
        logits: Floats = (sums * (self.scale / np.sqrt(np.diff(bounds)))[:, None] + self.bias) * self.temperature
        return logits

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the probability of each label, shape (n, m)."""
        logits = self.logits(texts)
        odds: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        return odds

    def with_calibration(self, temperature: float, min_score: float) -> CodeModel:
        """Return the model with these two numbers."""
        return replace(self, temperature=temperature, min_score=min_score)


def save(model: CodeModel, path: Path) -> None:
    """Write a model; no pickles."""
    header = {
        "labels": model.labels,
        "words": model.words,
        "scale": model.scale,
        "bias": model.bias.tolist(),
        "temperature": model.temperature,
        "min_score": model.min_score,
        "about": model.about,
    }
    text = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), dtype=np.uint8)
    # Differences of neighbouring keys are small numbers, which compress well.
    steps = np.diff(model.pairs, prepend=0)
    np.savez_compressed(path, header=text, steps=steps, weights=np.ascontiguousarray(model.weights.T))


def read(path: Path) -> CodeModel:
    """Return the model of a file."""
    with np.load(path, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        pairs, weights = np.cumsum(arrays["steps"]), np.ascontiguousarray(arrays["weights"].T)
    return CodeModel(
        labels=tuple(header["labels"]),
        words=tuple(header["words"]),
        pairs=pairs,
        weights=weights,
        scale=header["scale"],
        bias=np.array(header["bias"]),
        temperature=header["temperature"],
        min_score=header["min_score"],
        about=header["about"],
    )


@cache
def embedded() -> CodeModel:
    """Return the model that comes with this package, read once a process."""
    with as_file(files("curation.langid") / MODEL_FILE) as path:
        return read(path)
