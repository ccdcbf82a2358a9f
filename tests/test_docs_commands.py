"""The commands that the documents show are run as they stand, page by page; what cannot be is read and checked."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
from command_checks import check_command
from document_commands import ASIDE, CHECKED, CONFIGS, PAGES, Aside, reasons, script_of
from documents_sandbox import UNGATED, environment, make_sandbox
from hub_accounts import Account
from hub_double import HubDouble
from markdown_blocks import BLOCKS, Block

TOKEN = "hf_" + "documents" * 4


@pytest.mark.parametrize(("block", "command"), CHECKED, ids=[f"{block} {command[:50]}" for block, command in CHECKED])
def test_what_is_not_run_names_what_there_is(block: Block, command: str) -> None:
    check_command(command)


@pytest.mark.parametrize("aside", ASIDE, ids=lambda aside: f"{aside.page} {aside.pattern}")
def test_nothing_is_left_aside_that_is_not_there(aside: Aside) -> None:
    assert any(aside.reason in reasons(block, command) for block, command in CHECKED)


def test_texts_are_removed_by_calls_that_the_client_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    (block,) = [each for each in BLOCKS if "super_squash_history" in each.text]
    for name, digests in (("old", "ab"), ("new", "bc")):
        (tmp_path / name / "release").mkdir(parents=True)
        manifest = {"files": [{"sha256": digest} for digest in digests]}
        (tmp_path / name / "release" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    client = create_autospec(hub.HfApi, instance=True)
    client.list_lfs_files.return_value = [SimpleNamespace(oid=digest) for digest in "abcd"]
    monkeypatch.setattr(hub, "HfApi", lambda: client)
    monkeypatch.chdir(tmp_path)
    exec(block.text, {})
    ((_, files), _) = client.permanently_delete_lfs_files.call_args
    assert [file.oid for file in files] == ["a"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the documents take for granted; nobody may change it."""
    pytest.importorskip("django")
    folder = tmp_path_factory.mktemp("documents") / "sandbox"
    (config,) = [block.text for block in BLOCKS if block.page == "README.md" and block.language == "yaml"]
    make_sandbox(folder, config)
    return folder


@pytest.fixture
def place(sandbox: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    shutil.copytree(sandbox, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def hub(place: Path) -> Iterator[HubDouble]:
    """Serve a Hub on which the organisation ORG, whose token this is, has nothing yet."""
    with HubDouble(place.parent / "hub", {TOKEN: Account("reader", orgs=("ORG",))}) as double:
        yield double


@pytest.mark.soak
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_as_they_stand(page: str, place: Path, hub: HubDouble) -> None:
    (place / "c.yml").write_text(CONFIGS.get(page, UNGATED), encoding="utf-8")
    variables = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(place.parent / "hf")}
    done = subprocess.run(
        ["bash", "-c", script_of(page)],
        cwd=place,
        env=environment(place.parent, variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
