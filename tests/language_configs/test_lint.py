from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import language_configs.lint
from language_configs.labels import SystemFile
from language_configs.lint import lint
from language_configs.read import SHIPPED
from language_configs.schema import System

Write = Callable[[Mapping[str, str]], Path]


def test_the_shipped_files_are_sound() -> None:
    assert list(map(str, lint([SHIPPED]))) == []


def _model(text: str) -> str:
    return f"identification: {{lid.176: {text}}}\n"


@pytest.mark.parametrize(
    ("name", "text", "key", "why"),
    [
        # What says nothing.
        ("languages/deu_Latn.yml", "spaced: true\n", "spaced", "inherited anyway"),
        ("languages/cmn_Hans.yml", "length_factor: 0.32\n", "length_factor", "inherited anyway"),
        ("languages/hin_Deva.yml", "profile: standard\n", "profile", "inherited anyway"),
        ("languages/deu_Latn.yml", "filters: {query: {min_chars: 2}}\n", "filters.query.min_chars", "inherited anyway"),
        (
            "languages/deu_Latn.yml",
            "filters: {all: {max_repetition: 0.6}}\n",
            "filters.all.max_repetition",
            "inherited anyway",
        ),
        (
            "languages/aar_Latn.yml",
            "filters: {all: {min_chars: 4}, code: {min_chars: 4}}\n",
            "code.min_chars",
            "anyway",
        ),
        ("languages/jpn_Jpan.yml", "filters: {title: {min_chars: 1}}\n", "filters.title.min_chars", "inherited anyway"),
        ("languages/aar_Latn.yml", _model("{log_weight: 0}"), "identification.lid.176.log_weight", "inherited anyway"),
        ("scripts/Latn.yml", "spaced: true\n", "spaced", "inherited anyway"),
        ("scripts/Thai.yml", "spaced: false\nterminals: '.!?'\n", "spaced", "inherited anyway"),
        ("root.yml", "length_factor: 1\n", "length_factor", "inherited anyway"),
        ("families/slavic.yml", "length_factor: 1.0\n", "length_factor", "inherited anyway"),
        ("families/mayan.yml", "spaced: true\n", "spaced", "inherited anyway"),
        ("languages/aar_Latn.yml", "aliases: []\n", "aliases", "is empty"),
        ("languages/eus_Latn.yml", "macrolanguage: ''\n", "macrolanguage", "Input should|pattern"),
        ("languages/aar_Latn.yml", "collective: false\n", "collective", "is empty"),
        ("languages/aar_Latn.yml", "scripts: [Latn]\n", "scripts", "one script needs no list"),
        ("languages/aar_Latn.yml", "aliases: [aar]\n", "aliases", "own code is no alias"),
        # What contradicts itself.
        ("languages/aar_Latn.yml", "filters: {query: {min_chars: 9, max_chars: 8}}\n", "filters.query", "no text can"),
        ("languages/aar_Latn.yml", "filters: {all: {max_chars: 1}}\n", "filters.query", "no text can pass"),
        ("scripts/Cher.yml", "filters: {title: {min_chars: 20001}}\n", "filters.title", "no text can pass"),
        ("languages/aar_Latn.yml", _model("{min_score: {0: 0.5, 20: 0.9}}"), "min_score", "rises to 0.9 at 20 letters"),
        ("languages/aar_Latn.yml", _model("{min_score: {20: 0.5, 0: 0.9}}"), "min_score", "in the order"),
        ("languages/aar_Latn.yml", _model("{min_score: {0: 1.5}}"), "min_score.0", "less than or equal to 1"),
        ("languages/aar_Latn.yml", "profile: severe\n", "profile", "there is no profile 'severe'"),
        ("languages/aar_Latn.yml", "pygments: python\n", "pygments", "is for programming languages"),
        # What is no punctuation or no digits.
        ("scripts/Thai.yml", "terminals: ''\n", "terminals", "is empty"),
        ("scripts/Thai.yml", "terminals: '. '\n", "terminals", "' ' is no punctuation"),
        ("languages/aar_Latn.yml", "terminals: '.a'\n", "terminals", "'a' is no punctuation"),
        ("scripts/Thai.yml", "terminals: '.!.'\n", "terminals", "stands twice"),
        ("scripts/Cher.yml", "digits: []\n", "digits", "is empty"),
        ("scripts/Cher.yml", "digits: ['0123456798']\n", "digits", "is not ten digits from zero to nine"),
        ("scripts/Cher.yml", "digits: ['012']\n", "digits", "is not ten digits"),
        # Codes that mean two languages.
        ("languages/xxq_Latn.yml", "name: German\n", "name", "'German' means deu_Latn too"),
        ("languages/xxq_Latn.yml", "name: Q\niso639_1: de\n", "iso639_1", "'de' means deu_Latn too"),
        ("languages/xxq_Latn.yml", "name: Q\naliases: [ger]\n", "aliases", "'ger' means deu_Latn too"),
        ("languages/xxq_Latn.yml", "name: Q\naliases: [deu]\n", "labels.flores", "'deu_Latn' means deu_Latn too"),
        ("languages/xxq_Latn.yml", "name: Q\nlabels: {lid176: [de]}\n", "labels.lid176", "'de' means deu_Latn too"),
        ("languages/xq_Zzzz.yml", "name: Q\naliases: [c++]\n", "aliases", "means cpp_Zzzz too"),
        # Mappings that are missing, or to what there is not.
        ("languages/deu_Latn.yml", "labels: {flores: []}\n", "deu_Latn", "no language has this label"),
        ("languages/deu_Latn.yml", "labels: {lid176: []}\n", "de", "no language has this label"),
        ("languages/deu_Latn.yml", "labels: {mteb: []}\n", "deu-Latn", "no language has this label"),
        ("languages/aar_Latn.yml", "labels: {flores: [aar_Latn]}\n", "labels.flores", "FLORES-200 has no label"),
        # Files that belong to nothing.
        ("families/martian.yml", "name: Martian\n", "", "no language belongs to this family"),
        ("scripts/Qaaa.yml", "name: Private\n", "members", "script_ranges.yml has no range for Qaaa"),
        ("scripts/Cher.yml", "members: [Cher, Zzzx]\n", "members", "script_ranges.yml has no range for Zzzx"),
        # What is never read.
        ("profiles/standard.yml", "all: {max_chars: 5}\n", "", "never read"),
        ("Languages/aar_Latn.yml", "version: 1\n", "", "never read"),
        ("languages/notes.txt", "to do\n", "", "never read"),
        (
            "languages/aar_Latn.yml",
            "identification: {lid.176: {log_weight: 900}}\n",
            "log_weight",
            "less than or equal",
        ),
        ("languages/aar_Latn.yml", "filters: {all: {max_length_ratio: inf}}\n", "max_length_ratio", "finite"),
        # What keeps the files from being read at all.
        ("languages/aar_Latn.yml", "nick: Afar\n", "nick", "unknown key"),
        ("languages/aar.yml", "name: Afar\n", "", "wrong file name"),
        ("languages/xxq_Latn.yml", "name: Q\nfamily: martian\n", "family", "there is no families/martian.yml"),
        ("languages/deu_Cyrl.yml", "spaced: false\n", "", "deu_Latn does not list Cyrl among its `scripts`"),
    ],
)
def test_each_kind_of_mistake_is_found(folder: Write, name: str, text: str, key: str, why: str) -> None:
    own = folder({name: text})
    found = [(finding.key, finding.why) for finding in lint([SHIPPED, own])]
    assert [one for one in found if one[0].endswith(key) and re.search(why, one[1])], found


def test_a_threshold_may_rise_for_a_reason(folder: Write) -> None:
    record = "lines: 900, sources: [Tatoeba], date: '2026-01-01', formula: f"
    rising = "identification: {m: {min_score: {0: 0.5, 20: 0.9}, calibration: {%s}}}\n"
    own = folder({"languages/aar_Latn.yml": rising % record})
    assert [finding.key for finding in lint([SHIPPED, own])] == ["identification.m.min_score"]
    own = folder({"languages/aar_Latn.yml": rising % f"{record}, reason: names"})
    assert lint([SHIPPED, own]) == ()


def test_what_says_something_is_left_alone(folder: Write) -> None:
    own = folder(
        {
            "languages/deu_Latn.yml": "filters: {query: {min_chars: 3}, title: {max_repetition: null}}\n",
            "languages/xxq_Latn.yml": "name: Xxq\nfamily: slavic\nterminals: '.¡'\naliases: [xxr]\n",
            "families/celtic.yml": "length_factor: 1.0\n",
            "scripts/Hans.yml": "filters: {all: {min_chars: 2}}\n",
            "languages/jpn_Jpan.yml": "filters: {all: {min_chars: 2}, query: {min_chars: 1}}\n",
        }
    )
    found = [(finding.file.rpartition("/")[2], finding.key) for finding in lint([SHIPPED, own])]
    # The role says what the level above says, but not what `all` in the same file would make of it.
    assert found == []


def test_findings_are_sorted_and_name_the_file(folder: Write) -> None:
    own = folder(
        {"languages/deu_Latn.yml": "spaced: true\nprofile: standard\n", "languages/aar_Latn.yml": "aliases: []\n"}
    )
    found = lint([SHIPPED, own])
    assert list(found) == sorted(found)
    assert {finding.file for finding in found} == {f"{own}/languages/{code}_Latn.yml" for code in ("aar", "deu")}


def test_a_label_without_a_language_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known = language_configs.lint.system

    def with_one_more(name: System) -> SystemFile:
        found = known(name)
        return found.model_copy(update={"labels": (*found.labels, f"new_{name}")})

    monkeypatch.setattr(language_configs.lint, "system", with_one_more)
    assert {finding.key for finding in lint([SHIPPED])} == {
        f"new_{name}" for name in ("flores", "glotlid", "iso639_2", "lid176", "mteb")
    }


def test_what_is_no_file_is_named_and_never_waited_for(folder: Write) -> None:
    own = folder({"languages/aar_Latn.yml": "spaced: true\n"}) / "languages"
    (own / "deu_Latn.yml").mkdir()
    (own / "fra_Latn.yml").symlink_to(own / "nowhere.yml")
    os.mkfifo(own / "spa_Latn.yml")
    (own / "ita_Latn.yml").symlink_to("/dev/zero")
    found = {Path(finding.file).name: finding.why for finding in lint([SHIPPED, own.parent])}
    for name in ("deu_Latn.yml", "fra_Latn.yml", "spa_Latn.yml", "ita_Latn.yml"):
        assert found[name] == "no regular file"
