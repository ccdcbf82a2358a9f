"""Files that are not what they seem."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.gate.data.integrity import check_counts, check_loads, check_nulls, check_schema, read_shards
from curation.release import Release, layout, open_release


def test_sound_files_pass(sound: Release) -> None:
    shards = read_shards(sound)
    checks = [check_loads(shards), check_schema(shards), check_nulls(shards), check_counts(sound, shards)]
    assert [(check.id, check.status) for check in checks] == [
        ("data.loads", "pass"),
        ("data.schema", "pass"),
        ("data.nulls", "pass"),
        ("data.counts", "pass"),
    ]


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_shard_cut_short_cannot_be_read(copied: Path, kept: float) -> None:
    path = sorted(copied.glob("data/*/train-*.parquet"))[0]
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    shards = read_shards(open_release(copied))
    check = check_loads(shards)
    assert (check.status, check.value, check.detail) == ("fail", 1, path.relative_to(copied).as_posix())
    # The other checks speak of what can be read.
    assert check_schema(shards).status == check_nulls(shards).status == "pass"


def test_a_page_in_the_middle_is_broken(copied: Path) -> None:
    path = sorted(copied.glob("full/*/train-*.parquet"))[0]
    data = bytearray(path.read_bytes())
    data[100:2_000] = bytes(1_900)
    path.write_bytes(data)
    assert check_loads(read_shards(open_release(copied))).status == "fail"


@pytest.mark.parametrize("split", ["train", "test"])
def test_rows_that_are_gone_though_all_is_sealed(alter: Callable[..., Release], split: str) -> None:
    release = alter(
        lambda table: table.slice(0, 2 * table.num_rows // 3), split=split, language="hye_Armn", counted=False
    )
    check = check_counts(release, read_shards(release))
    assert check.status == "fail"
    assert check.detail.startswith(f"{split} of hye_Armn: ")


def test_a_language_that_is_gone(sound: Release) -> None:
    files = [entry for entry in sound.manifest["files"] if "kat_Geor" not in entry["path"]]
    release = Release(sound.path, sound.manifest | {"files": files}, sound.digest)
    check = check_counts(release, read_shards(release))
    assert (check.status, check.value) == ("fail", 2)


@pytest.mark.parametrize("view", ["data", "full"])
@pytest.mark.parametrize("column", ["anchor", "positive", "negative_3"])
def test_one_null(copied: Path, view: layout.View, column: str) -> None:
    path = sorted(copied.glob(f"{view}/*/test-*.parquet"))[0]
    table = pq.read_table(path)
    table = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    values = [None, *table[column].to_pylist()[1:]]
    table = table.set_column(table.column_names.index(column), column, pa.array(values, pa.string()))
    pq.write_table(table, path)
    check = check_nulls(read_shards(open_release(copied)))
    assert (check.status, check.detail) == ("fail", path.relative_to(copied).as_posix())


def test_provenance_may_be_null(alter: Callable[..., Release]) -> None:
    """Scores that nobody has measured are null in the files with provenance, and that is no fault."""
    release = alter(lambda table: table, views=("full",))
    names = release.read("full", split="train").column_names
    assert any(release.read("full", split="train", columns=[name])[name].null_count for name in names)
    assert check_nulls(read_shards(release)).status == "pass"
