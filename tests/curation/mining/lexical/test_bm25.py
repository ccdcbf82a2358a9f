from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mining.lexical.bm25 import K1, B, Bm25, bm25_nearest
from curation.mining.lexical.features import FEATURES, count_features
from curation.mining.lexical.index import Matrix
from curation.mining.ragged import Exclusions, Ragged

WORDS = ("river", "boat", "harbour", "नदी", "नाव", "แม่น้ำ", "เรือ", "河", "船", "река", "лодка", "نهر", "قارب")

# A question, the passage that answers it, a longer one that only mentions its subject, and one on something else.
QUESTIONS = {
    "eng_Latn": (
        "When was the old harbour bridge built?",
        "The old harbour bridge was built in 1932.",
        "The ferry to the islands leaves every hour from a quay near the old harbour, where tickets are sold.",
        "Bread is baked before sunrise.",
    ),
    "hin_Deva": (
        "पुराना पुल कब बनाया गया था?",
        "पुराना पुल 1932 में बनाया गया था।",
        "द्वीपों के लिए नाव हर घंटे पुराने घाट के पास से चलती है और टिकट वहीं मिलते हैं।",
        "रोटी सूर्योदय से पहले पकाई जाती है।",
    ),
    "tha_Thai": (
        "สะพานเก่าสร้างเมื่อไร",
        "สะพานเก่าสร้างเมื่อปี 1932",
        "เรือข้ามฟากไปเกาะออกทุกชั่วโมงจากท่าใกล้เมืองเก่า ซึ่งมีตั๋วขาย",
        "ขนมปังอบก่อนพระอาทิตย์ขึ้น",
    ),
    "jpn_Jpan": (
        "古い橋はいつ建設されましたか。",
        "古い橋は1932年に建設されました。",
        "島へのフェリーは古い町の近くの港から毎時間出ており、切符はそこで売られている。",
        "パンは日の出前に焼かれる。",
    ),
    "arb_Arab": (
        "متى بُني الجسر القديم؟",
        "بُني الجسر القديم عام 1932.",
        "تغادر العبّارة إلى الجزر كل ساعة من رصيف قريب من الميناء القديم حيث تباع التذاكر.",
        "يُخبز الخبز قبل شروق الشمس.",
    ),
    "rus_Cyrl": (
        "Когда был построен старый мост?",
        "Старый мост был построен в 1932 году.",
        "Паром на острова отходит каждый час от причала возле старого порта, там же продают билеты.",
        "Хлеб пекут до рассвета.",
    ),
}


def counts_of(*texts: str) -> Matrix:
    return count_features(pa.array(texts, pa.string()))


def nothing_excluded(count: int) -> Exclusions:
    return Exclusions.from_rows(Ragged(np.empty(0, np.int64), np.zeros(count + 1, np.int64)))


def row(matrix: Matrix, number: int) -> dict[int, float]:
    part = slice(*matrix.indptr[number : number + 2])
    return dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))


def by_the_formula(query: dict[int, float], number: int, pool: Matrix) -> float:
    """Sum count * idf * tf (k1 + 1) / (tf + k1 (1 - b + b length / mean)) over the features of the query."""
    size = pool.shape[0]
    having = Counter(pool.indices.tolist())
    passage = row(pool, number)
    damping = K1 * (1 - B + B * sum(passage.values()) / (pool.data.sum() / size))
    score = 0.0
    for feature, count in query.items():
        idf = math.log(1 + (size - having[feature] + 0.5) / (having[feature] + 0.5))
        score += count * idf * passage.get(feature, 0.0) * (K1 + 1) / (passage.get(feature, 0.0) + damping)
    return score


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_scores_by_the_formula(data: st.DataObject) -> None:
    text = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
    pool = counts_of(*data.draw(st.lists(text, min_size=1, max_size=8)), "boat")
    query = counts_of(data.draw(text))
    size = pool.shape[0]
    found = bm25_nearest(query, pool, size, nothing_excluded(1))
    expected = [by_the_formula(row(query, 0), number, pool) for number in range(size)]
    have = found.rows[0] >= 0
    assert have.sum() == sum(score > 0 for score in expected)
    for place, score in zip(found.rows[0][have], found.scores[0][have], strict=True):
        assert score == pytest.approx(expected[place], rel=1e-5)


@pytest.mark.parametrize("language", QUESTIONS)
def test_the_answer_comes_first(language: str) -> None:
    question, *passages = QUESTIONS[language]
    found = bm25_nearest(counts_of(question), counts_of(*passages), 3, nothing_excluded(1))
    assert found.rows[0, 0] == 0
    assert found.scores[0, 0] > 1.0, "no cosine"


def test_no_weight_is_negative_however_frequent_a_feature() -> None:
    pool = counts_of("boats", "boats", "boats")
    weighted = Bm25.fit(pool)
    assert weighted.weights.shape == (FEATURES,)
    assert (weighted.weights >= 0).all()
    assert (weighted.passages(pool).data > 0).all()


def test_excluded_passages_are_as_if_not_there() -> None:
    pool = counts_of("boats in the harbour", "boats in the bay", "bread")
    barred = Exclusions.from_rows(Ragged.from_pairs(np.array([0]), np.array([0]), 1))
    assert bm25_nearest(counts_of("boats in the harbour"), pool, 2, barred).rows.tolist() == [[1, -1]]


@pytest.mark.parametrize("texts", [[], ["", "…"]])
def test_a_pool_without_words(texts: list[str]) -> None:
    found = bm25_nearest(counts_of("boats"), counts_of(*texts), 2, nothing_excluded(1))
    assert found.rows.tolist() == [[-1, -1]]
