from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_release import TEXTS, row, write_ledger, write_release

from curation.errors import ReleaseError
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
    old, new = write_release(tmp_path / "old", ROWS, **broken), write_release(tmp_path / "new", ROWS[1:])
    with pytest.raises(ReleaseError):
        diff_releases(old, new)
