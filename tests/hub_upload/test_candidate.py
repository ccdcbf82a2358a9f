"""What may be published: sealed, sound, judged, and under its own name."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_releases import judge, make_release

from curation.errors import ConfigError, CurationError, GateFailedError, ReleaseError
from curation.release import Release, layout, open_release
from curation.release.notices import Notices, Yank, from_bytes
from hub_upload.candidate import candidate, newest, parse_tag, staging_prefix


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("sealed"), "1.2.3", rows=2)


@pytest.fixture
def release(tmp_path: Path, sealed: Release) -> Release:
    """Return a copy that may be damaged."""
    return open_release(shutil.copytree(sealed.path, tmp_path / "release"))


@pytest.mark.parametrize(
    ("tag", "numbers"),
    [("v0.0.0", (0, 0, 0)), ("v1.2.3", (1, 2, 3)), ("v10.20.30", (10, 20, 30)), ("v999999999.0.1", (999999999, 0, 1))],
)
def test_versions(tag: str, numbers: tuple[int, int, int]) -> None:
    assert parse_tag(tag) == numbers


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "1.0.0",
        "V1.0.0",
        "v1",
        "v1.0",
        "v1.0.0.0",
        "v01.0.0",
        "v1.00.0",
        "v1.0.0-rc1",
        "v1.0.0+build",
        "v1.0.0\n",
        " v1.0.0",
        "v-1.0.0",
        "v1.0.x",
        "v1١.0.0",
        "v１.0.0",
        "v१.०.०",
        "v1000000000.0.0",
        "main",
        "../v1.0.0",
        "v1.0.0\u202e",
        "v1.0.0/x",
    ],
)
def test_what_is_no_version(tag: str, release: Release) -> None:
    with pytest.raises(ConfigError, match="not a version"):
        parse_tag(tag)
    with pytest.raises(ConfigError, match="not a version") as raised:
        candidate(release.path, tag)
    assert raised.value.exit_code == 2
    assert "\n" not in raised.value.why
    assert newest({tag: "0" * 40}) is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], None),
        (["latest", "1.0.0", "v1"], None),
        (["v1.0.0"], "v1.0.0"),
        (["v1.9.0", "v1.10.0", "v1.2.99"], "v1.10.0"),
        (["v10.0.0", "v9.99.99", "latest", "v11.0.0-rc1"], "v10.0.0"),
    ],
)
def test_the_newest_version(tags: list[str], expected: str | None) -> None:
    assert newest(dict.fromkeys(tags, "0" * 40)) == expected


def test_a_release_that_has_passed(release: Release) -> None:
    found = candidate(release.path, "v1.2.3")
    assert found.notices == Notices()
    assert found.verdict == "pass"
    assert found.short == release.digest[:12]
    assert found.title == f"Release v1.2.3 [manifest sha256:{release.digest[:12]}]"
    assert found.staging == f"staging/v1.2.3-{release.digest[:12]}"
    assert found.staging.startswith(staging_prefix("v1.2.3"))
    assert not found.staging.startswith(staging_prefix("v1.2.0"))
    assert set(found.files(())) == set(found.files((Yank("v1.0.0", "x"),))) - {layout.NOTICES}


def test_what_was_yanked_is_said_with_the_rest(release: Release) -> None:
    judge(release, "fail")
    found = candidate(release.path, "v1.2.3", override="we know")
    data = found.files((Yank("v1.0.0", "x"),))[layout.NOTICES].content
    assert isinstance(data, bytes)
    assert from_bytes(data, where="x") == Notices("", "we know", "fail", (Yank("v1.0.0", "x"),))


def test_a_release_without_a_version_of_its_own_takes_any(tmp_path: Path) -> None:
    release = make_release(tmp_path, "0.1.0", rows=2)
    assert candidate(release.path, "v2.0.0").notices == Notices(published_as="v2.0.0")
    assert candidate(release.path, "v0.1.0").notices == Notices()


@pytest.mark.parametrize("tag", ["v1.2.4", "v0.1.0", "v1.2.30"])
def test_a_release_has_one_version(release: Release, tag: str) -> None:
    with pytest.raises(ConfigError, match="another version") as raised:
        candidate(release.path, tag)
    assert "--version v1.2.3" in raised.value.hint


def resealed(release: Release, **keys: object) -> None:
    """Let a stranger's manifest say something else."""
    file = release.path / layout.MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))
    judge(open_release(release.path), "pass")


@pytest.mark.parametrize("stated", [None, 1, 1.2, ["1.2.3"], {"a": 1}, "\x1b[31m\u202e", "1.2.3\n", "x" * 9_000])
def test_a_version_that_is_none(release: Release, stated: object) -> None:
    resealed(release, version=stated)
    with pytest.raises(ConfigError, match="another version") as raised:
        candidate(release.path, "v1.2.3")
    assert len(str(raised.value)) < 500
    assert not {"\x1b", "\u202e"} & set(str(raised.value))


def verdict_file(release: Release) -> Path:
    return release.path / layout.VERDICT


VERDICTS: dict[str, tuple[Callable[[Release], object], str, str]] = {
    "none": (lambda release: verdict_file(release).unlink(), "none", "holds no verdict"),
    "fail": (lambda release: judge(release, "fail"), "fail", "its verdict is fail"),
    "error": (lambda release: judge(release, "error"), "error", "its verdict is error"),
    "of another": (
        lambda release: judge(release, "pass", digest="f" * 64),
        "none",
        "speaks about the release ffffffffffff",
    ),
    "no JSON": (lambda release: verdict_file(release).write_text("{"), "none", "delimiter|property name"),
    "deep": (lambda release: verdict_file(release).write_text("[" * 200_000), "none", "recursion"),
    "no object": (lambda release: verdict_file(release).write_text("[]"), "none", "not a JSON object"),
    "empty": (lambda release: verdict_file(release).write_text("{}"), "none", "speaks about"),
    "about nothing": (lambda release: verdict_file(release).write_text('{"release": 5}'), "none", "speaks about"),
    "about a number": (lambda release: edited(release, release={"manifest_sha256": 7}), "none", "speaks about"),
    "hostile": (
        lambda release: edited(release, release={"manifest_sha256": "\x1b[31m\u202e\n"}),
        "none",
        "speaks about",
    ),
    "unknown": (lambda release: edited(release, status="passed"), "none", "no known verdict"),
    "a list": (lambda release: edited(release, status=["pass"]), "none", "no known verdict"),
    "capital": (lambda release: edited(release, status="PASS"), "none", "no known verdict"),
}


def edited(judged: Release, /, **keys: object) -> None:
    file = verdict_file(judged)
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


@pytest.mark.parametrize("name", VERDICTS)
def test_what_has_not_passed_is_not_published(release: Release, name: str) -> None:
    change, known, why = VERDICTS[name]
    change(release)
    with pytest.raises(GateFailedError, match="has not passed") as raised:
        candidate(release.path, "v1.2.3")
    assert raised.value.exit_code == 3
    assert re.search(why, raised.value.why)
    assert not {"\x1b", "\u202e", "\n"} & set(raised.value.why)
    assert "curate gate" in raised.value.hint
    assert "--override" in raised.value.hint
    found = candidate(release.path, "v1.2.3", override="  we know\nit ")
    assert found.notices == Notices("", "we know it", known)
    assert found.verdict == known


def test_nothing_is_overridden_where_the_gate_has_passed(release: Release) -> None:
    assert candidate(release.path, "v1.2.3", override="we know").notices == Notices()


@pytest.mark.parametrize("reason", [" ", "\n", "\u202e", "x" * 501])
def test_an_override_needs_a_reason(release: Release, reason: str) -> None:
    judge(release, "fail")
    with pytest.raises(ConfigError, match="no reason"):
        candidate(release.path, "v1.2.3", override=reason)


def shard(release: Release) -> Path:
    return release.path / next(file.path for file in release.files if file.rows is not None)


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def linked(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


DAMAGE: dict[str, tuple[Callable[[Release], object], str]] = {
    "shard grown": (lambda release: grown(shard(release)), "changed"),
    "shard flipped": (lambda release: flipped(shard(release)), "changed"),
    "shard gone": (lambda release: shard(release).unlink(), "missing"),
    "card grown": (lambda release: grown(release.path / layout.CARD), "changed"),
    "statistics flipped": (lambda release: flipped(release.path / layout.STATS), "changed"),
    "added": (lambda release: (release.path / "data/extra.parquet").write_bytes(b"PAR1"), "added"),
    "hidden": (lambda release: (release.path / ".env").write_text("HF_TOKEN=x"), "added"),
    "notes of the gate": (lambda release: (release.path / "gate/notes.txt").write_text("x"), "added"),
    "a link for a shard": (lambda release: linked(shard(release)), "link"),
    "a link for the verdict": (lambda release: linked(release.path / layout.VERDICT), "link"),
    "a link to a folder": (lambda release: (release.path / "more").symlink_to("/etc"), "link"),
    "a link to nothing": (lambda release: (release.path / "gate/report.html").symlink_to("/nowhere"), "link"),
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("override", ["", "we know"])
def test_what_is_not_sealed_is_not_published(release: Release, name: str, override: str) -> None:
    change, problem = DAMAGE[name]
    change(release)
    with pytest.raises(ReleaseError, match="not what its manifest says") as raised:
        candidate(release.path, "v1.2.3", override=override)
    assert problem in raised.value.why
    assert "curate verify" in raised.value.hint


def test_findings_are_counted_and_some_are_shown(release: Release) -> None:
    for number in range(40):
        (release.path / f"extra-{number:02}").write_text("x")
    with pytest.raises(ReleaseError) as raised:
        candidate(release.path, "v1.2.3")
    assert raised.value.why.startswith("40 finding(s): extra-00: added; ")
    assert raised.value.why.count("added") == 5


def test_a_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="not a release"):
        candidate(tmp_path, "v1.0.0")
