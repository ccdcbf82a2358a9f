from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mining.lexical import features
from curation.mining.lexical.features import FEATURE_BITS, FEATURES, Vectoriser, count_features
from curation.mining.lexical.index import Matrix
from curation.mining.lexical.scripts import SPACED, character_classes
from curation.ngrams import codepoints, span_hashes
from curation.text import fold

SENTENCES = (
    "The harbour master counted the boats again.",
    "Die Hafenmeisterin zählte die Boote noch einmal.",
    "Начальник порта снова пересчитал лодки.",
    "बंदरगाह के अधिकारी ने नावें फिर से गिनीं।",
    "துறைமுக அதிகாரி படகுகளை மீண்டும் எண்ணினார்.",
    "নৌকাগুলো আবার গোনা হয়েছে।",
    "นายท่าเรือนับเรืออีกครั้งหนึ่ง",
    "ဆိပ်ကမ်းမှူးက လှေတွေကို ထပ်ရေတွက်တယ်။",
    "港务长又把船数了一遍。",
    "港長はもう一度ボートを数えた。",
    "항만장은 배를 다시 세었다.",
    "عدّ مدير الميناء القوارب مرة أخرى.",
    "מנהל הנמל ספר שוב את הסירות.",
    "የወደቡ ኃላፊ ጀልባዎቹን እንደገና ቆጠሩ።",
    "ნავსადგურის უფროსმა ნავები ხელახლა დათვალა.",
    "Ｈｅｌｌｏ ｗｏｒｌｄ ２０２４, mixed 中文 and кириллица",
)
TEXT = st.text(st.sampled_from("ab Cकि्ท้เ中국あé.!٣_\u200d\U0001f600"), max_size=14)


@cache
def hashed(gram: str) -> int:
    points = codepoints(pa.array([gram]))
    return int(span_hashes(points, points.offsets[:-1], points.offsets[1:])[0] >> np.uint64(64 - FEATURE_BITS))


def grams(text: str) -> list[str]:
    """Spell out what the features of a text are."""
    folded = fold(pa.array([text]))[0].as_py()
    found = []
    for run in regex.findall(r"[\p{L}\p{M}\p{N}\p{Pc}\u200c\u200d]+", folded):
        for token in regex.findall("S+|U+", "".join("US"[int(character_classes()[ord(c)] == SPACED)] for c in run)):
            word, run = run[: len(token)], run[len(token) :]
            sizes, padded = ((3, 4, 5), f" {word} ") if token[0] == "S" else ((1, 2, 3), word)
            found += [word] if token[0] == "S" else []
            found += [padded[i : i + size] for size in sizes for i in range(len(padded) - size + 1)]
    return found


def row(matrix: Matrix, number: int) -> dict[int, float]:
    part = slice(*matrix.indptr[number : number + 2])
    return dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))


def strings(*texts: str) -> pa.Array:
    return pa.array(texts, pa.string())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("?! …", []),
        ("a", ["a", " a "]),
        ("An", ["an", " an", "an ", " an "]),
        ("की", ["की", " की", "की ", " की "]),
        ("中文", ["中", "文", "中文"]),
        ("น้ำ", ["น", "้", "ํ", "า", "น้", "้ํ", "ํา", "น้ํ", "้ํา"]),
        ("x中", ["x", " x ", "中"]),
        ("a. a", ["a", " a ", "a", " a "]),
    ],
)
def test_features_of_small_texts(text: str, expected: list[str]) -> None:
    assert row(count_features(strings(text)), 0) == Counter(map(hashed, expected))


@pytest.mark.parametrize("text", SENTENCES)
def test_features_of_real_sentences(text: str) -> None:
    assert row(count_features(strings(text)), 0) == Counter(map(hashed, grams(text)))
    assert len(grams(text)) > 20


@given(st.lists(TEXT, max_size=5))
def test_features_of_any_text_whatever_stands_around_it(texts: list[str]) -> None:
    counts = count_features(strings(*texts))
    assert counts.shape == (len(texts), FEATURES)
    assert [row(counts, number) for number in range(len(texts))] == [Counter(map(hashed, grams(t))) for t in texts]


def same(left: Matrix, right: Matrix) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in ("data", "indices", "indptr"))


@pytest.mark.parametrize(
    ("name", "block"), [("_BLOCK_TEXTS", 1), ("_BLOCK_TEXTS", 7), ("_BLOCK_BYTES", 1), ("_BLOCK_BYTES", 300)]
)
def test_blocks_change_nothing(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = strings(*SENTENCES, "", *SENTENCES, "")
    whole = count_features(texts)
    monkeypatch.setattr(features, name, block)
    assert same(count_features(texts), whole)


@pytest.mark.parametrize("texts", [pa.array(SENTENCES, pa.large_string()), strings("x", *SENTENCES, "y").slice(1, 16)])
def test_any_arrow_strings(texts: pa.Array) -> None:
    assert same(count_features(texts), count_features(strings(*SENTENCES)))


def test_indices_are_sorted_and_counts_float32() -> None:
    counts = count_features(strings(*SENTENCES))
    for number in range(len(SENTENCES)):
        part = counts.indices[slice(*counts.indptr[number : number + 2])]
        assert (np.diff(part) > 0).all()
    assert counts.data.dtype == np.float32


@pytest.mark.parametrize(
    ("left", "right"),
    [("दिन", "दान"), ("की", "का"), ("கல்", "கால்"), ("ไม่", "ไม้"), ("ကို", "ကု"), ("שֶׁל", "שׁוֹל"), ("peña", "pena")],
)
def test_a_vowel_sign_makes_another_word(left: str, right: str) -> None:
    both = count_features(strings(left, right))
    assert set(row(both, 0)) != set(row(both, 1))


@pytest.mark.parametrize(
    ("left", "right"),
    [("Straße", "STRASSE".lower()), ("ＡＢＣ", "abc"), ("ﾃｽﾄ", "テスト"), ("cafe\u0301", "CAFÉ"), ("МОСКВА", "москва")],
)
def test_folded_forms_are_equal(left: str, right: str) -> None:
    both = count_features(strings(left, right))
    assert (row(both, 0) == row(both, 1)) == (left != "Straße"), "lower case, not case folding: ß stays"


def by_the_formula(pool: list[list[str]], texts: list[list[str]]) -> list[dict[int, float]]:
    """Weigh by ln((1 + N) / (1 + n)) + 1 and 1 + ln count, and divide by the length, one text at a time."""
    having = Counter(feature for text in pool for feature in {hashed(gram) for gram in text})
    vectors = []
    for text in texts:
        weighted = {
            feature: (1 + np.log(count)) * (np.log((1 + len(pool)) / (1 + having[feature])) + 1)
            for feature, count in Counter(map(hashed, text)).items()
        }
        length = np.sqrt(sum(value * value for value in weighted.values()))
        vectors.append({feature: value / length for feature, value in weighted.items()})
    return vectors


@settings(max_examples=40)
@given(st.lists(TEXT, min_size=1, max_size=6), st.lists(TEXT, max_size=3))
def test_vectors_by_the_formula(pool: list[str], queries: list[str]) -> None:
    vectoriser = Vectoriser.fit(count_features(strings(*pool)))
    vectors = vectoriser.transform(count_features(strings(*queries)))
    expected = by_the_formula([grams(text) for text in pool], [grams(text) for text in queries])
    for number, values in enumerate(expected):
        assert row(vectors, number) == pytest.approx(values, rel=1e-5)


def lengths(vectors: Matrix) -> npt.NDArray[np.float64]:
    return np.sqrt(np.asarray((vectors.astype(np.float64) ** 2).sum(axis=1)).ravel())


def test_vectors_have_unit_length_and_texts_without_words_none() -> None:
    counts = count_features(strings(*SENTENCES, "", "… !!!"))
    vectors = Vectoriser.fit(counts).transform(counts)
    np.testing.assert_allclose(lengths(vectors), [1.0] * len(SENTENCES) + [0.0, 0.0], atol=1e-6)
    assert vectors.data.dtype == np.float32


def test_no_texts() -> None:
    counts = count_features(strings())
    assert Vectoriser.fit(counts).transform(counts).shape == (0, FEATURES)
