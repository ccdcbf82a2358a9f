"""An exported folder is whole or not there, and takes the place of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from curation.errors import ConfigError
from curation.training.export.folder import WEIGHTS, new_folder, write_weights


def test_it_appears_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "model") as folder:
        (folder / "file").write_text("text")
        assert not (tmp_path / "deep" / "model").exists()
    assert [path.name for path in (tmp_path / "deep").rglob("*")] == ["model", "file"]


def test_it_takes_the_place_of_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as folder:
        (folder / "file").write_text("text")
    assert (tmp_path / "model" / "file").is_file()


def fail_half_way(out: Path) -> None:
    with new_folder(out) as folder:
        write_weights(folder / "half", {"u": torch.zeros(3)})
        raise OSError("disk full")


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        fail_half_way(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    before = sorted(tmp_path.rglob("*"))
    for name in ("full", "file", "link"):
        with pytest.raises(ConfigError), new_folder(tmp_path / name):
            pytest.fail("entered")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_slice_is_written_with_its_own_bytes_only(tmp_path: Path) -> None:
    whole = torch.arange(4_000.0).reshape(100, 40)
    write_weights(tmp_path, {"u": whole[:, :4]})
    assert (tmp_path / WEIGHTS).stat().st_size < 100 * 4 * 4 + 200
    assert torch.equal(load_file(tmp_path / WEIGHTS)["u"], whole[:, :4])
