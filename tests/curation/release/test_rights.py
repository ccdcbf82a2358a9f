from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.config import RunConfig
from curation.config.licences import DescribedLicence
from curation.licences.licensing import apply_licences
from curation.licences.table import licence_table
from curation.release.rights import front_matter, left_out_notes, licence_facts, release_note, source_note, terms_row

FULL, RECIPE = "full/deu_Latn/train-00000-of-00001.parquet", "recipe/deu_Latn/train-00000-of-00001.parquet"
DATA = "data/deu_Latn/train-00000-of-00001.parquet"


def facts(
    folder: Path, sources: dict[str, str], full: list[tuple[str, str]], recipe: list[str], **release: object
) -> dict[str, Any]:
    """Return the facts of a release with these rows (source, licence); sources of `recipe` have rows without texts."""
    declared = [
        {"name": name, "format": "tsv", "path": "x", "licence": licence, "task": "sts"}
        | ({"redistribution": "recipe"} if name in recipe else {})
        for name, licence in sources.items()
    ]
    config = RunConfig.model_validate({"name": "x", "sources": declared, "release": release})
    hidden = [(name, sources[name]) for name in recipe]
    for path, rows in ((FULL, full), (RECIPE, hidden), (DATA, [])):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        names, licences = [name for name, _ in rows], [licence for _, licence in rows]
        table = pa.table({"source": pa.array(names, pa.string()), "licence": pa.array(licences, pa.string())})
        pq.write_table(table, folder / path)
    return licence_facts(apply_licences(config), folder, pa.table({"path": [DATA, FULL, RECIPE]}))


@pytest.mark.parametrize(
    ("full", "expected"),
    [
        ([("a", "CC0-1.0"), ("b", "CC-BY-4.0"), ("c", "CC-BY-SA-4.0")], "CC-BY-SA-4.0"),
        ([("a", "CC0-1.0"), ("b", "CC-BY-4.0")], "CC-BY-4.0"),
        ([("a", "CC0-1.0"), ("a", "CC0-1.0")], "CC0-1.0"),
        # No row of the source is left, but one of its passages is a negative.
        ([("a", "CC0-1.0 AND CC-BY-SA-4.0")], "CC-BY-SA-4.0"),
        ([("b", "CC-BY-4.0 AND CC0-1.0")], "CC-BY-4.0"),
    ],
)
def test_a_source_that_nothing_is_left_of_has_no_say(
    tmp_path: Path, full: list[tuple[str, str]], expected: str
) -> None:
    sources = {"a": "CC0-1.0", "b": "CC-BY-4.0", "c": "CC-BY-SA-4.0", "d": "CC-BY-NC-4.0"}
    found = facts(tmp_path, sources, full, ["d"])
    assert found["release"] == expected
    rows = {source["source"]: (source["rows"], source["recipe"]) for source in found["sources"]}
    assert rows == {name: (sum(row[0] == name for row in full), name == "d") for name in sources}
    assert {row["licence"]: row["rows"] for row in found["rows"]} == {
        licence: sum(row[1] == licence for row in full) for _, licence in full
    }


def test_long_expressions_of_many_sources(tmp_path: Path) -> None:
    names = [f"LicenseRef-{'x' * 60}-{number}" for number in range(30)]
    sources = {f"s{number}": name for number, name in enumerate(names)}
    found = facts(tmp_path, sources, [("s0", " AND ".join(names))], [])
    assert (found["release"], found["how"], len(found["undescribed"])) == ("", "per-source", 30)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("GFDL-1.3-only", {"license": "gfdl"}),
        ("CC-BY-2.5-AU", {"license": "other", "license_name": "cc-by-2.5-au", "license_link": "LICENSE"}),
        ("MIT OR ISC", {"license": "other", "license_name": "mit-or-isc", "license_link": "LICENSE"}),
        ("LicenseRef-x", {"license": "other", "license_name": "licenseref-x", "license_link": "LICENSE"}),
        ("", {"license": "other", "license_name": "per-source", "license_link": "LICENSE"}),
    ],
)
def test_what_the_hub_is_told(release: str, expected: dict[str, str]) -> None:
    assert front_matter({"release": release}) == expected


def test_every_licence_has_a_name_for_the_hub() -> None:
    for name in licence_table():
        matter = front_matter({"release": name})
        assert matter["license"] == "other" or matter["license"][:3] == name[:3].lower()


def test_notes() -> None:
    assert "under MIT: the licence of everything" in release_note({"release": "MIT", "how": "same"})
    assert "as its makers decided" in release_note({"release": "MIT", "how": "stated"})
    note = release_note({"release": "", "how": "per-source", "undescribed": ["LicenseRef-a"]})
    assert "each row keeps its own" in note
    assert note.endswith("LicenseRef-a.")
    described = {"LicenseRef-a": DescribedLicence(like="MIT", name="Our\nterms", url="https://example.org/")}
    source = {"source": "s", "licence": "LicenseRef-a AND ISC", "rows": 1_234, "recipe": 5}
    note = source_note(source, described)
    assert note.startswith("s: LicenseRef-a AND ISC (Our terms, https://example.org/, like MIT; ")
    assert note.endswith("its rows are here as hashes, without texts)")
    hostile = {"LicenseRef-a": DescribedLicence(name="a\u202eb\u2028c\x1b[31m")}
    assert source_note(source | {"recipe": 0}, hostile) == "s: LicenseRef-a AND ISC (ab c[31m)"
    assert source_note(source | {"recipe": 0}, {}) == "s: LicenseRef-a AND ISC"
    terms = {"attribution": True, "share_alike": None, "commercial": False}
    assert terms_row(source | terms) == ("1,234", "5", "required", "not known", "forbidden")
    left = {"source": "f", "licence": "CC-BY-NC-4.0", "why": "it forbids commercial use"}
    assert left_out_notes({"commercial_safe": False, "left_out": []}) == []
    assert left_out_notes({"commercial_safe": True, "left_out": []}) == ["Every source allows commercial use."]
    assert "f (CC-BY-NC-4.0: it forbids" in left_out_notes({"commercial_safe": True, "left_out": [left]})[0]
