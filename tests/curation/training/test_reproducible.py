"""Settings of torch inside and after the block."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils import deterministic

from curation.training.reproducible import reproducible


def state() -> tuple[int, bool, bool, bool]:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )


@pytest.fixture(params=[(1, False, False), (2, True, True), (3, True, False)])
def before(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool, bool, bool]]:
    """Other settings than the block's, taken back after the test."""
    saved = state()
    threads, strict, warn_only = request.param
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict, warn_only=warn_only)
    yield state()
    torch.set_num_threads(saved[0])
    torch.use_deterministic_algorithms(saved[1], warn_only=saved[2])


def test_one_thread_and_strict_inside(before: tuple[int, bool, bool, bool]) -> None:
    with reproducible():
        assert state() == (1, True, False, False)
    assert state() == before


def test_put_back_after_an_error_and_when_nested(before: tuple[int, bool, bool, bool]) -> None:
    def fail_inside() -> None:
        with reproducible():
            with reproducible():
                pass
            assert state() == (1, True, False, False)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert state() == before
