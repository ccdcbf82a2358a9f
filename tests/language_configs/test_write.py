from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import language_configs.write
from language_configs.files import read_yaml
from language_configs.read import SHIPPED, LanguageFileError, read_levels
from language_configs.schema import Calibration, Identification, LanguageFile
from language_configs.write import render, update_language_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "languages" / "xxq_Latn.yml"
    update_language_file(path, {"name": "Quux", "iso639_1": "no", "length_factor": 1.25})
    return path


def test_a_new_file_has_its_version_and_its_keys_in_order(file: Path) -> None:
    assert file.read_text() == 'version: 1\nname: Quux\niso639_1: "no"\nlength_factor: 1.25\n'


def test_other_keys_stay(file: Path) -> None:
    update_language_file(file, {"length_factor": 0.5, "aliases": ["xq"]})
    assert file.read_text() == 'version: 1\nname: Quux\niso639_1: "no"\naliases: [xq]\nlength_factor: 0.5\n'


def test_calibrated_thresholds_are_written_model_by_model(file: Path) -> None:
    record = Calibration(lines=1_000, sources=("Tatoeba", "own: lines"), date="2026-05-01", formula="p >= 0.98, v1")
    update_language_file(file, {"identification": {"lid.176": Identification(min_score={0: 0.9, 20: 0.5})}})
    update_language_file(
        file, {"identification": {"glotlid-v3": {"log_weight": -0.25, "min_score": {0: 0.75}, "calibration": record}}}
    )
    assert file.read_text().partition("length_factor: 1.25\n")[2] == (
        "identification:\n"
        "  lid.176:\n"
        "    min_score: {0: 0.9, 20: 0.5}\n"
        "  glotlid-v3:\n"
        "    log_weight: -0.25\n"
        "    min_score: {0: 0.75}\n"
        '    calibration: {lines: 1000, sources: [Tatoeba, "own: lines"], date: "2026-05-01", '
        'formula: "p >= 0.98, v1"}\n'
    )
    update_language_file(file, {"identification": {"lid.176": {"min_score": {0: 0.8}}}})
    assert "    min_score: {0: 0.8}\n" in file.read_text()
    assert "glotlid-v3" in file.read_text()
    update_language_file(file, {"identification": {"lid.176": None, "glotlid-v3": None}})
    assert "identification" not in file.read_text()


def test_what_is_set_to_nothing_goes_and_a_bound_that_is_switched_off_stays(file: Path) -> None:
    update_language_file(file, {"filters": {"query": {"min_chars": None, "max_chars": 5}}, "length_factor": None})
    assert file.read_text().endswith("filters:\n  query: {min_chars: null, max_chars: 5}\n")
    levels, findings = read_levels([file.parent.parent])
    assert findings == []
    assert levels.languages["xxq_Latn"][0].settings["filters", "query", "min_chars"] is None


def test_comments_at_the_head_stay(file: Path) -> None:
    file.write_text(f"# Made by hand.\n# By me.\n{file.read_text()}")
    update_language_file(file, {"length_factor": 2.0})
    assert file.read_text().startswith("# Made by hand.\n# By me.\nversion: 1\n")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"nmae": "X"}, "nmae"),
        ({"length_factor": -1}, "length_factor"),
        ({"spaced": "no"}, "spaced"),
        ({"identification": {"m": {"min_score": {0: 2.0}}}}, "identification.m.min_score.0"),
    ],
)
def test_what_would_be_no_language_file_is_not_written(file: Path, values: dict[str, Any], key: str) -> None:
    before = file.read_bytes()
    with pytest.raises(LanguageFileError, match=f"{file.name}: {key}: "):
        update_language_file(file, values)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_file_that_cannot_be_read_is_not_replaced(file: Path) -> None:
    file.write_text("name: [\n")
    with pytest.raises(LanguageFileError, match="cannot be read"):
        update_language_file(file, {"length_factor": 1.5})
    assert file.read_text() == "name: [\n"


def test_a_crash_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("disk full")

    before = file.read_bytes()
    monkeypatch.setattr(language_configs.write.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        update_language_file(file, {"length_factor": 1.5})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_every_shipped_file_is_in_this_order_and_style() -> None:
    levels, _ = read_levels([SHIPPED])
    for table in ([levels.roots], levels.scripts.values(), levels.families.values(), levels.languages.values()):
        for (source,) in table:
            assert (SHIPPED / source.file).read_text(encoding="utf-8") == render(source.content), source.file


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    sources=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=3),
    model=st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    score=st.floats(0.0, 1.0),
    extension=st.from_regex(r"\A\.[!-~]{1,8}\Z"),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, sources: list[str], model: str, score: float, extension: str
) -> None:
    record = {"lines": 3, "sources": sources, "date": "2026-01-01", "formula": name}
    values = {
        "name": name,
        "extensions": [extension],
        "identification": {model: {"min_score": {0: score}, "calibration": record}},
    }
    path = tmp_path_factory.getbasetemp() / "languages" / "xxq_Zzzz.yml"
    path.unlink(missing_ok=True)
    update_language_file(path, values)
    expected = LanguageFile.model_validate({"version": 1} | values)
    assert LanguageFile.model_validate(read_yaml(path)) == expected
    update_language_file(path, {})
    assert LanguageFile.model_validate(read_yaml(path)) == expected
