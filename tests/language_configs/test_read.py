from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from language_configs.read import SHIPPED, Finding, broken_links, read_levels

Write = Callable[[Mapping[str, str]], Path]

WORLD = {
    "root.yml": "spaced: true\n",
    "scripts/Latn.yml": "name: Latin\n",
    "scripts/Thai.yml": "name: Thai\nspaced: false\n",
    "families/tai.yml": "name: Tai\n",
    "languages/bbb_Latn.yml": "name: B\n",
}


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


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    _, findings = read_levels([SHIPPED, tmp_path / "none"])
    assert findings == [Finding(str(tmp_path / "none"), "", "there is no such folder")]


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
        ({"languages/bbb_Latn.yml": "name: B\nprofile: x\n"}, "languages/bbb_Latn.yml", "profile", "no profile 'x'"),
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
