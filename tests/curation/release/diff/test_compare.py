from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_release import FULL, TEXTS, row, write_ledger, write_release

from curation.errors import ReleaseError
from curation.files import sha256_file
from curation.release import Release
from curation.release.diff import diff_releases
from curation.release.diff.compare import marginal

LANGUAGES = sorted(TEXTS)
ROWS = [row(number, LANGUAGES[number % 11], source="news" if number % 2 else "films") for number in range(22)]


def test_reasons_of_removals_and_additions(tmp_path: Path) -> None:
    old = write_release(tmp_path / "old", [*ROWS, row(90, source="gone")])
    new = write_release(tmp_path / "new", [*ROWS[3:], row(50), row(51), row(60, source="fresh")])
    one = write_ledger(tmp_path / "ledger-old", {"filter": [(row(50)["id"], "min_chars")]})
    other = write_ledger(tmp_path / "ledger-new", {"known": [(row(0)["id"], "withdrawn"), (row(50)["id"], "x")]})
    diff = diff_releases(old, new, earlier_ledger=one, later_ledger=other)
    assert marginal(diff.removed, 2) == {"not read": 2, "known/withdrawn": 1, "source left out": 1}
    assert marginal(diff.added, 2) == {"filter/min_chars": 1, "new": 1, "new source": 1}
    assert (diff.level, diff.next_version, diff.shared) == ("minor", "1.3.0", 19)
    blind = diff_releases(old, new)
    assert marginal(blind.removed, 2) == {"unknown: no ledger": 3, "source left out": 1}
    assert marginal(blind.added, 2) == {"unknown: no ledger": 2, "new source": 1}
    assert sum(blind.to_json()["added"]["by_language"].values()) == blind.to_json()["added"]["rows"] == 3
    json.dumps(diff.to_json(), allow_nan=False)


def test_a_copy_is_not_a_record(tmp_path: Path) -> None:
    schema = FULL.append(pa.field("copy", pa.int32(), nullable=False))
    once = [each | {"copy": 0} for each in ROWS]
    twice = [*once[:9], *(each | {"copy": 1} for each in once[:5]), *(each | {"copy": 2} for each in once[:2])]
    moved = [each | {"language": "deu_Latn"} for each in once[5:7]]
    moved += [each | {"copy": 1} for each in moved]
    old = write_release(tmp_path / "old", once[:9], schema=schema)
    new = write_release(tmp_path / "new", [*twice[:5], *once[7:9], *twice[9:], *moved], schema=schema)
    # The ledger speaks of a duplicate that was merged into the record.
    ledger = write_ledger(tmp_path / "ledger", {"dedup": [(row(0)["id"], "exact")]})
    diff = diff_releases(old, new, earlier_ledger=ledger, later_ledger=ledger)
    back = diff_releases(new, old, earlier_ledger=ledger, later_ledger=ledger)
    assert (marginal(diff.added, 2), marginal(diff.removed, 2)) == ({"repeated more often": 9}, {})
    assert (marginal(back.added, 2), marginal(back.removed, 2)) == ({}, {"repeated less often": 9})


def with_recipes(folder: Path, hidden: int, **changes: Any) -> Release:
    """Write a release whose source `news` goes out as a recipe, of so many rows."""
    rows = [each | {"row": n, "positive_sha256": "0" * 64} | changes for n, each in enumerate(ROWS[:hidden])]
    schema = pa.schema([(name, pa.string()) for name in ("id", "language", "source", "positive_sha256")])
    files = []
    for language in LANGUAGES:
        path = f"recipe/{language}/train-00000-of-00001.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        mine = [{name: each[name] for name in schema.names} for each in rows if each["language"] == language]
        pq.write_table(pa.Table.from_pylist(mine, schema), folder / path)
        files.append({"path": path, "bytes": 1, "sha256": sha256_file(folder / path), "rows": len(mine)})
    names = {"licence": {"recipes": ["news"]}, "sources": {name: {"inputs": []} for name in ("news", "films")}}
    release = write_release(folder, [each for each in ROWS if each["source"] == "films"], **names)
    object.__setattr__(release, "manifest", release.manifest | {"files": [*release.manifest["files"], *files]})
    return release


@pytest.mark.parametrize(
    ("hidden", "changes", "expected", "level"),
    [
        (9, {}, (0, 0, 0), "none"),
        (7, {}, (0, 2, 0), "minor"),
        (22, {}, (13, 0, 0), "minor"),
        (9, {"positive_sha256": "1" * 64}, (0, 0, 9), "minor"),
    ],
    ids=str,
)
def test_rows_without_texts_are_rows(
    tmp_path: Path, hidden: int, changes: dict[str, Any], expected: tuple[int, int, int], level: str
) -> None:
    diff = diff_releases(with_recipes(tmp_path / "old", 9), with_recipes(tmp_path / "new", hidden, **changes))
    assert tuple(diff.to_json()["recipes"].values()) == expected
    assert (diff.level, diff.files) == (level, ())
    assert (diff.added, diff.removed) == ({}, {})


def test_a_source_that_becomes_a_recipe(tmp_path: Path) -> None:
    old, new = write_release(tmp_path / "old", ROWS), with_recipes(tmp_path / "new", 9)
    ledger = tmp_path / "none"
    diff = diff_releases(old, new, earlier_ledger=ledger, later_ledger=ledger)
    assert (marginal(diff.removed, 2), diff.recipes.added) == ({"now without texts": 11}, 9)
    back = diff_releases(new, old, earlier_ledger=ledger, later_ledger=ledger)
    assert (marginal(back.added, 2), back.recipes.removed) == ({"now with texts": 11}, 9)


def test_the_other_way_round_is_the_mirror(tmp_path: Path) -> None:
    old = write_release(tmp_path / "old", ROWS)
    changed = [ROWS[5] | {"licence": "MIT"}, ROWS[6] | {"language": "deu_Latn"}]
    new = write_release(tmp_path / "new", [*ROWS[7:], *changed, row(50)])
    ledger = tmp_path / "none"
    diff = diff_releases(old, new, earlier_ledger=ledger, later_ledger=ledger)
    back = diff_releases(new, old, earlier_ledger=ledger, later_ledger=ledger)
    for axis in (0, 1):
        assert marginal(diff.added, axis) == marginal(back.removed, axis)
        assert marginal(diff.removed, axis) == marginal(back.added, axis)
    assert marginal(diff.columns, 2) == marginal(back.columns, 2) == {"language": 1, "licence": 1}


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "none"),
        ({"version": "7.0.0"}, "none"),
        ({"config": {"name": "weather", "seed": 0, "release": {"version": "7.0.0"}}}, "none"),
        ({"others": {"README.md": "b", "CHANGELOG.md": "b", "CITATION.cff": "b", "croissant.json": "b"}}, "none"),
        ({"others": {"LICENSE": "b"}}, "patch"),
        ({"config": {"name": "weather", "seed": 1}}, "patch"),
        ({"code": "1"}, "patch"),
        ({"versions": {"numpy": "3"}}, "patch"),
        ({"rows_per_shard": 2}, "patch"),
    ],
    ids=str,
)
def test_level_without_changed_records(tmp_path: Path, changes: dict[str, Any], level: str) -> None:
    old = write_release(tmp_path / "old", [*ROWS[:8], row(99), row(98), row(97)])
    new = write_release(tmp_path / "new", [*ROWS[:8], row(99), row(98), row(97)], **changes)
    diff = diff_releases(old, new)
    assert diff.level == level
    assert [diff.added, diff.removed, diff.changed] == [{}, {}, {}]


def test_a_schema_weighs_more_than_records(tmp_path: Path) -> None:
    old = write_release(tmp_path / "old", ROWS)
    new = write_release(tmp_path / "new", ROWS[1:])
    object.__setattr__(new, "manifest", new.manifest | {"schema": "curation-manifest/2"})
    assert (diff_releases(old, new).level, diff_releases(old, new).next_version) == ("major", "2.0.0")


@pytest.mark.parametrize(
    "broken",
    [{"sources": []}, {"sources": {"news": 3}}, {"sources": {"news": {}}}, {"evaluation": [3]}, {"version": "latest"}],
    ids=str,
)
def test_a_strangers_manifest(tmp_path: Path, broken: dict[str, Any]) -> None:
    new = write_release(tmp_path / "new", ROWS[1:])
    with pytest.raises(ReleaseError):
        diff_releases(write_release(tmp_path / "old", ROWS, **broken), new)
