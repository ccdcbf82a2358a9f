"""What a model answers on texts: a few likely labels of each, and a bounded memory of what it was asked lately."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The likeliest labels of n texts, at most k of each.

    Attributes:
        labels: numbers of the labels, rising in each row, shape (n, k); 0 where there are fewer.
        scores: their probabilities, float32, shape (n, k); 0 where there are fewer.
    """

    labels: Labels
    scores: Floats

    @classmethod
    def nothing(cls, rows: int, count: int) -> Answers:
        """Return the answers on texts that no label is likely for."""
        return cls(np.zeros((rows, count), np.int32), np.zeros((rows, count), np.float32))

    def put(self, rows: Rows, part: Answers) -> None:
        """Fill in the answers on some rows."""
        self.labels[rows], self.scores[rows] = part.labels, part.scores

    def take(self, rows: Rows) -> Answers:
        """Return the answers on some rows."""
        return Answers(self.labels[rows], self.scores[rows])


def spread(values: Floats, labels: Labels, size: int) -> Floats:
    """Return values of a few labels, shape (n, k), as values of all `size` labels, shape (n, size)."""
    matrix = np.zeros((len(values), size), dtype=np.float32)
    rows, columns = np.nonzero(values)
    matrix[rows, labels[rows, columns]] = values[rows, columns]
    return matrix


def sums(values: Floats, labels: Labels, size: int) -> Floats:
    """Return `spread(values, labels, size).sum(axis=1)`, to the last bit, shape (n,).

    Two numbers have one sum, whatever is added to them that is nothing. Of more, the last bit depends on the order,
    which in a row of all labels depends on how many there are.
    """
    total: Floats = values.sum(axis=1)
    many = np.flatnonzero(np.count_nonzero(values, axis=1) > 2)
    total[many] = spread(values[many], labels[many], size).sum(axis=1)
    return total


class Memory:
    """The answers on the texts that were asked about lately, for the same sentence is a pair with many others.

    It holds two generations: when the young one is full it becomes the old one, and what the old one held is
    forgotten unless it was asked about since. Threads may share it.
    """

    def __init__(self, rows: int, chars: int, count: int) -> None:
        """Remember at most `rows` texts of `chars` characters together a generation, each with `count` labels."""
        self._rows, self._chars, self._count = rows, chars, count
        self._lock = threading.Lock()
        self._young = self._old = _Generation(rows, count)

    def recall(self, texts: Sequence[str]) -> tuple[Answers, Bools]:
        """Return the answers on texts, shape (n,), and which of them it knows; on others there are none."""
        young, old = self._young, self._old
        answers, known = Answers.nothing(len(texts), self._count), np.zeros(len(texts), dtype=np.bool_)
        young.fill(texts, np.arange(len(texts)), answers, known)
        rest = np.flatnonzero(~known)
        old.fill([texts[row] for row in rest.tolist()], rest, answers, known)
        again = rest[known[rest]]
        self.learn([texts[row] for row in again.tolist()], answers.take(again))
        return answers, known

    def learn(self, texts: Sequence[str], answers: Answers) -> None:
        """Remember the answers on texts, shape (n,), or on the first of them where they are too many."""
        chars = sum(map(len, texts))
        if chars > self._chars:
            return
        with self._lock:
            if not self._young.has_room(min(len(texts), self._rows), chars, self._chars):
                self._young, self._old = _Generation(self._rows, self._count), self._young
            self._young.add(texts[: self._rows], answers, chars)


class _Generation:
    """Texts with their answers; what once stands in it never changes, so that it can be read while it grows."""

    def __init__(self, rows: int, count: int) -> None:
        self._answers = Answers.nothing(rows, count)
        self._places: dict[str, int] = {}
        self._used = self._chars = 0

    def has_room(self, rows: int, chars: int, most_chars: int) -> bool:
        return self._used + rows <= len(self._answers.labels) and self._chars + chars <= most_chars

    def add(self, texts: Sequence[str], answers: Answers, chars: int) -> None:
        places = np.arange(self._used, self._used + len(texts))
        self._answers.put(places, answers.take(np.arange(len(texts))))
        # Last, for whoever finds a text here reads its answers at once.
        self._places.update(zip(texts, places.tolist(), strict=True))
        self._used, self._chars = self._used + len(texts), self._chars + chars

    def fill(self, texts: Sequence[str], rows: Rows, answers: Answers, known: Bools) -> None:
        places = np.fromiter(map(self._places.get, texts, repeat(-1)), dtype=np.int64, count=len(texts))
        found = places >= 0
        answers.put(rows[found], self._answers.take(places[found]))
        known[rows[found]] = True
