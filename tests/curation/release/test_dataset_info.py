from __future__ import annotations

from pathlib import Path

import pytest
from test_release import TEXTS, make_release

from curation.release import dataset_info


def shards_of(release: object) -> object:
    import pyarrow as pa

    files = [file for file in release.files if file.rows is not None]  # type: ignore[attr-defined]
    return pa.table(
        {"path": [f.path for f in files], "bytes": [f.bytes for f in files], "rows": [f.rows for f in files]}
    )


def test_rows_and_columns_come_from_the_footers(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    found = {entry["config_name"]: entry for entry in dataset_info.dataset_info(release.path, shards_of(release))}
    assert set(found) == {"all", *TEXTS}
    assert [feature["name"] for feature in found["all"]["features"]] == [
        "anchor",
        "positive",
        "negative_1",
        "negative_2",
    ]
    assert [(split["name"], split["num_examples"]) for split in found["all"]["splits"]] == [("train", 44), ("test", 11)]
    assert found["all"]["dataset_size"] == sum(split["num_bytes"] for split in found["all"]["splits"])
    assert found["all"]["download_size"] == sum(
        entry["download_size"] for code, entry in found.items() if code != "all"
    )


def test_a_huge_card_says_only_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = make_release(tmp_path)
    monkeypatch.setattr(dataset_info, "MAX_FEATURES", 4 * 12 - 1)
    assert [entry["config_name"] for entry in dataset_info.dataset_info(release.path, shards_of(release))] == ["all"]
