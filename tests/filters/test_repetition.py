from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import repetition


@pytest.mark.parametrize(
    ("phrase", "times"),
    [
        ("Buy cheap shoes now! ", 4),
        ("купить дешёвые окна ", 4),
        ("ซื้อรองเท้าราคาถูก", 4),
        ("点击这里购买便宜的鞋子。", 4),
        ("ここをクリック", 8),
        ("ここ", 30),
        ("यहाँ क्लिक करें ", 5),
        ("싸게 사세요 ", 10),
        ("اشتر الآن ", 8),
        ("a", 60),
        ("ha", 40),
    ],
)
def test_a_phrase_said_over_and_over_is_found_in_every_script(column, phrase, times):
    assert repetition.repetition(column([phrase * times]))[0] > 0.6


def test_a_phrase_between_other_words_is_found(column):
    text = " ".join(
        f"{name}: click here to read the whole story" for name in ("one", "two", "ten", "six", "sun", "moon")
    )
    assert repetition.repetition(column([text]))[0] > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, no, no!",
        "Ha ha ha ha ha ha ha!",
        "哈哈哈哈哈哈哈哈哈哈",
        "5555555555555555",
        "Row, row, row your boat.",
    ],
)
def test_short_text_is_exempt_from_repetition(column, text):
    assert np.isnan(repetition.repetition(column([text]))[0])


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat, and the dog sat on the rug, and the bird sat on the perch.",
        "The sixth sick sheikh's sixth sheep's sick, said the sixth sick sheikh to the sixth sick sheep.",
        "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett verwandelt.",
        "すもももももももものうち。庭には二羽鶏がいる。裏庭にも二羽鶏がいる。鶏は二羽ともよく鳴く。",
        "吃葡萄不吐葡萄皮，不吃葡萄倒吐葡萄皮。四是四，十是十，十四是十四，四十是四十，十四不是四十。",
    ],
)
def test_clean_text_with_natural_repeats_passes(column, text):
    assert repetition.repetition(column([text]))[0] <= 0.5


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Home", "About", "Home", "Home"], 8 / 17),
        (["Menü", "Menü", "Menü", "Menü"], 0.75),
        (["मुख्य पृष्ठ"] * 5, 0.8),
        (["首页"] * 10, 0.9),
        (["Главная", "Новости", "О нас", "Контакты"], 0.0),
        (["الرئيسية", "من نحن", "الرئيسية", "من نحن"], 0.5),
        (["หน้าแรก"] * 4, 0.75),
        (["დასაწყისი", "", "დასაწყისი", ""], 0.5),
        (["გ", " გ ", "გ", "გ"], 0.75),
        (["ቤት", "ቤት", "ቤት", "ቤት"], 0.75),
        (["", "", "", ""], 0.0),
    ],
)
def test_repeated_lines(column, lines, expected):
    assert repetition.line_repetition(column(["\n".join(lines)])).tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize("text", ["", "one line", "Yes.\nAre you?\nYes.", "là\nlà\nlà"])
def test_text_of_few_lines_is_exempt(column, text):
    assert np.isnan(repetition.line_repetition(column([text]))).all()


@given(st.lists(st.text(alphabet="abก字\n ", max_size=80), min_size=1, max_size=8))
def test_a_score_depends_on_its_row_alone(column, texts):
    for score in (repetition.repetition, repetition.line_repetition):
        alone = np.concatenate([score(column([text])) for text in texts])
        assert np.array_equal(score(column(texts)), alone, equal_nan=True)
