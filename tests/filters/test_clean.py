"""Clean text passes: short sentences in every script, and the messages of Django's catalogues."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import django
import polib
import pyarrow as pa
import pytest

from language_configs import UnknownLanguageError, resolve
from language_configs.bounds import ROLES

# Short, clean, everyday sentences of at least two words, or a clause where words are not separated.
CLEAN = {
    "amh_Ethi": "ውሃ እፈልጋለሁ።",
    "arb_Arab": "أين المكتبة؟",
    "ben_Beng": "আমি বাংলায় গান গাই।",
    "bod_Tibt": "ཁྱེད་རང་གི་མཚན་ལ་ག་རེ་ཞུ་གི་ཡོད།",
    "bul_Cyrl": "Не знам, може би утре.",
    "chr_Cher": "ᎣᏏᏲ, ᏙᎯᏧ?",
    "ckb_Arab": "من باشم، سوپاس.",
    "cmn_Hans": "我爱北京天安门。",
    "cmn_Hant": "今天天氣很好，我們去散步吧。",
    "cop_Copt": "ⲁⲛⲟⲕ ⲡⲉ ⲡⲟⲩⲟⲉⲓⲛ ⲙⲡⲕⲟⲥⲙⲟⲥ",
    "deu_Latn": "„Das macht Spaß“, rief er – „JÄ“!",
    "div_Thaa": "އަހަރެން ދިވެހި ދަންނަން",
    "dzo_Tibt": "ང་གི་མིང་ཀརྨ་ཨིན།",
    "ell_Grek": "Πού είναι η τουαλέτα;",
    "eng_Latn": "“I’m 25,” she said…",
    "fas_Arab": "من فارسی بلد نیستم.",
    "fra_Latn": "Il a dit : « voilà le CAFÉ »…",
    "got_Goth": "𐌰𐍄𐍄𐌰 𐌿𐌽𐍃𐌰𐍂 𐌸𐌿 𐌹𐌽 𐌷𐌹𐌼𐌹𐌽𐌰𐌼",
    "guj_Gujr": "મને ગુજરાતી આવડે છે.",
    "heb_Hebr": "אני לא מבין אותך.",
    "hin_Deva": "मैं हिन्दी बोलता हूँ।",
    "hye_Armn": "Ես սովորում եմ հայերեն:",
    "iii_Yiii": "ꆈꌠꉙ ꉪꊇ ꆏꀊꋨ",
    "iku_Cans": "ᐃᓄᒃᑎᑐᑦ ᐅᖃᐅᓯᖅ",
    "jav_Java": "ꦲꦏꦸ ꦥꦤꦼꦤ꧀",
    "jpn_Jpan": "彼女は毎日学校へ行きます。",
    "kan_Knda": "ನನಗೆ ಕನ್ನಡ ಗೊತ್ತಿದೆ.",
    "kat_Geor": "გამარჯობა, როგორ ხარ?",
    "khm_Khmr": "ខ្ញុំនិយាយភាសាខ្មែរ។",
    "kor_Hang": "저는 한국어를 배우고 있어요.",
    "lao_Laoo": "ຂ້ອຍເວົ້າພາສາລາວ.",
    "mal_Mlym": "എനിക്ക് മലയാളം അറിയാം.",
    "mar_Deva": "मला मराठी येते.",
    "mni_Mtei": "ꯑꯩ ꯃꯅꯤꯄꯨꯔꯤ ꯉꯥꯡꯏ",
    "mon_Mong": "ᠪᠢ ᠮᠣᠩᠭᠣᠯ ᠬᠦᠮᠦᠨ",
    "mya_Mymr": "ကျွန်တော် မြန်မာစကား ပြောတတ်တယ်။",
    "nqo_Nkoo": "ߒ ߓߘߊ߫ ߞߊ߬ ߒߞߏ ߞߊ߬ߙߊ߲߬",
    "ory_Orya": "ମୁଁ ଓଡ଼ିଆ ଜାଣେ।",
    "pan_Guru": "ਮੈਨੂੰ ਪੰਜਾਬੀ ਆਉਂਦੀ ਹੈ।",
    "por_Latn": "Ela gritou: “IRMÔ, e a 2ª vez: “MANHû…",
    "rus_Cyrl": "Я не говорю по-русски.",
    "sat_Olck": "ᱤᱧ ᱥᱟᱱᱛᱟᱲᱤ ᱵᱟᱰᱟᱭᱟ",
    "sin_Sinh": "මම සිංහල කතා කරනවා.",
    "spa_Latn": "No sé…¿tú qué crees?",
    "sun_Sund": "ᮃᮘ᮪ᮓᮤ ᮅᮛᮀ ᮞᮥᮔ᮪ᮓ",
    "syr_Syrc": "ܫܠܡܐ ܥܠܟܘܢ",
    "tam_Taml": "எனக்கு தமிழ் தெரியும்.",
    "tel_Telu": "నాకు తెలుగు తెలుసు.",
    "tha_Thai": "ฉันพูดภาษาไทยได้",
    "tur_Latn": "Işık %50'si söndü.",
    "tzm_Tfng": "ⴰⵣⵓⵍ, ⵎⴰⵏⵉⵎⴽ ⵜⵍⵍⵉⴷ?",
    "uig_Arab": "مەن ئۇيغۇرچە سۆزلەيمەن.",
    "vai_Vaii": "ꕉꕜꕮ ꔔꘋ ꖸ ꔰ ꗋꘋ",
    "vie_Latn": "Tôi không nói được tiếng Việt.",
    "yid_Hebr": "איך רעד ייִדיש.",
    "zgh_Tfng": "ⵜⴰⵎⴰⵣⵉⵖⵜ ⵜⴰⵏⴰⵡⴰⵢⵜ",
}


def language_of(code: str) -> str:
    """Return the code as identification gives it: undetermined, where the table does not know language and script."""
    try:
        found = resolve(code).code
    except UnknownLanguageError:
        return f"und_{code[4:]}"
    return found if found.endswith(code[4:]) else f"und_{code[4:]}"


def test_there_are_forty_scripts() -> None:
    assert len({code[4:] for code in CLEAN}) >= 40


@pytest.mark.parametrize("role", [role for role in ROLES if role != "code"])
@pytest.mark.parametrize("code", CLEAN)
def test_a_clean_sentence_passes_in_every_role(records, judge, code: str, role: str) -> None:
    table = records([(CLEAN[code], "Tämä on lause.")], query_language=language_of(code), positive_language="fin_Latn")
    outcome = judge(table, roles={"test": (role, "sentence")})
    assert outcome.ledger.to_pylist() == []
    assert outcome.records["pii_masked"].to_pylist() == [0]


@pytest.fixture(scope="module")
def messages(records) -> pa.Table:
    """Return Django's messages of two words and more, without placeholders and markup, in all of its languages."""
    tables = []
    for path in sorted(Path(django.__file__).parent.glob("c*/**/locale/*/LC_MESSAGES/django.po")):
        try:
            language = resolve(path.parts[-3]).code
        except UnknownLanguageError:
            continue
        entries = [entry for entry in polib.pofile(str(path)) if entry.translated() and not entry.msgid_plural]
        pairs = [(entry.msgid, entry.msgstr) for entry in entries if is_prose(entry)]
        tables.append(records(pairs, query_language="eng_Latn", positive_language=language))
    return pa.concat_tables(tables)


def is_prose(entry: polib.POEntry) -> bool:
    plain = not any(sign in text for text in (entry.msgid, entry.msgstr) for sign in "%{<")
    return plain and len(entry.msgid.split()) >= 2 and entry.msgid.casefold() != entry.msgstr.casefold()


def test_messages_of_every_language_pass(messages, judge) -> None:
    outcome = judge(messages)
    dropped, all_rows = (Counter(rows["language"].to_pylist()) for rows in (outcome.ledger, messages))
    assert len(all_rows) > 80
    assert messages.num_rows > 10_000
    assert outcome.ledger.num_rows <= 0.01 * messages.num_rows
    assert {code: count for code, count in dropped.items() if count > max(1, 0.05 * all_rows[code])} == {}
