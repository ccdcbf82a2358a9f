from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language_configs import LanguageFileError
from language_configs.levels import SHIPPED, Levels, Source, broken_links, read_levels
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


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        ({"languages/ccc_Latn.yml": "nmae: C\n"}, "languages/ccc_Latn.yml: nmae: unknown key: did you mean name?"),
        ({"languages/ccc_Latn.yml": "zzz: C\n"}, "languages/ccc_Latn.yml: zzz: unknown key"),
        (
            {"languages/ccc_Latn.yml": "filters: {query: {min_char: 1}}\n"},
            "languages/ccc_Latn.yml: filters.query.min_char: unknown key: did you mean min_chars?",
        ),
        ({"languages/ccc.yml": "name: C\n"}, "languages/ccc.yml: wrong file name"),
        ({"languages/ccc_Latn.yaml": "name: C\n"}, "languages/ccc_Latn.yaml: wrong file name"),
        ({"scripts/latn.yml": "name: Latin\n"}, "scripts/latn.yml: wrong file name"),
        ({"families/Tai.yml": "name: Tai\n"}, "families/Tai.yml: wrong file name"),
        ({"languages/ccc_Latn.yml": "name: [\n"}, "languages/ccc_Latn.yml: cannot be read: while parsing"),
        ({"languages/ccc_Latn.yml": "name: " + "[" * 5_000}, "languages/ccc_Latn.yml: cannot be read"),
        ({"languages/ccc_Latn.yml": "#" * 70_000}, "languages/ccc_Latn.yml: larger than 65,536 bytes"),
        ({"root.yml": "spaced: 'no'\n"}, "root.yml: spaced: Input should be a valid boolean"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_key(
    folder: Write, files: Mapping[str, str], finding: str
) -> None:
    where = folder(WORLD | files)
    _, findings = read_levels([where])
    assert [str(found).removeprefix(f"{where}/")[: len(finding)] for found in findings] == [finding]


def test_what_is_no_mapping_is_refused(folder: Write) -> None:
    where = folder(WORLD)
    (where / "languages" / "ccc_Latn.yml").write_text("- a\n")
    (where / "languages" / "ddd_Latn.yml").write_bytes(b"name: \xff\n")
    _, findings = read_levels([where])
    assert [Path(finding.file).stem for finding in findings] == ["ccc_Latn", "ddd_Latn"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageFileError, match="there is no such folder"):
        read_levels([tmp_path / "none"])


@pytest.mark.parametrize(
    ("files", "file", "key", "why"),
    [
        ({"languages/ccc_Grek.yml": "name: C\n"}, "languages/ccc_Grek.yml", "", "there is no scripts/Grek.yml"),
        ({"languages/ccc_Latn.yml": ""}, "languages/ccc_Latn.yml", "name", "missing"),
        (
            {"languages/ccc_Latn.yml": "name: C\nfamily: none\n"},
            "languages/ccc_Latn.yml",
            "family",
            "there is no families/none.yml",
        ),
        ({"languages/bbb_Thai.yml": ""}, "languages/bbb_Thai.yml", "", "bbb_Latn does not list Thai"),
        ({"languages/bbb_Thai.yml": "name: B\n"}, "languages/bbb_Thai.yml", "name", "bbb_Latn has the name"),
        (
            {"languages/ccc_Latn.yml": "name: C\nscripts: [Thai, Latn]\n", "languages/ccc_Thai.yml": ""},
            "languages/ccc_Latn.yml",
            "scripts",
            "the first one must be Latn",
        ),
        (
            {"languages/ccc_Latn.yml": "name: C\nscripts: [Latn, Thai]\n"},
            "languages/ccc_Latn.yml",
            "scripts",
            "there is no languages/ccc_Thai.yml",
        ),
        (
            {"languages/ccc_Latn.yml": "name: C\nscripts: [Latn, Latn]\n"},
            "languages/ccc_Latn.yml",
            "scripts",
            "one stands twice",
        ),
        ({"scripts/Grek.yml": ""}, "scripts/Grek.yml", "name", "missing"),
        ({"families/one.yml": ""}, "families/one.yml", "name", "missing"),
        ({"families/one.yml": "name: One\nwithin: two\n"}, "families/one.yml", "within", "no families/two.yml"),
        ({"families/one.yml": "name: One\nwithin: one\n"}, "families/one.yml", "within", "one is within itself"),
    ],
)
def test_a_file_that_leads_nowhere_is_named(
    folder: Write, files: Mapping[str, str], file: str, key: str, why: str
) -> None:
    where = folder(WORLD | files)
    levels, findings = read_levels([where])
    assert findings == []
    found = [(item.file.removeprefix(f"{where}/"), item.key) for item in broken_links(levels) if why in item.why]
    assert found == [(file, key)]


def test_families_in_a_circle_are_named_and_cut(folder: Write) -> None:
    files = {f"families/{one}.yml": f"name: {one}\nwithin: {two}\n" for one, two in ("ab", "bc", "ca")}
    levels, _ = read_levels([folder(WORLD | files | {"languages/ccc_Latn.yml": "name: C\nfamily: a\n"})])
    assert sorted(item.why for item in broken_links(levels)) == [f"{key} is within itself" for key in "abc"]
    assert levels.families_of("ccc_Latn") == ["c", "b", "a"]


def test_the_shipped_files_can_all_be_put_together() -> None:
    levels, findings = read_levels([SHIPPED])
    assert findings == []
    assert list(broken_links(levels)) == []


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


def test_a_wrong_file_of_a_user_stops_the_program_with_file_and_key(folder: Write) -> None:
    own = folder({"languages/ccc_Latn.yml": "name: C\nnick: D\n"})
    done = subprocess.run(
        [sys.executable, "-m", "curation.cli", "langs"],
        env={**os.environ, "CURATION_LANGUAGES": str(own), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{own}/languages/ccc_Latn.yml: nick: unknown key" in done.stderr
    assert "Traceback" not in done.stderr
