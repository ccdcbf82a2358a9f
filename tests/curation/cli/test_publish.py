"""`curate publish` and `curate verify hf://...`: what they print, how they exit, and that no token is ever shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from http_double import Reply, Request
from hub_accounts import Account
from hub_double import HubDouble
from hub_store import AddBlob
from small_releases import REPO, TEXTS, TOKEN, hub, judge, make_release

from curation.cli.main import run_command
from curation.release import Release, layout, open_release

FEW = {name: TEXTS[name] for name in ("amh_Ethi", "jpn_Jpan")}


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path / "made", rows=2, texts=FEW)


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    monkeypatch.setattr("hub_upload.calls.time.sleep", lambda _: None)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with hub(tmp_path / "hub", monkeypatch) as served:
        yield served


def curate(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_command([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert TOKEN not in out + err
    return code, out, err


def publishing(release: Release, *more: str, version: str = "v1.0.0") -> tuple[object, ...]:
    return ("publish", release.path, "--repo", REPO, "--version", version, *more)


def test_publish_verify_and_yank(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    code, out, err = curate(capsys, *publishing(release))
    repo = double.store.dataset(REPO)
    assert code == 0
    assert repo.private
    lines = out.splitlines()
    assert lines[0] == f"{REPO} v1.0.0 (manifest sha256 {release.digest})"
    assert lines[-2:] == [f"published as commit {repo.head.id}", f"curate verify hf://datasets/{REPO}@v1.0.0"]
    assert f"{REPO}: signed in as ada" in err

    code, out, err = curate(capsys, *publishing(release))
    assert (code, "it is there already, with the same bytes" in out) == (0, True)

    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}@v1.0.0")
    assert (code, err) == (0, "")
    assert "rows are as the manifest says" in out

    reason = "半分 is\x1b[31m wrong\u202e"
    code, out, err = curate(capsys, "publish", "--repo", REPO, "--yank", "v1.0.0", "--reason", reason)
    assert code == 0
    assert "v1.0.0 is yanked: 半分 is [31m wrong\nv1.0.1 says so" in out

    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}@v1.0.0")
    assert code == 0
    assert err == "Warning: v1.0.0 was yanked: 半分 is [31m wrong\n"


def test_a_plan_says_what_publishing_would_change(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release, tmp_path: Path
) -> None:
    (tmp_path / "x.tsv").write_text("query\tpositive\nHaus\tGebäude\n", encoding="utf-8")
    config = tmp_path / "c.yml"
    config.write_text("name: a\nsources: [{name: s, format: tsv, path: x.tsv, licence: CC0-1.0, task: sts}]\n")
    planning = ("plan", config, "--out", release.path.parent, "--repo", REPO)
    code, out, _ = curate(capsys, *planning)
    assert code == 0
    assert "  + manifest.json" in out
    assert "the repository would be created" in out
    assert json.loads(curate(capsys, *planning, "--json")[1])["publish"]["state"] == "new"
    judge(release, "fail")
    code, out, _ = curate(capsys, *planning)
    assert (code, "publish  refused: " in out) == (0, True)
    assert curate(capsys, "plan", config, "--repo", REPO)[0] == 2


def test_json_is_all_that_goes_to_stdout(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release
) -> None:
    expected: dict[str, Any] = {"repository": REPO, "version": "v1.0.0", "manifest_sha256": release.digest}
    code, out, err = curate(capsys, *publishing(release, "--dry-run", "--json"))
    planned = json.loads(out)
    assert (code, planned["state"], planned["creates"], planned["commit"]) == (0, "new", True, "")
    assert ("dataset", REPO) not in double.store.repos

    code, out, err = curate(capsys, *publishing(release, "--json"))
    done = json.loads(out)
    assert code == 0
    assert err
    assert expected.items() <= done.items()
    assert (done["verdict"], done["override"], done["state"]) == ("pass", "", "new")
    assert (done["added"], done["bytes"]) == (planned["added"], planned["bytes"])
    assert done["commit"] == double.store.dataset(REPO).head.id

    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}@v1.0.0", "--json")
    checked = json.loads(out)
    assert (code, err, checked["ok"], checked["yanked"], checked["findings"]) == (0, "", True, None, [])
    assert checked["commit"] == done["commit"]

    code, out, err = curate(capsys, "publish", "--repo", REPO, "--yank", "v1.0.0", "--reason", "क्यों", "--json")
    assert (code, json.loads(out)["reason"]) == (0, "क्यों")
    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}@v1.0.0", "--json")
    assert (code, json.loads(out)["yanked"]) == (0, "क्यों")
    assert "Warning" in err


def test_a_dry_run_says_what_would_change(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release, tmp_path: Path
) -> None:
    code, out, _ = curate(capsys, *publishing(release, "--dry-run"))
    count = len([path for path in release.path.rglob("*") if path.is_file()])
    assert code == 0
    assert "  + README.md\n" in out
    assert f"files would be {count} added, 0 kept, 0 deleted; " in out
    assert "the repository would be created" in out
    assert "published as" not in out
    assert {request.method for request in double.requests} == {"GET"}

    curate(capsys, *publishing(release))
    following = make_release(tmp_path / "next", "1.1.0", rows=3, texts={"jpn_Jpan": TEXTS["jpn_Jpan"]})
    del double.requests[:]
    code, out, _ = curate(capsys, *publishing(following, "--dry-run", version="v1.1.0"))
    assert code == 0
    assert "  - data/amh_Ethi/train-00000-of-00001.parquet\n" in out
    assert "would be created" not in out
    assert {request.method for request in double.requests} <= {"GET", "HEAD"}

    code, out, _ = curate(capsys, "publish", "--repo", REPO, "--yank", "v1.0.0", "--reason", "x", "--dry-run")
    assert (code, "v1.0.0 would be yanked: x" in out) == (0, True)
    assert set(double.store.dataset(REPO).tags) == {"v1.0.0"}


def test_an_override_is_shown(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    judge(release, "fail")
    code, out, err = curate(capsys, *publishing(release))
    assert (code, out) == (3, "")
    assert "its verdict is fail" in err
    assert ("dataset", REPO) not in double.store.repos
    code, out, _ = curate(capsys, *publishing(release, "--override", "we know\u202e"))
    assert code == 0
    assert "in spite of the gate: we know\n" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--repo", REPO],
        ["--repo", REPO, "--version", "v1.0.0"],
        ["RELEASE", "--version", "v1.0.0"],
        ["RELEASE", "--repo", REPO],
        ["RELEASE", "--repo", REPO, "--version", "1.0.0"],
        ["RELEASE", "--repo", REPO, "--version", "v1.0.1"],
        ["RELEASE", "--repo", "sentences", "--version", "v1.0.0"],
        ["RELEASE", "--repo", f"{REPO}@main", "--version", "v1.0.0"],
        ["RELEASE", "--repo", REPO, "--version", "v1.0.0", "--reason", "x"],
        ["RELEASE", "--repo", REPO, "--version", "v1.0.0", "--token", "x"],
        ["--repo", REPO, "--yank", "v1.0.0"],
        ["--repo", REPO, "--yank", "1.0.0", "--reason", "x"],
        ["--repo", REPO, "--yank", "", "--reason", "x"],
        ["RELEASE", "--repo", REPO, "--yank", "v1.0.0", "--reason", "x"],
        ["--repo", REPO, "--yank", "v1.0.0", "--reason", "x", "--version", "v1.0.0"],
        ["--repo", REPO, "--yank", "v1.0.0", "--reason", "x", "--public"],
        ["--repo", REPO, "--yank", "v1.0.0", "--reason", "x", "--override", "x"],
    ],
)
def test_what_is_no_command(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release, arguments: list[str]
) -> None:
    named = [str(release.path) if each == "RELEASE" else each for each in arguments]
    code, out, err = curate(capsys, "publish", *named)
    assert (code, out) == (2, "")
    assert err
    assert double.requests == []


@pytest.mark.parametrize("name", ["hf://", "hf://datasets/sentences", "hf://models/a/b", "hf://datasets/a/b@../c"])
def test_what_is_no_reference(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, err = curate(capsys, "verify", name)
    assert (code, out) == (2, "")
    assert "hf://datasets/ORG/NAME@REVISION" in err


def test_a_public_repository_needs_a_word(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release
) -> None:
    double.store.create_repo("dataset", REPO, private=False)
    code, _, err = curate(capsys, *publishing(release))
    assert (code, "--public" in err) == (2, True)
    assert curate(capsys, *publishing(release, "--public"))[0] == 0


def test_a_version_that_is_taken(
    capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release, tmp_path: Path
) -> None:
    curate(capsys, *publishing(release))
    other = make_release(tmp_path / "other", rows=3, texts=FEW)
    code, out, err = curate(capsys, *publishing(other))
    assert (code, out) == (4, "")
    assert "is taken" in err
    assert "higher release.version" in err


@pytest.mark.parametrize("token", [None, " ", "a b", "hf_unknown0123"])
@pytest.mark.parametrize("yanks", [False, True])
def test_a_token_that_is_none(
    capsys: pytest.CaptureFixture[str],
    double: HubDouble,
    release: Release,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    yanks: bool,
) -> None:
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    yanking = ("publish", "--repo", REPO, "--yank", "v1.0.0", "--reason", "x")
    code, out, err = curate(capsys, *(yanking if yanks else publishing(release)))
    assert (code, out) == (5, "")
    assert "a b" not in err
    assert "hf_unknown0123" not in err


def test_a_release_that_has_changed(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    (release.path / "extra\x1b.txt").write_text("x")
    code, out, err = curate(capsys, *publishing(release))
    assert (code, out) == (1, "")
    assert "curate verify" in err
    assert double.requests == []


def test_findings_on_the_hub(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    curate(capsys, *publishing(release))
    double.store.commit(double.store.dataset(REPO), [AddBlob("stats.json", b"{}"), AddBlob("a\x1b.py", b"x")], "Edit")
    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}")
    assert code == 1
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["stats.json", "changed"], ["a\\u001b.py", "added"]]
    assert "a\\u001b.py" in out
    assert "2 finding(s)" in err
    code, out, err = curate(capsys, "verify", f"hf://datasets/{REPO}", "--json")
    assert code == 1
    found = json.loads(out)
    assert not found["ok"]
    assert [(each["path"], each["problem"]) for each in found["findings"]] == [
        ("stats.json", "changed"),
        ("a\x1b.py", "added"),
    ]
    assert curate(capsys, "verify", f"hf://datasets/{REPO}@v1.0.0")[0] == 0


def echo(status: int) -> Any:
    """A server that quotes the token in whatever it says."""

    def fault(request: Request) -> Reply | None:
        if "whoami" in request.path or "/revision/" in request.path:
            said = f"no, {request.headers.get('authorization')}"
            return Reply.of({"error": said}, status, {"X-Error-Message": said, "X-Request-Id": said})
        return None

    return fault


def shell(folder: Path, double: HubDouble, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, with all folders that it may write to in one."""
    names = ("HOME", "HF_HOME", "XDG_CACHE_HOME", "TMPDIR", "HF_XET_CACHE")
    folders = {name: str(folder / name.lower()) for name in names}
    for path in folders.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    ours = {"HF_TOKEN": TOKEN, "HF_ENDPOINT": double.url, "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_XET": "1"}
    kept = {name: value for name, value in os.environ.items() if name not in ("HF_TOKEN", "GITHUB_ACTIONS")}
    command = [sys.executable, "-m", "curation.cli", *map(str, arguments)]
    return subprocess.run(
        command, env=kept | folders | ours | environment, capture_output=True, text=True, check=False, cwd=folder
    )


def assert_nowhere(folder: Path, done: subprocess.CompletedProcess[str], secret: str = TOKEN) -> None:
    assert secret not in done.stdout
    assert secret not in done.stderr
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert [path for path in folder.rglob("*") if secret in path.name] == []


@pytest.mark.slow
@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409])
def test_the_token_is_nowhere(
    tmp_path: Path, double: HubDouble, release: Release, debug: list[str], status: int
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    if status != 200:
        double.fault = echo(status)
    reference = f"hf://datasets/{REPO}@v1.0.0"
    for arguments in (publishing(release), ("verify", reference), ("verify", reference, "--deep")):
        done = shell(work, double, *debug, *arguments)
        assert (done.returncode == 0) == (status == 200), done.stderr
        assert ("Traceback" in done.stderr) == (debug != [] and status != 200)
        assert_nowhere(work, done)
    assert_nowhere(release.path, done)
    sent = [request for request in double.requests if TOKEN in request.headers.get("authorization", "")]
    assert sent
    assert all(TOKEN.encode() not in request.body and TOKEN not in request.target for request in double.requests)


@pytest.mark.slow
@pytest.mark.parametrize("token", ["corporate-\x01token", "corporate-tökén", "corporate-token\n2"])
def test_a_token_that_cannot_be_sent_is_nowhere(tmp_path: Path, double: HubDouble, token: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    done = shell(work, double, "--debug", "verify", f"hf://datasets/{REPO}", HF_TOKEN=token)
    assert done.returncode != 0
    assert_nowhere(work, done, "corporate-")


@pytest.mark.slow
def test_a_token_of_a_job_is_nowhere(tmp_path: Path, double: HubDouble, release: Release) -> None:
    work = tmp_path / "work"
    work.mkdir()
    double.accounts.publishers["eyJhbGciOi.identity.c2ln"] = (f"datasets/{REPO}",)
    double.store.create_repo("dataset", REPO, private=True)
    environment = {"HF_TOKEN": "", "HF_OIDC_ID_TOKEN": "eyJhbGciOi.identity.c2ln"}
    done = shell(work, double, "--debug", *publishing(release), **environment)
    assert done.returncode == 0, done.stderr
    assert "signed in as a CI job" in done.stderr
    given = [token for token, account in double.accounts.tokens.items() if account.only]
    assert len(given) == 1
    for secret in (*given, "eyJhbGciOi.identity.c2ln"):
        assert_nowhere(work, done, secret)
    refused = shell(work, double, "--debug", *publishing(release), HF_TOKEN="", HF_OIDC_ID_TOKEN="eyJ.other.x")
    assert refused.returncode != 0
    assert_nowhere(work, refused, "eyJ.other.x")


def test_accounts_that_may_not_write(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    double.store.create_repo("dataset", REPO, private=True)
    double.accounts.tokens[TOKEN] = Account("ada", role="read", orgs=("weather",))
    code, out, err = curate(capsys, *publishing(release))
    assert (code, out) == (5, "")
    assert "may not write" in err


def test_the_release_is_left_as_it_was(capsys: pytest.CaptureFixture[str], double: HubDouble, release: Release) -> None:
    before = {path: path.read_bytes() for path in release.path.rglob("*") if path.is_file()}
    curate(capsys, *publishing(release))
    assert {path: path.read_bytes() for path in release.path.rglob("*") if path.is_file()} == before
    assert open_release(release.path).digest == release.digest
    assert layout.NOTICES not in before
