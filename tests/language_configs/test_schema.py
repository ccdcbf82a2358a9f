from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from language_configs import Language

SWAHILI: dict[str, Any] = {
    "code": "swh_Latn",
    "name": "Swahili",
    "kind": "natural",
    "iso639_1": "sw",
    "lid176": ["sw"],
    "aliases": ["swa"],
    "scripts": ["Latn"],
    "spaced": True,
}


def test_a_language_knows_its_base_and_its_script() -> None:
    language = Language.model_validate(SWAHILI)
    assert (language.base, language.script) == ("swh", "Latn")
    assert language.lid176 == ("sw",)


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
        ({"lid176": "sw"}, "lid176"),
        ({"aliases": [False]}, "aliases"),
        ({"scripts": []}, "scripts"),
        ({"scripts": ["latin"]}, "scripts"),
        ({"spaced": "true"}, "spaced"),
        ({"family": "Bantu"}, "family"),
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
