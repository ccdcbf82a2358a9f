"""Rows of each task type, in several scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from curation.release import Release
from curation.training.evaluation.pairs import sample_pairs
from curation.training.evaluation.tasks import evaluate_tasks, negative_outcome, sample_classes, sample_negatives

TOPICS = {
    "sport": ["ফুটবল ম্যাচ আজ রাতে", "ফুটবল দল জিতেছে আজ", "ফুটবল খেলা আজ শুরু", "ফুটবল ম্যাচ শেষ আজ"],
    "money": ["ব্যাংকের সুদের হার", "ব্যাংকের ঋণের হার", "সুদের হার বাড়ল ব্যাংকের", "ব্যাংকের হার কমল"],
}
RETRIEVAL = [
    ("tha_Thai", "ห้องสมุดปิดกี่โมง", "ห้องสมุดปิดเวลาสองทุ่ม", ["ร้านค้าปิดแล้ว", "รถไฟมาตรงเวลา"]),
    ("tha_Thai", "รถไฟมากี่โมง", "รถไฟมาตอนแปดโมง", ["รถเมล์ไม่มา", "ห้องสมุดเปิดแล้ว"]),
    ("kat_Geor", "როდის იხურება ბიბლიოთეკა", "ბიბლიოთეკა იხურება რვაზე", ["მატარებელი მოდის", "მაღაზია ღიაა"]),
    ("kat_Geor", "როდის მოდის მატარებელი", "მატარებელი მოდის რვაზე", ["ბიბლიოთეკა ღიაა", "მაღაზია იხურება"]),
    ("heb_Hebr", "מתי נסגרת הספרייה", "הספרייה נסגרת בשמונה", ["הרכבת מגיעה", "החנות פתוחה"]),
    ("heb_Hebr", "מתי מגיעה הרכבת", "הרכבת מגיעה בשמונה", ["הספרייה פתוחה", "החנות נסגרת"]),
]


def retrieval_rows(split: str = "test") -> list[dict[str, Any]]:
    return [
        {"language": code, "split": split, "task": "retrieval", "anchor": a, "positive": p, "negatives": negatives}
        for code, a, p, negatives in RETRIEVAL
    ]


def labelled_rows(task: str, *, named: bool = True) -> list[dict[str, Any]]:
    rows = []
    for topic, texts in TOPICS.items():
        for number, text in enumerate(texts):
            split = "train" if number % 2 else "test"
            row = {"language": "ben_Beng", "split": split, "task": task, "anchor": text, "positive": topic}
            rows.append(row | {"label": topic if named else ""})
    return rows


def test_negatives_are_candidates_of_every_anchor(release_of: Callable[..., Release], letters: Any) -> None:
    sets = list(sample_negatives(release_of(retrieval_rows()), split="test", min_rows=2, seed=0))
    assert [found.language for found in sets] == ["heb_Hebr", "kat_Geor", "tha_Thai"]
    for found in sets:
        assert len(found.candidates) == len(set(found.candidates)) == 6
        assert found.right.shape == (2, 6)
        for row in range(2):
            (answer,) = np.flatnonzero(found.right[row])
            assert found.candidates[answer] in {p for _, _, p, _ in RETRIEVAL}
        outcome = negative_outcome(letters, found, (4, 64, 16))
        assert outcome.ranks.shape == (1, 2)
        assert (outcome.ranks <= 2).all()


def test_a_shared_anchor_shares_its_answers(release_of: Callable[..., Release]) -> None:
    rows = retrieval_rows()[:2]
    rows[1] = rows[1] | {"anchor": rows[0]["anchor"].upper()}
    (found,) = sample_negatives(release_of(rows), split="test", min_rows=1, seed=0)
    assert found.right.sum(axis=1).tolist() == [2, 2]


@pytest.mark.parametrize("named", [True, False])
def test_classes_are_named_by_the_source_or_are_the_positives(
    release_of: Callable[..., Release], letters: Any, named: bool
) -> None:
    release = release_of(labelled_rows("classification", named=named))
    (found,) = sample_classes(release, split="test", min_rows=2, seed=0)
    assert (found.task, found.language) == ("classification", "ben_Beng")
    assert sorted(found.classes.tolist()) == sorted(found.example_classes.tolist()) == [0, 0, 1, 1]
    assert not set(found.texts) & set(found.examples)
    scores = evaluate_tasks(letters, release, min_rows=2, seed=0)
    assert [(score.task, score.measure, score.depth, score.dim, score.rank) for score in scores] == [
        ("classification", "accuracy", 4, 64, 16),
        ("classification", "accuracy", 1, 8, 4),
    ]
    assert scores[0].value == 1
    assert (scores[0].low, scores[0].high, scores[0].rows) == (1, 1, 4)


def test_clusters(release_of: Callable[..., Release], letters: Any) -> None:
    release = release_of(labelled_rows("clustering"))
    score = evaluate_tasks(letters, release, min_rows=2, seed=0)[0]
    assert (score.task, score.measure, score.rows, score.low) == ("clustering", "v_measure", 4, None)
    assert score.value == pytest.approx(1)


def test_a_class_without_examples_is_left_out(release_of: Callable[..., Release]) -> None:
    rows = labelled_rows("classification")
    rows.append(rows[0] | {"anchor": "নতুন কবিতা", "positive": "poetry", "label": "poetry"})
    (found,) = sample_classes(release_of(rows), split="test", min_rows=2, seed=0)
    assert "নতুন কবিতা" not in found.texts


@pytest.mark.parametrize("task", ["classification", "clustering"])
def test_one_class_is_none(release_of: Callable[..., Release], task: str) -> None:
    rows = [row for row in labelled_rows(task) if row["label"] == "sport"]
    assert list(sample_classes(release_of(rows), split="test", min_rows=2, seed=0)) == []


def test_pairs_of_a_class_are_right_for_each_other_and_tasks_can_be_chosen(release_of: Callable[..., Release]) -> None:
    rows = labelled_rows("clustering") + [
        row | {"language": "ben_Beng", "negatives": []} for row in retrieval_rows()[:2]
    ]
    release = release_of(rows)
    (mixed,) = sample_pairs(release, split="test", min_pairs=2, seed=0)
    assert mixed.right.sum(axis=1).tolist() == [2, 2, 2, 2, 1, 1]
    (paired,) = sample_pairs(release, split="test", min_pairs=2, seed=0, tasks=["retrieval", "bitext"])
    assert paired.right.tolist() == np.eye(2, dtype=bool).tolist()
    assert sample_pairs(release, split="test", min_pairs=2, seed=0, tasks=["code"]) == []


def test_nothing_to_evaluate(release_of: Callable[..., Release], letters: Any) -> None:
    assert evaluate_tasks(letters, release_of(retrieval_rows("train")), min_rows=2, seed=0) == []
    assert evaluate_tasks(letters, release_of(retrieval_rows()), min_rows=3, seed=0) == []
