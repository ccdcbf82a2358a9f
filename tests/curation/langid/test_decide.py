"""The decision on real sentences, most of which say that somebody goes to the market tomorrow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.langid import identify, identify_pairs
from curation.langid.decide import OUTSIDE_SHARE, identify_prepared, in_han_variant
from curation.langid.evidence import Relation
from curation.langid.model import load
from curation.langid.scope import scope_of
from language_configs import UnknownLanguageError

SENTENCES = {
    "eng_Latn": "The committee will publish its report on Thursday morning.",
    "deu_Latn": "Wir haben gestern Abend lange über das neue Buch gesprochen.",
    "fra_Latn": "Les enfants jouent dans le jardin depuis ce matin.",
    "vie_Latn": "Hôm nay trời mưa rất to nên chúng tôi ở nhà.",
    "tur_Latn": "Yarın sabah erkenden yola çıkmamız gerekiyor.",
    "rus_Cyrl": "Завтра утром мы поедем на дачу к бабушке.",
    "ukr_Cyrl": "Сьогодні ввечері ми підемо до театру разом із друзями.",
    "ell_Grek": "Αύριο το πρωί θα πάμε στη θάλασσα με τα παιδιά.",
    "hye_Armn": "Վաղը առավոտյան մենք կգնանք գյուղ տատիկի մոտ։",
    "kat_Geor": "ხვალ დილით ჩვენ სოფელში წავალთ ბებიასთან.",
    "heb_Hebr": "מחר בבוקר ניסע לכפר לבקר את סבתא.",
    "arb_Arab": "سوف نذهب غدا صباحا إلى المدرسة مع أصدقائنا.",
    "pes_Arab": "فردا صبح با دوستانم به کتابخانه می‌روم.",
    "urd_Arab": "ہم کل صبح اپنے دوستوں کے ساتھ بازار جائیں گے۔",
    "uig_Arab": "مەن ئەتە ئەتىگەندە مەكتەپكە بارىمەن.",
    "hin_Deva": "हम कल सुबह अपने दोस्तों के साथ बाज़ार जाएँगे।",
    "ben_Beng": "আমরা আগামীকাল সকালে বন্ধুদের সাথে বাজারে যাব।",
    "pan_Guru": "ਅਸੀਂ ਕੱਲ੍ਹ ਸਵੇਰੇ ਆਪਣੇ ਦੋਸਤਾਂ ਨਾਲ ਬਾਜ਼ਾਰ ਜਾਵਾਂਗੇ।",
    "guj_Gujr": "અમે કાલે સવારે મિત્રો સાથે બજારમાં જઈશું.",
    "ory_Orya": "ଆମେ କାଲି ସକାଳେ ସାଙ୍ଗମାନଙ୍କ ସହିତ ବଜାରକୁ ଯିବୁ।",
    "tam_Taml": "நாளை காலை நாங்கள் நண்பர்களுடன் சந்தைக்குப் போவோம்.",
    "tel_Telu": "రేపు ఉదయం మేము స్నేహితులతో కలిసి మార్కెట్‌కు వెళ్తాము.",
    "kan_Knda": "ನಾಳೆ ಬೆಳಿಗ್ಗೆ ನಾವು ಸ್ನೇಹಿತರೊಂದಿಗೆ ಮಾರುಕಟ್ಟೆಗೆ ಹೋಗುತ್ತೇವೆ.",
    "mal_Mlym": "നാളെ രാവിലെ ഞങ്ങൾ കൂട്ടുകാരോടൊപ്പം ചന്തയിൽ പോകും.",
    "sin_Sinh": "අපි හෙට උදේ යාළුවන් සමඟ වෙළඳපොළට යනවා.",
    "tha_Thai": "พรุ่งนี้เช้าเราจะไปตลาดกับเพื่อน ๆ",
    "lao_Laoo": "ມື້ອື່ນເຊົ້າພວກເຮົາຈະໄປຕະຫຼາດກັບໝູ່.",
    "khm_Khmr": "ព្រឹកស្អែកយើងនឹងទៅផ្សារជាមួយមិត្តភក្តិ។",
    "mya_Mymr": "မနက်ဖြန် မနက် ကျွန်တော်တို့ သူငယ်ချင်းတွေနဲ့ ဈေးသွားမယ်။",
    "bod_Tibt": "སང་ཉིན་ང་ཚོ་གྲོགས་པོ་ཚོ་དང་མཉམ་དུ་ཁྲོམ་ལ་འགྲོ་གི་ཡིན།",
    "amh_Ethi": "ነገ ጠዋት ከጓደኞቻችን ጋር ወደ ገበያ እንሄዳለን።",
    "div_Thaa": "އަހަރެމެން މާދަމާ ހެނދުނު އެކުވެރިންނާއެކު ބާޒާރަށް ދާނަން.",
    "jpn_Jpan": "明日の朝、友達と一緒に市場へ行きます。",
    "kor_Hang": "내일 아침에 친구들과 함께 시장에 갈 거예요.",
    "cmn_Hans": "明天早上我们要和朋友一起去市场买东西。",
    "cmn_Hant": "明天早上我們要和朋友一起去市場買東西。",
    "srp_Cyrl": "Сутра ујутру идемо на пијацу са пријатељима.",
    "ydd_Hebr": "מיר וועלן מאָרגן אין דער פֿרי גיין אין מאַרק מיט אונדזערע חבֿרים.",
}

WORDS = ("market", "Markt", "marché", "рынок", "ринок", "市场", "市場", "سوق", "बाज़ार", "ตลาด", "12", "😀", "ⵣ", " ")


@pytest.mark.parametrize(("code", "text"), SENTENCES.items(), ids=list(SENTENCES))
def test_a_sentence_is_in_its_language(code: str, text: str) -> None:
    labels, scores = identify([text])
    assert labels == [code]
    assert scores.shape == (1,)
    assert scores.dtype == np.float32
    assert 0.4 <= scores[0] <= 1.0


def test_a_sentence_is_found_among_all_of_them() -> None:
    labels, scores = identify(list(SENTENCES.values()), candidates=list(SENTENCES))
    assert labels == list(SENTENCES)
    assert (scores > 0.5).all()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", "und_Zyyy"),
        ("  \n", "und_Zyyy"),
        ("12345 67.89 — №", "und_Zyyy"),
        ("😀🎉👍🏽", "und_Zyyy"),
        ("https://example.org/a <br/> &amp; me@example.org", "und_Zyyy"),
        ("%(count)d {name} `make` ${path} %s", "und_Zyyy"),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "und_Cher"),
        ("ߒߞߏ ߞߊ߲", "und_Nkoo"),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ", "und_Tfng"),
        ("ᮘᮞ ᮞᮥᮔ᮪ᮓ", "und_Sund"),
        ("ᱥᱟᱱᱛᱟᱲᱤ", "und_Olck"),
    ],
)
def test_what_is_in_no_known_language_is_und_in_its_script(text: str, label: str) -> None:
    labels, scores = identify([text])
    assert (labels, scores.tolist()) == ([label], [0.0])


def test_null_counts_as_empty() -> None:
    assert identify(pa.array([None, "Wir gehen auf den Markt."], pa.string()))[0] == ["und_Zyyy", "deu_Latn"]


@pytest.mark.parametrize(
    "texts",
    [
        list(SENTENCES.values()),
        tuple(SENTENCES.values()),
        pa.array(list(SENTENCES.values())),
        pa.array(list(SENTENCES.values()), pa.large_string()),
        pa.chunked_array([list(SENTENCES.values())[:7], list(SENTENCES.values())[7:]]),
        pa.array(["", *SENTENCES.values()])[1:],
    ],
    ids=["list", "tuple", "string", "large_string", "chunked", "sliced"],
)
def test_texts_may_be_a_sequence_or_arrow(texts: list[str]) -> None:
    assert identify(texts)[0] == list(SENTENCES)


@pytest.mark.parametrize("texts", [[], pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_texts_have_no_languages(texts: list[str]) -> None:
    labels, scores = identify(texts)
    assert labels == []
    assert (scores.shape, scores.dtype) == ((0,), np.float32)


@pytest.mark.parametrize("texts", [[1], ["market", 2.5], pa.array([1, 2])])
def test_what_is_no_text_is_refused(texts: list[str]) -> None:
    with pytest.raises((TypeError, pa.ArrowException)):
        identify(texts)


# Candidates


@pytest.mark.parametrize(
    ("code", "candidates", "label"),
    [
        ("deu_Latn", ["eng", "deu"], "deu_Latn"),
        ("deu_Latn", ["en", "de_CH"], "deu_Latn"),
        ("deu_Latn", ["eng", "rus"], "und_Latn"),
        ("deu_Latn", ["rus"], "und_Latn"),
        ("eng_Latn", ["rus", "ukr"], "und_Latn"),
        ("rus_Cyrl", ["eng", "deu"], "und_Cyrl"),
        ("rus_Cyrl", ["rus", "eng"], "rus_Cyrl"),
        ("pes_Arab", ["heb", "urd", "pes"], "pes_Arab"),
        ("hin_Deva", ["tam", "ben"], "und_Deva"),
        ("jpn_Jpan", ["cmn", "jpn"], "jpn_Jpan"),
        ("jpn_Jpan", ["cmn"], "und_Jpan"),
        ("cmn_Hant", ["zh", "ja"], "cmn_Hant"),
        ("cmn_Hans", ["zh", "ja"], "cmn_Hans"),
        ("cmn_Hant", ["cmn_Hans"], "cmn_Hans"),
        ("cmn_Hans", ["zh_TW", "en"], "cmn_Hant"),
        ("cmn_Hans", ["jpn", "kor"], "und_Hani"),
        ("srp_Cyrl", ["srp"], "srp_Cyrl"),
        ("srp_Cyrl", ["srp_Latn"], "und_Cyrl"),
    ],
)
def test_only_candidates_are_answers(code: str, candidates: list[str], label: str) -> None:
    labels, scores = identify([SENTENCES[code]], candidates=candidates)
    assert labels == [label]
    assert (scores[0] == 0.0) == label.startswith("und_")


def test_scores_are_shares_among_the_candidates() -> None:
    text = "Zdravo, kako ste danas?"
    model = load()
    row = model.probabilities([text])[0]
    own = {code: row[model.labels.index(f"__label__{code}")] for code in ("hr", "sl")}
    weighted = {code: own[code] * model.weights[model.labels.index(f"__label__{code}")] for code in own}
    rest = OUTSIDE_SHARE * (1 - sum(own.values()))
    _, scores = identify([text], candidates=["hr", "sl"])
    # Of the labels that are not among the likeliest, the probability is known as a sum alone.
    assert scores[0] == pytest.approx(max(weighted.values()) / (sum(weighted.values()) + rest), rel=0.05)
    assert scores[0] > identify([text])[1][0]


@pytest.mark.parametrize("candidates", [[], None, ()])
def test_without_candidates_every_language_is_one(candidates: list[str] | None) -> None:
    assert identify(list(SENTENCES.values()), candidates=candidates)[0] == list(SENTENCES)


def test_candidates_are_a_set() -> None:
    texts = list(SENTENCES.values())
    several = identify(texts, candidates=iter(["deu", "rus", "eng", "deu"]))
    assert several[0] == identify(texts, candidates=["eng", "deu", "rus"])[0]


@pytest.mark.parametrize("candidates", [["eng", "xqz"], ["und"], [""]])
def test_a_candidate_that_is_no_language_is_refused(candidates: list[str]) -> None:
    with pytest.raises(UnknownLanguageError):
        identify(["market"], candidates=candidates)


# Candidates that the model does not know: Berber, Cherokee, N'Ko, Xhosa, Awadhi, Faroese.


@pytest.mark.parametrize(
    ("text", "candidates", "label", "score"),
    [
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ ⵏ ⵍⵎⵖⵔⵉⴱ", ["ber", "fra"], "ber_Tfng", 1.0),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ abcd", ["ber", "fra"], "ber_Tfng", 8 / 12),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ", ["ber", "zgh"], "und_Tfng", 0.0),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", ["chr", "eng"], "chr_Cher", 1.0),
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", ["eng", "nqo"], "und_Cher", 0.0),
        ("Azul fell-awen ay imddukal-iw, amek i tellam?", ["ber", "fra"], "und_Latn", 0.0),
        ("Uye wathi kum ndingahambi ngomso kusasa.", ["xho", "eng"], "und_Latn", 0.0),
        (SENTENCES["deu_Latn"], ["ber", "fra"], "und_Latn", 0.0),
        (SENTENCES["hin_Deva"], ["awa", "xho"], "und_Deva", 0.0),
    ],
)
def test_the_model_never_guesses_a_language_it_does_not_know(
    text: str, candidates: list[str], label: str, score: float
) -> None:
    labels, scores = identify([text], candidates=candidates)
    assert labels == [label]
    assert scores[0] == pytest.approx(score)


def test_an_unknown_candidate_makes_the_others_prove_themselves() -> None:
    text = ["Dette er en lille historie om et hus."]
    (sure,), (doubtful,) = (identify(text, candidates=["nob", "eng", *more])[1] for more in ([], ["fao"]))
    assert doubtful < 0.8 < sure
    assert identify(["Ein kvinna sat í húsinum."], candidates=["eng", "fao"])[0] == ["und_Latn"]
    assert identify([SENTENCES["fra_Latn"]], candidates=["fra", "fao"])[0] == ["fra_Latn"]


# Script


@pytest.mark.parametrize("code", [code for code in SENTENCES if not code.endswith(("Cyrl", "Hans", "Hant"))])
def test_other_scripts_are_never_russian(code: str) -> None:
    assert identify([SENTENCES[code]], candidates=["rus", "ukr", "bul"])[0] == [f"und_{code[4:]}"]


@pytest.mark.parametrize("text", ["da", "Ok", "net", "privet", "Ya govoryu po-russki", "Rossiya", "XYZ", "qwrtp"])
def test_latin_letters_are_never_in_a_language_of_another_script(text: str) -> None:
    assert identify([text])[0][0].endswith("_Latn")
    assert identify([text], candidates=["rus", "ell", "heb"])[0] == ["und_Latn"]


def test_serbian_is_told_by_its_script() -> None:
    texts = ["Сутра ујутру идемо на пијацу са пријатељима.", "Sutra ujutru idemo na pijacu sa prijateljima."]
    assert identify(texts, candidates=["sr", "en"])[0] == ["srp_Cyrl", "srp_Latn"]


@pytest.mark.parametrize(
    ("text", "code", "label"),
    [
        ("我们明天去学校", "cmn_Hans", "cmn_Hans"),
        ("我們明天去學校", "cmn_Hans", "cmn_Hant"),
        ("明天下雨", "cmn_Hans", "cmn_Hans"),
        ("明天下雨", "cmn_Hant", "cmn_Hant"),
        ("我哋聽日去學校", "yue_Hans", "yue_Hant"),
        ("東京都", "jpn_Jpan", "jpn_Jpan"),
        ("東京都", "und_Hani", "und_Hani"),
    ],
)
def test_characters_tell_the_han_variant(text: str, code: str, label: str) -> None:
    codes = in_han_variant(pa.array([text]), np.array([code], dtype=object), scope_of(load()))
    assert codes.tolist() == [label]


# Each text on its own


@given(
    texts=st.lists(
        st.one_of(st.sampled_from(list(SENTENCES.values())), st.lists(st.sampled_from(WORDS)).map(" ".join))
    ),
    candidates=st.sampled_from([None, ("eng", "deu", "fra", "rus", "zh"), ("xho", "eng", "ukr", "ar", "ber")]),
    data=st.data(),
)
@settings(max_examples=30)
def test_neighbours_and_batches_change_nothing(
    texts: list[str], candidates: tuple[str, ...] | None, data: st.DataObject
) -> None:
    labels, scores = identify(texts, candidates=candidates)
    order = data.draw(st.permutations(range(len(texts))))
    cut = data.draw(st.integers(0, len(texts)))
    parts = [identify([texts[row] for row in part], candidates=candidates) for part in (order[:cut], order[cut:])]
    assert [label for part in parts for label in part[0]] == [labels[row] for row in order]
    assert np.concatenate([part[1] for part in parts]).tobytes() == scores[list(order)].tobytes()


def test_the_size_of_a_batch_changes_no_bit_of_a_score() -> None:
    words = " ".join(text for code, text in SENTENCES.items() if code.endswith("Latn")).split()
    texts = [" ".join(words[start : start + length]) for start in range(len(words)) for length in (1, 2, 3)]
    # With a candidate that the model does not know, the mass of all others weighs in full.
    codes = [*sorted(load().codes())[::2], "xho"]
    whole = identify(texts, candidates=codes)[1]
    for size in (1, 3, 7):
        parts = [identify(texts[start : start + size], candidates=codes)[1] for start in range(0, len(texts), size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes(), size


@given(st.lists(st.text(max_size=40), max_size=6))
@settings(max_examples=30)
def test_any_text_gets_a_label_and_a_probability(texts: list[str]) -> None:
    labels, scores = identify(texts)
    assert len(labels) == len(scores) == len(texts)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert all((score == 0.0) == label.startswith("und_") for label, score in zip(labels, scores, strict=True))


# Model and scope


def test_a_model_that_is_no_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lid\.999\.bin"):
        identify(["market"], model="lid.999.bin")


def test_the_embedded_model_has_a_name() -> None:
    assert identify(["Wir gehen auf den Markt."], model="lid.176")[0] == ["deu_Latn"]


def test_a_scope_holds_candidates_in_the_scripts_that_the_model_knows() -> None:
    scope = scope_of(load(), frozenset({"sr", "kk", "ber", "uz_Arab"}))
    known = {language.code for meaning in scope.meanings for language in meaning}
    assert known == {"srp_Cyrl", "srp_Latn", "kaz_Cyrl"}
    assert [language.code for language in scope.strangers] == ["ber_Latn", "ber_Tfng", "uzn_Arab"]
    assert not scope.is_open
    assert scope_of(load()).is_open


def test_a_model_of_any_labels_is_used_by_the_same_rules() -> None:
    answers = [(0.7, "b"), (0.3, "a")]
    english, russian = scope_of(load(), frozenset({"eng"})), scope_of(load(), frozenset({"rus"}))
    meanings = tuple(next(meaning for meaning in scope.meanings if meaning) for scope in (english, russian))
    weights = np.ones(2, dtype=np.float32)
    model = replace(
        load(), labels=("a", "b"), meanings=meanings, weights=weights, predict=lambda text, k, *_: answers[:k]
    )
    codes, scores = identify_prepared(pa.array(["market", "рынок", "سوق"]), scope_of(model))
    assert codes.tolist() == ["eng_Latn", "rus_Cyrl", "und_Arab"]
    assert scores.tolist() == pytest.approx([0.3, 0.7, 0.0])


def test_weights_undo_the_prior_of_a_model() -> None:
    model = load()
    heavy = model.weights.copy()
    heavy[model.labels.index("__label__da")] *= 10
    text, scopes = pa.array(["Han er her."]), [scope_of(model), scope_of(replace(model, weights=heavy))]
    assert [identify_prepared(text, scope)[0].tolist() for scope in scopes] == [["nob_Latn"], ["dan_Latn"]]


# Pairs


PARTNERS = {
    "dan_Latn": "Børnene har leget ude i haven siden tidligt i morges, sagde hun, og nu vil de gerne hjem.",
    "nob_Latn": "Ungene har lekt ute i hagen siden i dag tidlig, sa hun, og nå vil de hjem.",
}


@pytest.mark.parametrize("label", PARTNERS)
@pytest.mark.parametrize("text", ["Han er her.", "Han er ikke her i dag"])
def test_the_other_side_of_a_pair_is_evidence(text: str, label: str) -> None:
    (labels, _), _ = identify_pairs([text], [PARTNERS[label]], relation="same", candidates=["dan", "nob"])
    assert labels == [label]


@pytest.mark.parametrize("candidates", [None, ["eng", "deu", "nld"]])
def test_a_partner_does_not_outshout_the_text(candidates: list[str] | None) -> None:
    (labels, _), _ = identify_pairs(
        ["Alles in Ordnung"], [SENTENCES["eng_Latn"]], relation="same", candidates=candidates
    )
    assert labels == ["deu_Latn"]


def test_translations_are_in_different_languages() -> None:
    english, text, candidates = [SENTENCES["eng_Latn"]], ["Hotel Plaza"], ["eng", "nld", "deu"]
    ((_, same), _), ((_, different), _) = (
        identify_pairs(text, english, relation=relation, candidates=candidates) for relation in ("same", "different")
    )
    assert different < identify(text, candidates=candidates)[1] < same


@pytest.mark.parametrize("relation", ["same", "different"])
@pytest.mark.parametrize("partner", ["", "12 345", "😀", None])
def test_a_partner_without_letters_is_no_evidence(partner: str | None, relation: Relation) -> None:
    texts = list(SENTENCES.values())
    (labels, scores), (others, _) = identify_pairs(
        texts, pa.array([partner] * len(texts), pa.string()), relation=relation
    )
    assert labels == list(SENTENCES)
    assert scores.tobytes() == identify(texts)[1].tobytes()
    assert set(others) == {"und_Zyyy"}


@given(st.lists(st.tuples(st.sampled_from(list(SENTENCES.values())), st.sampled_from(WORDS)), max_size=8), st.data())
@settings(max_examples=20)
def test_pairs_do_not_depend_on_their_neighbours(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    def run(part: list[tuple[str, str]]) -> list[tuple[str, float]]:
        sides = identify_pairs([left for left, _ in part], [right for _, right in part], relation="same")
        return [each for labels, scores in sides for each in zip(labels, scores.tolist(), strict=True)]

    cut = data.draw(st.integers(0, len(pairs)))
    whole, parts = run(pairs), [run(pairs[:cut]), run(pairs[cut:])]
    assert whole == [*parts[0][:cut], *parts[1][: len(pairs) - cut], *parts[0][cut:], *parts[1][len(pairs) - cut :]]
