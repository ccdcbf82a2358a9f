"""The collector is as it was afterwards, whatever happens."""

from __future__ import annotations

import gc

import pytest

from curation.garbage import no_collection


def test_the_collector_rests_and_goes_on() -> None:
    with no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(KeyError), no_collection():
        raise KeyError
    assert gc.isenabled()
