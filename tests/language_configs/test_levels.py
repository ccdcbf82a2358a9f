from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language_configs.levels import Levels, Source
from language_configs.read import broken_links, read_levels
from language_configs.schema import FamilyFile, LanguageFile, RootFile, ScriptFile

Write = Callable[[Mapping[str, str]], Path]

WORLD = {
    "root.yml": "spaced: true\nlength_factor: 1.0\nterminals: '.!?'\n",
    "scripts/Latn.yml": "name: Latin\nfilters: {all: {min_chars: 3}, code: {min_chars: 4}}\n",
    "scripts/Thai.yml": "name: Thai\nspaced: false\n",
    "families/tai.yml": "name: Tai\nlength_factor: 0.8\n",
    "families/lao.yml": "name: Lao\nwithin: tai\nfilters: {query: {min_chars: 1}}\n",
    "languages/aaa_Thai.yml": "name: A\nfamily: lao\nscripts: [Thai, Latn]\naliases: [aa]\nlength_factor: 0.7\n",
    "languages/aaa_Latn.yml": "aliases: [aa_xx]\nidentification: {m: {min_score: {0: 0.9}}}\n",
    "languages/bbb_Latn.yml": "name: B\n",
}


def _values(levels: Levels, code: str) -> dict[str, object]:
    return {".".join(path): origin.value for path, origin in levels.resolve(code).items()}


def _origins(levels: Levels, code: str) -> dict[str, str]:
    return {".".join(path): origin.source.level for path, origin in levels.resolve(code).items()}


def test_the_lowest_level_that_says_something_is_followed(folder: Write) -> None:
    levels, findings = read_levels([folder(WORLD)])
    assert (findings, list(broken_links(levels))) == ([], [])
    thai = _values(levels, "aaa_Thai")
    assert (thai["spaced"], thai["length_factor"], thai["terminals"]) == (False, 0.7, ".!?")
    assert thai["filters.query.min_chars"] == 1
    assert "filters.title.min_chars" not in thai
    latin = _values(levels, "aaa_Latn")
    assert (latin["spaced"], latin["length_factor"]) == (True, 0.8)
    assert [latin[f"filters.{role}.min_chars"] for role in ("query", "title", "code")] == [1, 3, 4]
    assert _values(levels, "bbb_Latn")["length_factor"] == 1.0


def test_every_value_names_its_level(folder: Write) -> None:
    levels, _ = read_levels([folder(WORLD)])
    origins = _origins(levels, "aaa_Latn")
    assert origins["terminals"] == "root"
    assert origins["filters.title.min_chars"] == "script Latn"
    assert origins["filters.query.min_chars"] == "family lao"
    assert origins["length_factor"] == "family tai"
    assert origins["name"] == "language aaa_Thai"
    assert origins["aliases"] == "language aaa_Latn"
    assert origins["identification.m.min_score"] == "language aaa_Latn"


def test_what_a_language_is_called_holds_in_all_its_scripts_and_its_settings_do_not(folder: Write) -> None:
    levels, _ = read_levels([folder(WORLD)])
    values = _values(levels, "aaa_Latn")
    assert (values["name"], values["family"], values["scripts"]) == ("A", "lao", ("Thai", "Latn"))
    assert values["aliases"] == ("aa_xx",)
    assert levels.names("aaa_Latn") == levels.names("aaa_Thai") == ["aaa", "aa"]
    assert levels.default_of("aaa_Latn") == "aaa_Thai"
    assert levels.families_of("aaa_Latn") == ["tai", "lao"]


def test_a_users_folder_goes_on_top(folder: Write, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.mktemp("own")
    (own / "languages").mkdir()
    (own / "languages" / "bbb_Latn.yml").write_text("version: 1\nfilters: {all: {max_chars: 9}}\n")
    (own / "scripts").mkdir()
    (own / "scripts" / "Latn.yml").write_text("version: 1\nfilters: {title: {min_chars: null}}\n")
    levels, findings = read_levels([folder(WORLD), own])
    assert (findings, list(broken_links(levels))) == ([], [])
    values = _values(levels, "bbb_Latn")
    assert values["name"] == "B"
    assert values["filters.query.max_chars"] == 9
    assert values["filters.query.min_chars"] == 3
    assert values["filters.title.min_chars"] is None
    file = levels.resolve("bbb_Latn")["filters", "title", "min_chars"].source.file
    assert file == str(own / "scripts" / "Latn.yml")


@given(values=st.lists(st.none() | st.floats(0.1, 9.0), min_size=5, max_size=5))
def test_inheritance_is_the_last_level_that_sets_a_value(values: list[float | None]) -> None:
    models = [RootFile, ScriptFile, FamilyFile, FamilyFile, LanguageFile]
    names = ["root", "script Latn", "family big", "family small", "language ccc_Latn"]
    more = [{}, {"name": "L"}, {"name": "Big"}, {"name": "Small", "within": "big"}, {"name": "C", "family": "small"}]
    sources = []
    for level, model, rest, value in zip(names, models, more, values, strict=True):
        said = {} if value is None else {"length_factor": value}
        sources.append(Source(level, level, model.model_validate({"version": 1} | rest | said)))
    found = Levels(reversed(sources)).resolve("ccc_Latn").get(("length_factor",))
    expected = [(value, level) for value, level in zip(values, names, strict=True) if value is not None]
    assert (expected[-1] if expected else None) == (found and (found.value, found.source.level))
