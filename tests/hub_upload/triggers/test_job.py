"""What runs inside a job, with a folder for the mount and a script for the gate."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_double import HubDouble
from small_releases import REPO, TOKEN, hub, make_release
from trigger_runs import event, ref, verdict, verdict_bytes

from curation.release import Release
from curation.release.verify import verify_release
from hub_upload import publish
from hub_upload.triggers import Request, TriggerError, job
from hub_upload.triggers.log_lines import from_lines
from hub_upload.triggers.protocol import Spec, request_key
from hub_upload.triggers.verdict_repository import VerdictRepository

SPEC = Spec("hf-jobs").digest


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "client"))
    with hub(tmp_path / "hub", monkeypatch) as server:
        # The client takes them from the environment when it is imported.
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path / "made")


@pytest.fixture
def mount(release: Release, tmp_path: Path) -> Path:
    """A release as a job sees it: with what the Hub adds."""
    folder = Path(shutil.copytree(release.path, tmp_path / "mount"))
    (folder / ".gitattributes").write_text("*.parquet filter=lfs\n")
    return folder


@pytest.fixture
def seen(release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let a script be the gate, and return the folders of the releases that it is given."""
    (tmp_path / "verdict.json").write_bytes(verdict_bytes("fail", release.digest))
    code = "import pathlib, shutil, sys; out = pathlib.Path(sys.argv[1]) / 'gate'; out.mkdir(parents=True); "
    code += f"print('the gate prints this'); shutil.copy({str(tmp_path / 'verdict.json')!r}, out); sys.exit(3)"
    found: list[Path] = []

    def command(asked: Request, out: Path) -> list[str]:
        found.append(Path(asked.release.reference))
        assert verify_release(found[-1])[1] == []
        return [sys.executable, "-c", code, str(out)]

    monkeypatch.setattr(job, "gate_command", command)
    return found


def arguments(mount: Path, release: Release, *more: str) -> list[str]:
    return ["--repository", REPO, "--release", str(mount), "--digest", release.digest, "--spec", SPEC, *more]


def test_the_mounted_release_is_checked_without_what_the_hub_adds(
    mount: Path, release: Release, seen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBHOOK_PAYLOAD", raising=False)
    done = CliRunner().invoke(job.main, arguments(mount, release))
    assert done.exit_code == 0, done.output
    data = from_lines(done.stdout.splitlines(), request_key(release.digest, SPEC))
    assert json.loads(data) == verdict("fail", release.digest)
    assert len(seen) == 1
    assert mount not in seen


def test_another_release_in_the_mount(mount: Path, release: Release, seen: list[Path]) -> None:
    done = CliRunner().invoke(job.main, [*arguments(mount, release), "--digest", "cd" * 32])
    assert done.exit_code == 4
    assert "Another release is mounted" in done.stderr
    assert seen == []


def test_a_gate_that_leaves_nothing(mount: Path, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "gate_command", lambda *_: [sys.executable, "-c", "raise SystemExit(137)"])
    done = CliRunner().invoke(job.main, arguments(mount, release))
    assert done.exit_code == 1
    assert "it exits with 137" in done.stderr


def test_a_verdict_on_something_else_is_not_handed_back(
    mount: Path, release: Release, seen: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "verdict.json").write_bytes(verdict_bytes())
    done = CliRunner().invoke(job.main, arguments(mount, release))
    assert done.exit_code == 4
    assert "curation-verdict" not in done.output


def test_a_push_that_is_no_release_costs_nothing(
    mount: Path, release: Release, seen: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_PAYLOAD", event(ref("refs/heads/main")))
    done = CliRunner().invoke(job.main, arguments(mount, release))
    assert (done.exit_code, seen) == (0, [])
    assert "No release" in done.stderr


def test_a_tag_is_checked_and_not_the_old_mount(
    double: HubDouble,
    release: Release,
    seen: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(release.path, REPO, "v1.0.0")
    before = len(double.commits)
    monkeypatch.setenv("WEBHOOK_PAYLOAD", event(ref("refs/heads/main"), ref("refs/tags/v1.0.0")))
    old = tmp_path / "not looked at"
    done = CliRunner().invoke(job.main, arguments(old, release, "--verdict-repo", "weather/verdicts"))
    assert done.exit_code == 0, done.output
    key = request_key(release.digest, SPEC)
    assert json.loads(from_lines(done.stdout.splitlines(), key)) == verdict("fail", release.digest)
    assert len(seen) == 1
    # Nothing is written where the webhook watches.
    assert [made.repo.name for made in double.commits[before:]] == ["weather/verdicts"]
    assert VerdictRepository("weather/verdicts").read(release.digest, key) == verdict_bytes("fail", release.digest)
    assert TOKEN not in done.output


def test_the_watched_repository_gets_no_verdicts(mount: Path, release: Release, seen: list[Path]) -> None:
    done = CliRunner().invoke(job.main, arguments(mount, release, "--verdict-repo", REPO))
    assert (done.exit_code, seen) == (2, [])


def test_an_event_about_another_dataset(mount: Path, release: Release, seen: list[Path]) -> None:
    task = job.Task(REPO, SPEC, mount, release.digest, None, None)
    with pytest.raises(TriggerError, match="another repository"):
        job.run(task, event(ref("refs/tags/v1.0.0"), name="weather/other"))
    assert seen == []
