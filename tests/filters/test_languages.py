from __future__ import annotations

import pytest

from curation.characters import COMMON, script_numbers
from filters.languages import find_language, language_facts
from language_configs import languages


@pytest.mark.parametrize(
    ("code", "spaced", "known"),
    [
        ("deu_Latn", True, True),
        ("tha_Thai", False, True),
        ("jpn_Jpan", False, True),
        ("und_Latn", False, False),
        ("und_Zzzz", False, False),
        ("", False, False),
        ("python_Zzzz", False, False),
        ("nonsense", False, False),
    ],
)
def test_facts(code, spaced, known):
    facts = language_facts(code)
    assert (facts.code, facts.spaced, facts.is_known) == (code, spaced, known)
    assert facts.length_factor > 0


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_language_may_be_written_in_its_main_script(code):
    facts = language_facts(code)
    assert facts.own[facts.main]
    assert facts.own[COMMON]


@pytest.mark.parametrize(
    ("code", "own"),
    [
        ("jpn_Jpan", {"Hira", "Kana", "Hani"}),
        ("kor_Hang", {"Hang", "Hani"}),
        ("srp_Cyrl", {"Cyrl", "Latn"}),
        ("hin_Deva", {"Deva"}),
        ("und_Thai", {"Thai"}),
        ("und_Zzzz", set(script_numbers())),
    ],
)
def test_scripts_that_a_language_may_be_written_in(code, own):
    facts = language_facts(code)
    assert {script for script, number in script_numbers().items() if facts.own[number]} >= own
    if len(own) < 10:
        assert not facts.own[script_numbers()["Ethi"]]


def test_what_is_in_no_table_is_no_language():
    assert find_language("und_Latn") is None
    assert find_language("swh").code == "swh_Latn"
