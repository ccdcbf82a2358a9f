"""How files are shared out over uploads, and what a default branch that has moved means."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_store import AddBlob
from hypothesis import given
from hypothesis import strategies as st
from small_releases import REPO, TOKEN, hub, make_release

from hub_upload.candidate import candidate
from hub_upload.client import connect
from hub_upload.errors import HubConflictError
from hub_upload.inventory import LocalFile
from hub_upload.promotion import _BATCH_BYTES, _BATCH_FILES, _batches, promote
from hub_upload.repository import Repository


@given(st.lists(st.integers(0, 3 * _BATCH_BYTES // 2), max_size=4 * _BATCH_FILES))
def test_batches_hold_every_file_once_and_not_too_much(sizes: list[int]) -> None:
    files = [LocalFile(str(number), size, "", b"") for number, size in enumerate(sizes)]
    batches = list(_batches(files))
    assert [file for batch in batches for file in batch] == files
    for batch in batches:
        assert 0 < len(batch) <= _BATCH_FILES
        assert len(batch) == 1 or sum(file.size for file in batch) <= _BATCH_BYTES


def test_small_files_go_together() -> None:
    files = [LocalFile(str(number), 1, "", b"") for number in range(2 * _BATCH_FILES + 1)]
    assert [len(batch) for batch in _batches(files)] == [_BATCH_FILES, _BATCH_FILES, 1]


def test_a_branch_that_has_moved_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = make_release(tmp_path / "r", texts={"swh_Latn": "Kesho hali ya hewa itakuwa nzuri"})
    found = candidate(release.path, "v1.0.0")
    with hub(tmp_path / "hub", monkeypatch) as double:
        repo = double.store.create_repo("dataset", REPO, private=True)
        seen = repo.head.id
        theirs = double.store.commit(repo, [AddBlob("README.md", b"# mine\n")], "edit the card")
        with pytest.raises(HubConflictError, match="changed by somebody else") as caught:
            promote(Repository(REPO, connect(TOKEN)), found, seen, found.files(()), lambda _: None)
        assert "run the same command again" in caught.value.hint
        assert repo.head.id == theirs.id
        # What was uploaded is there for the second attempt.
        assert found.staging in repo.branches
