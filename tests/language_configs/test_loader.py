from __future__ import annotations

import pickle
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.model import load
from language_configs import (
    UnknownLanguageError,
    by_label,
    by_lid176,
    confusable,
    in_all_scripts,
    languages,
    resolve,
    variants,
)
from language_configs.files import read_yaml
from language_configs.loader import LabelSystem

TATOEBA = """afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu
dsb dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn kab
kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms pol por ron
rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu xho yid yue zsm"""
# Codes of Tatoeba for which the table has another name: macro-languages and a retired one.
OTHERWISE = {
    "ara": "arb",
    "aze": "azj",
    "kur": "kmr",
    "kzj": "dtp",
    "mon": "khk",
    "sqi": "als",
    "uzb": "uzn",
    "yid": "ydd",
}

_NO_LOCALES = {"__init__.py", "__pycache__"}

# Short names of programming languages that are codes of natural ones.
NATURAL_FIRST = frozenset({"asm", "cs", "lua", "sh", "ts"})

# What MTEB calls North Moluccan Malay and Bodo, in all of its tasks.
MISNOMERS = frozenset({"max-Deva", "boy-Deva"})

# Codes that two parties use for two things; ISO 639-3 is followed.
CONTESTED = {"als": "als_Latn", "lua": "lua_Latn"}

DJANGO = sorted(
    {folder.name for folder in Path(django.__file__).parent.glob("**/locale/*") if folder.name not in _NO_LOCALES}
)
LABELS = sorted(label.removeprefix("__label__") for label in load().labels)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("swh_Latn", "swh_Latn"),
        ("SWH_latn", "swh_Latn"),
        (" swh ", "swh_Latn"),
        ("sw", "swh_Latn"),
        ("ger", "deu_Latn"),
        ("fre", "fra_Latn"),
        ("chi", "cmn_Hans"),
        ("iw", "heb_Hebr"),
        ("in", "ind_Latn"),
        ("ji", "ydd_Hebr"),
        ("mo", "ron_Latn"),
        ("no", "nob_Latn"),
        ("no_NO", "nob_Latn"),
        ("nb-NO", "nob_Latn"),
        ("nn", "nno_Latn"),
        ("als", "als_Latn"),
        ("gsw", "gsw_Latn"),
        ("fil", "tgl_Latn"),
        ("sh", "hbs_Latn"),
        ("pt_BR", "por_Latn"),
        ("ar-DZ", "arb_Arab"),
        ("es-419", "spa_Latn"),
        ("de-CH-1996", "deu_Latn"),
        ("de_DE.UTF-8@euro", "deu_Latn"),
        ("en-US-x-twain", "eng_Latn"),
        ("zh-u-ca-chinese", "cmn_Hans"),
        ("sr-Latn-t-sr-cyrl", "srp_Latn"),
        ("ca@valencia", "cat_Latn"),
        ("be-tarask", "bel_Cyrl"),
        ("sr", "srp_Cyrl"),
        ("sr_Latn", "srp_Latn"),
        ("sr-Latn-RS", "srp_Latn"),
        ("sr@latin", "srp_Latn"),
        ("sr_ME", "srp_Latn"),
        ("sr_Cyrl_ME", "srp_Cyrl"),
        ("uz@cyrillic", "uzn_Cyrl"),
        ("uz_AF", "uzn_Arab"),
        ("az_Arab", "azb_Arab"),
        ("az-Arab-IR", "azb_Arab"),
        ("pa-PK", "pnb_Arab"),
        ("pa-Guru-IN", "pan_Guru"),
        ("fa_AF", "prs_Arab"),
        ("fa-Arab-AF", "prs_Arab"),
        ("ms_Arab_BN", "zsm_Arab"),
        ("zh", "cmn_Hans"),
        ("zh-Hans", "cmn_Hans"),
        ("zh_CN", "cmn_Hans"),
        ("zh-Hant", "cmn_Hant"),
        ("zh_TW", "cmn_Hant"),
        ("zh-Hant-HK", "cmn_Hant"),
        ("zh-Hans-HK", "cmn_Hans"),
        ("cmn_Hani", "cmn_Hans"),
        ("zho_Hans", "cmn_Hans"),
        ("zho_Hant", "cmn_Hant"),
        ("ekk_Latn", "est_Latn"),
        ("fil-Latn", "tgl_Latn"),
        ("msa", "zsm_Latn"),
        ("swa", "swh_Latn"),
        ("ori", "ory_Orya"),
        ("mon", "khk_Cyrl"),
        ("yid", "ydd_Hebr"),
        ("mlg", "plt_Latn"),
        ("orm", "gaz_Latn"),
        ("kur", "kmr_Latn"),
        ("yue", "yue_Hant"),
        ("ja-Hira", "jpn_Jpan"),
        ("ko_Kore", "kor_Hang"),
        ("ur-Aran-PK", "urd_Arab"),
        ("py", "python_Zzzz"),
        ("C++", "cpp_Zzzz"),
        ("python_Zzzz", "python_Zzzz"),
        ("lua", "lua_Latn"),
        ("lua_Zzzz", "lua_Zzzz"),
    ],
)
def test_a_code_of_any_kind_finds_its_language(code: str, expected: str) -> None:
    assert resolve(code).code == expected


def test_every_locale_of_django_is_known() -> None:
    found = {locale: resolve(locale) for locale in DJANGO}
    assert len(found) >= 99
    assert all(found[locale].iso639_1 in {locale.split("_")[0], ""} for locale in DJANGO)
    assert found["zh_Hant"].code == "cmn_Hant"
    assert found["sr_Latn"].code == "srp_Latn"


def test_every_code_of_tatoeba_is_known() -> None:
    codes = TATOEBA.split()
    assert len(codes) == 112
    assert {code: resolve(code).base for code in codes} == {code: OTHERWISE.get(code, code) for code in codes}


def test_every_label_of_the_embedded_model_is_known() -> None:
    assert len(LABELS) == 176
    assert list(by_lid176()) == LABELS
    for label, meant in by_lid176().items():
        assert len({language.base for language in meant}) == 1, label
        assert all(label in language.lid176 for language in meant)
        assert label in CONTESTED or resolve(label) == meant[0]
    assert [language.code for language in by_lid176()["als"]] == ["gsw_Latn"]
    assert [language.code for language in by_lid176()["zh"]] == ["cmn_Hans", "cmn_Hant"]


def test_every_name_of_a_language_leads_back_to_it() -> None:
    for code, language in languages().items():
        assert resolve(code) is language
        if language.kind == "programming":
            names = {language.base: language, **dict.fromkeys(language.aliases, language)}
            natural = {name for name in names if resolve(name).kind == "natural"}
            assert natural <= NATURAL_FIRST, code
            names = {name: item for name, item in names.items() if name not in natural}
        else:
            default = in_all_scripts(language)[0]
            names = {language.base: default, language.iso639_1 or code: default if language.iso639_1 else language}
            names |= {alias: language for alias in language.aliases if alias not in CONTESTED}
        assert {name: resolve(name) for name in names} == names, code


def test_every_language_has_its_labels_both_ways() -> None:
    for system in get_args(LabelSystem.__args__[0]) + get_args(LabelSystem.__args__[1]):
        for label, meant in by_label(system).items():
            assert meant
            single = system == "macrolanguage" or len({language.base for language in meant}) == 1
            assert single, (system, label)
    for language in languages().values():
        for system, labels in language.labels.items():
            assert all(language in by_label(system)[label] for label in labels)
        assert language.bcp47 == "" or by_label("bcp47")[language.bcp47] == (language,)
        assert language.iso639_3 == "" or language in by_label("iso639_3")[language.iso639_3]


def test_a_label_of_most_systems_finds_its_language_as_a_code_too() -> None:
    """Not those of lid.176, where `als` is Alemannic, nor what MTEB misnames."""
    for system in ("flores", "glotlid", "iso639_2", "bcp47", "iso639_1"):
        for label, meant in by_label(system).items():
            assert resolve(label) == meant[0], (system, label)
    for language in languages().values():
        if language.mteb and language.kind == "natural" and language.mteb not in MISNOMERS:
            assert resolve(language.mteb) == language


@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("cmn_Hans", ("zh", ("zho", "chi"), "cmn", "zho", "zho_Hans", ("cmn_Hani",), ("zh",), "cmn-Hans")),
        ("cmn_Hant", ("zh-Hant", ("zho", "chi"), "cmn", "zho", "zho_Hant", ("cmn_Hani",), ("zh",), "zho-Hant")),
        ("swh_Latn", ("sw", ("swa",), "swh", "swa", "swh_Latn", ("swh_Latn",), ("sw",), "swh-Latn")),
        ("est_Latn", ("et", ("est",), "est", "", "est_Latn", ("ekk_Latn",), ("et",), "est-Latn")),
        ("tgl_Latn", ("tl", ("tgl", "fil"), "tgl", "", "tgl_Latn", ("fil_Latn",), ("tl",), "tgl-Latn")),
        ("pes_Arab", ("fa", ("fas", "per"), "pes", "fas", "pes_Arab", ("fas_Arab",), ("fa",), "pes-Arab")),
        ("prs_Arab", ("prs", (), "prs", "fas", "prs_Arab", (), (), "prs-Arab")),
        ("gsw_Latn", ("gsw", ("gsw",), "gsw", "", "", ("gsw_Latn",), ("als",), "gsw-Latn")),
        ("als_Latn", ("sq", ("sqi", "alb"), "als", "sqi", "als_Latn", ("als_Latn",), ("sq",), "als-Latn")),
        ("srp_Latn", ("sr-Latn", ("srp",), "srp", "hbs", "", ("srp_Latn",), ("sr",), "srp-Latn")),
        ("ben_Beng", ("bn", ("ben",), "ben", "", "ben_Beng", ("ben_Beng",), ("bn",), "ben-Beng")),
        ("ber_Tfng", ("ber-Tfng", ("ber",), "", "", "", (), (), "ber-Tfng")),
        ("sat_Olck", ("sat", ("sat",), "sat", "", "sat_Olck", ("sat_Olck",), (), "sat-Olck")),
        ("arb_Latn", ("ar-Latn", ("ara",), "arb", "ara", "arb_Latn", ("arb_Latn",), (), "arb-Latn")),
        ("python_Zzzz", ("", (), "", "", "", (), (), "python-Code")),
        ("zig_Zzzz", ("", (), "", "", "", (), (), "")),
    ],
)
def test_a_language_knows_its_labels(code: str, labels: tuple[object, ...]) -> None:
    item = languages()[code]
    found = (item.bcp47, item.iso639_2, item.iso639_3, item.macrolanguage, item.flores, item.glotlid, item.lid176)
    assert (*found, item.mteb) == labels


@pytest.mark.parametrize(
    ("system", "label", "expected"),
    [
        ("flores", "sat_Beng", ["sat_Olck"]),
        ("glotlid", "cmn_Hani", ["cmn_Hans", "cmn_Hant"]),
        ("glotlid", "khk_Cyrl", ["khk_Cyrl"]),
        ("mteb", "cmo-Hans", ["cmn_Hans"]),
        ("mteb", "c++-Code", ["cpp_Zzzz"]),
        ("iso639_2", "ger", ["deu_Latn"]),
        ("iso639_1", "sr", ["srp_Cyrl", "srp_Latn"]),
        ("macrolanguage", "fas", ["pes_Arab", "prs_Arab"]),
        ("bcp47", "zh-Hant", ["cmn_Hant"]),
    ],
)
def test_a_label_finds_its_languages(system: Any, label: str, expected: list[str]) -> None:
    assert [language.code for language in by_label(system)[label]] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sr", ["srp_Cyrl", "srp_Latn"]),
        ("srp", ["srp_Cyrl", "srp_Latn"]),
        ("sr-RS", ["srp_Cyrl", "srp_Latn"]),
        ("sr_Latn", ["srp_Latn"]),
        ("srp_Cyrl", ["srp_Cyrl"]),
        ("zh", ["cmn_Hans", "cmn_Hant"]),
        ("zh_TW", ["cmn_Hant"]),
        ("cmn_Hani", ["cmn_Hans", "cmn_Hant"]),
        ("yue", ["yue_Hant", "yue_Hans"]),
        ("hi", ["hin_Deva", "hin_Latn"]),
        ("ru", ["rus_Cyrl"]),
    ],
)
def test_a_code_without_a_script_leaves_all_scripts_open(code: str, expected: list[str]) -> None:
    assert [language.code for language in variants(code)] == expected


@pytest.mark.parametrize(
    ("code", "suggested"),
    [
        ("english", "eng_Latn"),
        ("Swahilli", "swh_Latn"),
        ("swhh", "swh_Latn"),
        ("rus_Latn", "rus_Cyrl"),
        ("sr_Lant", "srp_Cyrl"),
        ("pythn", "python_Zzzz"),
        ("norweg", "nob_Latn"),
    ],
)
def test_an_unknown_code_is_refused_with_what_may_be_meant(code: str, suggested: str) -> None:
    with pytest.raises(UnknownLanguageError) as caught:
        resolve(code)
    assert caught.value.code == code
    assert suggested in caught.value.suggestions
    assert len(caught.value.suggestions) <= 3
    assert str(caught.value).startswith(f"unknown language {code!r}: did you mean ")
    assert f"{suggested} ({languages()[suggested].name})" in str(caught.value)


@pytest.mark.parametrize("code", ["", "_", "xqz", "12", "eng Latn", "eng_", "python_Latn", "中文", "en_latin"])
def test_a_code_that_is_none_is_refused(code: str) -> None:
    with pytest.raises(UnknownLanguageError, match="unknown language"):
        resolve(code)
    with pytest.raises(UnknownLanguageError, match="unknown language"):
        variants(code)


def test_the_error_crosses_process_boundaries() -> None:
    error = UnknownLanguageError("swhh", ("swh_Latn",))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.suggestions, str(copy)) == (error.code, error.suggestions, str(error))


@given(st.text(alphabet="abcnorszhATLN_-@.é中 ", max_size=12))
def test_any_text_is_a_language_of_the_table_or_an_unknown_one(code: str) -> None:
    try:
        language = resolve(code)
    except UnknownLanguageError as error:
        suggestions = error.suggestions
    else:
        suggestions = (language.code,)
        assert variants(code)[0] is language
    assert set(suggestions) <= set(languages())


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        languages()["eng_Latn"] = languages()["deu_Latn"]  # type: ignore[index]


def _groups() -> list[list[str]]:
    data = read_yaml(files("language_configs") / "confusable.yml")
    assert isinstance(data, list)
    assert all(set(group) == {"languages"} for group in data)
    return [group["languages"] for group in data]


@pytest.mark.parametrize("group", _groups(), ids=lambda group: "-".join(group))
def test_relatives_are_named_as_in_the_table(group: list[str]) -> None:
    bases = {language.base for language in languages().values() if language.kind == "natural"}
    assert set(group) <= bases
    assert len(set(group)) == len(group) >= 2


def test_likeness_is_mutual_and_includes_the_language_itself() -> None:
    bases = {language.base for language in languages().values()}
    for base in bases:
        assert base in confusable(base)
        assert all(base in confusable(other) for other in confusable(base))


@pytest.mark.parametrize(
    ("base", "relatives", "strangers"),
    [
        ("nob", {"nno", "dan", "swe"}, {"fin", "deu"}),
        ("arb", {"arz", "ary"}, {"pes", "heb"}),
        ("azj", {"azb", "tur"}, {"rus"}),
        ("glg", {"por", "spa", "mwl"}, {"eus"}),
        ("khk", {"bxr", "xal"}, {"kaz"}),
        ("eus", set(), {"spa", "fra"}),
    ],
)
def test_relatives_are_close(base: str, relatives: set[str], strangers: set[str]) -> None:
    assert relatives <= confusable(base)
    assert not strangers & confusable(base)
