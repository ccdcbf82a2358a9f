"""One run at a time; asking does not get in its way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from curation.errors import CurationError
from pipelines.lock import is_locked, locked


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        assert is_locked(tmp_path / "run")
        with pytest.raises(CurationError, match="Another run"), locked(tmp_path / "run"):
            pass
    assert not is_locked(tmp_path / "run")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "none")
    assert not list(tmp_path.iterdir())


def test_asking_does_not_refuse_a_run(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            is_locked(tmp_path)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(100):
            with locked(tmp_path):
                pass
    finally:
        stop.set()
        for asker in askers:
            asker.join()
