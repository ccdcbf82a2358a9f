from __future__ import annotations

from pathlib import Path

import pytest
from small_release import row, write_release

from curation.config.model import Release as Options
from curation.errors import ConfigError, ReleaseError
from curation.release.diff import diff_releases
from curation.release.parent import check_version, find_parent, refuse_as_target


def options(parent: str | None, version: str = "0.1.0") -> Options:
    return Options.model_validate({"parent": parent, "version": version})


def test_the_parent_is_relative_to_the_config(tmp_path: Path) -> None:
    old = write_release(tmp_path / "old", [row(1)])
    found = find_parent(options("old", "1.2.4"), tmp_path)
    assert found is not None
    assert found.digest == old.digest
    assert find_parent(options(None), tmp_path) is None


@pytest.mark.parametrize("version", ["1.2.3", "1.2.2", "0.9.9"])
def test_a_version_has_to_be_greater(tmp_path: Path, version: str) -> None:
    write_release(tmp_path / "old", [row(1)])
    with pytest.raises(ConfigError, match="does not fit") as error:
        find_parent(options("old", version), tmp_path)
    assert "the parent old has the version 1.2.3" in str(error.value)
    assert "set it to 1.2.4" in str(error.value)


def test_a_parent_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="not a release"):
        find_parent(options("nowhere"), tmp_path)
    write_release(tmp_path / "odd", [row(1)], version="new")
    with pytest.raises(ReleaseError, match="no version"):
        find_parent(options("odd"), tmp_path)


def test_a_parent_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="overwritten"):
        refuse_as_target(options("run/../run/release"), tmp_path, tmp_path / "run" / "release")
    refuse_as_target(options("old/release"), tmp_path, tmp_path / "run" / "release")
    refuse_as_target(options(None), tmp_path, tmp_path / "run" / "release")


@pytest.mark.parametrize(
    ("manifest", "rows", "version", "least", "why"),
    [
        ({}, 3, "1.2.9", "1.3.0", "records have changed since 1.2.3: 1 added, 0 removed, 0 changed"),
        ({"schema": "curation-manifest/2"}, 2, "1.9.0", "2.0.0", "layout: curation-manifest/1 -> curation-manifest/2"),
        ({"code": "1"}, 2, "1.2.3", "1.2.4", "only metadata has changed since 1.2.3"),
    ],
)
def test_a_version_has_to_say_what_has_changed(
    tmp_path: Path, manifest: dict[str, str], rows: int, version: str, least: str, why: str
) -> None:
    old = write_release(tmp_path / "old", [row(1), row(2)])
    new = write_release(tmp_path / "new", [row(number) for number in range(1, rows + 1)])
    object.__setattr__(new, "manifest", new.manifest | manifest)
    diff = diff_releases(old, new)
    with pytest.raises(ConfigError) as error:
        check_version(version, diff)
    assert f"at least {least}" in str(error.value)
    assert why in str(error.value)
    check_version(least, diff)
    check_version("9.0.0", diff)
