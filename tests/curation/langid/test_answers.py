"""Few answers in place of all: they add up to the same, and those that are remembered are those that were given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.answers import Answers, Memory, spread, sums

LINES = [
    "Wo ist der Bahnhof?\n",
    "Где вокзал?\n",
    "أين المحطة؟\n",
    "स्टेशन कहाँ है?\n",
    "สถานีอยู่ที่ไหน\n",
    "駅はどこ\n",
    "12\n",
    "\n",
]


def numbered(*numbers: int) -> Answers:
    """Answers that tell which text they are on."""
    labels = np.array([[number, number + 1] for number in numbers], dtype=np.int32).reshape(-1, 2)
    return Answers(labels, (labels / 100).astype(np.float32))


def answered(memory: Memory, texts: list[str]) -> list[int | None]:
    answers, known = memory.recall(texts)
    assert (answers.scores == (answers.labels / 100).astype(np.float32)).all()
    return [int(row[0]) if there else None for row, there in zip(answers.labels, known, strict=True)]


@st.composite
def few_of_many(draw: st.DrawFn) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], int]:
    size = draw(st.integers(4, 2200))
    labels, values = [], []
    for _ in range(draw(st.integers(0, 6))):
        chosen = sorted(draw(st.sets(st.integers(0, size - 1), max_size=4)))
        odds = draw(st.lists(st.floats(0.03125, 1, width=32), min_size=len(chosen), max_size=len(chosen)))
        labels.append(chosen + [0] * (4 - len(chosen)))
        values.append(odds + [0.0] * (4 - len(chosen)))
    shape = len(labels), 4
    return np.array(values, np.float32).reshape(shape), np.array(labels, np.int32).reshape(shape), size


@given(few_of_many())
def test_few_values_add_up_to_what_a_row_of_all_adds_up_to(
    drawn: tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], int],
) -> None:
    values, labels, size = drawn
    whole = spread(values, labels, size)
    assert whole.shape == (len(values), size)
    for row, here, numbers in zip(whole, values, labels, strict=True):
        assert {(int(label), row[label]) for label in np.flatnonzero(row)} == {
            (int(label), value) for value, label in zip(here, numbers, strict=True) if value
        }
    assert sums(values, labels, size).tobytes() == whole.sum(axis=1).tobytes()


def test_what_was_learnt_is_remembered() -> None:
    memory = Memory(rows=8, chars=1000, count=2)
    assert answered(memory, LINES) == [None] * 8
    memory.learn(LINES[:3], numbered(1, 2, 3))
    memory.learn(LINES[5:6], numbered(6))
    assert answered(memory, [LINES[5], LINES[4], LINES[0], LINES[0]]) == [6, None, 1, 1]
    assert answered(memory, []) == []


@pytest.mark.parametrize(("rows", "chars"), [(2, 1000), (100, 40)])
def test_a_full_memory_forgets_what_was_not_asked_about(rows: int, chars: int) -> None:
    memory = Memory(rows=rows, chars=chars, count=2)
    texts = [f"{number:020d}" for number in range(6)]
    memory.learn(texts[:2], numbered(0, 1))
    memory.learn(texts[2:3], numbered(2))
    assert answered(memory, texts[:1]) == [0]
    memory.learn(texts[3:5], numbered(3, 4))
    assert answered(memory, texts) == [0, None, 2, 3, 4, None]


def test_more_than_it_holds_is_not_remembered() -> None:
    memory = Memory(rows=2, chars=10, count=2)
    memory.learn(["a", "b", "c"], numbered(1, 2, 3))
    assert answered(memory, ["a", "b", "c"]) == [1, 2, None]
    memory.learn(["a text of too many letters"], numbered(4))
    assert answered(memory, ["a text of too many letters", "a"]) == [None, 1]


@given(st.lists(st.lists(st.sampled_from(range(len(LINES))), max_size=6), max_size=12), st.integers(1, 6))
def test_whatever_is_asked_in_whatever_order_the_answers_are_right(batches: list[list[int]], rows: int) -> None:
    memory = Memory(rows=rows, chars=60, count=2)
    for batch in batches:
        texts = [LINES[number] for number in batch]
        found = answered(memory, texts)
        assert all(answer in (None, number) for answer, number in zip(found, batch, strict=True))
        new = [number for number, answer in zip(batch, found, strict=True) if answer is None]
        memory.learn([LINES[number] for number in new], numbered(*new))
