from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pygments.lexers import get_lexer_by_name

from language_configs import Language, explain, languages, resolve
from language_configs.bounds import ROLES
from language_configs.labels import ranks, system
from language_configs.read import SHIPPED
from language_configs.schema import SYSTEMS
from language_configs.table import codes_of, levels

NATURAL = [language for language in languages().values() if language.kind == "natural"]
PROGRAMMING = [language for language in languages().values() if language.kind == "programming"]


def test_the_table_is_the_files() -> None:
    files = sorted(file.stem for file in (SHIPPED / "languages").glob("*"))
    assert list(languages()) == files


def test_there_are_as_many_as_promised() -> None:
    assert len({language.base for language in NATURAL}) >= 320
    assert len(PROGRAMMING) >= 45


def test_variants_of_a_language_agree_in_all_but_their_script() -> None:
    by_base: dict[str, list[Language]] = defaultdict(list)
    for language in NATURAL:
        by_base[language.base].append(language)
    for found in by_base.values():
        first = found[0]
        assert {item.script for item in found} == set(first.scripts), first.code
        shared = {(item.name, item.family, item.iso639_1, item.macrolanguage, item.scripts) for item in found}
        assert len(shared) == 1, first.code


def test_every_label_that_must_have_a_language_has_one_and_none_is_made_up() -> None:
    for name in SYSTEMS:
        found = {label for language in languages().values() for label in language.labels.get(name, ())}
        assert set(system(name).labels) <= found <= set(ranks(name))


def test_words_run_together_in_the_scripts_that_have_no_blanks() -> None:
    scripts = {language.script for language in languages().values() if not language.spaced}
    assert scripts == {"Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Tavt", "Thai", "Tibt", "Yiii"}
    assert not any(item.spaced for item in languages().values() if item.script in scripts)
    assert languages()["vie_Latn"].spaced
    assert languages()["kor_Hang"].spaced


@pytest.mark.parametrize(
    ("code", "terminal", "digits"),
    [
        ("hin_Deva", "।", "०१२३४५६७८९"),
        ("urd_Arab", "۔؟", "۰۱۲۳۴۵۶۷۸۹"),
        ("arb_Arab", "؟", "٠١٢٣٤٥٦٧٨٩"),
        ("mya_Mymr", "။", "၀၁၂၃၄၅၆၇၈၉"),
        ("khm_Khmr", "។", "០១២៣៤៥៦៧៨៩"),
        ("amh_Ethi", "።", "0123456789"),
        ("hye_Armn", "։", "0123456789"),
        ("cmn_Hans", "。！？", "0123456789"),
        ("jpn_Jpan", "。", "0123456789"),
        ("bod_Tibt", "།", "༠༡༢༣༤༥༦༧༨༩"),
        ("tha_Thai", ".", "๐๑๒๓๔๕๖๗๘๙"),
        ("ell_Grek", ";.", "0123456789"),
        ("deu_Latn", ".!?", "0123456789"),
    ],
)
def test_a_script_ends_sentences_and_counts_in_its_way(code: str, terminal: str, digits: str) -> None:
    language = languages()[code]
    assert set(terminal) <= set(language.terminals)
    assert digits in language.digits
    assert "0123456789" in language.digits


@pytest.mark.parametrize(
    ("text", "code"), [("水", "cmn_Hans"), ("木", "jpn_Jpan"), ("물", "kor_Hang"), ("茶", "yue_Hant")]
)
def test_one_character_is_a_word_where_it_can_be(text: str, code: str) -> None:
    assert all(languages()[code].bounds(role).min_chars == len(text) for role in ROLES)
    assert all(languages()["deu_Latn"].bounds(role).min_chars == 2 for role in ("query", "sentence", "passage"))


@pytest.mark.parametrize(
    ("code", "least", "most"),
    [
        ("cmn_Hans", 0.25, 0.4),
        ("yue_Hant", 0.25, 0.4),
        ("jpn_Jpan", 0.4, 0.6),
        ("kor_Hang", 0.4, 0.6),
        ("eng_Latn", 1.0, 1.0),
        ("deu_Latn", 1.05, 1.3),
        ("heb_Hebr", 0.65, 0.9),
        ("tam_Taml", 1.1, 1.4),
    ],
)
def test_a_text_is_as_long_as_was_measured(code: str, least: float, most: float) -> None:
    assert least <= languages()[code].length_factor <= most


def test_programming_languages_can_be_told_by_file_name_and_lexer() -> None:
    for language in PROGRAMMING:
        assert language.extensions, language.code
        assert all(name.startswith(".") or name[0].isupper() for name in language.extensions), language.code
        assert get_lexer_by_name(language.pygments), language.code
    assert not any(language.extensions or language.pygments for language in NATURAL)
    assert languages()["python_Zzzz"].extensions[0] == ".py"


@pytest.mark.parametrize(
    ("code", "key", "value", "level"),
    [
        ("srp_Latn", "name", "Serbian", "language srp_Cyrl"),
        ("srp_Latn", "spaced", True, "root"),
        ("srp_Latn", "aliases", ("sr_me",), "language srp_Latn"),
        ("cmn_Hans", "length_factor", 0.32, "script Hans"),
        ("cmn_Hans", "filters.query.min_chars", 1, "script Hans"),
        ("cmn_Hans", "labels.glotlid", ("cmn_Hani",), "rule"),
        ("heb_Hebr", "length_factor", 0.75, "family semitic"),
        ("swh_Latn", "bcp47", "sw", "rule"),
    ],
)
def test_each_value_says_where_it_comes_from(code: str, key: str, value: object, level: str) -> None:
    found = {item.key: item for item in explain(resolve(code))}
    assert (found[key].value, found[key].level) == (value, level)


def test_all_that_a_language_has_is_explained() -> None:
    for language in languages().values():
        values = explain(language)
        assert len({item.key for item in values}) == len(values)
        fields = {name: getattr(language, name) for name in Language.model_fields}
        assert {item.key.partition(".")[0] for item in values} - {"bcp47", "iso639_3"} == {
            name for name, value in fields.items() if value not in ("", (), {}, False) or name == "spaced"
        }
        for item in values:
            assert (SHIPPED / item.file).is_file(), item


def test_a_script_goes_by_other_codes() -> None:
    assert codes_of("Hang") == ("Hang", "Kore")
    assert codes_of("Deva") == ("Deva",)
    assert codes_of("Qaaa") == ("Qaaa",)


def test_no_file_says_more_than_it_has_to() -> None:
    sizes = {code: len(sources[0].content.model_fields_set) for code, sources in levels().languages.items()}
    assert sum(sizes.values()) / len(sizes) < 7


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(SHIPPED.parent), **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)


def test_the_table_is_there_at_once() -> None:
    code = "import time, language_configs as l; t = time.process_time(); l.languages(); print(time.process_time() - t)"
    assert min(float(_python(code).stdout) for _ in range(3)) < 0.5


def test_a_users_folder_is_named_by_the_environment(folder: Callable[[Mapping[str, str]], Path]) -> None:
    own = folder(
        {"languages/kjh_Cyrl.yml": "name: Khakas\nfamily: turkic\n", "languages/deu_Latn.yml": "spaced: false\n"}
    )
    code = (
        "from language_configs import *; print(resolve('kjh').code, *resolve('kjh').glotlid, languages()['deu_Latn'])"
    )
    done = _python(code, CURATION_LANGUAGES=str(own))
    assert done.stdout.startswith("kjh_Cyrl kjh_Cyrl code='deu_Latn' name='German'")
    assert "spaced=False" in done.stdout


def test_a_language_is_made_without_a_file_too() -> None:
    values: dict[str, Any] = {
        "code": "xxq_Latn",
        "name": "xxq",
        "kind": "natural",
        "scripts": ("Latn",),
        "spaced": True,
    }
    assert Language(**values).bounds("query") == languages()["deu_Latn"].bounds("query")
