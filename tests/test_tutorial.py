"""A reader who has nothing but Python copies the tutorial into a shell, and ends with a release on the Hub's double."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fresh_reader import build_wheel, fresh_environment
from hub_accounts import Account
from hub_double import HubDouble
from markdown_blocks import ROOT, blocks_of

from curation.release import Release, open_release

TUTORIAL = ROOT / "docs" / "tutorial.md"
TOKEN, REPO = "hf_" + "tutorial" * 4, "reader/messages"


def test_all_of_its_code_is_for_the_shell() -> None:
    blocks = blocks_of(TUTORIAL)
    assert {block.language for block in blocks} == {"bash"}
    assert "pip install" in blocks[0].text


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_following_it_ends_with_a_published_release(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "wheels")
    script = "set -euo pipefail\n" + "\n".join(block.text for block in blocks_of(TUTORIAL))
    work = tmp_path / "work"
    work.mkdir()
    with HubDouble(tmp_path / "hub", {TOKEN: Account("reader")}) as double:
        environment = fresh_environment(tmp_path / "home", wheel.parent)
        environment |= {"HF_ENDPOINT": double.url, "HF_TOKEN": TOKEN, "DATASET": REPO}
        done = subprocess.run(
            ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        assert list((work / "venv").glob("lib/python*/site-packages/curation/cli"))
        release = open_release(work / "tutorial" / "run" / "release")
        check_run(work / "tutorial" / "run", release)
        repo = double.store.dataset(REPO)
        assert repo.private
        assert list(repo.tags) == ["v1.0.0"]
        assert {file.path for file in release.files} <= set(repo.head.files)
        later = open_release(work / "tutorial" / "run-2" / "release")
        assert later.manifest["version"] == "1.1.0"
        assert later.verdict is not None
        assert later.verdict["baseline"] == release.identity


def check_run(run: Path, release: Release) -> None:
    """Look at what a run leaves in its folder."""
    assert release.verdict is not None
    assert release.verdict["status"] == "pass"
    assert release.verdict["release"] == release.identity
    gate = {path.name for path in (release.path / "gate").iterdir()}
    assert gate == {"verdict.json", "report.html", "junit.xml"}
    found = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    files = {"README.md", "config.yml", "plan.json", "report.html", "report.json"}
    assert found == files | {"ledger", "release", "work"}
