"""What a text shows: letters by script and the model's corrected probabilities; and what its partner lets expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.langid.answers import Answers, Labels, spread, sums
from curation.langid.model import COUNT, Model
from curation.langid.scope import Bools, Codes, Scope, fitting
from curation.langid.scripts import NO_SCRIPT, LetterCounts, letter_counts

Relation = Literal["same", "different"]

# Texts that are looked at at a time: what is held for them (labels by texts) stays near the processor's cache.
BLOCK_ROWS = 1_024
# Share of pairs with sides in different languages among those that are mostly in one (titles, names, quotations).
DIFFERENT_SHARE = 0.1
# A partner counts as if it had chosen among this many languages at most: the model never gives a wrong language less
# than some 0.001, which a partner that had chosen among all of its languages would make the likeliest.
MAX_CHOICE = 10

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What n texts show.

    Attributes:
        texts: the texts, as `prepare` returns them, shape (n,).
        counts: their letters by script.
        systems: the script of each, shape (n,).
        mass: probability of each label times the model's weight for it, float32, shape (n, m); 0 for all but the
            likeliest labels.
        rest: probability of all labels whose mass is 0 together, float32, shape (n,).
    """

    texts: pa.Array
    counts: LetterCounts
    systems: Codes
    mass: Floats
    rest: Floats

    def deepened(self, rows: Rows, model: Model) -> Beliefs:
        """Return the beliefs about some rows, with every label of the model."""
        texts = self.texts.take(pa.array(rows))
        mass = model.probabilities(texts.to_pylist()) * model.weights
        counts = LetterCounts(self.counts.scripts, self.counts.counts[rows])
        return Beliefs(texts, counts, self.systems[rows], mass, np.zeros(len(rows), np.float32))

    def fitting(self, scope: Scope) -> Bools:
        """Return which labels mean a language of the scope that is written in the text's script, shape (n, m)."""
        names, numbers = np.unique(self.systems.astype(str), return_inverse=True)
        masks = [fitting(scope, str(name)) for name in names]
        return np.stack(masks)[numbers] if masks else np.zeros(self.mass.shape, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What n texts show at a first look, which is at the likeliest labels alone.

    Attributes:
        texts: the texts, as `prepare` returns them, shape (n,).
        counts: their letters by script.
        systems: the scripts that most letters of a text are in.
        system_numbers: which of them each text is in, shape (n,).
        labels: numbers of the likeliest labels, shape (n, k).
        mass: probability of each of them times the model's weight for it, float32, shape (n, k); 0 for none.
        rest: probability of all other labels together, float32, shape (n,).
    """

    texts: pa.Array
    counts: LetterCounts
    systems: tuple[str, ...]
    system_numbers: Rows
    labels: Labels
    mass: Floats
    rest: Floats

    def beliefs(self, model: Model) -> Beliefs:
        """Return the same with a column for every label of the model."""
        systems = np.array(self.systems, dtype=object)[self.system_numbers]
        return Beliefs(self.texts, self.counts, systems, spread(self.mass, self.labels, len(model.labels)), self.rest)


def glance(texts: pa.Array, model: Model, counts: LetterCounts | None = None, asked: Bools | None = None) -> Glance:
    """Take a first look at texts that went through `prepare`.

    Args:
        texts: the texts, shape (n,).
        model: the model.
        counts: their letters, if they have been counted.
        asked: which of them the model is asked about, shape (n,); all that have letters by default.
    """
    counts = letter_counts(texts) if counts is None else counts
    systems, numbers = counts.systems()
    answers = Answers.nothing(len(texts), COUNT)
    is_lettered = numbers != systems.index(NO_SCRIPT)
    rows = np.flatnonzero(is_lettered if asked is None else is_lettered & asked)
    answers.put(rows, model.likeliest(texts.take(pa.array(rows)).to_pylist()))
    labels, likeliest = answers.labels, answers.scores
    rest = np.maximum(np.float32(1) - sums(likeliest, labels, len(model.labels)), 0)
    return Glance(texts, counts, systems, numbers, labels, likeliest * model.weights[labels], rest)


def look(texts: pa.Array, model: Model) -> Beliefs:
    """Look at texts that went through `prepare`; not at more than `BLOCK_ROWS` of them."""
    return glance(texts, model).beliefs(model)


def blocks(count: int, size: int = BLOCK_ROWS) -> Iterator[slice]:
    """Cut `count` rows into slices of `size`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def expected_from(other: Beliefs, scope: Scope, relation: Relation) -> Floats:
    """Return how much likelier each label is given the other side of a pair than without it, shape (n, m).

    With q the probabilities of the other side's languages, c the languages of the scope (`MAX_CHOICE` at most) and
    d = `DIFFERENT_SHARE`: 1 - q for sides that are in different languages, d + (1 - d) c q for sides that are mostly
    in one. A side without letters, or in no language of the scope, lets nothing be expected.
    """
    mass = other.mass * other.fitting(scope)
    total = mass.sum(axis=1) + other.rest
    shares = mass / np.maximum(total, np.finfo(np.float32).tiny)[:, None]
    factors = _factors(shares, scope, relation)
    factors[mass.max(axis=1, initial=0) == 0] = 1
    return factors


def expected_of(base: str, scope: Scope, relation: Relation) -> Floats:
    """Likewise, for another side that is declared to be in the language `base` (ISO 639-3), shape (m,)."""
    meanings = scope.model.meanings
    shares = np.array([any(item.base == base for item in meaning) for meaning in meanings], dtype=np.float32)
    return _factors(shares, scope, relation) if shares.any() else np.ones_like(shares)


def _factors(shares: Floats, scope: Scope, relation: Relation) -> Floats:
    if relation == "different":
        return 1 - shares
    choice = min(int(scope.candidates().sum()), MAX_CHOICE)
    return np.float32(DIFFERENT_SHARE) + np.float32((1 - DIFFERENT_SHARE) * choice) * shares
