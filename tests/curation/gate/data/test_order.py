"""Real text has an order; a machine that shuffles its words or its letters takes it away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.gate.data.order import Tokens, characters, neighbour_order, words

# A handful of words in sentences of a simple grammar, in scripts with blanks and without.
GRAMMARS = {
    "deu": (["Der Hund", "Die Katze", "Das Kind", "Ein Vogel"], ["sieht oft", "hört nie"], ["den Baum.", "das Haus."]),
    "rus": (["Моя собака", "Твоя кошка", "Наш ребёнок"], ["часто видит", "никогда не слышит"], ["дерево.", "дом."]),
    "ell": (["Ο σκύλος", "Η γάτα", "Το παιδί"], ["βλέπει συχνά", "δεν ακούει"], ["το δέντρο.", "το σπίτι."]),
    "arb": (["الكلب الكبير", "القطة الصغيرة"], ["يرى دائما", "لا يسمع أبدا"], ["الشجرة.", "البيت."]),
    "hin": (["मेरा कुत्ता", "तुम्हारी बिल्ली"], ["अक्सर देखता", "कभी नहीं सुनता"], ["पेड़ को है।", "घर को है।"]),
    "tam": (["என் நாய்", "உன் பூனை"], ["அடிக்கடி பார்க்கிறது", "கேட்பதில்லை"], ["மரத்தை இங்கே.", "வீட்டை அங்கே."]),
    "kat": (["ჩემი ძაღლი", "შენი კატა"], ["ხშირად ხედავს", "არასოდეს ესმის"], ["ხეს აქ.", "სახლს იქ."]),
    "heb": (["הכלב שלי", "החתול שלך"], ["רואה לעתים", "לא שומע"], ["את העץ.", "את הבית."]),
    "hye": (["Իմ շունը", "Քո կատուն"], ["հաճախ տեսնում", "երբեք չի լսում"], ["ծառը այստեղ։", "տունը այնտեղ։"]),
    "tha": (["หมาของฉัน", "แมวของเธอ"], ["มักจะเห็น", "ไม่เคยได้ยิน"], ["ต้นไม้ใหญ่", "บ้านหลังนี้"]),
    "cmn": (["我的狗", "你的猫", "他的孩子"], ["经常看见", "从来听不到"], ["那棵大树。", "这座房子。"]),
    "jpn": (["私の犬は", "あなたの猫は"], ["よく見ている", "聞こえない"], ["あの大きな木を。", "この家を。"]),
}
COUNT = 300


def sentences(code: str) -> list[str]:
    random = np.random.default_rng(3)
    joint = "" if code in ("tha", "cmn", "jpn") else " "
    return [joint.join(str(random.choice(part)) for part in GRAMMARS[code]) for _ in range(COUNT)]


def shuffled(text: str, random: np.random.Generator, *, letters: bool) -> str:
    parts = list(text) if letters or " " not in text else text.split(" ")
    random.shuffle(parts)
    return ("" if letters or " " not in text else " ").join(parts)


@pytest.mark.parametrize("code", GRAMMARS)
@pytest.mark.parametrize(("cut", "letters"), [(words, False), (characters, True)])
def test_order_and_chance(code: str, cut: Callable[[pa.Array], Tokens], letters: bool) -> None:
    random = np.random.default_rng(5)
    texts = sentences(code)
    mixed = [shuffled(text, random, letters=letters) for text in texts]
    (order, pairs), (chance, as_many) = (neighbour_order(cut(pa.array(some))) for some in (texts, mixed))
    assert pairs == as_many
    assert order > 0.4
    assert abs(chance) < 0.08


@given(st.lists(st.text("ab 中。", max_size=8), max_size=12))
def test_words_are_what_blanks_part(texts: list[str]) -> None:
    """Blanks part words, and what has no blanks is a word a character."""
    tokens = words(pa.array(texts, pa.string()))
    expected = [len(text.replace("中", " 中 ").split()) for text in texts]
    assert np.bincount(tokens.owners, minlength=len(texts)).tolist() == expected if texts else not len(tokens.owners)
    assert neighbour_order(tokens)[1] == sum(count + 1 for count in expected if count)


def test_pieces_are_the_ends_of_words() -> None:
    tokens = words(pa.array(["abcde abxde", "ab"]))
    assert tokens.owners.tolist() == [0, 0, 1]
    assert tokens.heads[0] == tokens.heads[1] == tokens.heads[2] == tokens.tails[2]
    assert tokens.tails[0] == tokens.tails[1] != tokens.heads[0]


def test_the_same_every_time() -> None:
    texts = pa.array(sentences("deu"))
    assert neighbour_order(words(texts)) == neighbour_order(words(texts))


def test_no_text_has_no_order() -> None:
    assert neighbour_order(words(pa.array([], pa.string()))) == (0.0, 0)
    assert neighbour_order(characters(pa.array([""], pa.string()))) == (0.0, 0)
