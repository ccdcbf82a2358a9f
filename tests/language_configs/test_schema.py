from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from language_configs import Language
from language_configs.schema import LanguageFile

SWAHILI: dict[str, Any] = {
    "code": "swh_Latn",
    "name": "Swahili",
    "kind": "natural",
    "iso639_1": "sw",
    "labels": {"lid176": ["sw"], "flores": ["swh_Latn"]},
    "aliases": ["swa"],
    "scripts": ["Latn"],
    "spaced": True,
}


def test_a_language_knows_its_base_and_its_script() -> None:
    language = Language.model_validate(SWAHILI)
    assert (language.base, language.script) == ("swh", "Latn")
    assert (language.lid176, language.flores, language.glotlid, language.mteb) == (("sw",), "swh_Latn", (), "")
    assert (language.bcp47, language.iso639_3, language.iso639_2) == ("sw", "swh", ())


@pytest.mark.parametrize(
    ("change", "bcp47", "iso639_3"),
    [
        ({"code": "swh_Arab", "scripts": ["Latn", "Arab"]}, "sw-Arab", "swh"),
        ({"code": "ber_Latn", "iso639_1": "", "collective": True}, "ber", ""),
        ({"code": "go_Zzzz", "kind": "programming", "scripts": ["Zzzz"], "iso639_1": ""}, "", ""),
    ],
)
def test_codes_follow_from_the_fields(change: dict[str, Any], bcp47: str, iso639_3: str) -> None:
    language = Language.model_validate(SWAHILI | change)
    assert (language.bcp47, language.iso639_3) == (bcp47, iso639_3)


def test_a_programming_language_may_have_a_short_name() -> None:
    r = Language.model_validate(
        {"code": "r_Zzzz", "name": "R", "kind": "programming", "scripts": ["Zzzz"], "spaced": True}
    )
    assert (r.base, r.script, r.iso639_1, r.lid176, r.aliases) == ("r", "Zzzz", "", (), ())


def test_a_language_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Language.model_validate(SWAHILI).name = "Kiswahili"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "swh"}, "code"),
        ({"code": "sw_Latn"}, "code"),
        ({"code": "SWH_Latn"}, "code"),
        ({"code": "swh_latn"}, "code"),
        ({"code": "swh-Latn"}, "code"),
        ({"code": "swh_Latn\n"}, "code"),
        ({"name": ""}, "name"),
        ({"kind": "constructed"}, "kind"),
        ({"iso639_1": "swa"}, "iso639_1"),
        ({"labels": {"lid176": "sw"}}, "labels"),
        ({"labels": {"lid177": ["sw"]}}, "labels"),
        ({"lid176": ["sw"]}, "lid176"),
        ({"aliases": [False]}, "aliases"),
        ({"scripts": []}, "scripts"),
        ({"scripts": ["latin"]}, "scripts"),
        ({"spaced": "true"}, "spaced"),
        ({"clan": "Bantu"}, "clan"),
        ({"length_factor": "nan"}, "length_factor"),
        ({"length_factor": 0}, "length_factor"),
    ],
)
def test_a_wrong_field_is_refused_and_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Language.model_validate(SWAHILI | change)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("field", ["code", "name", "kind", "scripts", "spaced"])
def test_what_cannot_be_guessed_must_be_given(field: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Language.model_validate({key: value for key, value in SWAHILI.items() if key != field})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": "swh_Arab"}, r"its script Arab is not one of its scripts \['Latn'\]"),
        ({"kind": "programming"}, "the script Zzzz is for programming languages"),
        ({"code": "swh_Zzzz", "scripts": ["Zzzz"]}, "the script Zzzz is for programming languages"),
    ],
)
def test_script_and_kind_must_agree_with_the_code(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Language.model_validate(SWAHILI | change)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "version"),
        ({"version": "2"}, "version"),
        ({"version": "1", "code": "swh_Latn"}, "code"),
        ({"version": "1", "family": "Bantu"}, "family"),
        ({"version": "1", "aliases": ["SW"]}, "aliases"),
        ({"version": "1", "aliases": ["s w"]}, "aliases"),
        ({"version": "1", "labels": {"flores": "swh_Latn"}}, "labels"),
        ({"version": "1", "extensions": ["a b"]}, "extensions"),
        ({"version": "1", "spaced": "no"}, "spaced"),
        ({"version": "1", "filters": {"headline": {}}}, "filters"),
        ({"version": "1", "filters": {"all": {"min_letters": "1"}}}, "filters"),
        ({"version": "1", "filters": {"all": {"min_letter_share": "1.5"}}}, "filters"),
        ({"version": "1", "identification": {"lid.176": {"min_score": {"0": "1.01"}}}}, "identification"),
        ({"version": "1", "identification": {"lid.176": {"min_score": {"-1": "0.5"}}}}, "identification"),
        ({"version": "1", "identification": {"lid.176": {"log_weight": "inf"}}}, "identification"),
        ({"version": "1", "identification": {"lid.176": {"calibration": {"lines": "0"}}}}, "identification"),
    ],
)
def test_a_wrong_key_of_a_language_file_is_refused(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LanguageFile.model_validate(values)
    assert {error["loc"][0] for error in caught.value.errors()} == {key}


def test_numbers_of_a_file_come_as_strings() -> None:
    values = {
        "version": "1",
        "length_factor": "0.9",
        "filters": {"query": {"min_chars": "1", "max_repetition": None}},
        "identification": {"lid.176": {"log_weight": "-0.5", "min_score": {"0": "0.9", "20": "0.5"}}},
    }
    content = LanguageFile.model_validate(values)
    assert content.length_factor == 0.9
    assert content.filters["query"].set_here() == {"min_chars": 1, "max_repetition": None}
    assert content.identification["lid.176"].min_score == {0: 0.9, 20: 0.5}
