from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import sides

# Short, clean, everyday sentences: no filter of one side may object to any of them.
CLEAN = {
    "amh_Ethi": "ውሃ እፈልጋለሁ።",
    "arb_Arab": "أين المكتبة؟",
    "ben_Beng": "আমি বাংলায় গান গাই।",
    "bod_Tibt": "ཁྱེད་རང་གི་མཚན་ལ་ག་རེ་ཞུ་གི་ཡོད།",
    "deu_Latn": "„Das macht Spaß“, rief er – „JÄ“!",
    "ell_Grek": "Πού είναι η τουαλέτα;",
    "eng_Latn": "“I’m 25,” she said…",
    "fra_Latn": "Il a dit : « voilà le CAFÉ »…",
    "guj_Gujr": "મને ગુજરાતી આવડે છે.",
    "heb_Hebr": "אני לא מבין אותך.",
    "hin_Deva": "मैं हिन्दी बोलता हूँ।",
    "hye_Armn": "Ես սովորում եմ հայերեն:",
    "jpn_Jpan": "彼女は毎日学校へ行きます。",
    "kat_Geor": "გამარჯობა, როგორ ხარ?",
    "khm_Khmr": "ខ្ញុំនិយាយភាសាខ្មែរ។",
    "kor_Hang": "저는 한국어를 배우고 있어요.",
    "lao_Laoo": "ຂ້ອຍເວົ້າພາສາລາວ.",
    "mal_Mlym": "എനിക്ക് മലയാളം അറിയാം.",
    "mya_Mymr": "ကျွန်တော် မြန်မာစကား ပြောတတ်တယ်။",
    "por_Latn": "Ela gritou: “IRMÔ, e a 2ª vez: “MANHû…",
    "rus_Cyrl": "Я не говорю по-русски.",
    "sin_Sinh": "මම සිංහල කතා කරනවා.",
    "spa_Latn": "No sé…¿tú qué crees?",
    "tam_Taml": "எனக்கு தமிழ் தெரியும்.",
    "tha_Thai": "ฉันพูดภาษาไทยได้",
    "tur_Latn": "Işık %50'si söndü.",
    "vie_Latn": "Tôi không nói được tiếng Việt.",
    "yid_Hebr": "איך רעד ייִדיש.",
    "zho_Hans": "我爱北京天安门，天安门上太阳升。",
}


@pytest.mark.parametrize("language", CLEAN)
def test_clean_short_sentences_of_every_script_pass(column, language):
    one = column([CLEAN[language]], language)
    assert sides.letter_share(one)[0] >= 0.5
    assert sides.mojibake_share(one)[0] == 0.0
    assert sides.markup_share(one)[0] == 0.0
    assert not sides.repetition(one)[0] > 0.2


@pytest.mark.parametrize(("text", "length"), [("", 0), ("é", 1), ("สวัสดี", 6), ("😀", 1), ("ab\ncd", 5)])
def test_characters(column, text, length):
    assert sides.characters(column([text])).tolist() == [length]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("12:30", 0.0),
        ("--- *** ---", 0.0),
        ("abc 123", 0.5),
        ("ab!!", 0.5),
        ("हि", 1.0),  # a vowel sign is a mark
        ("क\u200dष", 1.0),  # a joiner is as invisible as a blank
    ],
)
def test_letter_share(column, text, expected):
    assert sides.letter_share(column([text])).tolist() == [expected]


@pytest.mark.parametrize("score", [sides.letter_share, sides.markup_share])
def test_code_is_exempt(column, score):
    assert np.isnan(score(column(["<p>1 + 1 == 2</p>"], "html_Zzzz"))).all()


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("the \ufffd sign", 1),
        ("ma\ufffd\ufffdana", 2),
        ("cafÃ©", 2),
        ("perÃ² sÃ¬", 4),
        ("GrÃ¼ÃŸe aus MÃ¼nchen", 6),
        ("20 Â°C", 2),
        ("Itâ€™s", 3),
        ("ðŸ˜€ ok", 2),
        ("ï»¿start", 3),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", 12),
        ("Ã‡a va", 2),
        ("ÅŸÄ±k", 4),
        ("pÅ‚aszcz bÄ™dzie", 2),
        ("Ä°stanbul", 2),
        ("à¤¹à¤¿", 6),
        ("ã€‚", 3),
    ],
)
def test_mojibake(column, text, damaged):
    assert sides.mojibake_share(column([text])).tolist() == [pytest.approx(damaged / len(text))]


@pytest.mark.parametrize(
    "text", ["CAFÉ»", "„Spaß“", "IRMÔ", "«MANHû", "Ø±0,5 mm", "›PÅ‹", "10 Å² x 3 Å³", "Ä…", "naïve—Â", "3×½"]
)
def test_quotation_marks_and_units_after_capitals_are_not_mojibake(column, text):
    assert sides.mojibake_share(column([text])).tolist() == [0.0]


@pytest.mark.parametrize(
    "text",
    [
        "Où est l'été ?",
        "Привет, мир",
        "Γειά σου Κόσμε",
        "مرحبا بالعالم",
        "şık ığdır",
        "Łódź",
        "हिन्दी",
        "你好。",
        "“Hi”",
    ],
)
@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_real_damage_is_found_in_every_script(column, text, codec):
    damaged = text.encode().decode(codec, errors="ignore")
    assert sides.mojibake_share(column([damaged]))[0] > 0.0


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("<b>x</b>", 7),
        ("a<br/>b", 5),
        ('<a href="/x?y=1">Hilfe</a>', 21),
        ("Fish &amp; chips", 5),
        ("&#8217;&#x2019;", 15),
        ("<!-- hidden --> seen", 15),
        ("<P ALIGN=left>Текст", 14),
        ("R&D; AT&T", 0),
        ("R&D and AT&T", 0),
        ("List<String> and <enum-cookbook>", 0),
        ("1 < 2 and 3 > 2", 0),
        ("`PEP 8 <pep-0008>`", 0),
    ],
)
def test_markup_share(column, text, inside):
    assert sides.markup_share(column([text])).tolist() == [pytest.approx(inside / len(text))]


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
    assert sides.repetition(column([phrase * times]))[0] > 0.6


def test_a_phrase_between_other_words_is_found(column):
    text = " ".join(
        f"{name}: click here to read the whole story" for name in ("one", "two", "ten", "six", "sun", "moon")
    )
    assert sides.repetition(column([text]))[0] > 0.6


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
    assert np.isnan(sides.repetition(column([text]))[0])


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
    assert sides.repetition(column([text]))[0] <= 0.5


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abcdefghij ก字&;<>Ã©", max_size=80), min_size=1, max_size=8))
def test_a_score_depends_on_its_row_alone(column, texts):
    for score in (sides.letter_share, sides.mojibake_share, sides.markup_share, sides.repetition):
        alone = np.concatenate([score(column([text])) for text in texts])
        assert np.array_equal(score(column(texts)), alone, equal_nan=True)
