from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from language_configs import Language, languages
from language_configs.files import read_yaml
from language_configs.scripts import members, ranges

FOLDER = files("language_configs") / "languages"
NAMES = sorted(file.name for file in FOLDER.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_a_language_named_as_its_code(name: str) -> None:
    language = Language.model_validate(read_yaml(FOLDER / name))
    assert name == f"{language.code}.yml"


def test_the_table_is_the_files() -> None:
    assert [f"{code}.yml" for code in languages()] == NAMES
    assert [language.code for language in languages().values()] == list(languages())


def test_variants_of_a_language_agree_in_all_but_their_script() -> None:
    by_base: dict[tuple[str, str], list[Language]] = defaultdict(list)
    for language in languages().values():
        by_base[language.kind, language.base].append(language)
    for found in by_base.values():
        first = found[0]
        assert {item.script for item in found} == set(first.scripts), first.code
        assert len({(item.name, item.iso639_1, item.scripts) for item in found}) == 1, first.code
        assert len(set(first.scripts)) == len(first.scripts), first.code


def test_names_are_unique() -> None:
    names = [language.name for language in languages().values() if language.script == language.scripts[0]]
    assert len(set(names)) == len(names)


def test_every_script_has_code_points() -> None:
    natural = [language for language in languages().values() if language.kind == "natural"]
    assert {script for item in natural for script in item.scripts if not members(script) <= set(ranges())} == set()


def test_words_run_together_in_the_scripts_that_have_no_blanks() -> None:
    scripts = {language.script for language in languages().values() if not language.spaced}
    assert scripts == {"Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"}
    assert not any(item.spaced for item in languages().values() if item.script in scripts)
    assert languages()["vie_Latn"].spaced
    assert languages()["kor_Hang"].spaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[no, yes, on, off, y, N]", ["no", "yes", "on", "off", "y", "N"]),
        ("[true, false, True]", [True, False, "True"]),
        ("[1E5, 0x10, 12, 1.5, 1:30, 2024-01-01]", ["1E5", "0x10", "12", "1.5", "1:30", "2024-01-01"]),
        ("[null, ~]", ["null", "~"]),
        ("name: Norwegian Bokmål", {"name": "Norwegian Bokmål"}),
    ],
)
def test_scalars_are_strings_or_true_or_false(tmp_path: Path, text: str, expected: object) -> None:
    file = tmp_path / "some.yml"
    file.write_text(text, encoding="utf-8")
    assert read_yaml(file) == expected


def test_no_python_object_can_be_made(tmp_path: Path) -> None:
    file = tmp_path / "some.yml"
    file.write_text("!!python/object/apply:os.getcwd []", encoding="utf-8")
    with pytest.raises(yaml.constructor.ConstructorError):
        read_yaml(file)
