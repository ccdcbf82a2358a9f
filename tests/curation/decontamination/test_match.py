"""What is found in real sentences, that nothing is lost against a brute-force reference, and hostile input."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.config.model import Decontaminate
from curation.decontamination import postings
from curation.decontamination.match import best, find_matches
from curation.dedup.columns import folded
from tests.curation.decontamination.helpers import by_row, found, index_of, reference

OPTIONS = Decontaminate()
SENTENCES = {
    "eng": "The library closes at eight in the evening on the first Monday of every month.",
    "rus": "Библиотека закрывается в восемь часов вечера в первый понедельник каждого месяца.",
    "ell": "Η βιβλιοθήκη κλείνει στις οκτώ το βράδυ την πρώτη Δευτέρα κάθε μήνα.",
    "arb": "تغلق المكتبة أبوابها في الساعة الثامنة مساء في أول يوم اثنين من كل شهر.",
    "heb": "הספרייה נסגרת בשמונה בערב ביום שני הראשון של כל חודש בשנה.",
    "hin": "पुस्तकालय हर महीने के पहले सोमवार को शाम आठ बजे बंद हो जाता है।",
    "tha": "ห้องสมุดปิดเวลาสองทุ่มในวันจันทร์แรกของทุกเดือนตลอดทั้งปี",
    "khm": "បណ្ណាល័យបិទនៅម៉ោងប្រាំបីយប់នៅថ្ងៃច័ន្ទដំបូងនៃខែនីមួយៗ។",
    "jpn": "図書館は毎月第一月曜日の夜八時に閉まりますのでご注意ください。",
    "cmn": "图书馆每个月的第一个星期一晚上八点钟关门请各位读者注意时间。",
    "kor": "도서관은 매달 첫째 월요일 저녁 여덟 시에 문을 닫으니 유의하시기 바랍니다.",
    "kat": "ბიბლიოთეკა ყოველი თვის პირველ ორშაბათს საღამოს რვა საათზე იკეტება.",
    "amh": "ቤተ መጻሕፍቱ በየወሩ የመጀመሪያው ሰኞ ምሽት ሁለት ሰዓት ላይ ይዘጋል።",
    "hye": "Գրադարանը փակվում է երեկոյան ժամը ութին ամեն ամսվա առաջին երկուշաբթի օրը:",
}
FRAME = "As the notice on the door has said for years: {} Nobody seems to read it, though."
SHORT = [
    "Yes.",
    "Thank you",
    "OK",
    "Nein",
    "Да.",
    "谢谢你",
    "はい",
    "감사합니다",
    "ขอบคุณ",
    "نعم",
    "धन्यवाद",
    "Helsinki",
    "東京都",
]


def drop_every(text: str, step: int) -> str:
    return "".join(char for at, char in enumerate(text, 1) if at % step)


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text, 0),
        (lambda text: text.upper() if text.isascii() else text, 0),
        (lambda text: text + " !", 1),
        (lambda text: "»" + text[:-1] + "«", 1),
        (lambda text: FRAME.format(text), 2),
        (lambda text: FRAME.format(text) * 40, 2),
        (lambda text: FRAME.format(drop_every(text, 31)), 2),
    ],
    ids=["equal", "case", "punctuation", "quoted", "inside", "inside a long one", "inside with a slip"],
)
def test_planted_texts_are_found_in_every_script(language: str, change: object, rule: int) -> None:
    index = index_of(list(SENTENCES.values()), OPTIONS)
    [(got, score, text)] = found(index, [change(SENTENCES[language])], OPTIONS).values()  # type: ignore[operator]
    assert got == rule
    assert text == SENTENCES[language].lower()
    assert score >= 0.8


def test_other_texts_are_not_found() -> None:
    index = index_of(list(SENTENCES.values()), OPTIONS)
    others = [
        "The museum opens at nine in the morning, except on public holidays.",
        "图书馆明天不开门。",
        "",
        " ",
        "ห้องสมุด",
    ]
    assert found(index, others, OPTIONS) == {}


@pytest.mark.parametrize("text", SHORT)
def test_short_texts_harm_nobody(text: str) -> None:
    index = index_of(SHORT, OPTIONS)
    assert found(index, [text, FRAME.format(text), f"{text} {text} {text}"], OPTIONS) == {}


@pytest.mark.parametrize(("letters", "expected"), [(13, {0}), (14, {0}), (15, set()), (None, set())])
def test_equality_has_a_least_length_of_its_own(letters: int | None, expected: set[int]) -> None:
    index = index_of(["Chinese  food, 1 kg"], OPTIONS)
    assert set(found(index, ["chinese  food, 1 KG"], OPTIONS, letters)) == expected


def test_switched_off_rules_find_nothing() -> None:
    sentence = SENTENCES["eng"]
    train = [sentence, sentence + " !", FRAME.format(sentence)]
    for off, expected in (
        ({"near_threshold": None}, {0: 0, 1: 2, 2: 2}),
        ({"containment_threshold": None}, {0: 0, 1: 1}),
        ({"near_threshold": None, "containment_threshold": None}, {0: 0}),
    ):
        options = Decontaminate.model_validate(off)
        rules = {row: rule for row, (rule, _, _) in found(index_of([sentence], options), train, options).items()}
        assert rules == expected


@pytest.mark.parametrize("length", [400, 401, 599, 600, 1234, 1399])
def test_a_passage_of_a_long_text_is_found_in_a_cut_out_of_it(length: int) -> None:
    rng = random.Random(5)
    words = [SENTENCES[code].split()[n] for code in ("eng", "rus", "ell", "kat") for n in range(8)]
    document = " ".join(rng.choice(words) for _ in range(300))[:length]
    index = index_of([document], OPTIONS)
    cuts = [document[at : at + 399] for at in range(0, length - 398, 7)]
    assert set(found(index, cuts, OPTIONS)) == set(range(len(cuts)))


def test_what_stands_far_apart_is_not_contained() -> None:
    sentence = SENTENCES["eng"]
    pieces = [sentence[at : at + 12] for at in range(0, len(sentence), 8)]
    filler = " ".join(SENTENCES[code] for code in ("rus", "ell", "arb", "hin", "tha", "kat", "hye", "amh", "khm"))
    index = index_of([sentence], OPTIONS)
    assert set(found(index, [f" {filler} ".join(pieces)], OPTIONS)) == set()
    assert set(found(index, ["|".join(pieces)], Decontaminate(near_threshold=None, containment_threshold=0.6))) == {0}


PHRASES = [
    "the cat ",
    "sat on ",
    "a mat ",
    "в доме ",
    "на столе ",
    "図書館は",
    "八時に",
    "ทุกเดือน",
    "1984 ",
    "xyzzy ",
    "aaaa",
]
TEXTS = st.lists(st.sampled_from(PHRASES), max_size=14).map("".join)
LONG = st.lists(st.sampled_from(PHRASES), max_size=70).map("".join)
LOOSE = {"near_min_letters": 4, "containment_min_letters": 6, "passage_chars": 50}


@settings(max_examples=150)
@given(
    st.lists(TEXTS, max_size=25),
    st.lists(TEXTS | LONG, max_size=12),
    st.sampled_from([0.5, 0.6, 0.8, 1.0]),
    st.sampled_from([0.5, 0.7, 0.9, 1.0]),
    st.sampled_from([0, 1, 3, 256]),
)
def test_it_finds_what_a_comparison_with_everything_finds(
    texts: list[str], train: list[str], near: float, contained: float, common: int
) -> None:
    options = Decontaminate.model_validate(LOOSE | {"near_threshold": near, "containment_threshold": contained})
    texts = [text for text in texts if text.strip()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postings, "COMMON", common)
        index = index_of(texts, options)
    assert found(index, train, options, 3) == reference(texts, train, options, 3)


@pytest.mark.parametrize("length", [801, 1199, 1200, 1201, 1601, 4000])
def test_it_is_found_wherever_it_stands_in_a_long_text(length: int) -> None:
    sentence = SENTENCES["eng"]
    index = index_of([sentence], OPTIONS)
    filler = (SENTENCES["rus"] * 60)[: length - len(sentence)]
    texts = [filler[:at] + sentence + filler[at:] for at in range(0, len(filler) + 1, 53)]
    assert set(found(index, texts, OPTIONS)) == set(range(len(texts)))


def test_of_texts_after_one_template_the_right_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "COMMON", 3)
    texts = [f"{SENTENCES['eng']} {sign}" for sign in "abcdefghij"] + [SENTENCES["eng"]]
    index = index_of(texts, OPTIONS)
    named = found(index, [FRAME.format(text) for text in texts], OPTIONS)
    assert [text for _, _, text in named.values()] == [text.lower() for text in texts]


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=15), st.lists(TEXTS, max_size=15), st.randoms(), st.integers(1, 6))
def test_order_and_batches_change_nothing(texts: list[str], train: list[str], rng: random.Random, batch: int) -> None:
    options = Decontaminate.model_validate(LOOSE)
    index = index_of([text or "x" for text in texts], options)
    whole = found(index, train, options, 3)
    order = list(range(len(train)))
    rng.shuffle(order)
    column = folded([train[at] for at in order])
    again = {}
    for begin in range(0, len(order), batch):
        matches = best(find_matches(column[begin : begin + batch], index, options, exact_min_letters=3))
        again |= {order[begin + row]: value for row, value in by_row(matches, index).items()}
    assert again == whole


def seconds(texts: Sequence[str], train: Sequence[str]) -> tuple[float, int]:
    begin = time.perf_counter()
    count = len(found(index_of(texts, OPTIONS), train, OPTIONS))
    return time.perf_counter() - begin, count


TEMPLATE = "What is the sum of the numbers in the following list of items: {}?"


@pytest.mark.parametrize(
    ("texts", "train", "hits"),
    [
        ([SENTENCES["eng"]] * 200_000, [SENTENCES["eng"]] * 2000, 2000),
        ([TEMPLATE.format(n) for n in range(20_000)], [TEMPLATE.format(n * 7) for n in range(1000)], 1000),
        (
            [TEMPLATE.format(n) for n in range(20_000)],
            [f"The numbers in the list of items, {n}" for n in range(1000)],
            0,
        ),
        (list(SENTENCES.values()), ["".join(SENTENCES.values()) * 500], 1),
        (["".join(SENTENCES.values()) * 500], list(SENTENCES.values()) * 50, 0),
        (["a" * 500_000], ["a" * 500_000, "a" * 400_000], 1),
        (["ha" * 40, "=" * 200, "\u200b" * 90], ["ha" * 40 + "!", "=" * 300, "\u200b" * 91], 0),
    ],
    ids=["one line", "template", "near misses", "a long text", "a long evaluation text", "one letter", "monotonous"],
)
def test_hostile_texts_cost_seconds_and_not_hours(texts: list[str], train: list[str], hits: int) -> None:
    took, count = seconds(texts, train)
    assert count == hits
    assert took < 20
