from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ReleaseError
from curation.release.diff.semver import LEVELS, Level, next_version, parse_version

NUMBERS = st.integers(0, 10**9 - 2)


@pytest.mark.parametrize(
    ("version", "level", "expected"),
    [
        ("1.2.3", "none", "1.2.3"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("0.1.0", "major", "1.0.0"),
        ("0.9.9", "minor", "0.10.0"),
    ],
)
def test_next_version(version: str, level: Level, expected: str) -> None:
    assert next_version(version, level) == expected


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_greater_change_has_a_greater_version(major: int, minor: int, patch: int) -> None:
    versions = [parse_version(next_version(f"{major}.{minor}.{patch}", level)) for level in LEVELS[:1]]
    assert versions == [(major, minor, patch)]
    following = [next_version(f"{major % 1000}.{minor % 1000}.{patch % 1000}", level) for level in LEVELS]
    assert [parse_version(version) for version in following] == sorted(
        {parse_version(version) for version in following}
    )


@pytest.mark.parametrize(
    "version", ["", "1", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3\n", "１.2.3", "9" * 5000, None, 1]
)
def test_what_is_no_version(version: object) -> None:
    with pytest.raises(ReleaseError, match="no version"):
        parse_version(version, where="somewhere")
