from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_release import row, write_release

from curation.release.diff import settings
from curation.release.diff.settings import Change, flatten


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {"b": 1, "c": [2, 3]}}, {"a.b": 1, "a.c": [2, 3]}),
        (
            {"sources": [{"name": "новости", "trust": 5}]},
            {"sources.новости.name": "новости", "sources.новости.trust": 5},
        ),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
        ({"a": []}, {"a": []}),
        ({}, {}),
    ],
)
def test_flatten(value: dict[str, Any], expected: dict[str, Any]) -> None:
    assert flatten(value) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["my", "ru"], ["ru", "sw"], "-my +sw"),
        (["ru"], ["ру", "ru"], "+ру"),
        (["a", "b"], ["b", "a"], ""),
        ("a", ["a"], ""),
        (None, ["a"], ""),
        ([{"a": 1}], [], ""),
    ],
)
def test_edits_of_lists(old: Any, new: Any, expected: str) -> None:
    assert Change("key", old, new).edits == expected


def test_changes_have_old_and_new_values(tmp_path: Path) -> None:
    one = write_release(
        tmp_path / "one",
        [row(1)],
        others={"LICENSE": "a"},
        config={"seed": 1, "dedup": {"threshold": 0.8, "by": "pair"}, "release": {"version": "1.2.3", "date": None}},
        sources={"news": {"inputs": [{"file": "a.tsv", "sha256": "1"}]}},
        versions={"numpy": "2.0", "pyarrow": "25"},
    )
    other = write_release(
        tmp_path / "other",
        [row(2)],
        others={"LICENSE": "b"},
        config={
            "seed": 1,
            "dedup": {"threshold": 0.7, "new": None},
            "release": {"version": "1.3.0", "date": "2026-11-28"},
        },
        sources={"news": {"inputs": [{"file": "a.tsv", "sha256": "2"}]}, "films": {"inputs": [{"file": "b"}]}},
        versions={"numpy": "2.1", "pyarrow": "25"},
        code="1",
    )
    assert settings.changed_settings(one, other) == [
        Change("dedup.by", "pair", None),
        Change("dedup.threshold", 0.8, 0.7),
    ]
    assert settings.changed_inputs(one, other) == [
        Change("films: b", None, {"file": "b"}),
        Change("news: a.tsv", "1", "2"),
    ]
    assert settings.changed_versions(one, other) == [Change("code", "0", "1"), Change("versions.numpy", "2.0", "2.1")]
    shard = one.shards("full", split="train")[0].path
    assert [change.key for change in settings.changed_files(one, other)] == ["LICENSE", shard]
    assert [settings.is_shard(path) for path in ("LICENSE", shard)] == [False, True]
