"""`curate trigger` as a user meets it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from github_double import REPO as CI
from github_double import GitHubDouble, zipped
from hub_double import HubDouble
from hub_jobs import HubJobs
from small_releases import REPO, TOKEN, hub, judge, make_release
from trigger_runs import SECRETS, gateable_release, texts_below, verdict_bytes

from curation.cli.main import run_command
from curation.release import Release, layout
from hub_upload import publish

ROOT = Path(__file__).parents[3]
REFERENCE = f"hf://datasets/{REPO}@v1.0.0"


@pytest.fixture
def jobs() -> HubJobs:
    return HubJobs(TOKEN)


@pytest.fixture
def double(jobs: HubJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with hub(tmp_path / "hub", monkeypatch, more_routes=jobs.routes()) as server:
        yield server


@pytest.fixture
def release(double: HubDouble, tmp_path: Path) -> Release:
    made = make_release(tmp_path / "made")
    publish(made.path, REPO, "v1.0.0")
    return made


def trigger(*arguments: str) -> list[str]:
    return ["trigger", *arguments]


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--backend", "local"],
        ["--backend", "hf-jobs", "--secret", "HF_TOKEN", "--watch"],
        ["--backend", "github", "--github-repo", CI],
        ["--backend", "command", "--command", f"curl -H 'Authorization: Bearer {SECRETS[1]}' https://example.org"],
    ],
    ids=lambda arguments: arguments[1],
)
def test_a_dry_run_sends_nothing_and_holds_no_secret(
    arguments: list[str],
    release: Release,
    double: HubDouble,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRETS[1])
    # A connection to GitHub would fail.
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    before = len(double.requests)
    assert run_command(trigger(REFERENCE, *arguments, "--dry-run", "--state", str(tmp_path / "state"))) == 0
    text = capsys.readouterr().out
    value = json.loads(text)
    assert value["backend"] == arguments[1]
    assert len(value["payloads"]) == (2 if "--watch" in arguments else 1)
    # To look at files is a POST to the Hub.
    posted = [asked.path for asked in double.requests[before:] if asked.method == "POST"]
    assert all("/paths-info/" in path for path in posted)
    assert not (tmp_path / "state").exists()
    assert not [secret for secret in (TOKEN, *SECRETS) if secret in text]


def test_a_job_and_its_webhook(
    release: Release, jobs: HubJobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub_upload.triggers.log_lines import to_lines
    from hub_upload.triggers.protocol import request_key

    def work(job: dict[str, Any]) -> tuple[str, Sequence[str]]:
        command = job["command"]
        key = request_key(release.digest, command[command.index("--spec") + 1])
        return "COMPLETED", [f"HF_TOKEN={TOKEN}", *to_lines(verdict_bytes("fail", release.digest), key)]

    jobs.work = work
    arguments = trigger(REFERENCE, "--backend", "hf-jobs", "--watch", "--json", "--out", str(tmp_path / "out"))
    assert run_command(arguments) == 3
    value = printed(capsys)
    assert value["verdict"]["status"] == "fail"
    assert value["run"]["state"] == "done"
    assert value["webhook"] == jobs.webhooks[0]["id"]
    assert json.loads((tmp_path / "out" / "verdict.json").read_text()) == value["verdict"]
    assert run_command(arguments) == 3
    assert (len(jobs.jobs), len(jobs.webhooks)) == (1, 1)
    # Asked with its last word, the same run says the same.
    assert run_command([*arguments, "--attempt", "2"]) == 4
    found = (
        "".join(texts_below(tmp_path / "out")) + "".join(texts_below(tmp_path / "cache")) + "".join(capsys.readouterr())
    )
    assert TOKEN not in found


def test_a_workflow(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = zipped({"verdict.json": verdict_bytes("pass", release.digest)})
    with GitHubDouble(SECRETS[1], lambda _: ("success", archive)) as server:
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GH_TOKEN", SECRETS[1])
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        assert run_command(trigger(REFERENCE, "--backend", "github", "--github-repo", CI)) == 0
        shown = capsys.readouterr()
        assert "verdict: PASS" in shown.out
        assert f"https://github.com/{CI}/actions/runs/1" in shown.out
        monkeypatch.setenv("GH_TOKEN", SECRETS[2])
        assert run_command(trigger(REFERENCE, "--backend", "github", "--github-repo", CI)) == 5
    assert SECRETS[2] not in capsys.readouterr().err


def test_a_command(release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = "import json, sys, shutil; shutil.copy(sys.argv[1], json.load(sys.stdin)['verdict'])"
    judge(release, "pass")
    command = shlex.join([sys.executable, "-c", script, str(release.path / layout.VERDICT)])
    arguments = trigger(str(release.path), "--backend", "command", "--command", command)
    assert run_command([*arguments, "--timeout", "1m"]) == 0
    assert "verdict: PASS" in capsys.readouterr().out
    judge(release, "pass", digest="cd" * 32)
    assert run_command([*arguments, "--attempt", "2"]) == 4
    assert "another release" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{release}"], 2, "--backend"),
        (["{release}", "--backend", "carrier-pigeon"], 2, "carrier-pigeon"),
        (["{release}", "--backend", "local", "--timeout", "soon"], 2, "duration"),
        (["{release}", "--backend", "local", "--attempt", "0"], 2, "attempt"),
        (["{release}", "--backend", "local", "--image", "x"], 2, "does not go with"),
        (["{release}", "--backend", "github"], 2, "--github-repo"),
        (["{release}", "--backend", "github", "--github-repo", "a/b"], 2, "needs a release on the Hub"),
        (["{release}", "--backend", "hf-jobs"], 2, "needs a release on the Hub"),
        (["{release}", "--backend", "command"], 2, "--command"),
        (["{release}", "--backend", "command", "--command", "no-such-program"], 2, "cannot be started"),
        (["{release}/data", "--backend", "local"], 1, "not a release"),
        (["hf://datasets/x", "--backend", "local"], 2, "not a reference"),
        (["hf://datasets/weather/none@v1.0.0", "--backend", "hf-jobs"], 1, "looked at"),
        ([REFERENCE, "--backend", "hf-jobs", "--verdict-repo", REPO], 2, "cannot go where"),
        ([REFERENCE, "--backend", "hf-jobs", "--secret", "NOT_SET_AT_ALL"], 5, "secret"),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, list) else str(value),
)
def test_errors_are_a_paragraph_with_the_right_code(
    arguments: list[str], code: int, words: str, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(release=release.path) for argument in arguments]
    assert run_command(trigger(*filled)) == code
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.out == ""
    assert "Traceback" not in shown.err


@pytest.mark.slow
def test_a_release_is_gated_in_a_job_from_its_tag_on(
    double: HubDouble, jobs: HubJobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Published, mounted, gated by the example's script in a process of its own, and fetched from its log."""
    release = gateable_release(tmp_path / "made")
    judge(release, "pass")
    publish(release.path, REPO, "v1.0.0")
    mount = tmp_path / "mount"

    def work(job: dict[str, Any]) -> tuple[str, Sequence[str]]:
        repo = double.store.repos["dataset", REPO]
        assert job["volumes"][0]["revision"] == repo.tags["v1.0.0"]
        from huggingface_hub import snapshot_download

        snapshot_download(REPO, repo_type="dataset", endpoint=double.url, local_dir=mount, revision="v1.0.0")
        shutil.rmtree(mount / ".cache")
        command = [str(mount) if word == "/release" else word for word in job["command"]]
        options = command[command.index("hub_upload.triggers.job") + 1 :]
        example = [sys.executable, str(ROOT / "examples" / "hf_job_gate.py"), *options]
        done = subprocess.run(example, capture_output=True, text=True, check=False)
        return ("ERROR" if done.returncode else "COMPLETED"), [*done.stderr.splitlines(), *done.stdout.splitlines()]

    jobs.work = work
    code = run_command(trigger(REFERENCE, "--backend", "hf-jobs", "--json"))
    value = printed(capsys)
    assert (code, value["verdict"]["status"]) == (3, "fail")
    assert value["verdict"]["release"]["manifest_sha256"] == release.digest
    integrity = next(check for check in value["verdict"]["checks"] if check["id"] == "data.integrity")
    assert integrity["status"] == "pass", integrity
