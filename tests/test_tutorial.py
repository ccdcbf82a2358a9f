"""A reader follows the tutorial by copy and paste, and ends with a release on the Hub's double."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hub_accounts import Account
from hub_double import HubDouble

from curation.release import open_release

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
TOKEN, REPO = "hf_" + "tutorial" * 4, "reader/messages"


def blocks() -> list[str]:
    return re.findall(r"```bash\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)


def test_all_of_its_code_is_for_the_shell() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    assert len(blocks()) == text.count("```") // 2 >= 8


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_following_it_ends_with_a_published_release(tmp_path: Path) -> None:
    # Installing takes longer than all the rest, and is what `make test` has done; a shell finds `curate` on its path.
    install, *others = blocks()
    assert "pip install" in install
    script = "set -euo pipefail\n" + "\n".join(["curate doctor", *others])
    with HubDouble(tmp_path / "hub", {TOKEN: Account("reader")}) as double:
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            "HOME": str(tmp_path / "home"),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HF_ENDPOINT": double.url,
            "HF_TOKEN": TOKEN,
            "DATASET": REPO,
            "LC_ALL": "C.UTF-8",
        }
        (tmp_path / "home").mkdir()
        work = tmp_path / "work"
        work.mkdir()
        done = subprocess.run(
            ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        release = open_release(work / "tutorial" / "run" / "release")
        assert release.verdict is not None
        assert release.verdict["status"] == "pass"
        repo = double.store.dataset(REPO)
        assert repo.private
        assert list(repo.tags) == ["v1.0.0"]
        assert {file.path for file in release.files} <= set(repo.head.files)
        later = open_release(work / "tutorial" / "run-2" / "release")
        assert later.manifest["version"] == "1.1.0"
